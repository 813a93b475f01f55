"""What the API answers, as JSON Schema; the views make it of the same dataclasses as the pages."""

from collections.abc import Mapping
from typing import Any

from kbsearch import access, announcements
from kbsearch.config import LANGUAGES
from kbsearch.tickets.codes import CHANNELS, SEVERITIES, STATUSES
from kbsearch.web.api.fields import Schema

BYTES = "application/octet-stream"
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
BINARY: Schema = {"type": "string", "format": "binary"}
ANYTHING: Schema = {"type": "object"}


def words(choices: tuple[str, ...]) -> Schema:
    return {"type": "string", "enum": list(choices)}


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def several(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def record(always: Mapping[str, Schema], sometimes: Mapping[str, Schema] | None = None) -> Schema:
    """An object with these members, and others that are left out where there is nothing."""
    return {
        "type": "object",
        "properties": {**always, **(sometimes or {})},
        "required": list(always),
        "additionalProperties": False,
    }


def listing(name: str, schema: Schema) -> Schema:
    """A page of a list, and the cursor of the next one."""
    return record({name: several(schema), "next": nullable(TEXT)})


PROBLEM = record(
    {"type": TEXT, "title": TEXT, "status": WHOLE, "detail": TEXT},
    {"errors": several(record({"pointer": TEXT, "detail": TEXT}))},
)
ME = record(
    {
        "email": TEXT,
        "name": TEXT,
        "role": words(access.ROLES),
        "language": nullable(words(LANGUAGES)),
        "organisations": several(TEXT),
    }
)
HIT = record(
    {
        "kind": words(("article", "ticket")),
        "id": TEXT,
        "title": TEXT,
        "section": TEXT,
        "url": TEXT,
        "score": NUMBER,
        "snippet": TEXT,
        "language": TEXT,
        "status": TEXT,
        "reasons": several(TEXT),
    }
)
HITS = record(
    {
        "total": WHOLE,
        "took_ms": nullable(NUMBER),
        "fallback": nullable(TEXT),
        "corrected": nullable(TEXT),
        "answer": nullable(TEXT),
        "hits": several(HIT),
    }
)
_CARD: dict[str, Schema] = {
    "path": TEXT,
    "language": words(LANGUAGES),
    "category": TEXT,
    "slug": TEXT,
    "title": TEXT,
    "summary": TEXT,
    "audience": TEXT,
    "products": several(TEXT),
    "version": TEXT,
    "tags": several(TEXT),
    "updated_at": MOMENT,
    "url": TEXT,
}
CARD = record(_CARD)
ARTICLE = record({**_CARD, "commit": TEXT, "markdown": TEXT, "html": TEXT})
FILE = record({"id": TEXT, "name": TEXT, "size": WHOLE, "type": TEXT})
MESSAGE = record(
    {
        "id": TEXT,
        "author": TEXT,
        "at": MOMENT,
        "body": TEXT,
        "internal": FLAG,
        "solution": FLAG,
        "attachments": several(FILE),
    },
    {"typed": FLAG, "quoted": TEXT},
)
_ALWAYS: dict[str, Schema] = {
    "id": TEXT,
    "number": WHOLE,
    "subject": TEXT,
    "severity": words(SEVERITIES),
    "status": words(STATUSES),
    "confidential": FLAG,
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "language": TEXT,
    "cc": several(TEXT),
    "url": TEXT,
}
FIELD_VALUE: Schema = {"anyOf": [{"type": ["string", "number", "boolean"]}, several(TEXT)]}
_SOMETIMES: dict[str, Schema] = {
    "description": TEXT,
    "requester": TEXT,
    "organisation": TEXT,
    "product": TEXT,
    "version": TEXT,
    "solved_at": MOMENT,
    "closed_at": MOMENT,
    "fields": {"type": "object", "additionalProperties": FIELD_VALUE},
    "assignee": TEXT,
    "team": TEXT,  # a name; for agents
    "channel": words(CHANNELS),  # by which it came, where that is known
    "tags": several(TEXT),  # for agents
    "typed": FLAG,
    "quoted": TEXT,
}
TICKET_HEAD = record(_ALWAYS, _SOMETIMES)
SAID: dict[str, Schema] = {"messages": several(MESSAGE), "attachments": several(FILE)}
TICKET = record({**_ALWAYS, **SAID}, _SOMETIMES)
TIME = record({"id": TEXT, "day": TEXT, "minutes": WHOLE, "note": TEXT, "person": TEXT})
EVENT = record({"type": TEXT, "timestamp": MOMENT, "data": ANYTHING})
ORGANISATION = record(
    {
        "slug": TEXT,
        "name": TEXT,
        "contract_starts": nullable(TEXT),
        "contract_ends": nullable(TEXT),
        "sharing": TEXT,
        "phone": nullable(TEXT),
        "trusted_devices": FLAG,
        "products": several(TEXT),
        "followers": several(TEXT),
        "contract": TEXT,
        "disabled": FLAG,
    }
)
PERSON = record(
    {
        "id": TEXT,
        "email": TEXT,
        "name": TEXT,
        "role": words(access.ROLES),
        "language": nullable(words(LANGUAGES)),
        "organisations": several(TEXT),
        "created_at": MOMENT,
        "disabled": FLAG,
    }
)
ANNOUNCEMENT = record(
    {
        "id": TEXT,
        "kind": words(announcements.KINDS),
        "state": words(announcements.STATES),
        "title_fr": TEXT,
        "title_en": TEXT,
        "text_fr": TEXT,
        "text_en": TEXT,
        "product": nullable(TEXT),
        "version_from": TEXT,
        "version_to": TEXT,
        "fixed_in": TEXT,
        "published_at": nullable(MOMENT),
        "ended_at": nullable(MOMENT),
        "follows": FLAG,
        "is_affected": FLAG,
        "url": TEXT,
    }
)
PRODUCT: Schema = record({"slug": TEXT, "name": TEXT, "versions": several(TEXT), "disabled": FLAG})


def values(thing: Any, schema: Schema) -> dict[str, Any]:
    """Of a dataclass, what a schema names."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in vars(thing).items()
        if name in schema["properties"]
    }
