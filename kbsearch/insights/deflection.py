"""What became of the visits that searched: they are read once, and every number counts them.

A visit has one outcome. It failed when its person filed within 72 hours of a search in it, about
the same product or one of the two unnamed, or when a colleague did about the same product, named.
Otherwise it is confirmed when somebody said that an article solved it, assumed when something was
opened, and abandoned when nothing was.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Literal, get_args

from kbsearch.database import Database, Row
from kbsearch.search.fulltext.text import singular, words_of

VisitOutcome = Literal["confirmed", "assumed", "failed", "abandoned"]
OUTCOMES: tuple[VisitOutcome, ...] = get_args(VisitOutcome)
Lack = Literal["result", "click"]
LACKS: tuple[Lack, ...] = get_args(Lack)


@dataclass(frozen=True, slots=True)
class VisitSearch:
    """A search and what it led to, before the next one: paths of articles, numbers of requests."""

    at: str
    text: str  # empty once it is forgotten
    lack: Lack | None
    opened: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit with its searches in the period; who made it is not told."""

    searches: tuple[VisitSearch, ...]
    outcome: VisitOutcome
    opened: frozenset[str]
    confirmed: frozenset[str]

    @property
    def at(self) -> str:
        return self.searches[0].at


@dataclass(frozen=True)
class Ledger:
    """A period in numbers; every visit that searched has exactly one of the four outcomes."""

    searches: int = 0
    without_results: int = 0
    visits: int = 0
    confirmed: int = 0
    assumed: int = 0
    failed: int = 0
    abandoned: int = 0
    without_clicks: int = 0  # searches that found something, and nothing was opened


@dataclass(frozen=True)
class ReadArticle:
    """An article in the visits that searched and opened it, and how these ended."""

    path: str
    visits: int
    confirmed: int  # the visitor said that this very article solved it
    assumed: int
    failed: int


@dataclass(frozen=True)
class VisitQuery:
    """What was searched for, in its spellings, and how the visits that did ended."""

    key: str
    text: str  # the commonest spelling
    searches: int
    without_results: int
    without_clicks: int
    confirmed: int
    assumed: int
    failed: int


@dataclass(frozen=True)
class VisitFilter:
    """Which visits or searches a number counts."""

    outcome: VisitOutcome | None = None
    lack: Lack | None = None  # of a search
    path: str = ""  # an article that was opened, or confirmed where the outcome is that
    key: str = ""  # of a query


def visits(db: Database, since: str, until: str) -> list[Visit]:
    """The visits that searched from one moment to another, in no order."""
    span = {"since": since, "until": until}
    failed = _failed(db, span)
    rows = db.query(
        """
        SELECT e.visit_id, e.kind, e.at, e.text, e.results, e.target
        FROM (SELECT DISTINCT visit_id FROM visit_events
              WHERE kind = 'searched' AND at >= :since AND at < :until ORDER BY visit_id) asked
        CROSS JOIN visit_events e ON e.visit_id = asked.visit_id
        WHERE e.kind IN ('searched', 'opened', 'confirmed') AND e.undone_at IS NULL
        ORDER BY e.visit_id, e.position
        """,
        span,
    )
    return [
        _visit(list(events), since, until, is_failed=visit_id in failed)
        for visit_id, events in groupby(rows, key=lambda row: row["visit_id"])
    ]


def ledger(visits: Iterable[Visit]) -> Ledger:
    """Visits in numbers."""
    outcomes: Counter[str] = Counter()
    lacks: Counter[Lack | None] = Counter()
    for visit in visits:
        outcomes[visit.outcome] += 1
        lacks.update(search.lack for search in visit.searches)
    return Ledger(
        searches=lacks.total(),
        without_results=lacks["result"],
        without_clicks=lacks["click"],
        visits=outcomes.total(),
        **outcomes,
    )


def articles(visits: Iterable[Visit]) -> list[ReadArticle]:
    """The articles that visits opened, those of most visits first."""
    counters: dict[str, Counter[str]] = {}
    for visit in visits:
        for path in visit.opened:
            if "/" in path:
                numbers = counters.setdefault(path, Counter())
                numbers["visits"] += 1
                if visit.outcome != "confirmed" or path in visit.confirmed:
                    numbers[visit.outcome] += 1
    articles = [
        ReadArticle(
            path, counts["visits"], counts["confirmed"], counts["assumed"], counts["failed"]
        )
        for path, counts in counters.items()
    ]
    return sorted(articles, key=lambda article: (-article.visits, article.path))


def queries(visits: Iterable[Visit]) -> list[VisitQuery]:
    """What was searched for, as far as its words are still known, most often first.

    Spellings that differ in case, accents, signs and plurals are one query.
    """
    texts: dict[str, Counter[str]] = {}
    numbers: dict[str, Counter[str]] = {}
    for visit in visits:
        keys = {_key(search.text) for search in visit.searches if search.text}
        for key in keys:
            numbers.setdefault(key, Counter())[visit.outcome] += 1
        for search in visit.searches:
            if search.text:
                texts.setdefault(_key(search.text), Counter())[search.text] += 1
                numbers[_key(search.text)][search.lack or "found"] += 1
    queries = [
        VisitQuery(
            key,
            max(spelt, key=lambda text: (spelt[text], text)),
            spelt.total(),
            numbers[key]["result"],
            numbers[key]["click"],
            numbers[key]["confirmed"],
            numbers[key]["assumed"],
            numbers[key]["failed"],
        )
        for key, spelt in texts.items()
    ]
    return sorted(queries, key=lambda query: (-query.searches, query.text))


def searches(visits: Iterable[Visit], filter: VisitFilter) -> Iterator[tuple[VisitSearch, Visit]]:
    """The searches that a number counts, each with its visit."""
    for visit in visits:
        if _fits_visit(visit, filter):
            for search in visit.searches:
                if _fits_search(search, filter):
                    yield search, visit


def matching(visits: Iterable[Visit], filter: VisitFilter) -> Iterator[Visit]:
    """The visits that a number counts."""
    for visit in visits:
        if _fits_visit(visit, filter) and any(
            _fits_search(search, filter) for search in visit.searches
        ):
            yield visit


def _failed(db: Database, span: dict[str, str]) -> set[str]:
    """The visits after which a request was filed."""
    rows = db.query(
        """
        SELECT s.visit_id FROM visit_events s JOIN visits v ON v.id = s.visit_id
        JOIN tickets t ON t.requester_id = v.person_id AND t.form_key IS NOT NULL
          AND t.created_at >= s.at AND t.created_at <= s.fails_until
        LEFT JOIN products p ON p.id = t.product_id
        WHERE s.kind = 'searched' AND s.at >= :since AND s.at < :until
          AND (s.product = '' OR p.slug IS NULL OR p.slug = s.product)
        UNION
        SELECT s.visit_id FROM visit_events s JOIN visits v ON v.id = s.visit_id
        JOIN products p ON p.slug = s.product
        JOIN memberships m ON m.person_id = v.person_id
        JOIN tickets t ON t.organisation_id = m.organisation_id AND t.product_id = p.id
          AND t.form_key IS NOT NULL AND t.created_at >= s.at AND t.created_at <= s.fails_until
        WHERE s.kind = 'searched' AND s.at >= :since AND s.at < :until
        """,
        span,
    )
    return {row["visit_id"] for row in rows}


def _visit(events: Sequence[Row], since: str, until: str, *, is_failed: bool) -> Visit:
    opened = frozenset(event["target"] for event in events if event["kind"] != "searched")
    confirmed = frozenset(event["target"] for event in events if event["kind"] == "confirmed")
    outcome: VisitOutcome = "abandoned"
    if is_failed:
        outcome = "failed"
    elif confirmed or opened:
        outcome = "confirmed" if confirmed else "assumed"
    return Visit(tuple(_searches(events, since, until)), outcome, opened, confirmed)


def _searches(events: Sequence[Row], since: str, until: str) -> Iterator[VisitSearch]:
    for place, event in enumerate(events):
        if event["kind"] == "searched" and since <= event["at"] < until:
            led_to: dict[str, None] = {}
            for later in events[place + 1 :]:
                if later["kind"] == "searched":
                    break
                led_to[later["target"]] = None
            lack: Lack | None = None if led_to else "click"
            yield VisitSearch(
                event["at"], event["text"], lack if event["results"] else "result", tuple(led_to)
            )


def _fits_visit(visit: Visit, filter: VisitFilter) -> bool:
    if filter.outcome not in (None, visit.outcome):
        return False
    of_outcome = visit.confirmed if filter.outcome == "confirmed" else visit.opened
    return not filter.path or filter.path in of_outcome


def _fits_search(search: VisitSearch, filter: VisitFilter) -> bool:
    if filter.lack not in (None, search.lack):
        return False
    return not filter.key or (bool(search.text) and _key(search.text) == filter.key)


@lru_cache(maxsize=10_000)
def _key(text: str) -> str:
    """What the spellings of a query share."""
    return " ".join(singular(word) for word in words_of(text)) or text
