"""Tickets as agents read and write them: with the rules of the pages."""

from typing import Any

from flask import g, request

from kbsearch import access, integer_ids, people, tickets
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.people import PersonFields
from kbsearch.people.accounts import directory
from kbsearch.text.markup import foreign_html
from kbsearch.tickets import Ticket, exports, filing, tags
from kbsearch.tickets import fields as vendor_fields
from kbsearch.tickets.codes import STATUSES
from kbsearch.tickets.conversation import corrections, lifecycle, ownership, replies
from kbsearch.tickets.conversation.corrections import FieldEdits
from kbsearch.tickets.conversation.replies import STATUSES_AFTER, ReplyForm
from kbsearch.tickets.exports import ExportedTicket, TicketQuery
from kbsearch.tickets.filing.form import FilingTerms, RequestForm
from kbsearch.web import numbers
from kbsearch.web.render import db, site, viewer
from kbsearch.web.zendesk import account, door, pages, shapes, ticket_shapes, uploads, users
from kbsearch.web.zendesk.answers import Made, Values, body, in_one, offer, url
from kbsearch.web.zendesk.exports import beside
from kbsearch.web.zendesk.pages import PagedList

SEVERITIES = {"urgent": "blocking", "high": "major", "normal": "minor", "low": "minor"}
ANSWERS = {"product": "software", "version": "version"}  # by the names that forms have


@offer("/tickets")
def list_tickets() -> Values:
    """Every ticket, by number; none has a name elsewhere"""
    door.agent()
    return listed(TicketQuery(numbers=[] if request.args.get("external_id") else None))


@offer("/tickets/<int:number>")
def show_ticket(number: int) -> Values:
    """A ticket"""
    door.agent()
    return shown(exports.find(db(), viewer(), number))


@offer("/tickets/show_many")
def show_tickets() -> Values:
    """Those of these numbers"""
    door.agent()
    wanted = numbers.wholes(request.args.get("ids", "").split(","))[: pages.MOST]
    return listed(TicketQuery(numbers=wanted))


@offer("/users/<int:number>/tickets/requested")
def list_requested(number: int) -> Values:
    """What somebody asked"""
    door.agent()
    return listed(TicketQuery(requester=users.person_of(number).id))


@offer("/organizations/<int:number>/tickets")
def list_of_organization(number: int) -> Values:
    """The tickets of an organisation"""
    door.agent()
    key = integer_ids.key_of(db(), shapes.ORGANIZATION, number)
    if key is None:
        raise NotFound("web.not_found")
    return listed(TicketQuery(organisation=key))


@offer("/tickets/<int:number>/comments")
def list_comments(number: int) -> Values:
    """What was said about a ticket, its description first"""
    door.agent()
    ticket = exports.find(db(), viewer(), number)
    said = ticket_shapes.comments(ticket)
    value = pages.page("comments", PagedList.of(said), list)
    if "users" in request.args.get("include", "").split(","):
        authors = exports.messages(db(), viewer(), [ticket.id]).get(ticket.id, [])
        value["users"] = shapes.users_of([ticket.requester_id, *(one.author_id for one in authors)])
    return value


@offer("/tickets/<int:number>/audits")
def list_audits(number: int) -> Values:
    """The same as changes"""
    door.agent()
    audits = ticket_shapes.audits(exports.find(db(), viewer(), number))
    return pages.page("audits", PagedList.of(audits), list)


@offer("/tickets", "POST", status=201)
def open_ticket() -> Values | Made:
    """File a ticket; for somebody without an account, one is opened"""
    door.agent()
    ticket = opened(body("ticket"))
    value = shown(exports.find(db(), viewer(), ticket.number), audited=True)
    return Made(value, url(f"/api/v2/tickets/{ticket.number}.json"))


def opened(values: dict[str, Any]) -> Ticket:
    """The ticket that these values become, filed whole or not at all."""
    with db().atomic():
        comment = comment_of(values)
        answers = _answers(values)
        form = RequestForm(
            subject=text(values, "subject") or text(values, "raw_subject"),
            description=comment_text(comment) or text(values, "description"),
            software=answers.pop("product", ""),
            version=answers.pop("version", ""),
            severity=SEVERITIES.get(text(values, "priority"), ""),
            cc=_copied(values),
            fields=answers,
            requester=_requester(values),
        )
        ticket = file(form, uploads.gathered(comment.get("uploads")))
        names = ("tags", "assignee_id", "group_id", "status")
        _change(ticket, {name: values[name] for name in names if name in values})
        return ticket


@offer("/tickets/<int:number>", "PUT")
def edit_ticket(number: int) -> Values | Made:
    """Answer, note and change what is given"""
    door.agent()
    values = body("ticket")

    def act() -> Values:
        ticket = tickets.find_number(db(), viewer(), number)
        g.viewer = access.holding(viewer(), ticket.id)  # the answer shows what it has become
        _correct(ticket, values)
        comment = comment_of(values)
        if comment_text(comment):
            say(tickets.find_number(db(), viewer(), number), comment, text(values, "status"))
        _change(tickets.find_number(db(), viewer(), number), values)
        return shown(exports.find(db(), viewer(), number), audited=True)

    return in_one(act)


@offer("/tickets/<int:number>", "DELETE", status=204)
def remove_ticket(number: int) -> Values:
    """Nothing is deleted here"""
    door.agent()
    exports.find(db(), viewer(), number)
    raise Forbidden("zendesk.nothing_deleted")


def listed(query: TicketQuery) -> Values:
    """A page of tickets, with what stands beside them."""
    seen: list[ExportedTicket] = []

    def written(things: Any) -> list[dict[str, Any]]:
        seen.extend(things)
        return ticket_shapes.tickets(things)

    value = pages.page("tickets", listing_of(query), written)
    return {**value, **beside(seen)}


def listing_of(query: TicketQuery) -> PagedList[ExportedTicket]:
    """The tickets that a query is for, as far as the viewer may read them."""
    return PagedList(
        lambda: exports.count(db(), viewer(), query),
        lambda offset, limit: exports.cut(db(), viewer(), query, offset, limit),
    )


def shown(ticket: ExportedTicket, *, audited: bool = False) -> Values:
    value: dict[str, Any] = {"ticket": ticket_shapes.tickets([ticket])[0], **beside([ticket])}
    if audited:
        value["audit"] = ticket_shapes.audits(ticket)[-1]
    return value


def file(form: RequestForm, key: str) -> Ticket:
    """The ticket of a form whose files have that key."""
    terms = FilingTerms(
        key,
        vendor_fields.definitions(db(), viewer()),
        after_contract=site().settings.expired_contract_requests,
        channel="api",
    )
    return filing.open(db(), viewer(), form, terms)


def say(ticket: Ticket, comment: dict[str, Any], status: str = "") -> None:
    """A reply, or a note where it is not public; the status stays unless one is given."""
    wanted = status if status in STATUSES_AFTER else ticket.status
    after = wanted if wanted in STATUSES_AFTER else "open"
    key = uploads.gathered(comment.get("uploads"))
    form = ReplyForm(key, comment_text(comment), status=after if viewer().is_agent else None)
    act = replies.note if comment.get("public") is False else replies.reply
    act(db(), viewer(), ticket, form)


def comment_of(values: dict[str, Any]) -> dict[str, Any]:
    """What is said; a text may stand alone."""
    comment = values.get("comment") or {}
    return comment if isinstance(comment, dict) else {"body": str(comment)}


def comment_text(comment: dict[str, Any]) -> str:
    html = comment.get("html_body")
    if html and not comment.get("body"):
        return foreign_html.markdown_of(str(html))
    return str(comment.get("body") or "")


def text(values: dict[str, Any], name: str) -> str:
    return str(values.get(name) or "")


def _requester(values: dict[str, Any]) -> str:
    """The address of whom it is for; agents who say nobody ask for themselves."""
    if isinstance(values.get("requester_id"), int):
        return users.person_of(values["requester_id"]).email
    requester = values.get("requester")
    if not isinstance(requester, dict) or not requester.get("email"):
        return ""
    email = str(requester["email"])
    try:
        return people.find(db(), email).email
    except NotFound:
        name = str(requester.get("name") or email)
        return directory.add(db(), viewer(), PersonFields(name, email)).email


def _copied(values: dict[str, Any]) -> list[str]:
    copies = values.get("email_ccs") or values.get("collaborators") or []
    if not isinstance(copies, list):
        raise Invalid("api.not_a_list", limit=pages.MOST)
    addresses = [
        each.get("user_email") or each.get("email") if isinstance(each, dict) else each
        for each in copies
    ]
    return [address for address in addresses if isinstance(address, str)]


def _answers(values: dict[str, Any]) -> dict[str, str]:
    """The custom fields by name; those of other numbers are nobody's here."""
    names = {number: name for name, number in ticket_shapes.field_ids().items()}
    fields = values.get("custom_fields") or values.get("fields") or []
    if not isinstance(fields, list):
        raise Invalid("api.not_a_list", limit=pages.MOST)
    return {
        names[field["id"]]: str(field.get("value") or "")
        for field in fields
        if isinstance(field, dict) and field.get("id") in names
    }


def _correct(ticket: Ticket, values: dict[str, Any]) -> None:
    """Change the fields that a form has."""
    texts = {
        ANSWERS.get(name, f"fields.{name}"): answer for name, answer in _answers(values).items()
    }
    if text(values, "priority") in SEVERITIES:
        texts["severity"] = SEVERITIES[text(values, "priority")]
    if texts:
        edits = FieldEdits(texts, ticket.edition)
        asked = vendor_fields.definitions(db(), viewer())
        corrections.edit_fields(db(), viewer(), ticket, edits, fields=asked)


def _change(ticket: Ticket, values: dict[str, Any]) -> None:
    """What agents alone change."""
    if "group_id" in values:
        ownership.give(db(), viewer(), ticket, account.group_of(values["group_id"]))
    if "assignee_id" in values:
        number = values["assignee_id"]
        person = None if number is None else users.person_of(number).id
        lifecycle.assign(db(), viewer(), ticket, person)
    if isinstance(values.get("tags"), list):
        names = [str(tag) for tag in values["tags"]]
        tags.replace(db(), viewer(), ticket.id, names)
    status = "pending" if text(values, "status") == "hold" else text(values, "status")
    if status:
        if status not in STATUSES:
            raise Invalid("api.not_a_choice", choices=", ".join(STATUSES))
        now_there = tickets.find_number(db(), viewer(), ticket.number)
        if now_there.status != status:
            lifecycle.set_status(db(), viewer(), now_there, status)
