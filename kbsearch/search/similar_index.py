"""Past tickets like a text or another ticket; for agents, who may read them all."""

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tantivy import Query

from kbsearch.search import essence
from kbsearch.search import tantivy_engine as engine
from kbsearch.search import text as texts
from kbsearch.search.highlight import Highlighter, flat
from kbsearch.search.query import MOST_TERMS
from kbsearch.search.ticket_index import ALL, ANSWERS, TITLE, Found, TicketIndex
from kbsearch.search.ticket_writer import schema

MOST_WORDS = 40
TITLE_COUNTS = 4  # a word of the subject counts as much as four of the description
MOST_SHARED = 5  # words told as the reason
BOILERPLATE = 8  # tickets that have the same line: nobody wrote it for this problem
_NOT_TELLING = re.compile(r"[\d\W_]{8,}")  # a telephone, a date: codes by their form alone


@dataclass(frozen=True)
class Likeness:
    """The words (by language and stem, with their weights) and codes that tell a ticket."""

    weights: Mapping[tuple[str, str], float]
    codes: tuple[str, ...]


def likeness(index: TicketIndex, subject: str, description: str) -> Likeness:
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
    telling = [code for code in dict.fromkeys(codes) if not _NOT_TELLING.fullmatch(code)]
    return Likeness({term: weights[term] for term in best}, tuple(telling[:MOST_TERMS]))


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


def similar(
    index: TicketIndex, wanted: Likeness, limit: int, *, without: int | None = None
) -> list[Found]:
    """Solved tickets like that, nearest first."""
    clauses = [
        engine.boosted(Query.term_query(schema(), f"{field}_{language}", stem), weight * boost)
        for (language, stem), weight in wanted.weights.items()
        for field, boost in (("t", TITLE), ("all", ALL), ("ans", ANSWERS))
    ]
    clauses += [Query.term_query(schema(), "code", code) for code in wanted.codes]
    if not clauses:
        return []
    solved = Query.term_query(schema(), "solved", "yes")
    query = engine.filtered(engine.any_of(clauses), [solved])
    found = index.best(query, limit + 1)
    return [each for each in found if each.number != without][:limit]


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
    telling = sorted(written, key=lambda stem: weights[stem], reverse=True)[:MOST_SHARED]
    codes = [code for code in wanted.codes if code in of_case]
    return codes, [written[stem] for stem in telling]
