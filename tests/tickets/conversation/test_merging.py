"""Two requests made one: what is closed, who is told, and that nobody reads more than before."""

import threading

import pytest

from kbsearch import people, tickets
from kbsearch.access import OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.messages.notifications import reply_addresses
from kbsearch.people import organisations
from kbsearch.people.organisations import OrganisationFields
from kbsearch.tickets import Link, Ticket
from kbsearch.tickets import changes as ticket_changes
from kbsearch.tickets.conversation import lifecycle, merging, replies
from kbsearch.tickets.conversation.merging import MergeForm
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.filing import copies
from tests.conftest import Cast, take_over
from tests.kit.incoming import letter, receiving, take
from tests.kit.requests import file, later, readers_of

KEY = "key-of-the-merge"


@pytest.fixture
def bobs(db: SqliteDatabase, cast: Cast) -> Ticket:
    """Bob's, which Alice may not read; hers is the other one."""
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(sharing="nobody")
    )
    return file(db, cast.bob, subject="No scale", description="The scale is silent.")


@pytest.fixture
def alices(db: SqliteDatabase, cast: Cast) -> Ticket:
    return file(db, cast.alice, subject="Scale dead", description="Our scale is dead.")


def merge(db: SqliteDatabase, viewer: Viewer, ticket: Ticket, into: Ticket, **more) -> None:
    merging.merge(db, viewer, ticket, into, MergeForm(KEY, **more), at=later(hours=2))


def test_the_one_is_closed_and_a_note_for_agents_repeats_it_in_the_other(
    db: SqliteDatabase, cast: Cast, bobs: Ticket, alices: Ticket
):
    replies.reply(db, cast.bob, bobs, ReplyForm(new_id(), "Since noon"), at=later(hours=1))
    replies.note(db, cast.dan, bobs, ReplyForm(new_id(), "NOTE-OF-BOBS"), at=later(hours=1))
    bobs = tickets.find(db, cast.dan, bobs.id)
    merge(db, cast.dan, bobs, alices)
    closed = tickets.find(db, cast.dan, bobs.id)
    assert (closed.status, closed.solved_at) == ("closed", None)
    assert [(e.kind, e.before, e.after) for e in closed.events][-1:] == [
        ("ticket.merged", bobs.status, "closed")
    ]
    (note,) = tickets.find(db, cast.dan, alices.id).messages
    assert note.internal
    assert f"[#{bobs.number} No scale](/en/requests/{bobs.id})" in note.body
    assert "> The scale is silent." in note.body
    assert "> Since noon" in note.body
    assert "NOTE-OF-BOBS" not in note.body
    assert tickets.find(db, cast.alice, alices.id).messages == ()


def test_nobody_reads_more_than_before(
    db: SqliteDatabase, cast: Cast, bobs: Ticket, alices: Ticket
):
    before = [readers_of(db, cast, each) for each in (bobs, alices)]
    merge(db, cast.dan, bobs, alices)
    assert [readers_of(db, cast, each) for each in (bobs, alices)] == before
    assert merging.of_ticket(db, cast.bob, bobs) == merging.MergeLinks(is_merged=True)
    assert merging.of_ticket(db, cast.alice, alices) == merging.MergeLinks()
    into = Link(alices.id, alices.number, alices.subject)
    assert merging.of_ticket(db, cast.dan, bobs).into == into
    (merged,) = merging.of_ticket(db, cast.dan, alices).merged
    assert merged.id == bobs.id


def test_its_people_are_put_in_copy_where_an_agent_says_so(
    db: SqliteDatabase, cast: Cast, bobs: Ticket, alices: Ticket
):
    merge(db, cast.dan, bobs, alices, with_copies=True, body="We go on in the other one.")
    assert readers_of(db, cast, alices) == {"alice", "bob", "dan", "root"}
    assert merging.of_ticket(db, cast.bob, bobs).into is not None
    (said,) = tickets.find(db, cast.bob, bobs.id).messages
    assert said.body == "We go on in the other one."


def test_whoever_left_is_not_put_in_copy(
    db: SqliteDatabase, cast: Cast, bobs: Ticket, alices: Ticket
):
    people.disable(db, OPERATOR, people.find(db, "bob@acme.example"))
    merge(db, cast.dan, bobs, alices, with_copies=True)
    assert tickets.find(db, cast.dan, alices.id).copies == ()


def test_what_makes_no_sense_is_refused(
    db: SqliteDatabase, cast: Cast, bobs: Ticket, alices: Ticket
):
    foreign = file(db, cast.chloe)
    closed = file(db, cast.alice)
    lifecycle.solve(db, cast.dan, closed)
    lifecycle.set_status(db, cast.dan, closed, "closed")
    closed = tickets.find(db, cast.dan, closed.id)
    take_over(db, number=77, requester=None, organisation=None, status="open")
    take_over(db, number=78, requester=None, organisation=None, status="open")
    nobodys, others = (tickets.find_number(db, cast.dan, number) for number in (77, 78))
    for ticket, into in (
        (bobs, bobs), (bobs, foreign), (bobs, closed), (closed, bobs), (nobodys, others),
    ):  # fmt: skip
        with pytest.raises(Invalid):
            merge(db, cast.dan, ticket, into)
    for viewer in (cast.bob, cast.alice, cast.wendy):
        with pytest.raises(NotFound):
            merge(db, viewer, bobs, alices)
    assert tickets.find(db, cast.dan, bobs.id).status == "new"
    assert tickets.find(db, cast.dan, alices.id).messages == ()


def test_what_changed_since_it_was_read_is_noticed(
    db: SqliteDatabase, cast: Cast, bobs: Ticket, alices: Ticket
):
    db.execute("UPDATE tickets SET organisation_id = NULL WHERE id = :id", {"id": alices.id})
    with pytest.raises(Invalid):
        merge(db, cast.dan, bobs, alices)
    assert merging.of_ticket(db, cast.dan, bobs) == merging.MergeLinks()


def test_it_is_taken_back(db: SqliteDatabase, cast: Cast, bobs: Ticket, alices: Ticket):
    lifecycle.set_status(db, cast.dan, bobs, "pending")
    merge(db, cast.dan, tickets.find(db, cast.dan, bobs.id), alices)
    merging.undo(db, cast.dan, bobs)
    again = tickets.find(db, cast.dan, bobs.id)
    assert (again.status, again.closed_at) == ("pending", None)
    assert merging.of_ticket(db, cast.dan, bobs) == merging.MergeLinks()
    with pytest.raises(Invalid):
        merging.undo(db, cast.dan, bobs)
    merge(db, cast.dan, again, alices)
    merging.undo(db, cast.dan, bobs)
    with pytest.raises(NotFound):
        merging.undo(db, cast.alice, bobs)


def test_a_ring_cannot_be_made_by_two_at_once(
    db: SqliteDatabase, cast: Cast, bobs: Ticket, alices: Ticket
):
    refused: list[Invalid] = []

    def run(ticket: Ticket, into: Ticket) -> None:
        try:
            merging.merge(db, cast.dan, ticket, into, MergeForm(new_id()))
        except Invalid as problem:
            refused.append(problem)

    both = [threading.Thread(target=run, args=pair) for pair in ((bobs, alices), (alices, bobs))]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert len(refused) == 1
    assert len(db.query("SELECT 1 FROM merges")) == 1


def test_sent_twice_it_is_one_merge(db: SqliteDatabase, cast: Cast, bobs: Ticket, alices: Ticket):
    merge(db, cast.dan, bobs, alices, body="On we go")
    merge(db, cast.dan, bobs, alices, body="On we go")
    assert len(tickets.find(db, cast.dan, bobs.id).messages) == 1
    assert len(tickets.find(db, cast.dan, alices.id).messages) == 1


def test_it_is_no_past_case(db: SqliteDatabase, cast: Cast, bobs: Ticket, alices: Ticket):
    replies.reply(db, cast.dan, bobs, ReplyForm(new_id(), "We look"))
    merge(db, cast.dan, tickets.find(db, cast.dan, bobs.id), alices)
    cases = {each.number: each for each in ticket_changes.list_changed(db, 0, 10)}
    assert (cases[bobs.number].is_merged, cases[bobs.number].is_solved) == (True, False)


def test_a_mail_about_it_goes_on_where_its_writer_may_read(
    db: SqliteDatabase, cast: Cast, bobs: Ticket, alices: Ticket
):
    copies.add(db, cast.alice, alices, "bob@acme.example")
    merge(db, cast.dan, bobs, alices)
    assert merging.goes_on_in(db, cast.bob, bobs).id == alices.id
    copies.remove(db, cast.alice, alices, "bob@acme.example")
    assert merging.goes_on_in(db, cast.bob, bobs).id == bobs.id


def test_a_reply_by_mail_joins_the_other_one(
    db: SqliteDatabase, settings: Settings, cast: Cast, alices: Ticket
):
    twice = file(db, cast.alice, subject="Scale still dead")
    merge(db, cast.dan, twice, alices)
    settings, alice = receiving(settings), str(cast.alice.person_id)
    address = reply_addresses.make(settings, twice.number, alice)
    take(settings, db, letter(to=address, body="It works again.", subject="Re: Scale"))
    said = tickets.find(db, cast.alice, alices.id).messages
    assert [each.body for each in said] == ["It works again."]
    assert len(db.query("SELECT 1 FROM tickets")) == 2
