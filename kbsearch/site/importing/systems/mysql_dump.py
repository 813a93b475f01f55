"""The rows of a MySQL dump, as mysqldump and phpMyAdmin write it; read in one pass, never whole.

Texts are UTF-8; bytes that are none (a file kept in a table) stay as surrogates, and `raw` gives
them back.
"""

import mmap
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kbsearch.errors import Invalid

Row = dict[str, Any]
MAX_NAME = 64
_CREATE = re.compile(rb"CREATE\s++TABLE\s++(?:IF\s++NOT\s++EXISTS\s++)?`?([\w$]{1,64})`?\s*+\(")
_COLUMN = re.compile(rb"\s*+`([^`\n]{1,64})`\s")
_INSERT = re.compile(
    rb"(?:INSERT|REPLACE)\s++(?:IGNORE\s++)?INTO\s++`?([\w$]{1,64})`?\s*+(?:\(([^()]{1,9999})\)\s*+)?"
    rb"VALUES?\s*+",
    re.IGNORECASE,
)
_NAME = re.compile(rb"[\w$]{1,64}")
_TUPLE = re.compile(rb"\s*+\(")
_VALUE = re.compile(
    rb"""\s*+ (?:
        (?P<null> NULL )
      | (?: _binary \s*+ | _utf8(?:mb[34])? \s*+ )? ' (?P<text> (?: [^'\\]++ | \\. | '' )*+ ) '
      | (?: 0x (?P<hex> [0-9a-f]*+ ) | x' (?P<hexed> [0-9a-f]*+ ) ' )
      | (?P<number> [-+0-9.e]++ )
      | (?P<flag> TRUE | FALSE )
    ) \s*+ (?P<end> [,)] )""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_AFTER = re.compile(rb"\s*+([,;])")
_ESCAPED = re.compile(rb"\\(.)|''", re.DOTALL)
_SIGNS = {b"0": b"\0", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"Z": b"\x1a"}


@dataclass(frozen=True)
class DumpRow:
    """A row and its table; or where the dump cannot be read."""

    table: str
    values: Row
    place: str = ""
    problem: Invalid | None = None


class Dump:
    """A dump in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prefix_of(self, table: str) -> str:
        """What stands before the names of its tables, by one that no other system has."""
        with _mapped(self.path) as text:
            end = text.find(f"{table}`".encode())
            start = text.rfind(b"`", max(0, end - MAX_NAME), end) + 1 if end >= 0 else 0
            return str(text[start:end].decode()) if start else ""

    def rows(self) -> Iterator[DumpRow]:
        """Every row of every table, in the order they stand there."""
        columns: dict[str, list[str]] = {}
        with _mapped(self.path) as text:
            place = 0
            while place < len(text):
                if match := _CREATE.match(text, place):
                    place, columns[match[1].decode()] = _columns(text, match.end())
                elif match := _INSERT.match(text, place):
                    reader = _Rows(text, match, columns)
                    yield from reader.read()
                    place = reader.place
                place = _next_line(text, place)


@contextmanager
def _mapped(path: Path) -> Iterator[Any]:
    """The bytes of a file, of which the machine has those in memory that are looked at."""
    with path.open("rb") as file:
        if not file.read(1):
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            yield text


def _next_line(text: Any, place: int) -> int:
    end = text.find(b"\n", place)
    return len(text) if end < 0 else end + 1


def _columns(text: Any, place: int) -> tuple[int, list[str]]:
    """Where the columns of a table end, and their names: a line each."""
    names: list[str] = []
    while place < len(text):
        place = _next_line(text, place)
        match = _COLUMN.match(text, place)
        if match is None:
            break
        names.append(match[1].decode("utf-8", "replace"))
    return place, names


class _Rows:
    """The tuples of an INSERT."""

    def __init__(self, text: Any, match: re.Match[bytes], columns: Mapping[str, list[str]]) -> None:
        self.text = text
        self.table = match[1].decode()
        self.place = match.end()
        self.columns = columns.get(self.table, [])
        if match[2]:
            self.columns = [name.decode() for name in _NAME.findall(match[2])]

    def read(self) -> Iterator[DumpRow]:
        while (start := _TUPLE.match(self.text, self.place)) is not None:
            self.place = start.end()
            values = self._values()
            if values is None or len(values) != len(self.columns):
                broken = Invalid("import.not_sql")
                yield DumpRow(self.table, {}, f"{self.table}, byte {self.place}", broken)
                if values is None:
                    return
            else:
                yield DumpRow(self.table, dict(zip(self.columns, values, strict=True)))
            after = _AFTER.match(self.text, self.place)
            if after is None or after[1] == b";":
                return
            self.place = after.end()

    def _values(self) -> list[Any] | None:
        """One tuple; None where it is none."""
        values = []
        while (match := _VALUE.match(self.text, self.place)) is not None:
            self.place = match.end()
            values.append(_value(match))
            if match["end"] == b")":
                return values
        return None


def _value(match: re.Match[bytes]) -> Any:
    if match["null"] is not None:
        return None
    if match["text"] is not None:
        text = match["text"]
        if b"\\" in text or b"'" in text:
            text = _ESCAPED.sub(_sign, text)
        return text.decode("utf-8", "surrogateescape")
    if match["number"] is not None:
        number = match["number"].decode()
        return int(number) if number.lstrip("+-").isdecimal() else number
    if match["flag"] is not None:
        return int(match["flag"].upper() == b"TRUE")
    digits = (match["hex"] or match["hexed"] or b"").decode()
    return bytes.fromhex(digits.rjust(len(digits) + len(digits) % 2, "0")).decode(
        "utf-8", "surrogateescape"
    )


def _sign(match: re.Match[bytes]) -> bytes:
    return _SIGNS.get(match[1], match[1]) if match[1] is not None else b"'"


def raw(value: object) -> bytes:
    """The bytes of a value that is no text."""
    return str(value).encode("utf-8", "surrogateescape")
