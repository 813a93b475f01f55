"""Organisations: the list, and the form with contract, sharing and look."""

from flask import redirect, request
from werkzeug.wrappers import Response

from kbsearch import people, revisions
from kbsearch.clock import utc_now
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import organisations
from kbsearch.people.accounts import closing
from kbsearch.people.organisations import (
    SHARING,
    Organisation,
    OrganisationFields,
    branding,
    products,
)
from kbsearch.people.organisations.branding import LookFields
from kbsearch.people.organisations.colours import HEX
from kbsearch.timekeeping import budgets
from kbsearch.timekeeping.budgets import SPANS, BudgetFields
from kbsearch.web.admin.door import bp, names_a_page
from kbsearch.web.admin.forms import Form, is_on, render_form, revision, text, texts
from kbsearch.web.render import db, language, render, viewer

MAX_TEXT = 200
BUDGET = ("budget_hours", "budget_span", "budget_shown")
MAX_PARTS = 1000  # a box for each product and each person who may be named
TYPED = (
    *("name", "slug", "phone", "contract", "contract_starts", "contract_ends", "sharing"),
    *("accent", "welcome_fr", "welcome_en"),
)
FIELDS = {  # of the form, by what can be wrong with them
    "organisation.name_invalid": "name",
    "organisation.slug_invalid": "slug",
    "organisation.slug_taken": "slug",
    "organisation.date_invalid": "contract_ends",
    "organisation.contract_backwards": "contract_ends",
    "organisation.phone_invalid": "phone",
    "organisation.sharing_unknown": "sharing",
    "organisation.follower_outside": "sharing",
    "target.contract_invalid": "contract",
    "product.not_found": "products",
    "look.accent_invalid": "accent",
    "look.welcome_too_long": "welcome_fr",
    "look.logo_too_large": "logo",
    "look.logo_format": "logo",
    "look.logo_side": "logo",
    "budget.hours_invalid": "budget_hours",
    "budget.span_unknown": "budget_span",
}


@bp.get("/organisations")
def list_organisations() -> Response:
    searched = request.args.get("q", "")[:MAX_TEXT]
    return render(
        "admin/organisations.html",
        "admin/_organisations.html",
        q=searched,
        found=organisations.search(db(), searched),
        today=utc_now().date().isoformat(),
    )


@bp.get("/organisations/new")
def new_organisation() -> Response:
    return form(None, Form({"sharing": "nobody", "products": [], "followers": []}))


@bp.post("/organisations")
def add_organisation() -> Response:
    request.max_form_parts = MAX_PARTS
    fields = sent()
    try:
        with db().atomic():
            added = organisations.add(db(), viewer(), typed())
            dress(added, logo())
    except (Invalid, NotFound) as problem:
        return form(None, fields.refused(problem, FIELDS))
    return redirect(f"/{language()}/admin/organisations/{added.id}?saved=1", 303)


@bp.get("/organisations/<id>")
def show_organisation(id: str) -> Response:
    organisation = organisation_of(id)
    return form(organisation, of(organisation))


def of(organisation: Organisation) -> Form:
    """An organisation as its form shows it."""
    values = {
        **vars(organisation),
        **vars(organisation.look),
        "followers": organisations.followers(db(), organisation),
        "revision": revisions.of(organisations.texts(db(), organisation)),
    }
    return Form(values)


@bp.post("/organisations/<id>")
def save_organisation(id: str) -> Response:
    request.max_form_parts = MAX_PARTS
    organisation, fields, picture = organisation_of(id), sent(), logo()
    try:
        with db().atomic():
            organisations.check_revision(db(), organisation, wanted(picture), revision())
            organisations.edit(db(), viewer(), organisation, typed())
            dress(organisation, picture)
    except (Invalid, NotFound) as problem:
        return form(organisation, fields.refused(problem, FIELDS))
    return redirect(f"/{language()}/admin/organisations/{id}?saved=1", 303)


@bp.post("/organisations/<id>/state")
def enable_or_disable_organisation(id: str) -> Response:
    change = closing.disable if text("state") == "disabled" else closing.enable
    change(db(), viewer(), organisation_of(id))
    return redirect(f"/{language()}/admin/organisations/{id}?saved=1", 303)


@bp.get("/look")
def look() -> Response:
    """How a colour would look, while it is typed."""
    colour = accent_of(request.args.get("accent", ""))
    return render("admin/look.html", "admin/_look.html", accent=colour)


@bp.post("/organisations/<id>/budget")
def save_budget(id: str) -> Response:
    """How much time its contract has."""
    organisation = organisation_of(id)
    fields = BudgetFields(text("budget_hours"), text("budget_span"), is_on("budget_shown"))
    try:
        budgets.edit(db(), viewer(), organisation, fields, revision=revision())
    except Invalid as problem:
        values = {name: text(name) for name in (*BUDGET, "revision")}
        return form(organisation, of(organisation), Form(values).refused(problem, FIELDS))
    return redirect(f"/{language()}/admin/organisations/{id}?saved=1", 303)


def typed() -> OrganisationFields:
    return OrganisationFields(
        name=text("name"),
        slug=text("slug") or None,
        sharing=text("sharing"),
        contract_starts=text("contract_starts"),
        contract_ends=text("contract_ends"),
        products=texts("products"),
        phone=text("phone"),
        trusted_devices=is_on("trusted_devices"),
        followers=texts("followers"),
        contract=text("contract"),
    )


def logo() -> bytes | None:
    """The picture that was sent; empty to take the present one away, None to leave it."""
    file = request.files.get("logo")
    body = file.read() if file else b""
    return body or (b"" if is_on("no_logo") else None)


def dress(organisation: Organisation, picture: bytes | None) -> None:
    fields = LookFields(
        accent=text("accent"),
        welcome_fr=text("welcome_fr"),
        welcome_en=text("welcome_en"),
        logo=picture,
    )
    branding.dress(db(), viewer(), organisation.id, fields)


def wanted(picture: bytes | None) -> dict[str, str | None]:
    """What was sent, as `organisations.texts` says it."""
    several = {name: "\n".join(sorted(texts(name))) for name in ("products", "followers")}
    digest = branding.logo_hash(picture) if picture else None if picture is None else ""
    typed = {name: text(name) for name in (*TYPED, "trusted_devices")}
    return {**typed, **several, "logo": digest}


def sent() -> Form:
    """The form as it was sent; a file cannot be shown again."""
    values = {name: text(name) for name in (*TYPED, "revision")}
    boxes = {name: is_on(name) for name in ("trusted_devices", "no_logo")}
    return Form({**values, **boxes, "products": texts("products"), "followers": texts("followers")})


def form(organisation: Organisation | None, fields: Form, budget: Form | None = None) -> Response:
    if organisation and budget is None:
        budget = Form.of(budgets.texts(db(), viewer(), organisation.slug))
    response = render_form(
        "admin/organisation.html",
        form=fields,
        shown=organisation,
        budget=budget,
        spans=SPANS,
        accent=accent_of(fields.values.get("accent")),
        products=[(product.slug, product.name) for product in products.list_all(db())],
        people=members(organisation) if organisation else [],
        sharings=SHARING,
        saved="saved" in request.args,
    )
    if budget and budget.wrong:
        response.status_code = 422
    return response


def members(organisation: Organisation) -> list[tuple[str, str]]:
    """Its people: whom it may name, by address."""
    return [
        (person.email, f"{person.name} – {person.email}")
        for person in people.list_all(db(), organisation=organisation.slug)
    ]


def accent_of(text: str | None) -> str | None:
    """The colour that was typed, once it is one."""
    colour = (text or "").strip().lower()
    return colour if HEX.fullmatch(colour) else None


@names_a_page()
def organisation_of(id: str) -> Organisation:
    return organisations.find_id(db(), id)
