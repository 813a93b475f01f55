"""Secrets that must be read again, sealed with a key of the site before they are stored."""

import base64
import logging

from kbsearch import keys
from kbsearch.config import Settings

log = logging.getLogger(__name__)


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
    return base64.urlsafe_b64encode(keys.derive(settings, purpose))
