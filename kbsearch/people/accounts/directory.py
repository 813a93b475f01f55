"""The directory of people, for those who let them in.

Administrators see everybody and decide everything. Agents see the customers: they open accounts
for them and send invitations. For anybody else there is no directory.
"""

from dataclasses import dataclass
from typing import Literal

from kbsearch import audit, people
from kbsearch.access import Viewer, only_agents
from kbsearch.database import Database
from kbsearch.errors import NotFound
from kbsearch.people import Person, PersonFields, only_deciders, undeliverable
from kbsearch.people.accounts import choosing, passkeys, second_factor, sessions
from kbsearch.text import name_search

AccountState = Literal["open", "closed"]
PAGE_LENGTH = 50
CONDITIONS = """
    (LOWER(p.name) LIKE :pattern OR p.email LIKE :pattern)
    AND p.erased_at IS NULL AND (:everybody = 1 OR p.role = 'customer')
    AND (:role IS NULL OR p.role = :role)
    AND (:state IS NULL OR (p.disabled_at IS NULL) = (:state = 'open'))
    AND (:organisation IS NULL OR EXISTS (
      SELECT 1 FROM memberships m JOIN organisations o ON o.id = m.organisation_id
      WHERE m.person_id = p.id AND o.slug = :organisation))
"""


@dataclass(frozen=True)
class PeopleFilter:
    """Whom to look for; organisation by slug."""

    text: str = ""
    role: str | None = None
    organisation: str | None = None
    state: AccountState | None = None
    page: int = 1


@dataclass(frozen=True)
class PeoplePage:
    """Those of one page, by name, and how many there are in all."""

    people: tuple[Person, ...]
    total: int

    @property
    def last(self) -> int:
        return max(1, -(-self.total // PAGE_LENGTH))


def search(db: Database, viewer: Viewer, filters: PeopleFilter) -> PeoplePage:
    """The people whose name or address holds a text, narrowed down by the rest of the filter."""
    only_agents(viewer)
    start = (filters.page - 1) * PAGE_LENGTH
    if filters.text.strip():
        ids = _holding(db, viewer, filters, "LOWER(p.name), p.email")
        count, ids = len(ids), ids[start : start + PAGE_LENGTH]
    else:
        values = _values(viewer, filters)
        where = f"FROM people p WHERE {CONDITIONS}"
        count = db.query(f"SELECT COUNT(*) AS n {where}", values)[0]["n"]
        rows = db.query(
            f"SELECT p.id {where} ORDER BY LOWER(p.name), p.email LIMIT :limit OFFSET :start",
            {**values, "limit": PAGE_LENGTH, "start": start},
        )
        ids = [row["id"] for row in rows]
    by_id = {person.id: person for person in people.find_all(db, ids)}
    return PeoplePage(tuple(by_id[id] for id in ids), count)


def list_after(
    db: Database, viewer: Viewer, filters: PeopleFilter, email: str, limit: int
) -> list[Person]:
    """Those of a filter whose address comes after one, in the order of addresses."""
    only_agents(viewer)
    if filters.text.strip():
        ids = _holding(db, viewer, filters, "p.email", email)[:limit]
        return people.find_all(db, ids)
    rows = db.query(
        f"""
        SELECT p.id FROM people p WHERE {CONDITIONS} AND p.email > :email
        ORDER BY p.email LIMIT :limit
        """,  # noqa: S608 (a constant)
        {**_values(viewer, filters), "email": email, "limit": limit},
    )
    return people.find_all(db, [row["id"] for row in rows])


def find(db: Database, viewer: Viewer, person_id: str) -> Person:
    """The person with that id, if the viewer sees them."""
    only_agents(viewer)
    person = people.find_id(db, person_id)
    if person.role != "customer" and not viewer.is_administrator:
        raise NotFound("person.not_found", email="")
    return person


def add(db: Database, viewer: Viewer, fields: PersonFields, *, invited: bool = False) -> Person:
    """Open an account, and ask for the invitation in the same transaction."""
    with db.atomic():
        person = people.add(db, viewer, fields)
        if invited:
            choosing.invite(db, viewer, person)
    return person


def end_sessions(db: Database, viewer: Viewer, person: Person) -> None:
    """Sign somebody out everywhere."""
    only_deciders(viewer)
    with db.atomic():
        sessions.end_other_sessions(db, person.id)
        _note(db, viewer, "sessions.ended", person)


def reset_second_factor(db: Database, viewer: Viewer, person: Person) -> bool:
    """Take a lost authenticator and all passkeys away, and sign out: another one is set up then.

    Whether there was one of either.
    """
    only_deciders(viewer)
    with db.atomic():
        has_lost = second_factor.remove_totp(db, person.id)
        has_lost = bool(passkeys.remove_all(db, person.id)) or has_lost
        sessions.end_other_sessions(db, person.id)
        _note(db, viewer, "second_factor.reset", person)
    return has_lost


def reach_again(db: Database, viewer: Viewer, person: Person) -> None:
    """Mail somebody again whose address was known for not being reached."""
    only_agents(viewer)
    undeliverable.clear(db, person.id, actor_id=viewer.person_id)


def _holding(
    db: Database, viewer: Viewer, filters: PeopleFilter, order: str, email: str = ""
) -> list[str]:
    """The ids of those whose name or address holds the text, in an order, after an address."""
    rows = db.query(
        f"""
        SELECT p.id, p.name, p.email FROM people p WHERE {CONDITIONS} AND p.email > :email
        ORDER BY {order}
        """,  # noqa: S608 (constants)
        {**_values(viewer, filters), "email": email},
    )
    text = filters.text.strip()
    return [row["id"] for row in rows if name_search.holds(text, row["name"], row["email"])]


def _values(viewer: Viewer, filters: PeopleFilter) -> dict[str, object]:
    return {
        "pattern": name_search.like_pattern(filters.text.strip()),
        "everybody": int(viewer.is_administrator),
        "role": filters.role,
        "state": filters.state,
        "organisation": filters.organisation,
    }


def _note(db: Database, viewer: Viewer, kind: str, person: Person) -> None:
    """Who did it, and what the account is from then on."""
    it = people.find_id(db, person.id)
    audit.act(
        db,
        viewer,
        kind,
        person_id=it.id,
        role=it.role,
        organisations=", ".join(it.organisations),
    )
