"""The hand-overs that were used: each lets somebody in once."""

import hashlib
from datetime import datetime, timedelta

from kbsearch.clock import stored, utc_now
from kbsearch.database import Database

KEPT = timedelta(days=1)  # far longer than they are good for: clocks may be set back


def use_up(db: Database, jti: str, *, at: datetime) -> bool:
    """Whether this one was still unused; of two at the same moment, one is."""
    added = db.execute(
        """
        INSERT INTO used_handovers (hash, expires_at) VALUES (:hash, :expires)
        ON CONFLICT (hash) DO NOTHING
        """,
        {
            "hash": hashlib.sha256(jti.encode("utf-8", "surrogatepass")).hexdigest(),
            "expires": stored(at + KEPT),
        },
    )
    return added == 1


def forget_expired(db: Database, *, at: datetime | None = None) -> None:
    """Remove those too old to be accepted anyway."""
    moment = stored(at or utc_now())
    db.execute("DELETE FROM used_handovers WHERE expires_at <= :now", {"now": moment})
