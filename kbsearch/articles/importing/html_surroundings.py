"""What stands around the words of an HTML page: the name of its site, menus, signs on headings."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_AROUND = ("nav", "header", "footer", "aside", "script", "style")
_SILENT = frozenset({"script", "style"})
_ROLES = frozenset({"navigation", "banner", "contentinfo", "complementary", "search"})
_MENUS = re.compile(
    r"(?:^|[-_])(?:nav|navbar|navigation|menu|sidebar|sphinxsidebar|breadcrumbs?|toc|toctree|"
    r"table-of-contents|contents|pagination|pager|related)(?:$|[-_])"
)
_CALLOUT = re.compile(r"admonition|callout|alert|note|tip|warning|important|caution|danger|hint")
_HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
_SIGNS = frozenset({"", "#", "\u00b6", "\u00a7", "\U0001f517", "\u200b", "\u2693"})
_BETWEEN = re.compile(r"(?<!\s)\s++(?:[|\u2013\u2014\u00b7\u00bb\u2022-]|::)\s+")


class ReadPage(NamedTuple):
    """What a page says of itself, before its site is known."""

    heading: str
    title: str  # of its window
    description: str
    body: str  # without the heading
    dropped: tuple[str, ...]  # kinds of what stood around
    signs: int  # on headings


def read(source: str) -> ReadPage:
    """A page without what stands around its text."""
    # imported here: megabytes that most processes never need
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(source, "html.parser")
    signs = _drop_signs(soup)
    body = soup.find("main") or soup.find(True, attrs={"role": "main"}) or soup.find("article")
    body = body or soup.find("body") or soup
    heading = _heading(body) or soup.find("h1")
    window = soup.find("title")
    about = soup.find("meta", attrs={"name": "description"})
    description = str(about.get("content") or "") if about else ""
    said = (_line(heading), _line(window), " ".join(description.split()))
    if heading:
        heading.extract()
    if window:
        window.extract()
    dropped = tuple(sorted(set(_drop_menus(body))))
    return ReadPage(*said, str(body), dropped, signs)


def titles(pages: Iterable[ReadPage]) -> list[str]:
    """What each page is called; what stands on nearly all of them is the name of the site."""
    pages = list(pages)
    most = max(2, len(pages) * 2 // 3)
    headings = Counter(page.heading for page in pages if page.heading)
    names = {heading for heading, count in headings.items() if count >= most}
    parts = Counter(part for page in pages for part in set(_BETWEEN.split(page.title)))
    names |= {part for part, count in parts.items() if count >= most}
    return [_title(page, names) for page in pages]


def _title(page: ReadPage, names: set[str]) -> str:
    if page.heading and page.heading not in names:
        return page.heading
    own = [part for part in _BETWEEN.split(page.title) if part not in names]
    return " \u2013 ".join(own) or page.heading or page.title


def _heading(body: "Tag") -> "Tag | None":
    """The first one; where a page names no main part, rather one below its header."""
    every = body.find_all("h1")
    inner = every if body.name in ("main", "article") else []
    inner = inner or [each for each in every if not each.find_parent(["header", "nav", "aside"])]
    return next(iter(inner or every), None)


def _drop_signs(soup: "BeautifulSoup") -> int:
    """A link of a heading to itself; the place that it names stays."""
    count = 0
    for heading in soup.find_all(_HEADINGS):
        for link in heading.find_all("a"):
            target = str(link.get("href") or "")
            if "#" not in target or link.find("img") or _line(link) not in _SIGNS:
                continue
            place = link.get("id") or link.get("name")
            if place and not heading.get("id"):
                heading["id"] = place
            link.decompose()
            count += 1
    return count


def _drop_menus(body: "Tag") -> Iterable[str]:
    for element in body.find_all(True):
        if element.decomposed:
            continue
        kind = _kind(element)
        if kind:
            element.decompose()
            if kind not in _SILENT:
                yield kind


def _kind(element: "Tag") -> str:
    """What stands around a text is known by its element, its role, or a name above many links."""
    name = element.name
    classes: list[str] = list(element.get("class") or [])
    words = " ".join([*classes, str(element.get("id") or "")]).lower()
    if name in _AROUND:
        return "" if name == "aside" and _CALLOUT.search(words) else name
    if element.get("role") in _ROLES:
        return str(element["role"])
    match = next((match for each in words.split() if (match := _MENUS.search(each))), None)
    if match is None or name in ("body", "main", "article", *_HEADINGS):
        return ""
    linked = sum(len(_line(link)) for link in element.find_all("a"))
    return match[0].strip("-_") if linked * 2 >= len(_line(element)) > 0 else ""


def _line(element: "Tag | None") -> str:
    return " ".join(element.get_text(" ").split()) if element else ""
