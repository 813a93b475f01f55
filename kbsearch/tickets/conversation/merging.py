"""Two requests that are one: the one is closed and goes on in the other.

Nothing that was said moves, so that nobody reads what they could not read before: what agents need
of it stands in a note for them. Its people read the other request once they are put in copy of it.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from kbsearch import access, i18n, tickets
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, new_id
from kbsearch.errors import Invalid
from kbsearch.text import typed
from kbsearch.tickets import Link, Ticket, events, visibility
from kbsearch.tickets.codes import Status
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.events import PresentTicket, present
from kbsearch.tickets.filing import copies

MOST_QUOTED = 20_000  # characters of what was said, in the note


@dataclass(frozen=True)
class MergeLinks:
    """What a request goes on in and what goes on in it, as far as the viewer may read them."""

    is_merged: bool = False
    into: Link | None = None
    merged: tuple[Link, ...] = ()


@dataclass(frozen=True)
class MergeForm:
    """How requests are merged: what is said to the people of the one that is closed, if anything,
    whether they come in copy of the other one, and the language of the note for agents.
    """

    key: str
    body: str = ""
    with_copies: bool = False
    language: str = "en"


def check(viewer: Viewer, ticket: Ticket, into: Ticket) -> None:
    """Raises Invalid with the reason why a request cannot go on in another."""
    access.only_agents(viewer, "ticket.not_found")
    if ticket.id == into.id:
        raise Invalid("merge.itself")
    for end in (ticket, into):
        if end.status == "closed":
            raise Invalid("merge.closed", number=end.number)
    is_alike = ticket.organisation_slug == into.organisation_slug
    if not is_alike or (into.organisation_slug is None and not _same_requester(ticket, into)):
        raise Invalid("merge.other_organisation", number=into.number)


def merge(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    into: Ticket,
    form: MergeForm,
    *,
    at: datetime | None = None,
) -> None:
    """Close a request that goes on in another; who cannot come in copy of that one does not.

    Sent again, it is one merge. Raises Invalid.
    """
    moment = at or utc_now()
    with db.atomic():
        there = present(db, viewer, ticket.id)
        if of_ticket(db, viewer, ticket).is_merged:
            return
        check(viewer, ticket, into)
        _check_now(there, present(db, viewer, into.id))
        if form.body.strip():
            replies.reply(
                db, viewer, ticket, ReplyForm(form.key, form.body, status="open"), at=moment
            )
            there = present(db, viewer, ticket.id)
        if form.with_copies:
            _put_in_copy(db, viewer, ticket, into, moment)
        replies.note(db, viewer, into, ReplyForm(new_id(), _note(ticket, form.language)), at=moment)
        db.insert(
            "merges",
            {
                "ticket_id": ticket.id,
                "into_id": into.id,
                "before": there.status,
                "at": stored(moment),
                "person_id": viewer.person_id,
            },
        )
        db.execute(
            "UPDATE tickets SET status = 'closed', closed_at = :at WHERE id = :id",
            {"at": stored(moment), "id": ticket.id},
        )
        events.record(
            db,
            viewer,
            ticket.id,
            events.NewEvent(
                "ticket.merged", stored(moment), field="status", before=there.status, after="closed"
            ),
        )


def undo(db: Database, viewer: Viewer, ticket: Ticket, *, at: datetime | None = None) -> None:
    """Open a request again that was merged, as it stood; the note and the copies stay."""
    access.only_agents(viewer, "ticket.not_found")
    with db.atomic():
        rows = db.query(
            "DELETE FROM merges WHERE ticket_id = :id RETURNING before", {"id": ticket.id}
        )
        if not rows:
            raise Invalid("merge.is_none", number=ticket.number)
        before: Status = rows[0]["before"]
        there = present(db, viewer, ticket.id)
        lifecycle.move(db, viewer, there, before, stored(at or utc_now()))


def of_ticket(db: Database, viewer: Viewer, ticket: Ticket) -> MergeLinks:
    """What a request was merged with."""
    condition, principals = visibility.condition(viewer)
    rows = db.query(
        f"""
        SELECT m.ticket_id = :id AS is_merged, t.id, t.number, t.subject, {condition} AS is_visible
        FROM merges m
        JOIN tickets t ON t.id = CASE m.ticket_id WHEN :id THEN m.into_id ELSE m.ticket_id END
        WHERE m.ticket_id = :id OR m.into_id = :id ORDER BY t.number
        """,  # noqa: S608 (a condition of names of parameters)
        {"id": ticket.id, **principals},
    )
    links = [
        (row["is_merged"], Link(row["id"], row["number"], row["subject"]))
        for row in rows
        if row["is_visible"]
    ]
    return MergeLinks(
        is_merged=any(row["is_merged"] for row in rows),
        into=next((link for is_merged, link in links if is_merged), None),
        merged=tuple(link for is_merged, link in links if not is_merged),
    )


def goes_on_in(db: Database, viewer: Viewer, ticket: Ticket) -> Ticket:
    """The request that one goes on in, however far; itself where that is not for the viewer."""
    while (link := of_ticket(db, viewer, ticket).into) is not None:
        ticket = tickets.find(db, viewer, link.id)
    return ticket


def _same_requester(ticket: Ticket, into: Ticket) -> bool:
    return ticket.requester_id is not None and ticket.requester_id == into.requester_id


def _check_now(there: PresentTicket, into: PresentTicket) -> None:
    """Somebody else may have changed one of them since it was read."""
    for end in (there, into):
        if end.status == "closed":
            raise Invalid("merge.closed", number=end.number)
    if there.organisation_id != into.organisation_id:
        raise Invalid("merge.other_organisation", number=into.number)


def _put_in_copy(
    db: Database, viewer: Viewer, ticket: Ticket, into: Ticket, moment: datetime
) -> None:
    rows = db.query(
        """
        SELECT p.email FROM people p WHERE p.id = :requester
        UNION SELECT c.email FROM ticket_copies c WHERE c.ticket_id = :ticket ORDER BY 1
        """,
        {"requester": ticket.requester_id, "ticket": ticket.id},
    )
    for row in rows:
        with suppress(Invalid):  # who left the organisation, or whose account is closed
            copies.add(db, viewer, into, row["email"], at=moment)


def _note(ticket: Ticket, language: str) -> str:
    """What agents need of the request that goes on here."""
    address = f"/{language}/requests/{ticket.id}"
    link = f"[#{ticket.number} {ticket.subject.translate(_BRACKETS)}]({address})"
    said = [(ticket.requester, ticket.description, ticket.typed)]
    said += [(m.author, m.body, m.typed) for m in ticket.messages if not m.internal]
    parts = [(who, typed.as_markdown(text) if is_typed else text) for who, text, is_typed in said]
    text = "\n\n".join(f"**{author}**\n\n{body}" for author, body in parts)
    quoted = "\n".join(f"> {line}".rstrip() for line in text[:MOST_QUOTED].splitlines())
    return f"{i18n.gettext(language, 'This request goes on here: %(link)s', link=link)}\n\n{quoted}"


_BRACKETS = str.maketrans("[]", "()")
