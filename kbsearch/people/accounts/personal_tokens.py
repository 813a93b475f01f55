"""Personal tokens: a program acts as the person who made one, with their rights or fewer.

The database keeps the SHA-256 of a token, never the token: it is told once, when it is made.
That of an application opens what its person allowed, and gets a new secret every hour.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import audit, outbox, randomness
from kbsearch.access import Viewer
from kbsearch.clock import parsed, stored, utc_now
from kbsearch.database import Database, Row, Values, if_possible, new_id
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import Person, viewers
from kbsearch.people.accounts.sessions import SEEN_EVERY, hash_token

ADDED = outbox.declare("token.added", "mail")  # tell its person
PREFIX = "kbs_"  # what scanners for secrets know ours by
HINT_LENGTH = len(PREFIX) + 4
USUAL_DAYS = 90
LONGEST_DAYS = 366
MOST_TOKENS = 20  # of a person
MAX_NAME = 80
API, ASSISTANTS = "api", "assistants"  # what applications are let into
SECRET_LIFETIME = timedelta(hours=1)  # of an application's, until it is renewed
UNUSED_LIFETIME = timedelta(days=30)  # of an application's that is not renewed


@dataclass(frozen=True)
class PersonalToken:
    """A token as it is listed; `hint` is how it begins."""

    id: str
    person_id: str
    email: str  # of its person
    name: str
    hint: str
    may_write: bool
    only_search: bool
    product: str | None  # a slug: it reaches nothing of the others
    created_at: str
    expires_at: str
    used_at: str | None
    application_id: str | None  # it was given to
    resources: str  # what it opens, blanks between; empty for a token that opens all

    @property
    def rights(self) -> Mapping[str, str]:
        """What it was made for, as the security log keeps it."""
        return {
            "access": "write" if self.may_write else "read",
            "only_search": "yes" if self.only_search else "",
            "product": self.product or "",
            "expires_at": self.expires_at,
            **({"application": self.name} if self.application_id else {}),
            **({"resources": "\n".join(self.resources.split())} if self.resources else {}),
        }

    def opens(self, resource: str) -> bool:
        """Whether it was made for that; one that a person made for themselves is for all."""
        return not self.resources or resource in self.resources.split()


@dataclass(frozen=True)
class TokenFields:
    """What is asked of a new token; `product` is a slug."""

    name: str
    may_write: bool = False
    only_search: bool = False
    product: str = ""
    days: int = USUAL_DAYS
    application_id: str | None = None
    resources: str = ""


@dataclass(frozen=True)
class Holder:
    """Whoever a token speaks for, and the token that narrows it."""

    viewer: Viewer
    token: PersonalToken


def add(
    db: Database,
    viewer: Viewer,
    person: Person,
    fields: TokenFields,
    *,
    at: datetime | None = None,
) -> tuple[PersonalToken, str]:
    """A new token and its secret; for oneself, or by a command for somebody."""
    if viewer.person_id not in (None, person.id) or not (viewer.is_signed_in or viewer.via):
        raise NotFound("person.not_found", email=person.email)
    if person.disabled_at:
        raise Invalid("person.is_disabled", email=person.email)
    moment, secret = at or utc_now(), _new_secret()
    row: Row = {
        "id": new_id(),
        "token_hash": hash_token(secret),
        "person_id": person.id,
        "name": _checked_name(fields.name),
        "hint": secret[:HINT_LENGTH],
        "may_write": int(fields.may_write),
        "only_search": int(fields.only_search),
        "created_at": stored(moment),
        "expires_at": stored(moment + timedelta(days=_checked_days(fields.days))),
        "application_id": fields.application_id,
        "resources": fields.resources,
        "renew_by": stored(moment + SECRET_LIFETIME) if fields.application_id else None,
    }
    with db.atomic():
        _replace_earlier(db, person, fields)
        row["product_id"] = _product_id(db, fields.product)
        check_limit(db, person.id, fields.application_id, at=moment)
        db.insert("personal_tokens", row)
        added = find(db, row["id"])
        _note(db, viewer, "token.added", added, {}, added.rights)
        outbox.add(db, ADDED, person.id)
    return added, secret


def check_limit(
    db: Database, person_id: str, application_id: str | None, *, at: datetime | None = None
) -> None:
    """Raise Invalid where a person has as many as they may, but for what this one replaces."""
    others = [
        token
        for token in list_of(db, person_id, at=at)
        if application_id is None or token.application_id != application_id
    ]
    if len(others) >= MOST_TOKENS:
        raise Invalid("token.too_many", limit=MOST_TOKENS)


def holder_of(
    db: Database, secret: str, resource: str = "", *, at: datetime | None = None
) -> Holder | None:
    """Who speaks with this token; None when it is unknown, over, revoked or for something else.

    It runs at every call: one query, and a write at most once a minute.
    """
    moment = at or utc_now()
    rows = db.query(
        f"""
        SELECT {viewers.COLUMNS}, s.id AS token_id
        FROM personal_tokens s
        JOIN people p ON p.id = s.person_id AND p.disabled_at IS NULL
        {viewers.MEMBERSHIPS}
        WHERE s.token_hash = :hash AND s.expires_at > :now
          AND COALESCE(s.renew_by, s.expires_at) > :now
        """,  # noqa: S608 (a constant)
        {
            "hash": hash_token(secret),
            "now": stored(moment),
            "today": moment.date().isoformat(),
        },
    )
    if not rows:
        return None
    token = find(db, rows[0]["token_id"])
    if not token.opens(resource):
        return None
    if token.used_at is None or token.used_at <= stored(moment - SEEN_EVERY):
        _touch(db, token.id, moment)
    return Holder(viewers.from_rows(rows, via=f"token {token.hint}…"), token)


def find(db: Database, token_id: str) -> PersonalToken:
    """The token with that id; raises NotFound."""
    tokens = _read(db, "s.id = :id", {"id": token_id})
    if not tokens:
        raise NotFound("token.not_found")
    return tokens[0]


def list_of(db: Database, person_id: str, *, at: datetime | None = None) -> list[PersonalToken]:
    """Those of a person that still open something, the newest first."""
    values = {"person": person_id, "now": stored(at or utc_now())}
    return _read(db, "s.person_id = :person AND s.expires_at > :now", values)


def list_all(db: Database, *, at: datetime | None = None) -> list[PersonalToken]:
    """Everybody's that still open something, the newest first: for whoever runs the site."""
    return _read(db, "s.expires_at > :now", {"now": stored(at or utc_now())})


def revoke(db: Database, viewer: Viewer, token_id: str) -> PersonalToken:
    """Let a token open nothing more: one's own, as an administrator anybody's."""
    with db.atomic():
        token = find(db, token_id)
        if not (viewer.is_administrator or viewer.person_id == token.person_id):
            raise NotFound("token.not_found")
        db.execute("DELETE FROM personal_tokens WHERE id = :id", {"id": token.id})
        _note(db, viewer, "token.revoked", token, token.rights, {})
    return token


def renew(db: Database, token: PersonalToken, *, at: datetime | None = None) -> str:
    """Another secret for what an application holds: the one before opens nothing any more."""
    moment, secret = at or utc_now(), _new_secret()
    last_day = parsed(token.created_at) + timedelta(days=LONGEST_DAYS)
    db.execute(
        """
        UPDATE personal_tokens
        SET token_hash = :hash, hint = :hint, renew_by = :renew_by, expires_at = :expires_at
        WHERE id = :id
        """,
        {
            "id": token.id,
            "hash": hash_token(secret),
            "hint": secret[:HINT_LENGTH],
            "renew_by": stored(moment + SECRET_LIFETIME),
            "expires_at": stored(min(moment + UNUSED_LIFETIME, last_day)),
        },
    )
    return secret


def forget_expired(db: Database, *, at: datetime | None = None) -> int:
    """Remove those that are over; how many."""
    moment = {"now": stored(at or utc_now())}
    return db.execute("DELETE FROM personal_tokens WHERE expires_at <= :now", moment)


def _read(db: Database, condition: str, values: Values) -> list[PersonalToken]:
    rows = db.query(
        f"""
        SELECT s.id, s.person_id, p.email, s.name, s.hint, s.may_write, s.only_search,
               pr.slug AS product, s.created_at, s.expires_at, s.used_at,
               s.application_id, s.resources
        FROM personal_tokens s JOIN people p ON p.id = s.person_id
        LEFT JOIN products pr ON pr.id = s.product_id
        WHERE {condition} ORDER BY s.created_at DESC, s.id
        """,  # noqa: S608 (conditions are constants of this module)
        values,
    )
    flags = ("may_write", "only_search")
    return [PersonalToken(**{**row, **{name: bool(row[name]) for name in flags}}) for row in rows]


def _new_secret() -> str:
    return PREFIX + randomness.token()


def _replace_earlier(db: Database, person: Person, fields: TokenFields) -> None:
    """An application that asks again has lost what it had."""
    if fields.application_id:
        db.execute(
            "DELETE FROM personal_tokens WHERE person_id = :person AND application_id = :id",
            {"person": person.id, "id": fields.application_id},
        )


def _touch(db: Database, token_id: str, moment: datetime) -> None:
    with if_possible(db):  # the next call marks it
        db.execute(
            "UPDATE personal_tokens SET used_at = :now WHERE id = :id",
            {"now": stored(moment), "id": token_id},
        )


def _checked_name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid("token.name_invalid", limit=MAX_NAME)
    return name


def _checked_days(days: int) -> int:
    if not 1 <= days <= LONGEST_DAYS:
        raise Invalid("token.days_invalid", limit=LONGEST_DAYS)
    return days


def _product_id(db: Database, slug: str) -> str | None:
    rows = db.query("SELECT id FROM products WHERE slug = :slug", {"slug": slug})
    if slug and not rows:
        raise Invalid("product.not_found", slug=slug)
    return rows[0]["id"] if rows else None


def _note(
    db: Database,
    viewer: Viewer,
    kind: str,
    token: PersonalToken,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> None:
    old, new = audit.differences(before, after)
    removed = {name: text for name, text in before.items() if text and not after}
    audit.act(
        db,
        viewer,
        kind,
        person_id=token.person_id,
        subject=f"{token.hint}…",
        before=old or removed,
        after=new,
    )
