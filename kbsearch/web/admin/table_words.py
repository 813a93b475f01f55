"""What fields, kinds and outcomes of a table that is taken over are called."""

from collections.abc import Mapping
from typing import Any

from kbsearch.tickets import codes
from kbsearch.web import code_names
from kbsearch.web.render import spoken_language


def _(sentence: str) -> str:
    """Mark a sentence for the catalogues."""
    return sentence


ROWS = {
    "tickets": _("Requests"),
    "messages": _("Requests, a message in each row"),
    "people": _("People"),
    "organisations": _("Organisations"),
    "teams": _("Teams"),
}
FIELDS = {
    "number": _("Number"),
    "subject": _("Subject"),
    "description": _("Description"),
    "requester": _("Requester (e-mail)"),
    "organisation": _("Organisation"),
    "cc": _("In copy"),
    "product": _("Product"),
    "version": _("Version"),
    "severity": _("Severity"),
    "status": _("Status"),
    "created_at": _("Opened on"),
    "updated_at": _("Last changed on"),
    "solved_at": _("Solved on"),
    "assignee": _("Assignee (e-mail)"),
    "team": _("Team"),
    "tags": _("Tags"),
    "author": _("Author of the message"),
    "at": _("Date of the message"),
    "body": _("Text of the message"),
    "internal": _("Whether the message is internal"),
    "public": _("Whether the message is public"),
    "email": _("E-mail"),
    "name": _("Name"),
    "first_name": _("First name"),
    "last_name": _("Last name"),
    "role": _("Role"),
    "language": _("Language"),
    "suspended": _("Whether the account is suspended"),
    "shared": _("Whether colleagues see each other’s requests"),
    "contract_ends": _("Last day of the contract"),
}
STATES = {
    "new": _("To be checked"),
    "checking": _("Being checked"),
    "checked": _("Checked"),
    "importing": _("Being taken over"),
    "imported": _("Taken over"),
    "failed": _("Failed"),
}
MEANINGS: dict[str, Mapping[Any, str]] = {
    "status": codes.STATUS_NAMES,
    "severity": code_names.SEVERITIES,
    "role": code_names.ROLES,
    "language": {"fr": "Français", "en": "English"},
}


def rows_name(rows: str) -> str:
    """What a row is."""
    return spoken_language().named(ROWS, rows)


def state_name(state: str) -> str:
    """How far a table is."""
    return spoken_language().named(STATES, state)


def field_names() -> dict[str, str]:
    """What a column can be."""
    spoken = spoken_language()
    return {name: spoken.translate(sentence) for name, sentence in FIELDS.items()}


def meaning_name(field: str, meaning: str) -> str:
    """What a word can mean here."""
    return spoken_language().named(MEANINGS[field], meaning)
