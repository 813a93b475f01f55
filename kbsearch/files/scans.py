"""What the virus scanner said of each content, and what may be handed out.

Where the site has a scanner, a content goes to nobody before it is known to be clean.
"""

from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database import Database, keepable, site_state
from kbsearch.errors import Invalid, NotFound, Unavailable
from kbsearch.files.scanner import ScanResult

AWAY = "scanner_away_since"  # in the state of the site, while it does not answer
SOON = 10  # seconds after which to ask again for what waits


def check(db: Database, settings: Settings, sha256: str) -> None:
    """Let a content be handed out; raises NotFound for an infected one, Unavailable for others."""
    if not settings.clamd:
        return
    rows = db.query("SELECT outcome FROM file_scans WHERE sha256 = :sha256", {"sha256": sha256})
    outcome = rows[0]["outcome"] if rows else None
    if outcome == "infected":
        raise NotFound("attachment.infected_here")
    if outcome == "unreadable":
        raise NotFound("attachment.not_scannable")
    if outcome is None:
        is_away = away_since(db) is not None
        key = "attachment.scanner_away" if is_away else "attachment.not_scanned"
        raise Unavailable(key, retry_after=SOON)


def refuse_infected(db: Database, sha256: str, name: str) -> None:
    """Turn a file down whose content is known to be infected: raises Invalid."""
    rows = db.query(
        "SELECT 1 FROM file_scans WHERE sha256 = :sha256 AND outcome = 'infected'",
        {"sha256": sha256},
    )
    if rows:
        raise Invalid("attachment.infected", name=name)


def note(db: Database, sha256: str, finding: ScanResult) -> bool:
    """Keep what the scanner says of a content; whether that is news."""
    changed = db.execute(
        """
        INSERT INTO file_scans (sha256, outcome, finding, at)
        VALUES (:sha256, :outcome, :finding, :now) ON CONFLICT (sha256) DO NOTHING
        """,
        {
            "sha256": sha256,
            "outcome": finding.outcome,
            "finding": keepable(finding.name),
            "now": now(),
        },
    )
    return changed == 1


def note_away(db: Database, *, is_away: bool) -> None:
    """Keep that the scanner does not answer, since when, or that it does."""
    if is_away:
        site_state.write_first(db, AWAY, now())
    elif away_since(db) is not None:
        site_state.remove(db, AWAY)


def away_since(db: Database) -> str | None:
    """Since when the scanner has not answered; None while it does."""
    return site_state.read(db, AWAY)
