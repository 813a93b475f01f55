"""What became of backups: the last one, the last failure and the last proof, as noted."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kbsearch import outbox, people
from kbsearch.clock import now
from kbsearch.database import Database, site_state

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
class BackupFailure:
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
    failure: BackupFailure | None
    proof: DrillProof | None

    @property
    def latest(self) -> BackupMade | None:
        backups = [backup for backup in (self.made, self.by_hand) if backup]
        return max(backups, key=lambda backup: backup.at, default=None)


def look(db: Database) -> Outcomes:
    texts = site_state.read_all(db, [MADE, BY_HAND, FAILURE, PROOF])
    notes = {name: json.loads(text) for name, text in texts.items()}
    return Outcomes(
        BackupMade(**notes[MADE]) if MADE in notes else None,
        BackupMade(**notes[BY_HAND]) if BY_HAND in notes else None,
        BackupFailure(**notes[FAILURE]) if FAILURE in notes else None,
        _proof(**notes[PROOF]) if PROOF in notes else None,
    )


def _proof(*, problems: Sequence[str], **facts: Any) -> DrillProof:
    return DrillProof(**facts, problems=tuple(problems))


def note_made(db: Database, made: BackupMade) -> None:
    """What failed before is made good."""
    with db.atomic():
        _note(db, MADE, made)
        site_state.remove(db, FAILURE)


def note_by_hand(db: Database, made: BackupMade) -> None:
    _note(db, BY_HAND, made)


def note_failure(db: Database, reason: str) -> None:
    """Administrators are told of the first of several in a row."""
    with db.atomic():
        is_first = site_state.read(db, FAILURE) is None
        _note(db, FAILURE, BackupFailure(now(), reason))
        if is_first:
            for person in people.list_administrators(db):
                outbox.add(db, FAILED, person.id)


def note_proof(db: Database, proof: DrillProof) -> None:
    _note(db, PROOF, proof)


def _note(db: Database, name: str, outcome: BackupMade | BackupFailure | DrillProof) -> None:
    site_state.write(db, name, json.dumps(asdict(outcome)))
