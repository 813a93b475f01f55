"""The same plans over documents in memory, without an engine: what every engine has to answer.

It reads each document for each plan: for tests of what is ranked, and for nothing large.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kbsearch.search.fulltext import plan as plans
from kbsearch.search.fulltext.engine import stemmer
from kbsearch.search.fulltext.explanation import ScoreShare
from kbsearch.search.fulltext.plan import (
    K1,
    Address,
    B,
    Clause,
    Document,
    EngineAnswer,
    Expected,
    Fields,
    IndexBusy,
    IndexField,
    Plan,
)
from kbsearch.search.fulltext.text import words_of

EXACT_LENGTHS = 40  # terms; the length of a longer field is known to three digits of its bits


@dataclass(frozen=True)
class StoredDocument:
    """A document with its terms by field, in their order; None where a stop word stood."""

    values: Document
    terms: Mapping[str, Sequence[str | None]]

    def count(self, field: str, term: str) -> int:
        return self.terms.get(field, ()).count(term)

    def length(self, field: str) -> int:
        return sum(term is not None for term in self.terms.get(field, ()))


def terms_of(field: IndexField, value: object) -> Sequence[str | None]:
    """The terms of a value in their order; None where a stop word stood."""
    if field.analysis in ("number", "bytes"):
        return ()
    if field.analysis == "raw":
        return [str(text) for text in value] if isinstance(value, list) else [str(value)]
    if field.analysis == "whole":
        return str(value).split()
    words = words_of(str(value))
    if field.analysis == "surface":
        return words
    return [stemmer(field.analysis.removeprefix("stem_"))(word) for word in words]


def rounded(length: int) -> int:
    """The length of a field as engines keep it: in one byte, so that long ones are rough."""
    if length < EXACT_LENGTHS:
        return length
    shift = (length - 24).bit_length() - 4
    return 24 + ((length - 24) >> shift << shift)


class MemoryView:
    """What was committed to an index in memory."""

    is_remote = False
    counts_empty_fields = True

    def __init__(self, fields: Fields, documents: Sequence[StoredDocument]) -> None:
        self._options = {field.name: field.option for field in fields}
        self.documents = documents
        self._lengths: dict[str, float] = {}

    @property
    def size(self) -> int:
        return len(self.documents)

    def expect(self, questions: Iterable[Expected]) -> None:
        """Nothing: there are no calls to save."""

    def ask(self, plan: Plan) -> EngineAnswer:
        seen = [
            (score, place)
            for place in range(self.size)
            if (score := self._score(plan.clause, place)) is not None
            and self._meets_all(plan.filters, place)
        ]
        listed = [hit for hit in seen if self._meets_all(plan.narrowing, hit[1])]
        order = self._order(plan)
        scored = sorted(
            ((order(*hit), hit[1]) for hit in listed), key=lambda hit: (-hit[0], hit[1])
        )
        stretch = scored[plan.offset : plan.offset + max(1, plan.limit)]
        return EngineAnswer(
            [(score, (0, place)) for score, place in stretch],
            len(listed) if plan.is_counted else 0,
            {field: self._values(field, [place for _, place in seen]) for field in plan.facets},
        )

    def _order(self, plan: Plan) -> Callable[[float, int], float]:
        def order(score: float, place: int) -> float:
            if plan.ordered_by:
                return self._number(plan.ordered_by, place)
            if plan.weighted_by:
                return score * math.log2(2 + self._number(plan.weighted_by, place))
            return score

        return order

    def _values(self, field: str, places: Sequence[int]) -> dict[str, int]:
        counts = Counter(
            term for place in places for term in self.documents[place].terms.get(field, ()) if term
        )
        return dict(counts)

    def _number(self, field: str, place: int) -> int:
        return int(str(self.documents[place].values.get(field, 0)))

    def _meets_all(self, clauses: Sequence[Clause], place: int) -> bool:
        return all(self._score(clause, place) is not None for clause in clauses)

    def _score(self, clause: Clause, place: int) -> float | None:
        """What a document scores; None where it does not match."""
        match clause:
            case plans.QueryTerm(field, text, boost):
                count = self.documents[place].count(field, text)
                return boost * self._weight(field, text, count, place) if count else None
            case plans.Constant(inner, score):
                return None if self._score(inner, place) is None else score
            case plans.AnyOf(clauses):
                scores = self._scores(clauses, place)
                return sum(scores) if scores else None
            case plans.AllOf(clauses):
                scores = self._scores(clauses, place)
                return sum(scores) if scores and len(scores) == len(clauses) else None
            case plans.Raised(inner, by):
                scores = self._scores((inner,), place)
                return scores[0] + sum(self._scores(by, place)) if scores else None
            case plans.Narrowed(inner, to, without):
                is_out = self._scores(without, place) or not self._meets_all(to, place)
                return None if is_out else self._score(inner, place)
            case plans.Phrase(field, places):
                return self._phrase(field, places, place)
            case plans.OneOf(field, texts):
                return self._score(
                    plans.AnyOf(tuple(plans.QueryTerm(field, t) for t in texts)), place
                )
            case plans.AtLeast(field, number):
                return 1.0 if self._number(field, place) >= number else None

    def _scores(self, clauses: Sequence[Clause], place: int) -> list[float]:
        """What a document scores for those of some clauses that it matches."""
        scores = (self._score(clause, place) for clause in clauses)
        return [score for score in scores if score is not None]

    def _phrase(self, field: str, places: Sequence[tuple[int, str]], place: int) -> float | None:
        terms = self.documents[place].terms.get(field, ())
        starts = [
            start
            for start in range(len(terms))
            if all(start + at < len(terms) and terms[start + at] == text for at, text in places)
        ]
        if not starts:
            return None
        rarity = sum(self._rarity(field, text) for _, text in places)
        return rarity * self._norm(field, len(starts), place)

    def _weight(self, field: str, text: str, count: int, place: int) -> float:
        times = 1 if self._options[field] == "basic" else count
        return self._rarity(field, text) * self._norm(field, times, place)

    def _rarity(self, field: str, text: str) -> float:
        having = self.frequency(field, text)
        return math.log(1 + (self.size - having + 0.5) / (having + 0.5))

    def _norm(self, field: str, times: int, place: int) -> float:
        length = rounded(self.documents[place].length(field))
        least = K1 * (1 - B + B * length / self._length(field))
        return (1 + K1) * times / (times + least)

    def _length(self, field: str) -> float:
        """How many terms a field has in the mean."""
        if field not in self._lengths:
            lengths = [document.length(field) for document in self.documents]
            self._lengths[field] = sum(lengths) / len(lengths)
        return self._lengths[field]

    def frequency(self, field: str, term: str) -> int:
        return sum(term in document.terms.get(field, ()) for document in self.documents)

    def begun_by(
        self, field: str, prefix: str, limit: int, among: Clause | None = None
    ) -> list[tuple[str, int]]:
        counts = Counter(
            term
            for place, document in enumerate(self.documents)
            if among is None or self._score(among, place) is not None
            for term in set(document.terms.get(field, ()))
            if term and term.startswith(prefix)
        )
        return sorted(counts.items(), key=lambda term: (-term[1], term[0]))[:limit]

    def matches(self, clause: Clause, address: Address) -> bool:
        return self._score(clause, address[1]) is not None

    def shares(self, clause: Clause, address: Address) -> tuple[ScoreShare, ...]:
        points: dict[tuple[str, str], float] = {}
        for term, score in self._shares(clause, address[1]):
            points[term.field, term.text] = points.get((term.field, term.text), 0.0) + score
        weightiest = sorted(points.items(), key=lambda share: -share[1])
        return tuple(ScoreShare(field, text, score) for (field, text), score in weightiest)

    def _shares(self, clause: Clause, place: int) -> Iterator[tuple[plans.QueryTerm, float]]:
        """The terms that a document has, with what each brings."""
        match clause:
            case plans.QueryTerm():
                points = self._score(clause, place)
                if points is not None:
                    yield clause, points
            case plans.AnyOf(clauses) | plans.AllOf(clauses):
                for inner in clauses:
                    yield from self._shares(inner, place)
            case plans.Raised(inner, by):
                yield from self._shares(plans.AnyOf((inner, *by)), place)
            case plans.Narrowed(inner):
                yield from self._shares(inner, place)

    def text(self, address: Address, field: str) -> str:
        return str(self.documents[address[1]].values[field])

    def data(self, address: Address, field: str) -> bytes:
        stored = self.documents[address[1]].values[field]
        assert isinstance(stored, bytes)
        return stored

    def numbers(self, field: str, addresses: Sequence[Address]) -> list[int]:
        return [self._number(field, place) for _, place in addresses]


class MemoryIndex:
    """An index that is gone with the process."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._writer: MemoryWriter | None = None
        self._view = MemoryView(fields, ())

    def catch_up(self, revision: int) -> None:
        """Nothing: no other process commits."""

    def view(self) -> MemoryView:
        return self._view

    def writer(self, heap: int) -> "MemoryWriter":
        """The writer; `heap` is what engines on disks need."""
        if self._writer is not None:
            raise IndexBusy("somebody is writing")
        self._writer = MemoryWriter(self, self._fields)
        return self._writer

    def put(self, documents: Sequence[StoredDocument]) -> None:
        """Make some documents all that the index has."""
        self._view = MemoryView(self._fields, documents)

    def leave(self) -> None:
        """Let others write."""
        self._writer = None


class MemoryWriter:
    """The one writer of an index in memory."""

    def __init__(self, index: MemoryIndex, fields: Fields) -> None:
        self._index = index
        self._fields = {field.name: field for field in fields}
        self._committed: list[StoredDocument] = list(index.view().documents)
        self._documents = list(self._committed)

    def add(self, document: Document, revision: int = 0) -> None:
        terms = {name: terms_of(self._fields[name], value) for name, value in document.items()}
        self._documents.append(StoredDocument(document, terms))

    def remove(self, field: str, term: str) -> None:
        self._documents = [other for other in self._documents if not other.count(field, term)]

    def commit(self) -> None:
        self._committed = list(self._documents)
        self._index.put(self._committed)

    def rollback(self) -> None:
        self._documents = list(self._committed)

    def close(self) -> None:
        self._index.leave()
