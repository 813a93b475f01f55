"""Coming in: sessions, the one-time links that open them, and the viewer behind a token.

The database keeps the SHA-256 of a token, never the token: reading it opens no door.
"""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from kbsearch import access, people
from kbsearch.access import ANONYMOUS, Role, Viewer
from kbsearch.clock import stored
from kbsearch.config import Settings
from kbsearch.db import Busy, Database, Row
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import Person

IDLE_LIFETIME = {"customer": timedelta(hours=12), "staff": timedelta(hours=2)}
SESSION_LIFETIME = {"customer": timedelta(days=7), "staff": timedelta(hours=12)}
LINK_LIFETIME = timedelta(minutes=15)
SEEN_EVERY = timedelta(minutes=1)
MAX_USER_AGENT = 300
# A contract opens the products it covers between its dates; colleagues stay colleagues after it.
MEMBERSHIPS = """
    LEFT JOIN memberships m ON m.person_id = p.id
    LEFT JOIN organisations o ON o.id = m.organisation_id
    LEFT JOIN organisation_products op ON op.organisation_id = o.id
      AND COALESCE(o.contract_starts, :today) <= :today
      AND COALESCE(o.contract_ends, :today) >= :today
    LEFT JOIN products pr ON pr.id = op.product_id
"""


def viewer_of(db: Database, token: str, *, at: datetime | None = None) -> Viewer:
    """Who holds this session token; a stranger when it is unknown, idle, over or shut.

    It runs on every keystroke: one query, and a write at most once a minute.
    """
    moment = at or datetime.now(UTC)
    rows = db.query(
        f"""
        SELECT p.id, p.email, p.name, p.role, p.language, s.token_hash, s.seen_at,
               o.slug AS organisation, pr.slug AS product
        FROM sessions s
        JOIN people p ON p.id = s.person_id AND p.disabled_at IS NULL
        {MEMBERSHIPS}
        WHERE s.token_hash = :hash AND s.expires_at > :now
          AND s.seen_at > CASE p.role WHEN 'customer' THEN :customer ELSE :staff END
        """,  # noqa: S608 (a constant)
        {
            "hash": _hash(token),
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
    return _viewer(rows)


def viewer_for(db: Database, email: str) -> Viewer:
    """The viewer that a person is, for commands run on their behalf."""
    rows = db.query(
        f"""
        SELECT p.id, p.email, p.name, p.role, p.language,
               o.slug AS organisation, pr.slug AS product
        FROM people p
        {MEMBERSHIPS}
        WHERE p.email = :email AND p.disabled_at IS NULL
        """,  # noqa: S608 (a constant)
        {"email": people.fold_email(email), "today": datetime.now(UTC).date().isoformat()},
    )
    if not rows:
        raise NotFound("person.not_found", email=email)
    return _viewer(rows)


def open_session(
    db: Database, person_id: str, user_agent: str = "", *, at: datetime | None = None
) -> str:
    """Let somebody in; the token their browser keeps."""
    moment = at or datetime.now(UTC)
    token = secrets.token_urlsafe(32)
    lifetime = SESSION_LIFETIME[_kind(people.find_id(db, person_id).role)]
    db.insert(
        "sessions",
        {
            "token_hash": _hash(token),
            "person_id": person_id,
            "created_at": stored(moment),
            "seen_at": stored(moment),
            "expires_at": stored(moment + lifetime),
            "user_agent": user_agent[:MAX_USER_AGENT],
        },
    )
    return token


def end_session(db: Database, token: str) -> None:
    """Sign out. Ending what has ended is no mistake."""
    db.execute("DELETE FROM sessions WHERE token_hash = :hash", {"hash": _hash(token)})


def make_link(db: Database, email: str, *, at: datetime | None = None) -> str:
    """A one-time token that lets this person in; the ones made before it stop working."""
    person = people.find(db, email)
    if person.disabled_at:
        raise Invalid("person.is_disabled", email=person.email)
    moment = at or datetime.now(UTC)
    token = secrets.token_urlsafe(32)
    with db.atomic():
        db.execute(
            "DELETE FROM tokens WHERE person_id = :id AND purpose = 'link' AND used_at IS NULL",
            {"id": person.id},
        )
        db.insert(
            "tokens",
            {
                "token_hash": _hash(token),
                "purpose": "link",
                "person_id": person.id,
                "created_at": stored(moment),
                "expires_at": stored(moment + LINK_LIFETIME),
            },
        )
    return token


def link_url(settings: Settings, person: Person, token: str) -> str:
    """The address to hand to the person a link was made for."""
    language = person.language or settings.languages[0]
    return f"{settings.base_url.rstrip('/')}/{language}/link/{token}"


def peek_link(db: Database, token: str, *, at: datetime | None = None) -> Person | None:
    """Whom a link would let in, without using it: mail scanners follow links too."""
    rows = db.query(
        """
        SELECT t.person_id FROM tokens t
        JOIN people p ON p.id = t.person_id AND p.disabled_at IS NULL
        WHERE t.token_hash = :hash AND t.purpose = 'link'
          AND t.used_at IS NULL AND t.expires_at > :now
        """,
        {"hash": _hash(token), "now": stored(at or datetime.now(UTC))},
    )
    return people.find_id(db, rows[0]["person_id"]) if rows else None


def use_link(db: Database, token: str, user_agent: str = "", *, at: datetime | None = None) -> str:
    """Use a link up and open a session; its token. Of two at the same moment, one comes in."""
    moment = at or datetime.now(UTC)
    with db.atomic():
        used = db.query(
            """
            UPDATE tokens SET used_at = :now
            WHERE token_hash = :hash AND purpose = 'link' AND used_at IS NULL
              AND expires_at > :now
              AND person_id IN (SELECT id FROM people WHERE disabled_at IS NULL)
            RETURNING person_id
            """,
            {"hash": _hash(token), "now": stored(moment)},
        )
        if not used:
            raise NotFound("account.link_unusable")
        return open_session(db, used[0]["person_id"], user_agent, at=moment)


def forget_expired(db: Database, *, at: datetime | None = None) -> int:
    """Remove the sessions and links that are over; how many."""
    moment = {"now": stored(at or datetime.now(UTC))}
    with db.atomic():
        sessions = db.execute("DELETE FROM sessions WHERE expires_at <= :now", moment)
        return sessions + db.execute("DELETE FROM tokens WHERE expires_at <= :now", moment)


def set_password(db: Database, person: Person, password: str) -> None:
    """Keep a password, hashed."""
    from argon2 import PasswordHasher  # not loaded by the pages that never hash

    hasher = PasswordHasher(memory_cost=47104, time_cost=1, parallelism=1)
    db.execute(
        "UPDATE people SET password_hash = :hash WHERE id = :id",
        {"hash": hasher.hash(password), "id": person.id},
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _kind(role: Role) -> str:
    return "customer" if role == "customer" else "staff"


def _touch(db: Database, token_hash: str, moment: datetime) -> None:
    try:
        db.execute(
            "UPDATE sessions SET seen_at = :now WHERE token_hash = :hash",
            {"now": stored(moment), "hash": token_hash},
        )
    except Busy:
        return  # a page must not fail because somebody imports: the next one marks it


def _viewer(rows: list[Row]) -> Viewer:
    """One row for each organisation and product of the person."""
    person = rows[0]
    organisations = sorted({row["organisation"] for row in rows} - {None})
    products = sorted({row["product"] for row in rows} - {None})
    return Viewer(
        role=person["role"],
        person_id=person["id"],
        name=person["name"],
        email=person["email"],
        language=person["language"],
        organisations=tuple(organisations),
        products=tuple(products),
        words=access.words(person["role"], person["id"], organisations, products),
    )
