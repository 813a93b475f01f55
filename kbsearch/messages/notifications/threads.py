"""The ids that keep the mails of one request together in the mailboxes of its people."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from kbsearch.config import Settings
from kbsearch.database import Database, one_of
from kbsearch.messages.notifications import raw_fields

LATEST = 20  # of the mails before; with the first, enough for every client


def domain(settings: Settings) -> str:
    """The domain of the ids of our mails: whatever comes in with it is our own."""
    return urlsplit(settings.base_url).hostname or "localhost"


def message_id_for(settings: Settings, event_id: str) -> str:
    """The Message-ID of the mail about an event: the same at each attempt and for each reader."""
    return f"<{event_id}@{domain(settings)}>"


@dataclass(frozen=True)
class Before:
    """The ids that a mail comes after: of what was said last, and of its conversation."""

    answers: str = ""
    references: tuple[str, ...] = ()


def before(db: Database, settings: Settings, event_id: str) -> Before:
    """What comes before the mail about an event: the first of its request, then the latest.

    What came by mail has two ids: the one its writer gave it, which they know, and that of our
    mail about it, which the others know. Notes leave none.
    """
    rows = db.query(
        """
        SELECT e.id, e.id = this.id AS is_this, m.message_id,
               e.kind IN ('ticket.opened', 'ticket.replied') AS is_said FROM ticket_events e
        JOIN ticket_events this ON this.id = :event AND this.ticket_id = e.ticket_id
          AND e.revision <= this.revision
        LEFT JOIN mails m ON m.ticket_id = e.ticket_id AND m.message_id <> ''
          AND (m.said_id = e.message_id
               OR m.said_id IS NULL AND m.state = 'opened' AND e.kind = 'ticket.opened')
        WHERE e.internal = 0 ORDER BY e.revision
        """,
        {"event": event_id},
    )
    ids: list[str] = []
    answers = ""
    for row in rows:
        is_theirs = row["message_id"] and raw_fields.is_usable(row["message_id"])
        writer_ids = [f"<{row['message_id']}>"] if is_theirs else []
        our_ids = [] if row["is_this"] else [message_id_for(settings, row["id"])]
        ids += [*writer_ids, *our_ids]
        if row["is_said"]:
            answers = next(iter([*writer_ids, *our_ids]), answers)
    first = ids[: 2 if rows and rows[0]["message_id"] else 1]
    return Before(answers, tuple(dict.fromkeys([*first, *ids[-LATEST:]])))


def number_elsewhere(db: Database, message_ids: Iterable[str]) -> int | None:
    """The number of the request that an older system's letter was about: one of these ids' own."""
    places, values = one_of("id", list(message_ids))
    rows = db.query(
        f"""
        SELECT t.number FROM messages m JOIN tickets t ON t.id = m.ticket_id
        WHERE m.message_id IN ({places}) AND m.internal = 0
        UNION SELECT t.number FROM tickets t WHERE t.message_id IN ({places})
        """,  # noqa: S608 (names of parameters)
        values,
    )
    return rows[0]["number"] if len(rows) == 1 else None


def number_of(db: Database, settings: Settings, message_id: str) -> int | None:
    """The number of the request that a mail with this id belongs to, of ours or of its people."""
    event_id, _, host = message_id.rpartition("@")
    rows = db.query(
        """
        SELECT t.number FROM tickets t WHERE t.id IN (
          SELECT e.ticket_id FROM ticket_events e WHERE e.id = :event
          UNION SELECT m.ticket_id FROM mails m WHERE m.message_id = :id)
        """,
        {"event": event_id if host == domain(settings) else "", "id": message_id},
    )
    return rows[0]["number"] if rows else None
