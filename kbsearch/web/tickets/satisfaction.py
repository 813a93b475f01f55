"""The question asked when a request is closed: on its page, and behind the link of a mail."""

from http import HTTPStatus

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import i18n, revisions, tickets
from kbsearch.errors import Forbidden, Invalid
from kbsearch.tickets import Ticket
from kbsearch.tickets.conversation import satisfaction
from kbsearch.tickets.conversation.satisfaction import Rating, SatisfactionQuestion
from kbsearch.web.admin.forms import revision
from kbsearch.web.render import db, go_to, language, person, render, viewer

RATINGS = {"good": True, "bad": False}

bp = Blueprint("satisfaction", __name__)


@bp.get("/requests/<id>/satisfaction")
def ask(id: str) -> Response:
    return page(asked(tickets.find(db(), person(), id)))


@bp.post("/requests/<id>/satisfaction")
def rate(id: str) -> Response:
    ticket = tickets.find(db(), person(), id)
    question = asked(ticket)
    try:
        satisfaction.rate(
            db(),
            viewer(),
            ticket,
            Rating(is_good=is_good(), why=request.form.get("why", "")),
            revision=revision(),
        )
    except Invalid as problem:
        return page(question, problem)
    return go_to(f"/{language()}/requests/{id}/satisfaction?thanks=1")


@bp.get("/satisfaction/<token>")
def peek(token: str) -> Response:
    """What the link of a mail asks; opening it answers nothing."""
    return hidden(page(satisfaction.peek(db(), token)))


@bp.post("/satisfaction/<token>")
def answer(token: str) -> Response:
    question = satisfaction.peek(db(), token)
    try:
        satisfaction.answer(
            db(),
            token,
            Rating(is_good=is_good(), why=request.form.get("why", "")),
            revision=revision(),
        )
    except Invalid as problem:
        return hidden(page(question, problem))
    return hidden(go_to(f"/{language()}/satisfaction/{token}?thanks=1"))


def asked(ticket: Ticket) -> SatisfactionQuestion:
    """The question about a closed request, to who filed it."""
    person_id = viewer().person_id
    if person_id is None or ticket.requester_id != person_id:
        raise Forbidden("ticket.not_yours")
    question = satisfaction.find(db(), viewer(), ticket)
    return question or SatisfactionQuestion(
        ticket.id, ticket.number, ticket.subject, person_id, None, ""
    )


def is_good() -> bool:
    rating = request.form.get("rating", "")
    if rating not in RATINGS:
        raise Invalid("satisfaction.rating_required")
    return RATINGS[rating]


def page(question: SatisfactionQuestion, problem: Invalid | None = None) -> Response:
    fields = request.form
    clicked = RATINGS.get(request.args.get("rating", ""), question.is_good)  # in a mail
    is_chosen = RATINGS.get(fields.get("rating", ""), clicked)
    response = render(
        "tickets/satisfaction.html",
        question=question,
        revision=revision() or revisions.of(satisfaction.texts(question)),
        is_good=is_chosen,
        why=fields.get("why", question.why),
        told=i18n.explain(problem, language()) if problem else "",
        thanked="thanks" in request.args and question.is_good is not None,
    )
    if problem is not None:
        response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    return response


def hidden(response: Response) -> Response:
    """The token is in the address: it goes nowhere else."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
