"""Every article for those who write: what readers make of it, its age, what is wrong with it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Literal, get_args

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.articles.publishing.review_dates import reason_for
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row, Values
from kbsearch.search.learning.votes import FEW
from kbsearch.text.markup import slug_of

PAGE = 50
VIEWS_FOR = timedelta(days=90)
State = Literal["", "stale", "behind", "findings", "unread", "unhelpful"]
STATES: tuple[State, ...] = get_args(State)
Sort = Literal["title", "category", "views", "helped", "updated", "reviewed", "owner", "findings"]
SORTS: tuple[Sort, ...] = get_args(Sort)


@dataclass(frozen=True)
class ListedArticle:
    """A live article, and what is counted of it."""

    path: str
    language: str
    category: str
    slug: str
    title: str
    audience: str
    tags: tuple[str, ...]
    updated_at: str
    reviewed: str  # a day; empty where nobody said so
    review_by: str  # the same
    owner: str
    findings: int
    is_behind: bool  # its original was changed since it was translated
    paragraphs_behind: int  # how many of them; 0 where that is not known
    views: int  # from results, of late
    votes: int
    helped: int
    gaps: int  # searches without an answer that it answers now

    @property
    def are_few(self) -> bool:
        return self.votes < FEW

    @property
    def share(self) -> float:
        """How many of those who voted it helped."""
        return self.helped / self.votes if self.votes else 0.5


@dataclass(frozen=True)
class ArticleFilter:
    """Which articles, in which order."""

    text: str = ""
    language: str = ""
    category: str = ""
    tag: str = ""
    owner: str = ""
    state: State = ""
    sort: Sort = "title"
    is_descending: bool = False
    page: int = 1


@dataclass(frozen=True)
class ArticlePage:
    """A page of the list, and how many there are in all."""

    articles: tuple[ListedArticle, ...]
    total: int
    owners: tuple[str, ...]
    tags: tuple[str, ...]


def list_page(db: Database, viewer: Viewer, article_filter: ArticleFilter) -> ArticlePage:
    """The articles of a filter, page by page, for the staff."""
    access.only_staff(viewer)
    rows = _rows(db)
    chosen = [row for row in rows if _is_in(row, article_filter)]
    chosen.sort(key=lambda row: (_folded(row["title"]), row["path"]))
    if article_filter.sort != "title" or article_filter.is_descending:
        chosen.sort(key=_KEYS[article_filter.sort], reverse=article_filter.is_descending)
    start = (article_filter.page - 1) * PAGE
    tags = {tag for text in {row["tags"] for row in rows} for tag in json.loads(text)}
    return ArticlePage(
        tuple(_article(row) for row in chosen[start : start + PAGE]),
        len(chosen),
        tuple(sorted({row["owner"] for row in rows if row["owner"]})),
        tuple(sorted(tags)),
    )


def _rows(db: Database) -> list[Row]:
    """In one pass over each table: none is asked once an article."""
    since = {"since": stored(utc_now() - VIEWS_FOR)}
    views = _counted(
        db,
        "SELECT target AS path, COUNT(*) AS n FROM visit_events "
        "WHERE kind = 'opened' AND at >= :since GROUP BY target",
        since,
    )
    gaps = _counted(
        db, "SELECT answer AS path, COUNT(*) AS n FROM gaps WHERE answer <> '' GROUP BY answer"
    )
    votes = _counted(db, "SELECT path, COUNT(*) AS n FROM article_votes GROUP BY path")
    helped = _counted(db, "SELECT path, SUM(helped) AS n FROM article_votes GROUP BY path")
    rows = db.query(
        """
        SELECT path, language, category, slug, title, audience, tags, updated_at, reviewed,
               review_by, owner, findings, is_behind, paragraphs_behind
        FROM articles
        WHERE publication_id = (SELECT value FROM state WHERE name = 'live_publication')
        """
    )
    for row in rows:
        path = row["path"]
        row["views"], row["gaps"] = views.get(path, 0), gaps.get(path, 0)
        row["votes"], row["helped"] = votes.get(path, 0), helped.get(path, 0)
    return rows


def _counted(db: Database, sql: str, values: Values | None = None) -> dict[str, int]:
    return {row["path"]: int(row["n"]) for row in db.query(sql, values or {})}


def _article(row: Row) -> ListedArticle:
    tags = tuple(json.loads(row["tags"]))
    return ListedArticle(**{**row, "tags": tags, "is_behind": bool(row["is_behind"])})


def _is_in(row: Row, chosen: ArticleFilter) -> bool:
    return (
        (not chosen.language or row["language"] == chosen.language)
        and (not chosen.category or f"{row['category']}/".startswith(f"{chosen.category}/"))
        and (not chosen.tag or chosen.tag in json.loads(row["tags"]))
        and (not chosen.owner or row["owner"] == chosen.owner)
        and _STATES[chosen.state](row)
        and (not chosen.text or _has_words(row, chosen.text))
    )


def _has_words(row: Row, text: str) -> bool:
    words = filter(None, map(_folded, text.split()))
    written = f"{_folded(row['title'])} {row['path']} {row['owner']}"
    return all(word in written for word in words)


@lru_cache(maxsize=20_000)
def _folded(text: str) -> str:
    """By what titles are sorted and found; the same ones come back with each page."""
    return slug_of(text)


def _share(row: Row) -> float:
    """How many it helped; what nobody judged stands with what helped half."""
    return float(row["helped"] / row["votes"]) if row["votes"] else 0.5


def _is_stale(row: Row) -> bool:
    return bool(reason_for(row["review_by"], row["reviewed"], row["updated_at"]))


_STATES: dict[State, Callable[[Row], bool]] = {
    "": lambda row: True,
    "stale": _is_stale,
    "behind": lambda row: bool(row["is_behind"]),
    "findings": lambda row: row["findings"] > 0,
    "unread": lambda row: row["views"] == 0,
    "unhelpful": lambda row: row["votes"] >= FEW and _share(row) < 0.5,
}
_KEYS: dict[Sort, Callable[[Row], Any]] = {
    "title": lambda row: _folded(row["title"]),
    "category": lambda row: row["category"],
    "views": lambda row: row["views"],
    "helped": _share,
    "updated": lambda row: row["updated_at"],
    "reviewed": lambda row: row["reviewed"],
    "owner": lambda row: row["owner"],
    "findings": lambda row: row["findings"],
}
