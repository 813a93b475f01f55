"""Promises: within how long people are answered, in which hours."""

from kbsearch.clock import now
from kbsearch.database import Database

COUNTED = ("clocks", "handling")  # the counters of what is worked out by targets and calendars
CHANGED = "promises_changed_at"  # what was late by then is old news


def clocks_changed(db: Database) -> None:
    """Have all that goes by targets and calendars worked out anew, in this transaction."""
    for name in COUNTED:
        db.execute("UPDATE counters SET value = 0 WHERE name = :name", {"name": name})
    db.execute(
        """
        INSERT INTO state (name, value) VALUES (:name, :value)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """,
        {"name": CHANGED, "value": now()},
    )


def changed_at(db: Database) -> str:
    """When they were changed last; empty for never."""
    rows = db.query("SELECT value FROM state WHERE name = :name", {"name": CHANGED})
    return str(rows[0]["value"]) if rows else ""
