"""Lists of requests: mine, those I am copied on, my organisation's, and everybody's for agents.

What is typed in a list is looked for in subjects and numbers by the database, so that a subject
is found from the first letters typed, also while the index is away. Words of the conversation
are the index's: `also` adds the numbers it found, and the list confirms that they are visible.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.database import Database, Values, escape_like, one_of
from kbsearch.tickets import STATUSES, Severity, Status

Scope = Literal["mine", "copied", "organisation", "all"]
ListSort = Literal["updated", "created", "number", "status", "severity"]

PAGE_SIZE = 25
MOST_EXPORTED = 10_000
MOST_WORDS = 8
MOST_FOUND = 200  # numbers taken from the index
LONGEST_WORD = 100  # characters; LIKE refuses long patterns
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

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


@dataclass(frozen=True)
class ListFilter:
    """What a list is narrowed to and how it is sorted; all of it fits in an address."""

    scope: Scope = "mine"
    statuses: tuple[Status, ...] = ()  # none: all
    product: str = ""  # a slug
    text: str = ""
    sort: ListSort = "updated"
    ascending: bool = False
    page: int = 1
    also: tuple[int, ...] = ()  # numbers that the index found for the text


@dataclass(frozen=True)
class ListLine:
    """A request in a list."""

    id: str
    number: int
    subject: str
    language: str
    status: Status
    severity: Severity
    product: str | None  # a name
    version: str | None
    requester: str
    organisation: str | None  # a name
    created_at: str
    updated_at: str
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
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, filter.page), pages)
    lines = _lines(db, viewer, filter, PAGE_SIZE, (page - 1) * PAGE_SIZE)
    return Listing(lines, total, page, pages, counts, _products(db, viewer, filter.scope))


def list_current(db: Database, viewer: Viewer, limit: int) -> tuple[ListLine, ...]:
    """The viewer's own requests that are not solved yet, those changed last first."""
    if viewer.person_id is None:
        return ()
    return _lines(db, viewer, ListFilter("mine", statuses=("new", "open", "pending")), limit, 0)


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
    for line in _lines(db, viewer, filter, MOST_EXPORTED, 0):
        cells = (
            str(line.number),
            line.subject,
            line.status,
            line.severity,
            line.product or "",
            line.version or "",
            line.requester,
            line.organisation or "",
            line.created_at,
            line.updated_at,
        )
        yield tuple(map(safe_cell, cells))


def safe_cell(text: str) -> str:
    """A text that a spreadsheet shows as it is: what would be a formula begins with a quote."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def count_unread(db: Database, viewer: Viewer) -> int:
    """How many requests the viewer filed or is copied on have news for them."""
    if viewer.person_id is None:
        return 0
    condition, principals = access.visible(viewer, "ticket_readers", "ticket_id", "t.id")
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
    """Scope, product and text; the status apart, for it is counted."""
    visible, principals = _visible(viewer)
    places, slugs = one_of("organisation", viewer.organisations)
    conditions = [visible, SCOPES[filter.scope].format(organisations=places)]
    values: dict[str, object] = {**principals, **slugs, "me": viewer.person_id}
    if filter.scope == "all" and not viewer.is_agent:
        conditions.append("1 = 0")
    if filter.product:
        conditions.append("t.product_id = (SELECT mp.id FROM products mp WHERE mp.slug = :product)")
        values["product"] = filter.product
    conditions_of_text, patterns = holds(filter)
    return " AND ".join([*conditions, *conditions_of_text]), {**values, **patterns}


def _visible(viewer: Viewer) -> tuple[str, Values]:
    """Agents read every ticket: looking at the readers of each would take most of the time."""
    if viewer.is_agent:
        return "1 = 1", {}
    return access.visible(viewer, "ticket_readers", "ticket_id", "t.id")


def holds(filter: ListFilter) -> tuple[list[str], Values]:
    """Every word typed is in the subject or begins the number, or the index found the ticket."""
    clean = filter.text.replace("\x00", " ").encode("utf-8", "replace").decode()
    terms = [term[:LONGEST_WORD].lower() for term in clean.split()[:MOST_WORDS]]
    if not terms:
        return [], {}
    values: dict[str, object] = {}
    holds = []
    for n, term in enumerate(terms):
        values[f"word{n}"] = f"%{escape_like(term)}%"
        values[f"number{n}"] = f"{escape_like(term.removeprefix('#'))}%"
        holds.append(
            f"(LOWER(t.subject) LIKE :word{n} ESCAPE '!'"
            f" OR CAST(t.number AS TEXT) LIKE :number{n} ESCAPE '!')"
        )
    places, numbers = one_of("found", filter.also[:MOST_FOUND])
    return [f"(({' AND '.join(holds)}) OR t.number IN ({places}))"], {**values, **numbers}


def _lines(
    db: Database, viewer: Viewer, filter: ListFilter, limit: int, offset: int
) -> tuple[ListLine, ...]:
    where, values = _where(viewer, filter)
    places, statuses = one_of("status", filter.statuses or STATUSES)
    direction = "ASC" if filter.ascending else "DESC"
    rows = db.query(
        f"""
        SELECT t.id, t.number, t.subject, t.language, t.status, t.severity, p.name AS product,
               t.version, COALESCE(q.name, t.requester_email, '') AS requester,
               o.name AS organisation, t.created_at, t.updated_at,
               t.activity > COALESCE(v.activity, 0) AS is_unread
        FROM tickets t
        LEFT JOIN products p ON p.id = t.product_id
        LEFT JOIN people q ON q.id = t.requester_id
        LEFT JOIN organisations o ON o.id = t.organisation_id
        LEFT JOIN ticket_visits v ON v.ticket_id = t.id AND v.person_id = :me
        WHERE {where} AND t.status IN ({places})
        ORDER BY {ORDERS[filter.sort]} {direction}, t.number {direction}
        LIMIT :limit OFFSET :offset
        """,  # noqa: S608 (constants of this module)
        {**values, **statuses, "limit": limit, "offset": offset},
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
