"""A folder of Markdown written for another tool: which tool it was, and what its pages say."""

import json
import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

from kbsearch.articles import old_addresses
from kbsearch.articles.importing import contents, dialects
from kbsearch.articles.importing.contents import ContentsEntry
from kbsearch.articles.importing.pages import (
    ConversionReport,
    ForeignCategory,
    ForeignPage,
    Languages,
    Linker,
    SourceFolder,
    Tell,
    path_of,
)
from kbsearch.articles.publishing import foreign_keys
from kbsearch.articles.publishing.sources import FRONT_PAGES
from kbsearch.text.markup import scheme_of, slug_of

NAME = "markdown"
SUFFIXES = (".md", ".markdown", ".mdx")
_SIGNS = (  # the first that is there tells the tool
    ("docusaurus", ("docusaurus.config.js", "docusaurus.config.ts", "sidebars.js", "sidebars.ts")),
    ("mkdocs", ("mkdocs.yml", "mkdocs.yaml")),
    ("docfx", ("docfx.json",)),
    ("gitbook", (".gitbook.yaml", "SUMMARY.md", "book.json")),
    ("hugo", ("hugo.toml", "hugo.yaml", "config.toml", "archetypes")),
    ("jekyll", ("_config.yml", "_posts", "_includes")),
    ("obsidian", (".obsidian",)),
)
# What tools keep beside their pages: it is no page.
_BESIDE = frozenset(
    {"_includes", "_layouts", "_sass", "_data", "_site", "node_modules", "archetypes", "layouts"}
    | {"themes", "includes", "snippets", "_snippets", "partials", "_partials", "templates"}
    | {"site", "public", "resources", "build"}
)
_NO_PAGES = frozenset({"summary.md", "license.md", "contributing.md", "code_of_conduct.md"})
_NO_PAGES |= {"toc.md", "_sidebar.md", "_navbar.md", "changelog.md", "security.md"}
_ROOTS = ("docs", "content", "src/content/docs", "articles", "_docs", "_posts")
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.{1,300}?)[ \t#]*(?:\{[^}]*\})?\s*$", re.MULTILINE)
_TITLE = re.compile(r"\A\s*+#[ \t]++(.+?)(?<![ \t#])[ \t#]*+(?:\{[^{}\n]*+\})?[ \t]*+\n")
_SETEXT = re.compile(r"\A\s*([^\n]{1,200})\n={3,}[ \t]*\n")
_IMPORTS = re.compile(r"\A(?:\s*+import\s[^\n]*['\"];?[ \t]*\n)++")  # above the title
_LINK_SIGNS = re.compile(r"[\[\]\\]")
_DIGITS = re.compile(r"\d{1,6}(?!\d)")
_NUMBER = re.compile(r"^\d{1,3}[-_. ]+(?=\D)")
_DATED = re.compile(r"^(\d{4}-\d{2}-\d{2})-(?=.)")
_LANGUAGE_SUFFIX = re.compile(r"\.(fr|en)$")
_LANGUAGE_BEFORE_ENDING = re.compile(r"\.([a-z]{2})\.\w++$")
_FOLDER_OF_LOCALE = re.compile(r"[a-z]{2}(?:[-_][a-zA-Z]{2})?")
_SITE_LANGUAGE = re.compile(
    r"(?:defaultLocale|languageCode|defaultContentLanguage|language|locale|lang)\"?\s*+"
    r"[:=]\s*+[\"']?([a-z]{2})\b"
)
_HTML_ENDING = re.compile(r"\.html?$")
_FRONT_LINE = re.compile(r"^([A-Za-z_\-]{1,40}):[ \t]++(\S.*)$", re.MULTILINE)
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TITLE_MARKS = re.compile(r"[*_`]|!?\[([^\]]{0,300}+)\]\([^)]{0,300}+\)")
_BETWEEN_WORDS = re.compile(r"[-_]+")
_I18N = re.compile(r"^i18n/(fr|en)[^/]*/docusaurus-plugin-content-docs/(?:current|version-[^/]+)/")
_FENCES = {"---": "yaml", "+++": "toml", ";;;": "json"}
_SETTINGS: tuple[str, ...] = (
    "mkdocs.yml",
    "_config.yml",
    "hugo.toml",
    "config.toml",
    "hugo.yaml",
    "book.json",
)
_SETTINGS += ("docusaurus.config.js", "docusaurus.config.ts")
LARGEST_TEXT = 8_000_000  # bytes; what is too long for an article is divided
_LABELS = ("_category_.json", "_category_.yml")

Front = dict[str, Any]


class MarkdownFolder(SourceFolder):
    """The pages of a folder of Markdown."""

    name = NAME
    suffixes = SUFFIXES

    def __init__(self, root: Path, languages: Languages, report: ConversionReport) -> None:
        self.root, self.languages, self.report = root, languages, report
        self.dialect = dialect_of(root)
        super().__init__(root)
        self.bases = tuple(
            base for base in _ROOTS if any(file.startswith(f"{base}/") for file in self.files)
        )
        self.by_name: dict[str, str] = {}
        for name in self.files:
            self.by_name.setdefault(posixpath.basename(name).lower(), f"/{name}")
        self.labels: dict[str, str] = {}
        self.orders: dict[str, int] = {}  # of folders and files
        self.descriptions: dict[str, str] = {}
        self._read_order()
        self.by_address: dict[str, str] = {}
        self.site = self._site()
        self.pages: Sequence[ForeignPage] = list(self._pages())
        self.titles = {page.place: page.title for page in self.pages}
        for page in self.pages:
            for address in page.addresses:
                self.by_address.setdefault(old_addresses.key_of(address), page.place)

    def include(self, name: str, page: ForeignPage) -> str | None:
        """The text of a file that a page takes in, wherever its tool keeps such files."""
        name = name.strip().strip("\"'").lstrip("/")
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(page.place), name))
        places = (beside.lstrip("/"), name, self.named(name).lstrip("/"))
        path = next((self.files[place] for place in places if place in self.files), None)
        if path is None:  # hidden, where GitBook keeps them
            path = self.root / ".gitbook" / "includes" / posixpath.basename(name)
        return _split(_decoded(path))[1] if path.is_file() else None

    def named(self, name: str) -> str:
        """The address of a page or a file by its bare name, whatever folder it is in."""
        base = posixpath.basename(name.strip("/")).lower()
        for ending in ("", *SUFFIXES):
            if f"{base}{ending}" in self.by_name:
                return self.by_name[f"{base}{ending}"]
        return ""

    def title(self, target: str, page: ForeignPage) -> str:
        """What the page is called that a page links to."""
        return _LINK_SIGNS.sub("", self.titles.get(self.key(target, page), ""))

    def _pages(self) -> Iterator[ForeignPage]:
        for name, path in self.files.items():
            if not name.lower().endswith(SUFFIXES) or self._is_beside(name):
                continue
            if path.stat().st_size > LARGEST_TEXT:
                self.report.tell("page-too-large", name)
                continue
            page = self._page(name, _decoded(path))
            if page is not None:
                yield page

    def _is_beside(self, name: str) -> bool:
        *folders, base = name.lower().split("/")
        is_root_readme = not folders and base == "readme.md" and self.dialect != "gitbook"
        return (
            bool(_BESIDE & set(folders))
            or (base in _NO_PAGES and not (folders and base == "changelog.md"))
            or (is_root_readme and bool(self.bases))
        )

    def _page(self, name: str, text: str) -> ForeignPage | None:
        front, body = self._front(name, text)
        language, rest = self._located(name, front)
        language = language or self.languages.guessed(
            dialects.without_examples(body), name, self.report
        )
        if language not in self.languages.offered:
            self.report.tell("language-not-offered", name)
            return None
        *folders, base = rest.split("/")
        stem = _LANGUAGE_SUFFIX.sub("", base.rpartition(".")[0])
        dated = _DATED.match(stem) if "_posts" in folders else None
        is_front = stem in FRONT_PAGES
        own = _NUMBER.sub("", stem[dated.end() :] if dated else stem)
        title = _text(front.get("title")) or self._heading(body, own) or _named(own, folders)
        clean = [_NUMBER.sub("", each) for each in folders if each not in ("_posts", "_docs")]
        status = self._status(front, name)
        identity = "/".join([*clean, "index" if is_front else own])
        return ForeignPage(
            identity=f"{self.dialect}-{slug_of(identity) or 'index'}",
            language=language,
            title=title,
            text=body,
            place=f"/{name}",
            folder=self._folder(name, folders, language),
            order=self._order(name, stem, front),
            name=own,
            addresses=tuple(self._addresses(front, language, clean, own, is_front=is_front)),
            audience="",
            status=status,
            summary=_text(front.get("description") or front.get("summary") or front.get("excerpt")),
            updated=_day(front),
            tags=tuple(_list(front, "tags", "keywords", "categories", "category")),
            texts={key: _text(front[key]) for key in ("version",) if _text(front.get(key))},
            is_front=is_front,
        )

    def _heading(self, body: str, own: str) -> str:
        """The title that a text begins with; a note of Obsidian is called as its file is."""
        if self.dialect == "obsidian":
            begin = _TITLE.match(body)
            return begin[1] if begin else own
        return _title_of(body)

    def _front(self, name: str, text: str) -> tuple[Front, str]:
        lines, body = _split(text)
        try:
            front = _read(lines)
        except (ValueError, yaml.YAMLError):  # tomllib's and json's are ValueErrors
            self.report.tell("front-matter-unread", name)
            front = {"draft": True, **_salvaged(lines[1])}
        return {str(key): value for key, value in front.items()}, body

    def _located(self, name: str, front: Front) -> tuple[str, str]:
        """The language of a page, and its path without it and without what all pages share."""
        match = _I18N.match(name)
        if match:
            return match[1], name[match.end() :]
        base = next((base for base in self.bases if base and name.startswith(f"{base}/")), "")
        rest = name[len(base) + 1 :] if base and base != "_posts" else name
        first, _, inner = rest.partition("/")
        if inner and _FOLDER_OF_LOCALE.fullmatch(first) and (
            first[:2] in ("fr", "en", "de", "es", "it", "pt", "nl", "ja", "zh")
        ):  # fmt: skip
            return first[:2], inner
        suffix = _LANGUAGE_BEFORE_ENDING.search(name)
        if suffix and suffix[1] in ("fr", "en", "de", "es", "it", "pt", "nl", "ja", "zh"):
            return suffix[1], rest
        own = _text(front.get("lang") or front.get("language") or front.get("locale"))[:2].lower()
        return own or self.site, rest

    def _site(self) -> str:
        """The language that the tool's settings name."""
        for name in _SETTINGS:
            path = self.files.get(name)
            text = _decoded(path) if path else ""
            match = _SITE_LANGUAGE.search(text)
            if match:
                return match[1]
        return ""

    def _read_order(self) -> None:
        """The names of folders and the order of what is in them, wherever the tool says so."""
        for name, path in self.files.items():
            folder, _, base = name.rpartition("/")
            if base in _LABELS:
                self._take(folder, contents.label(_decoded(path)))
            elif base in contents.TABLES:
                for place, entry in contents.entries(base, _decoded(path), folder):
                    self._take(place, entry)

    def _take(self, place: str, entry: ContentsEntry) -> None:
        if entry.label:
            self.labels.setdefault(place, entry.label)
        if entry.description:
            self.descriptions.setdefault(place, entry.description)
        if entry.order is not None:
            self.orders.setdefault(place, entry.order)

    def _above(self, name: str, folders: list[str], number: int) -> str:
        return name.rsplit("/", len(folders) - number)[0]

    def _label(self, name: str, folders: list[str], number: int) -> str:
        above = self._above(name, folders, number)
        return self.labels.get(above) or _NUMBER.sub("", folders[number])

    def _folder(self, name: str, folders: list[str], language: str) -> tuple[str, ...]:
        """The names of the folders of a page; what the tool says of them is kept beside."""
        labels: list[str] = []
        for number in range(len(folders)):
            if folders[number] in ("_posts", "_docs"):
                continue
            above = self._above(name, folders, number)
            labels.append(self._label(name, folders, number))
            prefix = _NUMBER.match(folders[number])
            order = self.orders.get(above, _number(prefix[0]) if prefix else None)
            category = ForeignCategory(self.descriptions.get(above, ""), order)
            self.categories.setdefault((language, tuple(labels)), category)
        return tuple(labels)

    def _order(self, name: str, stem: str, front: Front) -> int | None:
        """The place of a page in its folder: in the front matter, a table, or before its name."""
        for key in ("sidebar_position", "nav_order", "weight", "order"):
            number = _number(_text(front.get(key)))
            if number is not None:
                return number
        prefix = _NUMBER.match(stem)
        return self.orders.get(name, _number(prefix[0]) if prefix else None)

    def _status(self, front: Front, name: str) -> str:
        values = {key: _plain(value) for key, value in front.items() if key not in _MEANT}
        is_held = any(foreign_keys.holds_back(key, value) for key, value in values.items())
        if _text(front.get("status")).lower() in ("draft", "archived"):
            return _text(front["status"]).lower()
        return "draft" if is_held or foreign_keys.is_held_folder(name) else ""

    def _addresses(
        self, front: Front, language: str, folders: list[str], own: str, *, is_front: bool
    ) -> Iterator[str]:
        """Where the tool showed the page, and where it says that it was before."""
        folders = [folder.lower() if self.dialect == "jekyll" else folder for folder in folders]
        path = "/".join([*folders, *([] if is_front else [own])])
        said = _text(front.get("permalink") or front.get("url") or front.get("slug"))
        if said and not said.startswith("/") and ":" not in said:
            said = "/".join([*folders, said])
        address = f"/{said.strip('/')}" if said and ":" not in said else f"/{path}"
        if self.dialect == "docusaurus":
            address = f"/docs{address}"
        if address.strip("/"):
            yield address.rstrip("/")
        for old in _list(front, "aliases", "alias", "redirect_from"):
            if old.startswith("/") and len(old) > 1:
                yield old

    def key(self, target: str, page: ForeignPage) -> str:
        """The file that a link means, with or without its ending, or the address of a page."""
        if scheme_of(target) or target.startswith("//"):
            return ""
        target = target.partition("#")[0].partition("?")[0]
        if not target:
            return page.place
        path = path_of(target, page.place)
        starts = [path]
        if target.startswith("/"):
            starts += [f"/{base}{path}" for base in (*self.bases, "static", "assets", "source")]
            starts += [path.removeprefix("/docs")]
        else:
            starts += [
                posixpath.normpath(posixpath.join(page.place.rpartition(".")[0], unquote(target)))
            ]
        for start in starts:
            for ending in ("", *SUFFIXES, "/index.md", "/README.md", "/_index.md", "/index.mdx"):
                if f"{start}{ending}".lstrip("/") in self.files:
                    return f"{start}{ending}"
            html = _HTML_ENDING.sub(".md", start)
            if html.lstrip("/") in self.files:
                return html
        address = self.by_address.get(old_addresses.key_of(path))
        return address or (path if posixpath.splitext(path)[1] else "")

    def markdown(self, page: ForeignPage, linker: Linker, tell: Tell) -> str:
        text = _SETEXT.sub(r"# \1\n", _IMPORTS.sub("", page.text))
        title = _TITLE.match(text)
        if title and slug_of(title[1]) == slug_of(page.title):
            text = text[title.end() :]
        return dialects.converted(text, page, self, linker, tell)


# Keys whose meaning is taken, so that none of them holds a page back.
_MEANT = frozenset({"title", "description", "summary", "excerpt", "tags", "keywords", "status"})


def dialect_of(root: Path) -> str:
    """The tool that a folder was written for."""
    there = {path.name for path in root.iterdir()}
    return next((name for name, signs in _SIGNS if there & set(signs)), NAME)


def _decoded(path: Path) -> str:
    """A text however it was saved."""
    body = path.read_bytes()
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _split(text: str) -> tuple[tuple[str, str], str]:
    """The kind and the lines of the front matter, and the body; either may be empty."""
    text = text.lstrip("\n")
    fence = text.partition("\n")[0].rstrip()
    kind = _FENCES.get(fence, "")
    lines = text.split("\n")
    for number, line in enumerate(lines[1:], 1) if kind else ():
        if line.rstrip() in (fence, "..."):
            return (kind, "\n".join(lines[1:number])), "\n".join(lines[number + 1 :])
    return ("", ""), text


def _read(front: tuple[str, str]) -> Front:
    kind, text = front
    if kind == "toml":
        return dict(tomllib.loads(text))
    said = json.loads(f"{{{text}}}") if kind == "json" else yaml.safe_load(text)
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise ValueError(text)
    return said


def _salvaged(text: str) -> Front:
    """What lines say that are no YAML as a whole: a colon in a title is enough for that."""
    pairs = _FRONT_LINE.findall(text)
    front: Front = {key: value.strip().strip("\"'") for key, value in pairs}
    if front and all(
        ":" in line or not line.strip() or line[0] in " -#" for line in text.split("\n")
    ):
        front.setdefault("draft", False)
    return front


def _text(value: object) -> str:
    if value is None or isinstance(value, (list, dict)):
        return ""
    return " ".join(str(value).split())


def _number(text: str) -> int | None:
    digits = _DIGITS.match(text)
    return int(digits[0]) if digits else None


def _list(front: Mapping[str, Any], *keys: str) -> list[str]:
    values: list[str] = []
    for key in keys:
        value = front.get(key)
        items = value if isinstance(value, list) else _text(value).split(",")
        values += [text for item in items if (text := _text(item))]
    return list(dict.fromkeys(values))


def _plain(value: object) -> foreign_keys.Value:
    """A value as the front matter here reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return tuple(map(str, value))
    return None if isinstance(value, dict) else str(value if value is not None else "")


def _day(front: Front) -> str:
    for key in ("lastmod", "last_modified_at", "last_update", "updated", "date", "ms.date"):
        value = front.get(key)
        value = value.get("date") if isinstance(value, dict) else value
        if isinstance(value, (date, datetime)):
            return value.isoformat()[:10]
        match = _ISO_DAY.match(_text(value))
        if match:
            return match[0]
    return ""


def _title_of(body: str) -> str:
    setext = _SETEXT.match(body)
    heading = setext or _HEADING.search(body)
    words = heading[1] if heading else ""
    return _TITLE_MARKS.sub(r"\1", words).strip()


def _named(own: str, folders: list[str]) -> str:
    name = folders[-1] if own in FRONT_PAGES and folders else own
    words = _BETWEEN_WORDS.sub(" ", _NUMBER.sub("", name)).strip()
    return words[:1].upper() + words[1:] or name
