"""The secret address of somebody's own feed: one each, which another one replaces.

The database keeps the SHA-256 of it, never the address: it is told once, when it is made.
"""

from hashlib import sha256

from kbsearch import audit, randomness
from kbsearch.access import Viewer
from kbsearch.clock import now
from kbsearch.database import Database
from kbsearch.errors import SignInNeeded

MAX_TOKEN = 100


def make(db: Database, viewer: Viewer) -> str:
    """A new secret; the one before opens nothing any more."""
    if not viewer.is_signed_in:
        raise SignInNeeded("sign_in.needed")
    token = randomness.token()
    with db.atomic():
        db.execute(
            """
            INSERT INTO feed_addresses (person_id, token_hash, created_at)
            VALUES (:person, :hash, :now) ON CONFLICT (person_id)
            DO UPDATE SET token_hash = excluded.token_hash, created_at = excluded.created_at
            """,
            {"person": viewer.person_id, "hash": _hash(token), "now": now()},
        )
        audit.act(db, viewer, "feed.added", person_id=viewer.person_id)
    return token


def revoke(db: Database, viewer: Viewer) -> None:
    """Let it open nothing any more."""
    with db.atomic():
        values = {"person": viewer.person_id}
        if db.execute("DELETE FROM feed_addresses WHERE person_id = :person", values):
            audit.act(db, viewer, "feed.revoked", person_id=viewer.person_id)


def made_at(db: Database, viewer: Viewer) -> str:
    """Since when the viewer has one; empty where they have none."""
    rows = db.query(
        "SELECT created_at FROM feed_addresses WHERE person_id = :person",
        {"person": viewer.person_id},
    )
    return str(rows[0]["created_at"]) if rows else ""


def email_of(db: Database, token: str) -> str:
    """Whose feed it is; empty where it is nobody's, or of an account that is closed."""
    if len(token) > MAX_TOKEN:
        return ""
    rows = db.query(
        """
        SELECT p.email FROM feed_addresses f
        JOIN people p ON p.id = f.person_id AND p.disabled_at IS NULL
        WHERE f.token_hash = :hash
        """,
        {"hash": _hash(token)},
    )
    return str(rows[0]["email"]) if rows else ""


def _hash(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
