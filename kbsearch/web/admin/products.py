"""Products and their versions."""

from flask import redirect, request
from werkzeug.wrappers import Response

from kbsearch.errors import Invalid
from kbsearch.people.organisations import products
from kbsearch.people.organisations.products import Product, ProductFields
from kbsearch.web.admin.door import bp, names_a_page
from kbsearch.web.admin.forms import Form, render_form, revision, text
from kbsearch.web.render import db, language, render, viewer

FIELDS = {  # of the form, by what can be wrong with them
    "organisation.name_invalid": "name",
    "organisation.slug_invalid": "slug",
    "organisation.slug_taken": "slug",
    "product.version_invalid": "versions",
    "product.versions_too_many": "versions",
    "product.where_invalid": "where_fr",
}


@bp.get("/products")
def list_products() -> Response:
    return render("admin/products.html", found=products.list_all(db()))


@bp.get("/products/new")
def new_product() -> Response:
    return form(None, Form())


@bp.post("/products")
def add_product() -> Response:
    fields = sent()
    try:
        added = products.add(db(), viewer(), typed(), slug=text("slug") or None)
    except Invalid as problem:
        return form(None, fields.refused(problem, FIELDS))
    return redirect(f"/{language()}/admin/products/{added.id}?saved=1", 303)


@bp.get("/products/<id>")
def show_product(id: str) -> Response:
    product = product_of(id)
    return form(product, Form.of(products.texts(product)))


@bp.post("/products/<id>")
def save_product(id: str) -> Response:
    product, fields = product_of(id), sent()
    try:
        products.edit(db(), viewer(), product, typed(), revision=revision())
    except Invalid as problem:
        return form(product, fields.refused(problem, FIELDS))
    return redirect(f"/{language()}/admin/products/{id}?saved=1", 303)


@bp.post("/products/<id>/state")
def enable_or_disable_product(id: str) -> Response:
    change = products.disable if text("state") == "disabled" else products.enable
    change(db(), viewer(), product_of(id))
    return redirect(f"/{language()}/admin/products/{id}?saved=1", 303)


def typed() -> ProductFields:
    """The fields of the form: one version a line, empty lines do not count."""
    return ProductFields(
        name=text("name"),
        versions=[line for line in text("versions").splitlines() if line.strip()],
        where_fr=text("where_fr"),
        where_en=text("where_en"),
    )


def sent() -> Form:
    names = ("name", "slug", "versions", "where_fr", "where_en", "revision")
    return Form({name: text(name) for name in names})


def form(product: Product | None, fields: Form) -> Response:
    return render_form(
        "admin/product.html", form=fields, shown=product, saved="saved" in request.args
    )


@names_a_page()
def product_of(id: str) -> Product:
    return products.find_id(db(), id)
