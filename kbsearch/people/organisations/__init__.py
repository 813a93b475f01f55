"""Organisations: the customers, their contracts, and who of them reads whose requests."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from kbsearch import audit, revisions
from kbsearch.access import Viewer, only_administrators
from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database import Database, Row, Values, new_id, one_of
from kbsearch.errors import Invalid, NotFound
from kbsearch.people.organisations import branding
from kbsearch.people.organisations.branding import Look
from kbsearch.people.organisations.slugs import checked_name, checked_slug, slug_of
from kbsearch.promises import clocks_changed
from kbsearch.promises.targets import checked_contract
from kbsearch.text import name_search
from kbsearch.tickets import readers

SHARING = ("nobody", "people", "everyone")
PHONE = re.compile(r"[+(]?[0-9][0-9 ().\-/]{1,28}[0-9]")


@dataclass(frozen=True)
class Organisation:
    """A customer: its requests are read by nobody else, by people it named, or by all of it."""

    id: str
    slug: str
    name: str
    contract_starts: str | None  # dates, both included
    contract_ends: str | None
    sharing: str
    phone: str | None  # of the support team, for these people
    trusted_devices: bool  # whether its people may skip the code on a device for a while
    products: tuple[str, ...]  # slugs
    contract: str = ""  # which it has, by name
    look: Look = Look()
    disabled_at: str | None = None  # since when nobody files for it

    def has_ended(self, today: date) -> bool:
        """Whether the last day of the contract is past."""
        return self.contract_ends is not None and self.contract_ends < today.isoformat()


NOBODY_YET = Organisation("", "", "", None, None, "nobody", None, False, ())


@dataclass(frozen=True)
class OrganisationFields:
    """What can be said of an organisation: None leaves it, an empty date or phone goes away.

    Followers are addresses; products and followers are replaced as a whole.
    """

    name: str | None = None
    slug: str | None = None
    sharing: str | None = None
    contract_starts: str | None = None
    contract_ends: str | None = None
    products: Iterable[str] | None = None
    phone: str | None = None
    trusted_devices: bool | None = None
    followers: Iterable[str] | None = None
    contract: str | None = None


def add(db: Database, viewer: Viewer, fields: OrganisationFields) -> Organisation:
    """Take a customer in; the slug is made of the name when none is given."""
    only_administrators(viewer)
    name, organisation_id = fields.name or "", new_id()
    named = replace(fields, name=name, slug=fields.slug or slug_of(name))
    columns = _columns(NOBODY_YET, named)
    with db.atomic():
        _check_free(db, str(columns["slug"]))
        db.insert("organisations", {"id": organisation_id, **columns, "created_at": now()})
        _relate(db, organisation_id, fields)
        added = find_id(db, organisation_id)
        audit.change(db, viewer, "organisation.added", added.slug, {}, _facts(db, added))
    return added


def edit(
    db: Database, viewer: Viewer, organisation: Organisation, fields: OrganisationFields
) -> Organisation:
    """Change what is given. Who may read its requests follows in the same transaction."""
    only_administrators(viewer)
    with db.atomic():
        old = find_id(db, organisation.id)
        before, columns = _facts(db, old), _columns(old, fields)
        if columns["slug"] != old.slug:
            _check_free(db, str(columns["slug"]))
        db.execute(
            """
            UPDATE organisations SET name = :name, slug = :slug, sharing = :sharing,
              contract_starts = :contract_starts, contract_ends = :contract_ends, phone = :phone,
              trusted_devices = :trusted_devices, contract = :contract WHERE id = :id
            """,
            {"id": old.id, **columns},
        )
        _relate(db, old.id, fields)
        edited = find_id(db, old.id)
        after = _facts(db, edited)
        if any(before[name] != after[name] for name in ("slug", "sharing", "followers")):
            readers.rewrite_organisation(db, old.id)
        if before["contract"] != after["contract"]:
            clocks_changed(db)
        audit.change(db, viewer, "organisation.changed", edited.slug, before, after)
    return edited


def texts(db: Database, organisation: Organisation) -> dict[str, str]:
    """What can be edited of an organisation and its look, as the form shows it."""
    look = organisation.look
    return {
        "name": organisation.name,
        "slug": organisation.slug,
        "sharing": organisation.sharing,
        "contract_starts": organisation.contract_starts or "",
        "contract_ends": organisation.contract_ends or "",
        "phone": organisation.phone or "",
        "contract": organisation.contract,
        "trusted_devices": "yes" if organisation.trusted_devices else "",
        "products": "\n".join(sorted(organisation.products)),
        "followers": "\n".join(sorted(followers(db, organisation))),
        "accent": look.accent or "",
        "welcome_fr": look.welcome_fr or "",
        "welcome_en": look.welcome_en or "",
        "logo": look.logo.hash if look.logo else "",
    }


def check_revision(
    db: Database,
    organisation: Organisation,
    wanted: Mapping[str, str | None],
    revision: str | None,
) -> None:
    """Raise Outdated when it, or its look, is not as a page showed it: asked before both change."""
    revisions.check(revision, texts(db, find_id(db, organisation.id)), wanted)


def find(db: Database, slug: str) -> Organisation:
    """The organisation with that slug."""
    return _one(db, "WHERE o.slug = :wanted", slug)


def find_id(db: Database, organisation_id: str) -> Organisation:
    """The organisation with that id."""
    return _one(db, "WHERE o.id = :wanted", organisation_id)


def list_of(db: Database, viewer: Viewer) -> list[Organisation]:
    """The viewer's own, by name."""
    if not viewer.organisations:
        return []
    places, values = one_of("slug", viewer.organisations)
    return _read(db, f"WHERE o.slug IN ({places})", values)


def search(db: Database, text: str) -> list[Organisation]:
    """Those whose name or slug holds a text, by name."""
    part = text.strip()
    where = "WHERE LOWER(o.name) LIKE :pattern OR o.slug LIKE :pattern"
    candidates = _read(db, where, {"pattern": name_search.like_pattern(part)})
    return [one for one in candidates if name_search.holds(part, one.name, one.slug)]


def followers(db: Database, organisation: Organisation) -> tuple[str, ...]:
    """The addresses of the people named to read its requests, whether that is in force or not."""
    rows = db.query(
        """
        SELECT p.email FROM organisation_followers f JOIN people p ON p.id = f.person_id
        WHERE f.organisation_id = :id ORDER BY p.email
        """,
        {"id": organisation.id},
    )
    return tuple(row["email"] for row in rows)


def accepts_requests(organisation: Organisation, today: date, settings: Settings) -> bool:
    """Whether its people may submit requests: to the end of the contract, or after it."""
    if organisation.disabled_at is not None:
        return False
    return settings.expired_contract_requests or not organisation.has_ended(today)


def list_all(db: Database) -> list[Organisation]:
    """Every organisation, by name."""
    return _read(db, "", {})


def list_contracts(db: Database) -> list[str]:
    """The names of the contracts that organisations have."""
    rows = db.query("SELECT DISTINCT contract FROM organisations WHERE contract <> ''")
    return sorted(row["contract"] for row in rows)


def find_named(db: Database, name: str) -> Organisation:
    """The one organisation of that name; raises NotFound, also where several have it."""
    matches = _read(db, "WHERE o.name = :wanted", {"wanted": name})
    if len(matches) != 1:
        raise NotFound("organisation.not_found", slug=name)
    return matches[0]


def ensure(db: Database, viewer: Viewer, name: str) -> Organisation:
    """The organisation of that slug or name; a new one, without a contract, when there is none."""
    values = {"slug": slug_of(name), "name": name}
    matches = _read(db, "WHERE o.slug IN (:slug, :name) OR o.name = :name", values)
    return matches[0] if matches else add(db, viewer, OrganisationFields(name))


def _one(db: Database, condition: str, value: str) -> Organisation:
    organisations = _read(db, condition, {"wanted": value})
    if not organisations:
        raise NotFound("organisation.not_found", slug=value)
    return organisations[0]


def _read(db: Database, condition: str, values: Values) -> list[Organisation]:
    rows = db.query(
        f"""
        SELECT o.id, o.slug, o.name, o.contract_starts, o.contract_ends, o.sharing, o.phone,
               o.trusted_devices, o.contract, o.disabled_at, {branding.COLUMNS}, pr.slug AS product
        FROM organisations o
        {branding.JOIN}
        LEFT JOIN organisation_products op ON op.organisation_id = o.id
        LEFT JOIN products pr ON pr.id = op.product_id
        {condition} ORDER BY o.name, o.slug, pr.slug
        """,  # noqa: S608 (conditions are constants of this module)
        values,
    )
    organisations: dict[str, tuple[Row, list[str]]] = {}
    for row in rows:
        product = row.pop("product")
        products = organisations.setdefault(row["id"], (row, []))[1]
        products += [product] if product else []
    return [_organisation(row, slugs) for row, slugs in organisations.values()]


def _organisation(row: Row, products: Iterable[str]) -> Organisation:
    look = branding.of_row(row)
    trusted = bool(row.pop("trusted_devices"))
    return Organisation(**row, trusted_devices=trusted, products=tuple(products), look=look)


def _columns(old: Organisation, fields: OrganisationFields) -> Row:
    """The columns of an organisation once what is given of it is changed."""
    starts, ends = old.contract_starts, old.contract_ends
    if fields.contract_starts is not None:
        starts = _checked_date(fields.contract_starts)
    if fields.contract_ends is not None:
        ends = _checked_date(fields.contract_ends)
    _check_contract(starts, ends)
    trusted = old.trusted_devices if fields.trusted_devices is None else fields.trusted_devices
    return {
        "slug": old.slug if fields.slug is None else checked_slug(fields.slug),
        "name": old.name if fields.name is None else checked_name(fields.name),
        "sharing": old.sharing if fields.sharing is None else _checked_sharing(fields.sharing),
        "phone": old.phone if fields.phone is None else _checked_phone(fields.phone),
        "trusted_devices": int(trusted),
        "contract_starts": starts,
        "contract_ends": ends,
        "contract": old.contract if fields.contract is None else checked_contract(fields.contract),
    }


def _relate(db: Database, organisation_id: str, fields: OrganisationFields) -> None:
    """Cover these products and no other, name these people and no other, where they are given."""
    if fields.products is not None:
        db.execute(
            "DELETE FROM organisation_products WHERE organisation_id = :id",
            {"id": organisation_id},
        )
        _cover(db, organisation_id, fields.products)
    if fields.followers is not None:
        db.execute(
            "DELETE FROM organisation_followers WHERE organisation_id = :id",
            {"id": organisation_id},
        )
        _follow(db, organisation_id, fields.followers)


def _facts(db: Database, organisation: Organisation) -> dict[str, str]:
    """What the security log keeps of it: its texts, and people by their id alone."""
    rows = db.query(
        "SELECT person_id FROM organisation_followers WHERE organisation_id = :id",
        {"id": organisation.id},
    )
    followers_by_id = "\n".join(sorted(row["person_id"] for row in rows))
    return {**texts(db, organisation), "followers": followers_by_id}


def _cover(db: Database, organisation_id: str, products: Iterable[str]) -> None:
    slugs = sorted(set(products))
    places, values = one_of("slug", slugs)
    rows = db.query(f"SELECT id, slug FROM products WHERE slug IN ({places})", values)  # noqa: S608
    missing = set(slugs) - {row["slug"] for row in rows}
    if missing:
        raise NotFound("product.not_found", slug=min(missing))
    db.insert_many(
        "organisation_products",
        [{"organisation_id": organisation_id, "product_id": row["id"]} for row in rows],
    )


def _follow(db: Database, organisation_id: str, addresses: Iterable[str]) -> None:
    emails = sorted({address.strip().lower() for address in addresses})
    places, values = one_of("email", emails)
    members = db.query(
        f"""
        SELECT p.id, p.email FROM people p JOIN memberships m ON m.person_id = p.id
        WHERE m.organisation_id = :id AND p.email IN ({places})
        """,  # noqa: S608 (names of parameters)
        {"id": organisation_id, **values},
    )
    outside = set(emails) - {row["email"] for row in members}
    if outside:
        raise Invalid("organisation.follower_outside", email=min(outside))
    db.insert_many(
        "organisation_followers",
        [{"organisation_id": organisation_id, "person_id": row["id"]} for row in members],
    )


def _checked_sharing(sharing: str) -> str:
    if sharing not in SHARING:
        raise Invalid("organisation.sharing_unknown", sharing=sharing, choices=", ".join(SHARING))
    return sharing


def _checked_phone(phone: str | None) -> str | None:
    phone = " ".join((phone or "").split())
    if phone and not PHONE.fullmatch(phone):
        raise Invalid("organisation.phone_invalid", phone=phone[:40])
    return phone or None


def _checked_date(day: str | None) -> str | None:
    try:
        return date.fromisoformat(day).isoformat() if day else None
    except ValueError:
        raise Invalid("organisation.date_invalid", date=day) from None


def _check_contract(starts: str | None, ends: str | None) -> None:
    if starts and ends and ends < starts:
        raise Invalid("organisation.contract_backwards", starts=starts, ends=ends)


def _check_free(db: Database, slug: str) -> None:
    if db.query("SELECT 1 FROM organisations WHERE slug = :slug", {"slug": slug}):
        raise Invalid("organisation.slug_taken", slug=slug)
