"""Teams: those who answer, in groups that requests belong to; customers do not see them.

A team looks after products, or after what no other team does. One that is archived gets nothing
new and keeps what it has; none is ever deleted.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from kbsearch import access, audit, revisions
from kbsearch.access import Viewer
from kbsearch.clock import now, utc_now
from kbsearch.database import Database, Row, Values, new_id, one_of
from kbsearch.errors import Invalid, NotFound
from kbsearch.team_tables import TeamTable
from kbsearch.tickets.codes import IS_UNDER_WAY

Way = Literal["in_turn", "least_busy"]
WAYS: tuple[Way, ...] = get_args(Way)
MAX_NAME = 60
MOST = 100
# Of people `p`: may look after a request.
ANSWERS = "p.role IN ('agent', 'administrator') AND p.disabled_at IS NULL AND p.erased_at IS NULL"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Team:
    """A team; `way` is how the next of it is chosen. Without products: what no other team does."""

    id: str
    name: str
    way: Way
    archived_at: str | None
    members: tuple[str, ...] = ()  # ids of those who answer, by name
    products: tuple[str, ...] = ()  # slugs


@dataclass(frozen=True)
class TeamFields:
    """What can be said of a team: None leaves it; members and products are replaced as a whole."""

    name: str | None = None
    way: str | None = None
    members: Iterable[str] | None = None
    products: Iterable[str] | None = None


def add(db: Database, viewer: Viewer, fields: TeamFields) -> Team:
    """Have one more team; what is not said of it is the usual."""
    access.only_administrators(viewer)
    nameless = Team(new_id(), "", "in_turn", None)
    with db.atomic():
        if db.query("SELECT COUNT(*) AS n FROM teams")[0]["n"] >= MOST:
            raise Invalid("team.too_many", limit=MOST)
        columns = _columns(db, nameless, fields, name=fields.name or "")
        db.insert("teams", {**columns, "created_at": now()})
        _put(db, nameless, fields)
        added = find(db, viewer, nameless.id)
        audit.change(db, viewer, "team.added", added.name, {}, texts(added))
    return added


def edit(
    db: Database, viewer: Viewer, team: Team, fields: TeamFields, *, revision: str | None = None
) -> Team:
    """Change what is given; raises Outdated when it is not as a page showed it at that revision."""
    access.only_administrators(viewer)
    edited = {
        "name": fields.name,
        "way": fields.way,
        "members": revisions.several(fields.members),
        "products": revisions.several(fields.products),
    }
    with db.atomic():
        old = find(db, viewer, team.id)
        revisions.check(revision, texts(old), edited)
        db.execute(
            "UPDATE teams SET name = :name, name_key = :name_key, way = :way WHERE id = :id",
            _columns(db, old, fields, name=old.name if fields.name is None else fields.name),
        )
        _put(db, old, fields)
        new = find(db, viewer, old.id)
        audit.change(db, viewer, "team.changed", new.name, texts(old), texts(new))
    return new


def archive(db: Database, viewer: Viewer, team: Team) -> Team:
    """Give it nothing new any more."""
    return _changed(db, viewer, "team.archived", team, now())


def restore(db: Database, viewer: Viewer, team: Team) -> Team:
    """Have it again, as it was."""
    return _changed(db, viewer, "team.restored", team, None)


def texts(team: Team) -> dict[str, str]:
    """What can be edited of a team, as its form shows it."""
    return {
        "name": team.name,
        "way": team.way,
        "members": "\n".join(sorted(team.members)),
        "products": "\n".join(sorted(team.products)),
        "archived_at": team.archived_at or "",
    }


def find(db: Database, viewer: Viewer, team_id: str) -> Team:
    """The team with that id; for those who answer."""
    return _one(_read(db, viewer, "t.id = :value", {"value": team_id}))


def find_name(db: Database, viewer: Viewer, name: str) -> Team:
    """The team of that name, whatever its case."""
    return _one(_read(db, viewer, "t.name_key = :value", {"value": key_of(name)}))


def list_all(db: Database, viewer: Viewer) -> list[Team]:
    """Every team by name, also those that are archived; for those who answer."""
    return _read(db, viewer, "1 = 1", {})


def list_active(db: Database, viewer: Viewer) -> list[Team]:
    """The teams that may get a request, by name."""
    return _read(db, viewer, "t.archived_at IS NULL", {})


def list_mine(db: Database, viewer: Viewer) -> list[Team]:
    """Those of them that the viewer is of."""
    return [team for team in list_active(db, viewer) if viewer.person_id in team.members]


def sole(db: Database, product_id: str | None) -> str | None:
    """The id of the one team that looks after a product; None where none or several do."""
    ids = _responsible(db, product_id)
    return ids[0] if len(ids) == 1 else None


def informed(db: Database, team_id: str | None, product_id: str | None) -> list[str]:
    """The ids of those who are told of a request: of its team, else of those of its product.

    Everybody who answers, where nobody in these teams does.
    """
    active = db.query(
        "SELECT 1 FROM teams WHERE id = :id AND archived_at IS NULL", {"id": team_id or ""}
    )
    ids = [team_id] if active else _responsible(db, product_id)
    places, values = one_of("team", ids)
    members = db.query(
        f"""
        SELECT DISTINCT p.id FROM people p JOIN team_members m ON m.person_id = p.id
        WHERE m.team_id IN ({places}) AND {ANSWERS}
        """,  # noqa: S608 (constants, names of parameters)
        values,
    )
    rows = members or db.query(f"SELECT p.id FROM people p WHERE {ANSWERS}")  # noqa: S608
    return [row["id"] for row in rows]


def next_one(
    db: Database, viewer: Viewer, team: Team, *, but: str | None = None, at: datetime | None = None
) -> str | None:
    """The id of who of a team comes next; None where nobody is free.

    Whoever is away is passed over, and `but`.
    """
    access.only_agents(viewer)
    busy = f"""
        (SELECT COUNT(*) FROM tickets t WHERE t.assignee_id = p.id AND {IS_UNDER_WAY})
    """  # noqa: S608 (a constant)
    first = f"{busy}, " if team.way == "least_busy" else ""
    rows = db.query(
        f"""
        SELECT p.id FROM team_members m JOIN people p ON p.id = m.person_id
        WHERE m.team_id = :team AND {ANSWERS} AND p.id <> :but
          AND (p.away_until IS NULL OR p.away_until <= :today)
        ORDER BY {first} m.turn, LOWER(p.name), p.id LIMIT 1
        """,  # noqa: S608 (constants)
        {"team": team.id, "but": but or "", "today": (at or utc_now()).date().isoformat()},
    )
    return str(rows[0]["id"]) if rows else None


def take_turn(
    db: Database, viewer: Viewer, team: Team, *, but: str | None = None, at: datetime | None = None
) -> str | None:
    """The same, and it was their turn then; call it in the transaction that gives the request."""
    person_id = next_one(db, viewer, team, but=but, at=at)
    if person_id is not None:
        db.execute(
            """
            UPDATE team_members
            SET turn = 1 + (SELECT MAX(m.turn) FROM team_members m WHERE m.team_id = :team)
            WHERE team_id = :team AND person_id = :person
            """,
            {"team": team.id, "person": person_id},
        )
    return person_id


def list_away(db: Database, viewer: Viewer, *, at: datetime | None = None) -> dict[str, str]:
    """The days on which those who are away are back, by their ids; for those who answer."""
    access.only_agents(viewer)
    rows = db.query(
        f"SELECT p.id, p.away_until FROM people p WHERE {ANSWERS} AND p.away_until > :today",  # noqa: S608
        {"today": (at or utc_now()).date().isoformat()},
    )
    return {row["id"]: row["away_until"] for row in rows}


def take_over(db: Database, viewer: Viewer, tables: Sequence[TeamTable]) -> list[Team]:
    """Make teams of the tables of a settings file, where there has been none; those that it made.

    It waits until each can stand; agents who are not known yet are then left out.
    """
    if not tables or _exists(db):
        return []
    agents, slugs = _known(db)
    with db.atomic():
        if _exists(db) or not all(_can_stand(table, agents, slugs) for table in tables):
            return []
        added = []
        for table in tables:
            members = [agents[email] for email in table.agents if email in agents]
            fields = TeamFields(table.name, None, members, table.products)
            added.append(add(db, viewer, fields))
            log.warning("team %s is taken over from the settings: /admin/teams", table.name)
    return added


def unknown(db: Database, tables: Sequence[TeamTable]) -> list[str]:
    """What tables of a settings file name that is not here: addresses of agents, products."""
    agents, slugs = _known(db)
    named = {email for table in tables for email in table.agents} - agents.keys()
    return sorted(named | ({slug for table in tables for slug in table.products} - slugs))


def _known(db: Database) -> tuple[dict[str, str], set[str]]:
    """The ids of those who answer by their addresses, and the slugs of products."""
    people = db.query(f"SELECT p.id, p.email FROM people p WHERE {ANSWERS}")  # noqa: S608
    products = db.query("SELECT slug FROM products")
    return {row["email"]: row["id"] for row in people}, {row["slug"] for row in products}


def _can_stand(table: TeamTable, agents: dict[str, str], slugs: set[str]) -> bool:
    return any(email in agents for email in table.agents) and slugs.issuperset(table.products)


def _exists(db: Database) -> bool:
    return bool(db.query("SELECT 1 FROM teams LIMIT 1"))


def _responsible(db: Database, product_id: str | None) -> list[str]:
    """The ids of the teams that look after a product, else of those that have none."""
    theirs = "SELECT 1 FROM team_products p WHERE p.team_id = t.id"
    rows = db.query(
        f"""
        SELECT t.id FROM teams t
        WHERE t.archived_at IS NULL AND EXISTS ({theirs} AND p.product_id = :product)
        """,  # noqa: S608 (a constant)
        {"product": product_id or ""},
    ) or db.query(
        f"SELECT t.id FROM teams t WHERE t.archived_at IS NULL AND NOT EXISTS ({theirs})"  # noqa: S608
    )
    return [row["id"] for row in rows]


def _read(db: Database, viewer: Viewer, condition: str, values: Values) -> list[Team]:
    access.only_agents(viewer, "team.not_found")
    rows = db.query(
        f"SELECT t.id, t.name, t.way, t.archived_at FROM teams t WHERE {condition}",  # noqa: S608
        values,
    )
    members = _by_team(
        db.query(
            f"""
            SELECT m.team_id, p.id AS item FROM team_members m
            JOIN people p ON p.id = m.person_id JOIN teams t ON t.id = m.team_id
            WHERE {condition} AND {ANSWERS} ORDER BY LOWER(p.name), p.id
            """,  # noqa: S608 (constants)
            values,
        )
    )
    products = _by_team(
        db.query(
            f"""
            SELECT l.team_id, p.slug AS item FROM team_products l
            JOIN products p ON p.id = l.product_id JOIN teams t ON t.id = l.team_id
            WHERE {condition} ORDER BY p.slug
            """,  # noqa: S608 (constants)
            values,
        )
    )
    teams = [
        Team(**row, members=members.get(row["id"], ()), products=products.get(row["id"], ()))
        for row in rows
    ]
    return sorted(teams, key=lambda team: team.name.casefold())


def _by_team(rows: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    items: dict[str, tuple[str, ...]] = {}
    for row in rows:
        items[row["team_id"]] = (*items.get(row["team_id"], ()), row["item"])
    return items


def _one(teams: list[Team]) -> Team:
    if not teams:
        raise NotFound("team.not_found")
    return teams[0]


def _changed(db: Database, viewer: Viewer, kind: str, team: Team, at: str | None) -> Team:
    """The team once it is archived since a moment, or not at all."""
    access.only_administrators(viewer)
    with db.atomic():
        old = find(db, viewer, team.id)
        if bool(old.archived_at) == bool(at):
            return old
        db.execute("UPDATE teams SET archived_at = :at WHERE id = :id", {"at": at, "id": old.id})
        new = find(db, viewer, old.id)
        audit.change(db, viewer, kind, new.name, texts(old), texts(new))
    return new


def _columns(db: Database, old: Team, fields: TeamFields, *, name: str) -> Row:
    """The columns of a team once what is given of it is changed."""
    clean_name = " ".join(name.split())
    if not clean_name or len(clean_name) > MAX_NAME or not clean_name.isprintable():
        raise Invalid("team.name_invalid", limit=MAX_NAME)
    row = {"id": old.id, "name": clean_name, "name_key": key_of(clean_name)}
    if db.query("SELECT 1 FROM teams WHERE name_key = :name_key AND id <> :id", row):
        raise Invalid("team.name_taken", name=clean_name)
    way = old.way if fields.way is None else fields.way
    if way not in WAYS:
        raise Invalid("team.way_unknown", way=way[:MAX_NAME])
    return {**row, "way": way}


def _put(db: Database, team: Team, fields: TeamFields) -> None:
    """Replace members and products where they are given; those who stay keep their turn."""
    if fields.members is not None:
        ids = sorted(set(fields.members))
        places, values = one_of("person", ids)
        answering = db.query(
            f"SELECT p.id FROM people p WHERE p.id IN ({places}) AND {ANSWERS}",  # noqa: S608
            values,
        )
        if len(answering) < len(ids):
            raise Invalid("team.member_unknown")
        places, values = one_of("person", sorted(set(team.members) - set(ids)))
        db.execute(
            f"DELETE FROM team_members WHERE team_id = :team AND person_id IN ({places})",  # noqa: S608
            {"team": team.id, **values},
        )
        new = sorted(set(ids) - set(team.members))
        db.insert_many("team_members", [{"team_id": team.id, "person_id": id} for id in new])
    if fields.products is not None:
        slugs = sorted(set(fields.products))
        places, values = one_of("slug", slugs)
        rows = db.query(f"SELECT id FROM products WHERE slug IN ({places})", values)  # noqa: S608
        if len(rows) < len(slugs):
            raise Invalid("team.product_unknown")
        db.execute("DELETE FROM team_products WHERE team_id = :team", {"team": team.id})
        db.insert_many(
            "team_products", [{"team_id": team.id, "product_id": row["id"]} for row in rows]
        )


def key_of(name: str) -> str:
    """What names are compared by."""
    return " ".join(name.split()).casefold()
