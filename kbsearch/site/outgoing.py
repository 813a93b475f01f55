"""What is on its way out, by whatever channel: waiting, failed or given up, and why.

For those who answer requests. Webhooks are the administrators': agents see the host of an address
and not the rest of it, which may be a secret.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from kbsearch import access, outbox
from kbsearch.access import Viewer
from kbsearch.clock import parsed, utc_now
from kbsearch.database import Database, Row, one_of
from kbsearch.errors import Invalid, NotFound
from kbsearch.messages import webhooks
from kbsearch.messages.webhooks import deliveries
from kbsearch.outbox import Channel

SendingState = Literal["waiting", "failed", "dead"]  # failed: it will be tried again
CHANNELS: tuple[Channel, ...] = ("mail", "sms", "webhook", "inside")
STATES: tuple[SendingState, ...] = get_args(SendingState)
LIMIT = 200  # shown at once
UNFINISHED = "o.done_at IS NULL AND o.channel <> 'index'"
STATE = """
    CASE WHEN o.dead_at IS NOT NULL THEN 'dead' WHEN o.problem IS NOT NULL THEN 'failed'
         ELSE 'waiting' END
"""


@dataclass(frozen=True)
class Sending:
    """Something that has not left yet; `to` is an address, or the host of a webhook."""

    id: str
    channel: Channel
    kind: str  # the event it tells, or the outbox's word
    to: str
    number: int | None  # of the request it is about
    created_at: str
    due_at: str
    attempts: int
    state: SendingState
    problem: str  # a word of deliveries, or what the mail server said


@dataclass(frozen=True)
class Overview:
    """Some of what has not left, and how much there is in all, by channel and state."""

    found: tuple[Sending, ...]
    total: int  # of what was asked for
    counts: dict[tuple[Channel, SendingState], int]


def look(
    db: Database, viewer: Viewer, *, channel: str | None = None, state: str | None = None
) -> Overview:
    """What has not left, those given up first, then the oldest; at most LIMIT of them."""
    access.only_unlimited(viewer)
    counts = _counts(db)
    filters: dict[str, object] = {"channel": channel, "state": state, "limit": LIMIT}
    totals = [
        count
        for (its_channel, its_state), count in counts.items()
        if channel in (None, its_channel) and state in (None, its_state)
    ]
    return Overview(tuple(_read(db, filters)), sum(totals), counts)


def again(db: Database, viewer: Viewer, sending_id: str) -> None:
    """Send it now, and try as often as at first; raises NotFound when it has left or never was."""
    access.only_unlimited(viewer)
    with db.atomic():
        rows = db.query(
            "SELECT channel FROM outbox WHERE id = :id AND done_at IS NULL", {"id": sending_id}
        )
        if not rows:
            raise NotFound("sending.not_found")
        if rows[0]["channel"] != "webhook":
            outbox.again(db, sending_id)
        elif not deliveries.again(db, sending_id):
            raise Invalid("webhook.is_disabled")


def all_dead_again(db: Database, viewer: Viewer, *, channel: str | None = None) -> int:
    """The same for all that was given up, but for webhooks that are disabled; how many.

    Raises Invalid where those are all there is.
    """
    count, refused = 0, None
    with db.atomic():
        while dead := look(db, viewer, channel=channel, state="dead").found:
            before = count
            for sending in dead:
                try:
                    again(db, viewer, sending.id)
                    count += 1
                except Invalid as problem:
                    refused = problem
            if count == before:
                break
    if refused and not count:
        raise refused
    return count


def oldest(db: Database, *, at: datetime | None = None) -> dict[Channel, float]:
    """How long the oldest thing of each channel has waited, in seconds, where something waits."""
    moment = at or utc_now()
    rows = db.query(
        f"""
        SELECT o.channel, MIN(o.created_at) AS oldest FROM outbox o
        WHERE {UNFINISHED} AND o.dead_at IS NULL GROUP BY o.channel
        """  # noqa: S608 (a constant)
    )
    return {row["channel"]: (moment - parsed(row["oldest"])).total_seconds() for row in rows}


def _counts(db: Database) -> dict[tuple[Channel, SendingState], int]:
    rows = db.query(
        f"""
        SELECT o.channel, {STATE} AS state, COUNT(*) AS n FROM outbox o
        WHERE {UNFINISHED} GROUP BY 1, 2
        """  # noqa: S608 (constants)
    )
    return {(row["channel"], row["state"]): row["n"] for row in rows}


def _read(db: Database, filters: dict[str, object]) -> list[Sending]:
    rows = db.query(
        f"""
        SELECT o.id, o.channel, o.kind, o.subject, o.thread, o.created_at, o.due_at, o.attempts,
               {STATE} AS state, COALESCE(o.problem, '') AS problem
        FROM outbox o
        WHERE {UNFINISHED} AND (:channel IS NULL OR o.channel = :channel)
          AND (:state IS NULL OR {STATE} = :state)
        ORDER BY o.dead_at IS NULL, o.created_at, o.id LIMIT :limit
        """,  # noqa: S608 (constants)
        filters,
    )
    subjects, hosts = _subjects(db, [row["subject"] for row in rows]), webhooks.hosts(db)
    return [_sending(row, subjects.get(row["subject"], {}), hosts) for row in rows]


def _sending(row: Row, subject: Row, hosts: Mapping[str, str]) -> Sending:
    return Sending(
        id=row["id"],
        channel=row["channel"],
        kind=subject.get("kind") or row["kind"],
        to=subject.get("email") or hosts.get(row["thread"], ""),
        number=subject.get("number"),
        created_at=row["created_at"],
        due_at=row["due_at"],
        attempts=row["attempts"],
        state=row["state"],
        problem=row["problem"],
    )


def _subjects(db: Database, subjects: Sequence[str]) -> dict[str, Row]:
    """Whom and which request tasks are about, as far as their subjects tell."""
    places, values = one_of("subject", list(dict.fromkeys(subjects)))
    rows = db.query(
        f"""
        SELECT n.id AS subject, p.email, t.number, e.kind FROM notices n
        JOIN people p ON p.id = n.person_id
        JOIN ticket_events e ON e.id = n.event_id JOIN tickets t ON t.id = e.ticket_id
        WHERE n.id IN ({places})
        UNION ALL SELECT p.id, p.email, NULL, NULL FROM people p WHERE p.id IN ({places})
        UNION ALL SELECT s.id, p.email, NULL, NULL FROM pending_sign_ins s
        JOIN people p ON p.id = s.person_id WHERE s.id IN ({places})
        UNION ALL SELECT e.id, NULL, t.number, NULL FROM ticket_events e
        JOIN tickets t ON t.id = e.ticket_id WHERE e.id IN ({places})
        UNION ALL SELECT m.id, NULL, NULL, m.kind FROM webhook_messages m WHERE m.id IN ({places})
        """,  # noqa: S608 (names of parameters)
        values,
    )
    return {row["subject"]: row for row in rows}
