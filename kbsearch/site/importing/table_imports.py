"""Tables that administrators upload: mapped, checked by a rehearsal, taken in by the worker.

The file lies in the data folder, its report beside it, until it is removed or forgotten. A run that
is cut off is simply run again: it changes nothing twice.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from kbsearch import audit, revisions
from kbsearch.access import Viewer, only_administrators
from kbsearch.clock import now, stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, Row, new_id
from kbsearch.errors import Invalid, NotFound
from kbsearch.files.types import clean_name
from kbsearch.site.importing import lines
from kbsearch.site.importing.systems import table, table_guess, table_map
from kbsearch.site.importing.systems.table_fields import WORDS, folded
from kbsearch.site.importing.systems.table_map import TableMap

MAX_TABLE = 50_000_000  # bytes
MAX_MAP = 200_000
MAX_COLUMNS = 200
MAX_HEADING = 300
MAX_TABLES = 50  # that lie there at once
MOST_WORDS = 40  # of a column, whose meaning can be chosen
KEEP = timedelta(days=30)  # since somebody, or the worker, last touched it
FOLDER = "tables"
BLOCK = 1024 * 1024
UNDER_WAY = ("checking", "importing")
OTHER_FILES = (b"PK\x03\x04", b"%PDF", b"{", b"[")


@dataclass(frozen=True)
class TableFile:
    """What somebody uploads: a file, what a row of it is, and perhaps its map."""

    name: str
    content: IO[bytes]
    rows: str
    map_text: str = ""


@dataclass(frozen=True)
class TableImport:
    """A table, how it is read, and what came or would come of it."""

    id: str
    name: str
    map_text: str
    state: str  # new, checking, checked, importing, imported, failed
    done: int  # of `total`, while it is under way
    total: int
    outcome: Mapping[str, Any]
    created_at: str
    person_id: str | None

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def revision(self) -> str:
        """Changes with its map."""
        return revisions.of({"map": self.map_text})


@dataclass(frozen=True)
class TableContent:
    """The columns of a table and its first rows, as they are read."""

    headings: Sequence[str]
    rows: Sequence[Mapping[str, str]]

    def examples(self, heading: str, count: int = 3) -> list[str]:
        """What stands in a column, each once."""
        values = dict.fromkeys(row[heading].strip() for row in self.rows if row.get(heading))
        return [value for value in values if value][:count]

    def words(self, columns: TableMap) -> dict[str, dict[str, str]]:
        """The words of columns that have a choice of meanings here, each with its own."""
        words: dict[str, dict[str, str]] = {}
        for name in WORDS:
            if name in columns.columns:
                theirs = self.examples(columns.columns[name], len(self.rows))
                first = {folded(word): word for word in reversed(theirs)}
                shown = list(reversed(first.values()))[:MOST_WORDS]
                words[name] = {word: columns.meaning(name, word) for word in shown}
        return words


@dataclass(frozen=True)
class RowReport:
    """What the report says of a row."""

    line: int
    subject: str
    refused: bool
    key: str
    values: Mapping[str, Any] = field(default_factory=dict)


def upload(db: Database, viewer: Viewer, settings: Settings, file: TableFile) -> TableImport:
    """Keep a table to be looked at; its map is guessed where none is given. Raises Invalid."""
    only_administrators(viewer)
    if len(list_all(db, viewer)) >= MAX_TABLES:
        raise Invalid("import.too_many_tables", limit=MAX_TABLES)
    table_id, moment = new_id(), now()
    path = path_of(settings, table_id)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        _copy(file.content, path)
        headings = _checked_headings(path)
        if file.map_text.strip():
            columns = table_map.parse(file.map_text, headings)
        else:
            columns = table_guess.guess_what_can_be(headings, table.sample(path), file.rows)
        row = {
            "id": table_id,
            "person_id": viewer.person_id,
            "name": clean_name(file.name),
            "map": columns.as_toml(),
            "state": "new",
            "done": 0,
            "total": 0,
            "outcome": "{}",
            "created_at": moment,
            "changed_at": moment,
        }
        with db.atomic():
            db.insert("table_imports", row)
            audit.act(db, viewer, "table.uploaded", subject=row["name"], rows=columns.rows)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return find(db, viewer, table_id)


def find(db: Database, viewer: Viewer, table_id: str) -> TableImport:
    """The table with that id; raises NotFound."""
    only_administrators(viewer)
    rows = db.query("SELECT * FROM table_imports WHERE id = :id", {"id": table_id})
    if not rows:
        raise NotFound("web.not_found")
    return as_table(rows[0])


def list_all(db: Database, viewer: Viewer) -> list[TableImport]:
    """Every table that lies there, the newest first."""
    only_administrators(viewer)
    rows = db.query("SELECT * FROM table_imports ORDER BY created_at DESC, id")
    return [as_table(row) for row in rows]


def content(settings: Settings, item: TableImport) -> TableContent:
    """Its columns and first rows; raises NotFound where the file is gone."""
    path = path_of(settings, item.id)
    try:
        return TableContent(lines.headings(path), table.sample(path))
    except FileNotFoundError:
        raise NotFound("web.not_found") from None


def map_of(item: TableImport) -> TableMap:
    """Its map, which was in order when it was kept."""
    return table_map.read(item.map_text)


def check(
    db: Database, viewer: Viewer, settings: Settings, item: TableImport, columns: TableMap
) -> None:
    """Keep a map, and have the worker rehearse with it. Raises Invalid."""
    only_administrators(viewer)
    table_map.check(columns, content(settings, item).headings)
    _enter(db, item, "checking", ("new", "checking", "checked", "imported", "failed"), columns)


def start(db: Database, viewer: Viewer, item: TableImport, revision: str) -> None:
    """Have the worker take in what was rehearsed as a page showed it. Raises Invalid."""
    only_administrators(viewer)
    if revision != item.revision:
        raise Invalid("import.table_moved_on")
    with db.atomic():
        _enter(db, item, "importing", ("checked",), map_of(item))
        audit.act(db, viewer, "table.started", subject=item.name, rows=map_of(item).rows)


def stop(db: Database, viewer: Viewer, item: TableImport) -> None:
    """Have the worker leave it: what has come by then stays."""
    only_administrators(viewer)
    _enter(db, item, "new", UNDER_WAY, map_of(item))


def remove(db: Database, viewer: Viewer, settings: Settings, item: TableImport) -> None:
    """Remove the file and its report; what was taken in stays."""
    only_administrators(viewer)
    with db.atomic():
        db.execute("DELETE FROM table_imports WHERE id = :id", {"id": item.id})
        audit.act(db, viewer, "table.removed", subject=item.name)
    _forget_files(settings, item.id)


def report(settings: Settings, item: TableImport) -> Iterator[RowReport]:
    """Every row that was refused or altered, as the last run met them."""
    with suppress(FileNotFoundError), report_path(settings, item.id).open("rb") as source:
        for line in source:
            yield RowReport(**json.loads(line))


def report_path(settings: Settings, table_id: str) -> Path:
    return settings.data_path / FOLDER / f"{table_id}.report.jsonl"


def forget_old(db: Database, settings: Settings) -> None:
    """Remove tables that nobody has touched for long, and files that no row knows."""
    before = {"before": stored(utc_now() - KEEP)}
    db.execute("DELETE FROM table_imports WHERE changed_at < :before", before)
    known = {row["id"] for row in db.query("SELECT id FROM table_imports")}
    folder = settings.data_path / FOLDER
    old = (utc_now() - timedelta(days=1)).timestamp()  # one that is being uploaded has no row yet
    for path in folder.iterdir() if folder.is_dir() else ():
        table_id = path.name.partition(".")[0]
        if table_id not in known and path.stat().st_mtime < old:
            _forget_files(settings, table_id)


def _forget_files(settings: Settings, table_id: str) -> None:
    path_of(settings, table_id).unlink(missing_ok=True)
    report_path(settings, table_id).unlink(missing_ok=True)


def path_of(settings: Settings, table_id: str) -> Path:
    return settings.data_path / FOLDER / f"{table_id}.csv"


def _copy(source: IO[bytes], path: Path) -> None:
    """Keep what is read, if it may be a table: text of one byte or more a letter."""
    size = 0
    with path.open("xb") as target:
        while block := source.read(BLOCK):
            if b"\0" in block or size == 0 and block.startswith(OTHER_FILES):
                raise Invalid("import.not_a_table")
            size += len(block)
            if size > MAX_TABLE:
                raise Invalid("import.table_too_big", limit=MAX_TABLE // 1_000_000)
            target.write(block)


def _checked_headings(path: Path) -> list[str]:
    headings = lines.headings(path)
    if len(headings) > MAX_COLUMNS:
        raise Invalid("import.too_many", field="columns", limit=MAX_COLUMNS)
    if any(len(heading) > MAX_HEADING for heading in headings):
        raise Invalid("import.heading_too_long", limit=MAX_HEADING)
    if not headings or next(lines.read(path, "csv"), None) is None:
        raise Invalid("import.table_empty")
    return headings


def _enter(
    db: Database, item: TableImport, state: str, before: Sequence[str], columns: TableMap
) -> None:
    """Change its state, if it is one of those it may follow and nobody changed the map since."""
    map_text = columns.as_toml()
    moves = {f"s{place}": name for place, name in enumerate(before)}
    names = ", ".join(f":{place}" for place in moves)
    keeps = "" if state == "checking" else "AND map = :map"
    changed = db.execute(
        f"""
        UPDATE table_imports
        SET state = :state, map = :map, done = 0, total = 0, changed_at = :now
        WHERE id = :id AND state IN ({names}) {keeps}
        """,  # noqa: S608 (names of this module)
        {**moves, "id": item.id, "state": state, "map": map_text, "now": now()},
    )
    if changed == 0:
        raise Invalid("import.table_moved_on")


def as_table(row: Row) -> TableImport:
    return TableImport(
        id=row["id"],
        name=row["name"],
        map_text=row["map"],
        state=row["state"],
        done=row["done"],
        total=row["total"],
        outcome=json.loads(row["outcome"]),
        created_at=row["created_at"],
        person_id=row["person_id"],
    )
