"""The help centre as files that any web server offers, or that open from a disk.

index.html   404.html   static/site.css, search.js   media/<hash>/<name>   _redirects
<lang>/index.html   <lang>/search.html, search-index.js   static/logo.<suffix>
<lang>/articles/<slug>.html   <lang>/categories/<path>.html   <lang>/products/<slug>.html

It holds what one audience may read, as the database says, and names nothing else.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kbsearch import articles, resources
from kbsearch.access import AGENTS, CUSTOMERS, EVERYONE, Viewer
from kbsearch.articles import Article, Card, categories, former_addresses
from kbsearch.articles.categories import Category
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import NotFound, Problem
from kbsearch.people.organisations import branding, products
from kbsearch.site.static_site import links, redirects, search_index
from kbsearch.site.static_site.pages import StaticTemplates
from kbsearch.text.markup import slug_of

BATCH = 500
STYLES = ("app.css", "lists.css", "looks.css", "pygments.css")

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


def _is_file_name(slug: str) -> bool:
    return slug_of(slug) == slug


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
        self.product_names = {each.slug: each.name for each in products.list_all(db)}
        self.products: dict[tuple[str, str], list[Card]] = {}
        for card in self.cards:
            for slug in filter(_is_file_name, card.products):
                self.products.setdefault((card.language, slug), []).append(card)
        self.written = links.WrittenPages(
            self.languages, {(card.language, card.slug) for card in self.cards}, self.products
        )
        self.files: set[str] = set()
        self.twins: dict[str, list[Card]] = {}
        for card in self.cards:
            self.twins.setdefault(card.translation_key, []).append(card)
        self.templates = StaticTemplates(settings, self._logo())
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
        for language, slug in self.products:
            self._product(language, slug)
        self._top()
        self._redirects()
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
            products=self._named(article.language, article.products),
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
            products=self._named(
                language, [slug for there, slug in self.products if there == language]
            ),
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

    def _product(self, language: str, slug: str) -> None:
        self._page(
            f"{language}/products/{slug}.html",
            "product",
            language,
            name=self.product_names.get(slug, slug),
            cards=self.products[language, slug],
            twins={
                other: f"{other}/products/{slug}.html"
                for other in self.languages
                if other != language and (other, slug) in self.products
            },
        )

    def _named(self, language: str, slugs: Sequence[str]) -> list[tuple[str, str]]:
        """The products that have a page in a language: slug and name, by name."""
        there = [slug for slug in slugs if (language, slug) in self.products]
        named = [(slug, self.product_names.get(slug, slug)) for slug in there]
        return sorted(named, key=lambda product: product[1].casefold())

    def _redirects(self) -> None:
        """A page at each address that an article had, for servers that know no other way."""
        targets = {card.path: f"{card.language}/articles/{card.slug}.html" for card in self.cards}
        addresses = former_addresses.list_leading(self.db, self.viewer)
        moved = []
        for asked, file, target in redirects.pages(addresses, targets, frozenset(self.files)):
            moved.append((asked, target))
            self._page(file, "moved", target.partition("/")[0], target=target)
        self._file(redirects.FILE, redirects.lines(moved).encode())

    def _logo(self) -> tuple[str, branding.Logo] | None:
        """The file of the site's logo, where it has one."""
        chosen = branding.site_logo(self.db)
        if chosen is None:
            return None
        logo, body = chosen
        suffix = logo.media_type.rpartition("/")[2].partition("+")[0]  # image/svg+xml
        name = f"static/logo.{suffix}"
        self._file(name, body)
        return name, logo

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
        if self.settings.accent:
            css += b"\n" + branding.style_sheet(self.settings.accent.lower()).encode()
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
        self.files.add(name)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
