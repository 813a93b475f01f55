"""Beside a request: past cases like it, articles, and whether several people report the same."""

from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, Self

from flask import Blueprint, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from kbsearch import announcements
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.search import Hit, Question, text_of_form
from kbsearch.search.fulltext import essence
from kbsearch.search.learning import case_clicks
from kbsearch.search.learning.case_clicks import CaseClick
from kbsearch.text import markup
from kbsearch.tickets import Ticket
from kbsearch.tickets.desk import (
    duplicates,
    incident_groups,
    incidents,
    past_cases,
    saved_replies,
    sendable_articles,
)
from kbsearch.tickets.desk.incidents import Incident
from kbsearch.tickets.desk.past_cases import PastCase
from kbsearch.tickets.desk.saved_replies import SavedReply
from kbsearch.web.desk import workspace
from kbsearch.web.numbers import whole, wholes
from kbsearch.web.render import db, go_to, language, person, render, site, viewer, wants_fragment

MOST_CASES = 5
LEAST_LIKE = 0.15  # of the best score: what shares one word is no case like it, one vote is enough
MOST_ARTICLES = 3
LENGTH = 280  # characters of a solution that are shown at once

bp = Blueprint("past_cases", __name__)


class ShownCase(NamedTuple):
    """A past case on the page: the beginning of its solution, and all of it where there is more."""

    case: PastCase
    beginning: str
    whole: Markup | None


class ProposedArticle(NamedTuple):
    """An article, and the link to it that goes into an answer; none where customers have none."""

    hit: Hit
    link: str


@dataclass(frozen=True)
class Insertion:
    """What an address asks to be put into the answer, and the case that it quotes, if any."""

    text: str
    case: int | None = None
    macro: SavedReply | None = None

    @classmethod
    def asked(cls, ticket: Ticket) -> Self | None:
        """`?quote=` and `?link=` name a case by its number, `?saved=` a saved reply by its id and
        `?article=` an article by its path. What may not be said is not put in.
        """
        if not viewer().is_agent:
            return None
        if reference := request.args.get("saved"):
            with suppress(NotFound):
                reply = saved_replies.find(db(), viewer(), reference)
                text = saved_replies.filled(site().settings, viewer(), ticket, reply)
                return cls(text, macro=reply)
        if reference := request.args.get("article"):
            with suppress(NotFound, Forbidden):
                return cls(text_of_article(ticket, reference))
        for name, said_of in {"quote": quote, "link": link_to}.items():
            number = whole(request.args.get(name, ""))
            if number is not None:
                with suppress(NotFound, Invalid):
                    return cls(said_of(ticket, number), number)
        return None


@bp.get("/desk/tickets/<int:number>/similar")
def show(number: int) -> Response:
    return panel(find(number))


@bp.post("/desk/tickets/<int:number>/similar/<int:case>")
def say(number: int, case: int) -> Response:
    """Say that a case helped, is the same or has nothing in it; with no word, take it back."""
    ticket, kind = find(number), request.form.get("kind", "")
    past_case = past_cases.find(db(), viewer(), case)
    if kind == "duplicate":
        duplicates.link(db(), viewer(), ticket, past_case)
    elif kind:
        case_clicks.record(db(), viewer(), ticket, past_case, kind)
    elif is_original(ticket, case):
        duplicates.unlink(db(), viewer(), ticket)
    else:
        case_clicks.withdraw(db(), viewer(), ticket, past_case)
    if wants_fragment():
        return panel(ticket, unfolded=case)
    return go_to(f"/{language()}/desk/tickets/{number}/similar{workspace.carried()}")


@bp.get("/desk/tickets/<int:number>/similar/<int:case>/quotation")
def quotation(number: int, case: int) -> Response:
    """The solution of a case as a text, for the answer being written."""
    return Response(quote(find(number), case), content_type="text/plain; charset=utf-8")


@bp.get("/desk/tickets/<int:number>/similar/<int:case>/link")
def link(number: int, case: int) -> Response:
    """The link to a case as a text."""
    return Response(link_to(find(number), case), content_type="text/plain; charset=utf-8")


@bp.get("/desk/tickets/<int:number>/articles/<path:path>")
def article(number: int, path: str) -> Response:
    """What an article says, as a text for the answer being written."""
    text = text_of_article(find(number), path)
    return Response(text, content_type="text/plain; charset=utf-8")


def find(number: int) -> Ticket:
    return past_cases.find(db(), person(), number)


def is_original(ticket: Ticket, case: int) -> bool:
    original = duplicates.of_ticket(db(), viewer(), ticket).original
    return original is not None and original.number == case


def quote(ticket: Ticket, case: int) -> str:
    past_case = past_cases.find(db(), viewer(), case)
    return past_cases.quotation(db(), viewer(), ticket, past_case).text


def text_of_article(ticket: Ticket, path: str) -> str:
    return sendable_articles.text(db(), viewer(), ticket, path, base())


def link_to(ticket: Ticket, case: int) -> str:
    past_case = past_cases.find(db(), viewer(), case)
    return past_cases.link(db(), viewer(), ticket, past_case, f"{base()}/{language()}")


def quoted() -> tuple[int, ...]:
    """The numbers of the cases that the answer sent was filled with."""
    return tuple(wholes(request.form.getlist("quoted")))


def panel(ticket: Ticket, *, unfolded: int | None = None) -> Response:
    """The cases beside a request; the one that something was just said of keeps the focus."""
    clicks = case_clicks.list_mine(db(), viewer(), ticket)
    rejected = [click for click in clicks if click.kind == "rejected"]
    problem = incident_groups.of_ticket(db(), viewer(), ticket)
    return render(
        "desk/similar.html",
        "desk/_similar.html",
        ticket=ticket,
        cases=cases(ticket, rejected),
        rejected=rejected,
        articles=articles(ticket),
        incident=incident(ticket),
        links=duplicates.of_ticket(db(), viewer(), ticket),
        problem=problem,
        announcement=announcements.of_problem(db(), viewer(), problem.id) if problem else None,
        unfolded=unfolded,
        composer=f"/{language()}/requests/{ticket.id}",
    )


def cases(ticket: Ticket, rejected: list[CaseClick]) -> list[ShownCase]:
    hits = site().search.similar(
        viewer(), number=ticket.number, language=language(), limit=MOST_CASES + len(rejected)
    )
    without = {str(click.number) for click in rejected}
    least = LEAST_LIKE * hits[0].score if hits else 0.0
    nearest = [hit for hit in hits if hit.id not in without and hit.score >= least][:MOST_CASES]
    return [shown(case) for case in past_cases.list_beside(db(), viewer(), ticket, nearest)]


def shown(case: PastCase) -> ShownCase:
    words = markup.plain(case.solution)
    is_long = len(words) > LENGTH
    whole = markup.message(case.solution, case.language) if is_long else None
    return ShownCase(case, markup.excerpt(words, LENGTH), whole)


def articles(ticket: Ticket) -> list[ProposedArticle]:
    """In the order of the search box; what customers may not open is shown and not inserted."""
    text = text_of_form(
        essence.of_subject(ticket.subject),
        essence.of_description(ticket.description, ticket.subject),
        ticket.product_name or "",
        ticket.version or "",
    )
    question = Question(text, language=ticket.language, kind="article", limit=MOST_ARTICLES)
    results = site().search.ask(viewer(), question)
    sendable = sendable_articles.among(db(), viewer(), ticket, results.hits)
    return [
        ProposedArticle(hit, sendable_articles.link(hit, base()) if hit.id in sendable else "")
        for hit in results.hits
    ]


def incident(ticket: Ticket) -> Incident | None:
    if ticket.is_resolved:
        return None
    settings = site().settings
    alike = site().search.alike(viewer(), ticket, incidents.began(ticket, settings))
    return incidents.around(db(), viewer(), ticket, alike, settings)


def base() -> str:
    return site().settings.base_url.rstrip("/")
