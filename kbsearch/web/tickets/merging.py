"""Agents make one of two requests, or two of one."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import i18n
from kbsearch.errors import AlreadySent, Invalid, InvalidForm, NotFound, Problem
from kbsearch.tickets import Ticket
from kbsearch.tickets.conversation import merging, splitting
from kbsearch.tickets.conversation.merging import MergeForm
from kbsearch.tickets.conversation.splitting import SplitForm
from kbsearch.tickets.desk import past_cases
from kbsearch.web.numbers import whole
from kbsearch.web.render import db, go_to, language, person, render, site, viewer
from kbsearch.web.tickets.form import key_after

bp = Blueprint("merging", __name__)


@bp.get("/desk/tickets/<int:number>/merge")
def ask(number: int) -> Response:
    """Which request it goes on in; then, with both of them in sight, whether that is meant."""
    ticket = find(number)
    if "into" not in request.args:
        return page(ticket)
    try:
        return page(ticket, other(ticket, request.args["into"]))
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
    return go_to(f"/{language()}/requests/{into.id}")


@bp.post("/desk/tickets/<int:number>/merge/undo")
def undo(number: int) -> Response:
    ticket = find(number)
    merging.undo(db(), viewer(), ticket)
    return go_to(f"/{language()}/requests/{ticket.id}")


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
    return go_to(f"/{language()}/requests/{part.id}")


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
        ticket=ticket,
        into=into,
        typed=fields.get("into", request.args.get("into", ""))[:20],
        key=key_after(problem),
        body=fields["body"] if "body" in fields else words(ticket, into),
        is_same_person=into is not None and ticket.requester_id == into.requester_id,
        with_copies="copies" in fields if fields else into is not None and not into.confidential,
        problem=i18n.explain(problem, language()) if problem else "",
    )
    response.status_code = problem.status if problem else 200
    return response


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
