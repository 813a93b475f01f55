"""Where files go that belong to nothing any more: a folder for each day, removed a month later.

`trash/<day>/<store>/<digest>`, and after the digest, with dots, whose it was: who is erased is
erased here too.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.utils import parseaddr
from itertools import groupby

from kbsearch.clock import utc_now
from kbsearch.database import Database, site_state
from kbsearch.files.storage import ObjectStorage, StoredObject

log = logging.getLogger(__name__)

KEEP = timedelta(days=30)
FOLDER = "trash"
STATE = "orphans_left"


@dataclass(frozen=True)
class UnclaimedFiles:
    """What a sweep did not dare to move: how many of how many contents of a store."""

    store: str
    orphans: int
    contents: int


class Trash:
    """The trash beside the stores, in the same storage."""

    def __init__(self, storage: ObjectStorage) -> None:
        self.storage = storage

    @property
    def place(self) -> str:
        """Where it is, for whoever looks for something."""
        return self.storage.shown(FOLDER)

    def put(self, item: StoredObject, store: str, owners: Iterable[str] = ()) -> None:
        """Move a content here; killed meanwhile, it is there or here, or both."""
        name = ".".join([item.name, *sorted(set(owners))])
        target = f"{FOLDER}/{utc_now().date().isoformat()}/{store}/{name}"
        self.storage.move(item.key, target)
        shown = self.storage.shown
        log.info("%s belongs to nothing: it is in %s", shown(item.key), shown(target))

    def give_back(
        self, store: str, is_wanted: Callable[[list[str]], set[str]], key_of: Callable[[str], str]
    ) -> None:
        """Put back what rows name and the store has no more."""
        for items in by_digest(self._list(store)):
            named = is_wanted([_digest(item) for item in items])
            for item in items:
                key = key_of(_digest(item))
                if _digest(item) in named and self.storage.find(key) is None:
                    self.storage.move(item.key, key)
                    log.warning("%s is named again: it is back", self.storage.shown(key))

    def erase(self, store: str, digests: Iterable[str], owners: Iterable[str]) -> None:
        """Remove at once what has one of these digests, or was one of these owners'."""
        erased_digests, erased_owners = set(digests), set(owners)
        for item in list(self._list(store)):
            digest, *file_owners = item.name.split(".")
            if digest in erased_digests or erased_owners & set(file_owners):
                self.storage.remove(item.key)

    def empty(self, *, at: datetime | None = None) -> None:
        """Remove the days that are over; anything else that lies here stays."""
        last = (at or utc_now()).date() - KEEP
        for name in self.storage.folders(FOLDER):
            day = _day(name)
            if day is not None and day < last:
                folder = f"{FOLDER}/{name}"
                self.storage.remove_folder(folder)
                log.info("%s has had its %d days: removed", self.storage.shown(folder), KEEP.days)

    def _list(self, store: str) -> Iterator[StoredObject]:
        for day in self.storage.folders(FOLDER):
            yield from self.storage.objects(f"{FOLDER}/{day}/{store}")


def by_digest(items: Iterable[StoredObject]) -> Iterator[list[StoredObject]]:
    """What comes in the order of its digests, in groups that one question can be asked of."""
    for _, group in groupby(items, lambda item: item.name[:2]):
        yield list(group)


def owner_of(sender: str) -> str:
    """How a sender's address is written behind a digest: only who knows it finds it."""
    return hashlib.sha256(parseaddr(sender)[1].casefold().encode()).hexdigest()[:24]


def note(db: Database, unclaimed: UnclaimedFiles) -> None:
    """Remember what a sweep left, or that it left nothing."""
    site_state.write(db, f"{STATE}.{unclaimed.store}", json.dumps(vars(unclaimed)))


def list_unclaimed(db: Database) -> list[UnclaimedFiles]:
    """What the last sweeps left, for somebody to look at."""
    rows = db.query(
        "SELECT value FROM state WHERE name LIKE :prefix ORDER BY name", {"prefix": f"{STATE}.%"}
    )
    notes = [UnclaimedFiles(**json.loads(row["value"])) for row in rows]
    return [unclaimed for unclaimed in notes if unclaimed.orphans]


def _digest(item: StoredObject) -> str:
    return item.name.partition(".")[0]


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None
