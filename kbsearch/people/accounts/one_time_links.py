"""One-time links: to choose the first password, or another one.

The database keeps the SHA-256 of a token, never the token. Looking at a link does not use it up:
mail scanners open links too.
"""

from datetime import datetime, timedelta
from typing import Literal

from kbsearch import people, randomness
from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import Person
from kbsearch.people.accounts.sessions import hash_token

Purpose = Literal["invitation", "mailed_invitation", "reset"]
LIFETIMES: dict[Purpose, timedelta] = {
    "invitation": timedelta(days=7),
    "mailed_invitation": timedelta(days=7),
    "reset": timedelta(hours=1),
}
PATHS: dict[Purpose, str] = {
    "invitation": "invitation",
    "mailed_invitation": "invitation",
    "reset": "password/reset",
}


def make(db: Database, purpose: Purpose, person: Person, *, at: datetime | None = None) -> str:
    """A token for a link; those made before it for the same purpose stop working."""
    if person.disabled_at:
        raise Invalid("person.is_disabled", email=person.email)
    moment = at or utc_now()
    token = randomness.token()
    with db.atomic():
        for other in (one for one in PATHS if PATHS[one] == PATHS[purpose]):
            db.execute(
                """
                DELETE FROM tokens
                WHERE person_id = :id AND purpose = :purpose AND used_at IS NULL
                """,
                {"id": person.id, "purpose": other},
            )
        db.insert(
            "tokens",
            {
                "token_hash": hash_token(token),
                "purpose": purpose,
                "person_id": person.id,
                "created_at": stored(moment),
                "expires_at": stored(moment + LIFETIMES[purpose]),
            },
        )
    return token


def url(settings: Settings, purpose: Purpose, person: Person, token: str) -> str:
    """The address to send to the person a link was made for."""
    return settings.url(f"{PATHS[purpose]}/{token}", person.language or "")


def peek(db: Database, purpose: Purpose, token: str, *, at: datetime | None = None) -> Person:
    """Whose link this is, without using it; raises NotFound when it works no more."""
    return peek_hash(db, purpose, hash_token(token), at=at)


def peek_hash(
    db: Database, purpose: Purpose, token_hash: str, *, at: datetime | None = None
) -> Person:
    """The same for the hash of a token."""
    rows = db.query(
        """
        SELECT t.person_id FROM tokens t
        JOIN people p ON p.id = t.person_id AND p.disabled_at IS NULL
        WHERE t.token_hash = :hash AND t.purpose = :purpose
          AND t.used_at IS NULL AND t.expires_at > :now
        """,
        {"hash": token_hash, "purpose": purpose, "now": stored(at or utc_now())},
    )
    if not rows:
        raise NotFound("link.unusable")
    return people.find_id(db, rows[0]["person_id"])


def purpose_of_invitation(db: Database, token: str) -> Purpose:
    """How an invitation was handed over: whoever follows one from a mail has the mailbox."""
    rows = db.query(
        "SELECT purpose FROM tokens WHERE token_hash = :hash", {"hash": hash_token(token)}
    )
    is_mailed = bool(rows) and rows[0]["purpose"] == "mailed_invitation"
    return "mailed_invitation" if is_mailed else "invitation"


def use(db: Database, purpose: Purpose, token_hash: str, *, at: datetime | None = None) -> Person:
    """Use a link up. Of many at the same moment, one succeeds; the others raise NotFound."""
    rows = db.query(
        """
        UPDATE tokens SET used_at = :now
        WHERE token_hash = :hash AND purpose = :purpose AND used_at IS NULL AND expires_at > :now
          AND person_id IN (SELECT id FROM people WHERE disabled_at IS NULL)
        RETURNING person_id
        """,
        {"hash": token_hash, "purpose": purpose, "now": stored(at or utc_now())},
    )
    if not rows:
        raise NotFound("link.unusable")
    return people.find_id(db, rows[0]["person_id"])
