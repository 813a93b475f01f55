"""Clocks of requests: which promise applies, what stops them, what came in time."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.promises import calendars
from kbsearch.tickets import Ticket, clocks
from kbsearch.tickets.clocks import Clock
from kbsearch.tickets.codes import Status
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.promises import keep, promise
from tests.kit.requests import MORNING, file, later

PARIS = ZoneInfo("Europe/Paris")


@pytest.fixture
def promised(db: SqliteDatabase, cast: Cast) -> None:
    promise(db, first_answer="8", solution="40")


def paris(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of the Friday or Monday around the end of November 2026, or of the days after."""
    month = 11 if day > 20 else 12
    return datetime(2026, month, day, hour, minute, tzinfo=PARIS)


def hours(clock: Clock) -> tuple[float, float]:
    assert clock.first_answer and clock.solution
    first, solution = (
        (due.at - MORNING) / timedelta(hours=1) for due in (clock.first_answer, clock.solution)
    )
    return first, solution


def clock_of(db: SqliteDatabase, ticket: Ticket, at: datetime) -> Clock:
    return clocks.of_tickets(db, [ticket.id], at=at).get(ticket.id, Clock())


def met(clock: Clock) -> tuple[bool | None, bool | None]:
    assert clock.first_answer and clock.solution
    return clock.first_answer.is_met, clock.solution.is_met


def answer(
    db: SqliteDatabase,
    cast: Cast,
    ticket: Ticket,
    at: datetime,
    status: Status = "pending",
) -> None:
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Here", status=status), at=at)


def ask(db: SqliteDatabase, cast: Cast, ticket: Ticket, at: datetime) -> None:
    replies.reply(db, cast.alice, ticket, ReplyForm(new_id(), "And then?"), at=at)


def test_an_answer_in_time_and_one_that_is_late(db: SqliteDatabase, cast: Cast, promised: None):
    soon, late = file(db, cast.alice), file(db, cast.alice)
    answer(db, cast, soon, later(hours=7))
    replies.note(db, cast.dan, late, ReplyForm(new_id(), "No answer"), at=later(hours=7))
    assert met(clock_of(db, late, later(hours=7)))[0] is None, "a note answers nobody"
    answer(db, cast, late, later(hours=9))
    assert met(clock_of(db, soon, later(hours=10)))[0] is True
    assert met(clock_of(db, late, later(hours=10)))[0] is False
    assert hours(clock_of(db, late, later(hours=9))) == (8, 40)


def test_clocks_stand_still_while_the_customer_is_waited_for(
    db: SqliteDatabase, cast: Cast, promised: None
):
    ticket = file(db, cast.alice)
    answer(db, cast, ticket, later(hours=2))
    paused = clock_of(db, ticket, later(hours=12))
    assert hours(paused) == (8, 50), "ten hours so far"
    assert paused.is_paused and paused.due is None
    ask(db, cast, ticket, later(hours=32))
    assert hours(clock_of(db, ticket, later(hours=40))) == (8, 70), "thirty in all"
    lifecycle.solve(db, cast.dan, ticket, at=later(hours=69))
    assert met(clock_of(db, ticket, later(hours=500)))[1] is True
    lifecycle.reopen(db, cast.alice, ticket, at=later(hours=70))
    assert met(clock_of(db, ticket, later(hours=75)))[1] is None
    assert clock_of(db, ticket, later(hours=75)).due == MORNING + timedelta(hours=70)


def test_the_first_answers_clock_stands_still_too(db: SqliteDatabase, cast: Cast, promised: None):
    ticket = file(db, cast.alice)
    lifecycle.change_status(db, cast.dan, ticket, "pending", at=later(hours=1))
    ask(db, cast, ticket, later(hours=6))
    assert hours(clock_of(db, ticket, later(hours=6)))[0] == 13


def test_what_is_due_next_is_what_has_not_come(db: SqliteDatabase, cast: Cast, promised: None):
    ticket = file(db, cast.alice)
    assert clock_of(db, ticket, MORNING).due == MORNING + timedelta(hours=8)
    answer(db, cast, ticket, MORNING, "open")
    assert clock_of(db, ticket, MORNING).due == MORNING + timedelta(hours=40)
    lifecycle.solve(db, cast.dan, ticket, at=later(hours=1))
    assert clock_of(db, ticket, MORNING).due is None


def test_the_next_answer_is_due_from_the_first_words_that_nobody_answered(
    db: SqliteDatabase, cast: Cast
):
    promise(db, next_answer="4")
    ticket = file(db, cast.alice)
    assert clock_of(db, ticket, MORNING).next_answer is None, "that is the first one"
    answer(db, cast, ticket, later(hours=1))
    for hour in (3, 5):
        ask(db, cast, ticket, later(hours=hour))
    assert clock_of(db, ticket, later(hours=5)).due == later(hours=7)
    answer(db, cast, ticket, later(hours=6), "open")
    assert clock_of(db, ticket, later(hours=6)).due is None


def test_a_promise_of_friday_evening_is_due_on_monday(db: SqliteDatabase, cast: Cast):
    promise(db, keep(db), first_answer="4")
    ticket = file(db, cast.alice, at=paris(27, 17))
    assert clock_of(db, ticket, paris(27, 17)).due == paris(30, 12)


def test_a_pause_counts_in_opening_hours(db: SqliteDatabase, cast: Cast):
    promise(db, keep(db), solution="9")
    ticket = file(db, cast.alice, at=paris(27, 9))
    answer(db, cast, ticket, paris(27, 17))
    ask(db, cast, ticket, paris(30, 10))
    assert clock_of(db, ticket, paris(30, 10)).due == paris(30, 11), "eight were spent on Friday"


def test_without_targets_nothing_is_due(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    assert clocks.of_tickets(db, [ticket.id]) == {}
    promise(db, severity="blocking", first_answer="1")
    assert clock_of(db, ticket, MORNING).due is None


def test_a_calendar_that_changes_counts_for_clocks_that_run(db: SqliteDatabase, cast: Cast):
    office = keep(db)
    promise(db, office, first_answer="4")
    ticket = file(db, cast.alice, at=paris(27, 17))
    fields = calendars.CalendarFields(
        "Office", "Europe/Paris", ("14:00-18:00",) * 5 + ("", ""), closing_days="2026-11-30 Moving"
    )
    calendars.edit(db, cast.root, office, fields)
    assert clock_of(db, ticket, paris(27, 17)).due == datetime(2026, 12, 1, 17, tzinfo=PARIS)
