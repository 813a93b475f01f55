"""Bounces: which count, what follows, and what ends it."""

from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient

from kbsearch import outbox
from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.people import undeliverable
from kbsearch.people.accounts import choosing as choosing_passwords
from kbsearch.people.accounts import directory, signing_in
from kbsearch.tickets import Ticket
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.incoming import letter, receiving
from tests.kit.mail import carry, letters, post
from tests.kit.requests import MORNING, file
from tests.kit.web import sign_in
from tests.messages.incoming.test_taking import BOUNCE

ALICE = "alice@acme.example"


@pytest.fixture
def site(settings: Settings) -> Settings:
    return receiving(settings)


@pytest.fixture
def ticket(site: Settings, db: SqliteDatabase, cast: Cast) -> Ticket:
    """Alice's, of which she was told by mail."""
    filed = file(db, cast.alice)
    carry(site, db)
    return filed


def sent_as(site: Settings) -> str:
    """The Message-ID of the last letter, without its brackets."""
    return str(letters(site)[-1]["Message-ID"]).strip("<>")


def bounce(
    site: Settings,
    db: SqliteDatabase,
    message_id: str,
    *,
    status: str = "5.1.1",
    recipient: str = "Alice@acme.example",
    at: datetime = MORNING,
) -> None:
    from kbsearch.messages.incoming import taking

    body = BOUNCE.format(kind="text/rfc822-headers", id=message_id)
    body = body.replace("Status: 5.1.1", f"Status: {status}")
    body = body.replace("Alice@acme.example", recipient)
    line = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"'
    raw = letter(
        "MAILER-DAEMON@acme.example", "s@x.example", body, line, "Return-Path: <>",
        message_id=f"{new_id()}@acme.example",
    )  # fmt: skip
    assert taking.take(db, site, raw, at=at).state == "bounced"


def is_unreached(db: SqliteDatabase, viewer: Viewer) -> bool:
    return undeliverable.is_so(db, str(viewer.person_id))


def test_who_is_not_reached_is_told_nothing_optional_but_codes(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    bounce(site, db, sent_as(site))
    found = undeliverable.find(db, str(cast.alice.person_id))
    assert found is not None
    assert (found.email, found.why) == (ALICE, "5.1.1 550 5.1.1 no such user")
    before = len(letters(site))
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "An answer"))
    carry(site, db)
    assert len(letters(site)) == before
    choosing_passwords.forget(db, signing_in.Caller(network=""), ALICE)
    post(site, db)
    assert letters(site)[-1]["To"] == f"Alice Martin <{ALICE}>"


@pytest.mark.parametrize(
    ("message_id", "recipient"),
    [
        ("made-up@help.support.example", ALICE),
        (None, "bob@acme.example"),
        (None, "wendy@support.example"),
        (None, "stranger@evil.example"),
    ],
)
def test_a_bounce_that_somebody_made_up_counts_for_nothing(
    site: Settings,
    db: SqliteDatabase,
    cast: Cast,
    ticket: Ticket,
    message_id: str | None,
    recipient: str,
):
    """The letter has to be one of ours, sent to that very address."""
    bounce(site, db, message_id or sent_as(site), recipient=recipient)
    assert db.query("SELECT 1 FROM people WHERE undeliverable_at IS NOT NULL") == []


def test_an_invitation_that_does_not_arrive_counts_too(
    site: Settings, db: SqliteDatabase, cast: Cast
):
    choosing_passwords.invite(db, cast.dan, directory.find(db, cast.dan, str(cast.alice.person_id)))
    post(site, db)
    bounce(site, db, sent_as(site))
    assert is_unreached(db, cast.alice)


def test_a_full_mailbox_counts_after_three_days(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    message_id = sent_as(site)
    for day in (0, 0, 0, 1):
        bounce(site, db, message_id, status="4.2.2", at=MORNING + timedelta(days=day))
    assert not is_unreached(db, cast.alice)
    bounce(site, db, message_id, status="4.2.2", at=MORNING + timedelta(days=20))
    assert not is_unreached(db, cast.alice), "long after, it is another matter"
    for day in (21, 22):
        bounce(site, db, message_id, status="4.2.2", at=MORNING + timedelta(days=day))
    assert is_unreached(db, cast.alice)


def test_a_proved_mail_from_there_ends_it(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    from kbsearch.messages.incoming import taking

    bounce(site, db, sent_as(site))
    taking.take(db, site, letter(ALICE, proved=None, message_id="a@x"), at=MORNING)
    assert is_unreached(db, cast.alice), "anybody can write her name"
    assert taking.take(db, site, letter(ALICE, message_id="b@x"), at=MORNING).state == "opened"
    assert not is_unreached(db, cast.alice)


def test_a_mailed_code_that_was_typed_ends_it(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    bounce(site, db, sent_as(site))
    person = directory.find(db, cast.dan, str(cast.alice.person_id))
    caller = signing_in.Caller(network="")
    signing_in.let_in(db, caller, person, "/", "totp")
    assert is_unreached(db, cast.alice)
    signing_in.let_in(db, caller, person, "/", "mail")
    assert not is_unreached(db, cast.alice)


def test_agents_see_it_and_end_it_and_customers_do_not(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket, client: FlaskClient
):
    bounce(site, db, sent_as(site))
    sign_in(client, db, cast.bob)
    assert "no such user" not in client.get(f"/en/requests/{ticket.id}").text
    sign_in(client, db, cast.dan)
    page = client.get(f"/en/requests/{ticket.id}").text
    assert "E-mails have not reached Alice Martin since" in page
    assert "no such user" in page
    account = f"/en/admin/people/{cast.alice.person_id}"
    assert "Send mail there again" in client.get(account).text
    answer = client.post(f"{account}/mail", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303
    assert not is_unreached(db, cast.alice)
    assert "Send mail there again" not in client.get(account).text
    told = db.query("SELECT kind, actor_id FROM security_log WHERE kind LIKE 'address.%'")
    assert [row["kind"] for row in told] == ["address.unreached", "address.reached"]
    assert told[1]["actor_id"] == cast.dan.person_id


def test_who_may_not_open_accounts_ends_nothing(
    site: Settings, db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    bounce(site, db, sent_as(site))
    person = directory.find(db, cast.root, str(cast.alice.person_id))
    for viewer in (cast.alice, cast.bob, cast.wendy):
        with pytest.raises(NotFound):
            directory.reach_again(db, viewer, person)
    assert is_unreached(db, cast.alice)
    assert outbox.count_dead(db) == 0
