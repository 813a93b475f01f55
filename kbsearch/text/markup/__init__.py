"""Markdown to safe HTML, sections, plain text and excerpts: articles and messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from markdown_it.token import Token
from markupsafe import Markup

from kbsearch.text import typed
from kbsearch.text.markup import blocks
from kbsearch.text.markup.blocks import Block
from kbsearch.text.markup.clean import clean
from kbsearch.text.markup.outline import (
    Heading,
    Passage,
    Section,
    anchors,
    headings,
    passages,
    slug_of,
    text_of,
)
from kbsearch.text.markup.parser import Parser, article_parser, message_parser, scheme_of
from kbsearch.text.markup.renderer import Context, LinkTarget, Picture, Renderer, Resolver, outside
from kbsearch.text.markup.reuse import PIECES, USES, Pieces, Use

__all__ = [
    "ARTICLE_LIMIT",
    "MESSAGE_LIMIT",
    "Document",
    "LinkTarget",
    "Passage",
    "Picture",
    "Resolver",
    "Section",
    "article",
    "excerpt",
    "message",
    "noted",
    "outside",
    "parse",
    "piece",
    "plain",
    "scheme_of",
    "said",
    "slug_of",
]

_PLACES = frozenset({"footnote_ref", "html_anchor"})
ARTICLE_LIMIT = 256 * 1024  # bytes
MESSAGE_LIMIT = 64 * 1024  # characters
EXCERPT_LENGTH = 200


@dataclass(frozen=True)
class Document:
    """An article read: its tokens, the headings that divide it, and where links may lead in it."""

    tokens: Sequence[Token]
    headings: tuple[Heading, ...]
    anchors: frozenset[str]
    env: dict[str, Any]
    repeats_title: bool = False  # its first heading said the title again, and was left out

    @property
    def uses(self) -> tuple[Use, ...]:
        """The pieces that it takes in, or asks for in vain."""
        return tuple(self.env.get(USES, ()))

    @property
    def sections(self) -> tuple[Section, ...]:
        return tuple(heading.section for heading in self.headings)

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The words under each heading, as the search takes them in."""
        return passages(self.tokens, self.headings)


def parse(text: str, title: str = "", pieces: Pieces | None = None) -> Document:
    """Read the Markdown of an article; a first heading that repeats its title is left out.

    `pieces` are put in where the text asks for them; without any it stays as it is written.
    """
    env: dict[str, Any] = {PIECES: pieces}
    repeats_title = False
    tokens = article_parser().parse(text, env)
    if title and tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        repeats_title = slug_of(text_of(tokens[1:2])) == slug_of(title)
        tokens = tokens[3:] if repeats_title else tokens
    outline = headings(tokens)
    return Document(tokens, outline, anchors(tokens, outline), env, repeats_title)


def article(document: Document, language: str, resolver: Resolver) -> Markup:
    """The article as HTML that is safe to show."""
    outline = {heading.position: heading for heading in document.headings}
    context = Context(language, resolver, outline)
    return _render(article_parser(), document.tokens, context, document.env)


def piece(document: Document, block: Block, language: str, resolver: Resolver) -> Markup:
    """One block of an article as HTML that may stand in another page: without its anchors."""
    tokens = document.tokens[block.start : block.end]
    tokens = tokens[1:-1] if block.kind == "list_item_open" else tokens
    for token in tokens:
        kept = (child for child in token.children or () if child.type not in _PLACES)
        token.children = list(kept) if token.children else token.children
    context = Context(language, resolver, coloured=False, region="group")
    return _render(article_parser(), tokens, context, document.env)


def noted(document: Document, notes: Mapping[int, str]) -> Document:
    """The article with a piece of HTML before some of its tokens."""
    tokens = blocks.with_notes(document.tokens, notes)
    return replace(document, tokens=tokens, headings=headings(tokens))


def message(text: str, language: str) -> Markup:
    """What somebody wrote in a request, as safe HTML; beyond 64 KB it is shown as it was typed."""
    if len(text) > MESSAGE_LIMIT:
        return clean(f"<pre>{escape(text, quote=False)}</pre>")
    env: dict[str, Any] = {}
    tokens = message_parser().parse(text, env)
    context = Context(language, _Outside(), coloured=False, region="group")
    return _render(message_parser(), tokens, context, env)


def said(text: str, language: str, *, as_typed: bool) -> Markup:
    """What somebody wrote in a request: as it was typed where it is plain text, else Markdown."""
    return clean(typed.html(text)) if as_typed else message(text, language)


def plain(text: str) -> str:
    """The words of a Markdown text, without its markup."""
    return text_of(message_parser().parse(text[:MESSAGE_LIMIT]))


def excerpt(text: str, length: int = EXCERPT_LENGTH) -> str:
    """The beginning of a plain text, cut between two words."""
    if len(text) <= length:
        return text
    cut = text[:length].rsplit(" ", 1)[0].rstrip(" ,;:.")
    return f"{cut}…"


def _render(
    parser: Parser, tokens: Sequence[Token], context: Context, env: dict[str, Any]
) -> Markup:
    html = Renderer().render(tokens, parser.options, {**env, "context": context})
    return clean(html)


class _Outside:
    """Links of messages: absolute addresses and our own pages; no image from anywhere."""

    def link(self, target: str) -> LinkTarget | None:
        if scheme_of(target):
            return outside(target)
        return LinkTarget(target) if target.startswith("/") and target[1:2] not in "/\\" else None

    def by_slug(self, slug: str) -> LinkTarget | None:
        return None

    def picture(self, target: str) -> Picture | None:
        return None
