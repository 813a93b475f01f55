"""Which column of a table is what, and what its words mean here: read from TOML, and written."""

import json
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kbsearch.errors import Invalid
from kbsearch.site.importing.systems.table_fields import (
    FIELD,
    FIELDS,
    KEYS,
    NO,
    ROWS,
    WORDS,
    YES,
    folded,
    is_in,
)

MOST_SHOWN = 500  # characters of a list of columns


@dataclass(frozen=True)
class TableMap:
    """Which column is what, by our name; what words of theirs mean, by our name."""

    columns: Mapping[str, str]
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rows: str = "tickets"
    are_public: bool = False  # messages, where no column tells

    def meaning(self, name: str, word: str) -> str:
        """What a word of theirs is here; empty where nobody knows."""
        own = {folded(theirs): ours for theirs, ours in self.words.get(name, {}).items()}
        key = folded(word)
        usual = WORDS.get(name, {})
        return own.get(key) or next((o for o, words in usual.items() if is_in(key, words)), "")

    def is_public(self, values: Mapping[str, str]) -> bool:
        """Whether a row is for customers: only where a column, or the map, says so."""
        if "public" in values:
            return is_in(folded(values["public"]), YES)
        if "internal" in values:
            return not values["internal"].strip() or is_in(folded(values["internal"]), NO)
        return self.are_public

    def as_toml(self) -> str:
        """The map as a file that can be edited."""
        lines = [f'rows = "{self.rows}"', f"public = {str(self.are_public).lower()}"]
        lines += ["", "[columns]", *_entries(self.columns)]
        for name, words in self.words.items():
            if words:
                lines += ["", f"[values.{name}]", *_entries(words)]
        return "\n".join([*lines, ""])


def parse(text: str, headings: Sequence[str]) -> TableMap:
    """The map in a file, for a table with these columns; raises Invalid."""
    table_map = read(text)
    check(table_map, headings)
    return table_map


def read(text: str) -> TableMap:
    """The map in a file, for whatever table; raises Invalid where it is none."""
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        raise Invalid("import.map_wrong", reason=str(problem)[:MOST_SHOWN]) from None
    rows = values.get("rows", "tickets")
    if rows not in ROWS:
        raise _unknown("rows", rows, ROWS)
    columns = _texts("columns", values.get("columns", {}))
    given = values.get("values", {})
    if not isinstance(given, dict):
        raise Invalid("import.map_wrong", reason="[values]")
    words = {name: _texts(f"values.{name}", table) for name, table in given.items()}
    columns = {ours: " ".join(theirs.split()).lower() for ours, theirs in columns.items()}
    return TableMap(columns, words, rows, are_public=values.get("public") is True)


def check(table_map: TableMap, headings: Sequence[str]) -> None:
    """Raise Invalid for what is not known here or there, is said twice, or is missing."""
    known = FIELDS[table_map.rows]
    columns, key = table_map.columns, KEYS[table_map.rows]
    for ours, theirs in columns.items():
        is_own = "number" in known and ours.startswith(FIELD) and ours != FIELD
        if ours not in known and not is_own:
            raise _unknown("columns", ours, (*known, f"{FIELD}…") if "number" in known else known)
        if theirs not in headings:
            raise _unknown(ours, theirs, headings)
    twice = [name for name, count in Counter(columns.values()).items() if count > 1]
    if twice:
        raise Invalid("import.column_twice", name=twice[0])
    if key not in columns:
        raise Invalid("import.missing", field=key)
    for name, words in table_map.words.items():
        for ours in words.values():
            if name in WORDS and ours not in WORDS[name]:
                raise _unknown(f"values.{name}", ours, tuple(WORDS[name]))


def _unknown(field: str, value: object, choices: Sequence[str]) -> Invalid:
    shown = ", ".join(choices)[:MOST_SHOWN]
    return Invalid("import.unknown_value", field=field, value=str(value)[:80], choices=shown)


def _texts(name: str, table: Any) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(text, str) for text in table.values()):
        raise Invalid("import.map_wrong", reason=f"[{name}]")
    return table


def _entries(texts: Mapping[str, str]) -> list[str]:
    return [f"{_quoted(name)} = {_quoted(text)}" for name, text in texts.items()]


def _quoted(text: str) -> str:
    """A text of TOML, which knows the escapes of JSON, but DEL as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
