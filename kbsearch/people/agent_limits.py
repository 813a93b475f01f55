"""Which requests an agent is limited to: those of some teams or products, as administrators say.

Of any other role a limit says nothing; it counts again when its person is an agent again.
"""

from dataclasses import dataclass

from kbsearch import audit, people, revisions
from kbsearch.access import Viewer
from kbsearch.database import Database, one_of
from kbsearch.errors import Invalid
from kbsearch.people import Person


@dataclass(frozen=True)
class AgentLimits:
    """Ids of teams and slugs of products, sorted; none of either is no limit."""

    teams: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


def find(db: Database, viewer: Viewer, person: Person) -> AgentLimits:
    """What somebody is limited to; for administrators."""
    people.only_deciders(viewer)
    values = {"id": person.id}
    teams = db.query("SELECT team_id FROM agent_teams WHERE person_id = :id ORDER BY 1", values)
    products = db.query(
        """
        SELECT p.slug FROM agent_products l JOIN products p ON p.id = l.product_id
        WHERE l.person_id = :id ORDER BY p.slug
        """,
        values,
    )
    return AgentLimits(
        tuple(row["team_id"] for row in teams), tuple(row["slug"] for row in products)
    )


def edit(
    db: Database,
    viewer: Viewer,
    person: Person,
    limits: AgentLimits,
    *,
    revision: str | None = None,
) -> None:
    """Limit an agent to these, from their next request on; raises Invalid for any other role.

    Raises Outdated when they are not as a page showed them at that revision.
    """
    people.only_deciders(viewer)
    with db.atomic():
        before = texts(find(db, viewer, person))
        after = texts(limits)
        revisions.check(revision, before, after)
        if people.find_id(db, person.id).role != "agent":
            raise Invalid("person.limits_of_agents")
        team_ids, product_ids = _team_ids(db, limits), _product_ids(db, limits)
        for table in ("agent_teams", "agent_products"):
            db.execute(f"DELETE FROM {table} WHERE person_id = :id", {"id": person.id})  # noqa: S608
        db.insert_many("agent_teams", [{"person_id": person.id, "team_id": id} for id in team_ids])
        db.insert_many(
            "agent_products", [{"person_id": person.id, "product_id": id} for id in product_ids]
        )
        old, new = audit.differences(_named(db, before), _named(db, after))
        if new:
            audit.act(db, viewer, "person.limited", person_id=person.id, before=old, after=new)


def texts(limits: AgentLimits) -> dict[str, str]:
    """Limits as their form shows them."""
    return {
        "limit_teams": "\n".join(sorted(set(limits.teams))),
        "limit_products": "\n".join(sorted(set(limits.products))),
    }


def _team_ids(db: Database, limits: AgentLimits) -> list[str]:
    places, values = one_of("team", sorted(set(limits.teams)))
    rows = db.query(f"SELECT id FROM teams WHERE id IN ({places})", values)  # noqa: S608
    if len(rows) < len(values):
        raise Invalid("person.limit_team_unknown")
    return [row["id"] for row in rows]


def _product_ids(db: Database, limits: AgentLimits) -> list[str]:
    places, values = one_of("slug", sorted(set(limits.products)))
    rows = db.query(f"SELECT id FROM products WHERE slug IN ({places})", values)  # noqa: S608
    if len(rows) < len(values):
        raise Invalid("person.limit_product_unknown")
    return [row["id"] for row in rows]


def _named(db: Database, limits: dict[str, str]) -> dict[str, str]:
    """The same for the security log: teams by their names."""
    names = {row["id"]: row["name"] for row in db.query("SELECT id, name FROM teams")}
    teams = (names.get(line, line) for line in limits["limit_teams"].split("\n"))
    return {**limits, "limit_teams": "\n".join(sorted(teams))}
