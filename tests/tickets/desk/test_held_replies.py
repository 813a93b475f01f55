"""Answers that leave in a few seconds: found by nobody until then, called back whole."""

import random
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest

from kbsearch import outbox, tickets
from kbsearch.access import Viewer
from kbsearch.clock import now
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import AlreadySent, Invalid, NotFound
from kbsearch.files.store import FileStore
from kbsearch.tickets import Ticket
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import Reply, ReplyForm
from kbsearch.tickets.desk import held_replies
from kbsearch.tickets.filing import drafts
from tests.conftest import Cast
from tests.kit.engines import address_of
from tests.kit.requests import MORNING, attach, file

KEY = "key-of-an-answer"
BODY = "Restart it, **twice**."


@pytest.fixture
def ticket(db: SqliteDatabase, cast: Cast) -> Ticket:
    return file(db, cast.alice)


def hold(db: SqliteDatabase, viewer: Viewer, ticket: Ticket, body: str = BODY, **more: Any) -> bool:
    seconds, at = more.pop("seconds", 8), more.pop("at", MORNING)
    form = ReplyForm(more.pop("key", KEY), body, **more)
    return held_replies.hold(db, viewer, ticket, form, seconds=seconds, at=at)


def release(db: SqliteDatabase, viewer: Viewer, seconds: float = 8) -> Reply | None:
    return held_replies.release(db, viewer, KEY, at=MORNING + timedelta(seconds=seconds))


def said(db: SqliteDatabase, viewer: Viewer, ticket: Ticket) -> list[str]:
    return [message.body for message in tickets.find(db, viewer, ticket.id).messages]


def kinds_waiting(db: SqliteDatabase) -> list[str]:
    return sorted(row["kind"] for row in db.query("SELECT kind FROM outbox"))


def test_until_it_leaves_it_is_nowhere_but_with_its_author(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    before, asked = tickets.find(db, cast.alice, ticket.id), kinds_waiting(db)
    hold(db, cast.dan, ticket, status="solved")
    assert tickets.find(db, cast.alice, ticket.id) == before
    assert said(db, cast.dan, ticket) == []
    assert kinds_waiting(db) == sorted([*asked, held_replies.RELEASE])
    (held,) = held_replies.of_ticket(db, cast.dan, ticket)
    assert (held.body, held.leaves_at) == (BODY, "2026-03-02T09:00:08Z")
    assert held_replies.of_ticket(db, cast.alice, ticket) == []
    assert drafts.list_all(db, cast.dan) == []
    assert drafts.find_reply(db, cast.dan, ticket) is None


def test_it_leaves_once_and_not_before(
    db: SqliteDatabase, cast: Cast, ticket: Ticket, store: FileStore
):
    attach(db, cast.dan, store, KEY, ticket=ticket)
    hold(db, cast.dan, ticket, status="solved")
    assert release(db, cast.dan, 7.9) is None
    sent = release(db, cast.dan)
    assert sent is not None
    assert release(db, cast.dan) is None
    found = tickets.find(db, cast.alice, ticket.id)
    (message,) = found.messages
    assert (message.body, message.at, found.status) == (BODY, "2026-03-02T09:00:08Z", "solved")
    assert [each.name for each in message.files] == ["log.txt"]
    assert held_replies.of_ticket(db, cast.dan, ticket) == []


def test_called_back_it_is_a_draft_with_its_files(
    db: SqliteDatabase, cast: Cast, ticket: Ticket, store: FileStore
):
    attach(db, cast.dan, store, KEY, ticket=ticket)
    hold(db, cast.dan, ticket, status="open")
    held_replies.call_back(db, cast.dan, KEY)
    assert release(db, cast.dan, 60) is None
    assert said(db, cast.dan, ticket) == []
    draft = drafts.find_reply(db, cast.dan, ticket)
    assert draft is not None
    assert (draft.fields["body"], draft.fields["status"]) == (BODY, "open")
    assert [each.name for each in draft.files] == ["log.txt"]


def test_nobody_calls_back_what_is_not_theirs_or_has_left(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    hold(db, cast.dan, ticket)
    with pytest.raises(Invalid):
        held_replies.call_back(db, cast.alice, KEY)
    release(db, cast.dan)
    with pytest.raises(Invalid):
        held_replies.call_back(db, cast.dan, KEY)
    assert said(db, cast.alice, ticket) == [BODY]


def test_sent_again_after_it_was_called_back_it_leaves_at_its_new_moment(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    hold(db, cast.dan, ticket)
    held_replies.call_back(db, cast.dan, KEY)
    hold(db, cast.dan, ticket, "Better words.", at=MORNING + timedelta(seconds=6))
    assert release(db, cast.dan, 8) is None, "the first moment is over"
    assert release(db, cast.dan, 14) is not None
    assert said(db, cast.alice, ticket) == ["Better words."]


def test_sent_twice_it_is_one_answer(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    hold(db, cast.dan, ticket)
    hold(db, cast.dan, ticket, at=MORNING + timedelta(seconds=4))
    with pytest.raises(AlreadySent):
        hold(db, cast.dan, ticket, "Another text of the same form")
    assert release(db, cast.dan, 8) is not None
    hold(db, cast.dan, ticket)
    with pytest.raises(AlreadySent):
        hold(db, cast.dan, ticket, "And again another")
    assert release(db, cast.dan, 60) is None
    assert said(db, cast.alice, ticket) == [BODY]


def test_what_would_be_refused_is_refused_at_once(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    asked = kinds_waiting(db)
    for body, status in (("", None), ("x" * (replies.MAX_BODY + 1), None), ("Hello", "closed")):
        with pytest.raises(Invalid):
            hold(db, cast.dan, ticket, body, status=status)
    with pytest.raises(NotFound):
        hold(db, cast.chloe, ticket)
    assert held_replies.of_ticket(db, cast.dan, ticket) == []
    assert kinds_waiting(db) == asked


def test_what_cannot_be_sent_any_more_is_a_draft_again(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    hold(db, cast.dan, ticket)
    lifecycle.solve(db, cast.dan, ticket)
    lifecycle.set_status(db, cast.dan, ticket, "closed")
    assert release(db, cast.dan) is None
    draft = drafts.find_reply(db, cast.dan, ticket)
    assert draft is not None
    assert draft.fields["body"] == BODY


def test_what_others_wrote_before_is_told_and_it_leaves_all_the_same(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    seen = ticket.activity
    assert not hold(db, cast.dan, ticket, activity=seen, key="key-of-another-one")
    replies.reply(db, cast.alice, ticket, ReplyForm(new_id(), "One more thing"), at=MORNING)
    assert hold(db, cast.dan, ticket, activity=seen)
    assert release(db, cast.dan) is not None


def test_a_pause_noticed_after_sending_changes_nothing(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    hold(db, cast.dan, ticket)
    assert drafts.save(db, cast.dan, KEY, {"body": "Restart"}, ticket=ticket) is None
    release(db, cast.dan)
    assert said(db, cast.alice, ticket) == [BODY]


def test_the_worker_sends_it_when_it_is_due(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    hold(db, cast.dan, ticket, seconds=300, at=datetime.fromisoformat(now()))
    handlers = held_replies.handlers(db)
    share = outbox.Share(only=handlers)
    assert outbox.run_one(db, handlers, share) == ""
    db.execute("UPDATE outbox SET due_at = :now", {"now": now()})
    assert outbox.run_one(db, handlers, share) == "done", "not yet: its own moment counts"
    assert said(db, cast.alice, ticket) == []
    (held,) = held_replies.of_ticket(db, cast.dan, ticket)
    waiting = "SELECT due_at FROM outbox WHERE kind = :kind AND done_at IS NULL"
    assert db.query(waiting, {"kind": held_replies.RELEASE}) == [{"due_at": held.leaves_at}]
    hold(db, cast.dan, ticket, "Another", key="key-of-another-one", seconds=0, at=MORNING)
    assert outbox.run_one(db, handlers, share) == "done"
    assert said(db, cast.alice, ticket) == ["Another"]


def test_of_an_account_that_was_closed_nothing_leaves(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    hold(db, cast.dan, ticket)
    db.execute(
        "UPDATE people SET disabled_at = :now WHERE id = :id",
        {"now": now(), "id": cast.dan.person_id},
    )
    handlers = held_replies.handlers(db)
    share = outbox.Share(only=handlers)
    assert outbox.run_one(db, handlers, share) == "done"
    assert said(db, cast.alice, ticket) == []


def test_it_is_kept_where_nothing_more_can_be(db: SqliteDatabase, cast: Cast, ticket: Ticket):
    for number in range(drafts.MAX_DRAFTS):
        drafts.save(db, cast.dan, f"key-number-{number}", {"body": "begun"}, ticket=ticket)
    hold(db, cast.dan, ticket)
    assert release(db, cast.dan) is not None


# Holds answers and sends them, telling each key once it is held; it is killed in the midst of it.
SENDER = """
import sys
from kbsearch import tickets
from kbsearch.people import viewers
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.desk import held_replies
from tests.kit.engines import at
db = at(sys.argv[1])
dan = viewers.find(db, "dan@support.example")
ticket = tickets.find(db, dan, sys.argv[2])
for number in range(100_000):
    key = f"key-{sys.argv[3]}-{number:05}"
    held_replies.hold(db, dan, ticket, ReplyForm(key, key), seconds=0)
    print(key, flush=True)
    held_replies.release(db, dan, key)
"""


def test_what_was_held_leaves_once_however_often_its_sender_is_killed(
    db: SqliteDatabase, cast: Cast, ticket: Ticket
):
    chance, told = random.Random(8), set()
    command = [sys.executable, "-c", SENDER, address_of(db), ticket.id]
    for turn in range(10):
        with subprocess.Popen([*command, str(turn)], stdout=subprocess.PIPE, text=True) as sender:
            assert sender.stdout is not None
            told.add(sender.stdout.readline().strip())
            try:
                sender.wait(timeout=chance.uniform(0.02, 0.1))
            except subprocess.TimeoutExpired:
                sender.kill()
            told.update(line.strip() for line in sender.stdout if line.endswith("\n"))
    handlers = held_replies.handlers(db)
    share = outbox.Share(only=handlers)
    while outbox.run_one(db, handlers, share):
        pass
    there = said(db, cast.alice, ticket)
    assert len(there) == len(set(there)), "nothing twice"
    assert set(there) >= told, "nothing lost"
    assert held_replies.of_ticket(db, cast.dan, ticket) == []
