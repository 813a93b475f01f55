"""Sessions: who is signed in where, and the viewer behind a token.

The database keeps the SHA-256 of a token, never the token: reading it opens no door.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import people, randomness
from kbsearch.access import ANONYMOUS, Role, Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row, if_possible
from kbsearch.errors import NotFound
from kbsearch.messages.webhooks import events
from kbsearch.people import viewers

IDLE_LIFETIME = {"customer": timedelta(hours=12), "staff": timedelta(hours=2)}
SESSION_LIFETIME = {"customer": timedelta(days=7), "staff": timedelta(hours=12)}
SEEN_EVERY = timedelta(minutes=1)
PROOF_LIFETIME = timedelta(minutes=10)
MAX_USER_AGENT = 300


@dataclass(frozen=True)
class Session:
    """Somewhere somebody is signed in."""

    id: str  # opens nothing
    created_at: str
    seen_at: str
    expires_at: str
    user_agent: str
    is_this_one: bool


def viewer_of(db: Database, token: str, *, at: datetime | None = None) -> Viewer:
    """Who holds this session token; a stranger when it is unknown, idle, over or shut.

    It runs on every keystroke: one query, and a write at most once a minute.
    """
    moment = at or utc_now()
    rows = db.query(
        f"""
        SELECT {viewers.COLUMNS}, s.token_hash, s.seen_at, s.enrolling
        FROM sessions s
        JOIN people p ON p.id = s.person_id AND p.disabled_at IS NULL
        {viewers.MEMBERSHIPS}
        WHERE s.token_hash = :hash AND s.expires_at > :now
          AND s.seen_at > CASE p.role WHEN 'customer' THEN :customer ELSE :staff END
        """,  # noqa: S608 (a constant)
        {
            "hash": hash_token(token),
            "now": stored(moment),
            "today": moment.date().isoformat(),
            "customer": stored(moment - IDLE_LIFETIME["customer"]),
            "staff": stored(moment - IDLE_LIFETIME["staff"]),
        },
    )
    if not rows:
        return ANONYMOUS
    if rows[0]["seen_at"] <= stored(moment - SEEN_EVERY):
        _touch(db, rows[0]["token_hash"], moment)
    return _enrolling(rows[0]) if rows[0]["enrolling"] else viewers.from_rows(rows)


def open_session(
    db: Database,
    person_id: str,
    user_agent: str = "",
    *,
    enrolling: bool = False,
    at: datetime | None = None,
) -> str:
    """Let somebody in; the token their browser keeps.

    An enrolling session is for setting up the second factor: it sees what a stranger sees.
    """
    moment = at or utc_now()
    token = randomness.token()
    lifetime = SESSION_LIFETIME[_kind(people.find_id(db, person_id).role)]
    with db.atomic():
        db.insert(
            "sessions",
            {
                "token_hash": hash_token(token),
                "person_id": person_id,
                "created_at": stored(moment),
                "seen_at": stored(moment),
                "expires_at": stored(moment + lifetime),
                "user_agent": user_agent[:MAX_USER_AGENT],
                "enrolling": int(enrolling),
            },
        )
        if not enrolling:
            events.tell(db, "user.signed_in", person_id)
    return token


def end_session(db: Database, token: str) -> None:
    """Sign out. Ending what has ended is no mistake."""
    db.execute("DELETE FROM sessions WHERE token_hash = :hash", {"hash": hash_token(token)})


def end_other_sessions(db: Database, person_id: str, token: str = "") -> int:
    """Sign somebody out everywhere but where `token` is kept; how many sessions ended."""
    return db.execute(
        "DELETE FROM sessions WHERE person_id = :id AND token_hash <> :hash",
        {"id": person_id, "hash": hash_token(token)},
    )


def end_listed_session(db: Database, person_id: str, session_id: str) -> None:
    """Sign this person out where that listed session is."""
    ended = db.execute(
        "DELETE FROM sessions WHERE person_id = :id AND token_hash = :session",
        {"id": person_id, "session": session_id},
    )
    if not ended:
        raise NotFound("account.session_not_found")


def list_sessions(
    db: Database, person_id: str, token: str = "", *, at: datetime | None = None
) -> list[Session]:
    """Where somebody is signed in, the latest seen first; the one with `token` is marked."""
    person = people.find_id(db, person_id)
    moment = at or utc_now()
    rows = db.query(
        """
        SELECT token_hash, created_at, seen_at, expires_at, user_agent FROM sessions
        WHERE person_id = :id AND expires_at > :now AND seen_at > :idle
        ORDER BY seen_at DESC, created_at DESC, token_hash
        """,
        {
            "id": person_id,
            "now": stored(moment),
            "idle": stored(moment - IDLE_LIFETIME[_kind(person.role)]),
        },
    )
    here = hash_token(token)
    return [
        Session(
            id=row["token_hash"],
            created_at=row["created_at"],
            seen_at=row["seen_at"],
            expires_at=row["expires_at"],
            user_agent=row["user_agent"] or "",
            is_this_one=row["token_hash"] == here,
        )
        for row in rows
    ]


def last_person(db: Database, token: str) -> str | None:
    """Whose session this is or was, while it is remembered; it opens nothing."""
    rows = db.query(
        "SELECT person_id FROM sessions WHERE token_hash = :hash", {"hash": hash_token(token)}
    )
    return rows[0]["person_id"] if rows else None


def renew_session(db: Database, token: str, *, at: datetime | None = None) -> str:
    """Another token for a session whose person has just proved more: it is a full one now.

    A copy of the cookie of before opens nothing.
    """
    renewed = randomness.token()
    changed = db.execute(
        """
        UPDATE sessions SET token_hash = :renewed, enrolling = 0
        WHERE token_hash = :hash AND expires_at > :now
        """,
        {
            "renewed": hash_token(renewed),
            "hash": hash_token(token),
            "now": stored(at or utc_now()),
        },
    )
    if not changed:
        raise NotFound("account.session_not_found")
    return renewed


def prove(db: Database, token: str, *, at: datetime | None = None) -> str:
    """Another token for a session whose person gave password and second factor just now.

    It shows what it showed before; a copy of the cookie of before opens nothing.
    """
    moment, renewed = at or utc_now(), randomness.token()
    changed = db.execute(
        """
        UPDATE sessions SET token_hash = :renewed, proved_at = :now
        WHERE token_hash = :hash AND expires_at > :now
        """,
        {"renewed": hash_token(renewed), "hash": hash_token(token), "now": stored(moment)},
    )
    if not changed:
        raise NotFound("account.session_not_found")
    return renewed


def mark_proved(db: Database, token: str, *, at: datetime | None = None) -> None:
    """Keep that whoever has this session gave their password and second factor just now."""
    db.execute(
        "UPDATE sessions SET proved_at = :now WHERE token_hash = :hash",
        {"now": stored(at or utc_now()), "hash": hash_token(token)},
    )


def is_proved(db: Database, token: str, *, at: datetime | None = None) -> bool:
    """Whether that was minutes ago: it is asked for again before what guards the account."""
    moment = at or utc_now()
    rows = db.query(
        """
        SELECT 1 FROM sessions
        WHERE token_hash = :hash AND proved_at > :since AND proved_at <= :now
        """,
        {
            "hash": hash_token(token),
            "since": stored(moment - PROOF_LIFETIME),
            "now": stored(moment),
        },
    )
    return bool(rows)


def forget_expired(db: Database, *, at: datetime | None = None) -> int:
    """Remove the sessions and one-time links that are over; how many."""
    moment = {"now": stored(at or utc_now())}
    with db.atomic():
        sessions = db.execute("DELETE FROM sessions WHERE expires_at <= :now", moment)
        return sessions + db.execute("DELETE FROM tokens WHERE expires_at <= :now", moment)


def hash_token(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _kind(role: Role) -> str:
    return "customer" if role == "customer" else "staff"


def _touch(db: Database, token_hash: str, moment: datetime) -> None:
    with if_possible(db):  # the next page marks it
        db.execute(
            "UPDATE sessions SET seen_at = :now WHERE token_hash = :hash",
            {"now": stored(moment), "hash": token_hash},
        )


def _enrolling(person: Row) -> Viewer:
    """Somebody whose role asks for more than they have shown so far."""
    return Viewer(  # without a role: no check of one may open anything
        person_id=person["id"],
        name=person["name"],
        email=person["email"],
        language=person["language"],
        single_keys=bool(person["single_keys"]),
        is_enrolling=True,
    )
