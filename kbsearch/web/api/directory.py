"""Organisations, people and products, for those who may see them on the pages."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from kbsearch import people
from kbsearch.access import only_administrators
from kbsearch.errors import NotFound
from kbsearch.people import Person, organisations
from kbsearch.people.accounts import directory
from kbsearch.people.organisations import Organisation, products
from kbsearch.people.organisations.products import Product
from kbsearch.web.api import shapes
from kbsearch.web.api.door import caller, only_unnarrowed, token
from kbsearch.web.api.fields import Field, Text, Values, Whole
from kbsearch.web.api.operations import ApiAnswer, Operation, offer
from kbsearch.web.render import db

Thing = TypeVar("Thing")
LIMIT = 100
PAGE: dict[str, Field] = {"cursor": Text(people.MAX_EMAIL), "limit": Whole(1, LIMIT)}


@offer(
    Operation(
        "GET", "/organisations", shapes.listing("organisations", shapes.ORGANISATION), query=PAGE
    )
)
def list_organisations(arguments: Values) -> ApiAnswer:
    """The organisations, by slug; for administrators"""
    only_administrators(caller())
    only_unnarrowed()
    page, further = cut(organisations.list_all(db()), lambda one: one.slug, arguments)
    return ApiAnswer({"organisations": [organisation_values(one) for one in page], "next": further})


@offer(Operation("GET", "/organisations/<slug>", shapes.ORGANISATION))
def show_organisation(arguments: Values, slug: str) -> ApiAnswer:
    """An organisation; for administrators"""
    only_administrators(caller())
    only_unnarrowed()
    return ApiAnswer(organisation_values(organisations.find(db(), slug)))


@offer(
    Operation(
        "GET",
        "/people",
        shapes.listing("people", shapes.PERSON),
        query={**PAGE, "q": Text(people.MAX_EMAIL), "organisation": Text(80)},
    )
)
def list_people(arguments: Values) -> ApiAnswer:
    """People, by address: agents see the customers, administrators everybody"""
    only_unnarrowed()
    limit = arguments.get("limit", LIMIT)
    filters = directory.PeopleFilter(
        arguments.get("q", ""), organisation=arguments.get("organisation")
    )
    listed = directory.list_after(db(), caller(), filters, arguments.get("cursor", ""), limit + 1)
    further = listed[limit - 1].email if len(listed) > limit else None
    return ApiAnswer({"people": [person_values(one) for one in listed[:limit]], "next": further})


@offer(Operation("GET", "/people/<id>", shapes.PERSON))
def show_person(arguments: Values, id: str) -> ApiAnswer:
    """Somebody; for agents, who see the customers, and administrators"""
    only_unnarrowed()
    return ApiAnswer(person_values(directory.find(db(), caller(), id)))


@offer(Operation("GET", "/products/<slug>", shapes.PRODUCT))
def show_product(arguments: Values, slug: str) -> ApiAnswer:
    """A product; a customer sees those of their contracts"""
    product = next((one for one in _products() if one.slug == slug), None)
    if product is None:
        raise NotFound("web.not_found")
    return ApiAnswer(product_values(product))


@offer(Operation("GET", "/products", shapes.listing("products", shapes.PRODUCT), query=PAGE))
def list_products(arguments: Values) -> ApiAnswer:
    """The products, by slug; a customer sees those of their contracts"""
    page, further = cut(_products(), lambda one: one.slug, arguments)
    return ApiAnswer({"products": [product_values(one) for one in page], "next": further})


def cut(
    things: Sequence[Thing], key: Callable[[Thing], str], arguments: Values
) -> tuple[list[Thing], str | None]:
    """The page that the cursor asks for, and the next cursor."""
    limit = arguments.get("limit", LIMIT)
    rest = sorted((one for one in things if key(one) > arguments.get("cursor", "")), key=key)
    return rest[:limit], key(rest[limit - 1]) if len(rest) > limit else None


def organisation_values(organisation: Organisation) -> dict[str, Any]:
    followers = list(organisations.followers(db(), organisation))
    return {
        **shapes.values(organisation, shapes.ORGANISATION),
        "followers": followers,
        "disabled": organisation.disabled_at is not None,
    }


def person_values(person: Person) -> dict[str, Any]:
    disabled = person.disabled_at is not None
    return {**shapes.values(person, shapes.PERSON), "disabled": disabled}


def product_values(product: Product) -> dict[str, Any]:
    disabled = product.disabled_at is not None
    return {**shapes.values(product, shapes.PRODUCT), "disabled": disabled}


def _products() -> list[Product]:
    narrowed = token().product
    return [
        product
        for product in products.list_all(db())
        if (caller().is_staff or product.slug in caller().products)
        and (narrowed is None or product.slug == narrowed)
    ]
