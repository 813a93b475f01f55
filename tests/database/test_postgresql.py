"""What only PostgreSQL does: another dialect, a server that can go away, many connections."""

import threading
from contextlib import closing
from dataclasses import replace

import pytest

from kbsearch.cli import Site
from kbsearch.config import Settings, without_user
from kbsearch.config_sources import Configuration
from kbsearch.database import Busy, Damaged, Database, Unreachable
from kbsearch.database.engines import open_database
from kbsearch.errors import Problem
from kbsearch.site import belonging
from tests.kit.waiting import until

pytest.importorskip("psycopg")

from kbsearch.database.postgresql import PostgresDatabase, defined, translated

HOLDERS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'kbsearch'"


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.mark.parametrize(
    ("sql", "own"),
    [
        ("SELECT :a, :b_2", "SELECT %(a)s, %(b_2)s"),
        ("SELECT '12:30', ':a it''s :b', x::text -- :c", None),
        ("x LIKE '%a' OR 5 % 2 = 1", "x LIKE '%%a' OR 5 %% 2 = 1"),
        ("FROM a CROSS JOIN t e ON e.x = a.x", "FROM a JOIN t e ON e.x = a.x"),
        ("FROM a CROSS JOIN b WHERE 1 = 1", None),
        ("ORDER BY +t.at DESC, 1 + 2", "ORDER BY t.at DESC, 1 + 2"),
    ],
)
def test_a_statement_has_the_words_of_the_driver(sql: str, own: str | None):
    assert translated(sql) == (own or sql)


def test_the_schema_has_the_types_of_the_engine():
    statement = """CREATE TABLE a (
      b TEXT NOT NULL DEFAULT 'TEXT', c INTEGER, d BLOB,
      e TEXT REFERENCES f (id) ON DELETE SET NULL)"""
    (own,) = defined(statement)
    assert (
        own
        == """CREATE TABLE a (
      b TEXT COLLATE "C" NOT NULL DEFAULT 'TEXT', c BIGINT, d BYTEA,
      e TEXT COLLATE "C" REFERENCES f (id) ON DELETE SET NULL DEFERRABLE)"""
    )


def test_a_connection_that_the_server_ended_is_made_anew(db: PostgresDatabase, empty_server: str):
    assert db.query("SELECT 1 AS n") == [{"n": 1}]
    with closing(PostgresDatabase(empty_server)) as other:
        pids = {row["pid"] for row in other.query(f"{HOLDERS} AND pid <> pg_backend_pid()")}
        for pid in pids:
            other.query("SELECT pg_terminate_backend(:pid)", {"pid": pid})
    with pytest.raises(Unreachable):
        db.query("SELECT 1 AS n")
    assert db.query("SELECT 1 AS n") == [{"n": 1}]


def test_a_change_cut_off_half_way_is_not_written(db: PostgresDatabase, empty_server: str):
    with pytest.raises(Busy), db.atomic():
        db.insert("state", {"name": "a", "value": "1"})
        pid = db.query("SELECT pg_backend_pid() AS pid")[0]["pid"]
        with closing(PostgresDatabase(empty_server)) as other:
            other.query("SELECT pg_terminate_backend(:pid)", {"pid": pid})
        db.insert("state", {"name": "b", "value": "1"})
    assert db.query("SELECT * FROM state") == []
    db.insert("state", {"name": "a", "value": "1"})


def test_a_connection_ends_with_its_thread(db: PostgresDatabase):
    pids = []

    def ask() -> None:
        pids.append(db.query("SELECT pg_backend_pid() AS pid")[0]["pid"])

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    del thread
    until(lambda: pids[0] not in {row["pid"] for row in db.query(HOLDERS)})


def test_a_reader_changes_nothing(db: Database, settings: Settings):
    address = settings.database_address
    with closing(open_database(address, read_only=True)) as reader:
        assert reader.query("SELECT value FROM counters WHERE name = 'ticket'") == [{"value": 1000}]
        with pytest.raises(Damaged):
            reader.execute("DELETE FROM counters")


def test_options_of_the_address_are_heeded(db: Database, empty_server: str):
    with closing(open_database(f"{empty_server}&options=-csearch_path%3Dpg_temp")) as elsewhere:
        assert elsewhere.query("SHOW search_path") == [{"search_path": "pg_temp"}]
    assert db.list_tables()


def test_a_server_that_is_not_there_is_said_in_one_line(settings: Settings):
    address = "postgresql://kbsearch:secret@127.0.0.1:1/help"
    nowhere = replace(settings, database=address)
    assert nowhere.database_name == without_user(address) == "postgresql://127.0.0.1:1/help"
    with pytest.raises(Problem, match=r"site\.database_unreachable") as problem:
        Site(Configuration(nowhere, {})).opened(belonging.open_database)
    assert "secret" not in str(problem.value)
