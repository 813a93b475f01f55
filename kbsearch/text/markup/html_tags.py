"""The little HTML that Markdown has no sign for: a closed list of tags, and comments.

Nothing here reaches a page as it was typed: each becomes a token, what has no end stays text, and
`clean` is the last gate as for everything else.
"""

import re
from collections.abc import Iterator, Mapping, MutableMapping
from html import unescape
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.utils import is_code_block

from kbsearch.text.markup import pairs

# As they are typed, and what they become.
INLINE = {
    **{name: name for name in ("code", "del", "ins", "kbd", "mark", "s", "small", "sub", "sup")},
    **{"b": "strong", "strong": "strong", "em": "em", "i": "em", "u": "u"},
}
_TAG = re.compile(rf"<(/?)(br|{'|'.join(INLINE)})[ \t]{{0,9}}/?>", re.IGNORECASE)
_WITH_ATTRIBUTES = re.compile(r"<(a|img)[ \t\n]([^<>]{1,2000})>|</(a)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"([a-z][a-z\-]{0,30})[ \t]{0,9}=[ \t]{0,9}(?:\"([^\"]*)\"|'([^']*)'|(\S+))", re.I
)
_WIDTH = re.compile(r"(\d{1,4})(?:px)?$")
_ID = re.compile(r"[^\W_][\w.:\-]{0,79}$")
_COMMENT, _COMMENT_END = "<!--", "-->"

_DETAILS = re.compile(
    r"<details(?:[ \t]+(open)(?:=(?:\"[^\"\n]{0,9}\"|'[^'\n]{0,9}'))?)?[ \t]{0,9}>", re.I
)
_DETAILS_EDGE = re.compile(
    r"^[ \t]*+(?:(?P<fence>`{3,}|~{3,})"
    r"|<(?P<begin>details)(?=[ >])(?=(?P<whole>.*</details>[ \t]*$)?)"
    r"|.*</(?P<end>details)>[ \t]*$)",
    re.MULTILINE | re.IGNORECASE,
)
_SUMMARY = re.compile(
    r"\s*<summary>([^<]{0,300}(?:<(?!/summary>)[^<]{0,300}){0,20})</summary>", re.I
)
_DEEPEST = 5  # details in details

_TABLE_EDGE = re.compile(r"<table(?=[ \t\n>])|(</table>)", re.IGNORECASE)
_SPANNING = re.compile(r"\b(?:row|col)span[ \t]*=[ \t]*[\"']?(?!1\b)\d", re.IGNORECASE)
_CELL = re.compile(r"<(t[hd])>")
_LINE_IN_CELL = re.compile(r"</(?:p|li|div)>(?=\s*<(?!/t[hd]))", re.IGNORECASE)
_IN_TABLES = {"table", "thead", "tbody", "tr", "th", "td", "br", *INLINE}
_LARGEST_TABLE = 64 * 1024  # characters

Attributes = Mapping[str, str]


def plugin(parser: MarkdownIt) -> None:
    """Read the tags where they stand; their ends are looked for once a line's tokens are known."""
    interrupting: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    parser.block.ruler.before("fence", "html_comment", _comment_block, interrupting)
    parser.block.ruler.before("fence", "html_details", _details, interrupting)
    parser.block.ruler.before("fence", "html_table", _table, interrupting)
    parser.inline.ruler.before("autolink", "html_comment", _comment)
    parser.inline.ruler.before("autolink", "html_tag", _tag)
    parser.core.ruler.after("inline", "html_ends", _match_ends)


def _tag(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "<":
        return False
    match = _TAG.match(state.src, state.pos)
    if match is None:
        return _tag_with_attributes(state, silent)
    name, ends = match[2].lower(), bool(match[1])
    if not silent:
        if name == "br":
            state.push("html_break", "br", 0)
        else:
            token = state.push("html_tag", INLINE[name], 0)
            token.content, token.meta = match[0], {"ends": ends}
    state.pos = match.end()
    return True


def _tag_with_attributes(state: StateInline, silent: bool) -> bool:
    """A link, the place a link leads to, or an image with its width."""
    match = _WITH_ATTRIBUTES.match(state.src, state.pos)
    if match is None:
        return False
    attributes = {
        name.lower(): unescape(first or second or third)
        for name, first, second, third in _ATTRIBUTE.findall(match[2] or "")
    }
    if (match[1] or "").lower() == "img":
        is_known = _image(state, silent, attributes)
    else:
        is_known = _link(state, silent, attributes, match)
    if is_known:
        state.pos = match.end()
    return is_known


def _link(state: StateInline, silent: bool, attributes: Attributes, match: re.Match[str]) -> bool:
    identity = attributes.get("id") or attributes.get("name") or ""
    if match[1] and "href" not in attributes and _ID.match(identity):
        if not silent:
            token = state.push("html_tag", "a", 0)
            token.content, token.meta = match[0], {"ends": False, "id": identity}
        return True
    href = state.md.normalizeLink(attributes.get("href", ""))
    if match[1] and not (href and state.md.validateLink(href)):
        return False
    if not silent:
        token = state.push("html_tag", "a", 0)
        token.content, token.meta = match[0], {"ends": not match[1], "href": href}
        # no address in it is a link of its own
        state.linkLevel = state.linkLevel + 1 if match[1] else max(0, state.linkLevel - 1)
    return True


def _image(state: StateInline, silent: bool, attributes: Attributes) -> bool:
    source = state.md.normalizeLink(attributes.get("src", ""))
    if not source or not state.md.validateLink(source):
        return False
    if not silent:
        token = state.push("image", "img", 0)
        alternative = attributes.get("alt", "")
        token.attrs = {"src": source, "alt": ""}
        if attributes.get("title"):
            token.attrs["title"] = attributes["title"]
        token.content = alternative
        token.children = [Token("text", "", 0, content=alternative)]
        width = _WIDTH.match(attributes.get("width", ""))
        token.meta = {"width": int(width[1])} if width else {}
    return True


def _match_ends(state: StateCore) -> None:
    """What begins and ends in one line of text is a tag; the rest is text."""
    for block in state.tokens:
        if block.type == "inline" and block.children:
            _match(block.children)


def _match(children: list[Token]) -> None:
    open_tags: list[Token] = []
    for token in children:
        if token.type != "html_tag":
            continue
        if not token.meta["ends"]:
            open_tags.append(token)
        elif open_tags and open_tags[-1].tag == token.tag:
            _pair(open_tags.pop(), token)
    for token in children:
        if token.type == "html_tag" and not token.nesting:
            token.type, token.tag, token.meta = "text", "", {}


def _pair(begin: Token, end: Token) -> None:
    if "id" in begin.meta:
        begin.type, end.type, end.hidden = "html_anchor", "html_comment", True
        return
    begin.nesting, end.nesting = 1, -1
    if begin.tag == "a":
        begin.type, end.type = "link_open", "link_close"
        begin.attrs = {"href": begin.meta["href"]}


def _comment(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith(_COMMENT, state.pos):
        return False
    end = _after_comment(state.src, state.pos, state.env)
    if end < 0:
        return False
    state.pos = end
    return True


def _after_comment(text: str, start: int, env: MutableMapping[str, Any]) -> int:
    """Where a comment ended, or -1; a text that ends none is looked through once."""
    if env.get("html_comment_open") is text:
        return -1
    end = text.find(_COMMENT_END, start + len(_COMMENT))
    if end < 0:
        env["html_comment_open"] = text
        return -1
    return end + len(_COMMENT_END)


def _comment_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A comment that begins a line; one without an end hides the rest, and is a finding."""
    begin = state.bMarks[start] + state.tShift[start]
    if is_code_block(state, start) or not state.src.startswith(_COMMENT, begin):
        return False
    close = state.src.find(_COMMENT_END, begin + len(_COMMENT), state.eMarks[end - 1])
    after = _blank(state.src, close + len(_COMMENT_END)) if close >= 0 else state.eMarks[end - 1]
    line = start
    while state.eMarks[line] < after and line < end - 1:
        line += 1
    has_text = after < state.eMarks[line]  # it begins a line of its own
    if has_text and line == start:
        return False
    if silent:
        return True
    token = state.push("html_comment", "", 0)
    token.map, token.hidden, token.meta = [start, line + 1], True, {"is_closed": close >= 0}
    state.line = line + 1
    if has_text:
        state.bMarks[line], state.tShift[line], state.sCount[line] = after, 0, state.blkIndent
        state.line = line
    return True


def _blank(text: str, start: int) -> int:
    """Where something else than a space stands."""
    while text[start : start + 1] in (" ", "\t"):
        start += 1
    return start


def _details(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`<details><summary>…</summary>` up to its end: Markdown that is shown when asked for."""
    begin = state.bMarks[start] + state.tShift[start]
    opening = _DETAILS.match(state.src, begin) if state.src[begin : begin + 1] == "<" else None
    depth = state.env.get("html_details", 0)
    if opening is None or is_code_block(state, start) or depth >= _DEEPEST:
        return False
    last = pairs.ends(state, _DETAILS_EDGE).get(start, end)
    if last >= end:
        return False
    if silent:
        return True
    inner = state.getLines(start, last + 1, state.blkIndent, False)
    inner = inner[inner.index(opening[0]) + len(opening[0]) :]
    inner = inner[: inner.lower().rindex("</details>")]
    token = state.push("details_open", "details", 1)
    token.map, token.attrs = [start, last + 1], {"open": ""} if opening[1] else {}
    summary = _SUMMARY.match(inner)
    if summary:
        state.push("summary_open", "summary", 1)
        line = state.push("inline", "", 0)
        line.content, line.children, line.map = summary[1].strip(), [], [start, start + 1]
        state.push("summary_close", "summary", -1)
    lines_before = start + (summary[0].count("\n") if summary else 0)
    _nested(state, inner[summary.end() if summary else 0 :], lines_before, depth + 1)
    state.push("details_close", "details", -1)
    state.line = last + 1
    return True


def _nested(state: StateBlock, text: str, lines_before: int, depth: int) -> None:
    """The tokens of a text inside, that know their lines in the whole."""
    before = state.env.get("html_details", 0)
    state.env["html_details"] = depth
    tokens: list[Token] = []
    state.md.block.parse(text, state.md, state.env, tokens)
    state.env["html_details"] = before
    for token in tokens:
        token.level += state.level
        if token.map:
            token.map = [token.map[0] + lines_before, token.map[1] + lines_before]
    state.tokens += tokens


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table without joined cells, as the Markdown of the same table."""
    begin = state.bMarks[start] + state.tShift[start]
    if is_code_block(state, start) or not state.src.startswith("<", begin):
        return False
    close = _ends_of_tables(state).get(begin, -1)
    if not begin < close <= min(state.eMarks[end - 1], begin + _LARGEST_TABLE):
        return False
    if _SPANNING.search(state.src, begin, close):
        return False
    last = start
    while state.eMarks[last] < close:
        last += 1
    lines = list(_markdown_rows(state.src[begin:close]))
    if not lines or state.src[close : state.eMarks[last]].strip():
        return False
    if silent:
        return True
    first = len(state.tokens)
    _nested(state, "\n".join(lines), start, state.env.get("html_details", 0))
    for token in state.tokens[first:]:
        token.map = token.map and [start, last + 1]
    state.line = last + 1
    return True


def _ends_of_tables(state: StateBlock) -> dict[int, int]:
    """Where the tables end that have none in them, by where they begin."""
    known: dict[str, dict[int, int]] = state.env.setdefault("html_table_ends", {})
    if state.src not in known:
        ends = known[state.src] = {}
        begun = -1
        for edge in _TABLE_EDGE.finditer(state.src):
            if edge[1] and begun >= 0:
                ends[begun] = edge.end()
            begun = -1 if edge[1] else edge.start()
    return known[state.src]


def _markdown_rows(source: str) -> Iterator[str]:
    clean = nh3.clean(
        _LINE_IN_CELL.sub("<br>", source), tags=_IN_TABLES, attributes={}, link_rel=None
    )
    for number, row in enumerate(clean.split("<tr>")[1:]):
        pieces = _CELL.split(row.partition("</tr>")[0])[1:]
        cells = list(zip(pieces[::2], pieces[1::2], strict=True))
        texts = [
            " ".join(text.partition(f"</{kind}>")[0].split()).replace("|", "\\|")
            for kind, text in cells
        ]
        has_header = any(kind == "th" for kind, _ in cells)
        if number == 0:
            yield f"| {' | '.join(texts if has_header else [''] * len(texts))} |"
            yield f"|{' --- |' * len(texts)}"
        if number or not has_header:
            yield f"| {' | '.join(texts)} |"
