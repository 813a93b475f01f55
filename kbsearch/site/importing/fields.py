"""The values of a record, cleaned and checked one by one; what is wrong raises Invalid."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from kbsearch import people
from kbsearch.clock import parsed, stored
from kbsearch.errors import Invalid

EARLIEST_YEAR = 1970
MAX_NUMBER = 10**15
UNKEPT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
STORED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

Choice = TypeVar("Choice", bound=str)


def text(values: Mapping[str, Any], field: str) -> str:
    """A text without what no text holds (NUL, other controls, half a surrogate pair)."""
    value = values.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid("import.wrong_type", field=field, expected='"…"')
    if UNKEPT.search(value):
        value = UNKEPT.sub("", value)
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    return value.strip()


def name(values: Mapping[str, Any], field: str, limit: int) -> str:
    """A text on one line; longer than the limit is refused."""
    value = " ".join(text(values, field).split())
    if len(value) > limit:
        raise Invalid("import.too_long", field=field, limit=limit)
    return "".join(sign for sign in value if sign.isprintable())


def required(value: str, field: str) -> str:
    """The value, refused when there is none."""
    if not value:
        raise Invalid("import.missing", field=field)
    return value


def number(values: Mapping[str, Any], field: str) -> int:
    """A positive whole number, also written as a text."""
    value = values.get(field)
    if value is None:
        raise Invalid("import.missing", field=field)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= MAX_NUMBER:
        raise Invalid("import.not_a_number", field=field, limit=MAX_NUMBER)
    return value


def flag(values: Mapping[str, Any], field: str) -> bool:
    """True or false; in a table also 1, 0, yes and no."""
    value = values.get(field)
    if value is None or isinstance(value, bool):
        return bool(value)
    if value in ("true", "True", "TRUE", "1", "yes", 1):
        return True
    if value in ("false", "False", "FALSE", "0", "no", "", 0):
        return False
    raise Invalid("import.wrong_type", field=field, expected="true / false")


def choice(values: Mapping[str, Any], field: str, choices: Sequence[Choice]) -> Choice | None:
    """One of the choices, or None when there is no value."""
    value = text(values, field).lower()
    for option in choices:
        if value == option:
            return option
    if value:
        raise Invalid(
            "import.unknown_value", field=field, value=value[:80], choices=", ".join(choices)
        )
    return None


def moment(values: Mapping[str, Any], field: str) -> str | None:
    """A moment as it is stored, from any ISO 8601 text; without zone it is UTC."""
    value = text(values, field)
    if not value:
        return None
    try:
        when = parsed(value)
        if when.year < EARLIEST_YEAR:
            raise ValueError(value)
        return value if STORED.fullmatch(value) else stored(when)
    except (ValueError, OverflowError):
        raise Invalid("import.impossible_date", field=field, value=value[:40]) from None


def address(value: str) -> str | None:
    """An address as it is stored, or None when it is none."""
    try:
        return people.fold_email(value)
    except Invalid:
        return None


def names(values: Mapping[str, Any], field: str) -> list[str]:
    """A list of texts; in a table one text, separated by commas or semicolons."""
    value = values.get(field)
    if value is None:
        return []
    if isinstance(value, str):
        value = value.replace(";", ",").split(",")
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Invalid("import.wrong_type", field=field, expected='["…"]')
    cleaned = (UNKEPT.sub("", item).strip() for item in value)
    return [item for item in cleaned if item]
