"""Which customers may read a ticket: words beside it, kept in step with who belongs where."""

from collections.abc import Sequence

from kbsearch.access import Viewer
from kbsearch.database import Database, one_of
from kbsearch.tickets import changes, events

BATCH = 1000
# Whom an organisation's requests are shared with, unless they are confidential.
SHARED = """
    SELECT t.id, 'org:' || o.slug FROM tickets t
    JOIN organisations o ON o.id = t.organisation_id
    WHERE o.sharing = 'everyone' AND t.confidential = 0 AND {condition}
    UNION
    SELECT t.id, 'user:' || f.person_id FROM tickets t
    JOIN organisations o ON o.id = t.organisation_id
    JOIN organisation_followers f ON f.organisation_id = o.id
    JOIN memberships m ON m.organisation_id = o.id AND m.person_id = f.person_id
    WHERE o.sharing = 'people' AND t.confidential = 0 AND {condition}
"""


def adopt(db: Database, addresses: Sequence[str]) -> None:
    """Hand past tickets to the people whose address they carry, now that these have accounts."""
    places, values = one_of("address", addresses)
    waiting = f"""
        SELECT id FROM tickets WHERE requester_id IS NULL AND requester_email IN ({places})
        UNION
        SELECT ticket_id FROM ticket_copies WHERE person_id IS NULL AND email IN ({places})
    """  # noqa: S608 (names of parameters)
    with db.atomic():
        ticket_ids = [row["id"] for row in db.query(waiting, values)]
        for start in range(0, len(ticket_ids), BATCH):
            _adopt(db, ticket_ids[start : start + BATCH])


def followers(db: Database, organisation_id: str) -> tuple[str, ...]:
    """The ids of those who read all requests of an organisation because it named them.

    None while it shares otherwise; whoever left the organisation has left this too.
    """
    rows = db.query(
        """
        SELECT f.person_id FROM organisation_followers f
        JOIN organisations o ON o.id = f.organisation_id AND o.sharing = 'people'
        JOIN memberships m ON m.organisation_id = o.id AND m.person_id = f.person_id
        WHERE o.id = :id ORDER BY f.person_id
        """,
        {"id": organisation_id},
    )
    return tuple(row["person_id"] for row in rows)


def rewrite_organisation(db: Database, organisation_id: str) -> None:
    """Make the readers of an organisation's tickets follow its slug, sharing and followers."""
    values = {"organisation": organisation_id}
    with db.atomic():
        db.execute(
            """
            DELETE FROM ticket_readers WHERE (word LIKE 'org:%' OR word LIKE 'user:%')
              AND ticket_id IN (SELECT id FROM tickets WHERE organisation_id = :organisation)
            """,
            values,
        )
        db.execute(
            f"""
            INSERT INTO ticket_readers (ticket_id, word)
            SELECT t.id, 'user:' || t.requester_id FROM tickets t
            WHERE t.organisation_id = :organisation AND t.requester_id IS NOT NULL
            UNION
            SELECT t.id, 'user:' || c.person_id FROM tickets t
            JOIN ticket_copies c ON c.ticket_id = t.id
            WHERE t.organisation_id = :organisation AND c.person_id IS NOT NULL
            UNION
            {SHARED.format(condition="o.id = :organisation")}
            """,  # noqa: S608 (constants)
            values,
        )
        changes.mark_changed(db, "organisation_id = :organisation", values)


def rewrite(db: Database, ticket_id: str) -> None:
    """Make the readers of one ticket follow its requester, its copies and its organisation.

    Whoever calls gives the ticket a new revision.
    """
    values = {"ticket": ticket_id}
    with db.atomic():
        db.execute("DELETE FROM ticket_readers WHERE ticket_id = :ticket", values)
        db.execute(
            f"""
            INSERT INTO ticket_readers (ticket_id, word)
            SELECT id, 'user:' || requester_id FROM tickets
            WHERE id = :ticket AND requester_id IS NOT NULL
            UNION
            SELECT ticket_id, 'user:' || person_id FROM ticket_copies
            WHERE ticket_id = :ticket AND person_id IS NOT NULL
            UNION
            {SHARED.format(condition="t.id = :ticket")}
            """,  # noqa: S608 (constants of this module)
            values,
        )


def leave_organisations(
    db: Database, person_id: str, organisations: Sequence[str], at: str
) -> None:
    """Whoever left organisations, by slug, neither follows nor is in copy on their tickets."""
    places, slugs = one_of("slug", organisations)
    values = {"person": person_id, **slugs}
    followed = db.query(
        f"""
        SELECT o.id FROM organisation_followers f
        JOIN organisations o ON o.id = f.organisation_id AND o.slug IN ({places})
        WHERE f.person_id = :person
        """,  # noqa: S608 (names of parameters)
        values,
    )
    copies = db.query(
        f"""
        SELECT c.ticket_id, c.email FROM ticket_copies c
        JOIN tickets t ON t.id = c.ticket_id
        JOIN organisations o ON o.id = t.organisation_id AND o.slug IN ({places})
        WHERE c.person_id = :person
        """,  # noqa: S608 (names of parameters)
        values,
    )
    with db.atomic():
        for row in followed:
            db.execute(
                """
                DELETE FROM organisation_followers
                WHERE organisation_id = :organisation AND person_id = :person
                """,
                {"organisation": row["id"], "person": person_id},
            )
            rewrite_organisation(db, row["id"])
        for row in copies:
            remove_copy(db, None, row["ticket_id"], row["email"], at)


def remove_copy(db: Database, viewer: Viewer | None, ticket_id: str, email: str, at: str) -> None:
    """Take an address out of copy, and with it what it could read."""
    with db.atomic():
        removed = db.execute(
            "DELETE FROM ticket_copies WHERE ticket_id = :ticket AND email = :email",
            {"ticket": ticket_id, "email": email},
        )
        if removed:
            rewrite(db, ticket_id)
            events.record(
                db,
                viewer,
                ticket_id,
                events.NewEvent("ticket.cc_removed", at, field="copy", before=email),
            )


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
    changes.mark_changed(db, f"id IN ({places})", values)
