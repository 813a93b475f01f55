"""The moments of requests at which rules are asked: what people do, or that they do nothing.

What a rule does is no such moment: neither is it an event that is looked at here, nor does it end
the time in which nothing was changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kbsearch.clock import parsed, utc_now
from kbsearch.database import Database, one_of
from kbsearch.rules import Moment, Rule, runs
from kbsearch.rules import facts as ticket_facts
from kbsearch.rules.facts import Facts
from kbsearch.tickets import waiting
from kbsearch.tickets.codes import IS_UNDER_WAY
from kbsearch.tickets.events import EventKind

AT_ONCE = 500
CHANGES: tuple[EventKind, ...] = (
    "ticket.changed",
    "ticket.assigned",
    "ticket.status_changed",
    "ticket.solved",
    "ticket.reopened",
    "ticket.closed",
)
KINDS: tuple[EventKind, ...] = ("ticket.opened", "ticket.replied", *CHANGES)
# Of events `e` of requests `t`, and who did them, `a`: what people did.
IS_BY_STAFF = "COALESCE(a.role, '') <> 'customer' AND a.id <> COALESCE(t.requester_id, '')"
OF_MOMENT: Mapping[Moment, str] = {
    "opened": "e.kind = 'ticket.opened'",
    "customer_wrote": f"e.kind = 'ticket.replied' AND NOT ({IS_BY_STAFF})",
    "answered": f"e.kind = 'ticket.replied' AND {IS_BY_STAFF}",
    "changed": f"e.kind IN ({', '.join(repr(kind) for kind in CHANGES)})",
}


Times = Mapping[Moment, str]  # since when: of the moments of time


@dataclass(frozen=True)
class Occasion:
    """A moment of a request, as it stood then: the id of an event, or since when nothing came."""

    cause: str
    facts: Facts


def of_event(db: Database, event_id: str) -> tuple[Moment, Occasion] | None:
    """What people did, with the request as it stands; None for all that rules do not look at."""
    for name, condition in OF_MOMENT.items():
        rows = db.query(
            f"""
            SELECT e.ticket_id, e.at FROM ticket_events e JOIN tickets t ON t.id = e.ticket_id
            LEFT JOIN people a ON a.id = e.actor_id
            WHERE e.id = :id AND e.rule_id IS NULL AND {condition}
            """,  # noqa: S608 (constants)
            {"id": event_id},
        )
        if rows:
            ticket_id = rows[0]["ticket_id"]
            facts = ticket_facts.read(db, [ticket_id], at=parsed(rows[0]["at"]))
            return name, Occasion(event_id, facts[ticket_id])
    return None


def newest(db: Database, moment: Moment, limit: int) -> list[Facts]:
    """The newest requests as they stood at the last such moment that people made."""
    rows = db.query("SELECT id FROM tickets ORDER BY number DESC LIMIT :n", {"n": limit})
    ids = [row["id"] for row in rows]
    present = ticket_facts.read(db, ids, at=utc_now())
    moments = _last_moments(db, moment, ids)
    stood = []
    for ticket_id in ids:
        if ticket_id in moments:
            stood.append(ticket_facts.rewound(db, present[ticket_id], parsed(moments[ticket_id])))
        elif moment == "opened":  # it came from elsewhere, and was new there once
            facts = ticket_facts.rewound(db, present[ticket_id], _opened_at(db, ticket_id))
            stood.append(replace(facts, status="new", assignee=""))
    return stood


def is_up(rule: Rule, times: Times, at: datetime) -> bool:
    """Whether so long nothing has come by then as a rule of time says."""
    since = times.get(rule.moment)
    return since is not None and _up_at(rule, since) <= at


def of_time(db: Database, rule: Rule, ticket_id: str, times: Times) -> Occasion | None:
    """A moment of time that is up, with the request as it stands; None once the rule was asked."""
    since = times[rule.moment]
    if runs.is_done(db, ticket_id, since, rule):
        return None
    facts = ticket_facts.read(db, [ticket_id], at=_up_at(rule, since)).get(ticket_id)
    return Occasion(since, facts) if facts else None


def times(db: Database, ticket_ids: Sequence[str]) -> dict[str, Times]:
    """Since when each of these requests awaits our answer, and since when nothing was changed."""
    waits = waiting.of_tickets(db, ticket_ids)
    changed = _changed_at(db, ticket_ids)
    return {
        ticket_id: {
            **({"unanswered": wait.since} if wait.whom == "us" else {}),
            "unchanged": changed[ticket_id],
        }
        for ticket_id, wait in waits.items()
    }


def under_way(db: Database) -> Iterator[list[str]]:
    """The ids of the requests under way that live here, the newest first, some at a time."""
    last = None
    while rows := db.query(
        f"""
        SELECT t.id, t.number FROM tickets t
        WHERE {IS_UNDER_WAY} AND t.source_hash IS NULL AND (:all = 1 OR t.number < :last)
        ORDER BY t.number DESC LIMIT :limit
        """,  # noqa: S608 (a constant)
        {"last": last or 0, "all": int(last is None), "limit": AT_ONCE},
    ):
        last = rows[-1]["number"]
        yield [row["id"] for row in rows]


def _up_at(rule: Rule, since: str) -> datetime:
    return parsed(since) + timedelta(hours=rule.hours)


def _last_moments(db: Database, moment: Moment, ticket_ids: Sequence[str]) -> dict[str, str]:
    """When the last such moment of each was."""
    places, values = one_of("id", ticket_ids)
    rows = db.query(
        f"""
        SELECT e.ticket_id, e.at FROM ticket_events e JOIN tickets t ON t.id = e.ticket_id
        LEFT JOIN people a ON a.id = e.actor_id
        WHERE t.id IN ({places}) AND e.rule_id IS NULL AND {OF_MOMENT[moment]}
        ORDER BY e.ticket_id, e.revision
        """,  # noqa: S608 (constants, names of parameters)
        values,
    )
    return {row["ticket_id"]: row["at"] for row in rows}


def _opened_at(db: Database, ticket_id: str) -> datetime:
    rows = db.query("SELECT created_at FROM tickets WHERE id = :id", {"id": ticket_id})
    return parsed(rows[0]["created_at"])


def _changed_at(db: Database, ticket_ids: Sequence[str]) -> dict[str, str]:
    """When people changed each of these requests last so that its customer could notice."""
    places, values = one_of("id", ticket_ids)
    rows = db.query(
        f"""
        SELECT t.id, COALESCE((SELECT MAX(e.at) FROM ticket_events e WHERE e.ticket_id = t.id
                               AND e.internal = 0 AND e.rule_id IS NULL), t.created_at) AS at
        FROM tickets t WHERE t.id IN ({places})
        """,  # noqa: S608 (names of parameters)
        values,
    )
    return {row["id"]: row["at"] for row in rows}
