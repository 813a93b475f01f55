"""Marking the words somebody searched for in an article they opened from the results."""

import re

from markupsafe import Markup

from kbsearch.search.fulltext.query import understand
from kbsearch.search.fulltext.text import STOP_WORDS, normal
from kbsearch.text.normal_form import without_marks

MAX_WORDS = 16
MAX_TEXT = 256
SHORTEST = 3  # below, only the whole word is marked: `a` must not mark half of the page
SMALL_WORDS = STOP_WORDS["fr"] | STOP_WORDS["en"]
# A tag (quoted attributes may hold `>`), an entity, or a word, perhaps with invisible signs in it.
PIECE = re.compile(
    r"""<(?:[^<>"']|"[^"]*"|'[^']*')*>|&#?\w+;|\w+(?:[\u00ad\u200b\u2060\ufeff]\w+)*"""
)
ENDINGS = re.compile(r"(?<=\w{3})(?:es|s|x|e)$")


def highlight(html: Markup, searched: str) -> tuple[Markup, int]:
    """The same HTML with <mark> around the words that were searched, and how many.

    Small words are marked where nothing else was searched; what was excluded never is.
    """
    roots = {_root(word) for word in _looked_for(searched[:MAX_TEXT])[:MAX_WORDS]}
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


def _looked_for(searched: str) -> list[str]:
    terms = understand(searched)
    every = [word for part in terms.parts for word in (*part.spellings, *part.fragments)]
    return [word for word in every if word not in SMALL_WORDS] or every


def _matches(root: str, roots: set[str]) -> bool:
    return root in roots or any(len(word) >= SHORTEST and root.startswith(word) for word in roots)


def _root(word: str) -> str:
    """A word without case, accents and the commonest endings: close enough to point at it."""
    return ENDINGS.sub("", without_marks(normal(word).replace("œ", "oe")).casefold())
