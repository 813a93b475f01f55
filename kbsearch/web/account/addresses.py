"""The page behind the link that confirms another address; opening it changes nothing."""

from flask import Blueprint
from werkzeug.wrappers import Response

from kbsearch import i18n
from kbsearch.errors import Invalid
from kbsearch.people.accounts import addresses
from kbsearch.web.account.preferences import hidden
from kbsearch.web.account.signing_in import refused
from kbsearch.web.render import db, language, render

bp = Blueprint("addresses", __name__)


@bp.get("/address/<token>")
def show(token: str) -> Response:
    return page(token)


@bp.post("/address/<token>")
def confirm(token: str) -> Response:
    try:
        change = addresses.confirm(db(), token)
    except Invalid as problem:
        return refused(page(token, i18n.explain(problem, language())), problem)
    return hidden(render("account/address.html", change=change, token="", told=""))


def page(token: str, told: str = "") -> Response:
    change = addresses.peek(db(), token)
    return hidden(render("account/address.html", change=change, token=token, told=told))
