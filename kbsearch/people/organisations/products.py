"""Products: what contracts cover, and their known versions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kbsearch import audit, revisions
from kbsearch.access import Viewer, only_administrators
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
    disabled_at: str | None = None  # since when nobody files about it

    def where(self, language: str) -> str:
        """Where to find the version, in that language or else in another."""
        texts = {"fr": self.where_fr, "en": self.where_en}
        return texts[language] or next(filter(None, texts.values()), "")


@dataclass(frozen=True)
class ProductFields:
    """What can be said of a product: None leaves it; versions are replaced as a whole."""

    name: str | None = None
    versions: Iterable[str] | None = None
    where_fr: str | None = None
    where_en: str | None = None


def add(db: Database, viewer: Viewer, fields: ProductFields, *, slug: str | None = None) -> Product:
    """Support one more product; the slug is made of the name when none is given."""
    only_administrators(viewer)
    name = fields.name or ""
    unnamed = Product(new_id(), checked_slug(slug or slug_of(name)), "")
    columns = _columns(unnamed, replace(fields, name=name))
    names = _checked_versions(fields.versions or ())
    with db.atomic():
        _check_free(db, unnamed.slug)
        db.insert("products", {**columns, "slug": unnamed.slug, "created_at": now()})
        _know(db, unnamed.id, names)
        added = find_id(db, unnamed.id)
        audit.change(db, viewer, "product.added", added.slug, {}, texts(added))
    return added


def edit(
    db: Database,
    viewer: Viewer,
    product: Product,
    fields: ProductFields,
    *,
    revision: str | None = None,
) -> Product:
    """Change what is given. Articles name the slug: it stays.

    Raises Outdated when it is not as a page showed it at that revision.
    """
    only_administrators(viewer)
    versions = None if fields.versions is None else list(fields.versions)
    edited = {
        "name": fields.name,
        "versions": None if versions is None else "\n".join(versions),
        "where_fr": fields.where_fr,
        "where_en": fields.where_en,
    }
    with db.atomic():
        old = find_id(db, product.id)
        columns = _columns(old, fields)
        revisions.check(revision, texts(old), edited)
        db.execute(
            """
            UPDATE products SET name = :name, where_fr = :where_fr, where_en = :where_en
            WHERE id = :id
            """,
            columns,
        )
        if versions is not None:
            names = _checked_versions(versions)
            db.execute("DELETE FROM product_versions WHERE product_id = :id", {"id": old.id})
            _know(db, old.id, names)
        new = find_id(db, old.id)
        audit.change(db, viewer, "product.changed", new.slug, texts(old), texts(new))
    return new


def disable(db: Database, viewer: Viewer, product: Product) -> Product:
    """Let nobody file about it any more; its requests and articles stay."""
    return _set_disabled(db, viewer, product, now(), "product.disabled")


def enable(db: Database, viewer: Viewer, product: Product) -> Product:
    """Let people file about it again."""
    return _set_disabled(db, viewer, product, None, "product.enabled")


def texts(product: Product) -> dict[str, str]:
    """What can be edited of a product, as its form shows it."""
    return {
        "name": product.name,
        "versions": "\n".join(product.versions),
        "where_fr": product.where_fr,
        "where_en": product.where_en,
    }


def add_version(db: Database, viewer: Viewer, product: Product, version: str) -> Product:
    """Know one more version, the newest; one that is known comes first again."""
    name = _checked_versions([version])
    with db.atomic():
        older = [old for old in find_id(db, product.id).versions if old not in name]
        return edit(db, viewer, product, ProductFields(versions=[*name, *older]))


def find(db: Database, slug: str) -> Product:
    """The product with that slug."""
    return _one(db, "WHERE p.slug = :wanted", slug)


def find_id(db: Database, product_id: str) -> Product:
    """The product with that id."""
    return _one(db, "WHERE p.id = :wanted", product_id)


def ensure(db: Database, viewer: Viewer, name: str) -> Product:
    """The product of that slug or name, made when there is none."""
    values = {"slug": slug_of(name), "name": name}
    matches = _read(db, "WHERE p.slug IN (:slug, :name) OR p.name = :name", values)
    return matches[0] if matches else add(db, viewer, ProductFields(name))


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
        SELECT p.id, p.slug, p.name, p.where_fr, p.where_en, p.disabled_at, v.name AS version
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


def _set_disabled(
    db: Database, viewer: Viewer, product: Product, moment: str | None, kind: str
) -> Product:
    only_administrators(viewer)
    with db.atomic():
        changed = db.execute(
            """
            UPDATE products SET disabled_at = :moment
            WHERE id = :id AND (disabled_at IS NULL) <> (:moment IS NULL)
            """,
            {"moment": moment, "id": product.id},
        )
        if changed:
            audit.act(db, viewer, kind, subject=product.slug)
        return find_id(db, product.id)


def _columns(old: Product, fields: ProductFields) -> Row:
    """The columns of a product once what is given of it is changed."""
    return {
        "id": old.id,
        "name": old.name if fields.name is None else checked_name(fields.name),
        "where_fr": old.where_fr if fields.where_fr is None else _checked_where(fields.where_fr),
        "where_en": old.where_en if fields.where_en is None else _checked_where(fields.where_en),
    }


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
