"""Codes: what a person allowed an application, until it comes for the token (RFC 6749, 7636)."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import people, randomness
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row
from kbsearch.errors import NotFound
from kbsearch.people import viewers
from kbsearch.people.accounts import applications, personal_tokens
from kbsearch.people.accounts.applications import Application, Declined, renewals
from kbsearch.people.accounts.applications.renewals import TokenPair
from kbsearch.people.accounts.personal_tokens import UNUSED_LIFETIME, TokenFields
from kbsearch.people.accounts.sessions import hash_token

LIFETIME = timedelta(minutes=1)
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # of SHA-256
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True)
class Permission:
    """What somebody allows, and to whom it is told."""

    address: str
    challenge: str
    resources: str
    may_write: bool = False
    only_search: bool = False


@dataclass(frozen=True)
class Redemption:
    """What an application shows for its code."""

    code: str
    verifier: str
    address: str | None  # where it got the code, if it says so
    resources: str  # what of them it wants; empty for all


def issue(
    db: Database,
    viewer: Viewer,
    application: Application,
    permission: Permission,
    *,
    at: datetime | None = None,
) -> str:
    """A code for what the viewer allows, good for a minute and once."""
    moment, code = at or utc_now(), randomness.token()
    personal_tokens.check_limit(db, viewer.person_id or "", application.id, at=moment)
    row = {
        "code_hash": hash_token(code),
        "application_id": application.id,
        "person_id": viewer.person_id,
        "address": permission.address,
        "challenge": permission.challenge,
        "may_write": int(permission.may_write),
        "only_search": int(permission.only_search),
        "resources": permission.resources,
        "expires_at": stored(moment + LIFETIME),
    }
    with db.atomic():
        applications.mark_used(db, application, at=moment)
        db.insert("application_codes", row)
    return code


def redeem(
    db: Database,
    application: Application,
    redemption: Redemption,
    *,
    at: datetime | None = None,
) -> TokenPair:
    """The token for a code; a code shown twice takes back what it was given. Raises Declined."""
    moment = at or utc_now()
    with db.atomic():  # a replay must commit before it is refused
        row = _find(db, application, redemption.code)
        token_id = row["token_id"]
        if token_id is None:
            return _redeemed(db, application, row, redemption, moment)
        renewals.withdraw(db, personal_tokens.find(db, token_id), "code")
    raise Declined("application.code_invalid", code="invalid_grant")


def forget_expired(db: Database, *, at: datetime | None = None) -> int:
    """Remove those that are over and were not redeemed, and what renews nothing; how many."""
    now = {"now": stored(at or utc_now())}
    return db.execute(
        "DELETE FROM application_codes WHERE expires_at <= :now AND token_id IS NULL", now
    ) + db.execute("DELETE FROM application_renewals WHERE expires_at <= :now", now)


def _find(db: Database, application: Application, code: str) -> Row:
    rows = db.query(
        """
        SELECT * FROM application_codes
        WHERE code_hash = :hash AND application_id = :application
        """,
        {"hash": hash_token(code), "application": application.id},
    )
    if not rows:
        raise Declined("application.code_invalid", code="invalid_grant")
    return rows[0]


def _redeemed(
    db: Database, application: Application, row: Row, redemption: Redemption, moment: datetime
) -> TokenPair:
    is_right = (
        row["expires_at"] > stored(moment)
        and redemption.address in (None, row["address"])
        and _is_verified(row["challenge"], redemption.verifier)
    )
    if not is_right:
        raise Declined("application.code_invalid", code="invalid_grant")
    resources = redemption.resources or row["resources"]
    if not set(resources.split()) <= set(row["resources"].split()):
        raise Declined("application.resource_unknown", code="invalid_target")
    person = people.find_id(db, row["person_id"])
    fields = TokenFields(
        application.name,
        may_write=bool(row["may_write"]),
        only_search=bool(row["only_search"]),
        days=UNUSED_LIFETIME.days,
        application_id=application.id,
        resources=resources,
    )
    try:
        viewer = viewers.find(db, person.email)
    except NotFound:  # the account was closed meanwhile
        raise Declined("application.code_invalid", code="invalid_grant") from None
    token, secret = personal_tokens.add(db, viewer, person, fields, at=moment)
    db.execute(
        "UPDATE application_codes SET token_id = :token WHERE code_hash = :hash",
        {"token": token.id, "hash": row["code_hash"]},
    )
    return TokenPair(token, secret, renewals.issue(db, token, at=moment))


def _is_verified(challenge: str, verifier: str) -> bool:
    if not VERIFIER.fullmatch(verifier):
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(expected, challenge)
