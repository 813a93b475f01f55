"""Work to do after the request, kept in the transaction of the change that asked for it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kbsearch.clock import now, stored
from kbsearch.db import Database, new_id

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


@dataclass(frozen=True)
class Waiting:
    """A task as it is looked at; `state` is waiting, failed (it will be tried again) or dead."""

    id: str
    kind: str
    created_at: str
    due_at: str
    attempts: int
    problem: str | None
    state: str


Handlers = Mapping[str, Callable[[Task], None]]


class Hopeless(Exception):
    """Raised by a handler that knows that trying again is of no use."""


def add(db: Database, kind: str, subject: str) -> None:
    """Ask for work; call it inside the transaction of the change. Handlers are safe to repeat."""
    moment = now()
    task = {"id": new_id(), "kind": kind, "subject": subject}
    db.insert("outbox", {**task, "created_at": moment, "due_at": moment})


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


def claim(db: Database) -> Task | None:
    """Take the oldest task that is due, under a lease: unfinished, it comes due again."""
    moment = datetime.now(UTC)
    rows = db.query(
        """
        UPDATE outbox SET due_at = :lease, attempts = attempts + 1
        WHERE id = (SELECT id FROM outbox
                    WHERE done_at IS NULL AND dead_at IS NULL AND due_at <= :now
                    ORDER BY due_at, created_at LIMIT 1)
        RETURNING id, kind, subject, attempts, created_at
        """,
        {"now": stored(moment), "lease": stored(moment + LEASE)},
    )
    return Task(**rows[0]) if rows else None


def run_one(db: Database, handlers: Handlers) -> bool:
    """Claim a task and do it; False when nothing is due. A failure is kept with its reason."""
    task = claim(db)
    if task is None:
        return False
    try:
        handlers[task.kind](task)
    except Hopeless as problem:
        _give_up(db, task, str(problem))
    except Exception as problem:
        _fail(db, task, f"{type(problem).__name__}: {problem}")
    else:
        db.execute("UPDATE outbox SET done_at = :now WHERE id = :id", {"now": now(), "id": task.id})
    return True


def _fail(db: Database, task: Task, problem: str) -> None:
    if task.attempts > len(RETRY_AFTER):
        _give_up(db, task, problem)
        return
    log.warning("%s %s failed, attempt %d: %s", task.kind, task.subject, task.attempts, problem)
    due = stored(datetime.now(UTC) + RETRY_AFTER[task.attempts - 1])
    db.execute(
        "UPDATE outbox SET due_at = :due, problem = :problem WHERE id = :id",
        {"id": task.id, "problem": problem[:MAX_PROBLEM], "due": due},
    )


def _give_up(db: Database, task: Task, problem: str) -> None:
    log.error("%s %s is given up, attempt %d: %s", task.kind, task.subject, task.attempts, problem)
    db.execute(
        "UPDATE outbox SET dead_at = :now, problem = :problem WHERE id = :id",
        {"id": task.id, "problem": problem[:MAX_PROBLEM], "now": now()},
    )


def together(*parts: Handlers) -> Handlers:
    """All these handlers as one; where several want the same kind, each does its part in turn.

    One that fails brings the task back to those before it too: they are safe to repeat.
    """
    wanted: dict[str, list[Callable[[Task], None]]] = {}
    for part in parts:
        for kind, handler in part.items():
            wanted.setdefault(kind, []).append(handler)

    def all_of(handlers: list[Callable[[Task], None]]) -> Callable[[Task], None]:
        def run(task: Task) -> None:
            for handler in handlers:
                handler(task)

        return run

    return {kind: all_of(handlers) for kind, handlers in wanted.items()}


def list_unfinished(db: Database, *, limit: int = 200) -> list[Waiting]:
    """What is to leave and has not left: waiting, failed or given up, the oldest first."""
    rows = db.query(
        """
        SELECT id, kind, created_at, due_at, attempts, problem,
               CASE WHEN dead_at IS NOT NULL THEN 'dead' WHEN problem IS NOT NULL THEN 'failed'
                    ELSE 'waiting' END AS state
        FROM outbox WHERE done_at IS NULL AND kind NOT LIKE 'index.%'
        ORDER BY created_at, id LIMIT :limit
        """,
        {"limit": limit},
    )
    return [Waiting(**row) for row in rows]


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
