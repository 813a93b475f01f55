"""The browsers somebody has signed in from, by a token that each keeps for a year.

A new one is told to its person by mail; a known one is never locked out by what strangers try.
"""

from datetime import datetime, timedelta

from kbsearch import randomness
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database
from kbsearch.people.accounts.sessions import hash_token

LIFETIME = timedelta(days=365)  # since it was last used


def is_known(db: Database, person_id: str | None, token: str) -> bool:
    """Whether this browser has signed in as this person before."""
    rows = db.query(
        "SELECT 1 FROM known_browsers WHERE token_hash = :hash AND person_id = :id",
        {"hash": hash_token(token), "id": person_id or ""},
    )
    return bool(token and rows)


def has_any(db: Database, person_id: str) -> bool:
    """Whether this person has ever signed in."""
    return bool(
        db.query("SELECT 1 FROM known_browsers WHERE person_id = :id LIMIT 1", {"id": person_id})
    )


def last_person(db: Database, token: str) -> str | None:
    """Who signed in last from this browser."""
    rows = db.query(
        """
        SELECT person_id FROM known_browsers WHERE token_hash = :hash
        ORDER BY seen_at DESC, person_id LIMIT 1
        """,
        {"hash": hash_token(token)},
    )
    return rows[0]["person_id"] if rows else None


def remember(db: Database, person_id: str, token: str, *, at: datetime | None = None) -> str:
    """Know this browser from now on; the token it keeps, a new one if it had none of ours."""
    moment = stored(at or utc_now())
    rows = db.query(
        "SELECT 1 FROM known_browsers WHERE token_hash = :hash LIMIT 1",
        {"hash": hash_token(token)},
    )
    browser_token = token if token and rows else randomness.token()
    db.execute(
        """
        INSERT INTO known_browsers (token_hash, person_id, created_at, seen_at)
        VALUES (:hash, :id, :now, :now)
        ON CONFLICT (token_hash, person_id) DO UPDATE SET seen_at = excluded.seen_at
        """,
        {"hash": hash_token(browser_token), "id": person_id, "now": moment},
    )
    return browser_token


def forget_unused(db: Database, *, at: datetime | None = None) -> int:
    """Remove the browsers not seen for a year; how many."""
    oldest = stored((at or utc_now()) - LIFETIME)
    return db.execute("DELETE FROM known_browsers WHERE seen_at <= :oldest", {"oldest": oldest})
