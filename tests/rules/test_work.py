"""Rules at work: when, if, then; in their order, once for each moment, and never in a circle."""

from datetime import UTC, datetime

import pytest

from kbsearch import outbox, people, rules, tickets
from kbsearch.access import OPERATOR
from kbsearch.clock import stored
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.messages import webhooks
from kbsearch.people import PersonFields
from kbsearch.rules import runs, work
from kbsearch.tickets import Ticket, dues, tags, teams, waiting
from kbsearch.tickets.conversation import lifecycle, ownership, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.desk import saved_replies
from kbsearch.tickets.desk.saved_replies import SavedReplyFields
from kbsearch.tickets.teams import TeamFields
from tests.conftest import Cast
from tests.kit.promises import keep
from tests.kit.requests import MORNING, file, later
from tests.kit.rules import done, follow, rule


def look(db: Database, ticket: Ticket) -> Ticket:
    return tickets.find(db, OPERATOR, ticket.id)


def say(db: Database, viewer: object, ticket: Ticket, text: str = "Words", **more: object) -> None:
    replies.reply(db, viewer, ticket, ReplyForm(new_id(), text), **more)  # type: ignore[arg-type]


@pytest.mark.both_engines
def test_what_it_says_is_done_by_the_rule_and_written_down(
    db: Database, cast: Cast, settings: Settings
):
    dan = str(cast.dan.person_id)
    text = "Reçu, {{requester.first_name}}. {{agent.name}}"
    thanks = saved_replies.add(db, cast.dan, SavedReplyFields("en", "Reçu", text))
    then = {
        "product": ["icownect"],
        "severity": ["blocking"],
        "team": [herds(db, cast)],
        "assignee": ["next"],
        "add_tags": ["vip urgent"],
        "note": ["Look at it at once"],
        "reply": [thanks.id],
        "status": ["open"],
        "tell_people": [dan],
        "webhook": ["yes"],
    }
    rule(db, then=then)
    ticket = file(db, cast.alice)
    follow(db, settings)
    there = look(db, ticket)
    assert (there.product, there.severity, there.team, there.assignee_id, there.status) == (
        "icownect", "blocking", "Herds", dan, "open",
    )  # fmt: skip
    assert there.tags == ("urgent", "vip")
    note, answer = there.messages
    assert (note.internal, note.is_automatic, note.body) == (True, True, "Look at it at once")
    assert (answer.internal, answer.is_staff, answer.author_id) == (False, True, None)
    assert answer.body == f"Reçu, Alice. {settings.site_name}"
    ((name, kinds),) = done(db, ticket.id)
    assert name == "Rule" and kinds.keys() == then.keys()
    assert all(event.rule == "Rule" and not event.actor for event in there.events)
    customers = tickets.find(db, cast.alice, ticket.id)
    assert all(event.rule is None for event in customers.events)
    notices = db.query("SELECT subject FROM outbox WHERE kind = 'rule.notice'")
    assert [row["subject"].split()[1] for row in notices] == [dan]
    assert db.query("SELECT subject FROM site_events WHERE kind = 'rule.applied'")


DEEDS = {
    "nothing": lambda db, cast, ticket: None,
    "customer": lambda db, cast, ticket: say(db, cast.alice, ticket),
    "agent": lambda db, cast, ticket: say(db, cast.dan, ticket),
    "tags": lambda db, cast, ticket: tags.change(db, cast.dan, ticket.id, add=["x"]),
    "solved": lambda db, cast, ticket: lifecycle.solve(db, cast.alice, ticket),
}


@pytest.mark.parametrize(
    ("deed", "moments"),
    [
        ("nothing", set()),
        ("customer", {"customer_wrote"}),
        ("agent", {"answered", "changed"}),
        ("tags", {"changed"}),
        ("solved", {"changed"}),
    ],
)
def test_each_moment_is_told_from_the_others(
    db: Database, cast: Cast, settings: Settings, deed: str, moments: set[str]
):
    for name in ("opened", "customer_wrote", "answered", "changed"):
        rule(db, name, name=name, then={"add_tags": [name]})
    ticket = file(db, cast.alice)
    DEEDS[deed](db, cast, ticket)
    follow(db, settings)
    assert {name for name, _ in done(db, ticket.id)} == {"opened"} | moments


@pytest.mark.parametrize(
    ("when", "is_meant"),
    [
        ({}, True),
        ({"words": ["bell\nthe COLLAR of"]}, True),
        ({"words": ["coll"]}, False),
        ({"words": ["cöllar"]}, True),
        ({"tags": ["a b"]}, True),
        ({"tags": ["a c"]}, False),
        ({"without_tags": ["c"]}, True),
        ({"without_tags": ["b c"]}, False),
        ({"status": ["open", "new"]}, True),
        ({"status": ["pending"]}, False),
        ({"severity": ["minor"], "status": ["new"]}, True),
        ({"severity": ["minor"], "status": ["open"]}, False),
        ({"channel": ["web"]}, True),
        ({"channel": ["email"]}, False),
        ({"organisation": ["acme"]}, True),
        ({"organisation": ["globex"]}, False),
        ({"product": ["icownect"]}, True),
        ({"product": ["cervo-atelier"]}, False),
        ({"team": ["none"]}, True),
        ({"looked_after": ["no"]}, True),
        ({"looked_after": ["yes"]}, False),
    ],
)
def test_a_condition_holds_or_does_not(
    db: Database, cast: Cast, settings: Settings, when: dict[str, list[str]], is_meant: bool
):
    ticket = file(db, cast.alice, severity="minor", software="icownect")
    tags.change(db, cast.dan, ticket.id, add=["a", "b"])
    rule(db, when=when)
    follow(db, settings)
    assert bool(done(db, ticket.id)) == is_meant


@pytest.mark.parametrize(("hour", "is_open"), [(10, True), (20, False)])
def test_hours_are_those_of_a_calendar_at_the_moment_of_the_request(
    db: Database, cast: Cast, settings: Settings, hour: int, is_open: bool
):
    office = keep(db)
    rule(db, name="in", when={"open": [office.id]}, then={"add_tags": ["in"]})
    rule(db, name="out", when={"closed": [office.id]}, then={"add_tags": ["out"]})
    ticket = file(db, cast.alice, at=datetime(2026, 3, 3, hour, tzinfo=UTC))
    follow(db, settings, at=datetime(2026, 3, 8, 3, tzinfo=UTC))
    assert [name for name, _ in done(db, ticket.id)] == ["in" if is_open else "out"]


def test_a_rule_sees_what_those_before_it_left(db: Database, cast: Cast, settings: Settings):
    late = rule(db, name="late", when={"tags": ["a"]}, then={"add_tags": ["b"]})
    rule(db, name="first", then={"add_tags": ["a"]})
    before = file(db, cast.alice)
    follow(db, settings)
    assert look(db, before).tags == ("a",)
    rules.move(db, cast.root, late, "down")
    after = file(db, cast.alice)
    follow(db, settings)
    assert look(db, after).tags == ("a", "b")


def test_what_rules_do_starts_no_rule(db: Database, cast: Cast, settings: Settings):
    """Each of these undoes the other for ever where it starts it."""
    rule(db, "changed", name="1", when={"status": ["open"]}, then={"status": ["pending"]})
    rule(db, "changed", name="2", when={"status": ["pending"]}, then={"status": ["open"]})
    rule(db, "changed", name="3", then={"severity": ["major"], "note": ["a"]})
    rule(db, "answered", name="4", then={"note": ["b"]})
    ticket = file(db, cast.alice)
    lifecycle.set_status(db, cast.dan, ticket, "open")
    follow(db, settings)
    assert [name for name, _ in done(db, ticket.id)] == ["1", "2", "3"]


def test_the_same_task_again_does_nothing_more(db: Database, cast: Cast, settings: Settings):
    rule(db, then={"note": ["Once"]})
    ticket = file(db, cast.alice)
    db.execute("UPDATE outbox SET attempts = 0")
    for _ in range(2):
        follow(db, settings)
        db.execute("UPDATE outbox SET done_at = NULL, dead_at = NULL, claim = NULL")
    assert len(look(db, ticket).messages) == 1


def test_ended_at_any_statement_it_is_done_once(
    db: Database, cast: Cast, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    rule(db, name="1", then={"note": ["Once"], "add_tags": ["a"], "webhook": ["yes"]})
    rule(db, name="2", then={"note": ["Twice"], "status": ["open"]})
    insert, left = db.insert, 0

    class Ended(BaseException):
        pass

    def end(table: str, row: dict[str, object]) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Ended
        insert(table, row)

    monkeypatch.setattr(db, "insert", end)
    for place in range(1, 30):
        left, is_whole = 0, False
        ticket = file(db, cast.alice)
        left = place
        try:
            follow(db, settings)
            is_whole = left > 0
        except Ended:
            left = 0
            outbox.release(db, "worker")
            follow(db, settings)
        assert [message.body for message in look(db, ticket).messages] == ["Once", "Twice"]
        assert len(done(db, ticket.id)) == 2
        if is_whole:
            break
    assert is_whole and place > 5


def test_what_cannot_be_done_any_more_is_left(db: Database, cast: Cast, settings: Settings):
    people.add(db, OPERATOR, PersonFields(email="eve@support.example", name="Eve", role="agent"))
    eve = people.find(db, "eve@support.example")
    herds = teams.add(db, cast.root, TeamFields("Herds", members=[eve.id]))
    reply = saved_replies.add(db, cast.dan, SavedReplyFields("en", "A", "A"))
    then = {"assignee": [eve.id], "reply": [reply.id], "tell_people": [eve.id], "team": [herds.id]}
    rule(db, then={**then, "add_tags": ["left"]})
    rule(db, name="nobody", then={"assignee": ["next"]})
    people.disable(db, OPERATOR, eve)
    saved_replies.remove(db, cast.dan, reply)
    teams.archive(db, cast.root, herds)
    ticket = file(db, cast.alice)
    follow(db, settings)
    assert done(db, ticket.id) == [("Rule", {"add_tags": ("left",)})]


def test_one_that_fails_holds_up_none_and_is_written_down(
    db: Database, cast: Cast, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    rule(db, name="bad", then={"add_tags": ["a"], "team": [herds(db, cast)]})
    rule(db, name="good", then={"add_tags": ["b"]})
    ticket = file(db, cast.alice)
    monkeypatch.setattr(ownership, "give", lambda *_, **__: lifecycle.set_status(
        db, cast.dan, ticket, "closed"))  # fmt: skip
    follow(db, settings)
    assert look(db, ticket).tags == ("b",)
    bad, good = runs.of_ticket(db, cast.dan, ticket.id)
    assert (bad.actions, bad.problem, good.problem) == ((), "ticket.not_solved", "")


def herds(db: Database, cast: Cast) -> str:
    """A team that gets nothing by itself."""
    fields = TeamFields("Herds", members=[str(cast.dan.person_id)], products=["cervo-atelier"])
    return teams.add(db, cast.root, fields).id


def test_a_closed_request_takes_tags_and_notes(db: Database, cast: Cast, settings: Settings):
    ticket = file(db, cast.alice)
    lifecycle.solve(db, cast.dan, ticket)
    follow(db, settings)
    rule(db, "changed", then={"status": ["open"], "severity": ["minor"], "add_tags": ["old"]})
    lifecycle.set_status(db, cast.dan, ticket, "closed")
    follow(db, settings)
    assert done(db, ticket.id) == [("Rule", {"add_tags": ("old",)})]


@pytest.mark.both_engines
def test_so_long_without_an_answer_it_is_asked_once(db: Database, cast: Cast, settings: Settings):
    rule(db, "unanswered", hours="4", then={"add_tags": ["late"], "note": ["Late"]})
    ticket, answered = file(db, cast.alice), file(db, cast.alice)
    say(db, cast.dan, answered, at=later(hours=1))
    assert not work.watch(db, settings, at=later(hours=3, minutes=59))
    assert work.watch(db, settings, at=later(hours=4))
    assert not work.watch(db, settings, at=later(hours=40))
    assert look(db, ticket).tags == ("late",) and look(db, answered).tags == ()
    say(db, cast.dan, ticket, at=later(hours=41))
    say(db, cast.alice, ticket, at=later(hours=42))
    assert not work.watch(db, settings, at=later(hours=45))
    assert work.watch(db, settings, at=later(hours=46))
    assert [message.body for message in look(db, ticket).messages if message.internal] == [
        "Late"
    ] * 2


def test_what_a_rule_says_ends_no_time_without_a_change(
    db: Database, cast: Cast, settings: Settings
):
    """Or it would say it again after as long, for ever."""
    reply = saved_replies.add(db, cast.dan, SavedReplyFields("en", "A", "Still there?"))
    rule(db, "unchanged", hours="24", then={"reply": [reply.id], "status": ["pending"]})
    ticket = file(db, cast.alice)
    for day in range(1, 9):
        work.watch(db, settings, at=later(days=day))
    there = look(db, ticket)
    assert [message.body for message in there.messages] == ["Still there?"]
    assert there.status == "pending"


def test_one_that_was_not_meant_in_its_time_is_not_asked_again(
    db: Database, cast: Cast, settings: Settings
):
    rule(db, "unanswered", hours="4", when={"tags": ["vip"]})
    ticket = file(db, cast.alice)
    work.watch(db, settings, at=later(hours=5))
    tags.change(db, cast.dan, ticket.id, add=["vip"], at=later(hours=6))
    assert not work.watch(db, settings, at=later(hours=7))
    assert done(db, ticket.id) == []
    lifecycle.solve(db, cast.dan, ticket)
    lifecycle.set_status(db, cast.dan, ticket, "closed")
    assert runs.forget_idle(db) == 1


def test_what_a_rule_answers_is_no_answer_of_ours(db: Database, cast: Cast, settings: Settings):
    reply = saved_replies.add(db, cast.dan, SavedReplyFields("en", "A", "We have it."))
    rule(db, then={"reply": [reply.id]})
    ticket = file(db, cast.alice)
    follow(db, settings, at=later(hours=1))
    wait = waiting.of_tickets(db, [ticket.id])[ticket.id]
    assert (wait.whom, wait.since) == ("us", stored(MORNING))
    lifecycle.solve(db, cast.dan, ticket)
    assert not any(message.solution for message in look(db, ticket).messages)
    dues.catch_up(db)


def test_one_that_is_off_or_gone_does_nothing(db: Database, cast: Cast, settings: Settings):
    rule(db, name="off", is_on=False)
    gone = rule(db, name="gone")
    first = file(db, cast.alice)
    follow(db, settings)
    rules.remove(db, cast.root, gone)
    second = file(db, cast.alice)
    follow(db, settings)
    assert [name for name, _ in done(db, first.id)] == ["gone"]
    assert done(db, second.id) == []


def test_webhooks_that_chose_it_are_told_which_rule(db: Database, cast: Cast, settings: Settings):
    webhooks.add(db, cast.root, settings, "https://a.example/", ["rule.applied"])
    one = rule(db, then={"webhook": ["yes"]})
    ticket = file(db, cast.alice)
    follow(db, settings)
    (task,) = db.query("SELECT subject FROM outbox WHERE kind = 'rule.applied'")
    facts = webhooks.events.facts(db, settings, "rule.applied", task["subject"])
    assert facts is not None
    assert (facts["number"], facts["rule"]) == (ticket.number, one.id)
