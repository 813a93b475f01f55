"""Signing in at a SAML provider: the way there, its answer, and the way back of the browser."""

import json

from flask import Blueprint, Flask, current_app, g, redirect, request
from werkzeug.wrappers import Response

from kbsearch import audit, limits
from kbsearch.config import Settings
from kbsearch.errors import Forbidden, Invalid, NotFound, Problem
from kbsearch.people.accounts import signing_in
from kbsearch.people.accounts.single_sign_on import arrivals, journeys
from kbsearch.people.accounts.single_sign_on.saml import (
    OWN_METADATA,
    RECEIVER,
    SamlProvider,
    TurnedAway,
)
from kbsearch.people.accounts.single_sign_on.tokens import Unbelievable
from kbsearch.web.account import preferences, tokens
from kbsearch.web.account.single_sign_on import admitted, browser_secret, failed, leave
from kbsearch.web.render import db, language_prefix, site

EXTENSION = "kbsearch.saml"
ARRIVAL = "/login/saml/arrival"

pages = Blueprint("saml", __name__)
bp = Blueprint("saml_answers", __name__)


def offer(app: Flask, settings: Settings) -> None:
    """Let people sign in at the provider of the settings."""
    if settings.saml_metadata:
        app.extensions[EXTENSION] = SamlProvider(settings)
    app.register_blueprint(bp)
    app.register_blueprint(pages, url_prefix=language_prefix(settings))


@bp.before_request
@pages.before_request
def only_with_metadata() -> None:
    """Where no provider is set, there is no such page."""
    if EXTENSION not in current_app.extensions:
        raise NotFound("web.not_found")


@pages.get("/login/saml")
def depart() -> Response:
    """Go to the provider, by a link as to the other one."""
    return leave(_provider().address)


@bp.get(OWN_METADATA)
def metadata() -> Response:
    """What the provider's administrator registers of this site."""
    return Response(_provider().metadata(), mimetype="application/samlmetadata+xml")


@bp.post(RECEIVER)
def receive() -> Response:
    """Take the answer, which comes from the provider's page: no cookie of ours comes with it."""
    spoken = request.form.get("RelayState", "")
    if spoken in site().settings.languages:
        g.language = spoken
    try:
        answer = _provider().read(request.form.get("SAMLResponse", ""))
        state = journeys.answer(db(), answer.state, json.dumps(answer.claims))
    except (TurnedAway, Unbelievable, Invalid) as refusal:
        return _refused(refusal)
    return preferences.hidden(redirect(f"{ARRIVAL}?state={state}", 303))


@bp.get(ARRIVAL)
def arrive() -> Response:
    """Come back in the browser that left, to the answer that was kept for it."""
    back = ""
    try:
        journey = journeys.arrive(db(), browser_secret(), request.args.get("state", ""))
        g.language, back = journey.language, journey.back
        if journey.nonce != journeys.ANSWERED:
            raise Invalid("journey.over")
        rules = arrivals.rules_of_saml(site().settings)
        return preferences.hidden(admitted(journey, rules, json.loads(journey.verifier)))
    except Problem as problem:
        return failed(problem, back)


def _refused(refusal: Exception) -> Response:
    """Log why, count it against its network, and say in words what may be said."""
    current_app.logger.warning("an answer of the SAML provider is refused: %s", refusal)
    problem: Problem = Forbidden("provider.not_believed")
    if isinstance(refusal, TurnedAway):
        problem = Forbidden("provider.declined")
    elif isinstance(refusal, Problem):
        problem = refusal
    caller = tokens.caller()
    try:
        charges = [(limits.DEPARTURES_FROM_NETWORK, caller.network)]
        signing_in.charge(db(), caller, None, charges)
        audit.record(db(), "sign_in.failed", network=caller.network, factor="provider")
    except Problem as flood:
        problem = flood
    return failed(problem, "")


def _provider() -> SamlProvider:
    provider: SamlProvider = current_app.extensions[EXTENSION]
    return provider
