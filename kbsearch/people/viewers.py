"""The viewer that a person is: their role, their organisations, and what their contracts cover."""

from kbsearch import access, people
from kbsearch.access import DeskLimits, Viewer
from kbsearch.clock import utc_now
from kbsearch.database import Database, Row
from kbsearch.errors import NotFound

# Of `MEMBERSHIPS`: what a viewer is made of; a row for each organisation, product and limit.
COLUMNS = """
    p.id, p.email, p.name, p.role, p.language, p.single_keys, p.time_zone,
    o.slug AS organisation, pr.slug AS product,
    lt.team_id AS limit_team, lp.product_id AS limit_product
"""
# A contract opens the products it covers between its dates; colleagues stay colleagues after it.
MEMBERSHIPS = """
    LEFT JOIN memberships m ON m.person_id = p.id
    LEFT JOIN organisations o ON o.id = m.organisation_id
    LEFT JOIN organisation_products op ON op.organisation_id = o.id
      AND COALESCE(o.contract_starts, :today) <= :today
      AND COALESCE(o.contract_ends, :today) >= :today
    LEFT JOIN products pr ON pr.id = op.product_id
    LEFT JOIN agent_teams lt ON lt.person_id = p.id AND p.role = 'agent'
    LEFT JOIN agent_products lp ON lp.person_id = p.id AND p.role = 'agent'
"""


def find(db: Database, email: str) -> Viewer:
    """The viewer that a person is, for commands run on their behalf."""
    rows = db.query(
        f"""
        SELECT {COLUMNS} FROM people p
        {MEMBERSHIPS}
        WHERE p.email = :email AND p.disabled_at IS NULL
        """,  # noqa: S608 (a constant)
        {"email": people.fold_email(email), "today": utc_now().date().isoformat()},
    )
    if not rows:
        raise NotFound("person.not_found", email=email)
    return from_rows(rows)


def from_rows(rows: list[Row], *, via: str = "") -> Viewer:
    """One row for each organisation and product of the person."""
    person = rows[0]
    organisations = sorted({row["organisation"] for row in rows} - {None})
    products = sorted({row["product"] for row in rows} - {None})
    limits = DeskLimits(
        tuple(sorted({row["limit_team"] for row in rows} - {None})),
        tuple(sorted({row["limit_product"] for row in rows} - {None})),
    )
    return Viewer(
        role=person["role"],
        person_id=person["id"],
        name=person["name"],
        email=person["email"],
        language=person["language"],
        single_keys=bool(person["single_keys"]),
        time_zone=person["time_zone"],
        organisations=tuple(organisations),
        products=tuple(products),
        principals=access.principals(person["role"], person["id"], organisations, products, limits),
        via=via,
        limits=limits,
    )
