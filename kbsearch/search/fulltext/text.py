"""Text as search sees it: normal form, stop words, languages, codes, elisions, synonyms."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from kbsearch.text.normal_form import nfc, nfd

# Snowball's French stop list (BSD), folded.
_FRENCH = """
a ai aie aient aies ait as au aura aurai auraient aurais aurait auras aurez auriez aurions
aurons auront aux avaient avais avait avec avez aviez avions avons ayant ayez ayons c ce ceci
cela celle celui ces cet cette comme d dans de des donc du elle elles en es est et etaient etais
etait etant ete etes etiez etions eu eue eues eurent eus eut eux faut fumes furent fut il ils j
je l la le les leur leurs lui m ma mais me meme memes mes mon n ne nos notre nous on ont ou par
pas pour qu que quel quelle quelles quels qui s sa sans se sera serai seraient serais serait
seras serez seriez serions serons seront ses soi soient sois soit sommes son sont soyez soyons
suis sur t ta te tes toi ton tu un une vos votre vous y
"""
# Snowball's English stop list (BSD), and what is left of its contractions.
_ENGLISH = """
a about above after again against all am an and any are aren as at be because been before being
below between both but by can cannot could couldn d did didn do does doesn doing don down during
each few for from further had hadn has hasn have haven having he her here hers herself him
himself his how i if in into is isn it its itself let ll m me more most mustn my myself no nor
not of off on once only or other ought our ours ourselves out over own re s same shan she should
shouldn so some such t than that the their theirs them themselves then there these they this
those through to too under until up ve very was wasn we were weren what when where which while
who whom why with won would wouldn you your yours yourself yourselves
"""
# Stop words that are also what a page may be about: the sound, a step, the east, the CAN bus.
_SMALL_NOUNS = """
son ton pas est as ete avions sommes suis mes fut ai eu
"""
_SMALL_NOUNS_ENGLISH = """
can it us who own once won off up down out no
"""
SMALL_NOUNS = {
    "fr": frozenset(_SMALL_NOUNS.split()),
    "en": frozenset(_SMALL_NOUNS_ENGLISH.split()),
}
STOP_WORDS = {"fr": frozenset(_FRENCH.split()), "en": frozenset(_ENGLISH.split())}

# Codes are kept whole: something with a digit and letters or separators (ERR-1042, 0x80070005,
# 4.2.1), or words joined by dots, colons, underscores or backslashes (iis.config, C:\temp\x).
# No two neighbours of these patterns share a sign: what is pasted cannot make them slow.
_RUN = re.compile(r"\w+(?:[.\-:/\\]{1,3}\w+)*")
_NAME = re.compile(r"\w+(?:[.:\\]{1,3}\w+)*")
_JOINED = re.compile(r"\w[.\-_:/\\]{1,3}\w")
_DIGIT = re.compile(r"\d")
# One class first: an alternation takes three times as long. A point must have a word after it.
_CODE_SIGN = re.compile(r"[0-9_\\.:](?<![.:](?![^\W_]))")
_CHUNK = re.compile(r"\S*")
_LONGEST_CODE = 120
_LONGEST_CHUNK = 1_000
_LONGEST_WHOLE = 500
_SHORTEST_BASE = 5  # letters of a word that others are made of
_LONGEST_REMEMBERED = 60  # what is longer is no word: it would fill the memory
WORD = re.compile(r"[^\W_]+")
_ELIDED = ("qu", "l", "d", "s", "n", "j", "m", "c", "t")
_VOWELS = frozenset("aeiouyh")
_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# Signs without a width: hyphens of a line that is long gone, joiners, marks of direction.
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def normal(text: str) -> str:
    """NFC, without control characters and lone surrogates, which part words, and invisible ones."""
    if not text.replace("\n", "").isprintable():
        text = _INVISIBLE.sub("", _UNSAFE.sub(" ", text))
    return nfc(text)


# Letters of Latin alphabets that accents do not explain, as Tantivy's own folding has them.
_LETTERS = {"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th"}
_LETTERS |= {"ħ": "h", "ı": "i", "ŋ": "n", "ŧ": "t", "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl"}


def fold_word(word: str) -> str:
    """A word in lower case without accents, as the index has it; œ and æ become two letters."""
    return _remembered(word) if len(word) <= _LONGEST_REMEMBERED else _folded(word)


@lru_cache(maxsize=65_536)
def _remembered(word: str) -> str:
    return _folded(word)


def _folded(word: str) -> str:
    word = word.lower()
    if word.isascii():
        return word
    return "".join(map(_fold_letter, nfc(word)))


def _fold_letter(letter: str) -> str:
    base = nfd(letter)[0]
    folded = _LETTERS.get(base, base)
    if folded.isascii():
        return folded
    return "" if unicodedata.combining(letter) else letter  # й is no и with an accent


def words_of(text: str) -> list[str]:
    """The folded surface words of a text, in order."""
    return [fold_word(word) for word in WORD.findall(normal(text))]


def whole(words: Iterable[str]) -> str:
    """A title as one term: its words, whatever stands between them."""
    return " ".join(words)[:_LONGEST_WHOLE]


def codes_of(text: str) -> list[str]:
    """The codes, versions, paths and identifiers of a text, folded, each once."""
    return list(dict.fromkeys(code for _, _, code in code_spans(text)))


def code_spans(text: str) -> Iterator[tuple[int, int, str]]:
    """The same, each where it begins and ends, as often as it stands there."""
    end = 0
    for sign in _CODE_SIGN.finditer(text):  # few words have one: looking at those alone is fast
        start = sign.start()
        if start < end:
            continue
        while start > end and not text[start - 1].isspace():
            start -= 1
        end = _CHUNK.match(text, start).end()  # type: ignore[union-attr]
        for place, code in _codes_in(text[start:end]):
            yield start + place, start + place + len(code), fold_word(code)


def codes_in(chunk: str) -> list[str]:
    """The codes of what stands between two spaces, folded."""
    if not _CODE_SIGN.search(chunk):
        return []
    return [fold_word(code) for _, code in _codes_in(chunk)]


def _codes_in(chunk: str) -> Iterator[tuple[int, str]]:
    chunk = chunk.rstrip(".:,;)")[:_LONGEST_CHUNK]
    if chunk.isdecimal():
        return
    for run in _RUN.finditer(chunk):
        code = run[0]
        if not _DIGIT.search(code):
            for name in _NAME.finditer(code):
                if _JOINED.search(name[0]):
                    yield run.start() + name.start(), name[0][:_LONGEST_CODE]
        elif _JOINED.search(code):
            yield run.start(), code[:_LONGEST_CODE]
        elif not code.strip("_").isdecimal():
            code = code.lstrip("_")
            yield run.end() - len(code), code[:_LONGEST_CODE]


def detect_language(text: str) -> str:
    """`fr` or `en`, by the small words that only one of them has; French when in doubt."""
    sample = words_of(text[:4000])
    french = sum(word in _ONLY_FRENCH for word in sample)
    english = sum(word in _ONLY_ENGLISH for word in sample)
    return "en" if english > french else "fr"


_ONLY_FRENCH = STOP_WORDS["fr"] - STOP_WORDS["en"] | {"bonjour", "bonsoir", "merci", "svp"}
_ONLY_ENGLISH = STOP_WORDS["en"] - STOP_WORDS["fr"] | {"hello", "hi", "please", "thank", "thanks"}


def unglue(word: str, is_known: Callable[[str], bool]) -> str | None:
    """`lemployeur` -> `employeur`: an unknown word that hides an elision before a known one."""
    for elided in _ELIDED:
        rest = word[len(elided) :]
        if word.startswith(elided) and len(rest) > 2 and rest[0] in _VOWELS and is_known(rest):
            return rest
    return None


_PREFIXES = """
re r de des in im il ir pre sur sous co auto anti multi inter non un dis mis over under
"""


def derived_from(word: str, is_known: Callable[[str], bool]) -> str | None:
    """`reimprimer` -> `imprimer`: a right word nobody used yet, made of a known one."""
    for prefix in _PREFIXES.split():
        rest = word[len(prefix) :]
        if word.startswith(prefix) and len(rest) >= _SHORTEST_BASE and is_known(rest):
            return rest
    return None


def parted(word: str, is_known: Callable[[str], bool], most: int = 4) -> list[str] | None:
    """`motdepasse` -> `mot`, `de`, `passe`: words nobody joins, in as few parts as may be."""
    if is_known(word):
        return [word]
    for end in range(len(word) - 2, 1, -1) if most > 1 else ():
        if is_known(word[:end]) and (rest := parted(word[end:], is_known, most - 1)):
            return [word[:end], *rest]
    return None


def singular(word: str) -> str:
    """A folded word without its plural's s or x: enough to compare words of a list."""
    return word[:-1] if len(word) > 3 and word[-1] in "sx" and word[-2] != "s" else word


Phrase = tuple[str, ...]  # folded words


@dataclass(frozen=True)
class Synonyms:
    """Groups of interchangeable words or phrases."""

    groups: tuple[tuple[Phrase, ...], ...] = ()
    names: Mapping[Phrase, str] = field(default_factory=dict)  # each as its editor wrote it

    def others(self, words: Iterable[str]) -> tuple[Phrase, ...]:
        """What the phrases of a text may also be called."""
        singulars = [singular(word) for word in words]
        synonyms: dict[Phrase, None] = {}
        for position, word in enumerate(singulars):
            for phrase, group in self._by_first_word.get(word, ()):
                if tuple(singulars[position : position + len(phrase)]) == phrase:
                    synonyms |= {
                        synonym: None
                        for synonym in group
                        if tuple(map(singular, synonym)) != phrase
                    }
        return tuple(synonyms)

    @cached_property
    def _by_first_word(self) -> dict[str, list[tuple[Phrase, tuple[Phrase, ...]]]]:
        index: dict[str, list[tuple[Phrase, tuple[Phrase, ...]]]] = {}
        for group in self.groups:
            for phrase in group:
                plain = tuple(map(singular, phrase))
                index.setdefault(plain[0], []).append((plain, group))
        return index

    def has(self, word: str) -> bool:
        """Whether a word stands in a group: it is known, though no page may have it."""
        return singular(word) in self._vocabulary

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        return frozenset(singular(word) for group in self.groups for ph in group for word in ph)


def synonyms_of(text: str) -> Synonyms:
    """Read `content/synonyms.txt`: a group a line, comma-separated; # begins a comment."""
    groups = []
    names: dict[Phrase, str] = {}
    for line in text.splitlines():
        parts = [part.strip() for part in line.partition("#")[0].split(",")]
        phrases: dict[Phrase, str] = {}
        for part in parts:
            phrases.setdefault(tuple(words_of(part)), part)
        phrases.pop((), None)
        if len(phrases) > 1:
            groups.append(tuple(phrases))
            names |= phrases
    return Synonyms(tuple(groups), names)
