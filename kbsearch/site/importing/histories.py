"""What was done to past tickets: their events, in places before all that happens here."""

from collections.abc import Mapping, Sequence
from typing import Any

from kbsearch.database import Database, Row, new_id, one_of
from kbsearch.errors import Invalid
from kbsearch.site.importing import fields
from kbsearch.site.importing.records import EventRecord, TicketRecord
from kbsearch.tickets import teams
from kbsearch.tickets.events import KINDS

MAX_EVENTS = 10_000
MAX_NAME = 254
MAX_VALUE = 2_000
FIRST_PLACE = -1_000_000  # of a ticket's first event: what is new counts up from 0
AT_ONCE = 5000


def parse(values: Mapping[str, Any], count: int) -> tuple[EventRecord, ...]:
    """The events of a line with so many messages; raises Invalid."""
    events = values.get("events")
    if events is None:
        return ()
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise Invalid("import.wrong_type", field="events", expected="[{…}]")
    if len(events) > MAX_EVENTS:
        raise Invalid("import.too_many", field="events", limit=MAX_EVENTS)
    return tuple(_event(event, count) for event in events)


def _event(values: Mapping[str, Any], count: int) -> EventRecord:
    message = values.get("message")
    if message is not None and not (isinstance(message, int) and 0 <= message < count):
        raise Invalid("import.not_a_number", field="message", limit=max(count - 1, 0))
    return EventRecord(
        id=fields.name(values, "id", MAX_NAME),
        at=fields.required(fields.moment(values, "at") or "", "at"),
        kind=fields.required(fields.choice(values, "kind", KINDS) or "", "kind"),
        actor=fields.address(fields.text(values, "actor")) or "",
        field=fields.name(values, "field", MAX_NAME),
        before=fields.text(values, "before")[:MAX_VALUE],
        after=fields.text(values, "after")[:MAX_VALUE],
        internal=fields.flag(values, "internal"),
        message=message,
    )


def rows(
    ticket_id: str,
    record: TicketRecord,
    messages: Sequence[Row],
    people: Mapping[str, str],
    team_ids: Mapping[str, str],
) -> list[Row]:
    """The events of a ticket; each message gets the place of the one that tells of it."""
    events = []
    for place, event in enumerate(record.events, FIRST_PLACE):
        message = None if event.message is None else messages[event.message]
        if message is not None:
            message["revision"] = place
        events.append(
            {
                "id": event.id or new_id(),
                "ticket_id": ticket_id,
                "revision": place,
                "edition": 0,
                "at": event.at,
                "actor_id": people.get(event.actor),
                "kind": event.kind,
                "message_id": message["id"] if message is not None else None,
                "field": event.field or None,
                "before": _value(event.field, event.before, people, team_ids),
                "after": _value(event.field, event.after, people, team_ids),
                "internal": int(event.internal),
            }
        )
    return events


def _value(
    field: str, value: str, people: Mapping[str, str], team_ids: Mapping[str, str]
) -> str | None:
    """What an event keeps: the id of a person or a team, where it names one that is here."""
    if field == "assignee":
        return people.get(value)
    if field == "team":
        return team_ids.get(teams.key_of(value))
    return value or None


def put(db: Database, events: Sequence[Row]) -> None:
    """Write events; an id that is taken is another's, and the event gets one of its own."""
    taken: set[str] = set()
    for start in range(0, len(events), AT_ONCE):
        places, values = one_of("event", [event["id"] for event in events[start : start + AT_ONCE]])
        there = db.query(f"SELECT id FROM ticket_events WHERE id IN ({places})", values)  # noqa: S608
        taken |= {row["id"] for row in there}
    for event in events:
        if event["id"] in taken:
            event["id"] = new_id()
        taken.add(event["id"])
    db.insert_many("ticket_events", events)


def clear(db: Database, ticket_ids: Sequence[str]) -> None:
    """Forget what a source told before, for what it tells now."""
    places, values = one_of("ticket", ticket_ids)
    db.execute(
        f"DELETE FROM ticket_events WHERE revision < 0 AND ticket_id IN ({places})",  # noqa: S608
        values,
    )
