"""The address that a reply to a letter goes to: it says who may answer which request.

`r+<number>.<person>.<code>@domain`: 59 characters before the at sign (64 is the most a mail system
takes), and none that is another one in capitals. The code is an HMAC of 128 bits over the rest.
"""

import hmac
import re
from base64 import b32decode, b32encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from email.utils import parseaddr
from urllib.parse import urlsplit

from kbsearch import keys
from kbsearch.config import Settings

PURPOSE = "mail.reply_address"
CODE_BYTES = 16
_LOCAL = re.compile(
    r"r\+(?P<said>(?P<number>[0-9]{1,9})\.(?P<person>[a-z2-7]{20}))\.(?P<code>[a-z2-7]{26})"
)
_ALIKE = re.compile(r"r\+.*", re.DOTALL)


@dataclass(frozen=True)
class Claim:
    """What a reply address says, once its code is found to be ours."""

    number: int
    person_id: str


def make(settings: Settings, number: int, person_id: str) -> str:
    """The address at which this person, and nobody else, answers the request of that number."""
    content = f"{number}.{_lowered(urlsafe_b64decode(person_id))}"
    return f"r+{content}.{_code(settings, content)}@{domain(settings)}"


def are_read(settings: Settings) -> bool:
    """Whether mail to these addresses arrives: it does once the operator has said where."""
    return bool(settings.imap_url or settings.reply_domain)


def read(settings: Settings, address: str) -> Claim | None:
    """What the address says; None when a single character of it is missing or another."""
    match = _LOCAL.fullmatch(_local(address))
    if not match or not hmac.compare_digest(_code(settings, match["said"]), match["code"]):
        return None
    person = b32decode(match["person"].upper() + "====")
    return Claim(int(match["number"]), urlsafe_b64encode(person).decode("ascii"))


def is_alike(address: str) -> bool:
    """Whether an address was meant to be one of these, whole or not."""
    return bool(_ALIKE.fullmatch(_local(address)))


def domain(settings: Settings) -> str:
    """Where replies arrive: `reply_domain`, else `mail_from`'s domain, else the site's host."""
    sender = parseaddr(settings.mail_from)[1]
    host = urlsplit(settings.base_url).hostname or "localhost"
    return settings.reply_domain or sender.rpartition("@")[2] or host


def _code(settings: Settings, content: str) -> str:
    digest = hmac.digest(keys.derive(settings, PURPOSE), content.encode("ascii"), "sha256")
    return _lowered(digest[:CODE_BYTES])


def _lowered(content: bytes) -> str:
    return b32encode(content).decode("ascii").rstrip("=").lower()


def _local(address: str) -> str:
    return address.rpartition("@")[0].strip().lower()
