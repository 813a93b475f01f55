"""Lists of requests: mine, those I am copied on, my organisation's."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, get_args
from urllib.parse import urlencode

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch.tickets import STATUSES, Status
from kbsearch.tickets import lists as ticket_lists
from kbsearch.tickets.lists import ListFilter, ListSort, Scope
from kbsearch.web import numbers
from kbsearch.web.desk.spreadsheets import spreadsheet
from kbsearch.web.language import Words
from kbsearch.web.render import db, language, person, render, site, viewer

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
class Asked:
    """A list as it stands in the address: what the links of its page change."""

    language: str
    filter: ListFilter

    def url(self, **changes: Any) -> str:
        """The address of this list with some of it changed; it starts at page one."""
        wanted = replace(self.filter, **{"page": 1, **changes})
        sent: list[tuple[str, str]] = [("status", status) for status in wanted.statuses]
        sent += [
            (name, value)
            for name, value in (
                ("q", wanted.text),
                ("product", wanted.product),
                ("sort", wanted.sort if wanted.sort != "updated" else ""),
                ("order", "asc" if wanted.ascending else ""),
                ("page", str(wanted.page) if wanted.page > 1 else ""),
            )
            if value
        ]
        query = f"?{urlencode(sent)}" if sent else ""
        return f"/{self.language}/{PATHS[wanted.scope]}{query}"

    def toggled(self, status: Status, **changes: Any) -> str:
        """The address with a status added to those shown, or taken away."""
        chosen = set(self.filter.statuses) ^ {status}
        return self.url(statuses=tuple(each for each in STATUSES if each in chosen), **changes)

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
        wanted = self.filter
        return bool(wanted.statuses or wanted.text or wanted.product)


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
    asked = asked_of(scope)
    found_by_index = site().search.numbers(viewer(), asked.filter.text, ticket_lists.MOST_FOUND)
    wanted = replace(asked.filter, also=tuple(found_by_index))
    if request.args.get("format") == "csv":
        return as_file(wanted, site().words[language()])
    return render(
        "tickets/index.html",
        "tickets/_list.html",
        asked=asked,
        scope=scope,
        found=ticket_lists.list_tickets(db(), viewer(), wanted),
        lists=lists(asked),
        titles=titles(site().words[language()]),
    )


def asked_of(scope: Scope) -> Asked:
    """The list an address asks for; whatever makes no sense in it is left out."""
    sent = request.args
    chosen = set(sent.getlist("status"))
    sort: ListSort = next(
        (each for each in get_args(ListSort) if each == sent.get("sort")), "updated"
    )
    return Asked(
        language(),
        ListFilter(
            scope,
            statuses=tuple(status for status in STATUSES if status in chosen),
            product=sent.get("product", "")[:MAX_TEXT],
            text=" ".join(sent.get("q", "").split())[:MAX_TEXT],
            sort=sort,
            ascending=sent.get("order") == "asc",
            page=numbers.page(sent, MAX_PAGE),
        ),
    )


def lists(asked: Asked) -> list[tuple[Scope, str, int]]:
    """The lists one may go to, each with its address (what narrows it is kept) and its length."""
    scopes: list[Scope] = ["mine", "copied"]
    if viewer().organisations:
        scopes.append("organisation")
    if viewer().is_agent:
        scopes = ["all", *scopes]
    counts = ticket_lists.scope_counts(db(), viewer(), scopes)
    return [(scope, asked.url(scope=scope), counts[scope]) for scope in scopes]


def titles(words: Words) -> dict[Scope, str]:
    """What the lists are called."""
    _ = words.translate
    return {
        "mine": _("My requests"),
        "copied": _("Requests I am copied on"),
        "organisation": _("Requests of my organisation"),
        "all": _("All requests"),
    }


def as_file(wanted: ListFilter, words: Words) -> Response:
    """Every request of the filter, as a file for a spreadsheet."""
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
        _("Opened"),
        _("Updated"),
    )

    def rows() -> Iterator[list[str]]:
        for row in ticket_lists.csv_rows(db(), viewer(), wanted):
            cells = list(row)
            cells[2] = str(words.status_name(row[2]))
            cells[3] = str(words.severity_name(row[3]))
            yield cells

    return spreadsheet(f"{_('requests')}-{datetime.now(UTC).date()}", headings, rows())
