"""Notification preferences: which events reach somebody, and by which channel.

Mail is on and text messages are off until somebody says otherwise; a text message needs a mobile
number that was verified.
"""

from collections.abc import Iterable, Mapping

from kbsearch import audit
from kbsearch.access import Viewer
from kbsearch.db import Database
from kbsearch.errors import Invalid

EVENTS = (
    "ticket.opened",
    "ticket.replied",
    "ticket.status_changed",
    "ticket.solved",
    "ticket.closed",
    "ticket.cc_added",
)
CHANNELS = ("mail", "sms")
WANTED_AT_FIRST = {"mail": True, "sms": False}

Choice = tuple[str, str]  # event, channel


def find(db: Database, viewer: Viewer) -> dict[Choice, bool]:
    """Every event and channel, and whether the viewer wants it."""
    return _of(db, viewer.person_id)


def choose(db: Database, viewer: Viewer, wanted: Iterable[Choice]) -> dict[Choice, bool]:
    """Want these and no others."""
    chosen = set(wanted)
    if not chosen <= set(_at_first()):
        raise Invalid("preferences.unknown")
    if any(channel == "sms" for _, channel in chosen) and not _has_mobile(db, viewer.person_id):
        raise Invalid("preferences.mobile_needed")
    with db.atomic():
        db.execute(
            "DELETE FROM notification_choices WHERE person_id = :id", {"id": viewer.person_id}
        )
        db.insert_many(
            "notification_choices",
            [
                {
                    "person_id": viewer.person_id,
                    "event": event,
                    "channel": channel,
                    "wanted": int((event, channel) in chosen),
                }
                for event, channel in _at_first()
            ],
        )
        audit.record(
            db, "notifications.chosen", person_id=viewer.person_id, actor_id=viewer.person_id
        )
    return find(db, viewer)


def wants(db: Database, person_id: str, event: str, channel: str) -> bool:
    """Whether to tell a person of an event by a channel, as things stand now."""
    if channel == "sms" and not _has_mobile(db, person_id):
        return False
    return _of(db, person_id)[(event, channel)]


def _of(db: Database, person_id: str | None) -> dict[Choice, bool]:
    rows = db.query(
        "SELECT event, channel, wanted FROM notification_choices WHERE person_id = :id",
        {"id": person_id},
    )
    said = {(row["event"], row["channel"]): bool(row["wanted"]) for row in rows}
    return {choice: said.get(choice, first) for choice, first in _at_first().items()}


def _at_first() -> Mapping[Choice, bool]:
    return {(event, channel): WANTED_AT_FIRST[channel] for event in EVENTS for channel in CHANNELS}


def _has_mobile(db: Database, person_id: str | None) -> bool:
    return bool(
        db.query(
            """
            SELECT 1 FROM people
            WHERE id = :id AND mobile IS NOT NULL AND mobile_verified_at IS NOT NULL
            """,
            {"id": person_id},
        )
    )
