"""The normal forms of Unicode, for a price that grows with the text and with nothing else.

`unicodedata.normalize` sorts each run of combining marks by insertion: twice as many marks in a
row take four times as long, and no other thread runs meanwhile. No language stacks more than a
few, so a run is cut where UAX #15 (Stream-Safe Text Format) would break it, before any other
work. Nothing else calls `normalize`: the linter sees to it.
"""

import re
import unicodedata
from functools import cache

LONGEST = 10_000_000  # characters: more than a field, a mail or a page may have
LONGEST_RUN = 30  # marks on one letter
# Letters to `combining`, but not what they become: marks first.
_BECOME_MARKS = "\u0f73\u0f75\u0f81\uff9e\uff9f"
# Cheap, and seldom in a text that has spaces: only below it are the marks looked for.
_MAY_BE_RUN = re.compile(rf"[^\0-\u02ff][^\0-\u02ff]{{{LONGEST_RUN}}}")


def nfc(text: str) -> str:
    """Letters and their accents as one character, as texts are kept."""
    safe = stream_safe(text)
    return safe if unicodedata.is_normalized("NFC", safe) else unicodedata.normalize("NFC", safe)


def nfd(text: str) -> str:
    """Letters and their accents apart."""
    return unicodedata.normalize("NFD", stream_safe(text))


def nfkd(text: str) -> str:
    """The same, and what is only another form of a letter (ﬁ, ², Ａ) as that letter."""
    return unicodedata.normalize("NFKD", stream_safe(text))


def without_marks(text: str) -> str:
    """The letters alone, in their plainest form: `Éléonore` is `Eleonore`."""
    return "".join(letter for letter in nfkd(text) if not unicodedata.combining(letter))


def stream_safe(text: str) -> str:
    """The text without what no letter carries: marks beyond the thirtieth in a row."""
    text = text[:LONGEST]
    if text.isascii() or not _MAY_BE_RUN.search(text):
        return text
    return _long_runs().sub(lambda run: run[0][:LONGEST_RUN], text)


@cache
def _long_runs() -> re.Pattern[str]:
    marks = [chr(code) for code in range(0x300, 0x20000) if unicodedata.combining(chr(code))]
    mark = f"[{''.join(marks)}{_BECOME_MARKS}]"
    return re.compile(f"{mark}{mark}{{{LONGEST_RUN - 1}}}{mark}+")
