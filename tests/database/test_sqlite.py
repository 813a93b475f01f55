import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from kbsearch.database import Busy, IntegrityError, sqlite
from kbsearch.database.sqlite import SqliteDatabase, check_sqlite
from kbsearch.errors import Full, Problem

pytestmark = pytest.mark.sqlite_only


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
        with pytest.raises(Problem, match="sqlite_unsound"):
            check_sqlite(version)


def test_the_release_in_use_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    check_sqlite(sqlite.SQLITE_VERSION)
    monkeypatch.setattr(sqlite, "SQLITE_VERSION", (3, 40, 1))
    with pytest.raises(Problem):
        SqliteDatabase(tmp_path / "never.sqlite3")


def test_where_pysqlite3_is_not_built_for_the_machine_the_sqlite_of_python_does(tmp_path: Path):
    """It opens a site where it is sound, and says in a line what to do where it is not."""
    without = (
        "import sqlite3, sys; sys.modules['pysqlite3'] = None; from kbsearch.cli import main;"
        " from kbsearch.database import sqlite; assert sqlite.sqlite is sqlite3; main()"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            without,
            "init",
            tmp_path / "site",
            "--admin",
            "root@company.example",
        ],
        capture_output=True,
        text=True,
    )
    try:
        check_sqlite(sqlite3.sqlite_version_info)
    except Problem:
        assert done.returncode == 1 and done.stderr.count("\n") == 1
        assert sqlite3.sqlite_version in done.stderr and "3.51.3" in done.stderr
    else:
        assert done.returncode == 0


def test_the_folder_of_the_data_is_for_its_owner_only(tmp_path: Path):
    SqliteDatabase(tmp_path / "var" / "db.sqlite3")
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700
