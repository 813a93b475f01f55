"""What can be published: the files of a folder, or of a commit; both are read the same way."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from kbsearch.articles.publishing.findings import Finding
from kbsearch.clock import stored

ARTICLES = "articles/"
SYNONYMS = "synonyms.txt"
MAX_FILE = 8 * 1024 * 1024  # bytes: nothing larger is ever read


@dataclass(frozen=True)
class Entry:
    """A file: its path from the content's root, the id git gives to its bytes, its size."""

    path: str
    blob: str
    size: int


@dataclass(frozen=True)
class LastChange:
    """The last change of a file; a folder without history has no commit."""

    at: str
    commit: str = ""


class Tree(Protocol):
    """Files at one moment. `shown` is what stands before their paths in what people read."""

    commit: str
    is_committed: bool
    shown: str

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The files that can be read, by path."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was refused while listing."""

    def read(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """The bytes of those files, each no larger than MAX_FILE."""

    def changes(self, paths: Iterable[str]) -> Mapping[str, LastChange]:
        """When each of those files changed last."""

    def blobs_at(self, places: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        """The blobs of (commit, path) pairs; a pair that is not known is left out."""


def blob_id(body: bytes) -> str:
    """The id git gives to these bytes: a folder's files are compared the same way."""
    header = f"blob {len(body)}\0".encode()
    return hashlib.sha1(header + body, usedforsecurity=False).hexdigest()


def is_safe(path: str) -> bool:
    """Whether a path stays inside, whatever wrote the tree."""
    parts = path.split("/")
    return (
        all(part not in ("", ".", "..") and part.lower() != ".git" for part in parts)
        and "\\" not in path
        and path.isprintable()
    )


class FolderTree:
    """The files of a folder as they are now; links are not followed."""

    is_committed = False

    def __init__(self, root: Path, shown: str | None = None) -> None:
        self.root = root.resolve()
        self.shown = f"{self.root.name}/" if shown is None else shown
        self._refused: list[Finding] = []
        self.entries: Mapping[str, Entry] = {
            entry.path: entry for entry in self._walk(self.root, "")
        }
        self.findings = tuple(sorted(self._refused))
        listing = "".join(f"{entry.path}\0{entry.blob}\n" for entry in self.entries.values())
        self.commit = f"folder-{hashlib.sha256(listing.encode()).hexdigest()[:16]}"

    def read(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        for path in paths:
            yield path, _bytes(self.root / path)

    def changes(self, paths: Iterable[str]) -> Mapping[str, LastChange]:
        return {path: LastChange(_changed(self.root / path)) for path in paths}

    def blobs_at(self, places: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
        return {}

    def _walk(self, folder: Path, prefix: str) -> Iterator[Entry]:
        with os.scandir(folder) as found:
            items = sorted(found, key=lambda item: item.name)
        for item in items:
            path = prefix + item.name
            if item.name.startswith("."):
                continue
            if item.is_symlink():
                self._refuse(path, "symlink")
            elif not is_safe(os.fsencode(path).decode(errors="replace")) or _is_broken(path):
                self._refuse(path, "file-name")
            elif item.is_dir():
                yield from self._walk(Path(item.path), f"{path}/")
            elif item.is_file():
                yield from self._file(Path(item.path), path)

    def _file(self, file: Path, path: str) -> Iterator[Entry]:
        try:
            size = file.stat().st_size
            if size > MAX_FILE:
                limit = str(MAX_FILE // 1024)
                self._refuse(path, "file-size", size=str(size // 1024), limit=limit)
            else:
                yield Entry(path, blob_id(_bytes(file)), size)
        except OSError as problem:
            self._refuse(path, "unreadable", problem=problem.strerror or "")

    def _refuse(self, path: str, rule: str, /, **values: str) -> None:
        told = self.shown + os.fsencode(path).decode(errors="replace")
        self._refused.append(Finding(told, 1, 1, rule, values))


def _changed(file: Path) -> str:
    return stored(datetime.fromtimestamp(file.stat().st_mtime, UTC))


def _is_broken(path: str) -> bool:
    """Whether the name is not UTF-8: Python keeps its bytes as lone surrogates."""
    return any("\udc80" <= character <= "\udcff" for character in path)


def _bytes(file: Path) -> bytes:
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as opened:
        return opened.read(MAX_FILE + 1)[:MAX_FILE]
