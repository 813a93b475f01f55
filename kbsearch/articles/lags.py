"""What of a translation is behind its original, for those who may read both."""

import json
from dataclasses import dataclass, field

from markupsafe import Markup

from kbsearch import articles
from kbsearch.access import Viewer
from kbsearch.articles import Article, Card
from kbsearch.database import Database


@dataclass(frozen=True)
class ArticleLag:
    """The paragraphs that are behind; none where there are none, or the viewer may not know."""

    original: Card | None = None
    lines: tuple[int, ...] = ()  # of the file
    kinds: tuple[str, ...] = ()  # of each: changed, missing or gone
    html: Markup = field(default=Markup())  # a note at each; empty where they have no sure place

    @property
    def count(self) -> int:
        return len(self.lines)


def find(db: Database, viewer: Viewer, article: Article) -> ArticleLag | None:
    """What of an article that the viewer reads is behind.

    None where it was not compared with its original, paragraph by paragraph.
    """
    rows = db.query("SELECT lag FROM articles WHERE id = :id", {"id": article.id})
    text = rows[0]["lag"] if rows else ""
    if not text:
        return None
    lag = json.loads(text)
    original = articles.find_path(db, viewer, lag["original"]) if lag["lines"] else None
    if original is None:
        return ArticleLag()
    html = Markup(lag["html"])  # it left markup.clean before it was stored
    return ArticleLag(original, tuple(lag["lines"]), tuple(lag["kinds"]), html)
