"""Two organisations, somebody of every role and past requests: something to try kbsearch on."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kbsearch import accounts, organisations, people, resources, second_factor
from kbsearch.clock import parsed, stored
from kbsearch.config import Settings
from kbsearch.db import Database
from kbsearch.errors import NotFound
from kbsearch.importing import lines, tickets
from kbsearch.importing.lines import Line
from kbsearch.importing.report import Report
from kbsearch.people import Person

PRODUCTS = ("iCownect", "Cervo Atelier", "Lumen Caisse")
ORGANISATIONS = (
    ("Acme", ("icownect", "cervo-atelier")),
    ("Globex", ("cervo-atelier", "lumen-caisse")),
)
PEOPLE = (  # address, name, role, organisation
    ("alice@acme.example", "Alice Martin", "customer", "acme"),
    ("bob@acme.example", "Bob Durand", "customer", "acme"),
    ("chloe@globex.example", "Chloé Petit", "customer", "globex"),
    ("dan@support.example", "Dan Leroy", "agent", None),
    ("wendy@support.example", "Wendy Faure", "writer", None),
    ("root@support.example", "Robin Morel", "administrator", None),
)
WITH_TOTP = ("agent", "administrator")
MOMENTS = ("created_at", "updated_at", "solved_at", "at")


@dataclass(frozen=True)
class Account:
    """What somebody needs to sign in as one of the demo's people."""

    email: str
    password: str
    role: str
    organisation: str | None
    totp_secret: str | None


def ensure(settings: Settings, db: Database) -> tuple[Person, ...]:
    """Fill an empty database; the demo's people that are there, none on somebody's real site."""
    with db.atomic():
        if not people.list_all(db):
            fill(settings, db)
    return tuple(_present(db))


def fill(settings: Settings, db: Database) -> tuple[Account, ...]:
    """Put the demo in, all of it or nothing; the passwords are made here and kept nowhere."""
    with db.atomic():
        for name in PRODUCTS:
            organisations.add_product(db, name)
        for name, products in ORGANISATIONS:
            organisations.add(db, name, products=products, sharing="everyone")
        opened = tuple(_open_account(settings, db, *person) for person in PEOPLE)
        report = tickets.take_in(db, _past_requests(), Report())
        assert not report.refused and not report.altered, report.remarks
    return opened


def _open_account(
    settings: Settings, db: Database, email: str, name: str, role: str, organisation: str | None
) -> Account:
    import pyotp  # one command needs it

    its = [organisation] if organisation else []
    person = people.add(db, email=email, name=name, role=role, organisations=its)
    totp_secret = pyotp.random_base32() if role in WITH_TOTP else None
    password = secrets.token_urlsafe(12)
    accounts.set_password(db, person, password)
    if totp_secret:
        second_factor.set_totp(db, settings, person.id, totp_secret)
    return Account(email, password, role, organisation, totp_secret)


def _past_requests() -> Iterator[Line]:
    """The shipped requests, moved by whole days so that the newest one is of yesterday."""
    path = resources.folder("demo") / "tickets.jsonl"
    shipped = list(lines.read(path, "jsonl"))
    newest = max(line.values["updated_at"] for line in shipped)
    days = (datetime.now(UTC).date() - parsed(newest).date()).days - 1
    for line in shipped:
        yield Line(line.number, line.position, _moved(line.values, timedelta(days=days)))


def _moved(values: dict[str, Any], gap: timedelta) -> dict[str, Any]:
    moments = {name: stored(parsed(values[name]) + gap) for name in MOMENTS if name in values}
    messages = [_moved(message, gap) for message in values.get("messages", [])]
    return {**values, **moments, **({"messages": messages} if messages else {})}


def _present(db: Database) -> Iterator[Person]:
    for email, *_ in PEOPLE:
        try:
            yield people.find(db, email)
        except NotFound:
            continue  # removed, or never there
