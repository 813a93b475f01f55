"""Problems that several requests report: grouping them, and answering all at once."""

from contextlib import suppress

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import access, announcements, i18n
from kbsearch.errors import AlreadySent, Invalid, NotFound, Problem
from kbsearch.tickets import Ticket
from kbsearch.tickets.codes import Status
from kbsearch.tickets.conversation.replies import STATUSES_AFTER, ReplyForm
from kbsearch.tickets.desk import incident_groups, past_cases
from kbsearch.tickets.desk.incident_groups import IncidentGroup
from kbsearch.web.numbers import whole, wholes
from kbsearch.web.render import db, go_to, language, person, render, viewer
from kbsearch.web.tickets.form import key_after

bp = Blueprint("desk_problems", __name__)


@bp.before_request
def only_agents() -> None:
    access.only_agents(person(), "problem.not_found")


@bp.get("/desk/problems")
def index() -> Response:
    return render("desk/incident_groups.html", found=incident_groups.list_all(db(), viewer()))


@bp.post("/desk/problems")
def group() -> Response:
    """Make one problem of the requests whose numbers are sent."""
    grouped = [by_number(number) for number in request.form.getlist("tickets")]
    title = request.form.get("title", "")
    return go_to(place(incident_groups.group(db(), viewer(), title, grouped)))


@bp.get("/desk/problems/<id>")
def show(id: str) -> Response:
    return page(find(id))


@bp.post("/desk/problems/<id>/tickets")
def change_tickets(id: str) -> Response:
    """`remove` a request by its number, or `add` one; those that were ticked are `tickets`."""
    problem, fields = find(id), request.form
    try:
        if "remove" in fields:
            incident_groups.remove(db(), viewer(), problem, by_number(fields["remove"]))
        else:
            for number in [*fields.getlist("tickets"), *fields.getlist("add")]:
                incident_groups.add(db(), viewer(), problem, by_number(number))
    except Invalid as refusal:
        return page(problem, refusal, where="add")
    return go_to(place(id))


@bp.post("/desk/problems/<id>/messages")
def answer(id: str) -> Response:
    """Send one answer to each of the requests that are ticked, on its own."""
    problem, fields = find(id), request.form
    status: Status | None = next(
        (choice for choice in STATUSES_AFTER if choice == fields.get("status")), None
    )
    numbers = wholes(fields.getlist("tickets"))
    try:
        answered = incident_groups.answer(
            db(),
            viewer(),
            problem,
            numbers,
            ReplyForm(fields.get("key", ""), fields.get("body", ""), status=status),
        )
    except (Invalid, NotFound, AlreadySent) as refusal:
        return page(problem, refusal, where="body")
    return go_to(f"{place(id)}?sent={len(answered)}")


def find(id: str) -> IncidentGroup:
    return incident_groups.find(db(), viewer(), id)


def by_number(text: str) -> Ticket:
    """The request whose number was typed, with or without its sign."""
    number = whole(text.strip().removeprefix("#"))
    if number is not None:
        with suppress(NotFound):
            return past_cases.find(db(), viewer(), number)
    raise Invalid("problem.number_unknown", number=text)


def page(problem: IncidentGroup, wrong: Problem | None = None, where: str = "") -> Response:
    fields = request.form
    unsolved = [str(ticket.number) for ticket in problem.members if not ticket.is_resolved]
    response = render(
        "desk/incident_group.html",
        problem=problem,
        announcement=announcements.of_problem(db(), viewer(), problem.id),
        wrong=i18n.explain(wrong, language()) if wrong else "",
        where=where,
        key=key_after(wrong),
        body=fields.get("body", ""),
        status=fields.get("status", "pending"),
        ticked=fields.getlist("tickets") if "body" in fields else unsolved,
        added=fields.get("add", ""),
        after_answer=STATUSES_AFTER,
        reached=whole(request.args.get("sent", "")) or 0,
    )
    response.status_code = wrong.status if wrong else 200
    return response


def place(id: str) -> str:
    return f"/{language()}/desk/problems/{id}"
