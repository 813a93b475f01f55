"""Files in a bucket of S3, or of what speaks as it does.

What comes is written to this machine first, where it is hashed, then sent whole; what is read is
fetched whole first. So nobody is left with half a file, and nothing waits on the way in between.
A bucket has no lock: see `FileStore.sweep` for what that costs.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import IO, Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from kbsearch.clock import utc_now
from kbsearch.errors import Unavailable
from kbsearch.files import bucket_keys
from kbsearch.files.folder import disk_errors
from kbsearch.files.storage import StoredObject

log = logging.getLogger(__name__)

IN_MEMORY = 1_000_000  # bytes of what is read; beyond, it is on the disk
SILENCE = 5.0  # seconds after a failure in which nobody is made to wait for another
RETRY_AFTER = 30  # seconds
LONGEST_REASON = 200
CONNECTING = {"connect_timeout": "2s", "timeout": "20s"}
TRYING: Any = {"max_retries": 1, "retry_timeout": timedelta(seconds=10)}


class BucketStorage:
    """An object's key is that below the prefix of the address, as s3://bucket/prefix."""

    def __init__(self, address: str, keys: Path | None) -> None:
        self.place = address.rstrip("/")
        self.bucket, _, self.prefix = self.place.removeprefix("s3://").partition("/")
        self._keys = bucket_keys.read(keys)
        options: Any = {**CONNECTING, "allow_http": self._keys.endpoint.startswith("http://")}
        self._store = S3Store(
            self.bucket,
            prefix=self.prefix or None,
            config=self._keys.config(),
            client_options=options,
            retry_config=TRYING,
        )
        self._silent_until = 0.0

    @contextmanager
    def spool(self, folder: str, size: int) -> Iterator[IO[bytes]]:
        with disk_errors(), TemporaryFile() as file:
            yield file

    def keep(self, spooled: IO[bytes], key: str) -> None:
        spooled.seek(0)
        with self._reaching():
            obstore.put(self._store, key, spooled)

    def open(self, key: str) -> IO[bytes]:
        with ExitStack() as stack:
            file = stack.enter_context(SpooledTemporaryFile(IN_MEMORY))
            with self._reaching(), disk_errors():
                for block in obstore.get(self._store, key).stream():
                    file.write(block)
            file.seek(0)
            stack.pop_all()
        return file

    def find(self, key: str) -> StoredObject | None:
        try:
            with self._reaching():
                return _object(obstore.head(self._store, key))
        except FileNotFoundError:
            return None

    def objects(self, folder: str) -> Iterator[StoredObject]:
        with self._reaching():
            for page in obstore.list(self._store, folder):
                yield from map(_object, page)

    def folders(self, folder: str) -> list[str]:
        with self._reaching():
            places = obstore.list_with_delimiter(self._store, folder)["common_prefixes"]
        return sorted(place.rpartition("/")[2] for place in places)

    def move(self, key: str, target: str) -> None:
        with self._reaching():
            obstore.rename(self._store, key, target)

    def remove(self, key: str) -> None:
        with self._reaching():
            obstore.delete(self._store, key)

    def remove_folder(self, folder: str) -> None:
        keys = [item.key for item in self.objects(folder)]
        with self._reaching():
            obstore.delete(self._store, keys)

    def lock(self, folder: str) -> nullcontext[None]:
        return nullcontext()

    def address(self, key: str, name: str) -> str | None:
        path = "/".join(filter(None, (self.bucket, self.prefix, key)))
        return self._keys.signed(path, name, utc_now())

    def shown(self, key: str) -> str:
        return f"{self.place}/{key}"

    def is_exposed(self, key: str) -> bool:
        return False

    def check(self) -> None:
        self.folders("nothing")

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """What goes wrong on the way is Unavailable, and told without what opens the bucket."""
        if time.monotonic() < self._silent_until:
            raise Unavailable("attachment.store_away", retry_after=RETRY_AFTER)
        try:
            yield
        except BaseError as problem:
            self._silent_until = time.monotonic() + SILENCE
            reason = self._keys.hidden(str(problem).partition("\n")[0])[:LONGEST_REASON]
            log.warning("%s cannot be reached: %s", self.place, reason)
            raise Unavailable("attachment.store_away", retry_after=RETRY_AFTER) from None


def _object(meta: Any) -> StoredObject:
    return StoredObject(meta["path"], meta["size"], meta["last_modified"].timestamp())
