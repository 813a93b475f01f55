"""What is due, kept beside requests; who is told of it: once, and never at night."""

from datetime import datetime

import pytest

from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.promises import calendars, targets
from kbsearch.tickets import Ticket, dues
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast, take_over
from tests.kit.promises import keep, promise
from tests.kit.requests import file, later
from tests.tickets.test_clocks import paris


def look(db: SqliteDatabase, at: datetime) -> list[tuple[str, str, str]]:
    """What the worker tells at a moment: of which clocks, and how they stand."""
    place = "SELECT COALESCE(MAX(revision), 0) AS n FROM ticket_events"
    before = db.query(place)[0]["n"]
    dues.catch_up(db, at=at)
    while dues.tell(db, at=at):
        pass
    dues.catch_up(db, at=at)
    rows = db.query(
        """
        SELECT kind, field, after FROM ticket_events
        WHERE revision > :before AND kind IN ('ticket.due_soon', 'ticket.overdue')
        """,
        {"before": before},
    )
    return [(row["kind"], row["field"], row["after"]) for row in rows]


def kept(db: SqliteDatabase, ticket: Ticket) -> str | None:
    rows = db.query("SELECT due_at FROM ticket_clocks WHERE ticket_id = :id", {"id": ticket.id})
    return rows[0]["due_at"] if rows else None


@pytest.fixture
def ticket(db: SqliteDatabase, cast: Cast) -> Ticket:
    """A request of Friday at five that is to be answered by Monday noon."""
    promise(db, keep(db), first_answer="4")
    db.execute("UPDATE state SET value = '2026-11-01' WHERE name = 'promises_changed_at'")
    return file(db, cast.alice, at=paris(27, 17))


def test_both_are_told_once(db: SqliteDatabase, ticket: Ticket):
    due = ("first_answer", "2026-11-30T11:00:00Z")
    assert look(db, paris(30, 10, 59)) == []
    assert look(db, paris(30, 11)) == [("ticket.due_soon", *due)]
    assert look(db, paris(30, 11, 1)) == look(db, paris(30, 11, 59)) == []
    assert look(db, paris(30, 12)) == [("ticket.overdue", *due)]
    assert look(db, paris(30, 12)) == look(db, paris(30, 17)) == []


def test_what_is_late_already_is_not_told_to_be_late_soon(db: SqliteDatabase, ticket: Ticket):
    assert [kind for kind, *_ in look(db, paris(30, 15))] == ["ticket.overdue"]


def test_nobody_is_told_at_night(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    evening = file(db, cast.alice, at=paris(30, 14))  # due at six, when the day ends
    look(db, paris(30, 17))
    assert look(db, paris(30, 18)) == look(db, paris(30, 23)) == look(db, paris(1, 8, 59)) == []
    assert [kind for kind, *_ in look(db, paris(1, 9))] == ["ticket.overdue"]
    assert kept(db, evening) == "2026-11-30T17:00:00Z"


def test_an_answer_in_time_is_told_to_nobody(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    look(db, paris(27, 17))
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Yes"), at=paris(30, 10))
    assert look(db, paris(30, 15)) == []
    assert kept(db, ticket) is None


def test_nothing_is_told_while_the_customer_is_waited_for(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    lifecycle.change_status(db, cast.dan, ticket, "pending", at=paris(30, 10))
    assert look(db, paris(30, 15)) == []
    replies.reply(db, cast.alice, ticket, ReplyForm(new_id(), "That"), at=paris(30, 16))
    assert kept(db, ticket) is None
    assert look(db, paris(30, 16)) == []
    assert kept(db, ticket) == "2026-11-30T17:00:00Z"
    assert [kind for kind, *_ in look(db, paris(30, 17))] == ["ticket.due_soon"]


def test_each_question_has_a_clock_of_its_own(db: SqliteDatabase, cast: Cast):
    promise(db, next_answer="4")
    asked = file(db, cast.alice, at=later(days=400))
    for day in (401, 402):
        at = later(days=day)
        replies.reply(db, cast.dan, asked, ReplyForm(new_id(), "Which?"), at=at)
        replies.reply(db, cast.alice, asked, ReplyForm(new_id(), "This"), at=later(days=day))
        assert [kind for kind, *_ in look(db, later(days=day, hours=5))] == ["ticket.overdue"]


def test_a_changed_calendar_counts_from_then_on(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    dues.catch_up(db, at=paris(27, 17))
    assert kept(db, ticket) == "2026-11-30T11:00:00Z"
    office = calendars.list_all(db)[0]
    fields = calendars.CalendarFields("Office", "Europe/Paris", ("8:00-17:30",) * 5 + ("", ""))
    calendars.edit(db, cast.root, office, fields)
    dues.catch_up(db, at=paris(27, 17))
    assert kept(db, ticket) == "2026-11-30T10:30:00Z", "half an hour on Friday"
    targets.archive(db, cast.root, targets.live(db)[0])
    dues.catch_up(db, at=paris(27, 17))
    assert kept(db, ticket) is None


def test_what_was_late_before_it_was_promised_is_no_news(db: SqliteDatabase, cast: Cast):
    file(db, cast.alice)
    promise(db, first_answer="4", solution="8784")
    assert [field for _, field, _ in look(db, later(days=2000))] == ["solution"]


def test_what_lives_in_another_system_is_told_by_it(db: SqliteDatabase, cast: Cast):
    promise(db, first_answer="4")
    take_over(db, number=7, status="open", created_at="2030-01-31T10:00:00Z")
    assert look(db, datetime.fromisoformat("2030-02-10T10:00:00Z")) == []


def test_a_long_queue_is_kept_in_pieces(db: SqliteDatabase, cast: Cast):
    promise(db, first_answer="4")
    filed = [file(db, cast.alice, at=later(minutes=minute)) for minute in range(5)]
    assert dues.refresh(db, at=later(), limit=2) and dues.refresh(db, at=later(), limit=2)
    assert [kept(db, ticket) is not None for ticket in filed] == [True] * 4 + [False]
    dues.catch_up(db, at=later())
    assert kept(db, filed[4]) == "2026-03-02T13:04:00Z"
    assert not dues.refresh(db, at=later())
