"""Addresses that articles had: each leads to where its article is now, or says that it is gone.

They are kept by the article that had them last: one that comes back has all of them again, and
whatever was moved twice is one step away.
"""

from kbsearch import articles
from kbsearch.access import Viewer, article_readers
from kbsearch.articles import Card
from kbsearch.database import Database, Row
from kbsearch.errors import Gone


def find(db: Database, viewer: Viewer, language: str, slug: str) -> Card | None:
    """The live article that had an address before, if the viewer may read it."""
    rows = _read(db, language, slug)
    return articles.find_path(db, viewer, rows[0]["path"]) if rows else None


def check_gone(db: Database, viewer: Viewer, language: str, slug: str) -> None:
    """Raise Gone for an article that is no more, to those it was for; others never knew of it."""
    for row in _read(db, language, slug):
        is_reader = set(article_readers(row["audience"])) & set(viewer.principals)
        if is_reader and not row["is_live"]:
            raise Gone("article.gone")


def list_leading(db: Database, viewer: Viewer) -> list[tuple[str, str, str]]:
    """The addresses that live articles had: language, address and path of the article.

    An address that begins with `/` is one of another system, as `old_addresses.key_of` says it.
    What an article was called while it was for others, the viewer is not told.
    """
    aliases = db.query(
        """
        SELECT l.language, l.alias, a.path FROM article_aliases l
        JOIN articles a ON a.id = l.article_id JOIN state s ON s.value = l.publication_id
        WHERE s.name = 'live_publication' ORDER BY l.language, l.alias
        """
    )
    former = db.query(
        "SELECT language, slug, path, audience FROM former_addresses ORDER BY language, slug"
    )
    principals = set(viewer.principals)
    return [
        *((row["language"], row["alias"], row["path"]) for row in aliases),
        *(
            (row["language"], row["slug"], row["path"])
            for row in former
            if principals & set(article_readers(row["audience"]))
        ),
    ]


def may_hide(db: Database) -> bool:
    """Whether an address without a page may be one of an article that is not for everyone."""
    rows = db.query(
        """
        SELECT COUNT(*) AS n, COUNT(CASE WHEN a.audience <> 'everyone' THEN 1 END) AS hidden
        FROM articles a JOIN state s ON s.value = a.publication_id
        WHERE s.name = 'live_publication'
        """
    )
    return not rows[0]["n"] or bool(rows[0]["hidden"])


def _read(db: Database, language: str, slug: str) -> list[Row]:
    return db.query(
        """
        SELECT f.path, f.audience, EXISTS (
          SELECT 1 FROM articles a JOIN state s ON s.value = a.publication_id
          WHERE s.name = 'live_publication' AND a.path = f.path) AS is_live
        FROM former_addresses f WHERE f.language = :language AND f.slug = :slug
        """,
        {"language": language, "slug": slug},
    )
