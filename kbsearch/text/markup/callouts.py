"""Callouts written in several ways (`> [!NOTE]`, `!!! note "T"`, `:::note[T]`) become one."""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

KINDS = {
    "note": "note",
    "info": "note",
    "secondary": "note",
    "abstract": "note",
    "summary": "note",
    "question": "note",
    "example": "note",
    "quote": "note",
    "tip": "tip",
    "hint": "tip",
    "success": "tip",
    "important": "important",
    "warning": "warning",
    "attention": "warning",
    "caution": "caution",
    "danger": "caution",
    "error": "caution",
    "failure": "caution",
    "bug": "caution",
}
TITLES = {
    "note": "Note",
    "tip": "Tip",
    "important": "Important",
    "warning": "Warning",
    "caution": "Caution",
}
# `:::tip Title`, Docusaurus' `:::tip[Title]`, MyST's `:::{tip} Title`
_CONTAINER = re.compile(
    r"\{?([A-Za-z]{1,20})\}?(?:\[([^\]\n]{0,300})\])?(?:\{([^{}\n]{0,300})\})?(?:[ \t]+(.*))?$"
)
_TITLE = re.compile(r"title=\"([^\"\n]{1,300})\"")
_FOLDED = "details"
_MARKER = re.compile(r"\[!(\w{1,20})\][+-]?(?:[ \t]+(.*))?$")


def is_container(params: str, _markup: str) -> bool:
    """Whether what follows `:::` opens a callout, or text that is folded."""
    match = _CONTAINER.match(params.strip())
    return match is not None and match[1].lower() in {*KINDS, _FOLDED}


def plugin(parser: MarkdownIt) -> None:
    """Unify callouts between the block rules and the reading of inline text."""
    parser.core.ruler.before("inline", "callouts", _unify)


def _unify(state: StateCore) -> None:
    tokens: list[Token] = []
    ends: list[str] = []  # of the containers now open: what their closing token becomes
    position = 0
    while position < len(state.tokens):
        token = state.tokens[position]
        position += 1
        if token.type in ("alert_open", "admonition_open", "container_callout_open"):
            opened, position = _open(state.tokens, position - 1)
            tokens += opened
            ends.append("details" if opened[0].tag == "details" else "div")
        elif token.type == "blockquote_open":
            opened, position = _quoted(state.tokens, position - 1)
            tokens += opened
            ends.append("blockquote" if opened[0] is token else "div")
        elif token.type.removesuffix("_close") in (
            "alert",
            "admonition",
            "container_callout",
            "blockquote",
        ):
            token.tag = ends.pop()
            if token.tag != "blockquote":
                token.type = "callout_close"
            tokens.append(token)
        else:
            tokens.append(token)
    state.tokens = tokens


def _open(tokens: list[Token], start: int) -> tuple[list[Token], int]:
    """The tokens of a callout's beginning, and where what it contains begins."""
    token = tokens[start]
    if token.type == "alert_open":
        return _callout(token, token.info.lower(), None), start + 4
    if token.type == "container_callout_open":
        return _container(token), start + 1
    name = str(token.meta["tag"])
    has_title = tokens[start + 1].type == "admonition_title_open"
    # the plugin says `Note` for a note without title: the reader's language decides instead
    untitled = token.info.strip().lower() == name
    opened = _callout(token, name, None if untitled else token.content)
    if token.markup.startswith("?"):
        opened[0].tag = "details"
        opened[0].meta["open"] = token.markup.endswith("+")
    return opened, start + (4 if has_title else 1)


def _container(token: Token) -> list[Token]:
    match = _CONTAINER.match(token.info.strip())
    assert match is not None, "is_container said so"
    name = match[1].lower()
    titled = _TITLE.search(match[3] or "")
    title = (match[2] or (titled[1] if titled else "") or match[4] or "").strip()
    opened = _callout(token, name, title or None)
    if name == _FOLDED:
        opened[0].tag = "details"
    return opened


def _quoted(tokens: list[Token], start: int) -> tuple[list[Token], int]:
    """A quotation beginning with `[!NOTE] Title` is a callout too."""
    quote, body = tokens[start], tokens[start + 2 : start + 3]
    if not body or body[0].type != "inline" or tokens[start + 1].type != "paragraph_open":
        return [quote], start + 1
    first, _, rest = body[0].content.partition("\n")
    marker = _MARKER.match(first)
    if marker is None or marker[1].lower() not in KINDS:
        return [quote], start + 1
    opened = _callout(quote, marker[1].lower(), marker[2])
    if not rest:
        return opened, start + 4
    body[0].content = rest
    if body[0].map:
        body[0].map = [body[0].map[0] + 1, body[0].map[1]]
    return opened, start + 1


def _callout(opening: Token, name: str, title: str | None) -> list[Token]:
    """`title` None: the kind's own name. An empty one: no title at all."""
    kind = KINDS.get(name, "note")
    opening = opening.copy()
    opening.type, opening.tag, opening.attrs = "callout_open", "div", {}
    opening.meta = {"kind": kind, "titled": title != "", "open": False}
    if title == "":
        return [opening]
    begin, text, end = (
        Token("callout_title_open", "p", 1, block=True),
        Token("inline", "", 0, block=True, content=title or "", children=[], map=opening.map),
        Token("callout_title_close", "p", -1, block=True),
    )
    begin.meta = {"kind": kind} if title is None else {}
    return [opening, begin, text, end]
