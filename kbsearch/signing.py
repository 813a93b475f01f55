"""Texts that we give away and know again, until a moment: an HMAC says that they are ours."""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime

from kbsearch import keys
from kbsearch.clock import utc_now
from kbsearch.config import Settings


def sign(settings: Settings, purpose: str, content: str, ends: datetime) -> str:
    """The text with its end, good for one purpose."""
    whole = f"{int(ends.timestamp())}.{content}"
    return f"{_code(settings, purpose, whole)}.{whole}"


def read(
    settings: Settings, purpose: str, signed: str, *, at: datetime | None = None
) -> str | None:
    """The text that was signed; None when it is not ours, or over."""
    code, _, whole = signed.partition(".")
    expected = _code(settings, purpose, whole)
    if not hmac.compare_digest(expected.encode(), code.encode("utf-8", "surrogatepass")):
        return None
    ends, _, content = whole.partition(".")
    return content if (at or utc_now()).timestamp() < int(ends) else None


def _code(settings: Settings, purpose: str, whole: str) -> str:
    key = keys.derive(settings, purpose)
    digest = hmac.digest(key, whole.encode("utf-8", "surrogatepass"), "sha256")
    return urlsafe_b64encode(digest).decode("ascii").rstrip("=")
