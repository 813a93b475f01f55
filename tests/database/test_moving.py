"""A database copied into another engine, and back: row by row the same."""

import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from kbsearch import tickets
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.config_sources import Configuration
from kbsearch.database import Damaged, Database, Row, migrations, moving
from kbsearch.database.engines import is_blank, open_database
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Problem
from kbsearch.site import backups, restoring
from tests.conftest import Cast
from tests.kit import engines
from tests.kit.requests import file


def content(db: Database) -> dict[str, list[str]]:
    with db.snapshot():
        return {table: sorted(map(repr, db.rows(table))) for table in db.list_tables()}


@pytest.fixture
def engine() -> str:
    return "sqlite"  # whichever the suite runs on: the other one is the target


@pytest.fixture
def blank_server(empty_server: str) -> str:
    """The address of a database of the server with nothing in it."""
    return str(engines.postgresql().blank(empty_server))


class Filler:
    """Rows of any table, made of its columns: with signs, large numbers, bytes, and nothing.

    A column that names a row elsewhere has the value that is made for it there.
    """

    def __init__(self, db: SqliteDatabase) -> None:
        self.db = db
        self.columns: dict[str, dict[str, Row]] = {}
        self.references: dict[tuple[str, str], tuple[str, str]] = {}
        for table in db.list_tables():
            rows = db.query(f"PRAGMA table_xinfo({table})")
            self.columns[table] = {row["name"]: row for row in rows}
        for table in self.columns:
            for row in db.query(f"PRAGMA foreign_key_list({table})"):
                target = row["to"] or self.keys(row["table"])[row["seq"]]
                self.references[table, row["from"]] = (row["table"], target)

    def keys(self, table: str) -> list[str]:
        keys = [column for column in self.columns[table].values() if column["pk"]]
        return [column["name"] for column in sorted(keys, key=lambda column: int(column["pk"]))]

    def value(self, table: str, name: str, number: int) -> object:
        if (table, name) in self.references:
            return self.value(*self.references[table, name], number)
        made: dict[str, object] = {
            "TEXT": f"{table}.{name} {number}: é 日本 😀 100 % \\ ' :a \t\r\n ",
            "INTEGER": 2**40 + number,
            "BLOB": b"\x00\xff%d" % number,
        }
        return made[self.columns[table][name]["type"]]

    def row(self, table: str, number: int) -> Row:
        return {
            name: None
            if number == 0 and not column["notnull"] and not column["pk"]
            else self.value(table, name, number)
            for name, column in self.columns[table].items()
        }

    def fill(self) -> None:
        with self.db.filling():
            for table in self.columns:
                self.db.insert_many(table, [self.row(table, number) for number in range(3)])


@pytest.fixture
def full(db: SqliteDatabase) -> SqliteDatabase:
    """A database with rows in every table that there is, of today and of any day to come."""
    steps = db.query("SELECT name, applied_at FROM schema_steps")
    Filler(db).fill()
    db.execute("DELETE FROM schema_steps")
    db.insert_many("schema_steps", steps)
    assert db.dangling() == []
    return db


def test_there_and_back_every_row_of_every_table_is_the_same(
    full: SqliteDatabase, blank_server: str, tmp_path: Path
):
    with (
        closing(open_database(blank_server)) as server,
        closing(SqliteDatabase(tmp_path / "back.sqlite3")) as back,
    ):
        counts = moving.copy(full, server)
        assert min(counts.values()) >= 3
        assert sorted(counts) == sorted(server.list_tables())
        moving.copy(server, back)
        assert content(full) == content(server) == content(back)
        assert server.dangling() == back.dangling() == []


def test_what_the_tools_of_the_server_dumped_comes_back_whole(
    full: SqliteDatabase, blank_server: str, empty_server: str, tmp_path: Path
):
    """pg_dump while the site writes, pg_restore into another database: it is the site again."""
    programs, archive = engines.programs(), tmp_path / "site.dump"
    assert programs is not None
    with closing(open_database(blank_server)) as server:
        moving.copy(full, server)
        before = content(server)
        with server.atomic():  # a backup waits for nobody who writes
            server.insert("state", {"name": "unfinished", "value": "1"})
            dump = [str(programs / "pg_dump"), "--format=custom", f"--file={archive}", blank_server]
            subprocess.run(dump, check=True)
    elsewhere = engines.postgresql().blank(empty_server, "restored")
    restore = [str(programs / "pg_restore"), "--no-owner", f"--dbname={elsewhere}", str(archive)]
    subprocess.run(restore, check=True)
    with closing(open_database(elsewhere)) as restored:
        assert content(restored) == before
        assert migrations.migrate(restored) == []
        with pytest.raises(Damaged, match="audit|log"):
            restored.execute("DELETE FROM security_log")
        with restored.filling():  # what a row names may still come after it
            restored.insert("product_versions", Filler(full).row("product_versions", 9))
            restored.insert("products", Filler(full).row("products", 9))


def test_what_cannot_be_kept_leaves_the_other_one_blank(
    db: SqliteDatabase, cast: Cast, blank_server: str
):
    file(db, cast.alice)
    db.execute("UPDATE tickets SET description = 'a' || CHAR(0)")
    with (
        closing(open_database(blank_server)) as server,
        pytest.raises(Problem, match=r"move\.sign_not_kept"),
    ):
        moving.copy(db, server)
    assert is_blank(blank_server)


def test_the_command_moves_a_site_that_is_not_running(
    db: SqliteDatabase, settings: Settings, cast: Cast, blank_server: str
):
    path = settings.site / "kbsearch.toml"
    path.touch()
    db.close()

    def kbsearch(*words: str) -> str:
        run = CliRunner().invoke(cli, ["--config", str(path), *words])
        return run.output if run.exit_code == 0 else f"{run.exit_code}: {run.stderr}"

    assert blank_server.split("@")[1] in kbsearch("move", "--to", blank_server)
    with closing(open_database(blank_server)) as server:
        assert content(server) == content(db)
    assert "not empty" in kbsearch("move", "--to", blank_server)
    assert "does not answer" in kbsearch("move", "--to", "postgresql://127.0.0.1:1/x")


def test_a_backup_of_a_server_comes_back_into_another(
    db: SqliteDatabase,
    settings: Settings,
    cast: Cast,
    blank_server: str,
    tmp_path: Path,
):
    path = settings.site / "kbsearch.toml"
    path.write_text(f'database = "{blank_server}"')
    on_server = replace(settings, database=blank_server)
    first = file(db, cast.alice)
    with closing(open_database(blank_server)) as server:
        moving.copy(db, server)
        backups.create(on_server, server, tmp_path / "site.tar")
    with pytest.raises(Problem, match=r"backup\.database_not_empty"):
        restoring.restore(Configuration(on_server, {}, path), tmp_path / "site.tar")
    engines.postgresql().blank(blank_server)
    restored = restoring.restore(Configuration(on_server, {}, path), tmp_path / "site.tar")
    assert restored.counts["tickets"] == 1
    with closing(open_database(blank_server)) as server:
        assert tickets.find(server, cast.alice, first.id).subject == first.subject
