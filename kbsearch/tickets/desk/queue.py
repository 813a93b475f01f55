"""The queue of those who answer: views of what is to be done, what each request waits for.

Everything a view is narrowed to fits in an address. What is overdue comes first, then what is due
next, then the oldest.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.clock import stored
from kbsearch.config import Settings
from kbsearch.database import Database, one_of
from kbsearch.tickets import Severity, Status, changes, clocks, waiting
from kbsearch.tickets.clocks import Clock
from kbsearch.tickets.lists import Filter as ListFilter
from kbsearch.tickets.lists import holds, safe_cell
from kbsearch.tickets.messages import ANSWERS
from kbsearch.tickets.waiting import Waiting

View = Literal["todo", "mine", "unanswered", "blocking", "waiting", "solved", "all"]
Sort = Literal["due", "age", "updated", "severity", "number"]
VIEWS: tuple[View, ...] = get_args(View)
SORTS: tuple[Sort, ...] = get_args(Sort)
PAGE_SIZE = 25
LATELY = timedelta(days=14)
EXPORTED_AT_ONCE = 500

CONDITIONS: dict[View, str] = {
    "todo": "t.status IN ('new', 'open')",
    "mine": "t.status IN ('new', 'open', 'pending') AND t.assignee_id = :me",
    "unanswered": f"t.status IN ('new', 'open') AND NOT EXISTS (SELECT 1 FROM {ANSWERS})",  # noqa: S608 (a constant)
    "blocking": "t.status IN ('new', 'open', 'pending') AND t.severity = 'blocking'",
    "waiting": "t.status = 'pending'",
    "solved": "t.status IN ('solved', 'closed') AND t.solved_at >= :lately",
    "all": "1 = 1",
}
UNDER_WAY: tuple[View, ...] = ("todo", "mine", "unanswered", "blocking", "waiting")
OLDEST_FIRST = "t.created_at ASC, t.number ASC"
ORDERS: dict[Sort, str] = {
    "due": OLDEST_FIRST,  # where nothing is due
    "age": OLDEST_FIRST,
    "updated": "t.updated_at DESC, t.number DESC",
    "severity": """CASE t.severity WHEN 'blocking' THEN 0 WHEN 'major' THEN 1 ELSE 2 END,
        t.created_at ASC, t.number ASC""",
    "number": "t.number DESC",
}


@dataclass(frozen=True)
class Filter:
    """What is looked at; organisation and product by slug, assignee `me`, `nobody` or an id."""

    view: View = "todo"
    organisation: str = ""
    product: str = ""
    assignee: str = ""
    text: str = ""
    sort: Sort = "due"
    page: int = 1
    also: tuple[int, ...] = ()  # numbers that the index found for the text


@dataclass(frozen=True)
class Line:
    """A request in the queue."""

    id: str
    number: int
    edition: int
    subject: str
    language: str
    status: Status
    severity: Severity
    product: str | None  # a name
    version: str | None
    requester: str
    organisation: str | None  # a name
    assignee: str | None
    assignee_id: str | None
    created_at: str
    updated_at: str
    solved_at: str | None
    waiting: Waiting
    clock: Clock


@dataclass(frozen=True)
class Page:
    """A page of a view, and how many requests each view has with the same filters."""

    lines: tuple[Line, ...]
    total: int
    page: int
    pages: int
    counts: Mapping[View, int]
    revision: int  # of the newest change it knows


def look(
    db: Database, settings: Settings, viewer: Viewer, wanted: Filter, *, at: datetime | None = None
) -> Page:
    """A page of the queue; raises NotFound for those who answer nothing."""
    access.only_agents(viewer)
    moment = at or datetime.now(UTC)
    counts = _counts(db, viewer, wanted, moment)
    total = counts[wanted.view]
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, wanted.page), pages)
    start = (page - 1) * PAGE_SIZE
    ids, known = _order(db, settings, viewer, wanted, moment, PAGE_SIZE, start)
    lines = _lines(db, settings, ids, known, moment)
    return Page(lines, total, page, pages, counts, changes.last_revision(db))


def numbers(
    db: Database, settings: Settings, viewer: Viewer, wanted: Filter, *, at: datetime | None = None
) -> list[int]:
    """The numbers of a view in its order, as many as anybody walks through."""
    access.only_agents(viewer)
    moment = at or datetime.now(UTC)
    ids, _ = _order(db, settings, viewer, wanted, moment, 1000, 0)
    places, values = one_of("id", ids)
    rows = db.query(f"SELECT id, number FROM tickets WHERE id IN ({places})", values)  # noqa: S608
    known = {row["id"]: row["number"] for row in rows}
    return [known[each] for each in ids]


def neighbours(
    db: Database,
    settings: Settings,
    viewer: Viewer,
    wanted: Filter,
    number: int,
    *,
    at: datetime | None = None,
) -> tuple[int | None, int | None]:
    """The requests before and after one in a view; of one that has left it, the first is next."""
    order = numbers(db, settings, viewer, wanted, at=at)
    if number not in order:
        return None, order[0] if order else None
    place = order.index(number)
    before = order[place - 1] if place else None
    after = order[place + 1] if place + 1 < len(order) else None
    return before, after


def csv_rows(
    db: Database, settings: Settings, viewer: Viewer, wanted: Filter, *, at: datetime | None = None
) -> Iterator[tuple[str, ...]]:
    """Every request of a view as cells that no spreadsheet takes for a formula, a batch at a time.

    In order: number, subject, status, severity, product, version, requester, organisation,
    assignee, opened, updated, solved, first answer due, met, solution due, met.
    """
    access.only_agents(viewer)
    moment = at or datetime.now(UTC)
    ids, known = _order(db, settings, viewer, wanted, moment, None, 0)
    for start in range(0, len(ids), EXPORTED_AT_ONCE):
        some = ids[start : start + EXPORTED_AT_ONCE]
        for line in _lines(db, settings, some, known, moment):
            yield tuple(map(safe_cell, _cells(line)))


def changed_since(db: Database, viewer: Viewer, revision: int) -> int:
    """How many requests were opened or have changed since a page was made."""
    access.only_agents(viewer)
    return changes.count_changed(db, revision)


def _order(
    db: Database,
    settings: Settings,
    viewer: Viewer,
    wanted: Filter,
    moment: datetime,
    limit: int | None,
    start: int,
) -> tuple[list[str], dict[str, Clock]]:
    """The ids of a stretch of the view, in order, and the clocks that were looked at for it."""
    where, values = _where(viewer, wanted, moment)
    is_by_clock = wanted.sort == "due" and settings.targets and wanted.view in UNDER_WAY
    stretch = "" if is_by_clock or limit is None else "LIMIT :limit OFFSET :start"
    order = "t.updated_at DESC" if wanted.view == "solved" else ORDERS[wanted.sort]
    if wanted.view in UNDER_WAY:  # a few of many: the plus keeps SQLite from reading all by age
        order = f"+{order}"
    rows = db.query(
        f"SELECT t.id FROM tickets t WHERE {where} ORDER BY {order} {stretch}",  # noqa: S608
        {**values, "limit": limit, "start": start},
    )
    ids = [row["id"] for row in rows]
    if not is_by_clock:
        return ids, {}
    known = clocks.of_tickets(db, settings.targets, ids, at=moment)
    never = datetime.max.replace(tzinfo=UTC)
    ids.sort(key=lambda each: known[each].due or never)  # what is due when is as old: stable
    return ids[start : start + limit if limit is not None else None], known


def _lines(
    db: Database,
    settings: Settings,
    ids: Sequence[str],
    known: Mapping[str, Clock],
    moment: datetime,
) -> tuple[Line, ...]:
    places, values = one_of("id", ids)
    rows = db.query(
        f"""
        SELECT t.id, t.number, t.edition, t.subject, t.language, t.status, t.severity,
               p.name AS product, t.version, COALESCE(q.name, t.requester_email, '') AS requester,
               o.name AS organisation, a.name AS assignee, t.assignee_id, t.created_at,
               t.updated_at, t.solved_at
        FROM tickets t LEFT JOIN products p ON p.id = t.product_id
        LEFT JOIN people q ON q.id = t.requester_id
        LEFT JOIN people a ON a.id = t.assignee_id
        LEFT JOIN organisations o ON o.id = t.organisation_id WHERE t.id IN ({places})
        """,  # noqa: S608 (names of parameters)
        values,
    )
    missing = [each for each in ids if each not in known]
    known = {**known, **clocks.of_tickets(db, settings.targets, missing, at=moment)}
    whom = waiting.of_tickets(db, ids)
    found = {
        row["id"]: Line(**row, waiting=whom[row["id"]], clock=known.get(row["id"], Clock()))
        for row in rows
    }
    return tuple(found[each] for each in ids)


def _counts(db: Database, viewer: Viewer, wanted: Filter, moment: datetime) -> dict[View, int]:
    """How long each view is, in one look at what the filters leave."""
    where, values = _where(viewer, replace(wanted, view="all"), moment)
    sums = ", ".join(
        f"COALESCE(SUM(CASE WHEN {CONDITIONS[view]} THEN 1 ELSE 0 END), 0) AS {view}_"
        for view in UNDER_WAY
    )
    under_way = "t.status IN ('new', 'open', 'pending')"
    row = db.query(
        f"SELECT {sums} FROM tickets t WHERE {under_way} AND {where}",  # noqa: S608 (constants)
        values,
    )[0]
    counts: dict[View, int] = {view: int(row[f"{view}_"]) for view in UNDER_WAY}
    for view in ("solved", "all"):
        where, values = _where(viewer, replace(wanted, view=view), moment)
        rows = db.query(f"SELECT COUNT(*) AS n FROM tickets t WHERE {where}", values)  # noqa: S608
        counts[view] = int(rows[0]["n"])
    return counts


def _where(viewer: Viewer, wanted: Filter, moment: datetime) -> tuple[str, dict[str, object]]:
    conditions = [CONDITIONS[wanted.view]]
    values: dict[str, object] = {
        "me": viewer.person_id,
        "lately": stored(moment - LATELY),
    }
    if wanted.organisation:
        conditions.append(
            "t.organisation_id = (SELECT wo.id FROM organisations wo WHERE wo.slug = :organisation)"
        )
        values["organisation"] = wanted.organisation
    if wanted.product:
        conditions.append("t.product_id = (SELECT wp.id FROM products wp WHERE wp.slug = :product)")
        values["product"] = wanted.product
    if wanted.assignee == "me":
        conditions.append("t.assignee_id = :me")
    elif wanted.assignee == "nobody":
        conditions.append("t.assignee_id IS NULL")
    elif wanted.assignee:
        conditions.append("t.assignee_id = :assignee")
        values["assignee"] = wanted.assignee
    found, patterns = holds(ListFilter(text=wanted.text, also=wanted.also))
    return " AND ".join([*conditions, *found]), {**values, **patterns}


def _cells(line: Line) -> tuple[str, ...]:
    clock = line.clock
    return (
        str(line.number),
        line.subject,
        line.status,
        line.severity,
        line.product or "",
        line.version or "",
        line.requester,
        line.organisation or "",
        line.assignee or "",
        line.created_at,
        line.updated_at,
        line.solved_at or "",
        stored(clock.first_answer_due) if clock.first_answer_due else "",
        _met(clock.first_answer_met),
        stored(clock.solution_due) if clock.solution_due else "",
        _met(clock.solution_met),
    )


def _met(is_met: bool | None) -> str:
    return "" if is_met is None else "yes" if is_met else "no"


def is_overdue(line: Line, at: datetime | None = None) -> bool:
    """Whether what is due next should have come already."""
    due = line.clock.due
    return due is not None and due < (at or datetime.now(UTC))
