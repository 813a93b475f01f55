"""What readers say of an article: that it helped, or why it did not.

A vote is on one edition of it, the commit that changed it last; one person, or one visit of a
guest, has one vote on it, and the last one counts. The staff reads votes and has none.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.articles import Article
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row, new_id
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.messages.webhooks import events
from kbsearch.search.learning import lessons, visits
from kbsearch.search.learning.lessons import LessonOrigin
from kbsearch.text import masking, plain_text

Reason = Literal["incomplete", "outdated", "elsewhere", "other"]
REASONS: tuple[Reason, ...] = get_args(Reason)

MAX_WORDS = 1_000
FEW = 5  # fewer votes are no share of anything
MOST_WORDS = 100  # that the page about them shows
MOST_LISTED = 500


@dataclass(frozen=True)
class Vote:
    """What one reader said of one edition; `reason` and `words` say why it did not help."""

    id: str
    helped: bool
    reason: str
    words: str
    at: str
    visit_id: str | None
    event_id: str | None  # of the visit, when it is a confirmation there


@dataclass(frozen=True)
class Comment:
    """The words of somebody whom it did not help, without personal data."""

    reason: str
    words: str
    at: str


@dataclass(frozen=True)
class EditionVotes:
    """The votes on an article as one commit left it."""

    id: str
    is_current: bool
    helped: int
    votes: int
    reasons: tuple[tuple[str, int], ...]  # the most given first; "" for none
    comments: tuple[Comment, ...]
    first_at: str
    last_at: str

    @property
    def are_few(self) -> bool:
        return self.votes < FEW


@dataclass(frozen=True)
class JudgedArticle:
    """A live article in the list of those that readers judged."""

    path: str
    language: str
    slug: str
    title: str
    helped: int  # of the edition that is live
    votes: int
    earlier: int  # votes on the editions before it
    last_at: str

    @property
    def are_few(self) -> bool:
        return self.votes < FEW


@dataclass(frozen=True)
class VoteFields:
    """What somebody says of an article: a reason, and words, where it did not help."""

    helped: bool
    reason: str = ""
    words: str = ""


def give(
    db: Database,
    viewer: Viewer,
    visit_id: str | None,
    article: Article,
    fields: VoteFields,
    *,
    at: datetime | None = None,
) -> Vote:
    """Say whether an article helped; said again, it replaces what was said before."""
    helped, comment = fields.helped, plain_text.block_within(MAX_WORDS, fields.words)
    if fields.reason and fields.reason not in REASONS:
        raise Invalid("vote.reason_unknown")
    key = _key(viewer, visit_id, article)
    moment = at or utc_now()
    with db.atomic():
        before = mine(db, viewer, visit_id, article)
        confirmed_in, event_id = _confirm(db, visit_id, article, before, helped, moment)
        row = {
            "person_id": viewer.person_id,
            "visit_id": confirmed_in,
            "event_id": event_id,
            "helped": int(helped),
            "reason": "" if helped else fields.reason,
            "words": "" if helped else comment,
            "at": stored(moment),
        }
        _forget(db, viewer, visit_id, article)
        vote_id = before.id if before else new_id()
        db.insert("article_votes", {"id": vote_id, **key, **row})
        if before:
            lessons.take_back(db, viewer, vote_id)
        if helped:
            origin = LessonOrigin("voted", source=vote_id)
            lessons.teach_from_visit(db, viewer, visit_id, article.path, origin)
        after = mine(db, viewer, visit_id, article)
        assert after is not None
        if before is None or _told(before) != _told(after):
            events.tell(db, "article.feedback", vote_id)
    return after


def take_back(
    db: Database,
    viewer: Viewer,
    visit_id: str | None,
    article: Article,
    *,
    at: datetime | None = None,
) -> None:
    """Have said nothing of it, after all."""
    with db.atomic():
        before = mine(db, viewer, visit_id, article)
        _confirm(db, visit_id, article, before, False, at or utc_now())
        _forget(db, viewer, visit_id, article)
        if before:
            lessons.take_back(db, viewer, before.id)


def mine(db: Database, viewer: Viewer, visit_id: str | None, article: Article) -> Vote | None:
    """The viewer's vote on an article as it is now, or the one of their visit as a guest."""
    rows = db.query(
        """
        SELECT id, helped, reason, words, at, visit_id, event_id FROM article_votes
        WHERE path = :path AND edition = :edition AND voter IN (:person, :visit)
        ORDER BY CASE WHEN voter = :person THEN 0 ELSE 1 END LIMIT 1
        """,
        {"path": article.path, "edition": article.edition, **_voters(viewer, visit_id)},
    )
    return Vote(**{**rows[0], "helped": bool(rows[0]["helped"])}) if rows else None


def list_editions(
    db: Database, viewer: Viewer, article: Article, most_words: int = MOST_WORDS
) -> list[EditionVotes]:
    """The votes on an article, those on what is read now first; for the staff."""
    access.only_staff(viewer, "article.not_found")
    rows = db.query(
        """
        SELECT edition, helped, reason, words, at FROM article_votes
        WHERE path = :path ORDER BY at DESC, id
        """,
        {"path": article.path},
    )
    by_edition: dict[str, list[Row]] = {article.edition: []}
    for row in rows:
        by_edition.setdefault(row["edition"], []).append(row)
    return [_edition(name, votes, article, most_words) for name, votes in by_edition.items()]


def list_articles(db: Database, viewer: Viewer) -> list[JudgedArticle]:
    """The live articles that readers judged: those that did not help most people first."""
    access.only_staff(viewer, "article.not_found")
    rows = db.query(
        """
        SELECT a.path, a.language, a.slug, a.title, MAX(v.at) AS last_at,
          SUM(CASE WHEN v.edition = COALESCE(a.changed_commit, a.content_hash)
                   THEN v.helped ELSE 0 END) AS helped,
          SUM(CASE WHEN v.edition = COALESCE(a.changed_commit, a.content_hash)
                   THEN 1 ELSE 0 END) AS votes,
          SUM(CASE WHEN v.edition = COALESCE(a.changed_commit, a.content_hash)
                   THEN 0 ELSE 1 END) AS earlier
        FROM article_votes v JOIN articles a ON a.path = v.path
          AND a.publication_id = (SELECT value FROM state WHERE name = 'live_publication')
        GROUP BY a.path, a.language, a.slug, a.title
        ORDER BY SUM(CASE WHEN v.edition = COALESCE(a.changed_commit, a.content_hash)
                     THEN 1 - v.helped ELSE 0 END) DESC, MAX(v.at) DESC, a.path
        LIMIT :limit
        """,
        {"limit": MOST_LISTED},
    )
    return [JudgedArticle(**row) for row in rows]


def list_of(db: Database, person_id: str) -> list[Row]:
    """What somebody said of articles, for themselves."""
    rows = db.query(
        """
        SELECT path AS article, edition, helped, reason, words, at FROM article_votes
        WHERE person_id = :person ORDER BY at, id
        """,
        {"person": person_id},
    )
    return [{**row, "helped": bool(row["helped"])} for row in rows]


def _key(viewer: Viewer, visit_id: str | None, article: Article) -> Row:
    """Whose vote it is, and on what."""
    if viewer.is_staff:
        raise Forbidden("vote.of_staff")
    if not viewer.is_signed_in and visit_id is None:
        raise NotFound("visit.event_not_found")
    voters = _voters(viewer, visit_id)
    voter = voters["person"] or voters["visit"]
    return {"path": article.path, "edition": article.edition, "voter": voter}


def _voters(viewer: Viewer, visit_id: str | None) -> dict[str, str]:
    return {
        "person": f"user:{viewer.person_id}" if viewer.person_id else "",
        "visit": f"visit:{visit_id}" if visit_id else "",
    }


def _forget(db: Database, viewer: Viewer, visit_id: str | None, article: Article) -> None:
    """Remove the viewer's vote, and the one they gave in this visit before they signed in."""
    db.execute(
        """
        DELETE FROM article_votes
        WHERE path = :path AND edition = :edition AND voter IN (:person, :visit)
        """,
        {"path": article.path, "edition": article.edition, **_voters(viewer, visit_id)},
    )


def _confirm(
    db: Database,
    visit_id: str | None,
    article: Article,
    before: Vote | None,
    helped: bool,
    moment: datetime,
) -> tuple[str | None, str | None]:
    """Keep the ledger in step: after a search, a Yes is a confirmation; the visit and its event.

    A visit confirms an article once, and a vote that is changed takes its confirmation back.
    """
    searched = visits.has_searched(db, visit_id)
    if before and before.event_id:
        if helped and (before.visit_id == visit_id or not searched):
            return before.visit_id, before.event_id
        if not helped:
            visits.undo_confirmed(db, before.visit_id, before.event_id, at=moment)
    if helped and searched:
        return visit_id, visits.confirmed(db, visit_id, article.path, at=moment)
    return visit_id, None


def _told(vote: Vote) -> tuple[bool, str]:
    return vote.helped, vote.reason


def _edition(name: str, votes: list[Row], article: Article, most_words: int) -> EditionVotes:
    against = [vote for vote in votes if not vote["helped"]]
    return EditionVotes(
        id=name,
        is_current=name == article.edition,
        helped=len(votes) - len(against),
        votes=len(votes),
        reasons=_counted(vote["reason"] for vote in against),
        comments=tuple(
            Comment(vote["reason"], _masked(vote["words"], article.language), vote["at"])
            for vote in [vote for vote in against if vote["words"]][:most_words]
        ),
        first_at=min((vote["at"] for vote in votes), default=""),
        last_at=max((vote["at"] for vote in votes), default=""),
    )


def _counted(reasons: Iterable[str]) -> tuple[tuple[str, int], ...]:
    counts = Counter(reasons)
    pairs = [(reason, counts[reason]) for reason in (*REASONS, "") if reason in counts]
    return tuple(sorted(pairs, key=lambda pair: -pair[1]))


def _masked(words: str, language: str) -> str:
    return masking.mask(words, language=language).text
