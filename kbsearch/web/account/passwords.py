"""Pages to choose a password: invited, or after it was forgotten."""

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from kbsearch import i18n, people
from kbsearch.errors import Invalid, NotFound, Problem, TooMany, Unavailable
from kbsearch.people.accounts import choosing, one_time_links, passwords, sign_ins_under_way
from kbsearch.people.accounts import signing_in as noun
from kbsearch.people.accounts.sign_ins_under_way import Pending
from kbsearch.people.accounts.signing_in import TypedCode
from kbsearch.web.account import tokens
from kbsearch.web.account.preferences import hidden
from kbsearch.web.account.signing_in import go_on, home, refused
from kbsearch.web.render import db, language, render, site

bp = Blueprint("passwords", __name__)


@bp.get("/invitation/<token>")
def invitation(token: str) -> Response:
    return page_of_invitation(token)


@bp.post("/invitation/<token>")
def accept(token: str) -> Response:
    try:
        step = choosing.accept_invitation(
            db(), site().settings, tokens.caller(), token, repeated_password()
        )
    except (Invalid, Unavailable) as problem:
        return refused(page_of_invitation(token, problem), problem)
    return go_on(step)


@bp.get("/password/forgot")
def forgot() -> Response:
    return page_of_forgot(request.args.get("email", ""))


@bp.post("/password/forgot")
def send_link() -> Response:
    email = request.form.get("email", "")
    try:
        choosing.forget(db(), tokens.caller(), email)
    except (Invalid, TooMany) as problem:
        return refused(page_of_forgot(email, problem), problem)
    return hidden(render("account/forgot_sent.html"))


@bp.get("/password/reset/<token>")
def reset(token: str) -> Response:
    """Looking at the link uses nothing up: mail scanners do it, too."""
    somebody = one_time_links.peek(db(), "reset", token)
    return hidden(render("account/reset.html", email=somebody.email, token=token))


@bp.post("/password/reset/<token>")
def follow(token: str) -> Response:
    step = choosing.begin_reset(db(), tokens.caller(), token)
    response = hidden(redirect(f"{home()}password/code", 303))
    tokens.give(response, tokens.RESET, step.token)
    return response


@bp.get("/password/code")
def code() -> Response:
    return page_of_code(under_way())


@bp.post("/password/code")
def check() -> Response:
    waiting = under_way()
    try:
        noun.check_code(
            db(),
            site().settings,
            tokens.caller(),
            waiting,
            TypedCode(request.form.get("code", ""), recovery="recovery" in request.form),
        )
    except (Invalid, TooMany) as problem:
        return refused(page_of_code(waiting, problem), problem)
    return redirect(f"{home()}password/new", 303)


@bp.post("/password/code/resend")
def resend() -> Response:
    waiting = under_way()
    try:
        noun.resend(db(), tokens.caller(), tokens.held(tokens.RESET), "reset")
    except TooMany as problem:
        return refused(page_of_code(waiting, problem), problem)
    return redirect(f"{home()}password/code?sent=1", 303)


@bp.get("/password/new")
def new() -> Response:
    return page_of_new(under_way())


@bp.post("/password/new")
def choose() -> Response:
    waiting = under_way()
    try:
        choosing.reset(
            db(),
            site().settings,
            tokens.caller(),
            tokens.held(tokens.RESET),
            repeated_password(),
        )
    except (Invalid, Unavailable) as problem:
        return refused(page_of_new(waiting, problem), problem)
    response = redirect(f"{home()}login?changed=1", 303)
    tokens.take_back(response, tokens.RESET)
    return response


def repeated_password() -> str:
    """The new password, typed twice: nobody sees what they type."""
    password = request.form.get("password", "")
    if password != request.form.get("again", ""):
        raise Invalid("password.not_repeated")
    return password


def under_way() -> Pending:
    """The reset this browser has under way."""
    return sign_ins_under_way.find(db(), tokens.held(tokens.RESET), "reset")


def page_of_invitation(token: str, problem: Problem | None = None) -> Response:
    purpose = one_time_links.purpose_of_invitation(db(), token)
    invited = one_time_links.peek(db(), purpose, token)
    return hidden(
        render(
            "account/invitation.html",
            person=invited,
            is_mailed=purpose == "mailed_invitation",
            token=token,
            shortest=passwords.SHORTEST,
            told=told(problem),
        )
    )


def page_of_forgot(email: str, problem: Problem | None = None) -> Response:
    return hidden(render("account/forgot.html", email=email, told=told(problem)))


def page_of_code(waiting: Pending, problem: Problem | None = None) -> Response:
    if waiting.passed_at:
        return redirect(f"{home()}password/new", 303)
    recovery = waiting.factor == "totp" and "recovery" in request.values
    return hidden(
        render(
            "account/reset_code.html",
            email=people.find_id(db(), waiting.person_id).email,
            factor=waiting.factor,
            recovery=recovery,
            was_sent="sent" in request.args,
            told=told(problem),
        )
    )


def page_of_new(waiting: Pending, problem: Problem | None = None) -> Response:
    if not waiting.passed_at:
        raise NotFound("sign_in.expired")
    return hidden(
        render(
            "account/new_password.html",
            email=people.find_id(db(), waiting.person_id).email,
            shortest=passwords.SHORTEST,
            told=told(problem),
        )
    )


def told(problem: Problem | None) -> str:
    return i18n.explain(problem, language()) if problem else ""
