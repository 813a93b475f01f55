"""What the tests of signing in share: people who have passwords, and their authenticators."""

from datetime import UTC, datetime

import pyotp

from kbsearch import people
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.people import Person
from kbsearch.people.accounts import passwords, second_factor

PASSWORD = "correct horse battery"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
HASHED = passwords.hash(PASSWORD)  # once: it is slow on purpose


def with_password(db: Database, email: str) -> Person:
    """The person, who has the password now."""
    person = people.find(db, email)
    passwords.keep(db, person, HASHED)
    return person


def with_totp(settings: Settings, db: Database, email: str) -> Person:
    """The person, who has the password and an authenticator."""
    person = with_password(db, email)
    second_factor.set_totp(db, settings, person.id, SECRET)
    return person


def totp(at: datetime | None = None) -> str:
    """What the authenticator shows."""
    return pyotp.TOTP(SECRET).at(at or datetime.now(UTC))
