"""What programs write about tickets: each as its person would on the page, with the same rules."""

from typing import Any

from flask import g

from kbsearch import access, form_fields, people
from kbsearch.database import new_id
from kbsearch.errors import Forbidden, Invalid, InvalidForm
from kbsearch.tickets import Ticket, files, filing, tags, teams
from kbsearch.tickets import fields as vendor_fields
from kbsearch.tickets.codes import SEVERITIES, STATUSES, Status
from kbsearch.tickets.conversation import corrections, lifecycle, merging, ownership, replies
from kbsearch.tickets.conversation.corrections import FieldEdits
from kbsearch.tickets.conversation.merging import MergeForm
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.filing import copies, form
from kbsearch.tickets.filing.form import FilingTerms, RequestForm
from kbsearch.web.api import shapes
from kbsearch.web.api.door import caller, check_product
from kbsearch.web.api.fields import Choice, FieldValues, Flag, Text, Texts, Values, Whole, naming
from kbsearch.web.api.operations import ApiAnswer, Operation, check_match, offer
from kbsearch.web.api.tickets import NUMBER, assignee_of, record_of, ticket_of
from kbsearch.web.render import db, language, site

SLUG = Text(80)
ADDRESS = Text(people.MAX_EMAIL)
FILES = Texts(Text(40), files.MAX_FILES)
ANSWERS = FieldValues(Text(80, shortest=1), form_fields.MAX_ANSWER, form_fields.MAX_FIELDS)
CALLED_HERE = {"software": "product"}  # fields that forms call otherwise


@offer(
    Operation(
        "POST",
        "/tickets",
        shapes.TICKET,
        body={
            "subject": Text(form.MAX_SUBJECT, shortest=1, required=True),
            "description": Text(form.MAX_BODY, shortest=1, required=True),
            "product": SLUG,
            "version": Text(form.MAX_VERSION),
            "severity": Choice(SEVERITIES),
            "organisation": SLUG,
            "cc": Texts(ADDRESS, copies.MAX_COPIES),
            "fields": ANSWERS,
            "confidential": Flag(),
            "requester": ADDRESS,
            "attachments": FILES,
        },
        status=201,
    )
)
def open_ticket(arguments: Values) -> ApiAnswer:
    """File a ticket; `requester`, an address: agents, for a customer"""
    check_product(arguments.get("product"))
    _check_names(arguments)
    if "requester" in arguments and not caller().is_agent:
        raise Forbidden("ticket.agents_only")
    request = RequestForm(
        arguments["subject"],
        arguments["description"],
        arguments.get("product", ""),
        arguments.get("version", ""),
        arguments.get("severity", ""),
        arguments.get("organisation", ""),
        arguments.get("cc", ()),
        arguments.get("fields", {}),
        arguments.get("confidential", False),
        arguments.get("requester", ""),
    )
    settings = site().settings
    terms = FilingTerms(
        _with_files(arguments),
        vendor_fields.definitions(db(), caller()),
        after_contract=settings.expired_contract_requests,
        channel="api",
    )
    try:
        ticket = filing.open(db(), caller(), request, terms)
    except InvalidForm as problem:
        raise _as_called_here(problem) from None
    return ApiAnswer(record_of(ticket), f"/api/v1/tickets/{ticket.number}")


@offer(
    Operation(
        "PATCH",
        f"/tickets/{NUMBER}",
        shapes.TICKET,
        body={
            "status": Choice(STATUSES),
            "assignee": Text(people.MAX_EMAIL, nullable=True),
            "team": Text(teams.MAX_NAME, nullable=True),
            "severity": Choice(SEVERITIES),
            "product": Text(80, nullable=True),
            "version": Text(form.MAX_VERSION, nullable=True),
            "fields": ANSWERS,
            "tags": Texts(Text(tags.MAX_LENGTH), tags.MOST),
        },
    )
)
def edit_ticket(arguments: Values, number: int) -> ApiAnswer:
    """Change what is given; with `If-Match`, only what is there as read; `team`, `tags`: agents"""
    ticket = ticket_of(number)
    check_match(record_of(ticket))
    g.viewer = access.holding(caller(), ticket.id)  # the answer shows what it has become
    _check_names(arguments)
    if arguments.keys() & {"tags", "team"} and not caller().is_agent:
        raise Forbidden("ticket.agents_only")
    if "product" in arguments:
        check_product(arguments["product"])
    texts = _texts(arguments)
    if texts:
        edits = FieldEdits(texts, ticket.edition)
        try:
            asked = vendor_fields.definitions(db(), caller())
            corrections.edit_fields(db(), caller(), ticket, edits, fields=asked)
        except InvalidForm as problem:
            raise _as_called_here(problem) from None
    if "team" in arguments:
        with naming("team"):
            ownership.give(db(), caller(), ticket, _team(arguments["team"]))
    if "assignee" in arguments:
        lifecycle.assign(db(), caller(), ticket, _agent(arguments["assignee"]))
    if "tags" in arguments:
        tags.replace(db(), caller(), ticket.id, arguments["tags"])
    if "status" in arguments:
        _move(ticket, arguments["status"])
    return ApiAnswer(record_of(ticket))


@offer(
    Operation(
        "POST",
        f"/tickets/{NUMBER}/messages",
        shapes.MESSAGE,
        body={
            "body": Text(replies.MAX_BODY, shortest=1, required=True),
            "internal": Flag(),
            "status": Choice(replies.STATUSES_AFTER),
            "attachments": FILES,
        },
        status=201,
    )
)
def add_message(arguments: Values, number: int) -> ApiAnswer:
    """Answer, or leave a note for agents; `status` is that after the answer"""
    ticket = ticket_of(number)
    reply_form = ReplyForm(
        _with_files(arguments), arguments["body"], status=arguments.get("status")
    )
    say = replies.note if arguments.get("internal") else replies.reply
    message_id = say(db(), caller(), ticket, reply_form).message_id
    message = next(one for one in record_of(ticket)["messages"] if one["id"] == message_id)
    return ApiAnswer(message, f"/api/v1/tickets/{ticket.number}")


@offer(
    Operation(
        "POST",
        f"/tickets/{NUMBER}/cc",
        shapes.TICKET,
        body={"email": Text(people.MAX_EMAIL, required=True)},
    )
)
def add_copy(arguments: Values, number: int) -> ApiAnswer:
    """Put a colleague of its organisation in copy"""
    ticket = ticket_of(number)
    copies.add(db(), caller(), ticket, arguments["email"])
    return ApiAnswer(record_of(ticket))


@offer(
    Operation(
        "DELETE",
        f"/tickets/{NUMBER}/cc",
        shapes.TICKET,
        query={"email": Text(people.MAX_EMAIL, required=True)},
    )
)
def remove_copy(arguments: Values, number: int) -> ApiAnswer:
    """Take an address out of copy"""
    ticket = ticket_of(number)
    g.viewer = access.holding(caller(), ticket.id)
    copies.remove(db(), caller(), ticket, arguments["email"])
    return ApiAnswer(record_of(ticket))


@offer(
    Operation(
        "POST",
        f"/tickets/{NUMBER}/merge",
        shapes.TICKET,
        body={
            "into": Whole(required=True),
            "body": Text(replies.MAX_BODY),
            "with_copies": Flag(),
        },
    )
)
def merge_ticket(arguments: Values, number: int) -> ApiAnswer:
    """Close a ticket that goes on in another one, which is the answer; agents"""
    ticket, into = ticket_of(number), ticket_of(arguments["into"])
    merge_form = MergeForm(
        new_id(), arguments.get("body", ""), arguments.get("with_copies", False), language()
    )
    merging.merge(db(), caller(), ticket, into, merge_form)
    return ApiAnswer(record_of(into))


def _with_files(arguments: Values) -> str:
    """The key of a form that has the files of these ids in it."""
    key = new_id()
    ids = arguments.get("attachments", ())
    if ids:
        with naming("attachments"):
            files.gather(db(), caller(), ids, key)
    return key


def _texts(arguments: Values) -> dict[str, str]:
    """What is corrected, by the names that forms have for it."""
    names = {"severity": "severity", "product": "software", "version": "version"}
    texts = {names[name]: arguments[name] or "" for name in names if name in arguments}
    answers = {f"fields.{name}": text for name, text in arguments.get("fields", {}).items()}
    return {**texts, **answers}


def _check_names(arguments: Values) -> None:
    """Raise InvalidForm where a field is named that the caller does not have."""
    names = {field.name for field in vendor_fields.definitions(db(), caller())}
    unknown = sorted(arguments.get("fields", {}).keys() - names)
    if unknown:
        problem = Invalid("request.field_missing")
        raise InvalidForm("form.invalid", {f"fields.{name}": problem for name in unknown})


def _as_called_here(problem: InvalidForm) -> InvalidForm:
    called: dict[str, Any] = {
        CALLED_HERE.get(name, name): wrong for name, wrong in problem.problems.items()
    }
    return InvalidForm(problem.key, called)


def _agent(email: str | None) -> str | None:
    """The id of whom an address means."""
    if email is None:
        return None
    with naming("assignee"):
        return assignee_of(email)


def _team(name: str | None) -> str | None:
    """The id of the team that a name means."""
    return None if name is None else teams.find_name(db(), caller(), name).id


def _move(ticket: Ticket, status: Status) -> None:
    """Agents give any status; customers say that it is solved, or is not."""
    if caller().is_agent:
        lifecycle.set_status(db(), caller(), ticket, status)
    elif status == "solved":
        lifecycle.solve(db(), caller(), ticket)
    elif status == "open":
        lifecycle.reopen(db(), caller(), ticket)
    else:
        raise Forbidden("ticket.agents_only")
