"""Scores that can be compared, whichever index a document lies in.

A document's words are scored over what the same words are worth there in all: each weighs as much
as it is rare, and one that no document has as much as the rarest. So 1 means the same among a
hundred articles, among a million tickets, and for a customer who reads twelve. Exact matches
stand above: a code of the question letter for letter, the question as the whole title.
"""

from collections.abc import Mapping
from dataclasses import dataclass

EXACT = 1_000.0  # of a comparable score: above whatever words can make


NEAR = 1.15  # a score that says enough, however little of the question it is made of
ENOUGH_OF_TWO, ENOUGH = 0.4, 0.5  # parts of a question; of a longer one, as much as of SHORT words
SHORT = 4  # words
FEWEST_DOCUMENTS = 50  # in fewer, how rare a word is says nothing
LOOKED_AT = 5  # hits of a kind: where none of the first is near, none is

FEW_WORDS = 6
LEAST_OF_FEW, LEAST_OF_MANY = 0.2, 0.12  # parts of a question, as measured on judged sets


def telling(weights: Mapping[str, float], besides: float = 0.0) -> list[str]:
    """The words of a question that are worth a result.

    Left out are the commonest that all together say too little of it: whoever has but those has
    nothing of what is looked for. `besides` is the weight of what is matched whole.
    """
    part = LEAST_OF_FEW if len(weights) <= FEW_WORDS else LEAST_OF_MANY
    least = part * (sum(weights.values()) + besides)
    common, so_far = set(), 0.0
    for word in sorted(weights, key=lambda word: weights[word]):
        so_far += weights[word]
        if so_far >= least:
            break
        common.add(word)
    return [word for word in weights if word not in common]


def enough(words: int) -> float:
    """Which part of a question of that many words an answer has to have, by their weight."""
    return ENOUGH_OF_TWO if words == 2 else ENOUGH * min(1.0, SHORT / words)


@dataclass(frozen=True)
class Tiers:
    """What an index adds to the sum of words for an exact match: more than all words together."""

    title: float
    share: float = 1.0  # of what words make beside the words' worth, as measured on mixed sets

    @property
    def code(self) -> float:
        """Two titles: a code says more, and a page may have both."""
        return 2 * self.title

    @property
    def number(self) -> float:
        """A request's own number, typed alone: nothing else can be meant."""
        return 4 * self.title

    def comparable(self, score: float, worth: float) -> float:
        """A score of the index as it stands beside those of others; `worth` is all words'."""
        exact, words = divmod(score, self.title)
        return exact * EXACT + words / (worth or 1.0) / self.share
