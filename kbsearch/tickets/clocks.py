"""The clocks of requests: what is due when, and whether it came in time.

Hours are counted from when the request was opened. While it waits for the customer, the clock of
its solution stands still; its first answer is due whatever it waits for.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import targets
from kbsearch.clock import parsed, utc_now
from kbsearch.database import Database, Row, one_of
from kbsearch.targets import Target
from kbsearch.tickets.codes import RESOLVED
from kbsearch.tickets.messages import ANSWERS

AT_ONCE = 500  # tickets looked at in one query


@dataclass(frozen=True)
class Clock:
    """What is due, when, and whether it came in time; `is_met` is None while it may still."""

    first_answer_due: datetime | None = None
    first_answer_met: bool | None = None
    solution_due: datetime | None = None
    solution_met: bool | None = None

    @property
    def due(self) -> datetime | None:
        """The next thing that is due and has not come: what a queue is sorted by."""
        waited_for = [
            due
            for due, met in (
                (self.first_answer_due, self.first_answer_met),
                (self.solution_due, self.solution_met),
            )
            if due is not None and met is None
        ]
        return min(waited_for, default=None)


def of_tickets(
    db: Database,
    promised: Sequence[Target],
    ticket_ids: Sequence[str],
    *,
    at: datetime | None = None,
) -> dict[str, Clock]:
    """The clock of each of these requests, in two queries for any number of them."""
    if not promised or not ticket_ids:
        return {}
    moment = at or utc_now()
    histories = statuses(db, ticket_ids)
    ticket_clocks: dict[str, Clock] = {}
    for batch in _batches(ticket_ids):
        for row in _tickets(db, batch):
            target = targets.of(promised, row["severity"], row["organisation"])
            ticket_clocks[row["id"]] = _clock(row, target, histories.get(row["id"], ()), moment)
    return ticket_clocks


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


def waited(statuses: Iterable[tuple[str, str]], end: datetime) -> timedelta:
    """How long a request has waited for its customer, up to a moment."""
    waited, since = timedelta(), None
    for at, status in statuses:
        then = min(parsed(at), end)
        if since is not None:
            waited, since = waited + (then - since), None
        if status == "pending":
            since = then
    return waited + (end - since) if since is not None else waited


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]


def _tickets(db: Database, ids: Sequence[str]) -> list[Row]:
    places, values = one_of("id", ids)
    return db.query(
        f"""
        SELECT t.id, t.severity, t.status, t.created_at, t.solved_at, o.slug AS organisation,
               (SELECT MIN(m.at) FROM {ANSWERS}) AS answered_at
        FROM tickets t LEFT JOIN organisations o ON o.id = t.organisation_id
        WHERE t.id IN ({places})
        """,  # noqa: S608 (names of parameters)
        values,
    )


def _clock(
    row: Row, target: Target, statuses: Iterable[tuple[str, str]], moment: datetime
) -> Clock:
    opened = parsed(row["created_at"])
    answer_due = solution_due = None
    answer_met = solution_met = None
    is_resolved = row["status"] in RESOLVED
    if target.first_answer is not None:
        answer_due = opened + timedelta(hours=target.first_answer)
        if row["answered_at"]:
            answer_met = parsed(row["answered_at"]) <= answer_due
        elif is_resolved:
            answer_met = parsed(row["solved_at"] or row["created_at"]) <= answer_due
    if target.solution is not None:
        end = parsed(row["solved_at"]) if is_resolved and row["solved_at"] else moment
        solution_due = opened + timedelta(hours=target.solution) + waited(statuses, end)
        if is_resolved:
            solution_met = end <= solution_due
    return Clock(answer_due, answer_met, solution_due, solution_met)
