"""What programs send, field by field: a check of each value, and its JSON Schema from the same."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from kbsearch.errors import Invalid, InvalidForm, NotFound, Problem
from kbsearch.form_fields import text_of

Values = Mapping[str, Any]
Schema = dict[str, Any]

LARGEST = 10**15
UNKEPT = re.compile("[\x00\ud800-\udfff]")  # no database keeps these


class Field(Protocol):
    """A value that may be sent."""

    @property
    def required(self) -> bool: ...

    def read(self, value: object) -> Any:
        """The value of a JSON body; raises Invalid."""

    def read_text(self, text: str) -> Any:
        """The value of an address; raises Invalid."""

    @property
    def schema(self) -> Schema: ...


@dataclass(frozen=True)
class Text:
    """A text of so many characters; `nullable` for what can be taken away."""

    longest: int
    shortest: int = 0
    required: bool = False
    nullable: bool = False

    def read(self, value: object) -> str | None:
        if value is None and self.nullable:
            return None
        if not isinstance(value, str):
            raise Invalid("api.not_a_text")
        return self.read_text(value)

    def read_text(self, text: str) -> str:
        if not self.shortest <= len(text) <= self.longest:
            raise Invalid("api.wrong_length", shortest=self.shortest, longest=self.longest)
        if UNKEPT.search(text):
            raise Invalid("api.unkept_signs")
        return text

    @property
    def schema(self) -> Schema:
        kinds = ["string", "null"] if self.nullable else "string"
        lengths: Schema = {"minLength": self.shortest} if self.shortest else {}
        return {"type": kinds, **lengths, "maxLength": self.longest}


@dataclass(frozen=True)
class Choice:
    """One of several words."""

    words: Sequence[str]
    required: bool = False

    def read(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise Invalid("api.not_a_choice", choices=", ".join(self.words))
        return value

    def read_text(self, text: str) -> str:
        return self.read(text)

    @property
    def schema(self) -> Schema:
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    required: bool = False

    def read(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise Invalid("api.not_a_flag")
        return value

    def read_text(self, text: str) -> bool:
        if text not in ("true", "false"):
            raise Invalid("api.not_a_flag")
        return text == "true"

    @property
    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Whole:
    """A whole number."""

    lowest: int = 1
    highest: int = LARGEST
    required: bool = False

    def read(self, value: object) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong()
        if not self.lowest <= value <= self.highest:
            raise self._wrong()
        return value

    def read_text(self, text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > len(str(LARGEST)):
            raise self._wrong()
        return self.read(int(text))

    def _wrong(self) -> Invalid:
        return Invalid("api.not_a_number", lowest=self.lowest, highest=self.highest)

    @property
    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.lowest, "maximum": self.highest}


@dataclass(frozen=True)
class Texts:
    """Several texts, or words to choose from."""

    each: "Text | Choice"
    most: int
    required: bool = False

    def read(self, value: object) -> list[str]:
        if not isinstance(value, list) or len(value) > self.most:
            raise Invalid("api.not_a_list", limit=self.most)
        return [str(self.each.read(item)) for item in value]

    def read_text(self, text: str) -> list[str]:
        return self.read([part for part in text.split(",") if part])

    @property
    def schema(self) -> Schema:
        return {"type": "array", "items": self.each.schema, "maxItems": self.most}


@dataclass(frozen=True)
class FieldValues:
    """Values by the names of the fields that the vendor added; they are read as texts."""

    name: Text
    length: int
    most: int
    required: bool = False

    def read(self, value: object) -> dict[str, str]:
        if not isinstance(value, dict) or len(value) > self.most:
            raise Invalid("api.not_an_object", limit=self.most)
        return {str(self.name.read(key)): self._text(one) for key, one in value.items()}

    def _text(self, value: object) -> str:
        items: list[Any] = value if isinstance(value, list) else [value]
        if not all(item is None or isinstance(item, bool | int | float | str) for item in items):
            raise Invalid("api.not_a_text")
        return str(Text(self.length).read("\n".join(text_of(item) for item in items)))

    def read_text(self, text: str) -> dict[str, str]:
        raise Invalid("api.not_an_object", limit=self.most)

    @property
    def schema(self) -> Schema:
        return {
            "type": "object",
            "additionalProperties": {
                "anyOf": [
                    {"type": ["string", "number", "boolean", "null"]},
                    {"type": "array", "items": {"type": "string"}},
                ]
            },
            "propertyNames": self.name.schema,
            "maxProperties": self.most,
        }


def read_body(fields: Mapping[str, Field], body: object) -> Values:
    """The values of a body; raises InvalidForm with what is wrong in each field."""
    if not isinstance(body, dict):
        raise Invalid("api.not_an_object", limit=len(fields))
    return _checked(fields, body, lambda field, value: field.read(value))


def read_query(fields: Mapping[str, Field], args: Mapping[str, str]) -> Values:
    """The values of an address, under the same condition."""
    return _checked(fields, args, lambda field, text: field.read_text(str(text)))


@contextmanager
def naming(field: str) -> Iterator[None]:
    """What is not there was named in a field: the address of the call is right."""
    try:
        yield
    except NotFound as problem:
        raise InvalidForm("api.invalid", {field: problem}) from None


def _checked(fields: Mapping[str, Field], received: Mapping[str, object], read: Any) -> Values:
    problems: dict[str, Problem] = {}
    values: dict[str, Any] = {}
    for name in received:
        if name not in fields:
            problems[name[:80]] = Invalid("api.unknown_field")
    for name, field in fields.items():
        if name not in received:
            if field.required:
                problems[name] = Invalid("api.missing")
            continue
        try:
            values[name] = read(field, received[name])
        except Invalid as problem:
            problems[name] = problem
    if problems:
        raise InvalidForm("api.invalid", problems)
    return values


def body_schema(fields: Mapping[str, Field]) -> Schema:
    """The JSON Schema of a body."""
    required = [name for name, field in fields.items() if field.required]
    return {
        "type": "object",
        "properties": {name: field.schema for name, field in fields.items()},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }
