"""When two typed texts ask the same: whatever their accents, plurals, typos and order of words."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from kbsearch.search.fulltext import engine
from kbsearch.search.fulltext.corrector import LONG
from kbsearch.search.fulltext.query import MOST_TERMS
from kbsearch.search.fulltext.text import WORD, detect_language, fold_word, normal

SHORTEST = 5  # letters of a word of no page that may be another, mistyped

Correct = Callable[[str, str], tuple[str, frozenset[str]]]

_PLACEHOLDER = re.compile(r"‹[^‹›\n]*›")


@dataclass(frozen=True)
class ComparedPhrase:
    """A text as it is compared: stems in alphabetical order, with spaces between them."""

    key: str  # empty for a text without a word
    near: str  # the same with words that no page has as they were written before
    words: tuple[str, ...]  # folded, as they were written


def as_typed(text: str, language: str) -> tuple[str, frozenset[str]]:
    """What stands in for a correction where no page is known: every word is right."""
    return text, frozenset()


class Phrases:
    """Reads texts so that those that ask the same can be told.

    Words that pages have are corrected as the search corrects them. Those that no page has are
    the very ones that matter here: they are compared with those read so far.
    """

    def __init__(self, words: Iterable[str] = (), correct: Correct = as_typed) -> None:
        self._correct = correct
        self._words = set(words)

    def read(self, text: str) -> ComparedPhrase:
        clear = _PLACEHOLDER.sub(" ", normal(text))
        language = detect_language(clear)
        spelt, unknown = self._correct(clear, language)
        words = list(dict.fromkeys(fold_word(word) for word in WORD.findall(spelt)))
        words = [word for word in words if engine.stemmer(language)(word)] or words
        nearest = [self._nearest(word) if word in unknown else word for word in words]
        self._words.update(words)
        return ComparedPhrase(_key(words, language), _key(nearest, language), tuple(words))

    def _nearest(self, word: str) -> str:
        """The word read before that an unknown one is, but for a slip."""
        if word in self._words or len(word) < SHORTEST or any(map(str.isdigit, word)):
            return word
        near = process.extract(
            word,
            [
                candidate
                for candidate in self._words
                if candidate[0] == word[0] and len(candidate) >= SHORTEST - 1
            ],
            scorer=OSA.distance,
            score_cutoff=2 if len(word) >= LONG else 1,
            limit=1,
        )
        return near[0][0] if near else word


def _key(words: Iterable[str], language: str) -> str:
    stem_of = engine.stemmer(language)
    stems = dict.fromkeys(stem_of(word) or word for word in words)
    return " ".join(sorted(list(stems)[:MOST_TERMS]))
