"""Tickets as records: one shape for the export, which programs import, and for the API.

Addresses are for those who answer; others read of everybody what a page shows them: the name.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from kbsearch.access import Viewer
from kbsearch.database import Database, Row, one_of
from kbsearch.tickets import fields as vendor_fields
from kbsearch.tickets import tags, visibility

Record = dict[str, Any]


def read(db: Database, viewer: Viewer, ticket_ids: Sequence[str]) -> list[Record]:
    """The tickets with what its viewer may read of each conversation, in the order of the ids."""
    records = heads(db, viewer, ticket_ids)
    ids = [record["id"] for record in records]
    messages = _messages(db, viewer, ids)
    files = _attachments(db, ids)
    for record in records:
        record["messages"] = messages.get(record["id"], [])
        record["attachments"] = files.get((record["id"], None), [])
        for message in record["messages"]:
            message["attachments"] = files.get((record["id"], message["id"]), [])
    return records


def heads(db: Database, viewer: Viewer, ticket_ids: Sequence[str]) -> list[Record]:
    """The same without what was said; what the viewer may not read is not there."""
    places, ids = one_of("ticket", ticket_ids)
    visible, principals = visibility.condition(viewer)
    rows = db.query(
        f"""
        SELECT t.id, t.number, t.subject, t.description,
               COALESCE(q.email, t.requester_email) AS requester, q.name AS requester_name,
               t.requester_id, o.slug AS organisation,
               p.slug AS product, t.version, t.severity, t.status, t.confidential, t.created_at,
               t.updated_at, t.solved_at, t.closed_at, t.language, t.fields,
               a.email AS assignee, a.name AS assignee_name, w.name AS team, t.typed, t.quoted,
               t.channel
        FROM tickets t
        LEFT JOIN teams w ON w.id = t.team_id AND :is_agent = 1
        LEFT JOIN people q ON q.id = t.requester_id AND q.erased_at IS NULL
        LEFT JOIN people a ON a.id = t.assignee_id
        LEFT JOIN organisations o ON o.id = t.organisation_id
        LEFT JOIN products p ON p.id = t.product_id
        WHERE t.id IN ({places}) AND {visible}
        """,  # noqa: S608 (constants, and names of parameters)
        {**ids, **principals, "is_agent": int(viewer.is_agent)},
    )
    visible_ids = [row["id"] for row in rows]
    copied = _copies(db, visible_ids)
    tagged = tags.of_tickets(db, viewer, visible_ids)
    asked = vendor_fields.list_all(db, viewer)
    for row in rows:
        values = vendor_fields.shown(viewer, asked, row["fields"])
        row["fields"] = vendor_fields.as_json(asked, values)
    records = {row["id"]: _head(viewer, row, copied.get(row["id"], ())) for row in rows}
    if viewer.is_agent:
        for ticket_id, record in records.items():
            record["tags"] = list(tagged.get(ticket_id, ()))
    return [records[ticket_id] for ticket_id in ticket_ids if ticket_id in records]


def portable(record: Record) -> Record:
    """A record without the ids of this database."""
    messages = [_without(message, "id", "attachments") for message in record["messages"]]
    return {**_without(record, "id", "attachments"), "messages": messages}


def _head(viewer: Viewer, row: Row, copies: Iterable[Row]) -> Record:
    requester_id = row.pop("requester_id")
    has_say = viewer.is_agent or viewer.person_id == requester_id
    row["requester"] = _called(viewer, row["requester"], row.pop("requester_name"))
    row["assignee"] = _called(viewer, row["assignee"], row.pop("assignee_name"))
    row["confidential"] = bool(row["confidential"])
    row["typed"] = bool(row["typed"]) or None
    addresses = [
        copy["email"] if has_say else _called(viewer, copy["email"], copy["name"])
        for copy in copies
    ]
    known = {name: value for name, value in row.items() if value not in (None, "", {})}
    return {**known, "cc": addresses}


def _called(viewer: Viewer, email: str | None, name: str | None) -> str | None:
    is_shown = viewer.is_agent or not name or email == viewer.email
    return email if is_shown else name


def _messages(db: Database, viewer: Viewer, ticket_ids: Sequence[str]) -> dict[str, list[Record]]:
    places, values = one_of("ticket", ticket_ids)
    rows = db.query(
        f"""
        SELECT m.ticket_id, m.id, COALESCE(a.email, m.author_email, '') AS author, a.name, m.at,
               m.body, m.internal, m.solution, m.typed, m.quoted
        FROM messages m LEFT JOIN people a ON a.id = m.author_id AND a.erased_at IS NULL
        WHERE m.ticket_id IN ({places}) AND (m.internal = 0 OR :is_agent = 1)
        ORDER BY m.ticket_id, m.position
        """,  # noqa: S608 (names of parameters)
        {**values, "is_agent": int(viewer.is_agent)},
    )
    messages: dict[str, list[Record]] = {}
    for row in rows:
        author = _called(viewer, row["author"], row.pop("name"))
        flags = {"internal": bool(row["internal"]), "solution": bool(row["solution"])}
        typed, rest = row.pop("typed"), row.pop("quoted")
        mailed = {**({"typed": True} if typed else {}), **({"quoted": rest} if rest else {})}
        message = {**row, "author": author, **flags, **mailed}
        messages.setdefault(row.pop("ticket_id"), []).append(_without(message, "ticket_id"))
    return messages


def _copies(db: Database, ticket_ids: Sequence[str]) -> dict[str, list[Row]]:
    places, values = one_of("ticket", ticket_ids)
    copies: dict[str, list[Row]] = {}
    for row in db.query(
        f"""
        SELECT c.ticket_id, c.email, p.name FROM ticket_copies c
        LEFT JOIN people p ON p.id = c.person_id
        WHERE c.ticket_id IN ({places}) ORDER BY c.ticket_id, c.email
        """,  # noqa: S608 (names of parameters)
        values,
    ):
        copies.setdefault(row.pop("ticket_id"), []).append(row)
    return copies


def _attachments(
    db: Database, ticket_ids: Sequence[str]
) -> dict[tuple[str, str | None], list[Record]]:
    """The files of tickets by ticket and message; those of a description have none."""
    places, values = one_of("ticket", ticket_ids)
    files: dict[tuple[str, str | None], list[Record]] = {}
    for row in db.query(
        f"""
        SELECT ticket_id, message_id, id, name, size, media_type AS type FROM attachments
        WHERE ticket_id IN ({places}) ORDER BY created_at, name, id
        """,  # noqa: S608 (names of parameters)
        values,
    ):
        files.setdefault((row.pop("ticket_id"), row.pop("message_id")), []).append(row)
    return files


def _without(record: Record, *names: str) -> Record:
    return {name: value for name, value in record.items() if name not in names}
