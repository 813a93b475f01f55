"""One question when a request is closed: was it good, and why. A link asks, its form answers."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import randomness, revisions
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Values
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.text import plain_text
from kbsearch.tickets import Ticket
from kbsearch.tickets.events import present

LIFETIME = timedelta(days=30)
MAX_WHY = 2_000


@dataclass(frozen=True)
class SatisfactionQuestion:
    """What a link asks its person about; `is_good` is None until it is answered."""

    ticket_id: str
    number: int
    subject: str
    person_id: str
    is_good: bool | None
    why: str


@dataclass(frozen=True)
class Rating:
    """What somebody thinks of how a request went, in their words."""

    is_good: bool
    why: str = ""


def ask(db: Database, ticket_id: str, person_id: str, *, at: datetime | None = None) -> str:
    """A token for one person about one closed request; one made before stops working."""
    moment = at or utc_now()
    token = randomness.token()
    db.execute(
        """
        INSERT INTO satisfaction (ticket_id, person_id, token_hash, expires_at)
        SELECT t.id, :person, :hash, :expires FROM tickets t WHERE t.id = :ticket
        ON CONFLICT (ticket_id, person_id) DO UPDATE
        SET token_hash = excluded.token_hash, expires_at = excluded.expires_at
        """,
        {
            "ticket": ticket_id,
            "person": person_id,
            "hash": _hash(token),
            "expires": stored(moment + LIFETIME),
        },
    )
    return token


def peek(db: Database, token: str, *, at: datetime | None = None) -> SatisfactionQuestion:
    """What a link asks, recording nothing: mail scanners follow links too."""
    question = _read(
        db,
        "s.token_hash = :hash AND s.expires_at > :now",
        {"hash": _hash(token), "now": stored(at or utc_now())},
    )
    if question is None:
        raise NotFound("satisfaction.link_unusable")
    return question


def find(db: Database, viewer: Viewer, ticket: Ticket) -> SatisfactionQuestion | None:
    """What the viewer was asked about a request, or answered."""
    values = {"ticket": ticket.id, "person": viewer.person_id}
    return _read(db, "s.ticket_id = :ticket AND s.person_id = :person", values)


def texts(question: SatisfactionQuestion | None) -> dict[str, str]:
    """What was answered, as the page of the question shows it."""
    if question is None or question.is_good is None:
        return {"rating": "", "why": ""}
    return {"rating": _word(question.is_good), "why": question.why}


def answer(
    db: Database,
    token: str,
    rating: Rating,
    *,
    revision: str | None = None,
    at: datetime | None = None,
) -> SatisfactionQuestion:
    """Record what somebody thinks; while the link lives they may change their mind.

    Raises Outdated, as `rate` does, when they already did since the page of that revision.
    """
    with db.atomic():
        question = peek(db, token, at=at)
        revisions.check(
            revision, texts(question), {"rating": _word(rating.is_good), "why": rating.why}
        )
        _record(db, question.ticket_id, question.person_id, rating, at)
        return peek(db, token, at=at)


def rate(
    db: Database,
    viewer: Viewer,
    ticket: Ticket,
    rating: Rating,
    *,
    revision: str | None = None,
    at: datetime | None = None,
) -> None:
    """The same answer, given on the page of a closed request by who filed it."""
    with db.atomic():
        there = present(db, viewer, ticket.id)
        if there.requester_id != viewer.person_id or viewer.person_id is None:
            raise Forbidden("ticket.not_yours")
        if there.status != "closed":
            raise Invalid("ticket.not_closed", number=there.number)
        before = texts(find(db, viewer, ticket))
        revisions.check(revision, before, {"rating": _word(rating.is_good), "why": rating.why})
        db.execute(
            """
            INSERT INTO satisfaction (ticket_id, person_id) VALUES (:ticket, :person)
            ON CONFLICT DO NOTHING
            """,
            {"ticket": there.id, "person": viewer.person_id},
        )
        _record(db, there.id, viewer.person_id, rating, at)


def _read(db: Database, condition: str, values: Values) -> SatisfactionQuestion | None:
    """The question to somebody who may still come in and read the request."""
    rows = db.query(
        f"""
        SELECT s.ticket_id, t.number, t.subject, s.person_id, s.is_good, s.why
        FROM satisfaction s JOIN tickets t ON t.id = s.ticket_id
        JOIN people p ON p.id = s.person_id AND p.disabled_at IS NULL
        WHERE {condition}
          AND EXISTS (SELECT 1 FROM ticket_readers r
                      WHERE r.ticket_id = t.id AND r.word = 'user:' || s.person_id)
        """,  # noqa: S608 (conditions are constants of this module)
        values,
    )
    if not rows:
        return None
    is_good = rows[0].pop("is_good")
    return SatisfactionQuestion(**rows[0], is_good=None if is_good is None else bool(is_good))


def _record(
    db: Database,
    ticket_id: str,
    person_id: str,
    rating: Rating,
    at: datetime | None,
) -> None:
    text = plain_text.block_within(MAX_WHY, rating.why)
    db.execute(
        """
        UPDATE satisfaction SET is_good = :good, why = :why, answered_at = :now
        WHERE ticket_id = :ticket AND person_id = :person
        """,
        {
            "good": int(rating.is_good),
            "why": text,
            "now": stored(at or utc_now()),
            "ticket": ticket_id,
            "person": person_id,
        },
    )


def _word(is_good: bool) -> str:
    return "good" if is_good else "bad"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
