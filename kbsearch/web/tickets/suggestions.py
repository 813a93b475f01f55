"""What may answer a request before it is sent: the one ranking, asked with all that is typed."""

import re
from typing import NamedTuple

from flask import Blueprint, redirect, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from kbsearch import articles, tickets
from kbsearch.articles import Article
from kbsearch.database import new_id
from kbsearch.errors import NotFound, Problem
from kbsearch.people.organisations import products
from kbsearch.search import Hit
from kbsearch.search.learning import lessons
from kbsearch.search.learning import visits as analytics
from kbsearch.text import markup
from kbsearch.tickets import Ticket
from kbsearch.tickets.filing import drafts
from kbsearch.web.help import visits
from kbsearch.web.help.results import Asked, Line, lines
from kbsearch.web.render import db, language, person, render, site, viewer, wants_fragment
from kbsearch.web.tickets.form import Filled, values_of

MOST = 5
MOST_AFTERWARDS = 3
HEADING = re.compile(r'<h([2-6]) id="([^"]*)">')

bp = Blueprint("suggestions", __name__)


class Card(NamedTuple):
    """A suggestion: the line of a result, and where its answer is read in place."""

    line: Line
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
    found = articles.find(db(), viewer(), tongue, slug)
    url = f"/{found.language}/articles/{found.slug}" + (f"#{anchor}" if anchor else "")
    return render(
        "tickets/read.html",
        "tickets/_read.html",
        html=section(found, anchor),
        url=url,
        title=found.title,
        tongue=found.language,
    )


@bp.get("/requests/suggestions/request/<id>")
def read_request(id: str) -> Response:
    """A past request and how it was solved."""
    found = tickets.find(db(), person(), id)
    solved = [said for said in found.messages if said.solution and not said.internal]
    said = solved[-1].body if solved else found.description
    html = markup.message(said, found.language)
    url = f"/{language()}/requests/{found.id}"
    return render(
        "tickets/read.html",
        "tickets/_read.html",
        html=html,
        url=url,
        title=found.subject,
        tongue=found.language,
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
    told = [*visits.targets("target"), ""][0]
    with db().atomic():
        event = analytics.confirmed(db(), visit, told) or ""
        if event:
            subject = Filled(key, values).request.subject
            lessons.teach_from_visit(db(), viewer(), visit, told, event, subject)
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
    found = cards(filled)
    return render("tickets/suggestions.html", "tickets/_cards.html", filled=filled, cards=found)


def cards(filled: Filled, limit: int = MOST) -> list[Card]:
    """What may answer the form, for its viewer."""
    said = filled.request
    software = next((p.name for p in products.list_all(db()) if p.slug == said.software), "")
    results = site().search.suggest(
        viewer(),
        subject=said.subject,
        description=said.description,
        software=software,
        version=said.version,
        language=language(),
        limit=limit,
    )
    hits = (results.hits + results.other_language)[:limit]
    asked = Asked(language(), text=said.subject)
    shown = lines(asked, hits, site().words[language()])
    return [Card(line, read_url(hit)) for line, hit in zip(shown, hits, strict=True)]


def afterwards(ticket: Ticket) -> list[Card]:
    """What may answer a request that was just sent, but for itself."""
    values = {
        "subject": ticket.subject,
        "description": ticket.description,
        "software": ticket.product or "",
        "version": ticket.version or "",
    }
    found = cards(Filled("", values), MOST_AFTERWARDS + 1)
    return [card for card in found if card.line.target != str(ticket.number)][:MOST_AFTERWARDS]


def read_url(hit: Hit) -> str:
    page, _, anchor = hit.url.partition("#")
    name = page.rpartition("/")[2]
    if hit.kind == "ticket":
        return f"/{language()}/requests/suggestions/request/{name}"
    stem = f"/{language()}/requests/suggestions/article/{name}?language={hit.language}"
    return f"{stem}&section={anchor}" if anchor else stem


def section(article: Article, anchor: str) -> Markup:
    """The HTML from one heading to the next as high; the introduction without an anchor."""
    html = str(article.html)
    places = [
        (int(found[1]), found[2], found.start(), found.end()) for found in HEADING.finditer(html)
    ]
    if not anchor:
        end = places[0][2] if places else len(html)
        return Markup(html[:end])  # safe: cut before a heading, which stands at the top level
    for position, (level, name, start, _) in enumerate(places):
        if name == anchor:
            end = next(
                (other[2] for other in places[position + 1 :] if other[0] <= level), len(html)
            )
            return Markup(html[start:end])  # safe: from heading to heading of safe HTML
    raise NotFound("article.not_found")
