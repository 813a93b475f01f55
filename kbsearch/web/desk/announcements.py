"""Known problems and notices as agents write, publish and end them; who is affected."""

from collections.abc import Callable

from flask import Blueprint, request
from werkzeug.wrappers import Response

from kbsearch import access, announcements
from kbsearch.announcements import KINDS, Announcement, editing, following, reach
from kbsearch.announcements.editing import AnnouncementFields
from kbsearch.errors import Invalid, NotFound
from kbsearch.people.organisations import products
from kbsearch.tickets.desk import incident_groups
from kbsearch.web.admin.forms import Form, is_on, render_form, revision, text
from kbsearch.web.render import db, go_to, language, person, render, viewer

NAMES = (
    "kind",
    "title_fr",
    "title_en",
    "text_fr",
    "text_en",
    "product",
    "version_from",
    "version_to",
    "organisations",
)
FIELDS = {  # of the form, by what can be wrong with them
    "announcement.kind_unknown": "kind",
    "announcement.title_required": "title_fr",
    "announcement.title_too_long": "title_fr",
    "announcement.text_too_long": "text_fr",
    "announcement.product_unknown": "product",
    "announcement.product_required": "product",
    "announcement.version_too_long": "version_from",
    "announcement.range_turned": "version_to",
    "announcement.too_many_organisations": "organisations",
    "announcement.organisation_unknown": "organisations",
}

CHANGES: dict[str, Callable[[Announcement], bool]] = {
    "published": lambda one: editing.publish(db(), viewer(), one, by_mail=is_on("by_mail")),
    "withdrawn": lambda one: editing.withdraw(db(), viewer(), one),
    "ended": lambda one: editing.end(db(), viewer(), one, fixed_in=text("fixed_in")),
    "reopened": lambda one: editing.reopen(db(), viewer(), one),
}

bp = Blueprint("desk_announcements", __name__)


@bp.before_request
def only_agents() -> None:
    access.only_agents(person(), "announcement.not_found")


@bp.get("/desk/announcements")
def index() -> Response:
    return render(
        "desk/announcements.html",
        announcements=announcements.list_all(db(), viewer()),
        affected=following.count_affected(db(), viewer()),
    )


@bp.get("/desk/announcements/new")
def new() -> Response:
    """The form: empty, or of the incident that `problem` names."""
    problem = request.args.get("problem", "")
    try:
        title = incident_groups.find(db(), viewer(), problem).title if problem else ""
    except NotFound:
        problem, title = "", ""
    values = {"kind": "problem" if problem else "notice", f"title_{language()}": title}
    return form(None, Form({**values, "problem": problem}))


@bp.post("/desk/announcements")
def add() -> Response:
    try:
        added = editing.add(db(), viewer(), typed())
    except Invalid as problem:
        return form(None, refused(problem))
    return go_to(f"{place(added.id)}?done=saved")


@bp.get("/desk/announcements/<id>")
def show(id: str) -> Response:
    announcement = find(id)
    return form(announcement, Form.of(editing.texts(db(), viewer(), announcement)))


@bp.post("/desk/announcements/<id>")
def save(id: str) -> Response:
    announcement = find(id)
    try:
        editing.edit(db(), viewer(), announcement, typed(), revision=revision())
    except Invalid as problem:
        return form(announcement, refused(problem))
    return go_to(f"{place(id)}?done=saved")


@bp.post("/desk/announcements/<id>/state")
def change_state(id: str) -> Response:
    """`published`, `withdrawn`, `ended` or `reopened`."""
    announcement, state = find(id), text("state")
    if state not in CHANGES:
        raise Invalid("announcement.state_unknown")
    try:
        changed = CHANGES[state](announcement)
    except Invalid as problem:
        shown = Form.of(editing.texts(db(), viewer(), announcement))
        return form(announcement, shown.refused(problem, FIELDS))
    return go_to(f"{place(id)}?done={state}" if changed else place(id))


def typed() -> AnnouncementFields:
    return AnnouncementFields(**{name: text(name) for name in NAMES}, problem_id=text("problem"))


def refused(problem: Invalid) -> Form:
    """What was sent, with what is wrong beside its field."""
    fields = Form({name: text(name) for name in (*NAMES, "problem", "revision")})
    return fields.refused(problem, FIELDS)


def form(announcement: Announcement | None, fields: Form) -> Response:
    return render_form(
        "desk/announcement.html",
        form=fields,
        announcement=announcement,
        kinds=KINDS,
        products=products.list_all(db()),
        followers=following.list_followers(db(), viewer(), announcement) if announcement else (),
        reach=reach.count(db(), viewer(), announcement) if announcement else None,
        done=request.args.get("done", ""),
    )


def find(id: str) -> Announcement:
    return announcements.find(db(), viewer(), id)


def place(id: str) -> str:
    return f"/{language()}/desk/announcements/{id}"
