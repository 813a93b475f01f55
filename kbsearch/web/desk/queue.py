"""The queue of those who answer: its views, what is changed in it for many requests at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from kbsearch import access, i18n, people, tickets
from kbsearch.clock import utc_now
from kbsearch.errors import Invalid, Problem
from kbsearch.people import organisations
from kbsearch.people.organisations import products
from kbsearch.tickets import codes, tags, teams
from kbsearch.tickets.desk import bulk, choices, finding, queue, requesters, saved_views
from kbsearch.tickets.desk.bulk import BulkChange, BulkOutcome
from kbsearch.tickets.desk.queue import SORTS, VIEWS, QueueFilter, QueuePage, QueueSort, View
from kbsearch.tickets.desk.saved_views import SavedView
from kbsearch.tickets.fields import OWN
from kbsearch.tickets.listing import MOST_FOUND
from kbsearch.web import code_names, numbers, vendor_fields
from kbsearch.web.desk.spreadsheets import spreadsheet
from kbsearch.web.language import Language
from kbsearch.web.numbers import whole
from kbsearch.web.render import (
    db,
    go_to,
    language,
    person,
    render,
    site,
    spoken_language,
    viewer,
    wants_fragment,
)

MAX_TEXT = 200
MAX_PAGE = 10_000
MOST_TAGS = 8  # that a view is narrowed to
MOST_CUSTOMERS = 8
TAGGING = ("new_tags", "former_tags")  # fields of the form for many
EVERYBODY = "1"  # with whom a view is shared, else a team
ASCENDING: tuple[QueueSort, ...] = ("due", "age")

bp = Blueprint("desk", __name__)


@dataclass(frozen=True)
class QueueAddress:
    """A view as it stands in the address: what the links of its page change."""

    language: str
    filter: QueueFilter

    def query(self, **changes: Any) -> str:
        """What stands after the question mark, with some of it changed; it starts at page one."""
        ticket_filter = replace(self.filter, **{"page": 1, **changes})
        pairs = (
            ("view", ticket_filter.view),
            ("q", ticket_filter.text),
            ("organisation", ticket_filter.organisation),
            ("product", ticket_filter.product),
            ("assignee", ticket_filter.assignee),
            ("team", ticket_filter.team),
            ("tag", " ".join(ticket_filter.tags)),
            *((f"{OWN}{field.name}", value) for field, value in ticket_filter.answers),
            ("sort", ticket_filter.sort if ticket_filter.sort != "due" else ""),
            ("page", str(ticket_filter.page) if ticket_filter.page > 1 else ""),
        )
        return urlencode([pair for pair in pairs if pair[1]])

    def url(self, **changes: Any) -> str:
        return f"/{self.language}/desk?{self.query(**changes)}"

    @property
    def csv_url(self) -> str:
        return f"{self.url()}&format=csv"

    @property
    def is_narrowed(self) -> bool:
        ticket_filter = self.filter
        return bool(
            ticket_filter.text
            or ticket_filter.organisation
            or ticket_filter.product
            or ticket_filter.assignee
            or ticket_filter.team
            or ticket_filter.tags
            or ticket_filter.answers
        )


class ColumnHead(NamedTuple):
    """The head of a column: its name, the address of its order, whether the view is in it."""

    name: Markup
    url: str = ""
    direction: str = ""


@bp.before_request
def only_agents() -> Response | None:
    """For others there is no desk, but for writers who look for theirs."""
    if request.endpoint == "desk.show" and person().is_staff and not viewer().is_agent:
        return go_to(f"/{language()}/desk/articles")
    access.only_agents(person())
    return None


@bp.get("/desk")
def show() -> Response:
    """A view of the queue; as a file when that is asked for."""
    address = read_address(request.args)
    if request.args.get("format") == "csv":
        return as_file(with_matches(address.filter), spoken_language())
    numbered = None if wants_fragment() else finding.by_number(db(), viewer(), address.filter.text)
    if numbered:  # sent by Enter: nothing else can be meant
        there = address.query(text="")
        return go_to(f"/{language()}/requests/{numbered.id}?{there}")
    return page(address)


@bp.post("/desk")
def change_many() -> Response:
    """Assign the chosen requests, give them a status or tags; the view stays as it was."""
    address = read_address(dict(parse_qsl(request.form.get("back", "")[: saved_views.MAX_QUERY])))
    editions = {}
    for box in request.form.getlist("chosen"):
        ticket_id, _, edition = box.partition(":")
        number = whole(edition)
        editions[ticket_id] = -1 if number is None else number
    assignee, team = request.form.get("assignee", "-"), request.form.get("team", "-")
    tagging = {name: request.form.get(name, "")[: tags.MAX_TYPED] for name in TAGGING}
    status = request.form.get("status", "")
    try:
        change = BulkChange(
            {"-": None, "nobody": "", "me": viewer().person_id}.get(assignee, assignee),
            {"-": None, "none": ""}.get(team, team),
            codes.status_of(status) if status else None,
            tags.parse(tagging["new_tags"]),
            tags.parse(tagging["former_tags"]),
        )
        outcome = bulk.apply(db(), viewer(), editions, change)
    except Invalid as problem:
        return page(address, problem=problem, ticked=frozenset(editions), tagging=tagging)
    return page(address, outcome=outcome)


@bp.get("/desk/news")
def news() -> Response:
    """How many requests have changed since a view was shown; nothing is put under the reader."""
    since = whole(request.args.get("since", ""))
    changed = 0 if since is None else queue.changed_since(db(), viewer(), since)
    if not changed:
        return Response(status=HTTPStatus.NO_CONTENT)
    address = read_address(request.args)
    return render(
        "desk/_queue_news.html", changed=changed, url=address.url(page=address.filter.page)
    )


@bp.post("/desk/views")
def keep_view() -> Response:
    """Keep the view that is shown under a name, for oneself, a team or all who answer."""
    shared = request.form.get("shared", "")
    address = read_address(dict(parse_qsl(request.form.get("back", "")[: saved_views.MAX_QUERY])))
    try:
        saved_views.keep(
            db(),
            viewer(),
            request.form.get("name", ""),
            address.query(),
            is_shared=shared == EVERYBODY,
            team_id="" if shared == EVERYBODY else shared,
        )
    except Invalid as problem:
        return page(address, problem=problem, name=request.form.get("name", "")[:MAX_TEXT])
    return go_to(address.url())


@bp.post("/desk/views/<id>")
def remove_view(id: str) -> Response:
    saved_views.remove(db(), viewer(), id)
    return go_to(f"/{language()}/desk")


@bp.get("/desk/customers")
def customers() -> Response:
    """Those that what is typed may be: by name, organisation, address or mobile number."""
    text = " ".join(request.args.get("requester", "").split())[:MAX_TEXT]
    named = finding.by_name(db(), viewer(), text, MOST_CUSTOMERS).customers
    chosen = named[0] if [customer.email for customer in named] == [text] else None
    return render(
        "desk/_customers.html",
        customers=() if chosen else named,
        chosen=chosen,
        requester=requesters.of_person(db(), viewer(), chosen.id) if chosen else None,
        is_nobody=bool(text) and not named and "@" not in text,
    )


@bp.get("/desk/tags")
def suggest_tags() -> Response:
    """The tags in use that the last word of a field may become."""
    text = next((request.args[name] for name in (*TAGGING, "tag") if name in request.args), "")
    before, last = tags.part_last(text[: tags.MAX_TYPED])
    there = [tags.normal(word) for word in tags.SEPARATORS.split(before)]
    suggestions = tags.suggest(db(), viewer(), last, but=there)
    return render("desk/_tags_in_use.html", suggestions=suggestions, before=before)


@bp.post("/desk/columns")
def keep_columns() -> Response:
    """Show those columns that are ticked from now on."""
    address = read_address(dict(parse_qsl(request.form.get("back", "")[: saved_views.MAX_QUERY])))
    choices.keep_columns(db(), viewer(), request.form.getlist("columns"))
    return go_to(address.url())


@bp.get("/desk/tickets/<int:number>")
def ticket(number: int) -> Response:
    """The page of a request, by the number people quote."""
    query = f"?{request.query_string.decode('ascii', 'replace')}" if request.query_string else ""
    its_id = tickets.find_number(db(), viewer(), number).id
    return go_to(f"/{language()}/requests/{its_id}{query}")


def page(
    address: QueueAddress,
    *,
    outcome: BulkOutcome | None = None,
    problem: Problem | None = None,
    ticked: frozenset[str] = frozenset(),
    tagging: Mapping[str, str] | None = None,
    name: str = "",
) -> Response:
    address, seen, is_elsewhere = found_anywhere(address)
    active = teams.list_active(db(), viewer())
    response = render(
        "desk/queue.html",
        "desk/_queue.html",
        asked=address,
        seen=seen,
        is_elsewhere=is_elsewhere,
        titles=titles(spoken_language()),
        mine=counted(saved_views.list_mine(db(), viewer())),
        shared=counted(saved_views.list_shared(db(), viewer())),
        columns=choices.find(db(), viewer()).columns,
        heads=heads(address, spoken_language()),
        own_filters={OWN + field.name: value for field, value in address.filter.answers},
        own_columns={OWN + field.name: field for field in vendor_fields.definitions()},
        organisations=[
            (organisation.slug, organisation.name) for organisation in organisations.list_all(db())
        ],
        products=[(product.slug, product.name) for product in products.list_all(db())],
        agents=people.list_answering(db()),
        teams=[(team.id, team.name) for team in active],
        my_teams=[(team.id, team.name) for team in active if viewer().person_id in team.members],
        lost=whole(request.args.get("lost", "")),
        outcome=outcome,
        problem=i18n.explain(problem, language()) if problem else "",
        left=[(ticket, i18n.explain(ticket.problem, language())) for ticket in outcome.unchanged]
        if outcome
        else [],
        named=bulk.numbers,
        chosen=ticked,
        tagging=tagging or dict.fromkeys(TAGGING, ""),
        name=name,
        is_overdue=queue.is_overdue,
        is_due_soon=queue.is_due_soon,
    )
    response.status_code = 422 if problem else 200
    return response


def counted(views: Sequence[SavedView]) -> list[tuple[SavedView, int | None]]:
    """Each with how many requests it has; what words find is not looked for to be counted."""
    filters = [read_address(dict(parse_qsl(view.query))).filter for view in views]
    return [
        (view, None if ticket_filter.text else queue.count(db(), viewer(), ticket_filter))
        for view, ticket_filter in zip(views, filters, strict=True)
    ]


def heads(address: QueueAddress, language: Language) -> dict[str, ColumnHead]:
    """What the columns are called, and the way to the order that each stands for."""
    _, sort = language.translate, address.filter.sort

    def head(name: Markup, first: QueueSort, other: QueueSort | None = None) -> ColumnHead:
        chosen = other if other and sort == first else first
        direction = (
            ("ascending" if sort in ASCENDING else "descending") if (sort in (first, other)) else ""
        )
        return ColumnHead(name, address.url(sort=chosen), direction)

    return {
        "status": ColumnHead(_("Status")),
        "expected": head(_("Expected"), "due"),
        "severity": head(_("Severity"), "severity"),
        "requester": ColumnHead(_("Requester")),
        "product": ColumnHead(_("Software")),
        "team": ColumnHead(_("Team")),
        "assignee": ColumnHead(_("Looked after by")),
        "opened": head(_("Opened"), "age", "number"),
        "updated": head(_("Updated"), "updated"),
        **{
            f"{OWN}{field.name}": ColumnHead(Markup.escape(field.told(language.code)))
            for field in vendor_fields.definitions()
        },
    }


def found_anywhere(address: QueueAddress) -> tuple[QueueAddress, QueuePage, bool]:
    """A page of the view; of all requests where the view has none with the text that was typed."""
    matching = with_matches(address.filter)
    seen = queue.look(db(), viewer(), matching)
    if seen.total or not address.filter.text or not seen.counts["all"]:
        return address, seen, False
    everywhere = replace(address, filter=replace(address.filter, view="all", page=1))
    all_of_them = replace(matching, view="all", page=1)
    return everywhere, queue.look(db(), viewer(), all_of_them), True


def with_matches(ticket_filter: QueueFilter) -> QueueFilter:
    """The same with what the index and the names know of the text typed."""
    text = ticket_filter.text
    if not text:
        return ticket_filter
    also = site().search.numbers(viewer(), text, MOST_FOUND)
    named = finding.by_name(db(), viewer(), text, MOST_FOUND)
    return replace(ticket_filter, also=tuple(also), named=named)


def read_address(args: Any) -> QueueAddress:
    """The view an address asks for; whatever makes no sense in it is left out."""

    def text(name: str) -> str:
        spaced = " ".join(args.get(name, "").split())
        return "".join(sign for sign in spaced if sign.isprintable())[:MAX_TEXT]

    words, names = tags.words_apart(text("q"))
    return QueueAddress(
        language(),
        QueueFilter(
            view=next((view for view in VIEWS if view == args.get("view")), "todo"),
            organisation=text("organisation"),
            product=text("product"),
            assignee=text("assignee"),
            team=text("team"),
            text=words,
            tags=readable_tags(f"{text('tag')} {names}"),
            answers=tuple(
                (field, text(f"{OWN}{field.name}"))
                for field in vendor_fields.definitions()
                if text(f"{OWN}{field.name}")
            ),
            sort=next((sort for sort in SORTS if sort == args.get("sort")), "due"),
            page=numbers.page(args, MAX_PAGE),
        ),
    )


def readable_tags(text: str) -> tuple[str, ...]:
    """The tags that an address names; none where they can be no tags."""
    try:
        return tags.parse(text)[:MOST_TAGS]
    except Invalid:
        return ()


def titles(language: Language) -> dict[View, Markup]:
    """What the views are called."""
    _ = language.translate
    return {
        "todo": _("To do"),
        "mine": _("Mine"),
        "unanswered": _("Never answered"),
        "blocking": _("Blocking"),
        "waiting": _("Waiting for the customer"),
        "solved": _("Solved lately"),
        "all": _("All requests"),
    }


def as_file(ticket_filter: QueueFilter, language: Language) -> Response:
    """Every request of the view as a file for a spreadsheet, sent as it is read."""
    _ = language.translate
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
        _("Tags"),
        _("Team"),
        *(Markup.escape(field.told(language.code)) for field in vendor_fields.definitions()),
    )
    answers = {"yes": str(_("yes")), "no": str(_("no")), "": ""}

    def rows() -> Iterator[list[str]]:
        for row in queue.csv_rows(db(), viewer(), ticket_filter):
            cells = list(row)
            cells[2] = str(language.staff_status(row[2]))
            cells[3] = str(language.named(code_names.SEVERITIES, row[3]))
            cells[13], cells[15] = answers[row[13]], answers[row[15]]
            yield cells

    return spreadsheet(f"{_('requests')}-{utc_now().date()}", headings, rows())
