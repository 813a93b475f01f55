"""A PostgreSQL of the suite's own, from Debian's package: no service, no network, no password."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from kbsearch.database.migrations import SCHEMA, migrate
from kbsearch.database.postgresql import PostgresDatabase
from tests.kit import engines, waiting

# What a test needs no power cut for; everything else is as Debian sets it.
OPTIONS = (
    *("-c", "listen_addresses=", "-c", "fsync=off", "-c", "synchronous_commit=off"),
    *("-c", "full_page_writes=off", "-c", "jit=off", "-c", "autovacuum=off"),
    *("-c", "deadlock_timeout=20ms"),
)
ENCODING = "-E", "UTF8", "--locale=C.UTF-8"  # not that of the order of texts, which is ours
# Back to how a migrated database begins: rows are few, so only tables that have some are emptied.
EMPTY = """
    DO $$ DECLARE name text; has_rows boolean; BEGIN
      SET LOCAL session_replication_role = replica;
      FOR name IN SELECT tablename FROM pg_tables
                  WHERE schemaname = 'public' AND tablename <> 'schema_steps' LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', name) INTO has_rows;
        IF has_rows THEN EXECUTE format('DELETE FROM %I', name); END IF;
      END LOOP;
    END $$
"""
COUNTERS = re.compile(r"^INSERT INTO counters.*?;$", re.MULTILINE | re.DOTALL)


@contextmanager
def running() -> Iterator[str]:
    """A server with nothing in it; the address of its first database."""
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="kbpg.", dir=parent))
    command, as_server = made(folder)
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [*command, *OPTIONS],
        stdout=log,
        stderr=log,
        **as_server,
    )
    try:
        address = f"postgresql://postgres@/postgres?host={folder}"
        wait_for(server, address)
        yield address
    finally:
        server.send_signal(signal.SIGINT)  # whoever is connected is not waited for
        server.wait(timeout=60)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def made(folder: Path) -> tuple[list[str], dict[str, Any]]:
    """Make a server's data there: the command that runs it, and as whom."""
    place = engines.programs()
    assert place is not None
    nobody = _server_user(folder)
    as_server: dict[str, Any] = {"cwd": folder}
    if nobody:
        as_server |= {"user": nobody, "group": nobody, "extra_groups": []}
    data = str(folder / "data")
    subprocess.run(
        [f"{place}/initdb", "-D", data, *("-U", "postgres", "-A", "trust", "--no-sync"), *ENCODING],
        check=True,
        stdout=subprocess.DEVNULL,
        **as_server,
    )
    return [f"{place}/postgres", "-D", data, "-k", str(folder)], as_server


def _server_user(folder: Path) -> str | None:
    """PostgreSQL refuses to be run by root: its own user, then, who gets the folder."""
    if os.geteuid() != 0:
        return None
    shutil.chown(folder, "postgres", "postgres")
    return "postgres"


def wait_for(server: "subprocess.Popen[bytes]", address: str) -> None:
    def answers() -> bool:
        assert server.poll() is None, "the server ended"
        try:
            psycopg.connect(address, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    waiting.until(answers)


def blank(server: str, name: str = "blank") -> str:
    """A database with nothing in it, in the place of an earlier one; its address."""
    with psycopg.connect(server, dbname="postgres", autocommit=True) as connection:
        for statement in ("DROP DATABASE IF EXISTS {} WITH (FORCE)", "CREATE DATABASE {}"):
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    return f"{server.partition('@')[0]}@/{name}?{server.partition('?')[2]}"


def make(server: str, name: str) -> str:
    """A database with the schema in it; its address."""
    address = blank(server, name)
    with closing(PostgresDatabase(address)) as db:
        migrate(db)
    return address


def empty(address: str) -> None:
    """Take out all that a test left in a database."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(EMPTY)
        for statement in COUNTERS.findall(SCHEMA.read_text(encoding="utf-8")):
            connection.execute(statement)
