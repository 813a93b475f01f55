"""The help centre in numbers, week by week: what searches became, how requests fare, what is said.

A period has whole days of a time zone, the last one included. Weeks begin on Monday. Confirmed,
assumed and failed are three numbers and never one: `deflection` defines them.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, one_of
from kbsearch.errors import Invalid
from kbsearch.insights import deflection, handling
from kbsearch.insights.deflection import Ledger, Visit
from kbsearch.insights.handling import GROUPS, Group, Handled, Which
from kbsearch.tickets.codes import Severity, Status

LONGEST = timedelta(days=3 * 366)
SMALL = 5  # a share or a median of fewer is none

Compared = Literal["before", "year", "none"]
COMPARED: tuple[Compared, ...] = get_args(Compared)
Counted = Literal[
    "opened", "answered", "solved", "reopened", "ended", "satisfied", "dissatisfied"
]  # of the requests opened in a period; of those that ended, or were judged, in it
COUNTED: tuple[Counted, ...] = get_args(Counted)
OF_SOME: tuple[Group, ...] = ("team", "calendar")  # shown where some request has one


@dataclass(frozen=True)
class Period:
    """From one day to another, both included."""

    first: date
    last: date
    zone: str = "UTC"

    @property
    def since(self) -> str:
        return self._begins(self.first)

    @property
    def until(self) -> str:
        """The moment it is over."""
        return self._begins(self.last + timedelta(days=1))

    @property
    def before(self) -> "Period":
        """The period of the same length that ends where this one begins."""
        length = self.last - self.first + timedelta(days=1)
        return replace(self, first=self.first - length, last=self.first - timedelta(days=1))

    @property
    def year_before(self) -> "Period":
        """The same days of the year before; 29 February is then the 28th."""
        return replace(self, first=_year_before(self.first), last=_year_before(self.last))

    def compared(self, how: Compared) -> "Period | None":
        """The period that this one is compared with, if any."""
        return {"before": self.before, "year": self.year_before, "none": None}[how]

    def weeks(self) -> list["Period"]:
        """Its weeks, the first and the last cut to the period."""
        weeks, monday = [], self.first - timedelta(days=self.first.weekday())
        while monday <= self.last:
            first, last = max(monday, self.first), min(monday + timedelta(days=6), self.last)
            weeks.append(replace(self, first=first, last=last))
            monday += timedelta(days=7)
        return weeks

    def _begins(self, day: date) -> str:
        return stored(datetime.combine(day, time(), ZoneInfo(self.zone)).astimezone(UTC))


@dataclass(frozen=True)
class Thanked:
    """Messages taken for a mere thanks, and those in which an agent saw more."""

    count: int
    undone: int


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
class Shared:
    """Requests opened in a period that share a product, organisation, team, severity or tag."""

    name: str
    opened: int
    first_answer: Times
    solution: Times
    first_answer_open: Times  # in opening hours
    solution_open: Times
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


@dataclass(frozen=True)
class CountedTicket:
    """A request behind a number."""

    id: str
    number: int
    subject: str
    language: str
    status: Status
    severity: Severity
    product: str
    organisation: str
    created_at: str


def period(first: str, last: str, *, zone: str = "UTC", today: date | None = None) -> Period:
    """The period that two texts name, the last thirty days by default; raises Invalid."""
    now = today or utc_now().astimezone(ZoneInfo(zone)).date()
    try:
        end = date.fromisoformat(last) if last else now
        begin = date.fromisoformat(first) if first else end - timedelta(days=29)
    except ValueError:
        raise Invalid("insights.period_invalid") from None
    if begin > end or end - begin > LONGEST or begin < date(2000, 1, 1) or end > now + LONGEST:
        raise Invalid("insights.period_invalid")
    return Period(begin, end, zone)


def visits(db: Database, viewer: Viewer, period: Period) -> list[Visit]:
    """The visits that searched in a period: `deflection` counts them."""
    access.only_unlimited(viewer)
    return deflection.visits(db, period.since, period.until)


def weeks(db: Database, viewer: Viewer, period: Period, visits: Sequence[Visit]) -> list[Week]:
    """The weeks of a period; a visit counts in that of its first search."""
    access.only_unlimited(viewer)
    periods = period.weeks()
    moments = [*(week.since for week in periods), period.until]
    opened, solved = (_by_stretch(db, column, moments) for column in ("created_at", "solved_at"))
    by_week: list[list[Visit]] = [[] for _ in periods]
    for visit in visits:
        by_week[_stretch(moments, visit.at)].append(visit)
    ledgers = map(deflection.ledger, by_week)
    return [Week(*parts) for parts in zip(periods, ledgers, opened, solved, strict=True)]


def shared(db: Database, viewer: Viewer, period: Period) -> dict[Group, list[Shared]]:
    """The requests opened in a period, by what they share: of each the most first.

    Each is counted once, but under each of its tags; by team and calendar where there is one.
    """
    access.only_unlimited(viewer)
    requests = handling.groups(db, period.since, period.until)
    tagged = handling.groups(db, period.since, period.until, by_tag=True)
    groups = {by: _by_name(tagged if by == "tag" else requests, by) for by in GROUPS}
    for by in OF_SOME:
        if not any(group.name for group in groups[by]):
            groups[by] = []
    return groups


def _by_name(requests: Sequence[Handled], by: Group) -> list[Shared]:
    by_name: dict[str, list[Handled]] = {}
    for group in requests:
        by_name.setdefault(getattr(group, by), []).append(group)
    groups = [
        Shared(
            name,
            sum(member.opened for member in members),
            times([hours for member in members for hours in member.first_answers]),
            times([hours for member in members for hours in member.solutions]),
            times([hours for member in members for hours in member.first_answers_open]),
            times([hours for member in members for hours in member.solutions_open]),
            sum(member.reopened for member in members),
        )
        for name, members in by_name.items()
    ]
    return sorted(groups, key=lambda group: (-group.opened, group.name))


def counted(
    db: Database, viewer: Viewer, period: Period, what: Counted, by: Group | None, name: str
) -> list[str]:
    """The ids of the requests that a number counts, the latest first."""
    access.only_unlimited(viewer)
    if what in _ELSEWHERE:
        return _ids(db, period, _ELSEWHERE[what])
    which = next(which for which in get_args(Which) if which == what)
    return handling.ids(db, period.since, period.until, which, by, name)


def lines(db: Database, viewer: Viewer, ids: Sequence[str]) -> list[CountedTicket]:
    """Those requests, in the order of their ids."""
    access.only_unlimited(viewer)
    places, values = one_of("id", ids)
    rows = db.query(
        f"""
        SELECT t.id, t.number, t.subject, t.language, t.status, t.severity,
               COALESCE(p.name, '') AS product, COALESCE(o.name, '') AS organisation, t.created_at
        FROM tickets t LEFT JOIN products p ON p.id = t.product_id
        LEFT JOIN organisations o ON o.id = t.organisation_id WHERE t.id IN ({places})
        """,  # noqa: S608 (names of parameters)
        values,
    )
    lines = {row["id"]: CountedTicket(**row) for row in rows}
    return [lines[ticket_id] for ticket_id in ids if ticket_id in lines]


def thanked(db: Database, viewer: Viewer, period: Period) -> Thanked:
    """How many messages of a period were taken for a mere thanks, and how many wrongly."""
    access.only_unlimited(viewer)
    rows = db.query(
        """
        SELECT COUNT(*) AS count, COUNT(CASE WHEN thanks = 2 THEN 1 END) AS undone
        FROM messages WHERE thanks > 0 AND at >= :since AND at < :until
        """,
        {"since": period.since, "until": period.until},
    )
    return Thanked(**rows[0])


def opinion(db: Database, viewer: Viewer, period: Period) -> Opinion:
    """What requesters said in a period, the latest words first."""
    access.only_unlimited(viewer)
    rows = db.query(
        """
        SELECT t.number, s.is_good, s.why, s.answered_at FROM satisfaction s
        JOIN tickets t ON t.id = s.ticket_id
        WHERE s.is_good IS NOT NULL AND s.answered_at >= :since AND s.answered_at < :until
        ORDER BY s.answered_at DESC, t.number
        """,
        {"since": period.since, "until": period.until},
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


_ENDED = """
    SELECT id, solved_at AS at FROM tickets WHERE solved_at >= :since AND solved_at < :until
"""
_OPINIONS = """
    SELECT ticket_id AS id, answered_at AS at FROM satisfaction
    WHERE is_good = {} AND answered_at >= :since AND answered_at < :until
"""
_ELSEWHERE: Mapping[Counted, str] = {
    "ended": _ENDED,
    "satisfied": _OPINIONS.format(1),
    "dissatisfied": _OPINIONS.format(0),
}


def _ids(db: Database, period: Period, sql: str) -> list[str]:
    rows = db.query(f"{sql} ORDER BY at DESC, id", {"since": period.since, "until": period.until})
    return [row["id"] for row in rows]


def _by_stretch(db: Database, column: str, moments: Sequence[str]) -> list[int]:
    """How many requests have a moment in each stretch between some."""
    stretches = ", ".join(
        f"({place}, :m{place}, :m{place + 1})" for place in range(len(moments) - 1)
    )
    rows = db.query(
        f"""
        WITH stretches (place, since, until) AS (VALUES {stretches})
        SELECT (SELECT COUNT(*) FROM tickets t
                WHERE t.{column} >= s.since AND t.{column} < s.until) AS count
        FROM stretches s ORDER BY s.place
        """,  # noqa: S608 (constants, and names of parameters)
        {f"m{place}": moment for place, moment in enumerate(moments)},
    )
    return [row["count"] for row in rows]


def _stretch(moments: Sequence[str], at: str) -> int:
    return bisect_right(moments, at) - 1


def _year_before(day: date) -> date:
    is_leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if is_leap_day else day.day)
