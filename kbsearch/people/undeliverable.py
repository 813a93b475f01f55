"""Addresses that our mail does not reach: what bounces say, once it is sure that they are ours.

Whoever's address is known for it is told nothing optional by mail; codes and letters about their
account still go there. It is over when mail reaches them again: they answered by mail, typed a code
that was mailed, or somebody of the team says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import audit, people
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row, one_of
from kbsearch.errors import NotFound
from kbsearch.tickets import Ticket

# A mailbox that is full or a server that is away: so many days of it, within so many.
DAYS_OF_DELAY = 3
WITHIN = timedelta(days=14)
MAX_WHY = 300


@dataclass(frozen=True)
class Bounce:
    """A mail of ours that did not arrive, as the server that gave up says."""

    message_id: str  # of our mail, without angle brackets
    recipient: str
    status: str  # 5.1.1
    reason: str


@dataclass(frozen=True)
class Unreached:
    """Somebody whom mail does not reach, since when, and what their server said."""

    person_id: str
    name: str
    email: str
    since: str
    why: str


def hear(db: Database, bounce: Bounce, *, at: datetime | None = None) -> None:
    """Heed a bounce, in the transaction that keeps it: anybody can write one about anything.

    Only one about a letter that did go to that very address counts.
    """
    moment = at or utc_now()
    try:
        person = people.find(db, bounce.recipient)
    except NotFound:
        return
    if not _was_sent(db, person.id, bounce.message_id):
        return
    is_final = bounce.status.startswith("5")
    if is_final or _days_of_delay(db, person.id, bounce, moment) >= DAYS_OF_DELAY:
        changed = db.execute(
            """
            UPDATE people SET undeliverable_at = :now, undeliverable_why = :why
            WHERE id = :id AND undeliverable_at IS NULL
            """,
            {
                "id": person.id,
                "now": stored(moment),
                "why": f"{bounce.status} {bounce.reason}".strip()[:MAX_WHY],
            },
        )
        if changed:
            audit.record(db, "address.unreached", person_id=person.id, status=bounce.status)


def is_so(db: Database, person_id: str) -> bool:
    """Whether mail does not reach somebody, as far as is known."""
    return find(db, person_id) is not None


def find(db: Database, person_id: str) -> Unreached | None:
    """What is known of somebody's address; None while mail reaches it."""
    unreached = _read(db, [person_id])
    return unreached[0] if unreached else None


def list_all(db: Database) -> list[Unreached]:
    """Everybody whom mail does not reach, by name, but for closed accounts."""
    rows = db.query(
        "SELECT id FROM people WHERE undeliverable_at IS NOT NULL AND disabled_at IS NULL"
    )
    return _read(db, [row["id"] for row in rows])


def of_ticket(db: Database, viewer: Viewer, ticket: Ticket) -> list[Unreached]:
    """Those of a request whom mail does not reach, for agents; for others there are none."""
    if not viewer.is_agent:
        return []
    rows = db.query(
        "SELECT person_id FROM ticket_copies WHERE ticket_id = :id AND person_id IS NOT NULL",
        {"id": ticket.id},
    )
    return _read(db, [*filter(None, [ticket.requester_id]), *(row["person_id"] for row in rows)])


def clear(db: Database, person_id: str, *, actor_id: str | None = None) -> None:
    """Mail reaches them again, or is to be tried."""
    with db.atomic():
        changed = db.execute(
            """
            UPDATE people SET undeliverable_at = NULL, undeliverable_why = NULL
            WHERE id = :id AND undeliverable_at IS NOT NULL
            """,
            {"id": person_id},
        )
        if changed:
            audit.record(db, "address.reached", person_id=person_id, actor_id=actor_id)


def _read(db: Database, ids: Sequence[str]) -> list[Unreached]:
    places, values = one_of("id", ids)
    rows: list[Row] = db.query(
        f"""
        SELECT id AS person_id, name, email, undeliverable_at AS since, undeliverable_why AS why
        FROM people WHERE undeliverable_at IS NOT NULL AND id IN ({places}) ORDER BY name, email
        """,  # noqa: S608 (names of parameters)
        values,
    )
    return [Unreached(**row) for row in rows]


def _was_sent(db: Database, person_id: str, message_id: str) -> bool:
    """Whether a letter with that Message-ID went to them: about a request, or their account."""
    sent_as = message_id.partition("@")[0].partition(".")[0]
    return bool(
        db.query(
            """
            SELECT 1 FROM notices
            WHERE event_id = :id AND person_id = :person AND channel = 'mail' AND outcome = 'sent'
            UNION ALL
            SELECT 1 FROM outbox WHERE id = :id AND subject = :person AND done_at IS NOT NULL
            """,
            {"id": sent_as, "person": person_id},
        )
    )


def _days_of_delay(db: Database, person_id: str, bounce: Bounce, moment: datetime) -> int:
    """On how many days letters that did go there were held up, today among them."""
    rows = db.query(
        "SELECT at, message_id FROM bounces WHERE recipient = :recipient AND at > :since",
        {"recipient": bounce.recipient, "since": stored(moment - WITHIN)},
    )
    days = {row["at"][:10] for row in rows if _was_sent(db, person_id, row["message_id"])}
    return len(days | {stored(moment)[:10]})
