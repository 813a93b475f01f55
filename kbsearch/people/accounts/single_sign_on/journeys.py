"""Sign-ins that left for the provider and are expected back, once, in the same browser."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import randomness
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database
from kbsearch.errors import Invalid

LIFETIME = timedelta(minutes=10)  # to type a password and a code at the provider
ANSWER_LIFETIME = timedelta(minutes=5)
ANSWERED = "answered"  # in the place of a nonce, which is never that short


@dataclass(frozen=True)
class Journey:
    """What was sent along (`state`, `nonce`), what proves it was us, and where to go afterwards."""

    state: str
    nonce: str
    verifier: str
    back: str
    language: str


def depart(
    db: Database, browser: str, back: str, language: str, *, at: datetime | None = None
) -> Journey:
    """Note a departure of the browser that holds this secret; over ones are forgotten."""
    moment = at or utc_now()
    state, nonce, verifier = (randomness.token() for _ in range(3))
    with db.atomic():
        forget_expired(db, at=moment)
        db.insert(
            "journeys",
            {
                "state_hash": _hash(state),
                "browser_hash": _hash(browser),
                "nonce": nonce,
                "verifier": verifier,
                "back": back,
                "language": language,
                "expires_at": stored(moment + LIFETIME),
            },
        )
    return Journey(state, nonce, verifier, back, language)


def arrive(db: Database, browser: str, state: str, *, at: datetime | None = None) -> Journey:
    """The journey that ends here. It ends once, and only in the browser it began in."""
    rows = db.query(
        """
        DELETE FROM journeys
        WHERE state_hash = :state AND browser_hash = :browser AND expires_at > :now
        RETURNING nonce, verifier, back, language
        """,
        {
            "state": _hash(state),
            "browser": _hash(browser),
            "now": stored(at or utc_now()),
        },
    )
    if not rows:
        raise Invalid("journey.over")
    return Journey(state, **rows[0])


def answer(db: Database, state: str, word: str, *, at: datetime | None = None) -> str:
    """Keep what a provider posted here for a journey; the state its browser then arrives with.

    Such a post comes from another site, without the browser's secret. The state it named is over.
    """
    moment, following = at or utc_now(), randomness.token()
    kept = db.execute(
        """
        UPDATE journeys
        SET state_hash = :following, nonce = :answered, verifier = :word, expires_at = :until
        WHERE state_hash = :state AND expires_at > :now
        """,
        {
            "following": _hash(following),
            "answered": ANSWERED,
            "word": word,
            "until": stored(moment + ANSWER_LIFETIME),
            "state": _hash(state),
            "now": stored(moment),
        },
    )
    if not kept:
        raise Invalid("journey.over")
    return following


def forget_expired(db: Database, *, at: datetime | None = None) -> None:
    """Remove the journeys nobody came back from in time."""
    db.execute("DELETE FROM journeys WHERE expires_at <= :now", {"now": stored(at or utc_now())})


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
