"""What became of backups: the last one, the last failure and the last proof, as noted."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from kbsearch import outbox
from kbsearch.clock import now
from kbsearch.database import Database

FAILED = outbox.declare("backup.failed", "mail")  # tell an administrator; the subject is their id
# Names of the site's notes.
MADE, BY_HAND, FAILURE, PROOF = (
    "backup_made",
    "backup_by_hand",
    "backup_failure",
    "backup_proof",
)


@dataclass(frozen=True)
class BackupMade:
    """A backup that is whole, and where it lies."""

    at: str
    name: str
    place: str
    size: int  # in bytes, as it lies there


@dataclass(frozen=True)
class Failure:
    """Why there is none since."""

    at: str
    reason: str


@dataclass(frozen=True)
class DrillProof:
    """What came of bringing one back beside the site."""

    at: str
    name: str
    made_at: str
    seconds: float
    counts: dict[str, int]  # how much there was, by noun
    erased: int = 0  # people who were erased since the backup, and were again
    problems: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        return not self.problems


@dataclass(frozen=True)
class Outcomes:
    """All that is noted of them."""

    made: BackupMade | None
    by_hand: BackupMade | None  # in a file that a command names
    failure: Failure | None
    proof: DrillProof | None

    @property
    def latest(self) -> BackupMade | None:
        made = [made for made in (self.made, self.by_hand) if made]
        return max(made, key=lambda each: each.at, default=None)


def look(db: Database) -> Outcomes:
    proof = read_note(db, PROOF)
    if proof:
        proof["problems"] = tuple(proof["problems"])
    made, by_hand = read_note(db, MADE), read_note(db, BY_HAND)
    failure = read_note(db, FAILURE)
    return Outcomes(
        BackupMade(**made) if made else None,
        BackupMade(**by_hand) if by_hand else None,
        Failure(**failure) if failure else None,
        DrillProof(**proof) if proof else None,
    )


def note_made(db: Database, made: BackupMade) -> None:
    """What failed before is made good."""
    with db.atomic():
        write_note(db, MADE, asdict(made))
        db.execute("DELETE FROM state WHERE name = :name", {"name": FAILURE})


def note_by_hand(db: Database, made: BackupMade) -> None:
    write_note(db, BY_HAND, asdict(made))


def note_failure(db: Database, reason: str) -> None:
    """Administrators are told of the first of several in a row."""
    with db.atomic():
        is_first = read_note(db, FAILURE) is None
        write_note(db, FAILURE, asdict(Failure(now(), reason)))
        if is_first:
            for row in db.query(
                "SELECT id FROM people WHERE role = 'administrator' AND disabled_at IS NULL"
            ):
                outbox.add(db, FAILED, row["id"])


def note_proof(db: Database, proof: DrillProof) -> None:
    write_note(db, PROOF, asdict(proof))


def read_note(db: Database, name: str) -> Any:
    """What the site noted under a name, if anything."""
    rows = db.query("SELECT value FROM state WHERE name = :name", {"name": name})
    return json.loads(rows[0]["value"]) if rows else None


def write_note(db: Database, name: str, note: object) -> None:
    db.execute(
        """
        INSERT INTO state (name, value) VALUES (:name, :value)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """,
        {"name": name, "value": json.dumps(note)},
    )
