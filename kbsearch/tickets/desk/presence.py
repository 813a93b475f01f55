"""Who is looking at a request right now, told to the other agents who look at it.

A page holds a lease and renews it; one that is closed gives it back, or lets it lapse. Whoever
saved a draft of an answer a moment ago is writing one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, if_possible
from kbsearch.tickets import Ticket

LEASE = timedelta(seconds=45)
RENEWED_AFTER = timedelta(seconds=20)  # pages ask every five, and most of that writes nothing
WRITING = timedelta(seconds=60)  # since the draft was saved: one thinks between two sentences


@dataclass(frozen=True)
class PresentAgent:
    """Another agent on the same request."""

    name: str
    is_writing: bool


def renew(
    db: Database, viewer: Viewer, ticket: Ticket, *, at: datetime | None = None
) -> list[PresentAgent]:
    """Say that the viewer looks at a request; who else does, those who write first."""
    access.only_agents(viewer, "ticket.not_found")
    moment = at or utc_now()
    if not _has_lease(db, viewer, ticket, moment):
        with if_possible(db):  # the page comes back before the lease is over
            db.execute(
                """
                INSERT INTO presences (ticket_id, person_id, until) VALUES (:ticket, :me, :until)
                ON CONFLICT (ticket_id, person_id) DO UPDATE SET until = excluded.until
                """,
                {**_one(viewer, ticket), "until": stored(moment + LEASE)},
            )
    rows = db.query(
        """
        SELECT p.name, EXISTS (SELECT 1 FROM drafts d WHERE d.person_id = p.id
                               AND d.ticket_id = :ticket AND d.updated_at > :lately) AS is_writing
        FROM presences s JOIN people p ON p.id = s.person_id
        WHERE s.ticket_id = :ticket AND s.person_id <> :me
          AND s.until > :now AND s.until <= :latest -- or the clock went back since
          AND p.disabled_at IS NULL AND p.role IN ('agent', 'administrator')
        ORDER BY is_writing DESC, p.name
        """,
        {
            **_one(viewer, ticket),
            "now": stored(moment),
            "latest": stored(moment + LEASE),
            "lately": stored(moment - WRITING),
        },
    )
    return [PresentAgent(row["name"], bool(row["is_writing"])) for row in rows]


def leave(db: Database, viewer: Viewer, ticket: Ticket) -> None:
    """Give the lease back."""
    access.only_agents(viewer, "ticket.not_found")
    db.execute(
        "DELETE FROM presences WHERE ticket_id = :ticket AND person_id = :me", _one(viewer, ticket)
    )


def forget_lapsed(db: Database, *, at: datetime | None = None) -> int:
    """Remove the leases that nobody renewed; how many."""
    moment = stored(at or utc_now())
    return db.execute("DELETE FROM presences WHERE until <= :now", {"now": moment})


def _has_lease(db: Database, viewer: Viewer, ticket: Ticket, moment: datetime) -> bool:
    """Whether the viewer has one that need not be renewed yet."""
    rows = db.query(
        """
        SELECT 1 FROM presences
        WHERE ticket_id = :ticket AND person_id = :me AND until > :soon AND until <= :latest
        """,
        {
            **_one(viewer, ticket),
            "soon": stored(moment + LEASE - RENEWED_AFTER),
            "latest": stored(moment + LEASE),
        },
    )
    return bool(rows)


def _one(viewer: Viewer, ticket: Ticket) -> dict[str, object]:
    return {"ticket": ticket.id, "me": viewer.person_id}
