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
from kbsearch.search.fulltext.query import Query, understand
from kbsearch.search.fulltext.speller import Speller
from kbsearch.search.fulltext.text import Synonyms
from kbsearch.search.fulltext.ticket_index import TicketIndex
from kbsearch.search.ranking import hits
from kbsearch.search.ranking.known import Known

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
        known: Known,
        viewer: Viewer,
        question: Question,
        shelf: Articles | None,
        cases: TicketIndex | None,
        wordings: Mapping[str, Wordings] | None = None,
    ) -> None:
        self.known = known
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

    def rank(self, asked: Query) -> list[tuple[str, float]]:
        asked, _ = self._spelt(asked)
        if self.question.kind == "ticket":
            answer = self._search_tickets(asked)
            return [(str(each.number), each.score) for each in answer.found] if answer else []
        if self.shelf is None:
            return []
        index = self.shelf.by_language[self.language]
        query = index.query(asked, self.principals)
        votes = self._votes(index, asked)
        found, _ = index.search(query, self.principals, self.question.limit, votes=votes)
        return [(each.path, each.score) for each in found]

    def find(self, asked: Query) -> Results:
        asked, corrected = self._spelt(asked)
        if self.question.kind is None and self.question.page > 1:
            self.turn = self._later_page(asked)
        of_articles = self._find_articles(asked)
        self.articles_found = len(of_articles.hits)
        of_tickets = self._find_tickets(asked)
        others, in_other = self._find_other_language(asked, of_articles.total < FEW)
        fell_back = of_articles.is_fallback or of_tickets.is_fallback
        return Results(
            hits=self._arranged(of_articles, of_tickets),
            total=self._total(of_articles.total, of_tickets.total),
            corrected=corrected,
            synonyms=tuple(self.synonyms.names[other] for other in asked.also),
            other_language=others,
            facets=_facets(of_articles, of_tickets, self.language, in_other),
            fallback="database" if fell_back else "corrected" if corrected else None,
        )

    def _spelt(self, asked: Query) -> tuple[Query, str | None]:
        """What is really looked for, and its text where words had to be corrected."""
        corrected = None
        if self.speller is not None and not self.question.literal:
            corrected = self.speller.correct(asked)
        if corrected is not None:
            return understand(corrected, self.synonyms), corrected
        return replace(asked, also=self.synonyms.others(asked.words)), None

    def _span(self, kind: Kind) -> tuple[int, int]:
        """How many hits of a kind to fetch (the engine takes no 0), and after how many."""
        if self.question.kind == kind:
            return self.question.limit, (self.question.page - 1) * self.question.limit
        if self.question.kind is None and self.turn:
            return max(1, self.turn[kind][0]), self.turn[kind][1]
        if self.question.kind:
            return 1, 0
        share = round(self.question.limit * ARTICLES_OF_TEN / 10)
        taken = min(self.articles_found, share) if kind == "ticket" else 0
        return max(1, self.question.limit - taken), 0

    def _later_page(self, asked: Query) -> Mapping[Kind, tuple[int, int]]:
        """What a page of both kinds has of each, after what the pages before it have."""
        self.turn = {"article": (1, 0), "ticket": (1, 0)}
        articles_left = self._find_articles(asked).total
        tickets_left = self._find_tickets(asked).total
        limit, after = self.question.limit, (0, 0)
        for _ in range(self.question.page - 1):
            first, second = _shares(limit, articles_left, tickets_left)
            articles_left, tickets_left = articles_left - first, tickets_left - second
            after = after[0] + first, after[1] + second
        first, second = _shares(limit, articles_left, tickets_left)
        return {"article": (first, after[0]), "ticket": (second, after[1])}

    def _find_articles(self, asked: Query) -> _Part:
        if self.shelf is None:
            return self._articles_of_database(asked)
        index = self.shelf.by_language[self.language]
        query = index.query(asked, self.principals)
        limit, offset = self._span("article")
        product = self.question.product or ""
        found, total = index.search(
            query,
            self.principals,
            limit,
            offset=offset,
            product=product,
            explain=self.question.explain,
            votes=self._votes(index, asked),
        )
        if not found and not product:
            return _Part(total=total)
        return _Part(
            hits=self._pages(index, found, asked) if self.question.kind != "ticket" else (),
            total=total,
            products=index.count_products(query, self.principals),
            languages={self.language: total},
            is_exact=bool(found) and found[0].score >= article_index.CODE,
        )

    def _votes(self, index: ArticleIndex, asked: Query) -> Mapping[str, float]:
        """What was confirmed for words like these."""
        wordings = self.wordings.get(index.language)
        return index.votes(asked, wordings) if wordings else NO_VOTES

    def _pages(
        self, index: ArticleIndex, found: Sequence[article_index.Found], asked: Query
    ) -> tuple[MakeHit, ...]:
        highlighter = index.highlighter(asked, self.principals)
        language = self.question.language
        return tuple(partial(hits.of_page, index, each, highlighter, language) for each in found)

    def _find_other_language(
        self, asked: Query, is_shown: bool
    ) -> tuple[tuple[Hit, ...], Mapping[str, int]]:
        """What the other language has: counted always, shown when the reader's has little."""
        if self.shelf is None or self.question.only_language:
            return (), {}
        is_shown = is_shown and self.question.kind != "ticket" and self.question.page == 1
        product = self.question.product or ""
        made: list[Hit] = []
        counts = {}
        for language, index in self.shelf.by_language.items():
            if language == self.language:
                continue
            if not is_shown:
                counts[language] = index.count_found(asked, self.principals, product)
                continue
            query = index.query(asked, self.principals)
            found, counts[language] = index.search(
                query,
                self.principals,
                MOST_OTHER_LANGUAGE,
                product=product,
                votes=self._votes(index, asked),
            )
            made += [make() for make in self._pages(index, found, asked)]
        return tuple(made), counts

    def _find_tickets(self, asked: Query) -> _Part:
        if not self.sees_tickets:
            return _Part()
        answer = self._search_tickets(asked)
        if answer is None:
            return self._tickets_of_database(asked)
        if not answer.found or self.question.kind == "article":
            return _Part((), answer.total, answer.products, answer.languages)
        exact = answer.found[0].score >= ticket_index.CODE
        made = self._cases(answer.found, asked)
        return _Part(made, answer.total, answer.products, answer.languages, exact)

    def _search_tickets(self, asked: Query) -> ticket_index.Answer | None:
        if self.cases is None:
            return None
        limit, offset = self._span("ticket")
        return self.cases.search(
            asked,
            self.principals,
            limit,
            confirm=partial(self.known.confirm, self.viewer),
            is_current=self.cases.revision >= self.known.last_revision,
            offset=offset,
            product=self.question.product or "",
            language=self.question.only_language or "",
            explain=self.question.explain,
        )

    def _cases(self, found: Sequence[ticket_index.Found], asked: Query) -> tuple[MakeHit, ...]:
        assert self.cases is not None
        highlighters = {
            language: self.cases.highlighter(asked, language)
            for language in {each.case.language for each in found}
        }
        return tuple(
            partial(hits.of_case, each, self.question.language, highlighters[each.case.language])
            for each in found
        )

    def _arranged(self, of_articles: _Part, of_tickets: _Part) -> tuple[Hit, ...]:
        """Articles, then past cases; the kind that has the exact code first."""
        if self.question.kind:
            shown = (of_articles if self.question.kind == "article" else of_tickets).hits
            return tuple(make() for make in shown)
        shares = _shares(self.question.limit, len(of_articles.hits), len(of_tickets.hits))
        if self.turn:
            shares = self.turn["article"][0], self.turn["ticket"][0]
        first, second = of_articles.hits[: shares[0]], of_tickets.hits[: shares[1]]
        swap = of_tickets.is_exact and not of_articles.is_exact
        return tuple(make() for make in ((*second, *first) if swap else (*first, *second)))

    def _total(self, of_articles: int, of_tickets: int) -> int:
        counts = {"article": of_articles, "ticket": of_tickets, None: of_articles + of_tickets}
        return counts[self.question.kind]

    def _articles_of_database(self, asked: Query) -> _Part:
        """While the index is built anew: titles and texts that hold the words."""
        if self.question.kind == "ticket":
            return _Part(is_fallback=True)
        found = articles.search_database(
            self.known.db, self.viewer, self.language, asked.text, self.question.limit
        )
        made = tuple(partial(hits.of_card, each) for each in found)
        return _Part(made, len(made), languages={self.language: len(made)}, is_fallback=True)

    def _tickets_of_database(self, asked: Query) -> _Part:
        if self.question.kind == "article":
            return _Part(is_fallback=True)
        found = tickets.search_database(self.known.db, self.viewer, asked.text, self.question.limit)
        made = tuple(partial(hits.of_ticket, each, self.question.language) for each in found)
        return _Part(made, len(made), is_fallback=True)


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
