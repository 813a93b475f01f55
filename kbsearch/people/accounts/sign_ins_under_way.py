"""Sign-ins under way: a password or a link has been accepted, a code is still asked for.

Each belongs to one browser, which holds its token for ten minutes. A mailed code is made by the
worker as it sends it: here only its HMAC is kept, and it opens nothing without that token.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from kbsearch import keys, outbox, randomness
from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.errors import NotFound
from kbsearch.people.accounts.sessions import hash_token

Purpose = Literal["sign_in", "reset", "proof"]
Factor = Literal["mail", "totp"]

LIFETIME = timedelta(minutes=10)
CODE_LIFETIME = timedelta(minutes=5)
CODE_DIGITS = 6
CODE_ATTEMPTS = 5
CODE_WANTED = outbox.declare("code.wanted", "mail")  # make a code and send it


@dataclass(frozen=True)
class Errand:
    """What a code is asked for, and where its person goes next."""

    purpose: Purpose
    destination: str = ""  # a path of ours
    link_hash: str | None = None  # of the reset link they came by


@dataclass(frozen=True)
class Pending:
    """Somebody on the doorstep: what for, by which factor, and where they go next."""

    id: str
    person_id: str
    purpose: Purpose
    factor: Factor
    destination: str  # a path of ours
    link_hash: str | None  # of the reset link they came by
    passed_at: str | None


def begin(
    db: Database,
    person_id: str,
    errand: Errand,
    factor: Factor,
    *,
    at: datetime | None = None,
) -> str:
    """Ask somebody for a code; the token their browser keeps meanwhile."""
    moment = at or utc_now()
    token, pending_id = randomness.token(), new_id()
    with db.atomic():
        db.insert(
            "pending_sign_ins",
            {
                "id": pending_id,
                "token_hash": hash_token(token),
                "person_id": person_id,
                **vars(errand),
                "factor": factor,
                "created_at": stored(moment),
                "expires_at": stored(moment + LIFETIME),
            },
        )
        if factor == "mail":
            outbox.add(db, CODE_WANTED, pending_id)
    return token


def find(db: Database, token: str, purpose: Purpose, *, at: datetime | None = None) -> Pending:
    """The sign-in that this browser has under way; raises NotFound when it is over."""
    return _find(db, "d.token_hash = :key AND d.purpose = :purpose", hash_token(token), purpose, at)


def find_id(db: Database, pending_id: str, *, at: datetime | None = None) -> Pending:
    """The sign-in with that id, for whoever sends its code."""
    return _find(db, "d.id = :key AND d.passed_at IS NULL", pending_id, "", at)


def make_code(
    db: Database, settings: Settings, pending: Pending, *, at: datetime | None = None
) -> str:
    """A code for that sign-in alone; the one before stops working."""
    code = f"{randomness.below(10**CODE_DIGITS):0{CODE_DIGITS}}"
    db.execute(
        """
        UPDATE pending_sign_ins
        SET code_hmac = :hmac, code_expires_at = :expires, code_attempts = 0 WHERE id = :id
        """,
        {
            "hmac": _sealed(settings, pending.id, code),
            "expires": stored((at or utc_now()) + CODE_LIFETIME),
            "id": pending.id,
        },
    )
    return code


def is_code(
    db: Database, settings: Settings, pending: Pending, code: str, *, at: datetime | None = None
) -> bool:
    """Whether this is the code that was mailed; asking counts as one of its few attempts."""
    rows = db.query(
        """
        UPDATE pending_sign_ins SET code_attempts = code_attempts + 1
        WHERE id = :id AND passed_at IS NULL
          AND code_expires_at > :now AND code_attempts < :limit
        RETURNING code_hmac
        """,
        {"id": pending.id, "now": stored(at or utc_now()), "limit": CODE_ATTEMPTS},
    )
    digits = "".join(code.split()) if len(code) < 64 else ""
    return bool(rows) and hmac.compare_digest(
        rows[0]["code_hmac"], _sealed(settings, pending.id, digits)
    )


def has_live_code(db: Database, pending: Pending, *, at: datetime | None = None) -> bool:
    """Whether the mailed code can still be typed; the first is on its way when there is none."""
    rows = db.query(
        """
        SELECT 1 FROM pending_sign_ins WHERE id = :id AND (code_hmac IS NULL
          OR (code_expires_at > :now AND code_attempts < :limit))
        """,
        {"id": pending.id, "now": stored(at or utc_now()), "limit": CODE_ATTEMPTS},
    )
    return bool(rows)


def pass_through(db: Database, pending: Pending, *, at: datetime | None = None) -> bool:
    """Mark the code as given. Of many at the same moment, one passes."""
    passed = db.execute(
        """
        UPDATE pending_sign_ins SET passed_at = :now, code_hmac = NULL
        WHERE id = :id AND passed_at IS NULL
        """,
        {"now": stored(at or utc_now()), "id": pending.id},
    )
    return passed == 1


def end(db: Database, pending: Pending) -> None:
    """It is finished, or given up."""
    db.execute("DELETE FROM pending_sign_ins WHERE id = :id", {"id": pending.id})


def forget_expired(db: Database, *, at: datetime | None = None) -> int:
    """Remove those that nobody finished; how many."""
    moment = {"now": stored(at or utc_now())}
    return db.execute("DELETE FROM pending_sign_ins WHERE expires_at <= :now", moment)


def _find(db: Database, condition: str, key: str, purpose: str, at: datetime | None) -> Pending:
    rows = db.query(
        f"""
        SELECT d.id, d.person_id, d.purpose, d.factor, d.destination, d.link_hash, d.passed_at
        FROM pending_sign_ins d
        JOIN people p ON p.id = d.person_id AND p.disabled_at IS NULL
        WHERE {condition} AND d.expires_at > :now
        """,  # noqa: S608 (conditions are constants of this module)
        {"key": key, "purpose": purpose, "now": stored(at or utc_now())},
    )
    if not rows:
        raise NotFound("sign_in.expired")
    return Pending(**rows[0])


def _sealed(settings: Settings, pending_id: str, code: str) -> str:
    key = keys.derive(settings, "mailed code")
    text = f"{pending_id}:{code}".encode("utf-8", "surrogatepass")
    return hmac.new(key, text, "sha256").hexdigest()
