"""Where an agent is in a view: what stands beside a request, where its forms lead, what is next."""

from dataclasses import dataclass
from typing import NamedTuple

from flask import request
from markupsafe import Markup

from kbsearch import tickets
from kbsearch.errors import NotFound
from kbsearch.tickets import Ticket
from kbsearch.tickets.desk import choices, held_replies, queue
from kbsearch.tickets.desk.choices import AFTER_ANSWER
from kbsearch.tickets.desk.held_replies import Held
from kbsearch.tickets.desk.queue import Surroundings
from kbsearch.web.desk.queue import read_address, titles, with_matches
from kbsearch.web.numbers import whole
from kbsearch.web.render import db, language, spoken_language, viewer


@dataclass(frozen=True)
class QueuePosition:
    """Where a request stands in the view that somebody came from, or in that of what is to do."""

    title: Markup
    query: str
    around: Surroundings


class Departed(NamedTuple):
    """A request that somebody was done with, and their answer while it can be called back."""

    ticket: Ticket
    held: Held | None


def carried(sign: str = "?") -> str:
    """The view that an agent came from, after a sign, as the addresses of a request carry it on."""
    if not viewer().is_agent or "view" not in request.args:
        return ""
    return f"{sign}{read_address(request.args).query()}"


def place_of(ticket: Ticket) -> QueuePosition | None:
    """Its place in the queue, for those who answer."""
    if not viewer().is_agent:
        return None
    address = read_address(request.args)
    ticket_filter = with_matches(address.filter)
    title = titles(spoken_language())[ticket_filter.view]
    around = queue.around(db(), viewer(), ticket_filter, ticket.id)
    return QueuePosition(title, address.query(), around)


def onward(ticket: Ticket) -> str:
    """Where an agent goes who is done with a request; nowhere if they stay with it.

    What a form says is kept for the next time.
    """
    if not viewer().is_agent:
        return ""
    kept = choices.find(db(), viewer()).after_answer
    choice = next((name for name in AFTER_ANSWER if name == request.form.get("after")), kept)
    if choice != kept:
        choices.keep_after_answer(db(), viewer(), choice)
    if choice == "stay":
        return ""
    place = place_of(ticket)
    if choice == "next" and place and place.around.onward:
        following = place.around.onward.id
        return f"/{language()}/requests/{following}?{place.query}&left={ticket.number}"
    return f"/{language()}/desk?{read_address(request.args).query()}&left={ticket.number}"


def lost(ticket: Ticket) -> str:
    """Where an agent goes who is limited, once a request has left their sight; nowhere before."""
    if not viewer().is_agent or tickets.visible_numbers(db(), viewer(), [ticket.number]):
        return ""
    return f"/{language()}/desk?{read_address(request.args).query()}&lost={ticket.number}"


def departed() -> Departed | None:
    """The request that an agent comes from, as the address says."""
    ticket = _named("left")
    if ticket is None:
        return None
    return Departed(ticket, next(iter(held_replies.of_ticket(db(), viewer(), ticket)), None))


def merged_part() -> Ticket | None:
    """The request that an agent has just merged into this one, as the address says."""
    return _named("merged")


def _named(argument: str) -> Ticket | None:
    """A request that the address of an agent's page has the number of."""
    number = whole(request.args.get(argument, ""))
    if number is None or not viewer().is_agent:
        return None
    try:
        return tickets.find_number(db(), viewer(), number)
    except NotFound:
        return None
