"""What of a translation is behind its original, for those who may read both."""

import json
from dataclasses import dataclass

from markupsafe import Markup

from kbsearch import articles
from kbsearch.access import Viewer
from kbsearch.articles import Article, Card
from kbsearch.database import Database


@dataclass(frozen=True)
class ArticleLag:
    """The paragraphs that are behind."""

    original: Card
    lines: tuple[int, ...]  # of the file
    kinds: tuple[str, ...]  # of each: changed, missing or gone
    html: Markup  # the text with a note at each; empty where they have no sure place

    @property
    def count(self) -> int:
        return len(self.lines)


def is_known(db: Database, article: Article) -> bool:
    """Whether a translation was compared with its original, paragraph by paragraph."""
    return bool(_lag(db, article))


def find(db: Database, viewer: Viewer, article: Article) -> ArticleLag | None:
    """What of an article that the viewer reads is behind; None where nothing is that they see."""
    lag = json.loads(_lag(db, article) or "{}")
    if not lag.get("lines"):
        return None
    original = articles.find_path(db, viewer, lag["original"])
    if original is None:
        return None
    html = Markup(lag["html"])  # it left markup.clean before it was stored
    return ArticleLag(original, tuple(lag["lines"]), tuple(lag["kinds"]), html)


def _lag(db: Database, article: Article) -> str:
    rows = db.query("SELECT lag FROM articles WHERE id = :id", {"id": article.id})
    return str(rows[0]["lag"]) if rows else ""
