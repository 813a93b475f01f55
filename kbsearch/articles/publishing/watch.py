"""Noticing that the content changed, for the price of a few `stat`: git is not run for that."""

import os
from collections.abc import Iterator
from pathlib import Path

from kbsearch.articles.publishing.git import common_folder, repository_of
from kbsearch.articles.publishing.git_tree import committed_tree
from kbsearch.config import Settings
from kbsearch.errors import Invalid

Signature = tuple[tuple[str, int, int, int], ...]


class Watcher:
    """What the content looked like when it was last asked about."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._history: Signature | None = None
        self._files: Signature | None = None
        self._is_committed = False

    def changed(self) -> bool:
        """Whether there may be something to publish; always, the first time."""
        history = tuple(_history(self.settings.content_path))
        moved = history != self._history
        if moved:
            self._is_committed = self._ask_git()
        files = () if self._is_committed else tuple(_files(self.settings.content_path))
        moved = moved or files != self._files
        self._history, self._files = history, files
        return moved

    def forget(self) -> None:
        """Answer yes the next time: what was noticed could not be published."""
        self._history = None

    def _ask_git(self) -> bool:
        try:
            return committed_tree(self.settings.content_path, self.settings.branch) is not None
        except Invalid:
            return True  # a branch that does not exist yet: it will show in the references


def _history(content: Path) -> Iterator[tuple[str, int, int, int]]:
    """The marks of what a branch points at; nothing when there is no repository."""
    repository = repository_of(content)
    if repository is None:
        return
    shared = common_folder(repository.git_folder)
    for file in (repository.git_folder / "HEAD", shared / "packed-refs"):
        yield from _mark(file)
    yield from _files(shared / "refs")


def _files(folder: Path) -> Iterator[tuple[str, int, int, int]]:
    try:
        with os.scandir(folder) as entries:
            items = sorted(entries, key=lambda item: item.name)
    except OSError:
        return
    for item in items:
        if item.is_dir(follow_symlinks=False):
            if item.name != ".git":
                yield from _files(Path(item.path))
        else:
            yield from _mark(Path(item.path))


def _mark(file: Path) -> Iterator[tuple[str, int, int, int]]:
    try:
        status = file.lstat()
    except OSError:
        return
    yield str(file), status.st_mtime_ns, status.st_size, status.st_ino
