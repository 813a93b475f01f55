"""Secrets that must be read again, sealed with a key of the site before they are stored."""

import base64
import logging
from dataclasses import dataclass

from kbsearch import keys
from kbsearch.config import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resealing:
    """What was sealed with an earlier key of the site, sealed with that of today."""

    old_key: bytes
    settings: Settings

    def again(self, purpose: str, sealed: str) -> str:
        """The same secret under today's key; what the earlier one cannot read stays as it is."""
        from cryptography.fernet import Fernet, InvalidToken

        try:
            secret = Fernet(_encoded(keys.derive_from(self.old_key, purpose))).decrypt(sealed)
        except InvalidToken:
            log.error("the secret of %s was sealed with another secret_key", purpose)
            return sealed
        return seal(self.settings, purpose, secret.decode())


def seal(settings: Settings, purpose: str, secret: str) -> str:
    """The secret, encrypted for one purpose: a row copied elsewhere opens nothing."""
    from cryptography.fernet import Fernet  # not loaded by the pages that never seal

    return Fernet(_key(settings, purpose)).encrypt(secret.encode()).decode()


def unseal(settings: Settings, purpose: str, sealed: str) -> str | None:
    """The secret again; None when the key of the site is not the one it was sealed with."""
    from cryptography.fernet import Fernet, InvalidToken

    try:
        return Fernet(_key(settings, purpose)).decrypt(sealed.encode()).decode()
    except InvalidToken:
        log.error("the secret of %s was sealed with another secret_key", purpose)
        return None


def _key(settings: Settings, purpose: str) -> bytes:
    return _encoded(keys.derive(settings, purpose))


def _encoded(key: bytes) -> bytes:
    return base64.urlsafe_b64encode(key)
