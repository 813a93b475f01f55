"""A mere thanks: nothing is reopened, nothing is owed, and an agent may see more in it."""

from datetime import date

import pytest

from kbsearch import insights, tickets
from kbsearch.access import Viewer
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.tickets import Ticket, waiting
from kbsearch.tickets.conversation import lifecycle, replies, thanks
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.requests import MORNING, file, later


@pytest.fixture
def ticket(db: SqliteDatabase, cast: Cast) -> Ticket:
    """One of Alice's that Dan has solved."""
    ticket = file(db, cast.alice)
    reply(db, cast.dan, ticket, "Turn it off and on.", at=later(hours=1))
    lifecycle.set_status(db, cast.dan, ticket, "solved", at=later(hours=1))
    return ticket


def reply(db: SqliteDatabase, viewer: Viewer, ticket: Ticket, text: str, **more: object) -> None:
    replies.reply(db, viewer, ticket, ReplyForm(new_id(), text), **more)  # type: ignore[arg-type]


def test_a_thanks_stands_in_the_conversation_and_reopens_nothing(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    reply(db, cast.alice, ticket, "Thank you Dan, it works!\n\nAlice")
    after = tickets.find(db, cast.dan, ticket.id)
    assert after.status == "solved"
    assert [message.is_thanks for message in after.messages] == [False, True]
    reply(db, cast.alice, ticket, "Thanks, but it is back.")
    assert tickets.find(db, cast.dan, ticket.id).status == "open"


def test_a_thanks_answers_no_question_and_owes_no_answer(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    lifecycle.set_status(db, cast.dan, ticket, "pending")
    reply(db, cast.alice, ticket, "Merci", at=later(hours=2))
    assert waiting.of_tickets(db, [ticket.id])[ticket.id].whom == "customer"
    reply(db, cast.alice, ticket, "It is red.", at=later(hours=3))
    owed = waiting.of_tickets(db, [ticket.id])[ticket.id]
    assert (owed.whom, owed.since) == ("us", "2026-03-02T12:00:00Z")


def test_a_thanks_for_a_closed_request_opens_no_other(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    lifecycle.set_status(db, cast.dan, ticket, "closed")
    reply(db, cast.alice, ticket, "Merci !")
    after = tickets.find(db, cast.dan, ticket.id)
    assert (after.status, after.messages[-1].is_thanks) == ("closed", True)


def test_an_agent_sees_more_in_it_and_that_is_counted(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    for text in ("Merci", "Merci beaucoup"):
        reply(db, cast.alice, ticket, text, at=MORNING)
    first = tickets.find(db, cast.dan, ticket.id).messages[-2]
    with pytest.raises(NotFound):
        thanks.undo(db, cast.alice, ticket, first.id)
    thanks.undo(db, cast.dan, ticket, first.id)
    assert tickets.find(db, cast.dan, ticket.id).status == "open"
    with pytest.raises(NotFound):
        thanks.undo(db, cast.dan, ticket, first.id)
    period = insights.Period(date(2026, 3, 2), date(2026, 3, 2))
    assert insights.thanked(db, cast.dan, period) == insights.Thanked(2, 1)
