"""The words that tickets have, what each of them says, and to whom."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from kbsearch.config import LANGUAGES
from kbsearch.search.fulltext import engine
from kbsearch.search.fulltext.plan import K1, B
from kbsearch.search.fulltext.query import MOST_COMPLETIONS, MOST_TERMS, Terms
from kbsearch.search.fulltext.scores import telling
from kbsearch.search.fulltext.ticket_commit import Commit, reads_all

SHORTEST_COMPLETED = 3  # letters; two begin the subject of nearly every ticket

Weigh = Callable[[str, str], float]  # what a word of a language says, by its stem


@dataclass(frozen=True)
class Lookup:
    """What is asked of the tickets: the words, for whom, what narrows them, and which stretch.

    `weigh` says what a word is worth to a customer, from `documents` that are no secret.
    """

    terms: Terms
    principals: tuple[str, ...]
    limit: int
    offset: int = 0
    product: str = ""
    language: str = ""
    explain: bool = False
    without: tuple[int, ...] = ()  # tickets that are left out, by their numbers
    weigh: Weigh = lambda language, stem: 1.0
    documents: int = 0

    @property
    def reads_all(self) -> bool:
        """Whether an agent asks."""
        return reads_all(self.principals)


class TicketWords:
    """What the words of a question are to the tickets of one commit."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit

    @property
    def languages(self) -> list[str]:
        """The languages that some tickets are in."""
        return self._commit.languages

    def weight(self, stem: str, language: str) -> float:
        """The inverse document frequency of a stem among tickets of its language: for agents."""
        frequency = self._commit.frequency(f"all_{language}", stem)
        return math.log(1 + self._size(language) / frequency) if frequency else 0.0

    def _size(self, language: str) -> int:
        """How many tickets are in a language."""
        return self._commit.frequency("language", language)

    def evened(self, stem: str, language: str) -> float:
        """What a word is multiplied by, to score as if all tickets were in its language.

        Where tickets of other languages count as if its fields were empty, its own seem several
        times longer than the mean, for which BM25 takes most of their score, and words rarer.
        """
        size = self._commit.view.size
        own = self._size(language)
        having = self._commit.frequency(f"all_{language}", stem)
        if not (self._commit.view.counts_empty_fields and 0 < own < size and having):
            return 1.0
        of_mean = 1 + K1 * (1 - B + B * size / own)  # of a text of usual length, over one like it
        rarity = math.log(1 + own / having) / math.log(1 + size / having)
        return round(of_mean / (1 + K1) * rarity, 2)

    def weight_of_key(self, key: str) -> float:
        """The inverse document frequency of an amount or a code among all tickets."""
        frequency = self._commit.frequency("code", key)
        return math.log(1 + self._commit.view.size / frequency) if frequency else 0.0

    def rarity(self, stem: str, language: str) -> float:
        """The weight of a stem in a question: one that no ticket has is the rarest."""
        return self.weight(stem, language) or math.log(1 + self._size(language))

    def weigh(self, lookup: Lookup, language: str, stem: str) -> float:
        """What a word says to whoever asks: to agents by all tickets, to customers by articles."""
        if lookup.reads_all:
            return self.rarity(stem, language)
        return lookup.weigh(language, stem)

    def worth(self, terms: Terms) -> float:
        """What all the words of a question weigh, in the language that knows them best."""
        keys = len(terms.keys) * math.log(1 + self._commit.view.size)
        return keys + min(
            sum(self.rarity(stem, language) for stem in self.stems(terms, language, by_all=True))
            for language in self.languages or LANGUAGES
        )

    def stems(self, terms: Terms, language: str, *, by_all: bool) -> list[str]:
        """The stems of a question, each once; of a long one those that say most.

        To agents they say most `by_all` tickets.
        """
        stem_of = engine.stemmer(language)
        distinct = list(dict.fromkeys(stem for part in terms.parts if (stem := stem_of(part.word))))
        if len(distinct) <= MOST_TERMS or not by_all:
            return distinct[:MOST_TERMS]
        by_weight = sorted(distinct, key=lambda stem: self.weight(stem, language), reverse=True)
        rarest = set(by_weight[:MOST_TERMS])
        return [stem for stem in distinct if stem in rarest]

    def telling(self, stems: Sequence[str], lookup: Lookup, language: str) -> Collection[str]:
        """The stems that are worth a result, whatever is still being typed."""
        begun = self.begun(lookup, language)
        weights = {stem: self.weigh(lookup, language, stem) for stem in stems if stem != begun}
        rarest = max(weights.values(), default=0.0)
        worth_it = telling(weights, len(lookup.terms.keys) * rarest)
        return {*worth_it, begun} if begun else set(worth_it)

    def begun(self, lookup: Lookup, language: str) -> str | None:
        """The stem of a word that is not finished, and none yet."""
        unfinished = lookup.terms.unfinished
        if unfinished is None or self._commit.has_word(unfinished, lookup.principals):
            return None
        return engine.stemmer(language)(unfinished)

    def is_met(self, word: str, language: str) -> bool:
        """Whether any ticket of a language has a word."""
        stem = engine.stemmer(language)(word)
        return bool(stem and self._commit.frequency(f"all_{language}", stem))

    def is_met_in_any(self, word: str) -> bool:
        """Whether any ticket has it: a name is the same in every language."""
        return any(self.is_met(word, language) for language in self.languages)

    def begun_keys(self, terms: Terms, principals: Sequence[str]) -> list[str]:
        """Codes that the one still being typed begins."""
        if terms.unfinished_key is None:
            return []
        return self._commit.begun_by(
            "code", terms.unfinished_key, tuple(principals), MOST_COMPLETIONS
        )

    def completions(self, terms: Terms, principals: Sequence[str]) -> list[str]:
        """The commonest words of subjects that the unfinished one begins, if it is none itself."""
        if terms.unfinished is None or len(terms.unfinished) < SHORTEST_COMPLETED:
            return []
        if self._commit.has_word(terms.unfinished, tuple(principals)):
            return []
        begun = self._commit.begun_by(
            "pt", terms.unfinished, tuple(principals), MOST_COMPLETIONS + 1
        )
        return [word for word in begun if word != terms.unfinished][:MOST_COMPLETIONS]
