"""People: read, taken in, changed and shut out, as agents and administrators do on the pages."""

from typing import Any

from flask import request

from kbsearch import integer_ids, people
from kbsearch.errors import InvalidForm, NotFound
from kbsearch.people import Person, PersonFields, exports, organisations
from kbsearch.people.accounts import directory
from kbsearch.people.accounts.directory import PeopleFilter
from kbsearch.people.exports import ExportedPerson, PeopleQuery
from kbsearch.tickets.exports import strangers
from kbsearch.web import numbers
from kbsearch.web.render import db, viewer
from kbsearch.web.zendesk import door, pages, shapes
from kbsearch.web.zendesk.answers import Made, Values, body, in_one, offer, url
from kbsearch.web.zendesk.pages import PagedList
from kbsearch.web.zendesk.shapes import ADDRESS, ORGANIZATION, USER

ROLES = {"admin": "administrator", "agent": "agent", "end-user": "customer"}
Someone = ExportedPerson | str  # an address, where there is no account


@offer("/users")
def list_users() -> Values:
    """Everybody whom the caller knows, those without an account last"""
    door.agent()
    return pages.page("users", everybody(), written)


@offer("/users/<int:number>")
def show_user(number: int) -> Values:
    """Somebody"""
    door.agent()
    return {"user": written([find(number)])[0]}


@offer("/users/show_many")
def show_users() -> Values:
    """Those of these numbers"""
    door.agent()
    wanted = numbers.wholes(request.args.get("ids", "").split(","))[: pages.MOST]
    people_found: list[Someone] = []
    for number in wanted:
        try:
            people_found.append(find(number))
        except NotFound:
            continue
    return {"users": written(people_found), "count": len(people_found), "next_page": None}


@offer("/users/search")
def search_users() -> Values:
    """People whose name or address holds a text"""
    door.agent()
    text = request.args.get("query", "").removeprefix("email:").strip('"')
    return pages.page("users", found(text[: people.MAX_EMAIL]), written)


def everybody() -> PagedList[Someone]:
    """People with an account in the order of their last change, then those without one."""
    query = PeopleQuery()
    known = exports.count_people(db(), viewer(), query)
    others = strangers(db(), viewer())

    def cut(offset: int, limit: int) -> list[Someone]:
        some: list[Someone] = []
        if offset < known:
            some += exports.cut_people(db(), viewer(), query, offset, limit)
        start = max(offset - known, 0)
        return some + others[start : start + limit - len(some)]

    return PagedList(lambda: known + len(others), cut)


def found(text: str) -> PagedList[Someone]:
    """People whose name or address holds a text."""
    listed = directory.list_after(db(), viewer(), PeopleFilter(text), "", pages.MOST_EXPORTED)
    ids = [person.id for person in listed]
    query = PeopleQuery(ids=ids)
    return PagedList(
        lambda: exports.count_people(db(), viewer(), query),
        lambda offset, limit: exports.cut_people(db(), viewer(), query, offset, limit),
    )


def written(some: Any) -> list[dict[str, Any]]:
    accounts = shapes.users([one for one in some if isinstance(one, ExportedPerson)])
    return accounts + shapes.strangers([one for one in some if isinstance(one, str)])


def find(number: int) -> Someone:
    """Whoever has that number; raises NotFound."""
    key = integer_ids.key_of(db(), USER, number)
    if key is not None:
        return exports.find_person(db(), viewer(), key)
    address = integer_ids.key_of(db(), ADDRESS, number)
    if address is None or not viewer().is_agent:
        raise NotFound("person.not_found", email="")
    return address


def person_of(number: object) -> Person:
    """The account that has a number; raises NotFound."""
    someone = find(number) if isinstance(number, int) else ""
    if isinstance(someone, str):
        raise NotFound("person.not_found", email=someone)
    return people.find_id(db(), someone.id)


@offer("/users", "POST", status=201)
def add_user() -> Values | Made:
    """Open an account"""
    door.agent()
    values = body("user")
    return in_one(lambda: made(_added(values)))


@offer("/users/create_or_update", "POST", status=200)
def add_or_edit_user() -> Values | Made:
    """Open an account, or change the one of that address"""
    door.agent()
    values = body("user")

    def act() -> Values:
        try:
            person = people.find(db(), str(values.get("email", "")))
        except NotFound:
            person = _added(values)
        else:
            person = _edited(person, values)
        return shown(person)

    return in_one(act)


@offer("/users/<int:number>", "PUT")
def edit_user(number: int) -> Values | Made:
    """Change an account"""
    door.agent()
    values = body("user")
    return in_one(lambda: shown(_edited(person_of(number), values)))


@offer("/users/<int:number>", "DELETE")
def remove_user(number: int) -> Values | Made:
    """Close an account: nobody is deleted, what they wrote stays"""
    door.agent()
    return in_one(lambda: shown(people.disable(db(), viewer(), person_of(number))))


def shown(person: Person) -> Values:
    return {"user": shapes.users([exports.find_person(db(), viewer(), person.id)])[0]}


def made(person: Person) -> Made:
    value = shown(person)
    return Made(value, url(f"/api/v2/users/{value['user']['id']}.json"))


def _added(values: dict[str, Any]) -> Person:
    fields = _fields(values)
    return directory.add(db(), viewer(), fields)


def _edited(person: Person, values: dict[str, Any]) -> Person:
    fields = _fields({"name": person.name, **values})
    edited = people.edit(
        db(),
        viewer(),
        person,
        PersonFields(fields.name, "", fields.role, fields.organisations, fields.language),
    )
    if "suspended" in values:
        act = people.disable if values["suspended"] else people.enable
        edited = act(db(), viewer(), edited)
    return edited


def _fields(values: dict[str, Any]) -> PersonFields:
    texts = {name: str(values.get(name) or "") for name in ("name", "email", "role", "locale")}
    number, slugs = values.get("organization_id"), None
    if isinstance(number, int):
        key = integer_ids.key_of(db(), ORGANIZATION, number)
        if key is None:
            wrong = NotFound("organisation.not_found", slug=number)
            raise InvalidForm("api.invalid", {"organization_id": wrong})
        slugs = [organisations.find_id(db(), key).slug]
    return PersonFields(
        texts["name"],
        texts["email"],
        ROLES.get(texts["role"]),
        slugs,
        texts["locale"][:2].lower() or None,
    )
