"""Time on requests: typed, taken by a stopwatch, summed up, held against a contract."""

from datetime import date, timedelta

import pytest

from kbsearch import audit, people, timekeeping
from kbsearch.access import OPERATOR
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound, Outdated
from kbsearch.people import organisations
from kbsearch.people.organisations import OrganisationFields
from kbsearch.timekeeping import TimeFields, budgets, sums
from kbsearch.timekeeping.budgets import BudgetFields
from tests.conftest import Cast
from tests.kit.requests import MORNING, file, later

TODAY = MORNING.date()


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("1h30", 90),
        ("1 h 05", 65),
        ("1:30", 90),
        ("2h", 120),
        ("1,5 h", 90),
        ("0.25h", 15),
        ("45 min", 45),
        ("45", 45),
        (" 2 HEURES ", 120),
        ("24h", 1440),
    ],
)
def test_time_is_typed_as_people_write_it(text: str, minutes: int):
    assert timekeeping.parse(text) == minutes


@pytest.mark.parametrize("text", ["", "0", "25h", "1441", "soon", "-5", "1h75", "²", "1" * 50])
def test_what_is_no_time_is_refused(text: str):
    with pytest.raises(Invalid, match="time.spent_invalid"):
        timekeeping.parse(text)


def spend(db: Database, cast: Cast, spent: str, day: date = TODAY, by: str = "alice") -> None:
    ticket = file(db, getattr(cast, by))
    fields = TimeFields(spent, day.isoformat(), "Réglage")
    timekeeping.record(db, cast.dan, ticket, fields, at=MORNING)


def test_an_entry_is_kept_and_taken_back_by_its_own_agent(db: Database, cast: Cast):
    ticket = file(db, cast.alice)
    kept = timekeeping.record(db, cast.dan, ticket, TimeFields("1h30", "", " Un  réglage "))
    (entry,) = timekeeping.list_of(db, cast.dan, ticket)
    assert (entry.minutes, entry.note, entry.person) == (90, "Un réglage", "Dan Leroy")
    people.edit(db, OPERATOR, people.find(db, cast.wendy.email), people.PersonFields(role="agent"))
    with pytest.raises(NotFound):
        timekeeping.remove(db, cast.alice, ticket, kept)
    with pytest.raises(NotFound):
        timekeeping.remove(db, cast.dan, ticket, "another")
    timekeeping.remove(db, cast.root, ticket, kept)
    assert timekeeping.list_of(db, cast.dan, ticket) == []


def test_customers_learn_nothing_of_it(db: Database, cast: Cast):
    ticket = file(db, cast.alice)
    timekeeping.record(db, cast.dan, ticket, TimeFields("1h30"))
    for closed in (
        lambda: timekeeping.list_of(db, cast.alice, ticket),
        lambda: timekeeping.record(db, cast.alice, ticket, TimeFields("5")),
        lambda: timekeeping.start(db, cast.alice, ticket),
        lambda: budgets.find(db, cast.alice, "acme"),
        lambda: sums.by_month(db, cast.alice, "2026-01-01", "2026-12-31"),
        lambda: sums.lines(db, cast.wendy, "2026-01-01", "2026-12-31"),
    ):
        with pytest.raises(NotFound):
            closed()


@pytest.mark.parametrize("day", ["2026-03-03", "2020-01-01", "yesterday"])
def test_a_day_to_come_or_long_gone_is_refused(db: Database, cast: Cast, day: str):
    with pytest.raises(Invalid, match="time.day_invalid"):
        timekeeping.record(db, cast.dan, file(db, cast.alice), TimeFields("5", day), at=MORNING)


def test_a_stopwatch_runs_until_it_is_stopped_and_counts_once(db: Database, cast: Cast):
    ticket = file(db, cast.alice)
    timekeeping.start(db, cast.dan, ticket, at=MORNING)
    timekeeping.start(db, cast.dan, ticket, at=later(minutes=5))
    assert timekeeping.started(db, cast.dan, ticket) == "2026-03-02T09:00:00Z"
    assert timekeeping.started(db, cast.root, ticket) is None
    for _ in range(2):
        timekeeping.stop(db, cast.dan, ticket, at=later(minutes=32))
    assert [entry.minutes for entry in timekeeping.list_of(db, cast.dan, ticket)] == [32]
    timekeeping.start(db, cast.dan, ticket, at=MORNING)
    timekeeping.drop(db, cast.dan, ticket)
    timekeeping.start(db, cast.dan, ticket, at=MORNING)
    timekeeping.stop(db, cast.dan, ticket, at=later(days=3))
    assert sorted(e.minutes for e in timekeeping.list_of(db, cast.dan, ticket)) == [32, 1440]


def test_sums_are_by_organisation_and_month(db: Database, cast: Cast):
    spend(db, cast, "1h30")
    spend(db, cast, "30")
    spend(db, cast, "2h", TODAY - timedelta(days=10))
    spend(db, cast, "10", by="chloe")
    found = sums.by_month(db, cast.dan, "2026-02-01", "2026-03-31")
    assert [(row.month, row.organisation, row.minutes, row.requests) for row in found] == [
        ("2026-03", "Acme", 120, 2),
        ("2026-03", "Globex", 10, 1),
        ("2026-02", "Acme", 120, 1),
    ]
    lines = sums.lines(db, cast.dan, "2026-03-01", "2026-03-31")
    assert [(line.minutes, line.note) for line in lines] == [
        (90, "Réglage"), (30, "Réglage"), (10, "Réglage"),
    ]  # fmt: skip


def agree(db: Database, hours: str, span: str = "month", *, is_shown: bool = False) -> None:
    acme = organisations.find(db, "acme")
    budgets.edit(db, OPERATOR, acme, BudgetFields(hours, span, is_shown))


def test_what_is_left_is_of_the_month_or_the_year_of_the_contract(db: Database, cast: Cast):
    spend(db, cast, "1h30")
    spend(db, cast, "2h", date(2026, 2, 20))
    spend(db, cast, "4h", date(2025, 12, 1))
    agree(db, "10,5")
    budget = budgets.find(db, cast.dan, "acme", today=TODAY)
    assert budget and (budget.minutes, budget.left) == (630, 540)
    agree(db, "3", "year")
    budget = budgets.find(db, cast.dan, "acme", today=TODAY)
    assert budget and (budget.since, budget.left) == ("2026-01-01", -30)
    acme = organisations.find(db, "acme")
    organisations.edit(db, OPERATOR, acme, OrganisationFields(contract_starts="2024-11-15"))
    budget = budgets.find(db, cast.dan, "acme", today=TODAY)
    assert budget and (budget.since, budget.left) == ("2025-11-15", -270)
    agree(db, "")
    assert budgets.find(db, cast.dan, "acme") is None


def test_the_people_named_see_their_own_budget_where_they_may(db: Database, cast: Cast):
    acme = organisations.find(db, "acme")
    people_named = OrganisationFields(sharing="people", followers=["alice@acme.example"])
    organisations.edit(db, OPERATOR, acme, people_named)
    agree(db, "10")
    assert budgets.of_people_named(db, cast.alice) == []
    agree(db, "10", is_shown=True)
    assert [budget.organisation for budget in budgets.of_people_named(db, cast.alice)] == ["Acme"]
    for other in (cast.bob, cast.chloe, cast.nobody):
        assert budgets.of_people_named(db, other) == []


@pytest.mark.parametrize("hours", ["0.33", "10.33", "12345.67", "1", "99999"])
def test_a_budget_is_saved_again_as_it_is_shown(db: Database, cast: Cast, hours: str):
    agree(db, hours)
    budget = budgets.find(db, cast.dan, "acme")
    agree(db, budgets.texts(db, cast.dan, "acme")["budget_hours"])
    assert budget and budgets.find(db, cast.dan, "acme") == budget


@pytest.mark.parametrize("hours", ["many", "0", "-3", "1e9", "100000", "²", "1.x"])
def test_what_is_no_number_of_hours_is_refused(db: Database, cast: Cast, hours: str):
    with pytest.raises(Invalid, match="budget.hours_invalid"):
        agree(db, hours)


def test_a_budget_is_logged_and_not_changed_from_a_page_of_before(db: Database, cast: Cast):
    agree(db, "10")
    (event,) = audit.list_kinds(db, cast.root, ["budget.changed"], limit=5)
    assert event.details["after"]["budget_hours"] == "10"
    with pytest.raises(Outdated):
        budgets.edit(
            db, cast.root, organisations.find(db, "acme"), BudgetFields("20"), revision="earlier"
        )


def test_the_year_of_a_contract_of_a_leap_day_begins_in_march():
    assert budgets.began("year", "2024-02-29", date(2026, 3, 2)) == date(2026, 3, 1)
    assert budgets.began("year", "2024-02-29", date(2026, 2, 2)) == date(2025, 3, 1)
