"""What may answer a request before it is sent: the one ranking, asked with all that is typed."""

from typing import NamedTuple

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from kbsearch import articles, tickets
from kbsearch.database import new_id
from kbsearch.errors import Problem
from kbsearch.people.organisations import products
from kbsearch.search import Hit, Question, text_of_form
from kbsearch.search.learning import lessons
from kbsearch.search.learning import visits as analytics
from kbsearch.search.learning.lessons import LessonOrigin
from kbsearch.text import markup
from kbsearch.tickets import Ticket
from kbsearch.tickets.filing import drafts
from kbsearch.web.help import visits
from kbsearch.web.help.results import ResultLine, SearchAddress, lines
from kbsearch.web.help.sections import section
from kbsearch.web.render import (
    db,
    language,
    person,
    render,
    site,
    spoken_language,
    viewer,
    wants_fragment,
)
from kbsearch.web.tickets.form import Filled, values_of

MOST = 5
MOST_AFTERWARDS = 3

bp = Blueprint("suggestions", __name__)


class SuggestionCard(NamedTuple):
    """A suggestion: the line of a result, and where its answer is read in place."""

    line: ResultLine
    read_url: str


@bp.post("/requests/suggestions")
def suggest() -> Response:
    """The cards for what is typed so far; files do not travel."""
    person()
    filled = Filled(request.form.get("key") or new_id(), values_of(request.form))
    return page(filled)


@bp.get("/requests/suggestions/article/<slug>")
def read_article(slug: str) -> Response:
    """The section of an article that answers, to be read without leaving the form."""
    tongue = request.args.get("language", language())
    anchor = request.args.get("section", "")
    article = articles.find(db(), viewer(), tongue, slug)
    url = f"/{article.language}/articles/{article.slug}" + (f"#{anchor}" if anchor else "")
    return render(
        "tickets/read.html",
        "tickets/_read.html",
        html=section(article, anchor),
        url=url,
        title=article.title,
        tongue=article.language,
    )


@bp.get("/requests/suggestions/request/<id>")
def read_request(id: str) -> Response:
    """A past request and how it was solved."""
    ticket = tickets.find(db(), person(), id)
    solved = [message for message in ticket.messages if message.solution and not message.internal]
    text, is_typed = (ticket.description, ticket.typed)
    if solved:
        text, is_typed = (solved[-1].body, solved[-1].typed)
    html = markup.said(text, ticket.language, as_typed=is_typed)
    url = f"/{language()}/requests/{ticket.id}"
    return render(
        "tickets/read.html",
        "tickets/_read.html",
        html=html,
        url=url,
        title=ticket.subject,
        tongue=ticket.language,
    )


@bp.post("/requests/suggestions/solved")
def solved() -> Response:
    """Somebody was helped before anything was sent; the draft stays until they leave it."""
    person()
    key, values = request.form.get("key", ""), values_of(request.form)
    try:
        drafts.save(db(), viewer(), key, values)
    except Problem:  # a request that exists already has no draft
        key = ""
    visit = visits.visit()
    target = [*visits.targets("target"), ""][0]
    with db().atomic():
        event = analytics.confirmed(db(), visit, target) or ""
        if event:
            subject = Filled(key, values).request.subject
            origin = LessonOrigin("deflected", source=event)
            lessons.teach_from_visit(db(), viewer(), visit, target, origin, subject)
    response = render("tickets/solved.html", "tickets/_solved.html", key=key, event=event)
    visits.remember(response, visit)
    return response


@bp.post("/requests/suggestions/undo")
def undo() -> Response:
    """It did not help after all: back to the form."""
    person()
    event, key = request.form.get("event", ""), request.form.get("key", "")
    if event:
        with db().atomic():
            analytics.undo_confirmed(db(), visits.visit(), event)
            lessons.take_back(db(), viewer(), event)
    if wants_fragment():
        return page(Filled(key, values_of(request.form)))
    return redirect(f"/{language()}/requests/new?draft={key}" if key else f"/{language()}/", 303)


def page(filled: Filled) -> Response:
    """The cards, alone or between the form and its sending, with everything kept."""
    return render(
        "tickets/suggestions.html", "tickets/_cards.html", filled=filled, cards=cards(filled)
    )


def cards(filled: Filled, limit: int = MOST) -> list[SuggestionCard]:
    """What may answer the form, for its viewer."""
    content = filled.request
    software = next((p.name for p in products.list_all(db()) if p.slug == content.software), "")
    text = text_of_form(content.subject, content.description, software, content.version)
    results = site().search.ask(viewer(), Question(text, language=language(), limit=limit))
    hits = (results.hits + results.other_language)[:limit]
    address = SearchAddress(language(), text=content.subject)
    rows = lines(address, hits, spoken_language())
    return [SuggestionCard(line, read_url(hit)) for line, hit in zip(rows, hits, strict=True)]


def afterwards(ticket: Ticket) -> list[SuggestionCard]:
    """What may answer a request that was just sent, but for itself."""
    values = {
        "subject": ticket.subject,
        "description": ticket.description,
        "software": ticket.product or "",
        "version": ticket.version or "",
    }
    suggested = cards(Filled("", values), MOST_AFTERWARDS + 1)
    return [card for card in suggested if card.line.target != str(ticket.number)][:MOST_AFTERWARDS]


def read_url(hit: Hit) -> str:
    page, _, anchor = hit.url.partition("#")
    name = page.rpartition("/")[2]
    if hit.kind == "ticket":
        return f"/{language()}/requests/suggestions/request/{name}"
    stem = f"/{language()}/requests/suggestions/article/{name}?language={hit.language}"
    return f"{stem}&section={anchor}" if anchor else stem
