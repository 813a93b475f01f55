"""Personal data and secrets in a text, each replaced by a word for what stood there.

It is cautious: what looks like a name is taken for one, and whoever reviews the text may keep it.
A placeholder stands for one text only, so that it can be turned back after the rest was edited.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from kbsearch.config import LANGUAGES
from kbsearch.i18n import gettext
from kbsearch.search.fulltext.text import normal
from kbsearch.text.masking import credentials, names, numbers, places
from kbsearch.text.masking.spans import HIDDEN, Span, occurrences

DataKind = Literal[
    "address",
    "bank",
    "birth",
    "card",
    "email",
    "login",
    "name",
    "network",
    "phone",
    "secret",
    "social_security",
]

_LABELS: dict[DataKind, str] = {
    "address": "masking.address",
    "bank": "masking.bank",
    "birth": "masking.birth",
    "card": "masking.card",
    "email": "masking.email",
    "login": "masking.login",
    "name": "masking.name",
    "network": "masking.network",
    "phone": "masking.phone",
    "secret": "masking.secret",
    "social_security": "masking.social_security",
}
KINDS = frozenset(_LABELS)
SHORTEST_SECRET = 4  # characters; a shorter one is masked only where it is said to be one
# The surest first: what one has found is hidden from the next.
_FINDERS: tuple[tuple[DataKind, Callable[[str], Iterable[Span]]], ...] = (
    ("secret", credentials.secrets),
    ("email", numbers.emails),
    ("bank", numbers.accounts),
    ("social_security", numbers.social_security),
    ("card", numbers.cards),
    ("birth", numbers.births),
    ("network", places.networks),
    ("address", places.addresses),
    ("phone", numbers.phones),
    ("login", credentials.logins),
)


@dataclass(frozen=True)
class Item:
    """One piece of a text that was masked; equal texts have the same placeholder."""

    kind: DataKind
    start: int  # in `Masked.source`
    end: int
    text: str
    placeholder: str


@dataclass(frozen=True)
class Masked:
    """A text without its personal data, and what was taken out of it."""

    source: str
    text: str
    items: tuple[Item, ...]


def mask(
    text: str, people: Iterable[str] = (), *, keep: Iterable[str] = (), language: str = "fr"
) -> Masked:
    """The text with its personal data masked.

    `people` are names, found in all their forms; `keep` are texts that are nobody's, as
    the names of products and their versions. The placeholders are words of `language`.
    """
    return _numbered([normal(text)], list(people), list(keep), language)[0]


def mask_together(
    texts: Iterable[str],
    people: Iterable[str] = (),
    *,
    keep: Iterable[str] = (),
    language: str = "fr",
) -> tuple[Masked, ...]:
    """Several texts of one matter masked as one: a placeholder stands for the same in all of them.

    A name that one of them gives away, and what opens something, is masked in the others too.
    """
    sources, harmless = [normal(text) for text in texts], list(keep)
    first = _numbered(sources, list(people), harmless, language)
    items = [item for masked in first for item in masked.items]
    every_name = [*people, *(item.text for item in items if item.kind == "name")]
    opening = {
        item.text: item.kind
        for item in items
        if item.kind in ("secret", "login") and len(item.text) >= SHORTEST_SECRET
    }
    return _numbered(sources, list(dict.fromkeys(every_name)), harmless, language, opening)


def label(kind: DataKind, language: str) -> str:
    """What a kind of personal data is called."""
    return gettext(language, _LABELS[kind])


def placeholders(text: str) -> Iterator[tuple[int, str]]:
    """Where placeholders stand in a text, in whichever language; prompts to write too."""
    for match in _any_placeholder().finditer(text):
        yield match.start(), match[0]


@cache
def _any_placeholder() -> re.Pattern[str]:
    names = {label(kind, language) for kind in _LABELS for language in LANGUAGES}
    prompts = {gettext(language, "masking.prompt") for language in LANGUAGES}
    labels = "|".join(map(re.escape, sorted(names)))
    prompt_starts = "|".join(map(re.escape, sorted(prompts)))
    return re.compile(rf"‹(?:(?:{labels})(?: \d+)?|(?:{prompt_starts})[^‹›\n]{{0,200}})›")


def prompt(language: str, missing: str) -> str:
    """A place where something is to be written, which cannot be overlooked."""
    return f"‹{gettext(language, 'masking.prompt')} {missing}›"


def picture_prompt(language: str) -> str:
    """What stands for the words that say what a picture shows, until they are written."""
    return prompt(language, gettext(language, "masking.picture"))


def _numbered(
    sources: Sequence[str],
    people: Sequence[str],
    keep: Sequence[str],
    language: str,
    opening: Mapping[str, DataKind] | None = None,
) -> tuple[Masked, ...]:
    placeholders: dict[DataKind, dict[str, str]] = {}
    masked = []
    for source in sources:
        items = []
        spans = _spans(source, people, keep, opening or {})
        for kind, start, end in sorted(spans, key=lambda span: span[1]):
            fragment = source[start:end]
            of_kind = placeholders.setdefault(kind, {})
            if fragment not in of_kind:
                of_kind[fragment] = _placeholder(kind, len(of_kind) + 1, language)
            items.append(Item(kind, start, end, fragment, of_kind[fragment]))
        masked.append(Masked(source, _filled(source, items), tuple(items)))
    return tuple(masked)


def _spans(
    source: str, people: Iterable[str], keep: Iterable[str], opening: Mapping[str, DataKind]
) -> Iterator[tuple[DataKind, int, int]]:
    hidden = source
    for fragment, kind in opening.items():
        for start, end in occurrences(fragment, hidden):
            yield kind, start, end
            hidden = _hide(hidden, start, end)
    for fragment in keep:
        for start, end in occurrences(fragment, hidden):
            hidden = _hide(hidden, start, end)
    known_names = names.KnownNames(people)
    for kind, find in (*_FINDERS, ("name", known_names.find), ("name", names.find)):
        for start, end in find(hidden):
            if HIDDEN not in hidden[start:end]:
                yield kind, start, end
                hidden = _hide(hidden, start, end)


def _hide(text: str, start: int, end: int) -> str:
    return text[:start] + HIDDEN * (end - start) + text[end:]


def _filled(source: str, items: list[Item]) -> str:
    pieces, position = [], 0
    for item in items:
        pieces += [source[position : item.start], item.placeholder]
        position = item.end
    return "".join([*pieces, source[position:]])


def _placeholder(kind: DataKind, number: int, language: str) -> str:
    """`‹nom›`, `‹nom 2›`: signs that mean nothing to Markdown, YAML or HTML."""
    return f"‹{label(kind, language)}›" if number == 1 else f"‹{label(kind, language)} {number}›"
