"""The link in a mail that turns its kind off: for one person and one event, without signing in.

It says who and what, and its code is an HMAC of that: it is good for nothing else.
"""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from kbsearch import keys, people
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import NotFound
from kbsearch.people import notification_choices

PURPOSE = "mail.opt_out"
CODE_BYTES = 16
EVERY_EVENT = ""


@dataclass(frozen=True)
class OptOut:
    """What a link turns off: mail about an event, or about any."""

    person_id: str
    event: str


def url(settings: Settings, language: str, person_id: str, event: str) -> str:
    """The address that turns mail about this event off, for this person."""
    base = settings.base_url.rstrip("/")
    return f"{base}/{language}/unsubscribe/{make(settings, person_id, event)}"


def make(settings: Settings, person_id: str, event: str) -> str:
    content = f"{person_id}.{event}"
    return f"{_code(settings, content)}.{content}"


def read(settings: Settings, token: str) -> OptOut:
    """What a link turns off; raises NotFound unless every character of it is ours."""
    code, _, content = token.partition(".")
    person_id, _, event = content.partition(".")
    expected = _code(settings, content)
    if not hmac.compare_digest(expected.encode(), code.encode("utf-8", "surrogatepass")):
        raise NotFound("opt_out.link_unusable")
    return OptOut(person_id, event)


def follow(db: Database, opt_out: OptOut) -> None:
    """Turn it off; twice is once."""
    people.find_id(db, opt_out.person_id)  # or NotFound: they may be gone by now
    notification_choices.decline(db, opt_out.person_id, opt_out.event)


def _code(settings: Settings, content: str) -> str:
    key = keys.derive(settings, PURPOSE)
    digest = hmac.digest(key, content.encode("utf-8", "surrogatepass"), "sha256")[:CODE_BYTES]
    return urlsafe_b64encode(digest).decode("ascii").rstrip("=")
