"""SQLite behind the verbs of a database."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlite_utils import Database as SqliteUtils

from kbsearch.database import (
    Busy,
    Damaged,
    IntegrityError,
    Row,
    Values,
    checked,
    insert_statement,
    sought,
)
from kbsearch.database.patience import LONGEST_WAIT, WaitingWrites
from kbsearch.database.slow import timed
from kbsearch.errors import Full, Invalid, Problem

try:
    from pysqlite3 import dbapi2 as sqlite
except ImportError:  # not built for this machine: Python's will do where it has the fix
    import sqlite3 as sqlite

T = TypeVar("T")
# Releases with the WAL-reset bug can lose committed pages when two connections checkpoint
# (https://sqlite.org/changes.html, 3.51.3; backports 3.44.6 and 3.50.7).
FIXED_SQLITE = (3, 51, 3)
FIXED_BACKPORTS: dict[tuple[int, ...], int] = {(3, 44): 6, (3, 50): 7}
SQLITE_VERSION: tuple[int, ...] = sqlite.sqlite_version_info
PRAGMAS_OF_READING = (
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "mmap_size=268435456",  # read through the page cache of the system, shared by all processes
)
TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND SUBSTR(name, 1, 7) <> 'sqlite_'"
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", *PRAGMAS_OF_READING)


def check_sqlite(version: tuple[int, ...]) -> None:
    """Raise Problem when this SQLite release can corrupt a database in WAL mode."""
    backport = FIXED_BACKPORTS.get(version[:2])
    if version < FIXED_SQLITE and (backport is None or version[2] < backport):
        raise Problem("database.sqlite_unsound", version=".".join(map(str, version)))


class SqliteDatabase(WaitingWrites):
    """One SQLite file; each thread has a connection of its own, opened at its first use.

    Read only, it makes neither file nor folder, and whatever would change it raises Damaged. Where
    nobody else has it open, nobody may begin to write to it meanwhile.
    """

    holding = passing_over = ""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__()
        check_sqlite(SQLITE_VERSION)
        if not read_only:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._is_read_only = read_only
        self._local = threading.local()

    @property
    def tables(self) -> SqliteUtils:
        """This thread's connection as sqlite-utils sees it."""
        tables: SqliteUtils | None = getattr(self._local, "tables", None)
        if tables is None:
            tables = self._local.tables = SqliteUtils(self._connect())
        return tables

    def _connect(self) -> Any:
        address = f"{self.path.absolute().as_uri()}?{self._manner()}"
        try:
            connection = sqlite.connect(address, uri=True, timeout=LONGEST_WAIT)
            connection.isolation_level = None
            for pragma in PRAGMAS_OF_READING if self._is_read_only else PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
        except sqlite.DatabaseError as problem:
            raise _fault(problem) from problem
        return connection

    def _manner(self) -> str:
        if not self._is_read_only:
            return "mode=rwc"
        # A reader makes the log that it finds missing, and leaves it behind, perhaps as another
        # user's. Without a log nobody has the file open, and it can be read as it lies there.
        has_log = self.path.with_name(f"{self.path.name}-wal").exists()
        return "mode=ro" if has_log else "mode=ro&immutable=1"

    def query(self, sql: str, values: Values | None = None) -> list[Row]:
        try:
            with timed(sql):
                cursor = self._run(sql, sought(values))
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor]
        except sqlite.DatabaseError as problem:
            raise _fault(problem) from problem

    def execute(self, sql: str, values: Values | None = None) -> int:
        with self.atomic(), timed(sql):
            return int(self._run(sql, checked(values)).rowcount)

    def claim(self, sql: str, values: Values | None = None) -> list[Row]:
        with self.atomic():
            return self.query(sql, values)

    def _run(self, sql: str, values: Values | None) -> Any:
        try:
            return self.tables.conn.execute(sql, values or {})
        except UnicodeEncodeError:
            raise Invalid("text.sign_not_kept") from None

    def insert(self, table: str, row: Values) -> None:
        self.execute(insert_statement(table, tuple(row)), row)

    def insert_many(self, table: str, rows: Sequence[Values]) -> None:
        if rows:
            with self.atomic():
                statement = insert_statement(table, tuple(rows[0]))
                try:
                    self.tables.conn.executemany(statement, [checked(row) for row in rows])
                except UnicodeEncodeError:
                    raise Invalid("text.sign_not_kept") from None

    def define(self, statement: str) -> None:
        self.execute(statement)

    def list_tables(self) -> list[str]:
        return [row["name"] for row in self.query(TABLES)]

    def rows(self, table: str) -> Iterator[Row]:
        cursor = self._run(f"SELECT * FROM {table}", None)  # noqa: S608 (names are constants)
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))

    @contextmanager
    def atomic(self) -> Iterator[None]:
        connection: Any = self.tables.conn  # typed as the standard library's, which it is not
        try:
            if connection.in_transaction:
                with self.tables.atomic():  # a savepoint
                    yield
            elif getattr(self._local, "is_begun", False):
                raise Full("site.disk_full")  # what was begun is gone: the rest is not for itself
            else:
                with self._transaction(connection):
                    yield
        except sqlite.DatabaseError as problem:
            raise _fault(problem) from problem

    @contextmanager
    def _transaction(self, connection: Any) -> Iterator[None]:
        # A deferred BEGIN fails at once when two of them turn into writers (SQLITE_BUSY in spite
        # of the timeout); an immediate one waits its turn.
        self._begin(connection)
        self._local.is_begun = True
        try:
            yield
            if not connection.in_transaction:  # SQLite took it back whole, where there was no room
                raise Full("site.disk_full")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            self._local.is_begun = False

    def _begin(self, connection: Any) -> None:
        """Wait for the turn of this write, as long as it may."""
        patience = self.time_to_wait()
        _set_timeout(connection, patience)
        began = time.monotonic()
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite.OperationalError as problem:
            if _primary_code(problem) == sqlite.SQLITE_BUSY:
                self.waits.lose(time.monotonic() - began)
            raise
        finally:
            _set_timeout(connection, LONGEST_WAIT)
        self.waits.win()

    def retried(self, change: Callable[[], T]) -> T:
        with self.atomic():  # where one writes at a time, once is enough
            return change()

    @contextmanager
    def filling(self) -> Iterator[None]:
        with self.atomic():
            self.tables.conn.execute("PRAGMA defer_foreign_keys=ON")  # until this is over
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        connection = self.tables.conn
        if connection.in_transaction:
            yield
            return
        connection.execute("BEGIN")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")

    def damage(self, *, deep: bool = False) -> list[str]:
        look = "integrity_check" if deep else "quick_check"
        answers = [value for row in self.query(f"PRAGMA {look}(1)") for value in row.values()]
        return [str(answer) for answer in answers if answer != "ok"]

    def dangling(self) -> list[str]:
        return sorted({row["table"] for row in self.query("PRAGMA foreign_key_check")})

    def copy_to(self, path: Path) -> None:
        self.tables.conn.execute("VACUUM INTO :path", {"path": str(path)})

    def compact(self) -> None:
        self.tables.conn.execute("VACUUM")
        self.tables.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def version(self) -> object:
        connection: Any = self.tables.conn
        if connection.in_transaction:  # what is read may yet be rolled back
            return object()
        by_others = connection.execute("PRAGMA data_version").fetchone()[0]
        return connection, by_others, connection.total_changes

    def leads(self) -> bool:
        return True

    def alone(self, work: str) -> nullcontext[None]:
        return nullcontext()  # the locks of the host's own files are enough

    def close(self) -> None:
        tables = getattr(self._local, "tables", None)
        if tables is not None:
            tables.close()
            self._local.tables = None


def _primary_code(problem: sqlite.DatabaseError) -> int:
    return int(getattr(problem, "sqlite_errorcode", 0)) & 0xFF


def _fault(problem: sqlite.DatabaseError) -> Exception:
    """The same as callers know it, who do not know the engine."""
    code = _primary_code(problem)
    if code == sqlite.SQLITE_BUSY:
        return Busy(str(problem))
    if code == sqlite.SQLITE_FULL:
        return Full("site.disk_full")
    return (IntegrityError if code == sqlite.SQLITE_CONSTRAINT else Damaged)(str(problem))


def _set_timeout(connection: Any, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout={round(seconds * 1000)}")
