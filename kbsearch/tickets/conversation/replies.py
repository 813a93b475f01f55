"""What is said about a request: replies everybody in it reads, notes that only agents read."""

from dataclasses import dataclass, replace
from datetime import datetime

from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, new_id
from kbsearch.errors import AlreadySent, Forbidden, Invalid
from kbsearch.text import plain_text
from kbsearch.tickets import Ticket, events
from kbsearch.tickets import files as attachments
from kbsearch.tickets.codes import Status
from kbsearch.tickets.conversation import lifecycle, thanks
from kbsearch.tickets.events import EventKind, PresentTicket, present
from kbsearch.tickets.filing import drafts

MAX_BODY = 64_000
STATUSES_AFTER: tuple[Status, ...] = ("pending", "open", "solved")  # what agents answer
_ANSWERED = ("pending", "solved", "closed")


@dataclass(frozen=True)
class Reply:
    """A message that was sent; `has_news` when others had written since the page was read."""

    message_id: str
    has_news: bool


@dataclass(frozen=True)
class ReplyForm:
    """An answer as it was sent: with the status it gives, and the cases it was filled with."""

    key: str
    body: str
    activity: int | None = None  # of the page it was written on
    status: Status | None = None
    quoted: tuple[int, ...] = ()  # numbers of past cases
    typed: bool = False  # plain text, to be shown as typed
    rest: str = ""  # what its mail quoted or ended with
    macro_id: str = ""  # of the saved reply whose changes are made with it


@dataclass(frozen=True)
class _Post:
    """A message on its way."""

    form: ReplyForm
    at: datetime
    is_note: bool = False
    is_thanks: bool = False


def reply(
    db: Database, viewer: Viewer, ticket: Ticket, form: ReplyForm, *, at: datetime | None = None
) -> Reply:
    """Answer, with the files of the form; sent again, it is the same message.

    Raises AlreadySent when the form of that key was sent with another text.

    What customers say opens a request again, an agent's answer waits for theirs unless its status
    says otherwise. A late reply is kept all the same.
    """
    return _say(db, viewer, ticket, _Post(form, at or utc_now()))


def note(
    db: Database, viewer: Viewer, ticket: Ticket, form: ReplyForm, *, at: datetime | None = None
) -> Reply:
    """Leave a note for agents; customers cannot tell that there is one."""
    return _say(db, viewer, ticket, _Post(form, at or utc_now(), is_note=True))


def _say(db: Database, viewer: Viewer, ticket: Ticket, post: _Post) -> Reply:
    form = post.form
    drafts.check_key(form.key)
    with db.atomic():
        there = present(db, viewer, ticket.id)
        if post.is_note and not viewer.is_agent:
            raise Forbidden("ticket.agents_only")
        has_news = form.activity is not None and there.activity > form.activity
        same = find_same(db, viewer, ticket, form.body, key=form.key, is_note=post.is_note)
        if same is not None:
            return Reply(same, has_news=False)
        held = drafts.find_put_off(db, viewer, form.key)
        if held is not None:
            texts = (form.body, held.fields.get("body", ""))
            raise AlreadySent("reply.already_sent", {"body": texts})
        post = replace(post, is_thanks=_is_thanks(db, viewer, there, post))
        if there.status == "closed" and not (post.is_note or post.is_thanks):
            raise Invalid("ticket.is_closed", number=there.number)
        message_id = _write(db, viewer, there, post)
        if not (post.is_note or post.is_thanks):
            status = _status_after(viewer, there, form.status)
            lifecycle.move(db, viewer, there, status, stored(post.at))
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
    row, text = rows[0], plain_text.block(body)
    if (row["ticket_id"], row["body"], row["internal"]) != (ticket.id, text, int(is_note)):
        raise AlreadySent("reply.already_sent", {"body": (text, row["body"])})
    return str(row["id"])


def _write(db: Database, viewer: Viewer, there: PresentTicket, post: _Post) -> str:
    message_id, moment = new_id(), stored(post.at)
    text = plain_text.block_within(MAX_BODY, post.form.body)
    db.execute(
        """
        INSERT INTO messages (id, ticket_id, position, author_id, at, body, internal, form_key,
                              typed, quoted, thanks, rule_id)
        SELECT :id, :ticket, COALESCE(MAX(position), -1) + 1, :me, :at, :body, :internal, :key,
               :typed, :quoted, :thanks, :rule
        FROM messages WHERE ticket_id = :ticket
        """,
        {
            "id": message_id,
            "ticket": there.id,
            "me": viewer.person_id,
            "rule": viewer.rule_id,
            "at": moment,
            "body": text,
            "internal": int(post.is_note),
            "key": post.form.key,
            "typed": int(post.form.typed),
            "thanks": int(post.is_thanks),
            "quoted": plain_text.block(post.form.rest[:MAX_BODY]),
        },
    )
    files = 0
    if viewer.person_id:  # what a rule says was never a draft
        files = drafts.send(db, viewer, post.form.key, there.id, message_id)
    if not text and not files:
        raise Invalid("reply.body_required")
    kind: EventKind = "ticket.noted" if post.is_note else "ticket.replied"
    revision = events.record(
        db, viewer, there.id, events.NewEvent(kind, moment, message_id=message_id)
    )
    db.execute(
        "UPDATE messages SET revision = :revision WHERE id = :id",
        {"revision": revision, "id": message_id},
    )
    return message_id


def _is_thanks(db: Database, viewer: Viewer, there: PresentTicket, post: _Post) -> bool:
    """Whether a customer's message asks for nothing: no file, no status, and mere thanks."""
    if viewer.is_agent or post.is_note or post.form.status or there.status not in _ANSWERED:
        return False
    has_files = bool(attachments.list_unsent(db, viewer, post.form.key))
    return not has_files and thanks.is_one(db, there.id, post.form.body)


def _status_after(viewer: Viewer, there: PresentTicket, status: Status | None) -> str:
    if viewer.rule_id:  # what it says asks nothing of anybody
        return there.status
    if viewer.is_agent and there.requester_id != viewer.person_id:
        if status not in (None, *STATUSES_AFTER):
            raise Invalid("ticket.status_unknown", status=status)
        return status or "pending"
    if status == "solved" and there.is_of(viewer):  # "mark as solved and send"
        return "solved"
    return "open" if there.status in ("pending", "solved") else there.status
