"""What guards an account: password, second factor, trusted devices, sessions and tokens.

What changes a lock is asked for by somebody who has just given password and code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from urllib.parse import quote

import segno
from flask import Blueprint, redirect, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from kbsearch import audit, people
from kbsearch.errors import Invalid, NotFound, Problem, SignInNeeded
from kbsearch.people import profiles
from kbsearch.people.accounts import (
    choosing,
    passkeys,
    passwords,
    personal_tokens,
    reauthentication,
    second_factor,
    sessions,
    sign_ins_under_way,
    signing_in,
    user_agents,
)
from kbsearch.people.accounts.signing_in import TypedCode
from kbsearch.web import security
from kbsearch.web.account import profile as account
from kbsearch.web.account.profile import REFUSALS, done, page
from kbsearch.web.account.tokens import caller
from kbsearch.web.render import db, language, site, viewer

OPEN_WHILE_ENROLLING = {
    f"locks.{name}"
    for name in ("totp", "offer", "confirm", "proof", "begin_proof", "finish_proof", "resend")
}

View = Callable[..., Response]

bp = Blueprint("locks", __name__)


@bp.before_request
def only_people() -> Response | None:
    if not viewer().is_signed_in:
        raise SignInNeeded("sign_in.needed")
    if viewer().is_enrolling and request.endpoint not in OPEN_WHILE_ENROLLING:
        return account.enrolment()
    return None


def proved(view: View) -> View:
    """Ask for password and code first, unless they were given minutes ago."""

    @wraps(view)
    def asked_first(**values: str) -> Response:
        if sessions.is_proved(db(), caller().session):
            return view(**values)
        is_page = request.method == "GET" or request.endpoint == "consent.decide"
        back = request.full_path.rstrip("?") if is_page else f"/{language()}/account/security"
        return redirect(f"/{language()}/account/confirm?next={quote(back)}", 303)

    asked_first.__dict__["asks_for_proof"] = True
    return asked_first


@bp.get("/account/security")
def safety() -> Response:
    profile = profiles.find(db(), viewer())
    return page(
        "safety",
        "safety",
        has_totp=second_factor.has_totp(db(), profile.person.id),
        codes_left=second_factor.count_recovery_codes(db(), profile.person.id),
        sessions=sessions.list_sessions(db(), profile.person.id, caller().session),
        devices=second_factor.list_devices(db(), profile.person.id),
        passkeys=passkeys.list_of(db(), profile.person.id),
        tokens=personal_tokens.list_of(db(), profile.person.id),
        browser=user_agents.told,
        zone=profile.time_zone or profiles.DEFAULT_TIME_ZONE,
    )


@bp.get("/account/password")
@proved
def password() -> Response:
    return page("password", "safety", shortest=passwords.SHORTEST)


@bp.post("/account/password")
@proved
def change_password() -> Response:
    """Change it; every session ends, and this browser gets a new one."""
    person = people.find_id(db(), viewer().person_id or "")
    fields = request.form
    try:
        if fields.get("password", "") != fields.get("again", ""):
            raise Invalid("password.not_repeated")
        session = choosing.change(
            db(),
            site().settings,
            caller(),
            person,
            fields.get("current", ""),
            fields.get("password", ""),
        )
    except REFUSALS as problem:
        return page("password", "safety", problem, shortest=passwords.SHORTEST)
    sessions.mark_proved(db(), session)
    return _with_session(done("/account/security", "password_changed"), session)


@bp.get("/account/totp")
@proved
def totp() -> Response:
    return _totp()


@bp.post("/account/totp")
@proved
def offer() -> Response:
    """A new secret to scan; the authenticator in use counts until this one is confirmed."""
    second_factor.offer_totp(db(), site().settings, viewer().person_id or "")
    return done("/account/totp")


@bp.post("/account/totp/code")
@proved
def confirm() -> Response:
    """Take the first code. Recovery codes come with the answer, as they are shown this once."""
    person_id = viewer().person_id or ""
    with db().atomic():
        confirmed = second_factor.confirm_totp(
            db(),
            site().settings,
            person_id,
            request.form.get("code", ""),
            network=caller().network,
        )
        if confirmed:
            codes = second_factor.make_recovery_codes(db(), person_id, network=caller().network)
            sessions.end_other_sessions(db(), person_id, caller().session)
            session = sessions.renew_session(db(), caller().session)
    if not confirmed:
        return _totp(Invalid("second_factor.code_wrong"))
    return _with_session(_shown_once(codes, new_authenticator=True), session)


@bp.post("/account/totp/removal")
@proved
def remove() -> Response:
    """Go back to mailed codes, for who may."""
    if viewer().role != "customer":
        raise Invalid("second_factor.needed")
    person_id = viewer().person_id or ""
    with db().atomic():
        second_factor.remove_totp(db(), person_id, actor_id=person_id, network=caller().network)
        sessions.end_other_sessions(db(), person_id, caller().session)
    return done("/account/security", "totp_removed")


@bp.post("/account/recovery-codes")
@proved
def make_codes() -> Response:
    """New recovery codes, in the answer itself: they are shown this once."""
    person_id = viewer().person_id or ""
    if not second_factor.has_totp(db(), person_id):
        raise NotFound("web.not_found")
    codes = second_factor.make_recovery_codes(db(), person_id, network=caller().network)
    return _shown_once(codes)


@bp.post("/account/devices/<id>/removal")
def forget_device(id: str) -> Response:
    second_factor.forget_device(db(), viewer().person_id or "", id, network=caller().network)
    return done("/account/security", "device_forgotten")


@bp.post("/account/sessions/<id>/removal")
@proved
def end_session(id: str) -> Response:
    with db().atomic():
        sessions.end_listed_session(db(), viewer().person_id or "", id)
        _record("session.ended")
    return done("/account/security", "session_ended")


@bp.post("/account/sessions/removal")
@proved
def end_others() -> Response:
    with db().atomic():
        sessions.end_other_sessions(db(), viewer().person_id or "", caller().session)
        _record("sessions.ended")
    return done("/account/security", "sessions_ended")


@bp.get("/account/confirm")
def proof() -> Response:
    return _proof(_next(request.args.get("next", "")))


@bp.post("/account/confirm")
def begin_proof() -> Response:
    back = _next(request.form.get("next", ""))
    try:
        token = reauthentication.begin(
            db(), viewer(), caller(), request.form.get("current", ""), back
        )
    except REFUSALS as problem:
        return _proof(back, problem)
    answer = done("/account/confirm")
    answer.set_cookie(
        _proof_cookie(),
        token,
        max_age=int(sign_ins_under_way.LIFETIME.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=site().is_secure,
    )
    return answer


@bp.post("/account/confirm/code")
def finish_proof() -> Response:
    token = request.cookies.get(_proof_cookie(), "")
    try:
        proof = reauthentication.finish(
            db(),
            viewer(),
            site().settings,
            caller(),
            token,
            TypedCode(request.form.get("code", ""), recovery="recovery" in request.form),
        )
    except REFUSALS as problem:
        return _proof("", problem)
    except NotFound:  # it ran out, or was finished in another tab
        return done("/account/confirm")
    answer = _with_session(redirect(_next(proof.destination), 303), proof.session)
    answer.delete_cookie(_proof_cookie(), httponly=True, samesite="Lax", secure=site().is_secure)
    return answer


@bp.post("/account/confirm/resend")
def resend() -> Response:
    """Mail another code."""
    token = request.cookies.get(_proof_cookie(), "")
    try:
        reauthentication.find(db(), viewer(), token)
        signing_in.resend(db(), caller(), token, "proof")
    except REFUSALS as problem:
        return _proof("", problem)
    except NotFound:
        return done("/account/confirm")
    return done("/account/confirm", "resent")


def _record(kind: str) -> None:
    person_id = viewer().person_id
    audit.record(db(), kind, person_id=person_id, actor_id=person_id, network=caller().network)


def _totp(problem: Problem | None = None) -> Response:
    person = people.find_id(db(), viewer().person_id or "")
    return page(
        "totp",
        "safety",
        problem,
        offer=_offer(person.id, person.email),
        has_totp=second_factor.has_totp(db(), person.id),
        codes_left=second_factor.count_recovery_codes(db(), person.id),
        may_remove=person.role == "customer",
    )


@dataclass(frozen=True)
class Offer:
    """A secret to put in an authenticator: as a picture, as a link, as a text."""

    qr: Markup
    uri: str
    key: str


def _offer(person_id: str, email: str) -> Offer | None:
    secret = second_factor.offered_totp(db(), site().settings, person_id)
    if secret is None:
        return None
    uri = second_factor.totp_uri(secret, email=email, site_name=site().settings.site_name)
    drawn = segno.make(uri, error="m", micro=False)  # in attributes: no style is allowed
    qr = drawn.svg_inline(scale=5, border=4, light="#fff", dark="#000", lineclass=None)
    key = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return Offer(Markup(qr), uri, key)


def _shown_once(codes: tuple[str, ...], *, new_authenticator: bool = False) -> Response:
    return page("recovery_codes", "safety", codes=codes, new_authenticator=new_authenticator)


def _proof(back: str, problem: Problem | None = None) -> Response:
    """The password, or the code when the password was given."""
    token = request.cookies.get(_proof_cookie(), "")
    try:
        waiting = reauthentication.find(db(), viewer(), token)
    except NotFound:
        return page("proof", "safety", problem, back=back)
    return page("proof_code", "safety", problem, factor=waiting.factor)


def _proof_cookie() -> str:
    return f"{site().cookie}-proof"


def _next(path: str) -> str:
    """Where to go back to: a page of the account, or the one that lets an application in."""
    home = f"/{language()}/account"
    inside = path.startswith((f"{home}/", "/oauth/authorize?")) and security.is_own_path(path)
    return path if inside else f"{home}/security"


def _with_session(answer: Response, session: str) -> Response:
    answer.set_cookie(
        site().cookie, session, httponly=True, samesite="Lax", secure=site().is_secure
    )
    return answer
