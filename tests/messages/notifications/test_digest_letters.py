"""Digests: one letter for many changes, when its time has come, and none for nothing."""

import dataclasses
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from kbsearch import tickets
from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages import notifications
from kbsearch.messages.notifications import digest_letters, digests, opt_outs
from kbsearch.people import notification_choices as preferences
from kbsearch.people.notification_choices import Digest
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.mail import Mailbox, carry, html_of, letters, serving, text_of
from tests.kit.requests import file

EVERYTHING = [(event, "mail") for event in preferences.STAFF_EVENTS]
LATE = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def reader(db: SqliteDatabase, cast: Cast) -> Viewer:
    """Dan, who wants his mail gathered; Root wants none."""
    preferences.choose(db, cast.dan, EVERYTHING, digest="hourly")
    preferences.choose(db, cast.root, [])
    return cast.dan


def to_dan(settings: Settings) -> list[EmailMessage]:
    return [each for each in letters(settings) if each["Delivered-To"] == "dan@support.example"]


def come_due(db: SqliteDatabase, settings: Settings) -> bool:
    """The hour strikes."""
    db.execute("UPDATE notices SET gathers_at = created_at WHERE gathers_at IS NOT NULL")
    asked = digest_letters.ask(db)
    carry(settings, db)
    return asked


def test_many_changes_are_one_letter(
    db: SqliteDatabase, cast: Cast, settings: Settings, reader: Viewer
):
    one, other = file(db, cast.alice), file(db, cast.chloe, subject="Till <down>")
    for _ in range(3):
        replies.reply(db, cast.alice, one, ReplyForm(new_id(), "Any news?"))
    replies.note(db, cast.root, one, ReplyForm(new_id(), "Hidden words"))
    carry(settings, db)
    assert to_dan(settings) == [] and not digest_letters.ask(db), "not before its time"
    assert come_due(db, settings)
    (letter,) = to_dan(settings)
    assert letter["Subject"] == "2 demandes avec du nouveau"
    text, html = text_of(letter), html_of(letter)
    assert text.count("Alice Martin a répondu") == 3
    assert f"#{one.number} Collar lost (Acme)" in text and f"#{other.number} Till <down>" in text
    assert "Till &lt;down&gt;" in html
    assert "Hidden words" not in text + html, "what was written stays on its page"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert not come_due(db, settings) and len(to_dan(settings)) == 1


def test_what_no_longer_concerns_anybody_makes_no_letter(
    db: SqliteDatabase, cast: Cast, settings: Settings, reader: Viewer
):
    ticket = file(db, cast.alice)
    lifecycle.assign(db, cast.root, ticket, cast.dan.person_id)
    carry(settings, db)
    lifecycle.assign(db, cast.root, tickets.find(db, cast.root, ticket.id), cast.root.person_id)
    carry(settings, db)
    preferences.decline(db, str(cast.dan.person_id), "ticket.opened")
    come_due(db, settings)
    assert to_dan(settings) == []
    assert {row["outcome"] for row in db.query("SELECT outcome FROM notices")} >= {"dropped"}


def test_a_blocking_request_does_not_wait(
    db: SqliteDatabase, cast: Cast, settings: Settings, reader: Viewer
):
    file(db, cast.alice, severity="blocking")
    carry(settings, db)
    (letter,) = to_dan(settings)
    assert letter["Subject"] == "[#1001] Collar lost"


def test_who_wants_it_at_once_again_still_gets_what_was_gathered(
    db: SqliteDatabase, cast: Cast, settings: Settings, reader: Viewer
):
    file(db, cast.alice)
    carry(settings, db)
    preferences.choose(db, cast.dan, EVERYTHING, digest="none")
    come_due(db, settings)
    assert [each["Subject"] for each in to_dan(settings)] == ["1 demande avec du nouveau"]


def test_a_digest_that_fails_is_tried_again_and_one_that_is_refused_is_not(
    db: SqliteDatabase, cast: Cast, settings: Settings, reader: Viewer
):
    preferences.decline(db, str(cast.alice.person_id), opt_outs.EVERY_EVENT)
    mailbox = Mailbox()
    file(db, cast.alice)
    with serving(mailbox) as port:
        site = dataclasses.replace(settings, smtp_url=f"smtp://127.0.0.1:{port}")
        mailbox.answer = "451 try again later"
        carry(site, db)
        assert come_due(db, site)
        assert not digest_letters.ask(db), "the task that failed is under way"
        mailbox.answer = "550 no such user"
        db.execute("UPDATE outbox SET due_at = created_at WHERE done_at IS NULL")
        carry(site, db)
        mailbox.answer = "250 OK"
        assert not come_due(db, site), "an address that is refused is not tried for ever"
        assert mailbox.letters == []
        file(db, cast.alice, subject="Another")
        carry(site, db)
        assert come_due(db, site)
    (letter,) = mailbox.letters
    assert "Another" in text_of(letter) and "Collar lost" not in text_of(letter)


@pytest.mark.parametrize(
    ("digest", "at", "zone", "expected"),
    [
        ("none", "2026-03-02T09:20:00", None, None),
        ("hourly", "2026-03-02T09:20:00", None, "2026-03-02T10:00:00"),
        ("hourly", "2026-03-02T10:00:00", None, "2026-03-02T11:00:00"),
        ("daily", "2026-03-02T06:59:59", None, "2026-03-02T07:00:00"),
        ("daily", "2026-03-02T07:00:00", None, "2026-03-03T07:00:00"),
        ("daily", "2026-03-28T20:00:00", None, "2026-03-29T06:00:00"),  # summer time begins
        ("daily", "2026-03-02T09:20:00", "Asia/Tokyo", "2026-03-02T23:00:00"),
    ],
)
def test_the_next_digest_is_at_the_full_hour_or_at_eight_where_its_reader_is(
    digest: Digest, at: str, zone: str | None, expected: str | None
):
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    found = digests.next_one(digest, zone, moment)
    assert (found and found.strftime("%Y-%m-%dT%H:%M:%S")) == expected


def test_what_was_settled_long_ago_is_forgotten(db: SqliteDatabase, cast: Cast, settings: Settings):
    file(db, cast.alice)
    carry(settings, db)
    assert notifications.forget_settled(db) == 0
    assert notifications.forget_settled(db, at=LATE) == 3
