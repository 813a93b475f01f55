"""Insights: the help centre in numbers, with charts beside their tables, and as files."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import access, i18n, insights
from kbsearch.errors import Invalid
from kbsearch.insights import Period
from kbsearch.web.render import db, language, person, render, viewer
from kbsearch.web.spreadsheets import spreadsheet

PRESETS = (7, 30, 90, 365)
BLOCKS = ("weeks", "product", "organisation", "severity", "satisfaction")

bp = Blueprint("insights", __name__)


@bp.before_request
def only_agents() -> None:
    access.only_agents(person())


@bp.get("/desk/insights")
def show() -> Response:
    """All numbers of the period in the address; one block as a file when that is asked for."""
    problem = ""
    try:
        asked = insights.period(request.args.get("from", "")[:20], request.args.get("to", "")[:20])
    except Invalid as wrong:
        problem, asked = i18n.explain(wrong, language()), insights.period("", "")
    block = request.args.get("csv", "")
    if block in BLOCKS:
        headings, *lines = rows(block, asked)
        return spreadsheet(f"{block}-{asked.first}-{asked.last}", headings, lines)
    today = datetime.now(UTC).date()
    response = render(
        "desk/insights.html",
        asked=asked,
        problem=problem,
        presets=[(days, Period(today - timedelta(days=days - 1), today)) for days in PRESETS],
        now=insights.deflection(db(), viewer(), asked),
        then=insights.deflection(db(), viewer(), asked.before),
        weeks=insights.weeks(db(), viewer(), asked),
        groups=[(name, insights.requests(db(), viewer(), asked, name)) for name in insights.GROUPS],
        opinion=insights.opinion(db(), viewer(), asked),
        opinion_before=insights.opinion(db(), viewer(), asked.before),
        small=insights.SMALL,
    )
    response.status_code = 422 if problem else 200
    return response


def rows(block: str, asked: Period) -> Iterator[tuple[object, ...]]:
    """What a file has of a block, its headings first: the names are those of the format."""
    if block == "weeks":
        names = ("searches", "without_results", "visits", "confirmed", "assumed", "failed")
        yield ("from", "to", *names, "opened", "solved")
        for week in insights.weeks(db(), viewer(), asked):
            told = [getattr(week.ledger, name) for name in names]
            yield (week.period.first, week.period.last, *told, week.opened, week.solved)
    elif block == "satisfaction":
        yield ("number", "good", "why", "at")
        yield from insights.opinion(db(), viewer(), asked).words
    else:
        yield (
            block, "opened", "answered", "first_answer_median_h", "first_answer_p90_h", "solved",
            "solution_median_h", "solution_p90_h", "reopened",
        )  # fmt: skip
        for each in insights.requests(db(), viewer(), asked, block):
            first, last = each.first_answer, each.solution
            yield (
                each.name, each.opened, first.count, hours(first.median), hours(first.p90),
                last.count, hours(last.median), hours(last.p90), each.reopened,
            )  # fmt: skip


def hours(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
