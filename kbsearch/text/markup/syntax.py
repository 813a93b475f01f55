"""Syntaxes of our own: tabs `=== "Windows"`, keys `++ctrl+k++`, links by slug `[[slug]]`."""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.utils import is_code_block

_TAB = re.compile(r'=== +"([^"\n]{1,100})"[ \t]*$')
_KEYS = re.compile(r"\+\+([A-Za-z0-9]{1,20}(?:\+[A-Za-z0-9]{1,20}){0,4})\+\+")
_BY_SLUG = re.compile(r"\[\[([^\[\]|\n]{1,200})(?:\|([^\[\]\n]{1,200}))?\]\]")
_HEADING_ID = re.compile(
    r"(?<![ \t])[ \t]*\{:?[ \t]*#([^\W_][\w.:\-]{0,79})[^{}\n]{0,100}\}[ \t]*$"
)
_INDENT = 4


def plugin(parser: MarkdownIt) -> None:
    """Add the three syntaxes, ids of headings, and captions under images that have a title."""
    parser.block.ruler.before(
        "fence", "tab", _tab, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.inline.add_terminator_char("+")
    parser.inline.ruler.before("link", "keys", _keys)
    parser.inline.ruler.before("link", "by_slug", _by_slug)
    parser.core.ruler.before("inline", "heading_ids", _take_ids)
    parser.core.ruler.push("tab_groups", _group_tabs)
    parser.core.ruler.push("figures", _caption)


def _tab(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if is_code_block(state, start) or not state.src.startswith("=== ", _line_start(state, start)):
        return False
    match = _TAB.match(state.src[_line_start(state, start) : state.eMarks[start]])
    if match is None:
        return False
    if silent:
        return True
    following = start + 1
    indent = state.sCount[start] + _INDENT
    while following < end and (state.isEmpty(following) or state.sCount[following] >= indent):
        following += 1
    opening = state.push("tab_open", "section", 1)
    opening.meta = {"title": match[1]}
    opening.map = [start, following]
    outer = state.lineMax, state.blkIndent, state.parentType
    state.lineMax, state.blkIndent, state.parentType = following, indent, "tab"
    state.md.block.tokenize(state, start + 1, following)
    state.lineMax, state.blkIndent, state.parentType = outer
    state.push("tab_close", "section", -1)
    state.line = following
    return True


def _line_start(state: StateBlock, line: int) -> int:
    return state.bMarks[line] + state.tShift[line]


def _keys(state: StateInline, silent: bool) -> bool:
    match = _KEYS.match(state.src, state.pos) if state.src[state.pos] == "+" else None
    if match is None:
        return False
    if not silent:
        token = state.push("keys", "kbd", 0)
        token.content = match[1]
    state.pos = match.end()
    return True


def _by_slug(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith("[[", state.pos):
        return False
    match = _BY_SLUG.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        token = state.push("by_slug", "a", 0)
        token.content = (match[2] or "").strip()
        token.meta = {"slug": match[1].strip()}
    state.pos = match.end()
    return True


def _take_ids(state: StateCore) -> None:
    """`## Title {#id}` names the anchor of a heading, whatever becomes of its words."""
    for position, token in enumerate(state.tokens):
        if token.type == "heading_open":
            line = state.tokens[position + 1]
            match = _HEADING_ID.search(line.content[-200:]) if "{" in line.content else None
            if match:
                line.content = line.content[: len(line.content) - len(match[0])]
                token.meta = {**token.meta, "id": match[1]}


def _group_tabs(state: StateCore) -> None:
    """Tabs that follow one another stand in one group."""
    tokens: list[Token] = []
    for position, token in enumerate(state.tokens):
        before = state.tokens[position - 1].type if position else ""
        after = state.tokens[position + 1].type if position + 1 < len(state.tokens) else ""
        if token.type == "tab_open" and before != "tab_close":
            tokens.append(Token("tabs_open", "div", 1, block=True, attrs={"class": "tabs"}))
        tokens.append(token)
        if token.type == "tab_close" and after != "tab_open":
            tokens.append(Token("tabs_close", "div", -1, block=True))
    state.tokens = tokens


def _caption(state: StateCore) -> None:
    """A paragraph that is one image with a title becomes a figure with its caption."""
    for position, token in enumerate(state.tokens):
        children = token.children or []
        if len(children) == 1 and children[0].type == "image" and children[0].attrGet("title"):
            before, after = state.tokens[position - 1], state.tokens[position + 1]
            if before.type == "paragraph_open" and not before.hidden:
                before.tag = after.tag = "figure"
                children[0].meta = {"caption": str(children[0].attrs.pop("title"))}
