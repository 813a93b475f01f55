"""Who a person is elsewhere: an issuer and the name it gives them, never an e-mail address.

Addresses change hands; the pair (issuer, subject) is what a provider promises never to reuse.
"""

from dataclasses import dataclass

from kbsearch import audit, people
from kbsearch.access import Viewer, only_administrators
from kbsearch.clock import now
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import Person

HANDOVER = "jwt"  # the issuer of hand-overs: their subject is the application's external_id
SAML = "saml:"  # before an issuer: Keycloak calls itself the same in OpenID Connect
MAX_SUBJECT = 255  # OpenID Connect Core, section 2


@dataclass(frozen=True)
class Identity:
    """One person, as one issuer knows them."""

    email: str
    issuer: str
    subject: str
    created_at: str


def find_person(db: Database, issuer: str, subject: str) -> Person | None:
    """Whom this issuer calls by that name."""
    rows = db.query(
        "SELECT person_id FROM identities WHERE issuer = :issuer AND subject = :subject",
        {"issuer": issuer, "subject": subject},
    )
    return people.find_id(db, rows[0]["person_id"]) if rows else None


def bind(db: Database, viewer: Viewer, person: Person, issuer: str, subject: str) -> None:
    """Let this identity come in as this person; each has one at an issuer, and only one has it."""
    only_administrators(viewer)
    if not issuer or not subject or len(subject) > MAX_SUBJECT or not subject.isprintable():
        raise Invalid("identity.subject_invalid", limit=MAX_SUBJECT)
    with db.atomic():
        if find_person(db, issuer, subject) or has_one(db, person, issuer):
            raise Invalid("identity.taken", email=person.email, subject=subject)
        db.insert(
            "identities",
            {
                "issuer": issuer,
                "subject": subject,
                "person_id": person.id,
                "created_at": now(),
            },
        )
        audit.act(db, viewer, "identity.bound", person_id=person.id, issuer=issuer)


def has_one(db: Database, person: Person, issuer: str) -> bool:
    """Whether this issuer already has a name for the person."""
    rows = db.query(
        "SELECT 1 FROM identities WHERE person_id = :id AND issuer = :issuer",
        {"id": person.id, "issuer": issuer},
    )
    return bool(rows)


def unbind(db: Database, viewer: Viewer, person: Person, issuer: str) -> None:
    """Take the identity away; the sessions opened with it end, as do the person's others."""
    only_administrators(viewer)
    with db.atomic():
        removed = db.execute(
            "DELETE FROM identities WHERE person_id = :id AND issuer = :issuer",
            {"id": person.id, "issuer": issuer},
        )
        if not removed:
            raise NotFound("identity.not_found", email=person.email, issuer=issuer)
        db.execute("DELETE FROM sessions WHERE person_id = :id", {"id": person.id})
        audit.act(db, viewer, "identity.unbound", person_id=person.id, issuer=issuer)


def list_all(db: Database) -> list[Identity]:
    """Every identity, by address and issuer."""
    rows = db.query(
        """
        SELECT p.email, i.issuer, i.subject, i.created_at
        FROM identities i JOIN people p ON p.id = i.person_id
        ORDER BY p.email, i.issuer
        """
    )
    return [Identity(**row) for row in rows]
