"""Which agents look at a request: told to the others among them, and to nobody else."""

from datetime import timedelta

import pytest

from kbsearch import people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.tickets import Ticket
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.desk import presence
from kbsearch.tickets.desk.presence import LEASE, PresentAgent
from kbsearch.tickets.filing import drafts
from tests.conftest import Cast
from tests.kit.requests import MORNING, file

SECOND = timedelta(seconds=1)


@pytest.fixture
def ticket(db: SqliteDatabase, cast: Cast) -> Ticket:
    return file(db, cast.alice)


def seen_by(
    db: SqliteDatabase, viewer: Viewer, ticket: Ticket, after: timedelta = timedelta()
) -> list[PresentAgent]:
    return presence.renew(db, viewer, ticket, at=MORNING + after)


def test_each_sees_the_others_while_their_leases_run(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    assert seen_by(db, cast.dan, ticket) == []
    assert seen_by(db, cast.root, ticket) == [PresentAgent("Dan Leroy", is_writing=False)]
    assert seen_by(db, cast.dan, ticket, LEASE - SECOND) == [PresentAgent("Root", is_writing=False)]
    assert seen_by(db, cast.dan, ticket, LEASE) == []
    other = file(db, cast.alice)
    assert seen_by(db, cast.root, other) == [], "another request is another place"


def test_whoever_saves_a_draft_is_writing_until_it_is_sent(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    seen_by(db, cast.dan, ticket)
    key, said = new_id(), {"body": "I am looking"}
    drafts.save(db, cast.dan, key, said, ticket=ticket, at=MORNING - timedelta(minutes=2))
    assert seen_by(db, cast.root, ticket) == [PresentAgent("Dan Leroy", is_writing=False)]
    drafts.save(db, cast.dan, key, said, ticket=ticket, at=MORNING)
    assert seen_by(db, cast.root, ticket) == [PresentAgent("Dan Leroy", is_writing=True)]
    replies.reply(db, cast.dan, ticket, ReplyForm(key, "I looked"), at=MORNING)
    assert seen_by(db, cast.root, ticket) == [PresentAgent("Dan Leroy", is_writing=False)]


def test_a_page_that_is_left_is_left_at_once(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    seen_by(db, cast.dan, ticket)
    presence.leave(db, cast.dan, ticket)
    assert seen_by(db, cast.root, ticket) == []


def test_customers_are_neither_seen_nor_told(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    for viewer in (cast.alice, cast.wendy, cast.nobody):
        with pytest.raises(NotFound):
            presence.renew(db, viewer, ticket)
        with pytest.raises(NotFound):
            presence.leave(db, viewer, ticket)
    assert seen_by(db, cast.dan, ticket) == []


def test_who_is_no_agent_any_more_is_not_named(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    seen_by(db, cast.dan, ticket)
    people.disable(db, OPERATOR, people.find(db, "dan@support.example"))
    assert seen_by(db, cast.root, ticket) == []


def test_what_lapsed_is_forgotten(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    seen_by(db, cast.dan, ticket)
    assert presence.forget_lapsed(db, at=MORNING) == 0
    assert presence.forget_lapsed(db, at=MORNING + LEASE) == 1
