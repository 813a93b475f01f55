"""Zendesk Guide, from a folder of the answers of its API: articles with all their translations."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kbsearch.articles import old_addresses
from kbsearch.articles.importing.pages import (
    ConversionReport,
    ForeignCategory,
    ForeignPage,
    Languages,
    Linker,
    Tell,
    files_below,
)
from kbsearch.text.markup import slug_of

NAME = "zendesk"
_LISTS = {"articles", "translations", "sections", "categories", "article_attachments"}
_LISTS |= {"user_segments", "organizations"}
_ALONE = {"article": "articles", "translation": "translations", "section": "sections"}
_ALONE |= {"category": "categories", "user_segment": "user_segments"}
_FILE = re.compile(r"/article_attachments/(?:token/)?(\w+)", re.IGNORECASE)
_SITE_OF_ADDRESS = re.compile(r"^https?://[^/]+")
_OWN_HOST = re.compile(r"https?://[^/]+(?=/hc/)")
_SITE = re.compile(
    r"/hc(?:/([a-z]{2}(?:-[a-z0-9]+)?))?(?:/(requests/new|requests|search|signin))?/?$"
)
_SITE_PAGES = {None: "", "requests/new": "requests/new", "requests": "requests"}
_SITE_PAGES |= {"search": "search", "signin": "login"}

Item = dict[str, Any]


class Guide:
    """The articles of a folder; the later of two with one number wins."""

    name = NAME

    def __init__(self, root: Path, languages: Languages, report: ConversionReport) -> None:
        self.report, self.languages = report, languages
        self.items: dict[str, dict[Any, Item]] = {name: {} for name in _LISTS}
        self.names: dict[tuple[object, object, object], Item] = {}  # of sections and categories
        self.files: dict[str, list[Path]] = {}
        for path in files_below(root):
            self._read(path)
        self.hosts = {
            match[0]
            for item in self.items["articles"].values()
            if (match := _OWN_HOST.match(str(item.get("html_url") or "")))
        }
        self.categories: dict[tuple[str, tuple[str, ...]], ForeignCategory] = {}
        self.pages: Sequence[ForeignPage] = list(self._pages())

    def _read(self, path: Path) -> None:
        parts = [part.lower() for part in path.parts]
        if "article_attachments" in parts[-3:-1]:
            self.files.setdefault(path.parent.name, []).append(path)
        elif path.suffix in (".json", ".ndjson", ".jsonl"):
            for key, item in _records(path, self.report):
                self._take(key, item)

    def _take(self, key: str, item: Item) -> None:
        if key == "translations":
            key_of = (item.get("source_type"), item.get("source_id"), item.get("locale"))
            if item.get("source_type") in ("Section", "Category"):
                self.names[key_of] = item
            else:
                self._newest(key, (item.get("source_id"), item.get("locale")), item)
        elif key in ("sections", "categories"):
            kind = "Section" if key == "sections" else "Category"
            self.names.setdefault((kind, item.get("id"), str(item.get("locale"))), item)
            self.items[key][item.get("id")] = item
        elif key == "articles":
            self._newest(key, (item.get("id"), item.get("locale")), item)
        else:
            self.items[key][item.get("id")] = item

    def _newest(self, key: str, identity: object, item: Item) -> None:
        other = self.items[key].get(identity)
        if other is None or str(item.get("updated_at")) >= str(other.get("updated_at")):
            self.items[key][identity] = item

    def _pages(self) -> Iterator[ForeignPage]:
        articles: dict[object, dict[str, Item]] = {}
        for (number, locale), item in self.items["articles"].items():
            articles.setdefault(number, {})[str(locale)] = item
        for (number, locale), item in self.items["translations"].items():
            if number not in articles:
                continue
            whole = articles[number].get(str(locale)) or next(iter(articles[number].values()))
            if str(item.get("updated_at")) >= str(whole.get("updated_at")) or (
                str(locale) not in articles[number]
            ):
                articles[number][str(locale)] = {**whole, **_text_of(item), "locale": locale}
        for number, versions in sorted(articles.items(), key=lambda entry: str(entry[0])):
            yield from self._versions(str(number), versions)

    def _versions(self, number: str, versions: dict[str, Item]) -> Iterator[ForeignPage]:
        """One page a language; the original's locale before others of the same language."""
        taken: set[str] = set()
        source = str(next(iter(versions.values())).get("source_locale"))
        for locale in sorted(versions, key=lambda locale: (locale != source, locale)):
            language = locale.partition("-")[0].lower()
            if language not in self.languages.offered:
                self.report.tell("language-not-offered", f"{number} {locale}")
            elif language in taken:
                self.report.tell("second-in-language", f"{number} {locale}")
            else:
                taken.add(language)
                yield self._page(number, locale, language, versions[locale])

    def _page(self, number: str, locale: str, language: str, item: Item) -> ForeignPage:
        address = _SITE_OF_ADDRESS.sub("", str(item.get("html_url") or ""))
        if f"/hc/{locale}/" not in address.lower():
            address = f"/hc/{locale}/articles/{number}"
        title = " ".join(str(item.get("title") or item.get("name") or "").split())
        is_draft = bool(item.get("draft") or item.get("hidden"))
        attachments = [
            str(each.get("id"))
            for each in self.items["article_attachments"].values()
            if str(each.get("article_id")) == number
            and not each.get("inline")
            and each.get("locale") in (None, locale)
        ]
        return ForeignPage(
            identity=f"zendesk-{number}",
            language=language,
            title=title or number,
            text=str(item.get("body") or ""),
            place=address,
            folder=self._folder(item.get("section_id"), locale, language),
            order=_whole(item.get("position")),
            addresses=(address,),
            audience=self._audience(item, number),
            status="draft" if is_draft else "",
            updated=str(item.get("edited_at") or item.get("updated_at") or "")[:10],
            tags=tuple(str(label) for label in item.get("label_names") or ()),
            offered=tuple(f"file:{each}" for each in sorted(attachments)),
        )

    def _folder(self, section_id: object, locale: str, language: str) -> tuple[str, ...]:
        """The names of what an article lies in; what is said of them is kept beside."""
        outer: list[tuple[str, Item]] = []
        section = self.items["sections"].get(section_id)
        while section is not None and len(outer) < 10:
            outer.insert(0, ("Section", section))
            parent = section.get("parent_section_id")
            category = self.items["categories"].get(section.get("category_id"))
            section = self.items["sections"].get(parent) if parent else None
            if section is None and category is not None:
                outer.insert(0, ("Category", category))
        names = tuple(
            self._text(kind, item, locale, "title", "name") or str(item["id"])
            for kind, item in outer
        )
        for length, (kind, item) in enumerate(outer, 1):
            self.categories.setdefault(
                (language, names[:length]), self._category(kind, item, locale)
            )
        return names

    def _category(self, kind: str, item: Item, locale: str) -> ForeignCategory:
        place = "sections" if kind == "Section" else "categories"
        return ForeignCategory(
            self._text(kind, item, locale, "body", "description"),
            _whole(item.get("position")),
            (f"/hc/{locale}/{place}/{item['id']}",),
        )

    def _text(self, kind: str, item: Item, locale: str, *keys: str) -> str:
        """The first of these that is said, in the language of the locale where it can be."""
        own = self.names.get((kind, item.get("id"), locale)) or {}
        texts = (str(said.get(key) or "") for said in (own, item) for key in keys)
        return next((text for text in texts if text.strip()), "")

    def _audience(self, item: Item, number: str) -> str:
        """Whom its segments let in; what cannot be said here stays between agents."""
        ids = item.get("user_segment_ids") or [item.get("user_segment_id")]
        if ids == [None] and "user_segment_id" in item:
            return "everyone"
        audiences = {self._segment(each) for each in ids}
        if audiences == {"agents"} or "customers" in audiences:
            return "customers" if "customers" in audiences else "agents"
        own = audiences - {"agents", ""}
        if len(own) == 1 and "" not in audiences:
            return own.pop()
        self.report.tell("audience-unclear", f"{number} {item.get('title')}")
        return "agents"

    def _segment(self, identity: object) -> str:
        segment = self.items["user_segments"].get(identity)
        if segment is None or segment.get("tags") or segment.get("or_tags"):
            return ""
        if segment.get("user_type") == "staff":
            return "agents"
        if segment.get("group_ids") or segment.get("added_user_ids"):
            return ""
        organisations = segment.get("organization_ids") or []
        if not organisations:
            return "customers" if segment.get("user_type") == "signed_in_users" else ""
        organisation = self.items["organizations"].get(organisations[0])
        if len(organisations) > 1 or organisation is None:
            return ""
        return f"org:{slug_of(str(organisation.get('name')))}"

    def key(self, target: str, page: ForeignPage) -> str:
        path = self._own(target)
        if path.startswith("file:"):
            return path
        file = _FILE.search(path)
        if file:
            return f"file:{file[1]}"
        key = old_addresses.key_of(path.partition("#")[0]) if path.startswith("/hc/") else ""
        return key if key.startswith("/hc/articles/") else ""

    def elsewhere(self, target: str, page: ForeignPage) -> str:
        """A link that is none to a page or a file that came along."""
        path = self._own(target)
        site = _SITE.match(path)
        if site:
            language = (site[1] or page.language).partition("-")[0]
            own = language if language in self.languages.offered else page.language
            return f"/{own}/{_SITE_PAGES[site[2]]}"
        return "" if path.startswith("/") else target

    def _own(self, target: str) -> str:
        match = _OWN_HOST.match(target)
        is_own = match and (match[0] in self.hosts or match[0].lower().endswith(".zendesk.com"))
        return target[match.end() :] if match and is_own else target

    def file(self, key: str) -> tuple[str, bytes] | None:
        number = key.removeprefix("file:")
        paths = self.files.get(number, [])
        for path in paths[:1]:
            item = self.items["article_attachments"].get(
                int(number) if number.isdecimal() else number, {}
            )
            return str(item.get("file_name") or path.name), path.read_bytes()
        return None

    def markdown(self, page: ForeignPage, linker: Linker, tell: Tell) -> str:
        from kbsearch.articles.importing.html import markdown_of

        return markdown_of(page, linker, tell)


def _whole(value: object) -> int | None:
    """A place in an order, if it is one."""
    return value if isinstance(value, int) and 0 <= value < 10**6 else None


def _text_of(item: Item) -> Item:
    names = ("title", "body", "draft", "hidden", "updated_at")
    return {name: item[name] for name in names if name in item}


def _records(path: Path, report: ConversionReport) -> Iterator[tuple[str, Item]]:
    """The objects of a file under the name of their kind: it is the key of a page of the API."""
    stem = path.name.partition(".")[0]
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".json":
            documents = [json.loads(text)]
        else:
            documents = [[json.loads(line) for line in text.splitlines() if line.strip()]]
    except (ValueError, OSError):  # UnicodeDecodeError is one
        report.tell("not-json", path.name)
        return
    for document in documents:
        if isinstance(document, list):
            lists = {stem: document}
        elif isinstance(document, dict):
            lists = {key: document[key] for key in _LISTS if isinstance(document.get(key), list)}
            for alone, key in _ALONE.items():
                if isinstance(document.get(alone), dict):
                    lists[key] = [document[alone]]
        else:
            continue
        for key, items in lists.items():
            if key in _LISTS:
                yield from ((key, item) for item in items if isinstance(item, dict))
