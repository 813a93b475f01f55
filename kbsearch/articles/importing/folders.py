"""`_category.yml` for the folders that pages of another system come in."""

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from kbsearch.articles.importing import placing
from kbsearch.articles.importing.pages import ForeignCategory, ForeignPage, Importer
from kbsearch.articles.importing.placing import Places
from kbsearch.articles.publishing import category_files
from kbsearch.articles.publishing.categories import natural
from kbsearch.articles.publishing.sources import FRONT_PAGES
from kbsearch.articles.publishing.tree import ARTICLES, Tree

NOTHING = ForeignCategory()


def files(
    pages: Sequence[ForeignPage], importer: Importer, places: Places, below: Tree
) -> dict[str, bytes]:
    """The file of each folder; one that is there already is a writer's, and stays."""
    inside: dict[str, list[ForeignPage]] = {}
    names: dict[str, tuple[str, tuple[str, ...]]] = {}
    for page in pages:
        place = places.file_of(page)
        inside.setdefault(posixpath.dirname(place), []).append(page)
        for length in range(1, len(page.folder) + 1):
            folder = page.folder[:length]
            path = f"{ARTICLES}{placing.folder_of(page.language, folder)}"
            if place.startswith(f"{path}/"):  # nobody moved it since it came
                names.setdefault(path, (page.language, folder))
    written = {}
    for path, key in names.items():
        place = f"{path}/{category_files.NAME}"
        if place not in below.entries:
            category = importer.categories.get(key, NOTHING)
            order = _order(inside.get(path, []), places)
            written[place] = _written(key[1][-1], category, order)
    return written


def _order(pages: Sequence[ForeignPage], places: Places) -> list[str]:
    """The names of the files as the other system has them; none where it says no order."""
    numbered = [page for page in pages if page.order is not None]
    if not numbered and any(page.part_of for page in pages):  # those stay beside their page
        numbered = sorted(pages, key=lambda page: natural(page.part_of or page.title))
    numbered.sort(key=lambda page: page.order or 0)
    names = [posixpath.basename(places.file_of(page)).rpartition(".")[0] for page in numbered]
    return [name for name in names if name not in FRONT_PAGES]  # those come first anyhow


def _written(name: str, category: ForeignCategory, order: Sequence[str]) -> bytes:
    values: Mapping[str, Any] = {
        "name": " ".join(name.split())[: category_files.LONGEST_NAME],
        "description": " ".join(category.description.split()),
        "order": category.order,
        "articles": list(order),
        "alias": list(category.addresses),
    }
    filled = {key: value for key, value in values.items() if value not in ("", [], None)}
    text = yaml.safe_dump(filled, allow_unicode=True, sort_keys=False, width=placing.WIDEST)
    return text.encode()
