"""Whom an announcement reaches: those it concerns, and those who want to know how it ends."""

from collections.abc import Sequence
from dataclasses import dataclass

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.announcements import Announcement, version_ranges
from kbsearch.clock import utc_now
from kbsearch.database import Database


@dataclass(frozen=True)
class Reach:
    """How many customers are meant, of how many organisations, for agents to see beforehand."""

    people: int
    organisations: int
    unknown: int  # of these, organisations that never said which version they have


def count(db: Database, viewer: Viewer, announcement: Announcement) -> Reach:
    """Whom its letter would go to, but for those who take none."""
    access.only_agents(viewer, "announcement.not_found")
    concerned = _concerned(db, announcement)
    versions = {one.organisation: one.version for one in concerned if one.organisation}
    has_range = bool(announcement.version_from or announcement.version_to)
    unknown = list(versions.values()).count("") if has_range else 0
    return Reach(len({one.person_id for one in concerned}), len(versions), unknown)


def list_concerned(db: Database, announcement: Announcement) -> list[str]:
    """The ids of the customers it concerns, by their versions too, in order of their addresses."""
    return list(dict.fromkeys(one.person_id for one in _concerned(db, announcement)))


def list_waiting(db: Database, announcement: Announcement) -> list[str]:
    """The ids of those who follow it, said "me too" or have a request of its incident."""
    rows = db.query(
        """
        SELECT f.person_id AS id FROM announcement_followers f WHERE f.announcement_id = :id
        UNION
        SELECT t.requester_id FROM announcements a
        JOIN problem_tickets m ON m.problem_id = a.problem_id
        JOIN tickets t ON t.id = m.ticket_id
        WHERE a.id = :id AND t.requester_id IS NOT NULL
        ORDER BY 1
        """,
        {"id": announcement.id},
    )
    return [row["id"] for row in rows]


def own_request(db: Database, viewer: Viewer, announcement: Announcement) -> str | None:
    """The id of the viewer's own request of its incident, the newest."""
    rows = db.query(
        """
        SELECT t.id FROM announcements a JOIN problem_tickets m ON m.problem_id = a.problem_id
        JOIN tickets t ON t.id = m.ticket_id
        WHERE a.id = :id AND t.requester_id = :person ORDER BY t.number DESC LIMIT 1
        """,
        {"id": announcement.id, "person": viewer.person_id},
    )
    return str(rows[0]["id"]) if rows else None


@dataclass(frozen=True)
class _Concerned:
    person_id: str
    organisation: str  # a slug, of one of theirs that is meant
    version: str  # that it has; empty where nobody knows


def _concerned(db: Database, announcement: Announcement) -> Sequence[_Concerned]:
    """Customers, each with every organisation of theirs that is meant."""
    rows = db.query(
        """
        SELECT p.id, COALESCE(o.slug, '') AS organisation
        FROM people p LEFT JOIN memberships m ON m.person_id = p.id
        LEFT JOIN organisations o ON o.id = m.organisation_id
        WHERE p.role = 'customer' AND p.disabled_at IS NULL AND (
          EXISTS (SELECT 1 FROM announcement_organisations c
                  WHERE c.announcement_id = :id AND c.organisation_id = o.id)
          OR NOT EXISTS (SELECT 1 FROM announcement_organisations c WHERE c.announcement_id = :id)
          AND (:product IS NULL OR EXISTS (
            SELECT 1 FROM organisation_products op JOIN products q ON q.id = op.product_id
            WHERE op.organisation_id = o.id AND q.slug = :product
              AND COALESCE(o.contract_starts, :today) <= :today
              AND COALESCE(o.contract_ends, :today) >= :today)))
        ORDER BY p.email, o.slug
        """,
        {
            "id": announcement.id,
            "product": announcement.product,
            "today": utc_now().date().isoformat(),
        },
    )
    slugs = {row["organisation"] for row in rows if row["organisation"]}
    newest = version_ranges.of_organisations(db, slugs, [announcement.product])
    every = [
        _Concerned(person_id, organisation, newest.get((organisation, announcement.product), ""))
        for person_id, organisation in ((row["id"], row["organisation"]) for row in rows)
    ]
    return [one for one in every if announcement.concerns(one.version)]
