"""Files by their content: `files/<aa>/<sha256>`, whole on the disk before anybody names them."""

import errno
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kbsearch.db import new_id
from kbsearch.errors import Full, Invalid
from kbsearch.file_types import HEAD_BYTES, TextCheck

BLOCK_BYTES = 64 * 1024
FREE_FLOOR = 0.05  # of the disk: below it nothing more is taken in
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
TEMPORARY = "incoming"


class Source(Protocol):
    """What a file is read from, block by block."""

    def read(self, size: int, /) -> bytes:
        """At most that many bytes; none at the end."""


@dataclass(frozen=True)
class Kept:
    """What was learnt of a file while it was written."""

    sha256: str
    size: int
    head: bytes
    is_text: bool


class FileStore:
    """The folder of the files. The same content is there once, whoever sent it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        """Where the content of that digest lies, or would."""
        return self.root / sha256[:2] / sha256

    def write(self, source: Source, limit: int, accept: Callable[[Kept], None]) -> Kept:
        """Keep what is read, if `accept` does not raise: synced before this returns.

        Nothing is left behind by a failure. Raises Invalid beyond `limit` bytes, Full without
        room for it.
        """
        with _room():
            folder = self.root / TEMPORARY
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_room(limit)
            incoming = folder / new_id()
            try:
                kept = _copy(source, incoming, limit)
                accept(kept)
                self._settle(incoming, self.path(kept.sha256))
            finally:
                incoming.unlink(missing_ok=True)
        return kept

    def sweep(self, is_wanted: Callable[[list[str]], set[str]], *, older_than: float) -> int:
        """Remove contents that nobody wants and that have lain for that many seconds; how many.

        Writing a content again makes it young: it cannot be swept before its row is there.
        """
        before = time.time() - older_than
        removed = 0
        for folder in sorted(path for path in self.root.glob("*") if path.is_dir()):
            old = [path for path in folder.iterdir() if _lies_since(path, before)]
            wanted = set() if folder.name == TEMPORARY else is_wanted([p.name for p in old])
            for path in old:
                with self._lock():
                    if path.name not in wanted and _lies_since(path, before):
                        path.unlink()
                        removed += 1
        return removed

    def _check_room(self, limit: int) -> None:
        disk = shutil.disk_usage(self.root)
        if disk.free - limit < disk.total * FREE_FLOOR:
            raise Full("attachment.disk_full")

    def _settle(self, incoming: Path, target: Path) -> None:
        """Give a written file its name, also when it is there: it is young again."""
        if not target.parent.exists():
            target.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self.root)
        with self._lock():
            os.replace(incoming, target)
        sync_folder(target.parent)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Between finding a file old and removing it, nobody may make it young."""
        with (self.root / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _lies_since(path: Path, before: float) -> bool:
    try:
        return path.stat().st_mtime < before
    except FileNotFoundError:  # just finished or given up
        return False


def _copy(source: Source, target: Path, limit: int) -> Kept:
    digest, text, head, size = hashlib.sha256(), TextCheck(), bytearray(), 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        while block := source.read(BLOCK_BYTES):
            size += len(block)
            if size > limit:
                raise Invalid("attachment.too_big", limit=limit // 1_000_000)
            digest.update(block)
            text.feed(block)
            head += block[: max(0, HEAD_BYTES - len(head))]
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return Kept(digest.hexdigest(), size, bytes(head), text.is_text)


def sync_folder(folder: Path) -> None:
    """Have the names of a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        if problem.errno not in NO_SPACE:
            raise
        raise Full("attachment.disk_full") from problem
