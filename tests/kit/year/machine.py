"""A site on its machine: a web process and a worker over the same files, which die and start anew.

Nothing here waits or has threads: time is what the simulated clock says.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from kbsearch import create_app, outbox, worker
from kbsearch.articles.publishing.publish import publish
from kbsearch.articles.publishing.watch import Watcher
from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Row, Values
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Full
from kbsearch.messages.notifications import digest_letters
from kbsearch.outbox import Share
from kbsearch.outbox.claims import EVERYTHING
from kbsearch.search.ranking import Search
from kbsearch.search.ranking.indexing import Indexer
from kbsearch.web.render import WebSite

NO_LIMIT = 1_073_741_823  # pages
DUE = """
    SELECT 1 FROM outbox
    WHERE done_at IS NULL AND dead_at IS NULL AND due_at <= :now LIMIT 1
"""


class Died(BaseException):
    """A process is killed between two statements."""


class SimulatedClock:
    """The time that it is, and how far the clock of the machine is off."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment
        self.offset = timedelta()

    def __call__(self) -> datetime:
        return self.moment + self.offset


class MortalDatabase(SqliteDatabase):
    """The database of a process that may die at any of its statements, at a commit too."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.revive()

    def revive(self) -> None:
        """Begin anew, as another process would: with another connection."""
        self.close()
        self.is_dead = False
        self._statements_left: int | None = None
        self.tables.conn.execute("PRAGMA synchronous=OFF")  # no disk loses its current here

    def doom(self, statements: int | None) -> None:
        """Let the process die after so many more; None: it is spared."""
        self._statements_left = statements

    def limit_pages(self, count: int) -> None:
        self.tables.conn.execute(f"PRAGMA max_page_count={count}")

    def query(self, sql: str, values: Values | None = None) -> list[Row]:
        self._live_on()
        return super().query(sql, values)

    @contextmanager
    def atomic(self) -> Iterator[None]:
        self._live_on()
        with super().atomic():
            yield
            self._live_on()  # before what was written is committed
        self._live_on()  # and after, before anybody was told so

    def _live_on(self) -> None:
        if self._statements_left is None:
            return
        if self._statements_left <= 0:  # and whatever it still does on its way out is not done
            self.is_dead = True
            raise Died
        self._statements_left -= 1


class Machine:
    """The processes of a site, and its disk."""

    def __init__(self, settings: Settings, clock: SimulatedClock) -> None:
        self.settings = settings
        self.clock = clock
        self.is_full = False
        self.defects: list[str] = []  # what went wrong in the worker though there was room
        self.files_since: dict[Path, datetime] = {}
        self.web = MortalDatabase(settings.database_path)
        self.worker = MortalDatabase(settings.database_path)
        self.app = create_app(settings, self.web)
        self._indexer = Indexer(settings, self.worker)
        self.start_worker()

    def start_web(self) -> None:
        """A new web process: what the last one had not committed, or only remembered, is gone.

        The application is the same, as making one takes longer than a day of the year.
        """
        self.web.revive()
        self._keep_limit()
        site: WebSite = self.app.extensions["kbsearch"]
        self.app.extensions["kbsearch"] = replace(site, search=Search(self.settings, self.web))

    def start_worker(self) -> None:
        """A new worker."""
        self._indexer.close()
        self.worker.revive()
        self._keep_limit()
        self._indexer = Indexer(self.settings, self.worker)
        self._watcher = Watcher(self.settings)
        handlers = worker._handlers(self.settings, self.worker, self._indexer)
        self._handlers = {**handlers, "index.tickets": lambda task: None}  # `round` says when
        self._letters = worker._letters(self.settings, self.worker)
        outbox.release(self.worker, EVERYTHING.worker)

    def restart_dead(self) -> None:
        """Start anew what has died."""
        if self.web.is_dead:
            self.start_web()
        if self.worker.is_dead:
            self.start_worker()

    def stop(self) -> None:
        self._indexer.close()
        self.web.close()
        self.worker.close()

    def fill_disk(self, is_full: bool) -> None:
        """Leave no room for another page of the database, or room again."""
        self.is_full = is_full
        if is_full:
            self.web.compact()  # pages that are free would be room
        self._keep_limit()

    def round(self, *, follows: bool) -> None:
        """What the worker's loop does in a moment: all that is due.

        The index, which costs most of it, need not follow each time.
        """
        if follows:
            self._step("index", self._indexer.ensure)
        self._step("digests", lambda: digest_letters.ask(self.worker))
        if not self.worker.query(DUE, {"now": stored(utc_now())}):
            return
        self._step("indexing", self._one(self._handlers, Share(channel="index")))
        self._step("outbox", self._one(self._handlers, Share(channel="inside")))
        for channel, (urgent, others) in self._letters.items():
            self._step(channel, self._one(urgent, Share(channel=channel, only=urgent)))
            self._step(channel, self._one(others, Share(channel=channel, never=urgent)))

    def publish(self) -> None:
        """Put new content live, if there is any."""
        if self._watcher.changed():
            self._step("publishing", lambda: bool(publish(self.worker, self.settings)) and False)

    def keep_house(self) -> None:
        """What is done now and then: closing, forgetting, clearing files away."""
        self._age_files()
        self._step("housekeeping", lambda: worker._keep_house(self.settings, self.worker))
        self._step("files", lambda: worker._clear_files(self.settings, self.worker))

    def _one(self, handlers: outbox.Handlers, share: Share) -> Callable[[], object]:
        return lambda: outbox.run_one(self.worker, handlers, share)

    def _step(self, name: str, act: Callable[[], object]) -> None:
        try:
            while act():
                pass
        except Exception as problem:
            if not (self.is_full and isinstance(problem, Full)):
                self.defects.append(f"{name}: {type(problem).__name__}: {problem}")

    def _keep_limit(self) -> None:
        for db in (self.web, self.worker):
            count = db.tables.conn.execute("PRAGMA page_count").fetchone()[0]
            db.limit_pages(count if self.is_full else NO_LIMIT)

    def _age_files(self) -> None:
        """Make files as old as they are in the year: what is swept goes by their own times."""
        for path in sorted((self.settings.data_path / "files").glob("*/*")):
            seen_at = self.files_since.setdefault(path, self.clock.moment)
            age = (self.clock.moment - seen_at).total_seconds()
            with suppress(FileNotFoundError):
                os.utime(path, (time.time() - age, time.time() - age))
