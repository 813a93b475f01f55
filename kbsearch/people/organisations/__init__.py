"""Organisations: the customers, their contracts, and who of them reads whose requests."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from kbsearch import revisions
from kbsearch.access import Viewer
from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database import Database, Row, Values, escape_like, new_id, one_of
from kbsearch.errors import Invalid, NotFound
from kbsearch.people.organisations import branding
from kbsearch.people.organisations.branding import Look
from kbsearch.people.organisations.slugs import checked_name, checked_slug, slug_of
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
    look: Look = Look()

    def has_ended(self, today: date) -> bool:
        """Whether the last day of the contract is past."""
        return self.contract_ends is not None and self.contract_ends < today.isoformat()


def add(
    db: Database,
    name: str,
    *,
    slug: str | None = None,
    sharing: str = "nobody",
    contract_starts: str | None = None,
    contract_ends: str | None = None,
    products: Iterable[str] = (),
    phone: str | None = None,
    trusted_devices: bool = False,
) -> Organisation:
    """Take a customer in; the slug is made of the name when none is given."""
    starts, ends = _checked_date(contract_starts), _checked_date(contract_ends)
    _check_contract(starts, ends)
    organisation_id, its_slug = new_id(), checked_slug(slug or slug_of(name))
    row = {
        "id": organisation_id,
        "slug": its_slug,
        "name": checked_name(name),
        "sharing": _checked_sharing(sharing),
        "phone": _checked_phone(phone),
        "trusted_devices": int(trusted_devices),
        "contract_starts": starts,
        "contract_ends": ends,
        "created_at": now(),
    }
    with db.atomic():
        _check_free(db, its_slug)
        db.insert("organisations", row)
        _cover(db, organisation_id, products)
    return find(db, its_slug)


def edit(
    db: Database,
    organisation: Organisation,
    *,
    name: str | None = None,
    slug: str | None = None,
    sharing: str | None = None,
    contract_starts: str | None = None,
    contract_ends: str | None = None,
    products: Iterable[str] | None = None,
    phone: str | None = None,
    trusted_devices: bool | None = None,
    followers: Iterable[str] | None = None,
) -> Organisation:
    """Change what is given; an empty date or phone is taken away, followers are addresses.

    Who may read its requests follows in the same transaction.
    """
    old = organisation
    starts = old.contract_starts if contract_starts is None else _checked_date(contract_starts)
    ends = old.contract_ends if contract_ends is None else _checked_date(contract_ends)
    _check_contract(starts, ends)
    values = {
        "id": old.id,
        "name": old.name if name is None else checked_name(name),
        "slug": old.slug if slug is None else checked_slug(slug),
        "sharing": old.sharing if sharing is None else _checked_sharing(sharing),
        "starts": starts,
        "ends": ends,
        "phone": old.phone if phone is None else _checked_phone(phone),
        "trusted": int(old.trusted_devices if trusted_devices is None else trusted_devices),
    }
    with db.atomic():
        if values["slug"] != old.slug:
            _check_free(db, str(values["slug"]))
        db.execute(
            """
            UPDATE organisations SET name = :name, slug = :slug, sharing = :sharing,
              contract_starts = :starts, contract_ends = :ends, phone = :phone,
              trusted_devices = :trusted WHERE id = :id
            """,
            values,
        )
        if products is not None:
            db.execute(
                "DELETE FROM organisation_products WHERE organisation_id = :id", {"id": old.id}
            )
            _cover(db, old.id, products)
        named_others = followers is not None and _follow(db, old.id, followers)
        if named_others or (values["slug"], values["sharing"]) != (old.slug, old.sharing):
            readers.rewrite_organisation(db, old.id)
    return find_id(db, old.id)


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
        "trusted_devices": "yes" if organisation.trusted_devices else "",
        "products": "\n".join(sorted(organisation.products)),
        "followers": "\n".join(sorted(followers(db, organisation))),
        "accent": look.accent or "",
        "welcome_fr": look.welcome_fr or "",
        "welcome_en": look.welcome_en or "",
    }


def check_revision(
    db: Database,
    organisation: Organisation,
    wanted: Mapping[str, str],
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
    pattern = f"%{escape_like(text.strip().lower())}%"
    holds = "LOWER(o.name) LIKE :pattern ESCAPE '!' OR o.slug LIKE :pattern ESCAPE '!'"
    return _read(db, f"WHERE {holds}", {"pattern": pattern})


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
    return settings.expired_contract_requests or not organisation.has_ended(today)


def list_all(db: Database) -> list[Organisation]:
    """Every organisation, by name."""
    return _read(db, "", {})


def ensure(db: Database, name: str) -> Organisation:
    """The organisation of that slug or name; a new one, without a contract, when there is none."""
    values = {"slug": slug_of(name), "name": name}
    matches = _read(db, "WHERE o.slug IN (:slug, :name) OR o.name = :name", values)
    return matches[0] if matches else add(db, name)


def _one(db: Database, condition: str, value: str) -> Organisation:
    organisations = _read(db, condition, {"wanted": value})
    if not organisations:
        raise NotFound("organisation.not_found", slug=value)
    return organisations[0]


def _read(db: Database, condition: str, values: Values) -> list[Organisation]:
    rows = db.query(
        f"""
        SELECT o.id, o.slug, o.name, o.contract_starts, o.contract_ends, o.sharing, o.phone,
               o.trusted_devices, {branding.COLUMNS}, pr.slug AS product
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


def _follow(db: Database, organisation_id: str, addresses: Iterable[str]) -> bool:
    """Name these people and no other; whether that changes anything."""
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
    present = db.query(
        "SELECT person_id FROM organisation_followers WHERE organisation_id = :id",
        {"id": organisation_id},
    )
    if {row["person_id"] for row in present} == {row["id"] for row in members}:
        return False
    db.execute(
        "DELETE FROM organisation_followers WHERE organisation_id = :id", {"id": organisation_id}
    )
    db.insert_many(
        "organisation_followers",
        [{"organisation_id": organisation_id, "person_id": row["id"]} for row in members],
    )
    return True


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
