"""PostgreSQL behind the verbs of a database.

The schema and the statements are those of every engine: what they say otherwise here is translated
(see `translated` and `defined`). Numbers and 0/1 come back as they do from SQLite, and texts are
compared byte by byte.

Whoever reads before writing finds what was read unchanged: an `atomic` block has a turn of its own,
in which nobody else writes. What may be done again goes beside others of its kind instead, each
serialisable: one that clashes begins anew, and has a turn of its own in the end.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import errors, pq
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.rows import dict_row

from kbsearch import randomness
from kbsearch.database import (
    Busy,
    Damaged,
    IntegrityError,
    Row,
    Unreachable,
    Values,
    checked,
    insert_statement,
    moving,
    sought,
)
from kbsearch.database.patience import LONGEST_WAIT, WaitingWrites
from kbsearch.database.slow import timed
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Full, Invalid

T = TypeVar("T")
MAKER = 0x6B62736561726368  # "kbsearch": the lock of whoever makes the schema
LEADER = MAKER + 1
ALONE_AT = 0x6B627365  # "kbse": the first half of a lock whose second half is the name of a work
# Who holds a lock and vanishes from the network has lost it half a minute later.
VANISHED = """
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3
"""
# Ways to begin a change. A serialisable one sees what was there at its first look, so that its lock
# is to come before that: LOCK TABLE looks at nothing. Nobody waits for it who only reads.
ALONE = f"""
    BEGIN;
    SET LOCAL lock_timeout = :patience;
    DO $$ BEGIN
      IF to_regclass('schema_steps') IS NULL THEN PERFORM pg_advisory_xact_lock({MAKER});
      ELSE LOCK TABLE schema_steps IN EXCLUSIVE MODE; END IF;
    END $$;
    SET LOCAL lock_timeout = {round(LONGEST_WAIT * 1000)}
"""
BESIDE = f"""
    BEGIN ISOLATION LEVEL SERIALIZABLE;
    SET LOCAL lock_timeout = :patience;
    LOCK TABLE schema_steps IN ROW SHARE MODE;
    SET LOCAL lock_timeout = {round(LONGEST_WAIT * 1000)}
"""
ATTEMPTS = 4  # of a change beside others, before it has a turn of its own
FIRST_PAUSE = 0.01  # seconds at most, and twice as long after each attempt
TABLES = """
    SELECT c.relname AS name FROM pg_class c
    WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace ORDER BY c.oid
"""
FETCHED = 1000  # rows at a time, where all of a table are read
CONNECT_TIMEOUT = 10  # seconds
CLASHES = errors.SerializationFailure, errors.DeadlockDetected
GONE = (
    errors.TooManyConnections,
    errors.CannotConnectNow,
    errors.AdminShutdown,
    errors.CrashShutdown,
)
# A text, a comment, a cast or a parameter; and what SQLite is told of the way to an answer.
_PIECES = re.compile(
    r"'(?:[^']|'')*'|--[^\n]*|::|:([a-z_]\w*)|%|(?<=\bORDER BY )\+|\bCROSS JOIN(?= \w+ \w+ ON )",
    re.IGNORECASE,
)
_HINTS = {"+": "", "CROSS JOIN": "JOIN"}
_WORDS = re.compile(r"'(?:[^']|'')*'|\b(?:TEXT|INTEGER|BLOB)\b")
_OWN_WORDS = {"TEXT": 'TEXT COLLATE "C"', "INTEGER": "BIGINT", "BLOB": "BYTEA"}
_REFERENCE = re.compile(
    r"REFERENCES \w+(?: \([^)]*\))?(?: ON DELETE (?:CASCADE|SET NULL))?", re.IGNORECASE
)
_TRIGGER = re.compile(
    r"(CREATE TRIGGER \w+ BEFORE (?:UPDATE|DELETE|INSERT) ON \w+)\s+"
    r"BEGIN SELECT RAISE\(ABORT, ('(?:[^']|'')*')\); END"
)
_REFUSING = """
    CREATE OR REPLACE FUNCTION kbsearch_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'; END $$
"""


@lru_cache(maxsize=4096)
def translated(sql: str) -> str:
    """A statement in the words of the driver: its parameters, and without SQLite's hints."""

    def piece(match: re.Match[str]) -> str:
        if match[1]:
            return f"%({match[1]})s"
        return _HINTS.get(match[0], match[0].replace("%", "%%"))

    return _PIECES.sub(piece, sql)


def defined(statement: str) -> Iterator[str]:
    """A statement of the schema as this engine has it."""
    if trigger := _TRIGGER.search(statement):
        yield _REFUSING
        yield f"{trigger[1]} FOR EACH ROW EXECUTE FUNCTION kbsearch_refuse({trigger[2]})"
        return
    words = _WORDS.sub(lambda word: _OWN_WORDS.get(word[0], word[0]), statement)
    yield _REFERENCE.sub(r"\g<0> DEFERRABLE", words)


class PostgresDatabase(WaitingWrites):
    """A database of a server; each thread has a connection of its own, opened at its first use."""

    holding = "FOR UPDATE"
    passing_over = "FOR UPDATE SKIP LOCKED"

    def __init__(self, address: str, *, read_only: bool = False) -> None:
        super().__init__()
        self.address = address
        self._is_read_only = read_only
        self._is_made = False
        self._seat: _Connection | None = None  # of whoever leads
        self._seat_lock = threading.Lock()
        self._local = threading.local()

    @property
    def connection(self) -> "_Connection":
        """This thread's connection; another one where the server has ended it."""
        connection: _Connection | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            connection = self._local.connection = self._connect()
        return connection

    def _connect(self) -> "_Connection":
        with _faults():
            connection = _Connection.connect(
                self.address,
                autocommit=True,
                cursor_factory=psycopg.ClientCursor,
                row_factory=dict_row,
                connect_timeout=CONNECT_TIMEOUT,
                application_name="kbsearch",
                client_encoding="utf8",
            )
        if connection.info.parameter_status("server_encoding") != "UTF8":
            connection.close()
            raise Damaged("the database is not in UTF8: createdb -E UTF8 -T template0")
        if self._is_read_only:
            connection.execute("SET default_transaction_read_only = on")
        connection.adapters.register_dumper(bool, _Truth)
        connection.adapters.register_loader("bool", _Number01)
        connection.adapters.register_loader("numeric", _Number)
        return connection

    def query(self, sql: str, values: Values | None = None) -> list[Row]:
        with _faults(), timed(sql):
            return self._run(sql, sought(values)).fetchall()

    def execute(self, sql: str, values: Values | None = None) -> int:
        def run() -> int:
            with _faults(), timed(sql):
                return self._run(sql, checked(values)).rowcount

        return self.retried(run)

    def claim(self, sql: str, values: Values | None = None) -> list[Row]:
        try:
            with _faults(), self.connection.transaction(), timed(sql):
                return self._run(sql, checked(values)).fetchall()
        except IntegrityError:  # two took what only one may have
            return []

    def _run(self, sql: str, values: Values | None) -> psycopg.Cursor[Row]:
        return self.connection.execute(translated(sql), values)

    def insert(self, table: str, row: Values) -> None:
        self.execute(insert_statement(table, tuple(row)), row)

    def insert_many(self, table: str, rows: Sequence[Values]) -> None:
        def run() -> None:
            with _faults(), self.connection.cursor() as cursor:
                cursor.executemany(statement, [checked(row) for row in rows])

        if rows:
            statement = translated(insert_statement(table, tuple(rows[0])))
            self.retried(run)

    def define(self, statement: str) -> None:
        with self.atomic(), _faults():
            for own in defined(statement):
                self.connection.execute(own)

    def list_tables(self) -> list[str]:
        return [row["name"] for row in self.query(TABLES)]

    def rows(self, table: str) -> Iterator[Row]:
        with (
            self.snapshot(),
            _faults(),
            psycopg.ServerCursor[Row](self.connection, "kbsearch_rows") as cursor,
        ):
            cursor.itersize = FETCHED
            yield from cursor.execute(f"SELECT * FROM {table}")  # noqa: S608

    @contextmanager
    def atomic(self) -> Iterator[None]:
        connection = self.connection
        if connection.is_idle:
            with self._transaction(connection, ALONE):
                yield
        else:
            with _faults(), connection.transaction():  # a savepoint
                yield

    def retried(self, change: Callable[[], T]) -> T:
        connection = self.connection
        if not connection.is_idle:  # part of a larger one, which is done again as a whole
            with self.atomic():
                return change()
        pause = FIRST_PAUSE
        for _ in range(ATTEMPTS if self._has_schema() else 0):
            try:
                with self._transaction(connection, BESIDE):
                    return change()
            except _Clash:
                time.sleep(pause * randomness.fraction())
                pause *= 2
            except IntegrityError:  # or two added at once what is there once
                break
        with self.atomic():
            return change()

    def _has_schema(self) -> bool:
        """Whether the schema was made, which it stays: before, nobody writes beside others."""
        if not self._is_made:
            self._is_made = bool(self.query("SELECT to_regclass('schema_steps') AS t")[0]["t"])
        return self._is_made

    @contextmanager
    def _transaction(self, connection: "_Connection", way: str) -> Iterator[None]:
        self._begin(connection, way)
        try:
            yield
            if connection.info.transaction_status != pq.TransactionStatus.INTRANS:
                raise Damaged("a statement of this change was not taken")  # COMMIT would be silent
            with _faults():
                connection.commit()
        except BaseException:
            connection.abandon()
            raise

    def _begin(self, connection: "_Connection", way: str) -> None:
        """Wait for the turn of this write, as long as it may; then for the rows that it changes."""
        patience = self.time_to_wait()
        milliseconds = str(max(1, round(patience * 1000)))
        began = time.monotonic()
        try:
            with _faults():
                connection.execute(way.replace(":patience", milliseconds))
        except Busy:
            connection.abandon()
            self.waits.lose(time.monotonic() - began)
            raise
        self.waits.win()

    @contextmanager
    def filling(self) -> Iterator[None]:
        with self.atomic():
            self.connection.execute("SET CONSTRAINTS ALL DEFERRED")  # until this is over
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        connection = self.connection
        if not connection.is_idle:
            yield
            return
        with _faults():
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            connection.abandon()

    def version(self) -> object:
        if not self.connection.is_idle:  # what is read may yet be rolled back
            return object()
        return self.query("SELECT pg_current_snapshot()::text AS now")[0]["now"]

    def damage(self, *, deep: bool = False) -> list[str]:
        for table in self.list_tables() if deep else ():  # a page that is damaged is not read
            self.query(f"SELECT COUNT(*) FROM {table}")  # noqa: S608 (a name of the schema)
        return []

    def dangling(self) -> list[str]:
        return []  # whoever writes, the server looks

    def copy_to(self, path: Path) -> None:
        with closing(SqliteDatabase(path)) as copy:
            moving.copy(self, copy)

    def compact(self) -> None:
        with _faults():
            self.connection.execute("VACUUM (FULL)")

    def leads(self) -> bool:
        with self._seat_lock:
            try:
                if self._seat is None or self._seat.closed:
                    self._seat = self._connect()
                    self._seat.execute(VANISHED)
                (row,) = self._seat.execute("SELECT pg_try_advisory_lock(%s) AS is_ours", [LEADER])
                return bool(row["is_ours"])
            except (psycopg.Error, Busy, Damaged):
                if self._seat is not None:
                    self._seat.close()
                return False

    @contextmanager
    def alone(self, work: str) -> Iterator[None]:
        with closing(self._connect()) as connection:
            with _faults():
                connection.execute(VANISHED)
                connection.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", [ALONE_AT, work])
            yield

    def close(self) -> None:
        connection: _Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None


class _Clash(Busy):
    """Others changed meanwhile what a change had read, or both waited for each other."""


class _Connection(psycopg.Connection[Row]):
    """A connection that ends with the thread it is of."""

    def __del__(self, *_: object) -> None:
        self.close()

    @property
    def is_idle(self) -> bool:
        """Whether no change is under way."""
        return self.info.transaction_status == pq.TransactionStatus.IDLE

    def abandon(self) -> None:
        """Take back what is under way, if the server is still there to be told."""
        try:
            self.rollback()
        except psycopg.Error:
            self.close()


class _Truth(Dumper):
    """Yes and no are 1 and 0."""

    def dump(self, obj: Any) -> bytes:
        return b"1" if obj else b"0"


class _Number01(Loader):
    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


class _Number(Loader):
    """Sums of whole numbers are whole numbers, everything else has a point."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdecimal() else float(text)


@contextmanager
def _faults() -> Iterator[None]:
    """The same as callers know it, who do not know the engine."""
    try:
        yield
    except UnicodeEncodeError:
        raise Invalid("text.sign_not_kept") from None
    except psycopg.Error as problem:
        raise _fault(problem) from problem


def _fault(problem: psycopg.Error) -> Exception:
    if isinstance(problem, CLASHES):
        return _Clash(str(problem))
    if isinstance(problem, errors.LockNotAvailable):
        return Busy(str(problem))
    is_nameless = isinstance(problem, psycopg.OperationalError) and problem.sqlstate is None
    if is_nameless or isinstance(problem, GONE):
        return Unreachable(str(problem))
    if isinstance(problem, errors.DiskFull):
        return Full("site.disk_full")
    if isinstance(problem, psycopg.IntegrityError):
        return IntegrityError(str(problem))
    return Damaged(str(problem))
