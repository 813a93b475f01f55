"""Passkeys on the pages: on one's account, and at the door instead of a password or after it.

A script has the device sign; what it signed comes in a form like any other.
"""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import people
from kbsearch.errors import Invalid, NotFound, Problem, TooMany
from kbsearch.people import profiles
from kbsearch.people.accounts import passkey_sign_ins, passkeys, sessions
from kbsearch.people.accounts.passkeys import Challenge, DeviceAnswer, Passkey
from kbsearch.web.account import security, signing_in, tokens
from kbsearch.web.account.profile import REFUSALS, done, page
from kbsearch.web.account.security import proved
from kbsearch.web.account.tokens import caller
from kbsearch.web.render import db, site, viewer

bp = Blueprint("passkeys", __name__)
bp.before_request(security.only_people)
door = Blueprint("passkey_sign_ins", __name__)


@bp.get("/account/passkeys")
@proved
def index() -> Response:
    return _list()


@bp.post("/account/passkeys/challenge")
@proved
def offer() -> Response:
    """What a new one is to sign."""
    person = people.find_id(db(), viewer().person_id or "")
    return _challenge(passkeys.offer(db(), site().settings, person))


@bp.post("/account/passkeys")
@proved
def add() -> Response:
    person = people.find_id(db(), viewer().person_id or "")
    name = request.form.get("name", "")
    try:
        passkeys.add(db(), site().settings, person, _device_answer(), name)
    except REFUSALS as problem:
        return _list(problem, name)
    return done("/account/passkeys", "passkey_added")


@bp.get("/account/passkeys/<id>")
@proved
def show(id: str) -> Response:
    return _show(passkeys.find(db(), viewer().person_id or "", id))


@bp.post("/account/passkeys/<id>")
@proved
def rename(id: str) -> Response:
    person_id, name = viewer().person_id or "", request.form.get("name", "")
    try:
        passkeys.rename(db(), person_id, id, name, network=caller().network)
    except REFUSALS as problem:
        return _show(passkeys.find(db(), person_id, id), problem, name)
    return done("/account/passkeys", "saved")


@bp.post("/account/passkeys/<id>/removal")
@proved
def remove(id: str) -> Response:
    """Whoever has the device is in no session of this person's any more, but this one."""
    person_id = viewer().person_id or ""
    with db().atomic():
        passkeys.remove(db(), person_id, id, network=caller().network)
        sessions.end_other_sessions(db(), person_id, caller().session)
    return done("/account/passkeys", "passkey_removed")


@door.post("/login/passkey/challenge")
def ask() -> Response:
    return _challenge(passkey_sign_ins.ask(db(), site().settings, caller()))


@door.post("/login/passkey")
def finish() -> Response:
    destination = signing_in.own(request.form.get("next", ""))
    try:
        inside = passkey_sign_ins.finish(
            db(), site().settings, caller(), _device_answer(), destination
        )
    except Invalid as problem:
        return signing_in.refused(signing_in.page_of_login(destination, "", problem), problem)
    return signing_in.welcome(inside)


@door.post("/login/code/passkey/challenge")
def ask_after_password() -> Response:
    waiting = signing_in.under_way()
    if waiting is None:
        raise NotFound("sign_in.expired")
    return _challenge(passkey_sign_ins.ask_after_password(db(), site().settings, waiting))


@door.post("/login/code/passkey")
def finish_after_password() -> Response:
    waiting = signing_in.under_way()
    if waiting is None:
        return signing_in.begin_again()
    try:
        inside = passkey_sign_ins.finish_after_password(
            db(), site().settings, caller(), waiting, _device_answer()
        )
    except (Invalid, TooMany) as problem:
        return signing_in.refused(signing_in.page_of_code(waiting, problem), problem)
    return signing_in.welcome(inside)


def _device_answer() -> DeviceAnswer:
    credential = request.form.get("credential", "")
    return DeviceAnswer(tokens.held(tokens.PASSKEY), credential, caller().network)


def _challenge(challenge: Challenge) -> Response:
    response = Response(challenge.options, content_type="application/json")
    tokens.give(response, tokens.PASSKEY, challenge.token)
    return response


def _list(problem: Problem | None = None, name: str = "") -> Response:
    profile = profiles.find(db(), viewer())
    return page(
        "passkeys",
        "safety",
        problem,
        passkeys=passkeys.list_of(db(), profile.person.id),
        possible=passkeys.are_possible(site().settings),
        typed=name,
        zone=profile.time_zone or profiles.DEFAULT_TIME_ZONE,
    )


def _show(passkey: Passkey, problem: Problem | None = None, name: str = "") -> Response:
    return page("passkey", "safety", problem, passkey=passkey, typed=name or passkey.name)
