"""A vendor with customers, people of every role and two years of requests, to try kbsearch on."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from kbsearch import audit, people, randomness
from kbsearch.config import Settings
from kbsearch.database import Database, engines
from kbsearch.people import Person
from kbsearch.people.accounts import passwords
from kbsearch.site.demo import cast, opinions, requests, searches

ACCOUNTS_NAME = "demo.json"  # beside the database: the passwords are the same at every start


@dataclass(frozen=True)
class Account:
    """What somebody needs to sign in as one of the demo's people."""

    email: str
    password: str
    role: str
    organisation: str | None
    totp_secret: str | None


def is_its_own(settings: Settings) -> bool:
    """Whether nobody has made a site of this place, or the demo has."""
    is_the_demo = (settings.data_path / ACCOUNTS_NAME).exists()
    return is_the_demo or not engines.is_named(settings.database_address)


def ensure(settings: Settings, db: Database) -> tuple[Account, ...]:
    """Fill an empty database; the demo's accounts that are there, none on somebody's real site."""
    with db.atomic(), audit.unlogged():
        is_empty = not people.list_all(db)
        opened = _take_in(settings, db) if is_empty else ()
    if is_empty:
        opinions.give(settings, db)
        return opened
    there = {person.email for person in people.list_all(db)}
    return tuple(account for account in _kept(settings) if account.email in there)


def fill(settings: Settings, db: Database) -> tuple[Account, ...]:
    """Put the demo in, all of it or nothing; its passwords are kept in the data folder."""
    with db.atomic(), audit.unlogged():
        opened = _take_in(settings, db)
    opinions.give(settings, db)
    return opened


def _take_in(settings: Settings, db: Database) -> tuple[Account, ...]:
    cast.choose_look(settings, db)
    cast.add_products(db)
    cast.add_organisations(db)
    cast.add_promises(db)
    signing_in = list(cast.add_people(settings, db))
    opened = tuple(_let_in(db, person, totp_secret) for person, totp_secret in signing_in)
    cast.follow(db)
    cast.add_teams(db)
    cast.add_fields(db)
    cast.add_saved_replies(db)
    cast.add_rules(db)
    requests.take_in(settings, db)
    cast.add_announcements(db)
    cast.add_budgets(db)
    searches.search(db)
    _keep(settings, opened)
    return opened


def _let_in(db: Database, person: Person, totp_secret: str | None) -> Account:
    password = randomness.token(12)
    passwords.keep(db, person, passwords.hash(password))
    organisation = next(iter(person.organisations), None)
    return Account(person.email, password, person.role, organisation, totp_secret)


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
        yield from (Account(**account) for account in json.loads(path.read_text(encoding="utf-8")))
