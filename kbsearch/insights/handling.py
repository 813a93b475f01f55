"""How requests were handled: when they were first answered, how long they took, what came back.

It is kept beside each request as of one of its revisions, so that a year is a read of rows and not
of conversations. The worker keeps up with what changes; whoever reads works out the rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Literal, NamedTuple, get_args

from kbsearch.clock import parsed
from kbsearch.database import Database, Row, one_of
from kbsearch.promises import targets
from kbsearch.promises.targets import Target
from kbsearch.tickets import clocks
from kbsearch.tickets.codes import RESOLVED
from kbsearch.tickets.messages import ANSWERS

AT_ONCE = 2_000
REACHED = "handling"  # the counter of the revision up to which requests are kept
Group = Literal["product", "organisation", "team", "calendar", "severity", "tag"]
GROUPS: tuple[Group, ...] = get_args(Group)
Which = Literal["opened", "answered", "solved", "reopened"]
_NAMED: Mapping[Group, str] = {
    "product": "product_id IN (SELECT id FROM products WHERE name = :name)",
    "organisation": "organisation_id IN (SELECT id FROM organisations WHERE name = :name)",
    "team": "team_id IN (SELECT id FROM teams WHERE name = :name)",
    "calendar": "calendar_id IN (SELECT id FROM calendars WHERE name = :name)",
    "severity": "severity = :name",
    "tag": "ticket_id IN (SELECT ticket_id FROM ticket_tags WHERE tag = :name)",
}
_UNNAMED: Mapping[Group, str] = {
    "product": "product_id IS NULL",
    "organisation": "organisation_id IS NULL",
    "team": "team_id IS NULL",
    "calendar": "calendar_id IS NULL",
}
_WHICH: Mapping[Which, str] = {
    "opened": "1 = 1",
    "answered": "answered_after IS NOT NULL",
    "solved": "solved_after IS NOT NULL",
    "reopened": "is_reopened = 1",
}
_SHARED = ("product_id", "organisation_id", "severity", "team_id")
# In the order of the index that has all of it: `|| ''` keeps the engine from the one of moments,
# after which it would have to sort what it found (18 times as long for a year).
_OF_ALL = "WHERE created_at || '' >= :since AND created_at || '' < :until"
_OF_TAGS = """
    CROSS JOIN ticket_tags g
    WHERE g.ticket_id = h.ticket_id AND created_at >= :since AND created_at < :until
"""
READ = f"""
    SELECT t.id, t.number, t.product_id, t.organisation_id, t.team_id, t.severity, t.status,
           t.created_at, t.solved_at, t.revision, o.contract,
           (SELECT MIN(m.at) FROM {ANSWERS}) AS answered_at
    FROM tickets t LEFT JOIN organisations o ON o.id = t.organisation_id WHERE
"""  # noqa: S608 (constants)


class Handled(NamedTuple):
    """Requests that share product, organisation, severity, team and calendar, or a tag."""

    product: str  # names; empty where there is none
    organisation: str
    severity: str
    team: str
    calendar: str  # in whose hours they are counted
    tag: str
    opened: int
    reopened: int
    first_answers: list[float]
    solutions: list[float]  # without the time that customers were waited for
    first_answers_open: list[float]  # the same in the opening hours of what was promised
    solutions_open: list[float]


def groups(db: Database, since: str, until: str, *, by_tag: bool = False) -> list[Handled]:
    """The requests opened from one moment to another, in no order; those with tags `by_tag`."""
    names = ("g.tag",) if by_tag else (*_SHARED, "calendar_id")
    rows = db.query(
        f"""
        SELECT {", ".join(names)}, COUNT(*) AS opened, SUM(is_reopened) AS reopened,
               string_agg(CAST(answered_after AS TEXT), ' ') AS first_answers,
               string_agg(CAST(solved_after AS TEXT), ' ') AS solutions,
               string_agg(CAST(answered_open AS TEXT), ' ') AS first_answers_open,
               string_agg(CAST(solved_open AS TEXT), ' ') AS solutions_open
        FROM ticket_handling h {_OF_TAGS if by_tag else _OF_ALL}
        GROUP BY {", ".join(names)}
        """,  # noqa: S608 (constants)
        {"since": since, "until": until},
    )
    products, organisations = _names(db, "products"), _names(db, "organisations")
    teams, calendars = _names(db, "teams"), _names(db, "calendars")
    return [
        Handled(
            products.get(row.get("product_id"), ""),
            organisations.get(row.get("organisation_id"), ""),
            row.get("severity", ""),
            teams.get(row.get("team_id"), ""),
            calendars.get(row.get("calendar_id"), ""),
            row.get("tag", ""),
            row["opened"],
            row["reopened"],
            _hours(row["first_answers"]),
            _hours(row["solutions"]),
            _hours(row["first_answers_open"]),
            _hours(row["solutions_open"]),
        )
        for row in rows
    ]


def ids(
    db: Database, since: str, until: str, which: Which, by: Group | None = None, name: str = ""
) -> list[str]:
    """The requests opened from one moment to another that a number counts, the latest first."""
    named = "1 = 1" if by is None else _NAMED[by] if name else _UNNAMED.get(by, "1 = 0")
    rows = db.query(
        f"""
        SELECT ticket_id FROM ticket_handling
        WHERE created_at >= :since AND created_at < :until AND {_WHICH[which]} AND {named}
        ORDER BY created_at DESC, number DESC
        """,  # noqa: S608 (constants)
        {"since": since, "until": until, **({"name": name} if by and name else {})},
    )
    return [row["ticket_id"] for row in rows]


def catch_up(db: Database) -> None:
    """Keep all that changed, for whoever cannot wait for the worker."""
    while refresh(db):
        pass


def refresh(db: Database, *, limit: int = AT_ONCE) -> bool:
    """Keep the next requests that changed, the oldest change first; whether there were any."""
    if not _changed(db, 1):  # most of the time: no turn to write is taken
        return False
    with db.atomic():
        rows = _changed(db, limit)
        if not rows:
            return False
        histories, promised = clocks.statuses(db, [row["id"] for row in rows]), targets.live(db)
        places, values = one_of("id", [row["id"] for row in rows])
        sql = f"DELETE FROM ticket_handling WHERE ticket_id IN ({places})"  # noqa: S608
        db.execute(sql, values)
        db.insert_many(
            "ticket_handling",
            [_handled(row, histories.get(row["id"], ()), promised) for row in rows],
        )
        db.execute(
            """
            INSERT INTO counters (name, value) VALUES (:name, :revision)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            """,
            {"name": REACHED, "revision": rows[-1]["revision"]},
        )
    return True


def _names(db: Database, table: str) -> Mapping[str | None, str]:
    return {row["id"]: row["name"] for row in db.query(f"SELECT id, name FROM {table}")}  # noqa: S608


def _changed(db: Database, limit: int) -> list[Row]:
    return db.query(
        f"{READ} t.revision > :reached ORDER BY t.revision LIMIT :limit",
        {"reached": _reached(db), "limit": limit},
    )


def _reached(db: Database) -> int:
    rows = db.query("SELECT value FROM counters WHERE name = :name", {"name": REACHED})
    return int(rows[0]["value"]) if rows else 0


def _handled(row: Row, statuses: Sequence[tuple[str, str]], promised: Sequence[Target]) -> Row:
    opened, scope = parsed(row["created_at"]), clocks.scope_of(row)
    terms, usual = targets.terms_of(promised, scope), targets.hours_of(promised, scope)
    calendar = targets.calendar_of(promised, scope)
    answered_after = solved_after = answered_open = solved_open = None
    if row["answered_at"]:
        answered_at = parsed(row["answered_at"])
        hours = terms["first_answer"].hours if "first_answer" in terms else usual
        answered_after = answered_at - opened
        answered_open = hours.spent(opened, answered_at)
    if row["solved_at"] and row["status"] in RESOLVED:
        end = parsed(row["solved_at"])
        hours = terms["solution"].hours if "solution" in terms else usual
        solved_after = end - opened - clocks.waited(statuses, end)
        solved_open = hours.spent(opened, end) - clocks.waited(statuses, end, hours)
    return {
        "ticket_id": row["id"],
        **{name: row[name] for name in ("number", "created_at", *_SHARED)},
        "calendar_id": calendar.id if calendar else None,
        "answered_after": _seconds(answered_after),
        "solved_after": _seconds(solved_after),
        "answered_open": _seconds(answered_open),
        "solved_open": _seconds(solved_open),
        "is_reopened": int(_came_back(status for _, status in statuses)),
    }


def _came_back(statuses: Iterable[str]) -> bool:
    """Whether a request that was resolved was so no longer."""
    was_resolved = False
    for status in statuses:
        if was_resolved and status not in RESOLVED:
            return True
        was_resolved = status in RESOLVED
    return False


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else round(span.total_seconds())


def _hours(seconds: str | None) -> list[float]:
    return [int(some) / 3600 for some in seconds.split()] if seconds else []
