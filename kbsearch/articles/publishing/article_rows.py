"""The articles of a publication as rows: what did not change is copied by the database itself."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from kbsearch.access import article_readers
from kbsearch.articles.publishing import front_matter
from kbsearch.articles.publishing.rendered import (
    Rendered,
    RenderedText,
    Resolved,
    TranslationLag,
)
from kbsearch.articles.publishing.rules import Reference, RuleRemark
from kbsearch.articles.publishing.sources import Source
from kbsearch.articles.publishing.tree import Entry, LastChange
from kbsearch.clock import now
from kbsearch.database import Database, Row, one_of

BATCH = 500  # articles of a statement
_CHANGING = ("audience", "lag", "paragraphs_behind", "findings", "is_behind", "position")


@dataclass(frozen=True)
class ArticleRow:
    """An article with what only the whole edition says of it."""

    article: Rendered
    id: str
    findings: int
    is_behind: bool
    position: int

    @property
    def changing(self) -> dict[str, object]:
        """What may be other than it was though the file is the same."""
        lag = self.article.lag
        return {
            "audience": self.article.audience,
            "lag": json.dumps(vars(lag)) if lag else "",
            "paragraphs_behind": len(lag.lines) if lag else 0,
            "findings": self.findings,
            "is_behind": int(self.is_behind),
            "position": self.position,
        }

    @property
    def has_same_readers(self) -> bool:
        """Whether those read it who read the row that it was read from."""
        stored = self.article.stored
        return stored is not None and bool(stored["audience"] == self.article.audience)


def id_of(publication_id: str, path: str) -> str:
    """The id of an article's row."""
    return f"{publication_id}/{path}"


def write(db: Database, publication_id: str, live_id: str, rows: Sequence[ArticleRow]) -> None:
    """Write the articles of a publication; those that are in the live one as they are, are copied.

    `live_id` is empty for a first publication, of which nothing is new: it is a whole site.
    """
    copied: list[ArticleRow] = []
    fresh: list[ArticleRow] = []
    for row in rows:
        stored = row.article.stored
        is_there = stored is not None and stored["slug"] == row.article.slug
        (copied if is_there else fresh).append(row)
    _copy(db, publication_id, live_id, copied)
    for row in copied:
        assert row.article.stored is not None
        values = row.changing
        if any(row.article.stored[name] != value for name, value in values.items()):
            names = ", ".join(f"{name} = :{name}" for name in _CHANGING)
            sql = f"UPDATE articles SET {names} WHERE id = :id"  # noqa: S608 (constants)
            db.execute(sql, {**values, "id": row.id})
    first = _first_moments(db, live_id, [row.article.source.path for row in fresh])
    moment = now() if live_id else ""
    db.insert_many(
        "articles",
        [
            {
                **_row(row.article),
                **row.changing,
                "id": row.id,
                "publication_id": publication_id,
                "first_at": first.get(row.article.source.path, moment),
            }
            for row in fresh
        ],
    )
    _write_readers(db, publication_id, live_id, copied, fresh)


def _copy(db: Database, publication_id: str, live_id: str, rows: Sequence[ArticleRow]) -> None:
    if not rows:
        return
    (any_row,) = db.query(
        "SELECT * FROM articles WHERE publication_id = :live LIMIT 1", {"live": live_id}
    )
    columns = ", ".join(name for name in any_row if name not in ("id", "publication_id"))
    for paths, values in _batches(publication_id, live_id, rows):
        db.execute(
            f"""
            INSERT INTO articles (id, publication_id, {columns})
            SELECT CAST(:publication AS TEXT) || '/' || path, CAST(:publication AS TEXT), {columns}
            FROM articles WHERE publication_id = :live AND path IN ({paths})
            """,  # noqa: S608 (constants)
            values,
        )


def _write_readers(
    db: Database,
    publication_id: str,
    live_id: str,
    copied: Sequence[ArticleRow],
    fresh: Sequence[ArticleRow],
) -> None:
    """Say who may read each article; for the same readers, as of the live one."""
    same = [row for row in copied if row.has_same_readers]
    for paths, values in _batches(publication_id, live_id, same):
        db.execute(
            f"""
            INSERT INTO article_readers (article_id, word)
            SELECT CAST(:publication AS TEXT) || '/' || a.path, r.word
            FROM articles a JOIN article_readers r ON r.article_id = a.id
            WHERE a.publication_id = :live AND a.path IN ({paths})
            """,  # noqa: S608 (names of values)
            values,
        )
    others = [*(row for row in copied if not row.has_same_readers), *fresh]
    db.insert_many(
        "article_readers",
        [
            {"article_id": row.id, "word": word}
            for row in others
            for word in article_readers(row.article.audience)
        ],
    )


def _batches(
    publication_id: str, live_id: str, rows: Sequence[ArticleRow]
) -> Iterator[tuple[str, dict[str, object]]]:
    """The paths of rows that are in the live publication too, so many a statement."""
    for start in range(0, len(rows), BATCH):
        batch = [row.article.source.path for row in rows[start : start + BATCH]]
        places, values = one_of("path", batch)
        yield places, {**values, "publication": publication_id, "live": live_id}


def _first_moments(db: Database, publication_id: str, paths: Sequence[str]) -> dict[str, str]:
    """When those articles of a publication came that it has."""
    moments: dict[str, str] = {}
    for start in range(0, len(paths), BATCH):
        places, values = one_of("path", paths[start : start + BATCH])
        sql = f"""
        SELECT path, first_at FROM articles WHERE publication_id = :id AND path IN ({places})
        """  # noqa: S608 (names of values)
        rows = db.query(sql, {"id": publication_id, **values})
        moments |= {row["path"]: row["first_at"] for row in rows}
    return moments


def read(db: Database, publication_id: str, *, is_lazy: bool = False) -> dict[str, Rendered]:
    """The articles of a publication by path.

    With `is_lazy` the text of each is read when it is asked for, while `db` is open.
    """
    columns = "id, path, language, category, slug, audience, summary, content_hash, changed_commit"
    columns += ", rendering, lag, paragraphs_behind, findings, is_behind, position"
    columns += "" if is_lazy else ", body_html, sections"
    rows = db.query(
        f"SELECT {columns} FROM articles WHERE publication_id = :id ORDER BY path",  # noqa: S608
        {"id": publication_id},
    )
    text = partial(_text_of, db) if is_lazy else _text
    # one JSON of them all is read in half the time of as many
    renderings = json.loads(f"[{','.join(row.pop('rendering') for row in rows)}]")
    return {
        row["path"]: _rendered(row, rendering, partial(text, row))
        for row, rendering in zip(rows, renderings, strict=True)
    }


def _text_of(db: Database, row: Row) -> RenderedText:
    (row,) = db.query("SELECT body_html, sections FROM articles WHERE id = :id", {"id": row["id"]})
    return _text(row)


def _text(row: Row) -> RenderedText:
    return RenderedText(row["body_html"], row["sections"])


def _row(article: Rendered) -> dict[str, object]:
    source, front, text = article.source, article.source.front, article.text()
    return {
        "slug": article.slug,
        "path": source.path,
        "language": source.language,
        "category": source.category,
        "translation_key": source.translation_key,
        "title": source.title,
        "summary": article.summary,
        "status": front.status,
        "products": json.dumps(front.list("product")),
        "version": front.text("version"),
        "tags": json.dumps(front.list("tags")),
        "found_by": json.dumps(front.found_by),
        "source_commit": front.text("source_commit") or None,
        "body_html": text.html,
        "sections": text.outline,
        "content_hash": source.entry.blob,
        "updated_at": article.updated_at,
        "changed_commit": article.change.commit or None,
        "owner": front.text("owner"),
        "reviewed": front.text("reviewed"),
        "review_by": front.text("review_by"),
        "searchable": 0 if source.is_excluded else 1,
        "rendering": json.dumps(_rendering(article)),
    }


def _rendering(article: Rendered) -> dict[str, Any]:
    """What the next publication needs to know that nothing has to be rendered again."""
    source = article.source
    return {
        "file": source.entry.path,
        "name": source.name,
        "heading": source.heading,
        "ignored": source.ignored,
        "front": front_matter.to_json(source.front),
        "changed_at": article.change.at,
        "anchors": sorted(article.anchors),
        "references": [[*resolved.reference, resolved.outcome] for resolved in article.references],
        "remarks": [list(vars(remark).values()) for remark in article.remarks],
        "wordings": article.wordings,
    }


def _rendered(row: Row, rendering: dict[str, Any], text: Callable[[], RenderedText]) -> Rendered:
    source = Source(
        entry=Entry(rendering["file"], row["content_hash"], 0),
        path=row["path"],
        language=row["language"],
        category=row["category"],
        name=rendering["name"],
        front=front_matter.from_json(rendering["front"]),
        heading=rendering["heading"],
        ignored=tuple((line, rule) for line, rule in rendering.get("ignored", ())),
    )
    return Rendered(
        source=source,
        slug=row["slug"],
        audience=row["audience"],
        summary=row["summary"],
        anchors=frozenset(rendering["anchors"]),
        wordings=tuple(rendering.get("wordings", ("", ""))),
        references=tuple(
            Resolved(Reference(*reference), outcome)
            for *reference, outcome in rendering["references"]
        ),
        remarks=tuple(RuleRemark(*remark) for remark in rendering["remarks"]),
        change=LastChange(rendering["changed_at"], row["changed_commit"] or ""),
        text=text,
        lag=_lag(row["lag"]),
        stored=row,
    )


def _lag(text: str) -> TranslationLag | None:
    if not text:
        return None
    lag = json.loads(text)
    source, translation = lag["made_of"]
    return TranslationLag(
        lag["original"],
        (source, translation),
        lines=tuple(lag["lines"]),
        kinds=tuple(lag["kinds"]),
        html=lag["html"],
    )
