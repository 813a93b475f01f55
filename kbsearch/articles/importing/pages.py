"""A page of another system, as whatever reads that system tells of it."""

import posixpath
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from kbsearch.search.fulltext.text import detect_language
from kbsearch.text.markup import scheme_of

MOST_DETAILS = 20  # of each kind of change
FEWEST_WORDS = 20  # that tell a language
GITBOOK = ".gitbook"  # where it keeps the pictures of its pages
LARGEST = 64 * 1024 * 1024  # bytes of one file of a source


@dataclass(frozen=True)
class ForeignPage:
    """A page: what it says of itself, and its text in the language of its system."""

    identity: str  # what it shares with its translations
    language: str
    title: str
    text: str
    place: str  # its address in the source: what relative links begin from
    folder: tuple[str, ...] = ()  # names of categories, the outer one first
    name: str = ""  # what its file is called; the title otherwise
    addresses: tuple[str, ...] = ()  # where it was: they are answered from now on
    audience: str = ""
    status: str = ""
    summary: str = ""
    updated: str = ""
    tags: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)  # further keys of the front matter
    is_front: bool = False  # of its folder
    order: int | None = None  # among the pages of its folder, where its system has one
    offered: tuple[str, ...] = ()  # files shown below it
    part_of: str = ""  # the title of the page that it is a part of


@dataclass(frozen=True)
class ForeignCategory:
    """What a system says of a folder of pages, besides its name."""

    description: str = ""
    order: int | None = None  # among those beside it
    addresses: tuple[str, ...] = ()


Categories = Mapping[tuple[str, tuple[str, ...]], ForeignCategory]  # by language and names


class ConversionReport:
    """What was changed on the way, by kind: how often, and the first places."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.details: dict[str, list[str]] = {}

    def tell(self, kind: str, detail: str = "") -> None:
        self.counts[kind] += 1
        details = self.details.setdefault(kind, [])
        if detail and len(details) < MOST_DETAILS and detail not in details:
            details.append(detail)


@dataclass(frozen=True)
class Languages:
    """Those that a site offers; `unsaid` is that of pages which do not say theirs, where known."""

    offered: tuple[str, ...]
    unsaid: str = ""

    @property
    def first(self) -> str:
        return self.unsaid or self.offered[0]

    def guessed(self, text: str, place: str, report: ConversionReport) -> str:
        """The language of a page that does not say it, by its words where they are enough."""
        words = text.split(maxsplit=FEWEST_WORDS)
        if self.unsaid or len(words) < FEWEST_WORDS:
            return self.first
        language = detect_language(text)
        if language not in self.offered:
            return self.first
        if language != self.first:
            report.tell("language-guessed", f"{place}: {language}")
        return language


Tell = Callable[[str, str], None]


class Linker(Protocol):
    """Where what a page points at is here; empty where it did not come along."""

    def link(self, target: str) -> str:
        """A link, to a page or elsewhere."""

    def file(self, target: str) -> str:
        """A picture or another file, that comes along with the page."""


class Importer(Protocol):
    """A system that articles are taken from."""

    name: str
    pages: Sequence[ForeignPage]

    @property
    def categories(self) -> Categories:
        """What is said of the folders that pages are in."""

    def key(self, target: str, page: ForeignPage) -> str:
        """What pages and files are known by, from the address a page gives; empty for elsewhere."""

    def elsewhere(self, target: str, page: ForeignPage) -> str:
        """The address of what is no page and no file of the source; empty where it is gone."""

    def file(self, key: str) -> tuple[str, bytes] | None:
        """The name and the bytes of a file of the source."""

    def markdown(self, page: ForeignPage, linker: Linker, tell: Tell) -> str:
        """The text of a page in the Markdown of this site."""


def files_below(root: Path) -> Iterator[Path]:
    """The files of a folder in their order; what is hidden, linked or enormous is not looked at."""
    for path in sorted(root.iterdir()):
        if (path.name.startswith(".") and path.name != GITBOOK) or path.is_symlink():
            continue
        if path.is_dir():
            yield from files_below(path)
        elif path.is_file() and path.stat().st_size <= LARGEST:
            yield path


def path_of(target: str, base: str) -> str:
    """The path that an address means from another one, without its anchor: `/docs/a.md`."""
    try:
        path = unquote(urlsplit(target).path)
    except ValueError:
        return ""
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(base), path)) if path else base


class SourceFolder:
    """The files of a folder, by their paths in it: its pages, and what lies beside them."""

    suffixes: tuple[str, ...]  # of pages

    def __init__(self, root: Path) -> None:
        self.categories: dict[tuple[str, tuple[str, ...]], ForeignCategory] = {}
        self.files = {path.relative_to(root).as_posix(): path for path in files_below(root)}

    def elsewhere(self, target: str, page: ForeignPage) -> str:
        """Any address of the web stays as it is."""
        return target if scheme_of(target) else ""

    def file(self, key: str) -> tuple[str, bytes] | None:
        """A file that is no page."""
        path = self.files.get(key.lstrip("/"))
        if path is None or key.lower().endswith(self.suffixes):
            return None
        return path.name, path.read_bytes()
