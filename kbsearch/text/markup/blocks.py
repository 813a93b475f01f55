"""The blocks of an article: its paragraphs, headings, steps, tables and examples, one by one."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from kbsearch.text.markup.outline import text_of

_LISTS = ("bullet_list", "ordered_list")
_ITEM = "list_item_open"
NOTE = "translation_note"


@dataclass(frozen=True)
class Block:
    """A paragraph, a heading, a step of a list: its kind, its source, and where it stands."""

    kind: str
    text: str  # as it is written; how its lines are broken says nothing
    line: int  # of the text, from 1; 0 where it is not known
    start: int  # its first token
    end: int  # behind its last one
    key: str  # the same for the same text

    @property
    def note_place(self) -> int:
        """The token before which something about it stands: inside a step, behind all else."""
        return self.end - 1 if self.kind == _ITEM else self.end


def blocks(tokens: Sequence[Token], text: str) -> tuple[Block, ...]:
    """The blocks of a text, in their order; a heading of the first level is the title again."""
    return tuple(_blocks(tokens, text.split("\n")))


def _blocks(tokens: Sequence[Token], lines: Sequence[str]) -> Iterator[Block]:
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token.type.startswith(_LISTS):
            place += 1  # its steps are blocks of their own
            continue
        end = _end(tokens, place)
        if token.type != "hr" and token.tag != "h1":
            yield _block(tokens, place, end, lines)
        place = end


def _end(tokens: Sequence[Token], start: int) -> int:
    depth = 0
    for place in range(start, len(tokens)):
        depth += tokens[place].nesting
        if depth <= 0:
            return place + 1
    return len(tokens)


def _block(tokens: Sequence[Token], start: int, end: int, lines: Sequence[str]) -> Block:
    token = tokens[start]
    if token.map:
        first, last = token.map
        text, line = "\n".join(lines[first:last]), first + 1
    else:
        text, line = text_of(tokens[start:end]), 0
    kind = token.tag if token.type == "heading_open" else token.type
    return block_of(kind, text, line, start, end)


def block_of(kind: str, text: str, line: int, start: int, end: int) -> Block:
    """A block of some source; how its lines are broken makes no other one of it."""
    text = " ".join(text.split())
    key = hashlib.blake2b(f"{kind}\0{text}".encode(), digest_size=12).hexdigest()
    return Block(kind, text, line, start, end, key)


def with_notes(tokens: Sequence[Token], notes: Mapping[int, str]) -> list[Token]:
    """The tokens with a piece of HTML before some of them."""
    noted: list[Token] = []
    for place, token in enumerate([*tokens, None]):
        if place in notes:
            noted.append(Token(NOTE, "", 0, content=notes[place]))
        if token is not None:
            noted.append(token)
    return noted
