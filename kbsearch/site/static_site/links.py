"""Links of an article as they lead from file to file; what is not written leaves no trace."""

import posixpath
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote, unquote

from markupsafe import Markup


@dataclass(frozen=True)
class WrittenPages:
    """What is written: whole languages, articles and products by language and slug."""

    languages: Collection[str]
    articles: Collection[tuple[str, str]]
    products: Collection[tuple[str, str]] = ()

    def file(self, path: str) -> str:
        """The file of a page of the site, by its address; empty where it is not written."""
        language, _, rest = unquote(path).strip("/").partition("/")
        kind, _, name = rest.partition("/")
        if kind == "articles" and (language, name) in self.articles:
            return f"{language}/articles/{name}.html"
        if kind == "products" and (language, name) in self.products:
            return f"{language}/products/{name}.html"
        if language in self.languages and rest in ("", "search"):
            return f"{language}/{rest or 'index'}.html"
        return ""


def relative(file: str, start: str) -> str:
    """The address of a file in a page of another one."""
    return quote(posixpath.relpath(file, posixpath.dirname(start) or "."))


def rewritten(html: Markup, start: str, pages: WrittenPages) -> tuple[Markup, set[tuple[str, str]]]:
    """The HTML of a page with relative addresses, and the files it shows and offers.

    A link to what is not written becomes plain words.
    """
    if 'href="/' not in html and 'src="/' not in html:
        return html, set()
    from bs4 import BeautifulSoup  # it takes as long to load as a page to write

    soup = BeautifulSoup(html, "html.parser")
    media: set[tuple[str, str]] = set()
    for element in soup.find_all(["a", "img"]):
        name = "src" if element.name == "img" else "href"
        address, sign, anchor = str(element.get(name, "")).partition("#")
        path, mark, query = address.partition("?")
        if not path.startswith("/"):
            continue
        if path.startswith("/media/"):
            digest, _, title = unquote(path.removeprefix("/media/")).partition("/")
            media.add((digest, title))
            file = f"media/{digest}/{title}"
        else:
            file = pages.file(path)
        if file:
            element[name] = f"{relative(file, start)}{mark}{query}{sign}{anchor}"
        else:
            element.unwrap()
    return Markup(str(soup)), media  # of what left markup.clean only addresses were changed
