"""The gap board: what people look for and do not find, and what is done about each."""

import json
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import access, articles, i18n, revisions
from kbsearch.access import CUSTOMERS, EVERYONE, Viewer
from kbsearch.articles import Card, gaps
from kbsearch.articles.gaps import Gap, GapPhrase, Shelf
from kbsearch.clock import utc_now
from kbsearch.errors import Invalid, NotFound, Problem
from kbsearch.search import Hit, Question
from kbsearch.search.fulltext.text import detect_language
from kbsearch.web import code_names
from kbsearch.web.admin.forms import revision
from kbsearch.web.desk.spreadsheets import spreadsheet
from kbsearch.web.render import db, go_to, language, person, render, site, spoken_language, viewer

BOARD: Mapping[Shelf, tuple[Shelf, ...]] = {  # a page has other shelves below its own
    "open": ("open", "guests"),
    "hidden": ("hidden",),
    "closed": ("closed",),
    "dismissed": ("dismissed",),
}
KINDS = ("empty", "ignored", "filed", "vote", "case")  # what is counted of a gap
MOST_TRIED = 5  # phrases searched again
DEEPEST = 20  # results
SURE = 3  # the rank that the check of articles asks of a phrase
MOST_OFFERED = 5  # articles that may answer
MOST_WRITTEN = 8  # phrases that a draft begins with
MOST_IN_FILE = 10_000

bp = Blueprint("gaps", __name__)


class Trial(NamedTuple):
    """Where a phrase finds the article today; no rank when it does not."""

    phrase: GapPhrase
    rank: int | None


@bp.before_request
def only_staff() -> None:
    access.only_staff(person(), "gap.not_found")


@bp.get("/desk/gaps")
def index() -> Response:
    name = request.args.get("shelf", "")
    shelf: Shelf = next((key for key in BOARD if key == name), "open")
    if request.args.get("format") == "csv":
        return as_file(shelf)
    return render(
        "writing/gaps.html",
        shelves={section: gaps.list_all(db(), viewer(), section) for section in BOARD[shelf]},
        shelf=shelf,
        counts=gaps.count(db(), viewer()),
        single=gaps.count_single(db(), viewer()),
    )


@bp.get("/desk/gaps/G-<int:number>")
def show(number: int) -> Response:
    return page(gaps.find(db(), viewer(), number))


@bp.post("/desk/gaps/G-<int:number>")
def decide(number: int) -> Response:
    """Dismiss a gap, say which article answers it, or put it back; `state` says what of these."""
    gap, fields = gaps.find(db(), viewer(), number), request.form
    state = fields.get("state", "")
    try:
        if state == "dismissed":
            gaps.dismiss(db(), viewer(), gap, fields.get("reason", ""), revision=revision())
        elif state == "answered":
            gaps.answer_by(db(), viewer(), gap, article_named(), revision=revision())
        elif state == "open":
            gaps.reopen(db(), viewer(), gap, revision=revision())
        else:
            raise Invalid("gap.state_unknown")
    except Invalid as problem:
        return page(gap, problem)
    return go_to(f"/{language()}/desk/gaps/{gap.name}?done={state}")


def page(gap: Gap, wrong: Problem | None = None) -> Response:
    phrases = gaps.phrases(db(), viewer(), gap)
    answer = articles.find_path(db(), viewer(), gap.answer) if gap.answer else None
    trials = tried(phrases, answer) if answer else []
    passed_over = gaps.passed_over(db(), viewer(), gap)
    response = render(
        "writing/gap.html",
        gap=gap,
        revision=revision() or revisions.of(gaps.decision_texts(gap)),
        phrases=phrases,
        passed_over=passed_over,
        hidden_answers=gaps.hidden_answers(db(), viewer(), gap),
        requests=gaps.requests(db(), viewer(), gap),
        answer=answer,
        trials=trials,
        yaml=found_by(trials, answer) if answer else "",
        judged=articles.find_path(db(), viewer(), gap.path) if gap.path else None,
        offered=offered(gap) if gap.state == "open" else [],
        writing=writing(gap, phrases),
        wrong=i18n.explain(wrong, language()) if wrong else "",
        sent=request.form,
        done=request.args.get("done", ""),
    )
    response.status_code = wrong.status if wrong else 200
    return response


def tried(phrases: list[GapPhrase], answer: Card) -> list[Trial]:
    """The phrases searched again, as those would whom the article is for."""
    reader = Viewer(role="customer", principals=(EVERYONE, CUSTOMERS, answer.audience))
    return [Trial(phrase, rank_of(reader, phrase.text, answer)) for phrase in phrases[:MOST_TRIED]]


def rank_of(reader: Viewer, text: str, answer: Card) -> int | None:
    question = Question(text, language=answer.language, kind="article", limit=DEEPEST)
    paths = [hit.id for hit in site().search.ask(reader, question).hits]
    return paths.index(answer.path) + 1 if answer.path in paths else None


def found_by(trials: list[Trial], answer: Card) -> str:
    """The front matter that makes sure of the phrases that do not find it; empty for none."""
    missed = [trial.phrase.text for trial in trials if trial.rank is None or trial.rank > SURE]
    name = "trouvable_par" if answer.language == "fr" else "found_by"
    lines = [f"  - {json.dumps(text, ensure_ascii=False)}" for text in missed]
    return "\n".join([f"{name}:", *lines]) if missed else ""


def offered(gap: Gap) -> list[Hit]:
    """Articles that may answer it already."""
    question = Question(
        gap.title, language=detect_language(gap.title), kind="article", limit=MOST_OFFERED
    )
    results = site().search.ask(viewer(), question)
    return [*results.hits, *results.far, *results.other_language][:MOST_OFFERED]


def article_named() -> str:
    """The article that was chosen, or whose address was typed."""
    address = request.form.get("address", "").strip()
    if not address:
        return request.form.get("article", "")
    try:
        parts = urlsplit(address).path.strip("/").split("/")
    except ValueError:  # half an address
        return ""
    if len(parts) == 3 and parts[1] == "articles":
        try:
            return articles.find(db(), viewer(), parts[0], parts[2]).path
        except NotFound:
            return ""
    return "/".join(parts)


def writing(gap: Gap, phrases: list[GapPhrase]) -> str:
    """Where an article about it is begun, with the words people typed and their requests."""
    texts = [phrase.text for phrase in phrases[:MOST_WRITTEN]]
    numbers = [ticket.number for ticket in gaps.requests(db(), viewer(), gap)]
    values = {
        "gap": gap.name,
        "title": gap.title,
        "phrases": "\n".join(texts),
        "language": detect_language(gap.title),
        "product": gap.products[0] if len(gap.products) == 1 else "",
        "ticket": numbers,
    }
    args = {name: value for name, value in values.items() if value}
    return f"/{language()}/desk/articles/new?{urlencode(args, doseq=True)}"


def as_file(shelf: Shelf) -> Response:
    """The gaps of a page of the board as a CSV file, in its order."""
    spoken = spoken_language()
    _ = spoken.translate
    headings = (
        _("Gap"),
        _("What people typed"),
        _("People"),
        _("Networks of guests"),
        _("Who may not read it"),
        _("Organisations"),
        _("Software"),
        *(spoken.named(code_names.SIGNALS, kind) for kind in KINDS),
        _("First seen"),
        _("Last seen"),
        _("Answer"),
    )
    rows = [
        (
            gap.name,
            gap.title,
            gap.people,
            gap.guests,
            gap.hidden_people,
            gap.organisations,
            ", ".join(map(spoken.product_name, gap.products)),
            *(gap.counts.get(kind, 0) for kind in KINDS),
            gap.first_at,
            gap.last_at,
            gap.answer or gap.reason,
        )
        for section in BOARD[shelf]
        for gap in gaps.list_all(db(), viewer(), section, MOST_IN_FILE)
    ]
    return spreadsheet(f"{_('gaps')}-{utc_now().date()}", headings, rows)
