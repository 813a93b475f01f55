"""The OpenID Connect provider: where it is, with which keys it signs, and what it says of people.

Authlib knows the protocol; its clients bring their own HTTP and keep state in signed cookies,
so that the parts used here are those that do neither.
"""

import base64
import logging
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc.jwk import KeySet

from kbsearch.config import Settings, is_private
from kbsearch.errors import Forbidden, Unavailable
from kbsearch.messages.delivery import fetching
from kbsearch.people.accounts.single_sign_on import tokens
from kbsearch.people.accounts.single_sign_on.journeys import Journey
from kbsearch.people.accounts.single_sign_on.tokens import Unbelievable

log = logging.getLogger(__name__)

CALLBACK = "/login/sso/callback"
KEPT_SECONDS = 3600.0  # what the provider says of itself
PAUSE_SECONDS = 10  # after silence: nobody else waits for a provider that is down
NEW_KEYS_SECONDS = 60.0  # a token with an unknown key may have the keys read again this often
LEEWAY_SECONDS = 30  # between its clock and ours
KEY_TYPES = ("RSA", "EC", "OKP")
Claims = dict[str, Any]


def _terms(settings: Settings) -> tuple[str, ...]:
    """What of the settings makes a provider another one."""
    return (
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret,
        settings.oidc_link_by_email,
    )


class IdentityProvider:
    """The provider of the settings. Each process keeps what it says of itself for an hour."""

    def __init__(self, settings: Settings) -> None:
        self.issuer = settings.oidc_issuer
        self._terms = _terms(settings)
        self._client_id = settings.oidc_client_id
        self._client_secret = settings.oidc_client_secret
        self._wants_address = settings.oidc_link_by_email != "never"
        self._redirect_uri = settings.base_url.rstrip("/") + CALLBACK  # never the Host of a request
        self._metadata: dict[str, Any] = {}
        self._metadata_until = 0.0
        self._keys = KeySet([])
        self._keys_read_at = -KEPT_SECONDS
        self._down_until = 0.0

    def is_of(self, settings: Settings) -> bool:
        """Whether these settings mean it."""
        return self._terms == _terms(settings)

    def address(self, journey: Journey) -> str:
        """Where the person signs in."""
        address: str = prepare_grant_uri(
            self._known()["authorization_endpoint"],
            self._client_id,
            "code",
            redirect_uri=self._redirect_uri,
            scope="openid email" if self._wants_address else "openid",
            state=journey.state,
            nonce=journey.nonce,
            code_challenge=create_s256_code_challenge(journey.verifier),
            code_challenge_method="S256",
            ui_locales=journey.language,
        )
        return address

    def look(self) -> None:
        """See that the provider says of itself what is needed; raises Unreachable, Unbelievable."""
        wrong = self._wrong_with(fetching.ask(self._place()).content)
        if wrong:
            raise Unbelievable(wrong)

    def redeem(self, journey: Journey, code: str) -> Claims:
        """What the provider says of the person who came back with this code, verified."""
        answer = self._ask(
            self._known()["token_endpoint"],
            form={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._redirect_uri,
                "code_verifier": journey.verifier,
                **self._posted_credentials(),
            },
            headers=self._credentials_of_header(),
        )
        access_token = answer.content.get("access_token")
        try:
            if answer.status != 200:
                raise Unbelievable(f"status {answer.status}: {answer.content.get('error')!r}")
            claims = self._checked(answer.content, journey.nonce)
            lacks_address = self._wants_address and "email" not in claims
            if lacks_address and isinstance(access_token, str):
                claims = self._user_info(access_token, claims) | claims
        except Unbelievable as problem:
            log.warning("the answer of %s is refused: %s", self.issuer, problem)
            raise Forbidden("provider.not_believed") from problem
        return claims

    def _checked(self, answer: Mapping[str, Any], nonce: str) -> Claims:
        id_token = answer.get("id_token")
        if not isinstance(id_token, str):
            raise Unbelievable("no ID token")
        read = self._read(id_token)
        claims = CodeIDToken(
            read.claims,
            read.header,
            {
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self._client_id},
            },
            {
                "nonce": nonce,
                "client_id": self._client_id,
                "access_token": answer.get("access_token"),
            },
        )
        try:
            claims.validate(leeway=LEEWAY_SECONDS)
        except tokens.UNREADABLE as problem:
            raise Unbelievable(f"{type(problem).__name__}: {problem}") from problem
        if not tokens.text(claims, "sub"):
            raise Unbelievable("no subject")
        return dict(claims)

    def _read(self, id_token: str) -> Any:
        """The token, with keys read again when it may be signed by a new one."""
        offered = self._known().get("id_token_signing_alg_values_supported", ["RS256"])
        algorithms = [name for name in tokens.PUBLIC_KEY if name in offered]
        asked_at = self._keys_read_at
        try:
            return tokens.read(id_token, self._key_set(KEPT_SECONDS), algorithms)
        except Unbelievable:
            keys = self._key_set(NEW_KEYS_SECONDS)
            if self._keys_read_at == asked_at:
                raise
            return tokens.read(id_token, keys, algorithms)

    def _key_set(self, age: float) -> KeySet:
        """The keys it signs with, as they were that many seconds ago at most."""
        if time.monotonic() - self._keys_read_at >= age:
            answer = self._ask(self._known()["jwks_uri"])
            try:
                self._keys = KeySet.import_key_set({"keys": _signing(answer.content["keys"])})
            except tokens.UNREADABLE as problem:
                raise Unbelievable(f"its keys: {problem}") from problem
            self._keys_read_at = time.monotonic()
        return self._keys

    def _user_info(self, access_token: str, claims: Claims) -> Claims:
        """Providers may keep the address out of the ID token, and give it when asked."""
        endpoint = self._known().get("userinfo_endpoint")
        if not endpoint:
            return {}
        answer = self._ask(endpoint, headers={"Authorization": f"Bearer {access_token}"})
        if answer.status != 200 or answer.content.get("sub") != claims["sub"]:
            raise Unbelievable("its user information is about somebody else")
        return answer.content

    def _known(self) -> dict[str, Any]:
        """What the provider publishes of itself."""
        if time.monotonic() >= self._metadata_until:
            metadata = self._ask(self._place()).content
            wrong = self._wrong_with(metadata)
            if wrong:
                raise self._unusable(wrong)
            self._metadata = metadata
            self._metadata_until = time.monotonic() + KEPT_SECONDS
        return self._metadata

    def _place(self) -> str:
        """Where it publishes that."""
        address: str = get_well_known_url(self.issuer, external=True)
        return address

    def _wrong_with(self, metadata: Mapping[str, Any]) -> str:
        """Why what it says of itself cannot be used; empty where it can."""
        required = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        addresses = [metadata.get(name) for name in required]
        if "userinfo_endpoint" in metadata:
            addresses.append(metadata["userinfo_endpoint"])
        if metadata.get("issuer") != self.issuer:
            return f"it calls itself {metadata.get('issuer')!r}, not {self.issuer!r}"
        if not all(isinstance(address, str) and is_private(address) for address in addresses):
            return f"not all of these addresses are https: {addresses}"
        return ""

    def _credentials_of_header(self) -> dict[str, str]:
        if not self._client_secret or self._posted_credentials().get("client_secret"):
            return {}
        pair = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret)}"  # RFC 6749, 2.3.1
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def _posted_credentials(self) -> dict[str, str]:
        """In the form where the provider takes them there: headers are quoted in several ways."""
        methods = self._known().get("token_endpoint_auth_methods_supported", [])
        if not self._client_secret:
            return {"client_id": self._client_id}
        if "client_secret_post" in methods:
            return {"client_id": self._client_id, "client_secret": self._client_secret}
        return {}

    def _ask(self, url: str, **request: Any) -> fetching.JsonAnswer:
        if time.monotonic() < self._down_until:
            raise Unavailable("provider.unreachable", retry_after=PAUSE_SECONDS)
        try:
            return fetching.ask(url, **request)
        except fetching.Unusable as problem:
            raise self._unusable(str(problem)) from problem
        except fetching.AddressUnreachable as problem:
            raise self._down(str(problem)) from problem

    def _down(self, reason: str) -> Unavailable:
        self._down_until = time.monotonic() + PAUSE_SECONDS
        log.error("%s cannot be used for %d s: %s", self.issuer, PAUSE_SECONDS, reason)
        return Unavailable("provider.unreachable", retry_after=PAUSE_SECONDS)

    def _unusable(self, reason: str) -> Unavailable:
        """For this person alone: what one of them gets answered must not close the door to all."""
        log.error("%s does not answer as it should: %s", self.issuer, reason)
        return Unavailable("provider.unreachable", retry_after=PAUSE_SECONDS)


def _signing(keys: list[dict[str, Any]]) -> list[Any]:
    """The public keys that sign; others may be listed beside them, of kinds not known here."""
    return [key for key in keys if key.get("kty") in KEY_TYPES and key.get("use") != "enc"]
