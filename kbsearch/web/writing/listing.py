"""Every article in a list for those who write: filtered, sorted, and changed many at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import access, i18n
from kbsearch.articles.writing import bulk, listing
from kbsearch.articles.writing.bulk import Done
from kbsearch.articles.writing.listing import PAGE, SORTS, STATES, ArticleFilter, Sort
from kbsearch.articles.writing.proposals import GateClosed
from kbsearch.errors import Conflict, Forbidden, Invalid, Problem, Unavailable
from kbsearch.web import numbers, patience
from kbsearch.web.render import db, go_to, language, person, render, site, viewer
from kbsearch.web.writing.form import category_names

MAX_PAGE = 10_000
MAX_TEXT = 200
LONGEST_QUERY = 2_000
FIRST_DESCENDING = ("views", "findings")  # the most first

bp = Blueprint("article_list", __name__)


@dataclass(frozen=True)
class ArticleListAddress:
    """The filter that an address says, and the addresses of others."""

    filter: ArticleFilter

    @classmethod
    def of(cls, args: Mapping[str, str]) -> "ArticleListAddress":
        """Whatever makes no sense in it is left out."""

        def one(name: str) -> str:
            return args.get(name, "")[:MAX_TEXT].strip()

        sort: Sort = next((each for each in SORTS if each == one("sort")), "title")
        chosen = ArticleFilter(
            text=one("q"),
            language=one("language") if one("language") in site().settings.languages else "",
            category=one("category"),
            tag=one("tag"),
            owner=one("owner"),
            state=next((each for each in STATES if each == one("state")), ""),
            sort=sort,
            is_descending=one("order") == "down",
            page=numbers.page(args, MAX_PAGE),
        )
        return cls(chosen)

    def query(self, **changes: Any) -> str:
        """The filter as an address has it, on its first page unless told otherwise."""
        chosen = replace(self.filter, **{"page": 1, **changes})
        pairs = {name: getattr(chosen, name) for name in ("language", "category", "tag", "owner")}
        pairs |= {"q": chosen.text, "state": chosen.state}
        pairs |= {"sort": chosen.sort if chosen.sort != "title" else ""}
        pairs |= {"order": "down" if chosen.is_descending else ""}
        pairs |= {"page": chosen.page if chosen.page > 1 else ""}
        return urlencode({name: value for name, value in pairs.items() if value})

    def url(self, **changes: Any) -> str:
        return f"/{language()}/desk/articles/all?{self.query(**changes)}"

    def sorted_url(self, sort: str) -> str:
        """The order of a head; of the head that is chosen, the other way round."""
        is_chosen = self.filter.sort == sort
        down = not self.filter.is_descending if is_chosen else sort in FIRST_DESCENDING
        return self.url(sort=sort, is_descending=down)

    def direction(self, sort: str) -> str:
        """What a head says of the order, for those who do not see it."""
        if self.filter.sort != sort:
            return ""
        return "descending" if self.filter.is_descending else "ascending"


@bp.before_request
def only_staff() -> None:
    access.only_staff(person())


@bp.get("/desk/articles/all")
def show() -> Response:
    """The articles of a filter; `done` and `commit` say what was just changed."""
    return page(ArticleListAddress.of(request.args))


@bp.post("/desk/articles/all")
def change() -> Response:
    """Move, tag or archive the chosen articles; the list stays as it was."""
    address = ArticleListAddress.of(dict(parse_qsl(request.form.get("back", "")[:LONGEST_QUERY])))
    chosen, act = request.form.getlist("chosen"), request.form.get("act", "")
    patience.ask_for(patience.EXPORT)
    try:
        if act == "move":
            category = request.form.get("category", "")
            done = bulk.move(db(), viewer(), site().settings, chosen, category)
        elif act == "tag":
            word = request.form.get("word", "")
            done = bulk.tag(db(), viewer(), site().settings, chosen, word)
        elif act == "archive":
            done = bulk.archive(db(), viewer(), site().settings, chosen)
        else:
            raise Invalid("article_bulk.act_unknown")
    except (Conflict, Forbidden, Invalid, Unavailable) as problem:
        return page(address, problem)
    return after(address, done, str(len(chosen)))


@bp.post("/desk/articles/all/undo")
def undo() -> Response:
    """Take back a change of many."""
    address = ArticleListAddress.of(dict(parse_qsl(request.form.get("back", "")[:LONGEST_QUERY])))
    patience.ask_for(patience.EXPORT)
    try:
        done = bulk.undo(db(), viewer(), site().settings, request.form.get("commit", ""))
    except (Conflict, Forbidden, Invalid, Unavailable) as problem:
        return page(address, problem)
    return after(address, done, "")


def after(address: ArticleListAddress, done: Done, count: str) -> Response:
    """Back to the list with the way to undo; to the branch where others must look first."""
    if done.branch:
        return go_to(f"/{language()}/preview/{done.branch}/?proposed=1")
    outcome = urlencode({"done": count or "undone", "commit": done.commit})
    return go_to(f"{address.url(page=address.filter.page)}&{outcome}")


def page(address: ArticleListAddress, problem: Problem | None = None) -> Response:
    found = listing.list_page(db(), viewer(), address.filter)
    done = request.args.get("done", "")
    commit = request.args.get("commit", "")
    names = {tongue: category_names(tongue) for tongue in site().settings.languages}
    response = render(
        "writing/list.html",
        None,
        address=address,
        found=found,
        last=min(max(-(-found.total // PAGE), 1), MAX_PAGE),
        states=STATES[1:],
        categories=names[address.filter.language or language()],
        names=names,
        chosen=set(request.form.getlist("chosen")),
        word=request.form.get("word", ""),
        problem=i18n.explain(problem, language()) if problem else "",
        refusals=problem.findings if isinstance(problem, GateClosed) else (),
        done=numbers.whole(done),
        is_undone=done == "undone",
        commit=commit if commit.isalnum() else "",
    )
    response.status_code = problem.status if problem else 200
    return response
