"""Budgets: how many hours a contract has, by the month or the year, and what is left of them."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from kbsearch import access, audit, revisions
from kbsearch.access import Viewer
from kbsearch.clock import utc_now
from kbsearch.database import Database, Row, one_of
from kbsearch.errors import Invalid
from kbsearch.people.organisations import Organisation

Span = Literal["month", "year"]
SPANS: tuple[Span, ...] = get_args(Span)
MOST_HOURS = 99_999
ON = "yes"
_HOURS = re.compile(r"([0-9]{1,5}(?:[.,][0-9]{1,2})?) ?h?")


@dataclass(frozen=True)
class Budget:
    """So many minutes a month or a year, and what was spent of the one under way."""

    organisation: str  # its name
    minutes: int
    span: Span
    is_shown: bool  # to the people that the organisation named
    since: str  # the first day of the month or the year under way
    spent: int

    @property
    def left(self) -> int:
        """Minutes; fewer than none where more was spent."""
        return self.minutes - self.spent


@dataclass(frozen=True)
class BudgetFields:
    """A budget as it is typed: hours, a span; empty hours for none."""

    hours: str = ""
    span: str = "month"
    is_shown: bool = False


def find(
    db: Database, viewer: Viewer, organisation: str, *, today: date | None = None
) -> Budget | None:
    """What the organisation of a slug has, for agents; None where nothing was agreed.

    What is left of it tells of all its requests: an agent who is limited is not told.
    """
    access.only_agents(viewer, "organisation.not_found")
    if not viewer.sees_all_tickets:
        return None
    budgets = _read(db, "o.slug = :slug", {"slug": organisation}, today)
    return budgets[0] if budgets else None


def of_people_named(db: Database, viewer: Viewer, *, today: date | None = None) -> list[Budget]:
    """Those that the viewer may see as one of the people that their organisation named."""
    condition = """
        b.is_shown = 1 AND EXISTS (
          SELECT 1 FROM organisation_followers f JOIN memberships m
            ON m.organisation_id = f.organisation_id AND m.person_id = f.person_id
          WHERE f.organisation_id = o.id AND f.person_id = :person)
    """
    if not viewer.is_signed_in or not viewer.organisations:
        return []
    return _read(db, condition, {"person": viewer.person_id}, today)


def edit(
    db: Database,
    viewer: Viewer,
    organisation: Organisation,
    fields: BudgetFields,
    *,
    revision: str | None = None,
) -> None:
    """Agree on another budget, or on none; raises Invalid."""
    access.only_administrators(viewer)
    minutes = _minutes(fields.hours)
    if fields.span not in SPANS:
        raise Invalid("budget.span_unknown")
    with db.atomic():
        before = texts(db, viewer, organisation.slug)
        typed = {
            "budget_hours": fields.hours,
            "budget_span": fields.span,
            "budget_shown": ON if fields.is_shown else "",
        }
        revisions.check(revision, before, typed)
        db.execute("DELETE FROM time_budgets WHERE organisation_id = :id", {"id": organisation.id})
        if minutes:
            db.insert(
                "time_budgets",
                {
                    "organisation_id": organisation.id,
                    "minutes": minutes,
                    "span": fields.span,
                    "is_shown": int(fields.is_shown),
                },
            )
        after = texts(db, viewer, organisation.slug)
        audit.change(db, viewer, "budget.changed", organisation.slug, before, after)


def texts(db: Database, viewer: Viewer, organisation: str) -> dict[str, str]:
    """A budget as its form shows it."""
    budget = find(db, viewer, organisation)
    return {
        "budget_hours": _typed_hours(budget.minutes) if budget else "",
        "budget_span": budget.span if budget else "month",
        "budget_shown": ON if budget and budget.is_shown else "",
    }


def began(span: Span, contract_starts: str | None, today: date) -> date:
    """The first day of the month under way, or of the year of the contract."""
    if span == "month":
        return today.replace(day=1)
    first = date.fromisoformat(contract_starts) if contract_starts else date(today.year, 1, 1)
    month, day = first.month, first.day
    if (month, day) == (2, 29):
        month, day = 3, 1
    this_year = date(today.year, month, day)
    return this_year if this_year <= today else date(today.year - 1, month, day)


def _read(db: Database, condition: str, values: Row, today: date | None) -> list[Budget]:
    day = today or utc_now().date()
    rows = db.query(
        f"""
        SELECT o.id, o.name, o.contract_starts, b.minutes, b.span, b.is_shown
        FROM time_budgets b JOIN organisations o ON o.id = b.organisation_id
        WHERE {condition} ORDER BY o.name
        """,  # noqa: S608 (a constant)
        values,
    )
    since = {row["id"]: began(row["span"], row["contract_starts"], day).isoformat() for row in rows}
    spent = _spent(db, since)
    return [
        Budget(
            row["name"],
            row["minutes"],
            row["span"],
            bool(row["is_shown"]),
            since[row["id"]],
            spent[row["id"]],
        )
        for row in rows
    ]


def _spent(db: Database, since: Mapping[str, str]) -> Counter[str]:
    """The minutes of organisations, each from a day of its own on."""
    if not since:
        return Counter()
    places, values = one_of("id", list(since))
    rows = db.query(
        f"""
        SELECT t.organisation_id AS id, e.day, SUM(e.minutes) AS minutes
        FROM ticket_times e JOIN tickets t ON t.id = e.ticket_id
        WHERE t.organisation_id IN ({places}) AND e.day >= :first
        GROUP BY t.organisation_id, e.day
        """,  # noqa: S608 (names of parameters)
        {**values, "first": min(since.values())},
    )
    spent = Counter[str]()
    for row in rows:
        if row["day"] >= since[row["id"]]:
            spent[row["id"]] += int(row["minutes"])
    return spent


def _typed_hours(minutes: int) -> str:
    """As `_HOURS` reads them: two decimals are less than a minute."""
    return f"{minutes / 60:.2f}".rstrip("0").rstrip(".")


def _minutes(text: str) -> int:
    """Of a number of hours; none of an empty text."""
    typed = text[:40].strip()
    number = _HOURS.fullmatch(typed)
    hours = float(number[1].replace(",", ".")) if number else 0
    if typed and not 0 < hours <= MOST_HOURS:
        raise Invalid("budget.hours_invalid", limit=MOST_HOURS)
    return max(round(hours * 60), 1) if typed else 0
