"""Who may read a ticket: the words beside it, kept in step with accounts and organisations."""

from collections.abc import Sequence

from kbsearch import tickets
from kbsearch.db import Database, Values, one_of

BATCH = 1000


def adopt(db: Database, addresses: Sequence[str]) -> None:
    """Hand past tickets to the people whose address they carry, now that these have accounts."""
    places, values = one_of("address", addresses)
    waiting = f"""
        SELECT id FROM tickets WHERE requester_id IS NULL AND requester_email IN ({places})
        UNION
        SELECT ticket_id FROM ticket_copies WHERE person_id IS NULL AND email IN ({places})
    """  # noqa: S608 (names of parameters)
    with db.atomic():
        found = [row["id"] for row in db.query(waiting, values)]
        for start in range(0, len(found), BATCH):
            _adopt(db, found[start : start + BATCH])


def rewrite_organisation(db: Database, organisation_id: str) -> None:
    """Make the readers of an organisation's tickets follow its slug and its sharing."""
    values = {"organisation": organisation_id}
    with db.atomic():
        db.execute(
            """
            DELETE FROM ticket_readers WHERE word LIKE 'org:%'
              AND ticket_id IN (SELECT id FROM tickets WHERE organisation_id = :organisation)
            """,
            values,
        )
        db.execute(
            """
            INSERT INTO ticket_readers (ticket_id, word)
            SELECT t.id, 'org:' || o.slug FROM tickets t
            JOIN organisations o ON o.id = t.organisation_id
            WHERE o.id = :organisation AND o.sharing = 'everyone' AND t.confidential = 0
            """,
            values,
        )
        _mark_changed(db, "organisation_id = :organisation", values)


def _adopt(db: Database, ticket_ids: Sequence[str]) -> None:
    places, values = one_of("ticket", ticket_ids)
    for statement in (
        """
        UPDATE tickets SET requester_id = (SELECT id FROM people WHERE email = requester_email)
        WHERE requester_id IS NULL AND id IN ({places})
        """,
        """
        UPDATE tickets SET requester_email = NULL
        WHERE requester_id IS NOT NULL AND id IN ({places})
        """,
        """
        UPDATE ticket_copies
        SET person_id = (SELECT p.id FROM people p WHERE p.email = ticket_copies.email)
        WHERE person_id IS NULL AND ticket_id IN ({places})
        """,
        """
        UPDATE messages SET author_id = (SELECT id FROM people WHERE email = author_email)
        WHERE author_id IS NULL AND ticket_id IN ({places})
        """,
        """
        INSERT INTO ticket_readers (ticket_id, word)
        SELECT id, 'user:' || requester_id FROM tickets
        WHERE requester_id IS NOT NULL AND id IN ({places})
        UNION
        SELECT ticket_id, 'user:' || person_id FROM ticket_copies
        WHERE person_id IS NOT NULL AND ticket_id IN ({places})
        ON CONFLICT DO NOTHING
        """,
    ):
        db.execute(statement.format(places=places), values)
    _mark_changed(db, f"id IN ({places})", values)


def _mark_changed(db: Database, condition: str, values: Values) -> None:
    """Give the tickets that meet a condition new revisions, in the order of their numbers."""
    count = db.query(f"SELECT COUNT(*) AS n FROM tickets WHERE {condition}", values)[0]["n"]  # noqa: S608
    if not count:
        return
    first = tickets.reserve_revisions(db, count)
    db.execute(
        f"""
        UPDATE tickets SET revision = :first + turn.place
        FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY number) - 1 AS place
              FROM tickets WHERE {condition}) AS turn
        WHERE tickets.id = turn.id
        """,  # noqa: S608 (conditions are constants of this module)
        {"first": first, **values},
    )
