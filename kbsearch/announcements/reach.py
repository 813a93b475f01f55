"""Whom an announcement reaches: those it concerns, and those who want to know how it ends."""

from collections.abc import Sequence
from dataclasses import dataclass

from kbsearch import access, announcements
from kbsearch.access import Viewer
from kbsearch.announcements import Announcement, versions
from kbsearch.clock import utc_now
from kbsearch.database import Database
from kbsearch.errors import NotFound
from kbsearch.people import viewers


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
    slugs = {slug for _, _, slug in concerned if slug}
    has_range = bool(announcement.version_from or announcement.version_to)
    newest = versions.of_organisations(db, slugs, [announcement.product]) if has_range else {}
    unknown = len(slugs) - len(newest) if has_range else 0
    return Reach(len({person_id for person_id, _, _ in concerned}), len(slugs), unknown)


def list_concerned(db: Database, announcement: Announcement) -> list[str]:
    """The ids of the customers it concerns, by their versions too, in an order of its own."""
    return list(dict.fromkeys(person_id for person_id, _, _ in _concerned(db, announcement)))


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


def _concerned(db: Database, announcement: Announcement) -> Sequence[tuple[str, str, str]]:
    """Customers with id and address, and an organisation of theirs that is meant."""
    rows = db.query(
        """
        SELECT p.id, p.email, COALESCE(o.slug, '') AS organisation
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
    newest = versions.of_organisations(db, slugs, [announcement.product])
    return [
        (row["id"], row["email"], row["organisation"])
        for row in rows
        if announcement.concerns(newest.get((row["organisation"], announcement.product), ""))
    ]


def may_read(db: Database, email: str, announcement_id: str) -> Announcement | None:
    """The announcement as somebody reads it now; None where they may not, or not any more."""
    try:
        return announcements.find(db, viewers.find(db, email), announcement_id)
    except NotFound:
        return None
