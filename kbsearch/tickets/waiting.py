"""Whom a request waits for, and since when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kbsearch.database import Database, Row, one_of
from kbsearch.tickets.codes import RESOLVED
from kbsearch.tickets.messages import ANSWERS


@dataclass(frozen=True)
class Waiting:
    """Whom a request waits for, and since when: `us` or `customer`; nobody once it is resolved."""

    whom: Literal["us", "customer", ""]
    since: str


def of_tickets(db: Database, ticket_ids: Sequence[str]) -> dict[str, Waiting]:
    """Whom each of these requests waits for: us since the first words that nobody has answered."""
    places, values = one_of("id", ticket_ids)
    rows = db.query(
        f"""
        SELECT t.id, t.status, t.created_at, (SELECT MAX(m.at) FROM {ANSWERS}) AS answered_at,
               (SELECT MIN(w.at) FROM messages w WHERE w.ticket_id = t.id AND w.internal = 0
                AND w.thanks <> 1 AND w.rule_id IS NULL
                AND w.position > (SELECT MAX(m.position) FROM {ANSWERS})) AS asked_at
        FROM tickets t WHERE t.id IN ({places})
        """,  # noqa: S608 (names of parameters)
        values,
    )
    return {row["id"]: _waiting(row) for row in rows}


def _waiting(row: Row) -> Waiting:
    if row["status"] in RESOLVED:
        return Waiting("", row["created_at"])
    answered_at = row["answered_at"] or row["created_at"]
    if row["status"] == "pending":
        return Waiting("customer", answered_at)
    return Waiting("us", row["asked_at"] or answered_at)
