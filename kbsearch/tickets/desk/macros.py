"""Macros: saved replies that change the request they are sent in, besides what they say.

The status that one gives is that of the answer, which its form shows and which may be changed
there; the rest is done in the transaction of the message, or that does not leave.
"""

from collections.abc import Sequence
from datetime import datetime

from kbsearch import access, tickets
from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound
from kbsearch.form_fields import FormField
from kbsearch.tickets import Ticket, fields
from kbsearch.tickets.codes import Status
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import Reply, ReplyForm
from kbsearch.tickets.desk import actions, field_values, saved_replies
from kbsearch.tickets.desk.actions import Action, ActionTerms
from kbsearch.tickets.desk.saved_replies import SavedReply


def does_more(reply: SavedReply) -> bool:
    """Whether a saved reply does anything but give a status."""
    return any(action.kind != "status" for action in reply.actions)


def done_with(reply: SavedReply, ticket: Ticket, fields: Sequence[FormField]) -> tuple[Action, ...]:
    """What is done when a saved reply is sent in a request, but for the status.

    Of the fields that the vendor added, those that the request has and that are not so already.
    """
    planned = []
    for action in reply.actions:
        if action.kind == "fields":
            values = field_values.changes(fields, ticket.product, ticket.fields, action.values)
            action = Action(action.kind, values)
        if action.kind != "status" and action.values:
            planned.append(action)
    return tuple(planned)


def status_of(reply: SavedReply) -> Status | None:
    """The status that a saved reply gives."""
    given = (action.values[0] for action in reply.actions if action.kind == "status")
    return next(map(actions.find_status, given), None)


def send(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    form: ReplyForm,
    *,
    is_note: bool = False,
    at: datetime | None = None,
) -> Reply:
    """Answer, or leave a note, and do what its saved reply does besides; all of it or nothing.

    Sent again it is the same message, and nothing more is done. Raises what `replies` and the
    doors of the actions raise, Invalid where the saved reply is gone.
    """
    with db.atomic():
        is_again = replies.find_sent(db, viewer, form.key) is not None
        say = replies.note if is_note else replies.reply
        sent = say(db, viewer, ticket, form, at=at)
        if form.macro_id and not is_again:
            held = access.holding(viewer, ticket.id)
            terms = ActionTerms(fields.definitions(db, held), at)
            there = tickets.find(db, held, ticket.id)
            planned = done_with(_find(db, held, form.macro_id), there, terms.fields)
            actions.carry_out(db, held, there, planned, terms)
    return sent


def _find(db: Database, viewer: Viewer, macro_id: str) -> SavedReply:
    try:
        return saved_replies.find(db, viewer, macro_id)
    except NotFound:
        raise Invalid("saved_reply.not_found") from None
