"""A message about something else becomes a request of its own."""

import pytest

from kbsearch import people, tickets
from kbsearch.access import OPERATOR
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, InvalidForm, NotFound
from kbsearch.files.store import FileStore
from kbsearch.people import organisations
from kbsearch.people.organisations import OrganisationFields
from kbsearch.tickets import Ticket
from kbsearch.tickets.conversation import replies, splitting
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.conversation.splitting import SplitForm
from tests.conftest import Cast
from tests.kit.requests import attach, file, later, readers_of

KEY = "key-of-the-split"


@pytest.fixture
def ticket(db: SqliteDatabase, cast: Cast, store: FileStore) -> Ticket:
    """Alice's, with Bob in copy: he writes about something else, with a file."""
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(sharing="nobody")
    )
    made = file(
        db,
        cast.alice,
        cc=["bob@acme.example"],
        software="icownect",
        version="4.2",
        severity="major",
        confidential=True,
    )
    attach(db, cast.bob, store, "key-of-bobs-words", ticket=made)
    replies.reply(
        db, cast.bob, made, ReplyForm("key-of-bobs-words", "And the gate?"), at=later(hours=1)
    )
    replies.reply(db, cast.dan, made, ReplyForm(new_id(), "Which gate?"), at=later(hours=2))
    return tickets.find(db, cast.dan, made.id)


def test_it_is_its_authors_with_what_the_request_knew_and_the_files(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    message = ticket.messages[0]
    made = splitting.split(db, cast.dan, ticket, SplitForm(message.id, "The gate", key=KEY))
    assert (made.requester, made.subject, made.description) == (
        "Bob Durand", "The gate", "And the gate?",
    )  # fmt: skip
    assert (made.product, made.version, made.severity, made.confidential) == (
        "icownect", "4.2", "major", True,
    )  # fmt: skip
    assert made.organisation_slug == ticket.organisation_slug
    assert [each.name for each in made.files] == ["log.txt"]
    assert made.files[0].sha256 == message.files[0].sha256
    assert made.follows is not None and made.follows.id == ticket.id
    assert readers_of(db, cast, made) == {"bob", "dan", "root"}
    there = tickets.find(db, cast.dan, ticket.id)
    assert there.messages[0] == message, "what was written stays where it is"
    assert there.messages[-1].internal
    assert f"[#{made.number}]" in there.messages[-1].body
    assert tickets.find(db, cast.alice, ticket.id).followed_by == ()


def test_sent_twice_it_is_one_request(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    first, again = (
        splitting.split(db, cast.dan, ticket, SplitForm(ticket.messages[0].id, "The gate", key=KEY))
        for _ in range(2)
    )
    assert first.id == again.id
    assert len(again.files) == 1
    assert len(tickets.find(db, cast.dan, ticket.id).messages) == 3


def test_only_what_a_customer_wrote_and_by_agents_alone(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    for message_id in (ticket.messages[1].id, "nothing"):
        with pytest.raises(NotFound):
            splitting.split(db, cast.dan, ticket, SplitForm(message_id, "The gate", key=KEY))
    for viewer in (cast.alice, cast.bob, cast.wendy):
        with pytest.raises(NotFound):
            splitting.split(
                db, viewer, ticket, SplitForm(ticket.messages[0].id, "The gate", key=KEY)
            )


def test_a_subject_is_needed_and_an_author_who_may_file(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    with pytest.raises(InvalidForm):
        splitting.split(db, cast.dan, ticket, SplitForm(ticket.messages[0].id, " ", key=KEY))
    people.disable(db, OPERATOR, people.find(db, "bob@acme.example"))
    with pytest.raises(Invalid):
        splitting.split(db, cast.dan, ticket, SplitForm(ticket.messages[0].id, "The gate", key=KEY))
    assert len(db.query("SELECT 1 FROM tickets")) == 1
    assert len(tickets.find(db, cast.dan, ticket.id).messages) == 2
