"""Where pages of another system lie here, and where their links and pictures lead then."""

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import yaml

from kbsearch.articles import old_addresses
from kbsearch.articles.importing.pages import ConversionReport, ForeignPage, Importer
from kbsearch.articles.publishing import front_matter
from kbsearch.articles.publishing.addresses import IMAGE_SUFFIXES
from kbsearch.articles.publishing.front_matter import FrontMatterError
from kbsearch.articles.publishing.tree import ARTICLES, MAX_FILE, Tree
from kbsearch.files import types
from kbsearch.text.markup import scheme_of, slug_of
from kbsearch.text.markup.parser import SCHEMES

LONGEST_NAME = 60  # characters of a file's or a folder's
WIDEST = 2**31 - 1  # characters: a value stays on its line


@dataclass
class Places:
    """The file of every page, and what is known by which key."""

    files: dict[tuple[str, str], str]  # identity and language -> file
    pages: dict[str, dict[str, ForeignPage]]  # key -> by language
    earlier: Mapping[tuple[str, str], str]  # the files of an import before
    taken: set[str]
    slugs: set[tuple[str, str]]

    def place(self, page: ForeignPage) -> None:
        """Give a page a file of its own; one that came before stays where it is by now."""
        key = page.identity, page.language
        self.files[key] = self.earlier.get(key) or _free(page, self.taken, self.slugs)

    def find(self, key: str, language: str) -> ForeignPage | None:
        versions = self.pages.get(key, {})
        return versions.get(language) or next(iter(versions.values()), None)

    def file_of(self, page: ForeignPage) -> str:
        return self.files[page.identity, page.language]


def assign(importer: Importer, below: Tree) -> Places:
    """Give every page a file of its own; one that came before stays where it is by now."""
    taken = {path.casefold() for path in below.entries}
    places = Places({}, {}, _earlier(below), taken, set(_slugs(below)))
    importer.pages = list(_told_apart(importer.pages))
    for page in importer.pages:
        places.place(page)
        for address in (page.place, *page.addresses):
            key = importer.key(address, page)
            if key:
                places.pages.setdefault(key, {}).setdefault(page.language, page)
    return places


def _told_apart(pages: Iterable[ForeignPage]) -> Iterable[ForeignPage]:
    """Pages that would be one by their identity, as `1-page.md` and `2-page.md`, are two."""
    seen: set[tuple[str, str]] = set()
    addresses: set[tuple[str, str]] = set()  # the first of two that had one keeps it
    for page in pages:
        if (page.identity, page.language) in seen:
            page = replace(page, identity=f"{page.identity}-{slug_of(page.place)}")
        seen.add((page.identity, page.language))
        keys = {each: (old_addresses.key_of(each), page.language) for each in page.addresses}
        own = tuple(each for each in page.addresses if keys[each] not in addresses)
        addresses.update(keys.values())
        yield replace(page, addresses=own)


def _free(page: ForeignPage, taken: set[str], slugs: set[tuple[str, str]]) -> str:
    folder = folder_of(page.language, page.folder)
    base = "index" if page.is_front else _name(page.name or page.title)
    name, number = base, 1
    while (
        f"{ARTICLES}{folder}/{name}.md".casefold() in taken
        or (page.language, _slug(folder, name)) in slugs
    ):
        number += 1
        name = f"{base}-{number}"
    place = f"{ARTICLES}{folder}/{name}.md"
    taken.add(place.casefold())
    slugs.add((page.language, _slug(folder, name)))
    return place


def folder_of(language: str, names: Sequence[str]) -> str:
    """Where the pages of a category lie."""
    return "/".join([language, *(_name(part) for part in names)])


def _slug(folder: str, name: str) -> str:
    return slug_of(folder.rpartition("/")[2] if name == "index" else name)


def _name(text: str) -> str:
    return slug_of(text)[:LONGEST_NAME].strip("-") or "article"


def _earlier(below: Tree) -> dict[tuple[str, str], str]:
    """The files that an import wrote before, by what they say they are."""
    found: dict[tuple[str, str], str] = {}
    for path, front in _fronts(below):
        language = path.removeprefix(ARTICLES).partition("/")[0]
        if front.text("id"):
            found[front.text("id"), language] = path
    return found


def _slugs(below: Tree) -> Iterable[tuple[str, str]]:
    for path, front in _fronts(below):
        language, _, rest = path.removeprefix(ARTICLES).partition("/")
        folder, _, name = rest.rpartition("/")
        stem = name.rpartition(".")[0]
        yield language, front.text("slug") or _slug(folder or language, stem)


def _fronts(below: Tree) -> Iterable[tuple[str, front_matter.FrontMatter]]:
    names = [path for path in below.entries if path.startswith(ARTICLES) and path.endswith(".md")]
    for path, body in below.read(names):
        try:
            lines, _, _ = front_matter.split(body.decode("utf-8-sig", errors="replace"))
            yield path, front_matter.read(lines)
        except FrontMatterError:
            continue


@dataclass
class PageLinker:
    """The `Linker` of one page; what comes along with it gathers in `files`."""

    importer: Importer
    places: Places
    page: ForeignPage
    report: ConversionReport
    files: dict[str, bytes] = field(default_factory=dict)

    def link(self, target: str) -> str:
        target = target.strip()
        if not target or target.startswith("#"):
            return target if len(target) > 1 else ""
        if scheme_of(target) in SCHEMES - {"http", "https"}:
            return target
        key = self.importer.key(target, self.page)
        other = self.places.find(key, self.page.language) if key else None
        if other is not None:
            anchor = target.partition("#")[2]
            place = self._relative(self.places.file_of(other))
            if other is self.page and anchor:
                return f"#{anchor}"
            return f"{place}#{anchor}" if anchor else place
        file = self.file(target) if key else ""
        if file:
            return file
        where = "" if key else self.importer.elsewhere(target, self.page)
        if not where:
            self.report.tell("link-removed", f"{self.page.place}: {target}")
        return where if where.startswith("/") or scheme_of(where) in SCHEMES else ""

    def file(self, target: str) -> str:
        key = self.importer.key(target.strip(), self.page)
        if not key and scheme_of(target) in ("http", "https"):
            return target
        found = self.importer.file(key) if key else None
        if found is None:
            self.report.tell("file-missing", f"{self.page.place}: {target[:200]}")
            return ""
        name, body = found
        suffix = posixpath.splitext(name)[1].lower()
        if len(body) > MAX_FILE or not is_offered(suffix):
            self.report.tell("file-refused", f"{self.page.place}: {name}")
            return ""
        return self._relative(self._add(key, name, body))

    def _add(self, key: str, name: str, body: bytes) -> str:
        """Beside the page, in a folder with its name."""
        stem, suffix = posixpath.splitext(types.clean_name(name))
        folder = posixpath.splitext(self.places.file_of(self.page))[0]
        base = slug_of(stem)[:LONGEST_NAME].strip("-") or "file"
        path, number = f"{folder}/{base}{suffix.lower()}", 1
        while path in self.files and self.files[path] != body:
            number += 1
            path = f"{folder}/{base}-{number}{suffix.lower()}"
        self.files[path] = body
        return path

    def _relative(self, path: str) -> str:
        start = posixpath.dirname(self.places.file_of(self.page))
        return posixpath.relpath(path, start)


def is_offered(suffix: str) -> bool:
    """Whether a file of that kind can be shown or offered in an article."""
    name = suffix.removeprefix(".")
    is_picture = suffix in IMAGE_SUFFIXES and suffix != ".svg"
    return is_picture or (
        name in types.EXTENSIONS and name not in ("yml", "yaml", "toml", "eml", "md")
    )


def written(page: ForeignPage, body: str) -> str:
    """The file of a page."""
    values: dict[str, str | Sequence[str]] = {
        "title": page.title,
        "id": page.identity,
        "audience": page.audience,
        "status": page.status,
        "summary": page.summary,
        "updated": page.updated,
        **page.texts,
        "tags": list(page.tags),
        "alias": [each for each in page.addresses if old_addresses.key_of(each) != "/"],
    }
    filled = {key: value for key, value in values.items() if value}
    front = yaml.safe_dump(filled, allow_unicode=True, sort_keys=False, width=WIDEST)
    return f"---\n{front}---\n\n{body.strip()}\n"


def offered(page: ForeignPage, body: str, linker: PageLinker, heading: str) -> str:
    """The list of the files that a page offers and does not name in its text."""
    lines = []
    for target in page.offered:
        place = linker.file(target)
        if place and f"]({place})" not in body:
            lines.append(f"- [{posixpath.basename(place)}]({place})")
    return f"## {heading}\n\n" + "\n".join(lines) if lines else ""


Files = Mapping[str, bytes]
