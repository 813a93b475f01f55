"""The ways from old addresses of a static site: a page at each, and one file for servers."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from urllib.parse import quote

from kbsearch.articles.publishing.tree import is_safe

FILE = "_redirects"  # as Netlify, Cloudflare Pages and GitLab Pages read it
LONGEST = 200  # characters of a name that every disk takes


def pages(
    addresses: Iterable[tuple[str, str, str]],
    targets: Mapping[str, str],
    written: Collection[str],
) -> Iterator[tuple[str, str, str]]:
    """Of each old address: what is asked for, the file that stands there, the file it leads to.

    `targets` are the files of the articles by path. An address that another page has, or that is
    no name of a file, has no page of its own.
    """
    taken = set(written)
    for language, address, path in addresses:
        target = targets.get(path)
        if target is None:
            continue
        is_foreign = address.startswith("/")
        asked = address if is_foreign else f"/{language}/articles/{address}"
        file = f"{address[1:]}/index.html" if is_foreign else f"{asked[1:]}.html"
        if any(len(part) > LONGEST for part in file.split("/")) or not is_safe(file):
            continue
        if file not in taken:
            taken.add(file)
            yield asked, file, target


def lines(moved: Iterable[tuple[str, str]]) -> str:
    """The file for servers: what is asked for and the file it leads to, a line each."""
    return "".join(f"{quote(asked)} /{quote(target)} 301\n" for asked, target in moved)
