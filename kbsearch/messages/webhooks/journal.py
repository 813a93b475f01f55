"""Events in their order, for programs that ask what happened since: the same as webhooks are sent.

What happened to tickets is read beside them; the rest is written down here as it happens. A cursor
says how far somebody has read both.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge

from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, Row, one_of
from kbsearch.errors import Invalid
from kbsearch.messages.webhooks import events
from kbsearch.tickets import visibility

KEEP = timedelta(days=30)
CURSOR = re.compile(r"([0-9]{1,18})-([0-9]{1,18})", re.ASCII)
STAFF_KINDS = ("article.published", "article.withdrawn", "article.feedback", "search.failed")
AGENTS_KINDS = ("announcement.published", "announcement.ended")
ADMINISTRATORS_KINDS = ("user.invited", "user.signed_in")


@dataclass(frozen=True)
class Cursor:
    """How far events were read: a revision of tickets, a place in the journal."""

    revision: int = 0
    place: int = 0

    def __str__(self) -> str:
        return f"{self.revision}-{self.place}"


@dataclass(frozen=True)
class ToldEvent:
    """An event as webhooks are sent it."""

    type: str
    timestamp: str
    data: events.Facts


def read_cursor(text: str) -> Cursor:
    """The cursor that a text is; empty for the beginning. Raises Invalid."""
    match = CURSOR.fullmatch(text)
    if text and not match:
        raise Invalid("api.cursor_invalid")
    return Cursor(*map(int, match.groups())) if match else Cursor()


def since(
    db: Database,
    viewer: Viewer,
    settings: Settings,
    after: Cursor,
    *,
    limit: int,
    product: str | None = None,
) -> tuple[list[ToldEvent], Cursor]:
    """The events after a cursor that the viewer may know of, and the cursor after them.

    `product`, a slug, leaves only those of its tickets.
    """
    tickets = _of_tickets(db, viewer, after.revision, limit, product)
    others = [] if product else _others(db, viewer, after.place, limit)
    written: list[ToldEvent] = []
    revision, place = after.revision, after.place
    for row in _first(limit, tickets, others):
        revision, place = row.get("revision", revision), row.get("place", place)
        facts = events.facts(db, settings, row["kind"], row["subject"])
        if facts is not None:  # its subject may be gone by now
            written.append(ToldEvent(row["kind"], row["at"], facts))
    return written, Cursor(revision, place)


def forget_old(db: Database, *, at: datetime | None = None) -> int:
    """Remove what nobody catches up with any more; how many."""
    before = {"before": stored((at or utc_now()) - KEEP)}
    return db.execute("DELETE FROM site_events WHERE at < :before", before)


def _first(limit: int, *streams: list[Row]) -> Iterator[Row]:
    for count, row in enumerate(merge(*streams, key=lambda row: str(row["at"]))):
        if count == limit:
            return
        yield row


def _of_tickets(
    db: Database, viewer: Viewer, after: int, limit: int, product: str | None
) -> list[Row]:
    visible, principals = visibility.condition(viewer)
    return db.query(
        f"""
        SELECT e.id AS subject, e.kind, e.at, e.revision FROM ticket_events e
        JOIN tickets t ON t.id = e.ticket_id
        WHERE e.revision > :after AND (e.internal = 0 OR :is_agent = 1) AND {visible}
          AND (:product IS NULL
               OR t.product_id = (SELECT p.id FROM products p WHERE p.slug = :product))
        ORDER BY e.revision LIMIT :limit
        """,  # noqa: S608 (a condition of names of parameters)
        {
            "after": after,
            "is_agent": int(viewer.is_agent),
            "product": product,
            "limit": limit,
            **principals,
        },
    )


def _others(db: Database, viewer: Viewer, after: int, limit: int) -> list[Row]:
    kinds = (
        *(STAFF_KINDS if viewer.is_staff else ()),
        *(AGENTS_KINDS if viewer.is_agent else ()),
        *(ADMINISTRATORS_KINDS if viewer.is_administrator else ()),
    )
    places, values = one_of("kind", kinds)
    return db.query(
        f"""
        SELECT place, kind, subject, at FROM site_events
        WHERE place > :after AND kind IN ({places}) ORDER BY place LIMIT :limit
        """,  # noqa: S608 (names of parameters)
        {"after": after, "limit": limit, **values},
    )
