"""An object store as a vault: S3, and what speaks as it does."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from kbsearch import vaults
from kbsearch.config import without_user
from kbsearch.files import bucket_keys
from kbsearch.vaults import OutOfReach

LONGEST_REASON = 300
# An address: its user and password, its place, and what follows a question mark, as what signs it.
_ADDRESS = re.compile(r"://(?:[^/\s]*@)?([^\s?]*)\S*")


class S3Vault:
    """Objects below s3://bucket/prefix; credentials and endpoint are those of AWS_… variables.

    An object has its name once it is whole: there is nothing to clear away.
    """

    def __init__(self, url: str) -> None:
        self.place = without_user(url)
        with self._reached():
            self.store = S3Store.from_url(url)

    def put(self, source: Path, name: str) -> None:
        with self._reached():
            obstore.put(self.store, name, source)
            read = hashlib.sha256()
            for block in obstore.get(self.store, name):
                read.update(block)
        if read.hexdigest() != vaults.digest_of(source):
            self.remove(name)
            raise OutOfReach("vault.altered", name=name, place=self.place)

    def fetch(self, name: str, target: Path) -> None:
        with self._reached(), target.open("wb") as file:
            for block in obstore.get(self.store, name):
                file.write(block)

    def names(self) -> list[str]:
        with self._reached():
            items = obstore.list_with_delimiter(self.store)["objects"]
            return vaults.ours([item["path"].rpartition("/")[2] for item in items])

    def remove(self, *names: str) -> None:
        if names:
            with self._reached():
                obstore.delete(self.store, list(names))

    def clear(self, prefix: str) -> None:
        pass

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as problem:
            raise OutOfReach(
                "vault.unreached", place=self.place, reason=_hidden(str(problem))
            ) from None


def _hidden(text: str) -> str:
    """What the library says, without what opens the place: keys, and what stands in addresses."""
    line = _ADDRESS.sub(r"://\1", text.partition("\n")[0])
    return bucket_keys.read(None).hidden(line)[:LONGEST_REASON]
