"""The articles of one language, at one publication, as anybody may search them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial

from kbsearch.search.fulltext import article_plan as plans
from kbsearch.search.fulltext import confirmed
from kbsearch.search.fulltext.article_plan import TIERS
from kbsearch.search.fulltext.article_words import ArticleWords
from kbsearch.search.fulltext.article_writer import StoredPage, stored_page
from kbsearch.search.fulltext.explanation import Explanation, as_typed
from kbsearch.search.fulltext.highlight import Highlighter, Match, spelt
from kbsearch.search.fulltext.plan import Address, Clause, OneOf, Plan, QueryTerm, View
from kbsearch.search.fulltext.query import MOST_TERMS, Terms
from kbsearch.search.fulltext.scores import FEWEST_DOCUMENTS, LOOKED_AT, NEAR, enough


@dataclass(frozen=True)
class PageHit:
    """A page that matches, before it is shown."""

    path: str
    score: float
    page: StoredPage
    explanation: Explanation | None = None
    learnt: float = 0.0  # how much people confirmed it for words like these


@dataclass(frozen=True)
class PageHits:
    """Pages that match, how many in all, and how many of each product."""

    hits: Sequence[PageHit]
    total: int
    products: Mapping[str, int]


@dataclass(frozen=True)
class Excerpt:
    """The best passage of a page for a query: its words, and a snippet of them."""

    anchor: str
    title: str
    snippet: str
    passage: str = ""


@dataclass(frozen=True)
class PageLookup:
    """What is looked for among pages, by whom, and how many of them after how many.

    `votes` say for which pages words like these were confirmed.
    """

    terms: Terms
    principals: Sequence[str]
    limit: int
    offset: int = 0
    product: str = ""
    explain: bool = False
    votes: Mapping[str, float] = field(default_factory=dict)


class ArticleIndex:
    """The articles of one language, at one publication."""

    def __init__(self, view: View, language: str) -> None:
        self.language = language
        self.view = view
        self.words = ArticleWords(view, language)
        self._facets = ("products",) if view.begun_by("products", "", 1) else ()
        self._stored = lru_cache(maxsize=1_000)(self._stored_at)
        self._path = lru_cache(maxsize=100_000)(partial(view.text, field="path"))

    @property
    def count(self) -> int:
        return self.view.size

    def plan(self, lookup: PageLookup) -> Plan:
        """What a lookup asks of the index; only what its principals may read is seen."""
        product = lookup.product
        return Plan(
            plans.ranking(self.words, lookup.terms, lookup.principals),
            lookup.limit,
            lookup.offset,
            filters=self.seen_by(lookup.principals),
            narrowing=(QueryTerm("products", product),) if product else (),
            facets=self._facets,
        )

    def seen_by(self, principals: Sequence[str]) -> tuple[Clause, ...]:
        """What these principals may read: the filters of every plan."""
        return (self.words.reading(tuple(principals)),)

    def search(self, lookup: PageLookup) -> PageHits:
        """The pages a viewer's principals may read, best first."""
        votes, limit, offset = lookup.votes, lookup.limit, lookup.offset
        plan = self.plan(lookup)
        is_voted = bool(votes) and offset < confirmed.DEPTH
        if is_voted:
            plan = replace(plan, limit=max(confirmed.DEPTH, offset + limit), offset=0)
        answer = self.view.ask(plan)
        hits = answer.hits
        if is_voted:
            hits = self._by_votes(hits, votes)[offset : offset + limit]
        pages = []
        for score, address in hits:
            path, page = self._stored(address)
            why = (
                self._explained(lookup.terms, plan.clause, score, address)
                if lookup.explain
                else None
            )
            pages.append(PageHit(path, score, page, why, votes.get(path, 0.0)))
        return PageHits(pages, answer.total, answer.facets.get("products", {}))

    def paths(self, lookup: PageLookup) -> list[str]:
        """The paths of the pages of `search` alone, whatever people confirmed."""
        plan = replace(self.plan(lookup), facets=(), is_counted=False)
        return [self._path(address) for _, address in self.view.ask(plan).hits]

    def _by_votes(
        self, hits: Sequence[tuple[float, Address]], votes: Mapping[str, float]
    ) -> list[tuple[float, Address]]:
        first, rest = hits[: confirmed.DEPTH], hits[confirmed.DEPTH :]
        paths = [self._path(address) for _, address in first]
        order = confirmed.reordered([score for score, _ in first], paths, votes, TIERS.title)
        return [*((score, first[place][1]) for place, score in order), *rest]

    def is_near(self, terms: Terms, pages: Sequence[PageHit]) -> bool:
        """Whether one of the first pages of a question has enough of it to be an answer."""
        if not pages or self.count < FEWEST_DOCUMENTS:
            return True
        first, worth = pages[:LOOKED_AT], self.worth(terms)
        if any(p.learnt or TIERS.comparable(p.score, worth) >= NEAR for p in first):
            return True
        weights = self.words.weights(terms)
        words = len(weights) + len(terms.keys)
        if words <= 1:
            return True
        has_some = plans.parts(self.words, terms, weights)
        these = OneOf("path", tuple(page.path for page in first))
        best = self.view.ask(Plan(has_some, 1, filters=(these,), is_counted=False)).hits
        return bool(best) and best[0][0] >= enough(words) * (worth or 1.0)

    def _explained(
        self, terms: Terms, clause: Clause, score: float, address: Address
    ) -> Explanation:
        spellings = {self.words.stem(part.word) or "": part.word for part in terms.parts}
        return Explanation(
            as_typed(self.view.shares(clause, address), spellings),
            tuple(
                part.key
                for part in terms.parts
                if part.key and self.view.matches(QueryTerm("code", part.key), address)
            ),
            is_whole_title=self.view.matches(plans.whole_title(terms), address),
            points=score % TIERS.title,
            worth=self.worth(terms),
        )

    def worth(self, terms: Terms) -> float:
        """What all the words of a question weigh here."""
        return self.words.worth(terms)

    def votes(self, terms: Terms, wordings: "confirmed.Wordings") -> Mapping[str, float]:
        """What was confirmed for words like these, the one still being typed left out."""
        stems = set(self.words.stems(terms))
        unfinished = self.words.stem(terms.unfinished) if terms.unfinished else None
        if unfinished and not self.words.weight(unfinished):
            stems.discard(unfinished)
        return wordings.votes(stems, self.words.rarity)

    def count_found(self, terms: Terms, principals: Sequence[str], product: str = "") -> int:
        """How many pages `search` would find."""
        plan = Plan(
            plans.counting(self.words, terms, principals),
            1,
            filters=self.seen_by(principals),
            narrowing=(QueryTerm("products", product),) if product else (),
        )
        return self.view.ask(plan).total

    def has(self, path: str) -> bool:
        """Whether a page is in the index, whoever may read it."""
        return bool(self.view.ask(Plan(QueryTerm("path", path), 1)).total)

    def _stored_at(self, address: Address) -> tuple[str, StoredPage]:
        """The page at an address; an index of articles never changes."""
        page = stored_page(self.view.data(address, "page"))
        return self.view.text(address, "path"), page

    def highlighter(self, terms: Terms, principals: Sequence[str]) -> Highlighter:
        """What marks this query's words in pages of this language."""
        words = self.words
        stems = words.stems_in(part.word for part in terms.parts)[: MOST_TERMS * 4]
        weights = {stem: 0.1 + words.weight(stem) for stem in stems}
        for stem in words.besides(replace(terms, unfinished=None), principals):
            weights.setdefault(stem, 0.5)
        prefix = terms.unfinished if words.completions(terms, principals) else None
        return Highlighter(weights, words.stem, spelt=spelt(terms, words.stem), prefix=prefix)

    def excerpt(self, hit: PageHit, highlighter: Highlighter) -> Excerpt:
        """Where a page answers best, and a snippet of it."""
        page = hit.page
        matches = highlighter.matches(page.flat_body)
        best, inside = _best_passage(page, matches, highlighter)
        if not inside or best is None:
            beginning = page.summary or page.body[:400]
            return Excerpt("", "", str(highlighter.snippet(beginning, [])), _beginning(page))
        start, begins, anchor, title = page.starts[best]
        end = page.starts[best + 1][0] if best + 1 < len(page.starts) else len(page.body)
        in_words = [match for match in inside if match.start >= begins]
        passage = page.body[begins:end]
        snippet = highlighter.snippet(passage, in_words, offset=begins)
        return Excerpt(anchor, title, str(snippet), passage.strip())


def _beginning(page: StoredPage) -> str:
    """The first passage that says something."""
    ends = [start for start, *_ in page.starts[1:]] + [len(page.body)]
    begins = [start for _, start, *_ in page.starts]
    passages = (page.body[start:end].strip() for start, end in zip(begins, ends, strict=True))
    return next(filter(None, passages), "")


def _best_passage(
    page: StoredPage, matches: Sequence[Match], highlighter: Highlighter
) -> tuple[int | None, list[Match]]:
    """The passage that covers most of the query, the first of equals, and its matches."""
    inside: dict[int, list[Match]] = {}
    position = 0
    for match in matches:
        while position + 1 < len(page.starts) and page.starts[position + 1][0] <= match.start:
            position += 1
        inside.setdefault(position, []).append(match)
    if not inside:
        return None, []

    def worth(position: int) -> float:
        return highlighter.score(inside[position]) + 0.01 * len(inside[position])

    best = max(inside, key=worth)
    return best, inside[best]
