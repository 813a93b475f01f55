"""What rules say of the fields that the vendor added: `name=value`, or `name~words` of a text.

Of several values of one field one is enough; where fields are several, each must have its own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from kbsearch import form_fields
from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.errors import Invalid
from kbsearch.form_fields import FormField
from kbsearch.rules.facts import Facts, phrase
from kbsearch.tickets import fields as vendor_fields
from kbsearch.tickets.desk.actions import Values
from kbsearch.tickets.filing.form import read_answer

MOST = 100
MAX_VALUE = 200  # characters
_SAID = re.compile(rf"({form_fields.NAME.pattern})([=~])(.*)", re.DOTALL)


def said(name: str, value: str, *, is_text: bool = False) -> str:
    """A value of a field as a rule has it; `is_text`: some words of it are enough."""
    return f"{name}{'~' if is_text else '='}{value}"


def parted(values: Iterable[str]) -> dict[str, list[str]]:
    """The values by the names of their fields."""
    by_name: dict[str, list[str]] = {}
    for name, _, value in _read(values):
        by_name.setdefault(name, []).append(value)
    return by_name


def check_conditions(db: Database, viewer: Viewer, values: Sequence[str]) -> Values:
    """What is asked of fields, as it is kept; raises Invalid."""
    offered = _offered(db, viewer)
    kept = []
    for name, _, typed in _checked(values, offered):
        is_text = offered[name].kind == "text"
        value = " ".join(typed.split()) if is_text else read_answer(offered[name], typed)
        if value and (not is_text or phrase(value)):
            kept.append(said(name, value, is_text=is_text))
    return tuple(dict.fromkeys(kept))


def check_actions(db: Database, viewer: Viewer, values: Sequence[str]) -> Values:
    """What fields are set to, as it is kept; raises Invalid. Only several choices are several."""
    offered = _offered(db, viewer)
    _checked(values, offered)
    kept: list[str] = []
    for name, lines in parted(values).items():
        field = offered[name]
        if len(lines) > 1 and field.kind != "choices":
            raise Invalid("rule.choice_unknown")
        text = "\n".join(" ".join(line.split()) for line in lines)
        answer = read_answer(field, text)
        kept += [said(name, line) for line in answer.split("\n") if line]
    return tuple(kept)


def hold(facts: Facts, values: Values) -> bool:
    """Whether the fields of a request have what is asked."""
    by_name: dict[str, bool] = {}
    for name, sign, value in _read(values):
        answer = facts.answers.get(name, "")
        has = phrase(value) in phrase(answer) if sign == "~" else value in answer.split("\n")
        by_name[name] = by_name.get(name, False) or has
    return all(by_name.values())


def changes(fields: Sequence[FormField], facts: Facts, values: Values) -> Values:
    """Those that change something, of fields that the request has and that still take them."""
    answers = answered(facts.answers, values)
    asked = {field.name: field for field in form_fields.asked(fields, facts.product, answers)}
    return tuple(
        said(name, line)
        for name, lines in parted(values).items()
        if name in asked and answers[name] != facts.answers.get(name, "")
        if _takes(asked[name], answers[name])
        for line in lines
    )


def answered(answers: Mapping[str, str], values: Iterable[str]) -> dict[str, str]:
    """What is answered once these values are set."""
    return {**answers, **{name: "\n".join(lines) for name, lines in parted(values).items()}}


def _takes(field: FormField, answer: str) -> bool:
    try:
        return field.read(answer) == answer
    except Invalid:
        return False  # it was one of the choices once


def _offered(db: Database, viewer: Viewer) -> dict[str, FormField]:
    return {field.name: field for field in vendor_fields.definitions(db, viewer)}


def _checked(values: Sequence[str], offered: Mapping[str, FormField]) -> list[tuple[str, str, str]]:
    triples = list(_read(values))
    if len(triples) < len(values) or len(values) > MOST:
        raise Invalid("rule.choice_unknown")
    if any(name not in offered for name, _, _ in triples):
        raise Invalid("rule.choice_unknown")
    if any(len(value) > MAX_VALUE or not value.isprintable() for _, _, value in triples):
        raise Invalid("rule.words_invalid", limit=MAX_VALUE)
    return triples


def _read(values: Iterable[str]) -> list[tuple[str, str, str]]:
    matches = (_SAID.fullmatch(value) for value in values)
    return [(match[1], match[2], match[3]) for match in matches if match]
