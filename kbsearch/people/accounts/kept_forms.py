"""What somebody had typed when their session was found to be over: kept until they are back.

It is for the same person in the same browser: colleagues share computers. Only text is kept, of a
form that was being sent; passwords and codes are not.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import randomness
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database
from kbsearch.errors import NotFound
from kbsearch.people.accounts.sessions import hash_token

LIFETIME = timedelta(hours=12)
NEVER_KEPT = ("password", "current", "again", "code", "token", "secret", "jwt")
MAX_KEPT = 300_000  # characters; the longest text that a form takes is far shorter

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class KeptForm:
    """A form as it was sent: to which path, with which fields, in their order."""

    path: str
    fields: Fields


def keep(
    db: Database, person_id: str, path: str, fields: Fields, *, at: datetime | None = None
) -> str | None:
    """Keep a form; the token for its browser, or None when nothing in it is worth it."""
    kept_fields = without_secrets(fields)
    text = json.dumps(kept_fields)
    if not any(value.strip() for _, value in kept_fields) or len(text) > MAX_KEPT:
        return None
    token = randomness.token()
    db.insert(
        "kept_forms",
        {
            "token_hash": hash_token(token),
            "person_id": person_id,
            "path": path,
            "fields": text,
            "expires_at": stored((at or utc_now()) + LIFETIME),
        },
    )
    return token


def without_secrets(fields: Fields) -> list[tuple[str, str]]:
    """The fields that a page may show again."""
    return [(name, text) for name, text in fields if not name.lower().startswith(NEVER_KEPT)]


def find(db: Database, viewer: Viewer, token: str, *, at: datetime | None = None) -> KeptForm:
    """The form that the viewer had been sending from this browser."""
    rows = db.query(
        """
        SELECT path, fields FROM kept_forms
        WHERE token_hash = :hash AND person_id = :id AND expires_at > :now
        """,
        {
            "hash": hash_token(token),
            "id": viewer.person_id,
            "now": stored(at or utc_now()),
        },
    )
    if not rows:
        raise NotFound("web.not_found")
    fields = tuple((name, text) for name, text in json.loads(rows[0]["fields"]))
    return KeptForm(rows[0]["path"], fields)


def drop(db: Database, token: str) -> None:
    """It was sent again, or is not wanted any more."""
    db.execute("DELETE FROM kept_forms WHERE token_hash = :hash", {"hash": hash_token(token)})


def forget_expired(db: Database, *, at: datetime | None = None) -> int:
    """Remove those that nobody came back for; how many."""
    moment = {"now": stored(at or utc_now())}
    return db.execute("DELETE FROM kept_forms WHERE expires_at <= :now", moment)
