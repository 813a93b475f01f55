"""The fields that are asked for besides: the list in its order, the form of one, archiving."""

from flask import redirect, request
from werkzeug.wrappers import Response

from kbsearch import form_fields
from kbsearch.errors import Invalid
from kbsearch.form_fields import FormField
from kbsearch.people.organisations import products
from kbsearch.tickets import field_editing, fields
from kbsearch.tickets.field_editing import FieldForm
from kbsearch.web.admin.door import bp, names_a_page
from kbsearch.web.admin.forms import Form, is_on, render_form, revision, text, texts
from kbsearch.web.render import db, language, render, viewer

LINES = ("label_fr", "label_en", "hint_fr", "hint_en", "choices", "when_field", "when_values")
NEW = ("kind", "name")
FIELDS = {  # of the form, by what can be wrong with them
    "field.label_missing": "label_fr",
    "field.label_too_long": "label_fr",
    "field.hint_too_long": "hint_fr",
    "field.kind_unknown": "kind",
    "field.name_invalid": "name",
    "field.name_taken": "name",
    "field.choices_missing": "choices",
    "field.choices_too_many": "choices",
    "field.choices_repeated": "choices",
    "field.product_unknown": "products",
    "field.condition_unknown": "when_field",
    "field.condition_hidden": "when_field",
    "field.condition_values": "when_values",
    "field.too_many": "label_fr",
    "field.others_depend": "archive",
    "request.field_number": "when_values",
    "request.field_date": "when_values",
}


@bp.get("/fields")
def list_fields() -> Response:
    return page_of_all()


@bp.get("/fields/new")
def new_field() -> Response:
    return form(None, Form({"kind": "text", "in_form": "yes"}))


@bp.post("/fields")
def add_field() -> Response:
    try:
        field_editing.add(db(), viewer(), typed())
    except Invalid as problem:
        return form(None, sent().refused(problem, FIELDS))
    return redirect(f"/{language()}/admin/fields?done=saved", 303)


@bp.get("/fields/<id>")
def show_field(id: str) -> Response:
    return form(field_of(id), as_kept(field_of(id)))


@bp.post("/fields/<id>")
def save_field(id: str) -> Response:
    field = field_of(id)
    try:
        field_editing.edit(db(), viewer(), field, typed(), revision=revision())
    except Invalid as problem:
        return form(field, sent().refused(problem, FIELDS))
    return redirect(f"/{language()}/admin/fields?done=saved", 303)


@bp.post("/fields/<id>/state")
def archive_or_restore_field(id: str) -> Response:
    field, is_archiving = field_of(id), text("state") == "archived"
    change = field_editing.archive if is_archiving else field_editing.restore
    try:
        change(db(), viewer(), field)
    except Invalid as problem:
        return form(field, as_kept(field).refused(problem, FIELDS))
    done = "archived" if is_archiving else "restored"
    return redirect(f"/{language()}/admin/fields?done={done}", 303)


@bp.post("/fields/<id>/place")
def move_field(id: str) -> Response:
    """One place up or down, unless a condition is in the way."""
    field = field_of(id)
    try:
        field_editing.move(db(), viewer(), field, -1 if text("way") == "up" else 1)
    except Invalid as problem:
        return page_of_all(problem)
    return redirect(f"/{language()}/admin/fields#field-{field.name}", 303)


def page_of_all(problem: Invalid | None = None) -> Response:
    refused = Form().refused(problem, {problem.key: "order"}) if problem else Form()
    present = sorted(fields.list_all(db(), viewer()), key=lambda field: bool(field.archived_at))
    response = render(
        "admin/vendor_fields.html",
        fields=present,
        names={field.name: field for field in present},
        products=names_of_products(),
        refused=refused.reason,
        done=request.args.get("done", ""),
    )
    response.status_code = problem.status if problem else 200
    return response


def form(field: FormField | None, values: Form) -> Response:
    before: list[FormField] = []
    for other in fields.definitions(db(), viewer()):
        if field and other.id == field.id:
            break
        before.append(other)
    return render_form(
        "admin/vendor_field.html",
        form=values,
        shown=field,
        kinds=form_fields.KINDS,
        conditions=[("", ""), *((other.name, other.told(language())) for other in before)],
        products=list(names_of_products().items()),
    )


def typed() -> FieldForm:
    lines = {name: text(name) for name in (*LINES, *NEW)}
    return FieldForm(
        **lines, products=texts("products"), required=is_on("required"), in_form=is_on("in_form")
    )


def sent() -> Form:
    """What was sent, to be shown again."""
    names = (*LINES, *NEW, "required", "in_form", "revision")
    return Form({**{name: text(name) for name in names}, "products": texts("products")})


def as_kept(field: FormField) -> Form:
    values = Form.of(field_editing.texts(field)).values
    return Form({**values, "products": field.products, "kind": field.kind, "name": field.name})


def names_of_products() -> dict[str, str]:
    return {product.slug: product.name for product in products.list_all(db())}


@names_a_page()
def field_of(id: str) -> FormField:
    return field_editing.find(db(), viewer(), id)
