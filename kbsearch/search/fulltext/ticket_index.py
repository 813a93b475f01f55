"""Searching tickets, as the principals of one viewer may."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap

from kbsearch.search.fulltext import engine, essence, expectations, places
from kbsearch.search.fulltext import text as texts
from kbsearch.search.fulltext import ticket_plan as plans
from kbsearch.search.fulltext.explanation import Explanation, ScoreShare, as_typed
from kbsearch.search.fulltext.highlight import Highlighter, spelt
from kbsearch.search.fulltext.plan import (
    Address,
    Begun,
    Clause,
    Constant,
    OneOf,
    Place,
    Plan,
    QueryTerm,
    View,
    narrowed,
)
from kbsearch.search.fulltext.query import MOST_TERMS, Terms
from kbsearch.search.fulltext.scores import FEWEST_DOCUMENTS, LOOKED_AT, NEAR, enough
from kbsearch.search.fulltext.ticket_commit import CaseHit, Commit, reads_all
from kbsearch.search.fulltext.ticket_plan import TIERS, TIERS_OF_CUSTOMERS
from kbsearch.search.fulltext.ticket_words import Lookup, TicketWords
from kbsearch.search.fulltext.ticket_writer import FIELDS, revision_of

DAY_WEIGHS = 13.2  # log2(2 + day), by which the engine multiplies: 13.1 to 13.3 for decades
DEEPEST = 1_000  # hits of a customer that are confirmed while the index lags behind

Confirm = Callable[[Iterable[int]], set[int]]


@dataclass(frozen=True)
class CaseHits:
    """Tickets that match, how many in all, and how many of each product and language."""

    hits: list[CaseHit]
    total: int
    products: Mapping[str, int]
    languages: Mapping[str, int]
    is_near: bool = True  # else they only share some words with the question


class TicketIndex:
    """The tickets, as one viewer's principals may search them."""

    def __init__(self, place: Place) -> None:
        self._index = places.opened(place, FIELDS)
        self._see(Commit(self._index.view()))

    def _see(self, commit: Commit) -> None:
        self._commit = commit
        self.words = TicketWords(commit)

    def refresh(self) -> None:
        """See what was committed since; for every question, once."""
        view = self._index.view()
        if view is not self._commit.view:
            self._see(Commit(view))

    def catch_up(self, revision: int) -> None:
        """The same where nothing but the database tells what there is to see: on other machines."""
        self._index.catch_up(revision)
        self.refresh()

    def expect(
        self, terms: Terms, principals: Sequence[str], unknown: Collection[Terms] = ()
    ) -> None:
        """Ask in one call what a question will ask about words.

        `unknown` are words that no article has, with what they may stand for.
        """
        reading = None if reads_all(principals) else self._commit.reading(tuple(principals))
        self._commit.view.expect(expectations.of_question(terms, reading, unknown))

    def expect_words(
        self, words: Collection[str], principals: Sequence[str], initials: Collection[str] = ()
    ) -> None:
        """The same of words by themselves, and of all that begin with some letters."""
        reading = None if reads_all(principals) else self._commit.reading(tuple(principals))
        begun = (_words_of_subjects(initial) for initial in initials)
        self._commit.view.expect([*expectations.of_words(words, reading), *begun])

    def expect_text(self, subject: str, description: str) -> None:
        """The same of a ticket that others are like."""
        if self._commit.view.is_remote:
            words = texts.words_of(f"{subject}\n{description}")
            lines = map(essence.line_key, description.split("\n"))
            self._commit.view.expect(expectations.of_text(words, lines))

    def expect_best(self, *questions: tuple[Clause, int, tuple[Clause, ...]]) -> None:
        """Ask for the best of some clauses in one call: clause, limit and filters of each."""
        if self._commit.view.is_remote:
            self._commit.view.expect(list(starmap(_best, questions)))

    @property
    def view(self) -> View:
        """The commit that is read."""
        return self._commit.view

    @property
    def revision(self) -> int:
        """How far the index has come; read each time, it also shows that the files are whole."""
        self.refresh()
        return revision_of(self._commit.view)

    def has(self, number: int) -> bool:
        """Whether a ticket is in the index, whoever may read it."""
        self.refresh()
        return bool(self._commit.frequency("number", str(number)))

    @property
    def count(self) -> int:
        """How many tickets it holds."""
        self.refresh()
        return max(0, self._commit.view.size - 1)

    def plan(self, lookup: Lookup) -> Plan:
        """What a lookup asks of the index; only what its principals may read is seen."""
        narrowing = {"product": lookup.product, "language": lookup.language}
        return Plan(
            _without(plans.ranking(self.words, lookup), lookup.without),
            lookup.limit,
            lookup.offset,
            filters=self.seen_by(lookup.principals),
            narrowing=tuple(QueryTerm(field, text) for field, text in narrowing.items() if text),
            # One language is nothing to count: an aggregation costs as much as the search.
            facets=("product", "language") if len(self._commit.languages) != 1 else ("product",),
        )

    def seen_by(self, principals: Sequence[str]) -> tuple[Clause, ...]:
        """What these principals may read: the filters of every plan.

        Agents read every ticket: a filter would cost a scan and leave nothing out. Words that no
        ticket has are left out, each would cost as much as one that some have.
        """
        return () if reads_all(principals) else (self._commit.reading(tuple(principals)),)

    def search(self, lookup: Lookup, *, confirm: Confirm, is_current: bool) -> CaseHits:
        """The tickets these principals may read, best first, each confirmed by its number.

        While the index is not current, all of a customer's tickets are confirmed before they are
        counted, so that nothing of one he may no longer see remains, not even in a count.
        """
        commit = self._commit  # one throughout: addresses are of it only
        plan = self.plan(lookup)
        if not (lookup.reads_all or is_current):
            return self._confirmed_answer(commit, plan, confirm, lookup)
        ask = commit.best_first if lookup.reads_all else commit.newest_first
        ranked, answer = ask(plan)
        confirmed = confirm(number for _, number, _ in ranked)
        if commit.view.is_remote and confirmed:  # together, where they are not here yet
            self.cases(sorted(confirmed))
        hits = [
            commit.hit(
                self._comparable(score, lookup),
                number,
                address,
                self._explained(lookup, plan.clause, score, address) if lookup.explain else None,
            )
            for score, number, address in ranked
            if number in confirmed
        ]
        total = answer.total - len(ranked) + len(hits)
        languages = answer.facets.get("language", {})
        if len(commit.languages) == 1:
            languages = {commit.languages[0]: total}
        products = answer.facets.get("product", {})
        return CaseHits(hits, total, products, languages, self._is_near(lookup, hits))

    def _confirmed_answer(
        self, commit: Commit, plan: Plan, confirm: Confirm, lookup: Lookup
    ) -> CaseHits:
        """The same from an index that lags behind: filtered and counted after confirming all."""
        every = Plan(plan.clause, DEEPEST, filters=plan.filters, is_counted=False)
        ranked, _ = commit.newest_first(every)
        confirmed = confirm(number for _, number, _ in ranked)
        hits = [
            commit.hit(self._comparable(score, lookup), number, address)
            for score, number, address in ranked
            if number in confirmed
        ]
        matching = [
            hit
            for hit in hits
            if lookup.product in ("", hit.case.product)
            and lookup.language in ("", hit.case.language)
        ]
        return CaseHits(
            matching[lookup.offset : lookup.offset + lookup.limit],
            len(matching),
            Counter(hit.case.product for hit in hits),
            Counter(hit.case.language for hit in hits),
            self._is_near(lookup, matching),
        )

    def _comparable(self, score: float, lookup: Lookup) -> float:
        """A score as it stands beside those of articles: customers' words are parts of 1."""
        if lookup.reads_all:
            return TIERS.comparable(score, self.words.worth(lookup.terms))
        return TIERS_OF_CUSTOMERS.comparable(score / DAY_WEIGHS, 1.0)

    def _is_near(self, lookup: Lookup, hits: Sequence[CaseHit]) -> bool:
        """Whether one of the first tickets of a question has enough of it to be an answer."""
        if not hits or lookup.offset:
            return True  # what follows belongs to a first page that was shown
        first = hits[:LOOKED_AT]
        documents = self.count if lookup.reads_all else lookup.documents
        if documents < FEWEST_DOCUMENTS or any(hit.score >= NEAR for hit in first):
            return True
        numbers = [hit.number for hit in first]
        return any(
            self._has_enough(lookup, language, numbers) for language in self._commit.languages
        )

    def _has_enough(self, lookup: Lookup, language: str, numbers: Sequence[int]) -> bool:
        terms, words = lookup.terms, self.words
        begun = words.begun(lookup, language)
        weights = {
            stem: words.weigh(lookup, language, stem)
            for stem in words.stems(terms, language, by_all=lookup.reads_all)
            if stem != begun
        }
        count = len(weights) + len(terms.keys)
        if count <= 1:
            return True
        rarest = max(weights.values(), default=1.0)
        worth = sum(weights.values()) + rarest * len(terms.keys)
        these = (_numbered(numbers),)
        parts = plans.parts(terms, language, weights)
        best = self._commit.view.ask(Plan(parts, 1, filters=these, is_counted=False)).hits
        return bool(best) and best[0][0] >= enough(count) * worth

    def _explained(
        self, lookup: Lookup, clause: Clause, score: float, address: Address
    ) -> Explanation:
        """Of a customer's hits, which words there are: what they score is no matter of words."""
        terms, view, by_all = lookup.terms, self._commit.view, lookup.reads_all
        keys = (part.key for part in terms.parts if part.key)
        spellings = {
            engine.stemmer(language)(part.word) or "": part.word
            for language in self._commit.languages
            for part in terms.parts
        }
        shares = view.shares(clause, address) if by_all else self._words_met(lookup, address)
        return Explanation(
            as_typed(shares, spellings),
            tuple(key for key in keys if view.matches(QueryTerm("code", key), address)),
            is_whole_title=view.matches(plans.whole_title(terms, 1.0), address),
            is_number=terms.number is not None
            and view.matches(QueryTerm("number", str(terms.number)), address),
            points=score % TIERS.title if by_all else 0.0,
            worth=self.words.worth(terms) if by_all else 0.0,
        )

    def _words_met(self, lookup: Lookup, address: Address) -> Iterator[ScoreShare]:
        """The words of a question that a ticket has, where a customer may look."""
        for language in self._commit.languages:
            for stem in self.words.stems(lookup.terms, language, by_all=False):
                for field in ("t", "all", "ans"):
                    term = QueryTerm(f"{field}_{language}", stem)
                    if self._commit.view.matches(term, address):
                        yield ScoreShare(field, stem)

    def best(
        self, clause: Clause, limit: int, filters: tuple[Clause, ...] = ()
    ) -> list[tuple[int, float]]:
        """The best tickets by their numbers, with scores, whoever may read them."""
        ranked, _ = self._commit.best_first(_best(clause, limit, filters))
        return [(number, score) for score, number, _ in ranked]

    def cases(self, numbers: Sequence[int], *filters: Clause) -> dict[int, CaseHit]:
        """Tickets as they are stored, by their numbers, whoever may read them."""
        if not numbers:
            return {}
        commit = self._commit
        these = Constant(_numbered(numbers), 1.0)
        plan = Plan(these, len(numbers), filters=filters, is_counted=False)
        ranked, _ = commit.best_first(plan)
        return {number: commit.hit(score, number, address) for score, number, address in ranked}

    def having_all(self, terms: Terms, principals: Sequence[str], limit: int) -> list[int]:
        """The numbers of tickets that have every word of a text, the last one perhaps unfinished.

        For lists, where each word typed narrows; the newest come first.
        """
        if self.view.is_remote:
            self.expect(terms, principals)
        plan = Plan(
            plans.having_all(self.words, terms, principals),
            limit,
            filters=self.seen_by(principals),
            is_counted=False,
            ordered_by="order",
        )
        answer = self._commit.view.ask(plan)
        return self._commit.numbers([address for _, address in answer.hits])

    def rarity(self, stem: str, language: str) -> float:
        """The weight of a stem in a question: one that no ticket has is the rarest."""
        return self.words.rarity(stem, language)

    def weight(self, stem: str, language: str) -> float:
        """The inverse document frequency of a stem among all tickets: for agents only."""
        return self.words.weight(stem, language)

    def count_lines(self, key: str) -> int:
        """How many tickets have a line, by its key: for agents only."""
        return self._commit.view.frequency("lines", key)

    def begins_a_word(self, prefix: str, principals: Sequence[str]) -> bool:
        """Whether a subject that these principals may read has a word beginning so."""
        return bool(self._commit.begun_by("pt", prefix, tuple(principals), 1))

    def is_known(self, word: str, principals: Sequence[str]) -> bool:
        """Whether a ticket that these principals may read has the word in some form."""
        return self._commit.has_word(word, tuple(principals))

    def subject_words(self, initial: str) -> list[tuple[str, int]]:
        """The words of all subjects beginning with a letter, with counts: for agents only."""
        asked = _words_of_subjects(initial)
        words = self._commit.view.begun_by(asked.field, asked.prefix, asked.limit)
        return [(word, count) for word, count in words if len(word) > 3 and count > 1]

    def highlighter(self, terms: Terms, language: str) -> Highlighter:
        """What marks this query's words in tickets of a language."""
        stem_of = engine.stemmer(language)
        words = [word for part in terms.parts for word in part.spellings]
        words += [word for phrase in terms.also for word in phrase]
        stems = [stem for word in words if (stem := stem_of(word))]
        return Highlighter(
            dict.fromkeys(stems[: MOST_TERMS * 4], 1.0),
            stem_of,
            spelt=spelt(terms, stem_of),
            prefix=terms.unfinished,
        )


def _words_of_subjects(initial: str) -> Begun:
    return Begun("pt", initial, 20_000)


def _best(clause: Clause, limit: int, filters: tuple[Clause, ...]) -> Plan:
    return Plan(clause, limit, filters=filters, is_counted=False)


def _without(clause: Clause, numbers: Sequence[int]) -> Clause:
    return narrowed(clause, (), (_numbered(numbers),)) if numbers else clause


def _numbered(numbers: Sequence[int]) -> Clause:
    return OneOf("number", tuple(str(number) for number in numbers))
