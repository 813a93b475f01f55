"""Who is told what: a change of a request becomes one notice for each person and channel.

A notice is written once, however often its change is handled. The channel that carries it asks
again, as it sends, whether the person may still be told. Nobody is told of what they did
themselves, but for the confirmation that their request has arrived.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from kbsearch import accounts, digests, outbox, people, preferences, teams, ticket_readers, tickets
from kbsearch.access import Viewer
from kbsearch.clock import stored
from kbsearch.config import Settings
from kbsearch.db import Database, new_id
from kbsearch.errors import NotFound
from kbsearch.outbox import Handlers, Task
from kbsearch.people import Person
from kbsearch.ticket_events import Kind
from kbsearch.tickets import Ticket

Why = Literal["requester", "copied", "follower", "assignee", "taking_part", "team"]
CUSTOMERS: tuple[Why, ...] = ("requester", "copied", "follower")

# The outbox's words for: carry this notice. A channel is here once somebody handles its word.
CARRIERS = {"mail": "notice.mail"}

TOLD_TO_CUSTOMERS: tuple[Kind, ...] = (
    "ticket.opened",
    "ticket.replied",
    "ticket.status_changed",
    "ticket.solved",
    "ticket.reopened",
    "ticket.closed",
)
TOLD_TO_ASSIGNEE: tuple[Kind, ...] = (
    "ticket.replied",
    "ticket.noted",
    "ticket.status_changed",
    "ticket.solved",
    "ticket.reopened",
)
TOLD_TO_TEAM: tuple[Kind, ...] = ("ticket.opened", "ticket.replied", "ticket.reopened")
KINDS: tuple[Kind, ...] = (*TOLD_TO_CUSTOMERS, "ticket.noted", "ticket.assigned", "ticket.cc_added")
KEEP = timedelta(days=90)
AT_ONCE = "blocking"  # the severity that no digest holds back


@dataclass(frozen=True)
class Change:
    """An event of a request, with what of the request decides who is told."""

    id: str
    kind: Kind
    at: str
    actor_id: str | None
    actor: str  # a name; empty when it happened by itself
    message_id: str | None
    before: str | None
    after: str | None
    is_internal: bool
    is_by_staff: bool
    comes_with_reply: bool  # the letter of the reply tells this change of status too
    status_with_it: str | None  # of a reply: the status it gave the request
    ticket_id: str
    number: int
    requester_id: str | None
    organisation_id: str | None
    assignee_id: str | None
    product: str | None  # a slug
    severity: str

    def preference(self, why: Why) -> str:
        """The event of the account page that it is to somebody."""
        if self.kind == "ticket.opened" and why == "copied":
            return "ticket.cc_added"
        return "ticket.status_changed" if self.kind == "ticket.reopened" else self.kind


@dataclass(frozen=True)
class Telling:
    """What to tell somebody, why them, and the request as they read it now."""

    change: Change
    why: Why
    person: Person
    viewer: Viewer
    ticket: Ticket


def handlers(settings: Settings, db: Database) -> Handlers:
    """What the outbox asks for: each change becomes the notices of those it concerns."""
    return {kind: lambda task: fan_out(db, settings, task) for kind in KINDS}


def fan_out(db: Database, settings: Settings, task: Task, *, at: datetime | None = None) -> None:
    """Write the notices of a change, and ask for each to be carried; the same task adds none."""
    moment = at or datetime.now(UTC)
    with db.atomic():
        change = find(db, task.subject)
        if change is None:
            return
        for person_id, why in concerned(db, settings, change).items():
            for channel in CARRIERS:
                if is_told(db, change, person_id, why, channel):
                    _write(db, change, person_id, channel, moment)


def find(db: Database, event_id: str) -> Change | None:
    """The change that an event is, with its request as it stands; None when it is gone."""
    rows = db.query(
        """
        SELECT e.id, e.kind, e.at, e.actor_id, COALESCE(a.name, '') AS actor, e.message_id,
               e.before, e.after, e.internal AS is_internal,
               COALESCE(a.role IN ('agent', 'administrator')
                        AND a.id <> COALESCE(t.requester_id, ''), 0) AS is_by_staff,
               EXISTS (SELECT 1 FROM ticket_events r
                       WHERE r.ticket_id = e.ticket_id AND r.kind = 'ticket.replied'
                         AND r.revision = e.revision - 1 AND r.actor_id = e.actor_id
                         AND r.at = e.at AND e.field = 'status') AS comes_with_reply,
               (SELECT s.after FROM ticket_events s
                WHERE s.ticket_id = e.ticket_id AND s.field = 'status'
                  AND s.revision = e.revision + 1 AND s.actor_id = e.actor_id
                  AND s.at = e.at AND e.kind = 'ticket.replied') AS status_with_it,
               t.id AS ticket_id, t.number, t.requester_id, t.organisation_id, t.assignee_id,
               p.slug AS product, t.severity
        FROM ticket_events e JOIN tickets t ON t.id = e.ticket_id
        LEFT JOIN people a ON a.id = e.actor_id
        LEFT JOIN products p ON p.id = t.product_id WHERE e.id = :id
        """,
        {"id": event_id},
    )
    if not rows:
        return None
    told = {
        name: bool(rows[0][name]) for name in ("is_internal", "is_by_staff", "comes_with_reply")
    }
    return Change(**{**rows[0], **told})


def concerned(db: Database, settings: Settings, change: Change) -> dict[str, Why]:
    """Whom a change concerns, by their ids, and why; whether they may see it is asked next."""
    found: dict[str, Why] = {}
    for why, ids in (*_customers(db, change), *_staff(db, settings, change)):
        for person_id in ids:
            found.setdefault(person_id, why)
    is_confirmation = change.kind == "ticket.opened" and change.requester_id == change.actor_id
    if change.actor_id and not is_confirmation:
        found.pop(change.actor_id, None)
    return found


def look(db: Database, settings: Settings, notice_id: str) -> Telling | None:
    """What a notice tells, as things stand now; None when there is nobody to tell any more."""
    rows = db.query(
        """
        SELECT event_id, person_id, channel FROM notices
        WHERE id = :id AND settled_at IS NULL
        """,
        {"id": notice_id},
    )
    change = find(db, rows[0]["event_id"]) if rows else None
    if change is None:
        return None
    person_id, channel = rows[0]["person_id"], rows[0]["channel"]
    why = concerned(db, settings, change).get(person_id)
    if why is None or not is_told(db, change, person_id, why, channel):
        return None
    person = people.find_id(db, person_id)
    try:
        viewer = accounts.viewer_for(db, person.email)
        return Telling(change, why, person, viewer, tickets.find(db, viewer, change.ticket_id))
    except NotFound:
        return None  # they have just lost sight of it


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
        {"id": notice_id, "outcome": outcome, "now": stored(at or datetime.now(UTC))},
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
        {"kind": kind, "now": stored(at or datetime.now(UTC))},
    )
    return [row["person_id"] for row in rows]


def forget_settled(db: Database, *, at: datetime | None = None) -> int:
    """Remove the notices that were done with a while ago; how many."""
    moment = at or datetime.now(UTC)
    return db.execute(
        "DELETE FROM notices WHERE settled_at < :before", {"before": stored(moment - KEEP)}
    )


def told_together(db: Database, settings: Settings, change: Change) -> list[Person]:
    """The requester and the people in copy who are told of a change by mail, the requester first.

    The page of the request names them to each other; those who only follow are not among them.
    """
    whys = concerned(db, settings, change)
    together = [
        person_id
        for person_id, why in whys.items()
        if why in ("requester", "copied") and is_told(db, change, person_id, why, "mail")
    ]
    found = people.find_all(db, together)
    return sorted(found, key=lambda person: whys[person.id] != "requester")


def unknown_in_teams(db: Database, settings: Settings) -> list[str]:
    """The addresses in teams of those who would be told nothing: they are no agents."""
    named = {agent for team in settings.teams for agent in team.agents}
    return sorted(named - set(_agents(db)))


def is_told(db: Database, change: Change, person_id: str, why: Why, channel: str) -> bool:
    """Whether they want it, have not got it already, and may see it, as things stand now."""
    if not preferences.wants(db, person_id, change.preference(why), channel):
        return False
    if change.comes_with_reply and preferences.wants(db, person_id, "ticket.replied", channel):
        return False
    if channel == "mail" and why in CUSTOMERS and _has_it_by_mail(db, change, person_id):
        return False
    return _may_see(db, change, person_id, why)


def _customers(db: Database, change: Change) -> Iterator[tuple[Why, Sequence[str]]]:
    if change.kind == "ticket.cc_added":
        yield "copied", _copied(db, change.ticket_id, only=change.after)
    if change.kind in TOLD_TO_CUSTOMERS:
        yield "requester", [change.requester_id] if change.requester_id else []
        yield "copied", _copied(db, change.ticket_id)
        if change.organisation_id:
            yield "follower", ticket_readers.followers(db, change.organisation_id)


def _staff(db: Database, settings: Settings, change: Change) -> Iterator[tuple[Why, Sequence[str]]]:
    assignee = [change.assignee_id] if change.assignee_id else []
    if change.kind == "ticket.assigned":
        yield "assignee", [each for each in assignee if each == change.after]
    if change.kind in TOLD_TO_ASSIGNEE:
        yield "assignee", assignee
    if change.kind == "ticket.noted":
        yield "taking_part", _taking_part(db, change.ticket_id)
    is_news = change.kind == "ticket.opened" or not change.is_by_staff
    if change.kind in TOLD_TO_TEAM and not assignee and is_news:
        yield "team", _team(db, settings, change.product)


def _copied(db: Database, ticket_id: str, *, only: str | None = None) -> list[str]:
    rows = db.query(
        """
        SELECT person_id FROM ticket_copies
        WHERE ticket_id = :ticket AND person_id IS NOT NULL AND (:only IS NULL OR email = :only)
        """,
        {"ticket": ticket_id, "only": only},
    )
    return [row["person_id"] for row in rows]


def _taking_part(db: Database, ticket_id: str) -> list[str]:
    rows = db.query(
        """
        SELECT DISTINCT m.author_id FROM messages m
        JOIN people p ON p.id = m.author_id AND p.role IN ('agent', 'administrator')
        WHERE m.ticket_id = :ticket
        """,
        {"ticket": ticket_id},
    )
    return [row["author_id"] for row in rows]


def _team(db: Database, settings: Settings, product: str | None) -> list[str]:
    named = teams.agents_of(settings.teams, product)
    return [
        person_id for email, person_id in _agents(db).items() if named is None or email in named
    ]


def _agents(db: Database) -> dict[str, str]:
    """The ids of those who answer requests, by their addresses."""
    rows = db.query(
        """
        SELECT id, email FROM people
        WHERE role IN ('agent', 'administrator') AND disabled_at IS NULL
        """
    )
    return {row["email"]: row["id"] for row in rows}


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
        viewer = accounts.viewer_for(db, people.find_id(db, person_id).email)
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
        outbox.add(db, CARRIERS[channel], notice_id)


def _gathers_at(db: Database, change: Change, person_id: str, moment: datetime) -> datetime | None:
    if change.severity == AT_ONCE:
        return None
    person = people.find_id(db, person_id)
    return digests.next_one(preferences.digest(db, person_id), person.time_zone, moment)
