"""Another e-mail address of somebody: an administrator enters it, whoever reads it confirms it.

Until then nothing changes. The link is made as its letter is sent, and rests nowhere.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import audit, outbox, people, randomness
from kbsearch.access import Viewer, only_administrators
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import Person, undeliverable
from kbsearch.people.accounts import sessions
from kbsearch.people.accounts.sessions import hash_token

ENTERED = outbox.declare("address.entered", "mail")
REPLACED = outbox.declare("address.replaced", "mail")
LIFETIME = timedelta(days=7)


@dataclass(frozen=True)
class AddressChange:
    """Somebody as they are, and the address that they would have."""

    person: Person
    email: str


def enter(
    db: Database, viewer: Viewer, person: Person, email: str, *, at: datetime | None = None
) -> None:
    """Ask whoever reads a new address to confirm it; what was entered before counts no more."""
    only_administrators(viewer)
    address = people.fold_email(email)
    with db.atomic():
        there = people.find_id(db, person.id)
        if there.disabled_at:
            raise Invalid("person.is_disabled", email=there.email)
        _check_free(db, address)
        db.execute("DELETE FROM address_changes WHERE person_id = :id", {"id": there.id})
        row = {"person_id": there.id, "email": address, "token_hash": None}
        db.insert("address_changes", {**row, "expires_at": stored((at or utc_now()) + LIFETIME)})
        outbox.add(db, ENTERED, there.id)
        audit.act(db, viewer, "address.entered", person_id=there.id)


def make_token(
    db: Database, person_id: str, *, at: datetime | None = None
) -> tuple[AddressChange, str] | None:
    """A token for the link of the letter, the only one that works; None where all is done."""
    token = randomness.token()
    rows = db.query(
        """
        UPDATE address_changes SET token_hash = :hash WHERE person_id = :id AND expires_at > :now
        RETURNING email
        """,
        {"hash": hash_token(token), "id": person_id, "now": stored(at or utc_now())},
    )
    if not rows:
        return None
    return AddressChange(people.find_id(db, person_id), rows[0]["email"]), token


def peek(db: Database, token: str, *, at: datetime | None = None) -> AddressChange:
    """What a link would change, without using it; raises NotFound when it works no more."""
    rows = db.query(
        """
        SELECT c.person_id, c.email FROM address_changes c
        JOIN people p ON p.id = c.person_id AND p.disabled_at IS NULL
        WHERE c.token_hash = :hash AND c.expires_at > :now
        """,
        {"hash": hash_token(token), "now": stored(at or utc_now())},
    )
    if not rows:
        raise NotFound("link.unusable")
    return AddressChange(people.find_id(db, rows[0]["person_id"]), rows[0]["email"])


def confirm(db: Database, token: str, *, at: datetime | None = None) -> AddressChange:
    """Give somebody their new address: every session ends, and the old address hears of it."""
    with db.atomic():
        change = peek(db, token, at=at)
        _check_free(db, change.email)
        values = {"id": change.person.id, "email": change.email}
        db.execute("DELETE FROM address_changes WHERE person_id = :id", values)
        db.execute("UPDATE people SET email = :email WHERE id = :id", values)
        db.execute(
            """
            DELETE FROM ticket_copies WHERE email = :email AND ticket_id IN (
              SELECT c.ticket_id FROM ticket_copies c WHERE c.person_id = :id)
            """,
            values,
        )
        db.execute("UPDATE ticket_copies SET email = :email WHERE person_id = :id", values)
        undeliverable.clear(db, change.person.id)
        sessions.end_other_sessions(db, change.person.id)
        outbox.add(db, REPLACED, f"{change.person.id} {change.person.email}")
        audit.record(db, "address.replaced", person_id=change.person.id)
    return change


def _check_free(db: Database, address: str) -> None:
    if db.query("SELECT 1 FROM people WHERE email = :email", {"email": address}):
        raise Invalid("person.email_taken", email=address)
