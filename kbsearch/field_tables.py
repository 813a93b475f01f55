"""Fields of requests as `[[fields]]` of kbsearch.toml: how those of earlier releases are read."""

from collections.abc import Mapping
from typing import Any

from kbsearch.form_fields import MAX_CHOICES, MAX_FIELDS, MAX_LABEL, NAME, FormField

KINDS = ("text", "choice")
KEYS = {"name", "label", "kind", "products", "required", "choices", "when", "hint"}


def parse(tables: Any) -> tuple[FormField, ...]:
    """The fields that tables of TOML describe; raises ValueError with the field's name."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ValueError("write each field as a [[fields]] table of kbsearch.toml")
    if len(tables) > MAX_FIELDS:
        raise ValueError(f"more than {MAX_FIELDS} fields")
    fields: dict[str, FormField] = {}
    for place, table in enumerate(tables, 1):
        field = _field(place, table, fields)
        fields[field.name] = field
    return tuple(fields.values())


def _field(place: int, table: Mapping[str, Any], before: Mapping[str, FormField]) -> FormField:
    name = table.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"field {place}: name: small letters, digits and _ after a letter")

    def refuse(reason: str) -> ValueError:
        return ValueError(f"field '{name}': {reason}")

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
    when = _when(table, before, refuse)
    return FormField(name, label, kind, products, required, choices, hint, when)


def _when(
    table: Mapping[str, Any], before: Mapping[str, FormField], refuse: Any
) -> tuple[str, tuple[str, ...]] | None:
    if "when" not in table:
        return None
    condition = table["when"]
    if not isinstance(condition, dict) or set(condition) != {"field", "is"}:
        raise refuse('when: { field = "another", is = ["an answer"] }')
    earlier = before.get(condition["field"]) if isinstance(condition["field"], str) else None
    answers = _texts(condition["is"])
    if earlier is None:
        raise refuse(f"when: no field '{condition['field']}' comes before it")
    if not answers or (earlier.kind == "choice" and not set(answers) <= set(earlier.choices)):
        raise refuse(f"when: is: pick from {', '.join(earlier.choices) or 'texts'}")
    return earlier.name, answers


def _texts(value: Any) -> tuple[str, ...] | None:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(g, str) and g.strip() for g in texts):
        return None
    return tuple(text.strip() for text in texts)


def _label(value: Any) -> dict[str, str] | None:
    labels = {"": value} if isinstance(value, str) else value
    if not isinstance(labels, dict) or not labels:
        return None
    if not all(isinstance(text, str) and 0 < len(text) <= MAX_LABEL for text in labels.values()):
        return None
    return dict(labels)
