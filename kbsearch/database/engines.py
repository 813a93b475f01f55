"""Which engine an address means: a path is a file of SQLite, postgresql://… a server's database."""

from contextlib import closing
from pathlib import Path

from kbsearch.database import Database
from kbsearch.database.sqlite import SqliteDatabase

Address = Path | str


def open_database(address: Address, *, read_only: bool = False) -> Database:
    """The database of an address, made where it is a file that is not there yet."""
    if isinstance(address, Path):
        return SqliteDatabase(address, read_only=read_only)
    from kbsearch.database.postgresql import PostgresDatabase  # needs the extra [postgresql]

    return PostgresDatabase(address, read_only=read_only)


def is_named(address: Address) -> bool:
    """Whether somebody has chosen or made it: a server's always, a file once it is there."""
    return isinstance(address, str) or address.exists()


def is_blank(address: Address) -> bool:
    """Whether there is no database yet: no file, an empty one, or one without a table."""
    if isinstance(address, Path) and not (address.exists() and not _is_empty(address)):
        return True
    with closing(open_database(address)) as db:
        return not db.list_tables()


def _is_empty(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == 0
