"""What publications brought to those who follow it: articles that are new, or what changed in them.

It is told to whoever might read the article then, and may read it as it is live: by its title, and
by the headings that it still has.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from kbsearch import articles
from kbsearch.access import Viewer, article_readers
from kbsearch.articles import Card, follows
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Values

KEEP = timedelta(days=90)
_COLUMNS = "n.id, n.publication_id, n.path, n.content_hash, n.audience, n.at, n.is_new"


@dataclass(frozen=True)
class ArticleNews:
    """An article that came, or whose text changed."""

    id: str
    publication_id: str
    path: str
    content_hash: str
    audience: str  # that the article had
    at: str
    is_new: bool
    sections: tuple[str, ...]  # the headings under which something changed
    note: str  # what its commits say to readers
    author_id: str | None  # of whoever wrote all of the change


def keep(db: Database, news: Iterable[ArticleNews]) -> int:
    """Remember what a publication brings; the same text of an article once. How many are new."""
    return sum(
        db.execute(
            """
            INSERT INTO article_news (id, publication_id, path, content_hash, audience, at, is_new,
                                      sections, note, author_id)
            VALUES (:id, :publication_id, :path, :content_hash, :audience, :at, :is_new,
                    :sections, :note, :author_id)
            ON CONFLICT (path, content_hash) DO NOTHING
            """,
            {**vars(one), "is_new": int(one.is_new), "sections": json.dumps(one.sections)},
        )
        for one in news
    )


def move(db: Database, paths: Mapping[str, str]) -> None:
    """Have what is told of an article lead to where it is now."""
    led = [  # read before any is changed: two may have changed places
        (one.id, new)
        for old, new in paths.items()
        for one in _read(db, "n.path = :path", {"path": old})
    ]
    for news_id, path in led:
        db.execute(
            """
            UPDATE article_news SET path = :path WHERE id = :id AND NOT EXISTS (
              SELECT 1 FROM article_news o
              WHERE o.path = :path AND o.content_hash = article_news.content_hash)
            """,
            {"id": news_id, "path": path},
        )


def list_of_publication(db: Database, publication_id: str) -> list[ArticleNews]:
    """What one publication brought."""
    return _read(db, "n.publication_id = :id", {"id": publication_id})


def list_of_letter(db: Database, letter_id: str) -> list[ArticleNews]:
    """What a letter was asked to tell."""
    condition = "n.id IN (SELECT l.news_id FROM news_letter_lines l WHERE l.letter_id = :id)"
    return _read(db, condition, {"id": letter_id})


def as_read_by(
    db: Database, viewer: Viewer, lines: Iterable[ArticleNews]
) -> list[tuple[ArticleNews, Card]]:
    """Of some news what may be told to the viewer, with the article as they read it now."""
    words = set(viewer.principals)
    open_lines = [one for one in lines if words & set(article_readers(one.audience))]
    paths = list(dict.fromkeys(one.path for one in open_lines))
    cards = articles.list_paths(db, viewer, paths)
    headings = articles.list_headings(db, viewer, list(cards))
    return [
        (_with_headings(one, headings[one.path]), cards[one.path])
        for one in open_lines
        if one.path in cards
    ]


def list_followed(db: Database, viewer: Viewer, limit: int) -> list[tuple[ArticleNews, Card]]:
    """The last news of what the viewer follows, and may read; the last first."""
    topics = {(each.kind, each.subject) for each in follows.list_mine(db, viewer)}
    if not topics:
        return []
    recent = _read(db, "n.at > :since", {"since": stored(utc_now() - KEEP)})
    told = as_read_by(db, viewer, reversed(recent))
    return [(one, card) for one, card in told if topics & follows.topics_of(card)][:limit]


def forget_old(db: Database) -> int:
    """Remove what is too old to be told; how many."""
    moment = {"before": stored(utc_now() - KEEP)}
    return db.execute("DELETE FROM article_news WHERE at < :before", moment)


def _with_headings(one: ArticleNews, headings: set[str]) -> ArticleNews:
    return replace(one, sections=tuple(title for title in one.sections if title in headings))


def _read(db: Database, condition: str, values: Values) -> list[ArticleNews]:
    rows = db.query(
        f"""
        SELECT {_COLUMNS}, n.sections, n.note, n.author_id FROM article_news n
        WHERE {condition} ORDER BY n.at, n.path, n.id
        """,  # noqa: S608 (conditions are constants of this module)
        values,
    )
    return [
        ArticleNews(
            **{
                **row,
                "is_new": bool(row["is_new"]),
                "sections": tuple(json.loads(row["sections"])),
            }
        )
        for row in rows
    ]
