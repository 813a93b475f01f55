"""Files by their content: `files/<aa>/<sha256>`, whole and safe before anybody names them."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Protocol

from kbsearch.errors import Invalid
from kbsearch.files.storage import ObjectStorage, StoredObject
from kbsearch.files.trash import Trash, UnclaimedFiles, by_digest
from kbsearch.files.types import HEAD_BYTES, TextCheck

log = logging.getLogger(__name__)

BLOCK_BYTES = 64 * 1024
SHARE = 0.05  # of the contents: more of them at once do not become nobody's
AT_LEAST = 5  # contents, for a small site

WantedDigests = Callable[[list[str]], set[str]]  # those of them that rows name


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
    """The contents of a kind, wherever they lie. Each is there once, whoever sent it."""

    def __init__(self, storage: ObjectStorage, name: str) -> None:
        self.storage = storage
        self.name = name

    def key(self, sha256: str) -> str:
        """The key of the content of that digest in the storage."""
        return f"{self.name}/{sha256[:2]}/{sha256}"

    def write(
        self, source: ByteSource, limit: int, accept: Callable[[StoredFile], None]
    ) -> StoredFile:
        """Keep what is read, if `accept` does not raise: it is safe before this returns.

        Nothing is left behind by a failure. Raises Invalid beyond `limit` bytes, Full without
        room for it.
        """
        with self.storage.spool(self.name, limit) as spooled:
            content = _copy(source, spooled, limit)
            accept(content)
            self.storage.keep(spooled, self.key(content.sha256))
        return content

    def open(self, sha256: str) -> IO[bytes]:
        """A content, to be read from any place in it; raises FileNotFoundError."""
        return self.storage.open(self.key(sha256))

    def has(self, sha256: str) -> bool:
        return self.storage.find(self.key(sha256)) is not None

    def sizes(self) -> dict[str, int]:
        """The size in bytes of every content that is there, by its digest."""
        there = self.storage.objects(self.name)
        return {item.name: item.size for item in there if item.key == self.key(item.name)}

    def address(self, sha256: str, name: str) -> str | None:
        """Where the storage hands it out itself for a moment, under a name, if it does."""
        return self.storage.address(self.key(sha256), name)

    def remove(self, sha256: str) -> None:
        """Remove a content at once, if it is there."""
        self.storage.remove(self.key(sha256))

    def sweep(
        self,
        is_wanted: WantedDigests,
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
        its row is there. Where a storage has no lock, it can, in the moment between the last look
        and the move: so what rows name comes back from the trash first.
        """
        before = time.time() - older_than
        trash.give_back(self.name, is_wanted, self.key)
        contents, orphans = self._orphans(is_wanted, before)
        strange = [item for item in orphans if item.name not in let_go]
        most = max(AT_LEAST, int(contents * share))
        spared = len(strange) if len(strange) > most else 0
        let_go_items = [item for item in orphans if item.name in let_go]
        moved = 0
        for item in ([] if spared else strange) + let_go_items:
            if moved == most:
                break
            with self.storage.lock(self.name):
                there = self.storage.find(item.key)
                if there and there.written_at < before:
                    trash.put(item, self.name, let_go.get(item.name, ()))
                    moved += 1
        if spared:
            place = self.storage.shown(self.name)
            log.warning("%s: nothing names %d of %d, left alone", place, spared, contents)
        return Swept(moved, UnclaimedFiles(self.name, spared, contents))

    def _orphans(self, is_wanted: WantedDigests, before: float) -> tuple[int, list[StoredObject]]:
        """How many contents there are, and the old ones that nobody wants."""
        contents, orphans = 0, []
        for items in by_digest(self.storage.objects(self.name)):
            contents += len(items)
            old = [item for item in items if item.written_at < before]
            named = is_wanted([item.name for item in old]) if old else set()
            orphans += [item for item in old if item.name not in named]
        return contents, orphans


def _copy(source: ByteSource, spooled: IO[bytes], limit: int) -> StoredFile:
    digest, text, head, size = hashlib.sha256(), TextCheck(), bytearray(), 0
    while block := source.read(BLOCK_BYTES):
        size += len(block)
        if size > limit:
            raise Invalid("attachment.too_big", limit=limit // 1_000_000)
        digest.update(block)
        text.feed(block)
        head += block[: max(0, HEAD_BYTES - len(head))]
        spooled.write(block)
    return StoredFile(digest.hexdigest(), size, bytes(head), text.is_text)
