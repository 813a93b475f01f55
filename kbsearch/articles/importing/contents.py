"""The tables of contents of other tools: what their folders are called, and in which order."""

import posixpath
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

TABLES = ("mkdocs.yml", "mkdocs.yaml", "SUMMARY.md")
DEEPEST = 10
_SUMMARY_LINE = re.compile(
    r"\s*[*+-]\s+\[((?:[^\[\]\\\n]|\\.){1,200})\]\(<?([^()<>\n]{1,300}?)>?\)"
)
_FRONT = ("index.md", "readme.md")


class ContentsEntry(NamedTuple):
    """What is said of a file or a folder."""

    label: str = ""
    order: int | None = None
    description: str = ""


def label(text: str) -> ContentsEntry:
    """Docusaurus's `_category_.json`, or its YAML."""
    said = _read(text)
    if not isinstance(said, dict):
        return ContentsEntry()
    link = said.get("link")
    about = said.get("description") or (link.get("description") if isinstance(link, dict) else "")
    position = str(said.get("position") or "")
    order = int(position) if position.isascii() and position.isdecimal() else None
    return ContentsEntry(_line(said.get("label")), order, _line(about))


def entries(name: str, text: str, folder: str) -> Iterator[tuple[str, ContentsEntry]]:
    """The files and folders of a table, as it lists them."""
    lines = _summary(text) if name == "SUMMARY.md" else _nav(text)
    base = folder if name == "SUMMARY.md" else posixpath.join(folder, _docs(text))
    for order, (title, path) in enumerate(lines, 1):
        place = posixpath.normpath(posixpath.join(base, path)).lstrip("/")
        yield place, ContentsEntry(order=order)
        outer, _, file = place.rpartition("/")
        if file.lower() in _FRONT or not file.lower().endswith((".md", ".markdown", ".mdx")):
            yield (outer if file.lower() in _FRONT else place), ContentsEntry(title, order)


def _summary(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        match = _SUMMARY_LINE.match(line)
        if match and "://" not in match[2]:
            yield match[1].replace("\\", ""), match[2].partition("#")[0]


def _docs(text: str) -> str:
    said = _read(text)
    return _line(said.get("docs_dir")) or "docs" if isinstance(said, dict) else "docs"


def _nav(text: str) -> Iterator[tuple[str, str]]:
    said = _read(text)
    yield from _items(said.get("nav") if isinstance(said, dict) else None, DEEPEST)


def _items(items: object, depth: int) -> Iterator[tuple[str, str]]:
    """A section is the folder that all its pages lie in, where they lie in one."""
    for item in items if isinstance(items, list) and depth else []:
        for title, inner in item.items() if isinstance(item, dict) else [("", item)]:
            if isinstance(inner, str):
                if "://" not in inner:
                    yield _line(title), inner
                continue
            pages = list(_items(inner, depth - 1))
            folder = posixpath.commonpath([posixpath.dirname(path) for _, path in pages] or [""])
            if folder:
                yield _line(title), folder
            yield from pages


def _read(text: str) -> Any:
    """YAML, JSON too; its own tags stand for nothing."""
    try:
        return yaml.load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError):
        return None


def _line(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""
