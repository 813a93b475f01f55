"""Words to add: synonyms and search phrases that a writer accepts into a commit."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import access, i18n
from kbsearch.articles.writing import vocabulary
from kbsearch.articles.writing.proposals import GateClosed
from kbsearch.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from kbsearch.web import patience
from kbsearch.web.render import db, go_to, language, person, render, site, viewer

bp = Blueprint("vocabulary", __name__)


@bp.before_request
def only_staff() -> None:
    access.only_staff(person())


@bp.get("/desk/vocabulary")
def index() -> Response:
    return page()


@bp.post("/desk/vocabulary")
def accept() -> Response:
    """Commit one proposal; to the branch where others must look first."""
    proposal = request.form.get("proposal", "")
    patience.ask_for(patience.EXPORT)
    try:
        done = vocabulary.accept(db(), viewer(), site().settings, proposal)
    except (Conflict, Forbidden, Invalid, NotFound) as problem:
        return page(problem)
    if done.branch:
        return go_to(f"/{language()}/preview/{done.branch}/?proposed=1")
    return go_to(f"/{language()}/desk/vocabulary?done=1")


def page(problem: Problem | None = None) -> Response:
    response = render(
        "writing/vocabulary.html",
        proposals=vocabulary.proposals(db(), viewer(), site().settings),
        problem=i18n.explain(problem, language()) if problem else "",
        refusals=problem.findings if isinstance(problem, GateClosed) else (),
        is_done=request.args.get("done") == "1",
    )
    response.status_code = problem.status if problem else 200
    return response
