"""Two organisations, somebody of every role and past requests: something to try kbsearch on."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from kbsearch import people, randomness
from kbsearch.access import OPERATOR
from kbsearch.clock import parsed, stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.people import PersonFields, organisations
from kbsearch.people.accounts import passwords, second_factor
from kbsearch.people.organisations import OrganisationFields, branding, products
from kbsearch.people.organisations.branding import LookFields
from kbsearch.people.organisations.products import ProductFields
from kbsearch.site.demo import searches
from kbsearch.site.importing import lines, tickets
from kbsearch.site.importing.lines import Line
from kbsearch.site.importing.report import Report

HERE = Path(__file__).parent
PRODUCTS = (  # name, versions from the newest
    ("Troupelia", ("5.2.1", "5.2.0", "5.1.1", "5.0.2", "4.2.3")),
    ("Sillonea", ("3.6.0", "3.5.2", "3.4.1")),
    ("Etablia", ("3.4.2", "3.4.1", "3.3.1", "3.2.0", "2.9.3")),
    ("Scellea", ("2026.2.1", "2026.2.0", "2026.1", "2025.4")),
    ("Lumen Caisse", ("7.0.1", "6.9.4")),
)
WHERE = {"where_fr": "Menu Aide, puis À propos", "where_en": "Help menu, then About"}


@dataclass(frozen=True)
class Customer:
    """An organisation of the demo; its logo is the file beside this one that bears its slug."""

    name: str
    products: tuple[str, ...]
    phone: str
    accent: str
    welcome_fr: str
    welcome_en: str
    trusted_devices: bool


CUSTOMERS = (
    Customer(
        "Acme",
        ("troupelia", "sillonea", "etablia"),
        phone="+33 1 70 00 00 11",
        accent="#b3391f",
        welcome_fr="**Bienvenue à l’équipe d’Acme.** Votre interlocuteur est Dan Leroy, "
        "du lundi au vendredi de 8 h à 18 h.",
        welcome_en="**Welcome, Acme team.** Dan Leroy answers you, Monday to Friday, 8 am to 6 pm.",
        trusted_devices=True,
    ),
    Customer(
        "Globex",
        ("etablia", "scellea", "lumen-caisse"),
        phone="+33 1 70 00 00 22",
        accent="#4b3fb5",
        welcome_fr="**Le support de Globex.** Une caisse est arrêtée ? Appelez-nous, "
        "même le dimanche.",
        welcome_en="**Support for Globex.** A till is down? Call us, Sundays included.",
        trusted_devices=False,
    ),
)
CONTRACT = timedelta(days=365)
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


def is_its_own(settings: Settings) -> bool:
    """Whether nobody has made a site of this place, or the demo has."""
    return not settings.database_path.exists() or (settings.data_path / ACCOUNTS_NAME).exists()


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
        for name, versions in PRODUCTS:
            products.add(db, OPERATOR, ProductFields(name, versions=versions, **WHERE))
        for customer in CUSTOMERS:
            _take_in(db, customer)
        opened = tuple(_open_account(settings, db, *person) for person in PEOPLE)
        report = tickets.take_in(db, _past_requests(), Report())
        assert not report.refused and not report.altered, report.remarks
        searches.search(db)
        _keep(settings, opened)
    return opened


def _take_in(db: Database, customer: Customer) -> None:
    added = organisations.add(
        db,
        OPERATOR,
        OrganisationFields(
            customer.name,
            products=customer.products,
            sharing="everyone",
            contract_ends=(utc_now().date() + CONTRACT).isoformat(),
            phone=customer.phone,
            trusted_devices=customer.trusted_devices,
        ),
    )
    branding.dress(
        db,
        OPERATOR,
        added.id,
        LookFields(
            accent=customer.accent,
            welcome_fr=customer.welcome_fr,
            welcome_en=customer.welcome_en,
            logo=(HERE / f"{added.slug}.png").read_bytes(),
        ),
    )


def _open_account(
    settings: Settings, db: Database, email: str, name: str, role: str, organisation: str | None
) -> Account:
    import pyotp  # one command needs it

    organisations = [organisation] if organisation else []
    person = people.add(
        db, OPERATOR, PersonFields(email=email, name=name, role=role, organisations=organisations)
    )
    totp_secret = pyotp.random_base32() if role in WITH_TOTP else None
    password = randomness.token(12)
    passwords.keep(db, person, passwords.hash(password))
    if totp_secret:
        second_factor.set_totp(db, settings, person.id, totp_secret)
    return Account(email, password, role, organisation, totp_secret)


def _past_requests() -> Iterator[Line]:
    """The shipped requests, moved by whole days so that the newest one is of yesterday."""
    path = HERE / "tickets.jsonl"
    shipped = list(lines.read(path, "jsonl"))
    newest = max(line.values["updated_at"] for line in shipped)
    days = (utc_now().date() - parsed(newest).date()).days - 1
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
        yield from (Account(**account) for account in json.loads(path.read_text(encoding="utf-8")))
