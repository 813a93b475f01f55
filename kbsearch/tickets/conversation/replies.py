"""What is said about a request: replies everybody in it reads, notes that only agents read."""

from dataclasses import dataclass
from datetime import UTC, datetime

from kbsearch.access import Viewer
from kbsearch.clock import stored
from kbsearch.database import Database, new_id
from kbsearch.errors import AlreadySent, Forbidden, Invalid
from kbsearch.text import plain_text
from kbsearch.tickets import Status, Ticket, events
from kbsearch.tickets.conversation import lifecycle
from kbsearch.tickets.events import Present, present
from kbsearch.tickets.filing import drafts

MAX_BODY = 64_000


@dataclass(frozen=True)
class Reply:
    """A message that was sent; `has_news` when others had written since the page was read."""

    message_id: str
    has_news: bool


def reply(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    body: str,
    *,
    key: str,
    activity: int | None = None,
    status: Status | None = None,
    at: datetime | None = None,
) -> Reply:
    """Answer, with the files of the form; sent again, it is the same message.

    Raises AlreadySent when the form of that key was sent with another text.

    What customers say opens a request again, an agent's answer waits for theirs unless `status`
    says otherwise. `activity` is the one the page was read at: a late reply is kept all the same.
    """
    return _say(db, viewer, ticket, body, key, activity, status, at, is_note=False)


def note(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    body: str,
    *,
    key: str,
    at: datetime | None = None,
) -> Reply:
    """Leave a note for agents; customers cannot tell that there is one."""
    return _say(db, viewer, ticket, body, key, None, None, at, is_note=True)


def _say(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    body: str,
    key: str,
    activity: int | None,
    status: Status | None,
    at: datetime | None,
    *,
    is_note: bool,
) -> Reply:
    drafts.check_key(key)
    moment = stored(at or datetime.now(UTC))
    with db.atomic():
        there = present(db, viewer, ticket.id)
        if is_note and not viewer.is_agent:
            raise Forbidden("ticket.agents_only")
        has_news = activity is not None and there.activity > activity
        sent = find_same(db, viewer, ticket, body, key=key, is_note=is_note)
        if sent is not None:
            return Reply(sent, has_news=False)
        held = drafts.find_put_off(db, viewer, key)
        if held is not None:
            raise AlreadySent("reply.already_sent", {"body": (body, held.fields.get("body", ""))})
        if there.status == "closed" and not is_note:
            raise Invalid("ticket.is_closed", number=there.number)
        message_id = _write(db, viewer, there, body, key, moment, is_note=is_note)
        if not is_note:
            lifecycle.move(db, viewer, there, _status_after(viewer, there, status), moment)
        return Reply(message_id, has_news)


def find_sent(db: Database, viewer: Viewer, key: str) -> str | None:
    """The id of the message that a form of the viewer's became, if it was sent."""
    rows = db.query(
        "SELECT id FROM messages WHERE author_id = :me AND form_key = :key",
        {"me": viewer.person_id, "key": key},
    )
    return rows[0]["id"] if rows else None


def find_same(
    db: Database, viewer: Viewer, ticket: Ticket, body: str, *, key: str, is_note: bool = False
) -> str | None:
    """The id of the message that a form became, if it was sent; AlreadySent if it said another."""
    rows = db.query(
        """
        SELECT id, ticket_id, body, internal FROM messages
        WHERE author_id = :me AND form_key = :key
        """,
        {"me": viewer.person_id, "key": key},
    )
    if not rows:
        return None
    sent, said = rows[0], plain_text.block(body)
    if (sent["ticket_id"], sent["body"], sent["internal"]) != (ticket.id, said, int(is_note)):
        raise AlreadySent("reply.already_sent", {"body": (said, sent["body"])})
    return str(sent["id"])


def _write(
    db: Database,
    viewer: Viewer,
    there: Present,
    body: str,
    key: str,
    moment: str,
    *,
    is_note: bool,
) -> str:
    message_id, said = new_id(), plain_text.block(body)
    if len(said) > MAX_BODY:
        raise Invalid("request.too_long", limit=MAX_BODY)
    db.execute(
        """
        INSERT INTO messages (id, ticket_id, position, author_id, at, body, internal, form_key)
        SELECT :id, :ticket, COALESCE(MAX(position), -1) + 1, :me, :at, :body, :internal, :key
        FROM messages WHERE ticket_id = :ticket
        """,
        {
            "id": message_id,
            "ticket": there.id,
            "me": viewer.person_id,
            "at": moment,
            "body": said,
            "internal": int(is_note),
            "key": key,
        },
    )
    files = drafts.send(db, viewer, key, there.id, message_id)
    if not said and not files:
        raise Invalid("reply.body_required")
    kind: events.Kind = "ticket.noted" if is_note else "ticket.replied"
    revision = events.record(db, viewer, there.id, kind, moment, message_id=message_id)
    db.execute(
        "UPDATE messages SET revision = :revision WHERE id = :id",
        {"revision": revision, "id": message_id},
    )
    return message_id


def _status_after(viewer: Viewer, there: Present, status: Status | None) -> str:
    if viewer.is_agent and there.requester_id != viewer.person_id:
        if status not in (None, "open", "pending", "solved"):
            raise Invalid("ticket.status_unknown", status=status)
        return status or "pending"
    if status == "solved" and there.is_of(viewer):  # "mark as solved and send"
        return "solved"
    return "open" if there.status in ("pending", "solved") else there.status
