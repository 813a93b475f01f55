import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from kbsearch.database import Busy, Damaged, IntegrityError, if_possible, new_id, one_of, sqlite
from kbsearch.database.sqlite import Patience, SqliteDatabase, check_sqlite
from kbsearch.errors import Full

COUNT_UP = """
import sys, threading
from pathlib import Path
from kbsearch.database.sqlite import SqliteDatabase

db = SqliteDatabase(Path(sys.argv[1]))

def count_up():
    for _ in range(50):
        with db.atomic():
            value = db.query("SELECT value FROM counters WHERE name = 'ticket'")[0]["value"]
            db.execute("UPDATE counters SET value = :v WHERE name = 'ticket'", {"v": value + 1})
    db.close()

threads = [threading.Thread(target=count_up) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def value(db: SqliteDatabase) -> int:
    return int(db.query("SELECT value FROM counters WHERE name = 'ticket'")[0]["value"])


def test_four_threads_of_two_processes_lose_no_update(db: SqliteDatabase):
    command = [sys.executable, "-c", COUNT_UP, str(db.path)]
    children = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    problems = [child.communicate()[1] for child in children]
    assert problems == ["", ""], "nobody is told that the database is locked"
    assert value(db) == 1000 + 2 * 4 * 50


def test_all_is_written_or_nothing(db: SqliteDatabase):
    with pytest.raises(ZeroDivisionError), db.atomic():
        db.insert("state", {"name": "a", "value": "1"})
        raise ZeroDivisionError
    assert db.query("SELECT * FROM state") == []


def test_an_inner_failure_takes_back_only_what_is_inner(db: SqliteDatabase):
    with db.atomic():
        db.insert("state", {"name": "outer", "value": "1"})
        with pytest.raises(ZeroDivisionError), db.atomic():
            db.insert("state", {"name": "inner", "value": "1"})
            raise ZeroDivisionError
    assert db.query("SELECT name FROM state") == [{"name": "outer"}]


def test_nobody_sees_half_a_transaction(db: SqliteDatabase):
    other = SqliteDatabase(db.path)
    with db.atomic():
        db.insert("state", {"name": "a", "value": "1"})
        assert other.query("SELECT * FROM state") == []
    assert len(other.query("SELECT * FROM state")) == 1
    other.close()


def test_a_snapshot_does_not_move(db: SqliteDatabase):
    other = SqliteDatabase(db.path)
    with other.snapshot():
        assert value(other) == 1000
        db.execute("UPDATE counters SET value = 2000 WHERE name = 'ticket'")
        assert value(other) == 1000
    assert value(other) == 2000
    other.close()


def test_a_writer_that_waits_too_long_is_told_it_is_busy(db: SqliteDatabase):
    other = SqliteDatabase(db.path)
    other.waits = Patience(0.02)
    with db.atomic():
        with pytest.raises(Busy):
            other.execute("DELETE FROM state")
        assert other.query("SELECT * FROM state") == [], "readers do not wait"
    other.execute("DELETE FROM state")
    other.close()


def test_after_one_has_waited_in_vain_the_others_do_not_wait(db: SqliteDatabase):
    other = SqliteDatabase(db.path)
    other.waits = Patience(0.02, moment=600)
    with db.atomic():
        for _ in range(3):
            with pytest.raises(Busy):
                other.execute("DELETE FROM state")
            assert other.waits.left() == 0
    other.execute("DELETE FROM state")
    assert other.waits.left() == 0.02, "one that got its turn says that the others may wait again"
    other.close()


def test_a_moment_is_over_some_time_after_it_began():
    waits = Patience(5, moment=0)
    waits.lose(5)
    assert waits.left() == 5


def test_what_may_be_given_up_gives_up_soon_and_breaks_nothing(db: SqliteDatabase):
    other = SqliteDatabase(db.path)
    other.waits = Patience(100, moment=600)
    with db.atomic():
        with if_possible(other):
            other.insert("state", {"name": "seen", "value": "now"})
        assert 99 < other.waits.left() < 100, "of a hundred seconds it waited less than one"
    assert other.query("SELECT * FROM state") == []
    with if_possible(other):
        other.insert("state", {"name": "seen", "value": "now"})
    assert len(other.query("SELECT * FROM state")) == 1
    other.close()


def test_inside_a_change_that_is_written_nothing_is_given_up(db: SqliteDatabase):
    with db.atomic(), if_possible(db):
        db.insert("state", {"name": "seen", "value": "now"})
    assert len(db.query("SELECT * FROM state")) == 1


def test_without_room_a_change_is_over_whoever_goes_on_in_it(db: SqliteDatabase):
    """SQLite takes all of it back: what came after would be written by itself."""
    pages = db.query("PRAGMA page_count")[0]["page_count"]
    db.query(f"PRAGMA max_page_count = {pages + 2}")
    for then in ((), ("small",)):
        with pytest.raises(Full), db.atomic():
            with suppress(Full):
                db.insert("state", {"name": "large", "value": "x" * 100_000})
            for name in then:
                db.insert("state", {"name": name, "value": "1"})
        assert db.query("SELECT * FROM state") == []
    db.insert("state", {"name": "small", "value": "1"})


def test_a_full_disk_is_told_and_half_of_nothing_is_written(db: SqliteDatabase):
    pages = db.query("PRAGMA page_count")[0]["page_count"]
    db.query(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(Full) as problem, db.atomic():
        db.insert("state", {"name": "small", "value": "1"})
        db.insert("state", {"name": "large", "value": "x" * 100_000})
    assert (problem.value.key, problem.value.status) == ("site.disk_full", 507)
    assert db.query("SELECT * FROM state") == []
    db.query("PRAGMA max_page_count = 1000000")
    db.insert("state", {"name": "large", "value": "x" * 100_000})
    assert db.query("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


def test_whoever_cannot_even_open_it_is_told_that_it_is_busy(
    db: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sqlite, "LONGEST_WAIT", 0.01)
    db.query("PRAGMA locking_mode=EXCLUSIVE")
    db.execute("DELETE FROM state")
    other = SqliteDatabase(db.path)
    with pytest.raises(Busy):
        other.query("SELECT * FROM state")


@pytest.mark.parametrize("sql", ["SELECT * FROM nothing", "not a statement", "SELECT :missing"])
def test_what_it_does_not_take_is_said_in_the_words_of_every_database(db: SqliteDatabase, sql: str):
    for verb in (db.query, db.execute):
        with pytest.raises(Damaged):
            verb(sql)


def test_each_thread_has_a_connection_of_its_own(db: SqliteDatabase):
    connections = [db.tables.conn]

    def remember() -> None:
        connections.append(db.tables.conn)
        db.close()

    thread = threading.Thread(target=remember)
    thread.start()
    thread.join()
    assert connections[0] is db.tables.conn
    assert connections[1] is not connections[0]


def test_every_connection_is_durable_and_checks_foreign_keys(db: SqliteDatabase):
    def pragma(name: str) -> object:
        return next(iter(db.query(f"PRAGMA {name}")[0].values()))

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2, "FULL"
    assert pragma("foreign_keys") == 1
    with pytest.raises(IntegrityError):
        db.insert("memberships", {"person_id": "nobody", "organisation_id": "none"})


@pytest.mark.parametrize(
    ("version", "is_sound"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
    ],
)
def test_a_release_that_can_lose_committed_pages_is_refused(
    version: tuple[int, ...], is_sound: bool
):
    if is_sound:
        check_sqlite(version)
    else:
        with pytest.raises(RuntimeError, match="WAL-reset"):
            check_sqlite(version)


def test_the_release_in_use_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    check_sqlite(sqlite.SQLITE_VERSION)
    monkeypatch.setattr(sqlite, "SQLITE_VERSION", (3, 40, 1))
    with pytest.raises(RuntimeError):
        SqliteDatabase(tmp_path / "never.sqlite3")


def test_the_folder_of_the_data_is_for_its_owner_only(tmp_path: Path):
    SqliteDatabase(tmp_path / "var" / "db.sqlite3")
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700


def test_ids_do_not_repeat():
    assert len({new_id() for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize(("names", "found"), [([], 0), (["ticket", "' OR 1=1 --"], 1)])
def test_one_of_matches_what_is_named_and_nothing_else(
    db: SqliteDatabase, names: list[str], found: int
):
    places, values = one_of("name", names)
    rows = db.query(f"SELECT * FROM counters WHERE name IN ({places})", values)  # noqa: S608
    assert len(rows) == found


def test_a_version_lasts_until_anybody_writes(db: SqliteDatabase):
    other = SqliteDatabase(db.path)
    first = db.version()
    db.query("SELECT * FROM state")
    assert db.version() == first
    other.execute("INSERT INTO state (name, value) VALUES ('a', '1')")
    second = db.version()
    assert second != first
    db.execute("UPDATE state SET value = '2' WHERE name = 'a'")
    assert db.version() not in (first, second)
    other.close()


def test_what_may_be_rolled_back_has_no_version(db: SqliteDatabase):
    before = db.version()
    with pytest.raises(ZeroDivisionError), db.atomic():
        assert db.version() != db.version()
        raise ZeroDivisionError
    assert db.version() == before
