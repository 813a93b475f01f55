"""Answers that leave a few seconds after they were sent, so that they can be called back.

Until then one is a draft of its author's with the moment it leaves: nobody else finds it anywhere.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import outbox, people, tickets
from kbsearch.access import Viewer
from kbsearch.clock import parsed, stored, utc_now
from kbsearch.database import Database
from kbsearch.errors import AlreadySent, Invalid, NotFound, Problem
from kbsearch.outbox import Handlers, Task
from kbsearch.people import viewers
from kbsearch.text import plain_text
from kbsearch.tickets import Ticket
from kbsearch.tickets.codes import STATUSES
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import Reply, ReplyForm
from kbsearch.tickets.desk import macros, past_cases
from kbsearch.tickets.files import Attachment
from kbsearch.tickets.filing import drafts
from kbsearch.tickets.filing.drafts import FormDraft

RELEASE = outbox.declare("reply.release", "inside")


@dataclass(frozen=True)
class Held:
    """An answer that is about to leave."""

    key: str
    body: str
    files: tuple[Attachment, ...]
    leaves_at: str


class _Rehearsed(Exception):
    """Takes back an answer that was sent to see whether it can be."""


def hold(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    form: ReplyForm,
    *,
    seconds: int,
    at: datetime | None = None,
) -> bool:
    """Send an answer in so many seconds; whether others had written since the page was read.

    What its saved reply does besides is done as it leaves, and not if it is undone.
    It raises at once what `replies.reply` would; what was sent before stays as it is, and
    another text under its key raises AlreadySent.
    """
    moment = at or utc_now()
    with db.atomic():
        if _is_sent(db, viewer, ticket, form):
            return False
        rehearsed = _rehearse(db, viewer, ticket, form)
        fields = {
            "body": form.body,
            "status": form.status or "",
            "activity": "" if form.activity is None else str(form.activity),
            "quoted": " ".join(map(str, form.quoted)),
            "macro": form.macro_id,
        }
        leaves_at = moment + timedelta(seconds=seconds)
        drafts.put_off(db, viewer, form.key, fields, ticket, leaves_at)
        outbox.add(db, RELEASE, form.key, due=leaves_at)
    return rehearsed.has_news


def of_ticket(db: Database, viewer: Viewer, ticket: Ticket) -> list[Held]:
    """The viewer's answers that are about to leave, in the order in which they do."""
    return [
        Held(draft.key, draft.fields.get("body", ""), draft.files, draft.leaves_at or "")
        for draft in drafts.list_put_off(db, viewer, ticket)
    ]


def call_back(db: Database, viewer: Viewer, key: str) -> None:
    """Make it a draft again, with its files; raises Invalid once it has left."""
    with db.atomic():
        if not drafts.resume(db, viewer, key):
            raise Invalid("reply.has_left")


def release(db: Database, viewer: Viewer, key: str, *, at: datetime | None = None) -> Reply | None:
    """Send what is due; what cannot be sent any more is a draft again. None for these two."""
    moment = at or utc_now()
    with db.atomic():
        held = drafts.find_put_off(db, viewer, key)
        if held is None or held.leaves_at is None or held.leaves_at > stored(moment):
            return None  # called back, and perhaps sent again
        drafts.resume(db, viewer, key)
        try:
            ticket = tickets.find(db, viewer, held.ticket.id if held.ticket else "")
            with db.atomic():
                reply = _send(db, viewer, ticket, held, moment)
        except Problem:
            return None
        numbers = [int(number) for number in held.fields.get("quoted", "").split()]
        past_cases.keep_quoted(db, viewer, ticket, numbers)
    return reply


def handlers(db: Database) -> Handlers:
    """Who sends what is due; what was asked for before its moment leaves at that."""

    def send(task: Task) -> None:
        for person_id in drafts.who_put_off(db, task.subject):
            with suppress(NotFound):  # an account that is closed says nothing any more
                viewer = viewers.find(db, people.find_id(db, person_id).email)
                release(db, viewer, task.subject)
                held = drafts.find_put_off(db, viewer, task.subject)
                if held is not None and held.leaves_at is not None:
                    outbox.add(db, RELEASE, task.subject, due=parsed(held.leaves_at))

    return {RELEASE: send}


def _is_sent(db: Database, viewer: Viewer, ticket: Ticket, form: ReplyForm) -> bool:
    """Whether that same answer is held, or has left."""
    held = drafts.find_put_off(db, viewer, form.key)
    if held is None or held.ticket is None:
        return replies.find_same(db, viewer, ticket, form.body, key=form.key) is not None
    text = held.fields.get("body", "")
    if (held.ticket.id, plain_text.block(text)) != (ticket.id, plain_text.block(form.body)):
        raise AlreadySent("reply.already_sent", {"body": (form.body, text)})
    return True


def _rehearse(db: Database, viewer: Viewer, ticket: Ticket, form: ReplyForm) -> Reply:
    """What would become of it now; nothing of that is kept."""
    try:
        with db.atomic():
            reply = macros.send(db, viewer, ticket, form)
            raise _Rehearsed
    except _Rehearsed:
        return reply


def _send(db: Database, viewer: Viewer, ticket: Ticket, held: FormDraft, moment: datetime) -> Reply:
    fields, activity = held.fields, held.fields.get("activity", "")
    form = ReplyForm(
        held.key,
        fields.get("body", ""),
        activity=int(activity) if activity else None,
        status=next((name for name in STATUSES if name == fields.get("status")), None),
        macro_id=fields.get("macro", ""),
    )
    return macros.send(db, viewer, ticket, form, at=moment)
