"""What happened to a ticket: each change is an event in its conversation and in the outbox."""

from dataclasses import dataclass
from typing import Literal, get_args

from kbsearch import outbox
from kbsearch.access import Viewer
from kbsearch.database import Database, Row, new_id
from kbsearch.errors import NotFound
from kbsearch.tickets import changes, visibility

EventKind = Literal[
    "ticket.opened",
    "ticket.replied",
    "ticket.noted",
    "ticket.assigned",
    "ticket.status_changed",
    "ticket.solved",
    "ticket.closed",
    "ticket.merged",
    "ticket.reopened",
    "ticket.cc_added",
    "ticket.cc_removed",
    "ticket.changed",
    "ticket.due_soon",
    "ticket.overdue",
]
KINDS: tuple[EventKind, ...] = get_args(EventKind)
INTERNAL_FIELDS = ("tags", "team")  # customers do not learn of their changes
INTERNAL_KINDS: tuple[EventKind, ...] = ("ticket.noted", "ticket.due_soon", "ticket.overdue")
for kind in KINDS:
    outbox.declare(kind, "inside")


@dataclass(frozen=True)
class TicketEvent:
    """A change of a ticket: what was changed, from what, to what; people and teams by name."""

    id: str
    kind: EventKind
    actor: str  # a name; empty when it happened by itself
    at: str
    field: str | None
    before: str | None
    after: str | None
    revision: int
    rule: str | None = None  # the name of the rule that did it; empty when that is gone


@dataclass(frozen=True)
class NewEvent:
    """A change as it is written: people and teams by their ids, a copy by its address."""

    kind: EventKind
    at: str
    field: str | None = None
    before: str | None = None
    after: str | None = None
    message_id: str | None = None  # the message that it is
    is_internal: bool = False  # customers do not learn of it, whatever its kind


@dataclass(frozen=True)
class PresentTicket:
    """A ticket as it stands inside the transaction that is about to change it."""

    id: str
    number: int
    status: str
    edition: int
    activity: int
    requester_id: str | None
    organisation_id: str | None
    assignee_id: str | None
    team_id: str | None
    is_copied: bool

    def is_of(self, viewer: Viewer) -> bool:
        """Whether the viewer has a say in it: the requester, or whoever answers."""
        return viewer.is_agent or self.requester_id == viewer.person_id


def present(db: Database, viewer: Viewer, ticket_id: str) -> PresentTicket:
    """The ticket as it stands; raises NotFound, also when the viewer has just lost sight of it."""
    condition, principals = visibility.condition(viewer)
    rows = db.query(
        f"""
        SELECT t.id, t.number, t.status, t.edition, t.activity, t.requester_id,
               t.organisation_id, t.assignee_id, t.team_id,
               EXISTS (SELECT 1 FROM ticket_copies c
                       WHERE c.ticket_id = t.id AND c.person_id = :me) AS is_copied
        FROM tickets t WHERE t.id = :id AND {condition}
        """,  # noqa: S608 (a condition of names of parameters)
        {"id": ticket_id, "me": viewer.person_id, **principals},
    )
    if not rows or not viewer.may_act:
        raise NotFound("ticket.not_found")
    return PresentTicket(**{**rows[0], "is_copied": bool(rows[0]["is_copied"])})


def record(db: Database, viewer: Viewer | None, ticket_id: str, event: NewEvent) -> int:
    """Write an event in the transaction of its change; the revision it gave the ticket.

    What agents alone read leaves no trace that customers could notice: neither the moment of the
    last change, nor the edition, nor anything unread. What happens by itself leaves a ticket to
    its source.
    """
    event_id = new_id()
    is_internal = (
        event.is_internal or event.kind in INTERNAL_KINDS or event.field in INTERNAL_FIELDS
    )
    actor_id, rule_id = (viewer.person_id, viewer.rule_id) if viewer else (None, None)
    values = {"id": ticket_id}
    before_it = db.query("SELECT activity FROM tickets WHERE id = :id", values)[0]["activity"]
    revision = changes.reserve_revisions(db, 1)
    edition = db.query(
        """
        UPDATE tickets SET revision = :revision,
          source_hash = CASE WHEN :actor IS NULL THEN source_hash END,
          edition = edition + CASE WHEN :field IS NULL OR :internal = 1 THEN 0 ELSE 1 END,
          updated_at = CASE WHEN :internal = 1 THEN updated_at ELSE :at END,
          activity = CASE WHEN :internal = 1 THEN activity ELSE :revision END
        WHERE id = :id RETURNING edition
        """,
        {
            "revision": revision,
            "field": event.field,
            "internal": int(is_internal),
            "actor": actor_id,
            "at": event.at,
            "id": ticket_id,
        },
    )[0]["edition"]
    db.insert(
        "ticket_events",
        {
            "id": event_id,
            "ticket_id": ticket_id,
            "revision": revision,
            "edition": edition,
            "actor_id": actor_id,
            "rule_id": rule_id,
            "internal": int(is_internal),
            **{name: value for name, value in vars(event).items() if name != "is_internal"},
        },
    )
    outbox.add(db, event.kind, event_id)
    if actor_id and not is_internal:
        _keep_seen(db, actor_id, ticket_id, before_it, revision)
    return revision


def mark_seen(db: Database, viewer: Viewer, ticket_id: str, activity: int) -> None:
    """Remember that the viewer has read a ticket up to there: a request of its own, not a GET."""
    if viewer.person_id is None:
        return
    with db.atomic():
        present(db, viewer, ticket_id)
        db.execute(
            """
            INSERT INTO ticket_visits (person_id, ticket_id, activity) VALUES (:me, :id, :activity)
            ON CONFLICT (person_id, ticket_id) DO UPDATE SET activity = excluded.activity
            WHERE excluded.activity > ticket_visits.activity
            """,
            {"me": viewer.person_id, "id": ticket_id, "activity": activity},
        )


def of_ticket(db: Database, viewer: Viewer, ticket_id: str) -> list[TicketEvent]:
    """What happened to a ticket besides what was said, oldest first; its viewer may read it."""
    rows = db.query(
        """
        SELECT e.id, e.kind, COALESCE(a.name, '') AS actor, e.at, e.field, e.revision,
               CASE WHEN e.rule_id IS NOT NULL AND :is_agent = 1
                    THEN COALESCE(r.name, '') END AS rule,
               COALESCE(b.name, f.name, e.before) AS before,
               COALESCE(n.name, w.name, e.after) AS after
        FROM ticket_events e
        LEFT JOIN people a ON a.id = e.actor_id
        LEFT JOIN people b ON e.field = 'assignee' AND b.id = e.before
                           OR e.field = 'copy' AND b.email = e.before
        LEFT JOIN people n ON e.field = 'assignee' AND n.id = e.after
                           OR e.field = 'copy' AND n.email = e.after
        LEFT JOIN teams f ON e.field = 'team' AND f.id = e.before
        LEFT JOIN teams w ON e.field = 'team' AND w.id = e.after
        LEFT JOIN rules r ON r.id = e.rule_id
        WHERE e.ticket_id = :id AND (e.internal = 0 OR :is_agent = 1) AND e.message_id IS NULL
          AND e.kind <> 'ticket.opened'
        ORDER BY e.revision
        """,
        {"id": ticket_id, "is_agent": int(viewer.is_agent)},
    )
    return [TicketEvent(**row) for row in rows]


def list_edited_since(db: Database, ticket_id: str, edition: int) -> dict[str, Row]:
    """The fields changed after an edition, each with who changed it last."""
    rows = db.query(
        """
        SELECT e.field, e.after, e.at, COALESCE(a.name, '') AS actor FROM ticket_events e
        LEFT JOIN people a ON a.id = e.actor_id
        WHERE e.ticket_id = :id AND e.edition > :edition AND e.field IS NOT NULL
        ORDER BY e.revision
        """,
        {"id": ticket_id, "edition": edition},
    )
    return {row["field"]: row for row in rows}


def _keep_seen(db: Database, person_id: str, ticket_id: str, before_it: int, revision: int) -> None:
    """Whoever acts has seen it; what others did before stays unread if it was."""
    values = {"person": person_id, "ticket": ticket_id, "revision": revision, "before": before_it}
    if before_it == 0:
        db.execute(
            """
            INSERT INTO ticket_visits (person_id, ticket_id, activity)
            VALUES (:person, :ticket, :revision)
            ON CONFLICT (person_id, ticket_id) DO UPDATE SET activity = excluded.activity
            """,
            values,
        )
    else:
        db.execute(
            """
            UPDATE ticket_visits SET activity = :revision
            WHERE person_id = :person AND ticket_id = :ticket AND activity >= :before
            """,
            values,
        )
