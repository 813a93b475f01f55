"""What something adds to the security log."""

from collections.abc import Callable

from kbsearch import audit
from kbsearch.audit import Event
from kbsearch.database import Database


def added_by(db: Database, act: Callable[[], object]) -> list[Event]:
    """The events that are in the log once `act` is done, and were not before."""
    before = _ids(db)
    act()
    return [audit.find(db, event_id) for event_id in sorted(_ids(db) - before)]


def _ids(db: Database) -> set[str]:
    return {row["id"] for row in db.query("SELECT id FROM security_log")}


def events_about(db: Database, person_id: str) -> list[Event]:
    """What is in the log about somebody since they were added, the latest first."""
    return [event for event in audit.list_of(db, person_id) if event.kind != "person.added"]
