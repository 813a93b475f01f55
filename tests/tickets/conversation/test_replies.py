import threading

import pytest

from kbsearch import tickets
from kbsearch.access import Viewer
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.files.store import FileStore
from kbsearch.tickets import Ticket
from kbsearch.tickets import changes as ticket_changes
from kbsearch.tickets.codes import Status
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import Reply, ReplyForm
from kbsearch.tickets.filing import copies, drafts
from tests.conftest import Cast, take_over
from tests.kit.requests import attach, file, later


def say(
    db: SqliteDatabase, viewer: Viewer, ticket: Ticket, body: str = "Any news?", hour: int = 1
) -> Reply:
    return replies.reply(db, viewer, ticket, ReplyForm(new_id(), body), at=later(hours=hour))


def test_everybody_in_it_reads_what_is_said_in_order(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice, cc=["bob@acme.example"], confidential=True)
    say(db, cast.dan, ticket, "Which lot?")
    say(db, cast.bob, ticket, "The dry cows.", 2)
    for viewer in (cast.alice, cast.bob, cast.dan):
        said = [
            (m.author, m.is_staff, m.body) for m in tickets.find(db, viewer, ticket.id).messages
        ]
        assert said == [
            ("Dan Leroy", True, "Which lot?"),
            ("Bob Durand", False, "The dry cows."),
        ]


def test_an_outsider_answers_nothing(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    for outsider in (cast.chloe, cast.wendy, cast.nobody):
        with pytest.raises(NotFound):
            say(db, outsider, ticket)
        with pytest.raises(NotFound):
            replies.note(db, outsider, ticket, ReplyForm(new_id(), "Mine"))
    assert tickets.find(db, cast.dan, ticket.id).messages == ()


def test_a_note_is_for_agents_and_leaves_customers_no_trace(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    before = tickets.find(db, cast.alice, ticket.id)
    replies.note(db, cast.dan, ticket, ReplyForm(new_id(), "Canary"), at=later(hours=5))
    assert tickets.find(db, cast.alice, ticket.id) == before
    assert [m.body for m in tickets.find(db, cast.dan, ticket.id).messages] == ["Canary"]
    (case,) = ticket_changes.list_changed(db, 0, 10)
    assert (case.notes, case.answers) == ("Canary", "")
    with pytest.raises(Forbidden):
        replies.note(db, cast.alice, ticket, ReplyForm(new_id(), "Mine"))


@pytest.mark.parametrize(
    ("before", "viewer", "asked", "after"),
    [
        ("new", "dan", None, "pending"),
        ("open", "dan", None, "pending"),
        ("open", "dan", "open", "open"),
        ("open", "dan", "solved", "solved"),
        ("solved", "dan", None, "pending"),
        ("new", "alice", None, "new"),
        ("open", "alice", None, "open"),
        ("pending", "alice", None, "open"),
        ("solved", "alice", None, "open"),
        ("pending", "alice", "solved", "solved"),
        ("pending", "bob", None, "open"),
        ("pending", "bob", "solved", "open"),
    ],
)
def test_what_a_request_waits_for_follows_who_spoke_last(
    db: SqliteDatabase,
    cast: Cast,
    before: Status,
    viewer: str,
    asked: Status | None,
    after: str,
):
    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    lifecycle.set_status(db, cast.dan, ticket, before, at=later(minutes=1))
    speaker = getattr(cast, viewer)
    replies.reply(db, speaker, ticket, ReplyForm(new_id(), "Said", status=asked), at=later(hours=1))
    there = tickets.find(db, cast.alice, ticket.id)
    assert there.status == after
    assert (there.solved_at is not None) == (after == "solved")
    moves = [(e.kind, e.before, e.after) for e in there.events if e.field == "status"][-1:]
    if before != after:
        assert moves[0][1:] == (before, after)
        assert (moves[0][0] == "ticket.reopened") == (before == "solved")


def test_a_closed_request_takes_no_reply_but_a_note(db: SqliteDatabase, cast: Cast):
    ticket = tickets.find(db, cast.dan, take_over(db, status="closed"))
    for viewer in (cast.alice, cast.dan):
        with pytest.raises(Invalid) as problem:
            say(db, viewer, ticket)
        assert problem.value.key == "ticket.is_closed"
    replies.note(db, cast.dan, ticket, ReplyForm(new_id(), "Seen again in #2000"))


@pytest.mark.parametrize("body", ["", " \n ", "\x00"])
def test_an_empty_reply_says_nothing(db: SqliteDatabase, cast: Cast, body: str):
    ticket = file(db, cast.alice)
    with pytest.raises(Invalid):
        say(db, cast.alice, ticket, body)
    assert tickets.find(db, cast.alice, ticket.id) == ticket


def test_a_file_alone_is_a_reply(db: SqliteDatabase, cast: Cast, store: FileStore):
    ticket = file(db, cast.alice)
    attach(db, cast.alice, store, "reply-0001", "shot.txt", ticket=ticket)
    replies.reply(db, cast.alice, ticket, ReplyForm("reply-0001", ""))
    (message,) = tickets.find(db, cast.dan, ticket.id).messages
    assert [kept.name for kept in message.files] == ["shot.txt"]
    assert drafts.find_reply(db, cast.alice, ticket) is None


def test_the_same_reply_sent_again_is_said_once(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    sent = [
        replies.reply(db, cast.alice, ticket, ReplyForm("reply-0001", "Once")) for _ in range(5)
    ]
    assert len({each.message_id for each in sent}) == 1
    assert len(tickets.find(db, cast.dan, ticket.id).messages) == 1


def test_a_late_reply_is_kept_and_told_that_there_is_news(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    say(db, cast.dan, ticket, "Which lot?")
    late = replies.reply(
        db,
        cast.alice,
        ticket,
        ReplyForm(new_id(), "Hello?", activity=ticket.activity),
        at=later(hours=2),
    )
    assert late.has_news
    fresh = tickets.find(db, cast.alice, ticket.id)
    assert [m.body for m in fresh.messages] == ["Which lot?", "Hello?"]
    then = replies.reply(db, cast.alice, fresh, ReplyForm(new_id(), "Ah.", activity=fresh.activity))
    assert not then.has_news


def test_the_timeline_tells_words_and_events_in_the_order_they_came(db: SqliteDatabase, cast: Cast):
    past = [{"author": "dan@support.example", "at": "2026-01-31T10:00:00Z", "body": "Past."}]
    ticket = tickets.find(db, cast.dan, take_over(db, messages=past, status="open"))
    lifecycle.assign(db, cast.dan, ticket, cast.dan.person_id)
    say(db, cast.alice, ticket, "Still lost.")
    copies.add(db, cast.alice, ticket, "bob@acme.example")
    say(db, cast.dan, ticket, "Found.")
    told = [
        getattr(item, "body", "") or getattr(item, "kind", "")
        for item in tickets.find(db, cast.alice, ticket.id).timeline
    ]
    assert told == [
        "Past.",
        "ticket.assigned",
        "Still lost.",
        "ticket.cc_added",
        "Found.",
        "ticket.status_changed",
    ]


def test_a_ticket_that_goes_on_here_is_never_overwritten_by_an_import(
    db: SqliteDatabase, cast: Cast
):
    ticket = tickets.find(db, cast.alice, take_over(db, status="open"))
    say(db, cast.alice, ticket, "Still lost.")
    take_over(db, status="solved", subject="Other")
    assert tickets.find(db, cast.alice, ticket.id).subject == ticket.subject


def test_people_who_write_at_once_all_find_their_words(db: SqliteDatabase, cast: Cast):
    """K11: replies, copies and statuses from eight threads lose nothing and never lock."""
    ticket = file(db, cast.alice)
    problems: list[BaseException] = []

    def talk(viewer: Viewer, name: str) -> None:
        try:
            for n in range(6):
                say(db, viewer, ticket, f"{name} {n}")
                lifecycle.set_status(db, cast.dan, ticket, ("open", "pending")[n % 2])
                copies.add(db, cast.alice, ticket, "bob@acme.example")
                copies.remove(db, cast.alice, ticket, "bob@acme.example")
        except BaseException as problem:
            problems.append(problem)
        finally:
            db.close()

    threads = [
        threading.Thread(target=talk, args=(viewer, f"{viewer.name}{n}"))
        for n, viewer in enumerate((cast.alice, cast.dan) * 4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    there = tickets.find(db, cast.dan, ticket.id)
    assert len({message.body for message in there.messages}) == 48
    statuses = [(e.before, e.after) for e in there.events if e.field == "status"]
    assert all(one[1] == two[0] for one, two in zip(statuses, statuses[1:], strict=False))
    assert statuses[-1][1] == there.status
    copied = [e.kind for e in there.events if e.field == "copy"]
    assert copied == ["ticket.cc_added", "ticket.cc_removed"] * (len(copied) // 2)
    positions = db.query("SELECT position FROM messages ORDER BY position")
    assert [row["position"] for row in positions] == list(range(48))
