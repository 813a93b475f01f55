"""The help centre in numbers, week by week: what searches became, how requests fare, what is said.

A period has whole days of a time zone, the last one included. Weeks begin on Monday. Confirmed,
assumed and failed are three numbers and never one: `deflection` defines them.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.clock import parsed, stored, utc_now
from kbsearch.database import Database, Row, one_of
from kbsearch.errors import Invalid
from kbsearch.insights import deflection
from kbsearch.insights.deflection import Ledger, Visit
from kbsearch.tickets import clocks
from kbsearch.tickets.codes import RESOLVED, Severity, Status
from kbsearch.tickets.messages import ANSWERS

LONGEST = timedelta(days=3 * 366)
SMALL = 5  # a share or a median of fewer is none

Compared = Literal["before", "year", "none"]
COMPARED: tuple[Compared, ...] = get_args(Compared)
Group = Literal["product", "organisation", "severity", "tag"]
GROUPS: tuple[Group, ...] = get_args(Group)
Counted = Literal[
    "opened", "answered", "solved", "reopened", "ended", "satisfied", "dissatisfied"
]  # of the requests opened in a period; of those that ended, or were judged, in it
COUNTED: tuple[Counted, ...] = get_args(Counted)


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
class Fared:
    """A request opened in a period, and how it fared, in hours; None for what did not come."""

    id: str
    product: str  # names; empty where there is none
    organisation: str
    severity: Severity
    first_answer: float | None
    solution: float | None  # without the time that the customer was waited for
    is_reopened: bool
    tags: tuple[str, ...] = ()

    def names(self, by: Group) -> tuple[str, ...]:
        """Where it is counted: once, but under each of its tags."""
        return self.tags if by == "tag" else (getattr(self, by),)


@dataclass(frozen=True)
class Times:
    """Hours in the middle and at nine of ten, of so many; None where there are none."""

    count: int
    median: float | None
    p90: float | None


@dataclass(frozen=True)
class Shared:
    """Requests opened in a period that share a product, an organisation, a severity or a tag."""

    name: str
    opened: int
    first_answer: Times
    solution: Times
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
    access.only_agents(viewer)
    return deflection.visits(db, period.since, period.until)


def weeks(db: Database, viewer: Viewer, period: Period, visits: Sequence[Visit]) -> list[Week]:
    """The weeks of a period; a visit counts in that of its first search."""
    access.only_agents(viewer)
    periods = period.weeks()
    moments = [*(week.since for week in periods), period.until]
    opened, solved = (_by_stretch(db, column, moments) for column in ("created_at", "solved_at"))
    by_week: list[list[Visit]] = [[] for _ in periods]
    for visit in visits:
        by_week[_stretch(moments, visit.at)].append(visit)
    ledgers = map(deflection.ledger, by_week)
    return [Week(*parts) for parts in zip(periods, ledgers, opened, solved, strict=True)]


def fared(db: Database, viewer: Viewer, period: Period) -> list[Fared]:
    """The requests opened in a period, the latest first."""
    access.only_agents(viewer)
    rows = db.query(
        f"""
        SELECT t.id, COALESCE(p.name, '') AS product, COALESCE(o.name, '') AS organisation,
               t.severity, t.created_at, t.solved_at, t.status,
               (SELECT MIN(m.at) FROM {ANSWERS}) AS answered_at
        FROM tickets t LEFT JOIN products p ON p.id = t.product_id
        LEFT JOIN organisations o ON o.id = t.organisation_id
        WHERE t.created_at >= :since AND t.created_at < :until
        ORDER BY t.created_at DESC, t.number DESC
        """,  # noqa: S608 (constants)
        {"since": period.since, "until": period.until},
    )
    statuses = _statuses(db, period)
    tags = _tags(db, period)
    return [
        _fared(row, statuses.get(row["id"], ()), tuple(tags.get(row["id"], ()))) for row in rows
    ]


def shared(requests: Sequence[Fared], by: Group) -> list[Shared]:
    """Requests by product, organisation, severity or tag, the most first."""
    by_name: dict[str, list[Fared]] = {}
    for request in requests:
        for name in request.names(by):
            by_name.setdefault(name, []).append(request)
    groups = [
        Shared(
            name,
            len(members),
            times(
                [request.first_answer for request in members if request.first_answer is not None]
            ),
            times([request.solution for request in members if request.solution is not None]),
            sum(request.is_reopened for request in members),
        )
        for name, members in by_name.items()
    ]
    return sorted(groups, key=lambda group: (-group.opened, group.name))


def counted(
    db: Database, viewer: Viewer, period: Period, what: Counted, by: Group | None, name: str
) -> list[str]:
    """The ids of the requests that a number counts, the latest first."""
    access.only_agents(viewer)
    if what in _JUDGED:
        return _ids(db, period, _JUDGED[what])
    if what == "ended":
        return _ids(db, period, _ENDED)
    return [
        request.id
        for request in fared(db, viewer, period)
        if _COUNTS[what](request) and (by is None or name in request.names(by))
    ]


def lines(db: Database, viewer: Viewer, ids: Sequence[str]) -> list[CountedTicket]:
    """Those requests, in the order of their ids."""
    access.only_agents(viewer)
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
    access.only_agents(viewer)
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
    access.only_agents(viewer)
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


_COUNTS: Mapping[Counted, Callable[[Fared], bool]] = {
    "opened": lambda request: True,
    "answered": lambda request: request.first_answer is not None,
    "solved": lambda request: request.solution is not None,
    "reopened": lambda request: request.is_reopened,
}
_ENDED = """
    SELECT id, solved_at AS at FROM tickets WHERE solved_at >= :since AND solved_at < :until
"""
_OPINIONS = """
    SELECT ticket_id AS id, answered_at AS at FROM satisfaction
    WHERE is_good = {} AND answered_at >= :since AND answered_at < :until
"""
_JUDGED: Mapping[Counted, str] = {
    "satisfied": _OPINIONS.format(1),
    "dissatisfied": _OPINIONS.format(0),
}


def _ids(db: Database, period: Period, sql: str) -> list[str]:
    rows = db.query(f"{sql} ORDER BY at DESC, id", {"since": period.since, "until": period.until})
    return [row["id"] for row in rows]


def _statuses(db: Database, period: Period) -> dict[str, list[tuple[str, str]]]:
    """When each request opened in a period took which status, in order."""
    rows = db.query(
        """
        SELECT e.ticket_id, e.at, e.after FROM tickets t
        JOIN ticket_events e ON e.ticket_id = t.id AND e.field = 'status'
        WHERE t.created_at >= :since AND t.created_at < :until ORDER BY e.ticket_id, e.revision
        """,
        {"since": period.since, "until": period.until},
    )
    histories: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        histories.setdefault(row["ticket_id"], []).append((row["at"], row["after"]))
    return histories


def _tags(db: Database, period: Period) -> dict[str, list[str]]:
    """Those of the requests opened in a period."""
    tags: dict[str, list[str]] = {}
    for row in db.query(
        """
        SELECT g.ticket_id, g.tag FROM tickets t JOIN ticket_tags g ON g.ticket_id = t.id
        WHERE t.created_at >= :since AND t.created_at < :until
        """,
        {"since": period.since, "until": period.until},
    ):
        tags.setdefault(row["ticket_id"], []).append(row["tag"])
    return tags


def _fared(row: Row, statuses: Sequence[tuple[str, str]], tags: tuple[str, ...]) -> Fared:
    opened = parsed(row["created_at"])
    answer = solution = None
    if row["answered_at"]:
        answer = _hours(parsed(row["answered_at"]) - opened)
    if row["solved_at"] and row["status"] in RESOLVED:
        end = parsed(row["solved_at"])
        solution = _hours(end - opened - clocks.waited(statuses, end))
    were = [status for _, status in statuses]
    is_reopened = any(
        before in RESOLVED and after not in RESOLVED
        for before, after in zip(were, were[1:], strict=False)
    )
    return Fared(
        row["id"],
        row["product"],
        row["organisation"],
        row["severity"],
        answer,
        solution,
        is_reopened,
        tags,
    )


def _by_stretch(db: Database, column: str, moments: Sequence[str]) -> list[int]:
    """How many requests have a moment in each stretch between some."""
    rows = db.query(
        f"""
        SELECT {column} AS at FROM tickets WHERE {column} >= :since AND {column} < :until
        """,  # noqa: S608 (constants)
        {"since": moments[0], "until": moments[-1]},
    )
    counts = [0 for _ in moments[1:]]
    for row in rows:
        counts[_stretch(moments, row["at"])] += 1
    return counts


def _stretch(moments: Sequence[str], at: str) -> int:
    return bisect_right(moments, at) - 1


def _year_before(day: date) -> date:
    is_leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if is_leap_day else day.day)


def _hours(span: timedelta) -> float:
    return span / timedelta(hours=1)
