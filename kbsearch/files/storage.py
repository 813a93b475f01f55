"""What a store of files asks of the place where they lie, whichever it is: a folder or a bucket."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, Protocol


@dataclass(frozen=True)
class StoredObject:
    """What lies there: its key, with slashes; its size in bytes; when it was written."""

    key: str
    size: int
    written_at: float  # in seconds since 1970

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]


class ObjectStorage(Protocol):
    """Whole objects by their keys. Every verb raises Unavailable where nothing answers."""

    def spool(self, folder: str, size: int) -> AbstractContextManager[IO[bytes]]:
        """An empty file for what comes, gone afterwards; raises Full without room for that size."""

    def keep(self, spooled: IO[bytes], key: str) -> None:
        """Give what was written its key: whole and safe when this returns, and young again."""

    def open(self, key: str) -> IO[bytes]:
        """An object, to be read from any place in it; raises FileNotFoundError."""

    def find(self, key: str) -> StoredObject | None:
        """What lies there, if anything does."""

    def objects(self, folder: str) -> Iterator[StoredObject]:
        """All that lies below a folder, finished or not."""

    def folders(self, folder: str) -> list[str]:
        """The names of the folders right below one, in order."""

    def move(self, key: str, target: str) -> None:
        """Give an object another key; killed meanwhile, it has the one, the other, or both."""

    def remove(self, key: str) -> None:
        """Remove an object, if it is there."""

    def remove_folder(self, folder: str) -> None:
        """Remove all that lies below a folder."""

    def lock(self, folder: str) -> AbstractContextManager[None]:
        """Where that can be had: nobody makes an object of the folder young meanwhile."""

    def address(self, key: str, name: str) -> str | None:
        """Where anybody may download it for a moment, under a name; None: only we hand it out."""

    def shown(self, key: str) -> str:
        """An object as it is named to whoever looks after the site."""

    def is_exposed(self, key: str) -> bool:
        """Whether other users of this machine may read it."""

    def check(self) -> None:
        """See that it can be reached."""
