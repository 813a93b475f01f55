"""What questions will ask about words, so that an index on other machines is asked once for all."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from kbsearch.config import LANGUAGES
from kbsearch.search.fulltext import engine
from kbsearch.search.fulltext import text as texts
from kbsearch.search.fulltext.plan import (
    Begun,
    Clause,
    Expected,
    Frequency,
    Plan,
    QueryTerm,
    narrowed,
)
from kbsearch.search.fulltext.query import MOST_COMPLETIONS, Terms


def of_question(
    terms: Terms, reading: Clause | None, unknown: Collection[Terms]
) -> Iterator[Expected]:
    """For whoever reads what matches a clause; None for agents, who read all."""
    yield from languages()
    yield from stems(_words(terms))
    yield from (Frequency("code", key) for key in terms.keys)
    if terms.unfinished is not None:
        yield Begun("pt", terms.unfinished, 1, reading)
        yield Begun("pt", terms.unfinished, MOST_COMPLETIONS + 1, reading)
    if terms.unfinished_key is not None:
        yield Begun("code", terms.unfinished_key, MOST_COMPLETIONS, reading)
    doubtful = [terms.unfinished] if terms.unfinished is not None else []
    for others in unknown:
        doubtful += others.words
        yield from stems(_words(others))
    yield from of_words(doubtful, reading)


def of_words(words: Collection[str], reading: Clause | None) -> Iterator[Expected]:
    """Whether tickets that may be read have words."""
    yield from stems(words)
    if reading is not None:
        yield from (_readable(frequency, reading) for frequency in stems(words))
    for word in words:
        if any(word in texts.SMALL_NOUNS[language] for language in LANGUAGES):
            yield Begun("pt", word, 1, reading)


def _readable(frequency: Frequency, reading: Clause) -> Plan:
    """Whether a ticket that may be read has a word."""
    word = QueryTerm(frequency.field, frequency.term)
    return Plan(narrowed(word, [reading]), 1, is_counted=False)


def _words(terms: Terms) -> Iterator[str]:
    for part in terms.parts:
        yield from part.spellings
    yield from terms.fragments
    for spoken in terms.also:
        yield from spoken


def languages() -> Iterator[Frequency]:
    """In which languages there are tickets."""
    return (Frequency("language", language) for language in LANGUAGES)


def stems(words: Iterable[str]) -> Iterator[Frequency]:
    """How many tickets have words, in each language."""
    every = list(words)
    for language in LANGUAGES:
        stem_of = engine.stemmer(language)
        for stem in dict.fromkeys(map(stem_of, every)):
            if stem:
                yield Frequency(f"all_{language}", stem)


def of_text(words: Sequence[str], lines: Iterable[str]) -> Iterator[Expected]:
    """For cases like a text: its words, and its lines by their keys."""
    yield from languages()
    yield from stems(words)
    yield from (Frequency("lines", key) for key in dict.fromkeys(lines) if key)
