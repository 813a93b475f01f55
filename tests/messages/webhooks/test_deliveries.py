"""Deliveries: who gets which event, and when it is tried again, by a clock that is told."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from kbsearch import outbox, people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.announcements import editing as announcements
from kbsearch.announcements.editing import AnnouncementFields
from kbsearch.articles.publishing.publish import publish
from kbsearch.clock import parsed, stored
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages import webhooks
from kbsearch.messages.webhooks import Webhook, deliveries, events
from kbsearch.messages.webhooks.deliveries import SCHEDULE, Delivery, Outcome
from kbsearch.outbox import Share, Task
from kbsearch.people.accounts import choosing as choosing_passwords
from kbsearch.people.accounts import sessions as accounts
from kbsearch.search.learning import visits as analytics
from kbsearch.tickets import events as ticket_events
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.filing import copies
from tests.conftest import Cast
from tests.kit.requests import file
from tests.kit.web import publish_articles

FINE = Outcome(204)
BROKEN = Outcome(500, response="Oh dear", problem="status")
WAITING = "FROM outbox WHERE channel = 'webhook' AND done_at IS NULL AND dead_at IS NULL"
START = datetime(2030, 1, 1, tzinfo=UTC)  # after every row that a test writes
HOURS = timedelta(hours=1)

Add = Callable[..., Webhook]


@pytest.fixture
def root(cast: Cast) -> Viewer:
    return cast.root


@pytest.fixture
def add(db: SqliteDatabase, root: Viewer, settings: Settings) -> Add:
    def add(name: str = "hooks", *kinds: str) -> Webhook:
        url = f"https://{name}.example/in"
        return webhooks.add(db, root, settings, url, kinds or ["article.withdrawn"])

    return add


def happen(
    db: SqliteDatabase,
    settings: Settings,
    kind: str = "article.withdrawn",
    subject: str = "fr/guide/page",
) -> None:
    """Something happens, and the worker takes it up; its deliveries begin at START."""
    events.tell(db, kind, subject)
    take_up(db, settings)


def take_up(db: SqliteDatabase, settings: Settings) -> None:
    unheard = ("index.tickets", deliveries.DIED, "person.invited")
    others = {kind: lambda task: None for kind in unheard}
    inside = Share(never={deliveries.DELIVERY})
    while outbox.run_one(db, {**deliveries.handlers(settings, db), **others}, inside):
        pass
    start = {"start": stored(START)}
    db.execute(
        "UPDATE outbox SET began_at = :start WHERE channel = 'webhook' AND began_at < :start", start
    )


def all_of(db: SqliteDatabase, webhook: Webhook) -> list[Delivery]:
    return deliveries.of_webhook(db, webhook.id)


def attempt(
    db: SqliteDatabase, outcome: Outcome, at: datetime = START, chance: float = 0.0
) -> Task | None:
    due = deliveries.claim(db, at=at)
    if due is not None:
        deliveries.record(db, due, outcome, at=at, chance=lambda: chance)
    return due


def attempts_over_time(db: SqliteDatabase, outcome: Outcome, chance: float = 0.0) -> list[datetime]:
    """When the only delivery was tried until nothing waits any more."""
    moments = []
    moment = START
    while db.query(f"SELECT 1 {WAITING}"):
        if attempt(db, outcome, moment, chance):
            moments.append(moment)
        waiting = db.query(f"SELECT due_at {WAITING}")
        rests = db.query("SELECT rests_until FROM webhook_endpoints")[0]["rests_until"]
        if waiting:
            moment = max(parsed(waiting[0]["due_at"]), parsed(rests or stored(moment)))
    return moments


def test_an_event_goes_to_those_who_chose_its_kind(
    db: SqliteDatabase, settings: Settings, add: Add
):
    mine, other = add("one"), add("two", "ticket.opened", "ticket.solved")
    happen(db, settings)
    assert [delivery.kind for delivery in all_of(db, mine)] == ["article.withdrawn"]
    assert all_of(db, other) == []


def test_an_event_that_nobody_chose_is_not_even_noted(
    db: SqliteDatabase, settings: Settings, add: Add
):
    add("one", "ticket.opened")
    events.tell(db, "article.withdrawn", "fr/guide/page")
    assert outbox.oldest_waiting(db) is None


def test_an_event_is_undone_with_the_change_it_tells_of(db: SqliteDatabase, add: Add):
    add()
    with pytest.raises(ZeroDivisionError), db.atomic():
        events.tell(db, "article.withdrawn", "fr/guide/page")
        _ = 1 / 0
    assert outbox.oldest_waiting(db) is None


def test_the_same_task_twice_is_one_delivery(db: SqliteDatabase, settings: Settings, add: Add):
    webhook = add()
    events.tell(db, "article.withdrawn", "fr/guide/page")
    task = outbox.claim(db)
    assert task is not None
    for _ in range(2):
        deliveries.fan_out(db, settings, task)
    (delivery,) = all_of(db, webhook)
    assert delivery.message_id == f"msg_{task.id}"


def test_a_request_is_told_by_ids_and_codes_without_a_word_of_it(
    db: SqliteDatabase, settings: Settings, cast: Cast, add: Add
):
    webhook = add("one", *ticket_events.KINDS)
    ticket = file(
        db,
        cast.alice,
        subject="CANARY subject",
        description="CANARY text",
        cc=["bob@acme.example"],
        software="icownect",
        severity="major",
    )
    replies.note(db, cast.dan, ticket, ReplyForm(new_id(), "CANARY note"))
    said = replies.reply(
        db, cast.dan, ticket, ReplyForm(new_id(), "CANARY answer", status="solved")
    )
    copies.remove(db, cast.alice, ticket, "bob@acme.example")
    take_up(db, settings)
    bodies = {delivery.kind: deliveries.body_of(db, delivery) for delivery in all_of(db, webhook)}
    assert set(bodies) == {
        "ticket.opened",
        "ticket.noted",
        "ticket.replied",
        "ticket.solved",
        "ticket.cc_removed",
    }
    for body in bodies.values():
        assert "CANARY" not in body and "@" not in body and len(body) < 1000
    sent = json.loads(bodies["ticket.replied"])
    assert sent["type"] == "ticket.replied"
    assert abs(datetime.now(UTC) - parsed(sent["timestamp"])) < timedelta(minutes=1)
    assert sent["data"] == {
        "id": ticket.id,
        "number": ticket.number,
        "status": "solved",
        "severity": "major",
        "language": "fr",
        "product": "icownect",
        "version": None,
        "organisation": "acme",
        "event": sent["data"]["event"],
        "actor": cast.dan.person_id,
        "message": said.message_id,
        "field": None,
        "url": f"http://127.0.0.1:8080/fr/requests/{ticket.id}",
    }
    solved = json.loads(bodies["ticket.solved"])["data"]
    assert (solved["field"], solved["before"], solved["after"]) == ("status", "new", "solved")
    gone = json.loads(bodies["ticket.cc_removed"])["data"]
    assert gone["field"] == "copy" and "before" not in gone


def test_articles_that_change_are_told_after_the_first_publication(
    db: SqliteDatabase, settings: Settings, add: Add
):
    webhook = add("one", "article.published", "article.withdrawn")
    publish_articles(settings, db)
    take_up(db, settings)
    assert all_of(db, webhook) == []
    folder = settings.content_path / "articles"
    page = folder / "en/compte/mot-de-passe.md"
    page.write_text(page.read_text(encoding="utf-8") + "\nOr by phone.\n", encoding="utf-8")
    (folder / "fr/compte/contrat.md").unlink()
    publish(db, settings)
    take_up(db, settings)
    told = {
        (delivery.kind, json.loads(deliveries.body_of(db, delivery))["data"]["id"])
        for delivery in all_of(db, webhook)
    }
    assert told == {
        ("article.published", "en/compte/mot-de-passe"),
        ("article.withdrawn", "fr/compte/contrat"),
    }


def test_signing_in_and_being_invited_are_told_by_id(
    db: SqliteDatabase, settings: Settings, cast: Cast, add: Add
):
    webhook = add("one", "user.signed_in", "user.invited")
    alice = people.find(db, "alice@acme.example")
    accounts.open_session(db, alice.id, enrolling=True)
    assert outbox.oldest_waiting(db) is None, "whoever owes a second factor is not in yet"
    accounts.open_session(db, alice.id)
    choosing_passwords.invite(db, OPERATOR, alice)
    take_up(db, settings)
    told = [json.loads(deliveries.body_of(db, each)) for each in all_of(db, webhook)]
    assert {each["type"] for each in told} == {"user.signed_in", "user.invited"}
    for each in told:
        assert each["data"] == {"id": alice.id, "role": "customer"}


def test_what_is_gone_by_then_is_not_told(db: SqliteDatabase, settings: Settings, add: Add):
    webhook = add("one", "ticket.opened")
    happen(db, settings, "ticket.opened", "no-such-ticket")
    assert all_of(db, webhook) == []
    assert outbox.count_dead(db) == 0


def rule_run(db: SqliteDatabase) -> str:
    """The id of a run of a rule that is gone, for the one ticket there is."""
    run = {"id": new_id(), "rule_id": "gone", "rule_name": "", "cause": "", "place": 0}
    (ticket,) = db.query("SELECT id AS ticket_id FROM tickets")
    db.insert("rule_runs", {**run, **ticket, "at": "2026-01-01T00:00:00Z", "actions": "{}"})
    return str(run["id"])


def test_each_kind_of_event_has_facts_that_fit(db: SqliteDatabase, settings: Settings, cast: Cast):
    file(db, cast.alice)
    visit = analytics.visit(db, cast.alice)
    analytics.searched(db, visit, "alice@acme.example", results=0)
    told = announcements.add(db, cast.dan, AnnouncementFields(title_fr="Une coupure"))
    subject = {
        "announcement": told.id,
        "ticket": db.query("SELECT id FROM ticket_events")[0]["id"],
        "search": db.query("SELECT id FROM visit_events")[0]["id"],
        "rule": rule_run(db),
        "article": "fr/a/b",
        "user": str(cast.alice.person_id),
    }
    of_live_articles = ("article.published", "article.feedback")  # there is none
    for kind in events.KINDS:
        facts = events.facts(db, settings, kind, subject[kind.partition(".")[0]])
        assert kind in of_live_articles or facts
        assert "@" not in json.dumps(facts) and "Alice" not in json.dumps(facts)


def test_a_delivery_is_tried_ten_times_over_three_days_and_then_its_webhook_is_disabled(
    db: SqliteDatabase, settings: Settings, root: Viewer, add: Add
):
    webhook = add()
    happen(db, settings)
    moments = attempts_over_time(db, BROKEN)
    gaps = [later - earlier for earlier, later in zip(moments, moments[1:], strict=False)]
    seconds = timedelta(seconds=1)
    assert gaps == [
        5 * seconds,
        300 * seconds,
        *(HOURS * hours for hours in (0.5, 2, 5, 10, 14, 20, 24)),
    ]
    assert moments[-1] - moments[0] == timedelta(hours=75, minutes=35, seconds=5)
    (delivery,) = all_of(db, webhook)
    assert (delivery.state, delivery.attempts) == ("dead", 10)
    gone = webhooks.find(db, root, webhook.id)
    assert (gone.disabled_at, gone.disabled_because) == (stored(moments[-1]), "silent")
    assert told_owners(db) == [webhook.id]


def told_owners(db: SqliteDatabase) -> list[str]:
    rows = db.query("SELECT subject FROM outbox WHERE kind = 'webhook.died'")
    return [row["subject"] for row in rows]


def test_jitter_makes_each_wait_up_to_a_tenth_longer(
    db: SqliteDatabase, settings: Settings, add: Add
):
    add()
    happen(db, settings)
    moments = attempts_over_time(db, BROKEN, chance=1.0)
    gaps = [later - earlier for earlier, later in zip(moments, moments[1:], strict=False)]
    for gap, planned in zip(gaps, SCHEDULE.waits, strict=True):
        assert planned <= gap <= planned * 1.1


def test_one_that_gets_through_is_done(db: SqliteDatabase, settings: Settings, add: Add):
    webhook = add()
    happen(db, settings)
    assert attempt(db, BROKEN)
    assert attempt(db, FINE, START + timedelta(seconds=4)) is None
    assert attempt(db, FINE, START + timedelta(seconds=5))
    assert attempt(db, FINE, START + 100 * HOURS) is None
    (delivery,) = all_of(db, webhook)
    assert (delivery.state, delivery.attempts, delivery.problem) == ("sent", 2, None)
    last, first = deliveries.attempts_of(db, delivery)
    assert (first.status, first.response, last.status) == (500, "Oh dear", 204)


@pytest.mark.parametrize("status", [301, 302, 400, 404, 500])
def test_whatever_is_no_success_is_a_failure(
    db: SqliteDatabase, settings: Settings, add: Add, status: int
):
    webhook = add()
    happen(db, settings)
    attempt(db, Outcome(status, problem="status"))
    assert all_of(db, webhook)[0].state == "failed"


def test_one_that_is_gone_is_disabled_at_once(
    db: SqliteDatabase, settings: Settings, root: Viewer, add: Add
):
    webhook = add()
    happen(db, settings)
    happen(db, settings)
    attempt(db, Outcome(410, problem="status"))
    assert webhooks.find(db, root, webhook.id).disabled_because == "gone"
    assert {delivery.state for delivery in all_of(db, webhook)} == {"dead"}
    assert told_owners(db) == [webhook.id]
    happen(db, settings)
    assert len(all_of(db, webhook)) == 2


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_asks_for_time_gets_it(
    db: SqliteDatabase, settings: Settings, add: Add, status: int
):
    add()
    happen(db, settings)
    happen(db, settings)
    attempt(db, Outcome(status, problem="status", retry_after="120"))
    assert attempt(db, FINE, START + timedelta(seconds=119)) is None, "the other one waits too"
    assert attempt(db, FINE, START + timedelta(seconds=120))
    assert attempt(db, FINE, START + timedelta(seconds=120))


@pytest.mark.parametrize(
    ("told", "waits"),
    [
        (format_datetime(START + timedelta(minutes=10), usegmt=True), timedelta(minutes=10)),
        ("9" * 400, timedelta(hours=24)),
        ("soon", timedelta(minutes=1)),
        ("-5", timedelta(minutes=1)),
        ("²", timedelta(minutes=1)),
        (None, timedelta(minutes=1)),
    ],
)
def test_a_wish_for_time_is_heard_within_reason(
    db: SqliteDatabase, settings: Settings, add: Add, told: str | None, waits: timedelta
):
    add()
    happen(db, settings)
    attempt(db, Outcome(429, problem="status", retry_after=told))
    assert attempt(db, FINE, START + waits - timedelta(seconds=1)) is None
    assert attempt(db, FINE, START + waits)


def test_an_address_is_spoken_to_by_one_at_a_time(db: SqliteDatabase, settings: Settings, add: Add):
    one, two = add("one"), add("two")
    happen(db, settings)
    happen(db, settings)
    taken = [deliveries.claim(db, at=START) for _ in range(3)]
    assert taken[2] is None
    assert {due.thread for due in taken if due} == {one.id, two.id}


def test_what_was_on_the_road_in_a_crash_comes_due_again(
    db: SqliteDatabase, settings: Settings, add: Add
):
    add()
    happen(db, settings)
    lost = deliveries.claim(db, at=START)
    assert deliveries.claim(db, at=START + timedelta(seconds=59)) is None
    again = deliveries.claim(db, at=START + timedelta(seconds=60))
    assert lost is not None and again is not None
    assert (again.id, again.attempts) == (lost.id, 2)


def test_a_clock_set_back_leaves_no_lease_behind(db: SqliteDatabase, settings: Settings, add: Add):
    add()
    happen(db, settings)
    lost = deliveries.claim(db, at=START + 10 * HOURS)
    again = deliveries.claim(db, at=START)
    assert lost is not None and again is not None and again.id == lost.id


def test_an_address_that_keeps_failing_is_left_alone_for_a_while(
    db: SqliteDatabase, settings: Settings, cast: Cast, add: Add
):
    """Otherwise its thousand deliveries would keep somebody waiting all the time."""
    add("dead")
    for _ in range(10):
        happen(db, settings)
    assert [bool(attempt(db, BROKEN)) for _ in range(4)] == [True, True, True, False]
    other = add("alive", "ticket.opened")
    file(db, cast.alice)
    take_up(db, settings)
    due = attempt(db, FINE)
    assert due is not None and due.thread == other.id
    after = START + deliveries.REST
    assert [bool(attempt(db, BROKEN, after)) for _ in range(2)] == [True, False]
    assert [bool(attempt(db, FINE, after + deliveries.REST)) for _ in range(10)] == [True] * 10


def test_one_event_that_a_receiver_cannot_bear_does_not_cost_it_the_others(
    db: SqliteDatabase, settings: Settings, root: Viewer, add: Add
):
    webhook = add()
    happen(db, settings)
    moment = START
    for delay in [timedelta(), *SCHEDULE.waits]:
        moment += delay
        assert attempt(db, BROKEN, moment)
        happen(db, settings)
        attempt(db, FINE, moment + timedelta(seconds=1))
    states = sorted(delivery.state for delivery in all_of(db, webhook))
    assert states == ["dead", *["sent"] * 10]
    assert webhooks.find(db, root, webhook.id).disabled_at is None
    assert told_owners(db) == []


def test_a_schedule_stretched_by_rests_ends_all_the_same(
    db: SqliteDatabase, settings: Settings, root: Viewer, add: Add
):
    webhook = add()
    for _ in range(40):
        happen(db, settings)
    assert SCHEDULE.lifetime is not None
    moment, end = START, START + SCHEDULE.lifetime
    while webhooks.find(db, root, webhook.id).disabled_at is None:
        attempt(db, BROKEN, moment)
        moment += timedelta(minutes=5)
        assert moment < end + HOURS
    assert {delivery.state for delivery in all_of(db, webhook)} == {"dead"}


def test_disabled_by_hand_it_waits_for_nothing_and_nobody_is_told(
    db: SqliteDatabase, settings: Settings, root: Viewer, add: Add
):
    webhook = add()
    happen(db, settings)
    webhooks.disable(db, root, webhook)
    (delivery,) = all_of(db, webhook)
    assert (delivery.state, delivery.problem) == ("dead", "disabled")
    assert told_owners(db) == [] and attempt(db, FINE) is None
    assert not deliveries.again(db, delivery.id)
    webhooks.enable(db, root, webhook)
    assert deliveries.again(db, delivery.id)
    due = attempt(db, FINE)
    assert due is not None and due.subject == delivery.message_id


def test_sent_again_it_has_the_same_id_and_the_whole_schedule(
    db: SqliteDatabase, settings: Settings, add: Add
):
    webhook = add()
    happen(db, settings)
    first = attempt(db, FINE)
    assert first is not None and deliveries.again(db, first.id, at=START + 100 * HOURS)
    assert all_of(db, webhook)[0].state == "waiting"
    second = attempt(db, BROKEN, START + 100 * HOURS)
    assert second is not None and second.id == first.id
    assert all_of(db, webhook)[0].state == "failed"


def test_a_test_goes_to_one_address_whatever_it_chose(
    db: SqliteDatabase, settings: Settings, root: Viewer, add: Add
):
    webhook, other = add("one"), add("two")
    delivery_id = webhooks.test(db, root, webhook)
    (delivery,) = all_of(db, webhook)
    assert (delivery.id, delivery.kind) == (delivery_id, "webhook.test")
    assert json.loads(deliveries.body_of(db, delivery))["data"] == {"webhook": webhook.id}
    assert all_of(db, other) == []


def test_finished_ones_are_forgotten_after_a_while_and_waiting_ones_never(
    db: SqliteDatabase, settings: Settings, add: Add
):
    webhook = add()
    happen(db, settings)
    attempt(db, FINE)
    happen(db, settings)
    deliveries.forget_old(db, before=stored(START + timedelta(days=400)))
    (left,) = all_of(db, webhook)
    assert left.state == "waiting"
    assert db.query("SELECT COUNT(*) AS n FROM webhook_attempts")[0]["n"] == 0
    assert db.query("SELECT COUNT(*) AS n FROM webhook_messages")[0]["n"] == 1
