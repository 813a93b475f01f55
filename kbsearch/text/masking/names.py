"""People's names: known ones in all their forms, others by what stands around them."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from kbsearch.search.fulltext.text import STOP_WORDS, fold_word
from kbsearch.text.masking.spans import GAP, Span

_UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĪİŁŃŇŐŒŘŚŞŠŢŤŪŮŰŸŹŻŽ"
_LETTER = r"[^\W\d_]"
CAPITALISED = rf"(?:[dDlLO]['’])?[{_UPPER}]{_LETTER}*(?:[-'’]{_LETTER}+)*(?![\w@])"
_SMALL = (
    r"(?:de la|de l['’]|van der|van den|van de|de|du|des|van|von|der|di|da|del|dos|ben|ibn|el|al)"
)
_FULL = rf"{CAPITALISED}(?:{GAP}(?:{_SMALL}{GAP}|d['’])?{CAPITALISED}){{0,3}}"
_NAME = rf"(?:{_SMALL}{GAP})?{_FULL}"
_TITLE = (
    r"(?<![\w.])(?:M\.?|MM\.|Mr\.?|Mrs\.?|Ms\.?|Mme\.?|Mmes|Mlle\.?|Monsieur|Madame|Mademoiselle"
    r"|Docteur|Dr\.?|Pr\.?|Prof\.?|Maître|Miss|Mister|Sir|MADAME|MONSIEUR|MME|MR\.?|mme|mlle|mr"
    rf"|monsieur|madame)(?:{GAP}(?:et|and|&){GAP}(?:M\.|Mr\.?|Mme|Mrs\.?|Monsieur|Madame))?"
)
_TITLED = re.compile(rf"{_TITLE}{GAP}{{1,2}}(?P<it>{_NAME})")
_TITLED_LOWER = re.compile(
    rf"(?<!\w)(?:[Mm]me|[Mm]lle|[Mm]r){GAP}(?P<it>[a-zà-ÿ][a-zà-ÿ'’\-]{{2,}})"
)
_LABELLED = re.compile(
    rf"(?i:(?<![^\W_])(?:nom(?:{GAP}(?:et{GAP}prénom|de{GAP}famille|complet))?|pr[ée]noms?"
    rf"(?:{GAP}et{GAP}nom)?|(?:full|first|last|family|given)?{GAP}?name|surname|contact|demandeur"
    r"|demandeuse|requester|interlocut(?:eur|rice)|signataire|destinataire|titulaire|patiente?"
    rf"|salariée?|employée?|employee|bénéficiaire|collaborat(?:eur|rice)|client)){GAP}?[:=]{GAP}*"
    rf"(?P<it>{_NAME})"
)
_LABELLED_LOWER = re.compile(
    rf"(?i:(?<!\w)(?:pr[ée]nom|nom{GAP}de{GAP}famille|first{GAP}name|last{GAP}name|surname))"
    rf"{GAP}?[:=]{GAP}*(?P<it>[a-zà-ÿ][a-zà-ÿ'’\-]{{1,}})"
)
_INTRODUCED = re.compile(
    r"(?i:(?<!\w)(?:je m['’]appelle|je me (?:nomme|prénomme)|my name(?: is|['’]s)"
    r"|(?:s['’]appelle|nommée?|named|prénommée?)))"
    rf"{GAP}(?P<it>{_NAME})"
)
_WITH_TWO = re.compile(
    r"(?i:(?<!\w)(?:je suis|c['’]est|ici|i am|i['’]m|this is|de la part de|on behalf of"
    r"|à l['’]attention de|attn\.?|avec|with|by|par|from|chez|pour|for|ask|contact(?:er|ez)?))"
    rf"{GAP}:?{GAP}?(?P<it>{CAPITALISED}{GAP}(?:{_SMALL}{GAP})?{CAPITALISED})"
)
_COLLEAGUE = re.compile(
    r"(?i:(?<!\w)(?:collègues?|colleagues?|assistante?|secrétaire|secretary|comptable|accountant"
    r"|stagiaire|intern|boss|patron|patronne|directeur|directrice|gérante?|fiston|épouse|mari"
    r"|wife|husband))"
    rf"(?:{GAP}?,)?{GAP}(?P<it>{_NAME})"
)
_GREETED = re.compile(
    r"(?i:(?:^|(?<=[.!?]\s))[ \t>*]*(?:bonjour|bonsoir|salut|coucou|hello|hi|hey|dear|cher|chère"
    r"|chers|good (?:morning|afternoon|evening)|merci|thanks|thank you))"
    rf"{GAP}?,?{GAP}(?P<it>{CAPITALISED}(?:{GAP}{CAPITALISED})?)(?={GAP}?(?:[,!.:;]|\n|$))",
    re.MULTILINE,
)
_CLOSING = (
    r"(?:(?:bien |très )?(?:cordialement|sincèrement|amicalement)|cdlt|bien à (?:vous|toi)"
    r"|(?:mes |sincères |meilleures )?salutations(?: distinguées)?|respectueusement"
    r"|bonne (?:journée|soirée|réception)|à bientôt|merci(?: (?:d['’]avance|beaucoup|à vous))?"
    r"|(?:(?:best|kind|warm|kindest|many) )?(?:regards|wishes|thanks)|sincerely|cheers|best"
    r"|thank you|thx|yours (?:sincerely|faithfully|truly)|sincerely yours|respectfully"
    r"|all the best)"
)
_SIGNED = re.compile(
    rf"^[ \t>]*(?i:{_CLOSING})[ \t]*[,.!–-]*[ \t]*(?:\n[ \t>]*){{0,3}}(?:--?[ \t]*\n?[ \t]*)?"
    rf"(?P<it>{_NAME})(?=[ \t]*(?:$|[,|/(–.-]))",
    re.MULTILINE,
)
_SIGNED_LOWER = re.compile(
    r"^[ \t>]*(?i:(?:bien )?cordialement|cdlt|regards|cheers|best regards|kind regards)[ \t]*[,.!]*"
    r"[ \t]*(?:\n[ \t>]*){1,3}(?P<it>[a-zà-ÿ\-]{2,20}(?:[ ][a-zà-ÿ\-]{2,20})?)[ \t]*$",
    re.MULTILINE,
)
_INITIALS = re.compile(
    rf"(?<![\w.])(?P<it>[{_UPPER}]\.(?:[ -]?[{_UPPER}]\.)?{GAP}?(?P<last>{CAPITALISED}))"
)
_RUN = re.compile(rf"(?<![\w@.'’\-/\\]){_FULL}")
_TOKENS = re.compile(CAPITALISED)
_WORD = re.compile(rf"{_LETTER}+")
_BETWEEN = re.compile(r"[\s.,_'’\-]{1,3}")  # the words of a name
_JOINS = re.compile(rf"{GAP}|[-'’]")  # its parts
_POSSESSIVE = re.compile(r"['’]s$")
_MIN_KNOWN = 3
_PARTICLES = {
    "al",
    "ben",
    "da",
    "de",
    "del",
    "des",
    "di",
    "du",
    "el",
    "la",
    "le",
    "les",
    "van",
    "von",
}

SpannedWord = tuple[str, int, int]


class KnownNames:
    """People's names as they are known, found as they are written: whole, in part, reversed."""

    def __init__(self, names: Iterable[str]) -> None:
        self._whole: set[tuple[str, ...]] = set()
        self._parts: set[str] = set()
        self._logins: set[str] = set()
        for name in names:
            words = tuple(fold_word(word) for word in _WORD.findall(name))
            if len(words) > 1:
                first, last = words[0], "".join(words[1:])
                self._whole |= {words, words[1:] + words[:1], words[-1:] + words[:-1]}
                self._logins |= {f"{first[0]}{last}", f"{first}{last}", f"{last}{first[0]}"}
            self._parts |= {word for word in words if len(word) >= _MIN_KNOWN}

    def find(self, text: str) -> Iterator[Span]:
        """Whole names in any case; parts of one with a capital, for they may be words too."""
        words = [
            (fold_word(match[0]), match.start(), match.end()) for match in _WORD.finditer(text)
        ]
        position = 0
        while position < len(words):
            length = self._length(text, words, position)
            if length:
                yield words[position][1], words[position + length - 1][2]
            position += length or 1

    def _length(self, text: str, words: list[tuple[str, int, int]], position: int) -> int:
        """How many of the words from there on are a name."""
        for length in range(min(5, len(words) - position), 1, -1):
            run = words[position : position + length]
            gaps = [text[a[2] : b[1]] for a, b in zip(run, run[1:], strict=False)]
            if tuple(word for word, _, _ in run) in self._whole and all(
                _BETWEEN.fullmatch(gap) for gap in gaps
            ):
                return length
        word, start, end = words[position]
        if word in self._logins and len(word) > 4:
            return 1
        is_capital = text[start].isupper()
        if word not in self._parts or not is_capital:
            return 0
        length = 1
        while position + length < len(words):  # Marie Lefèvre-Dupont: the rest of the same name
            following, begin, _ = words[position + length]
            gap = text[words[position + length - 1][2] : begin]
            if following not in self._parts or not _JOINS.fullmatch(gap):
                break
            length += 1
        return length


def find(text: str) -> Iterator[Span]:
    """Names by a title, a greeting, a signature, a label, or a first name among them."""
    for pattern in (_TITLED, _LABELLED, _INTRODUCED, _GREETED, _SIGNED, _COLLEAGUE):
        for match in pattern.finditer(text):
            yield from _trimmed(text, *match.span("it"))
    for pattern in (_TITLED_LOWER, _LABELLED_LOWER, _SIGNED_LOWER):
        for match in pattern.finditer(text):
            if not any(is_ordinary(word) for word in match["it"].split()):
                yield match.span("it")
    for match in _INITIALS.finditer(text):
        if fold_word(match["last"]) in _surnames() or match["last"].isupper():
            yield match.span("it")
    for match in _RUN.finditer(text):
        yield from _with_first_name(text, match.start(), match.end())
    for match in _WITH_TWO.finditer(text):
        words = match["it"].split()
        if not any(is_ordinary(word) or word.isupper() for word in words):
            yield match.span("it")


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    """A name up to the first word that cannot be part of one."""
    run = [(match[0], *match.span()) for match in _TOKENS.finditer(text, start, end)]
    length = _length_of_name(run, 0)
    if length:
        last = run[length - 1][2]
        yield start, last - (2 if _POSSESSIVE.search(text[start:last]) else 0)


def _length_of_name(run: list[SpannedWord], position: int) -> int:
    """How many words of a run may be of one name, from there on."""
    length = 0
    while position + length < len(run):
        word = run[position + length][0]
        following = run[position + length + 1 : position + length + 2]
        begins = fold_word(word) in _PARTICLES and following and not is_ordinary(following[0][0])
        if is_ordinary(word) and not begins:  # but Le Bihan, La Tour
            break
        length += 1
    return length


def _with_first_name(text: str, start: int, end: int) -> Iterator[Span]:
    """The part of a run of capitalised words that a first name or a family name is in."""
    run = [(match[0], *match.span()) for match in _TOKENS.finditer(text, start, end)]
    position = 0
    while position < len(run):
        word, begin, stop = run[position]
        is_first, is_last = _is_first(word), _is_surname(word)
        before = run[position - 1] if position and not is_ordinary(run[position - 1][0]) else None
        is_after_capitals = before is not None and before[0].isupper() and len(before[0]) > 1
        length = min(3, 1 + _length_of_name(run, position + 1))
        if is_first or is_last or (is_first is None and (length > 1 or is_after_capitals)):
            if before and (is_after_capitals or is_last):
                begin = before[1]
            stop = run[position + length - 1][2]
            yield begin, stop - (2 if _POSSESSIVE.search(text[begin:stop]) else 0)
        else:
            length = 1
        position += length


def is_ordinary(token: str) -> bool:
    """Whether a capitalised word is one of a language, product or screen, and no name."""
    folded = fold_word(_POSSESSIVE.sub("", token))
    return folded in _no_names() or folded in STOP_WORDS["fr"] or folded in STOP_WORDS["en"]


def _is_first(token: str) -> bool | None:
    """Whether it is a first name; None for those that are words as well."""
    folded = fold_word(_POSSESSIVE.sub("", token))
    sure, also_words = _first_names()
    parts = folded.split("-")
    if folded in sure or (len(parts) > 1 and parts[0] in sure | also_words):
        return True
    return None if folded in also_words else False


def _is_surname(token: str) -> bool:
    folded = fold_word(_POSSESSIVE.sub("", token))
    return folded in _surnames() or any(part in _surnames() for part in folded.split("-")[1:])


@cache
def _first_names() -> tuple[frozenset[str], frozenset[str]]:
    """First names that are nothing else, and those that are words too."""
    lines = _lines("first_names.txt")
    also = frozenset(word for line in lines if line.startswith("?") for word in line[1:].split())
    return frozenset(word for line in lines if line[0] != "?" for word in line.split()), also


@cache
def _surnames() -> frozenset[str]:
    """Family names that are no words."""
    return frozenset(word for line in _lines("surnames.txt") for word in line.split())


@cache
def _no_names() -> frozenset[str]:
    return frozenset(word for line in _lines("no_names.txt") for word in line.split())


def _lines(name: str) -> list[str]:
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and line[0] != "#"]
