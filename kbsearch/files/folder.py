"""Files in a folder of this machine: synced, for their owner alone, renamed when they are whole."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kbsearch.database import new_id
from kbsearch.errors import Full
from kbsearch.files.storage import StoredObject

FREE_FLOOR = 0.05  # of the disk: below it nothing more is taken in
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
INCOMING = "incoming"
LOCK = "lock"
OTHERS_MAY = 0o077


class FolderStorage:
    """An object's key is its path below the root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: str) -> Path:
        """Where the object of that key lies, or would."""
        return self.root / key

    @contextmanager
    def spool(self, folder: str, size: int) -> Iterator[IO[bytes]]:
        with disk_errors():
            incoming = self.path(folder) / INCOMING
            incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
            disk = shutil.disk_usage(incoming)
            if disk.free - size < disk.total * FREE_FLOOR:
                raise Full("attachment.disk_full")
            path = incoming / new_id()
            try:
                with open(path, "x+b", opener=for_its_owner) as file:
                    yield file
            finally:
                path.unlink(missing_ok=True)

    def keep(self, spooled: IO[bytes], key: str) -> None:
        target = self.path(key)
        with disk_errors():
            spooled.flush()
            os.fsync(spooled.fileno())
            if not target.parent.exists():
                target.parent.mkdir(mode=0o700, exist_ok=True)
                sync_folder(target.parent.parent)
            with self.lock(key.partition("/")[0]):
                os.replace(spooled.name, target)
            sync_folder(target.parent)

    def open(self, key: str) -> IO[bytes]:
        return self.path(key).open("rb")

    def find(self, key: str) -> StoredObject | None:
        try:
            status = self.path(key).stat()
        except FileNotFoundError:
            return None
        return StoredObject(key, status.st_size, status.st_mtime)

    def objects(self, folder: str) -> Iterator[StoredObject]:
        for place, folders, names in os.walk(self.path(folder)):
            folders.sort()
            for name in sorted(names):
                key = Path(place, name).relative_to(self.root).as_posix()
                if name != LOCK and (there := self.find(key)):  # or just finished or given up
                    yield there

    def folders(self, folder: str) -> list[str]:
        return sorted(path.name for path in self.path(folder).glob("*") if path.is_dir())

    def move(self, key: str, target: str) -> None:
        for place in reversed(self.path(target).relative_to(self.root).parents):
            (self.root / place).mkdir(mode=0o700, exist_ok=True)
        shutil.move(self.path(key), self.path(target))

    def remove(self, key: str) -> None:
        self.path(key).unlink(missing_ok=True)

    def remove_folder(self, folder: str) -> None:
        shutil.rmtree(self.path(folder))

    @contextmanager
    def lock(self, folder: str) -> Iterator[None]:
        with (self.path(folder) / LOCK).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def address(self, key: str, name: str) -> str | None:
        return None

    def shown(self, key: str) -> str:
        return str(self.path(key))

    def is_exposed(self, key: str) -> bool:
        return bool(self.path(key).stat().st_mode & OTHERS_MAY)

    def check(self) -> None:
        """A folder that is not there yet is made when something comes."""


def sync_folder(folder: Path) -> None:
    """Have the names of a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors() -> Iterator[None]:
    """What the system says of a full disk is Full."""
    try:
        yield
    except OSError as problem:
        if problem.errno not in NO_SPACE:
            raise
        raise Full("attachment.disk_full") from problem


def for_its_owner(path: str, flags: int) -> int:
    """An opener of files that nobody else may read."""
    return os.open(path, flags, 0o600)
