"""The queue of those who answer: views of what is to be done, what each request waits for.

Everything a view is narrowed to fits in an address. What is overdue comes first, then what is due
next, then the oldest.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, one_of
from kbsearch.text.name_search import folded
from kbsearch.tickets import changes, clocks, fields, tags, visibility, waiting
from kbsearch.tickets.clocks import Clock, Due
from kbsearch.tickets.codes import AWAITS_US, IS_RESOLVED, IS_UNDER_WAY
from kbsearch.tickets.desk.finding import Matches
from kbsearch.tickets.listing import (
    COLUMNS,
    PAGE_SIZE,
    SOURCES,
    TicketFilter,
    TicketLine,
    narrowed,
    page_of,
    safe_cell,
)
from kbsearch.tickets.messages import ANSWERS
from kbsearch.tickets.waiting import Waiting

View = Literal["todo", "mine", "unanswered", "blocking", "waiting", "solved", "all"]
QueueSort = Literal["due", "age", "updated", "severity", "number"]
VIEWS: tuple[View, ...] = get_args(View)
SORTS: tuple[QueueSort, ...] = get_args(QueueSort)
MOST_WALKED = 1_000  # requests of a view, from one to the next
LATELY = timedelta(days=14)
EXPORTED_AT_ONCE = 500

CONDITIONS: dict[View, str] = {
    "todo": AWAITS_US,
    "mine": f"{IS_UNDER_WAY} AND t.assignee_id = :me",
    "unanswered": f"{AWAITS_US} AND NOT EXISTS (SELECT 1 FROM {ANSWERS})",  # noqa: S608 (a constant)
    "blocking": f"{IS_UNDER_WAY} AND t.severity = 'blocking'",
    "waiting": f"{IS_UNDER_WAY} AND t.status = 'pending'",
    "solved": f"{IS_RESOLVED} AND t.solved_at >= :lately",
    "all": "1 = 1",
}
UNDER_WAY: tuple[View, ...] = ("todo", "mine", "unanswered", "blocking", "waiting")
DUES = "tickets t LEFT JOIN ticket_clocks c ON c.ticket_id = t.id"
OLDEST_FIRST = "t.created_at ASC, t.number ASC"
ORDERS: dict[QueueSort, str] = {
    "due": OLDEST_FIRST,  # where nothing is due
    "age": OLDEST_FIRST,
    "updated": "t.updated_at DESC, t.number DESC",
    "severity": """CASE t.severity WHEN 'blocking' THEN 0 WHEN 'major' THEN 1 ELSE 2 END,
        t.created_at ASC, t.number ASC""",
    "number": "t.number DESC",
}
# Of views where nothing is due: what happened last.
PAST_FIRST: dict[View, str] = {"solved": "t.updated_at DESC", "all": ORDERS["number"]}


@dataclass(frozen=True, kw_only=True)
class QueueFilter(TicketFilter):
    """What is looked at; assignee `me`, `nobody` or an id; team `mine`, `none` or an id."""

    view: View = "todo"
    assignee: str = ""
    team: str = ""
    sort: QueueSort = "due"
    named: Matches = Matches()  # whose names the text has


@dataclass(frozen=True, kw_only=True)
class QueueLine(TicketLine):
    """A request in the queue."""

    edition: int
    assignee: str | None
    assignee_id: str | None
    team: str | None  # a name
    solved_at: str | None
    waiting: Waiting
    clock: Clock
    tags: tuple[str, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)  # in fields that the vendor added


@dataclass(frozen=True)
class QueuePage:
    """A page of a view, and how many requests each view has with the same filters."""

    lines: tuple[QueueLine, ...]
    total: int
    page: int
    pages: int
    counts: Mapping[View, int]
    revision: int  # of the newest change it knows


@dataclass(frozen=True)
class Surroundings:
    """The page of a view that a request is on, and its neighbours in the view.

    `onward` is what an agent does next: after the last one, the first that is still there.
    """

    lines: tuple[QueueLine, ...]
    before: QueueLine | None
    after: QueueLine | None
    onward: QueueLine | None


def look(
    db: Database,
    viewer: Viewer,
    filter: QueueFilter,
    *,
    at: datetime | None = None,
) -> QueuePage:
    """A page of the queue; raises NotFound for those who answer nothing."""
    access.only_agents(viewer)
    moment = at or utc_now()
    counts = _counts(db, viewer, filter, moment)
    total = counts[filter.view]
    page, pages, stretch = page_of(total, filter.page)
    ids = _order(db, viewer, filter, moment, stretch)
    lines = _lines(db, viewer, ids, moment)
    return QueuePage(lines, total, page, pages, counts, changes.last_revision(db))


def count_todo(db: Database, viewer: Viewer) -> int:
    """How many requests wait for an answer of the support team, of those the viewer reads."""
    access.only_agents(viewer)
    visible, principals = visibility.condition(viewer)
    where = f"{CONDITIONS['todo']} AND {visible}"
    rows = db.query(f"SELECT COUNT(*) AS n FROM tickets t WHERE {where}", principals)  # noqa: S608
    return int(rows[0]["n"])


def count(db: Database, viewer: Viewer, filter: QueueFilter, *, at: datetime | None = None) -> int:
    """How many requests a view has."""
    access.only_agents(viewer)
    where, values = _where(viewer, filter, at or utc_now())
    rows = db.query(f"SELECT COUNT(*) AS n FROM tickets t WHERE {where}", values)  # noqa: S608
    return int(rows[0]["n"])


def around(
    db: Database,
    viewer: Viewer,
    filter: QueueFilter,
    ticket_id: str,
    *,
    at: datetime | None = None,
) -> Surroundings:
    """The page of a view that has a request, and those before and after it.

    Of one that has left the view, that is its first page, and the first is next.
    """
    access.only_agents(viewer)
    moment = at or utc_now()
    ids = _order(db, viewer, filter, moment, slice(0, MOST_WALKED))
    place = ids.index(ticket_id) if ticket_id in ids else -1
    start = max(0, place) // PAGE_SIZE * PAGE_SIZE
    before = ids[place - 1] if place > 0 else ""
    after = ids[place + 1] if place + 1 < len(ids) else ""
    onward = after or (ids[0] if place > 0 else "")
    page = ids[start : start + PAGE_SIZE]
    needed = [ticket_id for ticket_id in {*page, before, after, onward} if ticket_id]
    lines = {line.id: line for line in _lines(db, viewer, needed, moment)}
    return Surroundings(
        tuple(lines[ticket_id] for ticket_id in page),
        lines.get(before),
        lines.get(after),
        lines.get(onward),
    )


def ids_before(
    db: Database,
    viewer: Viewer,
    filter: QueueFilter,
    before: int,
    limit: int,
    *,
    at: datetime | None = None,
) -> list[str]:
    """The ids of the tickets of a view whose number is below one, the highest first."""
    access.only_agents(viewer)
    where, values = _where(viewer, filter, at or utc_now())
    rows = db.query(
        f"""
        SELECT t.id FROM tickets t WHERE {where} AND t.number < :before
        ORDER BY t.number DESC LIMIT :limit
        """,  # noqa: S608 (constants of this module)
        {**values, "before": before, "limit": limit},
    )
    return [row["id"] for row in rows]


def csv_rows(
    db: Database,
    viewer: Viewer,
    filter: QueueFilter,
    *,
    at: datetime | None = None,
) -> Iterator[tuple[str, ...]]:
    """Every request of a view as cells that no spreadsheet takes for a formula, a batch at a time.

    In order: number, subject, status, severity, product, version, requester, organisation,
    assignee, opened, updated, solved, first answer due, met, solution due, met, tags, team,
    then the fields that the vendor added, in their order.
    """
    access.only_agents(viewer)
    moment = at or utc_now()
    ids = _order(db, viewer, filter, moment)
    vendor_fields = fields.definitions(db, viewer)
    for start in range(0, len(ids), EXPORTED_AT_ONCE):
        batch = ids[start : start + EXPORTED_AT_ONCE]
        for line in _lines(db, viewer, batch, moment):
            own = (line.answers.get(asked.name, "").replace("\n", ", ") for asked in vendor_fields)
            yield tuple(map(safe_cell, (*_cells(line), *own)))


def changed_since(db: Database, viewer: Viewer, revision: int) -> int:
    """How many requests were opened or have changed since a page was made."""
    access.only_agents(viewer)
    visible, principals = visibility.condition(viewer)
    rows = db.query(
        f"SELECT COUNT(*) AS n FROM tickets t WHERE t.revision > :revision AND {visible}",  # noqa: S608
        {**principals, "revision": revision},
    )
    return int(rows[0]["n"])


def _order(
    db: Database,
    viewer: Viewer,
    filter: QueueFilter,
    moment: datetime,
    stretch: slice | None = None,
) -> list[str]:
    """The ids of the view or a stretch of it, in order."""
    where, values = _where(viewer, filter, moment)
    limit, source = "", "tickets t"
    if stretch is not None:
        limit = "LIMIT :limit OFFSET :start"
        values |= {"limit": stretch.stop - stretch.start, "start": stretch.start}
    order = PAST_FIRST.get(filter.view, "") if filter.sort == "due" else ""
    order = order or ORDERS[filter.sort]
    if filter.view in UNDER_WAY and filter.sort == "due":
        source, order = DUES, f"c.due_at IS NULL, c.due_at, {order}"
    elif filter.view in UNDER_WAY:  # a few of many: the plus keeps SQLite from reading all by age
        order = f"+{order}"
    rows = db.query(
        f"SELECT t.id FROM {source} WHERE {where} ORDER BY {order} {limit}",  # noqa: S608
        values,
    )
    return [row["id"] for row in rows]


def _lines(
    db: Database,
    viewer: Viewer,
    ids: Sequence[str],
    moment: datetime,
) -> tuple[QueueLine, ...]:
    places, values = one_of("id", ids)
    rows = db.query(
        f"""
        SELECT {COLUMNS}, t.edition, a.name AS assignee, t.assignee_id, w.name AS team, t.solved_at
        FROM {SOURCES} LEFT JOIN people a ON a.id = t.assignee_id
        LEFT JOIN teams w ON w.id = t.team_id WHERE t.id IN ({places})
        """,  # noqa: S608 (constants, names of parameters)
        values,
    )
    ticket_clocks = clocks.of_tickets(db, ids, at=moment)
    waiting_for = waiting.of_tickets(db, ids)
    tagged = tags.of_tickets(db, viewer, ids)
    answered = fields.of_tickets(db, viewer, ids)
    lines = {
        row["id"]: QueueLine(
            **row,
            waiting=waiting_for[row["id"]],
            clock=ticket_clocks.get(row["id"], Clock()),
            tags=tagged.get(row["id"], ()),
            answers=answered.get(row["id"], {}),
        )
        for row in rows
    }
    return tuple(lines[ticket_id] for ticket_id in ids)


def _counts(db: Database, viewer: Viewer, filter: QueueFilter, moment: datetime) -> dict[View, int]:
    """How long each view is, in one look at what the filters leave."""
    where, values = _where(viewer, replace(filter, view="all"), moment)
    sums = ", ".join(
        f"COALESCE(SUM(CASE WHEN {CONDITIONS[view]} THEN 1 ELSE 0 END), 0) AS {view}_"
        for view in UNDER_WAY
    )
    row = db.query(
        f"SELECT {sums} FROM tickets t WHERE {IS_UNDER_WAY} AND {where}",  # noqa: S608 (constants)
        values,
    )[0]
    counts: dict[View, int] = {view: int(row[f"{view}_"]) for view in UNDER_WAY}
    for view in ("solved", "all"):
        counts[view] = count(db, viewer, replace(filter, view=view), at=moment)
    return counts


def _where(viewer: Viewer, filter: QueueFilter, moment: datetime) -> tuple[str, dict[str, object]]:
    is_theirs, names = _is_theirs(filter) if filter.text else ("", {})
    conditions, values = narrowed(filter, is_theirs)
    visible, principals = visibility.condition(viewer)
    conditions += [CONDITIONS[filter.view], visible]
    values |= {**names, **principals}
    values |= {"me": viewer.person_id, "lately": stored(moment - LATELY)}
    if filter.assignee == "me":
        conditions.append("t.assignee_id = :me")
    elif filter.assignee == "nobody":
        conditions.append("t.assignee_id IS NULL")
    elif filter.assignee:
        conditions.append("t.assignee_id = :assignee")
        values["assignee"] = filter.assignee
    if filter.team == "mine":
        conditions.append(
            "t.team_id IN (SELECT m.team_id FROM team_members m WHERE m.person_id = :me)"
        )
    elif filter.team == "none":
        conditions.append("t.team_id IS NULL")
    elif filter.team:
        conditions.append("t.team_id = :team")
        values["team"] = filter.team
    return " AND ".join(conditions), values


def _is_theirs(filter: QueueFilter) -> tuple[str, dict[str, object]]:
    """Whether a request is of an organisation, a person or a product that the text names."""
    named = filter.named
    conditions = ["t.requester_email = :typed"]
    values: dict[str, object] = {"typed": folded(filter.text).strip()}
    for column, things in (
        ("organisation_id", named.organisations),
        ("requester_id", named.customers),
        ("product_id", named.products),
    ):
        places, ids = one_of(column, [thing.id for thing in things])
        conditions.append(f"t.{column} IN ({places})")
        values |= ids
    return f"({' OR '.join(conditions)})", values


def _cells(line: QueueLine) -> tuple[str, ...]:
    clock = line.clock
    return (
        *line.cells,
        line.assignee or "",
        line.created_at,
        line.updated_at,
        line.solved_at or "",
        *_met(clock.first_answer),
        *_met(clock.solution),
        ", ".join(line.tags),
        line.team or "",
    )


def _met(due: Due | None) -> tuple[str, str]:
    """When something was due, and whether it came in time."""
    if due is None:
        return "", ""
    return stored(due.at), "" if due.is_met is None else "yes" if due.is_met else "no"


def is_overdue(line: QueueLine, at: datetime | None = None) -> bool:
    """Whether what is due next should have come already."""
    due = line.clock.due
    return due is not None and due < (at or utc_now())


def is_due_soon(line: QueueLine, at: datetime | None = None) -> bool:
    """Whether little time is left for what is due next."""
    next_due = line.clock.next
    return next_due is not None and next_due[1].soon_at <= (at or utc_now()) <= next_due[1].at
