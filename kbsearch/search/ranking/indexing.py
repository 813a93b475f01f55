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
from kbsearch.search.fulltext import article_writer, ticket_writer
from kbsearch.search.fulltext.documents import Case
from kbsearch.search.fulltext.engine import guarded
from kbsearch.search.fulltext.plan import IndexBusy
from kbsearch.search.fulltext.shelf import Articles
from kbsearch.search.fulltext.ticket_index import TicketIndex
from kbsearch.search.fulltext.ticket_writer import TicketWriter
from kbsearch.tickets import changes

log = logging.getLogger(__name__)

REBUILD = outbox.declare("index.rebuild", "index")  # its subject is "articles" or "tickets"
BATCH = 1_000  # tickets of one commit while following
FOLLOW_SECONDS = 0.2

Progress = Callable[[int, int], None]  # done, in all


def live_folders(db: Database) -> dict[str, str]:
    """The folders in service: `article_index` and `ticket_index`, where there is one."""
    return site_state.read_all(db, ["article_index", "ticket_index"])


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
    _sweep(settings, db, "articles-")
    return len(pages)


def rebuild_tickets(settings: Settings, db: Database, progress: Progress | None = None) -> int:
    """Index every ticket anew beside the index in service, then switch; how many tickets."""
    folder = settings.index_path / f"tickets-{ticket_writer.SCHEMA_VERSION}-{new_id()}"
    writer = TicketWriter(folder)
    upto = changes.last_revision(db)
    in_all = changes.count_changed(db, 0) if progress else 0
    try:  # one commit: segments need no merging, and an empty index has nothing to replace
        count = writer.apply(_all_cases(db, upto, in_all, progress), upto)
        count += _follow(db, writer, BATCH)
    finally:
        writer.close()
    site_state.write(db, "ticket_index", folder.name)
    _sweep(settings, db, "tickets-")
    return count


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


def _sweep(settings: Settings, db: Database, prefix: str) -> None:
    """Remove index folders out of service, but for the newest: somebody may be reading it."""
    live = set(live_folders(db).values())
    folders = [folder for folder in settings.index_path.glob(f"{prefix}*") if folder.is_dir()]
    folders.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
    unused = [folder for folder in folders if folder.name not in live]
    for folder in unused[1:]:
        shutil.rmtree(folder, ignore_errors=True)


def forget_generations(settings: Settings, db: Database, *, older_than: float = 3600.0) -> int:
    """Remove the index folders out of service for that many seconds; how many.

    Nobody reads them any more, and they may hold what was erased since.
    """
    live = set(live_folders(db).values())
    before = time.time() - older_than
    unused = [
        folder
        for folder in _generations(settings)
        if folder.name not in live and folder.stat().st_mtime < before
    ]
    for folder in unused:
        shutil.rmtree(folder, ignore_errors=True)
    return len(unused)


def remove_all(settings: Settings) -> None:
    """Remove every index, and nothing else that may lie in that folder."""
    for folder in _generations(settings):
        shutil.rmtree(folder)


def _generations(settings: Settings) -> list[Path]:
    globs = (settings.index_path.glob(f"{prefix}*") for prefix in ("articles-", "tickets-"))
    return [folder for folders in globs for folder in folders if folder.is_dir()]


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
            cases = TicketIndex(settings.index_path / live["ticket_index"])
        behind = changes.last_revision(db) - cases.revision
        facts |= {"tickets": cases.count, "tickets_sound": True, "tickets_behind": behind}
    except (KeyError, OSError, ValueError):
        facts["tickets_sound"] = "ticket_index" not in live
    return facts


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
            with guarded():
                self._writer = TicketWriter(self._settings.index_path / name)
            _remove_leftovers(self._settings.index_path / name)
            self._folder = name
        return self._writer

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
        """Whether a folder opens; once it did, that its files are there is enough."""
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

    Raises TimeoutError when a worker holds the index but does not get there in `patience`
    seconds.
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
            if TicketIndex(settings.index_path / name).revision >= changes.last_revision(db):
                return
            if time.monotonic() > deadline:
                raise TimeoutError("the worker holds the index but does not take in the changes")
            time.sleep(FOLLOW_SECONDS)
    finally:
        indexer.close()
