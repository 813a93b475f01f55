"""Text messages about requests: to whom, how many a day, and what they say."""

import dataclasses

import pytest

from kbsearch import outbox
from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages import notifications
from kbsearch.messages.delivery import channels
from kbsearch.messages.delivery.departures import Receipt
from kbsearch.messages.notifications import ticket_texts
from kbsearch.people import notification_choices as preferences
from kbsearch.people.accounts import sessions as accounts
from kbsearch.tickets import events as ticket_events
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.requests import file

EVERYTHING = [
    (event, "sms") for event in preferences.EVENTS if event not in preferences.BY_MAIL_ALONE
]


def give_mobile(db: SqliteDatabase, viewer: Viewer, mobile: str, *, verified: bool = True) -> None:
    db.execute(
        "UPDATE people SET mobile = :mobile, mobile_verified_at = :at WHERE id = :id",
        {"mobile": mobile, "at": "2026-01-01" if verified else None, "id": viewer.person_id},
    )


def opt_in(db: SqliteDatabase, viewer: Viewer, mobile: str = "+33612345678") -> None:
    """A verified number, and text messages of everything."""
    give_mobile(db, viewer, mobile)
    preferences.choose(db, viewer, EVERYTHING)


def carry(settings: Settings, db: SqliteDatabase) -> list[str]:
    """Do what a worker does with changes and texts; all texts written so far."""
    ignored = ("index.tickets", "notice.mail", *ticket_events.KINDS)
    handlers = outbox.together(
        dict.fromkeys(ignored, lambda task: None),
        notifications.handlers(db),
        ticket_texts.handlers(settings, db),
    )
    while outbox.run_one(db, handlers):
        pass
    files = sorted((settings.data_path / "sms").glob("*.txt"))
    return [path.read_text().rstrip("\n") for path in files]


def outcomes(db: SqliteDatabase) -> list[str]:
    rows = db.query("SELECT outcome FROM notices WHERE channel = 'sms' ORDER BY created_at, id")
    return sorted(row["outcome"] for row in rows)


def test_each_step_is_told_in_the_language_of_its_reader(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    opt_in(db, cast.alice)
    ticket = file(db, cast.alice)
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Secret answer"))
    lifecycle.solve(db, cast.dan, ticket)
    told = carry(settings, db)
    address = f"http://127.0.0.1:8080/fr/requests/{ticket.id}"
    assert told == [
        f"+33612345678\n\nkbsearch: demande {ticket.number} reçue. {address}".replace("ç", "c"),
        f"+33612345678\n\nkbsearch: nouvelle réponse à la demande {ticket.number}. {address}",
        f"+33612345678\n\nkbsearch: demande {ticket.number} résolue. {address}",
    ]
    assert outcomes(db) == ["sent"] * 3
    for text in told:
        assert set(text.partition("\n\n")[2]) <= ticket_texts.GSM
        assert len(text) <= 160 + len("+33612345678\n\n")


def test_who_did_not_ask_or_has_no_verified_number_gets_none(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    give_mobile(db, cast.alice, "+33612345678")  # and asked for nothing
    opt_in(db, cast.bob, "+33622222222")
    give_mobile(db, cast.bob, "+33622222222", verified=False)
    for viewer in (cast.alice, cast.bob):
        replies.reply(db, cast.dan, file(db, viewer), ReplyForm(new_id(), "Yes"))
    assert carry(settings, db) == []


def test_a_number_taken_away_before_the_message_leaves_gets_none(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    opt_in(db, cast.alice)
    ticket = file(db, cast.alice)
    spread = notifications.handlers(db)
    while task := outbox.claim(db, outbox.Share(only=spread)):
        spread[task.kind](task)
    give_mobile(db, cast.alice, "+33612345678", verified=False)
    assert carry(settings, db) == []
    assert outcomes(db) == ["dropped"]
    assert ticket.number


def test_a_note_is_told_to_agents_alone(settings: Settings, db: SqliteDatabase, cast: Cast):
    opt_in(db, cast.alice)
    ticket = file(db, cast.alice)
    carry(settings, db)
    give_mobile(db, cast.dan, "+33633333333")
    preferences.choose(db, cast.dan, [("ticket.noted", "sms"), ("ticket.replied", "sms")])
    ticket_events_before = len(carry(settings, db))
    replies.note(db, cast.root, ticket, ReplyForm(new_id(), "Do not tell"))
    assert len(carry(settings, db)) == ticket_events_before, "Dan has no part in it"
    replies.note(db, cast.dan, ticket, ReplyForm(new_id(), "Mine"))
    replies.note(db, cast.root, ticket, ReplyForm(new_id(), "Do not tell"))
    (told,) = carry(settings, db)[ticket_events_before:]
    assert told.startswith("+33633333333\n\nkbsearch: note")
    assert "Do not tell" not in told
    assert "/desk/tickets/" in told


def test_a_day_has_only_so_many(settings: Settings, db: SqliteDatabase, cast: Cast):
    settings = dataclasses.replace(settings, sms_a_day=3, sms_a_day_in_all=4)
    opt_in(db, cast.alice, "+33611111111")
    opt_in(db, cast.bob, "+33622222222")
    mine, his = file(db, cast.alice), file(db, cast.bob)
    for _ in range(5):
        replies.reply(db, cast.dan, mine, ReplyForm(new_id(), "Again"))
    replies.reply(db, cast.dan, his, ReplyForm(new_id(), "Once"))
    told = carry(settings, db)
    numbers = [text.partition("\n")[0] for text in told]
    assert numbers.count("+33611111111") <= 3
    assert len(numbers) == 4, "those of Bob count against the day of the site"
    assert outcomes(db) == ["sent"] * 4 + ["too_many"] * 4


def test_a_message_tried_again_counts_once(
    settings: Settings, db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    settings = dataclasses.replace(settings, sms_a_day=1)
    opt_in(db, cast.alice)
    file(db, cast.alice)
    broken = [True, True]

    class Sms:
        def send(self, number: str, text: str) -> Receipt:
            if broken and broken.pop():
                raise channels.ChannelError("500", permanent=False)
            return Receipt("200 OK")

    monkeypatch.setattr(channels, "sms", lambda settings: Sms())
    for _ in range(3):
        carry(settings, db)
        db.execute("UPDATE outbox SET due_at = created_at")
    assert outcomes(db) == ["sent"]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("L’été — “ça” va… « œuvre » n° 5", 'L\'été - "ca" va... " oeuvre " n? 5'),
        ("crème brûlée", "crème brulée"),
        ("日本", "??"),
    ],
)
def test_what_costs_more_is_written_otherwise(text: str, left: str):
    assert ticket_texts.plain(text) == left


def test_accounts_that_are_closed_get_none(settings: Settings, db: SqliteDatabase, cast: Cast):
    opt_in(db, cast.alice)
    ticket = file(db, cast.alice)
    db.execute("UPDATE people SET disabled_at = '2026-01-01' WHERE id = :id",
               {"id": cast.alice.person_id})  # fmt: skip
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Late"))
    assert carry(settings, db) == []
    assert not accounts.viewer_of(db, "none").is_signed_in
