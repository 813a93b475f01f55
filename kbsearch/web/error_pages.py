"""Error pages: what went wrong in words, the search, and the way to a person."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Flask, current_app, request
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.wrappers import Response

from kbsearch import i18n, randomness
from kbsearch.database import Busy
from kbsearch.errors import Outdated, Problem, SignInNeeded, TooMany, Unavailable
from kbsearch.people.accounts import kept_forms
from kbsearch.web import render, security
from kbsearch.web.account import signing_in
from kbsearch.web.api import problems
from kbsearch.web.requests_log import route

RETRY_AFTER = 5  # seconds, when the database is held by another writer
TEMPLATES = (
    "layout.html",
    *(f"shared/{name}.html" for name in ("problem", "_problem", "_search", "_contact", "_typed")),
    "shared/icons.html",
)
EXPLAINED = (400, 403, 404, 405, 410, 413, 414, 415, 422, 429, 500, 503, 507)


@dataclass(frozen=True)
class Unsent:
    """A form that could not be kept, to be sent again from the page that says so."""

    path: str
    fields: kept_forms.Fields
    secrets: Sequence[str]  # names of what was typed, too, but is never shown
    files: Sequence[str]


def answer(app: Flask) -> None:
    """Turn every failure into a page in the visitor's language, ready before anything fails."""
    site: render.WebSite = app.extensions["kbsearch"]
    for language in site.languages.values():
        for name in TEMPLATES:
            language.templates.get_template(name)
    app.register_error_handler(Problem, told)
    app.register_error_handler(HTTPException, refused)
    app.register_error_handler(Busy, busy)
    app.register_error_handler(Exception, crashed)


def told(problem: Problem) -> Response:
    """A failure that has words of its own."""
    if problems.is_for_programs():
        return problems.told(problem)
    if isinstance(problem, SignInNeeded):
        return signing_in.ask_who()
    if isinstance(problem, Outdated):
        return outdated(problem)
    response = page(problem.status, i18n.explain(problem, render.language()))
    if isinstance(problem, (TooMany, Unavailable)):
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def outdated(conflict: Outdated) -> Response:
    """A change that others came before: both texts, and the way to put one's own in place."""
    unsent = _unsent()
    assert unsent is not None, "only a form is older than what it shows"
    response = render.render(
        "shared/outdated.html",
        detail=i18n.explain(conflict, render.language()),
        conflict=conflict,
        unsent=unsent,
    )
    response.status_code = conflict.status
    return response


def refused(error: HTTPException) -> Response:
    """A failure HTTP has a number for."""
    if isinstance(error, SecurityError):  # no address can be built for a host that is not ours
        base_url = render.site().settings.base_url
        return Response(
            f"This help centre answers at {base_url} (its base_url setting).\n",
            400,
            content_type="text/plain; charset=utf-8",
        )
    if problems.is_for_programs():
        return problems.refused(error)
    response = page(error.code or 500)
    if error.code == 405:
        response.headers["Allow"] = dict(error.get_headers())["Allow"]
    return response


def busy(problem: Busy) -> Response:
    if problems.is_for_programs():
        return problems.told(Unavailable("api.busy", retry_after=RETRY_AFTER))
    response = page(503)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def crashed(error: Exception) -> Response:
    """A defect of ours: the visitor gets a number, the log the same number and the reason."""
    incident = randomness.token_bytes(4).hex()
    current_app.logger.error(
        "incident %s: %s %s", incident, request.method, route(), exc_info=error
    )
    if problems.is_for_programs():
        return problems.crashed(incident)
    return page(500, incident=incident)


def page(status: int, detail: str = "", incident: str = "") -> Response:
    """The error page. After a defect it asks nothing of the database, which may be the cause."""
    if status >= 500:
        render.ask_nothing()
    explained = status if status in EXPLAINED else (500 if status >= 500 else 400)
    is_in_place = status >= 500 and request.method == "POST"
    response = render.render(
        "shared/problem.html",
        "shared/_problem.html" if is_in_place else None,
        status=explained,
        detail=detail,
        incident=incident,
        nobody=status >= 500,
        unsent=_unsent() if status >= 500 else None,
    )
    response.status_code = status
    if is_in_place and render.wants_fragment():  # the form stays where it is, with what is in it
        response.headers["HX-Retarget"] = "#kb-problem"
        response.headers["HX-Reswap"] = "innerHTML"
    return response


def _unsent() -> Unsent | None:
    if request.method in security.SAFE_METHODS:
        return None
    try:
        fields, files = list(request.form.items(multi=True)), list(request.files)
    except HTTPException:  # it could not be read either
        return None
    visible = kept_forms.without_secrets(fields)
    secrets = [name for name, _ in fields if name not in dict(visible)]
    return Unsent(request.full_path.rstrip("?"), visible, secrets, files)
