"""Where files go that belong to nothing any more: a folder for each day, removed a month later.

`trash/<day>/<store>/<digest>`, and after the digest, with dots, whose it was: who is erased is
erased here too.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from email.utils import parseaddr
from pathlib import Path

from kbsearch.clock import utc_now
from kbsearch.database import Database

log = logging.getLogger(__name__)

KEEP = timedelta(days=30)
STATE = "orphans_left"


@dataclass(frozen=True)
class UnclaimedFiles:
    """What a sweep did not dare to move: how many of how many contents of a store."""

    store: str
    orphans: int
    contents: int


class Trash:
    """The trash beside the stores."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, path: Path, store: str, owners: Iterable[str] = ()) -> None:
        """Move a file here; killed meanwhile, it is there or here."""
        folder = self.root / utc_now().date().isoformat() / store
        for place in (self.root, folder.parent, folder):
            place.mkdir(mode=0o700, exist_ok=True)
        target = folder / ".".join([path.name, *sorted(set(owners))])
        shutil.move(path, target)
        log.info("%s belongs to nothing: it is in %s", path, target)

    def erase(self, store: str, digests: Iterable[str], owners: Iterable[str]) -> None:
        """Remove at once what has one of these digests, or was one of these owners'."""
        erased_digests, erased_owners = set(digests), set(owners)
        for path in self.root.glob(f"*/{store}/*"):
            digest, *file_owners = path.name.split(".")
            if digest in erased_digests or erased_owners & set(file_owners):
                path.unlink()

    def empty(self, *, at: datetime | None = None) -> None:
        """Remove the days that are over; anything else that lies here stays."""
        last = (at or utc_now()).date() - KEEP
        for folder in sorted(self.root.glob("????-??-??")):
            day = _day(folder.name)
            if day is not None and day < last:
                shutil.rmtree(folder)
                log.info("%s has had its %d days: removed", folder, KEEP.days)


def owner_of(sender: str) -> str:
    """How a sender's address is written behind a digest: only who knows it finds it."""
    return hashlib.sha256(parseaddr(sender)[1].casefold().encode()).hexdigest()[:24]


def note(db: Database, unclaimed: UnclaimedFiles) -> None:
    """Remember what a sweep left, or that it left nothing."""
    db.execute(
        """
        INSERT INTO state (name, value) VALUES (:name, :value)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """,
        {"name": f"{STATE}.{unclaimed.store}", "value": json.dumps(vars(unclaimed))},
    )


def list_unclaimed(db: Database) -> list[UnclaimedFiles]:
    """What the last sweeps left, for somebody to look at."""
    rows = db.query(
        "SELECT value FROM state WHERE name LIKE :prefix ORDER BY name", {"prefix": f"{STATE}.%"}
    )
    notes = [UnclaimedFiles(**json.loads(row["value"])) for row in rows]
    return [unclaimed for unclaimed in notes if unclaimed.orphans]


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None
