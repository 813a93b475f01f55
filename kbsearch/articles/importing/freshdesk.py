"""Freshdesk's solutions, from a folder of the answers of its API: categories, folders, articles."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kbsearch.articles import old_addresses
from kbsearch.articles.importing import html
from kbsearch.articles.importing.pages import (
    ConversionReport,
    ForeignCategory,
    ForeignPage,
    Languages,
    Linker,
    Tell,
    files_below,
)
from kbsearch.text.markup import scheme_of

NAME = "freshdesk"
_DRAFT = 1
# `visibility` of a folder; what only some companies see stays with agents.
_AUDIENCES = {1: "everyone", 2: "customers", 3: "agents"}

Item = dict[str, Any]


class Solutions:
    """The articles of a folder; an article that comes twice counts as it came last."""

    name = NAME

    def __init__(self, root: Path, languages: Languages, report: ConversionReport) -> None:
        self.report, self.languages = report, languages
        self.articles: dict[tuple[object, str], Item] = {}
        self.names: dict[object, Item] = {}  # folders and categories: their numbers are never equal
        for path in files_below(root):
            if path.suffix == ".json":
                self._read(path)
        self.categories: dict[tuple[str, tuple[str, ...]], ForeignCategory] = {}
        self.pages: Sequence[ForeignPage] = list(self._pages())

    def _read(self, path: Path) -> None:
        try:
            said = json.loads(path.read_text(encoding="utf-8-sig"))
        except ValueError:  # UnicodeDecodeError is one
            self.report.tell("not-json", path.name)
            return
        for item in said if isinstance(said, list) else [said]:
            if not isinstance(item, dict):
                continue
            if "description" in item and "folder_id" in item:
                self.articles[item.get("id"), self._language(item, path)] = item
            elif "name" in item and "id" in item:
                self.names[item["id"]] = {**self.names.get(item["id"], {}), **item}

    def _language(self, item: Item, path: Path) -> str:
        """Its own, or the one its address ends with: `articles/43/fr.json`."""
        language = str(item.get("language") or "")[:2].lower()
        end = path.stem.partition("-")[0].lower()
        return language or (end if len(end) == 2 else self.languages.first)

    def _pages(self) -> Iterator[ForeignPage]:
        for order, ((number, language), item) in enumerate(self.articles.items()):
            if language not in self.languages.offered:
                self.report.tell("language-not-offered", f"{number} {language}")
                continue
            folder = self.names.get(item.get("folder_id"), {})
            category = self.names.get(item.get("category_id") or folder.get("category_id"), {})
            audience = _AUDIENCES.get(folder.get("visibility") or 0, "agents")
            if folder.get("visibility") not in _AUDIENCES:
                self.report.tell("audience-unclear", f"{number} {item.get('title')}")
            address = f"/{language}/support/solutions/articles/{number}"
            outer = [each for each in (category, folder) if "name" in each]
            names = tuple(str(each["name"]) for each in outer)
            for length, each in enumerate(outer, 1):
                self.categories[language, names[:length]] = self._category(each, language)
            yield ForeignPage(
                identity=f"freshdesk-{number}",
                language=language,
                title=" ".join(str(item.get("title") or number).split()),
                text=str(item.get("description") or ""),
                place=address,
                folder=names,
                order=order,
                addresses=(address,),
                audience=audience,
                status="draft" if item.get("status") == _DRAFT else "",
                updated=str(item.get("updated_at") or "")[:10],
                tags=tuple(str(tag) for tag in item.get("tags") or ()),
            )

    def _category(self, item: Item, language: str) -> ForeignCategory:
        """In the order in which Freshdesk lists them."""
        place = f"folders/{item['id']}" if "visibility" in item else str(item["id"])
        order = list(self.names).index(item["id"]) + 1
        address = f"/{language}/support/solutions/{place}"
        return ForeignCategory(str(item.get("description") or ""), order, (address,))

    def key(self, target: str, page: ForeignPage) -> str:
        key = old_addresses.key_of(target)
        return key if key.startswith("/support/solutions/articles/") else ""

    def elsewhere(self, target: str, page: ForeignPage) -> str:
        """Any address of the web stays as it is."""
        return target if scheme_of(target) else ""

    def file(self, key: str) -> tuple[str, bytes] | None:
        return None  # its pictures have addresses of their own, that expire

    def markdown(self, page: ForeignPage, linker: Linker, tell: Tell) -> str:
        return html.markdown_of(page, linker, tell)
