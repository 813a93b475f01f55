"""The categories of an edition: names, order and readers, from the files that say them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from kbsearch import access
from kbsearch.articles import old_addresses
from kbsearch.articles.categories import with_outer
from kbsearch.articles.publishing.category_files import CategoryFile
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.front_matter import FrontMatter
from kbsearch.articles.publishing.rendered import Rendered
from kbsearch.articles.publishing.sources import FRONT_PAGES, Source
from kbsearch.text.markup import slug_of

LAST = 10**6  # the order of what says none
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class CategoryFolder:
    """A folder of articles of one language as it is shown."""

    language: str
    path: str
    name: str = ""  # nothing where no file says one
    description: str = ""
    icon: str = ""
    position: int = 0  # among all of its language, each before those inside it
    landing: Rendered | None = None
    aliases: tuple[str, ...] = ()  # keys of addresses in another system


class Categories:
    """The files of categories, asked for what they say together.

    What a file leaves open is taken from that of the same folder in another language.
    """

    def __init__(self, files: Sequence[CategoryFile]) -> None:
        self.files = {(file.language, file.category): file for file in files}
        self._by_category: dict[str, list[CategoryFile]] = {}
        for file in files:
            self._by_category.setdefault(file.category, []).append(file)
        self.audience = cache(self._audience)
        self.articles = cache(self._articles)

    def about(self, language: str, category: str) -> list[CategoryFile]:
        """What is said of a folder, in its own file first."""
        files = self._by_category.get(category, [])
        return sorted(files, key=lambda file: (file.language != language, file.language))

    def _audience(self, language: str, category: str) -> str:
        """Whom a category is for, with all it lies in; empty where nothing says so."""
        audience = ""
        for path in with_outer(category):
            own = next((f.audience for f in self.about(language, path) if f.audience), "")
            if own:
                audience = access.shared_audience(audience, own) if audience else own
        return audience

    def audience_of(self, source: Source, default: str) -> str:
        """Whom an article is for: never more people than its category is."""
        own = source.audience or default
        category = self.audience(source.language, source.category)
        return access.shared_audience(own, category) if category else own

    def is_doubtful(self, source: Source) -> bool:
        """Whether the audience of its category is that of a file that cannot be understood."""
        outer = with_outer(source.category)
        return any(file.is_broken for path in outer for file in self.about(source.language, path))

    def name(self, language: str, category: str) -> str:
        return next(
            (f.names[language] for f in self.about(language, category) if f.names.get(language)),
            "",
        )

    def order(self, language: str, category: str) -> int:
        orders = (f.order for f in self.about(language, category))
        return next((order for order in orders if order is not None), LAST)

    def _articles(self, language: str, category: str) -> tuple[str, ...]:
        return next((f.articles for f in self.about(language, category) if f.articles), ())


def audiences(categories: Categories, sources: Iterable[Source], default: str) -> dict[str, str]:
    """Whom every file is for: articles, and the landing texts of categories."""
    by_file = {source.entry.path: categories.audience_of(source, default) for source in sources}
    for file in categories.files.values():
        category = categories.audience(file.language, file.category)
        by_file[file.entry.path] = category or default
    return by_file


def listed(
    categories: Categories, sources: Iterable[Source], texts: Mapping[tuple[str, str], Rendered]
) -> tuple[CategoryFolder, ...]:
    """Every category that has a file or an article, and what it lies in."""
    places = {(source.language, source.category) for source in sources} | categories.files.keys()
    places = {(language, path) for language, inner in places for path in with_outer(inner)}

    def key(place: tuple[str, str]) -> object:
        language, category = place
        steps = [
            (
                categories.order(language, path),
                natural(categories.name(language, path) or path.rpartition("/")[2]),
                path,
            )
            for path in with_outer(category)[1:]
        ]
        return language, steps

    ordered = sorted(places, key=key)  # type: ignore[arg-type]
    return tuple(
        _category(categories, language, path, position, texts.get((language, path)))
        for position, (language, path) in enumerate(ordered)
    )


def _category(
    categories: Categories, language: str, path: str, position: int, landing: Rendered | None
) -> CategoryFolder:
    files = categories.about(language, path)
    own = categories.files.get((language, path))
    return CategoryFolder(
        language,
        path,
        name=categories.name(language, path),
        description=next(
            (file.descriptions[language] for file in files if language in file.descriptions), ""
        ),
        icon=next((file.icon for file in files if file.icon), ""),
        position=position,
        landing=landing,
        aliases=tuple(map(old_addresses.key_of, own.aliases)) if own else (),
    )


def positions(categories: Categories, sources: Iterable[Source]) -> dict[str, int]:
    """The place of each article's file in its category: as listed there, then by title."""

    def key(source: Source) -> tuple[int, bool, list[str | int], str]:
        names = categories.articles(source.language, source.category)
        place = names.index(source.name) if source.name in names else LAST
        is_inner = source.name not in FRONT_PAGES
        return place, is_inner, natural(source.title), source.path

    sizes: Counter[tuple[str, str]] = Counter()  # of the shelves so far
    places: dict[str, int] = {}
    for source in sorted(sources, key=key):
        shelf = source.language, source.category
        places[source.entry.path] = sizes[shelf]
        sizes[shelf] += 1
    return places


def natural(text: str) -> list[str | int]:
    """By what words and numbers are sorted: no accents, 2 before 10."""
    parts = _DIGITS.split(slug_of(text))
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def check(categories: Categories, sources: Sequence[Source], shown: str) -> list[Finding]:
    """What the files say that does not go together with the articles."""
    findings = [*_unlisted(categories, sources, shown), *_narrowed(categories, sources, shown)]
    holders: dict[tuple[str, str], CategoryFile] = {}
    for file in categories.files.values():
        for alias in file.aliases:
            key = old_addresses.key_of(alias)
            other = holders.setdefault((file.language, key), file)
            if other is not file:
                values = {"alias": alias, "other": shown + other.entry.path}
                place = file.place("alias")
                findings.append(Finding(shown + file.entry.path, *place, "alias-clash", values))
    return findings


def _unlisted(categories: Categories, sources: Sequence[Source], shown: str) -> Iterable[Finding]:
    """Names in a list that are of no article there."""
    names = {(source.language, source.category, source.name) for source in sources}
    for file in categories.files.values():
        for name in file.articles:
            if (file.language, file.category, name) not in names:
                values = {"reason": "no-article", "name": name}
                place = file.place("articles")
                yield Finding(shown + file.entry.path, *place, "category", values)


def _narrowed(categories: Categories, sources: Sequence[Source], shown: str) -> Iterable[Finding]:
    """Articles that say they are for people whom their category is not for."""
    for source in sources:
        category = categories.audience(source.language, source.category)
        if not source.audience or not category or categories.is_doubtful(source):
            continue
        readers = access.shared_audience(source.audience, category)
        if readers != source.audience:
            reason = "narrowed" if readers == category else "nobody"
            values = {"reason": reason, "audience": source.audience, "category": category}
            place = source.front.place("audience")
            yield Finding(shown + source.entry.path, *place, "category-audience", values)


def landings(categories: Categories, languages: Iterable[str]) -> Iterator[Source]:
    """The texts above the articles of categories, as what can be rendered like an article."""
    for language in languages:
        for category in {file.category for file in categories.files.values()}:
            files = categories.about(language, category)
            file = next((f for f in files if language in f.landings), None)
            if file is not None and file.landings[language].text.strip():
                yield Source(
                    entry=file.entry,
                    path=f"{language}/{category}",
                    language=language,
                    category=category,
                    name="",
                    front=FrontMatter(),
                    text=file.landings[language].text,
                    lines_before=file.landings[language].lines_before,
                )
