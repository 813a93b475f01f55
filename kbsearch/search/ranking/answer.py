"""One question on its way to results: both indexes, corrections, facets, and who may see what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from kbsearch import articles, tickets
from kbsearch.access import Viewer
from kbsearch.search import Facet, Facets, Hit, Kind, Question, Results
from kbsearch.search.fulltext import article_index, ticket_index
from kbsearch.search.fulltext.article_index import NO_VOTES, ArticleIndex, Articles
from kbsearch.search.fulltext.confirmed import Wordings
from kbsearch.search.fulltext.query import Terms, understand
from kbsearch.search.fulltext.speller import Speller
from kbsearch.search.fulltext.text import Synonyms
from kbsearch.search.fulltext.ticket_index import TicketIndex
from kbsearch.search.ranking import hits
from kbsearch.search.ranking.known import Snapshot

ARTICLES_OF_TEN = 6  # among ten hits of both kinds, when there are enough of each
FEW = 3  # articles; with fewer in the reader's language, those of the other are shown too
MOST_OTHER_LANGUAGE = 3

MakeHit = Callable[[], Hit]


@dataclass(frozen=True)
class _Part:
    """What one index answers; a hit is made, with its snippet, only when it is shown."""

    hits: tuple[MakeHit, ...] = ()
    total: int = 0
    products: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)
    is_exact: bool = False  # the first hit has a code of the question, letter for letter
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
        self.sees_tickets = viewer.is_signed_in
        self.speller = Speller(shelf, cases, viewer, self.language) if shelf else None
        self.turn: Mapping[Kind, tuple[int, int]] = {}
        self.articles_found = 0

    def rank(self, terms: Terms) -> list[tuple[str, float]]:
        terms, _ = self._spelt(terms)
        if self.question.kind == "ticket":
            answer = self._search_tickets(terms)
            return [(str(hit.number), hit.score) for hit in answer.hits] if answer else []
        if self.shelf is None:
            return []
        index = self.shelf.by_language[self.language]
        query = index.query(terms, self.principals)
        votes = self._votes(index, terms)
        pages, _ = index.search(query, self.principals, self.question.limit, votes=votes)
        return [(page.path, page.score) for page in pages]

    def find(self, terms: Terms) -> Results:
        terms, corrected = self._spelt(terms)
        if self.question.kind is None and self.question.page > 1:
            self.turn = self._later_page(terms)
        of_articles = self._find_articles(terms)
        self.articles_found = len(of_articles.hits)
        of_tickets = self._find_tickets(terms)
        other_hits, in_other = self._find_other_language(terms, of_articles.total < FEW)
        fell_back = of_articles.is_fallback or of_tickets.is_fallback
        return Results(
            hits=self._arranged(of_articles, of_tickets),
            total=self._total(of_articles.total, of_tickets.total),
            corrected=corrected,
            synonyms=tuple(self.synonyms.names[phrase] for phrase in terms.also),
            other_language=other_hits,
            facets=_facets(of_articles, of_tickets, self.language, in_other),
            fallback="database" if fell_back else "corrected" if corrected else None,
        )

    def _spelt(self, terms: Terms) -> tuple[Terms, str | None]:
        """What is really looked for, and its text where words had to be corrected."""
        corrected = None
        if self.speller is not None and not self.question.literal:
            corrected = self.speller.correct(terms)
        if corrected is not None:
            return understand(corrected, self.synonyms), corrected
        return replace(terms, also=self.synonyms.others(terms.words)), None

    def _span(self, kind: Kind) -> tuple[int, int]:
        """How many hits of a kind to fetch (the engine takes no 0), and after how many."""
        if self.question.kind == kind:
            return self.question.limit, (self.question.page - 1) * self.question.limit
        if self.question.kind is None and self.turn:
            return max(1, self.turn[kind][0]), self.turn[kind][1]
        if self.question.kind:
            return 1, 0
        share = round(self.question.limit * ARTICLES_OF_TEN / 10)
        article_count = min(self.articles_found, share) if kind == "ticket" else 0
        return max(1, self.question.limit - article_count), 0

    def _later_page(self, terms: Terms) -> Mapping[Kind, tuple[int, int]]:
        """What a page of both kinds has of each, after what the pages before it have."""
        self.turn = {"article": (1, 0), "ticket": (1, 0)}
        articles_left = self._find_articles(terms).total
        tickets_left = self._find_tickets(terms).total
        limit, after = self.question.limit, (0, 0)
        for _ in range(self.question.page - 1):
            first, second = _shares(limit, articles_left, tickets_left)
            articles_left, tickets_left = articles_left - first, tickets_left - second
            after = after[0] + first, after[1] + second
        first, second = _shares(limit, articles_left, tickets_left)
        return {"article": (first, after[0]), "ticket": (second, after[1])}

    def _find_articles(self, terms: Terms) -> _Part:
        if self.shelf is None:
            return self._articles_of_database(terms)
        index = self.shelf.by_language[self.language]
        query = index.query(terms, self.principals)
        limit, offset = self._span("article")
        product = self.question.product or ""
        pages, total = index.search(
            query,
            self.principals,
            limit,
            offset=offset,
            product=product,
            explain=self.question.explain,
            votes=self._votes(index, terms),
        )
        if not pages and not product:
            return _Part(total=total)
        return _Part(
            hits=self._pages(index, pages, terms) if self.question.kind != "ticket" else (),
            total=total,
            products=index.count_products(query, self.principals),
            languages={self.language: total},
            is_exact=bool(pages) and pages[0].score >= article_index.CODE,
        )

    def _votes(self, index: ArticleIndex, terms: Terms) -> Mapping[str, float]:
        """What was confirmed for words like these."""
        wordings = self.wordings.get(index.language)
        return index.votes(terms, wordings) if wordings else NO_VOTES

    def _pages(
        self, index: ArticleIndex, pages: Sequence[article_index.PageHit], terms: Terms
    ) -> tuple[MakeHit, ...]:
        highlighter = index.highlighter(terms, self.principals)
        language = self.question.language
        return tuple(partial(hits.of_page, index, page, highlighter, language) for page in pages)

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
            query = index.query(terms, self.principals)
            pages, counts[language] = index.search(
                query,
                self.principals,
                MOST_OTHER_LANGUAGE,
                product=product,
                votes=self._votes(index, terms),
            )
            other_hits += [make() for make in self._pages(index, pages, terms)]
        return tuple(other_hits), counts

    def _find_tickets(self, terms: Terms) -> _Part:
        if not self.sees_tickets:
            return _Part()
        answer = self._search_tickets(terms)
        if answer is None:
            return self._tickets_of_database(terms)
        if not answer.hits or self.question.kind == "article":
            return _Part((), answer.total, answer.products, answer.languages)
        exact = answer.hits[0].score >= ticket_index.CODE
        makers = self._cases(answer.hits, terms)
        return _Part(makers, answer.total, answer.products, answer.languages, exact)

    def _search_tickets(self, terms: Terms) -> ticket_index.CaseHits | None:
        if self.cases is None:
            return None
        limit, offset = self._span("ticket")
        return self.cases.search(
            terms,
            self.principals,
            limit,
            confirm=partial(self.snapshot.confirm, self.viewer),
            is_current=self.cases.revision >= self.snapshot.last_revision,
            offset=offset,
            product=self.question.product or "",
            language=self.question.only_language or "",
            explain=self.question.explain,
        )

    def _cases(self, cases: Sequence[ticket_index.CaseHit], terms: Terms) -> tuple[MakeHit, ...]:
        assert self.cases is not None
        highlighters = {
            language: self.cases.highlighter(terms, language)
            for language in {hit.case.language for hit in cases}
        }
        return tuple(
            partial(hits.of_case, hit, self.question.language, highlighters[hit.case.language])
            for hit in cases
        )

    def _arranged(self, of_articles: _Part, of_tickets: _Part) -> tuple[Hit, ...]:
        """Articles, then past cases; the kind that has the exact code first."""
        if self.question.kind:
            of_kind = (of_articles if self.question.kind == "article" else of_tickets).hits
            return tuple(make() for make in of_kind)
        shares = _shares(self.question.limit, len(of_articles.hits), len(of_tickets.hits))
        if self.turn:
            shares = self.turn["article"][0], self.turn["ticket"][0]
        first, second = of_articles.hits[: shares[0]], of_tickets.hits[: shares[1]]
        swap = of_tickets.is_exact and not of_articles.is_exact
        return tuple(make() for make in ((*second, *first) if swap else (*first, *second)))

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
        makers = tuple(partial(hits.of_card, card) for card in cards)
        return _Part(makers, len(makers), languages={self.language: len(makers)}, is_fallback=True)

    def _tickets_of_database(self, terms: Terms) -> _Part:
        if self.question.kind == "article":
            return _Part(is_fallback=True)
        matches = tickets.search_database(
            self.snapshot.db, self.viewer, terms.text, self.question.limit
        )
        makers = tuple(
            partial(hits.of_ticket, ticket, self.question.language) for ticket in matches
        )
        return _Part(makers, len(makers), is_fallback=True)


def _shares(limit: int, articles_left: int, tickets_left: int) -> tuple[int, int]:
    """How many articles and tickets a page of both has; what one kind lacks the other takes."""
    first = min(articles_left, max(round(limit * ARTICLES_OF_TEN / 10), limit - tickets_left))
    return first, min(tickets_left, limit - first)


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
