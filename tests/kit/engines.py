"""The two engines that the suite runs on; PostgreSQL where its server and its driver are there."""

import os
import shutil
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from kbsearch.database import Database
from kbsearch.database.engines import open_database

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


def at(address: str) -> Database:
    """The database of an address that was given to a process."""
    return open_database(address if "://" in address else Path(address))
