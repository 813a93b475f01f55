"""The door of the API: tokens alone open it, narrowed ones open less, and never in a hurry."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import create_app, people
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import TooMany
from kbsearch.people.accounts import personal_tokens
from kbsearch.people.accounts.personal_tokens import TokenFields
from kbsearch.web.api import door
from kbsearch.web.api.pace import Pace
from tests.conftest import Cast
from tests.kit.programs import Program, program
from tests.kit.requests import file
from tests.kit.web import sign_in

ORIGIN = "https://app.example"
MOMENT = datetime(2026, 11, 30, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer kbs_wrong", "Basic YTpi", "Bearer \xff", "kbs_", "Token x"],
)
def test_without_a_good_token_nobody_comes_in(client: FlaskClient, cast: Cast, header: str):
    answer = client.get("/api/v1/me", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None and answer.json["status"] == 401


def test_a_cookie_opens_nothing(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.root)
    for path in ("/me", "/tickets", "/people", "/nothing"):
        assert client.get(f"/api/v1{path}").status_code in (401, 404)
        answer = client.post(f"/api/v1{path}", headers={"Sec-Fetch-Site": "same-origin"}, json={})
        assert answer.status_code in (401, 404, 405)


def test_the_token_counts_whoever_is_signed_in(app: Flask, db: SqliteDatabase, cast: Cast):
    alices = program(app, db, cast.alice)
    sign_in(alices.client, db, cast.root)
    assert alices.get("/me").json == {
        "email": "alice@acme.example",
        "name": "Alice Martin",
        "role": "customer",
        "language": None,
        "organisations": ["acme"],
    }


def test_a_call_from_elsewhere_needs_no_page_of_ours(app: Flask, db: SqliteDatabase, cast: Cast):
    dans = program(app, db, cast.dan)
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert dans.post("/similar", {"subject": "vache"}, headers=headers).status_code == 200


def test_it_ends_at_once_with_the_account(app: Flask, db: SqliteDatabase, cast: Cast):
    alices = program(app, db, cast.alice)
    assert alices.get("/me").status_code == 200
    people.disable(db, cast.root, people.find(db, cast.alice.email))
    assert alices.get("/me").status_code == 401


def test_no_log_has_a_token(
    app: Flask, db: SqliteDatabase, cast: Cast, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    roots = program(app, db, cast.root)
    for path in ("/me", "/nothing", "/tickets?cursor=x"):
        roots.get(path)
    assert roots.secret not in caplog.text


def test_a_token_for_searching_only_searches(app: Flask, db: SqliteDatabase, cast: Cast):
    dans = program(app, db, cast.dan, TokenFields("robot", only_search=True))
    for path in ("/me", "/search?q=vache"):
        assert dans.get(path).status_code == 200
    for path in ("/tickets", "/articles", "/events", "/people", "/products", "/attachments/x"):
        answer = dans.get(path)
        assert answer.status_code == 403
        assert answer.json is not None and answer.json["type"].endswith("token.only_searches")


def test_a_token_of_one_product_finds_nothing_of_others(app: Flask, db: SqliteDatabase, cast: Cast):
    of_it = file(db, cast.alice, software="icownect")
    of_none = file(db, cast.bob)
    foreign = file(db, cast.chloe, software="cervo-atelier")
    dans = program(app, db, cast.dan, TokenFields("robot", may_write=True, product="icownect"))
    listed = dans.get("/tickets").json
    assert listed is not None
    assert [ticket["number"] for ticket in listed["tickets"]] == [of_it.number]
    assert dans.get(f"/tickets/{of_it.number}").status_code == 200
    for ticket in (of_none, foreign):
        assert dans.get(f"/tickets/{ticket.number}").status_code == 404
    assert dans.get("/tickets?product=cervo-atelier").status_code == 404
    assert dans.get("/people").status_code == 404
    assert dans.get("/products").json == {
        "products": [{"slug": "icownect", "name": "iCownect", "versions": [], "disabled": False}],
        "next": None,
    }
    events = dans.get("/events").json
    assert events is not None
    assert {event["data"]["number"] for event in events["events"]} == {of_it.number}


def test_pages_of_other_origins_call_where_the_settings_let_them(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    app = create_app(replace(settings, api_origins=(ORIGIN,)), db)
    alices = program(app, db, cast.alice)
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    before = alices.client.options("/api/v1/me", headers=asked)
    assert before.status_code == 200
    assert before.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Authorization" in before.headers["Access-Control-Allow-Headers"]
    answer = alices.get("/me", headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Credentials" not in answer.headers
    for origin in ("https://evil.example", "null", f"{ORIGIN}.evil.example"):
        refused = alices.get("/me", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in refused.headers
    page = alices.client.get("/fr/", headers={"Origin": ORIGIN})
    assert "Access-Control-Allow-Origin" not in page.headers


def test_who_asks_too_often_is_told_when_to_come_back(app: Flask, db: SqliteDatabase, cast: Cast):
    pace = Pace(2)
    app.extensions[door.PACES] = door.Paces(pace, pace, Pace(1))
    alices, bobs = program(app, db, cast.alice), program(app, db, cast.bob)
    assert [alices.get("/me").status_code for _ in range(3)] == [200, 200, 429]
    answer = alices.get("/me")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.content_type == "application/problem+json"
    assert bobs.get("/me").status_code == 200
    strangers = Program(app.test_client(), "kbs_wrong")
    assert [strangers.get("/me").status_code for _ in range(2)] == [401, 429]


def test_a_pace_lets_as_many_through_as_it_says():
    pace = Pace(3)
    for seconds in (0, 10, 20):
        pace.take("a", at=MOMENT + timedelta(seconds=seconds))
    pace.take("b", at=MOMENT)
    for seconds, wait in ((20, 40), (59, 1)):
        with pytest.raises(TooMany) as refused:
            pace.take("a", at=MOMENT + timedelta(seconds=seconds))
        assert refused.value.retry_after == wait
    pace.take("a", at=MOMENT + timedelta(seconds=60))
    with pytest.raises(TooMany):
        pace.take("a", at=MOMENT + timedelta(seconds=61))
    pace.take("a", at=MOMENT - timedelta(hours=1))  # the clock was set back


def test_a_pace_forgets_who_is_long_gone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("kbsearch.web.api.pace.MOST_KEYS", 10)
    pace = Pace(1)
    for number in range(11):
        pace.take(str(number), at=MOMENT + timedelta(hours=number))
    assert len(pace._calls) == 1


def test_what_a_token_does_is_said_to_be_its_doing(app: Flask, db: SqliteDatabase, cast: Cast):
    roots = program(app, db, cast.root)
    holder = personal_tokens.holder_of(db, roots.secret)
    assert holder is not None and holder.viewer.via == f"token {holder.token.hint}…"
