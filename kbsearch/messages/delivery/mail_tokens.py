"""The tokens that open our mailbox: sealed in the database, renewed before they end.

Of all processes and threads, one renews at a time: many providers change the refresh token each
time, and take one that is used twice for stolen.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from kbsearch import audit, sealing
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.errors import Invalid
from kbsearch.messages.delivery import mail_provider
from kbsearch.messages.delivery.mail_provider import NoToken, Provider, Tokens

log = logging.getLogger(__name__)

PURPOSE = "mail-tokens"
LEASE = timedelta(seconds=30)  # the provider answers within 10, or not at all
PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.1
RENEWED_AFTER = 0.8  # of its lifetime

State = Literal["passwords", "itself", "missing", "given", "withdrawn"]


@dataclass(frozen=True)
class Consent:
    """How the site comes into its mailbox, since when, and what stands in the way."""

    state: State
    problem: str = ""
    since: str | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether mail waits for an administrator to consent."""
        return self.state in ("missing", "withdrawn")


@dataclass(frozen=True)
class _Grant:
    """What is kept of a provider's word; tokens are sealed."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    renew_at: str
    expires_at: str
    is_withdrawn: int
    problem: str
    consented_at: str | None


def look(db: Database, settings: Settings) -> Consent:
    """How it stands, without asking anybody."""
    provider = mail_provider.of(settings)
    if provider is None:
        return Consent("passwords")
    grant = _find(db, provider)
    if not provider.asks_people:
        return Consent("itself", grant.problem if grant else "")
    if grant is None:
        return Consent("missing")
    state: State = "withdrawn" if grant.is_withdrawn else "given"
    return Consent(state, grant.problem, grant.consented_at)


def consent(db: Database, viewer: Viewer, settings: Settings, code: str, verifier: str) -> None:
    """Keep what the provider gives for the code an administrator came back with."""
    provider = mail_provider.of(settings)
    if provider is None or not viewer.is_administrator:
        raise Invalid("mail_access.not_asked")
    try:
        tokens = provider.redeem(code, verifier)
    except NoToken as problem:
        raise Invalid("mail_access.refused", told=str(problem)) from problem
    if not tokens.refresh:
        raise Invalid("mail_access.not_lasting")
    moment = utc_now()
    with db.atomic():
        _add(db, provider)
        _keep(db, settings, provider, tokens, moment)
        db.execute(
            "UPDATE mail_grants SET consented_at = :now WHERE name = :name",
            {"now": stored(moment), "name": provider.name},
        )
        audit.act(db, viewer, "mail_access.consented", subject=provider.name)


def access_token(db: Database, settings: Settings) -> str:
    """A token that is good now; raises NoToken. It may take as long as the provider does."""
    provider = mail_provider.of(settings)
    assert provider is not None, "only asked for where the settings name a provider"
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        grant, now = _find(db, provider), stored(utc_now())
        if provider.asks_people and (grant is None or grant.is_withdrawn):
            problem = grant.problem if grant else "nobody has consented yet: see /admin/mail"
            raise NoToken(problem, is_withdrawn=True)
        if grant and now < grant.renew_at and (token := _opened(settings, grant.access)):
            return token
        holder = _take_turn(db, provider)
        if holder:
            return _renewed(db, settings, provider, holder)
        if grant and now < grant.expires_at and (token := _opened(settings, grant.access)):
            return token  # somebody else is renewing it
        if time.monotonic() > until:
            raise NoToken("another process has been asking for a token for a while")
        time.sleep(POLL_SECONDS)


def distrust(db: Database, settings: Settings) -> None:
    """A server did not take the token: the next one who needs it asks for another."""
    provider = mail_provider.of(settings)
    if provider is not None:
        db.execute(
            "UPDATE mail_grants SET renew_at = '', expires_at = '' WHERE name = :name",
            {"name": provider.name},
        )


def _renewed(db: Database, settings: Settings, provider: Provider, holder: str) -> str:
    """Ask for new tokens; it is our turn until the lease is over."""
    grant = _find(db, provider)  # once more: whoever had the turn before us may have renewed it
    assert grant is not None, "whoever has the turn has a row"
    now = stored(utc_now())
    if now < grant.renew_at and (token := _opened(settings, grant.access)):
        _release(db, holder)
        return token
    try:
        tokens = _asked(settings, provider, grant)
    except NoToken as problem:
        _note(db, holder, problem)
        if not problem.is_withdrawn and now < grant.expires_at:
            return _opened(settings, grant.access)
        raise
    _keep(db, settings, provider, tokens, utc_now())
    log.info("the token of the mailbox is new, and good for %d s", tokens.lifetime)
    return tokens.access


def _asked(settings: Settings, provider: Provider, grant: _Grant) -> Tokens:
    if not provider.asks_people:
        return provider.admit()
    refresh = _opened(settings, grant.refresh)
    if not refresh:
        raise NoToken("it was sealed with another secret_key: consent again", is_withdrawn=True)
    return provider.renew(refresh)


def _opened(settings: Settings, sealed: str) -> str:
    return (sealing.unseal(settings, PURPOSE, sealed) or "") if sealed else ""


def _find(db: Database, provider: Provider) -> _Grant | None:
    rows = db.query(
        """
        SELECT access, refresh, renew_at, expires_at, is_withdrawn, problem, consented_at
        FROM mail_grants WHERE name = :name
        """,
        {"name": provider.name},
    )
    return _Grant(**rows[0]) if rows else None


def _add(db: Database, provider: Provider) -> None:
    db.execute(
        "INSERT INTO mail_grants (name) VALUES (:name) ON CONFLICT (name) DO NOTHING",
        {"name": provider.name},
    )


def _take_turn(db: Database, provider: Provider) -> str:
    """Be the one who renews, for the time of a lease; nothing while somebody else is."""
    if not provider.asks_people:
        _add(db, provider)
    moment, holder = utc_now(), new_id()
    is_ours = db.execute(
        """
        UPDATE mail_grants SET holder = :holder, leased_until = :until
        WHERE name = :name AND (leased_until IS NULL OR leased_until < :now)
        """,
        {
            "holder": holder,
            "until": stored(moment + LEASE),
            "name": provider.name,
            "now": stored(moment),
        },
    )
    return holder if is_ours else ""


def _release(db: Database, holder: str) -> None:
    db.execute(
        "UPDATE mail_grants SET leased_until = NULL WHERE holder = :holder", {"holder": holder}
    )


def _note(db: Database, holder: str, problem: NoToken) -> None:
    """Keep why there is no token, unless the turn has passed on to somebody else meanwhile."""
    log.error("no token for the mailbox: %s", problem)
    db.execute(
        """
        UPDATE mail_grants SET leased_until = NULL, problem = :told, is_withdrawn = :withdrawn
        WHERE holder = :holder
        """,
        {
            "told": str(problem),
            "withdrawn": int(problem.is_withdrawn),
            "holder": holder,
        },
    )


def reseal(db: Database, resealing: sealing.Resealing) -> None:
    """Seal the tokens of every provider with today's key."""
    for row in db.query("SELECT name, access, refresh FROM mail_grants"):
        sealed = {
            kind: resealing.again(PURPOSE, row[kind]) if row[kind] else row[kind]
            for kind in ("access", "refresh")
        }
        db.execute(
            "UPDATE mail_grants SET access = :access, refresh = :refresh WHERE name = :name",
            {"name": row["name"], **sealed},
        )


def _keep(
    db: Database, settings: Settings, provider: Provider, tokens: Tokens, at: datetime
) -> None:
    """In one statement: the new refresh token is there as the one before goes."""
    lifetime = timedelta(seconds=tokens.lifetime)
    db.execute(
        """
        UPDATE mail_grants SET access = :access, renew_at = :renew, expires_at = :expires,
          refresh = COALESCE(:refresh, refresh), problem = '', is_withdrawn = 0,
          leased_until = NULL, holder = NULL
        WHERE name = :name
        """,
        {
            "access": sealing.seal(settings, PURPOSE, tokens.access),
            "refresh": sealing.seal(settings, PURPOSE, tokens.refresh) if tokens.refresh else None,
            "renew": stored(at + RENEWED_AFTER * lifetime),
            "expires": stored(at + lifetime),
            "name": provider.name,
        },
    )
