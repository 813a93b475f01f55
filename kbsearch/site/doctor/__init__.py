"""What may be wrong with a site, and what to do about it: one list of looks, each on its own."""

from collections.abc import Iterator
from contextlib import closing

from kbsearch.config import Settings
from kbsearch.config_sources import Configuration
from kbsearch.database import Database, engines
from kbsearch.site.doctor import (
    content,
    database,
    folders,
    indexes,
    kept,
    people,
    safekeeping,
    servers,
    work,
)
from kbsearch.site.doctor.checks import Check, Look, LookInside, Patient, Verdict, fail
from kbsearch.site.health import Health

__all__ = ["Check", "Verdict", "examine", "glance"]

LOOKS: tuple[Look, ...] = (
    database.release,
    folders.shipped,
    folders.writable,
    folders.modes,
    folders.secrets,
    folders.disk,
    database.soundness,
    database.belonging,
    content.articles,
    content.program,
    content.branch,
    content.objects,
    content.locks,
    indexes.folder,
    servers.addresses,
    servers.mail,
    servers.text_messages,
    servers.scanner,
    servers.bucket,
    servers.provider,
)
LOOKS_INSIDE: tuple[LookInside, ...] = (
    database.references,
    servers.mail_access,
    servers.mailbox,
    servers.certificates,
    kept.attached,
    kept.mails,
    kept.orphans,
    kept.scanned,
    indexes.in_service,
    content.next_publication,
    content.shared,
    people.administrators,
    people.second_factors,
    people.teams,
    people.unreached,
    people.webhooks_disabled,
    work.clock,
    work.running,
    work.accounts,
    safekeeping.backups,
)


def examine(configuration: Configuration, *, deep: bool = False) -> Iterator[Check]:
    """Look at everything; nothing is changed, and one failing look does not stop the others."""
    patient = Patient(configuration, deep)
    for look in LOOKS:
        yield from _attempted(look.__name__, look(patient))
    yield from _attempted("schema", _inside(patient))


def glance(settings: Settings, db: Database, state: Health) -> Iterator[Check]:
    """What can be seen in passing, without reading the whole database: for a page."""
    patient = Patient(Configuration(settings, {}))
    for look in (database.release, folders.writable, folders.disk):
        yield from look(patient)
    yield from work.seen(state)
    yield from servers.mail_access(patient, db)
    yield from servers.certificates(patient, db)
    yield from safekeeping.backups(patient, db)
    for look in (content.articles, content.program, content.branch, indexes.folder):
        yield from look(patient)


def _inside(patient: Patient) -> Iterator[Check]:
    """The looks that need a database of this release; another one is all that is said of it."""
    address = patient.settings.database_address
    if not engines.is_named(address):
        return
    with closing(engines.open_database(address, read_only=True)) as db:
        (schema,) = database.schema(patient, db)
        yield schema
        if schema.state != "ok":
            return
        for look in LOOKS_INSIDE:
            yield from _attempted(look.__name__, look(patient, db))


def _attempted(name: str, checks: Iterator[Check]) -> Iterator[Check]:
    try:
        yield from checks
    except Exception as problem:
        yield fail(
            name.replace("_", " "),
            "this could not be looked at: %(problem)s",
            "Mend what the other lines name, then look again.",
            problem=f"{type(problem).__name__}: {problem}",
        )
