"""People: who they are, their role, the organisations they belong to."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kbsearch import access, revisions
from kbsearch.access import Role
from kbsearch.clock import now
from kbsearch.config import LANGUAGES
from kbsearch.database import Database, Row, Values, new_id, one_of
from kbsearch.errors import Invalid, NotFound
from kbsearch.text.normal_form import nfc
from kbsearch.tickets import readers

MAX_EMAIL = 254
MAX_NAME = 200
_PART = r"[^@\s\x00-\x1f\x7f<>,;:\"()\[\]\\\ud800-\udfff]+"
ADDRESS = re.compile(f"{_PART}@{_PART}")


@dataclass(frozen=True)
class Person:
    """Somebody with an account; organisations by slug."""

    id: str
    email: str
    name: str
    role: Role
    language: str | None
    organisations: tuple[str, ...]
    created_at: str
    disabled_at: str | None
    time_zone: str | None = None


def add(
    db: Database,
    *,
    email: str,
    name: str,
    role: str = "customer",
    organisations: Iterable[str] = (),
    language: str | None = None,
) -> Person:
    """Open an account. Past tickets that carry its address become its own."""
    address = fold_email(email)
    person_id = new_id()
    checked = _checked(name=name, role=role, language=language)
    with db.atomic():
        if db.query("SELECT 1 FROM people WHERE email = :email", {"email": address}):
            raise Invalid("person.email_taken", email=address)
        identity = {"id": person_id, "email": address, "created_at": now()}
        db.insert("people", {**identity, **checked})
        _join(db, person_id, organisations)
        readers.adopt(db, [address])
    return find(db, address)


def edit(
    db: Database,
    person: Person,
    *,
    name: str | None = None,
    role: str | None = None,
    language: str | None = None,
    organisations: Iterable[str] | None = None,
    revision: str | None = None,
) -> Person:
    """Change what is given; an empty language takes it away.

    Another role ends the sessions opened under the old one. Raises Outdated when they are not as a
    page showed them at that revision.
    """
    values = {"name": name, "role": role, "language": language}
    organisations = None if organisations is None else tuple(organisations)
    with db.atomic():
        edited = {**values, "organisations": revisions.several(organisations)}
        revisions.check(revision, texts(find_id(db, person.id)), edited)
        if role not in (None, "administrator"):
            _keep_an_administrator(db, person)
        for column, value in _checked(**{k: v for k, v in values.items() if v is not None}).items():
            db.execute(
                f"UPDATE people SET {column} = :value WHERE id = :id",  # noqa: S608 (a name above)
                {"value": value, "id": person.id},
            )
        if role is not None and role != person.role:
            _shut_out(db, person)
        if organisations is not None:
            former = set(person.organisations) - set(organisations)
            db.execute("DELETE FROM memberships WHERE person_id = :id", {"id": person.id})
            _join(db, person.id, organisations)
            readers.leave_organisations(db, person.id, sorted(former), now())
    return find(db, person.email)


def texts(person: Person) -> dict[str, str]:
    """What can be edited of a person, as their form shows it."""
    return {
        "name": person.name,
        "role": person.role,
        "language": person.language or "",
        "organisations": "\n".join(sorted(person.organisations)),
    }


def disable(db: Database, person: Person) -> Person:
    """Close the account: its sessions and links end at once, its past stays."""
    with db.atomic():
        _keep_an_administrator(db, person)
        db.execute(
            "UPDATE people SET disabled_at = :now WHERE id = :id AND disabled_at IS NULL",
            {"now": now(), "id": person.id},
        )
        _shut_out(db, person)
    return find(db, person.email)


def enable(db: Database, person: Person) -> Person:
    """Open a closed account again."""
    db.execute("UPDATE people SET disabled_at = NULL WHERE id = :id", {"id": person.id})
    return find(db, person.email)


def find(db: Database, email: str) -> Person:
    """The person with that address, in whatever case it is typed."""
    people = _read(db, "p.email = :email", {"email": fold_email(email)})
    if not people:
        raise NotFound("person.not_found", email=email)
    return people[0]


def find_id(db: Database, person_id: str) -> Person:
    """The person with that id."""
    people = _read(db, "p.id = :id", {"id": person_id})
    if not people:
        raise NotFound("person.not_found", email="")
    return people[0]


def list_names(db: Database) -> list[str]:
    """The names of everybody, also of those whose account is closed."""
    return [str(row["name"]) for row in db.query("SELECT DISTINCT name FROM people")]


def list_all(
    db: Database, *, organisation: str | None = None, role: str | None = None
) -> list[Person]:
    """Everybody by address, or the people of one organisation or role."""
    members = """
        EXISTS (SELECT 1 FROM memberships n JOIN organisations g ON g.id = n.organisation_id
                WHERE n.person_id = p.id AND g.slug = :organisation)
    """
    condition = f"""
        p.erased_at IS NULL AND (:role IS NULL OR p.role = :role)
        AND (:organisation IS NULL OR {members})
    """
    return _read(db, condition, {"role": role, "organisation": organisation})


def list_answering(db: Database) -> list[tuple[str, str]]:
    """Those who may look after a request, id and name, by name."""
    rows = db.query(
        """
        SELECT id, name FROM people
        WHERE role IN ('agent', 'administrator') AND disabled_at IS NULL AND erased_at IS NULL
        """
    )
    answering = [(row["id"], row["name"]) for row in rows]
    return sorted(answering, key=lambda person: person[1].casefold())


def find_all(db: Database, ids: Sequence[str]) -> list[Person]:
    """The people with those ids, by address."""
    places, values = one_of("id", ids)
    return _read(db, f"p.id IN ({places})", values)


def fold_email(text: str) -> str:
    """An address as it is stored and compared: NFC, lower case, no space around."""
    address = nfc(nfc(text).strip().lower())
    if len(address) > MAX_EMAIL or not ADDRESS.fullmatch(address):
        raise Invalid("person.email_invalid", email=text[:MAX_EMAIL])
    return address


def _read(db: Database, condition: str, values: Values) -> list[Person]:
    rows = db.query(
        f"""
        SELECT p.id, p.email, p.name, p.role, p.language, p.created_at, p.disabled_at,
               p.time_zone, o.slug AS organisation
        FROM people p
        LEFT JOIN memberships m ON m.person_id = p.id
        LEFT JOIN organisations o ON o.id = m.organisation_id
        WHERE {condition} ORDER BY p.email, o.slug
        """,  # noqa: S608 (conditions are constants of this module)
        values,
    )
    people: dict[str, tuple[Row, list[str]]] = {}
    for row in rows:
        organisation = row.pop("organisation")
        slugs = people.setdefault(row["id"], (row, []))[1]
        slugs += [organisation] if organisation else []
    return [Person(**row, organisations=tuple(slugs)) for row, slugs in people.values()]


def _checked(**values: str | None) -> dict[str, str | None]:
    if "name" in values:
        name = " ".join((values["name"] or "").split())
        if not name or len(name) > MAX_NAME or not name.isprintable():
            raise Invalid("person.name_invalid", limit=MAX_NAME)
        values["name"] = name
    if "role" in values and values["role"] not in access.ROLES:
        raise Invalid("person.role_unknown", role=values["role"], roles=", ".join(access.ROLES))
    if values.get("language") and values["language"] not in LANGUAGES:
        raise Invalid(
            "person.language_unknown", language=values["language"], languages=", ".join(LANGUAGES)
        )
    if "language" in values:
        values["language"] = values["language"] or None
    return values


def _join(db: Database, person_id: str, organisations: Iterable[str]) -> None:
    slugs = sorted(set(organisations))
    places, values = one_of("slug", slugs)
    rows = db.query(f"SELECT id, slug FROM organisations WHERE slug IN ({places})", values)  # noqa: S608
    missing = set(slugs) - {row["slug"] for row in rows}
    if missing:
        raise NotFound("organisation.not_found", slug=min(missing))
    db.insert_many(
        "memberships", [{"person_id": person_id, "organisation_id": row["id"]} for row in rows]
    )


def _keep_an_administrator(db: Database, person: Person) -> None:
    """Somebody must be left who can let people in."""
    administrators = db.query(
        """
        SELECT 1 FROM people WHERE role = 'administrator' AND disabled_at IS NULL AND id <> :id
        LIMIT 1
        """,
        {"id": person.id},
    )
    if person.role == "administrator" and not person.disabled_at and not administrators:
        raise Invalid("person.last_administrator", email=person.email)


def _shut_out(db: Database, person: Person) -> None:
    db.execute("DELETE FROM sessions WHERE person_id = :id", {"id": person.id})
    db.execute("DELETE FROM pending_sign_ins WHERE person_id = :id", {"id": person.id})
    db.execute("DELETE FROM tokens WHERE person_id = :id AND used_at IS NULL", {"id": person.id})
