"""A customer's mere thanks: it stands in the conversation, and asks for nothing.

It neither opens a request again nor counts as an answer owed. An agent who sees more in it takes
the judgement back with one click; how often that happens says whether the lists are right.
"""

from dataclasses import dataclass
from datetime import datetime

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database
from kbsearch.errors import NotFound
from kbsearch.text import courtesies
from kbsearch.tickets import Ticket
from kbsearch.tickets.conversation import lifecycle
from kbsearch.tickets.events import present


@dataclass(frozen=True)
class Judged:
    """How many messages were taken for a thanks in a time, and how many of them agents undid."""

    count: int
    undone: int


def is_one(db: Database, ticket_id: str, text: str) -> bool:
    """Whether a text only thanks the people of a request."""
    if len(text) > courtesies.LONGEST:
        return False
    rows = db.query(
        """
        SELECT name FROM people WHERE role <> 'customer'
        UNION SELECT p.name FROM tickets t JOIN people p ON p.id = t.requester_id
              WHERE t.id = :id
        UNION SELECT p.name FROM ticket_copies c JOIN people p ON p.id = c.person_id
              WHERE c.ticket_id = :id
        UNION SELECT p.name FROM messages m JOIN people p ON p.id = m.author_id
              WHERE m.ticket_id = :id
        """,
        {"id": ticket_id},
    )
    return courtesies.is_thanks(text, (row["name"] for row in rows))


def undo(
    db: Database, viewer: Viewer, ticket: Ticket, message_id: str, *, at: datetime | None = None
) -> None:
    """Say that a message asks for something after all: its request is open again, unless closed."""
    access.only_agents(viewer, "ticket.not_found")
    with db.atomic():
        there = present(db, viewer, ticket.id)
        changed = db.execute(
            "UPDATE messages SET thanks = 2 WHERE id = :id AND ticket_id = :ticket AND thanks = 1",
            {"id": message_id, "ticket": ticket.id},
        )
        if not changed:
            raise NotFound("ticket.message_not_found")
        if there.status != "closed":
            lifecycle.move(db, viewer, there, "open", stored(at or utc_now()))


def judged(db: Database, viewer: Viewer, since: str, until: str) -> Judged:
    """How often that was judged from one moment to another, and how often wrongly."""
    access.only_agents(viewer, "ticket.not_found")
    rows = db.query(
        """
        SELECT COUNT(*) AS count, COUNT(CASE WHEN thanks = 2 THEN 1 END) AS undone
        FROM messages WHERE thanks > 0 AND at >= :since AND at < :until
        """,
        {"since": since, "until": until},
    )
    return Judged(**rows[0])
