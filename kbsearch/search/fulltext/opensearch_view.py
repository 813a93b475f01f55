"""What an index of a cluster holds, for reading: each fact as it was when it was first asked for.

Every call takes its time, so questions are asked together: `expect` sends in one call what a
question will ask of words, and the best hits come with all their fields, so that what is asked of
these is answered here.
"""

import base64
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kbsearch.search.fulltext import opensearch_queries as queries
from kbsearch.search.fulltext.explanation import ScoreShare
from kbsearch.search.fulltext.memory_engine import MemoryView
from kbsearch.search.fulltext.opensearch_queries import Json
from kbsearch.search.fulltext.plan import (
    REVISION_KEY,
    Address,
    AllOf,
    AnyOf,
    Begun,
    Clause,
    Constant,
    EngineAnswer,
    Expected,
    Fields,
    Frequency,
    Narrowed,
    OneOf,
    Plan,
    QueryTerm,
)

MOST_WHOLE = 30  # hits that come with all their fields
MOST_REMEMBERED, MOST_KNOWN = 5_000, 50_000  # documents and facts of a view

Search = Callable[[Sequence[Json]], list[Json]]  # several searches of one index, in one call


class OpenSearchView:
    """What an index holds, each fact as it was when it was first asked for."""

    is_remote = True
    counts_empty_fields = False

    def __init__(self, search: Search, fields: Fields) -> None:
        self._answers_of = search
        self._fields = fields
        self._by_name = {field.name: field for field in fields}
        self._key = fields[0].name
        self._always = [self._key, *(f.name for f in fields if f.analysis == "number")]
        self._facts: dict[Expected | None, Any] = {}  # None: how many documents there are
        self._documents: list[Json] = []
        self._places: dict[str, int] = {}  # by key, of documents that are here whole
        self._shares: dict[tuple[Clause, int], tuple[ScoreShare, ...]] = {}

    @property
    def size(self) -> int:
        if None not in self._facts:
            self.expect(())
        return int(self._facts[None])

    def expect(self, questions: Iterable[Expected]) -> None:
        """Learn in one call what is not known yet; with the first, size and revision."""
        wanted: dict[Expected | None, None] = dict.fromkeys(questions)
        if None not in self._facts:
            wanted |= dict.fromkeys((None, self._revision))
        unknown = [question for question in wanted if question not in self._facts]
        if unknown:
            searches = [self._search(question) for question in unknown]
            answers = self._answers_of(searches)
            for question, answer in zip(unknown, answers, strict=True):
                self._facts[question] = self._fact(question, answer)

    @property
    def is_full(self) -> bool:
        """Whether it is time to begin anew."""
        return len(self._documents) > MOST_REMEMBERED or len(self._facts) > MOST_KNOWN

    def is_before(self, revision: int) -> bool:
        """Whether what is known may be older than a revision; not while nothing is known."""
        if self._revision not in self._facts:
            return False
        hits = self.ask(self._revision).hits
        last = next(field.name for field in self._fields if field.analysis == "bytes")
        return not hits or int(self.data(hits[0][1], last)) < revision

    @property
    def _revision(self) -> Plan:
        return Plan(QueryTerm(self._key, REVISION_KEY), 1)

    def _search(self, question: Expected | None) -> Json:
        match question:
            case None:
                return queries.counting(None)
            case Frequency(field, term):
                return queries.counting(QueryTerm(field, term))
            case Begun(field):
                return queries.begun(self._by_name[field], question)
            case Plan():
                return queries.search(question, self._shown(question.limit), self._always[-1])

    def _fact(self, question: Expected | None, answer: Json) -> Any:
        match question:
            case None | Frequency():
                return answer["hits"]["total"]["value"]
            case Begun():
                return list(queries.buckets(answer, "terms").items())
            case Plan():
                return self._answer(question, answer)

    def _shown(self, limit: int) -> Sequence[str]:
        return [field.name for field in self._fields] if limit <= MOST_WHOLE else self._always

    def _answer(self, plan: Plan, answer: Json) -> EngineAnswer:
        is_whole = plan.limit <= MOST_WHOLE
        found = answer["hits"]["hits"]
        places = [self._remember(hit["_source"], is_whole) for hit in found]
        scores = [hit["sort"][0] for hit in found]
        is_counting = bool(found or plan.offset or plan.narrowing)
        facets = plan.facets if is_counting else ()
        return EngineAnswer(
            [(float(score), (0, place)) for score, place in zip(scores, places, strict=True)],
            answer["hits"]["total"]["value"] if plan.is_counted else 0,
            {field: queries.buckets(answer, field) for field in facets},
        )

    def _remember(self, source: Json, is_whole: bool) -> int:
        """Keep a document for a while; the place it has here."""
        key = source[self._key]
        if key in self._places:
            return self._places[key]
        place = len(self._documents)
        self._documents.append(source)
        if is_whole:
            self._places[key] = place
        return place

    def ask(self, plan: Plan) -> EngineAnswer:
        if plan not in self._facts:
            answer = self._answered_here(plan)
            if answer is not None:
                return answer
            self.expect([plan])
        known: EngineAnswer = self._facts[plan]
        return known

    def _answered_here(self, plan: Plan) -> EngineAnswer | None:
        """The answer about documents that are here, where no statistics are needed."""
        keys = self._keys(plan)
        if keys is None or any(key not in self._places for key in keys):
            return None
        places = [self._places[key] for key in dict.fromkeys(keys)]
        answer = self._local(places).ask(plan)
        return EngineAnswer(
            [(score, (0, places[place])) for score, (_, place) in answer.hits],
            answer.total,
            answer.facets,
        )

    def _keys(self, plan: Plan) -> Sequence[str] | None:
        """The keys of the only documents a plan is about; None where it needs statistics."""
        if plan.weighted_by or not self._is_constant(plan.clause):
            return None
        clause = plan.clause.clause if isinstance(plan.clause, Constant) else plan.clause
        named = [
            one.texts
            for one in (clause, *plan.filters)
            if isinstance(one, OneOf) and one.field == self._key
        ]
        return named[0] if named else None

    def _is_constant(self, clause: Clause) -> bool:
        match clause:
            case Constant():
                return True
            case AnyOf(clauses) | AllOf(clauses):
                return all(map(self._is_constant, clauses))
            case Narrowed(inner):
                return self._is_constant(inner)
            case _:
                return False

    def _local(self, places: Sequence[int]) -> MemoryView:
        sources = (self._documents[place] for place in places)
        return MemoryView(self._fields, [queries.stored(self._by_name, one) for one in sources])

    def frequency(self, field: str, term: str) -> int:
        question = Frequency(field, term)
        if question not in self._facts:
            self.expect([question])
        return int(self._facts[question])

    def begun_by(
        self, field: str, prefix: str, limit: int, among: Clause | None = None
    ) -> list[tuple[str, int]]:
        question = Begun(field, prefix, limit, among)
        if question not in self._facts:
            self.expect([question])
        terms: list[tuple[str, int]] = self._facts[question]
        return terms

    def matches(self, clause: Clause, address: Address) -> bool:
        document = self._documents[address[1]]
        if document[self._key] in self._places:
            return self._local([address[1]]).matches(clause, (0, 0))
        these = OneOf(self._key, (document[self._key],))
        return bool(self.ask(Plan(clause, 1, filters=(these,))).hits)

    def shares(self, clause: Clause, address: Address) -> tuple[ScoreShare, ...]:
        if (clause, address[1]) not in self._shares:
            self._explain(clause)
        return self._shares.get((clause, address[1]), ())

    def _explain(self, clause: Clause) -> None:
        """Ask of all documents that are here at once: one hit is seldom explained alone."""
        these = OneOf(self._key, tuple(self._places))
        plan = Plan(clause, max(1, len(these.texts)), filters=(these,), is_counted=False)
        search = queries.search(plan, [self._key], self._key) | {"explain": True}
        [answer] = self._answers_of([search])
        for hit in answer["hits"]["hits"]:
            place = self._places[hit["_source"][self._key]]
            self._shares[clause, place] = queries.shares(hit["_explanation"])

    def _field(self, address: Address, field: str) -> Any:
        document = self._documents[address[1]]
        if field not in document:
            key = document[self._key]
            if key not in self._places:
                these = Constant(OneOf(self._key, (key,)), 1.0)
                self.ask(Plan(these, 1, is_counted=False))
            document = self._documents[self._places[key]]
        return document[field]

    def text(self, address: Address, field: str) -> str:
        return str(self._field(address, field))

    def data(self, address: Address, field: str) -> bytes:
        return base64.b64decode(self._field(address, field))

    def numbers(self, field: str, addresses: Sequence[Address]) -> list[int]:
        return [int(self._documents[place].get(field, 0)) for _, place in addresses]
