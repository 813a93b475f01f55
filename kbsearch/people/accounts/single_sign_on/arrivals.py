"""Who comes in with the word of an identity provider, by OpenID Connect or SAML."""

import logging
from dataclasses import dataclass
from typing import Any

from kbsearch import audit, people
from kbsearch.access import SINGLE_SIGN_ON
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.people import Person
from kbsearch.people.accounts.signing_in import Caller
from kbsearch.people.accounts.single_sign_on import identities, tokens

log = logging.getLogger(__name__)

Claims = dict[str, Any]


@dataclass(frozen=True)
class ProviderArrival:
    """Somebody the provider vouches for, and whether their second factor is still to be asked."""

    person: Person
    needs_factor: bool


@dataclass(frozen=True)
class ArrivalRules:
    """What an administrator lets the word of a provider do."""

    links_by_email: bool
    trusts_factor: bool
    acr: tuple[str, ...]  # which say that it asked for two factors


def rules_of_openid(settings: Settings) -> ArrivalRules:
    links_by_email = settings.oidc_link_by_email == "verified"
    return ArrivalRules(links_by_email, settings.oidc_trusts_factor, settings.oidc_acr)


def rules_of_saml(settings: Settings) -> ArrivalRules:
    return ArrivalRules(settings.saml_link_by_email, settings.saml_trusts_factor, settings.saml_acr)


def welcome(db: Database, rules: ArrivalRules, caller: Caller, claims: Claims) -> ProviderArrival:
    """The person of these claims. No account is ever made here."""
    with db.atomic():
        person = identities.find_person(db, claims["iss"], claims["sub"])
        if person is None:
            person = _matched_by_address(db, rules, claims)
    if person is None or person.disabled_at:
        log.warning("%s vouches for %r, who has no account", claims["iss"], claims["sub"])
        audit.record(
            db,
            "sign_in.failed",
            person_id=person.id if person else None,
            network=caller.network,
            factor="provider",
        )
        raise Forbidden("provider.account_missing")
    return ProviderArrival(person, needs_factor=not _has_both_factors(rules, person, claims))


def _matched_by_address(db: Database, rules: ArrivalRules, claims: Claims) -> Person | None:
    """The administrator's rule: a verified address finds its customer the first time.

    Staff are bound by command alone: an address at a provider is not enough to read every request.
    """
    if not rules.links_by_email or claims.get("email_verified") is not True:
        return None
    try:
        person = people.find(db, tokens.text(claims, "email"))
    except (Invalid, NotFound):
        return None
    if person.role != "customer" or person.disabled_at:
        return None
    if identities.has_one(db, person, claims["iss"]):  # the address went to somebody else there
        return None
    identities.bind(db, SINGLE_SIGN_ON, person, claims["iss"], claims["sub"])
    log.info("%s: %r is %s from now on", claims["iss"], claims["sub"], person.id)
    return person


def _has_both_factors(rules: ArrivalRules, person: Person, claims: Claims) -> bool:
    """Customers on the provider's word, if the settings say so; staff when it says how."""
    if person.role == "customer" and rules.trusts_factor:
        return True
    methods = claims.get("amr")
    said_so = isinstance(methods, list) and "mfa" in methods  # RFC 8176
    return said_so or claims.get("acr") in rules.acr
