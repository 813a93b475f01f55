"""What a question asks of the tickets, as a plan.

Agents get full BM25. A customer's ranking uses nothing that tickets hidden from him could move:
constant scores by field, then the date; statistics of a shared index leak what they count.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from kbsearch.search.fulltext import engine
from kbsearch.search.fulltext import text as texts
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
from kbsearch.search.fulltext.ticket_commit import MOST_REMEMBERED, reads_all
from kbsearch.search.fulltext.ticket_words import Lookup, TicketWords
from kbsearch.search.fulltext.ticket_writer import PHRASED

TITLE, ALL, ANSWERS, NOTES = 1.0, 1.0, 0.5, 0.3
TIERS = Tiers(title=2_000.0)
TIERS_OF_CUSTOMERS = Tiers(title=50.0, share=0.9)  # low, as the date multiplies them
COMPLETION = 0.7
SYNONYM = 0.5
FORM_OF_KNOWN = 0.2
AMOUNT = 2.0  # times its rarity, as a word in title and text: many tickets may speak of 8 h
CONSTANT_AMOUNT = 1.0
AMOUNT_ALONE, CONSTANT_AMOUNT_ALONE = 20.0, 3.0
BEGUN_CODE, CONSTANT_BEGUN_CODE = 20.0, 3.0
SMALL_NOUN = 3.0  # by its title alone
CONSTANT_TITLE, CONSTANT_ALL, CONSTANT_COMPLETION = 2.0, 1.0, 0.5


def ranking(words: TicketWords, lookup: Lookup) -> Clause:
    """The words of a typed text, over the fields its principals may search."""
    clauses: list[Clause] = []
    raising: list[Clause] = []
    for language in words.languages:
        matching, common = _of_language(words, lookup, language)
        clauses += matching
        raising += common
    clauses += _exact(words, lookup)
    fragments = lookup.terms.fragments
    raising += [
        QueryTerm(f"t_{language}", stem)
        if lookup.reads_all
        else Constant(QueryTerm(f"t_{language}", stem), 1 / len(fragments))
        for language in words.languages
        for stem in filter(None, map(engine.stemmer(language), fragments))
    ]
    return _narrowed(words, raised(any_of(clauses), raising), lookup)


def _exact(words: TicketWords, lookup: Lookup) -> Iterator[Clause]:
    """What is matched whole: codes and amounts, a request's number, its subject."""
    terms = lookup.terms
    tiers = TIERS if lookup.reads_all else TIERS_OF_CUSTOMERS
    for part in terms.parts:
        if part.is_code:
            yield Constant(QueryTerm("code", part.key), tiers.code)
        elif part.key:
            yield Constant(QueryTerm("code", part.key), _amount(words, lookup, part.key))
    begun = BEGUN_CODE if lookup.reads_all else CONSTANT_BEGUN_CODE
    for key in words.begun_keys(terms, lookup.principals):
        yield Constant(QueryTerm("code", key), begun)
    if terms.number is not None:
        yield Constant(QueryTerm("number", str(terms.number)), tiers.number)
    yield whole_title(terms, tiers.title)


def _amount(words: TicketWords, lookup: Lookup, key: str) -> float:
    """What an amount scores: beside words it is one of them."""
    if not lookup.terms.has_words:
        return AMOUNT_ALONE if lookup.reads_all else CONSTANT_AMOUNT_ALONE
    return AMOUNT * words.weight_of_key(key) if lookup.reads_all else CONSTANT_AMOUNT


def _of_language(
    words: TicketWords, lookup: Lookup, language: str
) -> tuple[list[Clause], list[Clause]]:
    """What a ticket must have some of, and the common words that only raise it."""
    terms, by_all = lookup.terms, lookup.reads_all
    stems = words.stems(terms, language, by_all=by_all)
    part = _weighing(words, stems, language, lookup)
    worth_it = words.telling(stems, lookup, language)
    clauses: list[Clause] = []
    common: list[Clause] = []
    for stem in stems:
        places = _word(stem, language, by_all, part(stem))
        (clauses if stem in worth_it else common).extend(places)
    for form, weight in _besides(words, terms, language).items():
        if form not in stems:
            clauses += _word(form, language, by_all, weight * part(form))
    stem_of = engine.stemmer(language)
    begun = {stem_of(word) for word in words.completions(terms, lookup.principals)}
    clauses += [
        _completion(stem, language, by_all, part(stem))
        for stem in begun
        if stem and stem not in stems
    ]
    nouns = {part.word for part in terms.parts if terms.is_short} & texts.SMALL_NOUNS[language]
    clauses += [Constant(QueryTerm("pt", noun), SMALL_NOUN) for noun in sorted(nouns)]
    return clauses, common


def _besides(words: TicketWords, terms: Terms, language: str) -> dict[str, float]:
    """Stems looked for besides those of the words: synonyms and other forms."""
    stem_of = engine.stemmer(language)
    spoken = (word for phrase in terms.also for word in phrase)
    besides = {synonym: SYNONYM for word in spoken if (synonym := stem_of(word))}
    for part in terms.parts:
        weight = FORM_OF_KNOWN if words.is_met(part.word, language) else 1.0
        for form in part.forms:
            if (stem := stem_of(form)) and words.is_met(form, language):
                besides[stem] = max(weight, besides.get(stem, 0.0))
        if part.pieces:
            weight = FORM_OF_KNOWN if words.is_met_in_any(part.word) else 1.0
            for stem in filter(None, map(stem_of, part.pieces)):
                besides.setdefault(stem, weight / len(part.pieces))
    return besides


def _weighing(
    words: TicketWords, stems: Sequence[str], language: str, lookup: Lookup
) -> Callable[[str], float]:
    """What a stem is multiplied by.

    To customers it is a part of the question; of another word, as much as if it stood in it.
    """
    if lookup.reads_all:
        return lambda stem: words.evened(stem, language)
    worth = sum(lookup.weigh(language, stem) for stem in stems)
    return lambda stem: lookup.weigh(language, stem) / worth if worth else 1.0


@lru_cache(maxsize=MOST_REMEMBERED)
def _word(stem: str, language: str, reads_all: bool, weight: float = 1.0) -> tuple[Clause, ...]:
    """What a word says in each field; made once, as it stands there for many keys pressed."""
    if reads_all:
        boosts = {"t": TITLE, "all": ALL, "ans": ANSWERS, "notes": NOTES}
        return tuple(
            QueryTerm(f"{field}_{language}", stem, boost * weight)
            for field, boost in boosts.items()
        )
    constants = {"t": CONSTANT_TITLE, "all": CONSTANT_ALL, "ans": CONSTANT_ALL}
    return tuple(
        Constant(QueryTerm(f"{field}_{language}", stem), score * weight)
        for field, score in constants.items()
    )


@lru_cache(maxsize=MOST_REMEMBERED)
def _completion(stem: str, language: str, reads_all: bool, weight: float) -> Clause:
    """A completion in subjects alone: a keystroke is not worth a scan."""
    field = f"t_{language}"
    if reads_all:
        return QueryTerm(field, stem, COMPLETION * weight)
    return Constant(QueryTerm(field, stem), CONSTANT_COMPLETION)


def whole_title(terms: Terms, score: float) -> Clause:
    """Tickets of which the question is the subject."""
    return Constant(QueryTerm("whole", texts.whole(terms.words)), score)


def _narrowed(words: TicketWords, clause: Clause, lookup: Lookup) -> Clause:
    """The clause for tickets that have the phrases of a question, and nothing it excludes."""
    return narrowed(
        clause,
        [_phrase(words, spoken, lookup.reads_all) for spoken in lookup.terms.phrases],
        [
            condition
            for spoken in lookup.terms.excluded
            for condition in (
                _phrase(words, spoken, lookup.reads_all),
                QueryTerm("product", "-".join(spoken)),
            )
        ],
    )


def _phrase(words: TicketWords, spoken: Sequence[str], reads_all: bool) -> Clause:
    """Tickets with these words in that order; stop words are only looked for in subjects."""
    places: list[Clause] = []
    for language in words.languages:
        stems = [engine.stemmer(language)(word) for word in spoken]
        fields = PHRASED if any(stems) else ()
        places += [phrase(f"{field}_{language}", stems) for field in fields]
        if reads_all and len(spoken) == 1 and stems[0]:
            places.append(QueryTerm(f"notes_{language}", stems[0]))
    if not places:
        places = [all_of(QueryTerm("pt", word) for word in spoken)]
    return any_of(places)


def parts(terms: Terms, language: str, weights: Mapping[str, float]) -> Clause:
    """What each word of a question weighs, for the tickets that have it in any form."""
    stem_of = engine.stemmer(language)
    clauses = [
        Constant(_part(part, language, by_all=False), weights[stem])
        for part in terms.parts
        if (stem := stem_of(part.word)) and stem in weights
    ]
    for spoken in terms.also:
        stems = [stem for word in spoken if (stem := stem_of(word))]
        synonym = all_of(QueryTerm(f"all_{language}", stem) for stem in stems)
        clauses.append(Constant(synonym, min(weights.values(), default=1.0)))
    return any_of(clauses)


def having_all(words: TicketWords, terms: Terms, principals: Sequence[str]) -> Clause:
    """Tickets that have every word of a text, the last one perhaps unfinished."""
    by_all = reads_all(principals)
    completions = words.completions(terms, principals)
    every = []
    keys = [QueryTerm("code", key) for key in terms.keys]
    for language in words.languages:
        stem_of = engine.stemmer(language)
        must: list[Clause] = [
            _part(part, language, by_all=by_all) for part in terms.parts if stem_of(part.word)
        ][:MOST_TERMS]
        if must and completions:
            begun = {stem for word in completions if (stem := stem_of(word))}
            must[-1] = any_of([must[-1], *(QueryTerm(f"t_{language}", stem) for stem in begun)])
        if must or keys:
            every.append(all_of([*must, *keys]))
    return any_of(every)


def _part(part: Part, language: str, *, by_all: bool) -> Clause:
    """Tickets that have a word in any form, or all the words that it joins."""
    stem_of = engine.stemmer(language)
    alone = _any_field(filter(None, map(stem_of, (part.word, *part.forms))), language, by_all)
    pieces = [_any_field([stem], language, by_all) for stem in map(stem_of, part.pieces) if stem]
    return any_of([alone, all_of(pieces)]) if pieces else alone


def _any_field(stems: Iterable[str], language: str, by_all: bool) -> Clause:
    fields = ("all", "ans", "notes") if by_all else ("all", "ans")
    return any_of(QueryTerm(f"{field}_{language}", stem) for stem in stems for field in fields)
