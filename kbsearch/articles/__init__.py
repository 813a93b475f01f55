"""Articles as they are read: what is live, each for the viewers it is meant for."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from markupsafe import Markup

from kbsearch.access import Viewer, visible
from kbsearch.articles import old_addresses
from kbsearch.database import Database, Row, escape_like, one_of
from kbsearch.errors import NotFound
from kbsearch.search.fulltext.documents import Page
from kbsearch.text.markup import Section
from kbsearch.text.markup.outline import Passage

DATABASE_SEARCH_WORDS = 6
RELATED_AMONG = 200  # articles looked at to find the nearest

_LIVE = "a.publication_id = (SELECT value FROM state WHERE name = 'live_publication')"
_AT_ONCE = 500  # paths of a query
_CARD = (
    "a.id, a.path, a.language, a.category, a.slug, a.translation_key, a.title, a.summary, "
    "a.audience, a.products, a.version, a.tags, a.updated_at"
)
_WHOLE = (
    f"{_CARD}, a.found_by, a.source_commit, a.changed_commit, a.content_hash, a.body_html, "
    "a.sections"
)


@dataclass(frozen=True)
class Card:
    """What a list shows of an article."""

    id: str
    path: str  # `fr/account/sign-in`
    language: str
    category: str
    slug: str
    translation_key: str
    title: str
    summary: str
    audience: str
    products: tuple[str, ...]
    version: str
    tags: tuple[str, ...]
    updated_at: str


C = TypeVar("C", bound=Card)


@dataclass(frozen=True)
class Article(Card):
    """An article, whole."""

    found_by: tuple[str, ...]
    source_commit: str
    commit: str  # of its last change; empty when the content is a plain folder
    edition: str  # what a change of it changes: the commit, or a hash of its text
    html: Markup
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Media:
    """An image of an article, or a file it offers: that one has no width."""

    hash: str
    media_type: str
    width: int | None
    height: int | None
    body: bytes


def live_publication(db: Database) -> str | None:
    """The id of the publication that is served."""
    rows = db.query("SELECT value FROM state WHERE name = 'live_publication'")
    return str(rows[0]["value"]) if rows else None


def live_commit(db: Database) -> str:
    """The commit that is served; empty before the first publication."""
    rows = db.query(
        """
        SELECT p.commit_id FROM publications p JOIN state s ON s.value = p.id
        WHERE s.name = 'live_publication'
        """
    )
    return str(rows[0]["commit_id"]) if rows else ""


def find(db: Database, viewer: Viewer, language: str, slug: str) -> Article:
    """The live article at that address; raises NotFound."""
    condition = "a.language = :language AND a.slug = :slug"
    rows = _select(db, viewer, _WHOLE, condition, language=language, slug=slug)
    if not rows:
        raise NotFound("article.not_found")
    return _article(rows[0])


def find_path(db: Database, viewer: Viewer, path: str) -> Card | None:
    """The live article of that id, `fr/account/sign-in`, if the viewer may read it."""
    rows = _select(db, viewer, _CARD, "a.path = :path", path=path)
    return _card(rows[0]) if rows else None


def find_file(db: Database, viewer: Viewer, path: str) -> str:
    """The file of a live article, from the content's root; raises NotFound."""
    rows = _select(db, viewer, "a.rendering", "a.path = :path", path=path)
    if not rows:
        raise NotFound("article.not_found")
    return str(json.loads(rows[0]["rendering"])["file"])


def find_alias(db: Database, viewer: Viewer, language: str, slug: str) -> Article | None:
    """The live article that had this address before."""
    condition = """
        a.id = (SELECT article_id FROM article_aliases l
                WHERE l.publication_id = a.publication_id
                AND l.language = :language AND l.alias = :slug)
    """
    rows = _select(db, viewer, _WHOLE, condition, language=language, slug=slug)
    return _article(rows[0]) if rows else None


def find_old(db: Database, viewer: Viewer, address: str, language: str) -> Card | None:
    """The live article that had this address in another system.

    It is that of the language the address names, of `language`, or whichever there is.
    """
    condition = """
        a.id IN (SELECT article_id FROM article_aliases l
                 WHERE l.publication_id = a.publication_id AND l.alias = :key)
        ORDER BY CASE a.language WHEN :named THEN 0 WHEN :language THEN 1 ELSE 2 END, a.language
        LIMIT 1
    """
    values = {
        "key": old_addresses.key_of(address),
        "named": old_addresses.language_of(address),
        "language": language,
    }
    rows = _select(db, viewer, _CARD, condition, **values)
    return _card(rows[0]) if rows else None


def translations(db: Database, viewer: Viewer, article: Article) -> tuple[Article, ...]:
    """The same article in the other languages: one each, of the same version where there is one."""
    condition = "a.translation_key = :key AND a.language <> :language ORDER BY a.path"
    values = {"key": article.translation_key, "language": article.language}
    return translations_among(
        article, map(_article, _select(db, viewer, _WHOLE, condition, **values))
    )


def translations_among(article: Card, twins: Iterable[C]) -> tuple[C, ...]:
    """The same, of articles of its key that were read already."""

    def rank(twin: Card) -> tuple[bool, str]:
        return twin.version == article.version, twin.path

    best: dict[str, C] = {}
    for twin in sorted(twins, key=rank):
        if twin.language != article.language:
            best[twin.language] = twin
    return tuple(best[language] for language in sorted(best))


def list_twins(db: Database, viewer: Viewer, translation_key: str) -> tuple[Card, ...]:
    """The articles of a key that the viewer may read, of every language and version."""
    condition = "a.translation_key = :key ORDER BY a.path"
    return tuple(map(_card, _select(db, viewer, _CARD, condition, key=translation_key)))


def list_paths(db: Database, viewer: Viewer, paths: Iterable[str]) -> dict[str, Card]:
    """The live articles by their paths, of those that the viewer may read, in that order."""
    wanted_paths = list(dict.fromkeys(paths))
    cards: dict[str, Card] = {}
    for start in range(0, len(wanted_paths), _AT_ONCE):
        places, values = one_of("path", wanted_paths[start : start + _AT_ONCE])
        rows = _select(db, viewer, _CARD, f"a.path IN ({places})", **values)
        cards |= {row["path"]: _card(row) for row in rows}
    return {path: cards[path] for path in wanted_paths if path in cards}


def list_bodies(db: Database, viewer: Viewer, paths: Sequence[str]) -> dict[str, str]:
    """The HTML of articles by their paths, of those that the viewer may read."""
    bodies: dict[str, str] = {}
    for start in range(0, len(paths), _AT_ONCE):
        places, values = one_of("path", paths[start : start + _AT_ONCE])
        rows = _select(db, viewer, "a.path, a.body_html", f"a.path IN ({places})", **values)
        bodies |= {row["path"]: row["body_html"] for row in rows}
    return bodies


def list_headings(db: Database, viewer: Viewer, paths: Sequence[str]) -> dict[str, set[str]]:
    """The titles of articles and of their sections by their paths, where the viewer may read."""
    headings: dict[str, set[str]] = {}
    for start in range(0, len(paths), _AT_ONCE):
        places, values = one_of("path", paths[start : start + _AT_ONCE])
        columns, condition = "a.path, a.title, a.sections", f"a.path IN ({places})"
        for row in _select(db, viewer, columns, condition, **values):
            titles = (title for _, title, _, _ in json.loads(row["sections"]))
            headings[row["path"]] = {row["title"], *titles}
    return headings


def related(db: Database, viewer: Viewer, article: Article, limit: int = 4) -> tuple[Card, ...]:
    """Neighbours: of the same category or product, those that share most with it first."""
    condition = """
        a.language = :language AND a.id <> :id
        AND (a.category = :category OR (a.products = :products AND a.products <> '[]'))
        ORDER BY a.updated_at DESC, a.path LIMIT :among
    """
    values = {
        "id": article.id,
        "language": article.language,
        "category": article.category,
        "products": json.dumps(article.products),
        "among": RELATED_AMONG,
    }
    cards = [_card(row) for row in _select(db, viewer, _CARD, condition, **values)]

    def shared(card: Card) -> int:
        common = set(card.tags) & set(article.tags)
        same_products = set(card.products) & set(article.products)
        return 2 * len(common) + len(same_products) + (card.category == article.category)

    return tuple(sorted(cards, key=shared, reverse=True)[:limit])


def list_recent(
    db: Database,
    viewer: Viewer,
    language: str,
    limit: int = 10,
    *,
    category: str = "",
    product: str = "",
) -> tuple[Card, ...]:
    """The articles changed last: all, those in a category and further inside, of a product."""
    condition = """
        a.language = :language
        AND (:category = '' OR a.category = :category OR a.category LIKE :inside ESCAPE '!')
        AND (:product = '' OR a.products LIKE :pattern ESCAPE '!')
        ORDER BY a.updated_at DESC, a.path LIMIT :limit
    """
    values = {
        "language": language,
        "limit": limit,
        "category": category,
        "inside": f"{escape_like(category)}/%",
        "product": product,
        "pattern": f"%{escape_like(json.dumps(product))}%",
    }
    return tuple(_card(row) for row in _select(db, viewer, _CARD, condition, **values))


def list_after(
    db: Database,
    viewer: Viewer,
    path: str,
    limit: int,
    *,
    language: str | None = None,
    product: str | None = None,
) -> tuple[Card, ...]:
    """The articles whose path comes after one, in their order; in one language, of one product."""
    condition = """
        a.path > :after AND (:language IS NULL OR a.language = :language)
        AND (:product IS NULL OR a.products LIKE :pattern ESCAPE '!')
        ORDER BY a.path LIMIT :limit
    """
    values = {
        "after": path,
        "language": language,
        "product": product,
        "pattern": f"%{escape_like(json.dumps(product))}%",
        "limit": limit,
    }
    return tuple(_card(row) for row in _select(db, viewer, _CARD, condition, **values))


def list_category(
    db: Database, viewer: Viewer, language: str, category: str, limit: int, offset: int = 0
) -> tuple[Card, ...]:
    """The articles of a category alone, in its order."""
    condition = """
        a.language = :language AND a.category = :category
        ORDER BY a.position, a.path LIMIT :limit OFFSET :offset
    """
    values = {"language": language, "category": category, "limit": limit, "offset": offset}
    return tuple(_card(row) for row in _select(db, viewer, _CARD, condition, **values))


def list_first(
    db: Database, viewer: Viewer, language: str, limit: int
) -> dict[str, tuple[Card, ...]]:
    """The first articles of each category that lies in no other."""
    readable, principals = visible(viewer, "article_readers", "article_id", "a.id")
    rows = db.query(
        f"""
        SELECT {_CARD} FROM articles a JOIN (
          SELECT a.id, ROW_NUMBER() OVER (PARTITION BY a.category ORDER BY a.position, a.path) AS n
          FROM articles a WHERE {_LIVE} AND {readable} AND a.language = :language
          AND a.category NOT LIKE '%/%'
        ) f ON f.id = a.id
        WHERE f.n <= :limit ORDER BY a.category, a.position, a.path
        """,  # noqa: S608 (constants)
        {"language": language, "limit": limit, **principals},
    )
    first: dict[str, list[Card]] = {}
    for row in rows:
        first.setdefault(row["category"], []).append(_card(row))
    return {category: tuple(cards) for category, cards in first.items()}


def neighbours(db: Database, viewer: Viewer, article: Article) -> tuple[Card | None, Card | None]:
    """The article before and the one after, in the order of its category."""

    here = "a.language = :language AND a.category = :category AND a.position"
    own = "(SELECT position FROM articles WHERE id = :id)"
    values = {"language": article.language, "category": article.category, "id": article.id}

    def nearest(condition: str) -> Card | None:
        rows = _select(db, viewer, _CARD, condition, **values)
        return _card(rows[0]) if rows else None

    before = nearest(f"{here} < {own} ORDER BY a.position DESC LIMIT 1")
    return before, nearest(f"{here} > {own} ORDER BY a.position LIMIT 1")


def list_of_product(db: Database, viewer: Viewer, language: str, product: str) -> tuple[Card, ...]:
    """Every article about a product, category by category."""
    condition = """
        a.language = :language AND a.products LIKE :pattern ESCAPE '!'
        ORDER BY a.category, a.position, a.path
    """
    pattern = f"%{escape_like(json.dumps(product))}%"
    rows = _select(db, viewer, _CARD, condition, language=language, pattern=pattern)
    return tuple(_card(row) for row in rows)


def list_news(
    db: Database, viewer: Viewer, language: str, since: str, limit: int, offset: int = 0
) -> tuple[tuple[Card, bool], ...]:
    """The articles by their last change, and whether each came after `since`."""
    condition = """
        a.language = :language ORDER BY a.updated_at DESC, a.path LIMIT :limit OFFSET :offset
    """
    values = {"language": language, "limit": limit, "offset": offset}
    rows = _select(db, viewer, f"{_CARD}, a.first_at", condition, **values)
    return tuple((_card(row), row["first_at"] > since) for row in rows)


def count(db: Database, viewer: Viewer, language: str) -> int:
    """How many live articles of a language the viewer may read."""
    rows = _select(db, viewer, "COUNT(*) AS n", "a.language = :language", language=language)
    return int(rows[0]["n"])


def find_media(db: Database, viewer: Viewer, digest: str) -> Media:
    """What a live article shows or offers, for those who may read it; raises NotFound."""
    condition, values = visible(viewer, "article_readers", "article_id", "a.id")
    rows = db.query(
        f"""
        SELECT m.hash, m.media_type, m.width, m.height, m.body FROM media m
        WHERE m.hash = :hash AND EXISTS (
          SELECT 1 FROM article_media am JOIN articles a ON a.id = am.article_id
          WHERE am.hash = m.hash AND {_LIVE} AND {condition})
        """,  # noqa: S608 (constants)
        {"hash": digest, **values},
    )
    if not rows:
        raise NotFound("article.media_not_found")
    return Media(**rows[0])


def search_database(
    db: Database, viewer: Viewer, language: str, text: str, limit: int
) -> tuple[Card, ...]:
    """Articles that hold every word of a text, those with all in the title first.

    For the time without an index: the words are looked for as they are written.
    """
    words = text.replace("\x00", " ").lower().split()[:DATABASE_SEARCH_WORDS]
    if not words:
        return ()
    patterns = {f"term{n}": f"%{escape_like(word)}%" for n, word in enumerate(words)}

    def holds(column: str) -> str:
        return " AND ".join(f"LOWER({column}) LIKE :{name} ESCAPE '!'" for name in patterns)

    condition = f"""
        a.language = :language AND {holds("a.title || ' ' || a.sections")}
        ORDER BY CASE WHEN {holds("a.title")} THEN 0 ELSE 1 END, a.path LIMIT :limit
    """
    values = {**patterns, "language": language, "limit": limit}
    return tuple(_card(row) for row in _select(db, viewer, _CARD, condition, **values))


def pages(db: Database, publication_id: str) -> list[Page]:
    """The articles of a publication as the search takes them in."""
    readers: dict[str, list[str]] = {}
    for row in db.query(
        """
        SELECT r.article_id, r.word FROM article_readers r
        JOIN articles a ON a.id = r.article_id
        WHERE a.publication_id = :id ORDER BY r.word
        """,
        {"id": publication_id},
    ):
        readers.setdefault(row["article_id"], []).append(row["word"])
    rows = db.query(
        """
        SELECT id, path, slug, language, title, summary, sections, tags, found_by, products,
               version, updated_at
        FROM articles WHERE publication_id = :id AND searchable = 1 ORDER BY path
        """,
        {"id": publication_id},
    )
    return [_page(row, tuple(readers.get(row["id"], ()))) for row in rows]


def count_searchable(db: Database) -> int:
    """How many live articles the search takes in."""
    rows = db.query(
        """
        SELECT COUNT(*) AS n FROM articles a JOIN state s ON s.value = a.publication_id
        WHERE s.name = 'live_publication' AND a.searchable = 1
        """
    )
    return int(rows[0]["n"])


def synonyms(db: Database, publication_id: str) -> str:
    """The synonyms file published with those articles."""
    rows = db.query("SELECT synonyms FROM publications WHERE id = :id", {"id": publication_id})
    return str(rows[0]["synonyms"]) if rows else ""


def _select(
    db: Database, viewer: Viewer, columns: str, condition: str, /, **values: object
) -> list[Row]:
    """Live articles that the viewer may read."""
    readable, principals = visible(viewer, "article_readers", "article_id", "a.id")
    sql = f"SELECT {columns} FROM articles a WHERE {_LIVE} AND {readable} AND {condition}"  # noqa: S608
    return db.query(sql, {**values, **principals})


def _card_values(row: Row) -> dict[str, Any]:
    names = ("id", "path", "language", "category", "slug", "translation_key", "title", "summary")
    values = {name: row[name] for name in (*names, "audience", "updated_at")}
    values["version"] = row["version"] or ""
    return values | {name: tuple(json.loads(row[name])) for name in ("products", "tags")}


def _card(row: Row) -> Card:
    return Card(**_card_values(row))


def _article(row: Row) -> Article:
    return Article(
        **_card_values(row),
        found_by=tuple(json.loads(row["found_by"])),
        source_commit=row["source_commit"] or "",
        commit=row["changed_commit"] or "",
        edition=row["changed_commit"] or row["content_hash"],
        html=Markup(row["body_html"]),  # it left markup.clean before it was stored
        sections=tuple(
            Section(anchor, title, level)
            for anchor, title, level, _ in json.loads(row["sections"])
            if anchor
        ),
    )


def _page(row: Row, readers: tuple[str, ...]) -> Page:
    sections = json.loads(row["sections"])
    return Page(
        path=row["path"],
        slug=row["slug"],
        language=row["language"],
        title=row["title"],
        summary=row["summary"],
        passages=tuple(Passage(anchor, title, text) for anchor, title, _, text in sections),
        phrases=(*json.loads(row["tags"]), *json.loads(row["found_by"])),
        products=tuple(json.loads(row["products"])),
        version=row["version"] or "",
        readers=readers,
        updated_at=row["updated_at"],
    )
