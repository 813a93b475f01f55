"""What people type, made fit to keep: one kind of line break, no characters nobody can see."""

import re

from kbsearch.text.normal_form import nfc

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def line(text: str) -> str:
    """A text of one line, single spaces in it and none around."""
    return " ".join(block(text).split())


def block(text: str) -> str:
    """A text of several lines, none empty around it."""
    lines = nfc(text).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", lines).strip("\n").rstrip()
