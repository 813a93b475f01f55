"""The JSON files of a source, one object after the other, each with what it is.

A page of the API has its objects under a key that names them; a file of lines, or a bare list, is
named after what it holds. The comments of a ticket do not say whose they are: the path does.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kbsearch.errors import Invalid
from kbsearch.site.importing import lines
from kbsearch.site.importing.systems import LeftOut

MAX_PAGE = 512 * 1024 * 1024  # bytes of one file that is read as a whole
FILE_FOLDERS = {"attachments", "article_attachments", "ticket_attachment"}
SINGLE = {"ticket": "tickets", "user": "users", "organization": "organizations"}
_OF_TICKET = re.compile(r"(?:^|/)tickets/(\d{1,30})/")
_KIND = re.compile(r"[a-z_]{1,60}")
_NUMBER = re.compile(r"\d{1,9}")


@dataclass(frozen=True)
class Piece:
    """An object of the export; or why a place of a file cannot be read."""

    kind: str
    values: dict[str, Any]
    ticket_id: object = None
    place: str = ""
    problem: Invalid | None = None


def pieces(folder: Path) -> Iterator[Piece]:
    """Everything in the folder, page after page; files that were attached are no pages."""
    for path in files(folder):
        yield from _of_file(path, path.relative_to(folder))


def files(folder: Path) -> Iterator[Path]:
    """The files with pages and lines, in order."""
    for path in sorted(folder.rglob("*"), key=_in_order):
        name = path.relative_to(folder)
        is_text = path.suffix.lower() in (".json", ".ndjson", ".jsonl")
        if is_text and path.is_file() and not FILE_FOLDERS & set(name.parts[:-1]):
            yield path


def _in_order(path: Path) -> str:
    """Page 10 comes after page 9."""
    return _NUMBER.sub(lambda number: number[0].zfill(9), str(path))


def _of_file(path: Path, name: Path) -> Iterator[Piece]:
    match = _OF_TICKET.search(name.as_posix())
    whose = match[1] if match else None
    kind = _KIND.match(path.stem.lower())
    is_guide = "help_center" in name.parts
    for number, value, problem in values_of(path):
        if problem is not None:
            yield Piece("", {}, place=f"{name}:{number}", problem=problem)
            continue
        for key, values in _objects(value, kind[0].strip("_") if kind else ""):
            yield Piece(
                f"help_center/{key}" if is_guide else key, values, whose, f"{name}:{number}"
            )


def values_in(folder: Path, left_out: LeftOut) -> Iterator[tuple[Path, object]]:
    """What the files of a folder hold, each with its file; what cannot be read is left out."""
    for path in files(folder):
        for number, value, problem in values_of(path):
            if problem is None:
                yield path, value
            else:
                left_out.add(problem)
                left_out.name("unreadable", f"{path.relative_to(folder).as_posix()}:{number}")


def values_of(path: Path) -> Iterator[tuple[int, object, Invalid | None]]:
    """What a file holds, a line or the whole of it, each with its place; or why it cannot be."""
    if path.suffix.lower() != ".json" or _has_lines(path):
        for line in lines.read(path, "jsonl"):
            yield line.number, line.values, line.problem
        return
    try:
        if path.stat().st_size > MAX_PAGE:
            raise Invalid("import.line_too_long", limit=MAX_PAGE // 1024 // 1024)
        yield 1, json.loads(path.read_text("utf-8-sig")), None
    except UnicodeDecodeError:
        yield 1, None, Invalid("import.not_utf8")
    except (ValueError, RecursionError):
        yield 1, None, Invalid("import.not_json")
    except Invalid as problem:
        yield 1, None, problem


def _has_lines(path: Path) -> bool:
    """Whether a .json file has an object a line, as an account's export does."""
    with path.open("rb") as file:
        try:
            first = json.loads(file.readline(lines.MAX_LINE).removeprefix(lines.BYTE_ORDER_MARK))
        except (ValueError, RecursionError):
            return False
        return isinstance(first, dict) and bool(file.read(4096).strip())


def _objects(value: object, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, list):
        yield from ((kind, item) for item in value if isinstance(item, dict))
    elif isinstance(value, dict):
        single = next((key for key in SINGLE if isinstance(value.get(key), dict)), None)
        if "id" in value:
            yield kind, value
        elif single:
            yield SINGLE[single], value[single]
        else:
            for key, items in value.items():
                for item in items if isinstance(items, list) else ():
                    if isinstance(item, dict):
                        yield key, item
