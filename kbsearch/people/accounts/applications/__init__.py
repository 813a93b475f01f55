"""Applications: programs that register themselves, to ask people for tokens (RFC 7591).

Anybody may register one: its name proves nothing, only the addresses it may send people back to
are kept to. Those that nobody let in are forgotten.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from kbsearch import limits
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row, new_id
from kbsearch.errors import Problem
from kbsearch.people.accounts.personal_tokens import MAX_NAME, UNUSED_LIFETIME

# A policy for browsers names it: no sign in it may end a word of that.
HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
MAX_ADDRESSES = 10
MAX_ADDRESS = 500
MOST_APPLICATIONS = 1000


class Declined(Problem):
    """What an application asks for is refused; `code` says why, as OAuth spells it."""

    def __init__(self, key: str, /, *, code: str, **values: object) -> None:
        super().__init__(key, **values)
        self.code = code


@dataclass(frozen=True)
class Application:
    """A program that may ask people to let it in."""

    id: str
    name: str
    addresses: tuple[str, ...]
    created_at: str


def register(
    db: Database, network: str, metadata: Mapping[str, object], *, at: datetime | None = None
) -> Application:
    """A new one, as it describes itself; raises Declined or TooMany."""
    addresses = _checked_addresses(metadata.get("redirect_uris"))
    name = _checked_name(metadata.get("client_name")) or urlsplit(addresses[0]).netloc[:MAX_NAME]
    moment = at or utc_now()
    charges = [(limits.REGISTRATIONS_FROM_NETWORK, network), (limits.REGISTRATIONS_OF_ALL, "")]
    limits.take_all(db, charges, at=moment)
    row = {
        "id": new_id(),
        "name": name,
        "addresses": json.dumps(addresses),
        "created_at": stored(moment),
        "used_at": stored(moment),
    }
    with db.atomic():
        _drop_unused(db)
        db.insert("applications", row)
    return _application(row)


def find(db: Database, application_id: str) -> Application:
    """The application with that id; raises Declined."""
    rows = db.query("SELECT * FROM applications WHERE id = :id", {"id": application_id})
    if not rows:
        raise Declined("application.not_found", code="invalid_client")
    return _application(rows[0])


def is_address_of(application: Application, address: str) -> bool:
    """Whether it may send people there: the very address; on this machine at any port."""
    if address in application.addresses:
        return True
    return _is_on_this_machine(address) and _without_port(address) in {
        _without_port(own) for own in application.addresses if _is_on_this_machine(own)
    }


def mark_used(db: Database, application: Application, *, at: datetime | None = None) -> None:
    """Somebody lets it in, or it renews what it holds: it is remembered longer."""
    db.execute(
        "UPDATE applications SET used_at = :now WHERE id = :id",
        {"now": stored(at or utc_now()), "id": application.id},
    )


def forget_unused(db: Database, *, at: datetime | None = None) -> int:
    """Remove those that hold nothing and were not used for long; how many."""
    return db.execute(
        """
        DELETE FROM applications WHERE used_at <= :oldest
          AND id NOT IN (SELECT application_id FROM personal_tokens
                         WHERE application_id IS NOT NULL)
        """,
        {"oldest": stored((at or utc_now()) - UNUSED_LIFETIME)},
    )


def _drop_unused(db: Database) -> None:
    """A flood of registrations drives out its own: those nobody let in, the oldest first."""
    db.execute(
        """
        DELETE FROM applications WHERE id IN (
          SELECT a.id FROM applications a
          WHERE NOT EXISTS (SELECT 1 FROM personal_tokens s WHERE s.application_id = a.id)
          ORDER BY a.used_at DESC, a.id LIMIT :rest OFFSET :most)
        """,
        {"most": MOST_APPLICATIONS - 1, "rest": MOST_APPLICATIONS},
    )


def _application(row: Row) -> Application:
    addresses = tuple(json.loads(row["addresses"]))
    return Application(row["id"], row["name"], addresses, row["created_at"])


def _checked_addresses(addresses: object) -> list[str]:
    if not isinstance(addresses, list) or not 0 < len(addresses) <= MAX_ADDRESSES:
        raise Declined(
            "application.addresses_needed", limit=MAX_ADDRESSES, code="invalid_redirect_uri"
        )
    for address in addresses:
        if not isinstance(address, str) or not _is_possible(address):
            raise Declined("application.address_invalid", code="invalid_redirect_uri")
    return addresses


def _is_possible(address: str) -> bool:
    """Whether an address could be one to send people to: https, or a program on their machine."""
    if not (len(address) <= MAX_ADDRESS and address.isascii() and address.isprintable()):
        return False
    if any(character in address for character in ' \\#"<>'):
        return False
    parts = _split(address)
    return parts is not None and (parts.scheme == "https" or parts.hostname in LOOPBACK)


def _is_on_this_machine(address: str) -> bool:
    parts = _split(address) if _is_possible(address) else None
    return parts is not None and parts.scheme == "http" and parts.hostname in LOOPBACK


def _split(address: str) -> SplitResult | None:
    """The parts of a web address with a host and nobody's name; None for anything else."""
    try:
        parts = urlsplit(address)
        is_whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # no port, no IPv6
        return None
    return parts if is_whole and HOST.fullmatch(parts.netloc) else None


def _without_port(address: str) -> tuple[str | None, str, str]:
    parts = urlsplit(address)
    return parts.hostname, parts.path, parts.query


def _checked_name(name: object) -> str:
    """What it calls itself, without what could hide or turn the text around it."""
    if not isinstance(name, str):
        return ""
    visible = "".join(letter if letter.isprintable() else " " for letter in name[:1000])
    return " ".join(visible.split())[:MAX_NAME].strip()
