"""Chat rooms: a real Apprise speaking to a receiver that stands in for Mattermost."""

import json
import sys
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from kbsearch import courier, deliveries, events, outbox, replies, rooms, sendings, webhooks
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.db import SqliteDatabase, new_id
from kbsearch.errors import Invalid, NotFound
from kbsearch.guarded_http import Exceptions, Guard, NoAnswer
from tests.conftest import Cast
from tests.receivers import receiver
from tests.requests import file
from tests.test_lanes import until
from tests.web import sign_in

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
OPEN = Guard(Exceptions.of(["127.0.0.1"]))
TOKEN = "3ccdd113474722377935511fc85d3dd4"


def room(port: int) -> str:
    return f"mmost://127.0.0.1:{port}/{TOKEN}"


def fan_out(settings: Settings, db: SqliteDatabase) -> None:
    handlers = deliveries.handlers(settings, db)
    while outbox.run_one(db, handlers, only=handlers):
        pass


def test_a_room_reads_a_sentence_and_a_link_and_nothing_that_was_typed(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    with receiver() as kind:
        kind.answers += [ANSWER] * 3
        webhooks.add(db, cast.root, settings, room(kind.port), ["ticket.opened", "ticket.noted"])
        ticket = file(
            db, cast.alice, subject="CANARY-1", description="CANARY-2", severity="blocking"
        )
        replies.note(db, cast.dan, ticket, "CANARY-3", key=new_id())
        replies.reply(db, cast.dan, ticket, "Not chosen", key=new_id())
        fan_out(settings, db)
        with courier.at_work(settings, db, OPEN):
            until(lambda: len(kind.received) == 2)
            until(lambda: not sendings.list_all(db, cast.dan) or all(
                each.channel != "webhook" for each in sendings.list_all(db, cast.dan)))  # fmt: skip
        told = [json.loads(body)["text"] for _, body in kind.received]
        asked = {headers[""] for headers, _ in kind.received}
    link = f"http://127.0.0.1:8080/fr/requests/{ticket.id}"
    assert told == [
        f"Nouvelle demande {ticket.number}, blocking\n{link}",
        f"Note interne sur la demande {ticket.number}, blocking\n{link}",
    ]
    assert asked == {f"POST /hooks/{TOKEN} HTTP/1.1"}
    assert "CANARY" not in str(told)


def test_a_room_that_refuses_is_tried_again_by_the_schedule(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    with receiver() as kind:
        kind.answers += [b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"]
        added = webhooks.add(db, cast.root, settings, room(kind.port), ["ticket.opened"])
        webhooks.test(db, cast.root, added)
        with courier.at_work(settings, db, OPEN):
            until(lambda: deliveries.of_webhook(db, added.id)[0].state == "failed")
    (delivery,) = deliveries.of_webhook(db, added.id)
    assert delivery.problem == "unreachable"
    log = deliveries.attempts_of(db, delivery)
    assert TOKEN not in str(log)


def test_a_room_in_our_own_network_needs_to_be_opened():
    with receiver() as kind:
        with pytest.raises(NoAnswer) as refused:
            rooms.post(Guard(), room(kind.port), "Hello")
        assert (refused.value.reason, kind.received) == ("blocked", [])


@pytest.mark.parametrize(
    "url",
    ["mmost://", "slack://x", "mailto://a:b@gmail.com", "json://127.0.0.1/", "file:///etc/passwd",
     "ftp://x.example/", "javascript:alert(1)"],
)  # fmt: skip
def test_what_is_no_room_is_refused(settings: Settings, db: SqliteDatabase, cast: Cast, url: str):
    with pytest.raises(Invalid):
        webhooks.add(db, cast.root, settings, url, ["ticket.opened"])


def test_without_the_extra_it_is_named(
    settings: Settings, db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(Invalid, match="extra_missing"):
        webhooks.add(db, cast.root, settings, room(1), ["ticket.opened"])


@pytest.mark.parametrize("kind", [*events.KINDS, events.TEST])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_event_has_a_sentence(language: str, kind: str):
    facts = {"id": "fr/a/b", "number": 7, "url": "https://aide.example/x"}
    body = events.body(kind, "2026-01-01T00:00:00Z", facts)
    line, _, link = rooms.sentence(language, body).partition("\n")
    assert link == facts["url"]
    assert "%" not in line and line


def test_its_address_is_told_to_nobody_again(
    settings: Settings, db: SqliteDatabase, cast: Cast, client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    sign_in(client, db, cast.root)
    given: dict[str, Any] = {"url": room(9999), "kinds": ["ticket.opened"]}
    same = {"Sec-Fetch-Site": "same-origin"}
    answer = client.post("/en/admin/webhooks", data=given, headers=same)
    assert answer.status_code == 303
    shown = client.get(answer.location).text
    assert "mmost://…" in shown and "Change the secret" not in shown
    (added,) = webhooks.list_all(db, cast.root)
    webhooks.test(db, cast.root, added)
    (sent,) = deliveries.of_webhook(db, added.id)
    pages = [
        shown,
        client.get("/en/admin/webhooks").text,
        client.get(f"/en/admin/webhooks/{added.id}/deliveries/{sent.id}").text,
        client.get("/en/desk/deliveries").text,
    ]
    path = settings.site / "kbsearch.toml"
    path.write_text("")
    place = ["--config", str(path), "webhook"]
    pages.append(CliRunner().invoke(cli, [*place, "list", "--json"]).stdout)
    pages.append(CliRunner().invoke(cli, [*place, "list"]).stdout)
    assert all(TOKEN not in page for page in pages)
    with pytest.raises(Invalid, match="no_secret"):
        webhooks.rotate(db, cast.root, settings, added)
    with pytest.raises(NotFound):
        webhooks.add(db, cast.dan, settings, room(1), ["ticket.opened"])
