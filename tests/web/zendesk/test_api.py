"""The shapes that Zendesk's clients need: who comes in, how lists go on, what is refused."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kbsearch import create_app, integer_ids
from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.people.accounts.personal_tokens import TokenFields
from kbsearch.tickets import fields as vendor_fields
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.web.api.door import PACES, Paces
from kbsearch.web.api.pace import Pace
from tests.conftest import Cast
from tests.kit.programs import BASE_URL, program
from tests.kit.requests import file

Headers = dict[str, str]


def token(app: Flask, db: Database, viewer: Viewer, fields: TokenFields | None = None) -> Headers:
    return {"Authorization": f"Bearer {program(app, db, viewer, fields).secret}"}


def get(client: FlaskClient, address: str, headers: Headers, **more: Any) -> TestResponse:
    parts = urlsplit(address)
    path = parts.path if parts.path.startswith("/api/v2") else f"/api/v2{parts.path}"
    return client.open(
        path, query_string=parts.query, base_url=BASE_URL, headers=headers, buffered=True, **more
    )


@pytest.fixture
def dans(app: Flask, db: Database, cast: Cast) -> Headers:
    return token(app, db, cast.dan)


def walk(
    client: FlaskClient, headers: Headers, address: str, name: str, following: Any
) -> Iterator[Any]:
    """What is on every page, as long as one follows."""
    while address:
        value = get(client, address, headers).get_json()
        yield from (each["id"] for each in value[name])
        address = following(value)


def test_a_site_that_does_not_say_so_has_none(settings: Settings, db: Database):
    client = create_app(replace(settings, zendesk_api=False), db).test_client()
    assert client.get("/api/v2/users/me", base_url=BASE_URL).status_code == 404


def test_only_the_token_of_that_address_comes_in(
    app: Flask, db: Database, client: FlaskClient, cast: Cast
):
    secret = program(app, db, cast.dan).secret
    pairs = {
        f"dan@support.example/token:{secret}": 200,
        f"Dan@support.example/token:{secret}": 200,
        f"alice@acme.example/token:{secret}": 401,
        f"dan@support.example:{secret}": 401,
        "dan@support.example/token:kbs_wrong": 401,
    }
    for pair, status in pairs.items():
        header = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        assert get(client, "/tickets.json", header).status_code == status, pair
    assert get(client, "/tickets", {"Authorization": "Basic !"}).status_code == 401
    assert get(client, "/tickets", {}).get_json() == {"error": "Couldn't authenticate you"}
    assert get(client, "/users/me.json", {}).get_json()["user"]["id"] is None
    on_behalf = {"Authorization": f"Bearer {secret}", "X-On-Behalf-Of": "alice@acme.example"}
    assert get(client, "/users/me", on_behalf).status_code == 403


def test_a_narrowed_token_does_no_more_than_it_may(
    app: Flask, db: Database, client: FlaskClient, cast: Cast
):
    reads = token(app, db, cast.dan, TokenFields("reads"))
    searches = token(app, db, cast.dan, TokenFields("searches", only_search=True))
    narrowed = token(app, db, cast.dan, TokenFields("one", product="icownect"))
    ticket = {"ticket": {"subject": "A", "comment": {"body": "B"}}}
    assert get(client, "/tickets", reads).status_code == 200
    assert get(client, "/tickets", reads, method="POST", json=ticket).status_code == 403
    assert get(client, "/tickets", searches).status_code == 403
    assert get(client, "/tickets", narrowed).status_code == 404


@pytest.mark.parametrize(
    ("address", "name", "following"),
    [
        ("/tickets?per_page=2", "tickets", lambda value: value["next_page"]),
        ("/tickets.json?page[size]=2", "tickets", lambda value: value["links"]["next"]),
        ("/search/export?query=type:ticket&page[size]=2", "results", lambda v: v["links"]["next"]),
        (
            "/incremental/tickets/cursor?start_time=0&per_page=2",
            "tickets",
            lambda value: None if value["end_of_stream"] else value["after_url"],
        ),
        ("/incremental/tickets.json?start_time=0.0", "tickets", lambda v: v["next_page"]),
        ("/requests?per_page=2", "requests", lambda value: value["next_page"]),
    ],
)
def test_every_list_goes_on_to_its_end(
    app: Flask,
    db: Database,
    client: FlaskClient,
    cast: Cast,
    address: str,
    name: str,
    following: Any,
):
    filed = [file(db, cast.alice, subject=f"Number {count}").number for count in range(5)]
    viewer = cast.alice if name == "requests" else cast.dan
    assert list(walk(client, token(app, db, viewer), address, name, following)) == filed


def test_a_cursor_finds_what_changed_since(
    db: Database, client: FlaskClient, cast: Cast, dans: Headers
):
    first, second = (file(db, cast.alice, subject=f"Number {count}") for count in range(2))
    value = get(client, "/incremental/tickets/cursor?start_time=0", dans).get_json()
    assert [each["id"] for each in value["tickets"]] == [first.number, second.number]
    assert get(client, value["after_url"], dans).get_json()["tickets"] == []
    replies.reply(db, cast.dan, first, ReplyForm("key-of-the-answer", "In the same second"))
    later = get(client, value["after_url"], dans).get_json()
    assert [each["id"] for each in later["tickets"]] == [first.number]


def test_what_is_for_agents_alone_no_customer_reads_in_a_field(
    app: Flask, db: Database, client: FlaskClient, cast: Cast, dans: Headers
):
    for name, in_form in (("lot", 1), ("margin", 0)):
        db.insert(
            "fields",
            {
                "id": name,
                "name": name,
                "kind": "text",
                "label_fr": name,
                "label_en": name,
                "in_form": in_form,
                "position": in_form,
                "created_at": "2026-01-01T00:00:00Z",
            },
        )
    ticket = file(db, cast.alice)
    vendor_fields.put(db, ticket.id, {"lot": "L-7", "margin": "CANARI-MARGIN"})
    values = [each["value"] for each in fields_of(client, f"/tickets/{ticket.number}", dans)]
    assert {"L-7", "CANARI-MARGIN"} <= set(values)
    answer = get(client, f"/requests/{ticket.number}", token(app, db, cast.alice))
    assert "L-7" in answer.text and "CANARI-MARGIN" not in answer.text


def fields_of(client: FlaskClient, path: str, headers: Headers) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = get(client, path, headers).get_json()["ticket"]["fields"]
    return fields


def test_people_are_found_and_audits_leave(
    db: Database, client: FlaskClient, cast: Cast, dans: Headers
):
    ticket = file(db, cast.alice)
    for query in ("alice", "email:alice@acme.example", "Martin"):
        found = get(client, f"/users/search.json?query={query}", dans).get_json()["users"]
        assert [each["email"] for each in found] == ["alice@acme.example"]
    audits = get(client, "/ticket_audits.json", dans).get_json()
    assert [each["ticket_id"] for each in audits["audits"]] == [ticket.number]
    assert get(client, "/tickets?external_id=7", dans).get_json()["tickets"] == []


def test_numbers_are_given_once_and_are_nobody_elses(db: Database, cast: Cast):
    users = integer_ids.of(db, "user", ["a", "b"])
    more = integer_ids.of(db, "user", ["b", "c"])
    tickets = integer_ids.of(db, "comment", ["a", "b", "c"])
    assert more["b"] == users["b"]
    numbers = {*users.values(), *more.values(), *tickets.values()}
    assert len(numbers) == 6 and min(numbers) > integer_ids.BELOW
    assert integer_ids.key_of(db, "user", users["a"]) == "a"
    assert integer_ids.key_of(db, "comment", users["a"]) is None


def test_a_customer_reads_no_notes_and_nothing_of_others(
    app: Flask, db: Database, client: FlaskClient, cast: Cast
):
    ticket, other = file(db, cast.alice), file(db, cast.chloe)
    replies.note(db, cast.dan, ticket, ReplyForm("key-of-the-note-1", "CANARI-NOTE"))
    replies.reply(db, cast.dan, ticket, ReplyForm("key-of-the-reply", "Which one?"))
    alices = token(app, db, cast.alice)
    answer = get(client, f"/requests/{ticket.number}/comments.json", alices)
    assert [each["body"] for each in answer.get_json()["comments"]][1:] == ["Which one?"]
    assert get(client, f"/requests/{other.number}", alices).status_code == 404
    assert get(client, f"/tickets/{ticket.number}", alices).status_code == 403
    for path in ("/users", "/organizations", "/search?query=a", "/incremental/users", "/groups"):
        assert get(client, path, alices).status_code == 403


def test_a_customer_files_and_answers(app: Flask, db: Database, client: FlaskClient, cast: Cast):
    alices = token(app, db, cast.alice)
    body = {"request": {"subject": "Lost", "comment": {"body": "A cow", "uploads": []}}}
    made = get(client, "/requests.json", alices, method="POST", json=body)
    assert made.status_code == 201
    number = made.get_json()["request"]["id"]
    assert made.headers["Location"] == f"{BASE_URL}/api/v2/requests/{number}.json"
    said = {"request": {"comment": {"html_body": "<p>It is <b>back</b></p>"}, "solved": True}}
    answer = get(client, f"/requests/{number}", alices, method="PUT", json=said).get_json()
    assert answer["request"]["status"] == "solved"
    comments = get(client, f"/requests/{number}/comments", alices).get_json()["comments"]
    assert comments[-1]["body"] == "It is **back**"


def test_bytes_are_taken_whatever_they_are_called(
    client: FlaskClient, db: Database, cast: Cast, dans: Headers
):
    for media_type in ("application/json", "application/binary", "multipart/form-data", ""):
        headers = {**dans, "Content-Type": media_type}
        answer = get(client, "/uploads?filename=a.txt", headers, method="POST", data=b"a log\n")
        assert answer.status_code == 201 and answer.content_type == "application/json"
        upload = answer.get_json()["upload"]
        assert upload["attachment"]["size"] == 6
    again = f"/uploads?filename=b.txt&token={upload['token']}"
    more = get(client, again, dans, method="POST", data=b"b\n").get_json()["upload"]
    assert [each["file_name"] for each in more["attachments"]] == ["a.txt", "b.txt"]
    assert get(client, f"/uploads/{upload['token']}", dans, method="DELETE").status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("GET", "/nothing.json", None, 404, "InvalidEndpoint"),
        ("DELETE", "/groups", None, 404, "InvalidEndpoint"),
        ("GET", "/tickets/999999.json", None, 404, "RecordNotFound"),
        ("GET", "/users/1", None, 404, "RecordNotFound"),
        ("GET", "/tickets?page[after]=!", None, 422, "RecordInvalid"),
        ("GET", "/incremental/tickets?start_time=soon", None, 422, "RecordInvalid"),
        ("POST", "/tickets", {"ticket": {"subject": ""}}, 422, "RecordInvalid"),
        ("POST", "/tickets", {"ticket": 1}, 400, "BadRequest"),
        ("POST", "/tickets", [], 400, "BadRequest"),
        ("PUT", "/help_center/articles/1.json", {}, 403, "Forbidden"),
        ("POST", "/help_center/fr/sections/1/articles.json", {}, 403, "Forbidden"),
    ],
)
def test_what_is_wrong_is_said_as_zendesk_says_it(
    client: FlaskClient,
    db: Database,
    cast: Cast,
    dans: Headers,
    method: str,
    path: str,
    body: object,
    status: int,
    error: str,
):
    answer = get(client, path, dans, method=method, json=body)
    assert (answer.status_code, answer.get_json()["error"]) == (status, error)
    assert answer.content_type == "application/json"
    assert "Retry-After" not in answer.headers


def test_who_asks_too_fast_is_told_when(
    app: Flask, db: Database, client: FlaskClient, cast: Cast, dans: Headers
):
    app.extensions[PACES] = Paces(Pace(2), Pace(2), Pace(2))
    answers = [get(client, "/groups", dans) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert [each.headers["X-Rate-Limit-Remaining"] for each in answers[:2]] == ["1", "0"]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 60


def test_what_there_is_none_of_is_an_empty_list(
    client: FlaskClient, db: Database, cast: Cast, dans: Headers
):
    for name in ("macros", "ticket_forms", "custom_roles", "views"):
        assert get(client, f"/{name}.json", dans).get_json()[name] == []
    assert get(client, "/slas/policies", dans).get_json()["sla_policies"] == []
    settings = get(client, "/account/settings.json", dans).get_json()["settings"]
    assert settings["active_features"]["organization_access_enabled"] is True
    voice = get(client, "/channels/voice/stats.json", dans)
    assert (voice.status_code, voice.get_json()["error"]["title"]) == (403, "Forbidden")
