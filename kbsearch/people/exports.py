"""People and organisations as programs take them away: in the order they came."""

from collections.abc import Sequence
from dataclasses import dataclass

from kbsearch.access import Viewer, only_agents
from kbsearch.database import Database, Values, one_of
from kbsearch.errors import NotFound

# Agents know the customers and those who answer with them, administrators everybody.
KNOWN = "p.erased_at IS NULL AND (:everybody = 1 OR p.role <> 'writer')"
CHANGED = "COALESCE(p.disabled_at, p.created_at)"


@dataclass(frozen=True)
class ExportedPerson:
    """Somebody with an account; of their organisations the first, by its id."""

    id: str
    email: str
    name: str
    role: str
    language: str | None
    time_zone: str | None
    created_at: str
    updated_at: str
    is_disabled: bool
    organisation_id: str | None


@dataclass(frozen=True)
class ExportedOrganisation:
    """A customer."""

    id: str
    slug: str
    name: str
    is_shared: bool
    created_at: str


@dataclass(frozen=True)
class PeopleQuery:
    """Which people: nothing given is all of them."""

    ids: Sequence[str] | None = None
    email: str = ""
    since: str = ""
    after: tuple[str, str] = ("", "")  # the moment and the id of the last one that was read


def count_people(db: Database, viewer: Viewer, query: PeopleQuery) -> int:
    """How many there are."""
    where, values = _where(viewer, query)
    rows = db.query(f"SELECT COUNT(*) AS n FROM people p WHERE {where}", values)  # noqa: S608
    return int(rows[0]["n"])


def cut_people(
    db: Database, viewer: Viewer, query: PeopleQuery, offset: int, limit: int
) -> list[ExportedPerson]:
    """Some of them, in the order of their last change."""
    where, values = _where(viewer, query)
    stretch = f"{where} ORDER BY {CHANGED}, p.id LIMIT :limit OFFSET :offset"
    return _read(db, stretch, {**values, "limit": limit, "offset": offset})


def find_person(db: Database, viewer: Viewer, person_id: str) -> ExportedPerson:
    """The person with that id, if the viewer knows them."""
    found = cut_people(db, viewer, PeopleQuery(ids=[person_id]), 0, 1)
    if not found:
        raise NotFound("person.not_found", email="")
    return found[0]


def find_self(db: Database, viewer: Viewer) -> ExportedPerson:
    """The viewer's own account."""
    return _read(db, "p.erased_at IS NULL AND p.id = :id", {"id": viewer.person_id})[0]


def _read(db: Database, condition: str, values: Values) -> list[ExportedPerson]:
    rows = db.query(
        f"""
        SELECT p.id, p.email, p.name, p.role, p.language, p.time_zone, p.created_at,
               {CHANGED} AS updated_at, p.disabled_at IS NOT NULL AS is_disabled,
               (SELECT MIN(m.organisation_id) FROM memberships m WHERE m.person_id = p.id)
                 AS organisation_id
        FROM people p WHERE {condition}
        """,  # noqa: S608 (constants of this module)
        values,
    )
    return [ExportedPerson(**{**row, "is_disabled": bool(row["is_disabled"])}) for row in rows]


def list_organisations(
    db: Database, viewer: Viewer, *, since: str = "", ids: Sequence[str] | None = None
) -> list[ExportedOrganisation]:
    """Those that came from a moment on, the first first; for agents, who read their requests."""
    only_agents(viewer)
    places, values = one_of("organisation", ids or ())
    condition = "" if ids is None else f"AND o.id IN ({places})"
    rows = db.query(
        f"""
        SELECT o.id, o.slug, o.name, o.sharing = 'everyone' AS is_shared, o.created_at
        FROM organisations o WHERE o.created_at >= :since {condition}
        ORDER BY o.created_at, o.id
        """,  # noqa: S608 (names of parameters)
        {**values, "since": since},
    )
    return [ExportedOrganisation(**{**row, "is_shared": bool(row["is_shared"])}) for row in rows]


def _where(viewer: Viewer, query: PeopleQuery) -> tuple[str, Values]:
    only_agents(viewer)
    places, ids = one_of("person", query.ids or ())
    conditions = [KNOWN, f"{CHANGED} >= :since", "(:email = '' OR p.email = :email)"]
    if query.after != ("", ""):
        conditions.append(f"({CHANGED} > :moment OR {CHANGED} = :moment AND p.id > :after)")
        ids |= {"moment": query.after[0], "after": query.after[1]}
    if query.ids is not None:
        conditions.append(f"p.id IN ({places})")
    values = {"everybody": int(viewer.is_administrator), "since": query.since, "email": query.email}
    return " AND ".join(conditions), {**values, **ids}
