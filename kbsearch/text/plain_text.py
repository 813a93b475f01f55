"""What people type, made fit to keep: one kind of line break, no characters nobody can see."""

import re
from collections.abc import Callable

from kbsearch.errors import Invalid
from kbsearch.text.normal_form import nfc

TOO_LONG = "request.too_long"
READ = 4  # times the limit, for line ends of two characters and marks apart from their letters
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def line(text: str) -> str:
    """A text of one line, single spaces in it and none around."""
    return " ".join(block(text).split())


def block(text: str) -> str:
    """A text of several lines, none empty around it."""
    lines = nfc(text).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", lines).strip("\n").rstrip()


def line_within(limit: int, text: str, key: str = TOO_LONG) -> str:
    """A line; raises Invalid where it is longer, unread where it is far longer."""
    return _within(limit, text, line, key)


def block_within(limit: int, text: str, key: str = TOO_LONG) -> str:
    """A text of several lines, under the same condition."""
    return _within(limit, text, block, key)


def _within(limit: int, text: str, clean: Callable[[str], str], key: str) -> str:
    kept = clean(text) if len(text) <= READ * limit else None
    if kept is None or len(kept) > limit:
        raise Invalid(key, limit=limit)
    return kept
