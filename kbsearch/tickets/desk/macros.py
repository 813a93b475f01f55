"""Macros: saved replies that change the request they are sent in, besides what they say.

The status that one gives is that of the answer, which its form shows and which may be changed
there; the rest is done in the transaction of the message, or that does not leave.
"""

from datetime import datetime

from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound
from kbsearch.tickets import Ticket
from kbsearch.tickets.codes import Status
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import Reply, ReplyForm
from kbsearch.tickets.desk import actions, saved_replies
from kbsearch.tickets.desk.actions import Action, ActionTerms
from kbsearch.tickets.desk.saved_replies import SavedReply


def done_with(reply: SavedReply) -> tuple[Action, ...]:
    """What is done when a saved reply is sent, but for the status."""
    return tuple(action for action in reply.actions if action.kind != "status")


def status_of(reply: SavedReply) -> Status | None:
    """The status that a saved reply gives."""
    given = (action.values[0] for action in reply.actions if action.kind == "status")
    return next(map(actions.find_status, given), None)


def send(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    form: ReplyForm,
    macro_id: str = "",
    *,
    is_note: bool = False,
    at: datetime | None = None,
) -> Reply:
    """Answer, or leave a note, and do what a saved reply does besides; all of it or nothing.

    Sent again it is the same message, and nothing more is done. Raises what `replies` and the
    doors of the actions raise, Invalid where the saved reply is gone.
    """
    with db.atomic():
        is_again = replies.find_sent(db, viewer, form.key) is not None
        say = replies.note if is_note else replies.reply
        sent = say(db, viewer, ticket, form, at=at)
        if macro_id and not is_again:
            planned = done_with(_find(db, viewer, macro_id))
            actions.carry_out(db, viewer, ticket, planned, ActionTerms(at=at))
    return sent


def _find(db: Database, viewer: Viewer, macro_id: str) -> SavedReply:
    try:
        return saved_replies.find(db, viewer, macro_id)
    except NotFound:
        raise Invalid("saved_reply.not_found") from None
