"""One commit of the index of tickets, and what was learnt of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial

from kbsearch.access import AGENTS, DESK
from kbsearch.config import LANGUAGES
from kbsearch.search.fulltext import engine
from kbsearch.search.fulltext import text as texts
from kbsearch.search.fulltext.explanation import Explanation
from kbsearch.search.fulltext.plan import (
    Address,
    Clause,
    EngineAnswer,
    OneOf,
    Plan,
    QueryTerm,
    View,
    narrowed,
)
from kbsearch.search.fulltext.ticket_writer import StoredCase, stored_case

MOST_REMEMBERED = 20_000  # answers about words
MOST_STORED = 2_000  # tickets kept in memory as they are stored, some kB each
SPARE = (16, 100, 1_000)  # hits of a customer looked at beyond the last wanted, while they tie

Ranked = list[tuple[float, int, Address]]  # scores, numbers, and where they lie


@dataclass(frozen=True)
class CaseHit:
    """A ticket that matches; it is read when it is shown, from the commit it was found in."""

    number: int
    score: float
    read: Callable[[], StoredCase]
    explanation: Explanation | None = None

    @cached_property
    def case(self) -> StoredCase:
        """What is shown of it."""
        return self.read()


def reads_all(principals: Sequence[str]) -> bool:
    """Whether these principals are an agent's who reads every ticket."""
    return DESK in principals


class Commit:
    """One commit of the index, and what was learnt of it: the next key pressed asks it again."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.stored = lru_cache(maxsize=MOST_STORED)(self._stored)
        self.reading = lru_cache(maxsize=MOST_REMEMBERED)(self._reading)
        self.has_word = lru_cache(maxsize=MOST_REMEMBERED)(self._has_word)
        self.begun_by = lru_cache(maxsize=MOST_REMEMBERED)(self._begun_by)
        self.frequency = lru_cache(maxsize=MOST_REMEMBERED)(view.frequency)

    @cached_property
    def languages(self) -> list[str]:
        """Those that some tickets are in."""
        return [name for name in LANGUAGES if self.view.frequency("language", name)]

    def hit(
        self, score: float, number: int, address: Address, explanation: Explanation | None = None
    ) -> CaseHit:
        """The ticket at an address of this commit; in another it could be any ticket."""
        return CaseHit(number, score, partial(self.stored, address), explanation)

    def numbers(self, addresses: Sequence[Address]) -> list[int]:
        """The numbers of the tickets at some addresses."""
        return self.view.numbers("order", addresses)

    def _stored(self, address: Address) -> StoredCase:
        return stored_case(self.view.data(address, "case"))

    def _reading(self, principals: tuple[str, ...]) -> Clause:
        """The tickets that these principals may read; those that open none are left out."""
        words = [name for name in principals if name != AGENTS]  # earlier releases: on every ticket
        if self.view.is_remote:  # words that open nothing cost nothing there
            return OneOf("readers", tuple(words))
        readers = (name for name in words if self.view.frequency("readers", name))
        return OneOf("readers", tuple(readers))

    def _has_word(self, word: str, principals: tuple[str, ...]) -> bool:
        for language in self.languages:
            if word in texts.SMALL_NOUNS[language] and self.begun_by("pt", word, principals, 1):
                return True
            stem, field = engine.stemmer(language)(word), f"all_{language}"
            if stem and self.view.frequency(field, stem):
                if reads_all(principals):
                    return True
                readable = narrowed(QueryTerm(field, stem), [self.reading(principals)])
                if self.view.ask(Plan(readable, 1, is_counted=False)).hits:
                    return True
        return False

    def _begun_by(
        self, field: str, prefix: str, principals: tuple[str, ...], limit: int
    ) -> list[str]:
        readable = None if reads_all(principals) else self.reading(principals)
        return [word for word, _ in self.view.begun_by(field, prefix, limit, readable)]

    def best_first(self, plan: Plan) -> tuple[Ranked, EngineAnswer]:
        """The best of a plan for an agent."""
        answer = self.view.ask(plan)
        numbers = self.numbers([address for _, address in answer.hits])
        ranked = [
            (score, number, address)
            for (score, address), number in zip(answer.hits, numbers, strict=True)
        ]
        return ranked, answer

    def newest_first(self, plan: Plan) -> tuple[Ranked, EngineAnswer]:
        """The best of a plan for a customer; all that tie with the last are compared."""
        last = plan.offset + plan.limit
        for spare in SPARE:
            answer = self.view.ask(replace(plan, limit=last + spare, offset=0, weighted_by="day"))
            hits = answer.hits
            if len(hits) < last + spare or round(hits[-1][0], 4) < round(hits[last - 1][0], 4):
                break
        return self._by_score_and_date(answer.hits, last)[plan.offset :], answer

    def _by_score_and_date(self, hits: Sequence[tuple[float, Address]], limit: int) -> Ranked:
        """The best as (score, number, address): the day is in the score, then the newest number.

        The order must not depend on where documents lie: hidden ones would move it. Those that
        score less than the last one wanted cannot be among them, whatever their number.
        """
        if not hits:
            return []
        least = round(hits[min(limit, len(hits)) - 1][0], 4)
        scored = [(round(score, 4), address) for score, address in hits]
        best = [(score, address) for score, address in scored if score >= least]
        numbers = self.numbers([address for _, address in best])
        ranked = [
            (score, number, address) for (score, address), number in zip(best, numbers, strict=True)
        ]
        return sorted(ranked, key=lambda hit: hit[:2], reverse=True)[:limit]
