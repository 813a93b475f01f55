"""The header of a mail: its fields in order, decoded, however badly they were written."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import header
from email.utils import getaddresses

from kbsearch import people
from kbsearch.errors import Invalid
from kbsearch.messages.incoming import charsets

MAX_FIELD = 10_000  # characters; what is longer is cut
MAX_FIELDS = 1_000
MAX_IDS = 100
RECIPIENTS = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-forwarded-to")
_ID = re.compile(r"<([^<>\s]{1,990})>")
_UNFOLD = re.compile(r"\r?\n(?=[ \t])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")


@dataclass(frozen=True)
class Fields:
    """Names in lower case with their values, from the top of the mail."""

    items: tuple[tuple[str, str], ...]

    def __bool__(self) -> bool:
        return bool(self.items)

    def every(self, name: str) -> list[str]:
        """All values of a field."""
        return [value for field, value in self.items if field == name]

    def first(self, name: str) -> str:
        """The topmost value of a field, or nothing."""
        return next(iter(self.every(name)), "")

    @property
    def message_id(self) -> str:
        """Without its angle brackets; empty when there is none."""
        return next(ids(self.first("message-id")), "")

    @property
    def references(self) -> tuple[str, ...]:
        """The ids of the mails that this one answers."""
        return tuple(ids(f"{self.first('in-reply-to')} {self.first('references')}"))

    @property
    def subject(self) -> str:
        return " ".join(decoded(self.first("subject")).split())

    @property
    def sender(self) -> str:
        """The one address of the one From field, folded; empty when that is in doubt."""
        values = self.every("from")
        senders = addresses(values[0]) if len(values) == 1 else []
        if len(senders) != 1 or len(values[0]) >= MAX_FIELD:
            return ""
        try:
            return people.fold_email(senders[0])
        except Invalid:
            return ""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Every address that a field of recipients names."""
        return tuple(
            address
            for name in RECIPIENTS
            for value in self.every(name)
            for address in addresses(value)
        )


def parse(block: bytes) -> Fields:
    """The fields of a header, or of what has the form of one."""
    text = charsets.decoded(block)
    items = []
    for line in _UNFOLD.sub("", text).split("\n"):  # nothing else ends a line here
        name, colon, value = line.partition(":")
        if colon and name.strip():
            items.append((name.strip().lower(), _CONTROL.sub(" ", value[:MAX_FIELD]).strip()))
    return Fields(tuple(items[:MAX_FIELDS]))


def decoded(value: str) -> str:
    """The text of a field, its encoded words read; as it stands when they cannot be."""
    try:
        pieces = header.decode_header(value[:MAX_FIELD])
        text = "".join(map(_piece, pieces))
    except Exception:  # LookupError, UnicodeError, binascii.Error, HeaderParseError, …
        text = value[:MAX_FIELD]
    return _CONTROL.sub(" ", text).strip()


def _piece(piece: tuple[str | bytes, str | None]) -> str:
    content, charset = piece
    if isinstance(content, str):
        return content
    return charsets.decoded(content, charset) if charset else content.decode("raw-unicode-escape")


def addresses(value: str) -> list[str]:
    """The addresses in a field, without the names."""
    try:
        return [address for _, address in getaddresses([value]) if "@" in address]
    except Exception:  # the parser of the standard library recurses into comments
        return []


def ids(value: str) -> Iterator[str]:
    """The message ids in a field."""
    for place, match in enumerate(_ID.finditer(value)):
        if place >= MAX_IDS:
            return
        yield match[1]
