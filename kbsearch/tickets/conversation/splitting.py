"""A message about something else becomes a request of its own."""

from dataclasses import dataclass
from datetime import datetime

from kbsearch import access, i18n, people, tickets
from kbsearch.access import Viewer
from kbsearch.database import Database, new_id
from kbsearch.errors import NotFound
from kbsearch.tickets import Ticket, files, filing
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.filing.form import FilingTerms, RequestForm
from kbsearch.tickets.messages import Message


@dataclass(frozen=True)
class SplitForm:
    """Which message becomes a request, under which subject; the note is in `language`."""

    message_id: str
    subject: str
    key: str
    language: str = "en"


def split(
    db: Database, viewer: Viewer, ticket: Ticket, form: SplitForm, *, at: datetime | None = None
) -> Ticket:
    """File the message of a customer as a request of theirs, which follows the one it was in.

    Software, version, severity and confidentiality are those of the request; the files are there
    too. The message stays where it is; a note says what became of it. Raises NotFound for no
    message of a customer, Invalid where its author files no requests any more.
    """
    access.only_agents(viewer, "ticket.not_found")
    message = find(ticket, form.message_id)
    with db.atomic():
        request = RequestForm(
            subject=form.subject,
            description=message.body or form.subject,
            software=ticket.product or "",
            version=ticket.version or "",
            severity=ticket.severity,
            organisation=ticket.organisation_slug or "",
            confidential=ticket.confidential,
            requester=people.find_id(db, message.author_id or "").email,
        )
        terms = FilingTerms(
            form.key,
            after_contract=True,
            typed=message.typed,
            rest=message.quoted,
            channel="email" if message.typed else "web",
        )
        new_ticket = filing.open(db, viewer, request, terms, at=at)
        if new_ticket.follows is not None:
            return new_ticket  # the same form again
        db.execute(
            "UPDATE tickets SET follows_id = :ticket WHERE id = :id",
            {"ticket": ticket.id, "id": new_ticket.id},
        )
        files.share(db, viewer, message.id, new_ticket.id)
        link = f"[#{new_ticket.number}](/{form.language}/requests/{new_ticket.id})"
        note = i18n.gettext(
            form.language,
            "What %(name)s wrote became a request: %(link)s",
            name=message.author,
            link=link,
        )
        replies.note(db, viewer, ticket, ReplyForm(new_id(), note), at=at)
    return tickets.find(db, viewer, new_ticket.id)


def find(ticket: Ticket, message_id: str) -> Message:
    """The message that becomes a request; raises NotFound for none of a customer."""
    for message in ticket.messages:
        if message.id == message_id and may_be(message):
            return message
    raise NotFound("split.no_message")


def may_be(message: Message) -> bool:
    """Whether a message can become a request: a customer of the help centre wrote it."""
    return not message.is_staff and not message.internal and message.author_id is not None
