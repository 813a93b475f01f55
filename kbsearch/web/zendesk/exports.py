"""The incremental exports: everything, then what has changed since, for agents."""

from collections.abc import Sequence
from typing import Any

from flask import request

from kbsearch.errors import Invalid
from kbsearch.people import exports as people_exports
from kbsearch.people.exports import PeopleQuery
from kbsearch.tickets import exports
from kbsearch.tickets.exports import ExportedTicket, TicketQuery
from kbsearch.web import numbers
from kbsearch.web.render import db, viewer
from kbsearch.web.zendesk import door, pages, shapes, ticket_shapes, users
from kbsearch.web.zendesk.answers import Values, offer


@offer("/incremental/tickets/cursor")
def export_tickets() -> Values:
    """Tickets in the order of their last change; a cursor stays good at the end"""
    door.agent()
    size = pages.export_size()
    since, after = _place()
    things = exports.changed_after(db(), viewer(), since, after, size)
    last = things[-1].revision if things else after
    cursor = pages.encoded(f"{since}|{last}")
    value = pages.by_cursor_of(
        "tickets", ticket_shapes.tickets(things), cursor, is_whole=len(things) < size
    )
    return {**value, **beside(things)}


@offer("/incremental/tickets")
def export_tickets_of_moment() -> Values:
    """Tickets changed from a moment on"""
    door.agent()
    size = pages.export_size()
    things = exports.changed_from(db(), viewer(), pages.since(), size)
    last = things[-1].updated_at if things else ""
    value = pages.of_moment(
        "tickets", ticket_shapes.tickets(things), last=last, is_whole=len(things) < size
    )
    return {**value, **beside(things)}


@offer("/incremental/users/cursor")
def export_users() -> Values:
    """People in the order of their last change; at the end of it those without an account

    The cursor at the end begins again with the second that was read last: it may not be over.
    """
    door.agent()
    size, after = pages.export_size(), _last_person()
    query = PeopleQuery(since="" if after[0] else pages.since(), after=after)
    people = people_exports.cut_people(db(), viewer(), query, 0, size)
    is_whole = len(people) < size
    moment, key = (people[-1].updated_at, people[-1].id) if people else after
    cursor = pages.encoded(f"{moment}|{'' if is_whole else key}")
    others = exports.strangers(db(), viewer()) if is_whole else []
    return pages.by_cursor_of("users", users.written([*people, *others]), cursor, is_whole=is_whole)


@offer("/incremental/users")
def export_users_of_moment() -> Values:
    """People changed from a moment on, then those without an account"""
    door.agent()
    query = PeopleQuery(since=pages.since())
    size = people_exports.count_people(db(), viewer(), query)
    people = people_exports.cut_people(db(), viewer(), query, 0, size)
    others = exports.strangers(db(), viewer()) if people else []
    last = people[-1].updated_at if people else ""
    return pages.of_moment("users", users.written([*people, *others]), last=last, is_whole=True)


@offer("/incremental/organizations")
def export_organizations() -> Values:
    """Organisations that came from a moment on"""
    listed = people_exports.list_organisations(db(), door.agent(), since=pages.since())
    last = listed[-1].created_at if listed else ""
    return pages.of_moment("organizations", shapes.organizations(listed), last=last, is_whole=True)


@offer("/incremental/ticket_events")
def export_events() -> Values:
    """What was said from a moment on"""
    door.agent()
    size = pages.export_size()
    said = exports.messages_from(db(), viewer(), pages.since(), size)
    comments = ticket_shapes.written(said, [])
    events = [
        {
            "id": comment["audit_id"],
            "ticket_id": message.ticket_number,
            "timestamp": pages.seconds(message.at),
            "created_at": message.at,
            "updater_id": comment["author_id"],
            "via": comment["via"],
            "system": {},
            "event_type": "Audit",
            "child_events": [{**comment, "event_type": "Comment", "via_reference_id": None}],
        }
        for message, comment in zip(said, comments, strict=True)
    ]
    last = said[-1].at if said else ""
    return pages.of_moment("ticket_events", events, last=last, is_whole=len(said) < size)


@offer("/ticket_audits")
def export_audits() -> Values:
    """What was said about every ticket, as changes: those of so many tickets at a time"""
    door.agent()
    text = request.args.get("cursor", "")
    offset = numbers.whole(pages.decoded(text)) if text else 0
    if offset is None:
        raise Invalid("api.cursor_invalid")
    things = exports.cut(db(), viewer(), TicketQuery(), offset, pages.MOST)
    audits = [audit for thing in things for audit in ticket_shapes.audits(thing)]
    cursor = pages.encoded(str(offset + len(things)))
    is_whole = len(things) < pages.MOST
    value = pages.by_cursor_of("audits", audits, cursor, is_whole=is_whole)
    return {**value, "after_url": None if is_whole else value["after_url"]}


def beside(things: Sequence[ExportedTicket]) -> dict[str, Any]:
    """What `include` asks for; what it names that is not here is left out."""
    wanted = request.args.get("include", "").split(",")
    value: dict[str, Any] = {}
    if "users" in wanted:
        ids = {each.requester_id for each in things} | {each.assignee_id for each in things}
        addresses = {each.requester_email for each in things if each.requester_email}
        value["users"] = shapes.users_of(ids) + shapes.strangers(sorted(addresses))
    if "organizations" in wanted and viewer().is_agent:
        ids = {each.organisation_id for each in things}
        listed = people_exports.list_organisations(
            db(), viewer(), ids=sorted(each for each in ids if each)
        )
        value["organizations"] = shapes.organizations(listed)
    if "metric_sets" in wanted:
        value["metric_sets"] = []
    return value


def _place() -> tuple[str, int]:
    """From which moment, and after which revision."""
    text = request.args.get("cursor", "")
    if not text:
        return pages.since(), -1
    since, _, revision = pages.decoded(text).partition("|")
    after = -1 if revision == "-1" else numbers.whole(revision)
    if after is None:
        raise Invalid("api.cursor_invalid")
    return since, after


def _last_person() -> tuple[str, str]:
    """The moment and the id of the last one that was read; empty for the beginning."""
    moment, _, key = pages.decoded(request.args.get("cursor", "")).partition("|")
    return moment, key
