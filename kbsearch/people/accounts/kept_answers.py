"""What programs were answered when they wrote: sent again with its key, a call does nothing twice.

An answer is kept for a day, and for the same person alone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database
from kbsearch.errors import Invalid
from kbsearch.people.accounts.sessions import hash_token

LIFETIME = timedelta(days=1)
MAX_KEY = 200


@dataclass(frozen=True)
class KeptAnswer:
    """An answer as it was given."""

    status: int
    body: str  # JSON
    location: str = ""


def find(
    db: Database, viewer: Viewer, key: str, asked_hash: str, *, at: datetime | None = None
) -> KeptAnswer | None:
    """What a call of that key was answered, if it was made; raises Invalid for another call."""
    rows = db.query(
        """
        SELECT asked_hash, status, body, location FROM kept_answers
        WHERE person_id = :me AND key_hash = :key AND expires_at > :now
        """,
        {"me": viewer.person_id, "key": hash_token(key), "now": stored(at or utc_now())},
    )
    if not rows:
        return None
    if rows[0].pop("asked_hash") != asked_hash:
        raise Invalid("api.key_used")
    return KeptAnswer(**rows[0])


def keep(
    db: Database,
    viewer: Viewer,
    key: str,
    asked_hash: str,
    answer: KeptAnswer,
    *,
    at: datetime | None = None,
) -> None:
    """Keep an answer, in the transaction of what it tells."""
    row = {
        "person_id": viewer.person_id,
        "key_hash": hash_token(key),
        "asked_hash": asked_hash,
        **vars(answer),
        "expires_at": stored((at or utc_now()) + LIFETIME),
    }
    values = {"me": viewer.person_id, "key": row["key_hash"]}
    with db.atomic():
        db.execute("DELETE FROM kept_answers WHERE person_id = :me AND key_hash = :key", values)
        db.insert("kept_answers", row)


def forget_expired(db: Database, *, at: datetime | None = None) -> int:
    """Remove those whose day is over; how many."""
    moment = {"now": stored(at or utc_now())}
    return db.execute("DELETE FROM kept_answers WHERE expires_at <= :now", moment)
