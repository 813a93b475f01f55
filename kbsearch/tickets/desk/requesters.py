"""Who a request is of, for those who answer it: how they are reached, what else they asked."""

from dataclasses import dataclass

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.database import Database, Row, Values
from kbsearch.errors import NotFound
from kbsearch.tickets import Ticket, visibility
from kbsearch.tickets.codes import IS_UNDER_WAY, RESOLVED, Status

MOST_SHOWN = 10


@dataclass(frozen=True)
class OtherRequest:
    """Another request of the same person."""

    id: str
    number: int
    subject: str
    language: str
    status: Status

    @property
    def is_open(self) -> bool:
        return self.status not in RESOLVED


@dataclass(frozen=True)
class Requester:
    """What is known of somebody; without an account, their address and their requests."""

    email: str
    phone: str
    language: str | None
    contract_ends: str | None  # of the organisation that the request is of
    others: tuple[OtherRequest, ...]  # those not solved first, then the last
    number_open: int
    number: int
    satisfied: int
    rated: int


def of_ticket(db: Database, viewer: Viewer, ticket: Ticket) -> Requester:
    """Who filed it, in three queries."""
    access.only_agents(viewer, "ticket.not_found")
    row = db.query(
        """
        SELECT COALESCE(p.email, t.requester_email, '') AS email, COALESCE(p.mobile, '') AS phone,
               p.language, o.contract_ends
        FROM tickets t LEFT JOIN people p ON p.id = t.requester_id
        LEFT JOIN organisations o ON o.id = t.organisation_id WHERE t.id = :ticket
        """,
        {"ticket": ticket.id},
    )[0]
    theirs = "t.requester_id = :person AND t.id <> :ticket"
    if ticket.requester_id is None:
        theirs = "t.requester_id IS NULL AND t.requester_email = :email AND t.id <> :ticket"
    values = {"ticket": ticket.id, "person": ticket.requester_id, "email": row["email"]}
    return _requester(db, viewer, row, theirs, values)


def of_person(db: Database, viewer: Viewer, person_id: str) -> Requester:
    """Somebody who is about to ask; the contract of their organisation, where they have one."""
    access.only_agents(viewer, "person.not_found")
    values: Values = {"person": person_id}
    rows = db.query(
        """
        SELECT p.email, COALESCE(p.mobile, '') AS phone, p.language,
               (SELECT CASE WHEN COUNT(*) = 1 THEN MAX(o.contract_ends) END
                FROM memberships m JOIN organisations o ON o.id = m.organisation_id
                WHERE m.person_id = p.id) AS contract_ends
        FROM people p WHERE p.id = :person
        """,
        values,
    )
    if not rows:
        raise NotFound("person.not_found")
    return _requester(db, viewer, rows[0], "t.requester_id = :person", values)


def _requester(db: Database, viewer: Viewer, row: Row, theirs: str, values: Values) -> Requester:
    """With the requests that a condition says are theirs, as far as the viewer may read them."""
    visible, principals = visibility.condition(viewer)
    theirs, values = f"{theirs} AND {visible}", {**values, **principals}
    rated = f"""
        SELECT COUNT(*) FROM satisfaction s JOIN tickets t ON t.id = s.ticket_id
        WHERE s.person_id = :person AND {visible}
    """  # noqa: S608 (names of parameters)
    others = db.query(
        f"""
        SELECT t.id, t.number, t.subject, t.language, t.status FROM tickets t WHERE {theirs}
        ORDER BY CASE WHEN {IS_UNDER_WAY} THEN 0 ELSE 1 END, t.number DESC
        LIMIT :limit
        """,  # noqa: S608 (constants)
        {**values, "limit": MOST_SHOWN},
    )
    counts = db.query(
        f"""
        SELECT COUNT(*) AS number,
               COALESCE(SUM(CASE WHEN {IS_UNDER_WAY} THEN 1 ELSE 0 END), 0) AS number_open,
               ({rated} AND s.is_good IS NOT NULL) AS rated,
               ({rated} AND s.is_good = 1) AS satisfied
        FROM tickets t WHERE {theirs}
        """,  # noqa: S608 (constants)
        values,
    )[0]
    return Requester(**row, **counts, others=tuple(OtherRequest(**other) for other in others))
