"""Organisations, their contracts, and the products these cover."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from kbsearch import ticket_readers
from kbsearch.clock import now
from kbsearch.db import Database, Row, new_id, one_of
from kbsearch.errors import Invalid, NotFound

SHARING = ("nobody", "everyone")
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAX_SLUG = 60
MAX_NAME = 200


@dataclass(frozen=True)
class Organisation:
    """A customer: its people share their requests with nobody, or with all their colleagues."""

    id: str
    slug: str
    name: str
    contract_starts: str | None  # dates, both included
    contract_ends: str | None
    sharing: str
    products: tuple[str, ...]  # slugs


@dataclass(frozen=True)
class Product:
    """A product that is supported."""

    id: str
    slug: str
    name: str


def add(
    db: Database,
    name: str,
    *,
    slug: str | None = None,
    sharing: str = "nobody",
    contract_starts: str | None = None,
    contract_ends: str | None = None,
    products: Iterable[str] = (),
) -> Organisation:
    """Take a customer in; the slug is made of the name when none is given."""
    organisation_id, checked_slug = new_id(), _checked_slug(slug or slug_of(name))
    row = {
        "id": organisation_id,
        "slug": checked_slug,
        "name": _checked_name(name),
        "sharing": _checked_sharing(sharing),
        "contract_starts": _checked_date(contract_starts),
        "contract_ends": _checked_date(contract_ends),
        "created_at": now(),
    }
    _check_contract(row["contract_starts"], row["contract_ends"])
    with db.atomic():
        _check_free(db, "organisations", checked_slug)
        db.insert("organisations", row)
        _cover(db, organisation_id, products)
    return find(db, checked_slug)


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
) -> Organisation:
    """Change what is given; an empty date takes the date away.

    Who may read its requests follows in the same transaction.
    """
    old = organisation
    values = {
        "id": old.id,
        "name": old.name if name is None else _checked_name(name),
        "slug": old.slug if slug is None else _checked_slug(slug),
        "sharing": old.sharing if sharing is None else _checked_sharing(sharing),
        "starts": old.contract_starts
        if contract_starts is None
        else _checked_date(contract_starts),
        "ends": old.contract_ends if contract_ends is None else _checked_date(contract_ends),
    }
    _check_contract(values["starts"], values["ends"])
    with db.atomic():
        if values["slug"] != old.slug:
            _check_free(db, "organisations", values["slug"])
        db.execute(
            """
            UPDATE organisations SET name = :name, slug = :slug, sharing = :sharing,
              contract_starts = :starts, contract_ends = :ends WHERE id = :id
            """,
            values,
        )
        if products is not None:
            db.execute(
                "DELETE FROM organisation_products WHERE organisation_id = :id", {"id": old.id}
            )
            _cover(db, old.id, products)
        if (values["slug"], values["sharing"]) != (old.slug, old.sharing):
            ticket_readers.rewrite_organisation(db, old.id)
    return find(db, values["slug"] or "")


def find(db: Database, slug: str) -> Organisation:
    """The organisation with that slug."""
    found = _read(db, "WHERE o.slug = :slug", {"slug": slug})
    if not found:
        raise NotFound("organisation.not_found", slug=slug)
    return found[0]


def list_all(db: Database) -> list[Organisation]:
    """Every organisation, by name."""
    return _read(db, "", {})


def ensure(db: Database, name: str) -> Organisation:
    """The organisation of that slug or name; a new one, without a contract, when there is none."""
    values = {"slug": slug_of(name), "name": name}
    found = _read(db, "WHERE o.slug IN (:slug, :name) OR o.name = :name", values)
    return found[0] if found else add(db, name)


def add_product(db: Database, name: str, *, slug: str | None = None) -> Product:
    """Support one more product."""
    product = Product(new_id(), _checked_slug(slug or slug_of(name)), _checked_name(name))
    with db.atomic():
        _check_free(db, "products", product.slug)
        db.insert("products", {**vars(product), "created_at": now()})
    return product


def ensure_product(db: Database, name: str) -> Product:
    """The product of that slug or name, made when there is none."""
    rows = db.query(
        "SELECT id, slug, name FROM products WHERE slug IN (:slug, :name) OR name = :name",
        {"slug": slug_of(name), "name": name},
    )
    return Product(**rows[0]) if rows else add_product(db, name)


def list_products(db: Database) -> list[Product]:
    """Every product, by name."""
    return [Product(**row) for row in db.query("SELECT id, slug, name FROM products ORDER BY name")]


def slug_of(name: str) -> str:
    """A name as a part of an address: lower case, no accents; a digest where nothing is left."""
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", folded)[:MAX_SLUG].strip("-")
    return slug or "x" + hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:10]


def _read(db: Database, condition: str, values: dict[str, str]) -> list[Organisation]:
    rows = db.query(
        f"""
        SELECT o.id, o.slug, o.name, o.contract_starts, o.contract_ends, o.sharing,
               pr.slug AS product
        FROM organisations o
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
    return [Organisation(**row, products=tuple(slugs)) for row, slugs in organisations.values()]


def _cover(db: Database, organisation_id: str, products: Iterable[str]) -> None:
    wanted = sorted(set(products))
    places, values = one_of("slug", wanted)
    found = db.query(f"SELECT id, slug FROM products WHERE slug IN ({places})", values)  # noqa: S608
    missing = set(wanted) - {row["slug"] for row in found}
    if missing:
        raise NotFound("product.not_found", slug=min(missing))
    db.insert_many(
        "organisation_products",
        [{"organisation_id": organisation_id, "product_id": row["id"]} for row in found],
    )


def _checked_slug(slug: str) -> str:
    if len(slug) > MAX_SLUG or not SLUG.fullmatch(slug):
        raise Invalid("organisation.slug_invalid", slug=slug[:MAX_SLUG], limit=MAX_SLUG)
    return slug


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid("organisation.name_invalid", limit=MAX_NAME)
    return name


def _checked_sharing(sharing: str) -> str:
    if sharing not in SHARING:
        raise Invalid("organisation.sharing_unknown", sharing=sharing, choices=", ".join(SHARING))
    return sharing


def _checked_date(day: str | None) -> str | None:
    try:
        return date.fromisoformat(day).isoformat() if day else None
    except ValueError:
        raise Invalid("organisation.date_invalid", date=day) from None


def _check_contract(starts: str | None, ends: str | None) -> None:
    if starts and ends and ends < starts:
        raise Invalid("organisation.contract_backwards", starts=starts, ends=ends)


def _check_free(db: Database, table: str, slug: str | None) -> None:
    if db.query(f"SELECT 1 FROM {table} WHERE slug = :slug", {"slug": slug}):  # noqa: S608
        raise Invalid("organisation.slug_taken", slug=slug)
