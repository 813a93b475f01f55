import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kbsearch import outbox
from kbsearch.clock import now, stored, utc_now
from kbsearch.database import Database, IntegrityError
from kbsearch.messages.notifications import NOTICE_KINDS
from kbsearch.outbox import Share, Task, claims
from kbsearch.outbox.kinds import USUAL
from kbsearch.people.accounts.sign_ins_under_way import CODE_WANTED
from tests.conftest import Another
from tests.kit.engines import address_of

pytestmark = pytest.mark.both_engines

LETTER = NOTICE_KINDS["mail"]


def due_now(db: Database) -> None:
    """Let the lease or the pause of every task run out."""
    past = stored(datetime.now(UTC) - timedelta(seconds=1))
    db.execute("UPDATE outbox SET due_at = :past, leased_until = :past", {"past": past})


def row(db: Database) -> dict[str, object]:
    return db.query("SELECT * FROM outbox")[0]


def test_work_is_kept_with_the_change_that_asks_for_it_or_not_at_all(db: Database):
    with pytest.raises(ZeroDivisionError), db.atomic():
        outbox.add(db, "ticket.replied", "m1")
        raise ZeroDivisionError
    assert outbox.claim(db) is None


def test_a_task_is_done_once_in_the_order_asked(db: Database):
    for subject in ("first", "second"):
        outbox.add(db, "ticket.replied", subject)
    done: list[str] = []
    handlers = {"ticket.replied": lambda task: done.append(task.subject)}
    while outbox.run_one(db, handlers):
        pass
    assert sorted(done) == ["first", "second"]
    assert outbox.oldest_waiting(db) is None


def test_a_claimed_task_is_nobody_elses_until_its_lease_ends(db: Database):
    outbox.add(db, "ticket.replied", "m1")
    first = outbox.claim(db)
    assert first is not None
    assert outbox.claim(db) is None
    due_now(db)
    again = outbox.claim(db)
    assert again is not None
    assert (again.id, again.attempts) == (first.id, 2)


def test_only_who_has_claimed_a_task_settles_it(db: Database):
    outbox.add(db, LETTER, "m1")
    late = outbox.claim(db, Share("one"))
    due_now(db)
    owner = outbox.claim(db, Share("two"))
    assert late is not None and owner is not None and late.id == owner.id
    before = row(db)
    claims.put_back(db, late, "nobody answers")
    claims.give_up(db, late, "550")
    assert not claims.done(db, late) and claims.fail(db, late, "timeout")
    assert row(db) == before
    assert claims.done(db, owner) and row(db)["done_at"]


def test_a_worker_frees_its_own_claims_and_nobody_elses(db: Database):
    for subject in ("mine", "theirs", "more of theirs"):
        outbox.add(db, LETTER, subject)
    for worker in ("host_1", "host-1", "host_12"):
        assert outbox.claim(db, Share(worker))
    outbox.release(db, "host_1")
    assert outbox.claim(db) is not None, "the one of a worker that is gone"
    assert outbox.claim(db) is None


def test_what_several_take_at_once_is_taken_once(db: Database):
    """Each with a connection of its own, as on several hosts."""
    for number in range(120):
        outbox.add(db, LETTER, str(number), thread=f"thread {number % 30}", place=number)
    tasks: list[Task] = []

    def take(worker: str) -> None:
        while task := outbox.claim(db, Share(worker)):
            tasks.append(task)
            claims.done(db, task)

    threads = [threading.Thread(target=take, args=(f"worker {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    take("the last one")
    assert len(tasks) == len({task.id for task in tasks}) == 120


def test_two_of_one_thread_are_never_claimed_whoever_asks(db: Database):
    for subject in ("first", "second"):
        outbox.add(db, LETTER, subject, thread="an address")
    assert outbox.claim(db) and outbox.claim(db) is None
    with pytest.raises(IntegrityError):
        db.execute("UPDATE outbox SET claim = 'by hand' WHERE claim IS NULL")
    due_now(db)
    again = outbox.claim(db)
    assert again is not None and again.attempts == 2, "the one whose lease is over"


def test_a_clock_set_back_leaves_no_lease_behind(db: Database):
    outbox.add(db, LETTER, "m1")
    lost = outbox.claim(db, at=utc_now() + timedelta(hours=10))
    again = outbox.claim(db)
    assert lost is not None and again is not None and lost.id == again.id


def test_a_host_whose_clock_is_late_takes_nothing_from_the_others(db: Database):
    outbox.add(db, LETTER, "m1")
    assert outbox.claim(db, Share("early"), at=utc_now() + timedelta(seconds=20))
    assert outbox.claim(db, Share("late")) is None


def test_asked_for_again_it_stays_with_whoever_is_at_it(db: Database):
    outbox.add(db, LETTER, "m1")
    task = outbox.claim(db)
    assert task is not None and outbox.again(db, task.id)
    assert outbox.claim(db) is None
    claims.put_back(db, task, "nobody answers")
    assert row(db)["attempts"] == 0


def test_a_channel_is_taken_alone_and_with_it_what_nobody_knows(db: Database):
    for kind in (CODE_WANTED, NOTICE_KINDS["sms"], LETTER):
        outbox.add(db, kind, "x")
    db.execute("UPDATE outbox SET kind = 'from.the_future' WHERE kind = 'notice.mail'")
    share = Share(channel="mail", never={CODE_WANTED})
    task = outbox.claim(db, share)
    assert task is not None and task.kind == "from.the_future"
    assert outbox.claim(db, share) is None


def test_a_failure_is_kept_with_its_reason_and_comes_due_again(db: Database):
    outbox.add(db, "ticket.replied", "m1")

    def fail(task: Task) -> None:
        raise OSError("no route to host")

    assert outbox.run_one(db, {"ticket.replied": fail})
    assert row(db)["problem"] == "OSError: no route to host"
    assert not outbox.run_one(db, {"ticket.replied": fail}), "not before its pause is over"
    for _ in USUAL.waits[1:]:
        due_now(db)
        outbox.run_one(db, {"ticket.replied": fail})
        assert outbox.count_dead(db) == 0
    due_now(db)
    outbox.run_one(db, {"ticket.replied": fail})
    assert outbox.count_dead(db) == 1
    due_now(db)
    assert not outbox.run_one(db, {"ticket.replied": fail})
    assert outbox.oldest_waiting(db) is None


def test_a_reason_that_no_text_can_hold_is_kept_all_the_same(db: Database):
    outbox.add(db, "ticket.replied", "m1")

    def fail(task: Task) -> None:
        raise OSError("550 \0 \udcff")

    assert outbox.run_one(db, {"ticket.replied": fail})
    assert row(db)["problem"] == "OSError: 550 \ufffd ?"


def test_a_task_nobody_knows_is_a_failure_and_not_a_crash(db: Database):
    future = {"id": "x", "kind": "from.the_future", "channel": "mail", "subject": "x"}
    db.insert("outbox", {**future, "created_at": now(), "began_at": now(), "due_at": now()})
    assert outbox.run_one(db, {})
    assert row(db)["problem"] == "KeyError: 'from.the_future'"


def test_the_same_work_waits_once(db: Database):
    for _ in range(3):
        outbox.add_once(db, "index.tickets", "all")
    outbox.add_once(db, "index.tickets", "other")
    assert db.query("SELECT COUNT(*) AS n FROM outbox")[0]["n"] == 2


def test_work_asked_for_while_it_is_being_done_is_done_again(db: Database):
    outbox.add_once(db, "index.tickets", "all")
    runs: list[str] = []

    def index(task: Task) -> None:
        runs.append(task.id)
        if len(runs) == 1:
            outbox.add_once(db, "index.tickets", "all")  # a ticket changed meanwhile

    while outbox.run_one(db, {"index.tickets": index}):
        pass
    assert len(set(runs)) == 2


def test_what_is_done_is_forgotten_and_what_is_not_stays(db: Database):
    outbox.add(db, "ticket.noted", "done")
    outbox.run_one(db, {"ticket.noted": lambda task: None})
    outbox.add(db, "ticket.noted", "waiting")
    future = stored(datetime.now(UTC) + timedelta(days=1))
    assert outbox.forget_done(db, before=future) == 1
    assert row(db)["subject"] == "waiting"


def test_a_handler_killed_half_way_is_run_again(db: Database, tmp_path: Path):
    outbox.add(db, LETTER, "x")
    program = (
        "import sys, time\n"
        "from kbsearch import outbox; from tests.kit.engines import at\n"
        "def slow(task):\n    print('begun', flush=True)\n    time.sleep(60)\n"
        "outbox.run_one(at(sys.argv[1]), {'notice.mail': slow})\n"
    )
    command = [sys.executable, "-c", program, address_of(db)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "begun\n"
        os.kill(child.pid, signal.SIGKILL)
    done: list[Task] = []
    assert not outbox.run_one(db, {LETTER: done.append}), "its lease still runs"
    due_now(db)
    assert outbox.run_one(db, {LETTER: done.append})
    assert [task.attempts for task in done] == [2]
    assert outbox.oldest_waiting(db) is None


def test_those_who_want_the_same_kind_each_do_their_part(db: Database):
    done: list[str] = []
    both = outbox.together(
        {"ticket.noted": lambda task: done.append("mail"), "ticket.closed": lambda task: None},
        {"ticket.noted": lambda task: done.append("webhook")},
    )
    assert set(both) == {"ticket.noted", "ticket.closed"}
    outbox.add(db, "ticket.noted", "one")
    outbox.run_one(db, both)
    assert done == ["mail", "webhook"]


def test_a_thread_keeps_its_order_also_while_its_first_waits(db: Database):
    for subject, thread, place in (("b2", "b", 2), ("a2", "a", 2), ("a1", "a", 1), ("b1", "b", 1)):
        outbox.add(db, LETTER, subject, thread=thread, place=place)
    done: list[str] = []

    def send(task: Task) -> None:
        if task.subject == "a1" and task.attempts == 1:
            raise OSError("later")
        done.append(task.subject)

    while outbox.run_one(db, {LETTER: send}):
        pass
    assert done == ["b1", "b2"], "what is behind a1 waits with it"
    due_now(db)
    while outbox.run_one(db, {LETTER: send}):
        pass
    assert done == ["b1", "b2", "a1", "a2"]


def test_what_is_given_up_holds_nobody_up(db: Database):
    outbox.add(db, LETTER, "first", thread="a", place=1)
    outbox.add(db, LETTER, "second", thread="a", place=2)
    done: list[str] = []

    def send(task: Task) -> None:
        if task.subject == "first":
            raise outbox.Hopeless("no such user")
        done.append(task.subject)

    while outbox.run_one(db, {LETTER: send}):
        pass
    assert done == ["second"]


def test_kinds_can_be_taken_alone_or_left(db: Database):
    for kind in ("ticket.opened", "ticket.noted", "ticket.solved"):
        outbox.add(db, kind, "x")
    alone = Share(only={"ticket.noted"})
    assert outbox.run_one(db, {"ticket.noted": lambda task: None}, alone) == "done"
    assert outbox.run_one(db, {"ticket.noted": lambda task: None}, alone) == ""
    taken = outbox.claim(db, Share(never={"ticket.opened"}))
    assert taken is not None and taken.kind == "ticket.solved"
    assert outbox.claim(db, Share(never={"ticket.opened", "ticket.solved"})) is None


def test_looking_for_work_takes_no_lock(db: Database, another: Another):
    with another().atomic():
        assert outbox.claim(db) is None, "while somebody writes"


@pytest.mark.sqlite_only
def test_the_next_task_is_found_without_reading_all_of_them(db: Database):
    sql, values = claims._next_one(Share(channel="mail", only={LETTER}), ())
    moments = {"now": now(), "two_leases": now()}
    plan = db.query(f"EXPLAIN QUERY PLAN {sql}", {**values, **moments})
    told = " ".join(row["detail"] for row in plan)
    assert all(name in told for name in ("outbox_due", "outbox_thread", "outbox_claims"))
    assert "TEMP B-TREE" not in told
