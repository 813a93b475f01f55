"""A folder of HTML pages, as a site generator or a copy of a site leaves them."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kbsearch.articles.importing import html
from kbsearch.articles.importing.pages import (
    ConversionReport,
    ForeignPage,
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
_CHARSET = re.compile(rb"<meta\b[^<>]*?charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
_AROUND = ["nav", "header", "footer", "aside", "script", "style"]


class HtmlFolder(SourceFolder):
    """The pages of a folder."""

    name = NAME
    suffixes = SUFFIXES

    def __init__(self, root: Path, languages: tuple[str, ...], report: ConversionReport) -> None:
        self.report, self.languages = report, languages
        super().__init__(root)
        self.pages: Sequence[ForeignPage] = list(self._pages())

    def _pages(self) -> Iterator[ForeignPage]:
        for name, path in self.files.items():
            if not name.lower().endswith(SUFFIXES):
                continue
            if path.stat().st_size > LARGEST_PAGE:
                self.report.tell("page-too-large", name)
                continue
            page = self._page(name, _decoded(path.read_bytes()))
            if page.language in self.languages:
                yield page
            else:
                self.report.tell("language-not-offered", name)

    def _page(self, name: str, source: str) -> ForeignPage:
        title, description, body = _content(source)
        first, _, inner = name.partition("/")
        is_of_language = bool(inner) and first in self.languages
        said = _LANGUAGE.search(source[:10_000])
        rest = inner if is_of_language else name
        *folders, base = rest.split("/")
        stem = posixpath.splitext(base)[0]
        is_front = stem == "index"
        return ForeignPage(
            identity=f"html-{slug_of(posixpath.splitext(rest)[0])}",
            language=first if is_of_language else said[1].lower() if said else self.languages[0],
            title=title or stem,
            text=body,
            place=f"/{name}",
            folder=tuple(folders),
            name=stem,
            addresses=(f"/{name}",),
            summary=description,
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


def _content(source: str) -> tuple[str, str, str]:
    """The title of a page, what it says of itself, and its text without what stands around it."""
    # imported here: megabytes that most processes never need
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(source, "html.parser")
    heading = soup.find("h1") or soup.find("title")
    title = " ".join(heading.get_text(" ").split()) if heading else ""
    about = soup.find("meta", attrs={"name": "description"})
    description = " ".join(str(about.get("content") or "").split()) if about else ""
    body = soup.find("main") or soup.find("article") or soup.find("body") or soup
    for element in body.find_all(_AROUND):
        element.decompose()
    if heading is not None and heading.name == "h1":
        heading.decompose()
    return title, description, str(body)
