"""Tickets as programs take them away: page by page in a fixed order, with the ids of all they name.

What the viewer may not read is not there, as everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kbsearch.access import Viewer
from kbsearch.database import Database, Row, Values, one_of
from kbsearch.errors import NotFound
from kbsearch.tickets import fields as vendor_fields
from kbsearch.tickets import tags, visibility

MESSAGES = "messages m JOIN tickets t ON t.id = m.ticket_id"


@dataclass(frozen=True)
class ExportedTicket:
    """A ticket with the ids of whom and what it names; an address where there is no account."""

    id: str
    number: int
    revision: int
    subject: str
    description: str
    typed: bool
    requester_id: str | None
    requester_email: str | None
    filed_by_id: str | None
    assignee_id: str | None
    organisation_id: str | None
    team_id: str | None
    product: str | None  # a slug
    version: str | None
    severity: str
    status: str
    channel: str | None
    language: str
    created_at: str
    updated_at: str
    fields: Mapping[str, str]
    tags: Sequence[str] = ()
    copied_ids: Sequence[str] = ()


@dataclass(frozen=True)
class ExportedMessage:
    """Something said about a ticket."""

    id: str
    ticket_number: int
    author_id: str | None
    author_email: str | None
    at: str
    body: str
    internal: bool
    typed: bool
    language: str  # of its ticket


@dataclass(frozen=True)
class ExportedFile:
    """A file of a message; of the description, where there is none."""

    id: str
    ticket_id: str
    message_id: str | None
    name: str
    media_type: str
    size: int
    width: int | None
    height: int | None


@dataclass(frozen=True)
class TicketQuery:
    """Which tickets: nothing given is all of them."""

    mine: bool = False
    numbers: Sequence[int] | None = None
    statuses: Sequence[str] = ()
    without: Sequence[str] = ()  # statuses
    tags: Sequence[str] = ()
    requester: str = ""  # the id of a person
    organisation: str = ""  # an id
    created: tuple[str, str] = ("", "")  # from a moment on, before a moment
    updated: tuple[str, str] = ("", "")


def count(db: Database, viewer: Viewer, query: TicketQuery) -> int:
    """How many there are."""
    where, values = _where(viewer, query)
    rows = db.query(f"SELECT COUNT(*) AS n FROM tickets t WHERE {where}", values)  # noqa: S608
    return int(rows[0]["n"])


def cut(
    db: Database, viewer: Viewer, query: TicketQuery, offset: int, limit: int
) -> list[ExportedTicket]:
    """Some of them, by number."""
    where, values = _where(viewer, query)
    place = {**values, "offset": offset, "limit": limit}
    return _tickets(db, viewer, f"{where} ORDER BY t.number LIMIT :limit OFFSET :offset", place)


def find(db: Database, viewer: Viewer, number: int) -> ExportedTicket:
    """The ticket of that number."""
    found = cut(db, viewer, TicketQuery(numbers=[number]), 0, 1)
    if not found:
        raise NotFound("ticket.not_found")
    return found[0]


def changed_after(
    db: Database, viewer: Viewer, since: str, revision: int, limit: int
) -> list[ExportedTicket]:
    """Those changed from a moment on and after a revision, in the order of their last change."""
    where, values = _where(viewer, TicketQuery(updated=(since, "")))
    place = {**values, "revision": revision, "limit": limit}
    condition = f"{where} AND t.revision > :revision ORDER BY t.revision LIMIT :limit"
    return _tickets(db, viewer, condition, place)


def changed_from(db: Database, viewer: Viewer, since: str, limit: int) -> list[ExportedTicket]:
    """Those changed from a moment on, the earliest first: all of the last second that it names."""
    where, values = _where(viewer, TicketQuery(updated=(since, "")))
    order = f"{where} ORDER BY t.updated_at, t.number LIMIT :limit"
    first = _tickets(db, viewer, order, {**values, "limit": limit})
    if len(first) < limit:
        return first
    last = {**values, "last": first[-1].updated_at, "number": first[-1].number}
    rest = f"{where} AND t.updated_at = :last AND t.number > :number ORDER BY t.number"
    return first + _tickets(db, viewer, rest, last)


def messages(
    db: Database, viewer: Viewer, ticket_ids: Sequence[str], *, public: bool = False
) -> dict[str, list[ExportedMessage]]:
    """What was said about tickets that the viewer reads, by ticket; notes to agents alone."""
    places, values = one_of("ticket", ticket_ids)
    visible, principals = visibility.condition(viewer)
    rows = _messages(
        db,
        f"m.ticket_id IN ({places}) AND {visible} AND (m.internal = 0 OR :notes = 1) "
        "ORDER BY m.ticket_id, m.position",
        {**values, **principals, "notes": int(viewer.is_agent and not public)},
    )
    said: dict[str, list[ExportedMessage]] = {}
    for row in rows:
        said.setdefault(row.pop("ticket_id"), []).append(_message(row))
    return said


def messages_from(db: Database, viewer: Viewer, since: str, limit: int) -> list[ExportedMessage]:
    """What was said from a moment on, the earliest first: all of the last second that it names."""
    visible, principals = visibility.condition(viewer)
    where = f"m.at >= :since AND {visible} AND (m.internal = 0 OR :notes = 1)"
    values = {**principals, "since": since, "notes": int(viewer.is_agent)}
    rows = _messages(db, f"{where} ORDER BY m.at, m.id LIMIT :limit", {**values, "limit": limit})
    if len(rows) == limit:
        last = {**values, "last": rows[-1]["at"], "id": rows[-1]["id"]}
        rows += _messages(db, f"{where} AND m.at = :last AND m.id > :id ORDER BY m.id", last)
    return [_message({**row, "ticket_id": None}) for row in rows]


def files(db: Database, ticket_ids: Sequence[str]) -> list[ExportedFile]:
    """The files of tickets that the viewer reads; those of notes are among them."""
    places, values = one_of("ticket", ticket_ids)
    rows = db.query(
        f"""
        SELECT id, ticket_id, message_id, name, media_type, size, width, height FROM attachments
        WHERE ticket_id IN ({places}) ORDER BY created_at, name, id
        """,  # noqa: S608 (names of parameters)
        values,
    )
    return [ExportedFile(**row) for row in rows]


def strangers(db: Database, viewer: Viewer) -> list[str]:
    """The addresses of people without an account who asked or answered, where agents read it."""
    if not viewer.is_agent:
        return []
    visible, principals = visibility.condition(viewer)
    rows = db.query(
        f"""
        SELECT t.requester_email AS email FROM tickets t
        WHERE t.requester_id IS NULL AND t.requester_email IS NOT NULL AND {visible}
        UNION
        SELECT m.author_email FROM {MESSAGES}
        WHERE m.author_id IS NULL AND m.author_email IS NOT NULL AND {visible}
        ORDER BY email
        """,  # noqa: S608 (constants, names of parameters)
        principals,
    )
    return [row["email"] for row in rows]


def _where(viewer: Viewer, query: TicketQuery) -> tuple[str, dict[str, object]]:
    visible, principals = visibility.condition(viewer)
    conditions, values = [visible], dict(principals)

    def narrow(condition: str, name: str, value: object) -> None:
        if value:
            conditions.append(condition)
            values[name] = value

    def among(name: str, column: str, choices: Sequence[object], word: str = "IN") -> None:
        places, named = one_of(name, choices)
        conditions.append(f"{column} {word} ({places})")
        values.update(named)

    narrow("t.requester_id = :me", "me", query.mine and viewer.person_id)
    narrow("t.requester_id = :requester", "requester", query.requester)
    narrow("t.organisation_id = :customer", "customer", query.organisation)
    for name, column in (("created", "t.created_at"), ("updated", "t.updated_at")):
        first, before = getattr(query, name)
        narrow(f"{column} >= :{name}_first", f"{name}_first", first)
        narrow(f"{column} < :{name}_before", f"{name}_before", before)
    if query.numbers is not None:
        among("number", "t.number", query.numbers)
    if query.statuses:
        among("status", "t.status", query.statuses)
    if query.without:
        among("other", "t.status", query.without, "NOT IN")
    if query.tags:
        tagged, named = tags.narrowed(query.tags)
        conditions += tagged if viewer.is_agent else ["1 = 0"]
        values |= named
    return " AND ".join(conditions), values


def _tickets(db: Database, viewer: Viewer, condition: str, values: Values) -> list[ExportedTicket]:
    rows = db.query(
        f"""
        SELECT t.id, t.number, t.revision, t.subject, t.description, t.typed, t.requester_id,
               t.requester_email, t.filed_by_id, t.assignee_id, t.organisation_id, t.team_id,
               p.slug AS product, t.version, t.severity, t.status, t.channel, t.language,
               t.created_at, t.updated_at, t.fields
        FROM tickets t LEFT JOIN products p ON p.id = t.product_id WHERE {condition}
        """,  # noqa: S608 (constants of this module)
        values,
    )
    ids = [row["id"] for row in rows]
    tagged = tags.of_tickets(db, viewer, ids) if viewer.is_agent else {}
    copied, asked = _copied(db, ids), vendor_fields.list_all(db, viewer)
    return [
        ExportedTicket(
            **{
                **row,
                "typed": bool(row["typed"]),
                "team_id": row["team_id"] if viewer.is_agent else None,
                "fields": vendor_fields.shown(viewer, asked, row["fields"]),
                "tags": tuple(tagged.get(row["id"], ())),
                "copied_ids": copied.get(row["id"], ()),
            }
        )
        for row in rows
    ]


def _copied(db: Database, ticket_ids: Sequence[str]) -> dict[str, list[str]]:
    places, values = one_of("ticket", ticket_ids)
    copied: dict[str, list[str]] = {}
    for row in db.query(
        f"""
        SELECT ticket_id, person_id FROM ticket_copies
        WHERE ticket_id IN ({places}) AND person_id IS NOT NULL ORDER BY email
        """,  # noqa: S608 (names of parameters)
        values,
    ):
        copied.setdefault(row["ticket_id"], []).append(row["person_id"])
    return copied


def _messages(db: Database, condition: str, values: Values) -> list[Row]:
    return db.query(
        f"""
        SELECT m.id, m.ticket_id, t.number AS ticket_number, m.author_id, m.author_email, m.at,
               m.body, m.internal, m.typed, t.language
        FROM {MESSAGES} WHERE {condition}
        """,  # noqa: S608 (constants of this module)
        values,
    )


def _message(row: Row) -> ExportedMessage:
    flags = {"internal": bool(row["internal"]), "typed": bool(row["typed"])}
    named = {name: value for name, value in row.items() if name != "ticket_id"}
    return ExportedMessage(**{**named, **flags})
