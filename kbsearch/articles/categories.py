"""Categories as they are browsed: each for those who may read an article in it, or further inside.

A category has no readers of its own. It is there for whoever reads something in it, so that its
name, its text and its number of articles say nothing to anybody else.
"""

from collections import Counter
from dataclasses import dataclass, field, replace

from markupsafe import Markup

from kbsearch.access import Viewer, only_staff, visible
from kbsearch.articles import Card, old_addresses
from kbsearch.database import Database, Row

_LIVE = "publication_id = (SELECT value FROM state WHERE name = 'live_publication')"


@dataclass(frozen=True)
class Category:
    """A folder of articles that the viewer has something to read in."""

    path: str
    name: str = ""  # empty where no file says one
    description: str = ""
    icon: str = ""
    landing: Markup = field(default=Markup())
    position: int = 0
    articles: int = 0  # those the viewer may read, further inside too
    own: int = 0  # those in it alone

    @property
    def outer(self) -> str:
        """What it lies in; the root is its own."""
        return self.path.rpartition("/")[0]

    @property
    def title(self) -> str:
        """Its own name, or that of its folder in words; empty for a root without a name."""
        return self.name or self.path.rpartition("/")[2].replace("-", " ").capitalize()


def list_all(db: Database, viewer: Viewer, language: str) -> tuple[Category, ...]:
    """Every category with something to read, each before those inside it; the root is one."""
    counts = _counts(db, viewer, language)
    totals: Counter[str] = Counter()
    for path, count in counts.items():
        for outer in with_outer(path):
            totals[outer] += count
    rows = {row["path"]: row for row in _rows(db, language)}
    shown = [
        replace(_category(rows.get(path), path), articles=total, own=counts.get(path, 0))
        for path, total in totals.items()
    ]
    return tuple(sorted(shown, key=lambda category: (category.position, category.path)))


def of_article(db: Database, article: Card) -> tuple[Category, ...]:
    """The category of an article that the viewer reads, after all it lies in but the root."""
    rows = {row["path"]: row for row in _rows(db, article.language)}
    paths = with_outer(article.category)
    return tuple(_category(rows.get(path), path) for path in paths[1:] or paths)


def find_old(db: Database, viewer: Viewer, address: str, language: str) -> tuple[str, str]:
    """The language and the path of the category that had this address in another system.

    Both are empty where none had it that the viewer has something to read in.
    """
    rows = db.query(
        f"SELECT language, path FROM category_aliases WHERE {_LIVE} AND alias = :key",  # noqa: S608
        {"key": old_addresses.key_of(address)},
    )
    wanted = (old_addresses.language_of(address), language)
    order = {name: place for place, name in reversed(list(enumerate(wanted)))}
    for row in sorted(rows, key=lambda row: (order.get(row["language"], 2), row["language"])):
        if any(each.path == row["path"] for each in list_all(db, viewer, row["language"])):
            return row["language"], row["path"]
    return "", ""


def list_offered(db: Database, viewer: Viewer, language: str) -> tuple[Category, ...]:
    """Every category that an article may be written in: the empty ones too."""
    only_staff(viewer)
    offered = [_category(row, row["path"]) for row in _rows(db, language) if row["path"]]
    return tuple(sorted(offered, key=lambda category: category.position))


def with_outer(path: str) -> list[str]:
    """A category after all it lies in, the root first."""
    parts = path.split("/") if path else []
    return ["/".join(parts[:length]) for length in range(len(parts) + 1)]


def _counts(db: Database, viewer: Viewer, language: str) -> dict[str, int]:
    readable, principals = visible(viewer, "article_readers", "article_id", "a.id")
    rows = db.query(
        f"""
        SELECT a.category, COUNT(*) AS n FROM articles a
        WHERE a.{_LIVE} AND {readable} AND a.language = :language GROUP BY a.category
        """,  # noqa: S608 (constants)
        {"language": language, **principals},
    )
    return {row["category"]: int(row["n"]) for row in rows}


def _rows(db: Database, language: str) -> list[Row]:
    return db.query(
        f"SELECT * FROM categories WHERE {_LIVE} AND language = :language",  # noqa: S608
        {"language": language},
    )


def _category(row: Row | None, path: str) -> Category:
    if row is None:
        return Category(path)
    landing = Markup(row["landing"])  # it left markup.clean before it was stored
    return Category(path, row["name"], row["description"], row["icon"], landing, row["position"])
