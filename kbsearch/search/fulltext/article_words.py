"""The words that the articles of one language have, and what each of them says."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kbsearch.search.fulltext import engine
from kbsearch.search.fulltext import text as texts
from kbsearch.search.fulltext.plan import Clause, OneOf, Plan, QueryTerm, View, narrowed
from kbsearch.search.fulltext.query import MOST_COMPLETIONS, MOST_TERMS, Terms
from kbsearch.search.fulltext.scores import telling

COMPLETION_OF_UNKNOWN, COMPLETION_OF_KNOWN = 0.7, 0.15
SYNONYM = 0.5
FORM_OF_KNOWN = 0.2
SHORTEST_OF_FAMILY, SHARED = 6, 4  # letters of a stem, and those that its relatives begin with
MOST_RELATIVES = 8


@dataclass(frozen=True)
class _Weighed:
    """The stems of a question and what each weighs."""

    terms: Terms
    stems: tuple[str, ...]
    weights: Mapping[str, float]


class ArticleWords:
    """What the words of a question are to the articles of one language."""

    def __init__(self, view: View, language: str) -> None:
        self.language = language
        self._view = view
        self._readers = frozenset(word for word, _ in view.begun_by("readers", "", 100_000))
        self.stem = engine.stemmer(language)
        self.reading = lru_cache(maxsize=1_000)(self._reading)
        self._known = lru_cache(maxsize=20_000)(self._has_word)
        self._begun_by = lru_cache(maxsize=20_000)(self._words_begun_by)
        self.rarity = lru_cache(maxsize=50_000)(self._rarity)
        self.relatives = lru_cache(maxsize=20_000)(self._relatives)
        self._last: _Weighed | None = None

    def _reading(self, principals: tuple[str, ...]) -> Clause:
        """What these principals may read; one that no page has is left out."""
        return OneOf("readers", tuple(name for name in principals if name in self._readers))

    def weight(self, stem: str, field: str = "all") -> float:
        """The inverse document frequency of a stem; 0 when no page has it."""
        frequency = self._view.frequency(field, stem)
        return math.log(1 + self._view.size / frequency) if frequency else 0.0

    @property
    def rarest_weight(self) -> float:
        return math.log(1 + self._view.size)

    def _rarity(self, stem: str) -> float:
        """The weight of a stem where texts are compared: one no page has is the rarest."""
        return self.weight(stem) or self.rarest_weight

    def _relatives(self, stem: str) -> list[str]:
        """The commonest stems that begin like one that pages have: `licenc` for `licenci`."""
        if len(stem) < SHORTEST_OF_FAMILY or not self.weight(stem):
            return []
        family = self._view.begun_by("all", stem[:SHARED], MOST_RELATIVES)
        return [relative for relative, _ in family if relative != stem]

    def stems_in(self, words: Iterable[str]) -> list[str]:
        return [stem for word in words if (stem := self.stem(word))]

    def stems(self, terms: Terms) -> tuple[str, ...]:
        """The stems of a question in order, each once; of a long one, those that say most."""
        return self._weighed(terms).stems

    def _weighed(self, terms: Terms) -> _Weighed:
        """Worked out once a question, however often it is asked for while that is answered."""
        last = self._last
        if last is None or last.terms is not terms:
            stems = self._distinct(terms)
            unfinished = self.stem(terms.unfinished) if terms.unfinished else None
            weights = {
                stem: self.rarity(stem) for stem in stems if stem != unfinished or self.weight(stem)
            }
            last = self._last = _Weighed(terms, stems, weights)
        return last

    def _distinct(self, terms: Terms) -> tuple[str, ...]:
        distinct = tuple(dict.fromkeys(self.stems_in(part.word for part in terms.parts)))
        if len(distinct) <= MOST_TERMS:
            return distinct
        by_weight = set(sorted(distinct, key=self.weight, reverse=True)[:MOST_TERMS])
        return tuple(stem for stem in distinct if stem in by_weight)

    def telling(self, terms: Terms) -> list[str]:
        """The stems that are worth a result, whatever is still being typed."""
        weights = self.weights(terms)
        begun = [stem for stem in self.stems(terms) if stem not in weights]
        return telling(weights, len(terms.keys) * self.rarest_weight) + begun

    def weights(self, terms: Terms) -> Mapping[str, float]:
        """What each word weighs, but for one that is not finished and nothing yet."""
        return self._weighed(terms).weights

    def worth(self, terms: Terms) -> float:
        """What all the words of a question weigh here."""
        return sum(map(self.rarity, self.stems(terms))) + len(terms.keys) * self.rarest_weight

    def small_nouns(self, terms: Terms) -> list[str]:
        """Stop words of a question that may be what a title is about."""
        nouns = texts.SMALL_NOUNS[self.language] if terms.is_short else frozenset()
        return list(dict.fromkeys(part.word for part in terms.parts if part.word in nouns))

    def besides(self, terms: Terms, principals: Sequence[str]) -> dict[str, float]:
        """Stems looked for besides those of the words: other forms, completions, synonyms.

        Where both forms are known, the other one says little that the word does not say.
        """
        besides = {stem: SYNONYM for phrase in terms.also for stem in self.stems_in(phrase)}
        besides |= self.completions(terms, principals)
        for part in terms.parts:
            weight = FORM_OF_KNOWN if self.weight(self.stem(part.word) or "") else 1.0
            for stem in filter(self.weight, self.stems_in(part.forms)):
                besides[stem] = max(weight, besides.get(stem, 0.0))
            pieces = self.stems_in(part.pieces)
            for stem in filter(self.weight, pieces):
                besides.setdefault(stem, weight / len(pieces))
        return besides

    def completions(self, terms: Terms, principals: Sequence[str]) -> dict[str, float]:
        """Stems of the commonest words that the unfinished one begins, and their weight."""
        if terms.unfinished is None:
            return {}
        is_known = self.is_known(terms.unfinished, principals)
        weight = COMPLETION_OF_KNOWN if is_known else COMPLETION_OF_UNKNOWN
        return {
            stem: weight
            for word in self._begun_by(terms.unfinished, tuple(principals))
            for stem in engine.stems(word, self.language)
        }

    def begun_keys(self, terms: Terms, principals: Sequence[str]) -> list[str]:
        """Codes that the one still being typed begins."""
        if terms.unfinished_key is None:
            return []
        among = self.reading(tuple(principals))
        begun = self._view.begun_by("code", terms.unfinished_key, MOST_COMPLETIONS, among)
        return [key for key, _ in begun]

    def begins_a_word(self, prefix: str, principals: Sequence[str]) -> bool:
        """Whether a page that these principals may read has a word beginning so."""
        return bool(self._begun_by(prefix, tuple(principals)))

    def _words_begun_by(self, prefix: str, principals: tuple[str, ...]) -> list[str]:
        readable = OneOf("readers", principals)
        for field in ("pt", "x"):
            begun = self._view.begun_by(field, prefix, MOST_COMPLETIONS + 1, readable)
            longer = [word for word, _ in begun if word != prefix][:MOST_COMPLETIONS]
            if longer:
                return longer
        return []

    def is_known(self, word: str, principals: Sequence[str]) -> bool:
        """Whether a page that these principals may read has this word, or another form of it."""
        return self._known(word, tuple(principals))

    def _has_word(self, word: str, principals: tuple[str, ...]) -> bool:
        readable = [self.reading(principals)]
        stem = self.stem(word)
        for field, term in (("x", word), ("all", stem), ("e", stem)):
            if term and self._view.frequency(field, term):
                plan = Plan(narrowed(QueryTerm(field, term), readable), 1, is_counted=False)
                if self._view.ask(plan).hits:
                    return True
        return False

    def goes_with(self, words: Sequence[str], unknown: str, candidate: str) -> int:
        """In how many pages a word stands beside the neighbours of the unknown one it replaces."""
        text = " ".join(candidate if word == unknown else word for word in words)
        stems = engine.stems(text, self.language)
        stem = self.stem(candidate)
        pairs = {pair for pair in zip(stems, stems[1:], strict=False) if stem in pair}
        return sum(self._view.frequency("bg", "_".join(pair)) for pair in pairs)
