"""Saved replies: what agents write again and again, with fields filled in for the request at hand.

All agents share them. One may change the request too as it is sent: a macro. A field is
`{{requester.first_name}}`; one that nothing fills stays out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kbsearch import access, revisions
from kbsearch.access import Viewer
from kbsearch.clock import now
from kbsearch.config import LANGUAGES, Settings
from kbsearch.database import Database, Row, Values, new_id
from kbsearch.errors import Invalid, NotFound
from kbsearch.tickets import Ticket
from kbsearch.tickets.desk import actions
from kbsearch.tickets.desk.actions import THEN, Action

MAX_NAME = 80
MAX_BODY = 20_000
MOST = 500
FIELD = re.compile(r"\{\{\s*([\w.]*)\s*\}\}")
# What one may do besides: nothing that its request's form would have to be asked about.
CHECKS = {kind: check for kind, check in actions.CHECKS.items() if kind != "product"}
FIELDS = (
    "requester.name",
    "requester.first_name",
    "request.number",
    "request.subject",
    "request.url",
    "product",
    "version",
    "agent.name",
    "agent.first_name",
    "site",
)


@dataclass(frozen=True)
class SavedReply:
    """A text under a name, in a language."""

    id: str
    language: str
    name: str
    body: str
    updated_at: str
    actions: tuple[Action, ...] = ()  # what is done when it is sent


@dataclass(frozen=True)
class SavedReplyFields:
    """All that is typed of a saved reply."""

    language: str
    name: str
    body: str
    actions: Mapping[str, Sequence[str]] = field(default_factory=dict)  # values by kind


def list_all(db: Database, viewer: Viewer) -> list[SavedReply]:
    """Every saved reply, by language and name."""
    access.only_agents(viewer)
    return _read(db, "1 = 1", {})


def find(db: Database, viewer: Viewer, reply_id: str) -> SavedReply:
    """The saved reply with that id; raises NotFound."""
    access.only_agents(viewer)
    replies = _read(db, "id = :id", {"id": reply_id})
    if not replies:
        raise NotFound("saved_reply.not_found")
    return replies[0]


def search(db: Database, viewer: Viewer, text: str, language: str, limit: int) -> list[SavedReply]:
    """Those whose name or text has every word, the request's language first, names first."""
    words = text.lower().split()

    def place(reply: SavedReply) -> tuple[bool, bool, str]:
        in_name = all(word in reply.name.lower() for word in words)
        return reply.language != language, not in_name, reply.name.lower()

    fitting = [
        reply
        for reply in list_all(db, viewer)
        if all(word in f"{reply.name} {reply.body}".lower() for word in words)
    ]
    return sorted(fitting, key=place)[:limit]


def add(db: Database, viewer: Viewer, fields: SavedReplyFields) -> SavedReply:
    """Save a reply; raises Invalid with what is wrong in it."""
    access.only_agents(viewer)
    values = _checked(db, viewer, fields)
    with db.atomic():
        if len(_read(db, "1 = 1", {})) >= MOST:
            raise Invalid("saved_reply.too_many", limit=MOST)
        _check_free(db, values, "")
        reply_id = new_id()
        row = {"id": reply_id, **values, "updated_at": now(), "updated_by_id": viewer.person_id}
        db.insert("saved_replies", row)
    return find(db, viewer, reply_id)


def edit(
    db: Database,
    viewer: Viewer,
    reply: SavedReply,
    fields: SavedReplyFields,
    *,
    revision: str | None = None,
) -> SavedReply:
    """Change all of a saved reply; raises Outdated when it is not as a page showed it."""
    access.only_agents(viewer)
    values = _checked(db, viewer, fields)
    with db.atomic():
        edited = _reply({"id": reply.id, "updated_at": "", **values})
        revisions.check(revision, texts(find(db, viewer, reply.id)), texts(edited))
        _check_free(db, values, reply.id)
        db.execute(
            """
            UPDATE saved_replies SET language = :language, name = :name, body = :body,
              actions = :actions, updated_at = :now, updated_by_id = :me WHERE id = :id
            """,
            {**values, "now": now(), "me": viewer.person_id, "id": reply.id},
        )
    return find(db, viewer, reply.id)


def prepare(
    db: Database, viewer: Viewer, reply: SavedReply, done: Mapping[str, Sequence[str]]
) -> None:
    """Say what is done when it is sent, values by kind; raises InvalidForm."""
    access.only_agents(viewer)
    db.execute(
        "UPDATE saved_replies SET actions = :actions WHERE id = :id",
        {"actions": _prepared(db, viewer, done), "id": reply.id},
    )


def texts(reply: SavedReply) -> dict[str, str]:
    """What can be edited of a saved reply, as its form shows it."""
    done = {action.kind: "\n".join(action.values) for action in reply.actions}
    return {
        "language": reply.language,
        "name": reply.name,
        "body": reply.body,
        **{THEN + kind: done.get(kind, "") for kind in CHECKS},
    }


def remove(db: Database, viewer: Viewer, reply: SavedReply) -> None:
    """Have it no longer; answers that were sent with it stay as they are."""
    access.only_agents(viewer)
    db.execute("DELETE FROM saved_replies WHERE id = :id", {"id": reply.id})


def filled(settings: Settings, viewer: Viewer, ticket: Ticket, reply: SavedReply) -> str:
    """The text of a saved reply for a request, its fields filled in."""
    values = _values(settings, viewer, ticket)
    return FIELD.sub(lambda blank: values.get(blank[1], ""), reply.body)


def _values(settings: Settings, viewer: Viewer, ticket: Ticket) -> Mapping[str, str]:
    requester = ticket.requester if ticket.requester_id else ""
    return {
        "requester.name": requester,
        "requester.first_name": _first(requester),
        "request.number": str(ticket.number),
        "request.subject": ticket.subject,
        "request.url": settings.url(f"requests/{ticket.id}", ticket.language),
        "product": ticket.product_name or "",
        "version": ticket.version or "",
        "agent.name": viewer.name or settings.site_name,
        "agent.first_name": _first(viewer.name) or settings.site_name,
        "site": settings.site_name,
    }


def _first(name: str) -> str:
    return name.split()[0] if name.split() else ""


def _checked(db: Database, viewer: Viewer, fields: SavedReplyFields) -> dict[str, str]:
    """The columns of what was typed; raises Invalid, InvalidForm for what it is to do."""
    language, clean_name = fields.language, " ".join(fields.name.split())
    text = fields.body.replace("\r\n", "\n").strip("\n")
    if language not in LANGUAGES:
        languages = ", ".join(LANGUAGES)
        raise Invalid("person.language_unknown", language=language, languages=languages)
    if not clean_name or len(clean_name) > MAX_NAME or not clean_name.isprintable():
        raise Invalid("saved_reply.name_invalid", limit=MAX_NAME)
    if not text.strip() or len(text) > MAX_BODY or "\x00" in text:
        raise Invalid("saved_reply.body_invalid", limit=MAX_BODY)
    for blank in FIELD.findall(text):
        if blank not in FIELDS:
            raise Invalid("saved_reply.field_unknown", field=blank, fields=", ".join(FIELDS))
    prepared = _prepared(db, viewer, fields.actions)
    return {"language": language, "name": clean_name, "body": text, "actions": prepared}


def _prepared(db: Database, viewer: Viewer, typed: Mapping[str, Sequence[str]]) -> str:
    """What is done as the table has it; raises InvalidForm."""
    done = actions.checked(db, viewer, typed, CHECKS)
    return actions.dumped(Action(kind, values) for kind, values in done.items())


def _check_free(db: Database, values: Values, reply_id: str) -> None:
    namesakes = db.query(
        """
        SELECT 1 FROM saved_replies
        WHERE language = :language AND LOWER(name) = LOWER(:name) AND id <> :id
        """,
        {"language": values["language"], "name": values["name"], "id": reply_id},
    )
    if namesakes:
        raise Invalid("saved_reply.name_taken")


def _read(db: Database, condition: str, values: Values) -> list[SavedReply]:
    rows = db.query(
        f"""
        SELECT id, language, name, body, updated_at, actions FROM saved_replies
        WHERE {condition} ORDER BY language DESC, LOWER(name), id
        """,  # noqa: S608 (constants)
        values,
    )
    return [_reply(row) for row in rows]


def _reply(row: Row) -> SavedReply:
    return SavedReply(**{**row, "actions": actions.parse(row["actions"])})
