"""Markdown to tokens: every syntax a writer may use, and a closed list of HTML tags."""

import re
from collections.abc import Iterable
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.admon import admon_plugin
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.gfm import gfm_plugin
from mdit_py_plugins.gfm_autolink.index import _protocol_rule

from kbsearch.text.markup import callouts, foreign, html_tags, reuse, syntax

SCHEMES = frozenset({"http", "https", "mailto", "sms", "tel"})
_BARE = ("http", "https", "mailto")  # those of addresses that stand in a text
_SCHEME = re.compile(r"^([a-z][a-z0-9+.\-]*):", re.IGNORECASE)
_SCHEME_REACH = len("mailto") + 1  # a scheme, and the character before it
_INVISIBLE = re.compile(r"[\x00-\x20\x7f]")


class Parser(MarkdownIt):
    """The parser, with a closed list of link schemes instead of a list of bad ones."""

    def validateLink(self, url: str) -> bool:
        scheme = scheme_of(url)
        return scheme is None or scheme in SCHEMES


def scheme_of(url: str) -> str | None:
    """The scheme a browser would see (it skips control characters), or None."""
    scheme = _SCHEME.match(_INVISIBLE.sub("", url))
    return scheme[1].lower() if scheme else None


@cache
def article_parser() -> Parser:
    """The parser of articles."""
    parser = Parser("commonmark", {"html": False})
    gfm_plugin(parser)
    parser.inline.ruler.at("gfm_autolink_protocol", _autolink)
    deflist_plugin(parser)
    admon_plugin(parser)
    container_plugin(parser, "callout", validate=callouts.is_container)
    parser.use(foreign.plugin)
    parser.use(reuse.plugin)
    parser.use(callouts.plugin)
    parser.use(syntax.plugin)
    parser.use(html_tags.plugin)
    return parser


@cache
def message_parser() -> Parser:
    """The parser of what people type in requests: a line break typed is a line break."""
    parser = Parser("commonmark", {"html": False, "breaks": True})
    gfm_plugin(parser)
    parser.inline.ruler.at("gfm_autolink_protocol", _autolink)
    parser.options["alerts"] = False
    parser.disable(["footnote_def", "footnote_ref", "footnote_tail"])
    return parser


def _autolink(state: StateInline, silent: bool) -> bool:
    """The plugin's rule for bare addresses, given only the end of the text before the colon.

    It reads all of that text at each colon: left alone, 64 KB of colons take minutes.
    """
    if silent or state.src[state.pos] != ":" or not state.pending.endswith(_BARE):
        return False
    before, state.pending = state.pending[:-_SCHEME_REACH], state.pending[-_SCHEME_REACH:]
    if before:
        end, state.pending = state.pending, before
        state.pushPending()
        state.pending = end
    return _protocol_rule(state, silent)


def descend(tokens: Iterable[Token]) -> Iterable[Token]:
    """All tokens, those inside lines of text included."""
    for token in tokens:
        yield token
        if token.children:
            yield from descend(token.children)
