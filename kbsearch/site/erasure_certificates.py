"""Certificates of erasures: what went, when and by whom, in words that do not say who it was.

Whoever knows the address can show that a certificate is of it, and anybody that it was not altered:
both are digests that a command of every system makes.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from kbsearch.access import Viewer, only_administrators
from kbsearch.clock import now
from kbsearch.database import Database, Row, new_id
from kbsearch.errors import NotFound

LIMIT = 500  # shown in a list


@dataclass(frozen=True)
class ErasureCertificate:
    """An erasure as it is certified."""

    id: str
    at: str
    by_id: str | None  # none: a command
    subject: str
    counts: dict[str, int]  # rows by table, or by what they were
    sha256: str

    @property
    def text(self) -> str:
        """What the digest is of."""
        return _text(self.id, self.at, self.by_id, self.subject, self.counts)


def issue(
    db: Database, viewer: Viewer, address: str, counts: Mapping[str, int]
) -> ErasureCertificate:
    """Certify what was erased; call it in the transaction of the erasure."""
    certificate_id, at = new_id(), now()
    subject = _digest(f"{certificate_id} {address}")
    gone = {name: number for name, number in sorted(counts.items()) if number}
    digest = _digest(_text(certificate_id, at, viewer.person_id, subject, gone))
    row = {"id": certificate_id, "at": at, "by_id": viewer.person_id, "subject": subject}
    db.insert("erasures", {**row, "counts": json.dumps(gone), "sha256": digest})
    return ErasureCertificate(certificate_id, at, viewer.person_id, subject, gone, digest)


def list_latest(db: Database, viewer: Viewer) -> list[ErasureCertificate]:
    """The latest, the newest first."""
    only_administrators(viewer)
    rows = db.query("SELECT * FROM erasures ORDER BY at DESC, id LIMIT :limit", {"limit": LIMIT})
    return [_certificate(row) for row in rows]


def find(db: Database, viewer: Viewer, certificate_id: str) -> ErasureCertificate:
    """The one with that id."""
    only_administrators(viewer)
    rows = db.query("SELECT * FROM erasures WHERE id = :id", {"id": certificate_id})
    if not rows:
        raise NotFound("web.not_found")
    return _certificate(rows[0])


def _certificate(row: Row) -> ErasureCertificate:
    return ErasureCertificate(**{**row, "counts": json.loads(row["counts"])})


def _text(
    certificate_id: str, at: str, by_id: str | None, subject: str, counts: Mapping[str, int]
) -> str:
    fields = {"id": certificate_id, "at": at, "by": by_id, "subject": subject, "counts": counts}
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
