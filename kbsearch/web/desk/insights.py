"""Insights: the help centre in numbers, with charts beside their tables, what they count, files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import access, articles, i18n, insights, people
from kbsearch.errors import Invalid
from kbsearch.insights import (
    COMPARED,
    COUNTED,
    Compared,
    Counted,
    Period,
    Shared,
    deflection,
)
from kbsearch.insights.deflection import (
    LACKS,
    OUTCOMES,
    ReadArticle,
    Visit,
    VisitFilter,
    VisitSearch,
)
from kbsearch.insights.handling import GROUPS, Group
from kbsearch.people.profiles import DEFAULT_TIME_ZONE
from kbsearch.promises import targets
from kbsearch.timekeeping import sums
from kbsearch.web import numbers
from kbsearch.web.desk.spreadsheets import archive, spreadsheet
from kbsearch.web.render import db, language, person, render, viewer

PRESETS = (7, 30, 90, 365)
BLOCKS = ("weeks", "articles", "queries", *GROUPS, "satisfaction", "hours", "time")
MOST_SHOWN = 20  # articles, queries and tags on the page; the file has all of them
PAGE_SIZE = 50
MAX_PAGE = 10_000
MAX_TEXT = 300

bp = Blueprint("insights", __name__)


@dataclass(frozen=True)
class InsightsAddress:
    """What an address asks for: a period, and the one it is compared with."""

    language: str
    period: Period
    compare: Compared = "before"

    def url(self, page: str = "", **more: object) -> str:
        """A page of these insights, with what else it is told."""
        args: dict[str, object] = {"from": self.period.first, "to": self.period.last}
        if self.compare != "before":
            args["compare"] = self.compare
        args |= {name: value for name, value in more.items() if value not in ("", None)}
        return f"/{self.language}/desk/insights{page}?{urlencode(args)}"

    def over(self, period: Period, page: str = "", **more: object) -> str:
        """The same of another period."""
        return replace(self, period=period).url(page, **more)


@bp.before_request
def only_agents() -> None:
    access.only_agents(person())


@bp.get("/desk/insights")
def show() -> Response:
    """All numbers of the period in the address; one block, or all, as a file when asked for."""
    problem = ""
    try:
        address = read_address()
    except Invalid as wrong:
        problem, address = (
            i18n.explain(wrong, language()),
            InsightsAddress(language(), period("", "")),
        )
    block = request.args.get("csv", "")
    days = f"{address.period.first}-{address.period.last}"
    if block == "all":
        figures = Figures(address.period)
        return archive(f"insights-{days}", ((name, rows(name, figures)) for name in BLOCKS))
    if block in BLOCKS:
        headings, *lines = rows(block, Figures(address.period))
        return spreadsheet(f"{block}-{days}", headings, lines)
    visits = insights.visits(db(), viewer(), address.period)
    then = address.period.compared(address.compare)
    visits_then = insights.visits(db(), viewer(), then) if then else []
    read, queries = deflection.articles(visits), deflection.queries(visits)
    response = render(
        "desk/insights.html",
        asked=address,
        problem=problem,
        presets=[(days, preset(address.period, days)) for days in PRESETS],
        compared=then,
        now=deflection.ledger(visits),
        then=deflection.ledger(visits_then) if then else None,
        weeks=insights.weeks(db(), viewer(), address.period, visits),
        weeks_then=insights.weeks(db(), viewer(), then, visits_then) if then else [],
        read=[(article, title(article)) for article in read[:MOST_SHOWN]],
        more_read=len(read) - MOST_SHOWN,
        queries=queries[:MOST_SHOWN],
        more_queries=len(queries) - MOST_SHOWN,
        groups=[
            (by, groups[: MOST_SHOWN if by == "tag" else None])
            for by, groups in insights.shared(db(), viewer(), address.period).items()
        ],
        spent=sums.by_month(db(), viewer(), str(address.period.first), str(address.period.last)),
        opinion=insights.opinion(db(), viewer(), address.period),
        opinion_then=insights.opinion(db(), viewer(), then) if then else None,
        has_hours=any(target.calendar for target in targets.live(db())),
        thanked=insights.thanked(db(), viewer(), address.period),
        small=insights.SMALL,
    )
    response.status_code = 422 if problem else 200
    return response


@bp.get("/desk/insights/searches")
def list_searches() -> Response:
    """The visits, or with `of=searches` the searches, that a number counts."""
    address, args = read_address(), request.args
    criteria = VisitFilter(
        outcome=next((outcome for outcome in OUTCOMES if outcome == args.get("outcome")), None),
        lack=next((lack for lack in LACKS if lack == args.get("lack")), None),
        path=args.get("path", "")[:MAX_TEXT],
        key=args.get("key", "")[:MAX_TEXT],
    )
    visits = insights.visits(db(), viewer(), address.period)
    matches: list[tuple[tuple[VisitSearch, ...], Visit]]
    if is_of_searches := args.get("of") == "searches":
        matches = [((search,), visit) for search, visit in deflection.searches(visits, criteria)]
    else:
        matches = [(visit.searches, visit) for visit in deflection.matching(visits, criteria)]
    matches.sort(key=lambda match: match[0][-1].at, reverse=True)
    return counted_page(
        "desk/counted_searches.html",
        address,
        matches,
        list,
        wanted=criteria,
        is_of_searches=is_of_searches,
    )


@bp.get("/desk/insights/requests")
def list_requests() -> Response:
    """The requests that a number counts."""
    address, args = read_address(), request.args
    what: Counted = next((kind for kind in COUNTED if kind == args.get("what")), "opened")
    by: Group | None = next((group for group in GROUPS if group == args.get("by")), None)
    name = args.get("name", "")[:MAX_TEXT]
    ids = insights.counted(db(), viewer(), address.period, what, by, name)
    return counted_page(
        "desk/counted_requests.html",
        address,
        ids,
        lambda some: insights.lines(db(), viewer(), some),
        what=what,
        by=by,
        name=name,
    )


def counted_page(
    template: str,
    address: InsightsAddress,
    items: list[Any],
    tell: Callable[[list[Any]], list[Any]],
    **more: Any,
) -> Response:
    """A page of what a number counts: `tell` makes lines of those that are on it."""
    last = max(1, -(-len(items) // PAGE_SIZE))
    number = min(numbers.page(request.args, MAX_PAGE), last)
    args = {name: value for name, value in request.args.items() if name not in ("page", "csv")}
    return render(
        template,
        asked=address,
        total=len(items),
        some=tell(items[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]),
        number_of_page=number,
        last=last,
        page_url=lambda page: f"{request.path}?{urlencode({**args, 'page': page})}",
        **more,
    )


def read_address() -> InsightsAddress:
    """The insights an address asks for; raises Invalid for days that are none."""
    args = request.args
    days = period(args.get("from", "")[:20], args.get("to", "")[:20])
    compare: Compared = next(
        (choice for choice in COMPARED if choice == args.get("compare")), COMPARED[0]
    )
    return InsightsAddress(language(), days, compare)


def period(first: str, last: str) -> Period:
    """Days are those of the viewer."""
    me = people.find_id(db(), viewer().person_id or "")
    return insights.period(first, last, zone=me.time_zone or DEFAULT_TIME_ZONE)


def preset(current: Period, days: int) -> Period:
    """So many days until today."""
    today = insights.period("", "", zone=current.zone).last
    return replace(current, first=today - timedelta(days=days - 1), last=today)


def title(read: ReadArticle) -> str:
    """What an article is called now; its path when it is no more."""
    card = articles.find_path(db(), viewer(), read.path)
    return card.title if card else read.path


class Figures:
    """What the files of a period are made of: several need the same, which is read once."""

    def __init__(self, period: Period) -> None:
        self.period = period

    @cached_property
    def visits(self) -> list[Visit]:
        return insights.visits(db(), viewer(), self.period)

    @cached_property
    def shared(self) -> dict[Group, list[Shared]]:
        return insights.shared(db(), viewer(), self.period)


def rows(block: str, figures: Figures) -> Iterator[tuple[object, ...]]:
    """What a file has of a block, its headings first: the names are those of the format."""
    period = figures.period
    by = next((group for group in GROUPS if group == block), None)
    if by is not None:
        yield from group_rows(by, figures)
    elif block == "hours":
        yield from month_rows(period)
    elif block == "time":
        yield from time_rows(period)
    elif block == "satisfaction":
        yield ("number", "good", "why", "at")
        yield from insights.opinion(db(), viewer(), period).words
    else:
        visits = figures.visits
        if block == "weeks":
            yield from week_rows(period, visits)
        elif block == "articles":
            yield ("article", "visits", "confirmed", "assumed", "failed")
            for article in deflection.articles(visits):
                yield (
                    article.path,
                    article.visits,
                    article.confirmed,
                    article.assumed,
                    article.failed,
                )
        else:
            names = ("searches", "without_results", "without_clicks", *OUTCOMES[:3])
            yield ("query", *names)
            for query in deflection.queries(visits):
                yield (query.text, *(getattr(query, name) for name in names))


def week_rows(period: Period, visits: list[Visit]) -> Iterator[tuple[object, ...]]:
    names = ("searches", "without_results", "visits", *OUTCOMES[:3])
    yield ("from", "to", *names, "opened", "solved", "without_clicks")
    for week in insights.weeks(db(), viewer(), period, visits):
        counts = [getattr(week.ledger, name) for name in names]
        ends = (week.opened, week.solved, week.ledger.without_clicks)
        yield (week.period.first, week.period.last, *counts, *ends)


def group_rows(by: Group, figures: Figures) -> Iterator[tuple[object, ...]]:
    yield (
        by, "opened", "answered", "first_answer_median_h", "first_answer_p90_h", "solved",
        "solution_median_h", "solution_p90_h", "reopened", "first_answer_median_open_h",
        "first_answer_p90_open_h", "solution_median_open_h", "solution_p90_open_h",
    )  # fmt: skip
    for row in figures.shared[by]:
        first, last = row.first_answer, row.solution
        yield (
            row.name, row.opened, first.count, hours(first.median), hours(first.p90),
            last.count, hours(last.median), hours(last.p90), row.reopened,
            *(hours(value) for times in (row.first_answer_open, row.solution_open)
              for value in (times.median, times.p90)),
        )  # fmt: skip


def month_rows(period: Period) -> Iterator[tuple[object, ...]]:
    """Hours by organisation and month, beside those of its contract."""
    yield ("month", "organisation", "contract", "hours", "requests", "budget_hours", "budget_span")
    for row in sums.by_month(db(), viewer(), str(period.first), str(period.last)):
        budget = hours(row.budget_minutes / 60 if row.budget_minutes else None)
        spent = hours(row.minutes / 60)
        names = (row.month, row.organisation, row.contract)
        yield (*names, spent, row.requests, budget, row.budget_span)


def time_rows(period: Period) -> Iterator[tuple[object, ...]]:
    """Every entry, as the accounts take it."""
    yield ("day", "organisation", "contract", "request", "subject", "person", "hours", "note")
    for line in sums.lines(db(), viewer(), str(period.first), str(period.last)):
        names = (line.day, line.organisation, line.contract, line.number, line.subject)
        yield (*names, line.person, hours(line.minutes / 60), line.note)


def hours(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
