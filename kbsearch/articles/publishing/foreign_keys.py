"""Front matter of other tools: what of it says that a page is not to be shown, what is known here.

A page that another tool holds back must not go live because kbsearch spells it otherwise: a state
that is not plainly "shown" is taken for a draft.
"""

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from kbsearch.clock import utc_now

# What it is called here.
MAPPED = {
    "aliases": "alias",
    "description": "summary",
    "keywords": "tags",
    "publier_le": "publish_at",
    "redirect_from": "alias",
    "retirer_le": "withdraw_at",
    "revoir_le": "review_by",
}
_NO = frozenset({"", "0", "false", "n", "no", "non", "off", "never"})
_YES = frozenset({"1", "true", "y", "yes", "oui", "on", "always"})
_SHOWN = frozenset({"public", "publish", "published", "publie", "publié", "live", "visible"})
# Keys by what they say, without their hyphens, underscores and capitals.
_HIDING = frozenset({"archived", "brouillon", "draft", "headless", "hidden", "isdraft", "masque"})
_HIDING |= {"private", "prive", "unlisted", "unpublished", "wip"}
_SHOWING = frozenset({"listed", "public", "publie", "publish", "published", "ready", "visible"})
_STATES = frozenset({"access", "etat", "publicationstatus", "state", "visibility", "workflow"})
_BEGINS = frozenset({"date", "embargo", "goliveon", "pubdate", "publishdate", "publishedat"})
_ENDS = frozenset({"expires", "expiry", "expirydate", "unpublishdate", "unpublishon"})
_IGNORED = frozenset(
    {"author", "authors", "categories", "category", "contributors", "customediturl"}
)
_IGNORED |= {
    "comments",
    "displaynumber",
    "hidetableofcontents",
    "hidetitle",
    "icon",
    "image",
    "images",
}
_IGNORED |= {
    "lastmod",
    "lastmodified",
    "lastmodifiedat",
    "lastupdate",
    "layout",
    "linktitle",
    "menu",
}
_IGNORED |= {"navorder", "order", "paginationlabel", "paginationnext", "paginationprev", "parent"}
_IGNORED |= {"permalink", "position", "pagetitle", "shorttitle", "sidebar", "sidebarlabel"}
_IGNORED |= {"sidebarposition", "template", "toc", "topic", "type", "url", "weight"}

_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_YEAR = re.compile(r"(?<!\d)(\d{4})(?!\d)")
_YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?!\d)")

Value = str | tuple[str, ...] | None


def is_known(key: str) -> bool:
    """Whether it is a key of other tools that changes nothing here."""
    plain = _plain(key)
    return key in MAPPED or key.startswith("ms.") or plain in _IGNORED or _says_state(plain)


def holds_back(key: str, value: Value) -> bool:
    """Whether a key of other tools says that its page is not shown, or leaves it in doubt."""
    plain = _plain(key)
    word = value.strip().lower() if isinstance(value, str) else "?"
    if plain in _HIDING:
        return word not in _NO
    if plain in _SHOWING:
        return word not in _YES and not _is_past(word)
    if plain in _STATES:
        return word not in _SHOWN
    if plain in _BEGINS:
        return not _is_past(word)
    return plain in _ENDS  # nothing here takes a page down when its day comes


def is_held_folder(path: str) -> bool:
    """Whether a file lies where other tools keep what they do not show."""
    *folders, name = path.lower().split("/")
    is_part = name.startswith("_") and not name.startswith("_index.")
    return is_part or any(map(_is_held, folders))


@lru_cache
def _is_held(folder: str) -> bool:
    named = folder.strip("_") in ("draft", "drafts", "brouillon", "brouillons")
    return named or (folder.startswith("_") and folder != "_posts")


def _plain(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "")


def _says_state(plain: str) -> bool:
    return plain in _HIDING | _SHOWING | _STATES | _BEGINS | _ENDS


def _is_past(text: str) -> bool:
    """Whether a date was reached, wherever one is; false for what is none."""
    days = list(_days(text))
    return bool(days) and max(days) <= utc_now().date()


def _days(text: str) -> Iterator[date]:
    """The day that a text names: the two it may be, or the last of a year, where it is unclear."""
    match = _YEAR_FIRST.match(text)
    if match:
        orders = [(match[1], match[2], match[3])]
    elif match := _YEAR_LAST.match(text):
        orders = [(match[3], match[2], match[1]), (match[3], match[1], match[2])]
    elif match := _YEAR.search(text):
        orders = [(match[1], "12", "31")]
    else:
        return
    for year, month, day in orders:
        try:
            yield date(int(year), int(month), int(day))
        except ValueError:
            continue
