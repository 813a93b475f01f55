"""Renewals: an application exchanges its refresh token, once, for new ones (RFC 6749, 9700).

One that is used a second time was stolen, by whoever came first or by whoever comes now: the
token it renews ends at once.
"""

from dataclasses import dataclass
from datetime import datetime

from kbsearch import audit, randomness
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database
from kbsearch.people.accounts import applications, personal_tokens
from kbsearch.people.accounts.applications import Application, Declined
from kbsearch.people.accounts.personal_tokens import UNUSED_LIFETIME, PersonalToken
from kbsearch.people.accounts.sessions import hash_token

PREFIX = "kbr_"


@dataclass(frozen=True)
class TokenPair:
    """A token, its secret, and what gets the next one."""

    token: PersonalToken
    secret: str
    renewal: str


def issue(db: Database, token: PersonalToken, *, at: datetime | None = None) -> str:
    """What renews this token the next time."""
    renewal = PREFIX + randomness.token()
    row = {
        "renewal_hash": hash_token(renewal),
        "token_id": token.id,
        "expires_at": stored((at or utc_now()) + UNUSED_LIFETIME),
    }
    db.insert("application_renewals", row)
    return renewal


def renew(
    db: Database,
    application: Application,
    renewal: str,
    resources: str = "",
    *,
    at: datetime | None = None,
) -> TokenPair:
    """New secrets for old; raises Declined, and ends the token of one that was used before."""
    moment = at or utc_now()
    with db.atomic():  # a withdrawal must commit before it is refused
        token, is_used = _find(db, application, renewal, moment)
        if not is_used:
            if not set(resources.split()) <= set(token.resources.split()):
                raise Declined("application.resource_unknown", code="invalid_target")
            db.execute(
                "UPDATE application_renewals SET used_at = :now WHERE renewal_hash = :hash",
                {"now": stored(moment), "hash": hash_token(renewal)},
            )
            applications.mark_used(db, application, at=moment)
            secret = personal_tokens.renew(db, token, at=moment)
            return TokenPair(token, secret, issue(db, token, at=moment))
        withdraw(db, token, "renewal")
    raise Declined("application.renewal_invalid", code="invalid_grant")


def revoke(db: Database, application: Application, secret: str) -> None:
    """End the token that a secret or a renewal of this application belongs to, if any."""
    rows = db.query(
        """
        SELECT s.id FROM personal_tokens s
        LEFT JOIN application_renewals r ON r.token_id = s.id AND r.renewal_hash = :hash
        WHERE s.application_id = :application
          AND (s.token_hash = :hash OR r.renewal_hash IS NOT NULL)
        """,
        {"hash": hash_token(secret), "application": application.id},
    )
    for row in rows:
        with db.atomic():
            token = personal_tokens.find(db, row["id"])
            _end(db, token)
            audit.record(db, "token.returned", person_id=token.person_id, subject=token.name)


def withdraw(db: Database, token: PersonalToken, used_twice: str) -> None:
    """End what somebody else may hold as well."""
    _end(db, token)
    audit.record(
        db, "token.misused", person_id=token.person_id, subject=token.name, used_twice=used_twice
    )


def _end(db: Database, token: PersonalToken) -> None:
    db.execute("DELETE FROM personal_tokens WHERE id = :id", {"id": token.id})


def _find(
    db: Database, application: Application, renewal: str, moment: datetime
) -> tuple[PersonalToken, bool]:
    """The token of a renewal, and whether the renewal was used before."""
    rows = db.query(
        """
        SELECT r.token_id, r.used_at FROM application_renewals r
        JOIN personal_tokens s ON s.id = r.token_id AND s.application_id = :application
        WHERE r.renewal_hash = :hash AND r.expires_at > :now AND s.expires_at > :now
        """,
        {
            "hash": hash_token(renewal),
            "application": application.id,
            "now": stored(moment),
        },
    )
    if not rows:
        raise Declined("application.renewal_invalid", code="invalid_grant")
    return personal_tokens.find(db, rows[0]["token_id"]), rows[0]["used_at"] is not None
