"""Articles that are to be looked at again by a day they name: their owners are told, once each."""

from dataclasses import dataclass

from kbsearch import outbox
from kbsearch.articles.publishing.review_dates import IS_DUE
from kbsearch.clock import now
from kbsearch.database import Database, Row

DUE = outbox.declare("article.review_due", "mail")  # to one person: "path day person"
_DUE = f"""
    SELECT a.path, a.language, a.slug, a.title, a.review_by, p.id AS person_id FROM articles a
    JOIN state s ON s.value = a.publication_id AND s.name = 'live_publication'
    JOIN people p ON (LOWER(a.owner) = p.email OR a.owner = p.name)
      AND p.role <> 'customer' AND p.disabled_at IS NULL
    WHERE {IS_DUE}
"""  # noqa: S608 (a constant)


@dataclass(frozen=True)
class DueReview:
    """A live article that was to be reviewed by a day."""

    path: str
    language: str
    slug: str
    title: str
    review_by: str


def remind(db: Database) -> bool:
    """Ask for a letter to each owner, who is named by address or name; whether any was due."""
    rows = db.query(
        f"""{_DUE} AND NOT EXISTS (
          SELECT 1 FROM review_reminders r WHERE r.path = a.path
          AND r.review_by = a.review_by AND r.person_id = p.id)
        """,  # noqa: S608 (a constant)
        {"today": now()[:10]},
    )
    for row in rows:
        key = {name: row[name] for name in ("path", "review_by", "person_id")}
        with db.atomic():
            db.insert("review_reminders", {**key, "at": now()})
            outbox.add(db, DUE, " ".join(key.values()))
    return bool(rows)


def find(db: Database, subject: str) -> tuple[DueReview, str] | None:
    """What a task asks to tell, and the id of whom; None where it is no longer to be reviewed."""
    path, _, person_id = subject.rsplit(" ", 2)
    rows = db.query(
        f"{_DUE} AND a.path = :path AND p.id = :person",
        {"today": now()[:10], "path": path, "person": person_id},
    )
    return (_review(rows[0]), person_id) if rows else None


def _review(row: Row) -> DueReview:
    return DueReview(**{name: row[name] for name in DueReview.__dataclass_fields__})
