"""A customer's mere thanks: it stands in the conversation, and asks for nothing.

It neither opens a request again nor counts as an answer owed. An agent who sees more in it takes
the judgement back with one click; how often that happens says whether the lists are right.
"""

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
