"""Signing in at the OpenID Connect provider: the way there, the way back, and what may go wrong."""

from collections.abc import Callable

from flask import Blueprint, Flask, current_app, g, redirect, request
from werkzeug.wrappers import Response

from kbsearch import i18n, limits, randomness
from kbsearch.config import Settings
from kbsearch.errors import Forbidden, Invalid, NotFound, Problem, TooMany, Unavailable
from kbsearch.people.accounts import signing_in
from kbsearch.people.accounts.sign_ins_under_way import Errand
from kbsearch.people.accounts.single_sign_on import arrivals, journeys
from kbsearch.people.accounts.single_sign_on.arrivals import ArrivalRules, Claims
from kbsearch.people.accounts.single_sign_on.journeys import Journey
from kbsearch.people.accounts.single_sign_on.provider import CALLBACK, IdentityProvider
from kbsearch.web import security
from kbsearch.web.account import preferences, tokens
from kbsearch.web.account.signing_in import go_on
from kbsearch.web.render import db, language, language_prefix, render, site

EXTENSION = "kbsearch.provider"

pages = Blueprint("single_sign_on", __name__)
bp = Blueprint("single_sign_on_callback", __name__)


def offer(app: Flask, settings: Settings) -> None:
    """Let people sign in at the provider of the settings."""
    app.extensions[EXTENSION] = IdentityProvider(settings)
    app.register_blueprint(bp)
    app.register_blueprint(pages, url_prefix=language_prefix(settings))


@bp.before_request
@pages.before_request
def only_with_a_provider() -> None:
    """Where no provider is set, there is no such page."""
    if not site().settings.oidc_issuer:
        raise NotFound("web.not_found")


@pages.get("/login/sso")
def depart() -> Response:
    """Go to the provider. A link, not a form: `form-action 'self'` holds for redirects as well.

    It notes the departure and nothing else; the browser keeps the secret that goes with it.
    """
    return leave(lambda journey: _provider().address(journey))


def leave(address: Callable[[Journey], str]) -> Response:
    """Go to a provider: the way there, of a journey that begins."""
    back = request.args.get("next", "")
    browser = browser_secret() or randomness.token()  # of several tabs, each one comes back
    if not security.is_own_path(back):
        back = f"/{language()}/"
    caller = tokens.caller()
    try:
        charges = [(limits.DEPARTURES_FROM_NETWORK, caller.network)]
        signing_in.charge(db(), caller, None, charges)
        journey = journeys.depart(db(), browser, back, language())
        response = redirect(address(journey), 303)
    except Problem as problem:
        return failed(problem, back)
    response.set_cookie(
        _cookie(),
        browser,
        max_age=int(journeys.LIFETIME.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=site().is_secure,
    )
    return preferences.hidden(response)


@bp.get(CALLBACK)
def arrive() -> Response:
    """Come back from the provider, with a code or with its refusal."""
    back = ""
    try:
        journey = journeys.arrive(db(), browser_secret(), request.args.get("state", ""))
        g.language, back = journey.language, journey.back
        return preferences.hidden(_admitted(journey))
    except Problem as problem:
        return failed(problem, back)


def _admitted(journey: Journey) -> Response:
    if "error" in request.args:
        raise Forbidden("provider.declined")
    code = request.args.get("code", "")
    if not code:
        raise Invalid("journey.over")
    rules = arrivals.rules_of_openid(site().settings)
    return admitted(journey, rules, _provider().redeem(journey, code))


def admitted(journey: Journey, rules: ArrivalRules, claims: Claims) -> Response:
    """Let in whom a provider vouches for, or ask for the second factor first."""
    caller = tokens.caller()
    arrival = arrivals.welcome(db(), rules, caller, claims)
    person = arrival.person
    if arrival.needs_factor:
        return go_on(signing_in.ask(db(), caller, person, Errand("sign_in", journey.back)))
    return go_on(signing_in.let_in(db(), caller, person, journey.back, "provider"))


def failed(problem: Problem, back: str | None) -> Response:
    """What happened in words, a person to call, and the button again when `back` is given."""
    response = render(
        "account/single_sign_on_failed.html",
        reason=i18n.explain(problem, language()),
        back=back,
    )
    response.status_code = problem.status
    if isinstance(problem, (TooMany, Unavailable)):
        response.headers["Retry-After"] = str(problem.retry_after)
    return preferences.hidden(response)


def _provider() -> IdentityProvider:
    """The provider of the settings as they are now."""
    provider: IdentityProvider = current_app.extensions[EXTENSION]
    if not provider.is_of(site().settings):
        provider = current_app.extensions[EXTENSION] = IdentityProvider(site().settings)
    return provider


def _cookie() -> str:
    return f"{site().cookie}-sso"


def browser_secret() -> str:
    """What the browser kept when it left."""
    return request.cookies.get(_cookie(), "")
