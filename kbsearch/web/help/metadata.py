"""What the page of an article says to machines: where it is, in which languages, what it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from kbsearch.articles import Article
from kbsearch.articles.categories import Category
from kbsearch.web.render import site, spoken_language

DEFAULT = "x-default"


@dataclass(frozen=True)
class PageMetadata:
    """The one address of an article, that of each language, and its data for machines."""

    url: str
    alternates: tuple[tuple[str, str], ...]  # none where there is one language alone
    data: dict[str, Any]


def of_article(
    article: Article, translations: Sequence[Article], trail: Sequence[Category]
) -> PageMetadata:
    """The metadata of an article; the first of the site's languages is for those of no other."""
    urls = {twin.language: _url(twin) for twin in (article, *translations)}
    first = next(tongue for tongue in (*site().settings.languages, *urls) if tongue in urls)
    alternates = (*urls.items(), (DEFAULT, urls[first])) if translations else ()
    return PageMetadata(_url(article), alternates, _data(article, trail))


def _data(article: Article, trail: Sequence[Category]) -> dict[str, Any]:
    """In the words of schema.org."""
    folder = site().settings.url("categories", article.language)
    places = [
        (spoken_language().category_name(category), f"{folder}/{quote(category.path)}")
        for category in trail
    ]
    steps = [*places, (article.title, _url(article))]
    return {
        "@context": "https://schema.org",
        "@graph": [
            {
                "@type": "Article",
                "headline": article.title,
                "description": article.summary,
                "inLanguage": article.language,
                "dateModified": article.updated_at,
                "url": _url(article),
                "publisher": {"@type": "Organization", "name": site().settings.site_name},
            },
            {
                "@type": "BreadcrumbList",
                "itemListElement": [
                    {"@type": "ListItem", "position": position, "name": name, "item": url}
                    for position, (name, url) in enumerate(steps, 1)
                ],
            },
        ],
    }


def _url(article: Article) -> str:
    return site().settings.url(f"articles/{quote(article.slug)}", article.language)
