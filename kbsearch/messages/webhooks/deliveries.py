"""Events on their way to webhooks: one task for each event and address, until it got through.

Whoever receives one sees the same webhook-id each time, and a signature made for the attempt. The
thread of such a task is the id of its address, the subject that of its message.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from kbsearch import outbox, randomness
from kbsearch.clock import now, stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, Values, keepable, new_id
from kbsearch.messages.webhooks import events, scopes
from kbsearch.messages.webhooks.scopes import WebhookScope
from kbsearch.outbox import Handlers, Schedule, Share, Task, claims

WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
JITTER = 0.1
# Ten attempts in all over three days and a few hours, as Standard Webhooks advises; a rest of its
# address stretches that only so far.
SCHEDULE = Schedule(
    WAITS, JITTER, lifetime=sum(WAITS, timedelta()) * (1 + JITTER) + timedelta(hours=1)
)
BREAK_AFTER = 3  # failures in a row after which an address is left alone for a while
REST = timedelta(minutes=5)
SLOW_DOWN = timedelta(minutes=1)  # when asked to, without a word about how long
LONGEST_WISH = timedelta(hours=24)
SLOWED = (429, 502, 504)
GONE = 410
KEEP = timedelta(days=30)
DELIVERY = outbox.declare("webhook.delivery", "webhook", SCHEDULE)
DIED = outbox.declare("webhook.died", "mail")  # tell its owner that it is disabled
EVERY_DELIVERY = Share(channel="webhook")

State = Literal["waiting", "failed", "dead", "sent"]


@dataclass(frozen=True)
class Parcel:
    """What a task takes where: its address is spoken to no more once it is disabled."""

    url: str
    body: str
    is_disabled: bool


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
    """Prepare one delivery for each webhook that chose this kind and is told of such a thing.

    The same task again adds none. Those who are told the fields too get a message of their own.
    """
    with db.atomic():
        endpoints = _untold(db, task)
        facts = events.facts(db, settings, task.kind, task.subject) if endpoints else None
        if facts is None:
            return
        about = scopes.belongings(db, task.kind, facts)
        told = {id: scope for id, scope in endpoints.items() if scopes.covers(scope, about)}
        for with_fields in {scope.with_fields for scope in told.values()}:
            more = scopes.fields_of(db, task.kind, facts) if with_fields else {}
            message_id = _message_id(task, with_fields=with_fields)
            _add_message(db, message_id, task.kind, task.created_at, {**facts, **more})
        for endpoint_id, scope in told.items():
            message_id = _message_id(task, with_fields=scope.with_fields)
            outbox.add(db, DELIVERY, message_id, thread=endpoint_id)


def _message_id(task: Task, *, with_fields: bool) -> str:
    return f"msg_{task.id}{'_fields' if with_fields else ''}"


def _untold(db: Database, task: Task) -> dict[str, WebhookScope]:
    """The webhooks that chose the kind of a task and have no delivery of it yet."""
    rows = db.query(
        """
        SELECT e.id, e.tag, e.with_fields, org.slug AS organisation, p.slug AS product
        FROM webhook_endpoints e JOIN webhook_choices c ON c.endpoint_id = e.id
        LEFT JOIN organisations org ON org.id = e.organisation_id
        LEFT JOIN products p ON p.id = e.product_id
        WHERE c.kind = :kind AND e.disabled_at IS NULL AND e.created_at <= :at
          AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.channel = 'webhook'
                          AND o.subject IN (:message, :with_fields) AND o.thread = e.id)
        """,
        {
            "kind": task.kind,
            "at": task.created_at,
            "message": _message_id(task, with_fields=False),
            "with_fields": _message_id(task, with_fields=True),
        },
    )
    return {
        row["id"]: WebhookScope(
            row["organisation"] or "", row["product"] or "", row["tag"], bool(row["with_fields"])
        )
        for row in rows
    }


def add_test(db: Database, endpoint_id: str) -> str:
    """An event that means nothing, for one address; the delivery's id."""
    message_id = f"msg_{new_id()}"
    with db.atomic():
        _add_message(db, message_id, events.TEST, now(), {"webhook": endpoint_id})
        return outbox.add(db, DELIVERY, message_id, thread=endpoint_id)


def claim(
    db: Database, share: Share = EVERY_DELIVERY, *, at: datetime | None = None
) -> Task | None:
    """Take up the delivery that has been due for longest; none to an address that rests."""
    moment = {"now": stored(at or utc_now())}
    resting = db.query("SELECT id FROM webhook_endpoints WHERE rests_until > :now", moment)
    return outbox.claim(db, share, resting=[row["id"] for row in resting], at=at)


def parcel_of(db: Database, task: Task) -> Parcel:
    """What a delivery takes where, as things stand now."""
    (row,) = db.query(
        """
        SELECT e.url, m.body, e.disabled_at FROM webhook_endpoints e
        JOIN webhook_messages m ON m.id = :message WHERE e.id = :endpoint
        """,
        {"message": task.subject, "endpoint": task.thread},
    )
    return Parcel(row["url"], row["body"], row["disabled_at"] is not None)


def record(
    db: Database,
    task: Task,
    outcome: Outcome,
    *,
    at: datetime | None = None,
    chance: Callable[[], float] = randomness.fraction,
) -> None:
    """Keep how an attempt went, and decide what comes next for the delivery and its address."""
    moment, endpoint_id = at or utc_now(), task.thread or ""
    with db.atomic():
        db.insert(
            "webhook_attempts",
            {
                "id": new_id(),
                "delivery_id": task.id,
                "at": stored(moment),
                "duration_ms": outcome.duration_ms,
                "status": outcome.status,
                "problem": outcome.problem,
                "told": outcome.told and keepable(outcome.told),
                "response": keepable(outcome.response),
            },
        )
        if outcome.is_success:
            claims.done(db, task, at=moment)
            _keep_answered(db, endpoint_id, moment)
            return
        problem, wish = outcome.problem or "", _wish(outcome, moment)
        if outcome.status == GONE:
            claims.give_up(db, task, problem, at=moment)
            stop(db, endpoint_id, "gone", moment)
        elif claims.fail(db, task, problem, not_before=moment + wish, at=moment, chance=chance):
            _rest(db, endpoint_id, moment, wish)
        elif not _was_heard_of(db, task):
            stop(db, endpoint_id, "silent", moment)


def stop(db: Database, endpoint_id: str, because: str, at: datetime) -> None:
    """Disable an address, and give up what waits for it; its owner is told if nobody asked.

    What is on its way stays with whoever takes it there.
    """
    values = {"id": endpoint_id, "now": stored(at), "because": because}
    with db.atomic():
        stopped = db.execute(
            """
            UPDATE webhook_endpoints SET disabled_at = :now, disabled_because = :because
            WHERE id = :id AND disabled_at IS NULL
            """,
            values,
        )
        claims.give_up_waiting(db, endpoint_id, "disabled", at=at)
        if stopped and because != "disabled":
            outbox.add(db, DIED, endpoint_id)


def again(db: Database, delivery_id: str, *, at: datetime | None = None) -> bool:
    """Send it from the beginning, whatever became of it; False when its address is disabled."""
    with db.atomic():
        delivery = find(db, delivery_id)
        is_enabled = delivery is not None and db.query(
            "SELECT 1 FROM webhook_endpoints WHERE id = :id AND disabled_at IS NULL",
            {"id": delivery.endpoint_id},
        )
        return bool(is_enabled) and outbox.again(db, delivery_id, also_done=True, at=at)


def of_webhook(
    db: Database, endpoint_id: str, *, limit: int = 100, offset: int = 0
) -> list[Delivery]:
    """What was sent to an address, the newest first."""
    return _read(db, "o.thread = :id", {"id": endpoint_id}, limit=limit, offset=offset)


def find(db: Database, delivery_id: str) -> Delivery | None:
    """The delivery with that id."""
    deliveries = _read(db, "o.id = :id", {"id": delivery_id})
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


def forget_old(db: Database, *, before: str) -> None:
    """Remove what got through or was given up before a moment, with its attempts."""
    with db.atomic():
        outbox.forget_settled(db, "webhook", before=before)
        db.execute(
            """
            DELETE FROM webhook_messages
            WHERE at < :before AND id NOT IN (SELECT subject FROM outbox WHERE channel = 'webhook')
            """,
            {"before": before},
        )


def _read(
    db: Database, condition: str, values: Values, *, limit: int = 100, offset: int = 0
) -> list[Delivery]:
    """Deliveries that meet a condition, a constant of this module; the newest first."""
    rows = db.query(
        f"""
        SELECT o.id, o.thread AS endpoint_id, e.url, o.subject AS message_id, m.kind,
               o.created_at, o.due_at, o.attempts, o.problem,
               CASE WHEN o.done_at IS NOT NULL THEN 'sent' WHEN o.dead_at IS NOT NULL THEN 'dead'
                    WHEN o.problem IS NOT NULL THEN 'failed' ELSE 'waiting' END AS state,
               COALESCE(o.done_at, o.dead_at, (SELECT MAX(at) FROM webhook_attempts
                        WHERE delivery_id = o.id), o.created_at) AS at
        FROM outbox o JOIN webhook_endpoints e ON e.id = o.thread
        JOIN webhook_messages m ON m.id = o.subject
        WHERE o.channel = 'webhook' AND {condition}
        ORDER BY o.created_at DESC, o.id LIMIT :limit OFFSET :offset
        """,  # noqa: S608 (a constant)
        {**values, "limit": limit, "offset": offset},
    )
    return [Delivery(**row) for row in rows]


def _add_message(db: Database, message_id: str, kind: str, at: str, facts: events.Facts) -> None:
    db.execute(
        """
        INSERT INTO webhook_messages (id, kind, at, body) VALUES (:id, :kind, :at, :body)
        ON CONFLICT (id) DO NOTHING
        """,
        {"id": message_id, "kind": kind, "at": at, "body": events.body(kind, at, facts)},
    )


def _keep_answered(db: Database, endpoint_id: str, moment: datetime) -> None:
    """The address has taken something: whatever failed before, it is well."""
    db.execute(
        """
        UPDATE webhook_endpoints SET failures = 0, rests_until = NULL, answered_at = :now
        WHERE id = :id
        """,
        {"id": endpoint_id, "now": stored(moment)},
    )


def _was_heard_of(db: Database, task: Task) -> bool:
    """Whether anything got through to the address since this delivery began."""
    return bool(
        db.query(
            "SELECT 1 FROM webhook_endpoints WHERE id = :id AND answered_at >= :began",
            {"id": task.thread, "began": task.began_at},
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
