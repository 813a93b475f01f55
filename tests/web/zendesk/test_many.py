"""All that programs for Zendesk ask for: lists, tags, many tickets in a call, moving out."""

from hashlib import sha256
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.files import places
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.requests import attach, file
from tests.web.zendesk.test_api import Headers, get, token


@pytest.fixture
def dans(app: Flask, db: Database, cast: Cast) -> Headers:
    return token(app, db, cast.dan)


def call(client: FlaskClient, headers: Headers, method: str, path: str, body: object) -> Any:
    return get(client, path, headers, method=method, json=body)


READ = {  # by the key that holds what is there
    "/users/me": "user", "/tickets": "tickets", "/ticket_audits": "audits",
    "/requests": "requests", "/requests/open": "requests", "/requests/solved": "requests",
    "/requests/search?query=vache": "requests", "/help_center/articles": "articles",
    "/help_center/fr/articles": "articles", "/help_center/articles/search?query=a": "results",
    "/help_center/categories": "categories", "/help_center/sections": "sections",
    "/help_center/incremental/articles?start_time=0": "articles",
    "/help_center/locales": "locales", "/search?query=type:ticket": "results",
    "/search/count?query=type:ticket": "count", "/search/export?query=type:user": "results",
    "/incremental/tickets/cursor?start_time=0": "tickets", "/users": "users",
    "/incremental/tickets?start_time=0": "tickets", "/organizations": "organizations",
    "/incremental/users/cursor?start_time=0": "users", "/tags": "tags", "/groups": "groups",
    "/incremental/users?start_time=0": "users", "/ticket_fields": "ticket_fields",
    "/incremental/organizations?start_time=0": "organizations",
    "/incremental/ticket_events?start_time=0": "ticket_events",
    "/users/search?query=dan": "users", "/users/show_many?ids=1": "users",
    "/account/settings": "settings", "/ticket_forms": "ticket_forms", "/brands": "brands",
    "/macros": "macros", "/user_fields": "user_fields", "/custom_roles": "custom_roles",
    "/organization_fields": "organization_fields", "/triggers": "triggers", "/views": "views",
    "/group_memberships": "group_memberships", "/automations": "automations",
    "/satisfaction_ratings": "satisfaction_ratings", "/slas/policies": "sla_policies",
    "/incremental/ticket_metric_events?start_time=0": "ticket_metric_events",
}  # fmt: skip


def test_every_list_is_there_with_and_without_its_ending(
    app: Flask, client: FlaskClient, db: Database, cast: Cast
):
    roots = token(app, db, cast.root)
    for address, key in READ.items():
        path, _, query = address.partition("?")
        for ending in ("", ".json"):
            answer = get(client, f"{path}{ending}?{query}", roots)
            assert answer.status_code == 200 and key in (answer.get_json() or {}), address


def test_tags_are_given_replaced_and_taken_off(
    client: FlaskClient, db: Database, dans: Headers, cast: Cast
):
    path = f"/tickets/{file(db, cast.alice).number}/tags"
    for method, names, after in (
        ("POST", ["vip", "facture"], ["facture", "vip"]),
        ("PUT", ["gold"], ["facture", "gold", "vip"]),
        ("DELETE", ["vip", "unknown"], ["facture", "gold"]),
        ("POST", [], []),
    ):
        answer = call(client, dans, method, path, {"tags": names})
        assert (answer.status_code, answer.get_json()) == (200, {"tags": after})
        assert get(client, path, dans).get_json() == {"tags": after}
    wrong: list[object] = [None, [], {}, {"tags": "vip"}, {"tags": [1]}]
    for body in wrong:
        assert call(client, dans, "PUT", path, body).status_code == 400
    assert call(client, dans, "PUT", path, {"tags": ["x" * 1000]}).status_code == 422


def test_many_tickets_come_with_what_is_wrong_with_some(
    client: FlaskClient, db: Database, app: Flask, dans: Headers, cast: Cast
):
    good = {"subject": "Une vache", "comment": {"body": "Perdue"}, "tags": ["vip"]}
    tickets = [good, {"subject": ""}, 7, {**good, "assignee_id": 999}]
    answer = call(client, dans, "POST", "/tickets/create_many", {"tickets": tickets}).get_json()
    job = answer["job_status"]
    assert (job["status"], job["total"], job["progress"]) == ("completed", 4, 4)
    assert [("id" in result, result["index"]) for result in job["results"]] == [
        *((True, 0), (False, 1), (False, 2), (False, 3)),
    ]
    assert db.query("SELECT COUNT(*) AS n FROM tickets")[0]["n"] == 1, "each whole or not at all"
    assert get(client, f"/job_statuses/{job['id']}.json", dans).get_json() == answer
    assert get(client, "/job_statuses/unknown", dans).status_code == 404
    roots = token(app, db, cast.root)
    assert get(client, f"/job_statuses/{job['id']}", roots).status_code == 404
    many = call(client, dans, "POST", "/tickets/create_many", {"tickets": [good] * 101})
    assert (many.status_code, many.get_json()["max_count"]) == (400, 100)
    wrong: list[object] = [None, [], {"tickets": {}}, {"ticket": good}]
    for body in wrong:
        assert call(client, dans, "POST", "/tickets/create_many", body).status_code == 400


def test_a_mover_leaves_with_every_request_comment_and_file(
    client: FlaskClient, db: Database, settings: Settings, dans: Headers, cast: Cast
):
    """As Airbyte, dlt and Singer go: the tickets by cursor, then what hangs on each of them."""
    store = places.attached(settings)
    contents = {f"{number}.txt": f"file {number}\n".encode() * number for number in range(1, 6)}
    for name, content in contents.items():
        key = new_id()
        attach(db, cast.alice, store, key, name, content)
        ticket = file(db, cast.alice, key=key, subject=name)
        replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), f"Public {name}"))
        replies.note(db, cast.dan, ticket, ReplyForm(new_id(), f"Note {name}"))
    moved: dict[str, list[Any]] = {}
    files = {}
    address: str | None = "/incremental/tickets/cursor?start_time=0&per_page=2"
    while address:
        page = get(client, address, dans).get_json()
        for ticket in page["tickets"]:
            said = get(client, f"/tickets/{ticket['id']}/comments.json?page[size]=100", dans)
            comments = said.get_json()["comments"]
            moved[ticket["subject"]] = [(one["public"], one["plain_body"]) for one in comments]
            for one in comments:
                for attachment in one["attachments"]:
                    path = attachment["content_url"].partition("example")[2]
                    got = client.get(path, base_url="https://help.acme.example", buffered=True)
                    files[attachment["file_name"]] = sha256(got.data).hexdigest()
        address = None if page["end_of_stream"] else page["after_url"]
    assert set(moved) == set(contents)
    for name, comments in moved.items():
        assert [public for public, _ in comments] == [True, True, False]
        assert [text for _, text in comments[1:]] == [f"Public {name}", f"Note {name}"]
    assert files == {name: sha256(content).hexdigest() for name, content in contents.items()}
