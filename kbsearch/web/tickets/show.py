"""A request: its conversation, and what its people do to it."""

from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import i18n, limits, tickets
from kbsearch.database import if_possible
from kbsearch.errors import (
    AlreadySent,
    Conflict,
    Forbidden,
    Invalid,
    InvalidForm,
    NotFound,
    Problem,
)
from kbsearch.people import notification_choices
from kbsearch.text import markup, plain_text
from kbsearch.tickets import Ticket, codes, events, tags
from kbsearch.tickets.codes import RESOLVED
from kbsearch.tickets.conversation import corrections, lifecycle, replies, thanks
from kbsearch.tickets.conversation.corrections import FieldEdits
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.desk import held_replies, macros, past_cases, presence, properties, queue
from kbsearch.tickets.desk.properties import PropertyEdits
from kbsearch.tickets.fields import OWN
from kbsearch.tickets.filing import copies
from kbsearch.web import vendor_fields
from kbsearch.web.desk import timekeeping, workspace
from kbsearch.web.desk.past_cases import quoted
from kbsearch.web.numbers import whole
from kbsearch.web.render import (
    db,
    go_to,
    language,
    person,
    render,
    site,
    text_of,
    viewer,
    wants_fragment,
)
from kbsearch.web.tickets import conversation, filing, suggestions
from kbsearch.web.tickets.conversation import Correction, ReplyDraft
from kbsearch.web.vendor_fields import SHOWN

DONE = ("answered", "noted", "solved")
PROPERTIES = ("status", "assignee", "team")
EDITED = ("software", "version", "severity", "confidential")

bp = Blueprint("requests", __name__)


@bp.get("/requests/<id>")
def show(id: str) -> Response:
    return page(find(id))


@bp.post("/requests/<id>/messages")
def reply(id: str) -> Response:
    """Answer, or leave a note for agents; what could not be sent is kept and shown again."""
    ticket, draft = find(id), ReplyDraft.of_form(request.form, quoted())
    files = request.files.getlist("files")
    try:
        wrong = filing.take_files(draft.key, files, ticket)
        if wrong is not None:
            raise wrong
        if viewer().role == "customer":
            limits.take(db(), limits.REPLIES_OF_CUSTOMER, viewer().person_id or "")
        if is_held(draft):
            return hold(ticket, draft)
        reply_form = ReplyForm(draft.key, draft.body, macro_id=macro(draft))
        if not draft.is_note:
            reply_form = replace(reply_form, activity=activity(), status=draft.status)
        outcome = macros.send(db(), viewer(), ticket, reply_form, is_note=draft.is_note)
    except (NotFound, Forbidden):
        raise
    except Problem as problem:
        if isinstance(problem, AlreadySent):
            draft = replace(draft, key=filing.set_apart(files, ticket))
        return page(ticket, draft=conversation.keep(draft, ticket), problem=problem)
    past_cases.keep_quoted(db(), viewer(), ticket, draft.quoted)
    if elsewhere := workspace.lost(ticket):
        return go_to(elsewhere)
    if not outcome.has_news:
        with if_possible(db()):
            events.mark_seen(db(), viewer(), ticket.id, activity() or 0)
    here = place(ticket, outcome.message_id, is_note=draft.is_note, meanwhile=outcome.has_news)
    return go_to(here if draft.is_note or outcome.has_news else workspace.onward(ticket) or here)


@bp.post("/requests/<id>/undo")
def undo(id: str) -> Response:
    """Call an answer back that has not left yet: it is in the form again."""
    ticket, key = find(id), request.form.get("key", "")
    try:
        held_replies.call_back(db(), viewer(), key)
    except Invalid as problem:
        return page(ticket, problem=problem)
    return go_to(address(ticket, "reply", draft=key))


@bp.get("/requests/<id>/held/<key>")
def follow(id: str, key: str) -> Response:
    """What became of an answer that was about to leave; it takes its place in the page."""
    if wants_fragment() and not viewer().is_signed_in:
        return Response(status=HTTPStatus.NO_CONTENT)
    ticket, since = find(id), number("activity", request.args)
    if not wants_fragment():
        return back(ticket)
    return render("tickets/_followed.html", None, **conversation.followed(ticket, key, since or 0))


@bp.post("/requests/preview")
def preview() -> Response:
    """What is typed as it will be read; what is too long to be sent is not read at all."""
    person()
    try:
        body = plain_text.block_within(replies.MAX_BODY, request.form.get("body", ""))
    except Invalid as problem:
        response = render("tickets/_preview.html", told=i18n.explain(problem, language()))
        response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
        return response
    return render("tickets/_preview.html", html=markup.message(body, language()), told="")


@bp.post("/requests/<id>/status")
def change_status(id: str) -> Response:
    """Solved, also by a message; open again; for agents any."""
    ticket, name = find(id), request.form.get("status", "")
    try:
        if name == "solved":
            message = request.form.get("message") or None
            lifecycle.solve(db(), viewer(), ticket, message_id=message)
        elif name == "open" and (ticket.is_resolved or not viewer().is_agent):
            lifecycle.reopen(db(), viewer(), ticket)
        else:
            lifecycle.set_status(db(), viewer(), ticket, codes.status_of(name))
    except Invalid as problem:
        return page(ticket, problem=problem)
    if name not in RESOLVED:
        return back(ticket)
    return go_to(workspace.onward(ticket) or address(ticket, done="solved"))


@bp.post("/requests/<id>/thanks")
def undo_thanks(id: str) -> Response:
    """An agent sees more in a message than thanks."""
    ticket = find(id)
    thanks.undo(db(), viewer(), ticket, request.form.get("message", ""))
    return back(ticket)


@bp.post("/requests/<id>/cc")
def change_copies(id: str) -> Response:
    """`add` or `remove` an address; `leave` takes oneself out."""
    ticket, fields = find(id), request.form
    try:
        if "leave" in fields:
            copies.leave(db(), viewer(), ticket)
        elif "remove" in fields:
            copies.remove(db(), viewer(), ticket, fields["remove"])
        else:
            copies.add(db(), viewer(), ticket, fields.get("add", ""))
    except Invalid as problem:
        return page(ticket, problem=problem, copy=fields.get("add", ""))
    try:
        return back(tickets.find(db(), viewer(), id))
    except NotFound:  # who leaves may have nothing more to read here
        return go_to(f"/{language()}/requests/cc")


@bp.post("/requests/<id>/fields")
def correct(id: str) -> Response:
    """Correct the fields that are sent, unless somebody else did meanwhile."""
    ticket = find(id)
    values = {
        name: texts[-1]  # a box has a hidden field before it, for when it is not ticked
        for name, texts in request.form.lists()
        if name in EDITED
    }
    shown_answers = vendor_fields.sent(request.form, SHOWN)
    values |= {
        name: text
        for name, text in vendor_fields.sent(request.form).items()
        if text != shown_answers.get(SHOWN + name)
    }
    chosen = {name: request.form[name] for name in PROPERTIES if name in request.form}
    removed = set(request.form.get("tags_shown", "").split()) - set(request.form.getlist("tags"))
    tagging = {
        "new_tags": request.form.get("new_tags", "")[: tags.MAX_TYPED],
        "removed_tags": " ".join(sorted(removed)),
    }
    edition, fields = number("edition"), vendor_fields.definitions()
    edits = FieldEdits(values, edition=ticket.edition if edition is None else edition)
    try:
        if viewer().is_agent:
            shown = {name: request.form.get(f"{name}_shown", "") for name in PROPERTIES}
            answers = {name.removeprefix(SHOWN + OWN): text for name, text in shown_answers.items()}
            news = PropertyEdits(edits, shown, chosen, tagging["new_tags"], tuple(removed), answers)
            properties.edit(db(), viewer(), ticket, news, fields=fields)
        else:
            corrections.edit_fields(db(), viewer(), ticket, edits, fields=fields)
    except InvalidForm as refusal:
        correction = Correction(values | chosen | tagging, refusal.problems)
        return page(ticket, correction=correction)
    except Conflict as conflict:
        ticket = find(id)
        correction = Correction(values | chosen | tagging, {}, conflict)
        return page(ticket, correction=correction, problem=conflict)
    except Invalid as problem:
        return page(ticket, problem=problem, correction=Correction(values | chosen | tagging))
    return back(ticket)


@bp.post("/requests/<id>/assignee")
def assign(id: str) -> Response:
    """Say which agent looks after it; nobody when it is empty."""
    ticket = find(id)
    lifecycle.assign(db(), viewer(), ticket, request.form.get("assignee") or None)
    return back(ticket)


@bp.post("/requests/<id>/seen")
def see(id: str) -> Response:
    """The page was shown up to there: told by the page itself."""
    ticket = find(id)
    with if_possible(db()):  # it is told again with the next page
        events.mark_seen(db(), viewer(), id, min(activity() or 0, ticket.activity))
    return Response(status=HTTPStatus.NO_CONTENT)


@bp.post("/requests/<id>/presence")
def be_present(id: str) -> Response:
    """An agent's page says that it is looked at, or no more, and learns who else looks."""
    if wants_fragment() and not viewer().is_signed_in:
        return Response(status=HTTPStatus.NO_CONTENT)  # the reader is not sent away
    ticket = find(id)
    if "leave" in request.form:
        with if_possible(db()):  # it lapses
            presence.leave(db(), viewer(), ticket)
        return Response(status=HTTPStatus.NO_CONTENT)
    return render("tickets/_presence.html", present=presence.renew(db(), viewer(), ticket))


@bp.get("/requests/<id>/news")
def news(id: str) -> Response:
    """What came after the page was shown, to be announced; nothing is put under the reader."""
    if wants_fragment() and not viewer().is_signed_in:
        return Response(status=HTTPStatus.NO_CONTENT)  # the reader is not sent away
    ticket, since = find(id), number("activity", request.args)
    if not wants_fragment():
        return back(ticket)
    latest = conversation.news(ticket, viewer(), since or 0)
    if latest is None:
        return Response(status=HTTPStatus.NO_CONTENT)
    return render("tickets/_news.html", ticket=ticket, news=latest)


def is_held(draft: ReplyDraft) -> bool:
    """Whether an answer waits to be called back: the form of agents asks for it."""
    holds = "hold" in request.form and viewer().is_agent and site().settings.undo_seconds > 0
    return holds and not draft.is_note


def hold(ticket: Ticket, draft: ReplyDraft) -> Response:
    form = ReplyForm(
        draft.key, draft.body, activity(), draft.status, draft.quoted, macro_id=macro(draft)
    )
    seconds = site().settings.undo_seconds
    has_news = held_replies.hold(db(), viewer(), ticket, form, seconds=seconds)
    here = address(ticket, f"held-{draft.key}", meanwhile=has_news, done="answered")
    return go_to(here if has_news else workspace.onward(ticket) or here)


def macro(draft: ReplyDraft) -> str:
    """The saved reply whose changes are made with an answer; customers have none."""
    return draft.macro if viewer().is_agent else ""


def find(id: str) -> Ticket:
    return tickets.find(db(), person(), id)


def page(
    ticket: Ticket,
    *,
    draft: ReplyDraft | None = None,
    correction: Correction | None = None,
    problem: Problem | None = None,
    copy: str = "",
) -> Response:
    """The request as it stands, with what was typed and what is wrong with it."""
    done = request.args.get("done", "") if problem is None else ""
    response = Response(
        text_of(
            "tickets/show.html",
            thanks=suggestions.afterwards(ticket) if is_new(ticket) else None,
            is_mailed=notification_choices.wants(
                db(), ticket.requester_id or "", "ticket.replied", "mail"
            ),
            address=copy,
            queue=workspace.place_of(ticket),
            time=timekeeping.beside(ticket),
            is_overdue=queue.is_overdue,
            is_due_soon=queue.is_due_soon,
            done=done if done in DONE else "",
            **conversation.shown(ticket, draft, correction, problem),
        ),
        content_type="text/html; charset=utf-8",
    )
    if problem is not None:
        response.status_code = problem.status
    elif correction is not None:
        response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    return response


def back(ticket: Ticket) -> Response:
    """To the request, or to the queue where what was changed took it out of somebody's sight."""
    return go_to(workspace.lost(ticket) or address(ticket))


def place(ticket: Ticket, message_id: str, *, is_note: bool, meanwhile: bool) -> str:
    """The address of a message in its conversation."""
    messages = tickets.find(db(), viewer(), ticket.id).messages
    at = next((n for n, message in enumerate(messages, 1) if message.id == message_id), 0)
    done = "noted" if is_note else "answered"
    return address(ticket, f"c{at}", meanwhile=meanwhile, done=done)


def address(
    ticket: Ticket, anchor: str = "", *, draft: str = "", meanwhile: bool = False, done: str = ""
) -> str:
    """Of the page of a request, for an agent in the view that they came from.

    `done` says to an agent what was, and what is next.
    """
    flags = {
        "draft": draft,
        "meanwhile": "1" if meanwhile else "",
        "done": done if viewer().is_agent else "",
    }
    query = urlencode({name: flag for name, flag in flags.items() if flag})
    pairs = "&".join(filter(None, (workspace.carried(""), query)))
    url = f"/{language()}/requests/{ticket.id}"
    return f"{url}{pairs and f'?{pairs}'}{anchor and f'#{anchor}'}"


def activity() -> int | None:
    """The last change that the page showed, as its forms say."""
    return number("activity")


def number(name: str, args: object = None) -> int | None:
    values = request.args if args is request.args else request.form
    return whole(values.get(name, ""))


def is_new(ticket: Ticket) -> bool:
    """Whether its requester comes from sending it."""
    return "thanks" in request.args and ticket.is_of(viewer())
