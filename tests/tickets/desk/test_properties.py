"""One form for what agents change of a request."""

import pytest

from kbsearch import tickets
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Conflict, Invalid, NotFound
from kbsearch.tickets import Ticket
from kbsearch.tickets.conversation import lifecycle
from kbsearch.tickets.conversation.corrections import FieldEdits
from kbsearch.tickets.desk import properties
from kbsearch.tickets.desk.properties import PropertyEdits
from tests.conftest import Cast
from tests.kit.requests import file


def edits(ticket: Ticket, version: str = "4.2", **chosen: str) -> PropertyEdits:
    """What the form sends that shows the request as it is there."""
    shown = {"status": ticket.status, "assignee": ticket.assignee_id or ""}
    fields = FieldEdits({"version": version}, edition=ticket.edition)
    return PropertyEdits(fields, shown, shown | chosen)


def test_all_of_it_is_changed_at_once(db: SqliteDatabase, cast: Cast):
    ticket, dan = file(db, cast.alice), cast.dan.person_id or ""
    change = edits(ticket, "5.0", status="pending", assignee=dan)
    properties.edit(db, cast.dan, ticket, change, fields=())
    there = tickets.find(db, cast.dan, ticket.id)
    assert (there.version, there.status, there.assignee_id) == ("5.0", "pending", dan)
    properties.edit(db, cast.dan, there, edits(there, status="solved"), fields=())
    there = tickets.find(db, cast.dan, ticket.id)
    properties.edit(db, cast.dan, there, edits(there, status="open"), fields=())
    assert tickets.find(db, cast.dan, ticket.id).status == "open"


def test_what_nobody_touched_stays_as_a_colleague_left_it(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    change = edits(ticket, "5.0")
    lifecycle.assign(db, cast.root, ticket, cast.root.person_id)
    properties.edit(db, cast.dan, ticket, change, fields=())
    there = tickets.find(db, cast.dan, ticket.id)
    assert (there.version, there.assignee_id) == ("5.0", cast.root.person_id)


def test_nobody_is_overwritten_and_nothing_half_done(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    change = edits(ticket, "5.0", assignee=cast.dan.person_id or "", status="pending")
    lifecycle.assign(db, cast.root, ticket, cast.root.person_id)
    with pytest.raises(Conflict) as refusal:
        properties.edit(db, cast.dan, ticket, change, fields=())
    assert refusal.value.differences == {"assignee": ("Dan Leroy", cast.root.name)}
    for wrong in ("nonsense", "closed"):  # what is not solved is not closed
        with pytest.raises(Invalid):
            properties.edit(db, cast.dan, ticket, edits(ticket, "5.0", status=wrong), fields=())
    there = tickets.find(db, cast.dan, ticket.id)
    assert (there.version, there.status) == (ticket.version, ticket.status)
    with pytest.raises(NotFound):
        properties.edit(db, cast.alice, ticket, edits(ticket), fields=())
