"""Lists of requests: mine, those I am copied on, my organisation's."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, get_args
from urllib.parse import urlencode

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch.clock import utc_now
from kbsearch.tickets import lists as ticket_lists
from kbsearch.tickets.codes import STATUS_NAMES, STATUSES, Status
from kbsearch.tickets.listing import MOST_FOUND
from kbsearch.tickets.lists import ListFilter, ListSort, Scope
from kbsearch.web import code_names, numbers
from kbsearch.web.desk.spreadsheets import spreadsheet
from kbsearch.web.language import Language
from kbsearch.web.render import (
    db,
    language,
    leaving_what_was_shown,
    person,
    render,
    site,
    spoken_language,
    viewer,
)

MAX_TEXT = 200
MAX_PAGE = 10_000
PATHS: dict[Scope, str] = {
    "mine": "requests",
    "copied": "requests/cc",
    "organisation": "requests/organisation",
    "all": "desk",
}

bp = Blueprint("request_lists", __name__)


@dataclass(frozen=True)
class ListAddress:
    """A list as it stands in the address: what the links of its page change."""

    language: str
    filter: ListFilter

    def url(self, **changes: Any) -> str:
        """The address of this list with some of it changed; it starts at page one."""
        ticket_filter = replace(self.filter, **{"page": 1, **changes})
        args: list[tuple[str, str]] = [("status", status) for status in ticket_filter.statuses]
        args += [
            (name, value)
            for name, value in (
                ("q", ticket_filter.text),
                ("product", ticket_filter.product),
                ("sort", ticket_filter.sort if ticket_filter.sort != "updated" else ""),
                ("order", "asc" if ticket_filter.ascending else ""),
                ("page", str(ticket_filter.page) if ticket_filter.page > 1 else ""),
            )
            if value
        ]
        query = f"?{urlencode(args)}" if args else ""
        return f"/{self.language}/{PATHS[ticket_filter.scope]}{query}"

    def toggled(self, status: Status, **changes: Any) -> str:
        """The address with a status added to those shown, or taken away."""
        statuses = set(self.filter.statuses) ^ {status}
        return self.url(statuses=tuple(value for value in STATUSES if value in statuses), **changes)

    def sorted_by(self, sort: ListSort, **changes: Any) -> str:
        """The address sorted by a column; the other way round when it is already."""
        is_turned = self.filter.sort == sort and not self.filter.ascending
        return self.url(sort=sort, ascending=is_turned, **changes)

    @property
    def csv_url(self) -> str:
        url = self.url()
        return f"{url}{'&' if '?' in url else '?'}format=csv"

    @property
    def is_narrowed(self) -> bool:
        ticket_filter = self.filter
        return bool(ticket_filter.statuses or ticket_filter.text or ticket_filter.product)


@bp.get("/requests")
def mine() -> Response:
    return show("mine")


@bp.get("/requests/cc")
def copied() -> Response:
    return show("copied")


@bp.get("/requests/organisation")
def organisation() -> Response:
    return show("organisation")


def show(scope: Scope) -> Response:
    person()
    address = read_address(scope)
    found_by_index = site().search.numbers(viewer(), address.filter.text, MOST_FOUND)
    ticket_filter = replace(address.filter, also=tuple(found_by_index))
    if request.args.get("format") == "csv":
        return as_file(ticket_filter, spoken_language())
    response = render(
        "tickets/index.html",
        "tickets/_list.html",
        asked=address,
        scope=scope,
        found=ticket_lists.list_tickets(db(), viewer(), ticket_filter),
        lists=lists(address),
        titles=titles(spoken_language()),
    )
    return leaving_what_was_shown(response)


def read_address(scope: Scope) -> ListAddress:
    """The list an address asks for; whatever makes no sense in it is left out."""
    args = request.args
    statuses = set(args.getlist("status"))
    sort: ListSort = next(
        (column for column in get_args(ListSort) if column == args.get("sort")), "updated"
    )
    return ListAddress(
        language(),
        ListFilter(
            scope=scope,
            statuses=tuple(status for status in STATUSES if status in statuses),
            product=args.get("product", "")[:MAX_TEXT],
            text=" ".join(args.get("q", "").split())[:MAX_TEXT],
            sort=sort,
            ascending=args.get("order") == "asc",
            page=numbers.page(args, MAX_PAGE),
        ),
    )


def lists(address: ListAddress) -> list[tuple[Scope, str, int]]:
    """The lists one may go to, each with its address (what narrows it is kept) and its length."""
    scopes: list[Scope] = ["mine", "copied"]
    if viewer().organisations:
        scopes.append("organisation")
    if viewer().is_agent:
        scopes = ["all", *scopes]
    counts = ticket_lists.scope_counts(db(), viewer(), scopes)
    return [(scope, address.url(scope=scope), counts[scope]) for scope in scopes]


def titles(language: Language) -> dict[Scope, str]:
    """What the lists are called."""
    _ = language.translate
    return {
        "mine": _("My requests"),
        "copied": _("Requests I am copied on"),
        "organisation": _("Requests of my organisation"),
        "all": _("All requests"),
    }


def as_file(ticket_filter: ListFilter, language: Language) -> Response:
    """Every request of the filter, as a file for a spreadsheet."""
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
        _("Opened"),
        _("Updated"),
    )

    def rows() -> Iterator[list[str]]:
        for row in ticket_lists.csv_rows(db(), viewer(), ticket_filter):
            cells = list(row)
            cells[2] = str(language.named(STATUS_NAMES, row[2]))
            cells[3] = str(language.named(code_names.SEVERITIES, row[3]))
            yield cells

    return spreadsheet(f"{_('requests')}-{utc_now().date()}", headings, rows())
