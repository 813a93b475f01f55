import pytest

from kbsearch import people, tickets
from kbsearch.access import OPERATOR
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.people import PersonFields, viewers
from kbsearch.tickets import Ticket
from kbsearch.tickets import changes as ticket_changes
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.filing import copies
from tests.conftest import Cast, take_over
from tests.kit.requests import file, readers_of


@pytest.fixture
def ticket(db: SqliteDatabase, cast: Cast) -> Ticket:
    """A request of Alice's that her colleagues do not read."""
    return file(db, cast.alice, confidential=True)


def test_a_colleague_is_let_in_and_out_at_once(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    revision = ticket_changes.last_revision(db)
    copies.add(db, cast.alice, ticket, "Bob@acme.example")
    assert readers_of(db, cast, ticket) == {"alice", "bob", "dan", "root"}
    (case,) = ticket_changes.list_changed(db, revision, 10)
    assert f"user:{cast.bob.person_id}" in case.readers
    copies.remove(db, cast.dan, ticket, "bob@acme.example")
    assert readers_of(db, cast, ticket) == {"alice", "dan", "root"}
    told = [(e.kind, e.before, e.after) for e in tickets.find(db, cast.alice, ticket.id).events]
    assert told == [
        ("ticket.cc_added", None, "Bob Durand"),
        ("ticket.cc_removed", "Bob Durand", None),
    ]


def test_whoever_was_taken_out_does_nothing_more_with_what_they_held(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    copies.add(db, cast.alice, ticket, "bob@acme.example")
    held = tickets.find(db, cast.bob, ticket.id)
    copies.remove(db, cast.alice, ticket, "bob@acme.example")
    with pytest.raises(NotFound):
        replies.reply(db, cast.bob, held, ReplyForm(new_id(), "Still here?"))
    with pytest.raises(NotFound):
        copies.leave(db, cast.bob, held)


def test_one_leaves_by_oneself(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    copies.add(db, cast.alice, ticket, "bob@acme.example")
    copies.leave(db, cast.bob, ticket)
    assert readers_of(db, cast, ticket) == {"alice", "dan", "root"}
    copies.leave(db, cast.alice, ticket)
    assert tickets.find(db, cast.alice, ticket.id).is_of(cast.alice), "a requester cannot leave"


def test_only_the_requester_and_agents_choose_who_is_in_copy(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    for act in (copies.add, copies.remove):
        with pytest.raises(Forbidden):
            act(db, cast.bob, ticket, "bob@acme.example")
        with pytest.raises(NotFound):
            act(db, cast.chloe, ticket, "chloe@globex.example")


@pytest.mark.parametrize(
    "address", ["chloe@globex.example", "ghost@acme.example", "dan@support.example"]
)
def test_a_stranger_and_nobody_are_the_same_answer(
    db: SqliteDatabase, cast: Cast, ticket: Ticket, address: str
):
    with pytest.raises(Invalid) as problem:
        copies.add(db, cast.dan, ticket, address)
    assert (problem.value.key, problem.value.values) == ("copy.unknown", {"email": address})
    assert tickets.find(db, cast.alice, ticket.id).copies == ()


def test_a_closed_account_is_not_put_in_copy(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    people.disable(db, OPERATOR, people.find(db, "bob@acme.example"))
    with pytest.raises(Invalid):
        copies.add(db, cast.alice, ticket, "bob@acme.example")


def test_twice_in_copy_is_once(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    for _ in range(2):
        copies.add(db, cast.alice, ticket, "bob@acme.example")
        copies.add(db, cast.alice, ticket, "alice@acme.example")
    there = tickets.find(db, cast.alice, ticket.id)
    assert [copy.email for copy in there.copies] == ["bob@acme.example"]
    assert len(there.events) == 1


def test_there_is_a_limit(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    for n in range(copies.MAX_COPIES + 1):
        people.add(
            db,
            OPERATOR,
            PersonFields(email=f"p{n}@acme.example", name=f"P{n}", organisations=["acme"]),
        )
    for n in range(copies.MAX_COPIES):
        copies.add(db, cast.alice, ticket, f"p{n}@acme.example")
    with pytest.raises(Invalid):
        copies.add(db, cast.alice, ticket, f"p{copies.MAX_COPIES}@acme.example")


def test_whoever_leaves_an_organisation_leaves_its_copies(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    copies.add(db, cast.alice, ticket, "bob@acme.example")
    shared = file(db, cast.alice)
    other = take_over(
        db,
        number=7,
        organisation="globex",
        requester="chloe@globex.example",
        cc=["bob@acme.example"],
    )
    people.edit(
        db, OPERATOR, people.find(db, "bob@acme.example"), PersonFields(organisations=["globex"])
    )
    bob = viewers.find(db, "bob@acme.example")
    for lost in (ticket, shared):
        with pytest.raises(NotFound):
            tickets.find(db, bob, lost.id)
    assert tickets.find(db, bob, other).number == 7
    assert tickets.find(db, cast.alice, ticket.id).copies == ()
