"""Tickets, as their people read them and as those do who answer."""

from typing import Any, get_args

from kbsearch import people, tickets
from kbsearch.access import only_agents
from kbsearch.errors import Invalid, NotFound
from kbsearch.tickets import Ticket, lists, records, tags, teams
from kbsearch.tickets.codes import STATUSES
from kbsearch.tickets.desk import queue
from kbsearch.tickets.desk.queue import QueueFilter
from kbsearch.tickets.listing import MOST_FOUND
from kbsearch.tickets.lists import ListFilter, Scope
from kbsearch.tickets.records import Record
from kbsearch.web import numbers
from kbsearch.web.api import shapes
from kbsearch.web.api.door import caller, check_product, token
from kbsearch.web.api.fields import Choice, Text, Texts, Values, Whole
from kbsearch.web.api.operations import ApiAnswer, Operation, offer
from kbsearch.web.render import db, site

LIMIT = 25
BEYOND = 10**16  # more than any number of a ticket
NUMBER = "<int(max=999999999999999):number>"
OF_THE_QUEUE = ("view", "organisation", "assignee", "team", "tag")
SCOPES: tuple[Scope, ...] = get_args(Scope)


@offer(
    Operation(
        "GET",
        "/tickets",
        shapes.listing("tickets", shapes.TICKET_HEAD),
        query={
            "scope": Choice(SCOPES),
            "status": Texts(Choice(STATUSES), len(STATUSES)),
            "view": Choice(queue.VIEWS),
            "organisation": Text(80),
            "assignee": Text(people.MAX_EMAIL),
            "team": Text(teams.MAX_NAME),
            "product": Text(80),
            "tag": Text(300),
            "q": Text(300),
            "cursor": Text(20),
            "limit": Whole(1, 100),
        },
    )
)
def list_tickets(arguments: Values) -> ApiAnswer:
    """Tickets without their messages, the newest first"""
    before = numbers.whole(arguments.get("cursor", str(BEYOND)))
    if before is None:
        raise Invalid("api.cursor_invalid")
    limit = arguments.get("limit", LIMIT)
    ids = _ids(arguments, before, limit + 1)
    heads = records.heads(db(), caller(), ids[:limit])
    further = str(heads[-1]["number"]) if len(ids) > limit and heads else None
    return ApiAnswer({"tickets": [with_url(head) for head in heads], "next": further})


@offer(Operation("GET", f"/tickets/{NUMBER}", shapes.TICKET))
def show_ticket(arguments: Values, number: int) -> ApiAnswer:
    """A ticket with what was said about it"""
    return ApiAnswer(record_of(ticket_of(number)))


def ticket_of(number: int) -> Ticket:
    """The ticket of a number, if the token reaches it."""
    ticket = tickets.find_number(db(), caller(), number)
    check_product(ticket.product)
    return ticket


def record_of(ticket: Ticket) -> Record:
    """The ticket as it stands now."""
    (record,) = records.read(db(), caller(), [ticket.id])
    return with_url(record)


def assignee_of(email: str) -> str:
    """The id of whom an address means."""
    try:
        return people.find(db(), email).id
    except (Invalid, NotFound):
        raise NotFound("ticket.assignee_unknown") from None


def with_url(record: Record) -> dict[str, Any]:
    return {**record, "url": site().settings.url(f"requests/{record['id']}")}


def _ids(arguments: Values, before: int, limit: int) -> list[str]:
    product = arguments.get("product") or token().product
    check_product(product)
    text = arguments.get("q", "")
    also = tuple(site().search.numbers(caller(), text, MOST_FOUND)) if text else ()
    if any(name in arguments for name in OF_THE_QUEUE):
        only_agents(caller())
    names = tags.parse(arguments.get("tag", ""))
    if not caller().is_agent or "scope" in arguments or "status" in arguments:
        scope = arguments.get("scope", "all" if caller().is_agent else "mine")
        filter = ListFilter(
            scope=scope,
            statuses=arguments.get("status", ()),
            organisation=arguments.get("organisation", ""),
            product=product or "",
            text=text,
            tags=names,
            also=also,
        )
        return lists.ids_before(db(), caller(), filter, before, limit)
    queue_filter = QueueFilter(
        view=arguments.get("view", "all"),
        organisation=arguments.get("organisation", ""),
        product=product or "",
        assignee=_assignee(arguments.get("assignee", "")),
        team=_team(arguments.get("team", "")),
        text=text,
        tags=names,
        also=also,
    )
    return queue.ids_before(db(), caller(), queue_filter, before, limit)


def _assignee(text: str) -> str:
    """`me`, `nobody`, or the id of whom an address means."""
    return text if text in ("", "me", "nobody") else assignee_of(text)


def _team(text: str) -> str:
    """`mine`, `none`, or the id of the team of that name."""
    return text if text in ("", "mine", "none") else teams.find_name(db(), caller(), text).id
