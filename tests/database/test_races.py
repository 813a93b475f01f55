"""Processes that write at once, over each engine: nothing is lost, and nothing is taken twice.

For a night: KBSEARCH_ROUNDS=200.
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import pytest

from kbsearch import outbox
from kbsearch.database import Database
from kbsearch.tickets import changes
from tests.conftest import Another, Cast
from tests.kit.engines import address_of
from tests.kit.requests import file

pytestmark = pytest.mark.both_engines

ROUNDS = int(os.environ.get("KBSEARCH_ROUNDS", "1"))
PROCESSES = 4
TURNS = 60 if ROUNDS > 1 else 20  # of a process in a round
TASKS = 2000 if ROUNDS > 1 else 200
PROGRAM = """
import sys
from tests.kit.engines import at

db = at(sys.argv[1])
"""
COUNT = """
for _ in range(int(sys.argv[2])):
    with db.atomic():
        value = db.query("SELECT value FROM counters WHERE name = 'gap'")[0]["value"]
        db.execute("UPDATE counters SET value = :v WHERE name = 'gap'", {"v": value + 1})
"""
COUNT_BESIDE = """
def count():
    value = db.query("SELECT value FROM counters WHERE name = 'gap'")[0]["value"]
    db.execute("UPDATE counters SET value = :v WHERE name = 'gap'", {"v": value + 1})

for _ in range(int(sys.argv[2])):
    db.retried(count)
"""
ACROSS = """
import random

def swap():
    for name in random.sample(["gap", "ticket"], 2):
        db.execute("UPDATE counters SET value = value + 1 WHERE name = :name", {"name": name})

for _ in range(int(sys.argv[2])):
    db.retried(swap)
"""
SIGN_IN = """
from datetime import UTC, datetime
from kbsearch import limits
from kbsearch.errors import TooMany

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
for _ in range(int(sys.argv[2])):
    try:
        limits.take(db, limits.SIGN_INS_OF_ACCOUNT, sys.argv[3], at=MOMENT)
        print("taken")
    except TooMany:
        pass
"""
CLAIM = """
from kbsearch import outbox
from kbsearch.outbox import claims

while outbox.oldest_waiting(db):
    if task := outbox.claim(db, outbox.Share(sys.argv[2])):
        print(task.subject)
        claims.done(db, task)
"""


def at_once(db: Database, programs: str | Sequence[str], *arguments: str) -> str:
    """What several processes print that run programs against the database at the same time."""
    turns = [programs] * PROCESSES if isinstance(programs, str) else programs
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM + program, address_of(db), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for program in turns
    ]
    answers = [process.communicate() for process in started]
    assert [problem for _, problem in answers] == [""] * PROCESSES
    return "".join(output for output, _ in answers)


def value_of(db: Database, counter: str) -> int:
    rows = db.query("SELECT value FROM counters WHERE name = :name", {"name": counter})
    return int(rows[0]["value"])


@pytest.mark.parametrize(
    "programs", [[COUNT] * 4, [COUNT, COUNT_BESIDE] * 2], ids=["alone", "beside"]
)
def test_of_what_is_read_and_then_written_nothing_is_lost(db: Database, programs: list[str]):
    for number in range(1, ROUNDS + 1):
        at_once(db, programs, str(TURNS))
        assert value_of(db, "gap") == number * PROCESSES * TURNS


def test_who_waits_for_each_other_begins_anew(db: Database):
    before = value_of(db, "gap"), value_of(db, "ticket")
    at_once(db, ACROSS, str(ROUNDS * TURNS))
    after = value_of(db, "gap"), value_of(db, "ticket")
    assert [b - a for a, b in zip(before, after, strict=True)] == [ROUNDS * PROCESSES * TURNS] * 2


def test_no_more_get_through_together_than_one_after_the_other(db: Database):
    for number in range(ROUNDS):
        assert at_once(db, SIGN_IN, str(TURNS), f"account {number}").split() == ["taken"] * 10


def test_each_task_is_claimed_once_also_those_of_one_thread(db: Database):
    for number in range(ROUNDS):
        subjects = [f"{number}.{task}" for task in range(TASKS)]
        with db.atomic():
            for place, subject in enumerate(subjects):
                thread = f"thread {place % 10}" if place % 3 == 0 else None
                outbox.add(db, "index.tickets", subject, thread=thread, place=place)
        taken = Counter(at_once(db, CLAIM, "worker").split())
        assert taken == Counter(subjects)


def test_work_that_a_change_counts_on_is_begun_after_it(db: Database, another: Another, cast: Cast):
    """A task that waits already serves a change under way: taken now, it would not see it."""
    worker = another()
    file(db, cast.alice)
    with db.atomic():
        changes.mark_changed(db, "number > :none", {"none": 0})
        if "://" in address_of(db):  # where others may take tasks meanwhile
            assert outbox.claim(worker, outbox.Share(only={changes.FOLLOW})) is None
    assert outbox.claim(worker, outbox.Share(only={changes.FOLLOW})) is not None
