"""What was said about tickets: their messages, who wrote them, which of them is the solution."""

from collections.abc import Sequence
from dataclasses import dataclass

from kbsearch.database import Database, Row, Values
from kbsearch.tickets.codes import RESOLVED
from kbsearch.tickets.files import Attachment


@dataclass(frozen=True)
class Message:
    """Something said about a ticket; an internal one is for agents only."""

    id: str
    author: str  # a name; an address when there is no account; empty when unknown
    author_id: str | None
    is_staff: bool
    at: str
    body: str
    internal: bool
    solution: bool
    revision: int  # its place among the events; 0 for what was imported
    files: tuple[Attachment, ...] = ()
    typed: bool = False  # plain text, shown as typed; else Markdown
    quoted: str = ""  # what its mail quoted or ended with, shown folded
    is_thanks: bool = False  # and nothing else: no answer is owed
    is_automatic: bool = False  # a rule said it


# The public words of those who answer, on the ticket `t`: a requester answers nobody.
ANSWERS = """
    messages m JOIN people a ON a.id = m.author_id
    WHERE m.ticket_id = t.id AND m.internal = 0 AND a.role <> 'customer'
      AND a.id <> COALESCE(t.requester_id, '')
"""


def read(db: Database, condition: str, values: Values) -> list[Row]:
    """Messages of some tickets, oldest first, each with whether the customer's side wrote it.

    Without an account, whoever is neither the requester nor in copy answered them. `condition`
    is a constant of the calling module, on the tickets `t` and their messages `m`.
    """
    return db.query(
        f"""
        SELECT m.ticket_id, m.id, m.at, m.body, m.internal, m.solution, m.author_id, m.revision,
               m.typed, m.quoted, m.thanks, m.rule_id,
               COALESCE(a.name, m.author_email, '') AS author,
               CASE WHEN a.id IS NOT NULL THEN a.role <> 'customer'
                    WHEN m.rule_id IS NOT NULL THEN 1 = 1
                    WHEN m.author_email IS NULL OR m.author_email = t.requester_email THEN 1 = 0
                    ELSE NOT EXISTS (SELECT 1 FROM ticket_copies c WHERE c.ticket_id = t.id
                                     AND c.email = m.author_email) END AS is_staff
        FROM tickets t JOIN messages m ON m.ticket_id = t.id
        LEFT JOIN people a ON a.id = m.author_id
        WHERE {condition} ORDER BY m.ticket_id, m.position
        """,  # noqa: S608 (conditions are constants)
        values,
    )


def solution(rows: Sequence[Row], status: str) -> Row | None:
    """The public answer marked as the solution; once resolved, else the last of a colleague."""
    public = [row for row in rows if not row["internal"]]
    marked = [row for row in public if row["solution"]]
    answered = [row for row in public if row["is_staff"] and not row["rule_id"]]
    answers = marked or (answered if status in RESOLVED else [])
    return answers[-1] if answers else None


def message(row: Row, *, is_solution: bool, files: Sequence[Attachment] = ()) -> Message:
    """A row of `read` as a message."""
    return Message(
        id=row["id"],
        author=row["author"],
        author_id=row["author_id"],
        is_staff=bool(row["is_staff"]),
        at=row["at"],
        body=row["body"],
        internal=bool(row["internal"]),
        solution=is_solution,
        revision=row["revision"],
        files=tuple(files),
        typed=bool(row["typed"]),
        quoted=row["quoted"],
        is_thanks=row["thanks"] == 1,
        is_automatic=row["rule_id"] is not None,
    )
