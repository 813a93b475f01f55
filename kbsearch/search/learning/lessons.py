"""What people confirmed: words that were typed, and the article that answered them.

A lesson is one person's word. It is followed through new addresses of its article, sleeps once the
article says something else, and is forgotten with the person, the request or by hand. What of it
counts in the ranking is for `search.confirmed` to say.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from kbsearch import access, audit
from kbsearch.access import Viewer, visible
from kbsearch.articles import Article
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row, new_id, site_state
from kbsearch.errors import Invalid, NotFound
from kbsearch.search.fulltext.documents import Taught
from kbsearch.search.fulltext.text import STOP_WORDS, words_of
from kbsearch.text import masking, plain_text
from kbsearch.tickets import visibility

Kind = Literal["deflected", "helped", "sent", "voted"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LONGEST = 200  # characters of a wording
REVISION = "lessons_revision"  # in the state of the site
MOST_OF_ONE = 50  # lessons one person may teach an article; older ones go
SKETCH = 64  # smallest hashes kept of the words of a page
SAME_PAGE = 0.5  # shared part of the words below which a page says something else
STAFF_ROLES = ("agent", "writer", "administrator")


@dataclass(frozen=True)
class LearntPhrase:
    """What the staff see of the lessons with one wording: without personal data, nor who."""

    id: str  # of one of them
    wording: str
    kinds: tuple[Kind, ...]
    people: int
    since: str
    sleeps: bool


@dataclass(frozen=True)
class LessonOrigin:
    """What taught a lesson; `source` is the event it comes from, to take it back with."""

    kind: Kind
    source: str
    ticket_id: str | None = None


def teach(
    db: Database,
    viewer: Viewer,
    wordings: Iterable[str],
    target: str,
    origin: LessonOrigin,
    *,
    at: datetime | None = None,
) -> int:
    """Keep that an article answered these words, for whoever is signed in; how many are new.

    `target` is the article's path; one the viewer may not read teaches nothing. Call it in the
    transaction of the event it comes from.
    """
    if origin.kind not in KINDS:
        raise Invalid("lesson.kind_unknown", kind=origin.kind)
    page = _readable(db, viewer, target) if viewer.is_signed_in else None
    if page is None:
        return 0
    lines = dict.fromkeys(plain_text.line(wording)[:LONGEST].strip() for wording in wordings)
    phrases = [wording for wording in lines if words_of(wording)]
    before = {row["wording"] for row in _of_person(db, viewer, page["path"])}
    new = [wording for wording in phrases if wording not in before]
    with db.atomic():
        for wording in new:
            db.insert(
                "lessons",
                {
                    "id": new_id(),
                    "wording": wording,
                    "language": page["language"],
                    "slug": page["slug"],
                    "path": page["path"],
                    "content_hash": page["content_hash"],
                    "sketch": _sketch(page),
                    "kind": origin.kind,
                    "source": origin.source,
                    "ticket_id": origin.ticket_id,
                    "person_id": viewer.person_id,
                    "at": stored(at or utc_now()),
                },
            )
        if new:
            _forget_oldest(db, viewer, page["path"])
            changed(db)
    return len(new)


def teach_from_solution(
    db: Database, viewer: Viewer, ticket_id: str, targets: Iterable[str]
) -> int:
    """The articles an agent sent in the answer that solved a request answered its subject."""
    access.only_agents(viewer, "ticket.not_found")
    rows = db.query("SELECT subject FROM tickets WHERE id = :id", {"id": ticket_id})
    subjects = [row["subject"] for row in rows]
    origin = LessonOrigin("sent", source=ticket_id, ticket_id=ticket_id)
    return sum(teach(db, viewer, subjects, target, origin) for target in targets)


def teach_from_visit(
    db: Database,
    viewer: Viewer,
    visit_id: str | None,
    target: str,
    origin: LessonOrigin,
    subject: str = "",
) -> int:
    """An article solved it: it answered what the visit had searched for, and the subject."""
    rows = db.query(
        """
        SELECT text FROM visit_events WHERE visit_id = :visit AND kind = 'searched' AND text <> ''
        ORDER BY position DESC LIMIT 1
        """,
        {"visit": visit_id},
    )
    wordings = [subject, *(row["text"] for row in rows)]
    return teach(db, viewer, wordings, target, origin)


def take_back(db: Database, viewer: Viewer, source: str) -> None:
    """What the viewer taught with an event did not hold after all."""
    with db.atomic():
        db.execute(
            "DELETE FROM lessons WHERE source = :source AND person_id = :me",
            {"source": source, "me": viewer.person_id},
        )
        changed(db)


def list_phrases(db: Database, viewer: Viewer, article: Article) -> list[LearntPhrase]:
    """What an article was confirmed for, the last first; for the staff, personal data masked.

    An agent who is limited is not told what requests taught that they do not read.
    """
    access.only_staff(viewer)
    condition, values = "1 = 1", dict[str, object]()
    if viewer.is_agent:
        visible_requests, principals = visibility.condition(viewer, "l.ticket_id")
        condition, values = f"(l.ticket_id IS NULL OR {visible_requests})", dict(principals)
    rows = db.query(
        f"SELECT l.* FROM lessons l WHERE l.path = :path AND {condition} ORDER BY l.at DESC, l.id",  # noqa: S608
        {"path": article.path, **values},
    )
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["wording"].casefold(), []).append(row)
    return [
        LearntPhrase(
            id=some[0]["id"],
            wording=masking.mask(some[0]["wording"], language=article.language).text,
            kinds=tuple(sorted({row["kind"] for row in some})),
            people=len({row["person_id"] for row in some}),
            since=min(row["at"] for row in some),
            sleeps=all(row["sleeps"] for row in some),
        )
        for some in grouped.values()
    ]


def forget(db: Database, viewer: Viewer, article: Article, lesson_id: str = "") -> int:
    """Forget a phrase of an article, whoever taught it, or all of them; how many lessons."""
    access.only_staff(viewer)
    rows = db.query("SELECT id, wording FROM lessons WHERE path = :path", {"path": article.path})
    phrases = {row["id"]: row["wording"].casefold() for row in rows}
    if lesson_id and lesson_id not in phrases:
        raise NotFound("lesson.not_found")
    ids = [id for id, wording in phrases.items() if not lesson_id or wording == phrases[lesson_id]]
    with db.atomic():
        for id in ids:
            db.execute("DELETE FROM lessons WHERE id = :id", {"id": id})
        changed(db)
        audit.act(db, viewer, "lessons.forgotten", article=article.path, count=len(ids))
    return len(ids)


def review(db: Database) -> None:
    """Follow articles after a publication: new addresses, gone ones, those that say else."""
    if not db.query("SELECT 1 FROM lessons LIMIT 1"):
        return
    live = {row["path"]: row for row in db.query(f"{_PAGES}")}
    by_slug = {(row["language"], row["slug"]): row for row in live.values()}
    aliases = db.query(
        """
        SELECT l.language, l.alias, a.path FROM article_aliases l JOIN articles a
        ON a.id = l.article_id JOIN state s ON s.value = l.publication_id
        WHERE s.name = 'live_publication'
        """
    )
    moved = {(row["language"], row["alias"]): live.get(row["path"]) for row in aliases}
    sketches: dict[str, str] = {}
    with db.atomic():
        for row in db.query(
            "SELECT DISTINCT language, slug, path, content_hash, sketch, sleeps FROM lessons"
        ):
            at = (row["language"], row["slug"])
            page = by_slug.get(at) or moved.get(at)
            sleeps, path = 0, page["path"] if page else None
            if page and page["content_hash"] != row["content_hash"]:
                sketch = sketches.setdefault(page["path"], _sketch(page))
                sleeps = int(_shared(sketch, row["sketch"]) < SAME_PAGE)
            if (path, sleeps) != (row["path"], row["sleeps"]):
                db.execute(
                    """
                    UPDATE lessons SET path = :new_path, sleeps = :new_sleeps
                    WHERE language = :language AND slug = :slug AND sketch = :sketch
                    """,
                    {**row, "new_path": path, "new_sleeps": sleeps},
                )
        changed(db)


def active(db: Database) -> list[Taught]:
    """All lessons that may count, oldest first; colleagues have one voice."""
    rows = db.query(
        """
        SELECT l.wording, l.language, l.path, l.person_id, p.role,
          (SELECT MIN(m.organisation_id) FROM memberships m WHERE m.person_id = p.id) AS org
        FROM lessons l JOIN people p ON p.id = l.person_id
        WHERE l.sleeps = 0 AND l.path IS NOT NULL AND p.disabled_at IS NULL ORDER BY l.at, l.id
        """
    )
    return [
        Taught(
            row["wording"],
            row["language"],
            row["path"],
            row["person_id"] if row["role"] in STAFF_ROLES else row["org"] or row["person_id"],
            row["role"] in STAFF_ROLES,
        )
        for row in rows
    ]


def revision(db: Database) -> int:
    """Another one only if lessons changed."""
    return int(site_state.read(db, REVISION) or 0)


def changed(db: Database) -> None:
    """Say that lessons are not what they were."""
    site_state.write(db, REVISION, str(revision(db) + 1))


def list_mine(db: Database, person_id: str) -> list[Row]:
    """What somebody taught, for their copy of their data."""
    return db.query(
        """
        SELECT at, kind, wording, language, slug FROM lessons
        WHERE person_id = :id ORDER BY at, id
        """,
        {"id": person_id},
    )


_PAGES = """
    SELECT a.path, a.language, a.slug, a.title, a.sections, a.content_hash FROM articles a
    WHERE a.publication_id = (SELECT value FROM state WHERE name = 'live_publication')
"""


def _readable(db: Database, viewer: Viewer, path: str) -> Row | None:
    condition, principals = visible(viewer, "article_readers", "article_id", "a.id")
    rows = db.query(
        f"{_PAGES} AND a.path = :path AND {condition}",
        {"path": path, **principals},
    )
    return rows[0] if rows else None


def _of_person(db: Database, viewer: Viewer, path: str) -> list[Row]:
    return db.query(
        "SELECT id, wording FROM lessons WHERE person_id = :me AND path = :path",
        {"me": viewer.person_id, "path": path},
    )


def _forget_oldest(db: Database, viewer: Viewer, path: str) -> None:
    db.execute(
        """
        DELETE FROM lessons WHERE person_id = :me AND path = :path AND id NOT IN (
          SELECT id FROM lessons WHERE person_id = :me AND path = :path
          ORDER BY at DESC, id LIMIT :most)
        """,
        {"me": viewer.person_id, "path": path, "most": MOST_OF_ONE},
    )


def _sketch(page: Row) -> str:
    """The smallest hashes of a page's words: enough to tell later how much of it stayed."""
    texts = [page["title"], *(text for *_, text in json.loads(page["sections"]))]
    words = set(words_of(" ".join(texts))) - STOP_WORDS[page["language"]]
    hashes = sorted(hashlib.sha256(word.encode()).hexdigest()[:8] for word in words)
    return "".join(hashes[:SKETCH])


def _shared(sketch: str, other_sketch: str) -> float:
    first, second = _parts(sketch), _parts(other_sketch)
    smallest = set(sorted(first | second)[:SKETCH])
    return len(smallest & first & second) / len(smallest) if smallest else 1.0


def _parts(sketch: str) -> set[str]:
    return {sketch[at : at + 8] for at in range(0, len(sketch), 8)}
