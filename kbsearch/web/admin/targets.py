"""Targets: the list in the order that decides, the form of one, and archiving."""

from flask import redirect, request
from werkzeug.wrappers import Response

from kbsearch.errors import Invalid
from kbsearch.people import organisations
from kbsearch.people.organisations import products
from kbsearch.promises import calendars, targets
from kbsearch.promises.targets import PROMISES, Target, TargetFields
from kbsearch.target_tables import SEVERITIES
from kbsearch.web.admin.door import bp, names_a_page
from kbsearch.web.admin.forms import Form, render_form, revision, text
from kbsearch.web.render import db, language, render, site, viewer

NAMES = ("severity", "product", "organisation", "contract", "calendar", *PROMISES)
FIELDS = {  # of the form, by what can be wrong with them
    "target.severity_unknown": "severity",
    "target.product_unknown": "product",
    "target.organisation_unknown": "organisation",
    "target.contract_invalid": "contract",
    "target.calendar_unknown": "calendar",
    "target.first_answer_invalid": "first_answer",
    "target.next_answer_invalid": "next_answer",
    "target.solution_invalid": "solution",
    "target.nothing_promised": "first_answer",
    "target.scope_taken": "organisation",
    "target.too_many": "first_answer",
}


@bp.get("/targets")
def list_targets() -> Response:
    return render(
        "admin/targets.html",
        targets=targets.list_all(db()),
        names=names_of_things(),
        is_in_file=bool(site().settings.targets),
        done=request.args.get("done", ""),
    )


@bp.get("/targets/new")
def new_target() -> Response:
    return form(None, Form())


@bp.post("/targets")
def add_target() -> Response:
    try:
        targets.add(db(), viewer(), typed())
    except Invalid as problem:
        return form(None, refused(problem))
    return redirect(f"/{language()}/admin/targets?done=saved", 303)


@bp.get("/targets/<id>")
def show_target(id: str) -> Response:
    target = target_of(id)
    return form(target, Form.of(targets.texts(target)))


@bp.post("/targets/<id>")
def save_target(id: str) -> Response:
    target = target_of(id)
    try:
        targets.edit(db(), viewer(), target, typed(), revision=revision())
    except Invalid as problem:
        return form(target, refused(problem))
    return redirect(f"/{language()}/admin/targets?done=saved", 303)


@bp.post("/targets/<id>/state")
def archive_or_restore_target(id: str) -> Response:
    target = target_of(id)
    is_archiving = text("state") == "archived"
    change = targets.archive if is_archiving else targets.restore
    try:
        change(db(), viewer(), target)
    except Invalid as problem:
        return form(target, Form.of(targets.texts(target)).refused(problem, FIELDS))
    done = "archived" if is_archiving else "restored"
    return redirect(f"/{language()}/admin/targets?done={done}", 303)


def typed() -> TargetFields:
    return TargetFields(**{name: text(name) for name in NAMES})


def refused(problem: Invalid) -> Form:
    """What was sent, with what is wrong beside its field."""
    fields = Form({name: text(name) for name in (*NAMES, "revision")})
    return fields.refused(problem, FIELDS)


def form(target: Target | None, fields: Form) -> Response:
    archived = [target.calendar.id] if target and target.calendar else []
    return render_form(
        "admin/target.html",
        form=fields,
        target=target,
        severities=("", *SEVERITIES),
        products=[(product.id, product.name) for product in products.list_all(db())],
        organisations=[(one.id, one.name) for one in organisations.list_all(db())],
        contracts=organisations.list_contracts(db()),
        calendars=[
            (calendar.id, calendar.name)
            for calendar in calendars.list_all(db())
            if not calendar.is_archived or calendar.id in archived
        ],
    )


def names_of_things() -> dict[str, str]:
    """What products and organisations are called, by their ids."""
    names = {product.id: product.name for product in products.list_all(db())}
    return names | {customer.id: customer.name for customer in organisations.list_all(db())}


@names_a_page()
def target_of(id: str) -> Target:
    return targets.find(db(), id)
