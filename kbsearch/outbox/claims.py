"""Claims: whoever takes a task has it alone, until it is settled or the lease is over.

A claim is one statement and has a name of its own, which settles the task: whoever comes back after
the lease, when somebody else has claimed it, changes nothing. Of a thread one task is claimed at a
time, the lowest place first, also while that one waits to be tried again.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import randomness
from kbsearch.clock import parsed, stored, utc_now
from kbsearch.database import Database, Values, escape_like, keepable, new_id, one_of
from kbsearch.outbox.kinds import KINDS, USUAL, Channel

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
PAUSE = timedelta(seconds=5)  # of a task, while nothing of its kind gets out
MAX_PROBLEM = 2000


@dataclass(frozen=True)
class Share:
    """Which tasks somebody takes, and as whom: of a channel, of these kinds, of none of those."""

    worker: str = "worker"  # who comes after one of this name may free its claims
    channel: Channel | None = None
    only: Collection[str] = ()
    never: Collection[str] = ()


@dataclass(frozen=True)
class Task:
    """One piece of work: `kind` names its handler, `subject` what it is about."""

    id: str
    kind: str
    subject: str
    thread: str | None
    attempts: int  # this one among them
    created_at: str
    began_at: str  # the first of these attempts was asked for
    claim: str
    request_id: str = ""  # of the request that it comes from


EVERYTHING = Share()
# Clocks differ by seconds; a lease that ends later than two would is of one set back since.
_IS_FREE = """
    o.done_at IS NULL AND o.dead_at IS NULL AND o.due_at <= :now
    AND (o.claim IS NULL OR o.leased_until <= :now OR o.leased_until > :two_leases)
"""
# Its own claim is the only one of its thread, if it has one.
_IS_ITS_TURN = """
    (o.claim IS NOT NULL OR o.thread NOT IN (
      SELECT c.thread FROM outbox c WHERE c.claim IS NOT NULL AND c.thread IS NOT NULL))
    AND NOT EXISTS (SELECT 1 FROM outbox p WHERE p.thread = o.thread AND p.place < o.place
                    AND p.done_at IS NULL AND p.dead_at IS NULL)
"""


def claim(
    db: Database,
    share: Share = EVERYTHING,
    *,
    resting: Collection[str] = (),
    at: datetime | None = None,
) -> Task | None:
    """Take the task of a share that has been due for longest; none of a thread that rests."""
    moment = at or utc_now()
    next_one, values = _next_one(share, resting)
    values |= {"now": stored(moment), "two_leases": stored(moment + 2 * LEASE)}
    if not db.query(next_one, values):
        return None  # looking takes no lock, which would hold up those who write
    rows = db.claim(
        f"""
        UPDATE outbox AS o
        SET claim = :claim, leased_until = :lease, attempts = attempts + 1
        WHERE o.id = ({next_one} {db.passing_over}) AND {_IS_FREE}
        RETURNING id, kind, subject, thread, attempts, created_at, began_at, claim, request_id
        """,  # noqa: S608 (constants, names of parameters)
        {
            **values,
            "claim": f"{share.worker} {new_id()}",
            "lease": stored(moment + LEASE),
        },
    )
    return Task(**rows[0]) if rows else None


def _next_one(share: Share, resting: Collection[str]) -> tuple[str, dict[str, object]]:
    """A query for the id of the task whose turn it is, and its values but for the moment."""
    conditions, values = [_IS_FREE], dict[str, object]()
    if share.channel:
        conditions.append("o.channel = :channel")
        values["channel"] = share.channel
    for name, column, word, choices in (
        ("only", "kind", "IN", share.only),
        ("never", "kind", "NOT IN", share.never),
        ("resting", "thread", "NOT IN", resting),
    ):
        if choices:
            places, named = one_of(name, sorted(choices))
            conditions.append(f"o.{column} {word} ({places})")
            values |= named
    return (
        f"""
        SELECT o.id FROM outbox o WHERE {" AND ".join(conditions)}
        AND (o.thread IS NULL OR {_IS_ITS_TURN}) ORDER BY o.due_at, o.created_at LIMIT 1
        """,  # noqa: S608 (constants, names of parameters)
        values,
    )


def release(db: Database, worker: str) -> None:
    """Free what a worker of this name had claimed; for whoever knows that it is gone."""
    db.execute(
        """
        UPDATE outbox SET claim = NULL, leased_until = NULL
        WHERE claim IS NOT NULL AND claim LIKE :claims ESCAPE '!'
        """,
        {"claims": f"{escape_like(worker)} %"},
    )


def done(db: Database, task: Task, *, at: datetime | None = None) -> bool:
    """It is done; whether it was still this claim's."""
    moment = stored(at or utc_now())
    return _settle(db, task, None, "done_at = :now", {"now": moment})


def fail(
    db: Database,
    task: Task,
    problem: str,
    *,
    not_before: datetime | None = None,
    at: datetime | None = None,
    chance: Callable[[], float] = randomness.fraction,
) -> bool:
    """Have it tried again as its kind says, and not before a moment; else it is given up.

    Whether it is tried again.
    """
    moment = at or utc_now()
    schedule = KINDS[task.kind].schedule if task.kind in KINDS else USUAL
    wait = schedule.wait(task.attempts, chance())
    due = None if wait is None else max(moment + wait, not_before or moment)
    if due is None or due > schedule.end(parsed(task.began_at)):
        give_up(db, task, problem, at=moment)
        return False
    _log(logging.WARNING, "failed", task, problem)
    _settle(db, task, problem, "due_at = :due", {"due": stored(due)})
    return True


def put_back(db: Database, task: Task, problem: str) -> None:
    """It is no fault of the task: it keeps its turn, and this attempt does not count."""
    values = {"due": stored(utc_now() + PAUSE), "attempts": task.attempts - 1}
    _settle(db, task, problem, "due_at = :due, attempts = :attempts", values)


def give_up(db: Database, task: Task, problem: str, *, at: datetime | None = None) -> None:
    """Trying again is of no use: it waits for a person."""
    _log(logging.ERROR, "is given up", task, problem)
    _settle(db, task, problem, "dead_at = :now", {"now": stored(at or utc_now())})


def give_up_waiting(db: Database, thread: str, problem: str, *, at: datetime) -> None:
    """Give up all of a thread but what somebody is at: that is theirs to settle."""
    db.execute(
        """
        UPDATE outbox SET dead_at = :now, problem = COALESCE(problem, :problem)
        WHERE thread = :thread AND claim IS NULL AND done_at IS NULL AND dead_at IS NULL
        """,
        {"thread": thread, "problem": problem, "now": stored(at)},
    )


def _log(level: int, what: str, task: Task, problem: str) -> None:
    said = keepable(problem[:MAX_PROBLEM])
    log.log(level, "%s %s %s, attempt %d: %s", task.kind, task.subject, what, task.attempts, said)


def _settle(db: Database, task: Task, problem: str | None, changes: str, values: Values) -> bool:
    """End a claim with these changes, a constant; whether it had not ended before."""
    count = db.execute(
        f"""
        UPDATE outbox SET claim = NULL, leased_until = NULL, problem = :problem, {changes}
        WHERE id = :id AND claim = :claim
        """,  # noqa: S608 (a constant)
        {
            **values,
            "problem": problem and keepable(problem[:MAX_PROBLEM]),
            "id": task.id,
            "claim": task.claim,
        },
    )
    if not count:
        log.warning("%s %s was settled after its lease was over", task.kind, task.subject)
    return count == 1
