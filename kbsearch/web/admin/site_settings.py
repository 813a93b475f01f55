"""Settings that administrators choose in the browser: look, words, mail, requests, sign-on."""

from collections.abc import Mapping
from typing import NamedTuple

from flask import redirect, request
from werkzeug.wrappers import Response

from kbsearch import config, config_checks, i18n, revisions
from kbsearch.config import FIELDS
from kbsearch.errors import InvalidForm, NotFound, Problem
from kbsearch.people.organisations import branding
from kbsearch.site import browser_settings
from kbsearch.site.browser_settings import GROUPS, PICTURES, SECRETS
from kbsearch.web.admin.door import bp
from kbsearch.web.admin.forms import ON, Form, revision
from kbsearch.web.admin.setting_names import setting_names
from kbsearch.web.render import db, language, render, site, spoken_language, viewer

AREAS = frozenset(config.TEXTS_OF_PAGES) - {"home_title_fr", "home_title_en"}
CHOICES = {"mail_oauth_flow": config_checks.MAIL_FLOWS, "oidc_link_by_email": config_checks.LINKING}
EMPTIED = "empty."  # before the name of a secret that goes away
# Groups by their addresses.
PAGES = {"site": "site", "mail": "mail", "requests": "requests", "sign-on": "sign_on"}


class SettingRow(NamedTuple):
    """A setting in a form: of which kind, and where it came from."""

    name: str
    label: str
    hint: str
    kind: str
    choices: tuple[str, ...]
    source: str
    is_fixed: bool


@bp.get("/settings/<page>")
def show_settings(page: str) -> Response:
    return settings_page(page)


@bp.post("/settings/<page>")
def save_settings(page: str) -> Response:
    """Keep what was typed, in force in every process from then on."""
    group = group_of(page)
    typed = {name: value_of(name) for name in GROUPS[group] if is_sent(name)}
    emptied = frozenset(name for name in SECRETS if request.form.get(EMPTIED + name) == ON)
    try:
        pictures = pictures_of() if group == "site" else {}
        site().chosen.save(
            db(), viewer(), group, typed, emptied=emptied, pictures=pictures, revision=revision()
        )
    except InvalidForm as refusal:
        return settings_page(page, typed, refusal.problems)
    return redirect(f"/{language()}/admin/settings/{page}?done=saved", 303)


def pictures_of() -> dict[str, bytes]:
    """The pictures that were sent, by name; empty for one that goes away. Raises InvalidForm."""
    pictures: dict[str, bytes] = {}
    for name in PICTURES:
        file = request.files.get(name)
        body = file.read(branding.MAX_LOGO + 1) if file else b""
        if body or request.form.get(EMPTIED + name) == ON:
            pictures[name] = body
    return pictures


def settings_page(
    page: str,
    typed: Mapping[str, str] | None = None,
    problems: Mapping[str, Problem] | None = None,
) -> Response:
    group, chosen = group_of(page), site().chosen
    texts = chosen.texts(group)
    plain = {name: text for name, text in (typed or {}).items() if name not in SECRETS}
    values = {**texts, **plain}
    wrong = {name: i18n.explain(problem, language()) for name, problem in (problems or {}).items()}
    first = next(iter(wrong), "")
    response = render(
        "admin/settings.html",
        form=Form({**values, "revision": revisions.of(texts)}, first, wrong.get(first, "")),
        address=page,
        rows=rows(group),
        pictures=chosen.pictures(db()) if group == "site" else {},
        done=request.args.get("done", ""),
    )
    response.status_code = 422 if wrong else 200
    return response


def rows(group: str) -> list[SettingRow]:
    """The settings of a group as their form has them."""
    names, chosen = setting_names(spoken_language()), site().chosen
    return [
        SettingRow(
            name,
            *names[name],
            kind_of(name),
            CHOICES.get(name, ()),
            chosen.source(db(), name),
            chosen.is_fixed(name),
        )
        for name in GROUPS[group]
    ]


def kind_of(name: str) -> str:
    if name in SECRETS:
        return "secret"
    if isinstance(FIELDS[name].default, bool):
        return "box"
    return "choice" if name in CHOICES else "area" if name in AREAS else "text"


def is_sent(name: str) -> bool:
    """Whether the form had the setting in it: a box that is not ticked is sent as well."""
    return name in request.form or (kind_of(name) == "box" and f"shown.{name}" in request.form)


def value_of(name: str) -> str:
    if kind_of(name) == "box":
        return "true" if request.form.get(name) == ON else "false"
    return request.form.get(name, "")[: browser_settings.MAX_VALUE + 1]


def group_of(page: str) -> str:
    if page not in PAGES:
        raise NotFound("web.not_found")
    return PAGES[page]
