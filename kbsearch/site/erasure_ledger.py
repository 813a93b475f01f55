"""Who and what was erased, beside the database and not in it: after a restore it is erased again.

Lines of JSON. None says who it was: an address or an id is known again by its salted digest.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import IO

from kbsearch import people, randomness
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Invalid, Problem
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
    """An erasure that was ordered: when, of whom or of which request, and whether files went."""

    at: str
    salt: str
    address: str  # digests
    person: str
    with_files: bool
    ticket: str = ""


def path(settings: Settings) -> Path:
    return settings.data_path / FILE


def add(settings: Settings, at: str, address: str, person_id: str, *, with_files: bool) -> None:
    """Add a line, on the disk when this ends."""
    with _held(path(settings)) as (file, earlier):
        salt = earlier[0].salt if earlier else randomness.token(12)
        digests = _digest(salt, address), _digest(salt, person_id)
        _append(file, [Erasure(at, salt, *digests, with_files)])


def add_ticket(settings: Settings, at: str, ticket_id: str) -> None:
    """Add the line of a request, on the disk when this ends."""
    with _held(path(settings)) as (file, earlier):
        salt = earlier[0].salt if earlier else randomness.token(12)
        _append(file, [Erasure(at, salt, "", "", with_files=True, ticket=_digest(salt, ticket_id))])


def read(ledgers: Iterable[Path]) -> list[Erasure]:
    """The lines of ledgers, each once; raises Problem with one that is no ledger."""
    erasures: dict[Erasure, None] = {}
    for ledger in ledgers:
        if ledger.exists():
            erasures |= dict.fromkeys(_parsed(ledger.read_bytes(), ledger))
    return list(erasures)


def merge(settings: Settings, erasures: Sequence[Erasure]) -> None:
    """Take in what other ledgers have, as of a machine that is gone."""
    if erasures:
        with _held(path(settings)) as (file, earlier):
            present = set(earlier)
            _append(file, [erasure for erasure in erasures if erasure not in present])


def name_outside(ledger: Path) -> str:
    """The file's name beside backups; two sites, or two machines, never share one."""
    salt = read([ledger])[0].salt
    return OUTSIDE.replace("*", hashlib.sha256(salt.encode()).hexdigest()[:12], 1).rstrip("*")


def returned(db: Database, erasures: Sequence[Erasure]) -> Iterator[tuple[str, Erasure]]:
    """The addresses in a database of an earlier moment that were erased since."""
    salts = {erasure.salt for erasure in erasures}
    by_address = {erasure.address: erasure for erasure in erasures if erasure.address}
    by_person = {erasure.person: erasure for erasure in erasures}
    ids = {row["email"]: row["id"] for row in db.query("SELECT id, email FROM people")}
    for row in db.query(ADDRESSES):
        try:
            address = people.fold_email(parseaddr(row["address"])[1])
        except Invalid:
            continue  # of a mail whose sender is none: nobody was erased by it
        for salt in salts:
            erasure = by_address.get(_digest(salt, address))
            if erasure is None and row["address"] in ids:  # they had another address then
                erasure = by_person.get(_digest(salt, ids[row["address"]]))
            if erasure:
                yield address, erasure
                break


def returned_tickets(db: Database, erasures: Sequence[Erasure]) -> list[int]:
    """The numbers of the requests in such a database that were erased since."""
    of_tickets = {erasure.ticket: erasure.salt for erasure in erasures if erasure.ticket}
    salts = set(of_tickets.values())
    if not salts:
        return []
    return [
        row["number"]
        for row in db.query("SELECT id, number FROM tickets ORDER BY number")
        if any(_digest(salt, row["id"]) in of_tickets for salt in salts)
    ]


@contextmanager
def _held(ledger: Path) -> Iterator[tuple[IO[bytes], list[Erasure]]]:
    """A ledger to add to, for one at a time, and what it has."""
    ledger.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(ledger, "a+b", opener=for_its_owner) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        erasures = _parsed(text, ledger)
        file.truncate(len(_whole(text)))
        yield file, erasures


def _append(file: IO[bytes], erasures: Sequence[Erasure]) -> None:
    file.write(b"".join(json.dumps(asdict(erasure)).encode() + b"\n" for erasure in erasures))
    file.flush()
    os.fsync(file.fileno())


def _parsed(text: bytes, ledger: Path) -> list[Erasure]:
    try:
        return [Erasure(**json.loads(line)) for line in _whole(text).splitlines()]
    except (TypeError, ValueError) as problem:
        raise Problem("erasures.unreadable", path=ledger) from problem


def _whole(text: bytes) -> bytes:
    """Its whole lines: of an erasure whose line was cut short, nothing was done yet."""
    return text[: text.rfind(b"\n") + 1]


def _digest(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt} {text}".encode()).hexdigest() if text else ""
