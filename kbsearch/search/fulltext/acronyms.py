"""Acronyms that a text explains itself: `règlement général… (RGPD)`, `API (interface de…)`."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kbsearch.search.fulltext.text import STOP_WORDS, WORD, fold_word, normal

MOST_WORDS = 12  # of a long form
SMALL = STOP_WORDS["fr"] | STOP_WORDS["en"]

_SHORT = re.compile(r"\(([A-ZÀ-Þ][A-ZÀ-Þ0-9]{1,8})\)")
_LONG = re.compile(r"\b([A-ZÀ-Þ]{2,9}) \(([^()\n,;:.]{5,100})\)")
_END_OF_CLAUSE = re.compile(r"[\n,;:.()«»\"!?]")


class Acronym(NamedTuple):
    """An acronym, and what it stands for as the text has it."""

    short: str
    long: str


def explained(text: str) -> Iterator[Acronym]:
    """The acronyms that stand beside their long form, whichever of the two comes first."""
    clear = normal(text)
    for match in _SHORT.finditer(clear):
        before = clear[max(0, match.start() - 200) : match.start()].rstrip()
        if long := _long_form(before, match[1]):
            yield Acronym(match[1], long)
    for match in _LONG.finditer(clear):
        words = [fold_word(word) for word in WORD.findall(match[2])]
        if len(words) <= MOST_WORDS and _spells(words, fold_word(match[1])):
            yield Acronym(match[1], match[2].strip())


def _long_form(before: str, short: str) -> str:
    """The last words of a clause that spell an acronym; the fewest."""
    clause = _END_OF_CLAUSE.split(before)[-1]
    places = [match.start() for match in WORD.finditer(clause)][-MOST_WORDS:]
    for start in reversed(places):
        words = [fold_word(word) for word in WORD.findall(clause[start:])]
        if words[0] not in SMALL and _spells(words, fold_word(short)):
            return clause[start:].strip()
    return ""


def _spells(words: Sequence[str], short: str) -> bool:
    """Whether the initials of some words are an acronym; small words may have none in it."""
    return len(words) > 1 and _spell(words, short)


def _spell(words: Sequence[str], short: str) -> bool:
    if not words:
        return not short
    if words[0][0] == short[:1] and _spell(words[1:], short[1:]):
        return True
    return words[0] in SMALL and _spell(words[1:], short)
