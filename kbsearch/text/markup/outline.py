"""The sections of a document: their anchors, their depth, and the text under each heading."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from kbsearch.text.normal_form import nfkd

# Names that pages use as ids of their own: a heading must not take their place.
RESERVED = frozenset({"main", "q", "results", "search", "header", "footer", "contents", "palette"})
_LIGATURES = str.maketrans({"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ß": "ss", "ø": "o"})
_SPACES = re.compile(r"\s+")
_OTHER_SIGNS = re.compile(r"[^a-z0-9]+")
_BREAKS = frozenset(
    {"paragraph_open", "heading_open", "td_open", "th_open", "tr_open", "list_item_open"}
    | {"dt_open", "dd_open", "softbreak", "hardbreak", "tab_open", "callout_title_open"}
)


@dataclass(frozen=True)
class Passage:
    """A piece of an article under one heading; the introduction has neither anchor nor title."""

    anchor: str
    title: str
    text: str


@dataclass(frozen=True)
class Section:
    """A heading of the article: where it is and how deep (2 for the first level)."""

    anchor: str
    title: str
    level: int


@dataclass(frozen=True)
class Heading:
    """A heading as written: its place among the tokens, its level and its line."""

    position: int
    written_level: int
    line: int
    section: Section


def slug_of(text: str) -> str:
    """A text as an address: lower-case ASCII letters and digits joined by hyphens."""
    folded = nfkd(text.translate(_LIGATURES))
    return _OTHER_SIGNS.sub("-", folded.encode("ascii", "ignore").decode().lower()).strip("-")


def text_of(tokens: Iterable[Token]) -> str:
    """The words of tokens, without markup; code, cells and alternative texts included."""
    words: list[str] = []
    _gather(tokens, words)
    return _SPACES.sub(" ", "".join(words)).strip()


def _gather(tokens: Iterable[Token], words: list[str]) -> None:
    for token in tokens:
        if token.type in _BREAKS:
            words.append(" ")
        if token.type == "tab_open":
            words.append(f"{token.meta['title']} ")
        elif token.type in ("text", "code_inline", "keys", "by_slug"):
            words.append(token.content or str(token.meta.get("slug", "")))
        elif token.type in ("fence", "code_block"):
            words.append(f" {token.content} ")
        elif token.children:
            _gather(token.children, words)


def headings(tokens: Sequence[Token]) -> tuple[Heading, ...]:
    """The headings that divide the document; those inside lists and callouts do not.

    Their level is their depth: a document that jumps from `#` to `###` still gets h2 then h3.
    """
    outline: list[Heading] = []
    used: dict[str, int] = dict.fromkeys(RESERVED, 1)
    depth: list[int] = []
    for position, token in enumerate(tokens):
        if token.type != "heading_open" or token.level:
            continue
        level = int(token.tag[1])
        while depth and depth[-1] >= level:
            depth.pop()
        depth.append(level)
        title = text_of(tokens[position + 1 : position + 2])
        section = Section(_anchor(title, used), title, min(len(depth) + 1, 6))
        line = token.map[0] if token.map else 0
        outline.append(Heading(position, level, line, section))
    return tuple(outline)


def _anchor(title: str, used: dict[str, int]) -> str:
    base = slug_of(title)[:80].strip("-") or "section"
    if base.startswith(("fn-", "fnref-")):  # footnotes
        base = f"section-{base}"
    anchor = base
    while anchor in used:
        used[base] = used.get(base, 1) + 1
        anchor = f"{base}-{used[base]}"
    used[anchor] = 1
    return anchor


def passages(tokens: Sequence[Token], outline: Sequence[Heading]) -> tuple[Passage, ...]:
    """The text of each section; the introduction has neither anchor nor title."""
    starts = [0, *(heading.position + 3 for heading in outline)]
    ends = [*(heading.position for heading in outline), len(tokens)]
    sections = [Section("", "", 1), *(heading.section for heading in outline)]
    return tuple(
        Passage(section.anchor, section.title, text_of(tokens[start:end]))
        for section, start, end in zip(sections, starts, ends, strict=True)
    )
