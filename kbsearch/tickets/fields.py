"""Fields that a vendor added to requests: which there are, for whom, what requests have there.

Customers have those that are marked for the form alone: of the others they learn nothing.
"""

import json
from collections.abc import Iterable, Mapping, Sequence

from kbsearch import form_fields
from kbsearch.access import Viewer
from kbsearch.config import LANGUAGES
from kbsearch.database import Database, Row, escape_like, one_of
from kbsearch.errors import Invalid
from kbsearch.form_fields import FormField, JsonValue
from kbsearch.tickets import changes

OWN = "fields."  # before the name of a field in forms, addresses, columns and corrections
BAR = "|"  # between a choice and its English name


def definitions(db: Database, viewer: Viewer) -> list[FormField]:
    """The fields that the viewer may fill in, in order."""
    return [field for field in list_all(db, viewer) if field.archived_at is None]


def list_all(db: Database, viewer: Viewer) -> list[FormField]:
    """Those that the viewer may read, in order, and among them the archived ones."""
    rows = db.query(
        "SELECT * FROM fields WHERE in_form = 1 OR :is_agent = 1 ORDER BY position, name",
        {"is_agent": int(viewer.is_agent)},
    )
    products: dict[str, tuple[str, ...]] = {}
    for row in db.query(
        """
        SELECT l.field_id, p.slug FROM field_products l JOIN products p ON p.id = l.product_id
        ORDER BY p.slug
        """
    ):
        products[row["field_id"]] = (*products.get(row["field_id"], ()), row["slug"])
    return [_field(row, products.get(row["id"], ())) for row in rows]


def shown(viewer: Viewer, readable: Iterable[FormField], column: str) -> dict[str, str]:
    """What the viewer may read of the values of a request, as its column has them.

    Those who answer read also what has no field here, since it was imported.
    """
    texts: dict[str, str] = json.loads(column)
    names = {field.name for field in readable}
    return {name: text for name, text in texts.items() if viewer.is_agent or name in names}


def put(db: Database, ticket_id: str, values: Mapping[str, str]) -> None:
    """Keep values of a request, and no others; each has been read by its field."""
    db.execute(
        "UPDATE tickets SET fields = :fields WHERE id = :id",
        {"fields": json.dumps(values, ensure_ascii=False), "id": ticket_id},
    )
    index_lines(db, ticket_id, values)


def index_lines(db: Database, ticket_id: str, values: Mapping[str, str]) -> None:
    """Have lists find a request by these values."""
    db.execute("DELETE FROM ticket_field_lines WHERE ticket_id = :id", {"id": ticket_id})
    db.insert_many("ticket_field_lines", lines(ticket_id, values))


def lines(ticket_id: str, values: Mapping[str, str]) -> list[Row]:
    """The rows by which lists find a request that has these values."""
    return [
        {"ticket_id": ticket_id, "name": name, "place": place, "line": line}
        for name, value in values.items()
        for place, line in enumerate(value.split("\n"))
    ]


def of_tickets(
    db: Database, viewer: Viewer, ticket_ids: Sequence[str]
) -> dict[str, dict[str, str]]:
    """What the viewer may read of the values of requests, by their ids and names."""
    places, ids = one_of("ticket", ticket_ids)
    rows = db.query(f"SELECT id, fields FROM tickets WHERE id IN ({places})", ids)  # noqa: S608
    readable = list_all(db, viewer)
    return {row["id"]: shown(viewer, readable, row["fields"]) for row in rows}


def narrowed(
    answers: Iterable[tuple[FormField, str]],
) -> tuple[list[str], dict[str, object]]:
    """The conditions under which tickets `t` have these values in these fields, with parameters.

    Of a text, part of a line is enough.
    """
    conditions: list[str] = []
    parameters: dict[str, object] = {}
    for n, (field, value) in enumerate(answers):
        is_text = field.kind == "text"
        holds = f"LOWER(l.line) LIKE :line{n} ESCAPE '!'" if is_text else f"l.line = :line{n}"
        conditions.append(
            f"""
            t.id IN (SELECT l.ticket_id FROM ticket_field_lines l
                     WHERE l.name = :field{n} AND {holds})
            """  # noqa: S608 (constants)
        )
        parameters |= {
            f"field{n}": field.name,
            f"line{n}": f"%{escape_like(value.lower())}%" if is_text else _sought(field, value),
        }
    return conditions, parameters


def mark_changed(db: Database, name: str) -> None:
    """The index takes in anew what has a value in a field."""
    its_tickets = "id IN (SELECT l.ticket_id FROM ticket_field_lines l WHERE l.name = :name)"
    changes.mark_changed(db, its_tickets, {"name": name})


def as_json(fields: Iterable[FormField], values: Mapping[str, str]) -> dict[str, JsonValue]:
    """Values as programs read them; what has no field is a text."""
    by_name = {field.name: field for field in fields}
    return {
        name: by_name[name].as_json(value) if name in by_name else value
        for name, value in values.items()
    }


def choices_text(field: FormField) -> str:
    """The choices of a field as they are typed and kept: one a line."""
    lines = ((choice, field.choice_name(choice, "en")) for choice in field.choices)
    return "\n".join(
        choice if english == choice else f"{choice} {BAR} {english}" for choice, english in lines
    )


def split_choices(text: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The choices of such a text, and what some of them are called in English."""
    pairs = [line.partition(BAR) for line in text.split("\n") if line.strip()]
    choices = tuple(choice.strip() for choice, _, _ in pairs)
    english = {choice.strip(): name.strip() for choice, _, name in pairs if name.strip()}
    return choices, english


def _sought(field: FormField, text: str) -> str:
    """A value as it is kept; a text that can be none is not found."""
    try:
        return field.read(text)
    except Invalid:
        return text


def _field(row: Row, products: Sequence[str]) -> FormField:
    choices, english = split_choices(row["choices"])
    hint = {language: row[f"hint_{language}"] for language in LANGUAGES if row[f"hint_{language}"]}
    condition = (row["when_field"], tuple(row["when_values"].split("\n")))
    return FormField(
        name=row["name"],
        label={language: row[f"label_{language}"] for language in LANGUAGES},
        kind=next(kind for kind in form_fields.KINDS if kind == row["kind"]),
        products=tuple(products),
        required=bool(row["required"]),
        choices=choices,
        hint=hint or None,
        when=condition if row["when_field"] else None,
        translations=english,
        in_form=bool(row["in_form"]),
        id=row["id"],
        archived_at=row["archived_at"],
    )
