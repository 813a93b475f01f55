"""Past requests, and how to reach support."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import markup, tickets
from kbsearch.web.render import db, person, render

MAX_SUBJECT = 300

bp = Blueprint("requests", __name__)


@bp.get("/requests/new")
def new() -> Response:
    subject = " ".join(request.args.get("subject", "").split())[:MAX_SUBJECT]
    return render("requests/new.html", subject=subject)


@bp.get("/requests/<id>")
def show(id: str) -> Response:
    ticket = tickets.find(db(), person(), id)
    places = [place for place, said in enumerate(ticket.messages, 1) if said.solution]
    return render(
        "requests/show.html",
        ticket=ticket,
        description=markup.message(ticket.description, ticket.language),
        messages=[(said, markup.message(said.body, ticket.language)) for said in ticket.messages],
        solution=places[-1] if places else None,
    )
