"""The tokens a browser keeps, as cookies: of a session, of itself, of what is under way."""

from datetime import timedelta

from flask import request
from werkzeug.wrappers import Response

from kbsearch import limits
from kbsearch.people.accounts import (
    kept_forms,
    known_browsers,
    passkeys,
    second_factor,
    sign_ins_under_way,
)
from kbsearch.people.accounts.signing_in import Caller, Inside
from kbsearch.search.learning import visits
from kbsearch.web.render import site

SESSION = ""
BROWSER = "-browser"
DEVICE = "-device"
SIGN_IN = "-sign-in"
RESET = "-reset"
PASSKEY = "-passkey"
KEPT = "-kept"
VISIT = "-visit"
LIFETIMES = {
    BROWSER: known_browsers.LIFETIME,
    DEVICE: second_factor.DEVICE_LIFETIME,
    SIGN_IN: sign_ins_under_way.LIFETIME,
    RESET: sign_ins_under_way.LIFETIME,
    PASSKEY: passkeys.LIFETIME,
    KEPT: kept_forms.LIFETIME,
    VISIT: visits.VISIT_ENDS_AFTER,
}


def held(kind: str) -> str:
    """The token of that kind that came with the request."""
    return request.cookies.get(f"{site().cookie}{kind}", "")


def give(response: Response, kind: str, token: str) -> None:
    """Let the browser keep a token: a session's until it is closed, the others for their time."""
    lifetime: timedelta | None = LIFETIMES.get(kind)
    response.set_cookie(
        f"{site().cookie}{kind}",
        token,
        max_age=lifetime,
        httponly=True,
        samesite="Lax",
        secure=site().is_secure,
    )


def take_back(response: Response, kind: str) -> None:
    """The browser need not keep it any more."""
    response.delete_cookie(
        f"{site().cookie}{kind}", httponly=True, samesite="Lax", secure=site().is_secure
    )


def caller() -> Caller:
    """The browser that sends the request."""
    return Caller(
        network=limits.network(request.remote_addr),
        user_agent=request.headers.get("User-Agent", ""),
        session=held(SESSION),
        browser=held(BROWSER),
        device=held(DEVICE),
    )


def let_in(response: Response, inside: Inside) -> None:
    """Give the browser everything that whoever came in needs."""
    give(response, SESSION, inside.session)
    give(response, BROWSER, inside.browser)
    if inside.device:
        give(response, DEVICE, inside.device)
    take_back(response, SIGN_IN)
