"""Agents make one of two requests, or two of one."""

from typing import NamedTuple
from urllib.parse import parse_qsl

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import i18n
from kbsearch.errors import AlreadySent, Invalid, InvalidForm, NotFound, Problem
from kbsearch.tickets import Ticket
from kbsearch.tickets.codes import Status
from kbsearch.tickets.conversation import merging, splitting
from kbsearch.tickets.conversation.merging import MergeForm
from kbsearch.tickets.conversation.splitting import SplitForm
from kbsearch.tickets.desk import past_cases, queue, requesters
from kbsearch.tickets.desk.queue import QueueFilter
from kbsearch.web.desk import workspace
from kbsearch.web.desk.queue import with_matches
from kbsearch.web.numbers import whole
from kbsearch.web.render import db, go_to, language, person, render, site, viewer, wants_fragment
from kbsearch.web.tickets.form import key_after

MAX_TEXT = 200
MOST_CANDIDATES = 10

bp = Blueprint("merging", __name__)


class Candidate(NamedTuple):
    """A request that another one may go on in, or repeat."""

    id: str
    number: int
    subject: str
    language: str
    status: Status
    requester: str  # empty: the same


@bp.get("/desk/tickets/<int:number>/merge")
def ask(number: int) -> Response:
    """Which request it goes on in; then, with both of them in sight, whether that is meant.

    `find` looks for it by number, words or names; a number that is sent alone is the one.
    """
    ticket, text = find(number), request.args.get("find", "")[:MAX_TEXT]
    is_number = not wants_fragment() and whole(text.strip().removeprefix("#")) is not None
    into = text if is_number else request.args.get("into")
    if into is None:
        return page(ticket)
    try:
        return page(ticket, other(ticket, into))
    except Invalid as problem:
        return page(ticket, problem=problem)


@bp.post("/desk/tickets/<int:number>/merge")
def merge(number: int) -> Response:
    ticket, fields = find(number), request.form
    into = None
    try:
        into = other(ticket, fields.get("into", ""))
        form = MergeForm(
            fields.get("key", ""),
            body=fields.get("body", ""),
            with_copies="copies" in fields,
            language=language(),
        )
        merging.merge(db(), viewer(), ticket, into, form)
    except (Invalid, AlreadySent) as problem:
        return page(ticket, into, problem)
    return go_to(f"/{language()}/requests/{into.id}?merged={ticket.number}{workspace.carried('&')}")


@bp.post("/desk/tickets/<int:number>/merge/undo")
def undo(number: int) -> Response:
    ticket = find(number)
    merging.undo(db(), viewer(), ticket)
    return go_to(f"/{language()}/requests/{ticket.id}{workspace.carried()}")


@bp.get("/desk/tickets/<int:number>/split/<message>")
def ask_split(number: int, message: str) -> Response:
    return split_page(find(number), message)


@bp.post("/desk/tickets/<int:number>/split/<message>")
def split(number: int, message: str) -> Response:
    ticket, fields = find(number), request.form
    subject = fields.get("subject", "")
    try:
        part = splitting.split(
            db(),
            viewer(),
            ticket,
            SplitForm(message, subject, key=fields.get("key", ""), language=language()),
        )
    except InvalidForm as refusal:
        return split_page(ticket, message, next(iter(refusal.problems.values()), refusal))
    except (Invalid, AlreadySent) as problem:
        return split_page(ticket, message, problem)
    return go_to(f"/{language()}/requests/{part.id}{workspace.carried()}")


def find(number: int) -> Ticket:
    return past_cases.find(db(), person(), number)


def other(ticket: Ticket, text: str) -> Ticket:
    """The request whose number was typed; raises Invalid where it cannot go on there."""
    number = whole(text.strip().removeprefix("#"))
    try:
        into = past_cases.find(db(), viewer(), -1 if number is None else number)
    except NotFound:
        raise Invalid("merge.number_unknown", number=text) from None
    merging.check(viewer(), ticket, into)
    return into


def page(ticket: Ticket, into: Ticket | None = None, problem: Problem | None = None) -> Response:
    fields = request.form
    response = render(
        "desk/merge.html",
        "desk/_candidates.html",
        ticket=ticket,
        into=into,
        typed=request.args.get("find", "")[:MAX_TEXT],
        candidates=[] if into else candidates(ticket),
        view_fields=parse_qsl(workspace.carried("")),
        key=key_after(problem),
        body=fields["body"] if "body" in fields else words(ticket, into),
        is_same_person=into is not None and ticket.requester_id == into.requester_id,
        with_copies="copies" in fields if fields else into is not None and not into.confidential,
        problem=i18n.explain(problem, language()) if problem else "",
    )
    response.status_code = problem.status if problem else 200
    return response


def candidates(ticket: Ticket) -> list[Candidate]:
    """Those that have what was typed; before that, the other requests of the same person."""
    text = request.args.get("find", "")[:MAX_TEXT]
    if not text.strip():
        others = requesters.of_ticket(db(), viewer(), ticket).others
        return [
            Candidate(other.id, other.number, other.subject, other.language, other.status, "")
            for other in others
        ]
    view = QueueFilter(view="all", text=text, sort="number")
    seen = queue.look(db(), viewer(), with_matches(view))
    return [
        Candidate(line.id, line.number, line.subject, line.language, line.status, line.requester)
        for line in seen.lines[:MOST_CANDIDATES]
        if line.id != ticket.id
    ]


def words(ticket: Ticket, into: Ticket | None) -> str:
    """What is proposed to say to its people, in their language: the number only to who reads it."""
    if into is None:
        return ""
    if ticket.requester_id != into.requester_id:
        return i18n.gettext(
            ticket.language, "We are handling your request together with another about the same."
        )
    base = site().settings.base_url.rstrip("/")
    link = f"[#{into.number}]({base}/{ticket.language}/requests/{into.id})"
    return i18n.gettext(ticket.language, "Your request goes on in %(link)s.", link=link)


def split_page(ticket: Ticket, message_id: str, problem: Problem | None = None) -> Response:
    message = splitting.find(ticket, message_id)
    response = render(
        "desk/split.html",
        ticket=ticket,
        message=message,
        key=key_after(problem),
        subject=request.form.get("subject", ""),
        problem=i18n.explain(problem, language()) if problem else "",
    )
    response.status_code = problem.status if problem else 200
    return response
