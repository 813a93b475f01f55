"""Having files looked at: whatever came by mail, form or program, one after the other.

It is the worker's, as a scanner may take its time. Whoever sent an infected file is told by mail,
and so is whoever answers the request; the file stays where it is, and goes to nobody.
"""

import logging
from dataclasses import dataclass

from kbsearch import audit, outbox
from kbsearch.config import Settings
from kbsearch.database import Database, Row
from kbsearch.files import places, scanner, scans
from kbsearch.files.scanner import ScannerAway, ScanResult
from kbsearch.files.store import FileStore

log = logging.getLogger(__name__)

INFECTED = outbox.declare("file.infected", "mail")  # to one person: "attachment person"
IDLE_SECONDS = 0.5
AWAY_SECONDS = 10.0
# The contents that nobody has looked at yet: of files, and of mails as they came.
UNSCANNED = """
    SELECT sha256, created_at AS at, 0 AS is_mail FROM attachments f
    WHERE (ticket_id IS NOT NULL OR form_key IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM file_scans s WHERE s.sha256 = f.sha256)
    UNION ALL SELECT sha256, received_at, 1 FROM mails m
    WHERE NOT EXISTS (SELECT 1 FROM file_scans s WHERE s.sha256 = m.sha256)
"""


@dataclass(frozen=True)
class ScanCounts:
    """How many contents wait to be looked at, and how many were found infected."""

    waiting: int
    infected: int


def step(db: Database, settings: Settings) -> float:
    """Have the newest content looked at that waits; for how many seconds to rest then."""
    rows = db.query(f"SELECT * FROM ({UNSCANNED}) AS waiting ORDER BY at DESC LIMIT 1")  # noqa: S608
    if not rows:
        return IDLE_SECONDS
    sha256: str = rows[0]["sha256"]
    try:
        store = places.mails(settings) if rows[0]["is_mail"] else places.attached(settings)
        finding = _scan(settings, store, sha256)
    except ScannerAway as problem:
        log.warning("the virus scanner at %s does not answer: %s", settings.clamd, problem)
        scans.note_away(db, is_away=True)
        return AWAY_SECONDS
    with db.atomic():
        scans.note_away(db, is_away=False)
        if scans.note(db, sha256, finding) and finding.outcome == "infected":
            _tell(db, sha256, finding)
    return 0.0


def count(db: Database) -> ScanCounts:
    """How much waits and how much was found, for whoever looks after the site."""
    waiting = db.query(f"SELECT COUNT(*) AS n FROM ({UNSCANNED}) AS waiting")  # noqa: S608
    infected = db.query("SELECT COUNT(*) AS n FROM file_scans WHERE outcome = 'infected'")
    return ScanCounts(waiting[0]["n"], infected[0]["n"])


def forget_unused(db: Database) -> int:
    """Remove what was said of contents that are there no more; how many."""
    return db.execute(
        """
        DELETE FROM file_scans WHERE sha256 NOT IN (SELECT sha256 FROM attachments)
          AND sha256 NOT IN (SELECT sha256 FROM mails)
        """
    )


def _scan(settings: Settings, store: FileStore, sha256: str) -> ScanResult:
    try:
        file = store.open(sha256)
    except FileNotFoundError:
        return ScanResult("unreadable", "it is not there")
    with file:
        return scanner.scan(settings.clamd, file)


def _tell(db: Database, sha256: str, finding: ScanResult) -> None:
    """Keep a line in the security log for each of these files, and have people told."""
    rows: list[Row] = db.query(
        """
        SELECT f.id, f.name, f.person_id, t.number, t.assignee_id FROM attachments f
        LEFT JOIN tickets t ON t.id = f.ticket_id WHERE f.sha256 = :sha256
        """,
        {"sha256": sha256},
    )
    for row in rows:
        audit.record(
            db,
            "file.infected",
            person_id=row["person_id"],
            number=str(row["number"] or ""),
            finding=finding.name,
        )
        for person_id in {row["person_id"], row["assignee_id"]} - {None}:
            outbox.add(db, INFECTED, f"{row['id']} {person_id}")
    if not rows:
        audit.record(db, "file.infected", finding=finding.name)
