"""Letters about requests: a notice as its reader gets it, in the thread of its request.

Each reader has a copy of their own, in their language, with a reply address and a link to opt out
that are theirs alone: one letter to all would hand each of them the others'. To their mail clients
it is one message all the same: the copies share a Message-ID, and each names the colleagues who
get one too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import quote

from markupsafe import Markup

from kbsearch import i18n
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.messages import notifications
from kbsearch.messages.delivery import channels, senders
from kbsearch.messages.notifications import (
    NOTICE_KINDS,
    Telling,
    answers,
    letters,
    opt_outs,
    reply_addresses,
    threads,
)
from kbsearch.messages.notifications.letters import Brand
from kbsearch.messages.notifications.recipients import ALARMS, CUSTOMERS
from kbsearch.outbox import Handlers, Task
from kbsearch.people import Person, organisations
from kbsearch.people.profiles import DEFAULT_TIME_ZONE
from kbsearch.text import markup
from kbsearch.tickets.codes import DEADLINES, STAFF_STATUS_NAMES, STATUS_NAMES, STATUSES, Status
from kbsearch.tickets.conversation import satisfaction
from kbsearch.tickets.files import Attachment

# What is about to be read needs no answer from a machine; that it could not be delivered, we want
# to know.
SUPPRESSED = "DR, RN, NRN, OOF, AutoReply"
_OWN_PAGE = re.compile(r'(?<= href=")/')
_OWN_LINK = re.compile(r"(?<=\]\()/(?!/)")
_FOCUSED = re.compile(r' tabindex="0"')
_SPACES = re.compile(r"  +")


@dataclass(frozen=True)
class LetterMessage:
    """A message in a letter, as text and as HTML; its files are links."""

    author: str
    at: str
    text: str
    html: Markup
    language: str
    files: tuple[tuple[Attachment, str], ...]  # each with its address


@dataclass(frozen=True)
class _Said:
    """What was said in a request, `typed` as plain text or else as Markdown."""

    author: str
    at: str
    body: str
    files: Sequence[Attachment]
    typed: bool


def handlers(settings: Settings, db: Database) -> Handlers:
    """Who carries notices by mail."""
    mail = channels.mail(settings, db)

    def carry(task: Task) -> None:
        telling = notifications.look(db, task.subject)
        if telling is None:
            notifications.settle(db, task.subject, "dropped")
            return
        letter = compose(db, settings, telling)
        if letter["Auto-Submitted"] == "auto-replied" and not _may_reply(db, task, telling):
            notifications.settle(db, task.subject, "too_many")
            return
        senders.hand_over(db, task, lambda: mail.send(letter, [telling.person.email]))
        notifications.settle(db, task.subject, "sent")

    return {NOTICE_KINDS["mail"]: carry}


def _may_reply(db: Database, task: Task, telling: Telling) -> bool:
    """Whether this mail may get an automatic answer; tried again, it does not count again."""
    with db.atomic():
        is_first = notifications.begin(db, task.subject)
        return not is_first or answers.may_send(db, telling.person.email)


def compose(db: Database, settings: Settings, telling: Telling) -> EmailMessage:
    """The letter that tells somebody of a change."""
    change, ticket, person = telling.change, telling.ticket, telling.person
    language = letters.language_of(settings, person)
    before = threads.before(db, settings, change.id)
    opt_out = opt_outs.url(settings, language, person.id, change.preference(telling.why))
    is_answerable = reply_addresses.are_read(settings) and not change.is_internal
    letter = letters.compose(
        settings,
        name_of(telling),
        person,
        change.id,
        {
            "ticket": ticket,
            "change": change,
            "why": telling.why,
            "is_staff": telling.why not in CUSTOMERS,
            "said": _said(settings, language, telling),
            "deadline": deadline(language, telling),
            "status": status_name(language, _status(telling), is_staff=telling.viewer.is_agent),
            "url": url_of(settings, language, telling),
            "question_url": _question(db, settings, language, telling),
            "account_url": f"{settings.base_url.rstrip('/')}/{language}/account/notifications",
            "opt_out_url": opt_out,
            "is_answerable": is_answerable,
        },
        _brand(db, telling),
    )
    together = _together(db, telling)
    letter.replace_header("To", letters.address(together[0].name, together[0].email))
    if together[1:]:
        letter["Cc"] = [
            letters.address(colleague.name, colleague.email) for colleague in together[1:]
        ]
    if is_answerable:
        reply_to = reply_addresses.make(settings, ticket.number, person.id)
        letter["Reply-To"] = letters.address(settings.site_name, reply_to)
    if before.references:
        letter["In-Reply-To"] = before.answers
        letter["References"] = " ".join(before.references)
    is_confirmation = change.kind == "ticket.opened" and change.actor_id == person.id
    if (is_confirmation and before.answers) or (change.message_id and change.is_by_rule):
        letter.replace_header("Auto-Submitted", "auto-replied")
    elif change.message_id and change.is_by_staff:
        letter.replace_header("Auto-Submitted", "no")  # a person typed it
    mark_optional(letter, opt_out)
    return letter


def mark_optional(letter: EmailMessage, opt_out: str) -> None:
    """Say that no machine need answer, and how to have no more of these (RFC 2369, RFC 8058)."""
    letter["X-Auto-Response-Suppress"] = SUPPRESSED
    letter["List-Unsubscribe"] = f"<{opt_out}>"
    letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def name_of(telling: Telling) -> str:
    """Which letter tells it."""
    kind, why = telling.change.kind, telling.why
    if kind == "ticket.cc_added" or (kind == "ticket.opened" and why == "copied"):
        return "ticket_copied"
    if kind == "ticket.opened" and why != "requester":
        return "ticket_filed"
    if kind == "ticket.reopened":
        return "ticket_status_changed"
    return kind.replace(".", "_")


def url_of(settings: Settings, language: str, telling: Telling) -> str:
    """The page where somebody reads a request; those who answer it have one of their own."""
    home = f"{settings.base_url.rstrip('/')}/{language}"
    if telling.viewer.is_agent and telling.why not in CUSTOMERS:
        return f"{home}/desk/tickets/{telling.ticket.number}"
    return f"{home}/requests/{telling.ticket.id}"


def deadline(language: str, telling: Telling) -> str:
    """What is due by when, or was, in the time zone of whoever reads it; else empty."""
    change = telling.change
    if change.kind not in ALARMS:
        return ""
    zone = telling.viewer.time_zone or DEFAULT_TIME_ZONE
    moment = i18n.moment(language, change.after or change.at, zone)
    return i18n.gettext(language, DEADLINES[change.kind, change.field or ""], moment=moment)


def status_name(language: str, status: Status, *, is_staff: bool) -> str:
    """Where a request stands, in the words of whoever reads it."""
    return i18n.gettext(language, (STAFF_STATUS_NAMES if is_staff else STATUS_NAMES)[status])


def _status(telling: Telling) -> Status:
    """The status that a change gave the request, or its present one."""
    change = telling.change
    code = change.status_with_it if change.kind == "ticket.replied" else change.after
    return next((status for status in STATUSES if status == code), telling.ticket.status)


def _said(settings: Settings, language: str, telling: Telling) -> LetterMessage | None:
    """What was said, as far as its reader may read it: the request itself, a message, or none."""
    change, ticket = telling.change, telling.ticket
    if change.kind in ("ticket.opened", "ticket.cc_added", "ticket.assigned"):
        said = _Said(
            ticket.requester, ticket.created_at, ticket.description, ticket.files, ticket.typed
        )
        return _shown(settings, said, ticket.language)
    for message in ticket.messages:
        is_solution = change.kind == "ticket.solved" and message.solution
        if message.id == change.message_id or is_solution:
            author = message.author or i18n.gettext(language, "Support team")
            said = _Said(author, message.at, message.body, message.files, message.typed)
            return _shown(settings, said, ticket.language)
    return None


def _shown(settings: Settings, said: _Said, language: str) -> LetterMessage:
    base = settings.base_url.rstrip("/")
    html: str = markup.said(said.body, language, as_typed=said.typed)
    html = _spaced(html) if said.typed else _OWN_PAGE.sub(f"{base}/", _FOCUSED.sub("", html))
    return LetterMessage(
        said.author,
        said.at,
        said.body if said.typed else _OWN_LINK.sub(f"{base}/", said.body),
        Markup(html),  # safe: what markup.said made, its own addresses made whole
        language,
        tuple((file, f"{base}/attachments/{file.id}/{quote(file.name)}") for file in said.files),
    )


def _spaced(html: str) -> str:
    """Lines and spaces as they were typed where no style sheet keeps them."""
    lines = _SPACES.sub(lambda spaces: "&nbsp;" * (len(spaces[0]) - 1) + " ", html).split("\n")
    return "<br>\n".join(f"&nbsp;{line[1:]}" if line.startswith(" ") else line for line in lines)


def _question(db: Database, settings: Settings, language: str, telling: Telling) -> str:
    """Where the requester says what they think of a request that was closed; else empty."""
    if telling.change.kind != "ticket.closed" or telling.why != "requester":
        return ""
    question = satisfaction.find(db, telling.viewer, telling.ticket)
    if question is not None and question.is_good is not None:
        return ""
    token = satisfaction.ask(db, telling.ticket.id, telling.person.id)
    return f"{settings.base_url.rstrip('/')}/{language}/satisfaction/{token}"


def _brand(db: Database, telling: Telling) -> Brand:
    slug = telling.ticket.organisation_slug
    if telling.why not in CUSTOMERS or slug is None:
        return letters.OURS
    return letters.brand_for(organisations.find(db, slug))


def _together(db: Database, telling: Telling) -> list[Person]:
    """Whom a copy names: its reader, and the colleagues who get one for the same reason.

    Nobody is named to somebody of another organisation, nor a follower or an agent to anybody.
    """
    reader, organisation = telling.person, telling.ticket.organisation_slug
    if telling.why not in ("requester", "copied") or organisation not in reader.organisations:
        return [reader]
    people = notifications.told_together(db, telling.change)
    colleagues = [person for person in people if organisation in person.organisations]
    return colleagues if reader in colleagues else [reader]
