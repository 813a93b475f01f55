"""Past tickets like a text or another ticket; for agents, who may read them all."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kbsearch.config import LANGUAGES
from kbsearch.search.fulltext import engine, essence
from kbsearch.search.fulltext import text as texts
from kbsearch.search.fulltext.clicks import MOST_ASKED, Clicks, no_clicks, reordered
from kbsearch.search.fulltext.highlight import Highlighter, as_written, flat
from kbsearch.search.fulltext.plan import (
    AtLeast,
    Clause,
    Constant,
    OneOf,
    QueryTerm,
    any_of,
    raised,
)
from kbsearch.search.fulltext.query import MOST_TERMS
from kbsearch.search.fulltext.scores import SHORT
from kbsearch.search.fulltext.ticket_commit import CaseHit
from kbsearch.search.fulltext.ticket_index import TicketIndex
from kbsearch.search.fulltext.ticket_plan import ALL, ANSWERS, TITLE

MOST_WORDS = 40
TITLE_COUNTS = 4  # a word of the subject counts as much as four of the description
MOST_SHARED = 5  # words told as the reason
DEPTH = 100  # cases that clicks may put in another order
SAME_PRODUCT = 0.05  # decides between equals alone: the same problem is met in other software too
LEAST_SHARED = 0.5  # of the words of a short request; of a longer one, as much as of SHORT words
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
    worths: Mapping[str, tuple[int, float]]  # by language how many words, and what they weigh
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
    index.expect_text(subject, description)
    own, common = _parted(index, description)
    weights: dict[tuple[str, str], float] = {}
    values: dict[tuple[str, str], float] = {}
    worths: dict[str, tuple[int, float]] = {}
    for language in LANGUAGES:
        counts = Counter(engine.stems(own, language))
        for stem in engine.stems(subject, language):
            counts[stem] += TITLE_COUNTS
        worths[language] = _worth(index, counts, language)
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
        worths,
        product,
        tuple(its_version),
    )


def _worth(index: TicketIndex, counts: Mapping[str, int], language: str) -> tuple[int, float]:
    """How many words tell a ticket, and what they weigh: those that no other has count too."""
    values = [math.sqrt(count) * index.rarity(stem, language) for stem, count in counts.items()]
    heaviest = sorted(values, reverse=True)[:MOST_WORDS]
    return len(heaviest), sum(heaviest)


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
    likeness: Likeness,
    limit: int,
    *,
    without: int | None = None,
    clicks: Clicks = no_clicks,
    seen_by: tuple[Clause, ...] = (),
) -> list[tuple[int, float]]:
    """Solved tickets like that by their numbers, nearest first, in the light of agents' clicks.

    Those that share too little are no similar cases, unless an agent said so of one. `seen_by` are
    the filters of whoever may not read all; what words weigh is that of all tickets nonetheless.
    """
    clause = _clause(likeness)
    if clause is None:
        return []
    depth = max(limit, DEPTH)
    of_solved = (IS_SOLVED, *seen_by)
    index.expect_best((clause, depth + 1, of_solved), (clause, MOST_ASKED + 1, seen_by))
    solved = _scores(index, clause, depth, without, of_solved)
    of_any_status = _scores(index, clause, MOST_ASKED, without, seen_by)
    scores = {**of_any_status, **solved}
    signals = clicks([*scores, *([] if without is None else [without])])
    if signals:
        near = Nearness(index, likeness)
        in_order = reordered(scores, signals, near.of, without)
        strangers = [number for number, _ in in_order if number not in solved]
        cases = solved.keys() | index.cases(strangers, IS_SOLVED, *seen_by).keys()
        ranked = [(number, score) for number, score in in_order if number in cases][:limit]
    else:
        ranked = list(solved.items())[:limit]
    alike = {signal.case for signal in signals if signal.is_confirmed}
    alike |= _sharing(index, likeness, [number for number, _ in ranked])
    return [(number, score) for number, score in ranked if number in alike]


def _sharing(index: TicketIndex, likeness: Likeness, numbers: Sequence[int]) -> set[int]:
    """The tickets that have a code of a likeness, or enough of its words."""
    if not numbers:
        return set()
    these = (OneOf("number", tuple(str(number) for number in numbers)),)
    questions = [
        (any_of(shared), LEAST_SHARED * min(1.0, SHORT / max(1, words)) * worth)
        for language, (words, worth) in likeness.worths.items()
        if (shared := _shared(index, likeness, language, worth))
    ]
    index.expect_best(*((clause, len(numbers), these) for clause, _ in questions))
    sharing: set[int] = set()
    for clause, least in questions:
        found = index.best(clause, len(numbers), these)
        sharing |= {number for number, score in found if score >= least}
    return sharing


def _shared(index: TicketIndex, likeness: Likeness, language: str, worth: float) -> list[Clause]:
    """What a ticket may share with a likeness in a language; a code is more than all words."""
    codes = (QueryTerm("code", code) for code in likeness.codes)
    shared: list[Clause] = [Constant(code, worth + 1.0) for code in codes]
    for (of, stem), weight in likeness.weights.items():
        if of == language:
            places = any_of(QueryTerm(f"{field}_{of}", stem) for field in ("t", "all"))
            shared.append(Constant(places, weight * index.weight(stem, language)))
    return shared


def _clause(likeness: Likeness) -> Clause | None:
    clauses = [
        QueryTerm(f"{field}_{language}", stem, weight * boost)
        for (language, stem), weight in likeness.weights.items()
        for field, boost in (("t", TITLE), ("all", ALL), ("ans", ANSWERS))
    ]
    clauses += [QueryTerm("code", code) for code in likeness.codes]
    if not clauses:
        return None
    raising: list[Clause] = [QueryTerm("code", code) for code in likeness.version]
    if likeness.product:
        raising.append(Constant(QueryTerm("product", likeness.product), SAME_PRODUCT))
    return raised(any_of(clauses), raising)


IS_SOLVED = QueryTerm("solved", "yes")


def _scores(
    index: TicketIndex,
    clause: Clause,
    limit: int,
    without: int | None,
    filters: tuple[Clause, ...] = (),
) -> dict[int, float]:
    hits = index.best(clause, limit + 1, filters)
    return {number: score for number, score in hits if number != without}


class Nearness:
    """How much of the words of a likeness other tickets share: 1 for the same words."""

    def __init__(self, index: TicketIndex, likeness: Likeness) -> None:
        self._index = index
        self._likeness = likeness

    def of(self, number: int) -> float:
        """The shared words' part of all words of both, by their rarity; 0 for an unknown ticket."""
        hit = self._index.cases([number]).get(number)
        if hit is None:
            return 0.0
        case, language = hit.case, hit.case.language
        description = essence.of_description(case.description, case.subject)
        text = f"{essence.of_subject(case.subject)}\n{description}"
        self._index.expect_text("", text)
        case_stems = set(engine.stems(text, language))
        own_stems = {stem for of, stem in self._likeness.weights if of == language}
        every = self._weigh(own_stems | case_stems, language)
        return self._weigh(own_stems & case_stems, language) / every if every else 0.0

    def _weigh(self, stems: set[str], language: str) -> float:
        return sum(self._index.weight(stem, language) for stem in stems)


@dataclass(frozen=True)
class Alike:
    """A request like another, solved or not: the codes both have, and how near its words are."""

    number: int
    codes: tuple[str, ...]
    nearness: float


def recent(
    index: TicketIndex,
    likeness: Likeness,
    since: int,
    limit: int,
    seen_by: tuple[Clause, ...] = (),
) -> list[Alike]:
    """Requests like that among those changed since a day of the index."""
    clause = _clause(likeness)
    if clause is None:
        return []
    best = index.best(clause, limit, (AtLeast("day", since), *seen_by))
    numbers = [number for number, _ in best]
    near, alike = Nearness(index, likeness), []
    for number, hit in index.cases(numbers).items():
        case_codes = set(texts.codes_of(f"{hit.case.subject}\n{hit.case.description}"))
        codes = tuple(code for code in likeness.codes if code in case_codes and _has_digit(code))
        alike.append(Alike(number, codes, near.of(number)))
    return alike


def shared(index: TicketIndex, hit: CaseHit, likeness: Likeness) -> tuple[list[str], list[str]]:
    """What a past case has of a likeness: its codes, and its most telling words."""
    case = hit.case
    text = f"{case.subject}\n{case.text}"
    of_case = set(texts.codes_of(text))
    weights = {
        stem: index.weight(stem, language)
        for language, stem in likeness.weights
        if language == case.language
    }
    matches = Highlighter(weights, engine.stemmer(case.language)).matches(flat(text))
    spellings = {match.term: text[match.start : match.end] for match in reversed(matches)}
    codes = [code for code in likeness.codes if code in of_case]
    parts = {part for code in codes for part in texts.words_of(code)}
    telling = [
        spellings[stem]
        for stem in sorted(spellings, key=lambda stem: weights[stem], reverse=True)
        if texts.fold_word(spellings[stem]) not in parts | SMALL_WORDS
    ]
    return [as_written(code, text) for code in codes], telling[:MOST_SHARED]
