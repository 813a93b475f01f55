"""Requests that tell the same as another one: linked by agents, who alone know of it.

Nothing of it reaches a customer: the original may be another organisation's.
"""

from dataclasses import dataclass
from datetime import datetime

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database
from kbsearch.errors import Invalid
from kbsearch.search.learning import case_clicks
from kbsearch.tickets import Ticket, visibility
from kbsearch.tickets.codes import Status


@dataclass(frozen=True)
class Linked:
    """The other end of such a link."""

    ticket_id: str
    number: int
    subject: str
    language: str
    status: Status


@dataclass(frozen=True)
class DuplicateLinks:
    """What a request is linked with, as far as the viewer may read it."""

    original: Linked | None = None  # which it is a duplicate of
    duplicates: tuple[Linked, ...] = ()  # those that are duplicates of it


def link(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    original: Ticket,
    *,
    at: datetime | None = None,
) -> None:
    """Say that a request is a duplicate of another; it replaces the one said before.

    The similar cases learn of it. Raises Invalid where that one leads back to the request.
    """
    access.only_agents(viewer, "ticket.not_found")
    with db.atomic():
        if ticket.id in _chain(db, original.id):
            raise Invalid("ticket.duplicate_of_itself", number=ticket.number)
        db.execute(
            """
            INSERT INTO duplicates (ticket_id, original_id, at, person_id)
            VALUES (:ticket, :original, :at, :me)
            ON CONFLICT (ticket_id) DO UPDATE SET original_id = excluded.original_id,
              at = excluded.at, person_id = excluded.person_id
            """,
            {
                "ticket": ticket.id,
                "original": original.id,
                "at": stored(at or utc_now()),
                "me": viewer.person_id,
            },
        )
        case_clicks.withdraw_duplicates(db, viewer, ticket)
        case_clicks.record(db, viewer, ticket, original, "duplicate", at=at)


def unlink(db: Database, viewer: Viewer, ticket: Ticket) -> None:
    """Take the link to its original back, and what similar cases learnt of it."""
    access.only_agents(viewer, "ticket.not_found")
    with db.atomic():
        db.execute("DELETE FROM duplicates WHERE ticket_id = :ticket", {"ticket": ticket.id})
        case_clicks.withdraw_duplicates(db, viewer, ticket)


def of_ticket(db: Database, viewer: Viewer, ticket: Ticket) -> DuplicateLinks:
    """Its original and its duplicates; nothing for whoever is no agent."""
    if not viewer.is_agent:
        return DuplicateLinks()
    condition, principals = visibility.condition(viewer)
    rows = db.query(
        f"""
        SELECT t.id AS ticket_id, t.number, t.subject, t.language, t.status,
               d.ticket_id = :ticket AS is_original
        FROM duplicates d
        JOIN tickets t ON t.id = CASE d.ticket_id WHEN :ticket THEN d.original_id
                                 ELSE d.ticket_id END
        WHERE (d.ticket_id = :ticket OR d.original_id = :ticket) AND {condition}
        ORDER BY t.number
        """,  # noqa: S608 (names of parameters)
        {"ticket": ticket.id, **principals},
    )
    links = [(row.pop("is_original"), Linked(**row)) for row in rows]
    return DuplicateLinks(
        next((linked for is_original, linked in links if is_original), None),
        tuple(linked for is_original, linked in links if not is_original),
    )


def _chain(db: Database, ticket_id: str) -> set[str]:
    """A request, its original, the original of that one, and so on."""
    rows = db.query(
        """
        WITH RECURSIVE chain (id) AS (
          SELECT t.id FROM tickets t WHERE t.id = :ticket
          UNION SELECT d.original_id FROM duplicates d JOIN chain c ON d.ticket_id = c.id)
        SELECT id FROM chain
        """,
        {"ticket": ticket_id},
    )
    return {row["id"] for row in rows}
