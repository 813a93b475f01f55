"""Saved replies: their page, and what is inserted into the answer being written."""

from typing import NamedTuple

from flask import Blueprint, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from kbsearch import access, i18n, people, revisions
from kbsearch.errors import Invalid, InvalidForm
from kbsearch.search import Hit, Question
from kbsearch.tickets import Ticket, teams
from kbsearch.tickets.codes import SEVERITIES, SEVERITY_NAMES
from kbsearch.tickets.conversation import ownership
from kbsearch.tickets.desk import macros, past_cases, saved_replies, sendable_articles
from kbsearch.tickets.desk.actions import OFFERED_STATUSES, THEN
from kbsearch.tickets.desk.saved_replies import SavedReply, SavedReplyFields
from kbsearch.web import prepared
from kbsearch.web.admin.forms import Form, render_form, revision, text, texts
from kbsearch.web.numbers import whole
from kbsearch.web.prepared import MacroShown
from kbsearch.web.render import (
    db,
    go_to,
    language,
    person,
    render,
    site,
    spoken_language,
    viewer,
)
from kbsearch.web.vendor_fields import definitions, shown_fields, typed_fields

MOST_OFFERED = 8
MOST_ARTICLES = 5
MAX_TEXT = 100
FIELDS = {
    "person.language_unknown": "language",
    "saved_reply.name_invalid": "name",
    "saved_reply.name_taken": "name",
    "saved_reply.body_invalid": "body",
    "saved_reply.field_unknown": "body",
    "saved_reply.too_many": "name",
}

TAGS = (f"{THEN}add_tags", f"{THEN}remove_tags")

bp = Blueprint("saved_replies", __name__)


class Insertable(NamedTuple):
    """What can be put into an answer: its text, or the address that has it; neither: it cannot.

    A macro has the status it gives, and what it does besides.
    """

    name: str
    language: str
    text: str = ""
    source: str = ""
    status: str = ""
    macro: MacroShown | None = None
    done: tuple[Markup, ...] = ()


@bp.before_request
def only_agents() -> None:
    access.only_agents(person())


@bp.get("/desk/replies")
def index() -> Response:
    return page(Form({"language": language()}))


@bp.post("/desk/replies")
def add() -> Response:
    fields = sent()
    try:
        saved_replies.add(db(), viewer(), typed())
    except Invalid as problem:
        return page(refused(fields, problem))
    return go_to(f"/{language()}/desk/replies?done=added")


@bp.get("/desk/replies/<id>")
def show(id: str) -> Response:
    reply = saved_replies.find(db(), viewer(), id)
    there = saved_replies.texts(reply)
    tagged = {name: " ".join(there[name].split()) for name in TAGS}
    own = shown_fields(THEN, there[f"{THEN}fields"].splitlines())
    return page(Form({**there, **tagged, **own, "revision": revisions.of(there)}), reply)


@bp.post("/desk/replies/<id>")
def save(id: str) -> Response:
    reply, fields = saved_replies.find(db(), viewer(), id), sent()
    if "remove" in request.form:
        saved_replies.remove(db(), viewer(), reply)
        return go_to(f"/{language()}/desk/replies?done=removed")
    try:
        saved_replies.edit(
            db(),
            viewer(),
            reply,
            typed(),
            revision=revision(),
        )
    except Invalid as problem:
        return page(refused(fields, problem), reply)
    return go_to(f"/{language()}/desk/replies?done=saved")


@bp.get("/desk/tickets/<int:number>/insertions")
def insertions(number: int) -> Response:
    """What `::` or `??` and a few letters offer: saved replies, or articles as links or texts."""
    ticket = past_cases.find(db(), viewer(), number)
    query = request.args.get("q", "")[:MAX_TEXT]
    if request.args.get("kind") == "article":
        offered = [insertable for hit in hits(ticket, query) for insertable in both(ticket, *hit)]
        return render("desk/_insertions.html", offered=offered)
    replies = saved_replies.search(db(), viewer(), query, ticket.language, MOST_OFFERED)
    settings = site().settings
    offered = [
        Insertable(
            reply.name,
            reply.language,
            text=saved_replies.filled(settings, viewer(), ticket, reply),
            status=macros.status_of(reply) or "",
            macro=shown_macro(reply, ticket),
            done=tuple(prepared.told(reply.actions)),
        )
        for reply in replies
    ]
    return render("desk/_insertions.html", offered=offered)


def shown_macro(reply: SavedReply, ticket: Ticket) -> MacroShown | None:
    """What a saved reply does when it is sent, if anything but give a status."""
    done = macros.done_with(reply, ticket, definitions())
    return MacroShown(reply.id, prepared.told(done)) if done else None


def hits(ticket: Ticket, text: str) -> list[tuple[Hit, bool]]:
    """Articles by the ranking of the search box, each with whether it may be sent."""
    question = Question(text, language=ticket.language, kind="article", limit=MOST_ARTICLES)
    results = site().search.ask(viewer(), question)
    first = (*results.hits, *results.other_language)[:MOST_ARTICLES]
    sendable = sendable_articles.among(db(), viewer(), ticket, first)
    return [(hit, hit.id in sendable) for hit in first]


def both(ticket: Ticket, hit: Hit, is_sendable: bool) -> list[Insertable]:
    """An article as its link and as its text; neither where it may not be sent."""
    if not is_sendable:
        return [Insertable(hit.title, hit.language)]
    source = f"/{language()}/desk/tickets/{ticket.number}/articles/{hit.id}"
    link = sendable_articles.link(hit, site().settings.base_url.rstrip("/"))
    return [
        Insertable(hit.title, hit.language, text=link),
        Insertable(hit.title, hit.language, source=source),
    ]


def into() -> str:
    """The page of the request whose answer is being written, as the address says."""
    number = whole(request.args.get("for", ""))
    if number is None:
        return ""
    return f"/{language()}/requests/{past_cases.find(db(), viewer(), number).id}"


def body() -> str:
    return request.form.get("body", "")[: saved_replies.MAX_BODY + 1]


def typed() -> SavedReplyFields:
    done = {kind: texts(THEN + kind) for kind in saved_replies.CHECKS}
    done["fields"] = typed_fields(THEN)
    return SavedReplyFields(text("language"), text("name"), body(), done)


def refused(fields: Form, problem: Invalid) -> Form:
    """What was sent, with the first thing that is wrong beside its field."""
    if not isinstance(problem, InvalidForm):
        return fields.refused(problem, FIELDS)
    name, reason = next(iter(problem.problems.items()))
    return Form(fields.values, name, i18n.explain(reason, language()))


def sent() -> Form:
    names = ("language", "name", "revision", *(THEN + kind for kind in saved_replies.CHECKS))
    own = shown_fields(THEN, typed_fields(THEN))
    return Form({**{name: text(name) for name in names}, **own, "body": body()})


def choices() -> dict[str, list[tuple[str, str]]]:
    """What can be chosen of what a saved reply does."""
    spoken = spoken_language()
    next_one = (ownership.NEXT, spoken.translate("The next of the team"))
    return {
        "status": [(status, spoken.staff_status(status)) for status in OFFERED_STATUSES],
        "severity": [(severity, spoken.named(SEVERITY_NAMES, severity)) for severity in SEVERITIES],
        "team": [(team.id, team.name) for team in teams.list_active(db(), viewer())],
        "assignee": [next_one, *people.list_answering(db())],
    }


def page(fields: Form, reply: SavedReply | None = None) -> Response:
    outcome = request.args.get("done")
    return render_form(
        "desk/replies.html",
        form=fields,
        shown=reply,
        found=saved_replies.list_all(db(), viewer()),
        fields=["{{" + field + "}}" for field in saved_replies.FIELDS],
        insert_into=into(),
        action_name=prepared.action_name,
        told=prepared.told,
        actions=choices(),
        own_fields=definitions(),
        done=outcome if outcome in ("added", "saved", "removed") else "",
    )
