"""Products: what contracts cover, and their known versions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kbsearch import revisions
from kbsearch.clock import now
from kbsearch.database import Database, Row, new_id
from kbsearch.errors import Invalid, NotFound
from kbsearch.people.organisations.slugs import checked_name, checked_slug, slug_of

MAX_VERSION = 60
MAX_VERSIONS = 200
MAX_WHERE = 500


@dataclass(frozen=True)
class Product:
    """A product that is supported; `where_fr` and `where_en` say where to find its version."""

    id: str
    slug: str
    name: str
    versions: tuple[str, ...] = ()  # newest first
    where_fr: str = ""
    where_en: str = ""

    def where(self, language: str) -> str:
        """Where to find the version, in that language or else in another."""
        texts = {"fr": self.where_fr, "en": self.where_en}
        return texts[language] or next(filter(None, texts.values()), "")


def add(
    db: Database,
    name: str,
    *,
    slug: str | None = None,
    versions: Iterable[str] = (),
    where_fr: str = "",
    where_en: str = "",
) -> Product:
    """Support one more product; the slug is made of the name when none is given."""
    row = {
        "id": new_id(),
        "slug": checked_slug(slug or slug_of(name)),
        "name": checked_name(name),
        "where_fr": _checked_where(where_fr),
        "where_en": _checked_where(where_en),
        "created_at": now(),
    }
    with db.atomic():
        _check_free(db, str(row["slug"]))
        db.insert("products", row)
        _know(db, str(row["id"]), _checked_versions(versions))
    return find_id(db, str(row["id"]))


def edit(
    db: Database,
    product: Product,
    *,
    name: str | None = None,
    versions: Iterable[str] | None = None,
    where_fr: str | None = None,
    where_en: str | None = None,
    revision: str | None = None,
) -> Product:
    """Change what is given; versions are replaced as a whole. Articles name the slug: it stays.

    Raises Outdated when it is not as a page showed it at that revision.
    """
    versions = None if versions is None else list(versions)
    edited = {
        "name": name,
        "versions": None if versions is None else "\n".join(versions),
        "where_fr": where_fr,
        "where_en": where_en,
    }
    values = {
        "id": product.id,
        "name": product.name if name is None else checked_name(name),
        "where_fr": product.where_fr if where_fr is None else _checked_where(where_fr),
        "where_en": product.where_en if where_en is None else _checked_where(where_en),
    }
    with db.atomic():
        revisions.check(revision, texts(find_id(db, product.id)), edited)
        db.execute(
            """
            UPDATE products SET name = :name, where_fr = :where_fr, where_en = :where_en
            WHERE id = :id
            """,
            values,
        )
        if versions is not None:
            names = _checked_versions(versions)
            db.execute("DELETE FROM product_versions WHERE product_id = :id", {"id": product.id})
            _know(db, product.id, names)
    return find_id(db, product.id)


def texts(product: Product) -> dict[str, str]:
    """What can be edited of a product, as its form shows it."""
    return {
        "name": product.name,
        "versions": "\n".join(product.versions),
        "where_fr": product.where_fr,
        "where_en": product.where_en,
    }


def add_version(db: Database, product: Product, version: str) -> Product:
    """Know one more version, the newest; one that is known comes first again."""
    name = _checked_versions([version])
    with db.atomic():
        versions = find_id(db, product.id).versions
        return edit(db, product, versions=[*name, *(old for old in versions if old not in name)])


def find(db: Database, slug: str) -> Product:
    """The product with that slug."""
    return _one(db, "WHERE p.slug = :wanted", slug)


def find_id(db: Database, product_id: str) -> Product:
    """The product with that id."""
    return _one(db, "WHERE p.id = :wanted", product_id)


def ensure(db: Database, name: str) -> Product:
    """The product of that slug or name, made when there is none."""
    values = {"slug": slug_of(name), "name": name}
    matches = _read(db, "WHERE p.slug IN (:slug, :name) OR p.name = :name", values)
    return matches[0] if matches else add(db, name)


def list_all(db: Database) -> list[Product]:
    """Every product, by name."""
    return _read(db, "", {})


def _one(db: Database, condition: str, value: str) -> Product:
    products = _read(db, condition, {"wanted": value})
    if not products:
        raise NotFound("product.not_found", slug=value)
    return products[0]


def _read(db: Database, condition: str, values: dict[str, str]) -> list[Product]:
    rows = db.query(
        f"""
        SELECT p.id, p.slug, p.name, p.where_fr, p.where_en, v.name AS version
        FROM products p
        LEFT JOIN product_versions v ON v.product_id = p.id
        {condition} ORDER BY p.name, p.slug, v.position
        """,  # noqa: S608 (conditions are constants of this module)
        values,
    )
    products: dict[str, tuple[Row, list[str]]] = {}
    for row in rows:
        version = row.pop("version")
        versions = products.setdefault(row["id"], (row, []))[1]
        versions += [version] if version else []
    return [Product(**row, versions=tuple(names)) for row, names in products.values()]


def _know(db: Database, product_id: str, versions: Sequence[str]) -> None:
    db.insert_many(
        "product_versions",
        [
            {"product_id": product_id, "name": name, "position": position}
            for position, name in enumerate(versions)
        ],
    )


def _checked_versions(versions: Iterable[str]) -> list[str]:
    """Their names without doubles, in the order given."""
    names = list(dict.fromkeys(" ".join(version.split()) for version in versions))
    if any(not name or len(name) > MAX_VERSION or not name.isprintable() for name in names):
        raise Invalid("product.version_invalid", limit=MAX_VERSION)
    if len(names) > MAX_VERSIONS:
        raise Invalid("product.versions_too_many", limit=MAX_VERSIONS)
    return names


def _checked_where(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > MAX_WHERE or not text.isprintable():
        raise Invalid("product.where_invalid", limit=MAX_WHERE)
    return text


def _check_free(db: Database, slug: str) -> None:
    if db.query("SELECT 1 FROM products WHERE slug = :slug", {"slug": slug}):
        raise Invalid("organisation.slug_taken", slug=slug)
