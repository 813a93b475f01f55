"""Who is told what: by whom a change concerns, what they want, and what they may see."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbsearch import outbox, people, tickets
from kbsearch.access import OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Problem
from kbsearch.messages import notifications
from kbsearch.messages.notifications import recipients as concerns
from kbsearch.outbox import Task
from kbsearch.people import PersonFields, organisations, viewers
from kbsearch.people import notification_choices as preferences
from kbsearch.people.organisations import OrganisationFields
from kbsearch.tickets import Ticket, dues, teams
from kbsearch.tickets import events as ticket_events
from kbsearch.tickets.conversation import lifecycle, ownership, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.filing import copies
from kbsearch.tickets.teams import TeamFields
from tests.conftest import Cast, introduce
from tests.kit.promises import promise
from tests.kit.requests import file, later

Told = set[tuple[str, str]]  # a first name, and why


@pytest.fixture
def eve(db: SqliteDatabase, cast: Cast) -> Viewer:
    """Another agent."""
    people.add(
        db, OPERATOR, PersonFields(email="eve@support.example", name="Eve Moreau", role="agent")
    )
    return viewers.find(db, "eve@support.example")


def spread(db: SqliteDatabase, site: Settings) -> list[Task]:
    """Handle every change that waits, as the worker does; the tasks of the changes."""
    tasks: list[Task] = []

    def fan_out(task: Task) -> None:
        notifications.fan_out(db, task)
        tasks.append(task)

    handlers: dict[str, Callable[[Task], None]] = {"index.tickets": tasks.append}
    for kind in (*ticket_events.KINDS, *notifications.NOTICE_KINDS.values()):
        handlers[kind] = fan_out if kind in concerns.KINDS else tasks.append
    while outbox.run_one(db, handlers):
        pass
    return [task for task in tasks if task.kind in concerns.KINDS]


def told(db: SqliteDatabase, site: Settings, kind: str) -> Told:
    """Who may be told of the last change of a kind, and why."""
    spread(db, site)
    event = db.query(
        "SELECT id FROM ticket_events WHERE kind = :kind ORDER BY revision DESC LIMIT 1",
        {"kind": kind},
    )[0]["id"]
    notices = db.query("SELECT id FROM notices WHERE event_id = :event", {"event": event})
    found = [notifications.look(db, row["id"]) for row in notices]
    return {(each.person.name.split()[0], each.why) for each in found if each is not None}


def reply(db: SqliteDatabase, viewer: Viewer, ticket: Ticket, **more) -> None:
    replies.reply(db, viewer, ticket, ReplyForm(new_id(), "Have you tried?", **more))


def test_an_opened_request_is_confirmed_and_told_to_every_agent(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    file(db, cast.alice, cc=["bob@acme.example"])
    assert told(db, settings, "ticket.opened") == {
        ("Alice", "requester"),
        ("Bob", "copied"),
        ("Dan", "team"),
        ("Root", "team"),
    }


def test_a_team_is_told_of_its_products(db: SqliteDatabase, cast: Cast, settings: Settings):
    herds = TeamFields("Herds", members=[str(cast.dan.person_id)], products=["icownect"])
    team = teams.add(db, cast.root, herds)
    file(db, cast.alice, software="icownect")
    assert told(db, settings, "ticket.opened") == {("Alice", "requester"), ("Dan", "team")}
    other = file(db, cast.chloe, software="cervo-atelier")
    assert ("Root", "team") in told(db, settings, "ticket.opened")
    ownership.give(db, cast.root, other, team.id)
    reply(db, cast.chloe, other)
    assert told(db, settings, "ticket.replied") == {("Dan", "team")}


def test_who_files_for_somebody_is_not_told(db: SqliteDatabase, cast: Cast, settings: Settings):
    file(db, cast.dan, requester="alice@acme.example")
    assert told(db, settings, "ticket.opened") == {("Alice", "requester"), ("Root", "team")}


def test_an_answer_is_told_to_the_customers_side(
    db: SqliteDatabase, cast: Cast, eve: Viewer, settings: Settings
):
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    reply(db, cast.dan, ticket)
    assert told(db, settings, "ticket.replied") == {("Alice", "requester"), ("Bob", "copied")}
    lifecycle.assign(db, cast.dan, ticket, eve.person_id)
    reply(db, cast.dan, ticket)
    assert ("Eve", "assignee") in told(db, settings, "ticket.replied")


def test_what_a_customer_writes_is_told_to_the_others_and_whoever_looks_after_it(
    db: SqliteDatabase, cast: Cast, eve: Viewer, settings: Settings
):
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    reply(db, cast.bob, ticket)
    assert told(db, settings, "ticket.replied") == {
        ("Alice", "requester"),
        ("Dan", "team"),
        ("Eve", "team"),
        ("Root", "team"),
    }
    lifecycle.assign(db, cast.dan, ticket, eve.person_id)
    reply(db, cast.alice, ticket)
    assert told(db, settings, "ticket.replied") == {("Bob", "copied"), ("Eve", "assignee")}


def test_who_wants_a_copy_of_what_they_write_is_told_of_it(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    preferences.choose(db, cast.bob, [("ticket.own_reply", "mail")])
    reply(db, cast.bob, ticket)
    assert ("Bob", "author") in told(db, settings, "ticket.replied")
    reply(db, cast.alice, ticket)
    assert not {"Alice", "Bob"} & {name for name, _ in told(db, settings, "ticket.replied")}


def test_what_is_due_is_told_to_its_agent_and_what_is_late_to_the_team(
    db: SqliteDatabase, cast: Cast, eve: Viewer, settings: Settings
):
    promise(db, first_answer="4")
    db.execute("UPDATE state SET value = '2026-01-01' WHERE name = 'promises_changed_at'")
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    team = {("Eve", "team"), ("Root", "team")}
    lifecycle.assign(db, cast.root, ticket, cast.dan.person_id)
    for hours, kind, whom in (
        (3, "ticket.due_soon", {("Dan", "assignee")}),
        (4, "ticket.overdue", {("Dan", "assignee"), *team}),
    ):
        dues.catch_up(db, at=later(hours=hours))
        dues.tell(db, at=later(hours=hours))
        assert told(db, settings, kind) == whom
    file(db, cast.bob)
    dues.catch_up(db, at=later(hours=3))
    dues.tell(db, at=later(hours=3))
    assert told(db, settings, "ticket.due_soon") == {("Dan", "team"), *team}


def test_a_note_is_told_to_agents_who_look_after_the_request_or_wrote_in_it(
    db: SqliteDatabase, cast: Cast, eve: Viewer, settings: Settings
):
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    lifecycle.assign(db, cast.root, ticket, cast.dan.person_id)
    replies.note(db, eve, ticket, ReplyForm(new_id(), "The sensor is known to fail."))
    assert told(db, settings, "ticket.noted") == {("Dan", "assignee")}
    replies.note(db, cast.root, ticket, ReplyForm(new_id(), "Since when?"))
    assert told(db, settings, "ticket.noted") == {("Dan", "assignee"), ("Eve", "taking_part")}


def test_an_assignment_is_told_to_the_new_assignee_unless_they_took_it(
    db: SqliteDatabase, cast: Cast, eve: Viewer, settings: Settings
):
    ticket = file(db, cast.alice)
    lifecycle.assign(db, cast.dan, ticket, eve.person_id)
    assert told(db, settings, "ticket.assigned") == {("Eve", "assignee")}
    lifecycle.assign(db, cast.dan, ticket, cast.dan.person_id)
    assert told(db, settings, "ticket.assigned") == set()


def test_who_is_put_in_copy_is_told_and_who_is_taken_out_is_not(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    ticket = file(db, cast.alice)
    copies.add(db, cast.alice, ticket, "bob@acme.example")
    assert told(db, settings, "ticket.cc_added") == {("Bob", "copied")}
    copies.remove(db, cast.alice, ticket, "bob@acme.example")
    assert told(db, settings, "ticket.cc_removed") == set()


def test_who_follows_an_organisation_is_told_unless_it_is_confidential(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    acme = organisations.find(db, "acme")
    organisations.edit(
        db, OPERATOR, acme, OrganisationFields(sharing="people", followers=["bob@acme.example"])
    )
    file(db, cast.alice)
    assert ("Bob", "follower") in told(db, settings, "ticket.opened")
    file(db, cast.alice, confidential=True)
    assert ("Bob", "follower") not in told(db, settings, "ticket.opened")


def test_colleagues_who_may_read_it_are_not_told_for_that(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    ticket = file(db, cast.alice)  # Acme shares with everybody
    assert tickets.find(db, cast.bob, ticket.id).number == ticket.number
    assert "Bob" not in {name for name, _ in told(db, settings, "ticket.opened")}


def test_a_status_that_comes_with_an_answer_is_not_told_twice(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    ticket = file(db, cast.alice)
    reply(db, cast.dan, ticket, status="solved")
    assert told(db, settings, "ticket.solved") == set()
    assert told(db, settings, "ticket.replied") == {("Alice", "requester")}


def test_who_wants_no_answers_is_told_that_it_is_solved(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    preferences.choose(db, cast.alice, [("ticket.solved", "mail")])
    ticket = file(db, cast.alice)
    reply(db, cast.dan, ticket, status="solved")
    assert told(db, settings, "ticket.solved") == {("Alice", "requester")}
    assert told(db, settings, "ticket.replied") == set()


def test_what_closes_by_itself_is_told(db: SqliteDatabase, cast: Cast, settings: Settings):
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    lifecycle.solve(db, cast.dan, ticket, at=later(days=1))
    lifecycle.close_quiet(db, 14, at=later(days=20))
    assert told(db, settings, "ticket.closed") == {("Alice", "requester"), ("Bob", "copied")}


def test_a_contract_that_ended_stops_no_mail(db: SqliteDatabase, cast: Cast, settings: Settings):
    ticket = file(db, cast.alice)
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(contract_ends="2026-04-01")
    )
    reply(db, cast.dan, ticket)
    assert told(db, settings, "ticket.replied") == {("Alice", "requester")}


def test_handling_a_change_again_tells_nobody_twice(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    file(db, cast.alice, cc=["bob@acme.example"])
    tasks = spread(db, settings)
    before = db.query("SELECT id FROM notices ORDER BY id")
    waiting = db.query("SELECT id FROM outbox ORDER BY id")
    for task in tasks:
        notifications.fan_out(db, task)
    assert len(before) == 4
    assert db.query("SELECT id FROM notices ORDER BY id") == before
    assert db.query("SELECT id FROM outbox ORDER BY id") == waiting


def test_what_was_taken_out_of_the_conversation_meanwhile_is_not_told(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    ticket = file(db, cast.alice)
    reply(db, cast.dan, ticket)
    assert told(db, settings, "ticket.replied") == {("Alice", "requester")}
    db.execute("UPDATE messages SET internal = 1")
    assert told(db, settings, "ticket.replied") == set()


def test_a_settled_notice_tells_nothing_more(db: SqliteDatabase, cast: Cast, settings: Settings):
    file(db, cast.alice)
    spread(db, settings)
    for row in db.query("SELECT id FROM notices"):
        notifications.settle(db, row["id"], "sent")
    assert told(db, settings, "ticket.opened") == set()


def _leave(db: SqliteDatabase, cast: Cast, ticket: Ticket) -> None:
    people.edit(db, OPERATOR, people.find(db, "bob@acme.example"), PersonFields(organisations=[]))


def _remove(db: SqliteDatabase, cast: Cast, ticket: Ticket) -> None:
    copies.remove(db, cast.alice, ticket, "bob@acme.example")


def _disable(db: SqliteDatabase, cast: Cast, ticket: Ticket) -> None:
    people.disable(db, OPERATOR, people.find(db, "bob@acme.example"))


def _decline(db: SqliteDatabase, cast: Cast, ticket: Ticket) -> None:
    preferences.decline(db, str(cast.bob.person_id), "ticket.replied")


@pytest.mark.parametrize("change", [_leave, _remove, _disable, _decline])
def test_who_lost_sight_or_interest_before_it_was_sent_is_told_nothing(
    db: SqliteDatabase, cast: Cast, settings: Settings, change
):
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(sharing="nobody")
    )
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    reply(db, cast.dan, ticket)
    assert ("Bob", "copied") in told(db, settings, "ticket.replied")
    change(db, cast, ticket)
    assert told(db, settings, "ticket.replied") == {("Alice", "requester")}


def test_an_agent_who_became_a_customer_is_told_nothing_of_the_desk(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    ticket = file(db, cast.alice)
    lifecycle.assign(db, cast.root, ticket, cast.dan.person_id)
    replies.note(db, cast.root, ticket, ReplyForm(new_id(), "Hush."))
    assert told(db, settings, "ticket.noted") == {("Dan", "assignee")}
    dan = people.find(db, "dan@support.example")
    people.edit(
        db, OPERATOR, dan, PersonFields(role="customer", organisations=["acme"])
    )  # which shares with everybody
    assert told(db, settings, "ticket.noted") == set()
    assert told(db, settings, "ticket.assigned") == set()


def test_what_was_sent_to_a_colleague_by_mail_is_not_sent_again(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    reply(db, cast.alice, ticket)
    said = db.query("SELECT id FROM messages")[0]["id"]
    db.insert(
        "mails",
        {
            "id": new_id(),
            "fingerprint": "f",
            "message_id": "one@acme.example",
            "received_at": "2026-03-02T09:00:00Z",
            "sender": "alice@acme.example",
            "subject": "Re: Collar lost",
            "sha256": "0" * 64,
            "state": "joined",
            "reason": "",
            "is_proved": 1,
            "recipients": '["bob@acme.example", "dan@support.example"]',
            "ticket_id": ticket.id,
            "said_id": said,
        },
    )
    names = {name for name, _ in told(db, settings, "ticket.replied")}
    assert "Bob" not in names, "Alice wrote to him as well"
    assert "Dan" in names, "no customer keeps a mail from an agent"


DOINGS = st.lists(
    st.tuples(
        st.sampled_from(
            ["reply", "note", "solve", "reopen", "close", "assign", "copy", "uncopy", "leave",
             "share", "secret", "disable", "return", "move"]
        ),
        st.sampled_from(["alice", "bob", "chloe", "dan", "root"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)  # fmt: skip


def _do(db: SqliteDatabase, cast: Cast, ticket: Ticket, what: str, who: str, flag: bool) -> None:
    viewer: Viewer = getattr(cast, who)
    acme = organisations.find(db, "acme")
    person = people.find(db, viewer.email)
    key = new_id()
    match what:
        case "reply":
            replies.reply(db, viewer, ticket, ReplyForm(key, "Public words"))
        case "note":
            replies.note(db, viewer, ticket, ReplyForm(key, "Internal words"))
        case "solve":
            lifecycle.solve(db, viewer, ticket)
        case "reopen":
            lifecycle.reopen(db, viewer, ticket)
        case "close":
            lifecycle.set_status(db, viewer, ticket, "closed")
        case "assign":
            lifecycle.assign(db, viewer, ticket, cast.root.person_id if flag else None)
        case "copy":
            copies.add(db, viewer, ticket, "bob@acme.example")
        case "uncopy":
            copies.remove(db, viewer, ticket, "bob@acme.example")
        case "leave":
            people.edit(db, OPERATOR, person, PersonFields(organisations=[]))
        case "share":
            organisations.edit(
                db,
                OPERATOR,
                acme,
                OrganisationFields(
                    sharing="people", followers=["bob@acme.example"] if flag else []
                ),
            )
        case "secret":
            organisations.edit(
                db, OPERATOR, acme, OrganisationFields(sharing="nobody" if flag else "everyone")
            )
        case "disable":
            people.disable(db, OPERATOR, person)
        case "return":
            people.enable(db, OPERATOR, person)
        case "move":
            role, its = ("customer", ["acme"]) if flag else ("agent", [])
            people.edit(db, OPERATOR, person, PersonFields(role=role, organisations=its))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(before=DOINGS, after=DOINGS, confidential=st.booleans(), copied=st.booleans())
def test_nobody_is_told_what_they_may_not_see(
    scratch: SqliteDatabase,
    before: list[tuple[str, str, bool]],
    after: list[tuple[str, str, bool]],
    confidential: bool,
    copied: bool,
):
    """Whatever happens between a change and its sending: who is told reads the request then."""
    db, site = scratch, Settings()

    class _Over(Exception):
        pass

    try:
        with db.atomic():
            cast = introduce(db)
            cc = ["bob@acme.example"] if copied else []
            ticket = file(db, cast.alice, cc=cc, confidential=confidential)
            for doing in before:
                attempt(db, cast, ticket, doing)
            spread(db, site)
            for doing in after:
                attempt(db, cast, ticket, doing)
            _check(db, site, ticket)
            raise _Over
    except _Over:
        pass


def attempt(db: SqliteDatabase, cast: Cast, ticket: Ticket, doing: tuple[str, str, bool]) -> None:
    try:
        with db.atomic():
            _do(db, cast, ticket, *doing)
    except Problem:
        pass


def _check(db: SqliteDatabase, site: Settings, ticket: Ticket) -> None:
    for row in db.query("SELECT id, event_id, person_id FROM notices"):
        telling = notifications.look(db, row["id"])
        if telling is None:
            continue
        person = people.find_id(db, row["person_id"])
        assert person.disabled_at is None
        there = tickets.find(db, viewers.find(db, person.email), ticket.id)
        assert telling.ticket == there
        change = telling.change
        if change.actor_id == person.id:
            assert change.kind == "ticket.opened" and telling.why == "requester"
        if person.role == "customer":
            assert not change.is_internal and change.kind != "ticket.assigned"
            assert "Internal words" not in str(telling.ticket)


def test_the_change_of_an_event_that_is_gone_is_nobodys(db: SqliteDatabase, settings: Settings):
    outbox.add(db, "ticket.opened", "gone")
    task = outbox.claim(db, outbox.Share(only={"ticket.opened"}))
    assert task is not None
    notifications.fan_out(db, task)
    assert db.query("SELECT id FROM notices") == []


def test_every_kind_is_one_of_the_events():
    assert set(concerns.KINDS) <= set(ticket_events.KINDS)
    told_of = {"ticket.cc_removed", "ticket.changed", "ticket.merged"}
    assert set(ticket_events.KINDS) - set(concerns.KINDS) == told_of


def test_an_agents_mail_waits_for_its_digest_unless_the_request_is_blocking(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    preferences.choose(db, cast.dan, [("ticket.opened", "mail")], digest="hourly")
    file(db, cast.alice)
    file(db, cast.alice, severity="blocking")
    for task in spread(db, settings):
        notifications.fan_out(db, task, at=datetime(2026, 3, 2, 9, 20, tzinfo=UTC))
    rows = db.query(
        """
        SELECT n.gathers_at FROM notices n JOIN people p ON p.id = n.person_id
        WHERE p.email = 'dan@support.example'
        """
    )
    assert sorted(row["gathers_at"] is None for row in rows) == [False, True]
