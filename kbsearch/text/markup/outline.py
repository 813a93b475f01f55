"""The sections of a document: their anchors, their depth, and the text under each heading."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from markdown_it.token import Token

from kbsearch.text.normal_form import nfc, nfkd

# Names that pages use as ids of their own: a heading must not take their place.
RESERVED = frozenset({"main", "q", "results", "search", "header", "footer", "contents", "palette"})
_LIGATURES = str.maketrans(
    {"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
    | {"\u02bc": " "}  # an apostrophe that is a letter to Unicode
)
_SPACES = re.compile(r"\s+")
_OTHER_SIGNS = re.compile(r"[^a-z0-9]+")
_ACCENTS = re.compile("[\u0300-\u036f]")
_PUNCTUATION = re.compile("[\u00ab\u00bb\u2010-\u2027]")
_NOT_OF_GITHUB = re.compile(r"[^\w\- ]+")
_BREAKS = frozenset(
    {"paragraph_open", "heading_open", "td_open", "th_open", "tr_open", "list_item_open"}
    | {"dt_open", "dd_open", "softbreak", "hardbreak", "html_break", "tab_open"}
    | {"callout_title_open"}
)
LONGEST_ANCHOR = 80  # characters


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
    """A heading as written: its place among the tokens, its level and its line.

    `aliases` are the anchors that GitHub and earlier versions give the same heading.
    """

    position: int
    written_level: int
    line: int
    section: Section
    aliases: tuple[str, ...] = ()


def slug_of(text: str) -> str:
    """A text as an address: letters and digits joined by hyphens, all of them lower-case.

    Latin letters lose their accents, other scripts keep their letters. Whatever else stands
    between two words, an apostrophe or a dash of any shape too, is one hyphen.
    """
    lower = text.lower()
    if lower.isascii():
        return _OTHER_SIGNS.sub("-", lower).strip("-")
    decomposed = nfkd(lower.translate(_LIGATURES))
    latin = _ACCENTS.sub("", _PUNCTUATION.sub(" ", decomposed))
    if latin.isascii() and latin == latin.lower():  # as nearly every French title: far cheaper
        return _OTHER_SIGNS.sub("-", latin).strip("-")
    return nfc("-".join("".join(_plainest(decomposed)).split()))


def _plainest(decomposed: str) -> Iterator[str]:
    """The letters, with the marks that are no accents; spaces for what is neither."""
    has_accents = True  # the letter before: its marks are accents, and are left out
    for sign in decomposed:
        category = unicodedata.category(sign)
        if category.startswith("M"):
            if not has_accents:
                yield sign
        elif category != "Cf":  # invisible
            is_letter = sign.isalnum()
            has_accents = sign.isascii() or not is_letter
            yield sign if is_letter else " "


def _earlier_slug_of(text: str) -> str:
    """The same as versions before 1.0 made it: what is not ASCII left nothing between words."""
    ascii_alone = nfkd(text.translate(_LIGATURES)).encode("ascii", "ignore").decode().lower()
    return _OTHER_SIGNS.sub("-", ascii_alone).strip("-")


def _github_slug_of(text: str) -> str:
    """The anchor GitHub and most static sites give a heading."""
    return _NOT_OF_GITHUB.sub("", nfc(text.lower())).replace(" ", "-")


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
        anchor = _anchor(str(token.meta.get("id", "")) or slug_of(title), used)
        section = Section(anchor, title, min(len(depth) + 1, 6))
        line = token.map[0] if token.map else 0
        outline.append(Heading(position, level, line, section))
    return _with_aliases(outline)


def _with_aliases(outline: Sequence[Heading]) -> tuple[Heading, ...]:
    """The headings with their other anchors, as far as no heading has these for its own."""
    taken = {*RESERVED, *(heading.section.anchor for heading in outline)}
    earlier: dict[str, int] = dict.fromkeys(RESERVED, 1)
    by_title: dict[str, int] = dict.fromkeys(RESERVED, 1)
    times: dict[str, int] = {}
    complete = []
    for heading in outline:
        title = heading.section.title
        github = _github_slug_of(title)[:LONGEST_ANCHOR]
        times[github] = times.get(github, -1) + 1
        aliases = dict.fromkeys(
            (
                _anchor(slug_of(title), by_title),
                _anchor(_earlier_slug_of(title), earlier),
                f"{github}-{times[github]}" if times[github] else github,
            )
        )
        free = tuple(alias for alias in aliases if alias.strip("-") and alias not in taken)
        taken.update(free)
        complete.append(replace(heading, aliases=free))
    return tuple(complete)


def _anchor(slug: str, used: dict[str, int]) -> str:
    base = slug[:LONGEST_ANCHOR].strip("-") or "section"
    if base.startswith(("fn-", "fnref-")):  # footnotes
        base = f"section-{base}"
    anchor = base
    while anchor in used:
        used[base] = used.get(base, 1) + 1
        anchor = f"{base}-{used[base]}"
    used[anchor] = 1
    return anchor


def anchors(tokens: Sequence[Token], outline: Sequence[Heading]) -> frozenset[str]:
    """Everything in the document that a link may lead to.

    A place that was named by hand loses its name where a heading or the page has it already.
    """
    places = {heading.section.anchor for heading in outline}
    places |= {alias for heading in outline for alias in heading.aliases}
    for block in tokens:
        for token in block.children or []:
            if token.type == "html_anchor":
                name = token.meta["id"]
                if name in RESERVED or name in places or name.startswith(("fn-", "fnref-")):
                    token.meta["id"] = ""
                else:
                    places.add(name)
    return frozenset(places)


def passages(tokens: Sequence[Token], outline: Sequence[Heading]) -> tuple[Passage, ...]:
    """The text of each section; the introduction has neither anchor nor title."""
    starts = [0, *(heading.position + 3 for heading in outline)]
    ends = [*(heading.position for heading in outline), len(tokens)]
    sections = [Section("", "", 1), *(heading.section for heading in outline)]
    return tuple(
        Passage(section.anchor, section.title, text_of(tokens[start:end]))
        for section, start, end in zip(sections, starts, ends, strict=True)
    )
