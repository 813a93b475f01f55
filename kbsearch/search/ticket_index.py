"""Searching tickets, as the words of one viewer may.

Agents get full BM25. A customer's ranking uses nothing that tickets hidden from him could move:
constant scores by field, then the date; statistics of a shared index leak what they count.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tantivy import DocAddress, Query, Searcher

from kbsearch.access import AGENTS
from kbsearch.search import tantivy_engine as engine
from kbsearch.search import text as texts
from kbsearch.search.highlight import Highlighter
from kbsearch.search.query import MOST_COMPLETIONS, MOST_TERMS
from kbsearch.search.query import Query as Asked
from kbsearch.search.ticket_writer import FIELDS, StoredCase, revision_of, schema, stored_case

TITLE, ALL, ANSWERS, NOTES = 1.0, 1.0, 0.5, 0.3
CODE = 1_000.0
COMPLETION = 0.7
SHORTEST_COMPLETED = 3  # letters; two begin the subject of nearly every ticket
SYNONYM = 0.5
MOST_REMEMBERED = 20_000
CONSTANT_TITLE, CONSTANT_ALL, CONSTANT_COMPLETION = 2.0, 1.0, 1.0
MOST_CONSTANT = 100  # hits of a customer compared by score and date before the first are shown
DEEPEST = 1_000  # the same for later pages


@dataclass(frozen=True)
class Found:
    """A ticket that matches, before it is confirmed against the database and shown."""

    number: int
    score: float
    case: StoredCase
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """Tickets that match, how many in all, and how many of each product and language."""

    found: list[Found]
    total: int
    products: Mapping[str, int]
    languages: Mapping[str, int]


class TicketIndex:
    """The tickets, as one viewer's words may search them."""

    def __init__(self, folder: Path) -> None:
        self._reader = engine.Reader(folder)
        self._memory: tuple[Searcher, dict[tuple[str, str, Sequence[str]], bool]] | None = None
        self._stem = {language: engine.stemmer(language) for language in engine.SNOWBALL}

    def searcher(self) -> Searcher:
        """The searcher of the last commit."""
        return self._reader.searcher()

    @property
    def revision(self) -> int:
        """How far the index has come; read each time, it also shows that the files are whole."""
        return revision_of(self.searcher())

    @property
    def count(self) -> int:
        """How many tickets it holds."""
        return max(0, self.searcher().num_docs - 1)

    def search(
        self,
        asked: Asked,
        words: Sequence[str],
        limit: int,
        *,
        confirm: Callable[[Iterable[int]], set[int]],
        is_current: bool,
        offset: int = 0,
        product: str = "",
        language: str = "",
        explain: bool = False,
    ) -> "Answer":
        """The tickets these words may read, best first, each confirmed by its number.

        While the index is not current, all of a customer's tickets are confirmed before they are
        counted, so that nothing of one he may no longer see remains, not even in a count.
        """
        query = self.query(asked, words)
        restricted = self.restricted(query, words, product, language)
        searcher = self.searcher()  # one throughout: addresses are of its commit only
        if not _reads_all(words):
            if not is_current:
                mine = self.restricted(query, words)
                return self._confirmed_answer(
                    searcher, mine, confirm, slice(offset, offset + limit), product, language
                )
            depth = MOST_CONSTANT if offset + limit <= MOST_CONSTANT // 2 else DEEPEST
            answer = searcher.search(restricted, depth, count=True, weight_by_field="day")
            ranked = _by_score_and_date(searcher, answer.hits)[offset:][:limit]
            confirmed = confirm(number for _, number, _ in ranked)
            kept = [each for each in ranked if each[1] in confirmed]
            total = engine.count_of(answer) - (len(ranked) - len(kept))
            return Answer(
                [found_at(searcher, score, address) for score, _, address in kept],
                total,
                **self._count_values(searcher, query, words, total),
            )
        answer = searcher.search(restricted, limit, count=True, offset=offset)
        found = [found_at(searcher, score, address) for score, address in answer.hits]
        if explain:
            found = [
                replace(each, reasons=engine.explained(query, searcher, address, FIELDS))
                for each, (_, address) in zip(found, answer.hits, strict=True)
            ]
        confirmed = confirm(each.number for each in found)
        shown = [each for each in found if each.number in confirmed]
        total = engine.count_of(answer) - (len(found) - len(shown))
        return Answer(shown, total, **self._count_values(searcher, query, words, total))

    def _confirmed_answer(
        self,
        searcher: Searcher,
        mine: Query,
        confirm: Callable[[Iterable[int]], set[int]],
        page: slice,
        product: str,
        language: str,
    ) -> "Answer":
        """The same from an index that lags behind: filtered and counted after confirming all."""
        answer = searcher.search(mine, DEEPEST, count=False, weight_by_field="day")
        ranked = _by_score_and_date(searcher, answer.hits)
        confirmed = confirm(number for _, number, _ in ranked)
        found = [
            found_at(searcher, score, address)
            for score, number, address in ranked
            if number in confirmed
        ]
        kept = [
            each
            for each in found
            if product in ("", each.case.product) and language in ("", each.case.language)
        ]
        return Answer(
            kept[page],
            len(kept),
            Counter(each.case.product for each in found),
            Counter(each.case.language for each in found),
        )

    def having_all(self, asked: Asked, words: Sequence[str], limit: int) -> list[int]:
        """The numbers of tickets that have every word of a text, the last one perhaps unfinished.

        For lists, where each word typed narrows; the newest come first.
        """
        completions = self._completions(asked, words)
        queries = []
        for language in self._languages():
            must = [self._any_field(stem, language, words) for stem in self._stems(asked, language)]
            if must and completions:
                begun = {stem for word in completions for stem in self._analyze(word, language)}
                must[-1] = engine.any_of(
                    [must[-1], *(_term("t", language, stem) for stem in begun)]
                )
            if must:
                queries.append(engine.all_of(must))
        if not queries:
            return []
        searcher = self.searcher()
        query = self.restricted(engine.any_of(queries), words)
        hits = searcher.search(query, limit, count=False, order_by_field="order").hits
        numbers = searcher.fast_field_values("order", [address for _, address in hits])
        return [int(number or 0) for number in numbers]

    def _any_field(self, stem: str, language: str, words: Sequence[str]) -> Query:
        fields = ("all", "ans", "notes") if _reads_all(words) else ("all", "ans")
        return engine.any_of(_term(field, language, stem) for field in fields)

    def _stems(self, asked: Asked, language: str) -> list[str]:
        return list(dict.fromkeys(self._analyze(asked.text, language)))[:MOST_TERMS]

    def _analyze(self, text: str, language: str) -> list[str]:
        stems: list[str] = engine.stemmed(language).analyze(text)
        return stems

    def restricted(
        self, query: Query, words: Sequence[str], product: str = "", language: str = ""
    ) -> Query:
        """A query that only sees what these words may read.

        Agents read every ticket: a filter would cost a scan and leave nothing out. Words that no
        ticket has are left out, each would cost as much as one that some have.
        """
        filters = []
        if not _reads_all(words):
            searcher = self.searcher()
            readers = [word for word in words if searcher.doc_freq("readers", word)]
            filters.append(engine.one_of_terms(schema(), "readers", readers))
        if product:
            filters.append(Query.term_query(schema(), "product", product))
        if language:
            filters.append(Query.term_query(schema(), "language", language))
        return engine.filtered(query, filters)

    def _count_values(
        self, searcher: Searcher, query: Query, words: Sequence[str], total: int
    ) -> dict[str, dict[str, int]]:
        """How many matching tickets each product and each language has."""
        names = {"products": "product", "languages": "language"}
        written_in = self._languages()
        if len(written_in) == 1:  # nothing to count: an aggregation costs as much as the search
            del names["languages"]
        terms = {name: {"terms": {"field": field, "size": 20}} for name, field in names.items()}
        answer = searcher.aggregate(self.restricted(query, words), terms)
        counts = {
            name: {bucket["key"]: bucket["doc_count"] for bucket in answer[name]["buckets"]}
            for name in names
        }
        return {"languages": {written_in[0]: total}, **counts} if written_in else counts

    def query(self, asked: Asked, words: Sequence[str]) -> Query:
        """The words of a typed text, over the fields these words may search."""
        reads_all = _reads_all(words)
        completions = self._completions(asked, words)
        clauses: list[Query] = []
        for language in self._languages():
            analyze = engine.stemmed(language).analyze
            asked_for = self._rarest(analyze(asked.text), language, reads_all)
            for stem in asked_for:
                clauses += self._word(stem, language, reads_all)
            for stem in {stem for other in asked.also for stem in analyze(" ".join(other))}:
                if stem not in asked_for:
                    clauses += self._word(stem, language, reads_all, SYNONYM)
            for stem in {stem for word in completions for stem in analyze(word)}:
                if stem not in asked_for:  # in subjects alone: a keystroke is not worth a scan
                    term = _term("t", language, stem)
                    clauses.append(
                        engine.boosted(term, COMPLETION)
                        if reads_all
                        else Query.const_score_query(term, CONSTANT_COMPLETION)
                    )
        for code in texts.codes_of(asked.text)[:MOST_TERMS]:
            term = Query.term_query(schema(), "code", code)
            clauses.append(Query.const_score_query(term, CODE))
        return engine.any_of(clauses) if clauses else Query.empty_query()

    def _word(self, stem: str, language: str, reads_all: bool, weight: float = 1.0) -> list[Query]:
        if reads_all:
            fields = {"t": TITLE, "all": ALL, "ans": ANSWERS, "notes": NOTES}
            return [
                engine.boosted(_term(field, language, stem), boost * weight)
                for field, boost in fields.items()
            ]
        constant = {"t": CONSTANT_TITLE, "all": CONSTANT_ALL, "ans": CONSTANT_ALL}
        return [
            Query.const_score_query(_term(field, language, stem), boost * weight)
            for field, boost in constant.items()
        ]

    def _rarest(self, stems: Sequence[str], language: str, reads_all: bool) -> list[str]:
        distinct = list(dict.fromkeys(stems))
        if len(distinct) <= MOST_TERMS or not reads_all:
            return distinct[:MOST_TERMS]
        by_weight = sorted(distinct, key=lambda stem: self.weight(stem, language), reverse=True)
        kept = set(by_weight[:MOST_TERMS])
        return [stem for stem in distinct if stem in kept]

    def weight(self, stem: str, language: str) -> float:
        """The inverse document frequency of a stem among all tickets: for agents only."""
        searcher = self.searcher()
        frequency = searcher.doc_freq(f"all_{language}", stem)
        return math.log(1 + searcher.num_docs / frequency) if frequency else 0.0

    def _languages(self) -> list[str]:
        """The languages that tickets are written in."""
        searcher = self.searcher()
        return [each for each in engine.SNOWBALL if searcher.doc_freq("language", each)]

    def _completions(self, asked: Asked, words: Sequence[str]) -> list[str]:
        """The commonest words of subjects that the unfinished one begins, if it is none itself."""
        if asked.unfinished is None or len(asked.unfinished) < SHORTEST_COMPLETED:
            return []
        if self.is_known(asked.unfinished, words):
            return []
        mine = None if _reads_all(words) else engine.one_of_terms(schema(), "readers", words)
        begun = self.searcher().terms_with_prefix(
            "pt", asked.unfinished, filter_query=mine, limit=MOST_COMPLETIONS + 1
        )
        return [word for word, _ in begun if word != asked.unfinished][:MOST_COMPLETIONS]

    def begins_a_word(self, prefix: str, words: Sequence[str]) -> bool:
        """Whether a subject that these words may read has a word beginning so."""
        return self._remembered("begins", prefix, words, self._begins)

    def _begins(self, prefix: str, words: Sequence[str]) -> bool:
        mine = None if _reads_all(words) else engine.one_of_terms(schema(), "readers", words)
        return bool(self.searcher().terms_with_prefix("pt", prefix, filter_query=mine, limit=1))

    def is_known(self, word: str, words: Sequence[str]) -> bool:
        """Whether a ticket that these words may read has the word in some form."""
        return self._remembered("known", word, words, self._has_word)

    def _has_word(self, word: str, words: Sequence[str]) -> bool:
        searcher = self.searcher()
        for language in self._languages():
            stem = self._stem[language](word)
            if stem and searcher.doc_freq(f"all_{language}", stem):
                query = self.restricted(_term("all", language, stem), words)
                if _reads_all(words) or searcher.search(query, 1, count=False).hits:
                    return True
        return False

    def _remembered(
        self, name: str, word: str, words: Sequence[str], look: Callable[[str, Sequence[str]], bool]
    ) -> bool:
        """The words before the one being typed are asked for again at every keystroke."""
        searcher = self.searcher()
        memory = self._memory
        if memory is None or memory[0] is not searcher or len(memory[1]) > MOST_REMEMBERED:
            memory = self._memory = searcher, {}
        key = name, word, words
        if key not in memory[1]:
            memory[1][key] = look(word, words)
        return memory[1][key]

    def subject_words(self, initial: str) -> list[tuple[str, int]]:
        """The words of all subjects beginning with a letter, with counts: for agents only."""
        terms = self.searcher().terms_with_prefix("pt", initial, limit=20_000)
        return [(term, count) for term, count in terms if len(term) > 3 and count > 1]

    def highlighters(self, asked: Asked) -> dict[str, Highlighter]:
        """What marks this query's words, by the language of the ticket."""
        others = " ".join(word for other in asked.also for word in other)
        made = {}
        for language, stem_of in self._stem.items():
            stems = engine.stemmed(language).analyze(f"{asked.text}\n{others}")[: MOST_TERMS * 4]
            made[language] = Highlighter(
                dict.fromkeys(stems, 1.0),
                stem_of,
                codes=texts.codes_of(asked.text)[:MOST_TERMS],
                prefix=asked.unfinished,
            )
        return made


def found_at(searcher: Searcher, score: float, address: DocAddress) -> Found:
    """The ticket at an address, which is of this searcher alone."""
    document = searcher.doc(address)
    case = stored_case(engine.stored_bytes(document, "case"))
    return Found(int(engine.stored_text(document, "number")), score, case)


def _by_score_and_date(
    searcher: Searcher, hits: Sequence[tuple[float, DocAddress]]
) -> list[tuple[float, int, DocAddress]]:
    """(score, number, address), best first: the day is in the score, then the newest number.

    The order must not depend on where documents lie: hidden ones would move it.
    """
    if not hits:
        return []
    numbers = searcher.fast_field_values("order", [address for _, address in hits])
    ranked = [
        (round(score, 4), int(number or 0), address)
        for (score, address), number in zip(hits, numbers, strict=True)
    ]
    return sorted(ranked, key=lambda hit: hit[:2], reverse=True)


def _term(field: str, language: str, stem: str) -> Query:
    return Query.term_query(schema(), f"{field}_{language}", stem)


def _reads_all(words: Sequence[str]) -> bool:
    return AGENTS in words
