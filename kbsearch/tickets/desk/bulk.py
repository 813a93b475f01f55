"""One change to many requests: each is changed, or said to be left as it is, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kbsearch import access, tickets
from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from kbsearch.tickets import Ticket, tags
from kbsearch.tickets.codes import STATUSES, Status
from kbsearch.tickets.conversation import lifecycle, ownership

MOST = 200


@dataclass(frozen=True)
class Unchanged:
    """A request that was not changed, and what kept it from it."""

    number: int
    subject: str
    problem: Problem


@dataclass(frozen=True)
class BulkOutcome:
    """What became of them."""

    changed: tuple[int, ...]
    unchanged: tuple[Unchanged, ...]


@dataclass(frozen=True)
class _Change:
    assignee: str | None
    team: str | None
    status: Status | None
    added_tags: Sequence[str]
    removed_tags: Sequence[str]
    at: datetime | None


def apply(
    db: Database,
    viewer: Viewer,
    editions: Mapping[str, int],
    *,
    assignee: str | None = None,
    team: str | None = None,
    status: str | None = None,
    add_tags: Sequence[str] = (),
    remove_tags: Sequence[str] = (),
    at: datetime | None = None,
) -> BulkOutcome:
    """Assign these requests (`""`: to nobody, `ownership.NEXT`: to the next of their team), give
    them a team (`""`: none), a status, and tags; None leaves it.

    `editions` has that of each as it was shown: one that was changed since is left alone.
    Raises Invalid when nothing or too much is asked for, NotFound for those who are no agents.
    """
    access.only_agents(viewer)
    added, removed = tags.checked(add_tags), tags.checked(remove_tags)
    change = _Change(assignee, team, _status(status), added, removed, at)
    if not editions:
        raise Invalid("bulk.nothing_chosen")
    if len(editions) > MOST:
        raise Invalid("bulk.too_many", limit=MOST)
    if {change.assignee, change.team, change.status} == {None} and not (added or removed):
        raise Invalid("bulk.nothing_to_do")
    changed: list[int] = []
    unchanged: list[Unchanged] = []
    for ticket_id, edition in editions.items():
        try:
            ticket = tickets.find(db, viewer, ticket_id)
        except NotFound:
            continue
        try:
            with db.atomic():
                _change(db, viewer, ticket, edition, change)
            changed.append(ticket.number)
        except (Conflict, Forbidden, Invalid, NotFound) as problem:
            unchanged.append(Unchanged(ticket.number, ticket.subject, problem))
    return BulkOutcome(tuple(changed), tuple(unchanged))


def _change(db: Database, viewer: Viewer, ticket: Ticket, edition: int, change: _Change) -> None:
    there = tickets.find(db, viewer, ticket.id)
    if there.edition != edition:
        raise Conflict("bulk.changed_since", {})
    status, at = change.status, change.at
    tags.change(db, viewer, there.id, add=change.added_tags, remove=change.removed_tags, at=at)
    if change.team is not None:
        ownership.give(db, viewer, there, change.team or None, at=at)
    if change.assignee is not None:
        ownership.assign(db, viewer, there, change.assignee, at=at)
    if status is None or status == there.status:
        return
    lifecycle.change_status(db, viewer, there, status, at=at)


def _status(status: str | None) -> Status | None:
    if status is None:
        return None
    for name in STATUSES:
        if name == status:
            return name
    raise Invalid("ticket.status_unknown", status=status)


def numbers(ticket_numbers: Sequence[int]) -> str:
    """Numbers as a sentence names them."""
    return ", ".join(f"#{number}" for number in ticket_numbers)
