"""Processes that write at once, over each engine: nothing is lost, and nothing is taken twice.

For a night: KBSEARCH_ROUNDS=200.
"""

import os
import subprocess
import sys
from collections import Counter

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
CLAIM = """
from kbsearch import outbox
from kbsearch.outbox import claims

while outbox.oldest_waiting(db):
    if task := outbox.claim(db, outbox.Share(sys.argv[2])):
        print(task.subject)
        claims.done(db, task)
"""


def at_once(db: Database, program: str, *arguments: str) -> str:
    """What several processes print that run a program against the database at the same time."""
    command = [sys.executable, "-c", PROGRAM + program, address_of(db), *arguments]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    answers = [process.communicate() for process in started]
    assert [problem for _, problem in answers] == [""] * PROCESSES
    return "".join(output for output, _ in answers)


def test_of_what_is_read_and_then_written_nothing_is_lost(db: Database):
    for number in range(1, ROUNDS + 1):
        at_once(db, COUNT, str(TURNS))
        row = db.query("SELECT value FROM counters WHERE name = 'gap'")[0]
        assert row["value"] == number * PROCESSES * TURNS


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
