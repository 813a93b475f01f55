"""A database copied into another engine, and back: row by row the same."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from kbsearch import tickets
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.config_sources import Configuration
from kbsearch.database import Database, moving
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


def test_there_and_back_every_row_is_the_same(
    db: SqliteDatabase, cast: Cast, blank_server: str, tmp_path: Path
):
    first = file(db, cast.alice, subject="Chloé's 100 % \\ 日本")
    file(db, cast.chloe)
    db.execute("UPDATE tickets SET follows_id = :id WHERE id < :id", {"id": first.id})
    db.insert(
        "logos",
        {"hash": "h", "media_type": "image/png", "width": 1, "height": 1, "body": b"\x00\xff"},
    )
    with (
        closing(open_database(blank_server)) as server,
        closing(SqliteDatabase(tmp_path / "back.sqlite3")) as back,
    ):
        counts = moving.copy(db, server)
        assert counts["tickets"] == 2
        moving.copy(server, back)
        assert content(db) == content(server) == content(back)
        assert server.dangling() == back.dangling() == []
        assert tickets.find(server, cast.alice, first.id).subject == first.subject


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
