"""Search results made ready to show: what a template would work out again for every key pressed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from kbsearch.i18n import LANGUAGE_NAMES
from kbsearch.search import Facet, Hit, Kind, Results
from kbsearch.search.fulltext.query import understand
from kbsearch.web.language import Language

MAX_TEXT = 4000  # characters of a pasted text that are searched
MAX_SUBJECT = 300  # of them kept as the subject of a request
MAX_HINT = 200  # of them kept in a link, to mark the words in the article
MAX_PAGE = 50
PAGE_LENGTH = 8
FACETS_SHOWN = 8
LONGEST_ANSWER = 1_500  # characters of a section that the first result shows whole


@dataclass(frozen=True)
class SearchAddress:
    """A search as it stands in the address: what the links of the results page change."""

    language: str  # of the page
    text: str = ""
    kind: Kind | None = None
    product: str | None = None
    only_language: str | None = None
    page: int = 1
    literal: bool = False

    def url(self, **changes: object) -> str:
        """The address of this search with some of it changed; it starts at page one."""
        parts = {**self.filters, "literal": "1" if self.literal else None, **changes}
        query = "".join(f"&{name}={quote(str(value))}" for name, value in parts.items() if value)
        return f"{self._stem}{query}"

    @cached_property
    def _stem(self) -> str:
        return f"/{self.language}/search?q={quote(self.text, safe='')}"

    @cached_property
    def filters(self) -> dict[str, str]:
        """What narrows the search, by field name."""
        values = {"kind": self.kind, "product": self.product, "lang": self.only_language}
        return {name: value for name, value in values.items() if value}

    @cached_property
    def subject(self) -> str:
        """The text as the subject of a request."""
        return " ".join(self.text.split())[:MAX_SUBJECT]

    @cached_property
    def request_url(self) -> str:
        """Where a request can be made of it."""
        return f"/{self.language}/requests/new?subject={quote(self.subject, safe='')}"

    @cached_property
    def hint(self) -> str:
        """The text as it stands in a link to an article."""
        return quote(self.text.strip()[:MAX_HINT], safe="")


_quoted = lru_cache(maxsize=1024)(quote)


class ResultLine(NamedTuple):
    """A result as the list shows it."""

    url: str
    title: str
    section: str
    snippet: Markup
    facts: Markup
    language: str | None  # when it is not the page's
    target: str  # an article's path, or a request's number


class FacetChoice(NamedTuple):
    """A filter that can be set, or taken away when it is."""

    value: str
    label: str
    number: str
    url: str
    is_chosen: bool


class FacetFilter(NamedTuple):
    name: str
    label: str
    choices: list[FacetChoice]


def lines(address: SearchAddress, hits: tuple[Hit, ...], language: Language) -> list[ResultLine]:
    """The results of one language or the other, in their order."""
    return [
        ResultLine(
            opened(hit, address.hint),
            hit.title,
            hit.section,
            Markup(hit.snippet),
            language.facts(hit),
            None if hit.language == address.language else hit.language,
            hit.id,
        )
        for hit in hits
    ]


def filters(address: SearchAddress, results: Results, language: Language) -> list[FacetFilter]:
    """Those worth offering: with two values or more, or one that is set."""
    _ = language.translate
    facets = results.facets
    kinds = {"article": _("Articles"), "ticket": _("Past requests")}
    offered: list[tuple[str, str, tuple[Facet, ...], Callable[[str], str]]] = [
        ("kind", _("Type"), facets.kinds, kinds.__getitem__),
        ("product", _("Product"), facets.products, language.product_name),
        ("lang", _("Language"), facets.languages, LANGUAGE_NAMES.__getitem__),
    ]
    filters = []
    for name, label, values, name_of in offered:
        current = address.filters.get(name)
        if len(values) < 2 and not current:
            continue
        visible = list(values[:FACETS_SHOWN])
        if current and all(facet.value != current for facet in visible):
            visible.append(Facet(current, 0))
        without = address.url(**{name: None})
        choices = [
            FacetChoice(
                facet.value,
                name_of(facet.value),
                language.number(facet.count),
                without if facet.value == current else f"{without}&{name}={_quoted(facet.value)}",
                facet.value == current,
            )
            for facet in visible
        ]
        filters.append(FacetFilter(name, label, choices))
    return filters


def opened(hit: Hit, hint: str) -> str:
    """The address of a result; an article's marks the words that were searched."""
    if hit.kind == "ticket" or not hint:
        return hit.url
    page, sharp, anchor = hit.url.partition("#")
    return f"{page}?h={hint}{sharp}{anchor}"


def numbered_request(address: SearchAddress, results: Results) -> str | None:
    """Where the request is that was asked for by its number, if it is there for the viewer."""
    first = results.hits[0] if results.hits else None
    if first is None or first.kind != "ticket" or first.id not in address.text:
        return None
    return first.url if first.id == str(understand(address.text).number) else None


def last_page(results: Results) -> int:
    return min(-(-results.total // PAGE_LENGTH), MAX_PAGE)
