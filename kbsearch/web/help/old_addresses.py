"""Addresses of the system that was here before: 301 to where what they named lives now."""

from flask import Blueprint, Flask, redirect, request, url_for
from werkzeug.exceptions import NotFound as NoRoute
from werkzeug.wrappers import Response

from kbsearch import articles
from kbsearch.articles import categories
from kbsearch.web.render import db, hidden_or_missing, language, viewer

bp = Blueprint("old_addresses", __name__)


def watch(app: Flask) -> None:
    """Look where a page went before saying that there is none at its address."""
    app.before_request(lead)


@bp.get("/hc/<path:address>")
def guide(address: str) -> Response:
    """An address of Zendesk Guide, with or without a language, and whatever words are in it."""
    response = moved()
    if response is None:
        raise hidden_or_missing()
    return response


def lead() -> Response | None:
    """The way to an article from an address that is none here."""
    is_read = request.method in ("GET", "HEAD")
    return moved() if is_read and isinstance(request.routing_exception, NoRoute) else None


def moved() -> Response | None:
    """The way to the article or the category that had this address, for those who may see it."""
    article = articles.find_old(db(), viewer(), request.path, language())
    if article is not None:
        return redirect(url_for("help.article", lang=article.language, slug=article.slug), 301)
    tongue, path = categories.find_old(db(), viewer(), request.path, language())
    return redirect(url_for("help.category", lang=tongue, category=path), 301) if tongue else None
