"""A folder of HTML pages, as a site generator or a copy of a site leaves them."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kbsearch.articles.importing import html, html_surroundings
from kbsearch.articles.importing.pages import (
    ConversionReport,
    ForeignPage,
    Languages,
    Linker,
    SourceFolder,
    Tell,
    path_of,
)
from kbsearch.text.markup import scheme_of, slug_of

NAME = "html"
SUFFIXES = (".html", ".htm")
LARGEST_PAGE = 8_000_000  # bytes
_LANGUAGE = re.compile(r"<html\b[^<>]*?\blang\s*=\s*[\"']?([a-z]{2})", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_CHARSET = re.compile(rb"<meta\b[^<>]*?charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)


class HtmlFolder(SourceFolder):
    """The pages of a folder."""

    name = NAME
    suffixes = SUFFIXES

    def __init__(self, root: Path, languages: Languages, report: ConversionReport) -> None:
        self.report, self.languages = report, languages
        super().__init__(root)
        self.pages: Sequence[ForeignPage] = list(self._pages())

    def _pages(self) -> Iterator[ForeignPage]:
        read = dict(self._read())
        titles = html_surroundings.titles(page for page, _ in read.values())
        for (name, (said, language)), title in zip(read.items(), titles, strict=True):
            page = self._page(name, said, title, language)
            if said.dropped:
                self.report.tell("surroundings", f"{name}: {', '.join(said.dropped)}")
            if said.signs:
                self.report.tell("heading-signs", name)
            if page.language in self.languages.offered:
                yield page
            else:
                self.report.tell("language-not-offered", name)

    def _read(self) -> Iterator[tuple[str, tuple[html_surroundings.ReadPage, str]]]:
        """The pages by their names, each with the language that it says."""
        for name, path in self.files.items():
            if not name.lower().endswith(SUFFIXES):
                continue
            if path.stat().st_size > LARGEST_PAGE:
                self.report.tell("page-too-large", name)
                continue
            source = _decoded(path.read_bytes())
            said = _LANGUAGE.search(source[:10_000])
            yield name, (html_surroundings.read(source), said[1].lower() if said else "")

    def _page(
        self, name: str, said: html_surroundings.ReadPage, title: str, language: str
    ) -> ForeignPage:
        first, _, inner = name.partition("/")
        is_of_language = bool(inner) and first in self.languages.offered
        rest = inner if is_of_language else name
        *folders, base = rest.split("/")
        stem = posixpath.splitext(base)[0]
        is_front = stem == "index"
        language = first if is_of_language else language
        if not language:
            words = _TAG.sub(" ", said.body)
            language = self.languages.guessed(f"{title} {words}", name, self.report)
        return ForeignPage(
            identity=f"html-{slug_of(posixpath.splitext(rest)[0])}",
            language=language,
            title=title or stem,
            text=said.body,
            place=f"/{name}",
            folder=tuple(folders),
            name=stem,
            addresses=(f"/{name}",),
            summary=said.description,
            is_front=is_front,
        )

    def key(self, target: str, page: ForeignPage) -> str:
        """The file that a link means; that of a folder is its `index.html`."""
        if scheme_of(target) or target.startswith("//"):
            return ""
        path = path_of(target.partition("#")[0].partition("?")[0], page.place)
        for ending in ("", *SUFFIXES, "/index.html", "/index.htm"):
            if f"{path}{ending}".lstrip("/") in self.files:
                return f"{path}{ending}"
        return path if posixpath.splitext(path)[1] else ""

    def markdown(self, page: ForeignPage, linker: Linker, tell: Tell) -> str:
        return html.markdown_of(page, linker, tell)


def _decoded(body: bytes) -> str:
    """A page in the charset it names; else in UTF-8, or in that of Windows."""
    named = _CHARSET.search(body[:4_000])
    for charset in (named[1].decode() if named else "utf-8", "utf-8", "cp1252"):
        try:
            return body.decode(charset).removeprefix("\ufeff")
        except (LookupError, UnicodeDecodeError):
            continue
    return body.decode(errors="replace")
