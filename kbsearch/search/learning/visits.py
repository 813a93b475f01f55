"""The ledger of deflection: what visits searched, saw and opened, and whether it helped.

A visit is a random number of this site's own; what agents and writers do is not counted.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from kbsearch.access import Viewer
from kbsearch.clock import parsed, stored, utc_now
from kbsearch.database import Database, Row, new_id, one_of
from kbsearch.errors import NotFound
from kbsearch.text import plain_text
from kbsearch.tickets import Ticket

Kind = Literal["searched", "shown", "opened", "confirmed", "filed"]

VISIT_ENDS_AFTER = timedelta(minutes=30)  # without a sign of life
FAILS_WITHIN = timedelta(hours=72)
TYPING_PAUSE = timedelta(seconds=30)  # a text that grows sooner is one search being typed
MAX_TEXT = 200
MAX_TARGETS = 20
STAFF = ("agent", "writer", "administrator")


def visit(
    db: Database,
    viewer: Viewer,
    visit_id: str = "",
    *,
    network: str = "",
    is_prefetch: bool = False,
    at: datetime | None = None,
) -> str | None:
    """The visit that goes on, or a new one; None for what is not counted.

    It is tied to whoever signs in during it, and ends when somebody else does. Guests of one
    `network` count as one: nothing else says how many they are.
    """
    if is_prefetch or viewer.role in STAFF:
        return None
    moment = at or utc_now()
    values = {"id": visit_id, "me": viewer.person_id, "now": stored(moment)}

    def go_on() -> str:
        goes_on = db.execute(
            """
            UPDATE visits SET seen_at = :now, person_id = COALESCE(person_id, :me)
            WHERE id = :id AND seen_at > :since
              AND (person_id IS NULL OR person_id = :me)
            """,
            {**values, "since": stored(moment - VISIT_ENDS_AFTER)},
        )
        if goes_on:
            return visit_id
        opened = new_id()
        row = {"id": opened, "person_id": viewer.person_id}
        row["network"] = "" if viewer.person_id else network
        db.insert("visits", {**row, "started_at": values["now"], "seen_at": values["now"]})
        return opened

    return db.retried(go_on)


def searched(
    db: Database,
    visit_id: str | None,
    text: str,
    *,
    results: int,
    product: str = "",
    at: datetime | None = None,
) -> None:
    """A search and how much it found. While somebody types on, it is the same search."""
    query = plain_text.line(text)[:MAX_TEXT]
    if visit_id is None or not query:
        return
    moment = at or utc_now()

    def note() -> None:
        last = _last(db, visit_id)
        row = {
            "at": stored(moment),
            "text": query,
            "product": product,
            "results": results,
            "fails_until": stored(moment + FAILS_WITHIN),
        }
        if last and _is_typed_on(last, query, product, moment):
            db.execute(
                """
                UPDATE visit_events SET at = :at, text = :text, results = :results,
                  fails_until = :fails_until, product = :product WHERE id = :id
                """,
                {**row, "id": last["id"]},
            )
        else:
            _add(db, visit_id, "searched", row)

    db.retried(note)


def shown(
    db: Database, visit_id: str | None, targets: Sequence[str], *, at: datetime | None = None
) -> None:
    """Results that were before somebody's eyes: `fr/account/sign-in`, or a ticket's number."""
    if visit_id is None:
        return
    with db.atomic():
        for target in targets[:MAX_TARGETS]:
            _add(db, visit_id, "shown", {"at": _stored(at), "target": target})


def opened(db: Database, visit_id: str | None, target: str, *, at: datetime | None = None) -> None:
    """A result that was opened, in place or on its page."""
    if visit_id is not None:
        with db.atomic():
            _add(db, visit_id, "opened", {"at": _stored(at), "target": target})


def has_searched(db: Database, visit_id: str | None) -> bool:
    """Whether something was searched in the visit."""
    values = {"visit": visit_id}
    sql = "SELECT 1 FROM visit_events WHERE visit_id = :visit AND kind = 'searched' LIMIT 1"
    return bool(db.query(sql, values))


def confirmed(
    db: Database, visit_id: str | None, target: str, *, at: datetime | None = None
) -> str | None:
    """Somebody says that this solved it; the id to undo it with."""
    if visit_id is None:
        return None
    with db.atomic():
        return _add(db, visit_id, "confirmed", {"at": _stored(at), "target": target})


def undo_confirmed(
    db: Database, visit_id: str | None, event_id: str, *, at: datetime | None = None
) -> None:
    """It did not, after all. Only the same visit can take it back."""
    changed = db.execute(
        """
        UPDATE visit_events SET undone_at = COALESCE(undone_at, :now)
        WHERE id = :id AND visit_id = :visit AND kind = 'confirmed'
        """,
        {"now": _stored(at), "id": event_id, "visit": visit_id},
    )
    if not changed:
        raise NotFound("visit.event_not_found")


def filed(
    db: Database, visit_id: str | None, ticket: Ticket, *, at: datetime | None = None
) -> None:
    """A request filed in the visit, once however often its form was sent."""
    if visit_id is None:
        return
    with db.atomic():
        values = {"visit": visit_id, "ticket": ticket.id}
        there = db.query(
            """
            SELECT 1 FROM visit_events
            WHERE visit_id = :visit AND kind = 'filed' AND ticket_id = :ticket
            """,
            values,
        )
        if not there:
            row = {"at": _stored(at), "ticket_id": ticket.id, "product": ticket.product or ""}
            _add(db, visit_id, "filed", row)


def searches_before(db: Database, ticket_ids: Sequence[str]) -> list[str]:
    """What was searched before some requests were filed, by whoever filed each; oldest first."""
    places, values = one_of("ticket", list(ticket_ids))
    rows = db.query(
        f"""
        WITH asked AS (
          SELECT t.created_at, v.id AS visit_id
          FROM tickets t JOIN visits v ON v.person_id = t.requester_id WHERE t.id IN ({places})
          UNION SELECT t.created_at, f.visit_id
          FROM tickets t JOIN visit_events f ON f.ticket_id = t.id AND f.kind = 'filed'
          WHERE t.id IN ({places}))
        SELECT s.text FROM asked a JOIN visit_events s ON s.visit_id = a.visit_id
        WHERE s.kind = 'searched' AND s.text <> ''
          AND s.at <= a.created_at AND s.fails_until >= a.created_at
        ORDER BY s.at, s.visit_id, s.position
        """,  # noqa: S608 (names of parameters)
        values,
    )
    return list(dict.fromkeys(row["text"] for row in rows))


def forget_texts(db: Database, days: int, *, at: datetime | None = None) -> int:
    """Forget the words of searches older than that many days; the counts stay. How many."""
    before = stored((at or utc_now()) - timedelta(days=days))
    return db.execute(
        "UPDATE visit_events SET text = '' WHERE text <> '' AND at < :before", {"before": before}
    )


def erase_person(db: Database, person_id: str) -> int:
    """Forget the visits of somebody, and all that happened in them; how many."""
    return db.execute("DELETE FROM visits WHERE person_id = :person", {"person": person_id})


def _add(db: Database, visit_id: str, kind: Kind, row: Row) -> str:
    event_id = new_id()
    last = _last(db, visit_id)
    position = last["position"] + 1 if last else 0
    db.insert(
        "visit_events",
        {"id": event_id, "visit_id": visit_id, "position": position, "kind": kind, **row},
    )
    return event_id


def _last(db: Database, visit_id: str) -> Row | None:
    rows = db.query(
        """
        SELECT id, position, kind, at, text, product FROM visit_events
        WHERE visit_id = :visit ORDER BY position DESC LIMIT 1
        """,
        {"visit": visit_id},
    )
    return rows[0] if rows else None


def _is_typed_on(last: Row, text: str, product: str, moment: datetime) -> bool:
    before, after = last["text"].lower(), text.lower()
    return (
        last["kind"] == "searched"
        and last["product"] == product
        and moment - parsed(last["at"]) <= TYPING_PAUSE
        and (after.startswith(before) or before.startswith(after))
    )


def _stored(at: datetime | None) -> str:
    return stored(at or utc_now())
