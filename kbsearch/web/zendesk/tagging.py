"""The tags of a ticket: read, given, replaced, taken off."""

from collections.abc import Callable

from kbsearch import tickets
from kbsearch.tickets import exports, tags
from kbsearch.web.api.problems import Unreadable
from kbsearch.web.render import db, viewer
from kbsearch.web.zendesk import door
from kbsearch.web.zendesk.answers import Values, member, offer


@offer("/tickets/<int:number>/tags")
def list_ticket_tags(number: int) -> Values:
    """The tags of a ticket"""
    door.agent()
    return _tags_of(number)


@offer("/tickets/<int:number>/tags", "PUT")
def add_ticket_tags(number: int) -> Values:
    """Give it these besides those it has"""
    return _changed(number, lambda id, names: tags.change(db(), viewer(), id, add=names))


@offer("/tickets/<int:number>/tags", "POST")
def set_ticket_tags(number: int) -> Values:
    """Give it these and no others"""
    return _changed(number, lambda id, names: tags.replace(db(), viewer(), id, names))


@offer("/tickets/<int:number>/tags", "DELETE")
def remove_ticket_tags(number: int) -> Values:
    """Take these off"""
    return _changed(number, lambda id, names: tags.change(db(), viewer(), id, remove=names))


def _changed(number: int, act: Callable[[str, list[str]], None]) -> Values:
    door.agent()
    act(tickets.find_number(db(), viewer(), number).id, _names())
    return _tags_of(number)


def _tags_of(number: int) -> Values:
    return {"tags": list(exports.find(db(), viewer(), number).tags)}


def _names() -> list[str]:
    names = member("tags")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Unreadable("api.unreadable")
    return names
