"""Tantivy, as the two indexes use it: analyzers, opening, queries, and its traps kept away.

No text of a person reaches Tantivy's query parser, which can crash the process: queries are
built from analysed tokens. Fields that identify are raw text, never u64, whose deletes delete
nothing. Documents are made by `from_dict`, which refuses a wrong type at once; a wrong type met
at commit makes every later commit void.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from tantivy import (
    DocAddress,
    Document,
    Filter,
    Index,
    Occur,
    Query,
    Schema,
    Searcher,
    TextAnalyzer,
    TextAnalyzerBuilder,
    Tokenizer,
)

from kbsearch.search.fulltext.explanation import Share
from kbsearch.search.fulltext.text import STOP_WORDS

SNOWBALL = {"fr": "french", "en": "english"}
LONGEST_WORD = 40  # bytes; longer tokens are noise, or codes, which have a field of their own


def _analyzer(tokenizer: Tokenizer, *filters: Filter) -> TextAnalyzer:
    builder = TextAnalyzerBuilder(tokenizer)
    for token_filter in filters:
        builder = builder.filter(token_filter)
    analyzer: TextAnalyzer = builder.build()
    return analyzer


def _folded() -> tuple[Filter, ...]:
    return Filter.remove_long(LONGEST_WORD), Filter.lowercase(), Filter.ascii_fold()


@lru_cache
def stemmed(language: str) -> TextAnalyzer:
    """Fold, then stop words, then stem: what hurried people type without accents still meets."""
    stop = Filter.custom_stopword(sorted(STOP_WORDS[language]))
    return _analyzer(Tokenizer.simple(), *_folded(), stop, Filter.stemmer(SNOWBALL[language]))


@lru_cache
def stemmer(language: str) -> Callable[[str], str | None]:
    """A function from a word to its stem, which remembers; None for a stop word."""
    analyzer = stemmed(language)

    @lru_cache(maxsize=50_000)
    def stem_of(word: str) -> str | None:
        """Of a folded word."""
        stems = analyzer.analyze(word)
        return stems[0] if stems else None

    return stem_of


@lru_cache
def surface() -> TextAnalyzer:
    """Folded words as written: for completion, typos, and texts of stop words only."""
    return _analyzer(Tokenizer.simple(), *_folded())


@lru_cache
def whole() -> TextAnalyzer:
    """Terms made beforehand, joined by spaces: codes, pairs of stems (`mot_pass`)."""
    return _analyzer(Tokenizer.whitespace())


def register(index: Index) -> Index:
    """Give an index its analyzers: Tantivy does not keep them with the files."""
    for language in SNOWBALL:
        index.register_tokenizer(f"stem_{language}", stemmed(language))
    index.register_tokenizer("surface", surface())
    index.register_tokenizer("whole", whole())
    return index


def create(folder: Path | None, schema: Schema) -> Index:
    """A new index in an empty folder, or in memory."""
    if folder is None:
        return register(Index(schema))
    folder.mkdir(parents=True, exist_ok=True)
    return register(Index(schema, path=str(folder)))


class Damaged(ValueError):
    """Files of an index are missing or make no sense; what Tantivy refuses is a ValueError too."""


@contextmanager
def guarded() -> Iterator[None]:
    """Make one ValueError of all that damaged files can cause.

    Some of it is a PanicException of Rust, which is no Exception and would end the process.
    """
    try:
        yield
    except OSError as problem:
        raise Damaged(str(problem)) from problem
    except BaseException as problem:
        if type(problem).__name__ == "PanicException":
            raise Damaged(str(problem)) from None
        raise


class IndexReader:
    """An index on disk, opened for reading; `searcher()` always sees the last commit."""

    def __init__(self, folder: Path) -> None:
        self._meta = folder / "meta.json"
        self.index = register(Index.open(str(folder)))
        self.index.config_reader("manual", 1)
        self._stamp = self._stamp_now()
        self._searcher = self.index.searcher()

    def _stamp_now(self) -> tuple[int, int]:
        status = os.stat(self._meta)
        return status.st_mtime_ns, status.st_ino

    @property
    def stamp(self) -> tuple[int, int]:
        """Which commit is being read: changes with it."""
        return self._stamp

    def searcher(self) -> Searcher:
        """The searcher of the last commit; a stat is all it costs while nothing changed."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self.index.reload()
            self._searcher = self.index.searcher()
            self._stamp = stamp
        return self._searcher


def count_of(answer: Any) -> int:
    """How many documents matched in all."""
    return int(answer.count or 0)


def stored_text(document: Document, field: str) -> str:
    """The stored text of a field that every document has."""
    return str(document.get_first(field))


def stored_bytes(document: Document, field: str) -> bytes:
    """The stored bytes of a field that every document has."""
    return bytes(document.get_first(field) or b"")


def any_of(queries: Iterable[Query]) -> Query:
    """Documents that satisfy at least one; scores add up."""
    return Query.boolean_query([(Occur.Should, query) for query in queries])


def all_of(queries: Iterable[Query]) -> Query:
    """Documents that satisfy every one."""
    return Query.boolean_query([(Occur.Must, query) for query in queries])


def raised(query: Query, by: Iterable[Query]) -> Query:
    """The query, with higher scores for documents that satisfy others too."""
    should = [(Occur.Should, boost) for boost in by]
    return Query.boolean_query([(Occur.Must, query), *should]) if should else query


def filtered(query: Query, filters: Sequence[Query]) -> Query:
    """The query, restricted by filters that do not change its scores."""
    if not filters:
        return query
    must = [(Occur.Must, Query.const_score_query(condition, 0.0)) for condition in filters]
    return Query.boolean_query([(Occur.Must, query), *must])


def narrowed(query: Query, must: Sequence[Query], must_not: Sequence[Query]) -> Query:
    """The query, for documents that satisfy all of some queries and none of others."""
    if not (must or must_not):
        return query
    kept = [(Occur.Must, Query.const_score_query(condition, 0.0)) for condition in must]
    left_out = [(Occur.MustNot, condition) for condition in must_not]
    return Query.boolean_query([(Occur.Must, query), *kept, *left_out])


def phrase(schema: Schema, field: str, stems: Sequence[str | None]) -> Query:
    """Documents that have these in that order; a stop word (None) may be any word."""
    places = [(place, stem) for place, stem in enumerate(stems) if stem]
    if not places:
        return Query.empty_query()
    if len(places) == 1:
        return Query.term_query(schema, field, places[0][1])
    first = places[0][0]
    return Query.phrase_query(schema, field, [(place - first, stem) for place, stem in places])


def one_of_terms(schema: Schema, field: str, values: Sequence[str]) -> Query:
    """Documents with one of these raw values; none for no value."""
    if not values:
        return Query.empty_query()
    if len(values) == 1:
        return Query.term_query(schema, field, values[0])
    if len(values) > 8:
        return Query.term_set_query(schema, field, list(values))
    return any_of(Query.term_query(schema, field, value) for value in values)


def boosted(query: Query, boost: float) -> Query:
    """The query with its score multiplied."""
    return query if boost == 1.0 else Query.boost_query(query, boost)


def open_or_create(folder: Path, schema: Schema) -> Index:
    """The index of a folder, made if it is not there."""
    return (
        register(Index.open(str(folder)))
        if (folder / "meta.json").exists()
        else create(folder, schema)
    )


MOST_REASONS = 8
# `TermQuery(Term(field=3, type=Str, "mot"))`; a term is a word or a code, and short.
_TERM = re.compile(r'field=(\d{1,4}), [^"\n]{0,60}"(.{0,400})"\)')


def explained(
    query: Query, searcher: Searcher, address: DocAddress, fields: Sequence[str]
) -> tuple[Share, ...]:
    """Which words of which fields made a document's score, the weightiest first."""
    shares: dict[tuple[str, str], float] = {}

    def walk(node: dict[str, Any], factor: float) -> None:
        for context in node.get("context", ()):
            term = _TERM.search(context)
            if term:
                name = fields[int(term[1])], term[2]
                shares[name] = shares.get(name, 0.0) + factor * node["value"]
        details = node.get("details", ())
        if len(details) == 1 and details[0]["value"]:  # a boost, or a constant score
            factor *= node["value"] / details[0]["value"]
        for detail in details:
            walk(detail, factor)

    walk(json.loads(query.explain(searcher, address).to_json()), 1.0)
    weightiest = sorted(shares.items(), key=lambda share: -share[1])[:MOST_REASONS]
    return tuple(Share(field, term, points) for (field, term), points in weightiest)


def is_met(query: Query, searcher: Searcher, address: DocAddress) -> bool:
    """Whether a document satisfies a query."""
    try:
        query.explain(searcher, address)
    except ValueError:  # the engine's way to say no
        return False
    return True
