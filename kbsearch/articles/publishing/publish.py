"""Putting a commit or a folder live: whole, and in one switch that nothing can cut in two."""

import fcntl
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from kbsearch.articles.publishing import (
    edition,
    leaving_addresses,
    news,
    phrases,
    publications,
    trailers,
)
from kbsearch.articles.publishing.findings import has_errors
from kbsearch.articles.publishing.garbage import rarely_collected
from kbsearch.articles.publishing.git_tree import committed_tree
from kbsearch.articles.publishing.publications import Publication, Refusal
from kbsearch.articles.publishing.rendered import Rendered
from kbsearch.articles.publishing.tree import FolderTree, Tree
from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.errors import Invalid, Unavailable
from kbsearch.search.fulltext import article_writer
from kbsearch.search.fulltext.shelf import Articles
from kbsearch.search.learning import lessons
from kbsearch.version import __version__

__all__ = ["Publication", "Refusal", "publish", "tree_of"]

RENDERING = 9  # raise it when the same text gives other HTML, sections or remarks
PATIENCE = 900.0  # seconds behind another publication, shorter than the worker's for long work
WRITERS_PATIENCE = 20.0
LOCK_PAUSE = 0.05


def publish(
    db: Database,
    settings: Settings,
    rev: str | None = None,
    progress: Callable[[int, int], None] = lambda count, total: None,
    *,
    by: str = "kbsearch",
    patience: float = PATIENCE,
) -> Publication | Refusal:
    """Put the content live, or say why not; a commit already live is left as it is.

    Raises Unavailable after `patience` seconds behind another publication of this host; `by` is
    who those are told of that wait behind this one.

    Killed at any moment, it leaves one publication served: the rows and the index of the next one
    are complete before the one transaction that makes it the live one.
    """
    with _alone(settings, by, patience), db.alone("publishing"), rarely_collected():
        outcome = _publish(db, settings, tree_of(settings, rev), progress)
        live = publications.find_live(db)
        if isinstance(outcome, Refusal) and live is not None and live.is_due:
            # what is live comes and goes in its time, whatever is wrong with what follows it
            _publish(db, settings, tree_of(settings, live.commit), progress)
            publications.refuse(db, outcome.commit, outcome.findings)
        return outcome


def _publish(
    db: Database, settings: Settings, tree: Tree, progress: Callable[[int, int], None]
) -> Publication | Refusal:
    made_with = made_with_of(settings, tree)
    live = publications.find_live(db)
    was_accepted = live is not None and (live.commit, live.made_with) == (tree.commit, made_with)
    if live is not None and was_accepted and not live.is_due:
        publications.accept(db)
        trailers.take(db, tree)  # unless its death came before
        return live
    reusable = publications.reusable(db, live, made_with=made_with)
    publication_id = new_id()
    folder = settings.index_path / f"articles-{publication_id}"
    index = _IndexBuilder(folder, publications.live_index(db, settings), reusable.articles)
    draft = edition.make(tree, settings, reusable, index=index.built, progress=progress)
    # a moment that comes is no reason to refuse what was accepted before: a page must go in time
    if tree.is_committed and has_errors(draft.findings) and not was_accepted:
        shutil.rmtree(folder, ignore_errors=True)
        return publications.refuse(db, tree.commit, draft.findings)
    if not folder.exists():
        index.write(draft.articles, draft.synonyms)
    publication = publications.write(db, publication_id, tree, draft, made_with)
    former = leaving_addresses.unread_history(db, tree, draft.addresses, settings)
    leaving = draft.leaving_addresses
    brought = news.of(db, tree, live, publication, leaving.paths)
    with db.atomic():
        leaving_addresses.keep(db, tree, [*former, *leaving.addresses], leaving.paths)
        publication_ids = publications.put_live(db, publication, folder.name)
        news.keep(db, brought, leaving.paths)
        lessons.review(db)
    trailers.take(db, tree)
    publications.forget(db, but=publication_ids)
    _forget_indexes(settings, publication_ids)
    return publication


@dataclass(frozen=True)
class _IndexBuilder:
    """Indexes articles where they will be served: the trial of their phrases costs nothing more.

    What changed since the index that is live is all that is written, while that is little.
    """

    folder: Path
    live: Path | None  # the folder of the live index
    before: Mapping[str, Rendered]  # its articles, by path

    def built(self, articles: Sequence[Rendered], synonyms: str) -> Articles:
        self.write(articles, synonyms)
        return Articles(self.folder)

    def write(self, articles: Sequence[Rendered], synonyms: str) -> None:
        if is_amended(self.folder, self.live, self.before, articles, synonyms):
            return
        searchable = [each.page for each in articles if not each.source.is_excluded]
        article_writer.build(self.folder, searchable, synonyms)


def is_amended(
    folder: Path,
    live: Path | None,
    before: Mapping[str, Rendered],
    articles: Sequence[Rendered],
    synonyms: str,
) -> bool:
    """Whether an index could be made of the live one, which has the articles of `before`."""
    if not before or live is None:
        return False
    gone, come = phrases.changed(before, articles)
    pages = [each.page for each in gone], [each.page for each in come]
    return article_writer.amend(folder, live, *pages, synonyms)


def tree_of(settings: Settings, rev: str | None = None) -> Tree:
    """What the content setting names: the tree of a commit, or a folder that is not in git."""
    content = settings.content_path
    if not content.is_dir():
        raise Invalid("publish.no_content", path=str(content))
    tree = committed_tree(content, rev or settings.branch)
    if tree is not None:
        return tree
    if rev is not None:
        raise Invalid("publish.not_in_git", path=str(content))
    return FolderTree(content)


def made_with_of(settings: Settings, tree: Tree) -> str:
    """What else than the files decides how the pages look; another one renders all again."""
    parts = [__version__, str(RENDERING), tree.shown, *settings.languages]
    parts += [settings.default_audience, *settings.check_levels]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@contextmanager
def _alone(settings: Settings, by: str, patience: float) -> Iterator[None]:
    """One publisher at a time: a hook and the worker see the same push. Death frees the lock.

    Whoever has it says so in the file. Raises Unavailable after so many seconds behind another.
    """
    settings.data_path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (settings.data_path / "publish.lock").open("a+", encoding="utf-8") as lock:
        end = time.monotonic() + patience
        while not _is_locked(lock):
            if time.monotonic() >= end:
                raise _under_way(lock)
            time.sleep(LOCK_PAUSE)
        lock.truncate(0)
        lock.write(f"{now()} {by}")
        lock.flush()
        yield


def _is_locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _under_way(lock: TextIO) -> Unavailable:
    """Who publishes, and since when; they may be about to say it."""
    lock.seek(0)
    since, _, by = lock.read(200).partition(" ")
    return Unavailable("publish.under_way", by=by or "kbsearch", since=since[11:16] or "?")


def _forget_indexes(settings: Settings, publication_ids: tuple[str, ...]) -> None:
    names = tuple(f"articles-{publication_id}" for publication_id in publication_ids)
    for folder in settings.index_path.glob("articles-*"):
        if not folder.name.startswith(names):
            shutil.rmtree(folder, ignore_errors=True)
