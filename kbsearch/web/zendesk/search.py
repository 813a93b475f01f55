"""Zendesk's search: words and `name:value`, over tickets, people and organisations."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from flask import request

from kbsearch import people
from kbsearch.clock import parsed, stored
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import exports as people_exports
from kbsearch.tickets.exports import TicketQuery
from kbsearch.tickets.listing import MOST_FOUND
from kbsearch.web.render import db, site, viewer
from kbsearch.web.zendesk import door, pages, shapes, ticket_shapes, users
from kbsearch.web.zendesk.answers import Values, offer
from kbsearch.web.zendesk.pages import PagedList
from kbsearch.web.zendesk.tickets import listing_of

PART = re.compile(r'(-?)(?:([a-z_]{1,30})(:|>=|<=|>|<))?(?:"([^"]{0,300})"|([^\s"]{1,300}))')
MAX_QUERY = 1_000
TYPES = ("ticket", "user", "organization")
Written = Callable[[Sequence[Any]], Sequence[Values]]


@dataclass
class Wanted:
    """What a query says; what it says in words of Zendesk that mean nothing here is left out."""

    type: str = ""
    words: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    person: str = ""
    external_id: str = ""
    created: tuple[str, str] = ("", "")
    updated: tuple[str, str] = ("", "")


@offer("/search")
def search() -> Values:
    """What a query finds"""
    door.agent()
    return {**_page(_wanted(), pages.MOST), "facets": None}


@offer("/search/count")
def count_found() -> Values:
    """How much it is"""
    door.agent()
    return {"count": sum(listing.count() for listing, _, _ in _listings(_wanted()))}


@offer("/search/export")
def export_found() -> Values:
    """The same of one type, by cursor"""
    door.agent()
    return _page(_wanted(), pages.MOST_EXPORTED)


def _page(wanted: Wanted, most: int) -> dict[str, Any]:
    listings = _listings(wanted)
    counts = [cache(listing.count) for listing, _, _ in listings]

    def count() -> int:
        return sum(each() for each in counts)

    def cut(offset: int, limit: int) -> list[Values]:
        results: list[Values] = []
        for (listing, written, kind), counted in zip(listings, counts, strict=True):
            some = listing.cut(offset, limit - len(results))
            results += [{**each, "result_type": kind} for each in written(some)]
            if len(results) >= limit:
                break
            offset = max(offset - counted(), 0)
        return results

    return pages.page("results", PagedList(count, cut), list, most=most)


def _listings(wanted: Wanted) -> list[tuple[PagedList[Any], Written, str]]:
    kinds = [wanted.type] if wanted.type else list(TYPES)
    made = {"ticket": _tickets, "user": _users, "organization": _organizations}
    return [(*made[kind](wanted), kind) for kind in kinds if kind in made]


def _tickets(wanted: Wanted) -> tuple[PagedList[Any], Written]:
    text = " ".join(wanted.words)
    requester = ""
    if wanted.person:
        try:
            requester = people.find(db(), wanted.person).id
        except (NotFound, Invalid):
            requester = "nobody"
    query = TicketQuery(
        numbers=site().search.numbers(viewer(), text, MOST_FOUND) if text else None,
        statuses=wanted.statuses,
        without=wanted.without,
        tags=wanted.tags,
        requester=requester,
        created=wanted.created,
        updated=wanted.updated,
    )
    if wanted.external_id:
        query = TicketQuery(numbers=[])
    return listing_of(query), ticket_shapes.tickets


def _users(wanted: Wanted) -> tuple[PagedList[Any], Written]:
    text = wanted.person or " ".join(wanted.words)
    if wanted.external_id:
        return PagedList[Any].of([]), users.written
    return users.found(text), users.written


def _organizations(wanted: Wanted) -> tuple[PagedList[Any], Written]:
    text = " ".join(wanted.words).casefold()
    listed = [
        each
        for each in people_exports.list_organisations(db(), viewer())
        if text in each.name.casefold() and wanted.external_id in ("", each.slug)
    ]
    return PagedList.of([] if wanted.person else listed), shapes.organizations


def _wanted() -> Wanted:
    wanted = Wanted(type=request.args.get("filter[type]", ""))
    for minus, name, sign, quoted, plain in PART.findall(request.args.get("query", "")[:MAX_QUERY]):
        _take(wanted, bool(minus), name, sign, quoted or plain)
    return wanted


def _take(wanted: Wanted, negated: bool, name: str, sign: str, value: str) -> None:
    if not name:
        wanted.words.append(value)
    elif name in ("type", "external_id"):
        setattr(wanted, name, value)
    elif name in ("email", "requester", "user"):
        wanted.person = value
    elif name == "tags":
        wanted.tags.append(value)
    elif name in ("status", "status_category"):
        (wanted.without if negated else wanted.statuses).append(value)
    elif name in ("created", "updated"):
        first, before = getattr(wanted, name)
        moment = _moment(value)
        setattr(wanted, name, (first, moment) if sign.startswith("<") else (moment, before))


def _moment(text: str) -> str:
    try:
        return stored(parsed(text))
    except (ValueError, OverflowError):
        raise Invalid("zendesk.start_time_invalid") from None
