"""The index of articles: a folder a publication, with one Tantivy index a language.

Pages are ranked whole by a plain sum over fields; the weights were measured on open sets
(`kbsearch evaluate`), where tiers by matched words, DisMax and title boosts all lost.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from tantivy import DocAddress, Index, Query, Searcher

from kbsearch.search.fulltext import confirmed, corrector
from kbsearch.search.fulltext import tantivy_engine as engine
from kbsearch.search.fulltext import text as texts
from kbsearch.search.fulltext.article_writer import (
    FIELDS,
    MARKER,
    StoredPage,
    schema,
    seal,
    stored_page,
    write,
)
from kbsearch.search.fulltext.documents import Page
from kbsearch.search.fulltext.explanation import Explanation, as_typed
from kbsearch.search.fulltext.highlight import Highlighter, Match, spelt
from kbsearch.search.fulltext.query import MOST_COMPLETIONS, MOST_TERMS, Part, Terms, understand
from kbsearch.search.fulltext.scores import (
    FEWEST_DOCUMENTS,
    LOOKED_AT,
    NEAR,
    Tiers,
    enough,
    telling,
)

TITLE, ALL, PHRASES, SURFACE, PAIRS = 1.0, 1.0, 1.0, 0.2, 0.2
AMOUNT = 20.0  # as much as a rare word
TIERS = Tiers(title=2_000.0, share=1.2)  # pairs and written forms are scored besides
COMPLETION_OF_UNKNOWN, COMPLETION_OF_KNOWN = 0.7, 0.15
SYNONYM = 0.5
FORM_OF_KNOWN = 0.2


@dataclass(frozen=True)
class PageHit:
    """A page that matches, before it is shown."""

    path: str
    score: float
    page: "StoredPage"
    explanation: Explanation | None = None
    learnt: float = 0.0  # how much people confirmed it for words like these


@dataclass(frozen=True)
class Excerpt:
    """The best passage of a page for a query, with its snippet."""

    anchor: str
    title: str
    snippet: str


@dataclass(frozen=True)
class PageLookup:
    """What is looked for among pages, by whom, and how many of them after how many.

    `votes` say for which pages words like these were confirmed; the scores are `explained` as those
    of a question.
    """

    query: Query
    principals: Sequence[str]
    limit: int
    offset: int = 0
    product: str = ""
    explained: Terms | None = None
    votes: Mapping[str, float] = field(default_factory=dict)


class ArticleIndex:
    """The articles of one language, at one publication."""

    def __init__(self, index: Index, language: str) -> None:
        self.language = language
        self._index = index
        self.schema = schema(language)
        self.searcher: Searcher = index.searcher()
        self._analyzer = engine.stemmed(language)
        readers = self.searcher.terms_with_prefix("readers", "", limit=100_000)
        self._readers = frozenset(word for word, _ in readers)
        self._reading = lru_cache(maxsize=1_000)(self._read_by)
        self._has_products = bool(self.searcher.terms_with_prefix("products", "", limit=1))
        self._stem = engine.stemmer(language)
        self._word = lru_cache(maxsize=20_000)(self._clauses_of)
        self._stored = lru_cache(maxsize=1_000)(self._stored_at)
        self._path = lru_cache(maxsize=100_000)(self._path_at)
        self._known = lru_cache(maxsize=20_000)(self._has_word)
        self._begun_by = lru_cache(maxsize=20_000)(self._words_begun_by)
        self.rarity = lru_cache(maxsize=50_000)(self._rarity)

    @property
    def count(self) -> int:
        return int(self.searcher.num_docs)

    def search(self, lookup: PageLookup) -> tuple[list[PageHit], int]:
        """The pages a viewer's principals may read, best first, and how many there are."""
        votes, limit, offset = lookup.votes, lookup.limit, lookup.offset
        is_voted = bool(votes) and offset < confirmed.DEPTH
        depth, skipped = (max(confirmed.DEPTH, offset + limit), 0) if is_voted else (limit, offset)
        readable = self.restricted(lookup.query, lookup.principals, lookup.product)
        answer = self.searcher.search(readable, depth, count=True, offset=skipped)
        hits = answer.hits
        if is_voted:
            hits = self._by_votes(hits, votes)[offset : offset + limit]
        pages = []
        for score, address in hits:
            path, page = self._stored(address.segment_ord, address.doc)
            terms = lookup.explained
            why = self._explained(terms, lookup.query, score, address) if terms else None
            pages.append(PageHit(path, score, page, why, votes.get(path, 0.0)))
        return pages, engine.count_of(answer)

    def _by_votes(
        self, hits: Sequence[tuple[float, DocAddress]], votes: Mapping[str, float]
    ) -> list[tuple[float, DocAddress]]:
        first, rest = hits[: confirmed.DEPTH], hits[confirmed.DEPTH :]
        paths = [self._path(address.segment_ord, address.doc) for _, address in first]
        order = confirmed.reordered([score for score, _ in first], paths, votes, TIERS.title)
        return [*((score, first[place][1]) for place, score in order), *rest]

    def is_near(self, terms: Terms, pages: Sequence[PageHit]) -> bool:
        """Whether one of the first pages of a question has enough of it to be an answer."""
        if not pages or self.count < FEWEST_DOCUMENTS:
            return True
        first, worth = pages[:LOOKED_AT], self.worth(terms)
        if any(p.learnt or TIERS.comparable(p.score, worth) >= NEAR for p in first):
            return True
        weights = self._weights(terms)
        words = len(weights) + len(terms.keys)
        if words <= 1:
            return True
        paths = [page.path for page in first]
        has_some = engine.any_of(self._parts(terms, weights))
        these = [engine.one_of_terms(self.schema, "path", paths)]
        hits = self.searcher.search(engine.filtered(has_some, these), 1, count=False).hits
        return bool(hits) and hits[0][0] >= enough(words) * (worth or 1.0)

    def _parts(self, terms: Terms, weights: Mapping[str, float]) -> Iterator[Query]:
        """What each word of a question weighs, for the pages that have it in any form."""
        for part in terms.parts:
            stem = self._stem(part.word)
            if stem and stem in weights:
                forms = self._stems_in((part.word, *part.forms))
                places = (self._term(field, form, 1.0) for form in forms for field in ("all", "e"))
                yield Query.const_score_query(engine.any_of(places), weights[stem])
        for phrase in terms.also:
            synonym = engine.all_of(self._term("all", s, 1.0) for s in self._stems_in(phrase))
            yield Query.const_score_query(synonym, min(weights.values(), default=1.0))

    def _explained(
        self, terms: Terms, query: Query, score: float, address: DocAddress
    ) -> Explanation:
        shares = engine.explained(query, self.searcher, address, FIELDS)
        return Explanation(
            as_typed(shares, {self._stem(part.word) or "": part.word for part in terms.parts}),
            tuple(
                part.key
                for part in terms.parts
                if part.key and engine.is_met(self._key(part), self.searcher, address)
            ),
            is_whole_title=engine.is_met(self._whole(terms), self.searcher, address),
            points=score % TIERS.title,
            worth=self.worth(terms),
        )

    def votes(self, terms: Terms, wordings: "confirmed.Wordings") -> Mapping[str, float]:
        """What was confirmed for words like these, the one still being typed left out."""
        stems = set(self._stems(terms))
        unfinished = self._stem(terms.unfinished) if terms.unfinished else None
        if unfinished and not self.weight(unfinished):
            stems.discard(unfinished)
        return wordings.votes(stems, self.rarity)

    def _rarity(self, stem: str) -> float:
        """The weight of a stem where texts are compared: one no page has is the rarest."""
        return self.weight(stem) or self._rarest_weight

    def count_found(self, terms: Terms, principals: Sequence[str], product: str = "") -> int:
        """How many pages `search` would find, asked of the fields that hold all the others."""
        matching = engine.any_of(self._matching(terms, principals, self._mentions))
        query = self._narrowed(matching, terms)
        answer = self.searcher.search(self.restricted(query, principals, product), 1, count=True)
        return engine.count_of(answer)

    def has(self, path: str) -> bool:
        """Whether a page is in the index, whoever may read it."""
        return bool(self.searcher.doc_freq("path", path))

    def _stored_at(self, segment: int, document: int) -> tuple[str, StoredPage]:
        """The page at an address; an index of articles never changes."""
        doc = self.searcher.doc(DocAddress(segment, document))
        page = stored_page(engine.stored_bytes(doc, "page"))
        return engine.stored_text(doc, "path"), page

    def _path_at(self, segment: int, document: int) -> str:
        return self._stored(segment, document)[0]

    def restricted(self, query: Query, principals: Sequence[str], product: str = "") -> Query:
        """A query that only sees what these principals may read; one no page has is left out."""
        filters = [self._reading(tuple(principals))]
        if product:
            filters.append(Query.term_query(self.schema, "products", product))
        return engine.filtered(query, filters)

    def _read_by(self, principals: tuple[str, ...]) -> Query:
        readers = [principal for principal in principals if principal in self._readers]
        return engine.one_of_terms(self.schema, "readers", readers)

    def count_products(self, query: Query, principals: Sequence[str]) -> dict[str, int]:
        """How many matching pages each product has."""
        if not self._has_products:
            return {}
        answer = self.searcher.aggregate(
            self.restricted(query, principals), {"p": {"terms": {"field": "products", "size": 20}}}
        )
        return {bucket["key"]: bucket["doc_count"] for bucket in answer["p"]["buckets"]}

    def query(self, terms: Terms, principals: Sequence[str]) -> Query:
        """The ranking: a sum over the question's words of what each field says.

        Pages match by the words themselves; written forms and pairs only raise them.
        """
        matching = self._matching(terms, principals, self._word)
        return self._narrowed(engine.raised(engine.any_of(matching), self._raising(terms)), terms)

    def _matching(
        self,
        terms: Terms,
        principals: Sequence[str],
        clauses_of: Callable[..., tuple[Query, ...]],
    ) -> list[Query]:
        """What a page must have some of; `clauses_of` says where a word is looked for."""
        stems = self._stems(terms)
        clauses = [clause for stem in self._telling(terms) for clause in clauses_of(stem)]
        seen = set(stems)
        for stem, weight in self._besides(terms, principals).items():
            if stem not in seen:
                clauses += clauses_of(stem, weight)
        clauses += [self._term("pt", word, TITLE + ALL) for word in self._small_nouns(terms)]
        if not stems:
            clauses.append(engine.all_of(self._term("x", word, SURFACE) for word in terms.words))
            clauses += [self._term("pt", part.word, TITLE) for part in terms.parts if part.word]
        clauses += [self._key(part) for part in terms.parts if part.key]
        clauses += self._begun_keys(terms, principals)
        clauses.append(self._whole(terms))
        return clauses

    def _raising(self, terms: Terms) -> list[Query]:
        stems = self._stems(terms)
        common = set(stems).difference(self._telling(terms))
        words = dict.fromkeys(part.word for part in terms.parts if self._stem(part.word))
        clauses = [clause for stem in stems if stem in common for clause in self._word(stem)]
        clauses += [self._term("x", word, SURFACE) for word in list(words)[:MOST_TERMS]]
        for pair in dict.fromkeys(zip(stems, stems[1:], strict=False)):
            clauses.append(self._term("bg", "_".join(pair), PAIRS))
        clauses += [self._term("t", stem, TITLE) for stem in self._stems_in(terms.fragments)]
        return clauses

    def _besides(self, terms: Terms, principals: Sequence[str]) -> dict[str, float]:
        """Stems looked for besides those of the words: other forms, completions, synonyms.

        Where both forms are known, the other one says little that the word does not say.
        """
        besides = {stem: SYNONYM for phrase in terms.also for stem in self._stems_in(phrase)}
        besides |= self.completions(terms, principals)
        for part in terms.parts:
            for stem in filter(self.weight, self._stems_in(part.forms)):
                is_known = self.weight(self._stem(part.word) or "")
                besides[stem] = FORM_OF_KNOWN if is_known else 1.0
        return besides

    def _stems_in(self, words: Iterable[str]) -> list[str]:
        return [stem for word in words if (stem := self._stem(word))]

    def _stems(self, terms: Terms) -> list[str]:
        """The stems of a question in order, each once; of a long one, those that say most."""
        return self._rarest(self._stems_in(part.word for part in terms.parts))

    def _telling(self, terms: Terms) -> list[str]:
        """The stems that are worth a result, whatever is still being typed."""
        weights = self._weights(terms)
        begun = [stem for stem in self._stems(terms) if stem not in weights]
        return telling(weights, len(terms.keys) * self._rarest_weight) + begun

    def _weights(self, terms: Terms) -> dict[str, float]:
        """What each word weighs, but for one that is not finished and nothing yet."""
        unfinished = self._stem(terms.unfinished) if terms.unfinished else None
        return {
            stem: self.rarity(stem)
            for stem in self._stems(terms)
            if stem != unfinished or self.weight(stem)
        }

    @property
    def _rarest_weight(self) -> float:
        return math.log(1 + self.searcher.num_docs)

    def _small_nouns(self, terms: Terms) -> list[str]:
        """Stop words of a question that may be what a title is about."""
        nouns = texts.SMALL_NOUNS[self.language] if terms.is_short else frozenset()
        return list(dict.fromkeys(part.word for part in terms.parts if part.word in nouns))

    def _narrowed(self, query: Query, terms: Terms) -> Query:
        """The query for pages that have the phrases of a question, and nothing it excludes."""
        if not (terms.phrases or terms.excluded):
            return query
        return engine.narrowed(
            query,
            [self._phrase(phrase) for phrase in terms.phrases],
            [
                condition
                for phrase in terms.excluded
                for condition in (
                    self._phrase(phrase),
                    Query.term_query(self.schema, "products", "-".join(phrase)),
                )
            ],
        )

    def _phrase(self, words: Sequence[str]) -> Query:
        """Pages with these words in that order; those of stop words have them all."""
        stems = [self._stem(word) for word in words]
        if not any(stems):
            return engine.all_of(self._term("x", word, 1.0) for word in words)
        everywhere = engine.phrase(self.schema, "all", stems)
        return engine.any_of(
            [everywhere, *(self._term("e", s, 1.0) for s in stems if len(stems) == 1 and s)]
        )

    def _term(self, field: str, term: str, boost: float) -> Query:
        return engine.boosted(Query.term_query(self.schema, field, term), boost)

    def _clauses_of(self, stem: str, weight: float = 1.0) -> tuple[Query, ...]:
        """What a word says in each field; made once, as it stands there for many keys pressed."""
        return (
            self._term("t", stem, TITLE * weight),
            self._term("all", stem, ALL * weight),
            self._term("e", stem, PHRASES * weight),
        )

    def _mentions(self, stem: str, weight: float = 1.0) -> tuple[Query, ...]:
        """Where a word is found if it is found at all: titles are part of `all`."""
        return self._word(stem, weight)[1:]

    def _key(self, part: Part) -> Query:
        score = TIERS.code if part.is_code else AMOUNT
        return Query.const_score_query(Query.term_query(self.schema, "code", part.key), score)

    def _begun_keys(self, terms: Terms, principals: Sequence[str]) -> list[Query]:
        """Codes that the one still being typed begins."""
        if terms.unfinished_key is None:
            return []
        begun = self.searcher.terms_with_prefix(
            "code",
            terms.unfinished_key,
            filter_query=self._reading(tuple(principals)),
            limit=MOST_COMPLETIONS,
        )
        terms_begun = (Query.term_query(self.schema, "code", key) for key, _ in begun)
        return [Query.const_score_query(term, AMOUNT) for term in terms_begun]

    def _whole(self, terms: Terms) -> Query:
        """Pages of which the question is the title."""
        title = Query.term_query(self.schema, "whole", texts.whole(terms.words))
        return Query.const_score_query(title, TIERS.title)

    def worth(self, terms: Terms) -> float:
        """What all the words of a question weigh here."""
        keys = len(terms.keys) * self._rarest_weight
        return sum(map(self.rarity, self._stems(terms))) + keys

    def _rarest(self, stems: Sequence[str]) -> list[str]:
        """The stems of a query in order, each once; of a long one, those that say most."""
        distinct = list(dict.fromkeys(stems))
        if len(distinct) <= MOST_TERMS:
            return distinct
        by_weight = sorted(distinct, key=self.weight, reverse=True)[:MOST_TERMS]
        return [stem for stem in distinct if stem in set(by_weight)]

    def weight(self, stem: str) -> float:
        """The inverse document frequency of a stem; 0 when no page has it."""
        frequency = self.searcher.doc_freq("all", stem)
        return math.log(1 + self.searcher.num_docs / frequency) if frequency else 0.0

    def completions(self, terms: Terms, principals: Sequence[str]) -> dict[str, float]:
        """Stems of the commonest words that the unfinished one begins, and their weight."""
        if terms.unfinished is None:
            return {}
        is_known = self.is_known(terms.unfinished, principals)
        weight = COMPLETION_OF_KNOWN if is_known else COMPLETION_OF_UNKNOWN
        return {
            stem: weight
            for word in self._begun_by(terms.unfinished, tuple(principals))
            for stem in self._analyzer.analyze(word)
        }

    def begins_a_word(self, prefix: str, principals: Sequence[str]) -> bool:
        """Whether a page that these principals may read has a word beginning so."""
        return bool(self._begun_by(prefix, tuple(principals)))

    def _words_begun_by(self, prefix: str, principals: tuple[str, ...]) -> list[str]:
        readable = engine.one_of_terms(self.schema, "readers", principals)
        for name in ("pt", "x"):
            terms = self.searcher.terms_with_prefix(
                name, prefix, filter_query=readable, limit=MOST_COMPLETIONS + 1
            )
            longer = [term for term, _ in terms if term != prefix][:MOST_COMPLETIONS]
            if longer:
                return longer
        return []

    def is_known(self, word: str, principals: Sequence[str]) -> bool:
        """Whether a page that these principals may read has this word, or another form of it."""
        return self._known(word, tuple(principals))

    def _has_word(self, word: str, principals: tuple[str, ...]) -> bool:
        for name, term in (("x", word), ("all", self._stem(word))):
            if term and self.searcher.doc_freq(name, term):
                query = self.restricted(Query.term_query(self.schema, name, term), principals)
                if self.searcher.search(query, 1, count=False).hits:
                    return True
        return False

    def goes_with(self, words: Sequence[str], unknown: str, candidate: str) -> int:
        """In how many pages a word stands beside the neighbours of the unknown one it replaces."""
        text = " ".join(candidate if word == unknown else word for word in words)
        stems = self._analyzer.analyze(text)
        stem = self._stem(candidate)
        pairs = {pair for pair in zip(stems, stems[1:], strict=False) if stem in pair}
        return sum(self.searcher.doc_freq("bg", "_".join(pair)) for pair in pairs)

    def highlighter(self, terms: Terms, principals: Sequence[str]) -> Highlighter:
        """What marks this query's words in pages of this language."""
        stems = self._stems_in(part.word for part in terms.parts)[: MOST_TERMS * 4]
        weights = {stem: 0.1 + self.weight(stem) for stem in stems}
        for stem in self._besides(replace(terms, unfinished=None), principals):
            weights.setdefault(stem, 0.5)
        prefix = terms.unfinished if self.completions(terms, principals) else None
        return Highlighter(weights, self._stem, spelt=spelt(terms, self._stem), prefix=prefix)

    def excerpt(self, hit: PageHit, highlighter: Highlighter) -> Excerpt:
        """Where a page answers best, and a snippet of it."""
        page = hit.page
        matches = highlighter.matches(page.flat_body)
        best, inside = _best_passage(page, matches, highlighter)
        if not inside or best is None:
            return Excerpt("", "", str(highlighter.snippet(page.summary or page.body[:400], [])))
        start, begins, anchor, title = page.starts[best]
        end = page.starts[best + 1][0] if best + 1 < len(page.starts) else len(page.body)
        in_words = [match for match in inside if match.start >= begins]
        snippet = highlighter.snippet(page.body[begins:end], in_words, offset=begins)
        return Excerpt(anchor, title, str(snippet))


def _best_passage(
    page: StoredPage, matches: Sequence[Match], highlighter: Highlighter
) -> tuple[int | None, list[Match]]:
    """The passage that covers most of the query, the first of equals, and its matches."""
    inside: dict[int, list[Match]] = {}
    position = 0
    for match in matches:
        while position + 1 < len(page.starts) and page.starts[position + 1][0] <= match.start:
            position += 1
        inside.setdefault(position, []).append(match)
    if not inside:
        return None, []

    def worth(position: int) -> float:
        return highlighter.score(inside[position]) + 0.01 * len(inside[position])

    best = max(inside, key=worth)
    return best, inside[best]


class Articles:
    """An index generation: its articles by language, and the synonyms published with them."""

    def __init__(self, folder: Path) -> None:
        if json.loads((folder / MARKER).read_text(encoding="utf-8")) != seal(folder):
            raise ValueError(f"{folder.name} is of another schema, or damaged")
        self.folder = folder
        self.synonyms = texts.synonyms_of((folder / "synonyms.txt").read_text(encoding="utf-8"))
        self._words: dict[str, list[corrector.Word]] = {}
        self._correctors: dict[tuple[str, tuple[bool, ...]], corrector.Corrector] = {}
        self.by_language = {
            language: ArticleIndex(engine.IndexReader(folder / language).index, language)
            for language in engine.SNOWBALL
        }

    @property
    def count(self) -> int:
        """How many articles it holds, in all languages."""
        return sum(index.count for index in self.by_language.values())

    def has(self, path: str) -> bool:
        """Whether a page is in the index of its language."""
        index = self.by_language.get(path.partition("/")[0])
        return index is not None and index.has(path)

    def top(self, language: str, phrase: str, limit: int = 3, reader: str = "agents") -> list[str]:
        """The paths of the first pages for a phrase, as staff (who read them all) would see it."""
        return _top(self.by_language[language], self.synonyms, phrase, limit, reader)

    def corrector(self, language: str, principals: Sequence[str]) -> corrector.Corrector:
        """What corrects words of a language for viewers with these principals."""
        kind = tuple(name in principals for name in ("customers", "agents", "writers"))
        if (language, kind) not in self._correctors:
            if language not in self._words:
                self._words[language] = corrector.read_words(self.folder / language)
            self._correctors[language, kind] = corrector.Corrector(
                self._words[language], principals
            )
        return self._correctors[language, kind]


class TrialIndex:
    """Pages that are not live yet, in memory: what would a phrase find?"""

    def __init__(self, pages: Iterable[Page], synonyms: str = "") -> None:
        self._synonyms = texts.synonyms_of(synonyms)
        self._indexes: dict[str, ArticleIndex] = {}
        by_language: dict[str, list[Page]] = {}
        for page in pages:
            by_language.setdefault(page.language, []).append(page)
        for language, own in by_language.items():
            index = engine.create(None, schema(language))
            write(index, language, own)
            self._indexes[language] = ArticleIndex(index, language)

    def top(self, language: str, phrase: str, limit: int = 3, reader: str = "agents") -> list[str]:
        """The paths of the first pages for a phrase, as staff (who read them all) would see it."""
        index = self._indexes.get(language)
        if index is None:
            return []
        return _top(index, self._synonyms, phrase, limit, reader)


def _top(
    index: ArticleIndex, synonyms: texts.Synonyms, phrase: str, limit: int, reader: str
) -> list[str]:
    query = index.query(understand(phrase, synonyms), (reader,))
    return [hit.path for hit in index.search(PageLookup(query, (reader,), limit))[0]]
