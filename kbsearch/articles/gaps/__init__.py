"""Gaps: what people look for and do not find, by how many of them, and what became of it.

A gap gathers texts that ask the same. It has a number for good, `G-42`, which a commit names to
close it. It is shown once two people touched it, or one who said so to the support team: what a
single person typed into a box is nobody's business. Guests are shown and rank nothing: who they
are, and how many, is as good as their word.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from kbsearch import access, articles, revisions
from kbsearch.access import CUSTOMERS, EVERYONE, Viewer
from kbsearch.articles.gaps.counts import IS_GUEST
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row, Values, one_of
from kbsearch.errors import Invalid, NotFound
from kbsearch.text import plain_text
from kbsearch.tickets import visibility

GapState = Literal["open", "dismissed", "answered", "closed"]
Shelf = Literal["open", "guests", "hidden", "closed", "dismissed"]  # as the board parts them
SHELVES: tuple[Shelf, ...] = get_args(Shelf)

MAX_REASON = 500
MOST_LISTED = 200
MOST_PHRASES = 20
MOST_FOUND = 5  # articles that were shown and not opened
MOST_TICKETS = 20
MOST_COUNTED = 2_000  # signals whose texts are told apart, the latest
MOST_LOOKED_AT = 500  # searches of a gap whose results are counted
READER = Viewer(role="customer", principals=(CUSTOMERS, EVERYONE))  # what any customer finds

_SHELVES: Mapping[Shelf, str] = {
    "open": "g.state = 'open' AND g.people > 0",
    "guests": "g.state = 'open' AND g.people = 0 AND g.guests > 0",
    "hidden": "g.state = 'open' AND g.people = 0 AND g.guests = 0",
    "closed": "g.state IN ('closed', 'answered')",
    "dismissed": "g.state = 'dismissed'",
}


@dataclass(frozen=True)
class Gap:
    """What several people looked for; `counts` says how often by kind of signal."""

    id: str
    number: int
    title: str  # the words most people used, or the title of the article at fault
    path: str  # of that article
    state: GapState
    reason: str  # why it was dismissed
    answer: str  # the article that answers it
    commit_id: str  # that closed it
    decided_at: str | None
    people: int  # who are known
    guests: int  # networks of those who are not
    hidden_people: int  # guests too, who would have found something if they might read it
    organisations: int
    products: tuple[str, ...]
    counts: Mapping[str, int]
    found_since: int  # people, since it was closed
    failed_since: int
    first_at: str
    last_at: str

    @property
    def name(self) -> str:
        return f"G-{self.number}"


@dataclass(frozen=True)
class GapPhrase:
    """A text as people typed it, without personal data."""

    text: str
    people: int
    guests: int
    times: int
    last_at: str


@dataclass(frozen=True)
class MissedArticle:
    """An article that a search showed and nobody opened, or that its people may not read."""

    path: str
    title: str
    language: str
    slug: str
    audience: str
    times: int


@dataclass(frozen=True)
class GapTicket:
    """A request that belongs to a gap."""

    id: str
    number: int
    subject: str
    language: str
    status: str
    kind: str  # filed after the search, or solved without an article


def list_all(db: Database, viewer: Viewer, shelf: Shelf, limit: int = MOST_LISTED) -> list[Gap]:
    """The gaps of a shelf, those that touch most people first, guests where nobody is known."""
    condition, values = _seen_by(viewer)
    rows = db.query(
        f"""
        SELECT g.* FROM gaps g WHERE {_SHELVES[shelf]} AND {condition}
        ORDER BY g.people DESC, g.guests + g.hidden_people DESC, g.last_at DESC, g.number
        LIMIT :limit
        """,  # noqa: S608 (constants)
        {**values, "limit": limit},
    )
    return [_gap(row) for row in rows]


def count(db: Database, viewer: Viewer) -> dict[Shelf, int]:
    """How many gaps each shelf has."""
    condition, values = _seen_by(viewer)
    cases = ", ".join(
        f"SUM(CASE WHEN {part} THEN 1 ELSE 0 END) AS {shelf}" for shelf, part in _SHELVES.items()
    )
    (row,) = db.query(f"SELECT {cases} FROM gaps g WHERE {condition}", values)  # noqa: S608
    return {shelf: row[shelf] or 0 for shelf in SHELVES}


def count_single(db: Database, viewer: Viewer) -> int:
    """How many texts only one person looked for: they are counted and not shown."""
    access.only_staff(viewer, "gap.not_found")
    sql = "SELECT COUNT(*) AS n FROM gaps WHERE state = 'open' AND is_shown = 0"
    return int(db.query(sql)[0]["n"])


def find(db: Database, viewer: Viewer, number: int) -> Gap:
    """A gap that is shown, by its number."""
    condition, values = _seen_by(viewer)
    rows = db.query(
        f"SELECT g.* FROM gaps g WHERE g.number = :number AND {condition}",  # noqa: S608
        {**values, "number": number},
    )
    if not rows:
        raise NotFound("gap.not_found")
    return _gap(rows[0])


def phrases(db: Database, viewer: Viewer, gap: Gap, limit: int = MOST_PHRASES) -> list[GapPhrase]:
    """What people typed, most of them first; subjects of requests are for those who see all."""
    access.only_staff(viewer, "gap.not_found")
    rows = db.query(
        f"""
        WITH latest AS (
          SELECT text, who, at FROM gap_signals
          WHERE gap_id = :gap AND text <> '' AND kind <> 'found' AND (kind <> 'case' OR :agent = 1)
          ORDER BY at DESC LIMIT :signals)
        SELECT s.text, COUNT(DISTINCT CASE WHEN NOT {IS_GUEST} THEN s.who END) AS people,
          COUNT(DISTINCT CASE WHEN {IS_GUEST} THEN s.who END) AS guests,
          COUNT(*) AS times, MAX(s.at) AS last_at
        FROM latest s GROUP BY s.text ORDER BY people DESC, guests DESC, last_at DESC, s.text
        LIMIT :limit
        """,  # noqa: S608 (a constant)
        {
            "gap": gap.id,
            "agent": int(viewer.sees_all_tickets),
            "limit": limit,
            "signals": MOST_COUNTED,
        },
    )
    return [GapPhrase(**row) for row in rows]


def passed_over(db: Database, viewer: Viewer, gap: Gap) -> list[MissedArticle]:
    """The articles that its searches showed and nobody opened, most often shown first."""
    access.only_staff(viewer, "gap.not_found")
    rows = db.query(
        """
        WITH looked AS (
          SELECT e.visit_id, e.position FROM gap_signals s JOIN visit_events e ON e.id = s.event_id
          WHERE s.gap_id = :gap AND s.kind = 'ignored' ORDER BY s.at DESC LIMIT :searches)
        SELECT o.target AS path, COUNT(*) AS times FROM looked l
        JOIN visit_events o ON o.visit_id = l.visit_id AND o.kind = 'shown'
          AND o.position > l.position AND NOT EXISTS (
            SELECT 1 FROM visit_events n WHERE n.visit_id = l.visit_id AND n.kind = 'searched'
            AND n.position > l.position AND n.position < o.position)
        GROUP BY o.target ORDER BY COUNT(*) DESC, o.target LIMIT 10
        """,
        {"gap": gap.id, "searches": MOST_LOOKED_AT},
    )
    return _articles(db, viewer, {row["path"]: row["times"] for row in rows})[:MOST_FOUND]


def hidden_answers(db: Database, viewer: Viewer, gap: Gap) -> list[MissedArticle]:
    """The articles that would have answered those who may not read them."""
    access.only_staff(viewer, "gap.not_found")
    rows = db.query(
        """
        SELECT path, COUNT(*) AS times FROM gap_signals
        WHERE gap_id = :gap AND is_hidden = 1 AND path <> '' GROUP BY path
        """,
        {"gap": gap.id},
    )
    return _articles(db, viewer, {row["path"]: row["times"] for row in rows})


def requests(db: Database, viewer: Viewer, gap: Gap) -> list[GapTicket]:
    """The requests that belong to a gap, newest first; agents alone see them, those they read."""
    if not viewer.is_agent:
        return []
    visible, principals = visibility.condition(viewer)
    rows = db.query(
        f"""
        SELECT t.id, t.number, t.subject, t.language, t.status, MAX(s.kind) AS kind
        FROM gap_signals s JOIN tickets t ON t.id = s.ticket_id
        WHERE s.gap_id = :gap AND {visible}
        GROUP BY t.id, t.number, t.subject, t.language, t.status
        ORDER BY t.number DESC LIMIT :limit
        """,  # noqa: S608 (names of parameters)
        {"gap": gap.id, "limit": MOST_TICKETS, **principals},
    )
    return [GapTicket(**row) for row in rows]


def decision_texts(gap: Gap) -> dict[str, str]:
    """What was decided of a gap, as its page shows it."""
    return {"state": gap.state, "reason": gap.reason, "answer": gap.answer}


def dismiss(
    db: Database,
    viewer: Viewer,
    gap: Gap,
    reason: str,
    *,
    revision: str | None = None,
    at: datetime | None = None,
) -> None:
    """Say why nothing is to be written; it stays dismissed whoever searches it again.

    Like every decision it raises Outdated when the gap is not as a page showed it at that revision.
    """
    access.only_staff(viewer, "gap.not_found")
    reason = plain_text.line_within(MAX_REASON, reason)
    if not reason:
        raise Invalid("gap.reason_required")
    _decide(db, viewer, gap, _Decision("dismissed", reason=reason), revision, at)


def answer_by(
    db: Database,
    viewer: Viewer,
    gap: Gap,
    path: str,
    *,
    revision: str | None = None,
    at: datetime | None = None,
) -> None:
    """Say that an article answers it already: what is wanting is that it be found."""
    access.only_staff(viewer, "gap.not_found")
    if articles.find_path(db, viewer, path) is None:
        raise Invalid("gap.article_unknown")
    _decide(db, viewer, gap, _Decision("answered", answer=path), revision, at)


def reopen(
    db: Database,
    viewer: Viewer,
    gap: Gap,
    *,
    revision: str | None = None,
    at: datetime | None = None,
) -> None:
    """Put it back on the board; a commit that closed it does not close it again."""
    access.only_staff(viewer, "gap.not_found")
    _decide(db, viewer, gap, _Decision("open"), revision, at)


def close(db: Database, number: int, commit: str, path: str, at: str) -> bool:
    """What a published commit says it closes, unless somebody decided since; whether it did.

    A commit older than the gap meant another one: its number was not given yet.
    """
    values = {"number": number, "commit": commit, "path": path, "at": at}
    return bool(
        db.execute(
            """
            UPDATE gaps SET state = 'closed', reason = '', answer = :path, commit_id = :commit,
              decided_at = :at, decided_by_id = NULL
            WHERE number = :number AND first_at <= :at AND (decided_at IS NULL OR decided_at < :at)
            """,
            values,
        )
    )


@dataclass(frozen=True)
class _Decision:
    state: GapState
    reason: str = ""
    answer: str = ""


def _decide(
    db: Database,
    viewer: Viewer,
    gap: Gap,
    decision: _Decision,
    revision: str | None,
    at: datetime | None,
) -> None:
    with db.atomic():
        revisions.check(revision, decision_texts(find(db, viewer, gap.number)), vars(decision))
        db.execute(
            """
            UPDATE gaps SET state = :state, reason = :reason, answer = :answer, commit_id = '',
              decided_at = :at, decided_by_id = :me, found_since = 0, failed_since = 0
            WHERE id = :id
            """,
            {
                **vars(decision),
                "at": stored(at or utc_now()),
                "me": viewer.person_id,
                "id": gap.id,
            },
        )


def _articles(db: Database, viewer: Viewer, times: Mapping[str, int]) -> list[MissedArticle]:
    return [
        MissedArticle(
            card.path, card.title, card.language, card.slug, card.audience, times[card.path]
        )
        for card in articles.list_paths(db, viewer, times).values()
    ]


def _seen_by(viewer: Viewer) -> tuple[str, Values]:
    """Only those who see all requests see what is known from requests alone."""
    access.only_staff(viewer, "gap.not_found")
    kinds, values = one_of("of_requests", [0, 1] if viewer.sees_all_tickets else [0])
    return f"g.is_shown = 1 AND g.is_of_requests IN ({kinds})", values


def _gap(row: Row) -> Gap:
    values = {name: row[name] for name in Gap.__dataclass_fields__}
    return Gap(
        **{
            **values,
            "products": tuple(json.loads(row["products"])),
            "counts": json.loads(row["counts"]),
        }
    )
