"""Keeping the indexes: which folders are live, bringing tickets up to date, rebuilding.

The index of articles belongs to a publication and is replaced with it. The index of tickets
follows the revisions of the database: how far it has come is written in the same commit as what
it took in, so that a crash anywhere repeats work and loses none. Both are derived data: what is
missing, damaged or of an older schema is built anew beside the old folder, then switched to.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from kbsearch import articles, outbox
from kbsearch.config import Settings
from kbsearch.database import Database, new_id, site_state
from kbsearch.search.fulltext import article_writer, places, ticket_writer
from kbsearch.search.fulltext.documents import Case
from kbsearch.search.fulltext.engine import guarded
from kbsearch.search.fulltext.plan import DamagedIndex, IndexBusy, IndexUnreachable, Place
from kbsearch.search.fulltext.shelf import Articles
from kbsearch.search.fulltext.ticket_index import TicketIndex
from kbsearch.search.fulltext.ticket_writer import TicketWriter
from kbsearch.search.ranking import generations
from kbsearch.search.ranking.generations import live_folders, ticket_place
from kbsearch.tickets import changes

log = logging.getLogger(__name__)

REBUILD = outbox.declare("index.rebuild", "index")  # its subject is "articles" or "tickets"
BATCH = 1_000  # tickets of one commit while following
FOLLOW_SECONDS = 0.2
LOOK_SECONDS = 60.0  # between two looks at whether a cluster still has the index

Progress = Callable[[int, int], None]  # done, in all


def ask_rebuild(db: Database, subject: str) -> None:
    """Ask the worker for a new index, once, however many searches met the broken one."""
    with db.atomic():
        outbox.add_once(db, REBUILD, subject)


def rebuild_articles(settings: Settings, db: Database) -> int:
    """Index the live publication anew; how many articles."""
    publication_id = articles.live_publication(db)
    if publication_id is None:
        return 0
    folder = settings.index_path / f"articles-{publication_id}-{new_id()}"
    pages = articles.pages(db, publication_id)
    article_writer.build(folder, pages, articles.synonyms(db, publication_id))
    with db.atomic():  # a publication may have gone live meanwhile: then this index is too old
        if articles.live_publication(db) == publication_id:
            site_state.write(db, "article_index", folder.name)
    generations.sweep(settings, db, "articles-")
    return len(pages)


def rebuild_tickets(settings: Settings, db: Database, progress: Progress | None = None) -> int:
    """Index every ticket anew beside the index in service, then switch; how many tickets."""
    name = f"tickets-{ticket_writer.SCHEMA_VERSION}-{new_id()}"
    place = ticket_place(settings, name)
    count = _build_tickets(db, place, progress)
    generations.switch_tickets(settings, db, place)
    return count


def _build_tickets(db: Database, place: Place, progress: Progress | None = None) -> int:
    """Index every ticket in a place where there is none; how many."""
    writer = TicketWriter(place)
    upto = changes.last_revision(db)
    in_all = changes.count_changed(db, 0) if progress else 0
    try:  # one commit: segments need no merging, and an empty index has nothing to replace
        count = writer.apply(_all_cases(db, upto, in_all, progress), upto)
        return count + _follow(db, writer, BATCH)
    finally:
        writer.close()


def _all_cases(db: Database, upto: int, in_all: int, progress: Progress | None) -> Iterator[Case]:
    """Every ticket that has not changed since a revision, read batch by batch."""
    after = count = 0
    while after < upto:
        changed = changes.list_changed(db, after, BATCH)
        yield from (case for case in changed if case.revision <= upto)
        after = changed[-1].revision if changed else upto
        count += len(changed)
        if progress:
            progress(count, max(in_all, count))


def _follow(
    db: Database,
    writer: TicketWriter,
    batch: int,
    before_long: Callable[[], None] = lambda: None,
) -> int:
    """Take in what changed since the writer's revision; how many tickets."""
    count = 0
    while True:
        last = changes.last_revision(db)
        changed = changes.list_changed(db, writer.revision, batch)
        upto = changed[-1].revision if len(changed) == batch else last
        if upto < last:
            before_long()
        if upto == writer.revision:
            return count
        count += writer.apply((case for case in changed if case.revision <= upto), upto)


def status(settings: Settings, db: Database) -> dict[str, object]:
    """What both indexes hold, and whether they can be read."""
    live = live_folders(db)
    facts: dict[str, object] = {
        "commit": articles.live_commit(db),
        "articles": 0,
        "articles_sound": False,
        "tickets": 0,
        "tickets_sound": False,
        "tickets_behind": changes.last_revision(db),
    }
    try:
        with guarded():
            shelf = Articles(settings.index_path / live["article_index"])
        facts |= {"articles": shelf.count, "articles_sound": True}
    except (KeyError, OSError, ValueError):
        facts["articles_sound"] = articles.live_publication(db) is None
    try:
        with guarded():
            cases = TicketIndex(ticket_place(settings, live["ticket_index"]))
            behind = changes.last_revision(db) - cases.revision
            facts |= {"tickets": cases.count, "tickets_sound": True, "tickets_behind": behind}
    except IndexUnreachable as problem:
        facts["tickets_unreachable"] = str(problem)
    except (KeyError, OSError, ValueError):
        facts["tickets_sound"] = "ticket_index" not in live
    return facts


def is_reachable(settings: Settings) -> bool:
    """Whether the cluster of the index of tickets answers; true where it lies in a folder."""
    if isinstance(settings.index_address, Path):
        return True
    try:
        places.check_remote(settings.index_address)
    except ValueError:
        return False
    return True


class Indexer:
    """The one process that keeps the indexes: it holds the writer of tickets.

    `before_long` is called before work that may take minutes.
    """

    def __init__(
        self,
        settings: Settings,
        db: Database,
        before_long: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._db = db
        self._before_long = before_long
        self._writer: TicketWriter | None = None
        self._folder = ""
        self._checked: dict[str, str] = {}
        self._look_at = 0.0

    def apply_changes(self) -> bool:
        """Take in what changed; raises IndexBusy while another process does."""
        return self._follow_live(self._open_writer())

    def _follow_live(self, writer: TicketWriter) -> bool:
        try:
            with guarded():
                return _follow(self._db, writer, BATCH, self._before_long) > 0
        except ValueError:
            self.close()
            self._checked.pop("ticket_index", None)
            raise

    def _open_writer(self) -> TicketWriter:
        name = live_folders(self._db).get("ticket_index", "")
        if self._writer is None or name != self._folder:
            self.close()
            if not self._is_sound("ticket_index", name):
                self.rebuild("tickets")
                name = live_folders(self._db)["ticket_index"]
        return self._open(name)

    def _open(self, name: str) -> TicketWriter:
        if self._writer is None or name != self._folder:
            self.close()
            with guarded():
                self._writer = TicketWriter(ticket_place(self._settings, name))
            _remove_leftovers(self._settings.index_path / name)
            self._folder = name
        return self._writer

    def copy(self) -> bool:
        """Keep what another host's worker put in service here too; whether anything was to be done.

        Each host has indexes of its own under the names that the leader gave them, made of the
        database as the leader's are. One in a cluster is the leader's alone.
        """
        live = live_folders(self._db)
        pages, requests = live.get("article_index", ""), live.get("ticket_index", "")
        if pages and not self._is_sound("article_index", pages):
            return self._copy_articles(pages)
        if isinstance(self._settings.index_address, str):
            self.close()
            return False
        if not _is_of_this_schema(requests):  # of a release that leads, and is not ours
            return False
        if not self._is_sound("ticket_index", requests):
            self._copy_tickets(requests)
        writer = self._open(requests)
        return writer.revision < changes.last_revision(self._db) and self._follow_live(writer)

    def _copy_articles(self, name: str) -> bool:
        """Build the index of the live publication here; False where another went live meanwhile."""
        self._before_long()
        publication_id = articles.live_publication(self._db) or ""
        folder = self._settings.index_path / name
        pages = articles.pages(self._db, publication_id)
        article_writer.build(folder, pages, articles.synonyms(self._db, publication_id))
        if live_folders(self._db).get("article_index") != name:
            shutil.rmtree(folder, ignore_errors=True)
            return False
        generations.sweep(self._settings, self._db, "articles-")
        return True

    def _copy_tickets(self, name: str) -> None:
        """Build the index of tickets here; it has its name, and is read, once it is whole."""
        self._before_long()
        self.close()
        folder = self._settings.index_path / name
        unfinished = folder.with_name(f"{name}.part")
        for left in (unfinished, folder):
            shutil.rmtree(left, ignore_errors=True)
        _build_tickets(self._db, unfinished)
        unfinished.rename(folder)
        generations.sweep(self._settings, self._db, f"{generations.TICKETS}-")

    def ensure(self) -> bool:
        """See that both indexes can be read and are complete; whether anything was to be done."""
        live = live_folders(self._db)
        if articles.live_publication(self._db) and not self._is_sound(
            "article_index", live.get("article_index", "")
        ):
            _tell(live.get("article_index", ""), "articles")
            self.rebuild("articles")
            return True
        name = live.get("ticket_index", "")
        if not self._is_sound("ticket_index", name):
            _tell(name, "tickets")
            self.rebuild("tickets")
            return True
        writer = self._open_writer()
        return writer.revision < changes.last_revision(self._db) and self._follow_live(writer)

    def rebuild(self, subject: str) -> None:
        """Build an index anew, however sound it looks."""
        self._before_long()
        if subject == "articles":
            rebuild_articles(self._settings, self._db)
        else:
            self.close()
            rebuild_tickets(self._settings, self._db)

    def _is_sound(self, name: str, folder_name: str) -> bool:
        """Whether a folder opens; once it did, that its files are there is enough.

        Of a cluster, whether it has the index; raises IndexUnreachable where it does not say.
        """
        if name == "ticket_index" and isinstance(self._settings.index_address, str):
            return self._is_sound_remote(folder_name)
        folder = self._settings.index_path / folder_name
        files = ["meta.json"] if name == "ticket_index" else [article_writer.MARKER]
        if not folder_name or not all((folder / file).exists() for file in files):
            return False
        if self._checked.get(name) == folder_name:
            return True
        if name == "ticket_index" and not _is_of_this_schema(folder_name):
            return False
        try:
            with guarded():
                if name == "ticket_index":
                    _ = TicketIndex(folder).revision
                else:
                    Articles(folder)
        except ValueError:
            return False
        self._checked[name] = folder_name
        return True

    def _is_sound_remote(self, name: str) -> bool:
        """Whether a cluster has an index; one that is ahead is of a database before a restore."""
        if not (name and _is_of_this_schema(name)):
            return False
        if self._checked.get("ticket_index") != name or time.monotonic() >= self._look_at:
            try:
                revision = TicketIndex(ticket_place(self._settings, name)).revision
            except DamagedIndex:
                return False
            if revision > changes.last_revision(self._db):
                return False
            self._checked["ticket_index"] = name
            self._look_at = time.monotonic() + LOOK_SECONDS
        return True

    def close(self) -> None:
        """Let go of the writer."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            with guarded():
                writer.close()
        except ValueError as problem:
            log.warning("the index of tickets was not closed in good order: %s", problem)


def _is_of_this_schema(folder_name: str) -> bool:
    return folder_name.startswith(f"tickets-{ticket_writer.SCHEMA_VERSION}-")


def _tell(name: str, subject: str) -> None:
    if name:
        log.warning("the index of %s is missing or damaged: building it anew", subject)
    else:
        log.info("building the index of %s", subject)


def _remove_leftovers(folder: Path) -> None:
    """What a killed writer left behind; Tantivy never collects it. Hold the lock of the folder:
    the files of a writer at work look the same."""
    for leftover in folder.glob(".tmp*"):
        leftover.unlink(missing_ok=True)


def catch_up(
    settings: Settings, db: Database, progress: Progress | None = None, *, patience: float = 600.0
) -> None:
    """Bring the index of tickets up to date from a command: by the worker if one is at work.

    While a cluster is away nothing is done: the worker does it later. Raises TimeoutError when a
    worker holds the index but does not get there in `patience` seconds.
    """
    indexer = Indexer(settings, db)
    deadline = time.monotonic() + patience
    try:
        while True:
            with suppress(IndexBusy):
                if progress and not live_folders(db).get("ticket_index"):
                    rebuild_tickets(settings, db, progress)
                indexer.apply_changes()
                return
            name = live_folders(db).get("ticket_index", "")
            if TicketIndex(ticket_place(settings, name)).revision >= changes.last_revision(db):
                return
            if time.monotonic() > deadline:
                raise TimeoutError("the worker holds the index but does not take in the changes")
            time.sleep(FOLLOW_SECONDS)
    except IndexUnreachable as problem:
        log.warning("the index of requests does not answer: %s", problem)
    finally:
        indexer.close()
