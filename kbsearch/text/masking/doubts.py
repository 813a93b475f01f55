"""What nobody can say of a text without knowing: words that may name somebody, long numbers.

They are not masked, for most are none of it; whoever reviews the text looks at them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from kbsearch.text.masking import names
from kbsearch.text.masking.spans import HIDDEN, whole

DoubtReason = Literal["word", "number", "address"]

_CODE = re.compile(r"```[\s\S]*?(?:```|\Z)|`[^`\n]+`")
_PLACEHOLDER = re.compile(r"‹[^‹›\n]{1,80}›")
_WORD = re.compile(rf"(?<![\w.@/\\'’:#&$\-])(?:{names.CAPITALISED})(?![\w.\-/\\:=(]\w)")
_NUMBER = re.compile(r"(?<![\w.,\-/#x:])\d(?:[ \u00a0\u202f.\-]?\d){6,}(?![\w\-/:]|[.,]\d)")
_VERSION = re.compile(r"\d{1,2}(?:\.\d{1,6}){2,3}")
_ADDRESS = re.compile(
    r"https?://[^\s<>\"')\ufffc]+|(?<![\w@.\-])(?:[\w\-]+\.){1,4}(?:fr|com|net|org|eu|local|lan|intra)"
    r"(?![\w\-])|(?<!\w)@\w[\w.\-]{1,60}"
)
_BEGINS = re.compile(r"(?:^|[.!?:…»\"“*_>|\])#\-]\s*|\n\s*|\d[.)]\s*)$")


@dataclass(frozen=True)
class Doubt:
    """A piece of a text to look at."""

    why: DoubtReason
    start: int
    end: int
    text: str


def find(text: str, keep: Iterable[str] = ()) -> list[Doubt]:
    """What a reader should judge, in order; `keep` are texts that are nobody's."""
    hidden = text
    for pattern in (_CODE, _PLACEHOLDER, *map(whole, filter(str.strip, keep))):
        hidden = pattern.sub(_blank, hidden)
    covered = bytearray(len(text))
    doubts = []
    for why, start, end in _pieces(hidden):
        if not any(covered[start:end]):
            doubts.append(Doubt(why, start, end, text[start:end]))
            covered[start:end] = b"\1" * (end - start)
    return sorted(doubts, key=lambda doubt: doubt.start)


def _pieces(text: str) -> Iterator[tuple[DoubtReason, int, int]]:
    for match in _ADDRESS.finditer(text):
        yield "address", *match.span()
    for match in _NUMBER.finditer(text):
        if not _VERSION.fullmatch(match[0]):
            yield "number", *match.span()
    for match in _WORD.finditer(text):
        word = match[0]
        begins_sentence = _BEGINS.search(text[max(0, match.start() - 20) : match.start()])
        is_initials = word.isupper() and len(word) < 5
        if not (begins_sentence or is_initials or names.is_ordinary(word)):
            yield "word", *match.span()


def _blank(match: re.Match[str]) -> str:
    return HIDDEN * len(match[0])
