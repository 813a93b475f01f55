"""The addresses that articles had in another system: what in them names a page, and what does not.

Zendesk and Freshdesk look at the number alone: the words behind it change with every title, and
the place of the language before it depends on who wrote the link.
"""

import re
from urllib.parse import unquote, urlsplit

from kbsearch.config import LANGUAGES
from kbsearch.text.normal_form import nfc

LONGEST = 1_000  # characters
_ZENDESK = re.compile(
    r"/hc/(?:(?P<locale>[a-z]{2}(?:-[a-z0-9]{2,8})?)/)?"
    r"(?P<kind>articles|sections|categories)/(?P<id>\d{1,20})(?:-[^/]*)?"
)
_FRESHDESK = re.compile(
    r"(?:/(?P<locale>[a-z]{2}(?:-[a-z0-9]{2,8})?))?/(?:support|a)/solutions/"
    r"(?:(?P<kind>articles|folders)/)?(?P<id>\d{1,20})(?:-[^/]*)?"
)
_KNOWN = (("/hc/", _ZENDESK), ("/support/solutions/", _FRESHDESK))
_ENDING = re.compile(r"(?:/(?:index|readme))?(?:\.html?|\.md)?/*$")


def key_of(address: str) -> str:
    """What an address is looked up by: `/hc/fr-fr/articles/12-old-title` is `/hc/articles/12`."""
    path = _path(address)
    for prefix, pattern in _KNOWN:
        match = pattern.fullmatch(path)
        if match:
            return f"{prefix}{match['kind'] or 'categories'}/{match['id']}"
    return path


def language_of(address: str) -> str:
    """The language an address names, if it is one of ours."""
    path = _path(address)
    matches = (pattern.fullmatch(path) for _, pattern in _KNOWN)
    locale = next((match["locale"] or "" for match in matches if match), "")
    language = (locale or path[1:]).partition("-")[0].partition("/")[0]
    return language if language in LANGUAGES else ""


def _path(address: str) -> str:
    """The path without what servers leave out of it: capitals, endings, the last slash."""
    try:
        path = urlsplit(address[:LONGEST]).path
    except ValueError:  # brackets where a host would be
        return ""
    path = nfc(unquote(path)).lower()
    return _ENDING.sub("", f"/{path.strip('/')}") or "/"
