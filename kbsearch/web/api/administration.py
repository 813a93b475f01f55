"""Organisations, people and products, as the administration changes them."""

from typing import Any

from kbsearch import access, people
from kbsearch.config import LANGUAGES
from kbsearch.people import PersonFields, organisations
from kbsearch.people.accounts import closing
from kbsearch.people.accounts import directory as accounts
from kbsearch.people.organisations import SHARING, OrganisationFields, products
from kbsearch.people.organisations.products import ProductFields
from kbsearch.promises.targets import MAX_CONTRACT
from kbsearch.web.api import shapes
from kbsearch.web.api.directory import organisation_values, person_values, product_values
from kbsearch.web.api.door import caller, only_unnarrowed
from kbsearch.web.api.fields import Choice, Field, Flag, Text, Texts, Values, naming
from kbsearch.web.api.operations import ApiAnswer, Operation, check_match, offer
from kbsearch.web.render import db

NAME = Text(200)
SLUG = Text(80, shortest=1)
SLUGS = Texts(Text(80), 1000)
DAY = Text(10, nullable=True)
OF_ORGANISATIONS: dict[str, Field] = {
    "slug": SLUG,
    "sharing": Choice(SHARING),
    "contract_starts": DAY,
    "contract_ends": DAY,
    "products": SLUGS,
    "phone": Text(40, nullable=True),
    "trusted_devices": Flag(),
    "followers": Texts(Text(people.MAX_EMAIL), 1000),
    "contract": Text(MAX_CONTRACT),
}
OF_PEOPLE: dict[str, Field] = {
    "role": Choice(access.ROLES),
    "language": Choice(LANGUAGES),
    "organisations": SLUGS,
}
VERSIONS = Texts(Text(products.MAX_VERSION), products.MAX_VERSIONS)


@offer(
    Operation(
        "POST",
        "/organisations",
        shapes.ORGANISATION,
        body={"name": Text(200, required=True), **OF_ORGANISATIONS},
        status=201,
    )
)
def add_organisation(arguments: Values) -> ApiAnswer:
    """Take a customer in; administrators"""
    _administers()
    with naming("products"):
        added = organisations.add(db(), caller(), _organisation(arguments))
    return ApiAnswer(organisation_values(added), f"/api/v1/organisations/{added.slug}")


@offer(
    Operation(
        "PATCH",
        "/organisations/<slug>",
        shapes.ORGANISATION,
        body={"name": NAME, "disabled": Flag(), **OF_ORGANISATIONS},
    )
)
def edit_organisation(arguments: Values, slug: str) -> ApiAnswer:
    """Change what is given of an organisation, disable it or not; administrators"""
    _administers()
    organisation = organisations.find(db(), slug)
    check_match(organisation_values(organisation))
    edits = {name: value for name, value in arguments.items() if name != "disabled"}
    if edits:
        with naming("products"):
            organisation = organisations.edit(db(), caller(), organisation, _organisation(edits))
    if "disabled" in arguments:
        change = closing.disable if arguments["disabled"] else closing.enable
        organisation = change(db(), caller(), organisation)
    return ApiAnswer(organisation_values(organisation))


@offer(
    Operation(
        "POST",
        "/people",
        shapes.PERSON,
        body={
            "email": Text(people.MAX_EMAIL, required=True),
            "name": Text(people.MAX_NAME, required=True),
            "invited": Flag(),
            **OF_PEOPLE,
        },
        status=201,
    )
)
def add_person(arguments: Values) -> ApiAnswer:
    """Open an account, and invite its person; agents for customers, administrators for everybody"""
    only_unnarrowed()
    person_fields = PersonFields(
        arguments["name"],
        arguments["email"],
        arguments.get("role"),
        arguments.get("organisations"),
        arguments.get("language"),
    )
    access.only_agents(caller())
    with naming("organisations"):
        added = accounts.add(db(), caller(), person_fields, invited=arguments.get("invited", False))
    return ApiAnswer(person_values(added), f"/api/v1/people/{added.id}")


@offer(
    Operation(
        "PATCH",
        "/people/<id>",
        shapes.PERSON,
        body={"name": Text(people.MAX_NAME), "disabled": Flag(), **OF_PEOPLE},
    )
)
def edit_person(arguments: Values, id: str) -> ApiAnswer:
    """Change what is given of an account, close it or open it again; administrators"""
    only_unnarrowed()
    person = accounts.find(db(), caller(), id)
    check_match(person_values(person))
    edits = {name: value for name, value in arguments.items() if name != "disabled"}
    if edits:
        with naming("organisations"):
            person = people.edit(db(), caller(), person, PersonFields(**edits))
    if "disabled" in arguments:
        person = (people.disable if arguments["disabled"] else people.enable)(
            db(), caller(), person
        )
    return ApiAnswer(person_values(person))


@offer(
    Operation(
        "POST",
        "/products",
        shapes.PRODUCT,
        body={"name": Text(200, required=True), "slug": SLUG, "versions": VERSIONS},
        status=201,
    )
)
def add_product(arguments: Values) -> ApiAnswer:
    """Support one more product; administrators"""
    _administers()
    product_fields = ProductFields(arguments["name"], arguments.get("versions"))
    added = products.add(db(), caller(), product_fields, slug=arguments.get("slug"))
    return ApiAnswer(product_values(added), f"/api/v1/products/{added.slug}")


@offer(
    Operation(
        "PATCH",
        "/products/<slug>",
        shapes.PRODUCT,
        body={"name": NAME, "versions": VERSIONS, "disabled": Flag()},
    )
)
def edit_product(arguments: Values, slug: str) -> ApiAnswer:
    """Change what is given of a product, disable it or not; administrators"""
    _administers()
    product = products.find(db(), slug)
    check_match(product_values(product))
    edits = ProductFields(arguments.get("name"), arguments.get("versions"))
    product = products.edit(db(), caller(), product, edits)
    if "disabled" in arguments:
        change = products.disable if arguments["disabled"] else products.enable
        product = change(db(), caller(), product)
    return ApiAnswer(product_values(product))


def _administers() -> None:
    """For whom these changes exist."""
    access.only_administrators(caller())
    only_unnarrowed()


def _organisation(arguments: Values) -> OrganisationFields:
    """What is given; None takes something away, which forms say with nothing."""
    edits: dict[str, Any] = {
        name: "" if value is None else value for name, value in arguments.items()
    }
    return OrganisationFields(**edits)
