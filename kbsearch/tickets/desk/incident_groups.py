"""Problems that several requests report: grouped by agents, answered at once, each on its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from kbsearch import access, tickets
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, new_id
from kbsearch.errors import Invalid, NotFound
from kbsearch.text import plain_text
from kbsearch.tickets import Ticket, visibility
from kbsearch.tickets.codes import IS_RESOLVED, RESOLVED, Status
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.filing import drafts

MAX_TITLE = 250
MOST_TICKETS = 500  # that one answer goes to


@dataclass(frozen=True)
class Member:
    """A request of a problem."""

    ticket_id: str
    number: int
    subject: str
    language: str
    status: Status
    requester: str
    organisation: str
    updated_at: str

    @property
    def is_resolved(self) -> bool:
        return self.status in RESOLVED


@dataclass(frozen=True)
class IncidentGroup:
    """What several requests report; agents alone know that it is one."""

    id: str
    title: str
    created_at: str
    created_by: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class ListedIncidentGroup:
    """A problem in the list of them."""

    id: str
    title: str
    created_at: str
    requests: int
    unsolved: int


def group(
    db: Database,
    viewer: Viewer,
    title: str,
    grouped: Sequence[Ticket],
    *,
    at: datetime | None = None,
) -> str:
    """Make one problem of some requests; its id. Those of another problem come over."""
    access.only_agents(viewer, "problem.not_found")
    line = plain_text.line_within(MAX_TITLE, title)
    if not line:
        raise Invalid("problem.title_required")
    if not grouped:
        raise Invalid("problem.tickets_required")
    problem_id = new_id()
    moment = stored(at or utc_now())
    with db.atomic():
        db.insert(
            "problems",
            {
                "id": problem_id,
                "title": line,
                "created_at": moment,
                "created_by_id": viewer.person_id,
            },
        )
        _add(db, problem_id, grouped, moment)
    return problem_id


def add(
    db: Database,
    viewer: Viewer,
    problem: IncidentGroup,
    ticket: Ticket,
    *,
    at: datetime | None = None,
) -> None:
    """Put one more request under a problem; it leaves the one it was under."""
    access.only_agents(viewer, "problem.not_found")
    if len(problem.members) >= MOST_TICKETS:
        raise Invalid("problem.too_many", limit=MOST_TICKETS)
    with db.atomic():
        _add(db, problem.id, [ticket], stored(at or utc_now()))


def remove(db: Database, viewer: Viewer, problem: IncidentGroup, ticket: Ticket) -> None:
    """Take a request out of a problem."""
    access.only_agents(viewer, "problem.not_found")
    with db.atomic():
        db.execute(
            "DELETE FROM problem_tickets WHERE problem_id = :problem AND ticket_id = :ticket",
            {"problem": problem.id, "ticket": ticket.id},
        )


def find(db: Database, viewer: Viewer, problem_id: str) -> IncidentGroup:
    """A problem with those of its requests that the viewer may read, oldest first.

    An agent who is limited knows of none of which they read no request.
    """
    access.only_agents(viewer, "problem.not_found")
    rows = db.query(
        """
        SELECT p.id, p.title, p.created_at, COALESCE(a.name, '') AS created_by
        FROM problems p LEFT JOIN people a ON a.id = p.created_by_id WHERE p.id = :id
        """,
        {"id": problem_id},
    )
    if not rows:
        raise NotFound("problem.not_found")
    condition, principals = visibility.condition(viewer)
    members = db.query(
        f"""
        SELECT t.id AS ticket_id, t.number, t.subject, t.language, t.status, t.updated_at,
               COALESCE(q.name, t.requester_email, '') AS requester,
               COALESCE(o.name, '') AS organisation
        FROM problem_tickets m JOIN tickets t ON t.id = m.ticket_id
        LEFT JOIN people q ON q.id = t.requester_id
        LEFT JOIN organisations o ON o.id = t.organisation_id
        WHERE m.problem_id = :id AND {condition} ORDER BY t.number
        """,  # noqa: S608 (names of parameters)
        {"id": problem_id, **principals},
    )
    if not (members or viewer.sees_all_tickets):
        raise NotFound("problem.not_found")
    return IncidentGroup(**rows[0], members=tuple(Member(**row) for row in members))


def of_ticket(db: Database, viewer: Viewer, ticket: Ticket) -> IncidentGroup | None:
    """The problem a request is grouped under."""
    rows = db.query(
        "SELECT problem_id FROM problem_tickets WHERE ticket_id = :ticket", {"ticket": ticket.id}
    )
    return find(db, viewer, rows[0]["problem_id"]) if rows else None


def list_all(db: Database, viewer: Viewer) -> list[ListedIncidentGroup]:
    """Every problem, those with requests to solve first, then the newest; counted are those read.

    Again without those of which a limited agent reads nothing.
    """
    access.only_agents(viewer, "problem.not_found")
    condition, principals = visibility.condition(viewer)
    join = "LEFT JOIN" if viewer.sees_all_tickets else "JOIN"
    rows = db.query(
        f"""
        SELECT p.id, p.title, p.created_at, COUNT(t.id) AS requests,
               COALESCE(SUM(CASE WHEN NOT {IS_RESOLVED} THEN 1 END), 0) AS unsolved
        FROM problems p {join} problem_tickets m ON m.problem_id = p.id
        {join} tickets t ON t.id = m.ticket_id AND {condition}
        GROUP BY p.id, p.title, p.created_at
        ORDER BY CASE WHEN SUM(CASE WHEN NOT {IS_RESOLVED} THEN 1 ELSE 0 END) > 0
                 THEN 0 ELSE 1 END, p.created_at DESC, p.id
        """,  # noqa: S608 (constants, names of parameters)
        principals,
    )
    return [ListedIncidentGroup(**row) for row in rows]


def answer(
    db: Database,
    viewer: Viewer,
    problem: IncidentGroup,
    numbers: Iterable[int],
    form: ReplyForm,
    *,
    at: datetime | None = None,
) -> list[int]:
    """Send one answer to some of its requests, to each on its own; the numbers it went to.

    All of them get it or none does; sent again with the same key, it is the same answer.
    """
    access.only_agents(viewer, "problem.not_found")
    drafts.check_key(form.key)
    recipients = set(numbers)
    members = [member for member in problem.members if member.number in recipients]
    if not members:
        raise Invalid("problem.tickets_required")
    with db.atomic():
        for member in members:
            ticket = tickets.find(db, viewer, member.ticket_id)
            own = sha256(f"{form.key} {ticket.id}".encode()).hexdigest()[:32]
            replies.reply(db, viewer, ticket, replace(form, key=own), at=at)
    return [member.number for member in members]


def _add(db: Database, problem_id: str, grouped: Iterable[Ticket], moment: str) -> None:
    for ticket in grouped:
        db.execute(
            """
            INSERT INTO problem_tickets (ticket_id, problem_id, added_at)
            VALUES (:ticket, :problem, :at)
            ON CONFLICT (ticket_id) DO UPDATE
            SET problem_id = excluded.problem_id, added_at = excluded.added_at
            """,
            {"ticket": ticket.id, "problem": problem_id, "at": moment},
        )
