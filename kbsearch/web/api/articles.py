"""Articles as they are read; their sources are in git, where they are written."""

from typing import Any

from kbsearch import articles
from kbsearch.articles import Card
from kbsearch.config import LANGUAGES
from kbsearch.text.markup.retold import retold
from kbsearch.web.api import shapes
from kbsearch.web.api.door import caller, check_product, token
from kbsearch.web.api.fields import Choice, Text, Values, Whole
from kbsearch.web.api.operations import ApiAnswer, Operation, offer
from kbsearch.web.render import db, site

LIMIT = 100
MAX_PATH = 500


@offer(
    Operation(
        "GET",
        "/articles",
        shapes.listing("articles", shapes.CARD),
        query={
            "lang": Choice(LANGUAGES),
            "product": Text(80),
            "cursor": Text(MAX_PATH),
            "limit": Whole(1, LIMIT),
        },
    )
)
def list_articles(arguments: Values) -> ApiAnswer:
    """The articles, by path"""
    product = arguments.get("product") or token().product
    check_product(product)
    limit = arguments.get("limit", LIMIT)
    cards = articles.list_after(
        db(),
        caller(),
        arguments.get("cursor", ""),
        limit + 1,
        language=arguments.get("lang"),
        product=product,
    )
    further = cards[limit - 1].path if len(cards) > limit else None
    return ApiAnswer({"articles": [_card(card) for card in cards[:limit]], "next": further})


@offer(Operation("GET", "/articles/<language>/<slug>", shapes.ARTICLE))
def show_article(arguments: Values, language: str, slug: str) -> ApiAnswer:
    """An article, as HTML and as Markdown"""
    article = articles.find(db(), caller(), language, slug)
    if token().product not in article.products:
        check_product(None)
    card = _card(article)
    return ApiAnswer(
        {
            **card,
            "commit": article.commit,
            "markdown": retold(article.html, card["url"]),
            "html": article.html,
        }
    )


def _card(card: Card) -> dict[str, Any]:
    url = site().settings.url(f"articles/{card.slug}", card.language)
    return {**shapes.values(card, shapes.CARD), "url": url}
