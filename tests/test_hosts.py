"""Several hosts on one PostgreSQL: what one does for all is done once, and goes on without it."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kbsearch.articles import live_publication
from kbsearch.articles.publishing import publish as articles_publish
from kbsearch.config import Settings
from kbsearch.config_sources import Configuration
from kbsearch.database import Database
from kbsearch.database.engines import open_database
from kbsearch.messages.incoming import mailbox
from kbsearch.people import notification_choices
from kbsearch.people.accounts import sessions
from kbsearch.processes.steps import Leader, Step
from kbsearch.search import Question
from kbsearch.search.ranking import Search
from kbsearch.search.ranking.generations import live_folders
from kbsearch.search.ranking.indexing import Indexer
from kbsearch.site import belonging
from tests.conftest import Another, Cast
from tests.kit import writers
from tests.kit.mail import carry
from tests.kit.requests import file
from tests.kit.waiting import until

pytest.importorskip("psycopg")

ENDED = """
    SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
"""
DIGESTS = "SELECT 1 FROM outbox WHERE kind = 'notice.digest'"
FOLLOWS, LEADS = "another host's worker leads", "leading from now on"
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


@pytest.fixture
def engine() -> str:
    return "postgresql"


def test_one_leads_and_whoever_asks_next_follows_when_it_is_gone(db: Database, another: Another):
    first, second = another(), another()
    assert first.leads() and not second.leads()
    assert first.leads(), "it stays so"
    db.query(ENDED)
    until(second.leads)
    assert not first.leads()


def test_without_a_database_nobody_leads():
    assert not open_database("postgresql://127.0.0.1:1/none").leads()


def test_one_host_at_a_time_is_at_the_same_work(db: Database, another: Another):
    inside: list[str] = []
    with db.alone("publishing"):
        with another().alone("something else"):
            pass
        thread = threading.Thread(target=publish, args=(another(), inside))
        thread.start()
        waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        until(lambda: bool(db.query(waiting)))
        assert inside == []
    thread.join()
    assert inside == ["inside"]


def publish(db: Database, inside: list[str]) -> None:
    with db.alone("publishing"):
        inside.append("inside")


def test_what_one_does_for_all_waits_for_its_turn(db: Database, another: Another):
    leader, other = Leader(another().leads), Leader(another().leads)
    steps = [Step("housekeeping", lambda: True, whose=whose.leads) for whose in (leader, other)]
    assert [step.attempt() for step in steps] == [True, False]
    assert [whose.only(lambda: 0.0)() for whose in (leader, other)] == [0.0, 5.0]


def test_the_mailbox_is_read_by_whoever_leads(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mailbox, "POLL_SECONDS", 0.001)
    polls: list[str] = []
    monkeypatch.setattr(mailbox, "poll", lambda *_: polls.append("read"))
    has_mailbox = Settings(site=settings.site, imap_url="imaps://mail.example")
    asked = threading.Event()

    def is_follower() -> bool:
        asked.set()
        return False

    with mailbox.followed(has_mailbox, db, whose=is_follower):
        assert asked.wait(30)
    assert polls == []
    with mailbox.followed(has_mailbox, db, whose=lambda: True):
        until(lambda: bool(polls))


@pytest.fixture
def hosts(settings: Settings, db: Database) -> list[Settings]:
    """Two hosts of a site, each with a data folder and a clone of the content."""
    first, second = (replace(settings, site=settings.site / name) for name in "ab")
    writers.with_page(first)
    path = first.site / "kbsearch.toml"
    path.touch()
    belonging.open_database(Configuration(first, {}, path)).close()
    shutil.copytree(first.site, second.site)
    return [first, second]


@contextmanager
def at_work(host: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "kbsearch", "worker"]
    site = {"KBSEARCH_SITE": str(host.site)}
    log = (host.site / "log").open("w")
    with log, subprocess.Popen(command, cwd=host.site, env=os.environ | site, stderr=log) as worker:
        try:
            yield worker
        finally:
            worker.kill()


def test_of_two_workers_one_does_what_is_done_once_and_the_other_takes_over(
    db: Database, cast: Cast, hosts: list[Settings]
):
    notification_choices.choose(db, cast.dan, [("ticket.opened", "mail")], digest="hourly")
    file(db, cast.alice)
    carry(hosts[0], db)
    db.execute("UPDATE notices SET gathers_at = created_at WHERE gathers_at IS NOT NULL")
    sessions.open_session(db, str(cast.alice.person_id), at=LONG_AGO)

    def is_done() -> bool:
        return not db.query("SELECT 1 FROM sessions") and bool(live_publication(db))

    def logs() -> list[str]:
        return [(host.site / "log").read_text() for host in hosts]

    with at_work(hosts[0]) as first, at_work(hosts[1]) as second:
        until(lambda: is_done() and any(FOLLOWS in log for log in logs()))
        until(lambda: bool(db.query(f"{DIGESTS} AND done_at IS NOT NULL")))
        assert len(db.query("SELECT 1 FROM publications")) == 1
        assert len(db.query(DIGESTS)) == 1
        follower = next(place for place, log in enumerate(logs()) if FOLLOWS in log)
        (second if follower == 0 else first).kill()
        writers.write(hosts[follower].content_path, writers.PAGE, writers.article("Second title"))
        writers.commit(hosts[follower].content_path)
        title = "SELECT 1 FROM articles WHERE publication_id = :live AND title = 'Second title'"
        until(lambda: bool(db.query(title, {"live": live_publication(db)})))
        assert LEADS in logs()[follower]


def test_a_host_without_the_index_has_it_built_by_nobody(
    db: Database, cast: Cast, hosts: list[Settings]
):
    writers_host, other = hosts
    articles_publish.publish(db, writers_host)
    with closing(Indexer(writers_host, db)) as indexer:
        indexer.ensure()
        indexer.ensure()
    for host in (writers_host, other):
        Search(host, db).ask(cast.alice, Question("collar"))
    asked = "SELECT subject FROM outbox WHERE kind = 'index.rebuild'"
    assert db.query(asked) == []
    (writers_host.index_path / live_folders(db)["ticket_index"] / "meta.json").write_text("{")
    Search(writers_host, db).ask(cast.alice, Question("collar"))
    assert db.query(asked) == [{"subject": "tickets"}], "what is damaged here is"


def test_each_host_has_indexes_of_its_own_and_they_follow(
    db: Database, cast: Cast, hosts: list[Settings]
):
    """What the leader puts in service is searched on the other host too, and so is what is new."""
    with db.atomic():
        file(db, cast.alice)

    def names() -> dict[str, str]:
        return live_folders(db)

    def is_here(host: Settings) -> bool:
        live = names()
        return len(live) == 2 and all((host.index_path / name).exists() for name in live.values())

    def finds(host: Settings, text: str) -> bool:
        results = Search(host, db).ask(cast.dan, Question(text, language="en"))
        return results.fallback is None and bool(results.hits)

    with at_work(hosts[0]) as first, at_work(hosts[1]) as second:
        until(lambda: all(map(is_here, hosts)))
        until(lambda: any(FOLLOWS in (host.site / "log").read_text() for host in hosts))
        follower = next(
            place for place, host in enumerate(hosts) if FOLLOWS in (host.site / "log").read_text()
        )
        here = hosts[follower]
        file(db, cast.alice, subject="A mirabelle tree")
        until(lambda: finds(here, "mirabelle "))
        writers.write(here.content_path, writers.PAGE, writers.article("Quetsch plums"))
        writers.commit(here.content_path)
        shutil.rmtree(here.index_path / names()["ticket_index"])  # and is made again
        (second if follower == 1 else first).kill()
        (second if follower == 1 else first).wait()
    with at_work(here):
        until(lambda: is_here(here) and finds(here, "mirabelle "))
        until(lambda: finds(here, "quetsch "))
