"""The four verbs on the database (query, execute, insert, atomic) and their SQLite adapter."""

import math
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from pysqlite3 import dbapi2 as sqlite
from sqlite_utils import Database as SqliteUtils

from kbsearch.errors import Full

Row = dict[str, Any]
Values = Mapping[str, object]

# Releases with the WAL-reset bug can lose committed pages when two connections checkpoint
# (https://sqlite.org/changes.html, 3.51.3; backports 3.44.6 and 3.50.7).
FIXED_SQLITE = (3, 51, 3)
FIXED_BACKPORTS: dict[tuple[int, ...], int] = {(3, 44): 6, (3, 50): 7}
SQLITE_VERSION: tuple[int, ...] = sqlite.sqlite_version_info
LONGEST_WAIT = 10.0  # seconds that a write waits for its turn, where nobody waits for it
SPARED_WAIT = 0.2  # of what may be given up
PRAGMAS_OF_READING = (
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "mmap_size=268435456",  # read through the page cache of the system, shared by all processes
)
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", *PRAGMAS_OF_READING)


class Database(Protocol):
    """What the nouns may ask of a database; SQL is portable, parameters are named (`:name`)."""

    def query(self, sql: str, values: Values | None = None) -> list[Row]:
        """Every row of the answer."""

    def execute(self, sql: str, values: Values | None = None) -> int:
        """Run a statement; the number of rows it changed."""

    def insert(self, table: str, row: Values) -> None:
        """Add one row."""

    def insert_many(self, table: str, rows: Sequence[Values]) -> None:
        """Add rows that all have the columns of the first."""

    def list_tables(self) -> list[str]:
        """The names of the tables that are there."""

    waits: "Patience"

    def atomic(self) -> Any:
        """A context in which all is written, or nothing; nesting joins the outer one."""

    def waiting_at_most(self, seconds: float) -> Any:
        """A context in which a write of this thread raises Busy after so long, if not sooner."""

    def version(self) -> object:
        """Equal to an earlier one only if nobody has written since; it costs no look at tables."""


Damaged: type[Exception] = sqlite.DatabaseError  # also: not a database, cannot be opened or read


class Busy(Exception):
    """Another writer held the database longer than a write may wait for it."""


class Patience:
    """How long the writes of a process wait for their turn, in seconds.

    Whoever waits in a web process keeps those waiting who only read: there, writes that wait in
    vain have no more than `longest` together in a moment of `moment` seconds. When it is used up,
    the next ones try once, until one gets its turn or the moment is over.
    """

    def __init__(self, longest: float = LONGEST_WAIT, *, moment: float = 0.0) -> None:
        self._longest, self._moment = longest, moment
        self._used, self._over_at = 0.0, 0.0

    def left(self) -> float:
        """What a write may wait that begins now."""
        if time.monotonic() >= self._over_at:
            self._used = 0.0
        return max(0.0, self._longest - self._used)

    def lose(self, waited: float) -> None:
        """A write waited so long in vain."""
        if self._used == 0.0:
            self._over_at = time.monotonic() + self._moment
        self._used += waited

    def win(self) -> None:
        """A write got its turn."""
        self._used = 0.0


def new_id() -> str:
    """A random, URL-safe id of nearly 96 bits: it cannot be guessed or counted.

    It does not begin with a dash: a command would take it for an option.
    """
    while (made := secrets.token_urlsafe(12)).startswith("-"):
        pass
    return made


def check_sqlite(version: tuple[int, ...]) -> None:
    """Raise RuntimeError when this SQLite release can corrupt a database in WAL mode."""
    backport = FIXED_BACKPORTS.get(version[:2])
    if version < FIXED_SQLITE and (backport is None or version[2] < backport):
        told = ".".join(map(str, version))
        raise RuntimeError(f"SQLite {told} has the WAL-reset bug; install pysqlite3>=0.6.1")


def is_blank(path: Path) -> bool:
    """Whether there is no database yet: no file, an empty one, or one without a table."""
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return True
    with closing(SqliteDatabase(path)) as db:
        return not db.list_tables()


class SqliteDatabase:
    """One SQLite file; each thread has a connection of its own, opened at its first use.

    Read only, it makes neither file nor folder, and whatever would change it raises Damaged. Where
    nobody else has it open, nobody may begin to write to it meanwhile.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        check_sqlite(SQLITE_VERSION)
        if not read_only:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self.waits = Patience()
        self._is_read_only = read_only
        self._local = threading.local()

    @property
    def tables(self) -> SqliteUtils:
        """This thread's connection as sqlite-utils sees it, for migrations and inserts."""
        tables: SqliteUtils | None = getattr(self._local, "tables", None)
        if tables is None:
            address = f"{self.path.absolute().as_uri()}?{self._manner()}"
            connection = sqlite.connect(address, uri=True, timeout=LONGEST_WAIT)
            connection.isolation_level = None
            for pragma in PRAGMAS_OF_READING if self._is_read_only else PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            tables = self._local.tables = SqliteUtils(connection)
        return tables

    def _manner(self) -> str:
        if not self._is_read_only:
            return "mode=rwc"
        # A reader makes the log that it finds missing, and leaves it behind, perhaps as another
        # user's. Without a log nobody has the file open, and it can be read as it lies there.
        has_log = self.path.with_name(f"{self.path.name}-wal").exists()
        return "mode=ro" if has_log else "mode=ro&immutable=1"

    def query(self, sql: str, values: Values | None = None) -> list[Row]:
        cursor = self.tables.conn.execute(sql, dict(values or {}))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def execute(self, sql: str, values: Values | None = None) -> int:
        with self.atomic():
            return int(self.tables.conn.execute(sql, dict(values or {})).rowcount)

    def insert(self, table: str, row: Values) -> None:
        with self.atomic():
            self.tables.conn.execute(_insert_statement(table, tuple(row)), dict(row))

    def insert_many(self, table: str, rows: Sequence[Values]) -> None:
        """Add rows that all have the columns of the first."""
        if rows:
            with self.atomic():
                statement = _insert_statement(table, tuple(rows[0]))
                self.tables.conn.executemany(statement, [dict(row) for row in rows])

    def list_tables(self) -> list[str]:
        return self.tables.table_names()

    @contextmanager
    def atomic(self) -> Iterator[None]:
        connection: Any = self.tables.conn  # typed as the standard library's, which it is not
        if connection.in_transaction:
            with self.tables.atomic():  # a savepoint
                yield
            return
        # A deferred BEGIN fails at once when two of them turn into writers (SQLITE_BUSY in spite
        # of the timeout); an immediate one waits its turn.
        self._begin(connection)
        try:
            yield
            connection.execute("COMMIT")
        except BaseException as problem:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if getattr(problem, "sqlite_errorcode", None) == sqlite.SQLITE_FULL:
                raise Full("site.disk_full") from problem
            raise

    @contextmanager
    def waiting_at_most(self, seconds: float) -> Iterator[None]:
        before = self._at_most
        self._local.at_most = min(before, seconds)
        try:
            yield
        finally:
            self._local.at_most = before

    @property
    def _at_most(self) -> float:
        return float(getattr(self._local, "at_most", math.inf))

    def _begin(self, connection: Any) -> None:
        """Wait for the turn of this write, as long as it may."""
        patience = min(self.waits.left(), self._at_most)
        _set_timeout(connection, patience)
        began = time.monotonic()
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite.OperationalError as problem:
            if problem.sqlite_errorcode & 0xFF != sqlite.SQLITE_BUSY:
                raise
            self.waits.lose(time.monotonic() - began)
            raise Busy(str(problem)) from problem
        finally:
            _set_timeout(connection, LONGEST_WAIT)
        self.waits.win()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """A context in which every read sees the same committed state."""
        connection = self.tables.conn
        if connection.in_transaction:
            yield
            return
        connection.execute("BEGIN")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")

    def copy_to(self, path: Path) -> None:
        """Write all of it, as it is at this moment, to a file that is not there yet."""
        self.tables.conn.execute("VACUUM INTO :path", {"path": str(path)})

    def compact(self) -> None:
        """Write the file anew: no byte of what was deleted is left in it, nor in its log."""
        self.tables.conn.execute("VACUUM")
        self.tables.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def version(self) -> object:
        connection: Any = self.tables.conn
        if connection.in_transaction:  # what is read may yet be rolled back
            return object()
        by_others = connection.execute("PRAGMA data_version").fetchone()[0]
        return connection, by_others, connection.total_changes

    def close(self) -> None:
        """Close this thread's connection."""
        tables = getattr(self._local, "tables", None)
        if tables is not None:
            tables.close()
            self._local.tables = None


def _set_timeout(connection: Any, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout={round(seconds * 1000)}")


def _insert_statement(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    places = ", ".join(f":{column}" for column in columns)
    return f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 (names are constants)


@contextmanager
def if_possible(db: Database) -> Iterator[None]:
    """What is written in it is given up when its turn does not come at once, or without room.

    It is for what nobody misses, and for nothing else: a page must not wait or fail for it.
    """
    with suppress(Busy, Full), db.waiting_at_most(SPARED_WAIT):
        yield


def one_of(name: str, choices: Sequence[object]) -> tuple[str, dict[str, object]]:
    """The inside of an SQL `IN (…)` and its values: `one_of("w", ["a", "b"])` -> `:w0, :w1`."""
    values = {f"{name}{position}": choice for position, choice in enumerate(choices)}
    return ", ".join(f":{key}" for key in values) or "NULL", values


def escape_like(text: str) -> str:
    """A text as it stands in a `LIKE … ESCAPE '!'` pattern: its wildcards are plain letters."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
