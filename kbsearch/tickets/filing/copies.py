"""People in copy of a request: colleagues of its organisation, who read it and may answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from kbsearch import people
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database
from kbsearch.errors import Forbidden, Invalid
from kbsearch.tickets import Ticket, events, readers
from kbsearch.tickets.events import present

MAX_COPIES = 20


@dataclass(frozen=True)
class Colleague:
    """Somebody of the organisation of a request, with an open account."""

    email: str
    person_id: str


def check(db: Database, organisation_id: str | None, address: str) -> Colleague:
    """Whom an address means among the people of an organisation.

    Raises Invalid, the same for a stranger and for nobody: an address tells nothing.
    """
    email = people.fold_email(address)
    rows = db.query(
        """
        SELECT p.email, p.id AS person_id FROM people p
        JOIN memberships m ON m.person_id = p.id AND m.organisation_id = :organisation
        WHERE p.email = :email AND p.disabled_at IS NULL
        """,
        {"organisation": organisation_id, "email": email},
    )
    if not rows:
        raise Invalid("copy.unknown", email=email)
    return Colleague(**rows[0])


def check_all(
    db: Database, organisation_id: str | None, requester_id: str | None, addresses: Iterable[str]
) -> list[Colleague]:
    """Those whom addresses mean, once each, without the requester; raises Invalid."""
    colleagues = {
        colleague.email: colleague
        for colleague in (check(db, organisation_id, a) for a in addresses if a.strip())
        if colleague.person_id != requester_id
    }
    if len(colleagues) > MAX_COPIES:
        raise Invalid("copy.too_many", limit=MAX_COPIES)
    return list(colleagues.values())


def add(
    db: Database, viewer: Viewer, ticket: Ticket, address: str, *, at: datetime | None = None
) -> None:
    """Let a colleague of its organisation read a request and answer. Twice is once."""
    with db.atomic():
        there = present(db, viewer, ticket.id)
        if not there.is_of(viewer):
            raise Forbidden("ticket.not_yours")
        colleague = check(db, there.organisation_id, address)
        copied = db.query(
            "SELECT email FROM ticket_copies WHERE ticket_id = :ticket", {"ticket": there.id}
        )
        is_there = {"email": colleague.email} in copied
        if is_there or colleague.person_id == there.requester_id:
            return
        if len(copied) >= MAX_COPIES:
            raise Invalid("copy.too_many", limit=MAX_COPIES)
        db.insert("ticket_copies", {"ticket_id": there.id, **vars(colleague)})
        readers.rewrite(db, there.id)
        moment = stored(at or utc_now())
        events.record(
            db,
            viewer,
            there.id,
            events.NewEvent("ticket.cc_added", moment, field="copy", after=colleague.email),
        )


def remove(
    db: Database, viewer: Viewer, ticket: Ticket, email: str, *, at: datetime | None = None
) -> None:
    """Take an address out of copy; at the next request it reads nothing of it any more."""
    with db.atomic():
        there = present(db, viewer, ticket.id)
        if not there.is_of(viewer):
            raise Forbidden("ticket.not_yours")
        moment = stored(at or utc_now())
        readers.remove_copy(db, viewer, there.id, people.fold_email(email), moment)


def leave(db: Database, viewer: Viewer, ticket: Ticket, *, at: datetime | None = None) -> None:
    """Take oneself out of copy."""
    with db.atomic():
        there = present(db, viewer, ticket.id)
        moment = stored(at or utc_now())
        if there.is_copied:
            readers.remove_copy(db, viewer, there.id, viewer.email, moment)
