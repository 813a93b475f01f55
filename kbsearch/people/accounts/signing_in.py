"""Signing in: an address and a password, then a code, then a session.

The code is of the authenticator for those who have one, and comes by mail for the others. Staff
owe an authenticator: without one they come in by a mailed code to set it up, and to nothing else.
Whoever can no longer use theirs types one of their recovery codes instead.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from kbsearch import audit, limits, outbox, people
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound, TooMany
from kbsearch.limits import Charges
from kbsearch.people import Person, organisations, undeliverable
from kbsearch.people.accounts import (
    known_browsers,
    passwords,
    second_factor,
    sessions,
    sign_ins_under_way,
)
from kbsearch.people.accounts.sessions import hash_token
from kbsearch.people.accounts.sign_ins_under_way import Errand, Factor, Pending, Purpose

NEW_BROWSER = outbox.declare("sign_in.new_browser", "mail")  # tell its person


@dataclass(frozen=True)
class Caller:
    """The browser at the door: where it calls from, and the tokens it brings."""

    network: str = "unknown"
    user_agent: str = ""
    session: str = ""
    browser: str = ""
    device: str = ""


@dataclass(frozen=True)
class CodeAsked:
    """A code is asked for; the browser keeps the token until it is given."""

    token: str


@dataclass(frozen=True)
class Inside:
    """Somebody came in: the tokens their browser keeps, and where they were going."""

    session: str
    browser: str
    destination: str
    is_enrolling: bool
    is_staff: bool
    device: str | None = None  # trusted from now on


def begin(
    db: Database,
    caller: Caller,
    email: str,
    password: str,
    destination: str = "",
    *,
    at: datetime | None = None,
) -> CodeAsked | Inside:
    """Take an address and a password. An unknown address costs and says what a wrong one does."""
    moment = at or utc_now()
    person = _find(db, email)
    charges = _charges_of_sign_in(db, caller, person, email)
    charge(db, caller, person, charges, at=moment)
    if not passwords.verify(db, person.id if person else None, password) or person is None:
        person_id = person.id if person else None
        audit.record(db, "sign_in.failed", person_id=person_id, network=caller.network, at=moment)
        raise Invalid("sign_in.refused")
    with db.atomic():
        _give_back(db, charges)
        if _is_trusted(db, caller, person, moment):
            return let_in(db, caller, person, destination, "device", at=moment)
        return ask(db, caller, person, Errand("sign_in", destination), at=moment)


def ask(
    db: Database,
    caller: Caller,
    person: Person,
    errand: Errand,
    *,
    at: datetime | None = None,
) -> CodeAsked:
    """Ask for the second factor, after a password or a link."""
    factor = factor_of(db, person)
    if factor == "mail":
        charge(db, caller, person, [(limits.MAILED_TO_PERSON, person.id)], at=at)
    return CodeAsked(sign_ins_under_way.begin(db, person.id, errand, factor, at=at))


def resend(
    db: Database, caller: Caller, token: str, purpose: Purpose, *, at: datetime | None = None
) -> None:
    """Mail another code for a sign-in under way."""
    waiting = sign_ins_under_way.find(db, token, purpose, at=at)
    if waiting.factor != "mail" or waiting.passed_at:
        raise NotFound("sign_in.expired")
    person = people.find_id(db, waiting.person_id)
    charge(db, caller, person, [(limits.RESENDS, person.id)], at=at)
    outbox.add(db, sign_ins_under_way.CODE_WANTED, waiting.id)


@dataclass(frozen=True)
class TypedCode:
    """What was typed, whether it is a recovery code, whether the device is to be trusted."""

    text: str
    recovery: bool = False
    trust: bool = False


def finish(
    db: Database,
    settings: Settings,
    caller: Caller,
    token: str,
    code: TypedCode,
    *,
    at: datetime | None = None,
) -> Inside:
    """Take the code, and let its person in with a session that is new."""
    moment = at or utc_now()
    waiting = sign_ins_under_way.find(db, token, "sign_in", at=moment)
    factor = check_code(db, settings, caller, waiting, code, at=moment)
    person = people.find_id(db, waiting.person_id)
    with db.atomic():
        sign_ins_under_way.end(db, waiting)
        inside = let_in(db, caller, person, waiting.destination, factor, at=moment)
        if not (code.trust and may_trust(db, person)):
            return inside
        browser = caller.user_agent
        device = second_factor.trust_device(db, person.id, user_agent=browser, at=moment)
        return replace(inside, device=device)


def check_code(
    db: Database,
    settings: Settings,
    caller: Caller,
    waiting: Pending,
    code: TypedCode,
    *,
    at: datetime | None = None,
) -> str:
    """The factor that was shown; raises Invalid for a wrong code. Each code passes once."""
    moment = at or utc_now()
    if waiting.passed_at:
        raise NotFound("sign_in.expired")
    person = people.find_id(db, waiting.person_id)
    factor = "recovery" if code.recovery else waiting.factor
    charges = _charges_of_code(db, caller, person)
    charge(db, caller, person, charges, at=moment)
    with db.atomic():
        passed = _is_right(
            db, settings, waiting, code.text, factor, moment
        ) and sign_ins_under_way.pass_through(db, waiting, at=moment)
        if passed:
            _give_back(db, charges)
        else:
            audit.record(
                db,
                "code.refused",
                person_id=person.id,
                network=caller.network,
                at=moment,
                factor=factor,
            )
    if passed:
        return factor
    if waiting.factor == "mail" and not sign_ins_under_way.has_live_code(db, waiting, at=moment):
        raise Invalid("sign_in.code_spent")
    raise Invalid("sign_in.code_wrong")


def let_in(
    db: Database,
    caller: Caller,
    person: Person,
    destination: str,
    factor: str,
    *,
    at: datetime | None = None,
) -> Inside:
    """Open a session for somebody who has shown enough; `factor` says what, for the log."""
    moment = at or utc_now()
    enrolling = factor == "mail" and person.role != "customer"
    is_stranger = known_browsers.has_any(db, person.id) and not known_browsers.is_known(
        db, person.id, caller.browser
    )
    sessions.end_session(db, caller.session)
    event = audit.record(
        db,
        "sign_in.succeeded",
        person_id=person.id,
        network=caller.network,
        at=moment,
        factor=factor,
        browser=caller.user_agent[: sessions.MAX_USER_AGENT],
    )
    if is_stranger:
        outbox.add(db, NEW_BROWSER, event)
    if factor == "mail":
        undeliverable.clear(db, person.id)
    session = sessions.open_session(
        db, person.id, caller.user_agent, enrolling=enrolling, at=moment
    )
    if factor != "device":
        sessions.mark_proved(db, session, at=moment)
    return Inside(
        session=session,
        browser=known_browsers.remember(db, person.id, caller.browser, at=moment),
        destination=destination,
        is_enrolling=enrolling,
        is_staff=person.role != "customer",
    )


def factor_of(db: Database, person: Person) -> Factor:
    """What this person is asked for after the password."""
    return "totp" if second_factor.has_totp(db, person.id) else "mail"


def may_trust(db: Database, person: Person) -> bool:
    """Whether an organisation of this person lets a browser be trusted for a month."""
    return any(organisations.find(db, slug).trusted_devices for slug in person.organisations)


def charge(
    db: Database,
    caller: Caller,
    person: Person | None,
    charges: Charges,
    *,
    at: datetime | None = None,
) -> None:
    """Count an attempt against every limit, or against none and raise TooMany."""
    try:
        limits.take_all(db, charges, at=at)
    except TooMany as problem:
        limit_name = str(problem.values["limit"])
        with suppress(TooMany):  # told a moment ago
            refusal = f"{limit_name} {person.id if person else caller.network}"
            limits.take(db, limits.REFUSALS_TOLD, refusal, at=at)
            audit.record(
                db,
                "limit.reached",
                person_id=person.id if person else None,
                network=caller.network,
                at=at,
                limit=limit_name,
            )
        raise


def folded(email: str) -> str:
    """What an address counts as, be it one or not."""
    try:
        return people.fold_email(email)
    except Invalid:
        return email.strip().lower()[: people.MAX_EMAIL]


def _find(db: Database, email: str) -> Person | None:
    """The person who may sign in with that address."""
    try:
        person = people.find(db, email)
    except (Invalid, NotFound):
        return None
    return None if person.disabled_at else person


def _charges_of_sign_in(db: Database, caller: Caller, person: Person | None, email: str) -> Charges:
    """A browser the account knows has a count of its own: strangers cannot lock it out."""
    if person is not None and known_browsers.is_known(db, person.id, caller.browser):
        return [(limits.SIGN_INS_OF_ACCOUNT, f"{person.email} {hash_token(caller.browser)}")]
    return [
        (limits.SIGN_INS_OF_ACCOUNT, folded(email)),
        (limits.SIGN_INS_FROM_NETWORK, caller.network),
        (limits.SIGN_INS_OF_ALL, ""),
    ]


def _charges_of_code(db: Database, caller: Caller, person: Person) -> Charges:
    if known_browsers.is_known(db, person.id, caller.browser):
        return [(limits.CODES_OF_PERSON, f"{person.id} {hash_token(caller.browser)}")]
    return [
        (limits.CODES_OF_PERSON, person.id),
        (limits.CODES_FROM_NETWORK, caller.network),
    ]


def _give_back(db: Database, charges: Charges) -> None:
    for limit, key in charges:
        limits.give_back(db, limit, key)


def _is_trusted(db: Database, caller: Caller, person: Person, moment: datetime) -> bool:
    return (
        bool(caller.device)
        and may_trust(db, person)
        and second_factor.is_trusted(db, person.id, caller.device, at=moment)
    )


def _is_right(
    db: Database, settings: Settings, waiting: Pending, code: str, factor: str, moment: datetime
) -> bool:
    if waiting.factor == "mail":
        return factor == "mail" and sign_ins_under_way.is_code(
            db, settings, waiting, code, at=moment
        )
    if factor == "recovery":
        return second_factor.use_recovery_code(db, waiting.person_id, code, at=moment)
    return second_factor.check_totp(db, settings, waiting.person_id, code, at=moment)
