"""The fields that the vendor added to requests, as whoever looks has them; read once a request."""

from collections.abc import Iterable

from flask import g, request
from werkzeug.datastructures import MultiDict

from kbsearch.form_fields import FormField
from kbsearch.tickets import fields
from kbsearch.tickets.desk import field_values
from kbsearch.tickets.fields import OWN
from kbsearch.web.render import db, viewer

CHOSEN = ("yes_no", "choice", "choices")  # kinds of fields
SHOWN = "shown."  # before that again: what the page showed


def readable() -> list[FormField]:
    """Those that the viewer may read, in order, the archived ones among them."""
    if "vendor_fields" not in g:
        g.vendor_fields = fields.list_all(db(), viewer())
    current: list[FormField] = g.vendor_fields
    return current


def definitions() -> list[FormField]:
    """Those that the viewer may fill in."""
    return [field for field in readable() if field.archived_at is None]


def sent(form: MultiDict[str, str], prefix: str = "") -> dict[str, str]:
    """What a form says in them, by the names of its fields; several choices line by line."""
    names = [prefix + OWN + field.name for field in definitions()]
    return {
        name: "\n".join(filter(None, form.getlist(name))).replace("\r\n", "\n")
        for name in names
        if name in form
    }


def typed_fields(part: str) -> list[str]:
    """What is typed or chosen in them under conditions or actions, as these are kept."""
    return [
        field_values.said(field.name, line)
        for field in definitions()
        for line in request.form.getlist(f"{part}{OWN}{field.name}")
        if line.strip()
    ]


def shown_fields(part: str, values: Iterable[str]) -> dict[str, str | list[str]]:
    """The same as its form shows it: what is chosen as a list."""
    lines = field_values.parted(values)
    return {
        f"{part}{OWN}{field.name}": lines.get(field.name, [])
        if field.kind in CHOSEN
        else "".join(lines.get(field.name, [])[:1])
        for field in definitions()
    }
