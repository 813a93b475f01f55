"""The help centre as files that any web server offers, or that open from a disk.

index.html   404.html   static/site.css, search.js   media/<hash>/<name>
<lang>/index.html   <lang>/search.html, search-index.js
<lang>/articles/<slug>.html   <lang>/categories/<path>.html

It holds what one audience may read, as the database says, and names nothing else.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kbsearch import articles, resources
from kbsearch.access import AGENTS, CUSTOMERS, EVERYONE, Viewer
from kbsearch.articles import Article, Card, categories
from kbsearch.articles.categories import Category
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import NotFound, Problem
from kbsearch.site.static_site import links, search_index
from kbsearch.site.static_site.pages import StaticTemplates

BATCH = 500
STYLES = ("app.css", "lists.css", "pygments.css")

Progress = Callable[[int, int], object]  # articles done, in all


@dataclass(frozen=True)
class StaticSite:
    """How much was written."""

    articles: int
    categories: int
    files: int


def viewer_of(audience: str) -> Viewer:
    """Somebody of an audience: what they may read is what everybody of it may."""
    words = {EVERYONE} if audience == EVERYONE else {EVERYONE, CUSTOMERS, audience}
    return Viewer("agent" if audience == AGENTS else "customer", principals=tuple(sorted(words)))


def write(
    settings: Settings,
    db: Database,
    folder: Path,
    *,
    audience: str = EVERYONE,
    languages: Sequence[str] = (),
    tell: Progress = lambda count, in_all: None,
) -> StaticSite:
    """Write the site to a folder that is empty or not there yet; raises Problem otherwise."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Problem("export.folder_not_empty", folder=folder)
    folder.mkdir(parents=True, exist_ok=True)
    with db.snapshot():
        writer = _Writer(settings, db, viewer_of(audience), folder, languages or settings.languages)
        return writer.write(tell)


class _Writer:
    """One writing: what is in it is known before the first page, so that no link leads out."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        viewer: Viewer,
        folder: Path,
        languages: Sequence[str],
    ) -> None:
        self.settings, self.db, self.viewer = settings, db, viewer
        self.folder, self.languages = folder, tuple(languages)
        self.cards = [card for language in self.languages for card in self._cards(language)]
        self.categories = {
            language: categories.list_all(db, viewer, language) for language in self.languages
        }
        self.written = links.WrittenPages(
            self.languages, {(card.language, card.slug) for card in self.cards}
        )
        self.twins: dict[str, list[Card]] = {}
        for card in self.cards:
            self.twins.setdefault(card.translation_key, []).append(card)
        self.templates = StaticTemplates(settings)
        paths = {card.path for card in self.cards}
        live = articles.live_publication(db) or ""
        self.pages = [page for page in articles.pages(db, live) if page.path in paths]
        self.media: set[tuple[str, str]] = set()

    def write(self, tell: Progress) -> StaticSite:
        for place, card in enumerate(self.cards, 1):
            self._article(articles.find(self.db, self.viewer, card.language, card.slug))
            tell(place, len(self.cards))
        for language in self.languages:
            self._language(language)
        self._top()
        files = sum(self._media(digest, name) for digest, name in sorted(self.media))
        count = sum(bool(one.path) for there in self.categories.values() for one in there)
        return StaticSite(len(self.cards), count, files)

    def _cards(self, language: str) -> Iterator[Card]:
        after = ""
        while batch := articles.list_after(self.db, self.viewer, after, BATCH, language=language):
            yield from batch
            after = batch[-1].path

    def _article(self, article: Article) -> None:
        file = f"{article.language}/articles/{article.slug}.html"
        html, media = links.rewritten(article.html, file, self.written)
        self.media |= media
        twins = articles.translations_among(article, self.twins[article.translation_key])
        self._page(
            file,
            "article",
            article.language,
            article=article,
            html=html,
            trail=self._trail(article.language, article.category),
            twins={twin.language: f"{twin.language}/articles/{twin.slug}.html" for twin in twins},
        )

    def _language(self, language: str) -> None:
        there = self.categories[language]
        by_category: dict[str, list[Card]] = {}
        for category in there:
            limit = max(category.own, 1)
            cards = articles.list_category(self.db, self.viewer, language, category.path, limit)
            by_category[category.path] = list(cards)
        self._page(
            f"{language}/index.html",
            "home",
            language,
            categories=[each for each in there if each.path and not each.outer],
            cards=by_category.get("", []),
            twins={other: f"{other}/index.html" for other in self.languages if other != language},
        )
        for category in there:
            if category.path:
                self._category(language, category, there, by_category[category.path])
        self._page(f"{language}/search.html", "search", language)
        documents = [
            search_index.IndexedArticle(
                f"articles/{page.slug}.html",
                page.title,
                page.summary,
                " ".join(page.phrases),
                "\n".join(f"{passage.title}\n{passage.text}" for passage in page.passages),
            )
            for page in self.pages
            if page.language == language
        ]
        self._file(f"{language}/search-index.js", search_index.script(documents))

    def _category(
        self, language: str, category: Category, there: Sequence[Category], cards: Sequence[Card]
    ) -> None:
        file = f"{language}/categories/{category.path}.html"
        landing, media = links.rewritten(category.landing, file, self.written)
        self.media |= media
        self._page(
            file,
            "category",
            language,
            category=category,
            landing=landing,
            trail=self._trail(language, category.outer),
            inner=[each for each in there if each.path and each.outer == category.path],
            cards=cards,
        )

    def _trail(self, language: str, path: str) -> list[Category]:
        """A category, after all that it lies in but the root."""
        places = {place for place in categories.with_outer(path) if place}
        return [each for each in self.categories[language] if each.path in places]

    def _top(self) -> None:
        first = self.languages[0]
        self._page("index.html", "index", first, languages=self.languages)
        self._page("404.html", "missing", first, languages=self.languages)
        styles = resources.folder("static")
        css = b"\n".join((styles / name).read_bytes() for name in STYLES)
        self._file("static/site.css", css)
        self._file("static/search.js", (styles / "static_search.js").read_bytes())

    def _page(self, file: str, template: str, language: str, /, **values: object) -> None:
        text = self.templates.render(template, language, file, **{"twins": {}, **values})
        self._file(file, text.encode())

    def _media(self, digest: str, name: str) -> bool:
        try:
            media = articles.find_media(self.db, self.viewer, digest)
        except NotFound:
            return False
        self._file(f"media/{digest}/{name}", media.body)
        return True

    def _file(self, name: str, body: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
