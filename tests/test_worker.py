"""The worker: real processes on a real site, whose content is a real git repository."""

import logging
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kbsearch import outbox, people, tickets, worker
from kbsearch.access import OPERATOR
from kbsearch.clock import now, stored
from kbsearch.config import Settings
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.files import places
from kbsearch.messages.notifications import mailings
from kbsearch.messages.webhooks import deliveries
from kbsearch.outbox import Channel, Share
from kbsearch.people import PersonFields, viewers
from kbsearch.people.accounts import mobiles
from kbsearch.processes.parent_pipe import PATIENCE, ParentPipe
from kbsearch.processes.steps import Step
from kbsearch.search.learning import visits
from kbsearch.search.ranking.generations import live_folders
from kbsearch.search.ranking.indexing import Indexer
from kbsearch.site import health
from kbsearch.tickets import events
from kbsearch.tickets.conversation import lifecycle
from kbsearch.tickets.filing import drafts
from tests.kit.requests import attach, file, later, lies_in, path_of
from tests.kit.waiting import HUNG, until

ARTICLE = "---\ntitle: {title}\naudience: everyone\n---\n\nOpen the box and read the page.\n"


@dataclass
class Place:
    """A site in a folder, its content in git, and the workers that were started on it."""

    settings: Settings
    db: SqliteDatabase
    workers: list["subprocess.Popen[str]"]

    def write(self, title: str) -> None:
        path = self.settings.content_path / "articles/en/guide/box.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ARTICLE.format(title=title), encoding="utf-8")

    def git(self, *arguments: str) -> None:
        who = ["-c", "user.name=Wendy", "-c", "user.email=wendy@support.example"]
        command = ["git", *who, "-C", str(self.settings.content_path), *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def commit(self, title: str) -> None:
        self.write(title)
        self.git("add", ".")
        self.git("commit", "-m", title)

    def start(self) -> "subprocess.Popen[str]":
        site = {"KBSEARCH_SITE": str(self.settings.site)}
        process = subprocess.Popen(
            [sys.executable, "-m", "kbsearch", "worker"],
            cwd=self.settings.site,
            env=dict(os.environ) | site,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.workers.append(process)
        return process

    def titles(self) -> list[str]:
        rows = self.db.query(
            """
            SELECT a.title FROM articles a JOIN state s ON s.value = a.publication_id
            WHERE s.name = 'live_publication'
            """
        )
        return [row["title"] for row in rows]

    def heartbeat(self) -> str | None:
        rows = self.db.query("SELECT value FROM state WHERE name = 'worker_seen'")
        return rows[0]["value"] if rows else None


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    settings = Settings(site=tmp_path)
    db = SqliteDatabase(settings.database_path)
    migrate(db)
    place = Place(settings, db, [])
    settings.content_path.mkdir()
    place.git("init", "--quiet")
    place.commit("The first title")
    yield place
    for process in place.workers:
        with process:
            process.kill()
    db.close()


@pytest.fixture
def signals() -> Iterator[worker.Signals]:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield worker.Signals()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_what_is_committed_goes_live_by_itself(place):
    place.start()
    until(lambda: place.titles() == ["The first title"])
    place.commit("The second title")
    until(lambda: place.titles() == ["The second title"])


def test_a_refused_commit_is_told_and_the_last_good_one_stays(place):
    process = place.start()
    until(lambda: place.titles() == ["The first title"])
    (place.settings.content_path / "articles/en/guide/bad.md").write_text("---\n: [\n---\n")
    place.commit("A title beside a bad page")
    until(lambda: place.db.query("SELECT 1 FROM state WHERE name = 'refused_publication'"))
    process.terminate()
    log = process.communicate(timeout=HUNG)[1]
    assert "refused" in log
    assert "articles/en/guide/bad.md:" in log
    assert place.titles() == ["The first title"]


def test_a_lost_index_is_built_again(place):
    index, folders = place.settings.index_path, lambda: live_folders(place.db).values()
    place.start()
    until(lambda: len(folders()) == 2)
    shutil.rmtree(index)
    until(lambda: all((index / folder).is_dir() for folder in folders()))


def test_index_work_is_done_and_work_nobody_knows_delays_nothing(place):
    unknown = {"id": "x", "kind": "no.such_thing", "channel": "inside", "subject": "x"}
    moments = dict.fromkeys(("created_at", "began_at", "due_at"), now())
    place.db.insert("outbox", {**unknown, **moments})
    outbox.add(place.db, "index.tickets", "all")
    process = place.start()
    done = "SELECT kind FROM outbox WHERE done_at IS NOT NULL"
    until(lambda: place.db.query(done) == [{"kind": "index.tickets"}])
    failed = place.db.query("SELECT kind, problem FROM outbox WHERE done_at IS NULL")
    assert failed[0]["kind"] == "no.such_thing" and "no.such_thing" in failed[0]["problem"]
    process.terminate()
    assert "no.such_thing x failed, attempt 1" in process.communicate(timeout=HUNG)[1]


def test_people_are_told_what_the_outbox_asks_for(place):
    alice = people.add(
        place.db, OPERATOR, PersonFields(email="alice@acme.example", name="Alice Martin")
    )
    mobiles.ask(place.db, viewers.find(place.db, alice.email), "06 12 34 56 78")
    for kind in mailings.NOTICES:
        outbox.add(place.db, kind, alice.id)
    place.start()
    mails, texts = place.settings.data_path / "mail", place.settings.data_path / "sms"
    until(lambda: len(list(mails.glob("*.eml"))) == len(mailings.NOTICES))
    until(lambda: len(list(texts.glob("*.txt"))) == 1)


def test_a_second_worker_waits_for_the_end_of_the_first(place):
    first = place.start()
    until(lambda: place.titles() == ["The first title"])
    second = place.start()
    assert second.stderr is not None
    assert "another worker is at work" in second.stderr.readline()
    first.kill()
    place.commit("The second title")
    until(lambda: place.titles() == ["The second title"])


def test_a_waiting_worker_can_be_stopped(place):
    place.start()
    until(lambda: place.titles() == ["The first title"])
    second = place.start()
    assert second.stderr is not None
    second.stderr.readline()
    second.terminate()
    assert second.wait(timeout=HUNG) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told_to(place, number):
    process = place.start()
    until(place.heartbeat)
    process.send_signal(number)
    assert process.wait(timeout=HUNG) == 0


def test_hup_publishes_although_nothing_changed(place, signals):
    content = worker.Content(place.settings, place.db, signals)
    assert content.follow()
    assert not content.follow()
    os.kill(os.getpid(), signal.SIGHUP)
    assert content.follow()
    assert not content.follow()


def test_a_failed_publication_is_tried_again(place, signals):
    content = worker.Content(place.settings, place.db, signals)
    index = place.settings.index_path
    index.write_text("a file where the folder should be")
    with pytest.raises(OSError, match="index"):
        content.follow()
    index.unlink()
    assert content.follow()
    assert place.titles() == ["The first title"]


def test_a_failing_step_waits_longer_each_time_and_never_ends_the_loop(caplog):
    def fail() -> bool:
        raise ValueError("no")

    step = Step("dreaming", fail)
    pauses = []
    for _ in range(9):
        step.due_at = 0
        before = time.monotonic()
        assert not step.attempt()
        pauses.append((before, step.due_at, time.monotonic()))
    expected = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    for pause, (before, due_at, after) in zip(expected, pauses, strict=True):
        assert before + pause <= due_at <= after + pause
    assert caplog.records[0].levelno == logging.ERROR
    assert caplog.messages == [f"dreaming failed, tried again in {pause} s" for pause in expected]


def test_a_branch_that_does_not_exist_is_said_in_a_line(place, signals, caplog):
    content = worker.Content(replace(place.settings, branch="mian"), place.db, signals)
    assert not Step("publishing", content.follow).attempt()
    (record,) = caplog.records
    assert "“mian”" in record.getMessage() and not record.exc_info


def test_a_step_that_recovers_is_forgiven():
    step = Step("dreaming", lambda: True, failures=5)
    assert step.attempt()
    assert step.failures == 0


def test_a_step_is_left_alone_until_it_is_due():
    step = Step("dreaming", lambda: True, every=60)
    assert step.attempt()
    assert not step.attempt()


class Heard(ParentPipe):
    """A pipe that remembers how much patience was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.beats: list[float] = []

    def beat(self, patience: float = PATIENCE) -> None:
        self.beats.append(patience)


def test_every_step_is_preceded_by_a_sign_of_life_that_allows_for_it(place, signals):
    parent_pipe = Heard()
    seen: list[float] = []

    def look() -> bool:
        seen.append(health.look(place.db).worker_patience)
        return True

    steps = (
        Step("quick", look),
        Step("seldom", look, patience=300.0),
        Step("not due", look, due_at=math.inf),
        Step("quick again", look),
    )
    assert worker._round(steps, signals, worker.Pulse(place.db, parent_pipe))
    assert parent_pipe.beats == [30.0, 300.0, 30.0]
    assert seen == [30.0, 300.0, 30.0]


def test_a_loop_that_hangs_is_not_taken_for_alive_after_the_patience_it_asked_for(place):
    health.mark_worker_seen(place.db)
    assert health.look(place.db).is_worker_alive
    long_ago = stored(datetime.now(UTC) - timedelta(seconds=60))
    place.db.execute("UPDATE state SET value = :at WHERE name = 'worker_seen'", {"at": long_ago})
    assert not health.look(place.db).is_worker_alive
    health.mark_worker_seen(place.db, 1800)
    place.db.execute("UPDATE state SET value = :at WHERE name = 'worker_seen'", {"at": long_ago})
    assert health.look(place.db).is_worker_alive


def test_publishing_and_indexing_everything_are_announced_as_long_work(place, signals):
    announced: list[str] = []
    content = worker.Content(
        place.settings, place.db, signals, before_long=lambda: announced.append("publishing")
    )
    assert content.follow()
    assert not content.follow()
    assert announced == ["publishing"]
    with closing(
        Indexer(place.settings, place.db, before_long=lambda: announced.append("indexing"))
    ) as indexer:
        while indexer.ensure():
            pass
        assert announced == ["publishing", "indexing"]
        indexer.rebuild("articles")
    assert announced == ["publishing", "indexing", "indexing"]


def test_each_kind_of_task_has_somebody_to_do_it(place):
    letters = worker._letters(place.settings, place.db)
    handlers = worker._handlers(place.settings, place.db, Indexer(place.settings, place.db))
    kinds: dict[Channel, list[str]] = {"webhook": [deliveries.DELIVERY]}
    for channel, (urgent, others) in letters.items():
        kinds[channel] = [*urgent, *others]
    for kind in handlers:
        kinds.setdefault(outbox.KINDS[kind].channel, []).append(kind)
    by_channel: dict[Channel, list[str]] = {}
    for declared in outbox.KINDS.values():
        by_channel.setdefault(declared.channel, []).append(declared.name)
    assert {channel: sorted(names) for channel, names in kinds.items()} == {
        channel: sorted(names) for channel, names in by_channel.items()
    }


def test_a_worker_takes_over_the_claims_of_the_one_before_and_no_others(place):
    """A host that comes back does not wait for its own leases; those of other hosts stay theirs."""
    place.settings.data_path.mkdir(exist_ok=True)
    (place.settings.data_path / "worker.lock").write_text("this-place")
    outbox.add(place.db, "index.tickets", "ours")
    ours = outbox.claim(place.db, Share("this-place"))
    outbox.add(place.db, "index.tickets", "theirs")
    theirs = outbox.claim(place.db, Share("another-place"))
    assert ours and theirs
    place.start()
    done = "SELECT id FROM outbox WHERE done_at IS NOT NULL"
    until(lambda: place.db.query(done) == [{"id": ours.id}])
    (row,) = place.db.query("SELECT claim FROM outbox WHERE id = :id", {"id": theirs.id})
    assert row["claim"] == theirs.claim


def test_every_event_of_a_ticket_has_somebody_to_do_its_work(place):
    handlers = worker._handlers(place.settings, place.db, Indexer(place.settings, place.db))
    assert set(events.KINDS) <= set(handlers)
    for kind in events.KINDS:
        outbox.add(place.db, kind, "event-1")
    while outbox.run_one(place.db, handlers):
        pass
    assert outbox.oldest_waiting(place.db) is None
    assert outbox.count_dead(place.db) == 0


def test_the_house_is_kept(place):
    """What its time has come for is closed, forgotten and cleared away; the rest stays."""
    db, store = place.db, places.attached(place.settings)
    people.add(db, OPERATOR, PersonFields(email="eve@acme.example", name="Eve"))
    eve = viewers.find(db, "eve@acme.example")
    ticket, young = (file(db, eve, at=later(days=0)) for _ in range(2))
    lifecycle.solve(db, eve, ticket, at=later(days=0))
    lifecycle.solve(db, eve, young)
    drafts.save(db, eve, "form-0001", {"subject": "old"}, at=later(days=0))
    drafts.save(db, eve, "form-0002", {"subject": "young"})
    kept = attach(db, eve, store, "form-0001", content=b"old", at=later(days=0))
    attach(db, eve, store, "form-0002", content=b"young")
    visit = visits.visit(db, eve, at=later(days=0))
    visits.searched(db, visit, "old words", results=0, at=later(days=0))
    for path in lies_in(store):
        os.utime(path, (1, 1))

    assert not worker._keep_house(place.settings, db)
    assert not worker._clear_files(place.settings, db)

    assert tickets.find(db, eve, ticket.id).status == "closed"
    assert tickets.find(db, eve, young.id).status == "solved"
    assert [draft.key for draft in drafts.list_all(db, eve)] == ["form-0002"]
    assert not path_of(store, kept.sha256).exists()
    assert len(lies_in(store)) == 1
    assert [row["text"] for row in db.query("SELECT text FROM visit_events")] == [""]


def test_many_requests_are_closed_in_one_round(place, monkeypatch):
    people.add(place.db, OPERATOR, PersonFields(email="eve@acme.example", name="Eve"))
    eve = viewers.find(place.db, "eve@acme.example")
    for _ in range(5):
        lifecycle.solve(place.db, eve, file(place.db, eve, at=later(days=0)), at=later(days=0))
    monkeypatch.setattr(lifecycle, "BATCH", 2)
    worker._keep_house(place.settings, place.db)
    rows = place.db.query("SELECT DISTINCT status FROM tickets")
    assert rows == [{"status": "closed"}]
