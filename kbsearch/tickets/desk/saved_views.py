"""Views of the queue that agents keep for themselves or share: a name, and what an address says."""

from dataclasses import dataclass

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.clock import now
from kbsearch.database import Database, new_id
from kbsearch.errors import Invalid, NotFound
from kbsearch.tickets import teams

MAX_NAME = 60
MAX_QUERY = 1000
MOST = 30  # of one agent


@dataclass(frozen=True)
class SavedView:
    """`query` is that of an address, without its question mark."""

    id: str
    name: str
    query: str
    is_shared: bool = False  # with all who answer
    team: str | None = None  # the name of that it is shared with


def list_mine(db: Database, viewer: Viewer) -> list[SavedView]:
    """The viewer's, by name."""
    return _read(db, viewer, "v.person_id = :me")


def list_shared(db: Database, viewer: Viewer) -> list[SavedView]:
    """Those that others share with all, or with a team of the viewer's; by name."""
    access.only_agents(viewer)
    mine = """
        v.team_id IN (SELECT m.team_id FROM team_members m WHERE m.person_id = :me)
        AND t.archived_at IS NULL
    """
    return _read(db, viewer, f"v.person_id <> :me AND (v.is_shared = 1 OR {mine})")


def keep(
    db: Database,
    viewer: Viewer,
    name: str,
    query: str,
    *,
    is_shared: bool = False,
    team_id: str = "",
) -> SavedView:
    """Keep a view, also for all who answer or a team of one's own; that of the name is replaced.

    Raises NotFound for a team that the viewer is not of.
    """
    access.only_agents(viewer)
    team = next((team for team in teams.list_mine(db, viewer) if team.id == team_id), None)
    if team_id and not team:
        raise NotFound("team.not_found")
    clean_name = " ".join(name.split())
    if not clean_name or len(clean_name) > MAX_NAME or not clean_name.isprintable():
        raise Invalid("view.name_invalid", limit=MAX_NAME)
    if len(query) > MAX_QUERY:
        raise Invalid("view.too_long")
    with db.atomic():
        views = list_mine(db, viewer)
        namesake = next((view for view in views if view.name.lower() == clean_name.lower()), None)
        columns = {"query": query, "is_shared": int(is_shared), "team_id": team_id or None}
        if namesake:
            db.execute(
                """
                UPDATE saved_views SET query = :query, is_shared = :is_shared, team_id = :team_id
                WHERE id = :id
                """,
                {**columns, "id": namesake.id},
            )
        elif len(views) >= MOST:
            raise Invalid("view.too_many", limit=MOST)
        view_id = namesake.id if namesake else new_id()
        view_name = namesake.name if namesake else clean_name
        if not namesake:
            row = {"id": view_id, "name": view_name, **columns}
            db.insert("saved_views", {**row, "person_id": viewer.person_id, "created_at": now()})
    return SavedView(view_id, view_name, query, is_shared, team.name if team else None)


def remove(db: Database, viewer: Viewer, view_id: str) -> None:
    """Keep it no longer; raises NotFound unless it is the viewer's."""
    access.only_agents(viewer)
    removed = db.execute(
        "DELETE FROM saved_views WHERE id = :id AND person_id = :me",
        {"id": view_id, "me": viewer.person_id},
    )
    if not removed:
        raise NotFound("view.not_found")


def _read(db: Database, viewer: Viewer, whose: str) -> list[SavedView]:
    rows = db.query(
        f"""
        SELECT v.id, v.name, v.query, v.is_shared, t.name AS team FROM saved_views v
        LEFT JOIN teams t ON t.id = v.team_id WHERE {whose} ORDER BY LOWER(v.name), v.id
        """,  # noqa: S608 (constants)
        {"me": viewer.person_id},
    )
    return [SavedView(**{**row, "is_shared": bool(row["is_shared"])}) for row in rows]
