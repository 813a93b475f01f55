"""What became of an article, for those who write: its versions, and what two of them differ in."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import access, articles
from kbsearch.articles.publishing import history
from kbsearch.articles.publishing.history import Version
from kbsearch.web.render import db, person, render, site, viewer

bp = Blueprint("history", __name__)


@bp.get("/desk/articles/<tongue>/<slug>/history")
def show(tongue: str, slug: str) -> Response:
    """The versions, and the difference of `to` from `from`, or from the one before it."""
    access.only_staff(person(), "article.not_found")
    settings = site().settings
    article = articles.find(db(), viewer(), tongue, slug)
    versions = history.list_all(settings, articles.find_file(db(), viewer(), article.path))
    newer = history.find(versions, request.args["to"]) if request.args.get("to") else None
    older = older_than(versions, newer) if newer else None
    return render(
        "writing/history.html",
        article=article,
        versions=versions,
        older=older,
        newer=newer,
        lines=history.difference(settings, older, newer) if newer else [],
    )


def older_than(versions: list[Version], newer: Version) -> Version | None:
    """The other one of two, or the one before; none for the first."""
    if request.args.get("from"):
        return history.find(versions, request.args["from"])
    below = versions[versions.index(newer) + 1 :]
    return below[0] if below else None
