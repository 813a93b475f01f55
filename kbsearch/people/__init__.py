"""People: who they are, their role, the organisations they belong to."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kbsearch import access, audit, revisions
from kbsearch.access import Role, Viewer, only_agents
from kbsearch.clock import now
from kbsearch.config import LANGUAGES
from kbsearch.database import Database, Row, Values, new_id, one_of
from kbsearch.errors import Forbidden, Invalid, NotFound
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


@dataclass(frozen=True)
class PersonFields:
    """What can be said of a person: None leaves it, an empty language goes away.

    An address is given once, with the account. Organisations, by slug, are replaced as a whole.
    """

    name: str | None = None
    email: str = ""
    role: str | None = None
    organisations: Iterable[str] | None = None
    language: str | None = None


def add(db: Database, viewer: Viewer, fields: PersonFields) -> Person:
    """Open an account: agents do for customers, administrators for everybody.

    Past tickets that carry its address become its own.
    """
    role = fields.role or "customer"
    only_agents(viewer)
    if role != "customer":
        only_deciders(viewer)
    address = fold_email(fields.email)
    person_id = new_id()
    row = {
        "id": person_id,
        "email": address,
        "name": checked_name(fields.name or ""),
        "role": _checked_role(role),
        "language": checked_language(fields.language),
        "created_at": now(),
    }
    with db.atomic():
        if db.query("SELECT 1 FROM people WHERE email = :email", {"email": address}):
            raise Invalid("person.email_taken", email=address)
        db.insert("people", row)
        _join(db, person_id, fields.organisations or ())
        readers.adopt(db, [address])
        return _changed(db, viewer, "person.added", None, person_id)


def edit(
    db: Database,
    viewer: Viewer,
    person: Person,
    fields: PersonFields,
    *,
    revision: str | None = None,
) -> Person:
    """Change what is given: administrators only. Another role ends what the old one had open.

    Raises Outdated when they are not as a page showed them at that revision.
    """
    only_deciders(viewer)
    organisations = None if fields.organisations is None else tuple(fields.organisations)
    with db.atomic():
        old = find_id(db, person.id)
        edited = {
            "name": fields.name,
            "role": fields.role,
            "language": fields.language,
            "organisations": revisions.several(organisations),
        }
        revisions.check(revision, texts(old), edited)
        if fields.role not in (None, "administrator"):
            keep_an_administrator(db, old)
        row = _columns(old, fields)
        db.execute(
            "UPDATE people SET name = :name, role = :role, language = :language WHERE id = :id", row
        )
        if row["role"] != old.role:
            _shut_out(db, old)
        if organisations is not None:
            former = set(old.organisations) - set(organisations)
            db.execute("DELETE FROM memberships WHERE person_id = :id", {"id": old.id})
            _join(db, old.id, organisations)
            readers.leave_organisations(db, old.id, sorted(former), now())
        return _changed(db, viewer, "person.changed", old, old.id)


def texts(person: Person) -> dict[str, str]:
    """What can be edited of a person, as their form shows it."""
    return {
        "name": person.name,
        "role": person.role,
        "language": person.language or "",
        "organisations": "\n".join(sorted(person.organisations)),
    }


def disable(db: Database, viewer: Viewer, person: Person) -> Person:
    """Close the account: its sessions, links and tokens end at once, its past stays."""
    only_deciders(viewer)
    with db.atomic():
        old = find_id(db, person.id)
        keep_an_administrator(db, old)
        db.execute(
            """
            UPDATE people SET disabled_at = COALESCE(disabled_at, :now), closed_with_id = NULL
            WHERE id = :id
            """,
            {"now": now(), "id": old.id},
        )
        _shut_out(db, old)
        return _changed(db, viewer, "person.disabled", old, old.id)


def enable(db: Database, viewer: Viewer, person: Person) -> Person:
    """Open a closed account again."""
    only_deciders(viewer)
    with db.atomic():
        old = find_id(db, person.id)
        db.execute(
            "UPDATE people SET disabled_at = NULL, closed_with_id = NULL WHERE id = :id",
            {"id": old.id},
        )
        return _changed(db, viewer, "person.enabled", old, old.id)


def only_deciders(viewer: Viewer) -> None:
    """What administrators alone decide about people, whom agents see too; others know of none."""
    only_agents(viewer)
    if not viewer.is_administrator:
        raise Forbidden("person.for_administrators")


def keep_an_administrator(db: Database, person: Person) -> None:
    """Raise Invalid when nobody else is left who can let people in."""
    if [administrator.id for administrator in list_administrators(db)] == [person.id]:
        raise Invalid("person.last_administrator", email=person.email)


def list_administrators(db: Database) -> list[Person]:
    """Those whose account is open."""
    return _read(db, "p.role = 'administrator' AND p.disabled_at IS NULL", {})


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
    """An address as it is stored and compared: NFC, lower case, no space around, no final dot."""
    address = nfc(nfc(text).strip().lower()).removesuffix(".")
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


def checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid("person.name_invalid", limit=MAX_NAME)
    return name


def checked_language(language: str | None) -> str | None:
    """None when it is empty: that of the browser."""
    if language and language not in LANGUAGES:
        raise Invalid("person.language_unknown", language=language, languages=", ".join(LANGUAGES))
    return language or None


def _checked_role(role: str) -> str:
    if role not in access.ROLES:
        raise Invalid("person.role_unknown", role=role, roles=", ".join(access.ROLES))
    return role


def _columns(old: Person, fields: PersonFields) -> Row:
    """The columns of a person once what is given of them is changed."""
    return {
        "id": old.id,
        "name": old.name if fields.name is None else checked_name(fields.name),
        "role": old.role if fields.role is None else _checked_role(fields.role),
        "language": old.language if fields.language is None else checked_language(fields.language),
    }


def _changed(db: Database, viewer: Viewer, kind: str, old: Person | None, person_id: str) -> Person:
    """The person as they are now, once the security log says what they were."""
    new = find_id(db, person_id)
    before, after = audit.differences(_facts(old) if old else {}, _facts(new))
    if old and old.name != new.name:
        after["name"] = "…"  # that it changed: the log outlives whoever bears it
    audit.act(db, viewer, kind, person_id=new.id, before=before, after=after)
    return new


def _facts(person: Person) -> dict[str, str]:
    """What the security log keeps of a person: what they may do, not who they are."""
    return {
        "role": person.role,
        "organisations": "\n".join(person.organisations),
        "language": person.language or "",
        "disabled_at": person.disabled_at or "",
    }


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


def _shut_out(db: Database, person: Person) -> None:
    db.execute("DELETE FROM sessions WHERE person_id = :id", {"id": person.id})
    db.execute("DELETE FROM pending_sign_ins WHERE person_id = :id", {"id": person.id})
    db.execute("DELETE FROM application_codes WHERE person_id = :id", {"id": person.id})
    db.execute("DELETE FROM personal_tokens WHERE person_id = :id", {"id": person.id})
    db.execute("DELETE FROM tokens WHERE person_id = :id AND used_at IS NULL", {"id": person.id})
