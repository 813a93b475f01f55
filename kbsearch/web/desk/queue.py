"""The queue of those who answer: its views, what is changed in it for many requests at once."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from kbsearch import access, i18n, people, tickets
from kbsearch.errors import Invalid, Problem
from kbsearch.people import organisations
from kbsearch.people.organisations import products
from kbsearch.tickets.desk import bulk, queue, saved_views
from kbsearch.tickets.desk.bulk import BulkOutcome
from kbsearch.tickets.desk.queue import SORTS, VIEWS, QueueFilter, View
from kbsearch.tickets.lists import MOST_FOUND
from kbsearch.web import numbers
from kbsearch.web.desk.spreadsheets import spreadsheet
from kbsearch.web.language import Words
from kbsearch.web.numbers import whole
from kbsearch.web.render import db, go_to, language, person, render, site, viewer

MAX_TEXT = 200
MAX_PAGE = 10_000

bp = Blueprint("desk", __name__)


@dataclass(frozen=True)
class Asked:
    """A view as it stands in the address: what the links of its page change."""

    language: str
    filter: QueueFilter

    def query(self, **changes: Any) -> str:
        """What stands after the question mark, with some of it changed; it starts at page one."""
        wanted = replace(self.filter, **{"page": 1, **changes})
        said = (
            ("view", wanted.view),
            ("q", wanted.text),
            ("organisation", wanted.organisation),
            ("product", wanted.product),
            ("assignee", wanted.assignee),
            ("sort", wanted.sort if wanted.sort != "due" else ""),
            ("page", str(wanted.page) if wanted.page > 1 else ""),
        )
        return urlencode([pair for pair in said if pair[1]])

    def url(self, **changes: Any) -> str:
        return f"/{self.language}/desk?{self.query(**changes)}"

    @property
    def csv_url(self) -> str:
        return f"{self.url()}&format=csv"

    @property
    def is_narrowed(self) -> bool:
        wanted = self.filter
        return bool(wanted.text or wanted.organisation or wanted.product or wanted.assignee)


@bp.before_request
def only_agents() -> None:
    """For others there is no desk."""
    access.only_agents(person())


@bp.get("/desk")
def show() -> Response:
    """A view of the queue; as a file when that is asked for."""
    asked = asked_of(request.args)
    if request.args.get("format") == "csv":
        return as_file(found(asked), site().words[language()])
    return page(asked)


@bp.post("/desk")
def change_many() -> Response:
    """Assign the chosen requests or give them a status; the view stays as it was."""
    asked = asked_of(dict(parse_qsl(request.form.get("back", "")[: saved_views.MAX_QUERY])))
    chosen = {}
    for each in request.form.getlist("chosen"):
        ticket_id, _, edition = each.partition(":")
        known = whole(edition)
        chosen[ticket_id] = -1 if known is None else known
    assignee = request.form.get("assignee", "-")
    try:
        outcome = bulk.apply(
            db(),
            viewer(),
            chosen,
            assignee={"-": None, "nobody": "", "me": viewer().person_id}.get(assignee, assignee),
            status=request.form.get("status") or None,
        )
    except Invalid as problem:
        return page(asked, problem=problem, chosen=frozenset(chosen))
    return page(asked, outcome=outcome)


@bp.get("/desk/news")
def news() -> Response:
    """How many requests have changed since a view was shown; nothing is put under the reader."""
    since = whole(request.args.get("since", ""))
    changed = 0 if since is None else queue.changed_since(db(), viewer(), since)
    if not changed:
        return Response(status=HTTPStatus.NO_CONTENT)
    asked = asked_of(request.args)
    return render("desk/_queue_news.html", changed=changed, url=asked.url(page=asked.filter.page))


@bp.post("/desk/views")
def keep_view() -> Response:
    """Keep the view that is shown under a name."""
    asked = asked_of(dict(parse_qsl(request.form.get("back", "")[: saved_views.MAX_QUERY])))
    try:
        saved_views.keep(db(), viewer(), request.form.get("name", ""), asked.query())
    except Invalid as problem:
        return page(asked, problem=problem, name=request.form.get("name", "")[:MAX_TEXT])
    return go_to(asked.url())


@bp.post("/desk/views/<id>")
def remove_view(id: str) -> Response:
    saved_views.remove(db(), viewer(), id)
    return go_to(f"/{language()}/desk")


@bp.get("/desk/tickets/<int:number>")
def ticket(number: int) -> Response:
    """The page of a request, by the number people quote."""
    query = f"?{request.query_string.decode('ascii', 'replace')}" if request.query_string else ""
    its_id = tickets.find_number(db(), viewer(), number).id
    return go_to(f"/{language()}/requests/{its_id}{query}")


@dataclass(frozen=True)
class Place:
    """Where a request stands in the view that somebody came from."""

    query: str
    before: int | None
    after: int | None


def place_of(number: int) -> Place | None:
    """Its place in the queue, for agents whose address says which view they came from."""
    if not viewer().is_agent or "view" not in request.args:
        return None
    asked = asked_of(request.args)
    wanted = found(asked).filter
    before, after = queue.neighbours(db(), site().settings, viewer(), wanted, number)
    return Place(asked.query(), before, after)


def page(
    asked: Asked,
    *,
    outcome: BulkOutcome | None = None,
    problem: Problem | None = None,
    chosen: frozenset[str] = frozenset(),
    name: str = "",
) -> Response:
    settings, words = site().settings, site().words[language()]
    response = render(
        "desk/queue.html",
        "desk/_queue.html",
        asked=asked,
        seen=queue.look(db(), settings, viewer(), found(asked).filter),
        titles=titles(words),
        sorts=sorts(words),
        saved=saved_views.list_mine(db(), viewer()),
        organisations=[(each.slug, each.name) for each in organisations.list_all(db())],
        products=[(each.slug, each.name) for each in products.list_all(db())],
        agents=people.list_answering(db()),
        outcome=outcome,
        problem=i18n.explain(problem, language()) if problem else "",
        left=[(each, i18n.explain(each.problem, language())) for each in outcome.unchanged]
        if outcome
        else [],
        named=bulk.numbers,
        chosen=chosen,
        name=name,
        is_overdue=queue.is_overdue,
    )
    response.status_code = 422 if problem else 200
    return response


def found(asked: Asked) -> Asked:
    """The same with what the index knows of the text typed."""
    if not asked.filter.text:
        return asked
    also = site().search.numbers(viewer(), asked.filter.text, MOST_FOUND)
    return replace(asked, filter=replace(asked.filter, also=tuple(also)))


def asked_of(sent: Any) -> Asked:
    """The view an address asks for; whatever makes no sense in it is left out."""
    return Asked(
        language(),
        QueueFilter(
            view=next((each for each in VIEWS if each == sent.get("view")), "todo"),
            organisation=sent.get("organisation", "")[:MAX_TEXT],
            product=sent.get("product", "")[:MAX_TEXT],
            assignee=sent.get("assignee", "")[:MAX_TEXT],
            text=" ".join(sent.get("q", "").split())[:MAX_TEXT],
            sort=next((each for each in SORTS if each == sent.get("sort")), "due"),
            page=numbers.page(sent, MAX_PAGE),
        ),
    )


def titles(words: Words) -> dict[View, Markup]:
    """What the views are called."""
    _ = words.translate
    return {
        "todo": _("To do"),
        "mine": _("Mine"),
        "unanswered": _("Never answered"),
        "blocking": _("Blocking"),
        "waiting": _("Waiting for the customer"),
        "solved": _("Solved lately"),
        "all": _("All requests"),
    }


def sorts(words: Words) -> dict[str, Markup]:
    _ = words.translate
    return {
        "due": _("What is due first"),
        "age": _("Oldest first"),
        "updated": _("Changed last"),
        "severity": _("Most severe first"),
        "number": _("Newest first"),
    }


def as_file(asked: Asked, words: Words) -> Response:
    """Every request of the view as a file for a spreadsheet, sent as it is read."""
    _ = words.translate
    headings = (
        _("Number"),
        _("Subject"),
        _("Status"),
        _("Severity"),
        _("Software"),
        _("Version"),
        _("Requester"),
        _("Organisation"),
        _("Looked after by"),
        _("Opened"),
        _("Updated"),
        _("Solved"),
        _("First answer due"),
        _("First answer in time"),
        _("Solution due"),
        _("Solution in time"),
    )
    said = {"yes": str(_("yes")), "no": str(_("no")), "": ""}

    def rows() -> Iterator[list[str]]:
        for row in queue.csv_rows(db(), site().settings, viewer(), asked.filter):
            cells = list(row)
            cells[2] = str(words.staff_status(row[2]))
            cells[3] = str(words.severity_name(row[3]))
            cells[13], cells[15] = said[row[13]], said[row[15]]
            yield cells

    return spreadsheet(f"{_('requests')}-{datetime.now(UTC).date()}", headings, rows())
