"""What is on its way out, by whatever channel: waiting, failed or given up, and why.

For those who answer requests. Webhooks are the administrators': agents see the host of an address
and not the rest of it, which may be a secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from urllib.parse import urlsplit

from kbsearch import access, outbox
from kbsearch.access import Viewer
from kbsearch.clock import parsed, utc_now
from kbsearch.database import Database, Row, one_of
from kbsearch.errors import Invalid, NotFound
from kbsearch.messages.webhooks import deliveries, rooms
from kbsearch.outbox import Channel

SendingState = Literal["waiting", "failed", "dead"]  # failed: it will be tried again
CHANNELS: tuple[Channel, ...] = ("mail", "sms", "webhook", "inside")
STATES: tuple[SendingState, ...] = get_args(SendingState)
LIMIT = 200  # shown at once
UNFINISHED = "o.done_at IS NULL AND o.channel <> 'index'"
STATE_OF_TASK = """
    CASE WHEN o.dead_at IS NOT NULL THEN 'dead' WHEN o.problem IS NOT NULL THEN 'failed'
         ELSE 'waiting' END
"""
STATE_OF_DELIVERY = """
    CASE WHEN d.dead_at IS NOT NULL THEN 'dead' WHEN d.attempts > 0 THEN 'failed'
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
    access.only_agents(viewer)
    counts = _counts(db)
    filters: dict[str, object] = {"channel": channel, "state": state, "limit": LIMIT}
    totals = [
        count
        for (its_channel, its_state), count in counts.items()
        if channel in (None, its_channel) and state in (None, its_state)
    ]
    rows = [*_tasks(db, filters), *_webhooks(db, filters)]
    sendings = sorted(
        rows, key=lambda sending: (sending.state != "dead", sending.created_at, sending.id)
    )
    return Overview(tuple(sendings[:LIMIT]), sum(totals), counts)


def list_all(db: Database, viewer: Viewer) -> list[Sending]:
    """What has not left, whatever it is."""
    return list(look(db, viewer).found)


def again(db: Database, viewer: Viewer, sending_id: str) -> None:
    """Send it now, and try as often as at first; raises NotFound when it has left or never was."""
    access.only_agents(viewer)
    with db.atomic():
        if outbox.again(db, sending_id):
            return
        delivery = deliveries.find(db, sending_id)
        if delivery is None or delivery.state == "sent":
            raise NotFound("sending.not_found")
        if not deliveries.again(db, sending_id):
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
        WHERE {UNFINISHED} AND o.dead_at IS NULL GROUP BY 1
        UNION ALL
        SELECT 'webhook', MIN(d.created_at) FROM webhook_deliveries d
        WHERE d.sent_at IS NULL AND d.dead_at IS NULL
        """  # noqa: S608 (constants)
    )
    return {
        row["channel"]: (moment - parsed(row["oldest"])).total_seconds()
        for row in rows
        if row["oldest"]
    }


def _counts(db: Database) -> dict[tuple[Channel, SendingState], int]:
    rows = db.query(
        f"""
        SELECT o.channel, {STATE_OF_TASK} AS state, COUNT(*) AS n
        FROM outbox o WHERE {UNFINISHED} GROUP BY 1, 2
        UNION ALL
        SELECT 'webhook', {STATE_OF_DELIVERY}, COUNT(*) FROM webhook_deliveries d
        WHERE d.sent_at IS NULL GROUP BY 2
        """  # noqa: S608 (constants)
    )
    return {(row["channel"], row["state"]): row["n"] for row in rows}


def _tasks(db: Database, filters: dict[str, object]) -> list[Sending]:
    rows = db.query(
        f"""
        SELECT * FROM (
          SELECT o.id, o.channel, o.kind, o.subject, o.created_at,
                 o.due_at, o.attempts, {STATE_OF_TASK} AS state, COALESCE(o.problem, '') AS problem
          FROM outbox o WHERE {UNFINISHED}) s
        WHERE (:channel IS NULL OR channel = :channel) AND (:state IS NULL OR state = :state)
        ORDER BY state <> 'dead', created_at, id LIMIT :limit
        """,  # noqa: S608 (constants)
        filters,
    )
    about = _subjects(db, [row["subject"] for row in rows])
    sendings = []
    for row in rows:
        subject = about.get(row.pop("subject"), {})
        kind = subject.get("kind") or row.pop("kind")
        row.pop("kind", None)
        sendings.append(
            Sending(**row, kind=kind, to=subject.get("email") or "", number=subject.get("number"))
        )
    return sendings


def _subjects(db: Database, subjects: Sequence[str]) -> dict[str, Row]:
    """Whom and which request tasks are about, as far as their subjects tell: notice, person."""
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
        """,  # noqa: S608 (names of parameters)
        values,
    )
    return {row["subject"]: row for row in rows}


def _webhooks(db: Database, filters: dict[str, object]) -> list[Sending]:
    if filters["channel"] not in (None, "webhook"):
        return []
    condition = f"d.sent_at IS NULL AND (:state IS NULL OR {STATE_OF_DELIVERY} = :state)"
    first = "d.dead_at IS NULL, d.created_at, d.id"
    rows = deliveries.read(db, condition, {"state": filters["state"]}, limit=LIMIT, order=first)
    return [
        Sending(
            id=delivery.id,
            channel="webhook",
            kind=delivery.kind,
            to=urlsplit(delivery.url).scheme
            if rooms.is_room(delivery.url)
            else _host(delivery.url),
            number=None,
            created_at=delivery.created_at,
            due_at=delivery.due_at,
            attempts=delivery.attempts,
            state=delivery.state,  # type: ignore[arg-type]  # what is not sent
            problem=delivery.problem or "",
        )
        for delivery in rows
    ]


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
