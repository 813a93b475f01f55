"""Promises: within how long people are answered, in which hours."""

from kbsearch.clock import now
from kbsearch.database import Database, site_state

COUNTED = ("clocks", "handling")  # the counters of what is worked out by targets and calendars
CHANGED = "promises_changed_at"  # what was late by then is old news


def clocks_changed(db: Database) -> None:
    """Have all that goes by targets and calendars worked out anew, in this transaction."""
    for name in COUNTED:
        db.execute("UPDATE counters SET value = 0 WHERE name = :name", {"name": name})
    site_state.write(db, CHANGED, now())


def changed_at(db: Database) -> str:
    """When they were changed last; empty for never."""
    return site_state.read(db, CHANGED) or ""
