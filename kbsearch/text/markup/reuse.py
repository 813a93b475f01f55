"""Pieces that articles have in common, put in while one is read.

`{{ snippet: name }}` and `{{ section: page#anchor }}` stand on a line of their own, `{{ name }}` is
a value anywhere in the text, code included; `\\{{ name }}` is shown as it is written.
"""

import re
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

UseKind = Literal["snippet", "section", "variable", "variable-in-code"]
USE_KINDS: tuple[UseKind, ...] = get_args(UseKind)
PIECES, USES = "pieces", "uses"  # in the environment of a parser
DEPTH = 4  # of snippets in snippets
MOST = 500  # pieces of an article

_BLOCK = re.compile(r"\{\{ {0,4}(snippet|section): {0,4}([^{}\s][^{}\n]{0,200}?) {0,4}\}\}")
_VARIABLE = re.compile(r"(\\?)\{\{ {0,4}([a-z][a-z0-9_]{0,60}) {0,4}\}\}")


@dataclass(frozen=True)
class Use:
    """A piece that an article takes in, and the line that asks for it."""

    kind: UseKind
    name: str
    line: int


class Pieces(Protocol):
    """The pieces that there are for one article."""

    def markdown(self, kind: UseKind, name: str) -> str | None:
        """The text of a snippet, or of a section of another article."""

    def variable(self, name: str) -> str | None:
        """The value of a variable."""


def plugin(parser: MarkdownIt) -> None:
    """Put pieces in once the blocks are known; their words are read like all others."""
    parser.core.ruler.after("block", "reuse", _put_in)


def _put_in(state: StateCore) -> None:
    pieces: Pieces | None = state.env.get(PIECES)
    if pieces is None or "{{" not in state.src:
        return
    uses: list[Use] = state.env.setdefault(USES, [])
    state.tokens = list(_whole(state.md, state.env, state.tokens, DEPTH))
    for token in state.tokens:
        if "{{" in token.content and token.type in ("inline", "fence", "code_block"):
            kind: UseKind = "variable" if token.type == "inline" else "variable-in-code"
            token.content = _with_values(token, kind, pieces, uses)


def _whole(
    parser: MarkdownIt, env: MutableMapping[str, Any], tokens: Sequence[Token], depth: int
) -> Iterator[Token]:
    """The tokens with those of snippets and sections in their places."""
    position = 0
    while position < len(tokens):
        match = _asks(tokens, position) if depth else None
        inner = _of_piece(parser, env, match, tokens[position]) if match else None
        if inner is None:
            yield tokens[position]
            position += 1
        else:
            yield from _whole(parser, env, inner, depth - 1)
            position += 3


def _asks(tokens: Sequence[Token], position: int) -> re.Match[str] | None:
    """What a paragraph asks for that says nothing else."""
    if tokens[position].type != "paragraph_open":
        return None
    return _BLOCK.fullmatch(tokens[position + 1].content.strip())


def _of_piece(
    parser: MarkdownIt, env: MutableMapping[str, Any], match: re.Match[str], paragraph: Token
) -> list[Token] | None:
    """The blocks of a piece, on the line that asks for it; None where there is no such piece."""
    kind: UseKind = "snippet" if match[1] == "snippet" else "section"
    line = paragraph.map[0] if paragraph.map else 0
    if len(env[USES]) >= MOST:
        return None
    env[USES].append(Use(kind, match[2], line))
    text = env[PIECES].markdown(kind, match[2])
    if text is None:
        return None
    inner: list[Token] = []
    parser.block.parse(text, parser, env, inner)
    for token in inner:
        token.map = [line, line + 1] if token.map else None
        token.level += paragraph.level
    return inner


def _with_values(token: Token, kind: UseKind, pieces: Pieces, uses: list[Use]) -> str:
    line = token.map[0] if token.map else 0

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return match[0][1:]
        if len(uses) < MOST:
            uses.append(Use(kind, match[2], line))
        known = pieces.variable(match[2])
        return match[0] if known is None else known

    return _VARIABLE.sub(value, token.content)
