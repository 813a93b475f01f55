"""The Help Center: articles in sections and categories, for whoever may read them."""

import re
from collections.abc import Sequence
from typing import Any

from flask import request

from kbsearch import articles, integer_ids
from kbsearch.articles import Article, Card, categories
from kbsearch.articles.categories import Category
from kbsearch.errors import Forbidden, NotFound
from kbsearch.search import Question
from kbsearch.web.help.results import MAX_TEXT
from kbsearch.web.render import db, site, viewer
from kbsearch.web.zendesk import pages
from kbsearch.web.zendesk.answers import Values, asks_locale, locale, offer, url
from kbsearch.web.zendesk.pages import PagedList

ARTICLE, SECTION, CATEGORY, SEGMENT, MEDIA = "article", "section", "category", "segment", "media"
PER_PAGE = 30
MOST_ARTICLES = 100_000
PICTURE = re.compile(r'"(/media/([0-9a-f]{16,128})/([^"/]{1,255}))"')


@offer("/help_center/locales", open_to_all=True)
def list_locales() -> Values:
    """The languages of the site"""
    languages = site().settings.languages
    return {"locales": list(languages), "default_locale": languages[0]}


@offer("/help_center/articles", open_to_all=True)
def list_articles() -> Values:
    """Every article: of a language, else each in the first language that it has"""
    return _page("articles", _cards(), _articles)


@offer("/help_center/articles/<int:number>", open_to_all=True)
def show_article(number: int) -> Values:
    """An article"""
    return {"article": _articles([_found(number)])[0]}


@offer("/help_center/articles/search", open_to_all=True)
def search_articles() -> Values:
    """What the search box finds, best first"""
    text = request.args.get("query", "")[:MAX_TEXT]
    labels = {label for label in request.args.get("label_names", "").split(",") if label}
    question = Question(text, language=locale(), kind="article", limit=pages.MOST)
    hits = site().search.ask(viewer(), question).hits if text.strip() else ()
    cards = articles.list_paths(db(), viewer(), [hit.id for hit in hits])
    found = [
        (hit, cards[hit.id])
        for hit in hits
        if hit.id in cards and (not labels or labels & set(cards[hit.id].tags))
    ]

    def written(some: Sequence[Any]) -> list[dict[str, Any]]:
        bodies = _articles([card for _, card in some])
        return [
            {**body, "snippet": hit.snippet, "result_type": "article"}
            for body, (hit, _) in zip(bodies, some, strict=True)
        ]

    return pages.page("results", PagedList.of(found), written, per_page=PER_PAGE)


@offer("/help_center/articles/<int:number>/translations", open_to_all=True)
def list_translations(number: int) -> Values:
    """An article in each of its languages"""
    twins = articles.list_twins(db(), viewer(), _key(ARTICLE, number))
    if not twins:
        raise NotFound("article.not_found")
    return _page("translations", twins, _translations)


@offer("/help_center/articles/<int:number>/attachments", open_to_all=True)
def list_article_attachments(number: int) -> Values:
    """The pictures and files that an article shows or offers"""
    article = _whole(_found(number))
    links = dict.fromkeys(PICTURE.findall(str(article.html)))
    ids = integer_ids.of(db(), MEDIA, (digest for _, digest, _ in links))
    written = [
        _attachment(ids[digest], number, path, name, articles.find_media(db(), viewer(), digest))
        for path, digest, name in links
    ]
    return _page("article_attachments", written, list)


@offer("/help_center/articles/<int:number>/comments", open_to_all=True)
def list_article_comments(number: int) -> Values:
    """None: readers say whether an article helped, and write requests"""
    _found(number)
    return _page("comments", [], list)


@offer("/help_center/articles/<int:number>/votes", open_to_all=True)
def list_votes(number: int) -> Values:
    """None in this shape"""
    _found(number)
    return _page("votes", [], list)


@offer("/help_center/incremental/articles", open_to_all=True)
def export_articles() -> Values:
    """Articles changed from a moment on"""
    since = pages.since()
    changed = sorted(
        (card for card in _cards() if card.updated_at >= since), key=lambda card: card.updated_at
    )
    last = changed[-1].updated_at if changed else ""
    return pages.of_moment("articles", _articles(changed), last=last, is_whole=True, ends=False)


@offer("/help_center/categories", open_to_all=True)
def list_categories() -> Values:
    """The folders at the top"""
    return _page("categories", _top(), _categories)


@offer("/help_center/categories/<int:number>", open_to_all=True)
def show_category(number: int) -> Values:
    """One of them"""
    return {"category": _categories([_one(_top(), _key(CATEGORY, number))])[0]}


@offer("/help_center/categories/<int:number>/sections", open_to_all=True)
def list_sections_of_category(number: int) -> Values:
    """The sections of a category"""
    top = _one(_top(), _key(CATEGORY, number)).path
    return _page("sections", [each for each in _folders() if _top_of(each.path) == top], _sections)


@offer("/help_center/categories/<int:number>/articles", open_to_all=True)
def list_articles_of_category(number: int) -> Values:
    """The articles of a category"""
    top = _one(_top(), _key(CATEGORY, number)).path
    return _page(
        "articles", [each for each in _cards() if _top_of(each.category) == top], _articles
    )


@offer("/help_center/sections", open_to_all=True)
def list_sections() -> Values:
    """Every folder"""
    return _page("sections", _folders(), _sections)


@offer("/help_center/sections/<int:number>", open_to_all=True)
def show_section(number: int) -> Values:
    """One of them"""
    return {"section": _sections([_one(_folders(), _key(SECTION, number))])[0]}


@offer("/help_center/sections/<int:number>/articles", open_to_all=True)
def list_articles_of_section(number: int) -> Values:
    """The articles of a section"""
    path = _one(_folders(), _key(SECTION, number)).path
    return _page("articles", [each for each in _cards() if each.category == path], _articles)


@offer("/help_center/sections/<int:number>/articles", "POST")
def add_article(number: int) -> Values:
    """Articles are written in git, or in the browser"""
    raise Forbidden("zendesk.articles_in_git")


@offer("/help_center/articles/<int:number>", "PUT")
def edit_article(number: int) -> Values:
    """Articles are written in git, or in the browser"""
    raise Forbidden("zendesk.articles_in_git")


@offer("/help_center/articles/<int:number>", "DELETE")
def remove_article(number: int) -> Values:
    """Articles are written in git, or in the browser"""
    raise Forbidden("zendesk.articles_in_git")


def _page(name: str, things: Sequence[Any], written: Any) -> Values:
    return pages.page(name, PagedList.of(things), written, per_page=PER_PAGE)


def _all(language: str | None) -> tuple[Card, ...]:
    return articles.list_after(db(), viewer(), "", MOST_ARTICLES, language=language)


def _cards() -> list[Card]:
    """The articles of the language asked for; else one for each, in the first language it has."""
    if asks_locale():
        return list(_all(locale()))
    order = {language: place for place, language in enumerate(site().settings.languages)}
    by_key: dict[str, Card] = {}
    for card in sorted(_all(None), key=lambda card: order.get(card.language, len(order))):
        by_key.setdefault(card.translation_key, card)
    return sorted(by_key.values(), key=lambda card: card.translation_key)


def _found(number: int) -> Card:
    wanted = locale()
    twins = articles.list_twins(db(), viewer(), _key(ARTICLE, number))
    if not twins:
        raise NotFound("article.not_found")
    return min(twins, key=lambda card: card.language != wanted)


def _key(kind: str, number: int) -> str:
    key = integer_ids.key_of(db(), kind, number)
    if key is None:
        raise NotFound("web.not_found")
    return key


def _whole(card: Card) -> Article:
    return articles.find(db(), viewer(), card.language, card.slug)


def _folders() -> list[Category]:
    return [each for each in categories.list_all(db(), viewer(), locale()) if each.path]


def _top() -> list[Category]:
    return [each for each in _folders() if "/" not in each.path]


def _one(folders: Sequence[Category], path: str) -> Category:
    for folder in folders:
        if folder.path == path:
            return folder
    raise NotFound("web.not_found")


def _top_of(path: str) -> str:
    return path.partition("/")[0]


def _name(folder: Category) -> str:
    return folder.name or folder.path.rpartition("/")[2]


def _articles(cards: Sequence[Card]) -> list[dict[str, Any]]:
    bodies = _bodies(cards)
    ids = integer_ids.of(db(), ARTICLE, (card.translation_key for card in cards))
    sections = integer_ids.of(db(), SECTION, (card.category for card in cards))
    audiences = integer_ids.of(
        db(), SEGMENT, (card.audience for card in cards if card.audience != "everyone")
    )
    return [
        {
            "id": ids[card.translation_key],
            "url": url(
                f"/api/v2/help_center/{card.language}/articles/{ids[card.translation_key]}.json"
            ),
            "html_url": site().settings.url(f"articles/{card.slug}", card.language),
            "author_id": None,
            "comments_disabled": True,
            "content_tag_ids": [],
            "label_names": list(card.tags),
            "draft": False,
            "promoted": False,
            "position": 0,
            "vote_sum": 0,
            "vote_count": 0,
            "section_id": sections[card.category],
            "created_at": card.updated_at,
            "updated_at": card.updated_at,
            "edited_at": card.updated_at,
            "name": card.title,
            "title": card.title,
            "body": bodies.get(card.path, ""),
            "source_locale": card.language,
            "locale": card.language,
            "outdated": False,
            "outdated_locales": [],
            "permission_group_id": None,
            "user_segment_id": audiences.get(card.audience),
            "user_segment_ids": [audiences[card.audience]] if card.audience in audiences else [],
        }
        for card in cards
    ]


def _bodies(cards: Sequence[Card]) -> dict[str, str]:
    """The HTML of articles by their paths, pictures by their whole address."""
    bodies = articles.list_bodies(db(), viewer(), [card.path for card in cards])
    return {
        path: PICTURE.sub(lambda match: f'"{url(match[1])}"', html) for path, html in bodies.items()
    }


def _translations(cards: Sequence[Card]) -> list[dict[str, Any]]:
    bodies = _bodies(cards)
    ids = integer_ids.of(db(), "translation", (card.path for card in cards))
    sources = integer_ids.of(db(), ARTICLE, (card.translation_key for card in cards))
    return [
        {
            "id": ids[card.path],
            "url": url(
                f"/api/v2/help_center/articles/{sources[card.translation_key]}"
                f"/translations/{card.language}.json"
            ),
            "html_url": site().settings.url(f"articles/{card.slug}", card.language),
            "source_id": sources[card.translation_key],
            "source_type": "Article",
            "locale": card.language,
            "title": card.title,
            "body": bodies.get(card.path, ""),
            "outdated": False,
            "draft": False,
            "hidden": False,
            "created_at": card.updated_at,
            "updated_at": card.updated_at,
            "created_by_id": None,
            "updated_by_id": None,
        }
        for card in cards
    ]


def _sections(folders: Sequence[Category]) -> list[dict[str, Any]]:
    ids = integer_ids.of(db(), SECTION, (each.path for each in folders))
    outer = integer_ids.of(db(), SECTION, (each.outer for each in folders if each.outer))
    tops = integer_ids.of(db(), CATEGORY, (_top_of(each.path) for each in folders))
    return [
        {
            **_folder(each, ids[each.path], "sections"),
            "category_id": tops[_top_of(each.path)],
            "sorting": "manual",
            "parent_section_id": outer.get(each.outer),
            "theme_template": "section_page",
        }
        for each in folders
    ]


def _categories(folders: Sequence[Category]) -> list[dict[str, Any]]:
    ids = integer_ids.of(db(), CATEGORY, (each.path for each in folders))
    return [_folder(each, ids[each.path], "categories") for each in folders]


def _folder(folder: Category, number: int, kind: str) -> dict[str, Any]:
    return {
        "id": number,
        "url": url(f"/api/v2/help_center/{locale()}/{kind}/{number}.json"),
        "html_url": site().settings.url(f"categories/{folder.path}", locale()),
        "position": folder.position,
        "created_at": None,
        "updated_at": None,
        "name": _name(folder),
        "description": folder.description,
        "locale": locale(),
        "source_locale": locale(),
        "outdated": False,
    }


def _attachment(
    number: int, article: int, path: str, name: str, media: articles.Media
) -> dict[str, Any]:
    return {
        "id": number,
        "url": url(f"/api/v2/help_center/articles/attachments/{number}.json"),
        "article_id": article,
        "display_file_name": name,
        "file_name": name,
        "content_url": url(path),
        "relative_path": path,
        "content_type": media.media_type,
        "size": len(media.body),
        "inline": bool(media.width),
        "created_at": None,
        "updated_at": None,
    }
