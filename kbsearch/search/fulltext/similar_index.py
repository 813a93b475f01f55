"""Past tickets like a text or another ticket; for agents, who may read them all."""

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tantivy import FieldType, Query

from kbsearch.search.fulltext import essence
from kbsearch.search.fulltext import tantivy_engine as engine
from kbsearch.search.fulltext import text as texts
from kbsearch.search.fulltext.clicks import MOST_ASKED, Clicks, no_clicks, reordered
from kbsearch.search.fulltext.highlight import Highlighter, as_written, flat
from kbsearch.search.fulltext.query import MOST_TERMS
from kbsearch.search.fulltext.ticket_index import ALL, ANSWERS, TITLE, Found, TicketIndex
from kbsearch.search.fulltext.ticket_writer import schema

MOST_WORDS = 40
TITLE_COUNTS = 4  # a word of the subject counts as much as four of the description
MOST_SHARED = 5  # words told as the reason
DEPTH = 100  # cases that clicks may put in another order
SAME_PRODUCT = 0.05  # decides between equals alone: the same problem is met in other software too
BOILERPLATE = 8  # tickets that have the same line: nobody wrote it for this problem
# Too common to be told as a reason; in a search they may still count.
_SMALL_WORDS = """
alors apres aussi avant bien chaque deja depuis encore entre faire fait hier jour jours lors
matin peut plus quand rien sous tous tout toute toutes toujours vers
after also already before day days every get got just now one since still today use used using
when yesterday
"""
SMALL_WORDS = frozenset(_SMALL_WORDS.split())
_NOT_TELLING = re.compile(r"[\d\W_]{8,}")  # a telephone, a date: codes by their form alone


@dataclass(frozen=True)
class Likeness:
    """The words (by language and stem, with their weights) and codes that tell a ticket."""

    weights: Mapping[tuple[str, str], float]
    codes: tuple[str, ...]
    product: str = ""
    version: tuple[str, ...] = ()  # as the codes it consists of


def likeness(
    index: TicketIndex, subject: str, description: str, *, product: str = "", version: str = ""
) -> Likeness:
    """What to look for in other tickets.

    A word weighs √(count in the description + 4 × count in the subject); the best 40 by
    weight × inverse document frequency are kept (measured on duplicate sets).
    """
    subject = essence.of_subject(texts.normal(subject))
    description = essence.of_description(texts.normal(description), subject)
    own, common = _parted(index, description)
    weights: dict[tuple[str, str], float] = {}
    values: dict[tuple[str, str], float] = {}
    for language in engine.SNOWBALL:
        analyzer = engine.stemmed(language)
        counts = Counter(analyzer.analyze(own))
        for stem in analyzer.analyze(subject):
            counts[stem] += TITLE_COUNTS
        for stem, count in counts.items():
            rarity = index.weight(stem, language)
            if rarity:
                weights[language, stem] = math.sqrt(count)
                values[language, stem] = math.sqrt(count) * rarity
    best = sorted(values, key=lambda term: values[term], reverse=True)[:MOST_WORDS]
    codes = [*texts.codes_of(f"{subject}\n{own}"), *filter(_has_digit, texts.codes_of(common))]
    its_version = texts.codes_of(version)
    telling = [
        code
        for code in dict.fromkeys(codes)
        if code not in its_version and not _NOT_TELLING.fullmatch(code)
    ]
    return Likeness(
        {term: weights[term] for term in best},
        tuple(telling[:MOST_TERMS]),
        product,
        tuple(its_version),
    )


def _parted(index: TicketIndex, text: str) -> tuple[str, str]:
    """The lines of a text that are its own, and those that many tickets have."""
    own: list[str] = []
    common: list[str] = []
    for line in text.split("\n"):
        key = essence.line_key(line)
        is_common = bool(key) and index.count_lines(key) >= BOILERPLATE
        (common if is_common else own).append(line)
    if len(texts.words_of("\n".join(own))) < essence.FEWEST_WORDS:
        return text, ""  # a text that everybody writes is a problem that everybody has
    return "\n".join(own), "\n".join(common)


def _has_digit(code: str) -> bool:
    return any(sign.isdecimal() for sign in code)


def ranked(
    index: TicketIndex,
    wanted: Likeness,
    limit: int,
    *,
    without: int | None = None,
    clicks: Clicks = no_clicks,
) -> list[tuple[int, float]]:
    """Solved tickets like that by their numbers, nearest first, in the light of agents' clicks."""
    query = _query(wanted)
    if query is None:
        return []
    solved = _scores(index, engine.filtered(query, [_is_solved()]), max(limit, DEPTH), without)
    asked = _scores(index, query, MOST_ASKED, without)
    scores = {**asked, **solved}
    said = clicks([*scores, *([] if without is None else [without])])
    if said:
        near = Nearness(index, wanted)
        in_order = reordered(scores, said, near.of, without)
        strangers = [number for number, _ in in_order if number not in solved]
        cases = solved.keys() | index.cases(strangers, _is_solved()).keys()
        return [(number, score) for number, score in in_order if number in cases][:limit]
    return list(solved.items())[:limit]


def _query(wanted: Likeness) -> Query | None:
    clauses = [
        engine.boosted(Query.term_query(schema(), f"{field}_{language}", stem), weight * boost)
        for (language, stem), weight in wanted.weights.items()
        for field, boost in (("t", TITLE), ("all", ALL), ("ans", ANSWERS))
    ]
    clauses += [Query.term_query(schema(), "code", code) for code in wanted.codes]
    if not clauses:
        return None
    raising = [Query.term_query(schema(), "code", code) for code in wanted.version]
    if wanted.product:
        product = Query.term_query(schema(), "product", wanted.product)
        raising.append(Query.const_score_query(product, SAME_PRODUCT))
    return engine.raised(engine.any_of(clauses), raising)


def _is_solved() -> Query:
    return Query.term_query(schema(), "solved", "yes")


def _scores(index: TicketIndex, query: Query, limit: int, without: int | None) -> dict[int, float]:
    found = index.best(query, limit + 1)
    return {number: score for number, score in found if number != without}


class Nearness:
    """How much of the words of a likeness other tickets share: 1 for the same words."""

    def __init__(self, index: TicketIndex, wanted: Likeness) -> None:
        self._index = index
        self._wanted = wanted

    def of(self, number: int) -> float:
        """The shared words' part of all words of both, by their rarity; 0 for an unknown ticket."""
        found = self._index.cases([number]).get(number)
        if found is None:
            return 0.0
        case, language = found.case, found.case.language
        told = essence.of_description(case.description, case.subject)
        stems = engine.stemmed(language).analyze(f"{essence.of_subject(case.subject)}\n{told}")
        theirs = set(stems)
        mine = {stem for of, stem in self._wanted.weights if of == language}
        every = self._weigh(mine | theirs, language)
        return self._weigh(mine & theirs, language) / every if every else 0.0

    def _weigh(self, stems: set[str], language: str) -> float:
        return sum(self._index.weight(stem, language) for stem in stems)


@dataclass(frozen=True)
class Alike:
    """A request like another, solved or not: the codes both have, and how near its words are."""

    number: int
    codes: tuple[str, ...]
    nearness: float


def recent(index: TicketIndex, wanted: Likeness, since: int, limit: int) -> list[Alike]:
    """Requests like that among those changed since a day of the index."""
    query = _query(wanted)
    if query is None:
        return []
    is_recent = Query.range_query(schema(), "day", FieldType.Integer, since, None)
    numbers = [number for number, _ in index.best(engine.filtered(query, [is_recent]), limit)]
    near, alike = Nearness(index, wanted), []
    for number, found in index.cases(numbers).items():
        theirs = set(texts.codes_of(f"{found.case.subject}\n{found.case.description}"))
        codes = tuple(code for code in wanted.codes if code in theirs and _has_digit(code))
        alike.append(Alike(number, codes, near.of(number)))
    return alike


def shared(index: TicketIndex, found: Found, wanted: Likeness) -> tuple[list[str], list[str]]:
    """What a past case has of a likeness: its codes, and its most telling words."""
    case = found.case
    text = f"{case.subject}\n{case.text}"
    of_case = set(texts.codes_of(text))
    weights = {
        stem: index.weight(stem, language)
        for language, stem in wanted.weights
        if language == case.language
    }
    matches = Highlighter(weights, engine.stemmer(case.language)).matches(flat(text))
    written = {match.term: text[match.start : match.end] for match in reversed(matches)}
    codes = [code for code in wanted.codes if code in of_case]
    parts = {part for code in codes for part in texts.words_of(code)}
    telling = [
        written[stem]
        for stem in sorted(written, key=lambda stem: weights[stem], reverse=True)
        if texts.fold_word(written[stem]) not in parts | SMALL_WORDS
    ]
    return [as_written(code, text) for code in codes], telling[:MOST_SHARED]
