"""Marking the words somebody searched for in an article they opened from the results."""

import re

from markupsafe import Markup

from kbsearch.text.normal_form import without_marks

MAX_WORDS = 16
MAX_TEXT = 256
SHORTEST = 3  # below, only the whole word is marked: `a` must not mark half of the page
# A tag (quoted attributes may hold `>`), an entity, or a word.
PIECE = re.compile(r"""<(?:[^<>"']|"[^"]*"|'[^']*')*>|&#?\w+;|\w+""")
WORD = re.compile(r"\w+")
ENDINGS = re.compile(r"(?<=\w{3})(?:es|s|x|e)$")


def highlight(html: Markup, searched: str) -> tuple[Markup, int]:
    """The same HTML with <mark> around the words that were searched, and how many."""
    roots = {_root(word) for word in WORD.findall(searched[:MAX_TEXT])[:MAX_WORDS]}
    roots.discard("")
    if not roots:
        return html, 0
    count = 0

    def marked(piece: re.Match[str]) -> str:
        nonlocal count
        text = piece[0]
        if text[0] in "<&" or not _matches(_root(text), roots):
            return text
        count += 1
        return f"<mark>{text}</mark>"

    # safe: only <mark> around words of a text that was safe HTML already
    return Markup(PIECE.sub(marked, str(html))), count


def _matches(root: str, roots: set[str]) -> bool:
    return root in roots or any(len(word) >= SHORTEST and root.startswith(word) for word in roots)


def _root(word: str) -> str:
    """A word without case, accents and the commonest endings: close enough to point at it."""
    return ENDINGS.sub("", without_marks(word.replace("œ", "oe")).casefold())
