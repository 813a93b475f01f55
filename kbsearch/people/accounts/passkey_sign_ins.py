"""Signing in with a passkey: alone, instead of a password, or after one as the second factor."""

from datetime import datetime

from kbsearch import limits, people
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound
from kbsearch.limits import Charges
from kbsearch.people.accounts import passkeys, sign_ins_under_way, signing_in
from kbsearch.people.accounts.passkeys import Challenge, DeviceAnswer
from kbsearch.people.accounts.sign_ins_under_way import Pending
from kbsearch.people.accounts.signing_in import Caller, Inside

FACTOR = "passkey"  # as the security log names it


def ask(
    db: Database, settings: Settings, caller: Caller, *, at: datetime | None = None
) -> Challenge:
    """Ask a browser whose passkeys it has; counted like a sign-in, as strangers may ask."""
    signing_in.charge(db, caller, None, _charges(caller), at=at)
    return passkeys.ask(db, settings, at=at)


def finish(
    db: Database,
    settings: Settings,
    caller: Caller,
    answer: DeviceAnswer,
    destination: str = "",
    *,
    at: datetime | None = None,
) -> Inside:
    """Let in whoever's passkey signed, without a password."""
    moment = at or utc_now()
    person_id = passkeys.check(db, settings, answer, at=moment)
    person = people.find_id(db, person_id)
    with db.atomic():
        for limit, key in _charges(caller):
            limits.give_back(db, limit, key)
        return signing_in.let_in(db, caller, person, destination, FACTOR, at=moment)


def ask_after_password(
    db: Database, settings: Settings, waiting: Pending, *, at: datetime | None = None
) -> Challenge:
    """Ask the browser for a passkey of whoever is signing in."""
    if waiting.passed_at or not passkeys.has_any(db, waiting.person_id):
        raise NotFound("sign_in.expired")
    return passkeys.ask(db, settings, person_id=waiting.person_id, at=at)


def finish_after_password(
    db: Database,
    settings: Settings,
    caller: Caller,
    waiting: Pending,
    answer: DeviceAnswer,
    *,
    at: datetime | None = None,
) -> Inside:
    """Take the signature for the code that was asked for, and let its person in."""
    moment = at or utc_now()
    person = people.find_id(db, waiting.person_id)
    charges: Charges = [(limits.CODES_OF_PERSON, f"{person.id} passkey")]
    signing_in.charge(db, caller, person, charges, at=moment)
    passkeys.check(db, settings, answer, person_id=person.id, at=moment)
    with db.atomic():
        if not sign_ins_under_way.pass_through(db, waiting, at=moment):
            raise Invalid("passkey.expired")
        for limit, key in charges:
            limits.give_back(db, limit, key)
        sign_ins_under_way.end(db, waiting)
        return signing_in.let_in(db, caller, person, waiting.destination, FACTOR, at=moment)


def _charges(caller: Caller) -> Charges:
    return [(limits.DEPARTURES_FROM_NETWORK, f"{caller.network} passkey")]
