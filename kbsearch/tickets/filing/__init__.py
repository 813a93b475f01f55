"""Filing: a form becomes one request, however often it is sent, with its draft and its files."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from kbsearch import revisions, tickets
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row, new_id
from kbsearch.errors import AlreadySent, Invalid, SignInNeeded
from kbsearch.text import plain_text
from kbsearch.tickets import Ticket, events, fields, readers, teams
from kbsearch.tickets.filing import drafts, form
from kbsearch.tickets.filing.copies import Colleague
from kbsearch.tickets.filing.form import FilingTerms, RequestForm


def open(
    db: Database,
    viewer: Viewer,
    request: RequestForm,
    terms: FilingTerms,
    *,
    follows: Ticket | None = None,
    at: datetime | None = None,
) -> Ticket:
    """File a request; the ticket it is, also when the same form is sent again.

    The draft of that key is gone with it, its files are the ticket's. Raises InvalidForm with
    what is wrong in each field, also when the contract is over, unless the terms allow it; raises
    AlreadySent when the form of that key was sent with something else in it.
    """
    if viewer.person_id is None:
        raise SignInNeeded("sign_in.needed")
    drafts.check_key(terms.key)
    moment = at or utc_now()
    form_hash = revisions.of({**asdict(request), "follows": follows.id if follows else ""})
    with db.atomic():
        ticket_id = _filed(db, viewer, request, terms.key, form_hash)
        if ticket_id is None:
            if follows is not None and follows.status != "closed":
                raise Invalid("ticket.not_closed", number=follows.number)
            row, colleagues = form.read(db, viewer, request, terms, at=moment)
            row |= {
                "form_key": terms.key,
                "form_hash": form_hash,
                "follows_id": follows.id if follows else None,
                "typed": int(terms.typed),
                "channel": terms.channel,
                "quoted": plain_text.block(terms.rest[: form.MAX_BODY]),
            }
            ticket_id = _write(db, viewer, row, colleagues, moment)
    return tickets.find(db, viewer, ticket_id)


def follow_up(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    request: RequestForm,
    terms: FilingTerms,
    *,
    at: datetime | None = None,
) -> Ticket:
    """File a request that goes on where a closed one ended; they are linked."""
    closed = tickets.find(db, viewer, ticket.id)
    return open(db, viewer, request, terms, follows=closed, at=at)


def _filed(
    db: Database, viewer: Viewer, request: RequestForm, key: str, form_hash: str
) -> str | None:
    """The id of what the form became, if it was sent; AlreadySent if it said something else."""
    rows = db.query(
        """
        SELECT id, number, subject, description, form_hash FROM tickets
        WHERE filed_by_id = :me AND form_key = :key
        """,
        {"me": viewer.person_id, "key": key},
    )
    if not rows:
        return None
    there = rows[0]
    if there["form_hash"] != form_hash and (request.subject + request.description).strip():
        both = {name: (getattr(request, name), there[name]) for name in ("subject", "description")}
        raise AlreadySent("request.already_sent", both, number=there["number"])
    return str(there["id"])


def _write(
    db: Database,
    viewer: Viewer,
    row: Row,
    colleagues: Sequence[Colleague],
    at: datetime,
) -> str:
    ticket_id, moment = new_id(), stored(at)
    number = db.query(
        "UPDATE counters SET value = value + 1 WHERE name = 'ticket' RETURNING value"
    )[0]["value"]
    db.insert(
        "tickets",
        {
            **row,
            "id": ticket_id,
            "number": number,
            "filed_by_id": viewer.person_id,
            "team_id": teams.sole(db, row["product_id"]),
            "status": "new",
            "created_at": moment,
            "updated_at": moment,
            "revision": 0,  # the event gives it its own
        },
    )
    db.insert_many(
        "ticket_copies",
        [
            {"ticket_id": ticket_id, "email": colleague.email, "person_id": colleague.person_id}
            for colleague in colleagues
        ],
    )
    fields.index_lines(db, ticket_id, json.loads(row["fields"]))
    readers.rewrite(db, ticket_id)
    drafts.send(db, viewer, row["form_key"], ticket_id)
    events.record(db, viewer, ticket_id, events.NewEvent("ticket.opened", moment))
    return ticket_id
