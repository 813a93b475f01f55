"""A large account moves in while the command is killed: nothing is lost, nothing comes twice.

KBSEARCH_IMPORTED is how many requests it has, with a fifth as many files: 100000 for a night.
KBSEARCH_KILLS is how often the command is killed, at moments spread over all that it does. What
each run took is printed: seconds of the processor, and memory at its highest.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.files import places
from kbsearch.people import viewers
from kbsearch.search import Question
from kbsearch.search.ranking import Search
from tests.kit import large_zendesk
from tests.kit.large_zendesk import COMMENTS, EVERY
from tests.kit.places import TOP

TICKETS = int(os.environ.get("KBSEARCH_IMPORTED", "0"))
KILLS = int(os.environ.get("KBSEARCH_KILLS", "20"))
MOST_MEMORY = 200_000  # kB, whatever the size
LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class ImportRun:
    """What became of a run of the command."""

    status: int
    seconds: float  # of the processor
    memory: int  # kB of its own at its highest, without pages of files that are only mapped
    output: str

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s of the processor, {self.memory} kB"


class Site:
    """A site in a folder, and the command that takes an account in."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.source = source
        self.config = folder / "kbsearch.toml"
        self.settings = Settings(site=folder)
        self.output = folder / "output"
        (folder / "content" / "articles").mkdir(parents=True)
        self.config.write_text("")

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with closing(SqliteDatabase(self.settings.database_path)) as db:
            return db.query(sql)

    def count(self) -> int:
        if not self.settings.database_path.exists():
            return 0
        with closing(SqliteDatabase(self.settings.database_path)) as db:
            there = "tickets" in db.list_tables()
            return int(db.query("SELECT COUNT(*) AS n FROM tickets")[0]["n"]) if there else 0

    def run(self, *, killed_at: int = -1, delay: float = 0.0) -> ImportRun:
        """Give the command; kill it that long after so many requests are there."""
        arguments = ["--config", str(self.config), "import", "zendesk", str(self.source), "--json"]
        command = [sys.executable, "-m", "kbsearch", *arguments]
        with self.output.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=TOP)
            memory = 0
            while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
                memory = max(memory, memory_of(process.pid))
                if 0 <= killed_at <= self.count():
                    time.sleep(delay)
                    os.kill(process.pid, signal.SIGKILL)
                    killed_at = -1
                time.sleep(LOOK_SECONDS)
            _, status, usage = ended
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = usage.ru_utime + usage.ru_stime
        return ImportRun(process.returncode, seconds, memory, self.output.read_text())


def memory_of(pid: int) -> int:
    """What a process has for itself alone, in kB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon")), 0)


@pytest.mark.skipif(not TICKETS, reason="KBSEARCH_IMPORTED says how many requests")
def test_a_large_account_comes_whole_though_it_is_killed(tmp_path: Path):
    source = tmp_path / "export"
    large_zendesk.furnish(source, TICKETS)
    site = Site(tmp_path / "site", source)
    seed = int(os.environ.get("KBSEARCH_SEED", "1"))
    chance = random.Random(seed)
    for kill in range(KILLS):
        at = round(TICKETS * kill / max(1, KILLS - 1))
        run = site.run(killed_at=at, delay=chance.random() * 3)
        sys.stderr.write(f"kill {kill + 1} at {at}: {site.count()} there, {run}\n")
        assert run.status in (-signal.SIGKILL, 0), run.output
        assert site.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
    last = site.run()
    sys.stderr.write(f"to the end: {last}\n")
    assert last.status == 0, last.output
    again = site.run()
    sys.stderr.write(f"once more: {again}\n")
    outcome = json.loads(again.output)
    assert (outcome["tickets"]["unchanged"], outcome["tickets"]["created"]) == (TICKETS, 0)
    assert outcome["tickets"]["updated"] == outcome["people"]["created"] == 0
    assert max(last.memory, again.memory) < MOST_MEMORY
    look_at_all_of_it(site)


def look_at_all_of_it(site: Site) -> None:
    """Raise AssertionError unless every request is there with its words and its file, once."""
    assert site.rows("PRAGMA foreign_key_check") == []
    numbers = [row["number"] for row in site.rows("SELECT number FROM tickets ORDER BY number")]
    assert numbers == list(range(1, TICKETS + 1))
    wrong = site.rows(
        f"""
        SELECT t.number FROM tickets t LEFT JOIN messages m ON m.ticket_id = t.id
        GROUP BY t.number, t.description
        HAVING COUNT(m.id) <> {COMMENTS - 1} OR COUNT(DISTINCT m.position) <> {COMMENTS - 1}
          OR SUM(m.internal) <> 1 OR t.description NOT LIKE 'About **' || t.number || '**, 0:%'
        """  # noqa: S608 (constants)
    )
    assert wrong == []
    files = site.rows(
        "SELECT t.number, a.sha256 FROM attachments a JOIN tickets t ON t.id = a.ticket_id"
        " ORDER BY t.number"
    )
    assert [file["number"] for file in files] == list(range(EVERY, TICKETS + 1, EVERY))
    store = places.attached(site.settings)
    assert store.sizes().keys() == {file["sha256"] for file in files}, "each content once"
    for file in files[:: max(1, len(files) // 500)]:
        with store.open(file["sha256"]) as there:
            assert there.read() == large_zendesk.content(file["number"])
    with closing(SqliteDatabase(site.settings.database_path)) as db:
        agent = viewers.find(db, "person1@support.example")
        hits = Search(site.settings, db).ask(agent, Question(f"barn {TICKETS // 2}"))
        assert hits.total > 0, "the index has them"
