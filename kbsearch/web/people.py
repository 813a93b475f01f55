"""Coming in by a one-time link, leaving, and what a visitor prefers."""

from flask import Blueprint, make_response, redirect, request
from werkzeug.wrappers import Response

from kbsearch import accounts
from kbsearch.errors import Invalid, NotFound
from kbsearch.web import security
from kbsearch.web.render import (
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    THEMES,
    db,
    language,
    render,
    site,
)

ONE_YEAR = 365 * 86400

bp = Blueprint("people", __name__)


@bp.get("/link/<token>")
def link(token: str) -> Response:
    """Show whom the link lets in; it is used by the button only, as mail scanners open links."""
    person = accounts.peek_link(db(), token)
    if person is None:
        raise NotFound("account.link_unusable")
    return hidden(render("accounts/link.html", person=person, token=token))


@bp.post("/link/<token>")
def use_link(token: str) -> Response:
    session = accounts.use_link(db(), token, request.headers.get("User-Agent", ""))
    return admit(session, f"/{language()}/")


@bp.post("/logout")
def logout() -> Response:
    forget_session()
    response = redirect(f"/{language()}/", 303)
    response.delete_cookie(site().cookie, httponly=True, samesite="Lax", secure=site().is_secure)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@bp.post("/preferences")
def prefer() -> Response:
    """Keep the theme or the language in a cookie, and go back to the page."""
    back = request.form.get("back", "")
    response = make_response(redirect(back if security.is_own_path(back) else "/", 303))
    theme, wanted = request.form.get("theme"), request.form.get("language")
    if theme in THEMES:
        keep(response, THEME_COOKIE, theme)
    elif theme == "auto":
        response.delete_cookie(THEME_COOKIE, samesite="Lax", secure=site().is_secure)
    elif wanted in site().settings.languages:
        keep(response, LANGUAGE_COOKIE, wanted)
    else:
        raise Invalid("web.unknown_preference")
    return response


def admit(session: str, back: str) -> Response:
    """Give the browser the session just opened, and go where the person was going."""
    forget_session()  # whoever was signed in on this browser
    response = redirect(back, 303)
    response.set_cookie(
        site().cookie, session, httponly=True, samesite="Lax", secure=site().is_secure
    )
    return hidden(response)


def keep(response: Response, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=ONE_YEAR, httponly=True, samesite="Lax", secure=site().is_secure
    )


def forget_session() -> None:
    token = request.cookies.get(site().cookie)
    if token:
        accounts.end_session(db(), token)


def hidden(response: Response) -> Response:
    """A page whose address is a secret: keep it from caches and from the next site."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
