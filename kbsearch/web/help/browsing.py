"""Help without a search: the home page, categories, products, what is new."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from flask import request

from kbsearch import announcements, articles
from kbsearch.articles import Card, categories
from kbsearch.articles.categories import Category
from kbsearch.clock import stored, utc_now
from kbsearch.tickets import lists
from kbsearch.timekeeping import budgets
from kbsearch.web import numbers
from kbsearch.web.account import following
from kbsearch.web.render import db, hidden_or_missing, language, site, spoken_language, viewer

RECENT = 6
CURRENT = 3  # requests under way, on the home page
FIRST = 5  # lines of a category there
MOST_OPEN = 12  # categories whose articles it shows; of more, it says how many they have
PAGE = 100  # articles of a category
NEWS = 25
MAX_PAGE = 1_000
NEW_FOR = timedelta(days=30)


@dataclass(frozen=True)
class Shelf:
    """A category as another page shows it: its name, what is in it, its first articles."""

    category: Category
    articles: int
    name: str = ""
    inner: tuple[Category, ...] = ()
    cards: tuple[Card, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is elsewhere."""
        return not self.inner and len(self.cards) == self.articles


def home() -> dict[str, Any]:
    """What to offer before anything is searched."""
    there = categories.list_all(db(), viewer(), language())
    return {
        "results": None,
        "announcements": announcements.list_current(db(), viewer()),
        "budgets": budgets.of_people_named(db(), viewer()),
        "current": lists.list_current(db(), viewer(), CURRENT),
        "shelves": _shelves(there, "", FIRST),
        "recent": articles.list_recent(db(), viewer(), language(), RECENT),
    }


def category_page(path: str) -> dict[str, Any]:
    """A category by its path; raises NotFound where the viewer has nothing to read in it."""
    there = categories.list_all(db(), viewer(), language())
    category = next((each for each in there if each.path == path), None)
    if category is None or not (path or category.own):
        raise hidden_or_missing()
    last = _last_page(category.own, PAGE)
    page = numbers.page(request.args, last)
    offset = (page - 1) * PAGE
    return {
        "category": category,
        "follow_button": following.button("category", f"{language()}/{path}") if path else None,
        "outer": [each for each in there if each.path and f"{path}/".startswith(f"{each.path}/")],
        "shelves": _shelves(there, path, 0) if path and page == 1 else [],
        "cards": articles.list_category(db(), viewer(), language(), path, PAGE, offset),
        "current_page": page,
        "last": last,
        "twins": [tongue for tongue in site().settings.languages if _is_there(path, tongue)],
    }


def product_page(slug: str) -> dict[str, Any]:
    """The articles about a product, by category; raises NotFound where there is nothing to see."""
    cards = articles.list_of_product(db(), viewer(), language(), slug)
    if not cards and slug not in viewer().products:
        raise hidden_or_missing()
    there = {each.path: each for each in categories.list_all(db(), viewer(), language())}
    by_category: dict[str, list[Card]] = {}
    for card in cards:
        by_category.setdefault(card.category, []).append(card)
    shelves = [
        Shelf(there[path], len(inside), cards=tuple(inside)) for path, inside in by_category.items()
    ]
    shelves.sort(key=lambda shelf: shelf.category.position)
    return {
        "slug": slug,
        "shelves": _named(shelves),
        "articles": len(cards),
        "follow_button": following.button("product", f"{language()}/{slug}"),
    }


def news_page() -> dict[str, Any]:
    last = _last_page(articles.count(db(), viewer(), language()), NEWS)
    page = numbers.page(request.args, last)
    since = stored(utc_now() - NEW_FOR)
    offset = (page - 1) * NEWS
    lines = articles.list_news(db(), viewer(), language(), since, NEWS, offset)
    return {"lines": lines, "current_page": page, "last": last}


def _shelves(there: Sequence[Category], within: str, most: int) -> list[Shelf]:
    """The categories directly inside one; with up to `most` of their lines, where that is few."""
    inside = [each for each in there if each.path and each.outer == within]
    root = [each for each in there if not each.path and each.own and not within]
    shelves = [Shelf(each, each.articles) for each in _in_order(inside)]
    shelves += [Shelf(each, each.own) for each in root]
    if most and len(shelves) <= MOST_OPEN:
        first = articles.list_first(db(), viewer(), language(), most)
        shelves = [
            _filled(shelf, there, first.get(shelf.category.path, ()), most) for shelf in shelves
        ]
    return _named(shelves)


def _filled(shelf: Shelf, there: Sequence[Category], cards: Sequence[Card], most: int) -> Shelf:
    """With the categories in it, then its own articles: as many lines as there is room for."""
    path = shelf.category.path
    inner = tuple(each for each in there if path and each.outer == path)[:most]
    left = most - len(inner)
    return replace(shelf, inner=inner, cards=tuple(cards[:left]))


def _named(shelves: list[Shelf]) -> list[Shelf]:
    """Those that share a name are told apart by the folders they lie in."""
    name_of = spoken_language().category_name
    times = Counter(name_of(shelf.category) for shelf in shelves)
    return [
        replace(shelf, name=name_of(shelf.category))
        if times[name_of(shelf.category)] == 1
        else replace(shelf, name=shelf.category.path.replace("/", " › "))
        for shelf in shelves
    ]


def _in_order(inside: Sequence[Category]) -> list[Category]:
    """Those that the settings name first, in their order."""
    first = site().settings.categories

    def place(category: Category) -> int:
        return first.index(category.path) if category.path in first else len(first)

    return sorted(inside, key=place)


def _is_there(path: str, tongue: str) -> bool:
    there = categories.list_all(db(), viewer(), tongue)
    return any(each.path == path and (path or each.own) for each in there)


def _last_page(count: int, length: int) -> int:
    return min(max(-(-count // length), 1), MAX_PAGE)
