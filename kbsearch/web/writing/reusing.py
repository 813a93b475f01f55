"""What articles point at, for those who write: what uses what, and links that lead nowhere."""

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


@bp.get("/desk/articles/links-to-others")
def links() -> Response:
    """The addresses of other sites that are no more, each with the articles that lead there."""
    broken = reusing.list_broken_links(db(), viewer(), site().settings)
    return render("writing/external_links.html", broken=broken)
