"""What is on its way out, for agents: waiting, failed, given up, why, and sending it again."""

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from kbsearch import i18n, sendings
from kbsearch.errors import Invalid, NotFound
from kbsearch.web.render import db, language, render, viewer

bp = Blueprint("deliveries", __name__)


@bp.get("/desk/deliveries")
def index() -> Response:
    return page()


@bp.post("/desk/deliveries/<id>")
def send_again(id: str) -> Response:
    try:
        sendings.again(db(), viewer(), id)
    except Invalid as problem:
        return page(i18n.explain(problem, language()))
    except NotFound as problem:
        if not viewer().is_agent:
            raise
        return page(i18n.explain(problem, language()))
    return redirect(f"/{language()}/desk/deliveries?done=again", 303)


def page(wrong: str = "") -> Response:
    response = render(
        "desk/deliveries.html",
        found=sendings.list_all(db(), viewer()),
        wrong=wrong,
        is_done=request.args.get("done") == "again",
    )
    response.status_code = 422 if wrong else 200
    return response
