"""The help centre in numbers, week by week: what searches became, how requests fare, what is said.

A period has whole days of UTC, the last one included. Weeks begin on Monday. Confirmed, assumed and
failed are three numbers and never one: `analytics.ledger` defines them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from kbsearch import access, analytics, clocks
from kbsearch.access import Viewer
from kbsearch.analytics import Ledger
from kbsearch.clock import parsed, stored
from kbsearch.conversations import ANSWERS, RESOLVED
from kbsearch.db import Database, Row
from kbsearch.errors import Invalid

LONGEST = timedelta(days=3 * 366)
SMALL = 5  # a share of fewer is no share

GROUPS = {
    "product": "COALESCE(p.name, '')",
    "organisation": "COALESCE(o.name, '')",
    "severity": "t.severity",
}


@dataclass(frozen=True)
class Period:
    """From one day to another, both included."""

    first: date
    last: date

    @property
    def since(self) -> str:
        return stored(datetime.combine(self.first, time(), UTC))

    @property
    def until(self) -> str:
        """The moment it is over."""
        return stored(datetime.combine(self.last + timedelta(days=1), time(), UTC))

    @property
    def before(self) -> "Period":
        """The period of the same length that ends where this one begins."""
        length = self.last - self.first + timedelta(days=1)
        return Period(self.first - length, self.first - timedelta(days=1))

    def weeks(self) -> list["Period"]:
        """Its weeks, the first and the last cut to the period."""
        weeks, monday = [], self.first - timedelta(days=self.first.weekday())
        while monday <= self.last:
            sunday = monday + timedelta(days=6)
            weeks.append(Period(max(monday, self.first), min(sunday, self.last)))
            monday += timedelta(days=7)
        return weeks


@dataclass(frozen=True)
class Week:
    """A week: its searches and what became of them, requests opened and solved."""

    period: Period
    ledger: Ledger
    opened: int
    solved: int


@dataclass(frozen=True)
class Times:
    """Hours in the middle and at nine of ten, of so many; None where there are none."""

    count: int
    median: float | None
    p90: float | None


@dataclass(frozen=True)
class Group:
    """Requests opened in a period that share a product, an organisation or a severity."""

    name: str
    opened: int
    first_answer: Times
    solution: Times  # without the time that the customer was waited for
    reopened: int


@dataclass(frozen=True)
class Opinion:
    """What requesters said of the answers: how many were satisfied, and their words."""

    good: int
    bad: int
    words: tuple[tuple[int, bool, str, str], ...]  # number, is good, why, when

    @property
    def count(self) -> int:
        return self.good + self.bad


def period(first: str, last: str, *, today: date | None = None) -> Period:
    """The period that two texts name, the last thirty days by default; raises Invalid."""
    now = today or datetime.now(UTC).date()
    try:
        end = date.fromisoformat(last) if last else now
        begin = date.fromisoformat(first) if first else end - timedelta(days=29)
    except ValueError:
        raise Invalid("insights.period_invalid") from None
    if begin > end or end - begin > LONGEST or begin < date(2000, 1, 1) or end > now + LONGEST:
        raise Invalid("insights.period_invalid")
    return Period(begin, end)


def deflection(db: Database, viewer: Viewer, asked: Period) -> Ledger:
    """What became of the visits that searched in a period."""
    access.only_agents(viewer)
    return analytics.ledger(db, asked.since, asked.until)


def weeks(db: Database, viewer: Viewer, asked: Period) -> list[Week]:
    """The weeks of a period."""
    access.only_agents(viewer)
    return [
        Week(
            week,
            analytics.ledger(db, week.since, week.until),
            _count(db, "created_at", week),
            _count(db, "solved_at", week),
        )
        for week in asked.weeks()
    ]


def requests(db: Database, viewer: Viewer, asked: Period, group: str) -> list[Group]:
    """The requests opened in a period, by product, organisation or severity, the most first."""
    access.only_agents(viewer)
    rows = db.query(
        f"""
        SELECT t.id, {GROUPS[group]} AS name, t.created_at, t.solved_at, t.status,
               (SELECT MIN(m.at) FROM {ANSWERS}) AS answered_at
        FROM tickets t LEFT JOIN products p ON p.id = t.product_id
        LEFT JOIN organisations o ON o.id = t.organisation_id
        WHERE t.created_at >= :since AND t.created_at < :until
        """,  # noqa: S608 (constants)
        {"since": asked.since, "until": asked.until},
    )
    statuses = clocks.statuses(db, [row["id"] for row in rows])
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row["name"], []).append(row)
    groups = [_group(name, some, statuses) for name, some in by_name.items()]
    return sorted(groups, key=lambda each: (-each.opened, each.name))


def opinion(db: Database, viewer: Viewer, asked: Period) -> Opinion:
    """What requesters said in a period, the latest words first."""
    access.only_agents(viewer)
    rows = db.query(
        """
        SELECT t.number, s.is_good, s.why, s.answered_at FROM satisfaction s
        JOIN tickets t ON t.id = s.ticket_id
        WHERE s.is_good IS NOT NULL AND s.answered_at >= :since AND s.answered_at < :until
        ORDER BY s.answered_at DESC, t.number
        """,
        {"since": asked.since, "until": asked.until},
    )
    good = sum(row["is_good"] for row in rows)
    words = tuple(
        (row["number"], bool(row["is_good"]), row["why"], row["answered_at"])
        for row in rows
        if row["why"]
    )
    return Opinion(good, len(rows) - good, words)


def times(hours: Sequence[float]) -> Times:
    """The median and the nearest-rank ninth decile of some hours."""
    if not hours:
        return Times(0, None, None)
    ranked = sorted(hours)
    middle = len(ranked) // 2
    median = ranked[middle] if len(ranked) % 2 else (ranked[middle - 1] + ranked[middle]) / 2
    return Times(len(ranked), median, ranked[math.ceil(0.9 * len(ranked)) - 1])


def _group(name: str, rows: Sequence[Row], statuses: dict[str, list[tuple[str, str]]]) -> Group:
    answered, solved, reopened = [], [], 0
    for row in rows:
        opened = parsed(row["created_at"])
        said = statuses.get(row["id"], [])
        if row["answered_at"]:
            answered.append(_hours(parsed(row["answered_at"]) - opened))
        if row["solved_at"] and row["status"] in RESOLVED:
            end = parsed(row["solved_at"])
            solved.append(_hours(end - opened - clocks.waited(said, end)))
        were = [status for _, status in said]
        reopened += any(
            before in RESOLVED and after not in RESOLVED
            for before, after in zip(were, were[1:], strict=False)
        )
    return Group(name, len(rows), times(answered), times(solved), reopened)


def _count(db: Database, column: str, asked: Period) -> int:
    rows = db.query(
        f"""
        SELECT COUNT(*) AS n FROM tickets
        WHERE {column} >= :since AND {column} < :until
        """,  # noqa: S608 (constants)
        {"since": asked.since, "until": asked.until},
    )
    return int(rows[0]["n"])


def _hours(span: timedelta) -> float:
    return span / timedelta(hours=1)
