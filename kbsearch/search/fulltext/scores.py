"""Scores that can be compared, whichever index a document lies in.

A document's words are scored over what the same words are worth there in all: each weighs as much
as it is rare, and one that no document has as much as the rarest. So 1 means the same among a
hundred articles, among a million tickets, and for a customer who reads twelve. Exact matches
stand above: a code of the question letter for letter, the question as the whole title.
"""

from dataclasses import dataclass

EXACT = 1_000.0  # of a comparable score: above whatever words can make


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
