"""Leaving, and what a visitor prefers."""

from flask import Blueprint, make_response, redirect, request
from werkzeug.wrappers import Response

from kbsearch.errors import Invalid
from kbsearch.people.accounts import sessions
from kbsearch.web import security
from kbsearch.web.account import tokens
from kbsearch.web.render import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, db, language, site, viewer

ONE_YEAR = 365 * 86400

bp = Blueprint("people", __name__)


@bp.post("/logout")
def logout() -> Response:
    remote = site().settings.remote_logout_url if viewer().role == "customer" else ""
    forget_session()
    response = redirect(remote or f"/{language()}/", 303)
    for kind in (tokens.SESSION, tokens.KEPT):
        tokens.take_back(response, kind)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@bp.post("/preferences")
def prefer() -> Response:
    """Keep the theme or the language in a cookie, and go back to the page."""
    back = request.form.get("back", "")
    response = make_response(redirect(back if security.is_own_path(back) else "/", 303))
    theme, tongue = request.form.get("theme"), request.form.get("language")
    if theme in THEMES:
        keep(response, THEME_COOKIE, theme)
    elif theme == "auto":
        for prefix in (site().cookie, "kb"):  # of today and of earlier releases
            response.delete_cookie(
                f"{prefix}{THEME_COOKIE}", httponly=True, samesite="Lax", secure=site().is_secure
            )
    elif tongue in site().settings.languages:
        keep(response, LANGUAGE_COOKIE, tongue)
    else:
        raise Invalid("web.unknown_preference")
    return response


def keep(response: Response, kind: str, value: str) -> None:
    response.set_cookie(
        f"{site().cookie}{kind}",
        value,
        max_age=ONE_YEAR,
        httponly=True,
        samesite="Lax",
        secure=site().is_secure,
    )


def forget_session() -> None:
    token = tokens.held(tokens.SESSION)
    if token:
        sessions.end_session(db(), token)


def hidden(response: Response) -> Response:
    """A page whose address is a secret: keep it from caches and from the next site."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
