"""The page behind the link of a mail that turns its kind off; mail programs post to it."""

from flask import Blueprint
from werkzeug.wrappers import Response

from kbsearch.messages.notifications import opt_outs
from kbsearch.web.render import db, render, site
from kbsearch.web.tickets.satisfaction import hidden

bp = Blueprint("opt_outs", __name__)


@bp.get("/unsubscribe/<token>")
def ask(token: str) -> Response:
    """Opening the link turns nothing off: scanners of mail open every link."""
    return page(token, is_done=False)


@bp.post("/unsubscribe/<token>")
def unsubscribe(token: str) -> Response:
    """Without signing in, and answered by a page: RFC 8058 allows no redirection."""
    opt_outs.follow(db(), opt_outs.read(site().settings, token))
    return page(token, is_done=True)


def page(token: str, *, is_done: bool) -> Response:
    opt_out = opt_outs.read(site().settings, token)
    return hidden(render("account/unsubscribe.html", event=opt_out.event, is_done=is_done))
