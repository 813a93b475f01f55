"""The tables of a dump, laid out to be joined: rows by their id, or in groups by what they name."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kbsearch.errors import NotFound
from kbsearch.site.importing.systems import LeftOut
from kbsearch.site.importing.systems.mysql_dump import Dump, Row
from kbsearch.site.importing.systems.spool import Spool


@dataclass(frozen=True)
class Key:
    """The column with a table's ids, and the one that its rows are grouped by."""

    id: str = "id"
    group: str = ""


class Tables:
    """Rows of the tables that a source is made of."""

    def __init__(self, spool: Spool, keys: Mapping[str, Key]) -> None:
        self._spool = spool
        self._keys = keys

    def load(self, dump: Dump, prefix: str, left_out: LeftOut) -> Iterator[tuple[str, Row]]:
        """Lay a dump out; the rows of all other tables, as they come."""
        with self._spool.db.atomic():
            for item in dump.rows():
                if item.problem is not None:
                    left_out.add(item.problem)
                    left_out.name("unreadable", item.place)
                    continue
                if not item.table.startswith(prefix):
                    continue  # of another program
                table = item.table.removeprefix(prefix)
                if table in self._keys:
                    self.keep(table, item.values)
                else:
                    yield table, item.values

    def keep(self, table: str, row: Row) -> None:
        """Lay one row out, where it has an id."""
        key = self._keys[table]
        identity = row.get(key.id)
        if identity is None:
            return
        values = {**row, "id": identity}
        if key.group:
            self._spool.keep_comment(f"{table} {row.get(key.group)}", values)
        else:
            self._spool.keep(table, {**values, "updated_at": ""})

    def batches(self, table: str) -> Iterator[list[Row]]:
        """The rows of a table, in the order of their ids."""
        return self._spool.batches(table)

    def find(self, table: str, ids: Iterable[object]) -> dict[str, Row]:
        """Rows by their id."""
        return self._spool.find(table, ids)

    def groups(self, table: str, owners: Iterable[object]) -> dict[str, list[Row]]:
        """Rows by what they name."""
        names = {f"{table} {owner}": str(owner) for owner in owners}
        groups = self._spool.comments(sorted(names))
        return {names[name]: rows for name, rows in groups.items()}


def dump_in(source: Path) -> Path:
    """The dump that a source is, or the one in its folder; raises NotFound."""
    if source.is_file():
        return source
    dumps = sorted(source.glob("*.sql"))
    if not dumps:
        raise NotFound("import.no_dump", folder=source)
    return dumps[0]
