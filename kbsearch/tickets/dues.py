"""When something is due of requests under way, kept beside them; and who is told of it, once.

The worker keeps up with what changes, and begins anew once targets or calendars are changed. What
a page shows of a clock is worked out as it is shown. Alarms ring in the hours of what was promised:
what happens outside of them goes when they begin.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from kbsearch import promises
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, one_of
from kbsearch.promises.hours import OpeningHours
from kbsearch.promises.targets import Promise
from kbsearch.tickets import changes, clocks, events
from kbsearch.tickets.clocks import Clock
from kbsearch.tickets.codes import IS_UNDER_WAY
from kbsearch.tickets.events import EventKind, NewEvent

AT_ONCE = 500
REACHED = "clocks"  # the counter of the revision up to which requests are kept
Stage = Literal["soon", "late"]
KINDS: Mapping[Stage, EventKind] = {"soon": "ticket.due_soon", "late": "ticket.overdue"}


@dataclass(frozen=True)
class Alarm:
    """Something to tell of a clock: from when on, and in which hours."""

    promise: Promise
    since: str
    stage: Stage
    at: datetime
    due_at: datetime
    hours: OpeningHours

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.promise, self.since, self.stage)


def catch_up(db: Database, *, at: datetime | None = None) -> None:
    """Keep all that changed, for whoever cannot wait for the worker."""
    while refresh(db, at=at):
        pass


def refresh(db: Database, *, at: datetime | None = None, limit: int = AT_ONCE) -> bool:
    """Keep the next requests that changed, the oldest change first; whether there were any."""
    if _reached(db) == changes.last_revision(db):  # most of the time: no turn to write is taken
        return False
    with db.atomic():
        reached, last = _reached(db), changes.last_revision(db)
        rows = db.query(
            f"""
            SELECT t.id, t.revision FROM tickets t
            WHERE {IS_UNDER_WAY} AND t.revision > :reached ORDER BY t.revision LIMIT :limit
            """,  # noqa: S608 (constants)
            {"reached": reached, "limit": limit},
        )
        last = rows[-1]["revision"] if len(rows) == limit else last
        db.execute(
            """
            DELETE FROM ticket_clocks WHERE ticket_id IN
              (SELECT id FROM tickets WHERE revision > :reached AND revision <= :last)
            """,
            {"reached": reached, "last": last},
        )
        _keep(db, [row["id"] for row in rows], at or utc_now())
        db.execute(
            """
            INSERT INTO counters (name, value) VALUES (:name, :revision)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            """,
            {"name": REACHED, "revision": last},
        )
    return True


def tell(db: Database, *, at: datetime | None = None, limit: int = AT_ONCE) -> bool:
    """Make events of what is late, or soon will be; whether there was anything.

    What is told stands in the transaction that tells it: no end in between tells it twice.
    """
    moment = at or utc_now()
    with db.atomic():
        rows = db.query(
            "SELECT ticket_id FROM ticket_clocks WHERE alarm_at <= :now ORDER BY alarm_at LIMIT :n",
            {"now": stored(moment), "n": limit},
        )
        ids = [row["ticket_id"] for row in rows]
        for ticket_id, clock in clocks.of_tickets(db, ids, at=moment).items():
            ringing = [
                alarm
                for alarm in _alarms(db, ticket_id, clock)
                if alarm.at <= moment and alarm.hours.is_open(moment)
            ]
            _ring(db, ticket_id, ringing, moment)
        places, values = one_of("id", ids)
        db.execute(f"DELETE FROM ticket_clocks WHERE ticket_id IN ({places})", values)  # noqa: S608
        _keep(db, ids, moment)
    return bool(ids)


def _ring(db: Database, ticket_id: str, ringing: Sequence[Alarm], moment: datetime) -> None:
    """Tell of each promise how it stands: what is late is not told to be late soon as well."""
    for alarm in ringing:
        db.insert(
            "ticket_alarms",
            {
                "ticket_id": ticket_id,
                "promise": alarm.promise,
                "since": alarm.since,
                "stage": alarm.stage,
                "at": stored(moment),
            },
        )
    late = {alarm.promise for alarm in ringing if alarm.stage == "late"}
    for alarm in ringing:
        if alarm.stage == "late" or alarm.promise not in late:
            event = NewEvent(
                KINDS[alarm.stage],
                stored(moment),
                field=alarm.promise,
                after=stored(alarm.due_at),
            )
            events.record(db, None, ticket_id, event)


def _keep(db: Database, ticket_ids: Sequence[str], moment: datetime) -> None:
    """Write down what is due of requests under way, and when somebody is to hear of it."""
    ticket_clocks = clocks.of_tickets(db, ticket_ids, at=moment)
    db.insert_many(
        "ticket_clocks",
        [
            {
                "ticket_id": ticket_id,
                "due_at": stored(clock.due),
                "alarm_at": _first(_alarms(db, ticket_id, clock), moment),
            }
            for ticket_id, clock in ticket_clocks.items()
            if clock.due is not None
        ],
    )


def _first(alarms: Iterable[Alarm], moment: datetime) -> str | None:
    """When the first of them may ring."""
    times = [alarm.hours.opening(max(alarm.at, moment)) for alarm in alarms]
    return stored(min(times)) if times else None


def _alarms(db: Database, ticket_id: str, clock: Clock) -> list[Alarm]:
    """What is still to be told of a clock.

    What was late already when it was promised is no news; nor is what lives in another system.
    """
    if not clock.running or _lives_elsewhere(db, ticket_id):
        return []
    rung = {
        (row["promise"], row["since"], row["stage"])
        for row in db.query(
            "SELECT promise, since, stage FROM ticket_alarms WHERE ticket_id = :id",
            {"id": ticket_id},
        )
    }
    changed_at = promises.changed_at(db)
    return [
        alarm
        for alarm in _all_alarms(clock)
        if alarm.key not in rung and stored(alarm.at) > changed_at
    ]


def _all_alarms(clock: Clock) -> Iterator[Alarm]:
    for promise, due in clock.running.items():
        since = stored(due.since)
        yield Alarm(promise, since, "soon", due.soon_at, due.at, due.hours)
        yield Alarm(promise, since, "late", due.at, due.at, due.hours)


def _lives_elsewhere(db: Database, ticket_id: str) -> bool:
    rows = db.query("SELECT source_hash FROM tickets WHERE id = :id", {"id": ticket_id})
    return bool(rows and rows[0]["source_hash"])


def _reached(db: Database) -> int:
    rows = db.query("SELECT value FROM counters WHERE name = :name", {"name": REACHED})
    return int(rows[0]["value"]) if rows else 0
