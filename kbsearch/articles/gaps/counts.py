"""What a gap adds up to: its signals, counted anew whenever one comes or goes."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row, new_id

SignalKind = Literal["empty", "ignored", "found", "filed", "vote", "case"]
# empty: a search without results; ignored: one whose results nobody opened; found: one that went
# well, of a gap that is known; filed: a request after it; vote: an article that did not help;
# case: a solved request like others, without an article.

SHOWN_FROM = 2  # people
CASES_COUNT_FOR = timedelta(days=180)

# Whoever signed in or wrote to the support team is somebody; the others are as many as they like.
IS_GUEST = "(s.who LIKE 'network:%' OR s.who LIKE 'visit:%')"

# Votes on an earlier text say nothing of what is read now.
_COUNTED = """
    s.gap_id = :gap AND s.kind <> 'found' AND (s.vote_id IS NULL OR EXISTS (
      SELECT 1 FROM article_votes v JOIN articles a ON a.path = v.path
        AND a.publication_id = (SELECT value FROM state WHERE name = 'live_publication')
      WHERE v.id = s.vote_id AND v.edition = COALESCE(a.changed_commit, a.content_hash)))
"""


@dataclass(frozen=True)
class Signal:
    """One thing that says that something is missing, or no longer; `origin` makes it unique."""

    kind: SignalKind
    origin: str
    who: str  # a person, the network of guests, or the visit of one
    at: str
    text: str  # as it was typed, without personal data
    product: str = ""
    is_hidden: bool = False  # there is something, but not for whoever searched
    path: str = ""  # of the article that is hidden from them
    event_id: str | None = None
    vote_id: str | None = None
    ticket_id: str | None = None
    person_id: str | None = None


@dataclass(frozen=True)
class GapPlace:
    """Which gap a signal belongs to: by what its text asks, or by the article it is about."""

    key: str
    near: str = ""
    words: tuple[str, ...] = ()
    path: str = ""
    title: str = ""


def gap_at(db: Database, place: GapPlace) -> str | None:
    """The gap of a place: of its own key, of a text that was put there before, of the nearest."""
    rows = db.query(
        """
        SELECT id, 0 AS rank FROM gaps WHERE key = :key
        UNION ALL SELECT gap_id, 1 FROM gap_signals WHERE key = :key AND key <> ''
        UNION ALL SELECT id, 2 FROM gaps WHERE key = :near
        ORDER BY rank LIMIT 1
        """,
        {"key": place.key, "near": place.near or place.key},
    )
    return str(rows[0]["id"]) if rows else None


def make(db: Database, place: GapPlace, signal: Signal) -> str:
    """A new gap, with the next number; its id."""
    (counter,) = db.query(
        "UPDATE counters SET value = value + 1 WHERE name = 'gap' RETURNING value"
    )
    gap_id = new_id()
    db.insert(
        "gaps",
        {
            "id": gap_id,
            "number": counter["value"],
            "key": place.key,
            "words": " ".join(place.words),
            "path": place.path,
            "title": place.title or signal.text,
            "state": "open",
            "first_at": signal.at,
            "last_at": signal.at,
        },
    )
    return gap_id


def add(db: Database, gap_id: str, key: str, signal: Signal) -> None:
    """Put a signal to a gap; the same one twice is one."""
    db.execute(
        """
        INSERT INTO gap_signals (id, gap_id, kind, origin, who, at, key, text, product,
          is_hidden, path, event_id, vote_id, ticket_id, person_id)
        VALUES (:id, :gap, :kind, :origin, :who, :at, :key, :text, :product,
          :is_hidden, :path, :event_id, :vote_id, :ticket_id, :person_id)
        ON CONFLICT (kind, origin) DO NOTHING
        """,
        {
            **vars(signal),
            "is_hidden": int(signal.is_hidden),
            "id": new_id(),
            "gap": gap_id,
            "key": key,
        },
    )


def recount(db: Database, gap_ids: Iterable[str]) -> None:
    """Count some gaps anew; an open one that has nothing left goes."""
    for gap_id in dict.fromkeys(gap_ids):
        _recount(db, gap_id)


def forget(db: Database, days: int, *, at: datetime | None = None) -> None:
    """Forget signals as old as the ledger's texts may get, and cases that are old."""
    moment = at or utc_now()
    _remove(
        db,
        "event_id IS NOT NULL AND at < :searches OR kind = 'case' AND at < :cases",
        {
            "searches": stored(moment - timedelta(days=days)),
            "cases": stored(moment - CASES_COUNT_FOR),
        },
    )
    with db.atomic():  # votes that were changed or taken back took their signals along
        recount(db, [row["id"] for row in db.query("SELECT id FROM gaps WHERE path <> ''")])


def erase_person(db: Database, person_id: str) -> None:
    """Forget what somebody said and searched; a gap that was theirs alone has no words left."""
    condition = """
        person_id = :person
        OR event_id IN (SELECT e.id FROM visit_events e JOIN visits v ON v.id = e.visit_id
                        WHERE v.person_id = :person)
    """
    for gap_id in _remove(db, condition, {"person": person_id}):
        db.execute(
            """
            UPDATE gaps SET title = '', words = '', key = 'erased ' || id
            WHERE id = :gap AND path = ''
              AND NOT EXISTS (SELECT 1 FROM gap_signals s WHERE s.gap_id = gaps.id)
            """,
            {"gap": gap_id},
        )


def forget_words(db: Database, names: Callable[[str], bool]) -> None:
    """Forget by which words texts are told that name somebody; what is shown of them is masked."""
    for row in db.query("SELECT id, title || ' ' || words AS said FROM gaps"):
        if names(row["said"]):
            db.execute(
                "UPDATE gaps SET words = '', key = 'erased ' || id WHERE id = :id AND path = ''",
                {"id": row["id"]},
            )
    for row in db.query("SELECT id, text FROM gap_signals WHERE text <> ''"):
        if names(row["text"]):
            db.execute("UPDATE gap_signals SET key = '' WHERE id = :id", {"id": row["id"]})


def _remove(db: Database, condition: str, values: dict[str, str]) -> list[str]:
    """Remove signals, and count the gaps they were of; their ids."""
    with db.atomic():
        rows = db.query(f"SELECT DISTINCT gap_id FROM gap_signals WHERE {condition}", values)  # noqa: S608
        touched = [row["gap_id"] for row in rows]
        db.execute(f"DELETE FROM gap_signals WHERE {condition}", values)  # noqa: S608
        recount(db, touched)
        return touched


def _recount(db: Database, gap_id: str) -> None:
    values = {"gap": gap_id}
    (gap,) = db.query(
        "SELECT state, path, title, decided_at, is_shown FROM gaps WHERE id = :gap", values
    )
    rows = db.query(
        f"SELECT s.kind, COUNT(*) AS times FROM gap_signals s WHERE {_COUNTED} GROUP BY s.kind",  # noqa: S608
        values,
    )
    counts = {row["kind"]: row["times"] for row in rows}
    if not counts and gap["state"] == "open":
        db.execute("DELETE FROM gaps WHERE id = :gap", values)
        return
    (total,) = db.query(
        f"""
        SELECT
          COUNT(DISTINCT CASE WHEN s.is_hidden = 0 AND NOT {IS_GUEST} THEN s.who END) AS people,
          COUNT(DISTINCT CASE WHEN s.is_hidden = 0 AND {IS_GUEST} THEN s.who END) AS guests,
          COUNT(DISTINCT CASE WHEN s.is_hidden = 1 THEN s.who END) AS hidden_people,
          COUNT(DISTINCT m.organisation_id) AS organisations,
          MIN(s.at) AS first_at, MAX(s.at) AS last_at
        FROM gap_signals s LEFT JOIN memberships m ON m.person_id = s.person_id
        WHERE {_COUNTED}
        """,  # noqa: S608 (a constant)
        values,
    )
    confirmed = counts.keys() & {"filed", "vote", "case"}
    was_shown = gap["state"] != "open" and gap["is_shown"]
    most = max(total["people"] + total["guests"], total["hidden_people"])
    change = {
        **total,
        "title": gap["title"] if gap["path"] else _title(db, gap_id) or gap["title"],
        "products": json.dumps(_products(db, gap_id)),
        "counts": json.dumps(counts),
        "is_shown": int(most >= SHOWN_FROM or bool(confirmed) or was_shown),
        "is_of_requests": int(counts.keys() == {"case"}),
        **_since(db, gap_id, gap["decided_at"] if gap["state"] != "open" else None),
    }
    if not counts:  # decided upon: it keeps its dates
        del change["first_at"], change["last_at"]
    names = ", ".join(f"{name} = :{name}" for name in change)
    db.execute(f"UPDATE gaps SET {names} WHERE id = :gap", {**change, **values})  # noqa: S608


def _title(db: Database, gap_id: str) -> str:
    """What most people typed, slips of a few aside; a request's subject where nobody searched."""
    rows = db.query(
        """
        WITH said AS (
          SELECT text, key, who, at, CASE WHEN kind = 'case' THEN 1 ELSE 0 END AS of_request
          FROM gap_signals WHERE gap_id = :gap AND text <> '' AND kind <> 'found'),
        spelt AS (SELECT key, COUNT(DISTINCT who) AS people FROM said GROUP BY key)
        SELECT s.text FROM said s JOIN spelt k ON k.key = s.key GROUP BY s.text
        ORDER BY MIN(s.of_request), MAX(k.people) DESC, COUNT(DISTINCT s.who) DESC, COUNT(*) DESC,
          MAX(s.at) DESC, s.text LIMIT 1
        """,
        {"gap": gap_id},
    )
    return str(rows[0]["text"]) if rows else ""


def _products(db: Database, gap_id: str) -> list[str]:
    rows = db.query(
        f"""
        SELECT DISTINCT s.product FROM gap_signals s WHERE {_COUNTED} AND s.product <> ''
        ORDER BY s.product LIMIT 10
        """,  # noqa: S608 (a constant)
        {"gap": gap_id},
    )
    return [row["product"] for row in rows]


def _since(db: Database, gap_id: str, decided_at: str | None) -> Row:
    """How many people found something, and did not, after the gap was closed."""
    (row,) = db.query(
        """
        SELECT COUNT(DISTINCT CASE WHEN kind = 'found' THEN who END) AS found_since,
          COUNT(DISTINCT CASE WHEN kind <> 'found' THEN who END) AS failed_since
        FROM gap_signals WHERE gap_id = :gap AND at > :since
        """,
        {"gap": gap_id, "since": decided_at or "9"},
    )
    return row
