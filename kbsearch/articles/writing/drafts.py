"""Articles being written: kept for whoever writes them, from the first pause on.

What was masked in one is kept beside it until it is thrown away or forgotten, for whoever writes
it alone: a piece that was nobody's can be put back.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.articles.writing import amending, composition, files
from kbsearch.articles.writing.amending import OriginalFile
from kbsearch.articles.writing.composition import GAP, Composed, Hidden
from kbsearch.articles.writing.files import ArticleFile
from kbsearch.clock import now, stored, utc_now
from kbsearch.database import Database, Row, one_of
from kbsearch.errors import Conflict, Invalid, NotFound, TooMany
from kbsearch.tickets import Link, visibility
from kbsearch.tickets.filing.drafts import check_key

compose = composition.compose
MAX_DRAFTS = 100
MAX_HIDDEN = 2_000
MAX_TAB = 64


@dataclass(frozen=True)
class ArticleDraft:
    """An article that somebody writes, of which requests and for which gap."""

    key: str
    article: ArticleFile
    hidden: tuple[Hidden, ...]
    tickets: tuple[Link, ...]  # those the viewer may still read
    gap: str
    edition: int  # grows with every change: send it back with the next
    branch: str  # where it was proposed; empty before
    commit: str
    updated_at: str
    original: OriginalFile | None = None  # of an article that is there already

    @property
    def place(self) -> str:
        """The file that will hold it, from the content's root."""
        return amending.place(self.article, self.original)


def save(
    db: Database,
    viewer: Viewer,
    key: str,
    composed: Composed,
    *,
    edition: int = 0,
    tab: str = "",
) -> ArticleDraft:
    """Keep what is written so far.

    A page saves over what it saw or wrote itself. Raises Conflict, with what both have, when
    another page of the same draft was quicker, and Invalid for a text that is too long.
    """
    access.only_staff(viewer, "article_draft.not_found")
    check_key(key)
    files.check_length(composed.article)
    fields = json.dumps(files.tidy(composed.article).as_fields(), ensure_ascii=False)
    page = _PageState(fields, tab[:MAX_TAB], now())

    def write() -> ArticleDraft:
        rows = _read(db, viewer, "d.form_key = :key", key=key)
        if not rows:
            _insert(db, viewer, key, composed, page)
        elif rows[0]["fields"] != fields:  # a page saves once more as it is left: the same again
            there = _draft(db, viewer, rows[0])
            is_same_page = bool(tab) and rows[0]["tab"] == tab
            if rows[0]["edition"] != edition and not is_same_page:
                raise Conflict(
                    "article_draft.changed", _differences(composed.article, there.article)
                )
            db.execute(
                """
                UPDATE article_drafts SET fields = :fields, edition = edition + 1, tab = :tab,
                  updated_at = :updated_at WHERE person_id = :me AND form_key = :key
                """,
                {**vars(page), **_own(viewer, key)},
            )
        return find(db, viewer, key)

    return db.retried(write)


def find(db: Database, viewer: Viewer, key: str) -> ArticleDraft:
    """A draft of the viewer's; nobody else's exists."""
    access.only_staff(viewer, "article_draft.not_found")
    rows = _read(db, viewer, "d.form_key = :key", key=key)
    if not rows:
        raise NotFound("article_draft.not_found")
    return _draft(db, viewer, rows[0])


def find_of(
    db: Database, viewer: Viewer, *, ticket: int = 0, gap: str = "", place: str = ""
) -> ArticleDraft | None:
    """What the viewer began to write of a request, for a gap or in a file; the last one."""
    access.only_staff(viewer, "article_draft.not_found")
    if place:
        rows = _read(db, viewer, "d.place = :place", place=place)
    elif gap:
        rows = _read(db, viewer, "d.gap = :gap", gap=gap)
    else:
        condition = """
            EXISTS (SELECT 1 FROM article_draft_tickets l JOIN tickets t ON t.id = l.ticket_id
                    WHERE l.person_id = d.person_id AND l.form_key = d.form_key
                    AND t.number = :number)
        """
        rows = _read(db, viewer, condition, number=ticket)
    return _draft(db, viewer, rows[0]) if rows else None


def list_all(db: Database, viewer: Viewer) -> list[ArticleDraft]:
    """The viewer's drafts, the last changed first."""
    access.only_staff(viewer, "article_draft.not_found")
    return [_draft(db, viewer, row) for row in _read(db, viewer, "1 = 1")]


def discard(db: Database, viewer: Viewer, key: str) -> None:
    """Throw a draft away; what was proposed of it stays on its branch."""
    access.only_staff(viewer, "article_draft.not_found")
    deleted = db.execute(
        "DELETE FROM article_drafts WHERE person_id = :me AND form_key = :key", _own(viewer, key)
    )
    if not deleted:
        raise NotFound("article_draft.not_found")


def links(db: Database, viewer: Viewer, composed: Composed) -> tuple[Link, ...]:
    """The requests that a first draft was made of, as far as the viewer may read them."""
    return tuple(_links(db, viewer, "t.number", composed.tickets))


def is_confidential(db: Database, links: Sequence[Link]) -> bool:
    """Whether one of some requests was to stay between its people and the support team."""
    places, values = one_of("ticket", [link.id for link in links])
    sql = f"SELECT 1 FROM tickets WHERE confidential = 1 AND id IN ({places})"  # noqa: S608
    return bool(db.query(sql, values))


def mark_proposed(db: Database, viewer: Viewer, key: str, branch: str, commit: str) -> None:
    """Keep where a draft was proposed."""
    db.execute(
        """
        UPDATE article_drafts SET branch = :branch, commit_id = :commit
        WHERE person_id = :me AND form_key = :key
        """,
        {"branch": branch, "commit": commit, **_own(viewer, key)},
    )


def start_from(db: Database, viewer: Viewer, key: str, original: OriginalFile) -> None:
    """Take another text for the one that a draft changes: its own was put together with it."""
    db.execute(
        """
        UPDATE article_drafts SET place = :place, original = :text
        WHERE person_id = :me AND form_key = :key
        """,
        {**vars(original), **_own(viewer, key)},
    )


def forget_old(db: Database, days: int, *, at: datetime | None = None) -> int:
    """Forget the drafts that nobody touched for that many days; how many."""
    before = stored((at or utc_now()) - timedelta(days=days))
    return db.execute("DELETE FROM article_drafts WHERE updated_at < :before", {"before": before})


def _own(viewer: Viewer, key: str) -> dict[str, object]:
    return {"me": viewer.person_id, "key": key}


@dataclass(frozen=True)
class _PageState:
    """What a page says at one moment, as it is stored."""

    fields: str
    tab: str
    updated_at: str


def _insert(db: Database, viewer: Viewer, key: str, composed: Composed, page: _PageState) -> None:
    count = db.query(
        "SELECT COUNT(*) AS n FROM article_drafts WHERE person_id = :me", {"me": viewer.person_id}
    )
    if count[0]["n"] >= MAX_DRAFTS:
        raise TooMany("article_draft.too_many", retry_after=86_400, limit=MAX_DRAFTS)
    if composed.gap and not GAP.fullmatch(composed.gap):
        raise Invalid("article_draft.gap_unknown")
    hidden = [asdict(item) for item in composed.hidden[:MAX_HIDDEN]]
    own = {"person_id": viewer.person_id, "form_key": key}
    db.insert(
        "article_drafts",
        {
            **own,
            **vars(page),
            "hidden": json.dumps(hidden, ensure_ascii=False),
            "gap": composed.gap,
            "place": composed.original.place if composed.original else "",
            "original": composed.original.text if composed.original else "",
            "edition": 1,
            "created_at": page.updated_at,
        },
    )
    readable = _links(db, viewer, "t.number", composed.tickets)
    db.insert_many("article_draft_tickets", [{**own, "ticket_id": link.id} for link in readable])


def _read(db: Database, viewer: Viewer, condition: str, /, **values: object) -> list[Row]:
    return db.query(
        f"""
        SELECT d.form_key, d.fields, d.hidden, d.gap, d.edition, d.tab, d.branch, d.commit_id,
               d.updated_at, d.place, d.original
        FROM article_drafts d WHERE d.person_id = :me AND {condition}
        ORDER BY d.updated_at DESC, d.form_key
        """,  # noqa: S608 (constants of this module)
        {"me": viewer.person_id, **values},
    )


def _draft(db: Database, viewer: Viewer, row: Row) -> ArticleDraft:
    of_draft = db.query(
        "SELECT ticket_id FROM article_draft_tickets WHERE person_id = :me AND form_key = :key",
        _own(viewer, row["form_key"]),
    )
    return ArticleDraft(
        key=row["form_key"],
        article=ArticleFile.of_fields(json.loads(row["fields"])),
        hidden=tuple(Hidden(**item) for item in json.loads(row["hidden"])),
        tickets=tuple(_links(db, viewer, "t.id", [link["ticket_id"] for link in of_draft])),
        gap=row["gap"],
        edition=row["edition"],
        branch=row["branch"],
        commit=row["commit_id"],
        updated_at=row["updated_at"],
        original=OriginalFile(row["place"], row["original"]) if row["place"] else None,
    )


def _links(
    db: Database, viewer: Viewer, column: str, identifiers: tuple[int, ...] | list[str]
) -> list[Link]:
    """Those of some tickets that the viewer may read, in the order of their numbers."""
    places, values = one_of("wanted", list(identifiers))
    condition, principals = visibility.condition(viewer)
    rows = db.query(
        f"""
        SELECT t.id, t.number, t.subject FROM tickets t
        WHERE {column} IN ({places}) AND {condition} ORDER BY t.number
        """,  # noqa: S608 (constants of this module)
        {**values, **principals},
    )
    return [Link(**row) for row in rows]


def _differences(article: ArticleFile, stored_article: ArticleFile) -> dict[str, tuple[str, str]]:
    own, there = article.as_fields(), stored_article.as_fields()
    return {
        name: (_told(value), _told(there[name]))
        for name, value in own.items()
        if value != there[name]
    }


def _told(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else "\n".join(value)
