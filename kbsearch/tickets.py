"""Requests and what was said about them: reading them as a viewer, and following their changes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from kbsearch import access, outbox
from kbsearch.access import Viewer
from kbsearch.db import Database, Row, Values, escape_like, one_of
from kbsearch.errors import NotFound
from kbsearch.search.documents import Case

Status = Literal["new", "open", "pending", "solved", "closed"]
Severity = Literal["minor", "major", "blocking"]
STATUSES: tuple[Status, ...] = ("new", "open", "pending", "solved", "closed")
SEVERITIES: tuple[Severity, ...] = ("minor", "major", "blocking")

# Numbers from here on belong to other tools; those below are shared with requests filed here.
FIRST_FOREIGN_NUMBER = 1_000_000_000
DATABASE_SEARCH_DEPTH = 20_000  # newest tickets looked through while there is no index
DATABASE_SEARCH_WORDS = 8
DATABASE_SEARCH_WORD = 100  # characters; LIKE refuses long patterns


@dataclass(frozen=True)
class Message:
    """Something said about a ticket; an internal one is for agents only."""

    id: str
    author: str  # a name; an address when there is no account; empty when unknown
    is_staff: bool
    at: str
    body: str
    internal: bool
    solution: bool


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
    product: str | None  # a slug
    product_name: str | None
    version: str | None
    severity: Severity
    status: Status
    confidential: bool
    created_at: str
    updated_at: str
    solved_at: str | None
    copies: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Found:
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
    return _find(db, viewer, "t.id = :wanted", ticket_id)


def find_number(db: Database, viewer: Viewer, number: int) -> Ticket:
    """The ticket with that number."""
    return _find(db, viewer, "t.number = :wanted", number)


def visible_numbers(db: Database, viewer: Viewer, numbers: Iterable[int]) -> set[int]:
    """Those of the numbers that exist and that the viewer may read: the index may lag behind."""
    places, values = one_of("number", list(numbers))
    condition, words = access.visible(viewer, "ticket_readers", "ticket_id", "t.id")
    rows = db.query(
        f"SELECT t.number FROM tickets t WHERE t.number IN ({places}) AND {condition}",  # noqa: S608
        {**values, **words},
    )
    return {row["number"] for row in rows}


def search_database(db: Database, viewer: Viewer, text: str, limit: int) -> list[Found]:
    """Tickets that hold every word of a text, newest first: for the time without an index."""
    clean = text.replace("\x00", " ").encode("utf-8", "replace").decode()
    terms = [term[:DATABASE_SEARCH_WORD] for term in clean.lower().split()[:DATABASE_SEARCH_WORDS]]
    if not terms:
        return []
    patterns = {f"term{n}": f"%{escape_like(term)}%" for n, term in enumerate(terms)}
    holds = " AND ".join(
        f"LOWER(t.subject || ' ' || t.description) LIKE :{name} ESCAPE '!'" for name in patterns
    )
    condition, words = access.visible(viewer, "ticket_readers", "ticket_id", "n.id")
    if not viewer.is_agent:  # who reads few of many: begin with those, not with the newest
        places, words = one_of("viewer_word", viewer.words)
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
        {**patterns, **words, "depth": DATABASE_SEARCH_DEPTH, "limit": limit},
    )
    return [Found(**row) for row in rows]


def last_revision(db: Database) -> int:
    """The revision of the newest change: an index that has reached it is up to date."""
    return int(db.query("SELECT value FROM counters WHERE name = 'revision'")[0]["value"])


def count_changed(db: Database, after_revision: int) -> int:
    """How many tickets changed after a revision."""
    rows = db.query(
        "SELECT COUNT(*) AS n FROM tickets WHERE revision > :after", {"after": after_revision}
    )
    return int(rows[0]["n"])


def list_changed(db: Database, after_revision: int, limit: int) -> list[Case]:
    """What the index has to take in after a revision, in order; two queries for any number."""
    rows = db.query(
        """
        SELECT t.id, t.number, t.language, t.subject, t.description, p.slug AS product,
               t.version, t.status, t.updated_at, t.revision,
               (SELECT string_agg(r.word, ' ') FROM ticket_readers r
                WHERE r.ticket_id = t.id) AS readers
        FROM tickets t LEFT JOIN products p ON p.id = t.product_id
        WHERE t.revision > :after ORDER BY t.revision LIMIT :limit
        """,
        {"after": after_revision, "limit": limit},
    )
    if not rows:
        return []
    span = {"after": after_revision, "last": rows[-1]["revision"]}
    said: dict[str, list[Row]] = {}
    for row in _conversations(db, "t.revision > :after AND t.revision <= :last", span):
        said.setdefault(row["ticket_id"], []).append(row)
    return [_case(row, said.get(row["id"], ())) for row in rows]


def list_removed(db: Database, after_revision: int, limit: int) -> list[tuple[int, int]]:
    """Numbers that are gone after a revision, each with the revision of its removal."""
    rows = db.query(
        """
        SELECT number, revision FROM removed_tickets
        WHERE revision > :after ORDER BY revision LIMIT :limit
        """,
        {"after": after_revision, "limit": limit},
    )
    return [(row["number"], row["revision"]) for row in rows]


def reserve_revisions(db: Database, count: int) -> int:
    """Take `count` revisions, and ask for indexing; the first one taken."""
    outbox.add_once(db, "index.tickets", "all")
    rows = db.query(
        "UPDATE counters SET value = value + :n WHERE name = 'revision' RETURNING value",
        {"n": count},
    )
    return int(rows[0]["value"]) - count + 1


def _find(db: Database, viewer: Viewer, key: str, wanted: str | int) -> Ticket:
    condition, words = access.visible(viewer, "ticket_readers", "ticket_id", "t.id")
    rows = db.query(
        f"""
        SELECT t.id, t.number, t.subject, t.description, t.language, t.requester_id,
               COALESCE(q.name, t.requester_email, '') AS requester, o.name AS organisation,
               p.slug AS product, p.name AS product_name, t.version, t.severity, t.status,
               t.confidential, t.created_at, t.updated_at, t.solved_at
        FROM tickets t
        LEFT JOIN people q ON q.id = t.requester_id
        LEFT JOIN organisations o ON o.id = t.organisation_id
        LEFT JOIN products p ON p.id = t.product_id
        WHERE {key} AND {condition}
        """,  # noqa: S608 (constants of this module)
        {"wanted": wanted, **words},
    )
    if not rows:
        raise NotFound("ticket.not_found")
    ticket = rows[0]
    copies = db.query(
        """
        SELECT COALESCE(p.name, c.email) AS name FROM ticket_copies c
        LEFT JOIN people p ON p.id = c.person_id WHERE c.ticket_id = :id ORDER BY 1
        """,
        {"id": ticket["id"]},
    )
    said = _conversations(
        db,
        "t.id = :id AND (m.internal = 0 OR :is_agent = 1)",
        {"id": ticket["id"], "is_agent": int(viewer.is_agent)},
    )
    solution = _solution(said)
    return Ticket(
        **{**ticket, "confidential": bool(ticket["confidential"])},
        copies=tuple(row["name"] for row in copies),
        messages=tuple(_message(row, row is solution) for row in said),
    )


def _conversations(db: Database, condition: str, values: Values) -> list[Row]:
    """Messages of some tickets, oldest first, each with whether the customer's side wrote it.

    Without an account, whoever is neither the requester nor in copy answered them.
    """
    return db.query(
        f"""
        SELECT m.ticket_id, m.id, m.at, m.body, m.internal, m.solution,
               COALESCE(a.name, m.author_email, '') AS author,
               CASE WHEN a.id IS NOT NULL THEN a.role <> 'customer'
                    WHEN m.author_email IS NULL OR m.author_email = t.requester_email THEN 0
                    ELSE NOT EXISTS (SELECT 1 FROM ticket_copies c WHERE c.ticket_id = t.id
                                     AND c.email = m.author_email) END AS is_staff
        FROM tickets t JOIN messages m ON m.ticket_id = t.id
        LEFT JOIN people a ON a.id = m.author_id
        WHERE {condition} ORDER BY m.ticket_id, m.position
        """,  # noqa: S608 (conditions are constants of this module)
        values,
    )


def _solution(said: Sequence[Row]) -> Row | None:
    """The public answer marked as the solution, else the last public one of the staff."""
    public = [row for row in said if not row["internal"]]
    marked = [row for row in public if row["solution"]]
    answers = marked or [row for row in public if row["is_staff"]]
    return answers[-1] if answers else None


def _message(row: Row, is_solution: bool) -> Message:
    return Message(
        id=row["id"],
        author=row["author"],
        is_staff=bool(row["is_staff"]),
        at=row["at"],
        body=row["body"],
        internal=bool(row["internal"]),
        solution=is_solution,
    )


def _case(row: Row, said: Sequence[Row]) -> Case:
    solution = _solution(said)
    public = [message for message in said if not message["internal"] and message is not solution]
    answers = [solution, *public] if solution else public
    return Case(
        number=row["number"],
        ticket_id=row["id"],
        language=row["language"],
        subject=row["subject"],
        description=row["description"],
        answers="\n\n".join(message["body"] for message in answers),
        notes="\n\n".join(message["body"] for message in said if message["internal"]),
        product=row["product"] or "",
        version=row["version"] or "",
        status=row["status"],
        readers=tuple((row["readers"] or "").split()),
        updated_at=row["updated_at"],
        revision=row["revision"],
    )
