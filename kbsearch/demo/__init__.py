"""Two organisations, somebody of every role and past requests: something to try kbsearch on."""

import json
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kbsearch import organisations, passwords, people, resources, second_factor
from kbsearch.clock import parsed, stored
from kbsearch.config import Settings
from kbsearch.db import Database
from kbsearch.importing import lines, tickets
from kbsearch.importing.lines import Line
from kbsearch.importing.report import Report

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
WITH_TOTP = ("agent", "writer", "administrator")
ACCOUNTS_NAME = "demo.json"  # beside the database: the passwords are the same at every start
MOMENTS = ("created_at", "updated_at", "solved_at", "at")


@dataclass(frozen=True)
class Account:
    """What somebody needs to sign in as one of the demo's people."""

    email: str
    password: str
    role: str
    organisation: str | None
    totp_secret: str | None


def ensure(settings: Settings, db: Database) -> tuple[Account, ...]:
    """Fill an empty database; the demo's accounts that are there, none on somebody's real site."""
    with db.atomic():
        if not people.list_all(db):
            return fill(settings, db)
    there = {person.email for person in people.list_all(db)}
    return tuple(account for account in _kept(settings) if account.email in there)


def fill(settings: Settings, db: Database) -> tuple[Account, ...]:
    """Put the demo in, all of it or nothing; its passwords are kept in the data folder."""
    with db.atomic():
        for name in PRODUCTS:
            organisations.add_product(db, name)
        for name, products in ORGANISATIONS:
            organisations.add(db, name, products=products, sharing="everyone")
        opened = tuple(_open_account(settings, db, *person) for person in PEOPLE)
        report = tickets.take_in(db, _past_requests(), Report())
        assert not report.refused and not report.altered, report.remarks
        _keep(settings, opened)
    return opened


def _open_account(
    settings: Settings, db: Database, email: str, name: str, role: str, organisation: str | None
) -> Account:
    import pyotp  # one command needs it

    its = [organisation] if organisation else []
    person = people.add(db, email=email, name=name, role=role, organisations=its)
    totp_secret = pyotp.random_base32() if role in WITH_TOTP else None
    password = secrets.token_urlsafe(12)
    passwords.keep(db, person, passwords.hash(password))
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


def _keep(settings: Settings, accounts: Sequence[Account]) -> None:
    path = settings.data_path / ACCOUNTS_NAME
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        json.dump([asdict(account) for account in accounts], target, indent=2)


def _kept(settings: Settings) -> Iterator[Account]:
    path = settings.data_path / ACCOUNTS_NAME
    if path.is_file():
        yield from (Account(**each) for each in json.loads(path.read_text(encoding="utf-8")))
