"""Hand-overs: the vendor's own application signs a JWT that says who comes, as Zendesk takes it.

The application vouches for the address, so that an address finds its account here. It vouches
for customers alone: nobody of the staff comes in this way.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc.jwk import OctKey

from kbsearch import audit, people
from kbsearch.access import SINGLE_SIGN_ON
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.people import Person, PersonFields, organisations
from kbsearch.people.accounts import sessions, signing_in
from kbsearch.people.accounts.signing_in import Caller, Inside
from kbsearch.people.accounts.single_sign_on import identities, tokens, used_handovers
from kbsearch.people.accounts.single_sign_on.identities import HANDOVER
from kbsearch.people.accounts.single_sign_on.tokens import Unbelievable

log = logging.getLogger(__name__)

OLDEST_SECONDS = 180
AHEAD_SECONDS = 30  # the application's clock may run that much before ours


@dataclass(frozen=True)
class Handover:
    """What a token says, its signature and age checked."""

    jti: str
    email: str
    name: str
    external_id: str  # empty when it gives none
    organisation: str  # likewise


def read(settings: Settings, token: str, *, at: datetime | None = None) -> Handover:
    """The hand-over of a token; it is not used up by being read."""
    try:
        return _checked(settings, token, at or utc_now())
    except Unbelievable as problem:
        log.warning("a hand-over is refused: %s", problem)
        raise Forbidden("handover.not_believed") from problem


def whom(db: Database, handover: Handover) -> Person | None:
    """The account it is about: by its external id, else by its address."""
    if handover.external_id:
        person = identities.find_person(db, HANDOVER, handover.external_id)
        if person is not None:
            return person
    try:
        return people.find(db, handover.email)
    except NotFound:
        return None


def redeem(
    db: Database,
    settings: Settings,
    caller: Caller,
    handover: Handover,
    back: str = "",
    *,
    at: datetime | None = None,
) -> Inside:
    """Use it up and let its person in."""
    moment = at or utc_now()
    with _noted(db, caller, handover, moment), db.atomic():
        person = _used_up(db, settings, handover, moment)
        return signing_in.let_in(db, caller, person, back, "handover", at=moment)


def recognise(
    db: Database,
    settings: Settings,
    caller: Caller,
    handover: Handover,
    *,
    at: datetime | None = None,
) -> Person:
    """Use it up for a widget, where its person gets no session."""
    moment = at or utc_now()
    with _noted(db, caller, handover, moment), db.atomic():
        person = _used_up(db, settings, handover, moment)
        audit.record(
            db,
            "sign_in.succeeded",
            person_id=person.id,
            network=caller.network,
            at=moment,
            factor="handover",
            browser=caller.user_agent[: sessions.MAX_USER_AGENT],
        )
        return person


@contextmanager
def _noted(db: Database, caller: Caller, handover: Handover, moment: datetime) -> Iterator[None]:
    """Log a refusal: its own transaction is undone, the log is kept."""
    try:
        yield
    except Forbidden:
        person = whom(db, handover)
        audit.record(
            db,
            "sign_in.failed",
            person_id=person.id if person else None,
            network=caller.network,
            at=moment,
            factor="handover",
        )
        raise


def _used_up(db: Database, settings: Settings, handover: Handover, moment: datetime) -> Person:
    """The person it is good for, this once."""
    person = whom(db, handover) or _created(db, settings, handover)
    if person.disabled_at or person.role != "customer":
        log.warning("a hand-over for %s is refused: %s", person.id, person.role)
        raise Forbidden("handover.account_missing")
    _bind(db, person, handover)
    if not used_handovers.use_up(db, handover.jti, at=moment):
        log.warning("a hand-over for %s came twice", person.id)
        raise Forbidden("handover.not_believed")
    return person


def _checked(settings: Settings, token: str, moment: datetime) -> Handover:
    key = OctKey.import_key(settings.jwt_shared_secret)
    claims = tokens.read(token, key, tokens.SHARED_SECRET).claims
    issued = claims.get("iat")
    if not isinstance(issued, (int, float)):
        raise Unbelievable("no iat")
    now = moment.timestamp()
    if not now - OLDEST_SECONDS <= issued <= now + AHEAD_SECONDS:
        raise Unbelievable(f"issued at {issued!r}, it is {now:.0f}")
    expires = claims.get("exp")
    if expires is not None and not (isinstance(expires, (int, float)) and now < expires):
        raise Unbelievable(f"expired at {expires!r}")
    starts = claims.get("nbf")
    if starts is not None and not (
        isinstance(starts, (int, float)) and starts <= now + AHEAD_SECONDS
    ):
        raise Unbelievable(f"not before {starts!r}")
    if settings.jwt_issuer and claims.get("iss") != settings.jwt_issuer:
        raise Unbelievable(f"its iss is {claims.get('iss')!r}")
    if settings.jwt_audience and settings.jwt_audience not in _audiences(claims.get("aud")):
        raise Unbelievable(f"its aud is {claims.get('aud')!r}")
    handover = Handover(
        jti=tokens.text(claims, "jti"),
        email=tokens.text(claims, "email"),
        name=tokens.text(claims, "name", limit=people.MAX_NAME),
        external_id=tokens.text(claims, "external_id"),
        organisation=tokens.text(claims, "organization"),
    )
    if not (handover.jti and handover.email and handover.name):
        raise Unbelievable("jti, email and name are needed, each a text of one line")
    try:
        people.fold_email(handover.email)
    except Invalid as problem:
        raise Unbelievable("its email is no address") from problem
    return handover


def _audiences(claim: Any) -> list[Any]:
    """One may stand alone: RFC 7519, 4.1.3."""
    return claim if isinstance(claim, list) else [claim]


def _created(db: Database, settings: Settings, handover: Handover) -> Person:
    """A new customer of an organisation that exists, where the settings allow it."""
    slugs = {
        name: organisation.slug
        for organisation in organisations.list_all(db)
        for name in (organisation.slug, organisation.name)
    }
    if not settings.jwt_creates_accounts or handover.organisation not in slugs:
        log.warning("a hand-over for somebody without an account is refused")
        raise Forbidden("handover.account_missing")
    fields = PersonFields(
        email=handover.email,
        name=handover.name,
        organisations=[slugs[handover.organisation]],
    )
    return people.add(db, SINGLE_SIGN_ON, fields)


def _bind(db: Database, person: Person, handover: Handover) -> None:
    """Keep the external id, so that the account is found when its address has changed there."""
    if not handover.external_id:
        return
    if identities.find_person(db, HANDOVER, handover.external_id) is None:
        if identities.has_one(db, person, HANDOVER):
            log.warning("%s has another external id than the hand-over says", person.id)
            raise Forbidden("handover.account_missing")
        identities.bind(db, SINGLE_SIGN_ON, person, HANDOVER, handover.external_id)
