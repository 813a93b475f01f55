"""What products ask for besides the usual fields of a request, as `[[fields]]` of kbsearch.toml."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
KINDS = ("text", "choice")
KEYS = {"name", "label", "kind", "products", "required", "choices", "when", "hint"}
MAX_LABEL = 200
MAX_FIELDS = 50
MAX_CHOICES = 100


@dataclass(frozen=True)
class FormField:
    """A question of some products, asked when another was answered so."""

    name: str
    label: Mapping[str, str]  # by language
    kind: Literal["text", "choice"] = "text"
    products: tuple[str, ...] = ()  # slugs; none: every product, and requests without one
    required: bool = False
    choices: tuple[str, ...] = ()
    hint: Mapping[str, str] | None = None
    when: tuple[str, tuple[str, ...]] | None = None  # another field, and its answers

    def is_asked(self, product: str | None, answers: Mapping[str, str]) -> bool:
        """Whether the field belongs to a form about that product, answered like that so far."""
        if self.products and product not in self.products:
            return False
        return self.when is None or answers.get(self.when[0], "") in self.when[1]

    def told(self, language: str) -> str:
        """The label in a language, or in the first it has."""
        return self.label.get(language) or next(iter(self.label.values()))


def asked(
    fields: Sequence[FormField], product: str | None, answers: Mapping[str, str]
) -> list[FormField]:
    """The fields of a form in order: one whose condition is not asked is not asked either."""
    shown: dict[str, str] = {}
    kept = []
    for field in fields:
        if field.is_asked(product, shown):
            kept.append(field)
            shown[field.name] = answers.get(field.name, "").strip()
    return kept


def parse(tables: Any) -> tuple[FormField, ...]:
    """The fields that tables of TOML describe; raises ValueError with the field's name."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ValueError("write each field as a [[fields]] table of kbsearch.toml")
    if len(tables) > MAX_FIELDS:
        raise ValueError(f"more than {MAX_FIELDS} fields")
    found: dict[str, FormField] = {}
    for place, table in enumerate(tables, 1):
        field = _field(place, table, found)
        found[field.name] = field
    return tuple(found.values())


def _field(place: int, table: Mapping[str, Any], before: Mapping[str, FormField]) -> FormField:
    name = table.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"field {place}: name: small letters, digits and _ after a letter")

    def refuse(told: str) -> ValueError:
        return ValueError(f"field '{name}': {told}")

    if name in before:
        raise refuse("there are two of that name")
    unknown = set(table) - KEYS
    if unknown:
        raise refuse(f"there is no '{min(unknown)}'; pick from {', '.join(sorted(KEYS))}")
    kind = table.get("kind", "text")
    if kind not in KINDS:
        raise refuse(f"kind: pick from {', '.join(KINDS)}")
    required = table.get("required", False)
    if not isinstance(required, bool):
        raise refuse("required: true or false")
    choices = _texts(table.get("choices", []))
    if choices is None or len(choices) > MAX_CHOICES or len(set(choices)) < len(choices):
        raise refuse(f"choices: a list of at most {MAX_CHOICES} different texts")
    if (kind == "choice") != bool(choices):
        raise refuse('choices: they go with kind = "choice", and it with them')
    products = _texts(table.get("products", []))
    if products is None:
        raise refuse("products: a list of slugs")
    label = _label(table.get("label"))
    if label is None:
        raise refuse('label: a text, or { fr = "…", en = "…" }')
    hint = _label(table["hint"]) if "hint" in table else None
    if "hint" in table and hint is None:
        raise refuse('hint: a text, or { fr = "…", en = "…" }')
    return FormField(
        name, label, kind, products, required, choices, hint, _when(table, before, refuse)
    )


def _when(
    table: Mapping[str, Any], before: Mapping[str, FormField], refuse: Any
) -> tuple[str, tuple[str, ...]] | None:
    if "when" not in table:
        return None
    condition = table["when"]
    if not isinstance(condition, dict) or set(condition) != {"field", "is"}:
        raise refuse('when: { field = "another", is = ["an answer"] }')
    other = before.get(condition["field"]) if isinstance(condition["field"], str) else None
    answers = _texts(condition["is"])
    if other is None:
        raise refuse(f"when: no field '{condition['field']}' comes before it")
    if not answers or (other.kind == "choice" and not set(answers) <= set(other.choices)):
        raise refuse(f"when: is: pick from {', '.join(other.choices) or 'texts'}")
    return other.name, answers


def _texts(value: Any) -> tuple[str, ...] | None:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(g, str) and g.strip() for g in given):
        return None
    return tuple(text.strip() for text in given)


def _label(value: Any) -> dict[str, str] | None:
    given = {"": value} if isinstance(value, str) else value
    if not isinstance(given, dict) or not given:
        return None
    if not all(isinstance(text, str) and 0 < len(text) <= MAX_LABEL for text in given.values()):
        return None
    return dict(given)
