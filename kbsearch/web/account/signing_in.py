"""The sign-in pages, the way to them, and the way back to what somebody was doing."""

from http import HTTPStatus
from urllib.parse import quote, urlsplit

from flask import Blueprint, Flask, redirect, request
from werkzeug.wrappers import Response

from kbsearch import i18n, people
from kbsearch.errors import Invalid, NotFound, Problem, TooMany, Unavailable
from kbsearch.people.accounts import (
    kept_forms,
    known_browsers,
    passkeys,
    sessions,
    sign_ins_under_way,
    signing_in,
)
from kbsearch.people.accounts.sign_ins_under_way import Pending
from kbsearch.people.accounts.signing_in import CodeAsked, Inside, TypedCode
from kbsearch.web import security
from kbsearch.web.account import tokens
from kbsearch.web.account.preferences import hidden
from kbsearch.web.render import db, go_to, language, person, render, site, viewer

# What somebody who still owes a second factor may reach: where it is set up, and the way out.
OPEN_WHILE_ENROLLING = ("assets", "machines", "browsers", "feeds", "account", "locks")
OPEN_ENDPOINTS = ("people.logout", "people.prefer")

bp = Blueprint("signing_in", __name__)


@bp.get("/login")
def login() -> Response:
    destination = own(request.args.get("next", ""))
    if viewer().is_signed_in:
        return redirect(destination or first_page(is_staff=viewer().is_staff), 303)
    return page_of_login(destination)


@bp.post("/login")
def begin() -> Response:
    fields = request.form
    destination = own(fields.get("next", ""))
    email = fields.get("email", "")
    try:
        step = signing_in.begin(
            db(), tokens.caller(), email, fields.get("password", ""), destination
        )
    except (Invalid, TooMany, Unavailable) as problem:
        return refused(page_of_login(destination, email, problem), problem)
    return go_on(step)


@bp.get("/login/code")
def code() -> Response:
    waiting = under_way()
    return page_of_code(waiting) if waiting else begin_again()


@bp.post("/login/code")
def finish() -> Response:
    waiting = under_way()
    if waiting is None:
        return begin_again()
    fields = request.form
    try:
        inside = signing_in.finish(
            db(),
            site().settings,
            tokens.caller(),
            tokens.held(tokens.SIGN_IN),
            TypedCode(
                fields.get("code", ""), recovery="recovery" in fields, trust="trust" in fields
            ),
        )
    except (Invalid, TooMany) as problem:
        return refused(page_of_code(waiting, problem), problem)
    except NotFound:  # it was finished in another tab, or ran out this very moment
        return begin_again()
    return welcome(inside)


@bp.post("/login/code/resend")
def resend() -> Response:
    waiting = under_way()
    if waiting is None:
        return begin_again()
    try:
        signing_in.resend(db(), tokens.caller(), tokens.held(tokens.SIGN_IN), "sign_in")
    except TooMany as problem:
        return refused(page_of_code(waiting, problem), problem)
    return redirect(f"{home()}login/code?sent=1", 303)


@bp.get("/login/kept")
def kept() -> Response:
    """What was typed when the session was found to be over, to send it after all."""
    form = kept_forms.find(db(), person(), tokens.held(tokens.KEPT))
    return render("account/kept.html", kept=form)


@bp.post("/login/kept")
def send_kept() -> Response:
    """Send it on to where it was going (the browser repeats the form there), or drop it."""
    form = kept_forms.find(db(), person(), tokens.held(tokens.KEPT))
    kept_forms.drop(db(), tokens.held(tokens.KEPT))
    if "kb-leave" in request.form:
        response = redirect(home(), 303)
    else:
        response = redirect(form.path, HTTPStatus.TEMPORARY_REDIRECT)
    tokens.take_back(response, tokens.KEPT)
    return response


def watch(app: Flask) -> None:
    """Send whoever still owes a second factor to where it is set up."""

    @app.before_request
    def enrol_first() -> Response | None:
        is_open = request.blueprint in OPEN_WHILE_ENROLLING or request.endpoint in OPEN_ENDPOINTS
        if is_open or request.endpoint is None or not viewer().is_enrolling:
            return None
        return go_to(f"{home()}account/totp")


def ask_who() -> Response:
    """Send a stranger to the sign-in page and note where they were going, typed text included."""
    destination = request.full_path.rstrip("?")
    if request.method in security.SAFE_METHODS:
        return go_to(_door(destination))
    token = None
    person_id = sessions.last_person(db(), tokens.held(tokens.SESSION)) or (
        known_browsers.last_person(db(), tokens.held(tokens.BROWSER))
    )
    if person_id is not None:
        fields = list(request.form.items(multi=True))
        token = kept_forms.keep(db(), person_id, destination, fields)
    if token is None:
        return go_to(_door())
    response = go_to(_door(f"{home()}login/kept"))
    tokens.give(response, tokens.KEPT, token)
    return response


def _door(destination: str = "") -> str:
    """Where to sign in on the way somewhere: here, or at the application that knows customers."""
    settings = site().settings
    is_for_staff = destination.startswith((f"{home()}desk", f"{home()}admin"))
    if not settings.remote_login_url or is_for_staff:
        return f"{home()}login" + (f"?next={quote(destination)}" if destination else "")
    separator = "&" if urlsplit(settings.remote_login_url).query else "?"
    back = quote(settings.whole(destination or home()), safe="")
    return f"{settings.remote_login_url}{separator}return_to={back}"


def go_on(step: CodeAsked | Inside) -> Response:
    """In, or to the page that asks for the code."""
    if isinstance(step, Inside):
        return welcome(step)
    response = hidden(redirect(f"{home()}login/code", 303))
    tokens.give(response, tokens.SIGN_IN, step.token)
    return response


def welcome(inside: Inside) -> Response:
    """Go to where one was going, now as somebody."""
    destination = inside.destination
    if not destination or (inside.is_staff and destination in ("/", home())):
        destination = first_page(is_staff=inside.is_staff)
    response = redirect(f"{home()}account/totp" if inside.is_enrolling else destination, 303)
    tokens.let_in(response, inside)
    return hidden(response)


def page_of_login(destination: str, email: str = "", problem: Problem | None = None) -> Response:
    reason = i18n.explain(problem, language()) if problem else ""
    return hidden(
        render(
            "account/login.html",
            back=destination,
            email=email,
            told=reason,
            has_passkeys=passkeys.are_possible(site().settings),
        ),
    )


def page_of_code(waiting: Pending, problem: Problem | None = None) -> Response:
    somebody = people.find_id(db(), waiting.person_id)
    recovery = waiting.factor == "totp" and "recovery" in request.values
    return hidden(
        render(
            "account/code.html",
            email=somebody.email,
            factor=waiting.factor,
            recovery=recovery,
            may_trust=signing_in.may_trust(db(), somebody),
            has_passkeys=passkeys.has_any(db(), somebody.id),
            was_sent="sent" in request.args,
            told=i18n.explain(problem, language()) if problem else "",
        )
    )


def under_way() -> Pending | None:
    """The sign-in this browser has under way."""
    try:
        return sign_ins_under_way.find(db(), tokens.held(tokens.SIGN_IN), "sign_in")
    except NotFound:
        return None


def begin_again() -> Response:
    response = redirect(f"{home()}login?over=1", 303)
    tokens.take_back(response, tokens.SIGN_IN)
    return response


def refused(response: Response, problem: Problem) -> Response:
    """The page that says so, with the status and the patience of what went wrong."""
    response.status_code = problem.status
    if isinstance(problem, (TooMany, Unavailable)):
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def own(path: str) -> str:
    """The path, if it is one of this site."""
    return path if security.is_own_path(path) else ""


def home() -> str:
    return f"/{language()}/"


def first_page(*, is_staff: bool) -> str:
    """Where somebody begins who was going nowhere else: their work, or the help centre."""
    return f"{home()}desk" if is_staff else home()
