import pytest

from kbsearch import people, tickets
from kbsearch.access import OPERATOR, Viewer
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.tickets import Ticket
from kbsearch.tickets import changes as ticket_changes
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast, take_over
from tests.kit.requests import file, later


def answered(db: SqliteDatabase, cast: Cast) -> tuple[Ticket, list[str]]:
    """A request with two answers of Dan's; the ids of these."""
    ticket = file(db, cast.alice)
    said = [
        replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), body), at=later(hours=1)).message_id
        for body in ("Tick all lots.", "Did it work?")
    ]
    return tickets.find(db, cast.alice, ticket.id), said


def case(db: SqliteDatabase) -> tuple[str, str]:
    """What the index is told of the only ticket: its status, and what solved it first."""
    (found,) = ticket_changes.list_changed(db, 0, 10)
    return found.status, found.answers.split("\n\n")[0]


def test_the_message_that_solved_it_leads_the_past_case(db: SqliteDatabase, cast: Cast):
    ticket, (first, _) = answered(db, cast)
    lifecycle.solve(db, cast.alice, ticket, message_id=first, at=later(hours=2))
    there = tickets.find(db, cast.alice, ticket.id)
    assert (there.status, there.solved_at) == ("solved", "2026-03-02T11:00:00Z")
    assert [m.body for m in there.messages if m.solution] == ["Tick all lots."]
    assert case(db) == ("solved", "Tick all lots.")


def test_without_a_mark_the_last_answer_is_the_solution_once_it_is_solved(
    db: SqliteDatabase, cast: Cast
):
    ticket, _ = answered(db, cast)
    assert not any(message.solution for message in ticket.messages)
    lifecycle.solve(db, cast.alice, ticket)
    there = tickets.find(db, cast.alice, ticket.id)
    assert [m.body for m in there.messages if m.solution] == ["Did it work?"]


def test_reopening_takes_it_out_of_what_is_resolved(db: SqliteDatabase, cast: Cast):
    ticket, (first, _) = answered(db, cast)
    lifecycle.solve(db, cast.alice, ticket, message_id=first)
    revision = ticket_changes.last_revision(db)
    lifecycle.reopen(db, cast.alice, ticket)
    there = tickets.find(db, cast.alice, ticket.id)
    assert (there.status, there.solved_at) == ("open", None)
    assert not any(message.solution for message in there.messages)
    (changed,) = ticket_changes.list_changed(db, revision, 10)
    assert changed.status == "open"


def test_another_message_may_turn_out_to_be_the_solution(db: SqliteDatabase, cast: Cast):
    ticket, (first, second) = answered(db, cast)
    lifecycle.solve(db, cast.alice, ticket, message_id=first)
    revision = ticket_changes.last_revision(db)
    lifecycle.solve(db, cast.dan, ticket, message_id=second)
    there = tickets.find(db, cast.alice, ticket.id)
    assert [m.body for m in there.messages if m.solution] == ["Did it work?"]
    assert len(ticket_changes.list_changed(db, revision, 10)) == 1, "the index hears of it"
    assert [e.kind for e in there.events if e.kind == "ticket.solved"] == ["ticket.solved"]


def test_a_note_or_a_foreign_message_is_no_solution(db: SqliteDatabase, cast: Cast):
    ticket, _ = answered(db, cast)
    note = replies.note(db, cast.dan, ticket, ReplyForm(new_id(), "Canary")).message_id
    other = file(db, cast.alice)
    foreign = replies.reply(db, cast.dan, other, ReplyForm(new_id(), "Else")).message_id
    for message in (note, foreign, "missing"):
        with pytest.raises(NotFound):
            lifecycle.solve(db, cast.dan, ticket, message_id=message)
    assert tickets.find(db, cast.alice, ticket.id).status == "pending"


@pytest.mark.parametrize("who", ["bob", "chloe", "nobody"])
def test_only_the_requester_and_agents_say_that_it_is_solved(
    db: SqliteDatabase, cast: Cast, who: str
):
    ticket, _ = answered(db, cast)
    viewer: Viewer = getattr(cast, who)
    expected = Forbidden if who == "bob" else NotFound
    for act in (lifecycle.solve, lifecycle.reopen):
        with pytest.raises(expected):
            act(db, viewer, ticket)
    with pytest.raises(expected):
        lifecycle.set_status(db, viewer, ticket, "solved")
    with pytest.raises(expected):
        lifecycle.assign(db, viewer, ticket, cast.dan.person_id)
    assert tickets.find(db, cast.alice, ticket.id) == ticket


def test_saying_it_twice_is_one_event(db: SqliteDatabase, cast: Cast):
    ticket, _ = answered(db, cast)
    for _ in range(3):
        lifecycle.solve(db, cast.alice, ticket)
        lifecycle.assign(db, cast.dan, ticket, cast.dan.person_id)
    kinds = [event.kind for event in tickets.find(db, cast.dan, ticket.id).events]
    assert kinds.count("ticket.solved") == kinds.count("ticket.assigned") == 1


def test_every_change_says_who_when_and_from_what_to_what(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    lifecycle.assign(db, cast.dan, ticket, cast.root.person_id, at=later(hours=1))
    lifecycle.assign(db, cast.root, ticket, None, at=later(hours=2))
    lifecycle.set_status(db, cast.dan, ticket, "open", at=later(hours=3))
    told = [
        (e.actor, e.at, e.field, e.before, e.after)
        for e in tickets.find(db, cast.alice, ticket.id).events
    ]
    assert told == [
        ("Dan Leroy", "2026-03-02T10:00:00Z", "assignee", None, "Root"),
        ("Root", "2026-03-02T11:00:00Z", "assignee", "Root", None),
        ("Dan Leroy", "2026-03-02T12:00:00Z", "status", "new", "open"),
    ]
    work = db.query("SELECT kind FROM outbox WHERE kind LIKE 'ticket.%' ORDER BY kind")
    assert [row["kind"] for row in work] == [
        "ticket.assigned",
        "ticket.assigned",
        "ticket.opened",
        "ticket.status_changed",
    ]


@pytest.mark.parametrize("who", ["alice", "wendy"])
def test_only_an_agent_with_an_open_account_is_assigned(db: SqliteDatabase, cast: Cast, who: str):
    ticket = file(db, cast.alice)
    people.disable(db, OPERATOR, people.find(db, "dan@support.example"))
    for person_id in (getattr(cast, who).person_id, cast.dan.person_id, "missing"):
        with pytest.raises(NotFound):
            lifecycle.assign(db, cast.root, ticket, person_id)
    assert tickets.find(db, cast.root, ticket.id).assignee is None


def test_what_is_solved_closes_by_itself_in_time(db: SqliteDatabase, cast: Cast):
    ticket, _ = answered(db, cast)
    young = file(db, cast.bob)
    lifecycle.solve(db, cast.alice, ticket, at=later(hours=2))
    lifecycle.solve(db, cast.bob, young, at=later(days=3))
    assert lifecycle.close_quiet(db, 14, at=later(days=14, hours=1)) == 0
    assert lifecycle.close_quiet(db, 14, at=later(days=14, hours=2)) == 1
    assert lifecycle.close_quiet(db, 14, at=later(days=14, hours=2)) == 0
    there = tickets.find(db, cast.alice, ticket.id)
    assert (there.status, there.closed_at) == ("closed", "2026-03-16T11:00:00Z")
    assert there.solved_at == "2026-03-02T11:00:00Z"
    assert (there.events[-1].kind, there.events[-1].actor) == ("ticket.closed", "")
    assert tickets.find(db, cast.bob, young.id).status == "solved"


def test_past_cases_taken_over_are_not_closed_by_the_clock(db: SqliteDatabase, cast: Cast):
    ticket_id = take_over(db, solved_at="2026-02-01T09:00:00Z")
    assert lifecycle.close_quiet(db, 14, at=later(days=400)) == 0
    assert tickets.find(db, cast.alice, ticket_id).status == "solved"


def test_what_is_closed_stays_closed(db: SqliteDatabase, cast: Cast):
    ticket, _ = answered(db, cast)
    with pytest.raises(Invalid):
        lifecycle.set_status(db, cast.dan, ticket, "closed")
    lifecycle.solve(db, cast.alice, ticket)
    lifecycle.set_status(db, cast.dan, ticket, "closed")
    for act in (lifecycle.solve, lifecycle.reopen):
        for viewer in (cast.alice, cast.dan):
            with pytest.raises(Invalid):
                act(db, viewer, ticket)
    with pytest.raises(Invalid):
        lifecycle.set_status(db, cast.dan, ticket, "open")
    assert tickets.find(db, cast.alice, ticket.id).status == "closed"
