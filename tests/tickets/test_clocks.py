"""Targets of first answer and solution: which applies, what stops the clock, what was met."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kbsearch import config, targets
from kbsearch.config import ConfigError
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.targets import Target
from kbsearch.tickets import Ticket, clocks
from kbsearch.tickets.clocks import Clock
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.requests import MORNING, file, later

TARGETS = targets.parse(
    [
        {"first_answer": 8, "solution": 40},
        {"severity": "blocking", "first_answer": 1, "solution": 4},
        {"organisation": "globex", "solution": 24},
        {"organisation": "globex", "severity": "blocking", "first_answer": 0.5},
    ]
)


def hours(clock: Clock) -> tuple[float, float]:
    assert clock.first_answer_due and clock.solution_due
    return tuple(  # type: ignore[return-value]
        (due - MORNING) / timedelta(hours=1) for due in (clock.first_answer_due, clock.solution_due)
    )


def clock_of(db: SqliteDatabase, ticket: Ticket, at: datetime) -> Clock:
    return clocks.of_tickets(db, TARGETS, [ticket.id], at=at)[ticket.id]


@pytest.mark.parametrize(
    ("severity", "organisation", "expected"),
    [
        ("minor", "acme", (8, 40)),
        ("blocking", "acme", (1, 4)),
        ("minor", "globex", (8, 24)),
        ("blocking", "globex", (0.5, 24)),
        ("minor", None, (8, 40)),
    ],
)
def test_the_customers_own_target_comes_first(
    severity: str, organisation: str | None, expected: tuple[float, float]
):
    found = targets.of(TARGETS, severity, organisation)
    assert (found.first_answer, found.solution) == expected


def test_an_answer_in_time_and_one_that_is_late(db: SqliteDatabase, cast: Cast):
    soon, late = file(db, cast.alice), file(db, cast.alice)
    replies.reply(db, cast.dan, soon, ReplyForm(new_id(), "Yes"), at=later(hours=7))
    replies.note(db, cast.dan, late, ReplyForm(new_id(), "No answer"), at=later(hours=7))
    assert clock_of(db, late, later(hours=7)).first_answer_met is None, "a note answers nobody"
    replies.reply(db, cast.dan, late, ReplyForm(new_id(), "Sorry"), at=later(hours=9))
    assert clock_of(db, soon, later(hours=10)).first_answer_met is True
    assert clock_of(db, late, later(hours=10)).first_answer_met is False
    assert hours(clock_of(db, late, later(hours=9))) == (8, 40)


def test_the_solutions_clock_stands_still_while_the_customer_is_waited_for(
    db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.alice)
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Which?"), at=later(hours=2))
    assert hours(clock_of(db, ticket, later(hours=12))) == (8, 50), "ten hours so far"
    replies.reply(db, cast.alice, ticket, ReplyForm(new_id(), "That one"), at=later(hours=32))
    assert hours(clock_of(db, ticket, later(hours=40))) == (8, 70), "thirty in all"
    lifecycle.solve(db, cast.dan, ticket, at=later(hours=69))
    assert clock_of(db, ticket, later(hours=500)).solution_met is True
    lifecycle.reopen(db, cast.alice, ticket, at=later(hours=70))
    assert clock_of(db, ticket, later(hours=75)).solution_met is None
    assert clock_of(db, ticket, later(hours=75)).due == MORNING + timedelta(hours=70)


def test_what_is_due_next_is_what_has_not_come(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    assert clock_of(db, ticket, MORNING).due == MORNING + timedelta(hours=8)
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "On it", status="open"), at=MORNING)
    assert clock_of(db, ticket, MORNING).due == MORNING + timedelta(hours=40)
    lifecycle.solve(db, cast.dan, ticket, at=later(hours=1))
    assert clock_of(db, ticket, MORNING).due is None


def test_without_targets_nothing_is_due(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    assert clocks.of_tickets(db, (), [ticket.id]) == {}
    some = clocks.of_tickets(db, (Target("blocking", "", 1.0),), [ticket.id])
    assert some[ticket.id].due is None


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({}, "a number of hours"),
        ({"first_answer": 0}, "a number of hours"),
        ({"first_answer": True}, "a number of hours"),
        ({"solution": "4h"}, "a number of hours"),
        ({"severity": "huge", "solution": 4}, "severity"),
        ({"organisation": 4, "solution": 4}, "organisation"),
        ({"within": 4}, "no 'within'"),
    ],
)
def test_a_wrong_table_is_named(tmp_path, table: dict[str, object], told: str):
    lines = [
        "[[targets]]",
        *(f"{name} = {value!r}".replace("True", "true") for name, value in table.items()),
    ]
    path = tmp_path / "kbsearch.toml"
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=told):
        config.load(path)


def test_tables_are_read(tmp_path):
    path = tmp_path / "kbsearch.toml"
    path.write_text('[[targets]]\nseverity = "blocking"\nfirst_answer = 1\n')
    assert config.load(path).settings.targets == (Target("blocking", "", 1.0, None),)
    assert replace(Target(), severity="minor").name == "minor"
