"""Views of the queue that agents keep for themselves or share: a name, and what an address says."""

from dataclasses import dataclass

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.clock import now
from kbsearch.database import Database, new_id
from kbsearch.errors import Invalid, NotFound

MAX_NAME = 60
MAX_QUERY = 1000
MOST = 30  # of one agent


@dataclass(frozen=True)
class SavedView:
    """`query` is that of an address, without its question mark."""

    id: str
    name: str
    query: str
    is_shared: bool = False


def list_mine(db: Database, viewer: Viewer) -> list[SavedView]:
    """The viewer's, by name."""
    return _read(db, viewer, "person_id = :me")


def list_shared(db: Database, viewer: Viewer) -> list[SavedView]:
    """Those that others share, by name."""
    access.only_agents(viewer)
    return _read(db, viewer, "person_id <> :me AND is_shared = 1")


def keep(
    db: Database, viewer: Viewer, name: str, query: str, *, is_shared: bool = False
) -> SavedView:
    """Keep a view, also for the others who answer; one's own of that name is replaced."""
    access.only_agents(viewer)
    clean_name = " ".join(name.split())
    if not clean_name or len(clean_name) > MAX_NAME or not clean_name.isprintable():
        raise Invalid("view.name_invalid", limit=MAX_NAME)
    if len(query) > MAX_QUERY:
        raise Invalid("view.too_long")
    with db.atomic():
        views = list_mine(db, viewer)
        namesake = next((view for view in views if view.name.lower() == clean_name.lower()), None)
        if namesake:
            db.execute(
                "UPDATE saved_views SET query = :query, is_shared = :shared WHERE id = :id",
                {"query": query, "shared": int(is_shared), "id": namesake.id},
            )
            return SavedView(namesake.id, namesake.name, query, is_shared)
        if len(views) >= MOST:
            raise Invalid("view.too_many", limit=MOST)
        view = SavedView(new_id(), clean_name, query, is_shared)
        row = {
            **vars(view),
            "is_shared": int(is_shared),
            "person_id": viewer.person_id,
            "created_at": now(),
        }
        db.insert("saved_views", row)
    return view


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
        SELECT id, name, query, is_shared FROM saved_views WHERE {whose} ORDER BY LOWER(name), id
        """,  # noqa: S608 (constants)
        {"me": viewer.person_id},
    )
    return [SavedView(**{**row, "is_shared": bool(row["is_shared"])}) for row in rows]
