"""A whole database from one engine into another: every row, and the same."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import islice

from kbsearch.database import Database, Row, migrations
from kbsearch.errors import Invalid, Problem

BATCH = 500  # rows that are written at a time

Progress = Callable[[str], None]  # is told each table as it begins


def copy(source: Database, target: Database, tell: Progress = lambda _: None) -> dict[str, int]:
    """Fill a blank database with what another holds at this moment; the rows of each table.

    What was written is read again. Raises Problem, and leaves it blank, where it is not the same
    or cannot be. The source is of this release.
    """
    counts = {}
    with source.snapshot(), target.filling():
        migrations.migrate(target)
        for table in source.list_tables():
            tell(table)
            target.execute(f"DELETE FROM {table}")  # noqa: S608 (what a new database begins with)
            counts[table] = _copy(source, target, table)
    return counts


def _copy(source: Database, target: Database, table: str) -> int:
    written = _Digest()
    reading = written.read(source.rows(table))
    while rows := list(islice(reading, BATCH)):
        try:
            target.insert_many(table, rows)
        except Invalid:
            raise Problem("move.sign_not_kept", table=table) from None
    there = _Digest()
    for _ in there.read(target.rows(table)):
        pass
    if vars(there) != vars(written):
        raise Problem("move.not_the_same", table=table)
    return written.count


class _Digest:
    """How many rows were read, and what they say, in whatever order they come."""

    def __init__(self) -> None:
        self.count = self.sum = 0

    def read(self, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            content = repr(sorted(row.items())).encode("utf-8", "surrogatepass")
            self.count += 1
            self.sum += int.from_bytes(hashlib.sha256(content).digest())
            yield row
