"""The clocks of requests: what is due when, and whether it came in time.

Each is counted in the opening hours of what was promised. While a request waits for the customer
its clocks stand still, and nothing of it is due.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from kbsearch.clock import parsed, utc_now
from kbsearch.database import Database, Row, one_of
from kbsearch.promises import targets
from kbsearch.promises.hours import AROUND_THE_CLOCK, OpeningHours
from kbsearch.promises.targets import Promise, Scope, Target, Term
from kbsearch.tickets.codes import RESOLVED
from kbsearch.tickets.messages import ANSWERS

AT_ONCE = 500  # tickets looked at in one query
SPENT_WHEN_SOON = 0.75  # the part of its time after which something is due soon


class Pause(NamedTuple):
    """A time when the customer was waited for; it may not be over."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Due:
    """Something promised: since when, by when, whether it came in time; None while it may still."""

    since: datetime
    at: datetime
    soon_at: datetime  # when little time is left
    hours: OpeningHours
    is_met: bool | None


@dataclass(frozen=True)
class Clock:
    """What is due of a request; `is_paused` while its customer is waited for."""

    first_answer: Due | None = None
    next_answer: Due | None = None  # to what the customer said last
    solution: Due | None = None
    is_paused: bool = False

    @property
    def running(self) -> dict[Promise, Due]:
        """What has not come and is waited for."""
        dues: dict[Promise, Due | None] = {
            "first_answer": self.first_answer,
            "next_answer": self.next_answer,
            "solution": self.solution,
        }
        return {
            promise: due
            for promise, due in dues.items()
            if due is not None and due.is_met is None and not self.is_paused
        }

    @property
    def next(self) -> tuple[Promise, Due] | None:
        """What is due first."""
        return min(self.running.items(), key=lambda item: item[1].at, default=None)

    @property
    def due(self) -> datetime | None:
        """When the next thing is due: what a queue is sorted by."""
        return self.next[1].at if self.next else None


def of_tickets(
    db: Database, ticket_ids: Sequence[str], *, at: datetime | None = None
) -> dict[str, Clock]:
    """The clock of each of these requests, in a few queries for any number of them."""
    promised = targets.live(db) if ticket_ids else []
    if not promised:
        return {}
    moment = at or utc_now()
    histories = statuses(db, ticket_ids)
    return {
        row["id"]: _clock(row, promised, histories.get(row["id"], ()), moment)
        for batch in _batches(ticket_ids)
        for row in _tickets(db, batch)
    }


def statuses(db: Database, ticket_ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """When each of these requests took which status, in order."""
    histories: dict[str, list[tuple[str, str]]] = {}
    for batch in _batches(ticket_ids):
        places, values = one_of("id", batch)
        rows = db.query(
            f"""
            SELECT ticket_id, at, after FROM ticket_events
            WHERE field = 'status' AND ticket_id IN ({places}) ORDER BY ticket_id, revision
            """,  # noqa: S608 (names of parameters)
            values,
        )
        for row in rows:
            histories.setdefault(row["ticket_id"], []).append((row["at"], row["after"]))
    return histories


def pauses(statuses: Iterable[tuple[str, str]], end: datetime) -> list[Pause]:
    """When a request has waited for its customer, up to a moment."""
    waits, since = [], None
    for at, status in statuses:
        then = min(parsed(at), end)
        if since is not None:
            waits.append(Pause(since, then))
        since = then if status == "pending" else None
    return [*waits, Pause(since, end)] if since is not None else waits


def waited(
    statuses: Iterable[tuple[str, str]], end: datetime, hours: OpeningHours = AROUND_THE_CLOCK
) -> timedelta:
    """How long a request has waited for its customer in some hours, up to a moment."""
    return sum((hours.spent(*pause) for pause in pauses(statuses, end)), timedelta())


def scope_of(row: Row) -> Scope:
    """What a row of a request and its organisation is to targets."""
    return Scope(
        row["severity"],
        row["product_id"] or "",
        row["organisation_id"] or "",
        row["contract"] or "",
    )


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]


def _tickets(db: Database, ids: Sequence[str]) -> list[Row]:
    places, values = one_of("id", ids)
    return db.query(
        f"""
        SELECT t.id, t.severity, t.status, t.created_at, t.solved_at, t.product_id,
               t.organisation_id, o.contract,
               (SELECT MIN(m.at) FROM {ANSWERS}) AS answered_at,
               (SELECT MIN(w.at) FROM messages w WHERE w.ticket_id = t.id AND w.internal = 0
                AND w.thanks <> 1 AND w.rule_id IS NULL
                AND w.position > (SELECT MAX(m.position) FROM {ANSWERS})) AS asked_at
        FROM tickets t LEFT JOIN organisations o ON o.id = t.organisation_id
        WHERE t.id IN ({places})
        """,  # noqa: S608 (names of parameters)
        values,
    )


def _clock(
    row: Row, promised: Sequence[Target], statuses: Sequence[tuple[str, str]], moment: datetime
) -> Clock:
    terms = targets.terms_of(promised, scope_of(row))
    opened, is_resolved = parsed(row["created_at"]), row["status"] in RESOLVED
    end = parsed(row["solved_at"]) if is_resolved and row["solved_at"] else moment
    solved_at = end if is_resolved else None
    answered_at = parsed(row["answered_at"]) if row["answered_at"] else solved_at
    asked_at = parsed(row["asked_at"]) if row["asked_at"] and not is_resolved else None
    waits = pauses(statuses, end)
    return Clock(
        _due(terms.get("first_answer"), opened, waits, answered_at),
        _due(terms.get("next_answer"), asked_at, waits, None),
        _due(terms.get("solution"), opened, waits, solved_at),
        is_paused=row["status"] == "pending",
    )


def _due(
    term: Term | None, since: datetime | None, waits: Sequence[Pause], met_at: datetime | None
) -> Due | None:
    """What a term makes of something that began and perhaps came; waits after it count for none."""
    if term is None or since is None:
        return None
    waited = timedelta()
    for wait in waits:
        end = min(wait.end, met_at) if met_at else wait.end
        waited += term.hours.spent(max(wait.start, since), end)
    at = term.hours.after(since, term.span + waited)
    soon_at = term.hours.after(since, term.span * SPENT_WHEN_SOON + waited)
    return Due(since, at, soon_at, term.hours, None if met_at is None else met_at <= at)
