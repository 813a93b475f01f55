"""What agents said of past cases beside a request: that one helped, was quoted, has nothing in it.

That requests tell of one problem says as much of each two of them.

One agent says one thing of a pair: the last one counts, and can be taken back. All of it is
forgotten with the request, the case or the person.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, one_of
from kbsearch.errors import Invalid
from kbsearch.search.fulltext.documents import Click
from kbsearch.tickets import Ticket, visibility

Kind = Literal["helped", "quoted", "duplicate", "rejected"]
MOST_GROUPED = 1_000  # pairs, the newest
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class CaseClick:
    """What one agent said of a case beside a request."""

    number: int
    subject: str
    kind: Kind


def record(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    case: Ticket,
    kind: str,
    *,
    at: datetime | None = None,
) -> None:
    """Say that of a past case; said again, it replaces what was said before."""
    access.only_agents(viewer, "ticket.not_found")
    if kind not in KINDS or ticket.id == case.id:
        raise Invalid("case.click_unknown")
    with db.atomic():
        db.execute(
            """
            INSERT INTO case_clicks (ticket_id, case_id, person_id, kind, at)
            VALUES (:ticket, :case, :me, :kind, :at)
            ON CONFLICT (ticket_id, case_id, person_id)
            DO UPDATE SET kind = excluded.kind, at = excluded.at
            """,
            {**_pair(viewer, ticket, case), "kind": kind, "at": stored(at or utc_now())},
        )


def withdraw(db: Database, viewer: Viewer, ticket: Ticket, case: Ticket) -> None:
    """Take back what one said."""
    access.only_agents(viewer, "ticket.not_found")
    with db.atomic():
        db.execute(
            """
            DELETE FROM case_clicks
            WHERE ticket_id = :ticket AND case_id = :case AND person_id = :me
            """,
            _pair(viewer, ticket, case),
        )


def withdraw_duplicates(db: Database, viewer: Viewer, ticket: Ticket) -> None:
    """Take back that a request is the same as some case, whoever said it."""
    access.only_agents(viewer, "ticket.not_found")
    with db.atomic():
        db.execute(
            "DELETE FROM case_clicks WHERE ticket_id = :ticket AND kind = 'duplicate'",
            {"ticket": ticket.id},
        )


def list_mine(db: Database, viewer: Viewer, ticket: Ticket) -> list[CaseClick]:
    """What the viewer said of cases beside a request, the last first; of those they still read."""
    visible, principals = visibility.condition(viewer, "c.id")
    rows = db.query(
        f"""
        SELECT c.number, c.subject, k.kind FROM case_clicks k JOIN tickets c ON c.id = k.case_id
        WHERE k.ticket_id = :ticket AND k.person_id = :me AND {visible}
        ORDER BY k.at DESC, c.number
        """,  # noqa: S608 (names of parameters)
        {"ticket": ticket.id, "me": viewer.person_id, **principals},
    )
    return [CaseClick(**row) for row in rows]


def touching(db: Database, numbers: Collection[int]) -> list[Click]:
    """All that was said of requests and cases with these numbers, what is grouped included."""
    places, values = one_of("number", list(numbers))
    ids = f"SELECT id FROM tickets WHERE number IN ({places})"  # noqa: S608
    rows = db.query(
        f"""
        SELECT t.number AS ticket_number, c.number AS case_number, k.person_id, k.kind
        FROM case_clicks k JOIN tickets t ON t.id = k.ticket_id JOIN tickets c ON c.id = k.case_id
        WHERE k.ticket_id IN ({ids}) OR k.case_id IN ({ids})
        ORDER BY k.at, k.ticket_id, k.case_id, k.person_id
        """,  # noqa: S608 (names of parameters)
        values,
    )
    said = [
        Click(row["ticket_number"], row["case_number"], row["person_id"], row["kind"] != "rejected")
        for row in rows
    ]
    return [*said, *_grouped(db, numbers)]


def _grouped(db: Database, numbers: Collection[int]) -> list[Click]:
    """The solved requests of the problems that these belong to, as whoever grouped them said."""
    places, values = one_of("number", list(numbers))
    rows = db.query(
        f"""
        SELECT t.number AS ticket_number, c.number AS case_number,
               COALESCE(p.created_by_id, p.id) AS person
        FROM tickets t JOIN problem_tickets own ON own.ticket_id = t.id
        JOIN problems p ON p.id = own.problem_id
        JOIN problem_tickets others ON others.problem_id = p.id AND others.ticket_id <> t.id
        JOIN tickets c ON c.id = others.ticket_id
        WHERE t.number IN ({places}) AND c.status IN ('solved', 'closed')
        ORDER BY others.added_at DESC, t.number, c.number LIMIT :most
        """,  # noqa: S608 (names of parameters)
        {**values, "most": MOST_GROUPED},
    )
    return [Click(row["ticket_number"], row["case_number"], row["person"], True) for row in rows]


def _pair(viewer: Viewer, ticket: Ticket, case: Ticket) -> dict[str, str | None]:
    return {"ticket": ticket.id, "case": case.id, "me": viewer.person_id}
