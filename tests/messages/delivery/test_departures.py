"""Each letter and text message has a line that says what became of it; the sum is the outbox's."""

import dataclasses

import pytest
from flask.testing import FlaskClient

from kbsearch import outbox
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.config_sources import Configuration
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.messages import notifications
from kbsearch.messages.delivery import departures, senders
from kbsearch.messages.delivery.departures import Departure, Receipt
from kbsearch.messages.notifications import ticket_letters, ticket_texts
from kbsearch.outbox import Share, Task
from kbsearch.people import notification_choices
from kbsearch.site import erasing
from kbsearch.site.doctor import work
from kbsearch.site.doctor.checks import Patient
from kbsearch.tickets import Ticket
from tests.conftest import Cast
from tests.kit.incoming import letter as incoming_letter
from tests.kit.incoming import receiving, take
from tests.kit.mail import Mailbox, serving
from tests.kit.requests import file, later
from tests.kit.web import sign_in
from tests.messages.incoming.test_taking import BOUNCE
from tests.messages.notifications.test_ticket_texts import opt_in


@pytest.fixture
def site(settings: Settings) -> Settings:
    return receiving(settings)


@pytest.fixture
def ticket(site: Settings, db: SqliteDatabase, cast: Cast) -> Ticket:
    """A request of Alice's, of which she and the agents are to be told."""
    opt_in(db, cast.alice)
    notification_choices.choose(
        db, cast.alice, [("ticket.opened", "mail"), ("ticket.opened", "sms")]
    )
    ticket = file(db, cast.alice)
    spread = notifications.handlers(db)
    while outbox.run_one(db, spread, Share(only=spread)):
        pass
    return ticket


def leave(site: Settings, db: SqliteDatabase, channel: outbox.Channel = "mail") -> None:
    """Do what the senders do with all that is due on a channel."""
    carriers = {"mail": ticket_letters, "sms": ticket_texts}
    handlers = departures.accounted(db, carriers[channel].handlers(site, db))
    while outbox.run_one(db, handlers, Share(channel=channel)):
        pass


def line_of_alice(db: SqliteDatabase, cast: Cast) -> Departure:
    lines = departures.list_lines(db, cast.dan, text="alice@acme")
    return next(line for line in lines if line.channel == "mail")


def assert_balanced(db: SqliteDatabase, cast: Cast) -> None:
    (count,) = db.query("SELECT COUNT(*) AS n FROM outbox WHERE channel IN ('mail', 'sms')")
    assert sum(departures.count_by_state(db, cast.dan).values()) == count["n"]
    assert departures.balance(db) == departures.OutgoingBalance(count["n"], 0)


def test_what_the_server_accepts_has_its_answer_and_what_waits_its_reason(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    assert line_of_alice(db, cast).state == "waiting"
    mailbox = Mailbox()
    with serving(mailbox) as port:
        site = dataclasses.replace(site, smtp_url=f"smtp://127.0.0.1:{port}")
        mailbox.answer = "451 4.7.1 greylisted"
        leave(site, db)
        waiting = line_of_alice(db, cast)
        mailbox.answer = "250 2.0.0 queued as 4XyZ"
        db.execute("UPDATE outbox SET due_at = created_at")
        leave(site, db)
    accepted = line_of_alice(db, cast)
    assert (waiting.state, "greylisted" in waiting.answer) == ("failed", True)
    assert waiting.due_at is not None
    assert (accepted.state, accepted.answer) == ("accepted", "250 2.0.0 queued as 4XyZ")
    assert (accepted.number, accepted.kind) == (ticket.number, "ticket.opened")
    assert f"<{accepted.message_id}>" in {letter["Message-ID"] for letter in mailbox.letters}
    leave(site, db, "sms")
    assert departures.list_lines(db, cast.dan, text=f"#{ticket.number}", state="accepted")
    assert_balanced(db, cast)


def test_a_letter_that_came_back_says_so_and_only_that_letter_of_that_reader(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    leave(site, db)
    line = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"'

    def report(message_id: str) -> None:
        body = BOUNCE.format(kind="message/rfc822", id=message_id)
        raw = incoming_letter("MAILER-DAEMON@acme.example", "s@x.example", body, line)
        assert take(site, db, raw).state == "bounced"

    report("of-another@help.support.example")
    assert line_of_alice(db, cast).state == "accepted"
    report(line_of_alice(db, cast).message_id)
    bounced = line_of_alice(db, cast)
    assert (bounced.state, bounced.answer) == ("bounced", "5.1.1 550 5.1.1 no such user")
    assert departures.count_by_state(db, cast.dan)["bounced"] == 1
    assert_balanced(db, cast)


def test_what_concerns_nobody_any_more_and_what_is_given_up_have_lines_too(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    notification_choices.choose(db, cast.alice, [("ticket.opened", "sms")])
    leave(site, db)
    assert line_of_alice(db, cast).state == "dropped"
    db.execute("UPDATE outbox SET dead_at = created_at, problem = '550 no' WHERE channel = 'sms'")
    (given_up,) = departures.list_lines(db, cast.dan, state="dead")
    assert (given_up.recipient, given_up.answer) == ("alice@acme.example", "550 no")
    assert_balanced(db, cast)


def test_a_task_that_is_done_without_a_line_is_an_alarm(
    site: Settings, db: SqliteDatabase, client: FlaskClient, cast: Cast, ticket: Ticket
):
    leave(site, db)
    db.execute("DELETE FROM departures WHERE recipient = 'alice@acme.example'")
    assert departures.balance(db).missing == 1
    (check,) = (
        check
        for check in work.accounts(Patient(Configuration(site, {})), db)
        if check.state == "fail"
    )
    assert check.name == "mail out"
    sign_in(client, db, cast.dan)
    assert "1 message is done and has no line here" in page(client, "")


def page(client: FlaskClient, query: str) -> str:
    return client.get(f"/en/desk/deliveries/account{query}").text


def test_agents_filter_the_account_and_nobody_else_reads_it(
    site: Settings, db: SqliteDatabase, client: FlaskClient, cast: Cast, ticket: Ticket
):
    leave(site, db)
    sign_in(client, db, cast.dan)
    assert "Accepted by the server (" in page(client, "")
    assert "alice@acme.example" in page(client, f"?q={ticket.number}&state=accepted")
    assert "No message matches." in page(client, "?q=nobody@else.example")
    for odd in ("?q=%23%00&state=x", "?q=99999999999999999999", "?q=%25", "?state=%00"):
        assert client.get(f"/en/desk/deliveries/account{odd}").status_code == 200
    with pytest.raises(NotFound):
        departures.list_lines(db, cast.alice)


def test_lines_are_kept_for_as_many_days_as_are_set_and_forget_who_is_erased(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    leave(site, db)
    erasing.erase(db, OPERATOR, site, "alice@acme.example")
    assert departures.list_lines(db, cast.dan, text="alice@acme") == []
    assert departures.forget_old(db, 90) == 0
    assert departures.forget_old(db, 0, at=later(days=3650)) == 0, "for good"
    (count,) = db.query("SELECT COUNT(*) AS n FROM departures")
    assert departures.forget_old(db, 90, at=later(days=490)) == count["n"]


def test_a_sender_writes_the_line(db: SqliteDatabase, cast: Cast):
    task_id = outbox.add(db, "notice.mail", "1")

    def send(task: Task) -> None:
        senders.hand_over(db, task, lambda: Receipt("250 OK", "1@x.example", "Bob@Acme.example"))

    assert outbox.run_one(db, {"notice.mail": send}) == "done"
    (line,) = departures.list_lines(db, cast.dan)
    assert (line.id, line.recipient, line.state) == (task_id, "bob@acme.example", "accepted")
