"""Who is told what: a change of a request becomes one notice for each person and channel.

A notice is written once, however often its change is handled. The channel that carries it asks
again, as it sends, whether the person may still be told.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import outbox, people, tickets
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, new_id
from kbsearch.errors import NotFound
from kbsearch.messages.notifications import digests, recipients
from kbsearch.messages.notifications.recipients import CUSTOMERS, Change, Why
from kbsearch.outbox import Handlers, Task
from kbsearch.people import Person, notification_choices, undeliverable, viewers
from kbsearch.tickets import Ticket

# By which kind of task a notice leaves: a channel is here once somebody handles its kind.
NOTICE_KINDS = {
    "mail": outbox.declare("notice.mail", "mail"),
    "sms": outbox.declare("notice.sms", "sms"),
}
KEEP = timedelta(days=90)
AT_ONCE = "blocking"  # the severity that no digest holds back; nor does one hold an alarm


@dataclass(frozen=True)
class Telling:
    """What to tell somebody, why them, and the request as they read it now."""

    change: Change
    why: Why
    person: Person
    viewer: Viewer
    ticket: Ticket


def handlers(db: Database) -> Handlers:
    """What the outbox asks for: each change becomes the notices of those it concerns."""
    return {kind: lambda task: fan_out(db, task) for kind in recipients.KINDS}


def fan_out(db: Database, task: Task, *, at: datetime | None = None) -> None:
    """Write the notices of a change, and ask for each to be carried; the same task adds none."""
    moment = at or utc_now()
    with db.atomic():
        change = recipients.find(db, task.subject)
        if change is None:
            return
        for person_id, why in recipients.of(db, change).items():
            for channel in NOTICE_KINDS:
                if is_told(db, change, person_id, why, channel):
                    _write(db, change, person_id, channel, moment)


def look(db: Database, notice_id: str) -> Telling | None:
    """What a notice tells, as things stand now; None when there is nobody to tell any more."""
    rows = db.query(
        """
        SELECT event_id, person_id, channel FROM notices
        WHERE id = :id AND settled_at IS NULL
        """,
        {"id": notice_id},
    )
    change = recipients.find(db, rows[0]["event_id"]) if rows else None
    if change is None:
        return None
    person_id, channel = rows[0]["person_id"], rows[0]["channel"]
    why = recipients.of(db, change).get(person_id)
    if why is None or not is_told(db, change, person_id, why, channel):
        return None
    person = people.find_id(db, person_id)
    try:
        viewer = viewers.find(db, person.email)
        ticket = tickets.find(db, viewer, change.ticket_id)
    except NotFound:
        return None  # they have just lost sight of it
    readable = {None, *(message.id for message in ticket.messages)}
    return Telling(change, why, person, viewer, ticket) if change.message_id in readable else None


def begin(db: Database, notice_id: str) -> bool:
    """Keep that a notice was taken up; whether that was the first time."""
    changed = db.execute(
        "UPDATE notices SET outcome = 'begun' WHERE id = :id AND outcome IS NULL", {"id": notice_id}
    )
    return changed == 1


def settle(db: Database, notice_id: str, outcome: str, *, at: datetime | None = None) -> None:
    """Keep that a notice is done with, and how: `sent`, or why it was not."""
    db.execute(
        """
        UPDATE notices SET settled_at = :now, outcome = :outcome
        WHERE id = :id AND settled_at IS NULL
        """,
        {"id": notice_id, "outcome": outcome, "now": stored(at or utc_now())},
    )


def gathered(db: Database, person_id: str) -> list[str]:
    """The ids of the notices that wait for somebody's digest, the oldest first."""
    rows = db.query(
        """
        SELECT n.id FROM notices n JOIN ticket_events e ON e.id = n.event_id
        WHERE n.person_id = :person AND n.settled_at IS NULL AND n.gathers_at IS NOT NULL
        ORDER BY e.revision
        """,
        {"person": person_id},
    )
    return [row["id"] for row in rows]


def whose_digest_is_due(db: Database, kind: str, *, at: datetime | None = None) -> list[str]:
    """Those for whom notices are to go out now and no task of that kind is under way."""
    rows = db.query(
        """
        SELECT DISTINCT n.person_id FROM notices n
        WHERE n.settled_at IS NULL AND n.gathers_at <= :now
          AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.kind = :kind
                          AND o.subject = n.person_id AND o.done_at IS NULL AND o.dead_at IS NULL)
        ORDER BY n.person_id
        """,
        {"kind": kind, "now": stored(at or utc_now())},
    )
    return [row["person_id"] for row in rows]


def forget_settled(db: Database, *, at: datetime | None = None) -> int:
    """Remove the notices that were done with a while ago; how many."""
    moment = at or utc_now()
    return db.execute(
        "DELETE FROM notices WHERE settled_at < :before", {"before": stored(moment - KEEP)}
    )


def told_together(db: Database, change: Change) -> list[Person]:
    """The requester and the people in copy who are told of a change by mail, the requester first.

    The page of the request names them to each other; those who only follow are not among them.
    """
    whys = recipients.of(db, change)
    together = [
        person_id
        for person_id, why in whys.items()
        if why in ("requester", "copied") and is_told(db, change, person_id, why, "mail")
    ]
    readers = people.find_all(db, together)
    return sorted(readers, key=lambda person: whys[person.id] != "requester")


def is_told(db: Database, change: Change, person_id: str, why: Why, channel: str) -> bool:
    """Whether they want it, have not got it already, and may see it, as things stand now."""
    if not notification_choices.wants(db, person_id, change.preference(why), channel):
        return False
    if change.comes_with_reply and notification_choices.wants(
        db, person_id, "ticket.replied", channel
    ):
        return False
    if channel == "mail" and undeliverable.is_so(db, person_id):
        return False
    if channel == "mail" and why in CUSTOMERS and _has_it_by_mail(db, change, person_id):
        return False
    return _may_see(db, change, person_id, why)


def _has_it_by_mail(db: Database, change: Change, person_id: str) -> bool:
    """Whether what was said came by a mail that its writer sent to this person as well."""
    rows = db.query(
        """
        SELECT m.recipients, p.email FROM mails m JOIN people p ON p.id = :person
        WHERE m.said_id = :message AND m.state = 'joined'
        """,
        {"message": change.message_id, "person": person_id},
    )
    return any(row["email"] in json.loads(row["recipients"]) for row in rows)


def _may_see(db: Database, change: Change, person_id: str, why: Why) -> bool:
    try:
        viewer = viewers.find(db, people.find_id(db, person_id).email)
    except NotFound:
        return False  # the account is closed
    if not viewer.is_agent and (change.is_internal or why not in CUSTOMERS):
        return False
    return bool(tickets.visible_numbers(db, viewer, [change.number]))


def _write(db: Database, change: Change, person_id: str, channel: str, moment: datetime) -> None:
    gathers_at = _gathers_at(db, change, person_id, moment) if channel == "mail" else None
    notice_id = new_id()
    is_new = db.execute(
        """
        INSERT INTO notices (id, event_id, person_id, channel, created_at, gathers_at)
        VALUES (:id, :event, :person, :channel, :now, :gathers)
        ON CONFLICT (event_id, person_id, channel) DO NOTHING
        """,
        {
            "id": notice_id,
            "event": change.id,
            "person": person_id,
            "channel": channel,
            "now": stored(moment),
            "gathers": stored(gathers_at) if gathers_at else None,
        },
    )
    if is_new and gathers_at is None:
        thread = f"{channel} {change.ticket_id} {person_id}"
        outbox.add(db, NOTICE_KINDS[channel], notice_id, thread=thread, place=change.revision)


def _gathers_at(db: Database, change: Change, person_id: str, moment: datetime) -> datetime | None:
    if change.severity == AT_ONCE or change.kind in recipients.ALARMS:
        return None
    person = people.find_id(db, person_id)
    return digests.next_one(notification_choices.digest(db, person_id), person.time_zone, moment)
