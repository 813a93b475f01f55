"""Events on their way to webhooks: one delivery for each event and address, until it got through.

Whoever receives one sees the same webhook-id each time, and a signature made for the attempt.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from kbsearch import outbox, randomness
from kbsearch.clock import parsed, stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, Values, new_id
from kbsearch.messages.webhooks import events
from kbsearch.outbox import Handlers, Task

# Between attempts: ten in all over three days and a few hours, as Standard Webhooks advises.
SCHEDULE = [
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
]
JITTER = 0.1  # up to this part longer, so that what failed together does not come back together
LIFETIME = sum(SCHEDULE, timedelta()) * (1 + JITTER) + timedelta(hours=1)
LEASE = timedelta(seconds=60)
BREAK_AFTER = 3  # failures in a row after which an address is left alone for a while
REST = timedelta(minutes=5)
SLOW_DOWN = timedelta(minutes=1)  # when asked to, without a word about how long
LONGEST_WISH = timedelta(hours=24)
SLOWED = (429, 502, 504)
GONE = 410
KEEP = timedelta(days=30)
DIED = outbox.declare("webhook.died", "mail")  # tell its owner that it is disabled

State = Literal["waiting", "failed", "dead", "sent"]
STATES: tuple[State, ...] = ("waiting", "failed", "dead", "sent")


@dataclass(frozen=True)
class Due:
    """A delivery that is taken up now."""

    id: str
    endpoint_id: str
    url: str
    message_id: str
    body: str
    attempts: int  # before this one


@dataclass(frozen=True)
class Outcome:
    """How an attempt went: a status, or why there is none."""

    status: int | None
    response: str = ""
    retry_after: str | None = None
    problem: str | None = None  # a reason of guarded_http, or "status"
    told: str = ""
    duration_ms: int = 0

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True)
class Delivery:
    """A delivery as it is looked at."""

    id: str
    endpoint_id: str
    url: str
    message_id: str
    kind: str
    created_at: str
    due_at: str
    attempts: int
    state: State
    at: str  # of its last change
    problem: str | None


@dataclass(frozen=True)
class Attempt:
    """One try, as the log keeps it; `response` is the beginning of what was answered."""

    at: str
    duration_ms: int
    status: int | None
    problem: str | None
    told: str
    response: str


def handlers(settings: Settings, db: Database) -> Handlers:
    """What the outbox asks for: each event becomes the deliveries of those who chose its kind."""
    return {kind: lambda task: fan_out(db, settings, task) for kind in events.KINDS}


def fan_out(db: Database, settings: Settings, task: Task) -> None:
    """Prepare one delivery for each webhook that chose this kind; the same task again adds none."""
    with db.atomic():
        endpoints = db.query(
            """
            SELECT e.id FROM webhook_endpoints e JOIN webhook_choices c ON c.endpoint_id = e.id
            WHERE c.kind = :kind AND e.disabled_at IS NULL AND e.created_at <= :at
            """,
            {"kind": task.kind, "at": task.created_at},
        )
        facts = events.facts(db, settings, task.kind, task.subject) if endpoints else None
        if facts is None:
            return
        message_id = f"msg_{task.id}"
        _add_message(db, message_id, task.kind, task.created_at, facts)
        for row in endpoints:
            _add_delivery(db, message_id, row["id"], stored(utc_now()))


def add_test(db: Database, endpoint_id: str) -> str:
    """An event that means nothing, for one address; the delivery's id."""
    message_id, moment = f"msg_{new_id()}", stored(utc_now())
    with db.atomic():
        _add_message(db, message_id, events.TEST, moment, {"webhook": endpoint_id})
        return _add_delivery(db, message_id, endpoint_id, moment)


def claim(db: Database, *, at: datetime | None = None) -> Due | None:
    """Take up the delivery that has been due for longest, under a lease.

    An address is spoken to by one at a time, and not at all while it rests.
    """
    moment = at or utc_now()
    values = {"now": stored(moment), "lease": stored(moment + LEASE)}
    rows = db.query(
        """
        SELECT d.id, d.endpoint_id, e.url, d.message_id, m.body, d.attempts
        FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
        JOIN webhook_messages m ON m.id = d.message_id
        WHERE d.sent_at IS NULL AND d.dead_at IS NULL AND d.due_at <= :now
          AND e.disabled_at IS NULL AND (e.rests_until IS NULL OR e.rests_until <= :now)
          AND NOT EXISTS (SELECT 1 FROM webhook_deliveries o WHERE o.endpoint_id = e.id
                          AND o.leased_until > :now AND o.leased_until <= :lease)
        ORDER BY d.due_at, d.created_at LIMIT 1
        """,
        values,  # a lease that ends later than a new one would is of a clock since set back
    )
    if not rows:
        return None
    due = Due(**rows[0])
    is_ours = db.execute(
        """
        UPDATE webhook_deliveries SET leased_until = :lease
        WHERE id = :id AND sent_at IS NULL AND dead_at IS NULL
        """,
        {"lease": values["lease"], "id": due.id},
    )
    return due if is_ours else None


def release_all(db: Database) -> None:
    """Forget the leases of a courier that ended in the middle of its work."""
    db.execute("UPDATE webhook_deliveries SET leased_until = NULL WHERE leased_until IS NOT NULL")


def record(
    db: Database,
    due: Due,
    outcome: Outcome,
    *,
    at: datetime | None = None,
    chance: Callable[[], float] = randomness.fraction,
) -> None:
    """Keep how an attempt went, and decide what comes next for the delivery and its address."""
    moment = at or utc_now()
    now = stored(moment)
    with db.atomic():
        db.insert(
            "webhook_attempts",
            {
                "id": new_id(),
                "delivery_id": due.id,
                "at": now,
                "duration_ms": outcome.duration_ms,
                "status": outcome.status,
                "problem": outcome.problem,
                "told": outcome.told,
                "response": outcome.response,
            },
        )
        if outcome.is_success:
            _succeed(db, due, now)
            return
        attempts = due.attempts + 1
        _change(db, due.id, attempts=attempts, problem=outcome.problem)
        if outcome.status == GONE:
            _change(db, due.id, dead_at=now)
            stop(db, due.endpoint_id, "gone", moment)
            return
        wish = _wish(outcome, moment)
        next_at = _next(attempts, moment, wish, chance)
        if next_at is not None and next_at <= _end(db, due):
            _change(db, due.id, due_at=stored(next_at))
            _rest(db, due.endpoint_id, moment, wish)
            return
        _change(db, due.id, dead_at=now)
        if not _was_heard_of(db, due):
            stop(db, due.endpoint_id, "silent", moment)


def stop(db: Database, endpoint_id: str, because: str, at: datetime) -> None:
    """Disable an address, and give up what waits for it; its owner is told if nobody asked."""
    values = {"id": endpoint_id, "now": stored(at), "because": because}
    with db.atomic():
        stopped = db.execute(
            """
            UPDATE webhook_endpoints SET disabled_at = :now, disabled_because = :because
            WHERE id = :id AND disabled_at IS NULL
            """,
            values,
        )
        db.execute(
            """
            UPDATE webhook_deliveries SET dead_at = :now, leased_until = NULL,
              problem = COALESCE(problem, 'disabled')
            WHERE endpoint_id = :id AND sent_at IS NULL AND dead_at IS NULL
            """,
            values,
        )
        if stopped and because != "disabled":
            outbox.add(db, DIED, endpoint_id)


def again(db: Database, delivery_id: str, *, at: datetime | None = None) -> bool:
    """Send it from the beginning, whatever became of it; False when its address is disabled."""
    moment = stored(at or utc_now())
    count = db.execute(
        """
        UPDATE webhook_deliveries SET due_at = :now, began_at = :now, attempts = 0,
          sent_at = NULL, dead_at = NULL, problem = NULL
        WHERE id = :id AND endpoint_id IN (SELECT id FROM webhook_endpoints
                                           WHERE disabled_at IS NULL)
        """,
        {"id": delivery_id, "now": moment},
    )
    return count == 1


_STATE = """
    CASE WHEN d.sent_at IS NOT NULL THEN 'sent' WHEN d.dead_at IS NOT NULL THEN 'dead'
         WHEN d.attempts > 0 THEN 'failed' ELSE 'waiting' END
"""


def read(
    db: Database,
    condition: str,
    values: Values,
    *,
    limit: int = 100,
    offset: int = 0,
    order: str = "d.created_at DESC, d.id",
) -> list[Delivery]:
    """Deliveries that meet a condition, the newest first.

    Condition and order are constants of the calling module.
    """
    rows = db.query(
        f"""
        SELECT d.id, d.endpoint_id, e.url, d.message_id, m.kind, d.created_at, d.due_at,
               d.attempts, {_STATE} AS state, d.problem,
               COALESCE(d.sent_at, d.dead_at, (SELECT MAX(at) FROM webhook_attempts
                        WHERE delivery_id = d.id), d.created_at) AS at
        FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
        JOIN webhook_messages m ON m.id = d.message_id
        WHERE {condition} ORDER BY {order} LIMIT :limit OFFSET :offset
        """,  # noqa: S608 (constants)
        {**values, "limit": limit, "offset": offset},
    )
    return [Delivery(**row) for row in rows]


def of_webhook(
    db: Database, endpoint_id: str, *, limit: int = 100, offset: int = 0
) -> list[Delivery]:
    """What was sent to an address, the newest first."""
    return read(db, "d.endpoint_id = :id", {"id": endpoint_id}, limit=limit, offset=offset)


def find(db: Database, delivery_id: str) -> Delivery | None:
    """The delivery with that id."""
    deliveries = read(db, "d.id = :id", {"id": delivery_id})
    return deliveries[0] if deliveries else None


def body_of(db: Database, delivery: Delivery) -> str:
    """What is sent, to the letter."""
    rows = db.query("SELECT body FROM webhook_messages WHERE id = :id", {"id": delivery.message_id})
    return str(rows[0]["body"])


def attempts_of(db: Database, delivery: Delivery) -> list[Attempt]:
    """Each try of a delivery, the last one first."""
    rows = db.query(
        """
        SELECT at, duration_ms, status, problem, told, response FROM webhook_attempts
        WHERE delivery_id = :id ORDER BY at DESC, id
        """,
        {"id": delivery.id},
    )
    return [Attempt(**row) for row in rows]


def oldest_waiting(db: Database) -> str | None:
    """When the oldest delivery that still waits was asked for, or None."""
    rows = db.query(
        """
        SELECT MIN(created_at) AS oldest FROM webhook_deliveries
        WHERE sent_at IS NULL AND dead_at IS NULL
        """
    )
    oldest: str | None = rows[0]["oldest"]
    return oldest


def forget_old(db: Database, *, before: str) -> None:
    """Remove what got through or was given up before a moment."""
    values = {"before": before}
    old = "SELECT id FROM webhook_deliveries WHERE sent_at < :before OR dead_at < :before"
    with db.atomic():
        db.execute(f"DELETE FROM webhook_attempts WHERE delivery_id IN ({old})", values)  # noqa: S608
        db.execute(
            "DELETE FROM webhook_deliveries WHERE sent_at < :before OR dead_at < :before", values
        )
        db.execute(
            """
            DELETE FROM webhook_messages
            WHERE at < :before AND id NOT IN (SELECT message_id FROM webhook_deliveries)
            """,
            values,
        )


def _add_message(db: Database, message_id: str, kind: str, at: str, facts: events.Facts) -> None:
    db.execute(
        """
        INSERT INTO webhook_messages (id, kind, at, body) VALUES (:id, :kind, :at, :body)
        ON CONFLICT (id) DO NOTHING
        """,
        {"id": message_id, "kind": kind, "at": at, "body": events.body(kind, at, facts)},
    )


def _add_delivery(db: Database, message_id: str, endpoint_id: str, at: str) -> str:
    delivery_id = new_id()
    db.execute(
        """
        INSERT INTO webhook_deliveries (id, message_id, endpoint_id, created_at, began_at, due_at)
        VALUES (:id, :message, :endpoint, :at, :at, :at)
        ON CONFLICT (message_id, endpoint_id) DO NOTHING
        """,
        {"id": delivery_id, "message": message_id, "endpoint": endpoint_id, "at": at},
    )
    return delivery_id


def _succeed(db: Database, due: Due, now: str) -> None:
    _change(db, due.id, attempts=due.attempts + 1, problem=None, sent_at=now, dead_at=None)
    db.execute(
        """
        UPDATE webhook_endpoints SET failures = 0, rests_until = NULL, answered_at = :now
        WHERE id = :id
        """,
        {"id": due.endpoint_id, "now": now},
    )


def _change(db: Database, delivery_id: str, **changes: object) -> None:
    """Change columns of a delivery; whatever it is, it is no longer under way."""
    columns = ", ".join(f"{name} = :{name}" for name in changes)
    db.execute(
        f"UPDATE webhook_deliveries SET leased_until = NULL, {columns} WHERE id = :id",  # noqa: S608
        {**changes, "id": delivery_id},
    )


def _next(
    attempts: int, moment: datetime, wish: timedelta, chance: Callable[[], float]
) -> datetime | None:
    """When it is tried again after so many attempts, or None after the last."""
    if attempts > len(SCHEDULE):
        return None
    return moment + max(SCHEDULE[attempts - 1] * (1 + JITTER * chance()), wish)


def _end(db: Database, due: Due) -> datetime:
    """Until when it may be tried: a rest of its address stretches the schedule only so far."""
    rows = db.query("SELECT began_at FROM webhook_deliveries WHERE id = :id", {"id": due.id})
    return parsed(rows[0]["began_at"]) + LIFETIME


def _was_heard_of(db: Database, due: Due) -> bool:
    """Whether anything got through to the address since this delivery began."""
    return bool(
        db.query(
            """
            SELECT 1 FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
            WHERE d.id = :id AND e.answered_at >= d.began_at
            """,
            {"id": due.id},
        )
    )


def _wish(outcome: Outcome, moment: datetime) -> timedelta:
    """How long the receiver asks to be left alone: Retry-After in seconds or as a date."""
    wish = (outcome.retry_after or "").strip()
    none = SLOW_DOWN if outcome.status in SLOWED else timedelta()
    if wish.isascii() and wish.isdecimal():
        return min(timedelta(seconds=min(int(wish[:9]), 10**6)), LONGEST_WISH)
    try:
        until = parsedate_to_datetime(wish)
    except ValueError:
        return none
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max(until - moment, none), LONGEST_WISH)


def _rest(db: Database, endpoint_id: str, moment: datetime, wish: timedelta) -> None:
    """Leave the address alone as it wishes, or a while when it has failed again and again."""
    db.execute(
        """
        UPDATE webhook_endpoints SET failures = failures + 1,
          rests_until = CASE WHEN failures + 1 < :limit THEN :wish ELSE :rest END
        WHERE id = :id
        """,
        {
            "id": endpoint_id,
            "limit": BREAK_AFTER,
            "wish": stored(moment + wish) if wish else None,
            "rest": stored(moment + max(wish, REST)),
        },
    )
