"""Choosing a password: after an invitation, after it was forgotten, or because one wants to."""

from datetime import datetime

from kbsearch import audit, limits, outbox, people
from kbsearch.access import Viewer, only_administrators, only_agents
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound
from kbsearch.messages.webhooks import events
from kbsearch.people import Person
from kbsearch.people.accounts import (
    one_time_links,
    passwords,
    sessions,
    sign_ins_under_way,
    signing_in,
)
from kbsearch.people.accounts.sessions import hash_token
from kbsearch.people.accounts.sign_ins_under_way import Errand
from kbsearch.people.accounts.signing_in import Caller, CodeAsked, Inside

INVITED = outbox.declare("person.invited", "mail")
FORGOTTEN = outbox.declare("password.forgotten", "mail")
CHANGED = outbox.declare("password.changed", "mail")


def invite(db: Database, viewer: Viewer, person: Person) -> None:
    """Send somebody the link to choose a password, once more if need be; the worker makes it."""
    only_agents(viewer)
    if person.disabled_at:
        raise Invalid("person.is_disabled", email=person.email)
    with db.atomic():
        audit.act(db, viewer, "person.invited", person_id=person.id)
        outbox.add(db, INVITED, person.id)
        events.tell(db, "user.invited", person.id)


def invitation_link(db: Database, viewer: Viewer, settings: Settings, person: Person) -> str:
    """The link itself, for an operator who hands it over without mail."""
    only_administrators(viewer)
    with db.atomic():
        token = one_time_links.make(db, "invitation", person)
        audit.act(db, viewer, "invitation.printed", person_id=person.id)
    return one_time_links.url(settings, "invitation", person, token)


def accept_invitation(
    db: Database,
    settings: Settings,
    caller: Caller,
    token: str,
    password: str,
    *,
    at: datetime | None = None,
) -> CodeAsked | Inside:
    """Choose the first password; then a code is asked for, but not by the mail just come from."""
    moment = at or utc_now()
    purpose = one_time_links.purpose_of_invitation(db, token)
    person = one_time_links.peek(db, purpose, token, at=moment)
    hashed = passwords.prepare(db, settings, person, password)
    with db.atomic():
        one_time_links.use(db, purpose, hash_token(token), at=moment)
        passwords.replace(db, person, hashed)
        audit.record(
            db, "invitation.accepted", person_id=person.id, network=caller.network, at=moment
        )
        if purpose == "mailed_invitation" and signing_in.factor_of(db, person) == "mail":
            return signing_in.let_in(db, caller, person, "", "mail", at=moment)
        return signing_in.ask(db, caller, person, Errand("sign_in"), at=moment)


def forget(db: Database, caller: Caller, email: str, *, at: datetime | None = None) -> None:
    """Ask for a link by mail. Whether the address has an account is seen by the worker alone."""
    address = people.fold_email(email)
    charges = [
        (limits.RESETS_OF_ACCOUNT, address),
        (limits.RESETS_FROM_NETWORK, caller.network),
    ]
    signing_in.charge(db, caller, None, charges, at=at)
    with db.atomic():
        audit.record(db, "reset.asked", network=caller.network, at=at)
        outbox.add(db, FORGOTTEN, address)


def begin_reset(
    db: Database, caller: Caller, token: str, *, at: datetime | None = None
) -> CodeAsked:
    """Follow a reset link: a code is asked for. The link is used up by the new password."""
    person = one_time_links.peek(db, "reset", token, at=at)
    errand = Errand("reset", link_hash=hash_token(token))
    return signing_in.ask(db, caller, person, errand, at=at)


def reset(
    db: Database,
    settings: Settings,
    caller: Caller,
    token: str,
    password: str,
    *,
    at: datetime | None = None,
) -> Person:
    """Choose another password after the link and the code. It signs nobody in."""
    waiting = sign_ins_under_way.find(db, token, "reset", at=at)
    if not waiting.passed_at or waiting.link_hash is None:
        raise NotFound("sign_in.expired")
    person = people.find_id(db, waiting.person_id)
    hashed = passwords.prepare(db, settings, person, password)
    with db.atomic():
        one_time_links.use(db, "reset", waiting.link_hash, at=at)
        _change(db, caller, person, hashed, at)
    return person


def change(
    db: Database,
    settings: Settings,
    caller: Caller,
    person: Person,
    current: str,
    password: str,
) -> str:
    """Choose another password, knowing the present one; the token of a session that is new."""
    charges = [(limits.SIGN_INS_OF_ACCOUNT, f"{person.id} change")]
    signing_in.charge(db, caller, person, charges)
    if not passwords.verify(db, person.id, current):
        audit.record(db, "password.refused", person_id=person.id, network=caller.network)
        raise Invalid("password.wrong")
    limits.give_back(db, *charges[0])
    hashed = passwords.prepare(db, settings, person, password)
    with db.atomic():
        _change(db, caller, person, hashed)
        return sessions.open_session(db, person.id, caller.user_agent)


def _change(
    db: Database, caller: Caller, person: Person, hashed: str, at: datetime | None = None
) -> None:
    passwords.replace(db, person, hashed)
    audit.record(db, "password.changed", person_id=person.id, network=caller.network, at=at)
    outbox.add(db, CHANGED, person.id)
