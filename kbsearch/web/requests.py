"""Past requests as they are read."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import markup, tickets
from kbsearch.web import suggestions
from kbsearch.web.render import db, person, render, viewer

bp = Blueprint("requests", __name__)


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
        thanks=suggestions.afterwards(ticket) if is_new(ticket) else None,
    )


def is_new(ticket: tickets.Ticket) -> bool:
    """Whether its requester comes from sending it."""
    return "thanks" in request.args and ticket.is_of(viewer())
