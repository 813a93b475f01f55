"""The database: its file, what its rows name, its schema, and the site it is of."""

from collections.abc import Iterator
from contextlib import closing

from kbsearch.config import ConfigError
from kbsearch.database import Damaged, Database, Unreachable, engines, migrations
from kbsearch.database.sqlite import SQLITE_VERSION, check_sqlite
from kbsearch.errors import Problem
from kbsearch.site import belonging as marks
from kbsearch.site.doctor.checks import Check, Patient, fail, listed, ok, warn


def release(_: Patient) -> Iterator[Check]:
    version = ".".join(map(str, SQLITE_VERSION))
    try:
        check_sqlite(SQLITE_VERSION)
    except Problem:
        yield fail(
            "sqlite",
            "SQLite %(version)s can lose data",
            "Install pysqlite3 0.6.1 or later into the same environment, or use a Python with"
            " SQLite 3.51.3 or later.",
            version=version,
        )
    else:
        yield ok("sqlite", "SQLite %(version)s", version=version)


def soundness(patient: Patient) -> Iterator[Check]:
    """Every page of the file, and in a deep look every entry of its indexes."""
    address, path = patient.settings.database_address, patient.settings.database_name
    if not engines.is_named(address):
        if not marks.has_data(patient.settings):  # else it is lost, and no start makes another
            told, remedy = "%(path)s does not exist yet", "kbsearch serve makes it."
            yield warn("database", told, remedy, path=path)
        return
    try:
        with closing(engines.open_database(address, read_only=True)) as db:
            damage = db.damage(deep=patient.is_deep)
    except (Damaged, Unreachable) as problem:
        yield fail(
            "database",
            "%(path)s cannot be read: %(problem)s",
            "Restore the last backup, or see whether the disk is full or read-only.",
            path=path,
            problem=problem,
        )
        return
    if damage:
        yield fail("database", "%(path)s is damaged", "Restore the last backup.", path=path)
    else:
        yield ok("database", "%(path)s is sound", path=path)


def belonging(patient: Patient) -> Iterator[Check]:
    """Database, data folder, content and secret key are one site's."""
    remedy = "The site does not start before that is done."
    try:
        marks.look(patient.configuration)
    except Problem as problem:
        yield fail("site", problem.key, remedy, **problem.values)
    except ConfigError as problem:
        yield fail("site", "the secret key cannot be used: %(problem)s", remedy, problem=problem)
    except (Damaged, Unreachable):
        return  # said of the database
    else:
        yield ok("site", "database, data folder and content are one site's")


def schema(_: Patient, db: Database) -> Iterator[Check]:
    try:
        pending, unknown = migrations.pending(db), migrations.unknown(db)
    except Problem as problem:
        yield fail("schema", problem.key, "The site does not start before that is done.")
        return
    if unknown:
        yield fail(
            "schema",
            "a later release has worked on this database: %(steps)s",
            "Install that release, or restore the backup taken before it.",
            steps=listed(unknown),
        )
    elif pending:
        yield warn(
            "schema",
            "%(count)s schema changes are pending",
            "Run: kbsearch migrate",
            count=len(pending),
        )
    else:
        yield ok("schema", "the schema is up to date")


def references(_: Patient, db: Database) -> Iterator[Check]:
    """What rows name is there; the engine sees to it, unless another program writes to a file."""
    broken = db.dangling()
    if broken:
        yield fail(
            "references",
            "%(count)s rows name others that are not there, in: %(tables)s",
            "Another program wrote to the database. Restore the last backup without this.",
            count=len(broken),
            tables=listed(sorted(set(broken))),
        )
    else:
        yield ok("references", "what rows name is there")
