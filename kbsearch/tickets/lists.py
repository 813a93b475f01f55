"""Lists of requests: mine, those I am copied on, my organisation's, and everybody's for agents."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kbsearch.access import Viewer
from kbsearch.database import Database, one_of
from kbsearch.tickets import visibility
from kbsearch.tickets.codes import STATUSES, UNDER_WAY, Status
from kbsearch.tickets.listing import (
    COLUMNS,
    SOURCES,
    TicketFilter,
    TicketLine,
    narrowed,
    page_of,
    safe_cell,
)

Scope = Literal["mine", "copied", "organisation", "all"]
ListSort = Literal["updated", "created", "number", "status", "severity"]

MOST_EXPORTED = 10_000

SCOPES: dict[Scope, str] = {
    "mine": "t.requester_id = :me",
    "copied": "t.id IN (SELECT c.ticket_id FROM ticket_copies c WHERE c.person_id = :me)",
    "organisation": """t.organisation_id IN (SELECT mo.id FROM organisations mo
        WHERE mo.slug IN ({organisations}))""",
    "all": "1 = 1",
}
# What is waited for comes first; a severity by its weight.
ORDERS: dict[ListSort, str] = {
    "updated": "t.updated_at",
    "created": "t.created_at",
    "number": "t.number",
    "status": """CASE t.status WHEN 'pending' THEN 4 WHEN 'open' THEN 3 WHEN 'new' THEN 2
        WHEN 'solved' THEN 1 ELSE 0 END""",
    "severity": "CASE t.severity WHEN 'blocking' THEN 2 WHEN 'major' THEN 1 ELSE 0 END",
}


@dataclass(frozen=True, kw_only=True)
class ListFilter(TicketFilter):
    """What a list is narrowed to and how it is sorted; all of it fits in an address."""

    scope: Scope = "mine"
    statuses: tuple[Status, ...] = ()  # none: all
    sort: ListSort = "updated"
    ascending: bool = False


@dataclass(frozen=True, kw_only=True)
class ListLine(TicketLine):
    """A request in a list of its reader."""

    is_unread: bool


@dataclass(frozen=True)
class Listing:
    """A page of a list; counts by status are of everything else in the filter."""

    lines: tuple[ListLine, ...]
    total: int
    page: int
    pages: int
    counts: Mapping[Status, int]
    products: tuple[tuple[str, str], ...]  # (slug, name) that the scope has


def list_tickets(db: Database, viewer: Viewer, filter: ListFilter) -> Listing:
    """A page of requests the viewer may read, in three queries for any number of them."""
    where, values = _where(viewer, filter)
    counted = {
        row["status"]: row["n"]
        for row in db.query(
            f"""
            SELECT t.status, COUNT(*) AS n FROM tickets t WHERE {where} GROUP BY t.status
            """,  # noqa: S608 (constants of this module)
            values,
        )
    }
    counts = {status: int(counted.get(status, 0)) for status in STATUSES}
    total = sum(counts[status] for status in filter.statuses or STATUSES)
    page, pages, stretch = page_of(total, filter.page)
    lines = _lines(db, viewer, filter, stretch)
    return Listing(lines, total, page, pages, counts, _products(db, viewer, filter.scope))


def list_current(db: Database, viewer: Viewer, limit: int) -> tuple[ListLine, ...]:
    """The viewer's own requests that are not solved yet, those changed last first."""
    if viewer.person_id is None:
        return ()
    return _lines(db, viewer, ListFilter(statuses=UNDER_WAY), slice(0, limit))


def ids_before(
    db: Database, viewer: Viewer, filter: ListFilter, before: int, limit: int
) -> list[str]:
    """The ids of the tickets of a filter whose number is below one, the highest first."""
    where, values = _where(viewer, filter)
    places, statuses = one_of("status", filter.statuses or STATUSES)
    rows = db.query(
        f"""
        SELECT t.id FROM tickets t
        WHERE {where} AND t.status IN ({places}) AND t.number < :before
        ORDER BY t.number DESC LIMIT :limit
        """,  # noqa: S608 (constants of this module)
        {**values, **statuses, "before": before, "limit": limit},
    )
    return [row["id"] for row in rows]


def csv_rows(db: Database, viewer: Viewer, filter: ListFilter) -> Iterator[tuple[str, ...]]:
    """Every request of a filter as cells that no spreadsheet takes for a formula.

    In order: number, subject, status, severity, product, version, requester, organisation,
    created, updated.
    """
    for line in _lines(db, viewer, filter, slice(0, MOST_EXPORTED)):
        yield tuple(map(safe_cell, (*line.cells, line.created_at, line.updated_at)))


def count_unread(db: Database, viewer: Viewer) -> int:
    """How many requests the viewer filed or is copied on have news for them."""
    if viewer.person_id is None:
        return 0
    condition, principals = visibility.condition(viewer)
    rows = db.query(
        f"""
        SELECT COUNT(*) AS n FROM tickets t
        LEFT JOIN ticket_visits v ON v.ticket_id = t.id AND v.person_id = :me
        WHERE t.activity > COALESCE(v.activity, 0) AND {condition}
          AND ({SCOPES["mine"]} OR {SCOPES["copied"]})
        """,  # noqa: S608 (constants of this module)
        {"me": viewer.person_id, **principals},
    )
    return int(rows[0]["n"])


def _where(viewer: Viewer, filter: ListFilter) -> tuple[str, dict[str, object]]:
    """Scope and what it is narrowed to; the status apart, for it is counted."""
    visible, principals = visibility.condition(viewer)
    places, slugs = one_of("organisation", viewer.organisations)
    conditions, values = narrowed(filter)
    conditions += [visible, SCOPES[filter.scope].format(organisations=places)]
    if (filter.scope == "all" or filter.tags) and not viewer.is_agent:
        conditions.append("1 = 0")
    return " AND ".join(conditions), {**values, **principals, **slugs, "me": viewer.person_id}


def _lines(
    db: Database, viewer: Viewer, filter: ListFilter, stretch: slice
) -> tuple[ListLine, ...]:
    where, values = _where(viewer, filter)
    places, statuses = one_of("status", filter.statuses or STATUSES)
    direction = "ASC" if filter.ascending else "DESC"
    rows = db.query(
        f"""
        SELECT {COLUMNS}, t.activity > COALESCE(v.activity, 0) AS is_unread FROM {SOURCES}
        LEFT JOIN ticket_visits v ON v.ticket_id = t.id AND v.person_id = :me
        WHERE {where} AND t.status IN ({places})
        ORDER BY {ORDERS[filter.sort]} {direction}, t.number {direction}
        LIMIT :limit OFFSET :start
        """,  # noqa: S608 (constants of this module)
        {**values, **statuses, "limit": stretch.stop - stretch.start, "start": stretch.start},
    )
    return tuple(ListLine(**{**row, "is_unread": bool(row["is_unread"])}) for row in rows)


def _products(db: Database, viewer: Viewer, scope: Scope) -> tuple[tuple[str, str], ...]:
    """The products one can narrow to: those that the scope has, whatever else is asked."""
    where, values = _where(viewer, ListFilter(scope=scope))
    rows = db.query(
        f"""
        SELECT DISTINCT p.slug, p.name FROM tickets t JOIN products p ON p.id = t.product_id
        WHERE {where} ORDER BY p.name
        """,  # noqa: S608 (constants of this module)
        values,
    )
    return tuple((row["slug"], row["name"]) for row in rows)


def scope_counts(db: Database, viewer: Viewer, scopes: Sequence[Scope]) -> dict[Scope, int]:
    """How many requests each list has, for the links between them."""
    counts: dict[Scope, int] = {}
    for scope in scopes:
        where, values = _where(viewer, ListFilter(scope=scope))
        rows = db.query(
            f"SELECT COUNT(*) AS n FROM tickets t WHERE {where}",  # noqa: S608 (constants)
            values,
        )
        counts[scope] = int(rows[0]["n"])
    return counts
