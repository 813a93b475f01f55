"""Files by their content: `files/<aa>/<sha256>`, whole on the disk before anybody names them."""

import errno
import fcntl
import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kbsearch.database import new_id
from kbsearch.errors import Full, Invalid
from kbsearch.files.trash import Trash, UnclaimedFiles
from kbsearch.files.types import HEAD_BYTES, TextCheck

log = logging.getLogger(__name__)

BLOCK_BYTES = 64 * 1024
FREE_FLOOR = 0.05  # of the disk: below it nothing more is taken in
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
TEMPORARY = "incoming"
SHARE = 0.05  # of the contents: more of them at once do not become nobody's
AT_LEAST = 5  # contents, for a small site


class ByteSource(Protocol):
    """What a file is read from, block by block."""

    def read(self, size: int, /) -> bytes:
        """At most that many bytes; none at the end."""


@dataclass(frozen=True)
class StoredFile:
    """What was learnt of a file while it was written."""

    sha256: str
    size: int
    head: bytes
    is_text: bool


@dataclass(frozen=True)
class Swept:
    """How many contents went to the trash, and what was left alone."""

    moved: int
    unclaimed: UnclaimedFiles


class FileStore:
    """The folder of the files. The same content is there once, whoever sent it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        """Where the content of that digest lies, or would."""
        return self.root / sha256[:2] / sha256

    def write(
        self, source: ByteSource, limit: int, accept: Callable[[StoredFile], None]
    ) -> StoredFile:
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
                content = _copy(source, incoming, limit)
                accept(content)
                self._settle(incoming, self.path(content.sha256))
            finally:
                incoming.unlink(missing_ok=True)
        return content

    def sweep(
        self,
        is_wanted: Callable[[list[str]], set[str]],
        let_go: Mapping[str, Iterable[str]],
        trash: Trash,
        *,
        older_than: float,
        share: float = SHARE,
    ) -> Swept:
        """Move to the trash what nobody wants and has lain for that many seconds.

        `let_go` are the contents whose rows had had their time, with their owners; never more of
        them at once than a share. More than a share that no row knows is left alone: it is the
        database that is wrong. Writing a content again makes it young: it cannot be swept before
        its row is there.
        """
        before = time.time() - older_than
        contents, orphans = self._orphans(is_wanted, before)
        strange = [path for path in orphans if path.name not in let_go]
        most = max(AT_LEAST, int(contents * share))
        spared = len(strange) if len(strange) > most else 0
        let_go_paths = [path for path in orphans if path.name in let_go]
        moved = 0
        for path in ([] if spared else strange) + let_go_paths:
            if moved == most:
                break
            with self._lock():
                if _lies_since(path, before):
                    trash.put(path, self.root.name, let_go.get(path.name, ()))
                    moved += 1
        if spared:
            log.warning("%s: nothing names %d of %d, left alone", self.root, spared, contents)
        return Swept(moved, UnclaimedFiles(self.root.name, spared, contents))

    def _orphans(
        self, is_wanted: Callable[[list[str]], set[str]], before: float
    ) -> tuple[int, list[Path]]:
        """How many contents there are, and the old ones that nobody wants."""
        contents, orphans = 0, []
        for folder in sorted(path for path in self.root.glob("*") if path.is_dir()):
            paths = list(folder.iterdir())
            contents += len(paths)
            old = [path for path in paths if _lies_since(path, before)]
            if old and folder.name != TEMPORARY:
                named = is_wanted([path.name for path in old])
                old = [path for path in old if path.name not in named]
            orphans += old
        return contents, orphans

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


def _copy(source: ByteSource, target: Path, limit: int) -> StoredFile:
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
    return StoredFile(digest.hexdigest(), size, bytes(head), text.is_text)


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
