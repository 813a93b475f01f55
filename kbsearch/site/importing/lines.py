"""JSON Lines and CSV read line by line: a broken line is said, and the next one is read."""

import csv
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal
from zoneinfo import ZoneInfo

from kbsearch.clock import stored
from kbsearch.errors import Invalid
from kbsearch.people.profiles import DEFAULT_TIME_ZONE

if TYPE_CHECKING:
    from _csv import Reader

Format = Literal["jsonl", "csv"]
MAX_LINE = 16 * 1024 * 1024
HEADING_LINES = 20  # at most, where its cells hold line breaks
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """One record as it was written, or why it cannot be read; `position` counts bytes so far."""

    number: int
    position: int
    values: dict[str, Any]
    problem: Invalid | None = None
    notice: Invalid | None = None  # of the whole file: how it was read


def format_of(path: Path) -> Format:
    """By its name: .csv and .tsv are tables, everything else is JSON Lines."""
    return "csv" if path.suffix.lower() in (".csv", ".tsv") else "jsonl"


def read(path: Path, written_as: Format) -> Iterator[Line]:
    """Every record of a file; the file is never in memory as a whole."""
    with path.open("rb") as source:
        yield from _read_table(source) if written_as == "csv" else _read_json(source)


def _read_json(source: BinaryIO) -> Iterator[Line]:
    number = position = 0
    while raw := source.readline(MAX_LINE):
        number += 1
        position += len(raw)
        if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
            while (rest := source.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                position += len(rest)
            position += len(rest)
            problem = Invalid("import.line_too_long", limit=MAX_LINE // 1024 // 1024)
            yield Line(number, position, {}, problem)
            continue
        raw = raw.removeprefix(BYTE_ORDER_MARK).strip() if number == 1 else raw.strip()
        if not raw:
            continue
        try:
            values = json.loads(raw.decode("utf-8"))
        except UnicodeDecodeError:
            yield Line(number, position, {}, Invalid("import.not_utf8"))
        except (ValueError, RecursionError):
            yield Line(number, position, {}, Invalid("import.not_json"))
        else:
            if isinstance(values, dict):
                yield Line(number, position, values)
            else:
                yield Line(number, position, {}, Invalid("import.not_an_object"))


def _read_table(source: BinaryIO) -> Iterator[Line]:
    """A table; of one that Excel saved in the letters of Windows, the first line says so."""
    is_windows = _is_windows(source)
    source.seek(0)
    notice = Invalid("import.read_as_windows") if is_windows else None
    for line in _read_csv(source, "cp1252" if is_windows else "utf-8"):
        yield replace(line, notice=notice) if notice else line
        notice = None


def _is_windows(source: BinaryIO) -> bool:
    """Whether more of its lines with accents are none of UTF-8 than are."""
    balance = 0
    while raw := source.readline(MAX_LINE):
        if not raw.isascii():
            try:
                raw.decode()
            except UnicodeDecodeError:
                balance += 1
            else:
                balance -= 1
    return balance > 0


def _read_csv(source: BinaryIO, charset: str) -> Iterator[Line]:
    rows, delimiter = _rows(source, charset)
    names = _names(rows)
    while True:
        begins = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield Line(begins, source.tell(), {}, Invalid("import.not_csv"))
            continue
        if not any(row):
            continue
        while len(row) > len(names) and not row[-1]:
            row.pop()  # as spreadsheets end rows
        if len(row) != len(names):
            problem = Invalid("import.wrong_columns", found=len(row), expected=len(names))
            yield Line(begins, source.tell(), {}, problem)
        elif any(_is_broken(cell) for cell in row):
            yield Line(begins, source.tell(), {}, Invalid("import.not_utf8"))
        else:
            values = {k: v for k, v in zip(names, row, strict=True) if v}
            yield Line(begins, source.tell(), _dated(values) if delimiter == ";" else values)


def _rows(source: BinaryIO, charset: str) -> tuple["Reader", str]:
    """The rows of a table, its heading among them, and what parts their cells."""
    csv.field_size_limit(MAX_LINE)
    raws = iter(partial(source.readline, MAX_LINE), b"")
    texts = (raw.decode(charset, "surrogateescape") for raw in raws)
    begin = [next(texts, "").removeprefix("\ufeff"), *islice(texts, HEADING_LINES)]
    delimiter = max(",;\t", key=lambda sign: len(next(csv.reader(begin, delimiter=sign), [])))
    return csv.reader(chain(begin, texts), delimiter=delimiter, strict=True), delimiter


def _names(rows: Iterator[list[str]]) -> list[str]:
    """How the columns are called, no two alike; one without a name is called by its place."""
    names: list[str] = []
    try:
        heading = next(rows, [])
    except csv.Error:
        return []
    for place, cell in enumerate(heading, 1):
        readable = cell.encode("utf-8", "replace").decode()
        name = " ".join(readable.split()).lower() or f"({place})"
        names.append(f"{name} ({place})" if name in names else name)
    return names


def headings(path: Path) -> list[str]:
    """How the columns of a table are called, in small letters."""
    with path.open("rb") as source:
        charset = "cp1252" if _is_windows(source) else "utf-8"
        source.seek(0)
        return _names(_rows(source, charset)[0])


def _dated(values: dict[str, str]) -> dict[str, str]:
    """The same with the moments of a French spreadsheet as they are stored."""
    return {
        name: as_stored(text) if name.endswith("_at") else text for name, text in values.items()
    }


def as_stored(text: str) -> str:
    """The moment of a French spreadsheet, 05/03/2024 07:40 of its own zone, as UTC."""
    match = _FRENCH.fullmatch(text.strip())
    with suppress(ValueError):  # the 31st of February is said later
        if match:
            day, month, year, hour, minute, second = (int(part or 0) for part in match.groups())
            year += 2000 if year < 100 else 0
            local = datetime(year, month, day, hour, minute, second, tzinfo=ZONE)
            return stored(local.astimezone(UTC))
    return text


_FRENCH = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)(?:\s+(\d{1,2})[:h](\d\d)(?::(\d\d))?)?", re.ASCII
)
ZONE = ZoneInfo(DEFAULT_TIME_ZONE)


def _is_broken(cell: str) -> bool:
    """Whether a cell held bytes that are not UTF-8."""
    return not cell.isascii() and any("\udc80" <= sign <= "\udcff" for sign in cell)
