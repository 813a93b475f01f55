"""What is on its way out, as agents, operators and monitors see it."""

import json

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from kbsearch import outbox, people
from kbsearch.access import OPERATOR
from kbsearch.articles.publishing import trailers
from kbsearch.cli import cli
from kbsearch.config import FIELDS, Settings
from kbsearch.config_sources import Configuration
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.messages import notifications, webhooks
from kbsearch.people import notification_choices as preferences
from kbsearch.people.accounts import choosing as choosing_passwords
from kbsearch.site import doctor, health
from kbsearch.site import outgoing as sendings
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.desk import held_replies
from tests.conftest import Cast
from tests.kit.requests import file
from tests.kit.web import sign_in
from tests.messages.notifications.test_ticket_texts import opt_in


@pytest.fixture
def waiting(settings: Settings, db: SqliteDatabase, cast: Cast) -> int:
    """A notice by mail and one by text for Alice, an invitation given up; her request's number."""
    opt_in(db, cast.alice)
    both = [("ticket.opened", "mail"), ("ticket.opened", "sms")]
    preferences.choose(db, cast.alice, both)
    ticket = file(db, cast.alice)
    spread = notifications.handlers(db)
    while outbox.run_one(db, spread, outbox.Share(only=spread)):
        pass
    db.execute(
        """
        DELETE FROM outbox WHERE kind LIKE 'index.%'
        OR subject IN (SELECT id FROM notices WHERE person_id <> :id)
        """,
        {"id": cast.alice.person_id},
    )
    choosing_passwords.invite(db, OPERATOR, people.find(db, "bob@acme.example"))
    db.execute("DELETE FROM outbox WHERE kind = 'user.invited'")
    db.execute("UPDATE outbox SET dead_at = created_at, problem = '550 unknown' "
               "WHERE kind = 'person.invited'")  # fmt: skip
    return ticket.number


def test_each_thing_says_to_whom_about_what_and_by_which_way(
    db: SqliteDatabase, cast: Cast, waiting: int
):
    seen = sendings.look(db, cast.dan)
    told = [(each.channel, each.kind, each.to, each.number, each.state) for each in seen.found]
    assert told[0] == ("mail", "person.invited", "bob@acme.example", None, "dead")
    assert sorted(told[1:]) == [
        ("mail", "ticket.opened", "alice@acme.example", waiting, "waiting"),
        ("sms", "ticket.opened", "alice@acme.example", waiting, "waiting"),
    ]
    assert seen.counts == {("mail", "dead"): 1, ("mail", "waiting"): 1, ("sms", "waiting"): 1}
    only = sendings.look(db, cast.dan, channel="sms")
    assert ([each.channel for each in only.found], only.total) == (["sms"], 1)
    assert sendings.look(db, cast.dan, state="failed").found == ()
    for viewer in (cast.alice, cast.wendy, cast.nobody):
        with pytest.raises(NotFound):
            sendings.look(db, viewer)
        with pytest.raises(NotFound):
            sendings.all_dead_again(db, viewer)


def test_what_is_done_before_it_leaves_is_no_mail(
    db: SqliteDatabase, cast: Cast, client: FlaskClient
):
    """A held answer and a published commit once stood among the e-mails."""
    ticket = file(db, cast.alice)
    db.execute("DELETE FROM outbox")
    held_replies.hold(db, cast.dan, ticket, ReplyForm("key-of-the-answer", "Soon."), seconds=60)
    outbox.add(db, trailers.PUBLISHED, "0123456789abcdef")
    assert sendings.look(db, cast.dan).counts == {("inside", "waiting"): 2}
    assert sendings.look(db, cast.dan, channel="mail").found == ()
    assert set(sendings.oldest(db)) == {"inside"}
    sign_in(client, db, cast.dan)
    page = client.get("/en/desk/deliveries?channel=inside").text
    assert "A reply about to be sent" in page and "A commit is published" in page


def test_more_than_a_page_is_counted_and_not_hidden(
    db: SqliteDatabase, cast: Cast, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sendings, "LIMIT", 3)
    for number in range(5):
        outbox.add(db, "person.invited", str(number))
    seen = sendings.look(db, cast.dan)
    assert (len(seen.found), seen.total) == (3, 5)
    sign_in(client, db, cast.dan)
    assert "The first 3 of 5 are shown." in client.get("/en/desk/deliveries").text


def test_all_that_was_given_up_is_sent_again(
    db: SqliteDatabase, cast: Cast, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sendings, "LIMIT", 2)
    for number in range(5):
        outbox.add(db, "person.invited", str(number))
    db.execute("UPDATE outbox SET dead_at = created_at, problem = 'x'")
    sign_in(client, db, cast.dan)
    answer = client.post("/en/desk/deliveries", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.location == "/en/desk/deliveries?done=5"
    assert "5 are being sent again." in client.get(answer.location).text
    assert outbox.count_dead(db) == 0


def test_the_page_is_narrowed_down_by_its_address(
    db: SqliteDatabase, cast: Cast, client: FlaskClient, waiting: int
):
    sign_in(client, db, cast.dan)
    everything = client.get("/en/desk/deliveries").text
    assert everything.count('class="state-') == 3
    assert "550 unknown" in everything and f"/en/desk/tickets/{waiting}" in everything
    by_text = client.get("/en/desk/deliveries?channel=sms").text
    assert by_text.count('class="state-') == 1
    for odd in ("?channel=pigeon", "?state=", "?done=9999999999999", "?done=%00"):
        assert client.get(f"/en/desk/deliveries{odd}").status_code == 200


def test_what_waits_too_long_is_named_to_monitors(
    settings: Settings, db: SqliteDatabase, cast: Cast, waiting: int
):
    assert health.look(db).late == ()
    db.execute("UPDATE outbox SET created_at = '2026-01-01T00:00:00Z' WHERE kind = 'notice.sms'")
    seen = health.look(db)
    assert seen.late == ("sms",)
    assert set(seen.waiting) == {"mail", "sms"}
    checks = list(doctor.examine(Configuration(settings, dict.fromkeys(FIELDS, "default"))))
    late = [check for check in checks if check.name == "waiting"]
    assert [dict(check.values)["channel"] for check in late] == ["sms"]


def test_webhooks_wait_too(db: SqliteDatabase, settings: Settings, cast: Cast):
    added = webhooks.add(db, cast.root, settings, "https://hooks.example/x", ["ticket.opened"])
    webhooks.test(db, cast.root, added)
    (seen,) = sendings.look(db, cast.dan, channel="webhook").found
    assert (seen.to, seen.state, seen.number) == ("hooks.example", "waiting", None)
    assert set(sendings.oldest(db)) == {"webhook"}


def test_the_command_lists_narrows_and_sends_again(
    settings: Settings, db: SqliteDatabase, cast: Cast, waiting: int,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    path = settings.site / "kbsearch.toml"
    path.write_text("")

    def run(*words: str):
        return CliRunner().invoke(cli, ["--config", str(path), "notify", *words])

    listed = json.loads(run("list", "--json", "--channel", "mail").stdout)
    assert [each["to"] for each in listed] == ["bob@acme.example", "alice@acme.example"]
    assert str(waiting) in run("list").stdout
    assert run("retry", "--dead").stdout == "1 on the way\n"
    assert json.loads(run("list", "--json", "--state", "dead").stdout) == []
    assert run("list", "--channel", "pigeon").exit_code == 2


def test_a_page_speaks_to_no_mail_server(
    settings: Settings, db: SqliteDatabase, cast: Cast, client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    """With every receiver down, a request costs what it always does: it only writes rows."""
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a page opened a connection")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    opt_in(db, cast.alice)
    sign_in(client, db, cast.alice)
    answer = client.post(
        "/en/requests/new",
        data={"subject": "Collar", "description": "Lost", "severity": "minor"},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 303
    assert client.get(answer.location).status_code == 200
