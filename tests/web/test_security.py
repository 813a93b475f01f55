"""Headers on every answer, the cross-site guard, host names, and addresses to be sent back to."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import create_app
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.web import refusals
from kbsearch.web.security import HEADERS, is_own_path
from tests.conftest import Cast
from tests.kit.web import sign_in

HERE = "http://127.0.0.1:8080"


def addresses(app: Flask) -> list[str]:
    """An address of every route that can be read."""
    values = {"lang": "fr", "number": "1", "case": "2"}
    adapter = app.url_map.bind("127.0.0.1")
    return [
        adapter.build(rule.endpoint, {name: values.get(name, "x") for name in rule.arguments})
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ())
    ]


def test_every_answer_carries_the_security_headers(app: Flask, client: FlaskClient):
    found = [*addresses(app), "/nowhere", "/fr/nowhere", "/fr/logout"]
    assert len(found) > 15
    for address in found:
        answer = client.get(address)
        for name, value in HEADERS.items():
            assert answer.headers.getlist(name) == [value], (address, name)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, address
        assert "unsafe" not in policy, address
        assert "Cache-Control" in answer.headers, address


def test_every_answer_says_what_it_is_and_in_which_signs(app: Flask, client: FlaskClient):
    for address in [*addresses(app), "/nowhere", "/api/v1/nowhere"]:
        answer = client.get(address)
        if answer.get_data():
            kind = answer.headers["Content-Type"]
            is_text = kind.startswith("text/") or "xml" in kind
            assert not is_text or "svg" in kind or "charset=utf-8" in kind, (address, kind)


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "DEBUG"])
def test_no_other_method_is_answered(client: FlaskClient, method: str):
    for address in ("/", "/fr/", "/fr/login", "/healthz", "/static/x", "/api/v1/tickets"):
        answer = client.open(address, method=method, headers={"X-Canary": "echo-me"})
        assert answer.status_code in (404, 405), address
        assert "echo-me" not in answer.text


def test_reading_changes_nothing(app: Flask, client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.dan)
    client.get("/fr/")

    def state() -> dict[str, object]:
        return {name: db.query(f"SELECT * FROM {name}") for name in db.list_tables()}  # noqa: S608

    before = state()
    for address in addresses(app):
        client.get(address)
    assert state() == before


# The cases of Go's CrossOriginProtection and of Datasette, with our rule for cookies.
@pytest.mark.parametrize(
    ("headers", "with_session", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True, 303),
        ({"Sec-Fetch-Site": "none"}, True, 303),
        ({"Sec-Fetch-Site": "same-site"}, True, 403),
        ({"Sec-Fetch-Site": "cross-site"}, True, 403),
        ({"Sec-Fetch-Site": "cross-site"}, False, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": HERE}, True, 403),
        ({"Sec-Fetch-Site": "SAME-ORIGIN"}, True, 403),
        ({"Sec-Fetch-Site": ""}, True, 403),
        ({"Origin": HERE}, True, 303),
        ({"Origin": "http://127.0.0.1:9999"}, True, 403),
        ({"Origin": "https://127.0.0.1:8080"}, True, 403),
        ({"Origin": "http://evil.example"}, True, 403),
        ({"Origin": "http://127.0.0.1:8080.evil.example"}, True, 403),
        ({"Origin": "null"}, True, 403),
        ({"Origin": ""}, True, 403),
        ({}, True, 403),
        ({}, False, 303),
    ],
)
def test_other_sites_cannot_send_anything_in_somebodys_name(
    client: FlaskClient, headers: dict[str, str], with_session: bool, status: int
):
    if with_session:
        client.set_cookie("kb", "a-session", domain="127.0.0.1")
    form = {"theme": "dark", "back": "/fr/"}
    answer = client.post("/fr/preferences", data=form, headers=headers, base_url=HERE)
    assert answer.status_code == status


def test_a_foreign_host_name_is_refused_before_any_page(client: FlaskClient):
    answer = client.get("/fr/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "evil" not in answer.text
    assert "Content-Security-Policy" in answer.headers


def test_pages_of_somebody_signed_in_are_kept_by_no_cache(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    assert client.get("/fr/").headers["Cache-Control"] == "no-cache"
    sign_in(client, db, cast.alice)
    answer = client.get("/fr/")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Cookie" in answer.headers["Vary"]


def test_what_is_sent_or_asked_with_a_token_is_kept_by_no_cache(client: FlaskClient):
    form = {"email": "a@example.com", "password": "x"}
    for answer in (
        client.post("/fr/login", data=form),
        client.get("/fr/", headers={"Authorization": "Bearer x"}),
        client.get("/api/v1/tickets"),
    ):
        assert answer.headers["Cache-Control"] == "no-store"


def test_what_is_refused_leaves_a_line_and_nothing_that_was_typed(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, caplog: pytest.LogCaptureFixture
):
    sign_in(client, db, cast.alice)
    rows = db.query("SELECT COUNT(*) AS n FROM security_log")
    with caplog.at_level("INFO", "kbsearch.security"):
        client.get("/fr/requests/s3cret")
        client.get("/fr/nowhere-s3cret")
        client.post("/fr/preferences", headers={"Sec-Fetch-Site": "cross-site"})
        client.get("/api/v1/tickets", headers={"Authorization": "Bearer s3cret"})
        client.get("/fr/", headers={"Host": "s3cret.example"})
        client.get("/fr/")
    lines = [json.loads(line) for line in caplog.messages]
    assert [(line["status"], line["route"]) for line in lines] == [
        (404, "/<lang>/requests/<id>"),
        (403, "/<lang>/preferences"),
        (401, "/api/v1/tickets"),
        (400, ""),
    ]
    assert {line["kind"] for line in lines} == {"access.refused"}
    assert lines[0]["person_id"] == cast.alice.person_id
    assert "s3cret" not in caplog.text
    assert db.query("SELECT COUNT(*) AS n FROM security_log") == rows


def test_a_flood_of_refusals_is_told_by_its_beginning(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level("INFO", "kbsearch.security"):
        for _ in range(refusals.LINES_A_MINUTE + 5):
            client.get("/fr/", headers={"Host": "evil.example"})
    assert len(caplog.messages) == refusals.LINES_A_MINUTE


def test_no_cookie_of_flask_login_counts(client: FlaskClient):
    client.set_cookie("remember_token", "1|x")
    client.set_cookie("session", "x")
    assert client.get("/fr/").status_code == 200
    assert client.get("/fr/", headers={"Cookie": "=x"}).status_code == 200


def test_what_a_proxy_says_counts_only_when_it_is_trusted(settings: Settings, db: SqliteDatabase):
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "aide.example"}
    origin = {"Origin": "https://aide.example", "Cookie": "__Host-kb=x"}
    behind = replace(settings, base_url="https://aide.example", trusted_proxies=1)
    form = {"theme": "dark", "back": "/fr/"}
    trusting = create_app(behind, db).test_client()
    assert (
        trusting.post("/fr/preferences", data=form, headers={**said, **origin}).status_code == 303
    )
    alone = create_app(replace(behind, trusted_proxies=0), db).test_client()
    assert alone.post("/fr/preferences", data=form, headers={**said, **origin}).status_code == 400


def test_a_body_too_large_is_refused(client: FlaskClient):
    answer = client.post("/fr/preferences", data={"theme": "x" * 1_100_000})
    assert answer.status_code == 413
    assert "trop volumineux" in answer.text


@pytest.mark.parametrize("path", ["/", "/fr/", "/fr/search?q=a%2Fb", "/en/articles/x#y"])
def test_a_path_of_ours_may_be_gone_back_to(path: str):
    assert is_own_path(path)


@pytest.mark.parametrize(
    "path",
    ["", "fr/", "//e.example", "/\\e.example", "\\\\e.example", "https:e", "https://e.example"]
    + ["/\t/e.example", "/\r\n/e", "/fr\\..\\e", " /fr/", "javascript:alert(1)"],
)
def test_nobody_is_sent_anywhere_else(client: FlaskClient, path: str):
    assert not is_own_path(path)
    answer = client.post("/fr/preferences", data={"theme": "dark", "back": path})
    assert answer.headers["Location"] == "/"


def test_no_template_can_run_what_people_type():
    """No inline script or style, no htmx evaluation, nothing declared safe."""
    from kbsearch import resources

    folder: Path = resources.folder("templates")
    templates = sorted(folder.rglob("*.html"))
    assert len(templates) > 10
    for template in templates:
        text = template.read_text(encoding="utf-8")
        for forbidden in ("|safe", "| safe", "onclick", "hx-on", "js:", "hx-vals"):
            assert forbidden not in text, (template.name, forbidden)
        if template.parent.name != "mail":  # a letter has no page to keep its looks
            assert "style=" not in text and "<style" not in text, template.name
        data = text.count('<script type="application/ld+json">')  # no browser runs it
        assert text.count("<script") == text.count("<script src=") + data, template.name
        # htmx 4 drops inheritance: every element says where its answer goes
        asks = text.count("hx-get=") + text.count("hx-post=")
        assert asks == text.count("hx-target=") == text.count("hx-swap="), template.name
