"""The vendor's own fields in what is prepared: `name=value`; in a condition also `name~words`."""

import re
from collections.abc import Iterable, Mapping, Sequence

from kbsearch import form_fields
from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.errors import Invalid
from kbsearch.form_fields import FormField
from kbsearch.tickets import fields as vendor_fields
from kbsearch.tickets.filing.form import read_answer

MOST = 100
MAX_VALUE = 200  # characters
_SAID = re.compile(rf"({form_fields.NAME.pattern})([=~])(.*)", re.DOTALL)


def said(name: str, value: str, *, is_text: bool = False) -> str:
    """A value of a field as it is kept; `is_text`: some words of it are enough."""
    return f"{name}{'~' if is_text else '='}{value}"


def read(values: Iterable[str]) -> list[tuple[str, str, str]]:
    """Names, signs and values; what is none of these is left out."""
    matches = (_SAID.fullmatch(value) for value in values)
    return [(match[1], match[2], match[3]) for match in matches if match]


def parted(values: Iterable[str]) -> dict[str, list[str]]:
    """The values by the names of their fields."""
    by_name: dict[str, list[str]] = {}
    for name, _, value in read(values):
        by_name.setdefault(name, []).append(value)
    return by_name


def check(db: Database, viewer: Viewer, values: Sequence[str]) -> tuple[str, ...]:
    """What fields are set to, as it is kept; raises Invalid. Only several choices are several."""
    known = offered(db, viewer)
    checked(values, known)
    kept: list[str] = []
    for name, lines in parted(values).items():
        field = known[name]
        if len(lines) > 1 and field.kind != "choices":
            raise Invalid("rule.choice_unknown")
        text = "\n".join(" ".join(line.split()) for line in lines)
        answer = read_answer(field, text)
        kept += [said(name, line) for line in answer.split("\n") if line]
    return tuple(kept)


def changes(
    fields: Sequence[FormField],
    product: str | None,
    answers: Mapping[str, str],
    values: Iterable[str],
) -> tuple[str, ...]:
    """Those that change something, of fields that the request has and that still take them."""
    there = answered(answers, values)
    asked = {field.name: field for field in form_fields.asked(fields, product, there)}
    return tuple(
        said(name, line)
        for name, lines in parted(values).items()
        if name in asked and there[name] != answers.get(name, "")
        if _takes(asked[name], there[name])
        for line in lines
    )


def answered(answers: Mapping[str, str], values: Iterable[str]) -> dict[str, str]:
    """What is answered once these values are set."""
    return {**answers, **{name: "\n".join(lines) for name, lines in parted(values).items()}}


def offered(db: Database, viewer: Viewer) -> dict[str, FormField]:
    """The fields that may be named, by name."""
    return {field.name: field for field in vendor_fields.definitions(db, viewer)}


def checked(values: Sequence[str], known: Mapping[str, FormField]) -> list[tuple[str, str, str]]:
    """Names, signs and values; raises Invalid for what is none of these, or is too long."""
    triples = read(values)
    if len(triples) < len(values) or len(values) > MOST:
        raise Invalid("rule.choice_unknown")
    if any(name not in known for name, _, _ in triples):
        raise Invalid("rule.choice_unknown")
    if any(len(value) > MAX_VALUE or not value.isprintable() for _, _, value in triples):
        raise Invalid("rule.words_invalid", limit=MAX_VALUE)
    return triples


def _takes(field: FormField, answer: str) -> bool:
    try:
        return field.read(answer) == answer
    except Invalid:
        return False  # it was one of the choices once
