"""/access/jwt: people handed over by the vendor's own application, at the address Zendesk uses."""

from urllib.parse import urlencode

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from kbsearch.errors import NotFound, Problem
from kbsearch.people.accounts.single_sign_on import handovers
from kbsearch.people.accounts.single_sign_on.handovers import Handover
from kbsearch.web import security
from kbsearch.web.account import preferences, tokens
from kbsearch.web.account.signing_in import go_on
from kbsearch.web.account.single_sign_on import failed
from kbsearch.web.render import db, render, site, viewer

bp = Blueprint("handovers", __name__)


@bp.before_request
def only_with_a_secret() -> None:
    """Where none is shared, nobody is handed over."""
    if not site().settings.jwt_shared_secret:
        raise NotFound("web.not_found")


@bp.get("/access/jwt")
def arrive() -> Response:
    """Sign in whom the token names. A GET with an effect, as applications written for Zendesk send.

    What bounds it: a signature, three minutes, a single use. Whoever is signed in as somebody else
    is asked first, so that nobody can slip another account under a person at work.
    """
    token = request.args.get("jwt", "")
    try:
        handover = handovers.read(site().settings, token)
        if _is_somebody_else(handover):
            page = render("account/handover.html", handover=handover, token=token, back=_back())
            return preferences.hidden(page)
        return _admitted(handover)
    except Problem as problem:
        return failed(problem, None)


@bp.post("/access/jwt")
def forward() -> Response:
    """Go on with the GET: the browser sends no cookie with what another site posts."""
    fields = {name: request.form.get(name, "") for name in ("jwt", "return_to")}
    return preferences.hidden(redirect(f"/access/jwt?{urlencode(fields)}", 303))


@bp.post("/access/jwt/confirmed")
def confirm() -> Response:
    """Change places with whoever was signed in; the button of our own page says so."""
    try:
        return _admitted(handovers.read(site().settings, request.form.get("jwt", "")))
    except Problem as problem:
        return failed(problem, None)


def _admitted(handover: Handover) -> Response:
    return go_on(handovers.redeem(db(), site().settings, tokens.caller(), handover, _back() or "/"))


def _is_somebody_else(handover: Handover) -> bool:
    person = handovers.whom(db(), handover)
    return viewer().is_signed_in and (person is None or person.id != viewer().person_id)


def _back() -> str:
    """Where to go afterwards: a path of this site, as it is or with our own address before it."""
    address = request.values.get("return_to", "")
    path = address.removeprefix(site().settings.base_url.rstrip("/"))
    return path if security.is_own_path(path) else ""
