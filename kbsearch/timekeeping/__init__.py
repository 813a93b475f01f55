"""Time that agents spent on requests: typed, or taken by a stopwatch; for agents alone.

A day is one of the agent who worked; time is of the organisation that its request is of.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from kbsearch import access, tickets
from kbsearch.access import Viewer
from kbsearch.clock import parsed, stored, utc_now
from kbsearch.database import Database, Row, new_id
from kbsearch.errors import Invalid, NotFound
from kbsearch.people.profiles import DEFAULT_TIME_ZONE
from kbsearch.text import plain_text
from kbsearch.tickets import Ticket

MOST_MINUTES = 24 * 60  # of one entry
MAX_NOTE = 300
OLDEST = timedelta(days=2 * 366)
_HOURS_AND_MINUTES = re.compile(r"([0-9]{1,2}) ?[h:] ?([0-5]?[0-9])(?: ?min| ?m)?")
_HOURS = re.compile(r"([0-9]{1,2}(?:[.,][0-9]{1,2})?) ?(?:h|heures?|hours?)")
_MINUTES = re.compile(r"([0-9]{1,4}) ?(?:min|minutes?|m)?")


@dataclass(frozen=True)
class TimeFields:
    """Time as it is typed: `1h30`, `45`; a day, or today; what was done."""

    spent: str
    day: str = ""
    note: str = ""


@dataclass(frozen=True)
class TimeEntry:
    """Time that somebody spent on a request."""

    id: str
    day: str
    minutes: int
    note: str
    person_id: str | None
    person: str  # empty where they are gone


def list_of(db: Database, viewer: Viewer, ticket: Ticket) -> list[TimeEntry]:
    """What was spent on a request, the last first."""
    access.only_agents(viewer, "ticket.not_found")
    tickets.find(db, viewer, ticket.id)
    rows = db.query(
        """
        SELECT e.id, e.day, e.minutes, e.note, e.person_id, COALESCE(p.name, '') AS person
        FROM ticket_times e LEFT JOIN people p ON p.id = e.person_id
        WHERE e.ticket_id = :ticket ORDER BY e.day DESC, e.created_at DESC, e.id
        """,
        {"ticket": ticket.id},
    )
    return [TimeEntry(**row) for row in rows]


def record(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    fields: TimeFields,
    *,
    at: datetime | None = None,
) -> str:
    """Write time down, also of a closed request; its id. Raises Invalid for what is none."""
    access.only_agents(viewer, "ticket.not_found")
    today = _today(viewer, at)
    minutes, day = parse(fields.spent), _day(fields.day, today)
    note = plain_text.line_within(MAX_NOTE, fields.note, "time.note_too_long")
    with db.atomic():
        tickets.find(db, viewer, ticket.id)
        entry = {"minutes": minutes, "day": day, "note": note}
        return _keep(db, viewer, ticket, entry, at or utc_now())


def remove(db: Database, viewer: Viewer, ticket: Ticket, entry_id: str) -> None:
    """Take back what one wrote down oneself; administrators, what anybody did."""
    access.only_agents(viewer, "ticket.not_found")
    with db.atomic():
        tickets.find(db, viewer, ticket.id)
        removed = db.execute(
            """
            DELETE FROM ticket_times WHERE id = :id AND ticket_id = :ticket
            AND (person_id = :person OR :is_administrator = 1)
            """,
            {
                "id": entry_id,
                "ticket": ticket.id,
                "person": viewer.person_id,
                "is_administrator": int(viewer.is_administrator),
            },
        )
        if not removed:
            raise NotFound("time.not_found")


def start(db: Database, viewer: Viewer, ticket: Ticket, *, at: datetime | None = None) -> None:
    """Have a stopwatch run on a request until it is stopped; one that runs goes on."""
    access.only_agents(viewer, "ticket.not_found")
    with db.atomic():
        tickets.find(db, viewer, ticket.id)
        db.execute(
            """
            INSERT INTO stopwatches (person_id, ticket_id, started_at)
            VALUES (:person, :ticket, :now) ON CONFLICT (person_id, ticket_id) DO NOTHING
            """,
            {"person": viewer.person_id, "ticket": ticket.id, "now": stored(at or utc_now())},
        )


def stop(db: Database, viewer: Viewer, ticket: Ticket, *, at: datetime | None = None) -> None:
    """Stop one's own stopwatch and write down what it took, a minute at the least.

    More than a day is cut to one: it was forgotten. Stopped twice it counts once.
    """
    access.only_agents(viewer, "ticket.not_found")
    moment = at or utc_now()
    with db.atomic():
        since = started(db, viewer, ticket)
        if since is None:
            return
        drop(db, viewer, ticket)
        minutes = round((moment - parsed(since)).total_seconds() / 60)
        taken = min(max(minutes, 1), MOST_MINUTES)
        entry = {"minutes": taken, "day": _today(viewer, at).isoformat(), "note": ""}
        _keep(db, viewer, ticket, entry, moment)


def drop(db: Database, viewer: Viewer, ticket: Ticket) -> None:
    """Stop one's own stopwatch, and write nothing down."""
    access.only_agents(viewer, "ticket.not_found")
    with db.atomic():
        db.execute(
            "DELETE FROM stopwatches WHERE person_id = :person AND ticket_id = :ticket",
            {"person": viewer.person_id, "ticket": ticket.id},
        )


def started(db: Database, viewer: Viewer, ticket: Ticket) -> str | None:
    """Since when one's own stopwatch runs on a request."""
    rows = db.query(
        """
        SELECT started_at FROM stopwatches
        WHERE person_id = :person AND ticket_id = :ticket
        """,
        {"person": viewer.person_id, "ticket": ticket.id},
    )
    return str(rows[0]["started_at"]) if rows else None


def parse(text: str) -> int:
    """The minutes of `1h30`, `1:30`, `1,5 h`, `45 min` or `45`; raises Invalid."""
    typed = " ".join(text[:40].casefold().split())
    minutes = 0
    if parted := _HOURS_AND_MINUTES.fullmatch(typed):
        minutes = int(parted[1]) * 60 + int(parted[2])
    elif hours := _HOURS.fullmatch(typed):
        minutes = round(float(hours[1].replace(",", ".")) * 60)
    elif alone := _MINUTES.fullmatch(typed):
        minutes = int(alone[1])
    if not 1 <= minutes <= MOST_MINUTES or len(text) > 40:
        raise Invalid("time.spent_invalid", limit=MOST_MINUTES // 60)
    return minutes


def _keep(db: Database, viewer: Viewer, ticket: Ticket, entry: Row, at: datetime) -> str:
    entry_id = new_id()
    db.insert(
        "ticket_times",
        {
            "id": entry_id,
            "ticket_id": ticket.id,
            "person_id": viewer.person_id,
            **entry,
            "created_at": stored(at),
        },
    )
    return entry_id


def _today(viewer: Viewer, at: datetime | None) -> date:
    return (at or utc_now()).astimezone(ZoneInfo(viewer.time_zone or DEFAULT_TIME_ZONE)).date()


def _day(text: str, today: date) -> str:
    if not text.strip():
        return today.isoformat()
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid("time.day_invalid") from None
    if not today - OLDEST <= day <= today:
        raise Invalid("time.day_invalid")
    return day.isoformat()
