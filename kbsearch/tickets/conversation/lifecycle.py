"""The life of a request: who answers it, what it waits for, solved, reopened, closed."""

from datetime import datetime, timedelta

from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.tickets import Ticket, changes, events
from kbsearch.tickets.codes import RESOLVED, STATUSES, Status
from kbsearch.tickets.events import EventKind, PresentTicket, present

BATCH = 500  # tickets closed in one go


def assign(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    agent_id: str | None,
    *,
    at: datetime | None = None,
) -> None:
    """Say which agent looks after a request, or that none does."""
    with db.atomic():
        there = for_agents(db, viewer, ticket)
        if there.assignee_id == agent_id:
            return
        if agent_id is not None and not _is_agent(db, agent_id):
            raise NotFound("ticket.assignee_unknown")
        db.execute(
            "UPDATE tickets SET assignee_id = :agent WHERE id = :id",
            {"agent": agent_id, "id": there.id},
        )
        events.record(
            db,
            viewer,
            there.id,
            events.NewEvent(
                "ticket.assigned",
                stored(at or utc_now()),
                field="assignee",
                before=there.assignee_id,
                after=agent_id,
            ),
        )


def set_status(
    db: Database, viewer: Viewer, ticket: Ticket, status: Status, *, at: datetime | None = None
) -> None:
    """Give a request another status; for agents. A closed one stays closed."""
    with db.atomic():
        there = for_agents(db, viewer, ticket)
        if status not in STATUSES:
            raise Invalid("ticket.status_unknown", status=status)
        if there.status == "closed" and status != "closed":
            raise Invalid("ticket.is_closed", number=there.number)
        if status == "closed" and there.status not in RESOLVED:
            raise Invalid("ticket.not_solved", number=there.number)
        move(db, viewer, there, status, stored(at or utc_now()))


def solve(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    *,
    message_id: str | None = None,
    at: datetime | None = None,
) -> None:
    """Say that a request is solved, and by which message: it joins the past cases."""
    with db.atomic():
        there = _for_its_people(db, viewer, ticket)
        if there.status == "closed":
            raise Invalid("ticket.is_closed", number=there.number)
        if message_id is not None:
            _mark_solution(db, there, message_id)
        move(db, viewer, there, "solved", stored(at or utc_now()))


def reopen(db: Database, viewer: Viewer, ticket: Ticket, *, at: datetime | None = None) -> None:
    """Say that a request is not solved after all; once closed, another one follows it."""
    with db.atomic():
        there = _for_its_people(db, viewer, ticket)
        if there.status == "closed":
            raise Invalid("ticket.is_closed", number=there.number)
        if there.status == "solved":
            move(db, viewer, there, "open", stored(at or utc_now()))


def change_status(
    db: Database, viewer: Viewer, ticket: Ticket, status: Status, *, at: datetime | None = None
) -> None:
    """Bring a request to a status by whichever way leads there; for agents."""
    if status == "solved":
        solve(db, viewer, ticket, at=at)
    elif status == "open" and ticket.is_resolved:
        reopen(db, viewer, ticket, at=at)
    else:
        set_status(db, viewer, ticket, status, at=at)


def close_quiet(db: Database, days: int, *, at: datetime | None = None) -> int:
    """Close the requests solved that many days ago that nobody reopened; how many.

    Past cases taken over from elsewhere stay as they came.
    """
    moment = at or utc_now()
    with db.atomic():
        rows = db.query(
            """
            SELECT id, number, status, edition, activity, requester_id, organisation_id,
                   assignee_id, team_id
            FROM tickets WHERE status = 'solved' AND source_hash IS NULL AND solved_at <= :before
            ORDER BY solved_at LIMIT :limit
            """,
            {"before": stored(moment - timedelta(days=days)), "limit": BATCH},
        )
        for row in rows:
            move(db, None, PresentTicket(**row, is_copied=False), "closed", stored(moment))
    return len(rows)


def move(
    db: Database, viewer: Viewer | None, there: PresentTicket, status: str, moment: str
) -> None:
    """Change the status inside the caller's transaction; the same status is no change."""
    if there.status == status:
        return
    db.execute(
        """
        UPDATE tickets SET status = :status,
          solved_at = CASE WHEN :resolved = 1 THEN COALESCE(solved_at, :at) END,
          closed_at = CASE WHEN :status = 'closed' THEN :at END
        WHERE id = :id
        """,
        {"status": status, "resolved": int(status in RESOLVED), "at": moment, "id": there.id},
    )
    if there.status in RESOLVED and status not in RESOLVED:
        db.execute("UPDATE messages SET solution = 0 WHERE ticket_id = :id", {"id": there.id})
    events.record(
        db,
        viewer,
        there.id,
        events.NewEvent(
            _kind(there.status, status), moment, field="status", before=there.status, after=status
        ),
    )


def _kind(before: str, after: str) -> EventKind:
    if after == "solved":
        return "ticket.solved"
    if after == "closed":
        return "ticket.closed"
    return "ticket.reopened" if before in RESOLVED else "ticket.status_changed"


def _mark_solution(db: Database, there: PresentTicket, message_id: str) -> None:
    values = {"id": there.id, "message": message_id}
    marked = db.query(
        """
        SELECT id FROM messages WHERE id = :message AND ticket_id = :id AND internal = 0
        """,
        values,
    )
    if not marked:
        raise NotFound("ticket.message_not_found")
    db.execute(
        """
        UPDATE messages SET solution = CASE WHEN id = :message THEN 1 ELSE 0 END
        WHERE ticket_id = :id
        """,
        values,
    )
    changes.mark_changed(db, "id = :id", {"id": there.id})


def for_agents(db: Database, viewer: Viewer, ticket: Ticket) -> PresentTicket:
    """The ticket as it stands, for those who answer; raises Forbidden for its customers."""
    there = present(db, viewer, ticket.id)
    if not viewer.is_agent:
        raise Forbidden("ticket.agents_only")
    return there


def _for_its_people(db: Database, viewer: Viewer, ticket: Ticket) -> PresentTicket:
    there = present(db, viewer, ticket.id)
    if not there.is_of(viewer):
        raise Forbidden("ticket.not_yours")
    return there


def _is_agent(db: Database, person_id: str) -> bool:
    rows = db.query(
        """
        SELECT 1 FROM people
        WHERE id = :id AND role IN ('agent', 'administrator') AND disabled_at IS NULL
        """,
        {"id": person_id},
    )
    return bool(rows)
