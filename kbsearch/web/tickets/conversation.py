"""What the page of a request shows: what was said and done, the answer being written, fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from typing import NamedTuple, Self, get_args

from flask import request
from markupsafe import Markup

from kbsearch import clock, i18n, people
from kbsearch.access import Viewer
from kbsearch.clock import utc_now
from kbsearch.database import new_id
from kbsearch.errors import Conflict, NotFound, Problem
from kbsearch.messages.incoming import mails
from kbsearch.people import undeliverable
from kbsearch.rules import runs
from kbsearch.text import markup
from kbsearch.tickets import Ticket, clocks, teams, waiting
from kbsearch.tickets import files as attachments
from kbsearch.tickets.codes import Status
from kbsearch.tickets.conversation import merging, replies, satisfaction
from kbsearch.tickets.desk import choices, held_replies, macros, requesters, saved_replies
from kbsearch.tickets.desk.held_replies import Held
from kbsearch.tickets.events import TicketEvent
from kbsearch.tickets.fields import OWN
from kbsearch.tickets.files import Attachment
from kbsearch.tickets.filing import drafts
from kbsearch.tickets.messages import Message
from kbsearch.web import prepared
from kbsearch.web.desk import past_cases
from kbsearch.web.numbers import wholes
from kbsearch.web.prepared import MacroShown
from kbsearch.web.render import db, language, site, spoken_language, viewer
from kbsearch.web.tickets import answered_by
from kbsearch.web.tickets.form import Filled, FormView
from kbsearch.web.vendor_fields import definitions


class TimelineEntry(NamedTuple):
    """A line of the conversation: a message, in HTML and at its place, or an event."""

    message: Message | None
    event: TicketEvent | None
    place: int = 0
    html: Markup = Markup("")

    def is_message(self, id: str | None) -> bool:
        return self.message is not None and self.message.id == id


class Leaving(NamedTuple):
    """An answer that is about to leave, in HTML, and in how many seconds it does."""

    held: Held
    html: Markup
    seconds: int


class RunTold(NamedTuple):
    """A rule that was at work on the request, and what it did: nothing where it could not."""

    rule: str
    at: str
    actions: list[Markup]


class News(NamedTuple):
    """What came since: how many answers, and the place of the first."""

    answers: int
    place: int
    until: int


@dataclass(frozen=True)
class ReplyDraft:
    """An answer being written."""

    key: str
    body: str = ""
    is_note: bool = False
    status: Status | None = None
    files: tuple[Attachment, ...] = ()
    revision: str = ""  # of its draft
    quoted: tuple[int, ...] = ()  # past cases that it was filled with
    macro: str = ""  # the id of the saved reply that does more when it is sent

    def with_inserted(self, insertion: past_cases.Insertion | None) -> Self:
        """With what the address asks for below what was typed, unless it is there already."""
        if insertion is None:
            return self
        body = self.body.strip()
        if insertion.text not in body:
            body = f"{body}\n\n{insertion.text}\n".lstrip()
        quoted = (insertion.case,) if insertion.case else ()
        if insertion.macro is None:
            return replace(self, body=body, quoted=quoted)
        status = macros.status_of(insertion.macro) or self.status
        macro = insertion.macro.id if macros.does_more(insertion.macro) else ""
        return replace(self, body=body, quoted=quoted, status=status, macro=macro)

    @classmethod
    def of_form(cls, fields: Mapping[str, str], quoted: tuple[int, ...] = ()) -> Self:
        """As sent: what was marked as a note is one, whatever button sent it."""
        status = next((value for value in get_args(Status) if value == fields.get("status")), None)
        is_note = fields.get("internal") == "1" or fields.get("send") == "note"
        return cls(
            fields.get("key") or new_id(),
            fields.get("body", ""),
            is_note,
            status,
            quoted=quoted,
            macro=fields.get("macro", ""),
        )

    @classmethod
    def begun(cls, ticket: Ticket) -> Self:
        """What the viewer began to write, that which the address names first, or an empty one."""
        there = called_back(ticket) or drafts.find_reply(db(), viewer(), ticket)
        if there is None:
            return cls(new_id())
        quoted = tuple(wholes(there.fields.get("quoted", "").split()))
        begun = cls.of_form({"key": there.key, **there.fields}, quoted)
        return replace(begun, files=there.files, revision=there.revision)


@dataclass(frozen=True)
class Correction:
    """Fields that were sent and not taken: what is wrong in them, or who was quicker."""

    values: Mapping[str, str]
    problems: Mapping[str, Problem] = field(default_factory=dict)
    conflict: Conflict | None = None


def keep(draft: ReplyDraft, ticket: Ticket) -> ReplyDraft:
    """The same answer, that could not be sent, saved if there is room for it."""
    internal = "1" if draft.is_note else ""
    fields = {"body": draft.body, "internal": internal, "macro": draft.macro}
    try:
        stored = drafts.save(db(), viewer(), draft.key, fields, ticket=ticket)
    except Problem:
        return draft  # it is still in the page that answers
    return replace(draft, revision=stored.revision if stored else "")


def shown(
    ticket: Ticket, draft: ReplyDraft | None, correction: Correction | None, problem: Problem | None
) -> dict[str, object]:
    """What the templates of the page need."""
    entries = timeline(ticket)
    solutions = [entry.place for entry in entries if entry.message and entry.message.solution]
    draft = draft or ReplyDraft.begun(ticket).with_inserted(past_cases.Insertion.asked(ticket))
    if not draft.files:
        files = tuple(attachments.list_unsent(db(), viewer(), draft.key))
        draft = replace(draft, files=files)
    may_correct = ticket.is_of(viewer()) and ticket.status != "closed"
    return {
        "ticket": ticket,
        "entries": entries,
        "description": markup.said(ticket.description, ticket.language, as_typed=ticket.typed),
        "solution": solutions[-1] if solutions else None,
        "latest": latest(ticket),
        "merges": merging.of_ticket(db(), viewer(), ticket),
        "leaving": [leaving(held) for held in held_replies.of_ticket(db(), viewer(), ticket)],
        "draft": draft,
        "macro": macro_of(ticket, draft) if viewer().is_agent else None,
        "form": FormView(draft.key, {}, draft.files, {}, draft.revision, (), (), (), "", ()),
        "fields": fields(ticket, correction) if may_correct else None,
        "correction": correction,
        "problem": i18n.explain(problem, language()) if problem else "",
        "agents": agents(ticket) if viewer().is_agent else [],
        "named_statuses": statuses(ticket) if viewer().is_agent else [],
        "requester": requesters.of_ticket(db(), viewer(), ticket) if viewer().is_agent else None,
        "teams": team_choices(ticket) if viewer().is_agent else [],
        **expectations(ticket),
        "unreached": undeliverable.of_ticket(db(), viewer(), ticket),
        "after_answer": replies.STATUSES_AFTER,
        "onward": choices.find(db(), viewer()).after_answer if viewer().is_agent else "",
        "undo_seconds": site().settings.undo_seconds,
        "meanwhile": "meanwhile" in request.args,
        "question": satisfaction.find(db(), viewer(), ticket),
        "rule_runs": runs_told(ticket) if viewer().is_agent else [],
        "answered_by": answered_by.of_ticket(ticket),
        "mailed": mails.of_ticket(db(), viewer(), ticket),
        "max_bytes": attachments.MAX_BYTES,
        "max_files": attachments.MAX_FILES,
    }


def macro_of(ticket: Ticket, draft: ReplyDraft) -> MacroShown | None:
    """What is done besides when an answer is sent; nothing where its saved reply is gone."""
    if not draft.macro:
        return None
    try:
        reply = saved_replies.find(db(), viewer(), draft.macro)
    except NotFound:
        return None
    return MacroShown(reply.id, prepared.told(macros.done_with(reply, ticket, definitions())))


def runs_told(ticket: Ticket) -> list[RunTold]:
    """What rules did with it, in words; one that could not do all it says did nothing."""
    return [
        RunTold(run.rule_name, run.at, prepared.told(run.actions))
        for run in runs.of_ticket(db(), viewer(), ticket.id)
    ]


def expectations(ticket: Ticket) -> dict[str, object]:
    """What is due next; for those who answer, whose answer is awaited too."""
    clock = clocks.of_tickets(db(), [ticket.id]).get(ticket.id)
    if not viewer().is_agent:
        return {"waiting": None, "clock": clock}
    return {"waiting": waiting.of_tickets(db(), [ticket.id])[ticket.id], "clock": clock}


def called_back(ticket: Ticket) -> drafts.FormDraft | None:
    """The draft of an answer to a request that the address names, if there is one."""
    try:
        draft = drafts.find(db(), viewer(), request.args.get("draft", ""))
    except NotFound:
        return None
    return draft if draft.ticket and draft.ticket.id == ticket.id else None


def leaving(held: Held) -> Leaving:
    remaining = clock.parsed(held.leaves_at) - utc_now()
    html = markup.message(held.body, language())
    return Leaving(held, html, max(0, ceil(remaining.total_seconds())))


def followed(ticket: Ticket, key: str, since: int) -> dict[str, object]:
    """What the fragment needs that takes the place of an answer that was about to leave.

    `since` is how far the page went; it goes further unless others said or did something there.
    """
    held = [reply for reply in held_replies.of_ticket(db(), viewer(), ticket) if reply.key == key]
    message_id = replies.find_sent(db(), viewer(), key)
    entries = timeline(ticket)
    first = next(
        (n for n, entry in enumerate(entries) if entry.is_message(message_id)), len(entries)
    )
    foreign_items = [
        item for item in ticket.timeline if is_of_others(item) and item.revision > since
    ]
    return {
        "ticket": ticket,
        "leaving": leaving(held[0]) if held else None,
        "entries": entries[first:],
        "mailed": {},
        **expectations(ticket),
        "latest": since if foreign_items else latest(ticket),
    }


def is_of_others(item: Message | TicketEvent) -> bool:
    return (item.author if isinstance(item, Message) else item.actor) != viewer().name


def timeline(ticket: Ticket) -> list[TimelineEntry]:
    entries, place = [], 0
    for item in ticket.timeline:
        if isinstance(item, TicketEvent):
            entries.append(TimelineEntry(None, item))
        else:
            place += 1
            html = markup.said(item.body, ticket.language, as_typed=item.typed)
            entries.append(TimelineEntry(item, None, place, html))
    return entries


def latest(ticket: Ticket) -> int:
    """How far the conversation goes for its reader, notes included."""
    return max([ticket.activity, *(item.revision for item in ticket.timeline)])


def news(ticket: Ticket, viewer: Viewer, since: int) -> News | None:
    """What others said or did since; None when nothing."""
    until = latest(ticket)
    if until <= since:
        return None
    places = [
        place
        for place, message in enumerate(ticket.messages, 1)
        if message.revision > since and message.author_id != viewer.person_id
    ]
    return News(len(places), places[0] if places else 0, until)


def fields(ticket: Ticket, correction: Correction | None) -> FormView:
    """The form that corrects the fields, with what was sent or what is there."""
    there = {
        "software": ticket.product or "",
        "version": ticket.version or "",
        "severity": ticket.severity,
        "confidential": "1" if ticket.confidential else "",
        "status": ticket.status,
        "assignee": ticket.assignee_id or "",
        "team": ticket.team_id or "",
        **{OWN + name: answer for name, answer in ticket.fields.items()},
    }
    entered, problems = (correction.values, correction.problems) if correction else ({}, {})
    values = there | dict(entered)
    form = Filled("", values, problems=problems).shown(None)
    choices = list(form.software)
    if ticket.product and ticket.product not in dict(choices):  # no contract covers it any more
        choices.append((ticket.product, ticket.product_name or ticket.product))
    return form._replace(values=values, software=choices)


def statuses(ticket: Ticket) -> list[tuple[Status, Markup]]:
    """Those that an agent may bring it to from where it is, in words."""
    there = (ticket.status,) if ticket.status == "new" else ()
    last: tuple[Status, ...] = ("solved", "closed") if ticket.is_resolved else ("solved",)
    named = spoken_language().staff_status
    return [(status, named(status)) for status in (*there, "open", "pending", *last)]


def agents(ticket: Ticket) -> list[tuple[str, str]]:
    """Those who may look after it, and whoever does though their account is closed by now."""
    choices = spoken_language().with_absences(
        people.list_answering(db()), teams.list_away(db(), viewer())
    )
    if ticket.assignee_id and ticket.assignee_id not in dict(choices):
        choices.append((ticket.assignee_id, ticket.assignee or ""))
    return choices


def team_choices(ticket: Ticket) -> list[tuple[str, str]]:
    """The teams it may be given to, and its own though that one is archived by now."""
    choices = [(team.id, team.name) for team in teams.list_active(db(), viewer())]
    if ticket.team_id and ticket.team_id not in dict(choices):
        choices.append((ticket.team_id, ticket.team or ""))
    return choices
