"""The OAuth 2 provider whose tokens open our mailbox: Microsoft's, Google's, or another one.

Its addresses come from the settings alone. It is asked in plain HTTP, within a time and a size.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from kbsearch.config import Settings
from kbsearch.messages.delivery import fetching

CALLBACK = "/admin/mail/callback"
USUAL_LIFETIME = 3600  # seconds, of a token that does not say
LONGEST_LIFETIME = 86_400
WITHDRAWN = "invalid_grant"
MAX_TOLD = 500
MICROSOFT = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0"
GOOGLE = "https://oauth2.googleapis.com/token"
SCOPES = {
    ("microsoft", "code"): "offline_access https://outlook.office.com/SMTP.Send"
    " https://outlook.office.com/IMAP.AccessAsUser.All",
    ("microsoft", "client_credentials"): "https://outlook.office365.com/.default",
    ("google", "code"): "https://mail.google.com/",
}
WANTS = {
    "microsoft": {"prompt": "select_account"},  # else it takes the account that is signed in
    "google": {"access_type": "offline", "prompt": "consent"},  # else it gives no refresh token
}


class NoToken(Exception):
    """The provider gave no token; `is_withdrawn` when somebody has to consent (again)."""

    def __init__(self, reason: str, *, is_withdrawn: bool = False) -> None:
        super().__init__(reason)
        self.is_withdrawn = is_withdrawn


@dataclass(frozen=True)
class Tokens:
    """What the provider gave; `refresh` is empty when the one before stays good."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    lifetime: int  # seconds


@dataclass(frozen=True)
class Provider:
    """Where to sign in, where to ask for tokens, and as whom."""

    authorization_url: str
    token_url: str
    scope: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    asks_people: bool  # whether somebody consents, or the application acts by itself
    wants: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What its tokens are kept under: those of another application are of no use."""
        return f"{self.client_id} {'code' if self.asks_people else 'itself'} {self.token_url}"

    def address(self, state: str, verifier: str) -> str:
        """Where an administrator consents."""
        digest = hashlib.sha256(verifier.encode()).digest()
        arguments = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **self.wants,
        }
        mark = "&" if "?" in self.authorization_url else "?"
        return f"{self.authorization_url}{mark}{urlencode(arguments)}"

    def redeem(self, code: str, verifier: str) -> Tokens:
        """The first tokens, for the code that the administrator came back with."""
        form = {"code": code, "redirect_uri": self.redirect_uri, "code_verifier": verifier}
        return self._ask({"grant_type": "authorization_code", **form})

    def renew(self, refresh: str) -> Tokens:
        """New tokens for the refresh token; raises NoToken, withdrawn once it is good no more."""
        return self._ask({"grant_type": "refresh_token", "refresh_token": refresh})

    def admit(self) -> Tokens:
        """A token for the application itself."""
        return self._ask({"grant_type": "client_credentials", "scope": self.scope})

    def _ask(self, form: dict[str, str]) -> Tokens:
        credentials = {"client_id": self.client_id}
        if self.client_secret:
            credentials["client_secret"] = self.client_secret
        try:
            answer = fetching.ask(self.token_url, form={**form, **credentials})
        except fetching.AddressUnreachable as problem:
            raise NoToken(str(problem)) from problem
        access, refresh = answer.content.get("access_token"), answer.content.get("refresh_token")
        if answer.status != 200 or not isinstance(access, str) or not _is_bearer(access):
            error = answer.content.get("error", f"status {answer.status}, no token")
            raise NoToken(
                f"{error}: {answer.content.get('error_description', '')}"[:MAX_TOLD],
                is_withdrawn=error == WITHDRAWN and self.asks_people,
            )
        refresh = refresh if isinstance(refresh, str) else ""
        return Tokens(access, refresh, _lifetime(answer.content.get("expires_in")))


def of(settings: Settings) -> Provider | None:
    """The provider of the settings; None when servers of mail are given passwords."""
    if not settings.mail_oauth:
        return None
    name, asks_people = settings.mail_oauth, settings.mail_oauth_flow == "code"
    usual = SCOPES.get((name, settings.mail_oauth_flow), "")
    if name == "microsoft":
        base = MICROSOFT.format(tenant=settings.mail_oauth_tenant)
        addresses = f"{base}/authorize", f"{base}/token"
    elif name == "google":
        addresses = "https://accounts.google.com/o/oauth2/v2/auth", GOOGLE
    else:
        addresses = settings.mail_oauth_authorization, name
    return Provider(
        *addresses,
        scope=settings.mail_oauth_scope or usual,
        client_id=settings.mail_oauth_client_id,
        client_secret=settings.mail_oauth_client_secret,
        redirect_uri=f"{settings.base_url.rstrip('/')}/{settings.languages[0]}{CALLBACK}",
        asks_people=asks_people,
        wants=WANTS.get(name, {}),
    )


def _is_bearer(token: str) -> bool:
    """Whether it may stand in a command to a server: a control character would end it."""
    return token.isascii() and token.isprintable() and bool(token)


def _lifetime(seconds: Any) -> int:
    try:
        return max(0, min(int(seconds), LONGEST_LIFETIME))
    except (TypeError, ValueError, OverflowError):
        return USUAL_LIFETIME
