"""One change to many requests: each is changed, or said to be left as it is, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kbsearch import access, tickets
from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from kbsearch.tickets import Ticket, tags
from kbsearch.tickets.codes import Status
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
class BulkChange:
    """What each of them becomes; None leaves it as it is."""

    assignee: str | None = None  # "": nobody; ownership.NEXT: the next of its team
    team: str | None = None  # "": none
    status: Status | None = None
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()


def apply(
    db: Database,
    viewer: Viewer,
    editions: Mapping[str, int],
    change: BulkChange,
    *,
    at: datetime | None = None,
) -> BulkOutcome:
    """Change these requests alike.

    `editions` has that of each as it was shown: one that was changed since is left alone.
    Raises Invalid when nothing or too much is asked for, NotFound for those who are no agents.
    """
    access.only_agents(viewer)
    added, removed = tags.checked(change.add_tags), tags.checked(change.remove_tags)
    change = replace(change, add_tags=added, remove_tags=removed)
    if not editions:
        raise Invalid("bulk.nothing_chosen")
    if len(editions) > MOST:
        raise Invalid("bulk.too_many", limit=MOST)
    if change == BulkChange():
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
                _change(db, viewer, ticket, edition, change, at)
            changed.append(ticket.number)
        except (Conflict, Forbidden, Invalid, NotFound) as problem:
            unchanged.append(Unchanged(ticket.number, ticket.subject, problem))
    return BulkOutcome(tuple(changed), tuple(unchanged))


def _change(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    edition: int,
    change: BulkChange,
    at: datetime | None,
) -> None:
    there = tickets.find(db, viewer, ticket.id)
    viewer = access.holding(viewer, there.id)
    if there.edition != edition:
        raise Conflict("bulk.changed_since", {})
    tags.change(db, viewer, there.id, add=change.add_tags, remove=change.remove_tags, at=at)
    if change.team is not None:
        ownership.give(db, viewer, there, change.team or None, at=at)
    if change.assignee is not None:
        ownership.assign(db, viewer, there, change.assignee, at=at)
    if change.status not in (None, there.status):
        lifecycle.change_status(db, viewer, there, change.status, at=at)


def numbers(ticket_numbers: Sequence[int]) -> str:
    """Numbers as a sentence names them."""
    return ", ".join(f"#{number}" for number in ticket_numbers)
