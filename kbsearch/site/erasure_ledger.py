"""Who was erased, beside the database and not in it: who comes back with a backup is erased again.

Lines of JSON. None says who it was: an address or an id is known again by its salted digest.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from email.utils import parseaddr
from pathlib import Path

from kbsearch import people, randomness
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Problem
from kbsearch.files.folder import for_its_owner

FILE = "erasures.jsonl"
OUTSIDE = "erasures-*.jsonl*"  # beside backups: one of each ledger that was begun
# Where addresses stand, besides those of accounts.
ADDRESSES = """
    SELECT email AS address FROM people
    UNION SELECT requester_email FROM tickets WHERE requester_email IS NOT NULL
    UNION SELECT author_email FROM messages WHERE author_email IS NOT NULL
    UNION SELECT email FROM ticket_copies WHERE email IS NOT NULL
    UNION SELECT sender FROM mails
"""


@dataclass(frozen=True)
class Erasure:
    """An erasure that was ordered: when, of whom, and whether files went as well."""

    at: str
    salt: str
    address: str  # digests
    person: str
    with_files: bool


def path(settings: Settings) -> Path:
    return settings.data_path / FILE


def add(settings: Settings, at: str, address: str, person_id: str, *, with_files: bool) -> None:
    """Add a line, on the disk when this ends."""
    ledger = path(settings)
    earlier = read([ledger])
    salt = earlier[0].salt if earlier else randomness.token(12)
    line = Erasure(at, salt, _digest(salt, address), _digest(salt, person_id), with_files)
    _append(ledger, [line])


def read(ledgers: Iterable[Path]) -> list[Erasure]:
    """The lines of ledgers, each once; raises Problem with one that is no ledger."""
    erasures: dict[Erasure, None] = {}
    for ledger in ledgers:
        if not ledger.exists():
            continue
        try:
            for line in ledger.read_text(encoding="utf-8").splitlines():
                erasures[Erasure(**json.loads(line))] = None
        except (TypeError, ValueError) as problem:
            raise Problem("erasures.unreadable", path=ledger) from problem
    return list(erasures)


def merge(settings: Settings, erasures: Sequence[Erasure]) -> None:
    """Take in what other ledgers have, as of a machine that is gone."""
    ledger = path(settings)
    present = set(read([ledger]))
    if missing := [erasure for erasure in erasures if erasure not in present]:
        _append(ledger, missing)


def name_outside(ledger: Path) -> str:
    """The file's name beside backups; two sites, or two machines, never share one."""
    salt = read([ledger])[0].salt
    return OUTSIDE.replace("*", hashlib.sha256(salt.encode()).hexdigest()[:12], 1).rstrip("*")


def returned(db: Database, erasures: Sequence[Erasure]) -> Iterator[tuple[str, Erasure]]:
    """The addresses in a database of an earlier moment that were erased since."""
    salts = {erasure.salt for erasure in erasures}
    by_address = {erasure.address: erasure for erasure in erasures}
    by_person = {erasure.person: erasure for erasure in erasures}
    ids = {row["email"]: row["id"] for row in db.query("SELECT id, email FROM people")}
    for row in db.query(ADDRESSES):
        address = people.fold_email(parseaddr(row["address"])[1])
        for salt in salts:
            erasure = by_address.get(_digest(salt, address))
            if erasure is None and row["address"] in ids:  # they had another address then
                erasure = by_person.get(_digest(salt, ids[row["address"]]))
            if erasure:
                yield address, erasure
                break


def _append(ledger: Path, erasures: Sequence[Erasure]) -> None:
    text = "".join(f"{json.dumps(asdict(erasure))}\n" for erasure in erasures)
    ledger.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(ledger, "a", encoding="utf-8", opener=for_its_owner) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _digest(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt} {text}".encode()).hexdigest() if text else ""
