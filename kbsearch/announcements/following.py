"""Following an announcement, and "me too" in the place of a request: agents alone see who did."""

from dataclasses import dataclass

from kbsearch import access, announcements
from kbsearch.access import Viewer
from kbsearch.announcements import Announcement
from kbsearch.clock import now
from kbsearch.database import Database
from kbsearch.errors import Forbidden, Invalid


@dataclass(frozen=True)
class Follower:
    """Somebody who is told how it ends, for agents."""

    name: str
    email: str
    organisations: str
    is_affected: bool
    at: str


def say_me_too(db: Database, viewer: Viewer, announcement: Announcement) -> None:
    """Have the same problem: counted once, and told how it ends. No request is made."""
    _check_open(announcement)
    if announcement.kind != "problem":
        raise Invalid("announcement.no_problem")
    _keep(db, viewer, announcement, is_affected=True)


def follow(db: Database, viewer: Viewer, announcement: Announcement) -> None:
    """Be told how it ends; whoever said "me too" says it no more."""
    _check_open(announcement)
    _keep(db, viewer, announcement, is_affected=False)


def leave(db: Database, viewer: Viewer, announcement: Announcement) -> None:
    """Be told no more, and have said nothing."""
    if not viewer.is_signed_in:
        raise Forbidden("announcement.customers_only")
    with db.atomic():
        db.execute(
            """
            DELETE FROM announcement_followers
            WHERE announcement_id = :id AND person_id = :person
            """,
            {"id": announcement.id, "person": viewer.person_id},
        )


def list_followers(db: Database, viewer: Viewer, announcement: Announcement) -> list[Follower]:
    """Who follows, those who said "me too" first; for agents."""
    access.only_agents(viewer, "announcement.not_found")
    rows = db.query(
        """
        SELECT p.id, p.name, p.email, f.is_affected, f.at, o.name AS organisation
        FROM announcement_followers f JOIN people p ON p.id = f.person_id
        LEFT JOIN memberships m ON m.person_id = p.id
        LEFT JOIN organisations o ON o.id = m.organisation_id
        WHERE f.announcement_id = :id ORDER BY f.is_affected DESC, f.at, p.id, o.name
        """,
        {"id": announcement.id},
    )
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row["id"], []).append(row["organisation"] or "")
    firsts = {row["id"]: row for row in reversed(rows)}
    return [
        Follower(
            firsts[person]["name"],
            firsts[person]["email"],
            ", ".join(filter(None, organisations)),
            bool(firsts[person]["is_affected"]),
            firsts[person]["at"],
        )
        for person, organisations in names.items()
    ]


def count_affected(db: Database, viewer: Viewer) -> dict[str, int]:
    """How many said "me too" of each announcement, by its id; for agents."""
    access.only_agents(viewer, "announcement.not_found")
    rows = db.query(
        """
        SELECT announcement_id AS id, COUNT(*) AS people FROM announcement_followers
        WHERE is_affected = 1 GROUP BY announcement_id
        """
    )
    return {row["id"]: row["people"] for row in rows}


def list_own(db: Database, viewer: Viewer) -> list[dict[str, object]]:
    """What the viewer follows, as they may take it away."""
    rows = db.query(
        """
        SELECT announcement_id AS id, is_affected, at FROM announcement_followers
        WHERE person_id = :person ORDER BY at, announcement_id
        """,
        {"person": viewer.person_id},
    )
    titles = {one.id: one for one in announcements.list_all(db, viewer)}
    return [
        {
            "announcement": titles[row["id"]].title(viewer.language or "fr")
            if row["id"] in titles
            else None,
            "me_too": bool(row["is_affected"]),
            "at": row["at"],
        }
        for row in rows
    ]


def _check_open(announcement: Announcement) -> None:
    if announcement.state != "current":
        raise Invalid("announcement.over")


def _keep(db: Database, viewer: Viewer, announcement: Announcement, *, is_affected: bool) -> None:
    """One row for each person; saying it again changes nothing."""
    if viewer.role != "customer":
        raise Forbidden("announcement.customers_only")
    with db.atomic():
        db.execute(
            """
            INSERT INTO announcement_followers (announcement_id, person_id, is_affected, at)
            VALUES (:id, :person, :affected, :now)
            ON CONFLICT (announcement_id, person_id) DO UPDATE
            SET is_affected = excluded.is_affected
            """,
            {
                "id": announcement.id,
                "person": viewer.person_id,
                "affected": int(is_affected),
                "now": now(),
            },
        )
