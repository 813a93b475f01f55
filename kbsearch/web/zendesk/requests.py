"""Requests as those read and write them who asked: public comments alone, their own rights."""

from typing import Any

from flask import request

from kbsearch import tickets
from kbsearch.errors import SignInNeeded
from kbsearch.tickets import exports
from kbsearch.tickets.conversation import lifecycle
from kbsearch.tickets.exports import ExportedTicket, TicketQuery
from kbsearch.tickets.filing.form import RequestForm
from kbsearch.tickets.listing import MOST_FOUND
from kbsearch.web.render import db, site, viewer
from kbsearch.web.zendesk import pages, shapes, ticket_shapes, uploads
from kbsearch.web.zendesk.answers import Made, Values, body, in_one, offer, url
from kbsearch.web.zendesk.pages import PagedList
from kbsearch.web.zendesk.tickets import (
    SEVERITIES,
    comment_of,
    comment_text,
    file,
    listing_of,
    say,
    text,
)


@offer("/requests")
def list_requests() -> Values:
    """The caller's own, by number"""
    return _listed(TicketQuery(mine=True))


@offer("/requests/open")
def list_open() -> Values:
    """Those that are not solved"""
    return _listed(TicketQuery(mine=True, without=("solved", "closed")))


@offer("/requests/solved")
def list_solved() -> Values:
    """Those that are"""
    return _listed(TicketQuery(mine=True, statuses=("solved", "closed")))


@offer("/requests/search")
def search_requests() -> Values:
    """Those that have the words of a text"""
    found = site().search.numbers(viewer(), request.args.get("query", "")[:300], MOST_FOUND)
    return _listed(TicketQuery(mine=True, numbers=found))


@offer("/requests/<int:number>")
def show_request(number: int) -> Values:
    """A request that the caller may read"""
    return _shown(exports.find(db(), viewer(), number))


@offer("/requests/<int:number>/comments")
def list_request_comments(number: int) -> Values:
    """What was said, without the notes of agents"""
    ticket = exports.find(db(), viewer(), number)
    said = ticket_shapes.comments(ticket, public=True)
    value = pages.page("comments", PagedList.of(said), list)
    return {**value, "users": shapes.users_of([ticket.requester_id])}


@offer("/requests", "POST", status=201)
def open_request() -> Values | Made:
    """File a request of the caller's own"""
    values = body("request")

    def act() -> Made:
        comment = comment_of(values)
        form = RequestForm(
            subject=text(values, "subject"),
            description=comment_text(comment) or text(values, "description"),
            severity=SEVERITIES.get(text(values, "priority"), ""),
        )
        ticket = file(form, uploads.gathered(comment.get("uploads")))
        value = _shown(exports.find(db(), viewer(), ticket.number))
        return Made(value, url(f"/api/v2/requests/{ticket.number}.json"))

    return in_one(act)


@offer("/requests/<int:number>", "PUT")
def edit_request(number: int) -> Values | Made:
    """Answer, or say that it is solved"""
    values = body("request")

    def act() -> Values:
        comment = comment_of(values)
        ticket = tickets.find_number(db(), viewer(), number)
        if comment_text(comment):
            say(ticket, {**comment, "public": True})
        if values.get("solved") is True:
            lifecycle.solve(db(), viewer(), tickets.find_number(db(), viewer(), number))
        return _shown(exports.find(db(), viewer(), number))

    return in_one(act)


def _listed(query: TicketQuery) -> dict[str, Any]:
    if not viewer().is_signed_in:
        raise SignInNeeded("token.needed")
    return pages.page("requests", listing_of(query), ticket_shapes.requests)


def _shown(ticket: ExportedTicket) -> Values:
    return {"request": ticket_shapes.requests([ticket])[0]}
