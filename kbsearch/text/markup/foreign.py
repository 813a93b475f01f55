"""What other tools write and means one thing here: GitBook's hints, kramdown's attributes."""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.utils import is_code_block

from kbsearch.text.markup import pairs
from kbsearch.text.markup.callouts import KINDS

_EDGE = re.compile(
    r"^[ \t]*+(?:(?P<fence>`{3,}|~{3,})|\{%-?[ \t]*(?P<begin>hint|tab)\b(?P<said>[^%\n]{0,200})%\}"
    r"|\{%-?[ \t]*end(?P<end>hint|tab)[ \t]*-?%\})",
    re.MULTILINE,
)
_WRAPPER = re.compile(r"\{%-?[ \t]*(?:end)?tabs[ \t]*-?%\}[ \t]*$")
_STYLE = re.compile(r"style=\"(\w{1,20})\"")
_TITLE = re.compile(r"title=\"([^\"\n]{1,100})\"")
_ATTRIBUTES = re.compile(r"\{:[^{}\n]{0,200}\}[ \t]*$")
_CLASS = re.compile(r"\.([\w\-]{1,40})")
_IDENTITY = re.compile(r"#([^\W_][\w.:\-]{0,79})")


def plugin(parser: MarkdownIt) -> None:
    """Read them as callouts, tabs and ids; before the callouts are made one."""
    parser.block.ruler.before(
        "fence", "gitbook", _gitbook, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    parser.core.ruler.before("inline", "kramdown", _take_attributes)


def _gitbook(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    begin = state.bMarks[start] + state.tShift[start]
    if is_code_block(state, start) or not state.src.startswith("{%", begin):
        return False
    if _WRAPPER.match(state.src, begin, state.eMarks[start]):
        if not silent:
            state.line = start + 1
        return True
    edge = _EDGE.match(state.src, state.bMarks[start])
    last = pairs.ends(state, _EDGE).get(start, end)
    if edge is None or not edge["begin"] or last >= end:
        return False
    if silent:
        return True
    title = _TITLE.search(edge["said"]) if edge["begin"] == "tab" else None
    kind, tag = ("tab", "section") if title else ("container_callout", "div")
    opening = state.push(f"{kind}_open", tag, 1)
    opening.map = [start, last + 1]
    if title:
        opening.meta = {"title": title[1]}
    else:
        style = _STYLE.search(edge["said"])
        opening.info = style[1] if style and style[1] in KINDS else "note"
    outer = state.lineMax, state.parentType
    state.lineMax, state.parentType = last, "container"
    state.md.block.tokenize(state, start + 1, last)
    state.lineMax, state.parentType = outer
    state.push(f"{kind}_close", tag, -1)
    state.line = last + 1
    return True


def _take_attributes(state: StateCore) -> None:
    """`{: .note #id }` beside a paragraph or below a heading; what else it says changes nothing."""
    tokens: list[Token] = []
    position = 0
    while position < len(state.tokens):
        token = state.tokens[position]
        if token.type == "paragraph_open" and "{:" in state.tokens[position + 1].content:
            tokens += _with_attributes(tokens, state.tokens[position : position + 3])
            position += 3
        else:
            tokens.append(token)
            position += 1
    state.tokens = tokens


def _with_attributes(before: list[Token], paragraph: list[Token]) -> list[Token]:
    line = paragraph[1]
    lines = line.content.split("\n")
    attributes = {number for number in (0, len(lines) - 1) if _ATTRIBUTES.match(lines[number])}
    if not attributes:
        return paragraph
    said = " ".join(lines[number] for number in attributes)
    identity = _IDENTITY.search(said)
    if identity and before and before[-1].type == "heading_close":
        before[-3].meta = {**before[-3].meta, "id": identity[1]}
    line.content = "\n".join(text for number, text in enumerate(lines) if number not in attributes)
    if not line.content:
        return []
    if line.map and 0 in attributes:
        line.map = [line.map[0] + 1, line.map[1]]
    kind = next((name.lower() for name in _CLASS.findall(said) if name.lower() in KINDS), "")
    if not kind:
        return paragraph
    begin = Token("container_callout_open", "div", 1, block=True, info=kind, map=line.map)
    return [begin, *paragraph, Token("container_callout_close", "div", -1, block=True)]
