"""Whom a change of a request concerns, and why; whether they may see it is asked elsewhere.

Nobody is concerned by what they did themselves, but for the confirmation that their own request
has arrived, and for a copy of what they write, which customers may choose to get.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from kbsearch.database import Database
from kbsearch.tickets import readers, teams
from kbsearch.tickets.events import EventKind

Why = Literal["requester", "copied", "follower", "author", "assignee", "taking_part", "team"]
CUSTOMERS: tuple[Why, ...] = ("requester", "copied", "follower", "author")

TOLD_TO_CUSTOMERS: tuple[EventKind, ...] = (
    "ticket.opened",
    "ticket.replied",
    "ticket.status_changed",
    "ticket.solved",
    "ticket.reopened",
    "ticket.closed",
)
TOLD_TO_ASSIGNEE: tuple[EventKind, ...] = (
    "ticket.replied",
    "ticket.noted",
    "ticket.status_changed",
    "ticket.solved",
    "ticket.reopened",
)
ALARMS: tuple[EventKind, ...] = ("ticket.due_soon", "ticket.overdue")
TOLD_TO_TEAM: tuple[EventKind, ...] = ("ticket.opened", "ticket.replied", "ticket.reopened")
KINDS: tuple[EventKind, ...] = (
    *TOLD_TO_CUSTOMERS,
    "ticket.noted",
    "ticket.assigned",
    "ticket.cc_added",
    *ALARMS,
)


@dataclass(frozen=True)
class Change:
    """An event of a request, with what of the request decides who is told."""

    id: str
    revision: int  # what happened later has a higher one
    kind: EventKind
    at: str
    actor_id: str | None
    actor: str  # a name; empty when it happened by itself
    message_id: str | None
    field: str | None  # that was changed; of an alarm, what was promised
    before: str | None
    after: str | None
    is_internal: bool
    is_by_staff: bool
    is_by_rule: bool
    comes_with_reply: bool  # the letter of the reply tells this change of status too
    status_with_it: str | None  # of a reply: the status it gave the request
    ticket_id: str
    number: int
    requester_id: str | None
    organisation_id: str | None
    assignee_id: str | None
    team_id: str | None
    product_id: str | None
    severity: str

    def preference(self, why: Why) -> str:
        """The event of the account page that it is to somebody."""
        if why == "author":
            return "ticket.own_reply"
        if self.kind == "ticket.opened" and why == "copied":
            return "ticket.cc_added"
        return "ticket.status_changed" if self.kind == "ticket.reopened" else self.kind


def find(db: Database, event_id: str) -> Change | None:
    """The change that an event is, with its request as it stands; None when it is gone."""
    rows = db.query(
        """
        SELECT e.id, e.revision, e.kind, e.at, e.actor_id, COALESCE(a.name, '') AS actor,
               e.message_id, e.field, e.before, e.after, e.internal AS is_internal,
               CASE WHEN e.rule_id IS NOT NULL OR (a.role IN ('agent', 'administrator')
                    AND a.id <> COALESCE(t.requester_id, '')) THEN 1 ELSE 0 END AS is_by_staff,
               e.rule_id IS NOT NULL AS is_by_rule,
               EXISTS (SELECT 1 FROM ticket_events r
                       WHERE r.ticket_id = e.ticket_id AND r.kind = 'ticket.replied'
                         AND r.revision = e.revision - 1
                         AND COALESCE(r.actor_id, r.rule_id) = COALESCE(e.actor_id, e.rule_id)
                         AND r.at = e.at AND e.field = 'status') AS comes_with_reply,
               (SELECT s.after FROM ticket_events s
                WHERE s.ticket_id = e.ticket_id AND s.field = 'status'
                  AND s.revision = e.revision + 1
                  AND COALESCE(s.actor_id, s.rule_id) = COALESCE(e.actor_id, e.rule_id)
                  AND s.at = e.at AND e.kind = 'ticket.replied') AS status_with_it,
               t.id AS ticket_id, t.number, t.requester_id, t.organisation_id, t.assignee_id,
               t.team_id, t.product_id, t.severity
        FROM ticket_events e JOIN tickets t ON t.id = e.ticket_id
        LEFT JOIN people a ON a.id = e.actor_id
        WHERE e.id = :id
        """,
        {"id": event_id},
    )
    if not rows:
        return None
    flags = {
        name: bool(rows[0][name])
        for name in ("is_internal", "is_by_staff", "is_by_rule", "comes_with_reply")
    }
    return Change(**{**rows[0], **flags})


def of(db: Database, change: Change) -> dict[str, Why]:
    """Whom a change concerns, by their ids, and why."""
    whys: dict[str, Why] = {}
    for why, ids in (*_customers(db, change), *_staff(db, change)):
        for person_id in ids:
            whys.setdefault(person_id, why)
    is_confirmation = change.kind == "ticket.opened" and change.requester_id == change.actor_id
    if change.actor_id and not is_confirmation:
        whys.pop(change.actor_id, None)
        if change.kind == "ticket.replied" and not change.is_by_staff:
            whys[change.actor_id] = "author"
    return whys


def _customers(db: Database, change: Change) -> Iterator[tuple[Why, Sequence[str]]]:
    if change.kind == "ticket.cc_added":
        yield "copied", _copied(db, change.ticket_id, only=change.after)
    if change.kind in TOLD_TO_CUSTOMERS:
        yield "requester", [change.requester_id] if change.requester_id else []
        yield "copied", _copied(db, change.ticket_id)
        if change.organisation_id:
            yield "follower", readers.followers(db, change.organisation_id)


def _staff(db: Database, change: Change) -> Iterator[tuple[Why, Sequence[str]]]:
    assignee = [change.assignee_id] if change.assignee_id else []
    if change.kind == "ticket.assigned":
        yield "assignee", [person_id for person_id in assignee if person_id == change.after]
    if change.kind in TOLD_TO_ASSIGNEE:
        yield "assignee", assignee
    if change.kind == "ticket.noted":
        yield "taking_part", _taking_part(db, change.ticket_id)
    is_news = change.kind == "ticket.opened" or not change.is_by_staff
    if change.kind in TOLD_TO_TEAM and not assignee and is_news:
        yield "team", teams.informed(db, change.team_id, change.product_id)
    if change.kind in ALARMS:
        yield "assignee", assignee
    if change.kind == "ticket.overdue" or (change.kind == "ticket.due_soon" and not assignee):
        yield "team", teams.informed(db, change.team_id, change.product_id)


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
