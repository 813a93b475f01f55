"""JSON Lines and CSV read line by line: a broken line is said, and the next one is read."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from kbsearch.errors import Invalid

Format = Literal["jsonl", "csv"]
MAX_LINE = 16 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Line:
    """One record as it was written, or why it cannot be read; `position` counts bytes so far."""

    number: int
    position: int
    values: dict[str, Any]
    problem: Invalid | None = None


def format_of(path: Path) -> Format:
    """By its name: .csv and .tsv are tables, everything else is JSON Lines."""
    return "csv" if path.suffix.lower() in (".csv", ".tsv") else "jsonl"


def read(path: Path, written_as: Format) -> Iterator[Line]:
    """Every record of a file; the file is never in memory as a whole."""
    with path.open("rb") as source:
        yield from _read_csv(source) if written_as == "csv" else _read_json(source)


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


def _read_csv(source: BinaryIO) -> Iterator[Line]:
    csv.field_size_limit(MAX_LINE)
    position = 0

    def texts() -> Iterator[str]:
        nonlocal position
        while raw := source.readline(MAX_LINE):
            position += len(raw)
            yield raw.decode("utf-8", "surrogateescape")

    lines = texts()
    header = next(lines, "").removeprefix("\ufeff")
    delimiter = max(",;\t", key=header.count)
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        begins = rows.line_num + 2
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield Line(begins, position, {}, Invalid("import.not_csv"))
            continue
        if not any(row):
            continue
        if len(row) != len(names):
            problem = Invalid("import.wrong_columns", found=len(row), expected=len(names))
            yield Line(begins, position, {}, problem)
        elif any(_is_broken(cell) for cell in row):
            yield Line(begins, position, {}, Invalid("import.not_utf8"))
        else:
            yield Line(begins, position, {k: v for k, v in zip(names, row, strict=True) if v})


def _is_broken(cell: str) -> bool:
    """Whether a cell held bytes that are not UTF-8."""
    return not cell.isascii() and any("\udc80" <= sign <= "\udcff" for sign in cell)
