"""Organisations: read by agents, changed by administrators."""

from typing import Any

from flask import request

from kbsearch import integer_ids
from kbsearch.errors import Forbidden, NotFound
from kbsearch.people import exports, organisations
from kbsearch.people.exports import ExportedOrganisation
from kbsearch.people.organisations import Organisation, OrganisationFields
from kbsearch.web import numbers
from kbsearch.web.render import db, viewer
from kbsearch.web.zendesk import door, pages, shapes
from kbsearch.web.zendesk.answers import Made, Values, body, in_one, offer, url
from kbsearch.web.zendesk.pages import PagedList
from kbsearch.web.zendesk.shapes import ORGANIZATION


@offer("/organizations")
def list_organizations() -> Values:
    """All of them"""
    listed = exports.list_organisations(db(), door.agent())
    return pages.page("organizations", PagedList.of(listed), shapes.organizations)


@offer("/organizations/<int:number>")
def show_organization(number: int) -> Values:
    """One of them"""
    door.agent()
    return {"organization": shapes.organizations([find(number)])[0]}


@offer("/organizations/show_many")
def show_organizations() -> Values:
    """Those of these numbers"""
    door.agent()
    wanted = numbers.wholes(request.args.get("ids", "").split(","))[: pages.MOST]
    keys = [integer_ids.key_of(db(), ORGANIZATION, number) for number in wanted]
    listed = exports.list_organisations(db(), viewer(), ids=[key for key in keys if key])
    return {"organizations": shapes.organizations(listed), "count": len(listed), "next_page": None}


@offer("/organizations", "POST", status=201)
def add_organization() -> Values | Made:
    """Take a customer in"""
    _administers()
    values = body("organization")
    return in_one(lambda: _made(organisations.add(db(), viewer(), _fields(values))))


@offer("/organizations/create_or_update", "POST", status=200)
def add_or_edit_organization() -> Values | Made:
    """Take a customer in, or change the one of that name"""
    _administers()
    values = body("organization")

    def act() -> Values:
        name = str(values.get("name") or "")
        there = [each for each in organisations.list_all(db()) if each.name == name]
        if there:
            return _shown(organisations.edit(db(), viewer(), there[0], _fields(values)))
        return _shown(organisations.add(db(), viewer(), _fields(values)))

    return in_one(act)


@offer("/organizations/<int:number>", "PUT")
def edit_organization(number: int) -> Values | Made:
    """Change its name, and whether its people read each other's requests"""
    _administers()
    values = body("organization")

    def act() -> Values:
        there = organisations.find_id(db(), find(number).id)
        return _shown(organisations.edit(db(), viewer(), there, _fields(values)))

    return in_one(act)


@offer("/organizations/<int:number>", "DELETE", status=204)
def remove_organization(number: int) -> Values:
    """Nothing is deleted here: its requests would belong to nobody"""
    _administers()
    find(number)
    raise Forbidden("zendesk.nothing_deleted")


def find(number: int) -> ExportedOrganisation:
    """The organisation that has a number; raises NotFound."""
    key = integer_ids.key_of(db(), ORGANIZATION, number)
    listed = exports.list_organisations(db(), viewer(), ids=[key] if key else [])
    if not listed:
        raise NotFound("web.not_found")
    return listed[0]


def _administers() -> None:
    if not door.agent().is_administrator:
        raise Forbidden("zendesk.administrators_only")


def _fields(values: dict[str, Any]) -> OrganisationFields:
    given: dict[str, Any] = {}
    if "name" in values:
        given["name"] = str(values["name"] or "")
    if "shared_tickets" in values:
        given["sharing"] = "everyone" if values["shared_tickets"] is True else "nobody"
    return OrganisationFields(**given)


def _shown(organisation: Organisation) -> Values:
    (there,) = exports.list_organisations(db(), viewer(), ids=[organisation.id])
    return {"organization": shapes.organizations([there])[0]}


def _made(organisation: Organisation) -> Made:
    value = _shown(organisation)
    return Made(value, url(f"/api/v2/organizations/{value['organization']['id']}.json"))
