"""Tantivy, the engine in service: analyzers, indexes and plans, and its traps kept away.

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
    FieldType,
    Filter,
    Index,
    IndexWriter,
    Occur,
    Query,
    Schema,
    SchemaBuilder,
    Searcher,
    TextAnalyzer,
    TextAnalyzerBuilder,
    Tokenizer,
)

from kbsearch import tracing
from kbsearch.search.fulltext import plan as plans
from kbsearch.search.fulltext.explanation import ScoreShare
from kbsearch.search.fulltext.plan import (
    Address,
    Clause,
    DamagedIndex,
    EngineAnswer,
    Fields,
    IndexBusy,
    Plan,
)
from kbsearch.search.fulltext.text import STOP_WORDS

SNOWBALL = {"fr": "french", "en": "english"}
LONGEST_WORD = 40  # bytes; longer tokens are noise, or codes, which have a field of their own
MOST_REMEMBERED = 20_000  # terms as queries: the next key pressed asks for most of them again
MOST_VALUES = 20  # of a facet
FEW_TERMS = 8  # that are faster one by one than as a set


def _analyzer(tokenizer: Tokenizer, *filters: Filter) -> TextAnalyzer:
    builder = TextAnalyzerBuilder(tokenizer)
    for token_filter in filters:
        builder = builder.filter(token_filter)
    analyzer: TextAnalyzer = builder.build()
    return analyzer


def _folded() -> tuple[Filter, ...]:
    return Filter.remove_long(LONGEST_WORD), Filter.lowercase(), Filter.ascii_fold()


@lru_cache
def _stemmed(language: str) -> TextAnalyzer:
    """Fold, then stop words, then stem: what hurried people type without accents still meets."""
    stop = Filter.custom_stopword(sorted(STOP_WORDS[language]))
    return _analyzer(Tokenizer.simple(), *_folded(), stop, Filter.stemmer(SNOWBALL[language]))


def stems(text: str, language: str) -> list[str]:
    """The stems of a text in its order, without its stop words."""
    found: list[str] = _stemmed(language).analyze(text)
    return found


@lru_cache
def stemmer(language: str) -> Callable[[str], str | None]:
    """A function from a word to its stem, which remembers; None for a stop word."""
    analyzer = _stemmed(language)

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


@contextmanager
def guarded() -> Iterator[None]:
    """Make one ValueError of all that damaged files can cause.

    Some of it is a PanicException of Rust, which is no Exception and would end the process.
    """
    try:
        yield
    except OSError as problem:
        raise DamagedIndex(str(problem)) from problem
    except BaseException as problem:
        if type(problem).__name__ == "PanicException":
            raise DamagedIndex(str(problem)) from None
        raise


class _Queries:
    """Plans as Tantivy has them, over one list of fields."""

    def __init__(self, fields: Fields) -> None:
        self.schema = _schema(fields)
        self.names = tuple(field.name for field in fields)
        self._term = lru_cache(maxsize=MOST_REMEMBERED)(self._term_of)

    def _term_of(self, field: str, text: str, boost: float) -> Query:
        query = Query.term_query(self.schema, field, text)
        return query if boost == 1.0 else Query.boost_query(query, boost)

    def of(self, clause: Clause) -> Query:
        """A clause as a query."""
        match clause:
            case plans.QueryTerm(field, text, boost):
                return self._term(field, text, boost)
            case plans.Constant(inner, score):
                return Query.const_score_query(self.of(inner), score)
            case plans.AnyOf(clauses):
                return _any(map(self.of, clauses))
            case plans.AllOf(clauses):
                return Query.boolean_query([(Occur.Must, self.of(every)) for every in clauses])
            case plans.Raised(inner, by):
                raising = ((Occur.Should, self.of(other)) for other in by)
                return Query.boolean_query([(Occur.Must, self.of(inner)), *raising])
            case plans.Narrowed(inner, to, without):
                return self.narrowed(self.of(inner), to, without)
            case plans.Phrase(field, places):
                return Query.phrase_query(self.schema, field, list(places))
            case plans.OneOf(field, texts):
                if len(texts) > FEW_TERMS:
                    return Query.term_set_query(self.schema, field, list(texts))
                terms = [self._term(field, text, 1.0) for text in texts]
                return terms[0] if len(terms) == 1 else _any(terms)
            case plans.AtLeast(field, number):
                return Query.range_query(self.schema, field, FieldType.Integer, number, None)

    def narrowed(self, query: Query, to: Iterable[Clause], without: Iterable[Clause] = ()) -> Query:
        """The query, for documents that match all of some clauses and none of others."""
        must = [(Occur.Must, Query.const_score_query(self.of(clause), 0.0)) for clause in to]
        must_not = [(Occur.MustNot, self.of(clause)) for clause in without]
        if not (must or must_not):
            return query
        return Query.boolean_query([(Occur.Must, query), *must, *must_not])


def _any(queries: Iterable[Query]) -> Query:
    return Query.boolean_query([(Occur.Should, query) for query in queries])


def _schema(fields: Fields) -> Schema:
    builder = SchemaBuilder()
    for field in fields:
        if field.analysis == "number":
            builder.add_integer_field(field.name, fast=field.is_counted)
        elif field.analysis == "bytes":
            builder.add_bytes_field(field.name, stored=field.is_stored)
        else:
            builder.add_text_field(
                field.name,
                stored=field.is_stored,
                fast=field.is_counted,
                tokenizer_name=field.analysis,
                index_option=field.option,
            )
    return builder.build()


_queries = lru_cache(_Queries)


class TantivyView:
    """One commit of an index."""

    is_remote = False
    counts_empty_fields = True

    def __init__(self, searcher: Searcher, fields: Fields) -> None:
        self.searcher = searcher
        self.queries = _queries(fields)

    @property
    def size(self) -> int:
        return int(self.searcher.num_docs)

    def expect(self, questions: Iterable[plans.Expected]) -> None:
        """Nothing: there are no calls to save."""

    def ask(self, plan: Plan) -> EngineAnswer:
        with tracing.span("index.ask"):
            return self._ask(plan)

    def _ask(self, plan: Plan) -> EngineAnswer:
        query = self.queries.of(plan.clause)
        narrowed = self.queries.narrowed(query, (*plan.filters, *plan.narrowing))
        answer: Any = self.searcher.search(
            narrowed,
            max(1, plan.limit),  # none at all is a crash, not an exception
            count=plan.is_counted,
            offset=plan.offset,
            order_by_field=plan.ordered_by or None,
            weight_by_field=plan.weighted_by or None,
        )
        hits = [(score, (address.segment_ord, address.doc)) for score, address in answer.hits]
        is_counting = bool(hits or plan.offset or plan.narrowing)
        seen = self.queries.narrowed(query, plan.filters)
        facets = self._facets(seen, plan.facets) if plan.facets and is_counting else {}
        return EngineAnswer(hits, int(answer.count or 0), facets)

    def _facets(self, query: Query, fields: Sequence[str]) -> dict[str, dict[str, int]]:
        terms = {field: {"terms": {"field": field, "size": MOST_VALUES}} for field in fields}
        counts = self.searcher.aggregate(query, terms)
        return {
            field: {bucket["key"]: bucket["doc_count"] for bucket in counts[field]["buckets"]}
            for field in fields
        }

    def frequency(self, field: str, term: str) -> int:
        return int(self.searcher.doc_freq(field, term))

    def begun_by(
        self, field: str, prefix: str, limit: int, among: Clause | None = None
    ) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = self.searcher.terms_with_prefix(
            field,
            prefix,
            filter_query=None if among is None else self.queries.of(among),
            limit=limit,
        )
        return found

    def matches(self, clause: Clause, address: Address) -> bool:
        try:
            self.queries.of(clause).explain(self.searcher, DocAddress(*address))
        except ValueError:  # the engine's way to say no
            return False
        return True

    def shares(self, clause: Clause, address: Address) -> tuple[ScoreShare, ...]:
        explanation = self.queries.of(clause).explain(self.searcher, DocAddress(*address))
        return _shares(json.loads(explanation.to_json()), self.queries.names)

    def text(self, address: Address, field: str) -> str:
        return str(self.searcher.doc(DocAddress(*address)).get_first(field))

    def data(self, address: Address, field: str) -> bytes:
        return bytes(self.searcher.doc(DocAddress(*address)).get_first(field) or b"")

    def numbers(self, field: str, addresses: Sequence[Address]) -> list[int]:
        places = [DocAddress(*address) for address in addresses]
        return [int(number or 0) for number in self.searcher.fast_field_values(field, places)]


class TantivyWriter:
    """The one writer of an index."""

    def __init__(self, writer: IndexWriter, schema: Schema, committed: Callable[[], None]) -> None:
        self._writer = writer
        self._schema = schema
        self._committed = committed

    def add(self, document: plans.Document, revision: int = 0) -> None:
        self._writer.add_document(Document.from_dict(dict(document), self._schema))

    def remove(self, field: str, term: str) -> None:
        self._writer.delete_documents_by_term(field, term)

    def commit(self) -> None:
        with tracing.span("index.commit"):
            self._writer.commit()
            self._committed()

    def rollback(self) -> None:
        self._writer.rollback()

    def close(self) -> None:
        """Finish merges and free the lock."""
        self._writer.wait_merging_threads()


class TantivyIndex:
    """An index in a folder, or in memory; `view()` always sees the last commit."""

    def __init__(self, index: Index, fields: Fields, folder: Path | None) -> None:
        self._index = index
        self._fields = fields
        self._meta = folder / "meta.json" if folder else None
        self._commits = 0
        for language in SNOWBALL:  # Tantivy does not keep analyzers with the files
            index.register_tokenizer(f"stem_{language}", _stemmed(language))
        index.register_tokenizer("surface", surface())
        index.register_tokenizer("whole", _analyzer(Tokenizer.whitespace()))
        index.config_reader("manual", 1)
        self._stamp = self._stamp_now()
        self._view = TantivyView(index.searcher(), fields)

    def _stamp_now(self) -> tuple[int, int]:
        if self._meta is None:
            return self._commits, 0
        status = os.stat(self._meta)
        return status.st_mtime_ns, status.st_ino

    def catch_up(self, revision: int) -> None:
        """Nothing: the files tell of every commit."""

    def view(self) -> TantivyView:
        """The view of the last commit; a stat is all it costs while nothing changed."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._index.reload()
            self._view = TantivyView(self._index.searcher(), self._fields)
            self._stamp = stamp
        return self._view

    def writer(self, heap: int) -> TantivyWriter:
        """The writer, with one thread: two were no faster beside the one that reads the rows."""
        try:
            writer = self._index.writer(heap, 1)
        except ValueError as problem:
            raise IndexBusy(str(problem)) if "LockBusy" in str(problem) else problem from None
        return TantivyWriter(writer, _queries(self._fields).schema, self._committed)

    def _committed(self) -> None:
        self._commits += 1


def create(folder: Path | None, fields: Fields) -> TantivyIndex:
    """A new index in an empty folder, or in memory."""
    schema = _queries(fields).schema
    if folder is None:
        return TantivyIndex(Index(schema), fields, None)
    folder.mkdir(parents=True, exist_ok=True)
    return TantivyIndex(Index(schema, path=str(folder)), fields, folder)


def opened(folder: Path, fields: Fields) -> TantivyIndex:
    """The index of a folder."""
    return TantivyIndex(Index.open(str(folder)), fields, folder)


def opened_or_created(folder: Path, fields: Fields) -> TantivyIndex:
    """The index of a folder, made if it is not there."""
    return (opened if (folder / "meta.json").exists() else create)(folder, fields)


MOST_REASONS = 8
# `TermQuery(Term(field=3, type=Str, "mot"))`; a term is a word or a code, and short.
_TERM = re.compile(r'field=(\d{1,4}), [^"\n]{0,60}"(.{0,400})"\)')


def _shares(explanation: dict[str, Any], names: Sequence[str]) -> tuple[ScoreShare, ...]:
    """Which words of which fields made a score, the weightiest first."""
    shares: dict[tuple[str, str], float] = {}

    def walk(node: dict[str, Any], factor: float) -> None:
        for context in node.get("context", ()):
            term = _TERM.search(context)
            if term:
                name = names[int(term[1])], term[2]
                shares[name] = shares.get(name, 0.0) + factor * node["value"]
        details = node.get("details", ())
        if len(details) == 1 and details[0]["value"]:  # a boost, or a constant score
            factor *= node["value"] / details[0]["value"]
        for detail in details:
            walk(detail, factor)

    walk(explanation, 1.0)
    weightiest = sorted(shares.items(), key=lambda share: -share[1])[:MOST_REASONS]
    return tuple(ScoreShare(field, term, points) for (field, term), points in weightiest)
