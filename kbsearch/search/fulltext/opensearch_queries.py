"""Plans and documents in the words of OpenSearch: JSON in, JSON out, and no call of anybody.

Texts are analysed here, with the stems and folds of the other engines, and sent as their terms: the
cluster needs no analyzer of a language. No text of a person reaches a parser of queries.
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kbsearch.search.fulltext import plan as plans
from kbsearch.search.fulltext.explanation import ScoreShare
from kbsearch.search.fulltext.memory_engine import StoredDocument, terms_of
from kbsearch.search.fulltext.plan import Clause, Document, Fields, IndexField, Plan

Json = dict[str, Any]

GAP = "-"  # stands for a stop word: the cluster leaves it out and keeps its place
# A cluster tells how rare a word is, and how long a field is in the mean, from the documents that
# have the field; the other engine tells it from all. So an empty field has one term, and next to
# those of a short field stand so many more of one kind that one term is nothing in the mean.
ABSENT, FILLER = ".", "+"
LONGER = 8  # times
LONGEST_WORD = 40  # bytes, as in the other engine
LONGEST_TERM = 255  # characters; the cluster would cut longer ones in two
LONGEST_RAW = 8_191  # characters: 32 kB at most
FEW_TERMS = 8  # that are scored one by one
MOST_VALUES = 20  # of a facet
MOST_BEGUN = 2_000  # terms of a prefix
TERMS = ".k"  # the same terms as a column, to list those with a prefix
_SIGN = re.compile(r"[^\w]")  # may mean something in a pattern
PER_LN = 1.4426950408889634  # log2(x) = PER_LN * ln(x)
NOTHING: Json = {"match_none": {}}


def mapping(fields: Fields) -> Json:
    """The fields as the cluster keeps them; one that is not named is refused."""
    return {"dynamic": "strict", "properties": {field.name: _field(field) for field in fields}}


def _field(field: IndexField) -> Json:
    if field.analysis == "number":
        return {"type": "long"}
    if field.analysis == "bytes":
        return {"type": "binary"}
    if field.analysis == "raw":
        return {"type": "keyword", "ignore_above": LONGEST_RAW}
    options = {"basic": "docs", "freq": "freqs", "position": "positions"}
    text: Json = {
        "type": "text",
        "analyzer": "terms",
        "index_options": options[field.option],
    }
    if field.option == "position":
        return text | {"fielddata": True}  # costs memory only where terms are listed
    column = {"type": "keyword", "index": False, "ignore_above": LONGEST_TERM}
    return text | {"fields": {TERMS[1:]: column}}


ANALYSIS: Json = {
    "analyzer": {"terms": {"type": "custom", "tokenizer": "whitespace", "filter": ["gaps"]}},
    "filter": {"gaps": {"type": "stop", "stopwords": [GAP]}},
}


def source(fields: Mapping[str, IndexField], document: Document) -> Json:
    """A document as it is sent."""
    values = {name: _value(fields[name], value) for name, value in document.items()}
    empty = {name: ABSENT for name in fields if _is_text(fields[name]) and not values.get(name)}
    return values | empty


def _is_text(field: IndexField) -> bool:
    return field.analysis not in ("raw", "number", "bytes")


def _value(field: IndexField, value: object) -> object:
    if field.analysis == "bytes":
        assert isinstance(value, bytes)
        return base64.b64encode(value).decode()
    if field.analysis in ("number", "raw"):
        return value
    terms = [
        GAP if term is None or is_too_long(field, term) else term for term in terms_of(field, value)
    ]
    if field.option == "position":
        return " ".join(terms)
    kept = [term for term in terms if term != GAP]
    is_short = field.option == "freq" and field.analysis.startswith("stem_")
    return kept + [FILLER] * (LONGER - 1) * len(kept) if is_short else kept


def is_too_long(field: IndexField, term: str) -> bool:
    """Whether a term is noise."""
    if field.analysis == "whole":
        return len(term) > LONGEST_TERM
    return len(term.encode()) > LONGEST_WORD


def stored(fields: Mapping[str, IndexField], source: Json) -> StoredDocument:
    """A document as it came back, to be looked at here."""
    terms: dict[str, Sequence[str | None]] = {}
    for name, value in source.items():
        analysis = fields[name].analysis
        if analysis == "raw":
            terms[name] = value if isinstance(value, list) else [value]
        elif _is_text(fields[name]) and value != ABSENT:
            words = value.split() if isinstance(value, str) else value
            terms[name] = [None if word == GAP else word for word in words if word != FILLER]
    return StoredDocument(source, terms)


def query(clause: Clause) -> Json:
    """A clause as a query, with its scores."""
    match clause:
        case plans.QueryTerm(field, text, boost):
            return {"term": {field: {"value": text, "boost": boost}}}
        case plans.Constant(inner, score):
            return {"constant_score": {"filter": filter_of(inner), "boost": score}}
        case plans.AnyOf(clauses):
            return _any(map(query, clauses))
        case plans.AllOf(clauses):
            return {"bool": {"must": list(map(query, clauses))}} if clauses else NOTHING
        case plans.Raised(inner, by):
            return {"bool": {"must": [query(inner)], "should": list(map(query, by))}}
        case plans.Narrowed(inner, to, without):
            return narrowed(query(inner), to, without)
        case plans.Phrase(field, places):
            return {"match_phrase": {field: {"query": _spoken(places)}}}
        case plans.OneOf(field, texts):
            if len(texts) > FEW_TERMS:
                return filter_of(clause)
            return _any({"term": {field: {"value": text}}} for text in texts)
        case plans.AtLeast(field, number):
            return {"range": {field: {"gte": number}}}


def filter_of(clause: Clause) -> Json:
    """A clause where only what matches counts."""
    if isinstance(clause, plans.OneOf):
        return {"terms": {clause.field: list(clause.texts)}} if clause.texts else NOTHING
    return query(clause)


def narrowed(inner: Json, to: Sequence[Clause], without: Sequence[Clause] = ()) -> Json:
    """A query, for documents that match all of some clauses and none of others."""
    if not (to or without):
        return inner
    must_not = list(map(filter_of, without))
    return {
        "bool": {"must": [inner], "filter": list(map(filter_of, to)), "must_not": must_not},
    }


def _any(queries: Iterable[Json]) -> Json:
    should = list(queries)
    return {"bool": {"should": should, "minimum_should_match": 1}} if should else NOTHING


def _spoken(places: Sequence[tuple[int, str]]) -> str:
    """The words of a phrase with gaps between them."""
    words = [GAP] * (places[-1][0] + 1)
    for place, text in places:
        words[place] = text
    return " ".join(words)


def search(plan: Plan, shown: Sequence[str], tie: str) -> Json:
    """A plan as a search whose hits come with some of their fields.

    Of equals the lowest in the field `tie` is first: each copy of an index has an order of its own.
    """
    matching = narrowed(query(plan.clause), plan.filters)
    if plan.weighted_by:
        by = {"field": plan.weighted_by, "modifier": "ln2p", "missing": 0}
        functions = [{"field_value_factor": by, "weight": PER_LN}]
        matching = {"function_score": {"query": matching, "functions": functions}}
    body: Json = {
        "query": matching,
        "from": plan.offset,
        "size": max(1, plan.limit),
        "track_total_hits": plan.is_counted,
        "_source": list(shown),
        "sort": [{plan.ordered_by or "_score": "desc"}, {tie: "asc"}],
    }
    if plan.narrowing:
        body["post_filter"] = {"bool": {"filter": list(map(filter_of, plan.narrowing))}}
    if plan.facets:
        body["aggs"] = {
            field: {"terms": {"field": field, "size": MOST_VALUES}} for field in plan.facets
        }
    return body


def counting(clause: Clause | None) -> Json:
    """How many documents match; all of them for none."""
    matching = {"match_all": {}} if clause is None else filter_of(clause)
    return {"query": matching, "size": 0, "track_total_hits": True}


def begun(field: IndexField, asked: plans.Begun) -> Json:
    """The terms with a prefix, by how many documents have them."""
    is_column = field.analysis == "raw" or field.option == "position"
    matching = [{"prefix": {asked.field: {"value": asked.prefix}}}] if asked.prefix else []
    if asked.among is not None:
        matching.append(filter_of(asked.among))
    terms: Json = {
        "field": asked.field + ("" if is_column else TERMS),
        "size": min(asked.limit, MOST_BEGUN),
    }
    if len(asked.prefix) > LONGEST_TERM:
        matching = [NOTHING]  # and no pattern of that length
    elif asked.prefix:
        terms["include"] = _SIGN.sub(r"\\\g<0>", asked.prefix) + ".*"
    return {
        "query": {"bool": {"filter": matching}},
        "size": 0,
        "track_total_hits": False,
        "aggs": {"terms": {"terms": terms}},
    }


def buckets(answer: Json, name: str) -> dict[str, int]:
    """The values of an aggregation with their counts."""
    return {each["key"]: each["doc_count"] for each in answer["aggregations"][name]["buckets"]}


MOST_REASONS = 8
# `weight(all_fr:mot in 3) [PerFieldSimilarity], result of:`; a term is a word or a code, and short.
_WEIGHT = re.compile(r"weight\((\w{1,40}):(.{1,400}) in \d+\)")


def shares(explanation: Json) -> tuple[ScoreShare, ...]:
    """Which terms of which fields made a score, the weightiest first."""
    points: dict[tuple[str, str], float] = {}
    waiting = [explanation]
    while waiting:
        node = waiting.pop()
        term = _WEIGHT.match(node["description"])
        if term:
            name = term[1], term[2]
            points[name] = points.get(name, 0.0) + node["value"]
        else:
            waiting += node.get("details", ())
    weightiest = sorted(points.items(), key=lambda share: -share[1])[:MOST_REASONS]
    return tuple(ScoreShare(field, text, score) for (field, text), score in weightiest)
