"""A sheet to lines and back: ids of this database become addresses, slugs and numbers."""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from kbsearch.database import Database, IntegrityError, Row, insert_statement, one_of
from kbsearch.errors import Invalid
from kbsearch.site.importing.lines import Line
from kbsearch.site.importing.report import Report
from kbsearch.site.portable.sheets import NOUNS, Sheet

BATCH = 500
PLACE_OF_ID = re.compile(r"\{([a-z_]{1,40})\}")
WHOLE_NUMBER = range(-(2**63), 2**63)


def write(db: Database, sheet: Sheet) -> Iterator[dict[str, Any]]:
    """Every row as a line, but for those about somebody who was erased."""
    for row in _rows(db, sheet):
        names = {column: row.pop(f"{column}_name") for column in sheet.references}
        if any(names[c] is None for c, r in sheet.references.items() if r.is_needed):
            continue
        for column, holders in sheet.holding.items():
            row[column] = _without_ids(row[column], row, names, holders)
        for column, name in names.items():
            row.pop(column)
            row[_field(column)] = name
        for column in sheet.blobs:
            row[column] = b64encode(row[column]).decode()
        yield {name: value for name, value in row.items() if value is not None}


def _rows(db: Database, sheet: Sheet) -> Iterator[Row]:
    """The rows in the order of their key: some at a time, where that is an id."""
    if sheet.key != ("id",):
        yield from db.query(_select(sheet))
        return
    last = ""
    while rows := db.query(_select(sheet, "WHERE s.id > :last"), {"last": last, "limit": BATCH}):
        last = rows[-1]["id"]
        yield from rows


def _select(sheet: Sheet, condition: str = "") -> str:
    columns = [f"s.{column}" for column in _columns(sheet)]
    joins = []
    for place, (column, reference) in enumerate(sheet.references.items()):
        table, name = NOUNS[reference.noun]
        known = f" AND r{place}.erased_at IS NULL" if table == "people" else ""
        columns.append(f"r{place}.{name} AS {column}_name")
        joins.append(f"LEFT JOIN {table} r{place} ON r{place}.id = s.{column}{known}")
    order = [
        f"{column}_name" if column in sheet.references else f"s.{column}" for column in sheet.key
    ]
    return (
        f"SELECT {', '.join(columns)} FROM {sheet.table} s {' '.join(joins)} {condition}"  # noqa: S608
        f" ORDER BY {', '.join(order)}{' LIMIT :limit' if condition else ''}"
    )


def _without_ids(text: str, row: Row, names: Mapping[str, Any], holders: Iterable[str]) -> str:
    """A text with the field in braces where it held the id of what that names."""
    for column in holders:
        if row[column] and names[column] is not None:
            text = text.replace(row[column], f"{{{_field(column)}}}")
    return text


def _field(column: str) -> str:
    return column.removesuffix("_id")


@dataclass(frozen=True)
class _Read:
    """A line as a row, still with names in the place of ids."""

    line: Line
    row: Row


def take_in(db: Database, sheet: Sheet, read: Iterable[Line], report: Report) -> None:
    """Add the rows that are not here; one that is stays as it is."""
    lines = iter(read)
    while batch := list(islice(lines, BATCH)):
        with db.atomic():
            _take_batch(db, sheet, batch, report)


def _take_batch(db: Database, sheet: Sheet, batch: Sequence[Line], report: Report) -> None:
    rows = []
    for line in batch:
        try:
            if line.problem is not None:
                raise line.problem
            rows.append(_Read(line, _row(sheet, line.values)))
        except Invalid as problem:
            report.refuse(line.number, sheet.name, problem)
    ids = {
        noun: _ids(db, noun, [r.row[c] for r in rows for c in _of(sheet, noun)]) for noun in NOUNS
    }
    for item in rows:
        try:
            with db.atomic():  # a refused line leaves nothing
                created = db.execute(_insert(sheet), _resolved(sheet, item, ids, report))
        except Invalid as problem:
            report.refuse(item.line.number, sheet.name, problem)
        except IntegrityError:
            report.refuse(item.line.number, sheet.name, Invalid("import.row_refused"))
        else:
            report.created += created
            report.unchanged += 1 - created


def _insert(sheet: Sheet) -> str:
    return f"{insert_statement(sheet.table, _columns(sheet))} ON CONFLICT DO NOTHING"


def _columns(sheet: Sheet) -> tuple[str, ...]:
    return (*sheet.texts, *sheet.numbers, *sheet.blobs, *sheet.references)


def _row(sheet: Sheet, values: Mapping[str, Any]) -> Row:
    """The columns that a line says, each of its kind; raises Invalid."""
    row: Row = {column: _text(values, column) for column in sheet.texts}
    row |= {column: _number(values, column) for column in sheet.numbers}
    row |= {column: _bytes(values, column) for column in sheet.blobs}
    for column, reference in sheet.references.items():
        check = _number if reference.noun == "ticket" else _text
        row[column] = check(values, _field(column))
    return row


def _text(values: Mapping[str, Any], field: str) -> str | None:
    value = values.get(field)
    if value is not None and not isinstance(value, str):
        raise Invalid("import.wrong_type", field=field, expected='"…"')
    return value


def _bytes(values: Mapping[str, Any], field: str) -> bytes:
    try:
        return b64decode(_text(values, field) or "", validate=True)
    except ValueError:
        raise Invalid("import.wrong_type", field=field, expected="Base64") from None


def _number(values: Mapping[str, Any], field: str) -> int | None:
    value = values.get(field)
    if isinstance(value, bool) or not (value is None or isinstance(value, int)):
        raise Invalid("import.wrong_type", field=field, expected="1")
    if value is not None and value not in WHOLE_NUMBER:
        raise Invalid("import.wrong_type", field=field, expected="1")
    return value


def _of(sheet: Sheet, noun: str) -> list[str]:
    return [column for column, reference in sheet.references.items() if reference.noun == noun]


def _ids(db: Database, noun: str, names: Sequence[Any]) -> dict[Any, str]:
    table, column = NOUNS[noun]
    places, values = one_of("name", sorted({name for name in names if name is not None}))
    rows = db.query(
        f"SELECT id, {column} AS name FROM {table} WHERE {column} IN ({places})",  # noqa: S608
        values,
    )
    return {row["name"]: row["id"] for row in rows}


def _resolved(
    sheet: Sheet, item: _Read, ids: Mapping[str, Mapping[Any, str]], report: Report
) -> Row:
    """The row with ids in the place of names; raises Invalid where one is needed and not here."""
    resolved = dict(item.row)
    for column, reference in sheet.references.items():
        name = item.row[column]
        resolved[column] = ids[reference.noun].get(name)
        if resolved[column] is None and (name is not None or reference.is_needed):
            problem = Invalid("import.not_here", field=_field(column), value=str(name or "")[:80])
            if reference.is_needed:
                raise problem
            report.alter(item.line.number, sheet.name, problem)

    def held(match: re.Match[str]) -> str:
        return str(resolved.get(f"{match[1]}_id") or match[0])

    for column in sheet.holding:
        if resolved[column]:
            resolved[column] = PLACE_OF_ID.sub(held, resolved[column])
    return resolved
