"""One thing written in several ways: words joined or parted, codes, numbers, telephones, plurals.

What `written` adds to a document is what `Terms` look for: both sides meet whichever way either of
them was written.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from kbsearch.search.fulltext.text import STOP_WORDS, WORD, codes_in, fold_word

# No two neighbours of these patterns share a sign: what is pasted cannot make them slow.
JOINT = re.compile(r"(?<!\w)[^\W\d_]++(?:[-\u2010\u2011'’_][^\W\d_]++)+")
_CAMEL = re.compile(r"[A-Z](?<=[a-z][A-Z])")
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_ENDS_IN_UX = re.compile(r"[uU][xX]\b")
# Scripts that part no words: each two neighbours are one.
_UNPARTED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0002fa1f"
)
UNPARTED = re.compile(f"[{_UNPARTED}]+")
_MAY_BE_UNPARTED = re.compile("[\u0e00-\u1fff\u3040-\U0002fa1f]")  # far cheaper
MOST_JOINED = 4  # words that are one when they are joined

_THIN = " \u00a0\u202f\u2009"  # what stands between thousands, and before units
_UNITS = (
    "o|ko|mo|go|to|kb|mb|gb|tb|b|bits?|kbps|mbps|gbps|mm|cm|dm|km|m|mg|kg|g|t|l|ml|cl|hl|ha|h|min|ms|s|"
    "hz|khz|mhz|ghz|v|mv|kv|ma|mah|w|kw|kwh|mw|px|dpi|ppp|bars?|pt|jours?|days?|eur|euros?|usd"
)
# From its first digit on: what begins with a look backwards is looked for at every sign of a text.
QUANTITY = re.compile(
    rf"\d(?<![\w.,-]\d)(?:(?:\d{{0,2}}(?:[{_THIN}.]\d{{3}})+(?:,\d{{1,4}})?(?!\d)|\d*(?:[.,]\d+)?)"
    rf"[{_THIN}]?(?:[%€$£°‰]|(?:{_UNITS})\b)|"
    rf"\d{{0,2}}(?:[{_THIN}]\d{{3}})+(?![\w.,-]))",
    re.IGNORECASE,
)
_BETWEEN = f"[{_THIN}.\\-()/]"  # groups of a telephone
TELEPHONE = re.compile(
    rf"(?<![\w.])(?>\+\d{{1,3}}(?:{_BETWEEN}{{1,2}}0\))?{_BETWEEN}{{0,3}})?"
    rf"(?>\d{{8,12}}(?!\d)|\d{{1,4}}(?:{_BETWEEN}{{1,3}}\d{{2,4}}){{2,5}})(?!\w)"
)
_THOUSANDS = re.compile(rf"\d\d{{0,2}}(?:[{_THIN}]\d{{3}})+")
_SPACE = re.compile(f"[{_THIN}]")
_POINT_OF_THOUSANDS = re.compile(r"\.(?=\d{3}(?!\d))")
SPELT_APART = re.compile(r"(?<!\w)[A-Z]{1,6} \d{2,8}(?!\w)")
HEXADECIMAL = re.compile(r"(?:0x)?([0-9a-f]{4,16})")
_VERSION = re.compile(r"v?(\d{1,4}(?:\.\d{1,4}){1,3})")
_EDGES = '.,;:!?()[]«»“”"…'  # around a word, never part of what it may be
_APOSTROPHES = ("'", "’")
_SEPARATORS = re.compile(r"[\W_]+")
# Far cheaper than what is looked for after them, and few texts have one.
_MANY_DIGITS = re.compile(r"\d(?:\D{0,4}\d){7}")
_AFTER_CAPITAL = re.compile(r"\d(?<=[A-Z] \d)")
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")
LONGEST_SQUEEZED = 40
MOST_REMEMBERED = 20_000  # chunks of texts
NATIONAL = 9  # digits of a telephone that stay the same, dialled from at home or from abroad
SHORTEST_LONG = 8  # digits that are taken for a telephone, typed together

_SMALL = STOP_WORDS["fr"] | STOP_WORDS["en"]
_ELISIONS = frozenset([*"ldsnjmct", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu"])
# What a hyphen ties to a verb or a pronoun without making a word of them: peut-on, celui-ci.
_ENCLITICS = """
je tu il elle on nous vous ils elles ce t y en la le les lui leur moi toi eux ci meme memes
"""
_INVERTED = frozenset(_ENCLITICS.split())
_PARTICLES = frozenset(["in", "up", "on", "off", "out", "down", "over"])  # log in, set up
_CONTRACTIONS = frozenset(["s", "t", "d", "ll", "re", "ve", "m"])
_EUX = "jeu lieu milieu feu voeu aveu cheveu neveu enjeu essieu moyeu pieu adieu pneu bleu aieul"
_AUX = "tuyau noyau boyau joyau etau materiau"
IRREGULAR = {f"{word}x": word for word in f"{_EUX} {_AUX}".split()} | {
    "travaux": "travail",
    "baux": "bail",
    "vitraux": "vitrail",
    "coraux": "corail",
    "soupiraux": "soupirail",
    "yeux": "oeil",
    "cieux": "ciel",
    "aieux": "aieul",
    "maux": "mal",
    "vaux": "val",
}
PLURALS = {singular: plural for plural, singular in IRREGULAR.items()}


def singular_of(word: str) -> str:
    """A folded word, or its singular where no rule of stems leads to it."""
    return IRREGULAR.get(word, word)


class Written(NamedTuple):
    """What a text is also met as: words that stand otherwise in it, and what is matched whole."""

    words: list[str]  # folded, as often as they stand there
    keys: list[str]  # codes, versions, telephones, amounts; each once

    def added_to(self, text: str) -> str:
        """The text with the words it has besides, as it is indexed."""
        return "\n".join((text, *self.words)) if self.words else text


def written(text: str) -> Written:
    """What a text is also met as."""
    words: list[str] = []
    keys: list[str] = []
    for forms in filter(None, map(_remembered, _uncommon(text))):
        words += forms.words
        keys += forms.keys
    if "ux" in text or "UX" in text:
        words += _irregular(text)
    if not text.isascii() and _MAY_BE_UNPARTED.search(text) and UNPARTED.search(text):
        words += [pair for run in UNPARTED.findall(text) for pair in pairs(run)]
        words += [part for run in _mixed(text) for part in run]
    if _DIGIT.search(text):
        quantities = QUANTITY.findall(text)
        words += filter(None, map(_joined_thousands, quantities))
        keys += filter(has_unit, map(amount, quantities))
        if _MANY_DIGITS.search(text):
            keys += filter(None, map(telephone, TELEPHONE.findall(text)))
        if _AFTER_CAPITAL.search(text):
            keys += map(squeezed, SPELT_APART.findall(text))
    return Written(words, list(dict.fromkeys(keys)))


def _uncommon(text: str) -> list[str]:
    """What stands between two spaces, where it is no plain word."""
    chunks = text.replace(", ", " ").replace(". ", " ").split()
    return [
        chunk.strip(_EDGES)
        for chunk in chunks
        if not (chunk.isalpha() and (chunk.islower() or chunk.istitle()))
    ]


class _Remembered(dict[str, Written | None]):
    """What a chunk is also met as: what is short is in every other text."""

    def __missing__(self, chunk: str) -> Written | None:
        forms = _forms(chunk)
        if len(chunk) <= LONGEST_SQUEEZED:
            if len(self) >= MOST_REMEMBERED:
                self.clear()
            self[chunk] = forms
        return forms


_remembered = _Remembered().__getitem__


def _forms(chunk: str) -> Written | None:
    bare = chunk[2:] if chunk[1:2] in _APOSTROPHES else chunk
    words: list[str] = []
    keys: list[str] = []
    if not bare.isalnum():
        words += [form for run in JOINT.findall(chunk) for form in joined(run)]
    if not bare.islower():
        words += _humps_in(chunk)
    if not (bare.isalpha() or bare.isdecimal()):
        keys += [key for code in codes_in(chunk) for key in code_keys(code)]
    return Written(words, keys) if words or keys else None


def joined(run: str) -> list[str]:
    """`Wi-Fi` -> `wifi`: words that a sign holds together, as one; elisions hold nothing."""
    if run[1] in _APOSTROPHES and len(WORD.findall(run)) == 2:
        return []
    parts = [fold_word(part) for part in WORD.findall(run)]
    if ("'" in run or "’" in run) and (parts[0] in _ELISIONS or parts[-1] in _CONTRACTIONS):
        parts = parts[1:] if parts[0] in _ELISIONS else parts[:-1]
    is_one = 1 < len(parts) <= MOST_JOINED and (
        parts[-1] not in _INVERTED or parts == ["rendez", "vous"]
    )
    return ["".join(parts)] if is_one else []


def _humps_in(text: str) -> Iterator[str]:
    end = 0
    for hump in _CAMEL.finditer(text):
        if hump.start() > end:
            start, end = _bounds(text, hump.start() - 1, hump.end())
            yield from humps(text[start:end])


def _bounds(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the word around a place begins and ends; what is very long is no word."""
    first, last = start - LONGEST_SQUEEZED, end + LONGEST_SQUEEZED
    while start > max(0, first) and text[start - 1].isalnum():
        start -= 1
    while end < min(len(text), last) and text[end].isalnum():
        end += 1
    return start, end


def may_be_one(first: str, second: str) -> bool:
    """Whether two words side by side may also be written as one; small words are words apart."""
    if first in _SMALL or not (first.isalpha() and second.isalpha()):
        return False
    return second not in _SMALL or second in _PARTICLES


def humps(word: str) -> list[str]:
    """`getUserName` -> `get`, `user`, `name`, and each two of them as one."""
    if not _CAMEL.search(word):
        return []
    parts = [fold_word(part) for part in _HUMP.findall(word) if len(part) > 1]
    return [*parts, *map("".join, zip(parts, parts[1:], strict=False))]


def pairs(run: str) -> list[str]:
    """Each two neighbours of a run whose script parts no words; a lone sign is itself."""
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def _mixed(text: str) -> Iterator[list[str]]:
    """What stands in one run with such a script: `ERP系统` has `erp`."""
    for word in WORD.findall(text):
        if not word.isascii() and (apart := UNPARTED.sub(" ", word)) != word:
            yield [fold_word(part) for part in apart.split()]


def _irregular(text: str) -> Iterator[str]:
    for end in _ENDS_IN_UX.finditer(text):
        start, _ = _bounds(text, end.start(), end.end())
        singular = IRREGULAR.get(fold_word(text[start : end.end()]))
        if singular:
            yield singular


def _joined_thousands(quantity: str) -> str:
    """`1 000 €` -> `1000`; empty where the digits stand together anyway."""
    digits = _THOUSANDS.match(quantity)
    return "".join(filter(str.isdecimal, digits[0])) if digits else ""


def code_keys(code: str) -> list[str]:
    """A folded code, how it is known without its separators, and the versions it is one of."""
    if code.startswith("0x") and HEXADECIMAL.fullmatch(code):
        return [code, code_key(code)]
    version = _VERSION.fullmatch(code)
    if version:
        numbers = version[1].split(".")
        return [".".join(numbers[:count]) for count in range(len(numbers), 1, -1)]
    return [code, key] if (key := squeezed(code)) != code else [code]


def code_key(code: str) -> str:
    """The key a code of a question is looked for by; `0x80070005` is met without `0x` too."""
    if number := HEXADECIMAL.fullmatch(code):
        digits = number[1]
        return telephone(digits) if digits.isdecimal() and len(digits) >= SHORTEST_LONG else digits
    version = _VERSION.fullmatch(code)
    return version[1] if version else squeezed(code)


def squeezed(code: str) -> str:
    """`ERR-1042` -> `err1042`; a path, or what has digits alone, stays as it is."""
    is_code = any(map(str.isdecimal, code)) and _LETTER.search(code)
    if not is_code or len(code) > LONGEST_SQUEEZED or "/" in code or "\\" in code:
        return code
    return fold_word(_SEPARATORS.sub("", code))


def telephone(number: str) -> str:
    """A telephone by its last digits: `+33 1 70…` is `01 70…`; empty for what is too short."""
    digits = "".join(filter(str.isdecimal, number))
    return f"tel:{digits[-NATIONAL:]}" if len(digits) >= NATIONAL or digits == number else ""


def has_unit(key: str) -> bool:
    """Whether an amount says of what: a number alone is a word."""
    return not key[-1:].isdecimal()


def amount(quantity: str) -> str:
    """`1 000 €`, `3,5 %` -> `1000€`, `3.5%`."""
    plain = _POINT_OF_THOUSANDS.sub("", _SPACE.sub("", quantity))
    return fold_word(plain.replace(",", "."))
