"""The fields that the vendor added to requests, as whoever looks has them; read once a request."""

from flask import g
from werkzeug.datastructures import MultiDict

from kbsearch.form_fields import FormField
from kbsearch.tickets import fields
from kbsearch.tickets.fields import OWN
from kbsearch.web.render import db, viewer

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
