"""Chat rooms: receivers that stand in for Mattermost and Matrix, and addresses of every kind."""

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from kbsearch import outbox
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.messages import webhooks
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard, NoAnswer
from kbsearch.messages.webhooks import deliveries, events, room_calls, rooms
from kbsearch.site import outgoing as sendings
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit import receivers
from tests.kit.receivers import receiver
from tests.kit.requests import file
from tests.kit.waiting import until
from tests.kit.web import sign_in

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
OPEN = Guard(Exceptions.of(["127.0.0.1"]))
TOKEN = "3ccdd113474722377935511fc85d3dd4"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, webhook_private_targets=("127.0.0.1",))


def room(port: int) -> str:
    return f"mmost://127.0.0.1:{port}/{TOKEN}"


def fan_out(settings: Settings, db: SqliteDatabase) -> None:
    handlers = deliveries.handlers(settings, db)
    while outbox.run_one(db, handlers, outbox.Share(only=handlers)):
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
        replies.note(db, cast.dan, ticket, ReplyForm(new_id(), "CANARY-3"))
        replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Not chosen"))
        fan_out(settings, db)
        with receivers.sent_to(settings, db, OPEN):
            until(lambda: len(kind.received) == 2)
            until(
                lambda: all(
                    sending.channel != "webhook" for sending in sendings.look(db, cast.dan).found
                )
            )
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
        with receivers.sent_to(settings, db, OPEN):
            until(lambda: deliveries.of_webhook(db, added.id)[0].state == "failed")
    (delivery,) = deliveries.of_webhook(db, added.id)
    assert (delivery.problem, delivery.state) == ("status", "failed")
    log = deliveries.attempts_of(db, delivery)
    assert TOKEN not in str(log)


def test_a_room_in_our_own_network_needs_to_be_opened():
    with receiver() as kind:
        with pytest.raises(NoAnswer) as refused:
            rooms.post(Guard(), room(kind.port), "Hello")
        assert (refused.value.reason, kind.received) == ("blocked", [])


@pytest.mark.parametrize(
    "url",
    ["mmost://", "mmosts://x", "slack://x", "slack://a/b/", "discord://1", "gchat://a/b",
     "workflows://h/only", "rockets://a/b", "rockets://a/@h", "rocket://user:password@h/#room",
     "zulip://bot@org", "zulip://bot@127.0.0.1:9#/token", "zulip://org/token", "matrixs://h/#room",
     "matrixs://token@h/", "mmosts://a\\b/token", "mmosts://[x/token", "msteams://x@a/b/c",
     "mailto://a:b@gmail.com", "json://127.0.0.1/", "file:///etc/passwd", "ftp://x.example/",
     "javascript:alert(1)", "https://[x"],
)  # fmt: skip
def test_what_is_no_room_is_refused(settings: Settings, db: SqliteDatabase, cast: Cast, url: str):
    with pytest.raises(Invalid):
        webhooks.add(db, cast.root, settings, url, ["ticket.opened"])


PRIVATE = ["127.0.0.1", "127.0.0.1:8065", "localhost", "127.1", "2130706433", "[::1]", "10.1.2.3"]
ON_A_HOST = [
    "mmost://{}/" + TOKEN,
    "mmosts://{}/" + TOKEN + "?verify=no",
    "matrix://token@{}/#room",
    "matrixs://user:password@{}/#room",
    "rocket://a/b@{}/#room",
    "rockets://a/b@{}",
    "workflows://{}/workflow/signature",
    "workflows://{}/workflows/1/triggers/manual/paths/invoke?sig=x",
    "https://{}/in",
    "http://{}/in",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_an_address_that_the_guard_refuses_is_refused_when_it_is_typed(
    settings: Settings, db: SqliteDatabase, cast: Cast, host: str
):
    closed = replace(settings, webhook_private_targets=())
    for form in ON_A_HOST:
        with pytest.raises(Invalid, match=r"url_blocked|unknown"):
            webhooks.add(db, cast.root, closed, form.format(host), ["ticket.opened"])


EVERY_KIND = {
    "slack://TokenA/TokenB/TokenC/#support": "https://hooks.slack.com/services/TokenA/TokenB/TokenC",
    "discord://123/AbC": "https://discord.com/api/webhooks/123/AbC",
    "gchat://Space/Key/Tok=": "https://chat.googleapis.com/v1/spaces/Space/messages?key=Key&token=Tok%3D",
    "workflows://h.example:443/w/s": "https://h.example:443/workflows/w/triggers/manual/paths/invoke"
    "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=s",
    "workflows://h.example/powerautomate/automations/direct/workflows/w/invoke?sig=s%2B":
    "https://h.example/powerautomate/automations/direct/workflows/w/invoke?sig=s%2B",
    "mmosts://chat.example/team/abc": "https://chat.example/team/hooks/abc",
    "mmost://chat.example:8065/abc": "http://chat.example:8065/hooks/abc",
    "rocket://a/b@chat.example": "http://chat.example/hooks/a/b",
    "rockets://a/b@chat.example/#support": "https://chat.example/hooks/a/b",
    "zulip://bot@acme/secret/support": "https://acme.zulipchat.com/api/v1/messages",
    "matrixs://tok@m.example/#room": "https://m.example/_matrix/client/v3/join/%23room%3Am.example",
    "matrixs://tok@m.example/!r:x.example": "https://m.example/_matrix/client/v3/join/%21r%3Ax.example",
    "matrix://user:secret@m.example:8008/#r": "http://m.example:8008/_matrix/client/v3/login",
}  # fmt: skip


@pytest.mark.parametrize(("url", "asked"), EVERY_KIND.items())
def test_every_kind_of_room_is_spoken_to_where_its_maker_says(url: str, asked: str):
    assert rooms.is_room(url)
    assert rooms.spoken_to(url) == asked


def test_every_kind_is_tried_above():
    assert {url.partition(":")[0] for url in EVERY_KIND} == set(room_calls.COMPOSERS)


@pytest.mark.parametrize("scheme", sorted(room_calls.COMPOSERS))
def test_a_name_that_comes_to_lead_inside_is_not_followed(scheme: str):
    asked: list[str] = []

    def rebound(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    for url in (each for each in EVERY_KIND if each.startswith(f"{scheme}:")):
        with pytest.raises(NoAnswer) as refused:
            rooms.post(Guard(Exceptions.of(["10.9.0.0/16"]), resolve=rebound), url, "Hello")
        assert refused.value.reason == "blocked"
    assert asked


def test_a_room_that_sends_elsewhere_is_not_followed():
    with receiver() as other, receiver() as kind:
        to = f"http://127.0.0.1:{other.port}/"
        kind.answers += [f"HTTP/1.1 307 No\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()]
        assert rooms.post(OPEN, room(kind.port), "Hello").status == 307
        assert other.received == []


def test_matrix_is_signed_in_to_then_entered_then_told():
    with receiver() as kind:
        for told in ({"access_token": "SECRET"}, {"room_id": "!r:m.example"}, {"event_id": "$1"}):
            body = json.dumps(told)
            kind.answers.append(
                f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            )
        url = f"matrix://bot:p%40ss@127.0.0.1:{kind.port}/#support"
        assert rooms.post(OPEN, url, "Hello").status == 200
        (signing, given), (joining, _), (saying, said) = kind.received
    assert signing[""].startswith("POST /_matrix/client/v3/login ")
    assert json.loads(given)["password"] == "p@ss"
    assert joining[""].startswith("POST /_matrix/client/v3/join/%23support%3A127.0.0.1 ")
    assert saying[""].startswith("PUT /_matrix/client/v3/rooms/%21r%3Am.example/send/m.room.mess")
    assert joining["authorization"] == saying["authorization"] == "Bearer SECRET"
    assert json.loads(said) == {"msgtype": "m.text", "body": "Hello"}


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
