"""Work to do after the request, kept in the transaction of the change that asked for it.

Tasks of one thread are done in their order: while the first waits to be tried again, so do those
behind it. What is given up holds nobody up.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from kbsearch.clock import now, stored, utc_now
from kbsearch.database import Database, new_id, one_of
from kbsearch.outbox.kinds import KINDS, Channel, Kind, declare

__all__ = ["KINDS", "Channel", "Kind", "declare"]

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
MAX_PROBLEM = 2000
# 5 s, 25 s, 2 min, 10 min, then hourly: about half a day in all before somebody must look.
RETRY_AFTER = [timedelta(seconds=seconds) for seconds in (5, 25, 120, 600, *[3600] * 12)]


@dataclass(frozen=True)
class Task:
    """One piece of work: `kind` names its handler, `subject` what it is about."""

    id: str
    kind: str
    subject: str
    attempts: int
    created_at: str


Handlers = Mapping[str, Callable[[Task], None]]


Outcome = Literal["", "done", "failed", "dead", "unavailable"]  # empty: nothing was due


class Hopeless(Exception):
    """Raised by a handler that knows that trying again is of no use."""


class Unavailable(Exception):
    """Raised by a handler when nothing of its kind gets out at present, whatever it is."""


def add(
    db: Database,
    kind: str,
    subject: str,
    *,
    thread: str | None = None,
    place: int = 0,
    due: datetime | None = None,
) -> None:
    """Ask for work; call it inside the transaction of the change. Handlers are safe to repeat.

    In a thread, it is done once all that has a lower place in it is done or given up.
    """
    moment = now()
    db.insert(
        "outbox",
        {
            "id": new_id(),
            "kind": kind,
            "channel": KINDS[kind].channel,
            "subject": subject,
            "thread": thread,
            "place": place,
            "created_at": moment,
            "due_at": stored(due) if due else moment,
        },
    )


def add_once(db: Database, kind: str, subject: str) -> None:
    """The same, unless the very same work already waits and nobody has begun it."""
    waiting = db.query(
        """
        SELECT 1 FROM outbox WHERE kind = :kind AND subject = :subject
        AND attempts = 0 AND done_at IS NULL AND dead_at IS NULL LIMIT 1
        """,
        {"kind": kind, "subject": subject},
    )
    if not waiting:
        add(db, kind, subject)


def claim(db: Database, *, only: Collection[str] = (), never: Collection[str] = ()) -> Task | None:
    """Take the oldest task that is due, under a lease: unfinished, it comes due again.

    Of these kinds alone, if any are named, and of none of those.
    """
    moment = utc_now()
    only_places, only_values = one_of("only", sorted(only))
    never_places, never_values = one_of("never", sorted(never))
    next_one = f"""
        SELECT o.id FROM outbox o
        WHERE o.done_at IS NULL AND o.dead_at IS NULL AND o.due_at <= :now
          AND (:any = 1 OR o.kind IN ({only_places}))
          AND o.kind NOT IN ({never_places if never else "''"})
          AND (o.thread IS NULL OR NOT EXISTS (
            SELECT 1 FROM outbox p WHERE p.thread = o.thread AND p.place < o.place
            AND p.done_at IS NULL AND p.dead_at IS NULL))
        ORDER BY o.due_at, o.created_at LIMIT 1
    """  # noqa: S608 (names of parameters)
    values = {"now": stored(moment), "any": int(not only), **only_values, **never_values}
    if not db.query(next_one, values):
        return None  # looking takes no lock, which would hold up those who write
    rows = db.query(
        f"""
        UPDATE outbox SET due_at = :lease, attempts = attempts + 1 WHERE id = ({next_one})
        RETURNING id, kind, subject, attempts, created_at
        """,  # noqa: S608 (names of parameters)
        {**values, "lease": stored(moment + LEASE)},
    )
    return Task(**rows[0]) if rows else None


def run_one(
    db: Database,
    handlers: Handlers,
    *,
    only: Collection[str] = (),
    never: Collection[str] = (),
) -> Outcome:
    """Claim a task and do it: what became of it. A failure is kept with its reason."""
    task = claim(db, only=only, never=never)
    if task is None:
        return ""
    try:
        handlers[task.kind](task)
    except Hopeless as problem:
        return _give_up(db, task, str(problem))
    except Unavailable as problem:
        return _put_back(db, task, str(problem))
    except Exception as problem:
        return _fail(db, task, f"{type(problem).__name__}: {problem}")
    db.execute("UPDATE outbox SET done_at = :now WHERE id = :id", {"now": now(), "id": task.id})
    return "done"


def _put_back(db: Database, task: Task, problem: str) -> Outcome:
    """It is no fault of the task: it keeps its turn, and this attempt does not count."""
    db.execute(
        """
        UPDATE outbox SET due_at = :due, attempts = attempts - 1, problem = :problem
        WHERE id = :id
        """,
        {
            "id": task.id,
            "problem": problem[:MAX_PROBLEM],
            "due": stored(utc_now() + RETRY_AFTER[0]),
        },
    )
    return "unavailable"


def _fail(db: Database, task: Task, problem: str) -> Outcome:
    if task.attempts > len(RETRY_AFTER):
        return _give_up(db, task, problem)
    log.warning("%s %s failed, attempt %d: %s", task.kind, task.subject, task.attempts, problem)
    due = stored(utc_now() + RETRY_AFTER[task.attempts - 1])
    db.execute(
        "UPDATE outbox SET due_at = :due, problem = :problem WHERE id = :id",
        {"id": task.id, "problem": problem[:MAX_PROBLEM], "due": due},
    )
    return "failed"


def _give_up(db: Database, task: Task, problem: str) -> Outcome:
    log.error("%s %s is given up, attempt %d: %s", task.kind, task.subject, task.attempts, problem)
    db.execute(
        "UPDATE outbox SET dead_at = :now, problem = :problem WHERE id = :id",
        {"id": task.id, "problem": problem[:MAX_PROBLEM], "now": now()},
    )
    return "dead"


def together(*parts: Handlers) -> Handlers:
    """All these handlers as one; where several want the same kind, each does its part in turn.

    One that fails brings the task back to those before it too: they are safe to repeat.
    """
    by_kind: dict[str, list[Callable[[Task], None]]] = {}
    for part in parts:
        for kind, handler in part.items():
            by_kind.setdefault(kind, []).append(handler)

    def all_of(handlers: list[Callable[[Task], None]]) -> Callable[[Task], None]:
        def run(task: Task) -> None:
            for handler in handlers:
                handler(task)

        return run

    return {kind: all_of(handlers) for kind, handlers in by_kind.items()}


def again(db: Database, task_id: str) -> bool:
    """Do it now and from the beginning, unless it is done; whether there is such a task."""
    changed = db.execute(
        """
        UPDATE outbox SET due_at = :now, attempts = 0, dead_at = NULL, problem = NULL
        WHERE id = :id AND done_at IS NULL
        """,
        {"id": task_id, "now": now()},
    )
    return changed == 1


def oldest_waiting(db: Database) -> str | None:
    """When the oldest unfinished task was asked for, or None."""
    rows = db.query(
        "SELECT MIN(created_at) AS oldest FROM outbox WHERE done_at IS NULL AND dead_at IS NULL"
    )
    oldest: str | None = rows[0]["oldest"]
    return oldest


def count_dead(db: Database) -> int:
    """Tasks given up after every retry, waiting for a person."""
    return int(db.query("SELECT COUNT(*) AS n FROM outbox WHERE dead_at IS NOT NULL")[0]["n"])


def forget_done(db: Database, *, before: str) -> int:
    """Remove finished tasks older than a moment; how many."""
    return db.execute("DELETE FROM outbox WHERE done_at < :before", {"before": before})
