"""What a question asks of the articles, as a plan: a sum over its words of what each field says.

The weights were measured on open sets (`kbsearch evaluate`), where tiers by matched words, DisMax
and title boosts all lost.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache

from kbsearch.search.fulltext import text as texts
from kbsearch.search.fulltext.article_words import ArticleWords
from kbsearch.search.fulltext.plan import (
    Clause,
    Constant,
    QueryTerm,
    all_of,
    any_of,
    narrowed,
    phrase,
    raised,
)
from kbsearch.search.fulltext.query import MOST_TERMS, Part, Terms
from kbsearch.search.fulltext.scores import Tiers

TITLE, ALL, PHRASES, SURFACE = 1.0, 1.0, 1.0, 0.2
PAIRS = {"fr": 0.25, "en": 0.1}  # what stands side by side says more in French
AMOUNT = 2.4  # times its rarity, as a word in title and text: many pages may speak of 8 h
AMOUNT_ALONE, BEGUN_CODE = 20.0, 20.0
FAMILY = 0.25  # what begins like a word of the question may be about the same
TIERS = Tiers(title=2_000.0, share=1.2)  # pairs and written forms are scored besides

Places = Callable[[str, float], tuple[Clause, ...]]


@lru_cache(maxsize=20_000)
def _everywhere(stem: str, weight: float) -> tuple[Clause, ...]:
    """What a word says in each field; made once, as it stands there for many keys pressed."""
    return (
        QueryTerm("t", stem, TITLE * weight),
        QueryTerm("all", stem, ALL * weight),
        QueryTerm("e", stem, PHRASES * weight),
    )


def _mentions(stem: str, weight: float) -> tuple[Clause, ...]:
    """Where a word is found if it is found at all: titles are part of `all`."""
    return _everywhere(stem, weight)[1:]


def ranking(words: ArticleWords, terms: Terms, principals: Sequence[str]) -> Clause:
    """Pages match by the words themselves; written forms and pairs only raise them."""
    matching = any_of(_matching(words, terms, principals, _everywhere))
    return _narrowed(words, raised(matching, _raising(words, terms)), terms)


def counting(words: ArticleWords, terms: Terms, principals: Sequence[str]) -> Clause:
    """The pages of `ranking`, asked of the fields that hold all the others."""
    return _narrowed(words, any_of(_matching(words, terms, principals, _mentions)), terms)


def _matching(
    words: ArticleWords, terms: Terms, principals: Sequence[str], places_of: Places
) -> Iterator[Clause]:
    """What a page must have some of; `places_of` says where a word is looked for."""
    stems = words.stems(terms)
    besides = words.besides(terms, principals)
    for stem in words.telling(terms):
        yield from places_of(stem, 1.0)
    for stem, weight in besides.items():
        if stem not in stems:
            yield from places_of(stem, weight)
    for noun in words.small_nouns(terms):
        yield QueryTerm("pt", noun, TITLE + ALL)
    if not stems:
        yield all_of(QueryTerm("x", word, SURFACE) for word in terms.words)
        yield from (QueryTerm("pt", part.word, TITLE) for part in terms.parts if part.word)
    yield from (_key(words, terms, part) for part in terms.parts if part.key)
    for key in words.begun_keys(terms, principals):
        yield Constant(QueryTerm("code", key), BEGUN_CODE)
    yield whole_title(terms)


def _raising(words: ArticleWords, terms: Terms) -> Iterator[Clause]:
    stems = words.stems(terms)
    telling = words.telling(terms)
    common = set(stems).difference(telling)
    family = dict.fromkeys(relative for stem in telling for relative in words.relatives(stem))
    for relative in family:
        if relative not in stems:
            yield from _everywhere(relative, FAMILY)
    for stem in stems:
        if stem in common:
            yield from _everywhere(stem, 1.0)
    surface = dict.fromkeys(part.word for part in terms.parts if words.stem(part.word))
    yield from (QueryTerm("x", word, SURFACE) for word in list(surface)[:MOST_TERMS])
    for pair in dict.fromkeys(zip(stems, stems[1:], strict=False)):
        yield QueryTerm("bg", "_".join(pair), PAIRS[words.language])
    yield from (QueryTerm("t", stem, TITLE) for stem in words.stems_in(terms.fragments))


def _key(words: ArticleWords, terms: Terms, part: Part) -> Clause:
    """Pages with a code, whatever else a question has; beside words an amount is one of them."""
    amount = AMOUNT * words.weight(part.key, "code") if terms.has_words else AMOUNT_ALONE
    return Constant(QueryTerm("code", part.key), TIERS.code if part.is_code else amount)


def whole_title(terms: Terms) -> Clause:
    """Pages of which the question is the title."""
    return Constant(QueryTerm("whole", texts.whole(terms.words)), TIERS.title)


def _narrowed(words: ArticleWords, clause: Clause, terms: Terms) -> Clause:
    """The clause for pages that have the phrases of a question, and nothing it excludes."""
    return narrowed(
        clause,
        [_phrase(words, phrase) for phrase in terms.phrases],
        [
            condition
            for phrase in terms.excluded
            for condition in (_phrase(words, phrase), QueryTerm("products", "-".join(phrase)))
        ],
    )


def _phrase(words: ArticleWords, spoken: Sequence[str]) -> Clause:
    """Pages with these words in that order; those of stop words have them all."""
    stems = [words.stem(word) for word in spoken]
    if not any(stems):
        return all_of(QueryTerm("x", word) for word in spoken)
    alone = [QueryTerm("e", stem) for stem in stems if len(stems) == 1 and stem]
    return any_of([phrase("all", stems), *alone])


def parts(words: ArticleWords, terms: Terms, weights: Mapping[str, float]) -> Clause:
    """What each word of a question weighs, for the pages that have it in any form."""
    return any_of(_parts(words, terms, weights))


def _anywhere(stem: str) -> Clause:
    return any_of(QueryTerm(field, stem) for field in ("all", "e"))


def _parts(words: ArticleWords, terms: Terms, weights: Mapping[str, float]) -> Iterator[Clause]:
    for part in terms.parts:
        stem = words.stem(part.word)
        if stem and stem in weights:
            forms = words.stems_in((part.word, *part.forms))
            pieces = words.stems_in(part.pieces)
            joined = [all_of(_anywhere(piece) for piece in pieces)] if pieces else []
            yield Constant(any_of((*map(_anywhere, forms), *joined)), weights[stem])
    for spoken in terms.also:
        synonym = all_of(QueryTerm("all", stem) for stem in words.stems_in(spoken))
        yield Constant(synonym, min(weights.values(), default=1.0))
