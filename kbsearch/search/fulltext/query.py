"""What a typed text means, whatever the engine: its words, codes, phrases, and what it excludes."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kbsearch.search.fulltext import forms
from kbsearch.search.fulltext.text import (
    WORD,
    Phrase,
    Synonyms,
    code_spans,
    fold_word,
    normal,
    words_of,
)

# What people paste goes up to 100 kB; beyond this nothing new is learnt about what they mean.
LONGEST_TEXT = 4_000
LONGEST_TYPED = 200  # characters of one line; in what is longer, quotes and dashes mean nothing
MOST_TERMS = 24  # of a long text, the rarest
SHORTEST_PREFIX = 2
NO_SYNONYMS = Synonyms()
MOST_COMPLETIONS = 8
FEW_WORDS = 3
SHORTEST_OF_CODE = 4  # letters of a part of a code that says something without the rest
SHORTEST_CODE = 3  # signs; a shorter one (m2, A4) is in texts about anything

_QUOTED = re.compile(r'(?<!\S)(-?)(?:"([^"«»“”]{1,100})"|[«“]([^"«»“”]{1,100})[»”])(?!\w)')
_EXCLUDED = re.compile(r"(?<!\S)-(?=[^\W_])[^\s\"«»“”]+")

_REQUEST = re.compile(
    r"\W*(?:(?:tickets?|demande|request|case|cas|dossier|num[eé]ro|number|n[o°º]?)\W{1,3})?#?(\d{1,15})\W*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Part:
    """A word of a question with what else it may be met as, or a key that is matched whole."""

    word: str = ""
    forms: tuple[str, ...] = ()
    pieces: tuple[str, ...] = ()  # the words that it joins, as `getUserName` does
    key: str = ""
    is_code: bool = False  # a key that is no mere amount: whoever has it comes first
    fragments: tuple[str, ...] = ()  # the words of a code

    @property
    def spellings(self) -> tuple[str, ...]:
        """All that is looked for in its place, the word first."""
        return (self.word, *self.forms, *self.pieces)


@dataclass(frozen=True)
class Terms:
    """A text to look for: normal form, folded words in order, the word not yet finished."""

    text: str
    words: tuple[str, ...]
    unfinished: str | None
    also: tuple[Phrase, ...] = ()  # what its phrases may be called too
    parts: tuple[Part, ...] = ()
    phrases: tuple[Phrase, ...] = ()  # must stand there, in that order
    excluded: tuple[Phrase, ...] = ()  # must not stand there
    unfinished_key: str | None = None  # a code that is still being typed

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look for."""
        return not self.parts

    @property
    def keys(self) -> tuple[str, ...]:
        """The codes, telephones and amounts, as the index has them."""
        return tuple(dict.fromkeys(part.key for part in self.parts if part.key))

    @property
    def has_words(self) -> bool:
        """Whether there are words beside the keys."""
        return any(part.word for part in self.parts)

    @property
    def is_short(self) -> bool:
        """Whether even its small words may be what is looked for."""
        return len(self.parts) <= FEW_WORDS

    @property
    def fragments(self) -> list[str]:
        """The words of the codes: they tell a title with the code from a text that has it."""
        every = (word for part in self.parts for word in part.fragments)
        return list(dict.fromkeys(every))[:MOST_TERMS]

    @property
    def number(self) -> int | None:
        """The request that is meant, where the whole text is its number."""
        match = _REQUEST.fullmatch(self.text)
        return int(match[1]) if match else None


def understand(text: str, synonyms: Synonyms = NO_SYNONYMS) -> Terms:
    """Read a typed or pasted text; anything is acceptable, nothing raises."""
    clean = normal(text[:LONGEST_TEXT])
    words = tuple(words_of(clean))
    is_open = bool(words) and bool(WORD.match(clean[-1:])) and len(words[-1]) >= SHORTEST_PREFIX
    rest, phrases, excluded = _operators(clean)
    parts = tuple(_parts(rest))
    looked_for = [part.word for part in parts if part.word]
    unfinished = words[-1] if is_open and parts and looked_for[-1:] == [words[-1]] else None
    also = synonyms.others(looked_for)
    codes = [part.key for part in parts if part.is_code] if is_open and not unfinished else []
    key = codes[-1] if codes and clean[-1].isdecimal() else None
    return Terms(clean, words, unfinished, also, parts, phrases, excluded, key)


def _operators(text: str) -> tuple[str, tuple[Phrase, ...], tuple[Phrase, ...]]:
    """The text without what it excludes, its phrases, and what it excludes."""
    if len(text) > LONGEST_TYPED or "\n" in text.strip():
        return text, (), ()
    phrases: list[Phrase] = []
    excluded: list[Phrase] = []

    def quoted(match: re.Match[str]) -> str:
        inside = match[2] or match[3]
        if phrase := tuple(words_of(inside)):
            (excluded if match[1] else phrases).append(phrase)
        return " " if match[1] else inside

    def minus(match: re.Match[str]) -> str:
        excluded.append(tuple(words_of(match[0])))
        return " "

    rest = _QUOTED.sub(quoted, text) if any(sign in text for sign in '"«“') else text
    rest = _EXCLUDED.sub(minus, rest) if "-" in rest else rest
    return rest, tuple(phrases), tuple(excluded)


def _parts(text: str) -> Iterator[Part]:
    """What is looked for, in the order of the text; parts of a code are not looked for alone."""
    rest, at = [], 0
    for start, end, part in sorted(_keys(text), key=lambda key: (key[0], -key[1])):
        if start >= at:
            yield part
            rest += [text[at:start], _telling(text[start:end]) if part.is_code else ""]
            at = end
    yield from _words("".join((*rest, text[at:])))


def _telling(code: str) -> str:
    """The words of a code that say something alone: all of a name, the long ones of a number."""
    if not any(map(str.isdecimal, code)):
        return code
    words = [word for word in WORD.findall(code) if len(word) >= SHORTEST_OF_CODE]
    return " ".join(word for word in words if word.isalpha())


def _keys(text: str) -> Iterator[tuple[int, int, Part]]:
    if any(map(str.isdecimal, text)):
        for match in forms.TELEPHONE.finditer(text):
            if key := forms.telephone(match[0]):
                yield match.start(), match.end(), Part(key=key, is_code=True)
        for match in forms.QUANTITY.finditer(text):
            if forms.has_unit(key := forms.amount(match[0])):
                yield match.start(), match.end(), Part(key=key)
        for match in forms.SPELT_APART.finditer(text):
            yield match.start(), match.end(), Part(key=forms.squeezed(match[0]), is_code=True)
    for start, end, code in code_spans(text):
        fragments = tuple(words_of(code))
        key = forms.code_key(code)
        yield start, end, Part(key=key, is_code=len(key) >= SHORTEST_CODE, fragments=fragments)


def _words(text: str) -> Iterator[Part]:
    """The words of a text, each with what it may be joined to, parted in, or the singular of."""
    spans = [(match.start(), match.end()) for match in WORD.finditer(text)]
    written = [text[start:end] for start, end in spans]
    folded = [fold_word(word) for word in written]
    in_run: dict[int, tuple[str, ...]] = {}
    for run in forms.JOINT.finditer(text):
        form = tuple(forms.joined(run[0]))
        in_run |= {
            n: form for n, (start, _) in enumerate(spans) if run.start() <= start < run.end()
        }
    for n, word in enumerate(folded):
        if forms.UNPARTED.search(word):
            yield from _unparted(word)
            continue
        beside = folded[max(0, n - 1) : n + 2]
        neighbours = zip(beside, beside[1:], strict=False)
        joined = [a + b for a, b in neighbours if forms.may_be_one(a, b)]
        singular = forms.singular_of(word)
        others = dict.fromkeys([*in_run.get(n, joined), singular])
        pieces = dict.fromkeys(forms.humps(written[n]))
        yield Part(word, _without(others, word), _without(pieces, word))


def _without(words: Iterable[str], word: str) -> tuple[str, ...]:
    return tuple(other for other in words if other != word)


def _unparted(word: str) -> Iterator[Part]:
    for run in forms.UNPARTED.findall(word):
        yield from (Part(pair) for pair in forms.pairs(run))
    yield from (Part(part) for part in forms.UNPARTED.sub(" ", word).split())
