"""What the nouns ask of a database, whichever it is: the verbs, and what may go wrong."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from kbsearch import randomness
from kbsearch.database.patience import Patience
from kbsearch.errors import Full, Invalid

T = TypeVar("T")
Row = dict[str, Any]
Values = Mapping[str, object]
SPARED_WAIT = 0.2  # seconds that a write waits for its turn, of what may be given up


class Database(Protocol):
    """SQL is portable, parameters are named (`:name`). Each thread has a connection of its own.

    Every verb raises Busy, Damaged, or Full where there is no room left; Invalid where a text has
    a sign that the engine cannot keep.
    """

    waits: Patience  # of the writes of this process
    # What a query says in the end to hold the rows that it finds until the change is over: others
    # wait for them, or pass them over. Nothing, where no two write at once.
    holding: str
    passing_over: str

    def query(self, sql: str, values: Values | None = None) -> list[Row]:
        """Every row of the answer."""

    def execute(self, sql: str, values: Values | None = None) -> int:
        """Run a statement; the number of rows it changed."""

    def claim(self, sql: str, values: Values | None = None) -> list[Row]:
        """The rows that one statement takes for whoever asks; none, where others were quicker.

        It waits for no turn to write: it is to be right by itself, whoever else writes.
        """

    def insert(self, table: str, row: Values) -> None:
        """Add one row."""

    def insert_many(self, table: str, rows: Sequence[Values]) -> None:
        """Add rows that all have the columns of the first."""

    def define(self, statement: str) -> None:
        """Run a statement of the schema, in the words of schema.sql whatever the engine's own."""

    def list_tables(self) -> list[str]:
        """The names of the tables that are there."""

    def rows(self, table: str) -> Iterator[Row]:
        """Every row of a table, a few at a time, in no order; read it in a snapshot."""

    def atomic(self) -> AbstractContextManager[None]:
        """A context in which all is written, or nothing; nesting joins the outer one."""

    def retried(self, change: Callable[[], T]) -> T:
        """What a change comes to that is written as a whole; others of its kind do not wait for it.

        It may run several times until nothing that it read was changed meanwhile: it does nothing
        but read and write here. Inside another change it is a part of that one.
        """

    def filling(self) -> AbstractContextManager[None]:
        """The same, but what a row names may come after it: it is looked for in the end."""

    def snapshot(self) -> AbstractContextManager[None]:
        """A context in which every read sees the same committed state."""

    def waiting_at_most(self, seconds: float) -> AbstractContextManager[None]:
        """A context in which a write of this thread raises Busy after so long, if not sooner."""

    def limit_waiting(self, longest: float, *, moment: float) -> None:
        """From now on the writes of this process wait `longest` seconds together, in a moment."""

    def version(self) -> object:
        """Equal to an earlier one only if nobody has written since; it costs no look at tables."""

    def damage(self, *, deep: bool = False) -> list[str]:
        """What is wrong with how it is kept, in the engine's words; nothing where it is sound."""

    def dangling(self) -> list[str]:
        """The tables with rows that name others which are not there."""

    def copy_to(self, path: Path) -> None:
        """Write all of it, as it is at this moment, to an SQLite file that is not there yet."""

    def compact(self) -> None:
        """Leave no byte of what was deleted, neither in the data nor in a log."""

    def leads(self) -> bool:
        """Whether this is the process, of all hosts, that does what is done once for all.

        It stays so until it ends or its connection does. A database of one host has no others.
        """

    def alone(self, work: str) -> AbstractContextManager[None]:
        """A context in which no process of another host is at the same work."""

    def close(self) -> None:
        """Close this thread's connection."""


class Busy(Exception):
    """Others held the database longer than this may wait for it."""


class Unreachable(Busy):
    """The server of the database does not answer, or lets nobody in."""


class Damaged(Exception):
    """The database cannot be opened or read, or does not take a statement."""


class IntegrityError(Damaged):
    """A constraint does not take a row."""


def new_id() -> str:
    """A random, URL-safe id of nearly 96 bits: it cannot be guessed or counted.

    It does not begin with a dash: a command would take it for an option.
    """
    while (made := randomness.token(12)).startswith("-"):
        pass
    return made


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


def checked(values: Values | None) -> dict[str, object]:
    """The values as they are given to an engine; Invalid where a text has a NUL: not all keep it.

    A lone surrogate is no text of any encoding: the engines themselves do not take it.
    """
    taken = dict(values or {})
    for value in taken.values():
        if isinstance(value, str) and "\0" in value:
            raise Invalid("text.sign_not_kept")
    return taken


def sought(values: Values | None) -> dict[str, object]:
    """The values of a question: a text with a NUL is none that is kept, and finds nothing."""
    taken = dict(values or {})
    for name, value in taken.items():
        if isinstance(value, str) and "\0" in value:
            taken[name] = value.replace("\0", "\ufffd")
    return taken


def keepable(text: str) -> str:
    """What a machine said, with a mark in the place of each sign that cannot be kept."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def insert_statement(table: str, columns: Sequence[str]) -> str:
    """The statement that adds a row of these columns; the names are constants."""
    places = ", ".join(f":{column}" for column in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608


def escape_like(text: str) -> str:
    """A text as it stands in a `LIKE … ESCAPE '!'` pattern: its wildcards are plain letters."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
