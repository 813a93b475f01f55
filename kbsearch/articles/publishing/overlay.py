"""What is live with one file more, or another in its place: how an article would look there."""

from collections.abc import Iterable, Iterator, Mapping

from kbsearch.articles.publishing.tree import Entry, LastChange, Tree, blob_id
from kbsearch.clock import now


class Overlay:
    """A tree over another; nothing of it is written anywhere."""

    def __init__(self, below: Tree, files: Mapping[str, bytes]) -> None:
        self._below, self._files = below, files
        self.commit, self.is_committed = below.commit, below.is_committed
        self.shown, self.findings = below.shown, below.findings
        own = {path: Entry(path, blob_id(body), len(body)) for path, body in files.items()}
        self.entries: Mapping[str, Entry] = {**below.entries, **own}

    def read(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        requested = list(paths)
        yield from ((path, self._files[path]) for path in requested if path in self._files)
        rest = [path for path in requested if path not in self._files]
        if rest:
            yield from self._below.read(rest)

    def changes(self, paths: Iterable[str]) -> Mapping[str, LastChange]:
        requested = set(paths)
        own = {path: LastChange(now()) for path in requested & set(self._files)}
        return {**self._below.changes(requested - set(own)), **own}

    def blobs_at(self, places: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        return self._below.blobs_at(places)
