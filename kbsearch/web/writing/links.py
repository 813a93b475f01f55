"""Articles to lead to from one that is written: `[[` and a few words offer them."""

from typing import NamedTuple

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import access, articles
from kbsearch.search import Question
from kbsearch.web.render import db, language, person, render, site, viewer

MAX_TEXT = 100
MOST = 8

bp = Blueprint("article_links", __name__)


class LinkOffer(NamedTuple):
    """An article, and what the text has to say to lead there."""

    name: str
    language: str
    text: str


@bp.before_request
def only_staff() -> None:
    access.only_staff(person())


@bp.get("/desk/articles/links")
def offer() -> Response:
    """The first articles for some words, in the language that is written."""
    tongue = request.args.get("language", "")
    tongue = tongue if tongue in site().settings.languages else language()
    words = request.args.get("q", "")[:MAX_TEXT]
    question = Question(words, language=tongue, kind="article", only_language=tongue, limit=MOST)
    hits = site().search.ask(viewer(), question).hits if words.strip() else ()
    cards = articles.list_paths(db(), viewer(), [hit.id for hit in hits]).values()
    offered = [LinkOffer(card.title, card.language, f"[[{card.slug}]]") for card in cards]
    return render("writing/_links.html", offered=offered)
