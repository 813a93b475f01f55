"""An article that is published, as the editor shows it; and its file with what was changed there.

The form knows a part of what a file can say. Whatever it does not know, and whatever nobody
changed in it, stays in the file letter for letter.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from kbsearch.articles.publishing import front_matter, sources
from kbsearch.articles.publishing.front_matter import FrontMatter, FrontMatterError
from kbsearch.articles.publishing.tree import ARTICLES, Entry
from kbsearch.articles.writing import files
from kbsearch.articles.writing.files import FOUND_BY, WIDEST, ArticleFile
from kbsearch.config import LANGUAGES
from kbsearch.errors import Invalid

_FENCE = "---\n"
LINE_END = "\n"
_BYTE_ORDER_MARK = "\ufeff"
# Empty lines and remarks below a value: they belong to what comes next.
_BELOW = re.compile(r"(\n[ \t]*(#[^\n]*)?)+\Z")


@dataclass(frozen=True)
class OriginalFile:
    """The file that an article was read from: its place in the content, its text as it stood."""

    place: str
    text: str


@dataclass(frozen=True)
class _Parts:
    """A file's text with plain line ends: its front matter between fences, the rest."""

    fences: tuple[str, str]  # empty where there is no front matter
    lines: str
    front: FrontMatter
    body: str


def read(original: OriginalFile, audience: str) -> ArticleFile:
    """The article as the form shows it; `audience` is that of a file which says none.

    Raises Invalid for a file that cannot be read as an article.
    """
    parts = _parts(original.text)
    front = parts.front
    source = sources.located(Entry(original.place, "", 0), ARTICLES, LANGUAGES)
    if source is None:
        raise Invalid("article_draft.language_unknown")
    article = ArticleFile(
        language=source.language,
        title=front.text("title"),
        body=parts.body,
        category=source.category,
        slug=replace(source, front=front).own_slug,
        summary=front.text("summary"),
        audience=front.text("audience") or audience,
        product=next(iter(front.list("product")), ""),
        version=front.text("version"),
        phrases=front.found_by,
    )
    return files.tidy(article)


def place(article: ArticleFile, original: OriginalFile | None) -> str:
    """The file that will hold it, from the content's root."""
    return original.place if original else article.place


def written(article: ArticleFile, original: OriginalFile | None, audience: str) -> str:
    """The file's text: a new one, or the original with what differs from it."""
    if original is None:
        return files.written(article)
    before, parts = read(original, audience), _parts(original.text)
    if article == before:
        return original.text
    lines = _amended_lines(parts, before, article)
    return _joined(original.text, parts, lines, _amended_body(parts.body, before, article))


def with_values(text: str, values: Mapping[str, str | Sequence[str]]) -> str:
    """A file's text with other values of keys; raises Invalid where it cannot be read."""
    parts = _parts(text)
    lines = parts.lines
    for key, value in values.items():
        lines = _with_value(lines, key, value)
    return _joined(text, parts, lines, parts.body)


def list_of(text: str, key: str) -> tuple[str, ...]:
    """The values of a key in a file's text."""
    return _parts(text).front.list(key)


def _joined(original: str, parts: _Parts, lines: str, body: str) -> str:
    """Front matter and body with the fences, line ends and mark that the file had."""
    opening, closing = parts.fences if parts.fences[0] or not lines else (_FENCE, _FENCE)
    text = f"{opening}{lines}{closing}{body}"
    if "\r\n" in original:
        text = text.replace("\n", "\r\n")
    return _BYTE_ORDER_MARK + text if original.startswith(_BYTE_ORDER_MARK) else text


def lines_before(article: ArticleFile, original: OriginalFile | None, audience: str) -> int:
    """How many lines of the file stand before the text that the form shows."""
    if original is None:
        return files.lines_before(article)
    text = _plain(written(article, original, audience))
    lines, body, count = front_matter.split(text)
    return count + len(body) - len(body.lstrip("\n"))


def _plain(text: str) -> str:
    return text.removeprefix(_BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n")


def _parts(text: str) -> _Parts:
    plain = _plain(text)
    try:
        lines, body, count = front_matter.split(plain)
        front = front_matter.read(lines)
    except FrontMatterError:
        raise Invalid("article_draft.front_matter_unreadable") from None
    head = plain[: len(plain) - len(body)].splitlines(keepends=True)
    if not count:
        return _Parts(("", ""), "", front, body)
    return _Parts((head[0], head[-1]), "".join(head[1:-1]), front, body)


def _amended_body(body: str, before: ArticleFile, article: ArticleFile) -> str:
    """Another text between the empty lines that stood around the old one."""
    if article.body == before.body:
        return body
    above = body[: len(body) - len(body.lstrip("\n"))]
    return f"{above}{article.body.strip()}\n"


def _amended_lines(parts: _Parts, before: ArticleFile, article: ArticleFile) -> str:
    """The front matter with the values that differ; the others, and remarks, as they stand."""
    lines = parts.lines
    for key, value in _changes(parts.front, before, article):
        lines = _with_value(lines, key, value)
    return lines


def _changes(
    front: FrontMatter, before: ArticleFile, article: ArticleFile
) -> Iterator[tuple[str, str | Sequence[str]]]:
    for key in ("title", "audience", "version", "summary"):
        if getattr(article, key) != getattr(before, key):
            yield key, getattr(article, key)
    if article.slug != before.slug:
        yield "slug", article.slug
        old = [alias for alias in front.list("alias") if alias != article.slug]
        yield "alias", list(dict.fromkeys([*old, before.slug]))
    if article.product != before.product:
        others = front.list("product")[1:]  # the form shows the first of several
        yield "product", [article.product, *others] if article.product else others
    if article.phrases != before.phrases:
        own = FOUND_BY[article.language]
        keys = [key for key in FOUND_BY.values() if key in front.places] or [own]
        unshown = front.found_by[files.MAX_PHRASES :]
        yield keys[0], [*article.phrases, *unshown]
        for key in keys[1:]:
            yield key, []


def _with_value(lines: str, key: str, value: str | Sequence[str]) -> str:
    """The lines with a key's value, or without the key where there is no value."""
    root = yaml.compose(lines, Loader=yaml.BaseLoader)
    if isinstance(root, yaml.MappingNode) and root.flow_style:  # { title: … } is one line
        plain = yaml.load(lines, Loader=yaml.BaseLoader)
        return _with_value(_dumped(plain), key, value)
    pair = _pair(root, lines, key)
    if pair is None:
        return f"{lines}{_dumped({key: value})}" if value else lines
    start, colon, end = pair
    if value:
        return f"{lines[:colon]}{_dumped({'k': value})[1:].rstrip(LINE_END)}{lines[end:]}"
    return lines[:start] + lines[end:].removeprefix(LINE_END)


def _pair(root: Any, lines: str, key: str) -> tuple[int, int, int] | None:
    """Where a key begins, where its colon stands, where its value ends."""
    place = front_matter.read(lines).places.get(key)  # another tool's name for it counts too
    for name, value in root.value if place else ():
        start, end = name.start_mark, value.end_mark.index
        if (start.line + 2, start.column + 1) == place:
            colon = name.end_mark.index
            return start.index, colon, end - len(_below(lines[colon:end]))
    return None


def _below(text: str) -> str:
    match = _BELOW.search(text)
    return match[0] if match else ""


def _dumped(values: dict[str, Any]) -> str:
    shown = {key: value if isinstance(value, str) else list(value) for key, value in values.items()}
    return yaml.safe_dump(shown, allow_unicode=True, sort_keys=False, width=WIDEST)
