"""Values of a foreign object, each as what it should be; anything else counts as not there."""

from datetime import date
from typing import Any

Values = dict[str, Any]


def text(values: Values, *names: str) -> str:
    """The first of these fields that is a text with something in it."""
    fields = (values.get(name) for name in names)
    return next((field for field in fields if isinstance(field, str) and field.strip()), "")


def identity(values: Values, *names: str) -> str:
    """The first of these fields that is an id, as a text."""
    for name in names:
        value = values.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value not in ("", 0):
            return str(value)
    return ""


def items(values: Values, name: str) -> list[Values]:
    """The objects of a list."""
    field = values.get(name)
    return [item for item in field if isinstance(item, dict)] if isinstance(field, list) else []


def texts(values: Values, name: str) -> tuple[str, ...]:
    """The texts of a list."""
    field = values.get(name)
    return tuple(item for item in field if isinstance(item, str)) if isinstance(field, list) else ()


def inner(values: Values, name: str) -> Values:
    """An object in it."""
    field = values.get(name)
    return field if isinstance(field, dict) else {}


def code(values: Values, *names: str) -> int:
    """The first of these fields that is a number, also written as a text; 0: none is."""
    for name in names:
        value = values.get(name)
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return 0


def day(values: Values, *names: str) -> str:
    """The day that one of these fields says."""
    written = text(values, *names)[:10]
    try:
        return date.fromisoformat(written).isoformat()
    except ValueError:
        return ""


def answer(value: object) -> str:
    """What was answered in a field of an account's own, as a text."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(answer, value)))
    return "" if value in (None, "", False) or isinstance(value, dict) else str(value)


def answers(values: Values) -> dict[str, str]:
    """Fields of an account's own that were answered."""
    texts_by_name = {name: answer(value) for name, value in values.items()}
    return {name: value for name, value in texts_by_name.items() if value}
