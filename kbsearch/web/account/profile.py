"""The account page: who one is, how one is told of things, and one's own data to take away."""

import json
import tempfile
from typing import Any

from flask import Blueprint, redirect, request, send_file
from werkzeug.wrappers import Response

from kbsearch import audit, i18n, revisions
from kbsearch.errors import Invalid, Problem, SignInNeeded, TooMany, Unavailable
from kbsearch.people import notification_choices, organisations, profiles
from kbsearch.people.accounts import mobiles
from kbsearch.people.profiles import Profile, ProfileFields
from kbsearch.site import own_data
from kbsearch.web import patience, render
from kbsearch.web.account.tokens import caller
from kbsearch.web.admin.forms import revision
from kbsearch.web.render import db, language, site, viewer

REFUSALS = (Invalid, TooMany, Unavailable)  # said on the page of the form
FIELD_OF = {
    "person.name_invalid": "name",
    "person.language_unknown": "language",
    "profile.time_zone_unknown": "time_zone",
    "profile.return_invalid": "away_until",
    "mobile.invalid": "mobile",
    "mobile.not_a_mobile": "mobile",
    "mobile.code_wrong": "code",
    "mobile.code_over": "code",
    "second_factor.code_wrong": "code",
    "sign_in.code_wrong": "code",
    "sign_in.code_spent": "code",
    "password.wrong": "current",
    "password.too_short": "password",
    "password.too_long": "password",
    "password.common": "password",
    "password.guessable": "password",
    "password.not_repeated": "again",
    "token.name_invalid": "name",
    "passkey.name_invalid": "name",
    "token.days_invalid": "days",
    "product.not_found": "product",
}

bp = Blueprint("account", __name__)


@bp.before_request
def only_people() -> Response | None:
    """Nobody's account has no page; who owes a second factor sets it up first."""
    if not viewer().is_signed_in:
        raise SignInNeeded("sign_in.needed")
    return enrolment() if viewer().is_enrolling else None


@bp.get("/account")
def profile() -> Response:
    return _profile(profiles.find(db(), viewer()))


@bp.post("/account")
def edit() -> Response:
    fields = request.form
    try:
        edited = profiles.edit(
            db(),
            viewer(),
            ProfileFields(
                name=fields.get("name", ""),
                language=fields.get("language") or None,
                time_zone=fields.get("time_zone") or None,
                single_keys="single_keys" in fields,
                away_until=fields.get("away_until", "") if "away" in fields else None,
            ),
            revision=revision(),
        )
    except REFUSALS as problem:
        return _profile(profiles.find(db(), viewer()), problem)
    return done("/account", "saved", edited.person.language)


@bp.get("/account/mobile")
def mobile() -> Response:
    return _mobile()


@bp.post("/account/mobile")
def ask_mobile() -> Response:
    try:
        mobiles.ask(db(), viewer(), request.form.get("mobile", ""))
    except REFUSALS as problem:
        return _mobile(problem)
    return done("/account/mobile")


@bp.post("/account/mobile/code")
def verify_mobile() -> Response:
    try:
        mobiles.verify(db(), viewer(), site().settings, request.form.get("code", ""))
    except REFUSALS as problem:
        return _mobile(problem)
    return done("/account", "mobile_verified")


@bp.post("/account/mobile/removal")
def remove_mobile() -> Response:
    mobiles.remove(db(), viewer())
    return done("/account", "mobile_removed")


@bp.post("/account/mobile/silence")
def stop_texts() -> Response:
    notification_choices.decline_texts(db(), viewer())
    return done("/account", "texts_stopped")


@bp.get("/account/notifications")
def notifications() -> Response:
    return _notifications()


@bp.post("/account/notifications")
def choose() -> Response:
    choices = [text.partition(":") for text in request.form.getlist("wanted")]
    try:
        notification_choices.choose(
            db(),
            viewer(),
            [(event, channel) for event, _, channel in choices],
            digest=request.form.get("digest", "none"),
            revision=revision(),
        )
    except REFUSALS as problem:
        return _notifications(problem)
    return done("/account/notifications", "saved")


@bp.get("/account/data")
def data() -> Response:
    return page("data", "data")


@bp.post("/account/data")
def export() -> Response:
    """The file itself, made at once and kept nowhere; a link to it would be one more secret."""
    person_id = viewer().person_id
    patience.ask_for(patience.EXPORT)
    audit.record(
        db(), "data.exported", person_id=person_id, actor_id=person_id, network=caller().network
    )
    if "files" in request.form:
        return _with_files()
    text = json.dumps(own_data.collect(db(), viewer()), ensure_ascii=False, indent=1)
    return Response(
        text,
        content_type="application/json; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="kbsearch-account.json"'},
    )


def _with_files() -> Response:
    file = tempfile.TemporaryFile()  # noqa: SIM115 (it is closed with the answer, and gone)
    own_data.pack(db(), site().settings, viewer(), file)
    file.seek(0)
    return send_file(
        file, "application/zip", as_attachment=True, download_name="kbsearch-account.zip"
    )


def enrolment() -> Response:
    """Where somebody goes who owes a second factor."""
    return redirect(f"/{language()}/account/totp", 303)


def done(path: str, what: str = "", in_language: str | None = None) -> Response:
    """Go on to a page of the account, which says what was done."""
    query = f"?done={what}" if what else ""
    return redirect(f"/{in_language or language()}{path}{query}", 303)


def page(name: str, section: str, problem: Problem | None = None, **context: Any) -> Response:
    """A page of the account; with a problem it is an answer that nothing was changed."""
    answer = render.render(
        f"account/{name}.html",
        section=section,
        problem=problem,
        wrong=i18n.explain(problem, language()) if problem else "",
        field=FIELD_OF.get(problem.key, "") if problem else "",
        done=request.args.get("done", ""),
        **context,
    )
    answer.status_code = problem.status if problem else 200
    if isinstance(problem, (TooMany, Unavailable)):
        answer.headers["Retry-After"] = str(problem.retry_after)
    return answer


def _profile(profile: Profile, problem: Problem | None = None) -> Response:
    return page(
        "profile",
        "profile",
        problem,
        profile=profile,
        mobile=mobiles.spelt(profile.mobile) if profile.mobile else "",
        is_texted=notification_choices.wants_texts(db(), viewer()),
        organisations=[organisations.find(db(), o).name for o in profile.person.organisations],
        zones=profiles.time_zones(),
        zone=profile.time_zone or profiles.DEFAULT_TIME_ZONE,
        revision=revision() or revisions.of(profiles.texts(profile)),
    )


def _mobile(problem: Problem | None = None) -> Response:
    waiting = mobiles.waiting(db(), viewer())
    number = mobiles.spelt(waiting.mobile) if waiting else ""
    return page("mobile", "profile", problem, number=number, minutes=mobiles.CODE_MINUTES)


def _notifications(problem: Problem | None = None) -> Response:
    profile = profiles.find(db(), viewer())
    return page(
        "notifications",
        "notifications",
        problem,
        choices=notification_choices.find(db(), viewer()),
        events=notification_choices.events_for(viewer()),
        digest=notification_choices.digest(db(), profile.person.id),
        revision=revision() or revisions.of(notification_choices.texts(db(), viewer())),
        can_text=bool(profile.mobile and profile.mobile_verified_at),
    )
