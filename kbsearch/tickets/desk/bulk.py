"""One change to many requests: each is changed, or said to be left as it is, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kbsearch import access, tickets
from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from kbsearch.tickets import STATUSES, Status, Ticket
from kbsearch.tickets.conversation import lifecycle

MOST = 200


@dataclass(frozen=True)
class Left:
    """A request that was not changed, and what kept it from it."""

    number: int
    subject: str
    problem: Problem


@dataclass(frozen=True)
class Outcome:
    """What became of them."""

    changed: tuple[int, ...]
    left: tuple[Left, ...]


def apply(
    db: Database,
    viewer: Viewer,
    chosen: Mapping[str, int],
    *,
    assignee: str | None = None,
    status: str | None = None,
    at: datetime | None = None,
) -> Outcome:
    """Assign these requests (`""`: to nobody) and give them a status; None leaves it as it is.

    `chosen` has the edition of each as it was shown: one that was changed since is left alone.
    Raises Invalid when nothing or too much is asked for, NotFound for those who are no agents.
    """
    access.only_agents(viewer)
    wanted = _status(status)
    if not chosen:
        raise Invalid("bulk.nothing_chosen")
    if len(chosen) > MOST:
        raise Invalid("bulk.too_many", limit=MOST)
    if assignee is None and wanted is None:
        raise Invalid("bulk.nothing_to_do")
    changed: list[int] = []
    left: list[Left] = []
    for ticket_id, edition in chosen.items():
        try:
            ticket = tickets.find(db, viewer, ticket_id)
        except NotFound:
            continue
        try:
            with db.atomic():
                _change(db, viewer, ticket, edition, assignee, wanted, at)
            changed.append(ticket.number)
        except (Conflict, Forbidden, Invalid, NotFound) as problem:
            left.append(Left(ticket.number, ticket.subject, problem))
    return Outcome(tuple(changed), tuple(left))


def _change(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    edition: int,
    assignee: str | None,
    status: Status | None,
    at: datetime | None,
) -> None:
    there = tickets.find(db, viewer, ticket.id)
    if there.edition != edition:
        raise Conflict("bulk.changed_since", {})
    if assignee is not None:
        lifecycle.assign(db, viewer, there, assignee or None, at=at)
    if status is None or status == there.status:
        return
    if status == "open" and there.is_resolved:
        lifecycle.reopen(db, viewer, there, at=at)
    elif status == "solved":
        lifecycle.solve(db, viewer, there, at=at)
    else:
        lifecycle.set_status(db, viewer, there, status, at=at)


def _status(status: str | None) -> Status | None:
    if status is None:
        return None
    for each in STATUSES:
        if each == status:
            return each
    raise Invalid("ticket.status_unknown", status=status)


def numbers(found: Sequence[int]) -> str:
    """Numbers as a sentence names them."""
    return ", ".join(f"#{number}" for number in found)
