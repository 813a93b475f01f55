"""Searching tickets, as the principals of one viewer may.

Agents get full BM25. A customer's ranking uses nothing that tickets hidden from him could move:
constant scores by field, then the date; statistics of a shared index leak what they count.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path

from tantivy import DocAddress, Query, Searcher

from kbsearch.access import AGENTS
from kbsearch.search.fulltext import tantivy_engine as engine
from kbsearch.search.fulltext import text as texts
from kbsearch.search.fulltext.explanation import Explanation, Share, as_typed
from kbsearch.search.fulltext.highlight import Highlighter, spelt
from kbsearch.search.fulltext.query import MOST_COMPLETIONS, MOST_TERMS, Terms
from kbsearch.search.fulltext.scores import (
    FEWEST_DOCUMENTS,
    LOOKED_AT,
    NEAR,
    Tiers,
    enough,
    telling,
)
from kbsearch.search.fulltext.ticket_writer import (
    FIELDS,
    PHRASED,
    StoredCase,
    revision_of,
    schema,
    stored_case,
)

TITLE, ALL, ANSWERS, NOTES = 1.0, 1.0, 0.5, 0.3
TIERS = Tiers(title=2_000.0)
TIERS_OF_CUSTOMERS = Tiers(title=50.0, share=0.9)  # low, as the date multiplies them
COMPLETION = 0.7
SHORTEST_COMPLETED = 3  # letters; two begin the subject of nearly every ticket
SYNONYM = 0.5
FORM_OF_KNOWN = 0.2
MOST_REMEMBERED = 20_000  # answers about words
MOST_STORED = 2_000  # tickets kept in memory as they are stored, some kB each
AMOUNT, AMOUNT_OF_CUSTOMERS = 20.0, 3.0  # as much as a rare word
SMALL_NOUN = 3.0  # by its title alone
CONSTANT_TITLE, CONSTANT_ALL, CONSTANT_COMPLETION = 2.0, 1.0, 0.5
DAY_WEIGHS = 13.2  # log2(2 + day), by which the engine multiplies: 13.1 to 13.3 for decades
SPARE = (16, 100, 1_000)  # hits of a customer looked at beyond the last wanted, while they tie
DEEPEST = 1_000  # hits of a customer that are confirmed while the index lags behind


Weigh = Callable[[str, str], float]  # what a word of a language says, by its stem


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


@dataclass(frozen=True)
class CaseHits:
    """Tickets that match, how many in all, and how many of each product and language."""

    hits: list[CaseHit]
    total: int
    products: Mapping[str, int]
    languages: Mapping[str, int]
    is_near: bool = True  # else they only share some words with the question


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
    weigh: Weigh = lambda language, stem: 1.0
    documents: int = 0


class _Commit:
    """One commit of the index, and what was learnt of it: the next key pressed asks it again."""

    def __init__(self, searcher: Searcher) -> None:
        self.searcher = searcher
        self.languages = [
            language for language in engine.SNOWBALL if searcher.doc_freq("language", language)
        ]
        self.stored = lru_cache(maxsize=MOST_STORED)(self._stored)
        self.reading = lru_cache(maxsize=MOST_REMEMBERED)(self._reading)
        self.has_word = lru_cache(maxsize=MOST_REMEMBERED)(self._has_word)
        self.begun_by = lru_cache(maxsize=MOST_REMEMBERED)(self._begun_by)
        self.frequency = lru_cache(maxsize=MOST_REMEMBERED)(self._frequency)

    def hit(
        self,
        score: float,
        number: int,
        address: DocAddress,
        explanation: Explanation | None = None,
    ) -> CaseHit:
        """The ticket at an address of this commit; in another it could be any ticket."""
        read = partial(self.stored, address.segment_ord, address.doc)
        return CaseHit(number, score, read, explanation)

    def numbers(self, addresses: list[DocAddress]) -> list[int]:
        """The numbers of the tickets at some addresses."""
        values = self.searcher.fast_field_values("order", addresses)
        return [int(number or 0) for number in values]

    def _stored(self, segment: int, document: int) -> StoredCase:
        doc = self.searcher.doc(DocAddress(segment, document))
        return stored_case(engine.stored_bytes(doc, "case"))

    def _reading(self, principals: tuple[str, ...]) -> Query:
        """The tickets that these principals may read; those that open none are left out."""
        readers = [name for name in principals if self.searcher.doc_freq("readers", name)]
        return engine.one_of_terms(schema(), "readers", readers)

    def _has_word(self, word: str, principals: tuple[str, ...]) -> bool:
        for language in self.languages:
            if word in texts.SMALL_NOUNS[language] and self.begun_by("pt", word, principals, 1):
                return True
            stem = engine.stemmer(language)(word)
            if stem and self.searcher.doc_freq(f"all_{language}", stem):
                query = engine.filtered(_term("all", language, stem), [self.reading(principals)])
                if _reads_all(principals) or self.searcher.search(query, 1, count=False).hits:
                    return True
        return False

    def _begun_by(
        self, field: str, prefix: str, principals: tuple[str, ...], limit: int
    ) -> list[str]:
        readable = None if _reads_all(principals) else self.reading(principals)
        begun = self.searcher.terms_with_prefix(field, prefix, filter_query=readable, limit=limit)
        return [word for word, _ in begun]

    def _frequency(self, field: str, term: str) -> int:
        return int(self.searcher.doc_freq(field, term))


class TicketIndex:
    """The tickets, as one viewer's principals may search them."""

    def __init__(self, folder: Path) -> None:
        self._reader = engine.IndexReader(folder)
        self._commit = _Commit(self._reader.searcher())

    def refresh(self) -> None:
        """See what was committed since; for every question, once."""
        searcher = self._reader.searcher()
        if searcher is not self._commit.searcher:
            self._commit = _Commit(searcher)

    def searcher(self) -> Searcher:
        """The searcher of the commit seen."""
        return self._commit.searcher

    @property
    def revision(self) -> int:
        """How far the index has come; read each time, it also shows that the files are whole."""
        self.refresh()
        return revision_of(self.searcher())

    def has(self, number: int) -> bool:
        """Whether a ticket is in the index, whoever may read it."""
        self.refresh()
        return bool(self._commit.frequency("number", str(number)))

    @property
    def count(self) -> int:
        """How many tickets it holds."""
        self.refresh()
        return max(0, self.searcher().num_docs - 1)

    def search(
        self, lookup: Lookup, *, confirm: Callable[[Iterable[int]], set[int]], is_current: bool
    ) -> CaseHits:
        """The tickets these principals may read, best first, each confirmed by its number.

        While the index is not current, all of a customer's tickets are confirmed before they are
        counted, so that nothing of one he may no longer see remains, not even in a count.
        """
        commit = self._commit  # one throughout: addresses are of it only
        principals = lookup.principals
        query = self.query(lookup)
        restricted = self.restricted(query, principals, lookup.product, lookup.language)
        if not (reads_all := _reads_all(principals)) and not is_current:
            of_viewer = self.restricted(query, principals)
            return self._confirmed_answer(commit, of_viewer, confirm, lookup)
        if reads_all:
            ranked, total = _best_first(commit, restricted, lookup.limit, lookup.offset)
        else:
            ranked, total = _newest_first(commit, restricted, lookup.offset + lookup.limit)
            ranked = ranked[lookup.offset :]
        confirmed = confirm(number for _, number, _ in ranked)
        hits = [
            commit.hit(
                self._comparable(score, lookup),
                number,
                address,
                self._explained(lookup, query, score, address) if lookup.explain else None,
            )
            for score, number, address in ranked
            if number in confirmed
        ]
        total -= len(ranked) - len(hits)
        values = self._count_values(commit, query, principals, total)
        return CaseHits(hits, total, **values, is_near=self._is_near(lookup, hits))

    def _comparable(self, score: float, lookup: Lookup) -> float:
        """A score as it stands beside those of articles: customers' words are parts of 1."""
        if _reads_all(lookup.principals):
            return TIERS.comparable(score, self._worth(lookup.terms))
        return TIERS_OF_CUSTOMERS.comparable(score / DAY_WEIGHS, 1.0)

    def _is_near(self, lookup: Lookup, hits: Sequence[CaseHit]) -> bool:
        """Whether one of the first tickets of a question has enough of it to be an answer."""
        if not hits or lookup.offset:
            return True  # what follows belongs to a first page that was shown
        first = hits[:LOOKED_AT]
        documents = self.count if _reads_all(lookup.principals) else lookup.documents
        if documents < FEWEST_DOCUMENTS or any(hit.score >= NEAR for hit in first):
            return True
        numbers = [hit.number for hit in first]
        return any(
            self._has_enough(lookup, language, numbers) for language in self._commit.languages
        )

    def _has_enough(self, lookup: Lookup, language: str, numbers: Sequence[int]) -> bool:
        terms, reads_all = lookup.terms, _reads_all(lookup.principals)
        begun = self._begun(lookup, language)
        weights = {
            stem: self._weigh(lookup, language, stem)
            for stem in self._asked_for(terms, language, reads_all)
            if stem != begun
        }
        words = len(weights) + len(terms.keys)
        if words <= 1:
            return True
        rarest = max(weights.values(), default=1.0)
        worth = sum(weights.values()) + rarest * len(terms.keys)
        stem_of = engine.stemmer(language)
        parts = [
            Query.const_score_query(
                engine.any_of(
                    _term(field, language, form)
                    for word in (part.word, *part.forms)
                    if (form := stem_of(word))
                    for field in ("all", "ans")
                ),
                weights[stem],
            )
            for part in terms.parts
            if (stem := stem_of(part.word)) in weights
        ]
        for phrase in terms.also:
            stems = [stem for word in phrase if (stem := stem_of(word))]
            synonym = engine.all_of(_term("all", language, stem) for stem in stems)
            parts.append(Query.const_score_query(synonym, min(weights.values(), default=1.0)))
        these = engine.one_of_terms(schema(), "number", [str(number) for number in numbers])
        query = engine.filtered(engine.any_of(parts), [these])
        best = self.searcher().search(query, 1, count=False).hits
        return bool(best) and best[0][0] >= enough(words) * worth

    def _weigh(self, lookup: Lookup, language: str, stem: str) -> float:
        """What a word says to whoever asks: to agents by all tickets, to customers by articles."""
        if _reads_all(lookup.principals):
            return self.rarity(stem, language)
        return lookup.weigh(language, stem)

    def _explained(
        self, lookup: Lookup, query: Query, score: float, address: DocAddress
    ) -> Explanation:
        """Of a customer's hits, which words there are: what they score is no matter of words."""
        terms, searcher = lookup.terms, self.searcher()
        keys = [part.key for part in terms.parts if part.key]
        number = _constant("number", str(terms.number), 1.0)
        reads_all = _reads_all(lookup.principals)
        spellings = {
            engine.stemmer(language)(part.word) or "": part.word
            for language in self._commit.languages
            for part in terms.parts
        }
        if reads_all:
            shares = engine.explained(query, searcher, address, FIELDS)
        else:
            shares = tuple(self._words_met(lookup, address))
        return Explanation(
            as_typed(shares, spellings),
            tuple(
                key for key in keys if engine.is_met(_constant("code", key, 1.0), searcher, address)
            ),
            is_whole_title=engine.is_met(_whole_title(terms, 1.0), searcher, address),
            is_number=terms.number is not None and engine.is_met(number, searcher, address),
            points=score % TIERS.title if reads_all else 0.0,
            worth=self._worth(terms) if reads_all else 0.0,
        )

    def _words_met(self, lookup: Lookup, address: DocAddress) -> Iterator[Share]:
        """The words of a question that a ticket has, where a customer may look."""
        for language in self._commit.languages:
            for stem in self._asked_for(lookup.terms, language, reads_all=False):
                for field in ("t", "all", "ans"):
                    if engine.is_met(_term(field, language, stem), self.searcher(), address):
                        yield Share(field, stem)

    def _worth(self, terms: Terms) -> float:
        """What all the words of a question weigh, in the language that knows them best."""
        keys = len(terms.keys) * math.log(1 + self.searcher().num_docs)
        return keys + min(
            sum(self.rarity(stem, language) for stem in self._asked_for(terms, language, True))
            for language in self._commit.languages or engine.SNOWBALL
        )

    def best(self, query: Query, limit: int) -> list[tuple[int, float]]:
        """The best tickets of a query by their numbers, with scores, whoever may read them."""
        ranked, _ = _best_first(self._commit, query, limit, count=False)
        return [(number, score) for score, number, _ in ranked]

    def cases(self, numbers: Sequence[int], *filters: Query) -> dict[int, CaseHit]:
        """Tickets as they are stored, by their numbers, whoever may read them."""
        if not numbers:
            return {}
        commit = self._commit
        by_number = engine.one_of_terms(schema(), "number", [str(number) for number in numbers])
        query = engine.filtered(by_number, filters)
        ranked, _ = _best_first(commit, query, len(numbers), count=False)
        return {number: commit.hit(score, number, address) for score, number, address in ranked}

    def _confirmed_answer(
        self,
        commit: _Commit,
        query: Query,
        confirm: Callable[[Iterable[int]], set[int]],
        lookup: Lookup,
    ) -> CaseHits:
        """The same from an index that lags behind: filtered and counted after confirming all."""
        answer = commit.searcher.search(query, DEEPEST, count=False, weight_by_field="day")
        ranked = _by_score_and_date(commit, answer.hits, DEEPEST)
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

    def having_all(self, terms: Terms, principals: Sequence[str], limit: int) -> list[int]:
        """The numbers of tickets that have every word of a text, the last one perhaps unfinished.

        For lists, where each word typed narrows; the newest come first.
        """
        completions = self._completions(terms, principals)
        queries = []
        keys = [Query.term_query(schema(), "code", key) for key in terms.keys]
        for language in self._commit.languages:
            stem_of = engine.stemmer(language)
            must = [
                self._any_field(
                    [stem for word in (part.word, *part.forms) if (stem := stem_of(word))],
                    language,
                    principals,
                )
                for part in terms.parts
                if stem_of(part.word)
            ][:MOST_TERMS]
            if must and completions:
                begun = {stem for word in completions if (stem := stem_of(word))}
                must[-1] = engine.any_of(
                    [must[-1], *(_term("t", language, stem) for stem in begun)]
                )
            if must or keys:
                queries.append(engine.all_of([*must, *keys]))
        if not queries:
            return []
        query = self.restricted(engine.any_of(queries), principals)
        hits = self.searcher().search(query, limit, count=False, order_by_field="order").hits
        return self._commit.numbers([address for _, address in hits])

    def _any_field(self, stems: Sequence[str], language: str, principals: Sequence[str]) -> Query:
        fields = ("all", "ans", "notes") if _reads_all(principals) else ("all", "ans")
        return engine.any_of(_term(field, language, stem) for stem in stems for field in fields)

    def _stems(self, terms: Terms, language: str) -> list[str]:
        stem_of = engine.stemmer(language)
        return list(dict.fromkeys(stem for part in terms.parts if (stem := stem_of(part.word))))

    def restricted(
        self, query: Query, principals: Sequence[str], product: str = "", language: str = ""
    ) -> Query:
        """A query that only sees what these principals may read.

        Agents read every ticket: a filter would cost a scan and leave nothing out. Words that no
        ticket has are left out, each would cost as much as one that some have.
        """
        filters = [] if _reads_all(principals) else [self._commit.reading(tuple(principals))]
        if product:
            filters.append(Query.term_query(schema(), "product", product))
        if language:
            filters.append(Query.term_query(schema(), "language", language))
        return engine.filtered(query, filters)

    def _count_values(
        self, commit: _Commit, query: Query, principals: Sequence[str], total: int
    ) -> dict[str, dict[str, int]]:
        """How many matching tickets each product and each language has."""
        names = {"products": "product", "languages": "language"}
        written_in = commit.languages
        if len(written_in) == 1:  # nothing to count: an aggregation costs as much as the search
            del names["languages"]
        terms = {name: {"terms": {"field": field, "size": 20}} for name, field in names.items()}
        answer = commit.searcher.aggregate(self.restricted(query, principals), terms)
        counts = {
            name: {bucket["key"]: bucket["doc_count"] for bucket in answer[name]["buckets"]}
            for name in names
        }
        return {"languages": {written_in[0]: total}, **counts} if written_in else counts

    def query(self, lookup: Lookup) -> Query:
        """The words of a typed text, over the fields these principals may search."""
        terms, reads_all = lookup.terms, _reads_all(lookup.principals)
        tiers = TIERS if reads_all else TIERS_OF_CUSTOMERS
        clauses: list[Query] = []
        raising: list[Query] = []
        for language in self._commit.languages:
            matching, common = self._words(lookup, language)
            clauses += matching
            raising += common
        for part in terms.parts:
            if part.key:
                score = tiers.code if part.is_code else AMOUNT if reads_all else AMOUNT_OF_CUSTOMERS
                clauses.append(_constant("code", part.key, score))
        for key in self._begun_keys(terms, lookup.principals):
            clauses.append(_constant("code", key, AMOUNT if reads_all else AMOUNT_OF_CUSTOMERS))
        if terms.number is not None:
            clauses.append(_constant("number", str(terms.number), tiers.number))
        clauses.append(_whole_title(terms, tiers.title))
        raising += [
            _term("t", language, stem) if reads_all else _constant(f"t_{language}", stem, 1.0)
            for language in self._commit.languages
            for stem in filter(None, map(engine.stemmer(language), terms.fragments))
        ]
        return self._narrowed(engine.raised(engine.any_of(clauses), raising), terms, reads_all)

    def _words(self, lookup: Lookup, language: str) -> tuple[list[Query], list[Query]]:
        """What a ticket must have some of, and the common words that only raise it."""
        terms, reads_all = lookup.terms, _reads_all(lookup.principals)
        stem_of = engine.stemmer(language)
        asked_for = self._asked_for(terms, language, reads_all)
        part = (lambda stem: 1.0) if reads_all else _part_of_one(asked_for, language, lookup)
        worth_it = self._telling(asked_for, lookup, language)
        clauses: list[Query] = []
        common: list[Query] = []
        for stem in asked_for:
            (clauses if stem in worth_it else common).extend(
                _word(stem, language, reads_all, part(stem))
            )
        besides = {
            synonym: SYNONYM
            for phrase in terms.also
            for word in phrase
            if (synonym := stem_of(word))
        }
        for question_part in terms.parts:
            is_known = self._is_met(stem_of(question_part.word), language)
            for form in map(stem_of, question_part.forms):
                if form and self._is_met(form, language):
                    besides[form] = FORM_OF_KNOWN if is_known else 1.0
        for form, weight in besides.items():
            if form not in asked_for:
                clauses += _word(form, language, reads_all, weight * part(form))
        begun = {stem_of(word) for word in self._completions(terms, lookup.principals)}
        clauses += [
            _completion(stem, language, reads_all)
            for stem in begun
            if stem and stem not in asked_for
        ]
        nouns = {part.word for part in terms.parts if terms.is_short} & texts.SMALL_NOUNS[language]
        clauses += [_constant("pt", noun, SMALL_NOUN) for noun in sorted(nouns)]
        return clauses, common

    def _telling(self, stems: Sequence[str], lookup: Lookup, language: str) -> Collection[str]:
        """The stems that are worth a result, whatever is still being typed."""
        begun = self._begun(lookup, language)
        weights = {stem: self._weigh(lookup, language, stem) for stem in stems if stem != begun}
        rarest = max(weights.values(), default=0.0)
        worth_it = telling(weights, len(lookup.terms.keys) * rarest)
        return {*worth_it, begun} if begun else set(worth_it)

    def _begun(self, lookup: Lookup, language: str) -> str | None:
        """The stem of a word that is not finished, and none yet."""
        unfinished = lookup.terms.unfinished
        if unfinished is None or self.is_known(unfinished, lookup.principals):
            return None
        return engine.stemmer(language)(unfinished)

    def _is_met(self, stem: str | None, language: str) -> bool:
        return bool(stem and self._commit.frequency(f"all_{language}", stem))

    def _begun_keys(self, terms: Terms, principals: Sequence[str]) -> list[str]:
        """Codes that the one still being typed begins."""
        if terms.unfinished_key is None:
            return []
        return self._commit.begun_by(
            "code", terms.unfinished_key, tuple(principals), MOST_COMPLETIONS
        )

    def _narrowed(self, query: Query, terms: Terms, reads_all: bool) -> Query:
        """The query for tickets that have the phrases of a question, and nothing it excludes."""
        if not (terms.phrases or terms.excluded):
            return query
        return engine.narrowed(
            query,
            [self._phrase(phrase, reads_all) for phrase in terms.phrases],
            [
                condition
                for phrase in terms.excluded
                for condition in (
                    self._phrase(phrase, reads_all),
                    Query.term_query(schema(), "product", "-".join(phrase)),
                )
            ],
        )

    def _phrase(self, words: Sequence[str], reads_all: bool) -> Query:
        """Tickets with these words in that order; stop words are only looked for in subjects."""
        places: list[Query] = []
        for language in self._commit.languages:
            stems = [engine.stemmer(language)(word) for word in words]
            fields = PHRASED if any(stems) else ()
            places += [engine.phrase(schema(), f"{field}_{language}", stems) for field in fields]
            if reads_all and len(words) == 1 and stems[0]:
                places.append(_term("notes", language, stems[0]))
        if not places:
            places = [engine.all_of(Query.term_query(schema(), "pt", word) for word in words)]
        return engine.any_of(places)

    def _asked_for(self, terms: Terms, language: str, reads_all: bool) -> list[str]:
        """The stems of a question, each once; of a long one those that say most."""
        distinct = self._stems(terms, language)
        if len(distinct) <= MOST_TERMS or not reads_all:
            return distinct[:MOST_TERMS]
        by_weight = sorted(distinct, key=lambda stem: self.weight(stem, language), reverse=True)
        rarest = set(by_weight[:MOST_TERMS])
        return [stem for stem in distinct if stem in rarest]

    def rarity(self, stem: str, language: str) -> float:
        """The weight of a stem in a question: one that no ticket has is the rarest."""
        return self.weight(stem, language) or math.log(1 + self.searcher().num_docs)

    def weight(self, stem: str, language: str) -> float:
        """The inverse document frequency of a stem among all tickets: for agents only."""
        frequency = self._commit.frequency(f"all_{language}", stem)
        return math.log(1 + self.searcher().num_docs / frequency) if frequency else 0.0

    def count_lines(self, key: str) -> int:
        """How many tickets have a line, by its key: for agents only."""
        return self.searcher().doc_freq("lines", key)

    def _completions(self, terms: Terms, principals: Sequence[str]) -> list[str]:
        """The commonest words of subjects that the unfinished one begins, if it is none itself."""
        if terms.unfinished is None or len(terms.unfinished) < SHORTEST_COMPLETED:
            return []
        if self.is_known(terms.unfinished, principals):
            return []
        begun = self._commit.begun_by(
            "pt", terms.unfinished, tuple(principals), MOST_COMPLETIONS + 1
        )
        return [word for word in begun if word != terms.unfinished][:MOST_COMPLETIONS]

    def begins_a_word(self, prefix: str, principals: Sequence[str]) -> bool:
        """Whether a subject that these principals may read has a word beginning so."""
        return bool(self._commit.begun_by("pt", prefix, tuple(principals), 1))

    def is_known(self, word: str, principals: Sequence[str]) -> bool:
        """Whether a ticket that these principals may read has the word in some form."""
        return self._commit.has_word(word, tuple(principals))

    def subject_words(self, initial: str) -> list[tuple[str, int]]:
        """The words of all subjects beginning with a letter, with counts: for agents only."""
        terms = self.searcher().terms_with_prefix("pt", initial, limit=20_000)
        return [(term, count) for term, count in terms if len(term) > 3 and count > 1]

    def highlighter(self, terms: Terms, language: str) -> Highlighter:
        """What marks this query's words in tickets of a language."""
        stem_of = engine.stemmer(language)
        words = [word for part in terms.parts for word in (part.word, *part.forms)]
        words += [word for phrase in terms.also for word in phrase]
        stems = [stem for word in words if (stem := stem_of(word))]
        return Highlighter(
            dict.fromkeys(stems[: MOST_TERMS * 4], 1.0),
            stem_of,
            spelt=spelt(terms, stem_of),
            prefix=terms.unfinished,
        )


Ranked = list[tuple[float, int, DocAddress]]  # scores, numbers, and where they lie


def _best_first(
    commit: _Commit, query: Query, limit: int, offset: int = 0, *, count: bool = True
) -> tuple[Ranked, int]:
    """The best of a query, and how many there are if they are to be counted."""
    answer = commit.searcher.search(query, limit, count=count, offset=offset)
    numbers = commit.numbers([address for _, address in answer.hits])
    ranked = [
        (score, number, address)
        for (score, address), number in zip(answer.hits, numbers, strict=True)
    ]
    return ranked, engine.count_of(answer)


def _newest_first(commit: _Commit, query: Query, limit: int) -> tuple[Ranked, int]:
    """The best for a customer, and how many there are; all that tie with the last are compared."""
    for spare in SPARE:
        answer = commit.searcher.search(query, limit + spare, count=True, weight_by_field="day")
        hits = answer.hits
        if len(hits) < limit + spare or round(hits[-1][0], 4) < round(hits[limit - 1][0], 4):
            break
    return _by_score_and_date(commit, hits, limit), engine.count_of(answer)


def _by_score_and_date(
    commit: _Commit, hits: Sequence[tuple[float, DocAddress]], limit: int
) -> Ranked:
    """The best as (score, number, address): the day is in the score, then the newest number.

    The order must not depend on where documents lie: hidden ones would move it. Those that
    score less than the last one wanted cannot be among them, whatever their number.
    """
    if not hits:
        return []
    least = round(hits[min(limit, len(hits)) - 1][0], 4)
    scored = [(round(score, 4), address) for score, address in hits]
    best = [(score, address) for score, address in scored if score >= least]
    numbers = commit.numbers([address for _, address in best])
    ranked = [
        (score, number, address) for (score, address), number in zip(best, numbers, strict=True)
    ]
    return sorted(ranked, key=lambda hit: hit[:2], reverse=True)[:limit]


def _part_of_one(stems: Sequence[str], language: str, lookup: Lookup) -> Callable[[str], float]:
    """Which part of a question a stem is; of another word, as much as if it stood in it."""
    worth = sum(lookup.weigh(language, stem) for stem in stems)
    return lambda stem: lookup.weigh(language, stem) / worth if worth else 1.0


@lru_cache(maxsize=MOST_REMEMBERED)
def _word(stem: str, language: str, reads_all: bool, weight: float = 1.0) -> tuple[Query, ...]:
    """What a word says in each field; made once, as it stands there for many keys pressed."""
    if reads_all:
        fields = {"t": TITLE, "all": ALL, "ans": ANSWERS, "notes": NOTES}
        return tuple(
            engine.boosted(_term(field, language, stem), boost * weight)
            for field, boost in fields.items()
        )
    constant = {"t": CONSTANT_TITLE, "all": CONSTANT_ALL, "ans": CONSTANT_ALL}
    return tuple(
        Query.const_score_query(_term(field, language, stem), boost * weight)
        for field, boost in constant.items()
    )


@lru_cache(maxsize=MOST_REMEMBERED)
def _completion(stem: str, language: str, reads_all: bool) -> Query:
    """A completion in subjects alone: a keystroke is not worth a scan."""
    term = _term("t", language, stem)
    if reads_all:
        return engine.boosted(term, COMPLETION)
    return Query.const_score_query(term, CONSTANT_COMPLETION)


def _whole_title(terms: Terms, score: float) -> Query:
    """Tickets of which the question is the subject."""
    return _constant("whole", texts.whole(terms.words), score)


def _constant(field: str, term: str, score: float) -> Query:
    return Query.const_score_query(Query.term_query(schema(), field, term), score)


def _term(field: str, language: str, stem: str) -> Query:
    return Query.term_query(schema(), f"{field}_{language}", stem)


def _reads_all(principals: Sequence[str]) -> bool:
    return AGENTS in principals
