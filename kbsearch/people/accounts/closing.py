"""Organisations that are disabled: nobody files for them, and who is only theirs cannot sign in.

Nothing is removed: opened again, they have what they had, and so have their people.
"""

from kbsearch import audit, people
from kbsearch.access import Viewer, only_administrators
from kbsearch.clock import now
from kbsearch.database import Database
from kbsearch.people import Person, organisations
from kbsearch.people.organisations import Organisation


def disable(db: Database, viewer: Viewer, organisation: Organisation) -> Organisation:
    """Let nobody file for it, and close the accounts of customers who belong to no open one."""
    only_administrators(viewer)
    with db.atomic():
        if organisations.find_id(db, organisation.id).disabled_at is None:
            _set(db, organisation, now())
            audit.act(db, viewer, "organisation.disabled", subject=organisation.slug)
            for person in _left_outside(db, organisation):
                people.disable(db, viewer, person)
                db.execute(
                    "UPDATE people SET closed_with_id = :organisation WHERE id = :id",
                    {"organisation": organisation.id, "id": person.id},
                )
        return organisations.find_id(db, organisation.id)


def enable(db: Database, viewer: Viewer, organisation: Organisation) -> Organisation:
    """Open it again, with the accounts that were closed because none of theirs was open."""
    only_administrators(viewer)
    with db.atomic():
        if organisations.find_id(db, organisation.id).disabled_at is not None:
            _set(db, organisation, None)
            audit.act(db, viewer, "organisation.enabled", subject=organisation.slug)
            rows = db.query(
                """
                SELECT p.id FROM people p WHERE p.closed_with_id IS NOT NULL
                AND (p.closed_with_id = :id OR EXISTS (
                  SELECT 1 FROM memberships m
                  WHERE m.person_id = p.id AND m.organisation_id = :id))
                ORDER BY p.id
                """,
                {"id": organisation.id},
            )
            for person in people.find_all(db, [row["id"] for row in rows]):
                people.enable(db, viewer, person)
        return organisations.find_id(db, organisation.id)


def _set(db: Database, organisation: Organisation, moment: str | None) -> None:
    db.execute(
        "UPDATE organisations SET disabled_at = :moment WHERE id = :id",
        {"moment": moment, "id": organisation.id},
    )


def _left_outside(db: Database, organisation: Organisation) -> list[Person]:
    rows = db.query(
        """
        SELECT p.id FROM people p JOIN memberships m ON m.person_id = p.id
        WHERE m.organisation_id = :id AND p.role = 'customer' AND p.disabled_at IS NULL
          AND NOT EXISTS (
            SELECT 1 FROM memberships n JOIN organisations o ON o.id = n.organisation_id
            WHERE n.person_id = p.id AND o.disabled_at IS NULL)
        """,
        {"id": organisation.id},
    )
    return people.find_all(db, [row["id"] for row in rows])
