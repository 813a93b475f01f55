"""Whom a request waits for, and since when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kbsearch.db import Database, Row, one_of


@dataclass(frozen=True)
class Waiting:
    """Whom a request waits for, and since when: `us` or `customer`; nobody once it is resolved."""

    whom: Literal["us", "customer", ""]
    since: str


def of_tickets(db: Database, ticket_ids: Sequence[str]) -> dict[str, Waiting]:
    """Whom each of these requests waits for, and since when."""
    places, values = one_of("id", ticket_ids)
    rows = db.query(
        f"""
        SELECT t.id, t.status, t.created_at,
               (SELECT MAX(m.at) FROM messages m JOIN people a ON a.id = m.author_id
                WHERE m.ticket_id = t.id AND m.internal = 0 AND a.role <> 'customer'
                  AND a.id <> COALESCE(t.requester_id, '')) AS answered_at
        FROM tickets t WHERE t.id IN ({places})
        """,  # noqa: S608 (names of parameters)
        values,
    )
    asked = _first_unanswered(db, ticket_ids)
    return {row["id"]: _waiting(row, asked.get(row["id"])) for row in rows}


def _waiting(row: Row, asked_at: str | None) -> Waiting:
    if row["status"] == "pending":
        return Waiting("customer", row["answered_at"] or row["created_at"])
    if row["status"] in ("new", "open"):
        return Waiting("us", asked_at or row["answered_at"] or row["created_at"])
    return Waiting("", row["created_at"])


def _first_unanswered(db: Database, ids: Sequence[str]) -> dict[str, str]:
    """When the customer's side wrote the first thing that nobody has answered since."""
    places, values = one_of("id", ids)
    rows = db.query(
        f"""
        SELECT m.ticket_id, m.at, m.position,
               CASE WHEN a.id IS NOT NULL AND a.role <> 'customer'
                    AND a.id <> COALESCE(t.requester_id, '') THEN 1 ELSE 0 END AS is_staff
        FROM messages m JOIN tickets t ON t.id = m.ticket_id
        LEFT JOIN people a ON a.id = m.author_id
        WHERE m.internal = 0 AND m.ticket_id IN ({places}) ORDER BY m.ticket_id, m.position DESC
        """,  # noqa: S608 (names of parameters)
        values,
    )
    found: dict[str, str] = {}
    answered: set[str] = set()
    heard: set[str] = set()
    for row in rows:
        ticket = row["ticket_id"]
        heard.add(ticket)
        if row["is_staff"]:
            answered.add(ticket)
        elif ticket not in answered:
            found[ticket] = row["at"]
    created = db.query(
        f"SELECT id, created_at FROM tickets WHERE id IN ({places})",  # noqa: S608
        values,
    )
    for row in created:
        if row["id"] not in answered:
            found[row["id"]] = row["created_at"]
    return found
