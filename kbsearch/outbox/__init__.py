"""The outbox: work to do after the request, kept in the transaction of the change that asks for it.

Tasks of one thread are done in their order: while the first waits to be tried again, so do those
behind it. What is given up holds nobody up.
"""

from datetime import datetime, timedelta

from kbsearch import request_ids
from kbsearch.clock import now, stored, utc_now
from kbsearch.database import Database, new_id
from kbsearch.outbox.claims import LEASE, Share, Task, claim, release
from kbsearch.outbox.kinds import KINDS, Channel, Schedule, declare
from kbsearch.outbox.running import ChannelDown, Handlers, Hopeless, run_one, together

__all__ = [
    "KINDS",
    "LEASE",
    "Channel",
    "Handlers",
    "Hopeless",
    "Schedule",
    "Share",
    "Task",
    "ChannelDown",
    "claim",
    "declare",
    "release",
    "run_one",
    "together",
]

KEEP_DONE = timedelta(days=7)


def add(
    db: Database,
    kind: str,
    subject: str,
    *,
    thread: str | None = None,
    place: int = 0,
    due: datetime | None = None,
) -> str:
    """Ask for work; call it inside the transaction of the change. The task's id.

    Handlers are safe to repeat. In a thread, one task is done at a time, and each once all that has
    a lower place is done or given up.
    """
    task_id, moment = new_id(), now()
    db.insert(
        "outbox",
        {
            "id": task_id,
            "kind": kind,
            "channel": KINDS[kind].channel,
            "subject": subject,
            "thread": thread,
            "place": place,
            "created_at": moment,
            "began_at": moment,
            "due_at": stored(due) if due else moment,
            "request_id": request_ids.current(),
        },
    )
    return task_id


def add_once(db: Database, kind: str, subject: str) -> None:
    """The same, unless the very same work already waits and nobody has begun it.

    Nobody begins it before the change is there to be seen.
    """
    waiting = db.query(
        f"""
        SELECT 1 FROM outbox WHERE kind = :kind AND subject = :subject
        AND attempts = 0 AND done_at IS NULL AND dead_at IS NULL LIMIT 1 {db.holding}
        """,  # noqa: S608 (a constant)
        {"kind": kind, "subject": subject},
    )
    if not waiting:
        add(db, kind, subject)


def again(
    db: Database, task_id: str, *, also_done: bool = False, at: datetime | None = None
) -> bool:
    """Do it now and from the beginning, unless it is done; whether there is such a task.

    Whoever is at it at this moment keeps it: what comes of that counts.
    """
    changed = db.execute(
        """
        UPDATE outbox SET due_at = :now, began_at = :now, attempts = 0, done_at = NULL,
          dead_at = NULL, problem = NULL
        WHERE id = :id AND (done_at IS NULL OR :also_done = 1)
        """,
        {"id": task_id, "now": stored(at or utc_now()), "also_done": int(also_done)},
    )
    return changed == 1


def oldest_waiting(db: Database, channel: Channel | None = None) -> str | None:
    """When the oldest unfinished task was asked for, or None; receivers of webhooks may lag."""
    rows = db.query(
        """
        SELECT MIN(created_at) AS oldest FROM outbox
        WHERE done_at IS NULL AND dead_at IS NULL AND channel <> 'webhook'
          AND (:channel IS NULL OR channel = :channel)
        """,
        {"channel": channel},
    )
    oldest: str | None = rows[0]["oldest"]
    return oldest


def count_dead(db: Database) -> int:
    """Tasks given up after every retry, waiting for a person; of webhooks, their owner is told."""
    rows = db.query(
        "SELECT COUNT(*) AS n FROM outbox WHERE dead_at IS NOT NULL AND channel <> 'webhook'"
    )
    return int(rows[0]["n"])


def forget_done(db: Database, *, before: str) -> int:
    """Remove tasks done before a moment, but those that are a log of their own; how many."""
    return db.execute(
        "DELETE FROM outbox WHERE done_at < :before AND channel <> 'webhook'", {"before": before}
    )


def forget_settled(db: Database, channel: Channel, *, before: str) -> int:
    """Remove tasks of a channel that were done or given up before a moment; how many."""
    return db.execute(
        "DELETE FROM outbox WHERE channel = :channel AND (done_at < :before OR dead_at < :before)",
        {"channel": channel, "before": before},
    )
