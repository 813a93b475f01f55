"""The rules on one article's text: headings, tables, images, links, French typography."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal, NamedTuple
from urllib.parse import unquote

from markdown_it.token import Token

from kbsearch.text.markup import Document
from kbsearch.text.markup.outline import text_of
from kbsearch.text.markup.reuse import UseKind

GENERIC_LINKS = frozenset(
    {"ici", "cliquez ici", "cliquer ici", "lien", "ce lien", "en savoir plus", "lire la suite"}
    | {"plus", "here", "click here", "link", "this link", "read more", "learn more", "more"}
)
_TAGS = (
    "a|abbr|b|blockquote|br|button|center|code|details|div|em|embed|figure|font|form|h[1-6]|hr|i"
    "|iframe|img|input|kbd|li|link|meta|object|ol|p|pre|s|script|small|span|strong|style|sub"
    "|summary|sup|svg|table|tbody|td|th|thead|tr|u|ul|video"
)
_HTML = re.compile(rf"</?(?:{_TAGS})(?:\s[^<>=]*=[^<>]*|\s*/?)>|<!--", re.IGNORECASE)
_CONFLICT = re.compile(r"(?:<{7}|>{7}|\|{7})(?: .*)?$")
# Constructs of other tools, where a line of text begins.
_FOREIGN = re.compile(
    r":::|\{%|\{\{[<%]|\{:|\{/\*|--8<--|\[\[_?toc_?\]\]|\[toc\]|<[A-Z][A-Za-z.]{1,40}[ />]"
    r"|(?:import|export) [^\n]{1,200} from ['\"]",
    re.IGNORECASE,
)
_COMPONENT = re.compile(r"<[A-Z][a-z]")
# A link that was none: its scheme is not one that may be followed.
_SCHEME = re.compile(r"(?:\]\(<?|<)([a-z][a-z0-9+.\-]{1,20}):[^\s<>]", re.IGNORECASE)
_IMAGE_NAME = re.compile(r"^[\w\-. ]*\.(?:png|jpe?g|gif|webp|svg)$", re.IGNORECASE)
# An ordinary space, or none, where French wants a no-break one. Times, ratios, addresses and
# smileys have no space before their colon: only what follows a letter and ends a word counts.
NO_BREAK = "\N{NO-BREAK SPACE}"
_FRENCH = re.compile(r" (?=[:;!?»](?:\s|$|[)\"”]))|(?<=«)[ ]|(?<=[^\W\d_])(?=[;!?»](?:\s|$))")


@dataclass(frozen=True)
class RuleRemark:
    """A finding before it knows its file."""

    line: int
    column: int
    rule: str
    values: dict[str, str] = field(default_factory=dict)


ReferenceKind = Literal["link", "slug", "named", "picture"] | UseKind


class Reference(NamedTuple):
    """Something the text points at: a page (`link`, `slug`, `named`) or an image (`picture`).

    `slug` is `[[it]]`, that shows the title of the page; `named` is `[[it|with words of its own]]`.
    The pieces that it takes in are of the kinds of `markup.reuse`.
    """

    kind: ReferenceKind
    target: str
    line: int
    column: int


class CheckedText:
    """A document beside its source, to say where things stand."""

    def __init__(self, document: Document, body: str, lines_before: int) -> None:
        self.document = document
        self.lines = body.split("\n")
        self.lines_before = lines_before

    def place(self, line: int, needle: str) -> tuple[int, int]:
        """The line and column in the file of a text expected on a line of the body (from 0)."""
        for position in range(line, min(line + 3, len(self.lines))):
            column = self.lines[position].find(needle)
            if column >= 0:
                return position + self.lines_before + 1, column + 1
        return min(line, len(self.lines)) + self.lines_before + 1, 1

    def inline(self) -> Iterator[tuple[Token, int]]:
        """The pieces of every line of text, with the line each stands on."""
        for block in self.document.tokens:
            line = block.map[0] if block.map else 0
            for token in block.children or []:
                yield token, line
                if token.type in ("softbreak", "hardbreak"):
                    line += 1

    def remark(self, line: int, needle: str, rule: str, /, **values: str) -> RuleRemark:
        return RuleRemark(*self.place(line, needle), rule, values)


def references(text: CheckedText) -> tuple[Reference, ...]:
    """Everything the document points at, in order."""
    references: list[Reference] = []
    for token, line in text.inline():
        if token.type == "link_open":
            target = str(token.attrGet("href") or "")
            place = text.place(line, unquote(target))
            references.append(Reference("link", target, *place))
        elif token.type == "by_slug":
            slug = str(token.meta["slug"])
            if token.content:
                references.append(Reference("named", slug, *text.place(line, f"[[{slug}|")))
            else:
                references.append(Reference("slug", slug, *text.place(line, f"[[{slug}")))
        elif token.type == "image":
            target = str(token.attrGet("src") or "")
            references.append(Reference("picture", target, *text.place(line, unquote(target))))
    first = {(use.kind, use.name): use.line for use in reversed(text.document.uses)}
    for (kind, name), line in first.items():
        references.append(Reference(kind, name, *text.place(line, name)))
    return tuple(references)


def check(text: CheckedText, language: str) -> list[RuleRemark]:
    """What the rules say of the text alone."""
    remarks = [*_headings(text), *_tables(text), *_links(text), *_images(text), *_words(text)]
    remarks += [*_leftovers(text), *_conflicts(text)]
    if language == "fr":
        remarks += _french(text)
    return remarks


def _headings(text: CheckedText) -> Iterator[RuleRemark]:
    if text.document.repeats_title:
        yield text.remark(0, "# ", "h1-in-body")
    level = 1
    tokens = text.document.tokens
    headings = text.document.headings
    for position, heading in enumerate(headings):
        title = heading.section.title
        if heading.written_level == 1:
            yield text.remark(heading.line, "#", "h1-in-body", title=title)
        elif heading.written_level > level + 1:
            values = {"title": title, "level": str(heading.written_level), "before": str(level)}
            yield text.remark(heading.line, "#", "heading-jump", **values)
        level = heading.written_level
        after = headings[position + 1] if position + 1 < len(headings) else None
        end = after.position if after else len(tokens)
        is_empty = end == heading.position + 3
        if is_empty and (after is None or after.written_level <= heading.written_level):
            yield text.remark(heading.line, "#", "empty-section", title=title)


def _tables(text: CheckedText) -> Iterator[RuleRemark]:
    tokens = text.document.tokens
    for position, token in enumerate(tokens):
        if token.type == "thead_open":
            cells = []
            for cell in tokens[position:]:
                if cell.type == "thead_close":
                    break
                cells.append(cell.content)
            if not any(cell.strip() for cell in cells):
                yield text.remark(token.map[0] if token.map else 0, "|", "table-header")


def _links(text: CheckedText) -> Iterator[RuleRemark]:
    inside: list[Token] | None = None
    opening: tuple[Token, int] | None = None
    for token, line in text.inline():
        if token.type == "link_open":
            opening, inside = (token, line), []
        elif token.type == "link_close" and opening is not None and inside is not None:
            yield from _link(text, *opening, text_of(inside))
            opening = inside = None
        elif inside is not None:
            inside.append(token)


def _link(text: CheckedText, opening: Token, line: int, label: str) -> Iterator[RuleRemark]:
    target = str(opening.attrGet("href") or "")
    if opening.info == "auto":
        if target.startswith(("http://", "https://")):
            yield text.remark(line, label, "bare-url", address=label)
    elif label.strip(" .!:…\u00a0\u202f").lower() in GENERIC_LINKS | {""}:
        yield text.remark(line, f"[{label}", "link-text", label=label)


def _images(text: CheckedText) -> Iterator[RuleRemark]:
    for token, line in text.inline():
        if token.type == "image":
            target = str(token.attrGet("src") or "")
            alternative = text_of(token.children or [])
            stem = PurePosixPath(unquote(target)).stem
            if (
                not alternative
                or _IMAGE_NAME.match(alternative)
                or (alternative == stem and not stem.isalpha())
            ):
                yield text.remark(line, "![", "image-alt", image=unquote(target))


def _words(text: CheckedText) -> Iterator[RuleRemark]:
    for token, line in text.inline():
        if token.type != "text":
            continue
        match = _HTML.search(token.content)
        if match:
            yield text.remark(line, match[0], "raw-html", html=match[0][:40])
        scheme = _SCHEME.search(token.content)
        if scheme:
            yield text.remark(line, f"{scheme[1]}:", "link-scheme", scheme=scheme[1])
    for block in text.document.tokens:
        if block.type == "html_comment" and block.map and not block.meta["is_closed"]:
            yield text.remark(block.map[0], "<!--", "raw-html", html="<!--")


def _leftovers(text: CheckedText) -> Iterator[RuleRemark]:
    """What another tool would have made something of; readers would see it as it was typed."""
    seen = -1  # the line whose first piece was looked at
    for token, line in text.inline():
        match = _FOREIGN.match(token.content) if token.type == "text" and line != seen else None
        seen = line
        if match and (not match[0].startswith("<") or _COMPONENT.match(token.content)):
            values = {"reason": "syntax", "text": token.content[:40]}
            yield text.remark(line, match[0], "leftover", **values)


def _conflicts(text: CheckedText) -> Iterator[RuleRemark]:
    """The marks git leaves where two changes met, wherever they are no example."""
    examples = {
        line
        for block in text.document.tokens
        if block.type in ("fence", "code_block") and block.map
        for line in range(*block.map)
    }
    for line, content in enumerate(text.lines):
        if line not in examples and _CONFLICT.match(content):
            yield text.remark(line, content[:7], "leftover", reason="conflict", text=content[:40])


def with_no_break_spaces(text: CheckedText) -> list[str]:
    """The lines typed as French is; code, addresses and what is spelled otherwise stay."""
    lines = list(text.lines)
    begins: dict[int, int] = {}  # where on each line the next piece can stand
    for token, line in text.inline():
        if token.type not in ("text", "code_inline") or not token.content:
            continue
        for number in range(line, min(line + 3, len(lines))):
            start = lines[number].find(token.content, begins.get(number, 0))
            if start >= 0:
                is_text = token.type == "text"
                content = _FRENCH.sub(NO_BREAK, token.content) if is_text else token.content
                end = start + len(token.content)
                lines[number] = f"{lines[number][:start]}{content}{lines[number][end:]}"
                begins[number] = start + len(content)
                break
    return lines


def _french(text: CheckedText) -> Iterator[RuleRemark]:
    """At most one remark a line: they come in numbers."""
    lines: set[int] = set()
    for token, line in text.inline():
        match = _FRENCH.search(token.content) if token.type == "text" else None
        if match and line not in lines:
            lines.add(line)
            around = token.content[max(0, match.start() - 12) : match.end() + 2].strip()
            yield text.remark(line, around, "nbsp", text=around)
