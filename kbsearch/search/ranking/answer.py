"""One question on its way to results: both indexes, corrections, facets, and who may see what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial

from kbsearch import articles, tickets
from kbsearch.access import Viewer
from kbsearch.search import Facet, Facets, Hit, Kind, Question, Results
from kbsearch.search.fulltext.article_index import ArticleIndex, PageHit, PageLookup
from kbsearch.search.fulltext.article_plan import TIERS
from kbsearch.search.fulltext.confirmed import Wordings
from kbsearch.search.fulltext.query import Terms, understand
from kbsearch.search.fulltext.shelf import Articles
from kbsearch.search.fulltext.speller import Speller
from kbsearch.search.fulltext.text import Synonyms
from kbsearch.search.fulltext.ticket_commit import CaseHit
from kbsearch.search.fulltext.ticket_index import CaseHits, TicketIndex
from kbsearch.search.fulltext.ticket_words import Lookup
from kbsearch.search.ranking import hits
from kbsearch.search.ranking.known import Snapshot

FEW = 3  # articles; with fewer in the reader's language, those of the other are shown too
MOST_OTHER_LANGUAGE = 3


@dataclass(frozen=True)
class _Candidate:
    """What may be shown: a hit is made, with its snippet, only when it is."""

    score: float
    id: str
    make: Callable[[], Hit]
    is_certain: bool = False


@dataclass(frozen=True)
class _Part:
    """What one index answers, best first, in scores that can be compared."""

    candidates: tuple[_Candidate, ...] = ()
    total: int = 0
    products: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)
    is_near: bool = True  # else what it has only shares some words with the question
    is_fallback: bool = False


class Answer:
    """One question on its way to results."""

    def __init__(
        self,
        snapshot: Snapshot,
        viewer: Viewer,
        question: Question,
        shelf: Articles | None,
        cases: TicketIndex | None,
        wordings: Mapping[str, Wordings] | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.viewer = viewer
        self.principals = viewer.principals
        self.question = question
        self.shelf = shelf
        self.cases = cases
        self.wordings = wordings or {}
        self.language = question.only_language or question.language
        self.synonyms = shelf.synonyms if shelf else Synonyms()
        self.sees_tickets = viewer.is_signed_in or viewer.is_agent
        self.speller = Speller(shelf, cases, viewer, self.language) if shelf else None
        self.kind: Kind | None = question.kind if self.sees_tickets else question.kind or "article"

    def rank(self, terms: Terms) -> list[tuple[str, float]]:
        terms, _ = self._spelt(terms)
        of_articles, of_tickets = self._find_articles(terms), self._find_tickets(terms)
        is_near = self._is_near(of_articles, of_tickets)
        arranged = self._arranged(of_articles, of_tickets)
        return [(hit.id, hit.score if is_near else 0.0) for hit in arranged]

    def find(self, terms: Terms) -> Results:
        terms, corrected = self._spelt(terms)
        of_articles = self._find_articles(terms)
        of_tickets = self._find_tickets(terms)
        is_near = self._is_near(of_articles, of_tickets)
        is_foreign_shown = of_articles.total < FEW or not is_near
        other_hits, in_other = self._find_other_language(terms, is_foreign_shown)
        fell_back = of_articles.is_fallback or of_tickets.is_fallback
        arranged = self._arranged(of_articles, of_tickets)
        made = tuple(hit.make() for hit in arranged)
        if not is_near:
            of_articles = of_tickets = _Part()
        return Results(
            hits=made if is_near else (),
            total=self._total(of_articles.total, of_tickets.total),
            far=() if is_near else made,
            corrected=corrected,
            synonyms=tuple(self.synonyms.names[phrase] for phrase in terms.also),
            other_language=other_hits,
            facets=_facets(of_articles, of_tickets, self.language, in_other),
            fallback="database" if fell_back else "corrected" if corrected else None,
            is_answered=is_near and self._is_answered(arranged),
        )

    def _is_answered(self, arranged: Sequence[_Candidate]) -> bool:
        """Whether the first of all is the answer."""
        return self.question.page == 1 and bool(arranged) and arranged[0].is_certain

    def _is_near(self, of_articles: _Part, of_tickets: _Part) -> bool:
        """Whether anything of the kinds that are asked for is worth being shown as a result."""
        parts = {"article": of_articles, "ticket": of_tickets}
        found = [part for kind, part in parts.items() if self.kind in (None, kind) and part.total]
        return not found or any(part.is_near for part in found)

    def _spelt(self, terms: Terms) -> tuple[Terms, str | None]:
        """What is really looked for, and its text where words had to be corrected."""
        corrected = None
        as_typed = replace(terms, also=self.synonyms.others(terms.words))
        self._expect(as_typed)
        if self.speller is not None and not self.question.literal:
            corrected = self.speller.correct(terms)
        if corrected is not None:
            meant = understand(corrected, self.synonyms)
            self._expect(meant)
            return meant, corrected
        return as_typed, None

    def _expect(self, terms: Terms) -> None:
        """Have an index on other machines asked of all words in one call."""
        if self.sees_tickets and self.cases is not None and self.cases.view.is_remote:
            unknown = self.speller.unknown_to_articles(terms) if self.speller else ()
            self.cases.expect(terms, self.principals, unknown)

    def _span(self, kind: Kind) -> tuple[int, int]:
        """How many hits of a kind to fetch (the engine takes no 0), and after how many.

        Where both kinds are in the list, any hit before the end of the page may be in it.
        """
        question = self.question
        if self.kind == kind:
            return question.limit, (question.page - 1) * question.limit
        return (question.limit * question.page, 0) if self.kind is None else (1, 0)

    def _find_articles(self, terms: Terms) -> _Part:
        if self.shelf is None:
            return self._articles_of_database(terms)
        index = self.shelf.by_language[self.language]
        limit, offset = self._span("article")
        lookup = PageLookup(
            terms,
            self.principals,
            limit,
            offset,
            product=self.question.product or "",
            explain=self.question.explain,
            votes=self._votes(index, terms),
        )
        answer = index.search(lookup)
        pages = answer.hits
        return _Part(
            candidates=self._pages(index, pages, terms) if self.kind != "ticket" else (),
            total=answer.total,
            products=answer.products,
            languages={self.language: answer.total},
            is_near=offset > 0 or index.is_near(terms, pages),
        )

    def _votes(self, index: ArticleIndex, terms: Terms) -> Mapping[str, float]:
        """What was confirmed for words like these."""
        wordings = self.wordings.get(index.language)
        return index.votes(terms, wordings) if wordings else {}

    def _pages(
        self, index: ArticleIndex, pages: Sequence[PageHit], terms: Terms
    ) -> tuple[_Candidate, ...]:
        highlighter = cache(partial(index.highlighter, terms, self.principals))
        worth = index.worth(terms)

        def make(page: PageHit, score: float) -> Hit:
            return hits.of_page(
                index, replace(page, score=score), highlighter(), self.question.language
            )

        compared = ((page, TIERS.comparable(page.score, worth)) for page in pages)
        return tuple(
            _Candidate(
                score,
                page.path,
                partial(make, page, score),
                self.snapshot.is_certain(score, page.learnt),
            )
            for page, score in compared
        )

    def _find_other_language(
        self, terms: Terms, is_shown: bool
    ) -> tuple[tuple[Hit, ...], Mapping[str, int]]:
        """What the other language has: counted always, shown when the reader's has little."""
        if self.shelf is None or self.question.only_language:
            return (), {}
        is_shown = is_shown and self.question.kind != "ticket" and self.question.page == 1
        product = self.question.product or ""
        other_hits: list[Hit] = []
        counts = {}
        for language, index in self.shelf.by_language.items():
            if language == self.language:
                continue
            if not is_shown:
                counts[language] = index.count_found(terms, self.principals, product)
                continue
            lookup = PageLookup(
                terms,
                self.principals,
                MOST_OTHER_LANGUAGE,
                product=product,
                votes=self._votes(index, terms),
            )
            answer = index.search(lookup)
            if index.is_near(terms, answer.hits):
                counts[language] = answer.total
                other_hits += [page.make() for page in self._pages(index, answer.hits, terms)]
        return tuple(other_hits), counts

    def _find_tickets(self, terms: Terms) -> _Part:
        if not self.sees_tickets:
            return _Part()
        answer = self._search_tickets(terms)
        if answer is None:
            return self._tickets_of_database(terms)
        candidates = self._cases(answer.hits, terms) if self.kind != "article" else ()
        return _Part(
            candidates, answer.total, answer.products, answer.languages, is_near=answer.is_near
        )

    def _search_tickets(self, terms: Terms) -> CaseHits | None:
        if self.cases is None:
            return None
        limit, offset = self._span("ticket")
        lookup = Lookup(
            terms,
            self.principals,
            limit,
            offset,
            product=self.question.product or "",
            language=self.question.only_language or "",
            explain=self.question.explain,
            weigh=self._weigh,
            documents=self.shelf.by_language[self.language].count if self.shelf else 0,
        )
        revision = self.cases.revision
        is_current = revision >= self.snapshot.last_revision
        if not is_current and self.cases.view.is_remote:
            lost = self._lost_since(revision)
            is_current = lost is not None
            lookup = replace(lookup, without=tuple(sorted(lost or ())))
        return self.cases.search(
            lookup, confirm=partial(self.snapshot.confirm, self.viewer), is_current=is_current
        )

    def _lost_since(self, revision: int) -> set[int] | None:
        """The tickets that the viewer no longer sees, of those changed since a revision.

        A cluster lags behind for a moment after each change, so that reading all that match, to
        confirm them one by one, would be the rule there. None where too many changed.
        """
        changed = self.snapshot.changed_since(revision)
        if changed is None:
            return None
        return set(changed) - self.snapshot.confirm(self.viewer, changed)

    def _weigh(self, language: str, stem: str) -> float:
        """What a word says, by the articles: how many tickets have it is no customer's business."""
        return self.shelf.by_language[language].words.rarity(stem) if self.shelf else 1.0

    def _cases(self, cases: Sequence[CaseHit], terms: Terms) -> tuple[_Candidate, ...]:
        assert self.cases is not None
        highlighter = cache(partial(self.cases.highlighter, terms))

        def make(hit: CaseHit) -> Hit:
            return hits.of_case(hit, self.question.language, highlighter(hit.case.language))

        return tuple(_Candidate(hit.score, str(hit.number), partial(make, hit)) for hit in cases)

    def _arranged(self, of_articles: _Part, of_tickets: _Part) -> Sequence[_Candidate]:
        """The candidates of this page in one order, whatever their kind; of equals articles."""
        both = (*of_articles.candidates, *of_tickets.candidates)
        if self.kind is not None:
            return both
        ranked = sorted(both, key=lambda hit: -hit.score)
        after = (self.question.page - 1) * self.question.limit
        return ranked[after : after + self.question.limit]

    def _total(self, of_articles: int, of_tickets: int) -> int:
        counts = {"article": of_articles, "ticket": of_tickets, None: of_articles + of_tickets}
        return counts[self.question.kind]

    def _articles_of_database(self, terms: Terms) -> _Part:
        """While the index is built anew: titles and texts that hold the words."""
        if self.question.kind == "ticket":
            return _Part(is_fallback=True)
        cards = articles.search_database(
            self.snapshot.db, self.viewer, self.language, terms.text, self.question.limit
        )
        candidates = tuple(
            _Candidate(0.0, card.path, partial(hits.of_card, card)) for card in cards
        )
        total = len(candidates)
        return _Part(candidates, total, languages={self.language: total}, is_fallback=True)

    def _tickets_of_database(self, terms: Terms) -> _Part:
        if self.question.kind == "article":
            return _Part(is_fallback=True)
        matches = tickets.search_database(
            self.snapshot.db, self.viewer, terms.text, self.question.limit
        )
        candidates = tuple(
            _Candidate(
                0.0, str(ticket.number), partial(hits.of_ticket, ticket, self.question.language)
            )
            for ticket in matches
        )
        return _Part(candidates, len(candidates), is_fallback=True)


def _facets(
    of_articles: _Part, of_tickets: _Part, language: str, in_other: Mapping[str, int]
) -> Facets:
    return Facets(
        kinds=_facet({"article": of_articles.total, "ticket": of_tickets.total}),
        products=_facet(of_articles.products, of_tickets.products),
        languages=_facet(of_articles.languages, of_tickets.languages, in_other),
    )


def _facet(*counts: Mapping[str, int]) -> tuple[Facet, ...]:
    """Values with their counts, the largest first, then by name; none without a hit."""
    added: dict[str, int] = {}
    for some in counts:
        for value, count in some.items():
            added[value] = added.get(value, 0) + count
    by_count = sorted(added.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Facet(value, count) for value, count in by_count if value and count)
