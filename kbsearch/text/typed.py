"""Text that was typed as plain text, as in a mail: no character of it is taken for markup."""

import re
from html import escape

_ADDRESS = re.compile(r"""https?://[^\s<>"]+""")
_AFTER = ".,;:!?)]}'»*_"  # belongs to the sentence around an address
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)


def html(text: str) -> str:
    """The text letter for letter, its addresses as links; the page keeps its lines and spaces."""
    pieces, position = [], 0
    for match in _ADDRESS.finditer(text):
        address = match[0].rstrip(_AFTER)
        link = escape(address)
        pieces += [
            escape(text[position : match.start()], quote=False),
            f'<a href="{link}" class="external" rel="noopener noreferrer">{link}</a>',
        ]
        position = match.start() + len(address)
    pieces.append(escape(text[position:], quote=False))
    return f'<div class="as-typed">{"".join(pieces)}</div>'


def as_markdown(text: str) -> str:
    """The text as Markdown that shows it letter for letter, to be put into another one."""
    escaped = _PUNCTUATION.sub(r"\\\1", text)
    return _INDENT.sub(lambda indent: "\u00a0" * len(indent[0].expandtabs(4)), escaped)
