"""Requests as their viewers read them: by id, by number, and by their words without the index."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kbsearch.access import Viewer
from kbsearch.database import Database, escape_like, one_of
from kbsearch.errors import NotFound
from kbsearch.tickets import events as ticket_events
from kbsearch.tickets import fields as vendor_fields
from kbsearch.tickets import files as attachments
from kbsearch.tickets import messages as conversations
from kbsearch.tickets import tags as ticket_tags
from kbsearch.tickets import visibility
from kbsearch.tickets.codes import RESOLVED, Channel, Severity, Status
from kbsearch.tickets.events import TicketEvent
from kbsearch.tickets.files import Attachment
from kbsearch.tickets.messages import Message

# Numbers from here on belong to other tools; those below are shared with requests filed here.
FIRST_FOREIGN_NUMBER = 1_000_000_000
DATABASE_SEARCH_DEPTH = 20_000  # newest tickets looked through while there is no index
DATABASE_SEARCH_WORDS = 8
DATABASE_SEARCH_WORD = 100  # characters; LIKE refuses long patterns


@dataclass(frozen=True)
class Copy:
    """Somebody in copy; without an account they have no name and read nothing."""

    email: str
    person_id: str | None
    name: str


@dataclass(frozen=True)
class Link:
    """Another ticket that this one follows or that follows it."""

    id: str
    number: int
    subject: str


@dataclass(frozen=True)
class Ticket:
    """A request, with what its viewer may read of the conversation."""

    id: str
    number: int
    subject: str
    description: str
    language: str
    requester: str  # a name; an address when there is no account; empty when unknown
    requester_id: str | None
    organisation: str | None  # a name
    organisation_slug: str | None
    product: str | None  # a slug
    product_name: str | None
    version: str | None
    severity: Severity
    status: Status
    confidential: bool
    created_at: str
    updated_at: str
    solved_at: str | None
    closed_at: str | None
    assignee: str | None  # a name
    assignee_id: str | None
    edition: int  # grows with every field that is edited: send it back with the edit
    activity: int  # grows with everything a customer can notice: send it back with a reply
    fields: Mapping[str, str] = field(default_factory=dict)  # what the vendor asks for besides
    tags: tuple[str, ...] = ()  # none for customers
    team: str | None = None  # a name; for customers none
    team_id: str | None = None
    copies: tuple[Copy, ...] = ()
    files: tuple[Attachment, ...] = ()  # of the description
    messages: tuple[Message, ...] = ()
    events: tuple[TicketEvent, ...] = ()
    follows: Link | None = None
    followed_by: tuple[Link, ...] = ()
    typed: bool = False  # the description is plain text, shown as typed; else Markdown
    quoted: str = ""  # what the description's mail quoted or ended with, shown folded
    channel: Channel | None = None  # by which it came, where that is known

    @property
    def timeline(self) -> tuple[Message | TicketEvent, ...]:
        """What was said and what happened, oldest first; what was imported comes before."""
        return tuple(sorted([*self.messages, *self.events], key=lambda item: item.revision))

    @property
    def is_resolved(self) -> bool:
        return self.status in RESOLVED

    def is_of(self, viewer: Viewer) -> bool:
        """Whether the viewer has a say in it: the requester, or whoever answers."""
        return viewer.is_agent or (
            viewer.person_id is not None and viewer.person_id == self.requester_id
        )

    def is_copied(self, viewer: Viewer) -> bool:
        return viewer.person_id is not None and any(
            copy.person_id == viewer.person_id for copy in self.copies
        )


@dataclass(frozen=True)
class DatabaseHit:
    """A ticket found without the index."""

    id: str
    number: int
    subject: str
    description: str
    language: str
    product: str | None
    version: str | None
    status: Status
    updated_at: str


def find(db: Database, viewer: Viewer, ticket_id: str) -> Ticket:
    """The ticket with that id, its conversation oldest first."""
    return _find(db, viewer, "t.id = :value", ticket_id)


def find_number(db: Database, viewer: Viewer, number: int) -> Ticket:
    """The ticket with that number."""
    return _find(db, viewer, "t.number = :value", number)


def visible_numbers(db: Database, viewer: Viewer, numbers: Iterable[int]) -> set[int]:
    """Those of the numbers that exist and that the viewer may read: the index may lag behind."""
    places, values = one_of("number", list(numbers))
    condition, principals = visibility.condition(viewer)
    rows = db.query(
        f"SELECT t.number FROM tickets t WHERE t.number IN ({places}) AND {condition}",  # noqa: S608
        {**values, **principals},
    )
    return {row["number"] for row in rows}


def search_database(db: Database, viewer: Viewer, text: str, limit: int) -> list[DatabaseHit]:
    """Tickets that hold every word of a text, newest first: for the time without an index."""
    clean = text.replace("\x00", " ").encode("utf-8", "replace").decode()
    terms = [term[:DATABASE_SEARCH_WORD] for term in clean.lower().split()[:DATABASE_SEARCH_WORDS]]
    if not terms:
        return []
    patterns = {f"term{n}": f"%{escape_like(term)}%" for n, term in enumerate(terms)}
    holds = " AND ".join(
        f"LOWER(t.subject || ' ' || t.description) LIKE :{name} ESCAPE '!'" for name in patterns
    )
    condition, principals = visibility.condition(viewer, "n.id")
    if not viewer.is_agent:  # customers read few of many: begin with those, not with the newest
        places, principals = one_of("principal", viewer.principals)
        condition = f"n.id IN (SELECT ticket_id FROM ticket_readers WHERE word IN ({places}))"  # noqa: S608
    rows = db.query(
        f"""
        SELECT t.id, t.number, t.subject, t.description, t.language, p.slug AS product,
               t.version, t.status, t.updated_at
        FROM (SELECT n.id FROM tickets n WHERE {condition}
              ORDER BY n.number DESC LIMIT :depth) newest
        JOIN tickets t ON t.id = newest.id
        LEFT JOIN products p ON p.id = t.product_id
        WHERE {holds} ORDER BY t.number DESC LIMIT :limit
        """,  # noqa: S608 (the pieces are constants, what was typed is in the values)
        {**patterns, **principals, "depth": DATABASE_SEARCH_DEPTH, "limit": limit},
    )
    return [DatabaseHit(**row) for row in rows]


def _find(db: Database, viewer: Viewer, key: str, value: str | int) -> Ticket:
    condition, principals = visibility.condition(viewer)
    rows = db.query(
        f"""
        SELECT t.id, t.number, t.subject, t.description, t.language, t.requester_id,
               COALESCE(q.name, t.requester_email, '') AS requester, o.name AS organisation,
               o.slug AS organisation_slug,
               p.slug AS product, p.name AS product_name, t.version, t.severity, t.status,
               t.confidential, t.created_at, t.updated_at, t.solved_at, t.closed_at,
               a.name AS assignee, t.assignee_id, t.edition, t.activity, t.fields,
               t.typed, t.quoted, t.channel, w.name AS team, w.id AS team_id
        FROM tickets t
        LEFT JOIN people q ON q.id = t.requester_id
        LEFT JOIN people a ON a.id = t.assignee_id
        LEFT JOIN teams w ON w.id = t.team_id AND :is_agent = 1
        LEFT JOIN organisations o ON o.id = t.organisation_id
        LEFT JOIN products p ON p.id = t.product_id
        WHERE {key} AND {condition}
        """,  # noqa: S608 (constants of this module)
        {"value": value, "is_agent": int(viewer.is_agent), **principals},
    )
    if not rows:
        raise NotFound("ticket.not_found")
    ticket = rows[0]
    asked = vendor_fields.list_all(db, viewer)
    messages = conversations.read(
        db,
        "t.id = :id AND (m.internal = 0 OR :is_agent = 1)",
        {"id": ticket["id"], "is_agent": int(viewer.is_agent)},
    )
    solution = conversations.solution(messages, ticket["status"])
    files = attachments.of_ticket(db, ticket["id"], [row["id"] for row in messages])
    before, after = _links(db, viewer, ticket["id"])
    return Ticket(
        **{
            **ticket,
            "confidential": bool(ticket["confidential"]),
            "typed": bool(ticket["typed"]),
            "fields": vendor_fields.shown(viewer, asked, ticket["fields"]),
        },
        tags=ticket_tags.of_tickets(db, viewer, [ticket["id"]]).get(ticket["id"], ()),
        copies=_copies(db, ticket["id"]),
        files=tuple(files.get(None, ())),
        messages=tuple(
            conversations.message(row, is_solution=row is solution, files=files.get(row["id"], ()))
            for row in messages
        ),
        events=tuple(ticket_events.of_ticket(db, viewer, ticket["id"])),
        follows=before,
        followed_by=after,
    )


def _copies(db: Database, ticket_id: str) -> tuple[Copy, ...]:
    rows = db.query(
        """
        SELECT c.email, c.person_id, COALESCE(p.name, '') AS name FROM ticket_copies c
        LEFT JOIN people p ON p.id = c.person_id WHERE c.ticket_id = :id
        ORDER BY COALESCE(p.name, c.email)
        """,
        {"id": ticket_id},
    )
    return tuple(Copy(**row) for row in rows)


def _links(db: Database, viewer: Viewer, ticket_id: str) -> tuple[Link | None, tuple[Link, ...]]:
    """The ticket it follows and those that follow it, as far as the viewer may read them."""
    condition, principals = visibility.condition(viewer)
    rows = db.query(
        f"""
        SELECT t.id, t.number, t.subject, t.follows_id FROM tickets t
        WHERE (t.follows_id = :id OR t.id = (SELECT follows_id FROM tickets WHERE id = :id))
          AND {condition} ORDER BY t.number
        """,  # noqa: S608 (a condition of names of parameters)
        {"id": ticket_id, **principals},
    )
    links = [(row.pop("follows_id") == ticket_id, Link(**row)) for row in rows]
    return (
        next((link for is_after, link in links if not is_after), None),
        tuple(link for is_after, link in links if is_after),
    )
