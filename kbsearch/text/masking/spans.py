"""Places in a text, and how to find them."""

import re
from collections.abc import Iterator

Span = tuple[int, int]

HIDDEN = "\N{OBJECT REPLACEMENT CHARACTER}"  # stands for what was found already
GAP = r"[ \t\u00a0\u2007\u2009\u202f]"  # between two words of a line


def matches(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    """Where a pattern stands; its group `it`, if it has one, is the part that counts."""
    group = "it" if "it" in pattern.groupindex else 0
    for match in pattern.finditer(text):
        if match[group]:
            yield match.span(group)


def whole(words: str) -> re.Pattern[str]:
    """Some words as they are written, and not as a part of others."""
    return re.compile(rf"(?<!\w){re.escape(words.strip())}(?!\w)", re.IGNORECASE)


def occurrences(words: str, text: str) -> Iterator[Span]:
    """Where some words stand as they are written, whole."""
    if words.strip():
        yield from matches(whole(words), text)
