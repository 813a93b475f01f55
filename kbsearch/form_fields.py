"""What a vendor asks for besides the usual fields of a request: kinds, conditions, values.

A value is a text whatever its kind: `12.5`, `2026-11-30`, `yes`, or the chosen ones line by line.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date
from decimal import Decimal
from typing import Literal, get_args

from kbsearch.errors import Invalid

Kind = Literal["text", "number", "date", "yes_no", "choice", "choices"]
KINDS: tuple[Kind, ...] = get_args(Kind)
WITH_CHOICES: tuple[Kind, ...] = ("choice", "choices")
YES_NO = ("yes", "no")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
NUMBER = re.compile(r"[-−+]?[0-9]{1,15}(?:[.,][0-9]{1,6})?")
FRENCH_DATE = re.compile(r"([0-9]{1,2})[/.]([0-9]{1,2})[/.]([0-9]{4})")
SPACES = re.compile(r"[\s'’]")
MAX_LABEL = 200
MAX_FIELDS = 50
MAX_CHOICES = 100
MAX_ANSWER = 2_000

JsonValue = str | int | float | bool | list[str]


@dataclass(frozen=True)
class FormField:
    """A field of some products, asked for when another was answered so."""

    name: str  # for programs; a value is kept under it
    label: Mapping[str, str]  # by language
    kind: Kind = "text"
    products: tuple[str, ...] = ()  # slugs; none: every product, and requests without one
    required: bool = False  # in the form of a new request
    choices: tuple[str, ...] = ()
    hint: Mapping[str, str] | None = None
    when: tuple[str, tuple[str, ...]] | None = None  # another field, and its answers
    translations: Mapping[str, str] = dataclass_field(default_factory=dict)  # choices in English
    in_form: bool = True  # customers fill it in and read it; else those who answer alone
    id: str = ""
    archived_at: str | None = None

    def is_asked(self, product: str | None, answers: Mapping[str, str]) -> bool:
        """Whether the field belongs to a form about that product, answered like that so far."""
        if self.products and product not in self.products:
            return False
        if self.when is None:
            return True
        name, values = self.when
        return not set(values).isdisjoint(answers.get(name, "").split("\n"))

    def told(self, language: str) -> str:
        """The label in a language, or in the first it has."""
        return self.label.get(language) or next(iter(self.label.values()))

    def hint_in(self, language: str) -> str:
        """What is said below the label, in a language or in the first it has."""
        return (self.hint.get(language) or next(iter(self.hint.values()))) if self.hint else ""

    def choice_name(self, choice: str, language: str) -> str:
        """What one of the choices is called in a language."""
        return self.translations.get(choice, choice) if language == "en" else choice

    def choices_in(self, language: str) -> list[tuple[str, str]]:
        """The choices, each with what it is called in a language."""
        return [(choice, self.choice_name(choice, language)) for choice in self.choices]

    def read(self, text: str) -> str:
        """The value that a text means, as it is kept; empty for none. Raises Invalid."""
        clean = text.strip()
        if not clean:
            return ""
        if self.kind == "number":
            return _number(clean)
        if self.kind == "date":
            return _date(clean)
        if self.kind == "choices":
            chosen = {line.strip() for line in clean.split("\n")} - {""}
            if not chosen <= set(self.choices):
                raise Invalid("request.field_unknown")
            return "\n".join(choice for choice in self.choices if choice in chosen)
        offered = YES_NO if self.kind == "yes_no" else self.choices
        if offered and clean not in offered:
            raise Invalid("request.field_unknown")
        return clean

    def as_json(self, value: str) -> JsonValue:
        """A value as programs read it: a number is one, several choices are a list.

        What was imported as a text and is no number stays a text.
        """
        if self.kind == "number":
            with suppress(ValueError):
                return float(value) if "." in value else int(value)
        if self.kind == "yes_no":
            return value == "yes"
        return value.split("\n") if self.kind == "choices" else value


def asked(
    fields: Sequence[FormField], product: str | None, answers: Mapping[str, str]
) -> list[FormField]:
    """The fields of a form in order: one whose condition is not asked is not asked either."""
    visible_answers: dict[str, str] = {}
    visible_fields = []
    for field in fields:
        if field.is_asked(product, visible_answers):
            visible_fields.append(field)
            visible_answers[field.name] = answers.get(field.name, "").strip()
    return visible_fields


def text_of(value: JsonValue | None) -> str:
    """What a program sent, as people would type it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "\n".join(value)
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return "" if value is None else str(value)


def _number(text: str) -> str:
    digits = SPACES.sub("", text)
    if not NUMBER.fullmatch(digits):
        raise Invalid("request.field_number")
    number = Decimal(digits.replace(",", ".").replace("−", "-"))
    return format(number.normalize() + 0, "f")


def _date(text: str) -> str:
    written = FRENCH_DATE.fullmatch(text)
    try:
        day = (
            date(*(int(part) for part in reversed(written.groups())))
            if written
            else date.fromisoformat(text)
        )
    except ValueError:
        raise Invalid("request.field_date") from None
    return day.isoformat()
