"""Time on a request: the part of its page about it, a page of its own, the stopwatch."""

from typing import Any

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import access, i18n, tickets, timekeeping
from kbsearch.clock import parsed, utc_now
from kbsearch.errors import Invalid
from kbsearch.tickets import Ticket
from kbsearch.timekeeping import TimeFields, budgets
from kbsearch.web.desk import workspace
from kbsearch.web.render import db, go_to, language, person, render, viewer

FIELDS = {  # of the form, by what can be wrong with them
    "time.spent_invalid": "spent",
    "time.day_invalid": "day",
    "time.note_too_long": "time_note",
}
MOST_SHOWN = 5  # beside a request

bp = Blueprint("timekeeping", __name__)


@bp.before_request
def only_agents() -> None:
    access.only_agents(person(), "ticket.not_found")


@bp.get("/requests/<id>/times")
def show(id: str) -> Response:
    return page(find(id))


@bp.post("/requests/<id>/times")
def record(id: str) -> Response:
    ticket = find(id)
    fields = TimeFields(
        request.form.get("spent", ""),
        request.form.get("day", ""),
        request.form.get("time_note", ""),
    )
    try:
        timekeeping.record(db(), viewer(), ticket, fields)
    except Invalid as problem:
        return page(ticket, fields, problem)
    return back(ticket)


@bp.post("/requests/<id>/times/<entry>/remove")
def remove(id: str, entry: str) -> Response:
    ticket = find(id)
    timekeeping.remove(db(), viewer(), ticket, entry)
    return go_to(f"/{language()}/requests/{id}/times{workspace.carried()}")


@bp.post("/requests/<id>/stopwatch")
def watch(id: str) -> Response:
    """`start`, `stop`, or `drop` it and write nothing down."""
    ticket, state = find(id), request.form.get("state", "")
    ways = {"start": timekeeping.start, "stop": timekeeping.stop, "drop": timekeeping.drop}
    if state not in ways:
        raise Invalid("time.state_unknown")
    ways[state](db(), viewer(), ticket)
    return back(ticket)


def beside(ticket: Ticket) -> dict[str, Any]:
    """What the page of a request says of its time, for those who answer."""
    if not viewer().is_agent:
        return {}
    entries = timekeeping.list_of(db(), viewer(), ticket)
    since = timekeeping.started(db(), viewer(), ticket)
    running = (utc_now() - parsed(since)).total_seconds() if since else 0
    organisation = ticket.organisation_slug
    return {
        "entries": entries,
        "most": MOST_SHOWN,
        "minutes": sum(entry.minutes for entry in entries),
        "since": since,
        "running": round(running / 60),
        "budget": budgets.find(db(), viewer(), organisation) if organisation else None,
    }


def page(
    ticket: Ticket, fields: TimeFields | None = None, wrong: Invalid | None = None
) -> Response:
    response = render(
        "desk/times.html",
        ticket=ticket,
        time=beside(ticket),
        typed=fields or TimeFields(""),
        where=FIELDS[wrong.key] if wrong else "",
        wrong=i18n.explain(wrong, language()) if wrong else "",
    )
    response.status_code = wrong.status if wrong else 200
    return response


def back(ticket: Ticket) -> Response:
    return go_to(f"/{language()}/requests/{ticket.id}{workspace.carried()}#time")


def find(id: str) -> Ticket:
    return tickets.find(db(), viewer(), id)
