"""A worker that is killed in the middle of its rules and of telling people: nothing is doubled.

Nobody is left out either, and no request.

KBSEARCH_KILLS is how often it is killed: a few times at every change, hundreds at night.
"""

import os
import subprocess
import sys
from collections import Counter

from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.mail import letters
from tests.kit.places import TOP
from tests.kit.promises import promise
from tests.kit.requests import file
from tests.kit.rules import rule

KILLS = int(os.environ.get("KBSEARCH_KILLS", "6"))
REQUESTS = max(20, 2 * KILLS)
LATE = 5


def test_a_killed_worker_tells_everybody_once(db: SqliteDatabase, cast: Cast, settings: Settings):
    rule(db, then={"add_tags": ["seen"], "webhook": ["yes"]})
    for number in range(REQUESTS):
        ticket = file(db, cast.alice, subject=f"Collar {number}", cc=["bob@acme.example"])
        replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Which one?"))
    promise(db, severity="major", first_answer="1")
    db.execute("UPDATE state SET value = '2026-01-01' WHERE name = 'promises_changed_at'")
    for number in range(LATE):
        file(db, cast.alice, subject=f"Late {number}", severity="major")
    killed = 0
    for seed in (*range(1, KILLS + 1), 0):  # the last one lives
        command = [sys.executable, "-m", "tests.kit.killed_tellers", str(settings.site), str(seed)]
        done = subprocess.run(command, cwd=TOP, capture_output=True)
        killed += done.returncode == -9
        assert done.returncode in (0, -9), done.stderr
    assert killed > KILLS / 2, "somebody must die for this test to mean anything"
    rows = db.query("SELECT event_id, person_id, outcome FROM notices")
    events = Counter(row["event_id"] for row in rows)
    alarms = db.query("SELECT ticket_id FROM ticket_events WHERE kind = 'ticket.overdue'")
    assert len({row["ticket_id"] for row in alarms}) == len(alarms) == LATE
    ordinary = [2] * REQUESTS + [4] * REQUESTS
    assert sorted(events.values()) == sorted(ordinary + [2] * LATE + [3] * LATE)
    assert {row["outcome"] for row in rows} == {"sent"}
    sent = Counter((each["Message-ID"], each["Delivered-To"]) for each in letters(settings))
    assert len(sent) == len(rows) == 6 * REQUESTS + 5 * LATE, "each notice is a letter"
    assert sum(sent.values()) - len(sent) <= killed, "twice only where it was killed after sending"
    ruled = db.query("SELECT ticket_id FROM ticket_events WHERE rule_id IS NOT NULL")
    assert len({row["ticket_id"] for row in ruled}) == len(ruled) == REQUESTS + LATE
    told = db.query("SELECT subject FROM site_events WHERE kind = 'rule.applied'")
    assert len({row["subject"] for row in told}) == len(told) == REQUESTS + LATE
    assert db.query("SELECT 1 FROM outbox WHERE done_at IS NULL OR dead_at IS NOT NULL") == []
