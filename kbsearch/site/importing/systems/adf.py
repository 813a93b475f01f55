"""Atlassian's document format, the tree that Jira keeps words in, as HTML."""

from collections.abc import Callable
from html import escape

from kbsearch.site.importing.systems.values import Values, code, inner, items, text

DEEPEST = 60  # levels; what lies deeper is not shown
MARKS = {"strong": "strong", "em": "em", "code": "code", "strike": "del", "underline": "u"}
BLOCKS = {
    "paragraph": "p",
    "bulletList": "ul",
    "orderedList": "ol",
    "taskList": "ul",
    "listItem": "li",
    "taskItem": "li",
    "blockquote": "blockquote",
    "panel": "blockquote",
    "table": "table",
    "tableRow": "tr",
    "tableHeader": "th",
    "tableCell": "td",
}


def html_of(document: Values) -> str:
    """The document as HTML; of a kind of node that is not known, what is in it."""
    return _node(document, 0)


def _node(node: Values, depth: int) -> str:
    kind = text(node, "type")
    if kind in LEAVES:
        return LEAVES[kind](node)
    inside = "".join(_node(one, depth + 1) for one in _content(node, depth))
    if kind == "heading":
        level = min(max(code(inner(node, "attrs"), "level"), 1), 6)
        return f"<h{level}>{inside}</h{level}>"
    if kind == "codeBlock":
        return f"<pre><code>{inside}</code></pre>"
    if kind in ("expand", "nestedExpand"):
        title = escape(text(inner(node, "attrs"), "title"))
        return f"<p><strong>{title}</strong></p>{inside}"
    tag = BLOCKS.get(kind)
    return f"<{tag}>{inside}</{tag}>" if tag else inside


def _content(node: Values, depth: int) -> list[Values]:
    return items(node, "content") if depth < DEEPEST else []


def _text(node: Values) -> str:
    words = escape(str(node.get("text") or ""))
    for mark in items(node, "marks"):
        kind = text(mark, "type")
        if kind in MARKS:
            words = f"<{MARKS[kind]}>{words}</{MARKS[kind]}>"
        elif kind == "link":
            words = _link(text(inner(mark, "attrs"), "href"), words)
    return words


def _link(address: str, words: str) -> str:
    return f'<a href="{escape(address)}">{words}</a>'


def _card(node: Values) -> str:
    address = text(inner(node, "attrs"), "url")
    return _link(address, escape(address))


def _named(node: Values) -> str:
    """A person, a picture or a sign, by its name."""
    return escape(text(inner(node, "attrs"), "text", "alt", "shortName"))


LEAVES: dict[str, Callable[[Values], str]] = {
    "text": _text,
    "hardBreak": lambda node: "<br>",
    "rule": lambda node: "<hr>",
    "inlineCard": _card,
    "blockCard": _card,
    "embedCard": _card,
    "mention": _named,
    "emoji": _named,
    "status": _named,
    "media": lambda node: f"[{_named(node)}]" if _named(node) else "",
}
