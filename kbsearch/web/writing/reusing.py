"""The pieces that articles have in common, for those who write: what uses what."""

from flask import Blueprint
from werkzeug.wrappers import Response

from kbsearch import access
from kbsearch.articles.writing import reusing
from kbsearch.web.render import db, person, render, site, viewer

bp = Blueprint("reused_pieces", __name__)


@bp.before_request
def only_staff() -> None:
    access.only_staff(person())


@bp.get("/desk/articles/reuse")
def show() -> Response:
    """Snippets, variables and sections, each with the articles that take it in."""
    pieces = reusing.list_all(db(), viewer(), site().settings)
    return render("writing/reuse.html", pieces=pieces)
