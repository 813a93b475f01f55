"""The two engines that the suite runs on; PostgreSQL where its server and its driver are there."""

import os
import shutil
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kbsearch.database import Database, Values
from kbsearch.database.engines import open_database
from kbsearch.database.sqlite import SqliteDatabase

USUAL = os.environ.get("KBSEARCH_TEST_ENGINE", "sqlite")
BOTH = ("sqlite", "postgresql")


def programs() -> Path | None:
    """Where the programs of PostgreSQL's server are: Debian has them on nobody's PATH."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    on_path = shutil.which("initdb")
    return places[-1] if places else Path(on_path).parent if on_path else None


def postgresql() -> ModuleType:
    """What runs one; the test is skipped where it cannot be run."""
    if programs() is None or find_spec("psycopg") is None:
        pytest.skip("PostgreSQL is not installed")
    return import_module("tests.kit.postgresql")


def address_of(db: Database) -> str:
    """How a process of its own finds the database of a test."""
    return str(vars(db).get("address") or vars(db)["path"])


def count_statements(db: Database) -> list[str]:
    """Statements from now on, until `stop_counting`."""
    statements: list[str] = []
    if isinstance(db, SqliteDatabase):
        db.tables.conn.set_trace_callback(statements.append)
        return statements
    server: Any = db
    run = server._run

    def count(sql: str, values: Values | None) -> Any:
        statements.append(sql)
        return run(sql, values)

    server._run = count
    return statements


def stop_counting(db: Database) -> None:
    if isinstance(db, SqliteDatabase):
        db.tables.conn.set_trace_callback(None)
    else:
        del vars(db)["_run"]


def kept(db: Database) -> bytes:
    """All that an engine keeps: the bytes of the files of SQLite, every row of a server."""
    if isinstance(db, SqliteDatabase):
        files = db.path.parent.glob(f"{db.path.name}*")
        return b"".join(path.read_bytes() for path in files)
    return repr([list(db.rows(table)) for table in db.list_tables()]).encode()


def at(address: str) -> Database:
    """The database of an address that was given to a process."""
    return open_database(address if "://" in address else Path(address))
