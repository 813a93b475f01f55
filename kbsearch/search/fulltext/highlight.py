"""Where a text matches, its best piece, and that piece as safe HTML with <mark>."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from markupsafe import Markup, escape

from kbsearch.search.fulltext.forms import HEXADECIMAL, PLURALS, UNPARTED, singular_of
from kbsearch.search.fulltext.query import MOST_TERMS, Terms
from kbsearch.search.fulltext.text import WORD, fold_word

SNIPPET_LENGTH = 180  # characters
_LEAD = 40  # characters kept before the first match
_WINDOW = SNIPPET_LENGTH - _LEAD
_PLAIN = dict(zip("àâäáãåçéèêëîïíìñôöóòõûüúùÿý", "aaaaaaceeeeiiiinooooouuuuyy", strict=True))
_BLANKS = re.compile(r"[ \t\r\n]+")  # not the no-break spaces of French punctuation
_OPEN, _CLOSE = "\x02", "\x03"  # texts are indexed without control characters
_MOST_MATCHES = 80  # of one term in one text
_JOINTS = "-'’_"  # what may stand between the parts of a word
SHORTEST_PARTED = 4  # letters of a word that may be written in parts


def flat(text: str) -> str:
    """Lower case without accents, every character where it was (full folding moves some)."""
    lower = text.lower()
    if len(lower) != len(text):  # one letter of Turkish becomes two
        lower = "".join(letter.lower()[0] for letter in text)
    for accented, plain in _PLAIN.items():  # eight times as fast as a table of `translate`
        if accented in lower:
            lower = lower.replace(accented, plain)
    return lower


def as_written(code: str, text: str) -> str:
    """A folded code as a text has it."""
    start = flat(text).find(code)
    return text[start : start + len(code)] if start >= 0 else code


class Match(NamedTuple):
    """A stretch of the text that matches, and what it stands for (a stem, a code, a prefix)."""

    start: int
    end: int
    term: str


@dataclass(frozen=True)
class Spelling:
    """How a key or a word may also be written; a word is looked for so where it is nowhere else."""

    term: str
    signs: str
    is_key: bool

    @property
    def pattern(self) -> re.Pattern[str]:
        """What finds it; made when a text may have it, as it takes longer than most searches."""
        if UNPARTED.match(self.signs):
            return re.compile(self.signs)
        return _spelling(self.signs, r"[\W_]{0,3}" if self.is_key else f"[{_JOINTS}]?")


@lru_cache(maxsize=2_000)
def _spelling(term: str, between: str) -> re.Pattern[str]:
    """The signs of a term with what may stand between any two."""
    first, *signs = filter(_is_written, term)
    rest = "".join(f"{between}{re.escape(sign)}" for sign in signs)
    start = rf"{re.escape(first)}(?<!\w{re.escape(first)})"
    if HEXADECIMAL.fullmatch(term):
        start = rf"(?:0x{re.escape(first)}|{start})"
    return re.compile(rf"{start}{rest}(?!\w)")


def _is_written(sign: str) -> bool:
    return sign.isalnum() or sign in "%€$£°‰"


def spelt(terms: Terms, stem: Callable[[str], str | None]) -> list[Spelling]:
    """The codes, telephones and amounts of a question, and its words as they may be parted."""
    keys = [key.removeprefix("tel:") for key in terms.keys if any(map(_is_written, key))]
    spellings = [Spelling(key, key, True) for key in keys[:MOST_TERMS]]
    for part in terms.parts[:MOST_TERMS]:
        term = stem(part.word)
        if term and UNPARTED.match(part.word):
            spellings.append(Spelling(term, part.word, True))
        elif term and len(part.word) >= SHORTEST_PARTED and part.word.isalpha():
            spellings.append(Spelling(term, part.word, False))
    return spellings


class Highlighter:
    """Finds the terms of one query in texts.

    Words that begin like a term are proposed; the analysis that indexed the text decides, so
    that what is marked is what was found.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        stem: Callable[[str], str | None],
        *,
        spelt: Sequence[Spelling] = (),
        prefix: str | None = None,
    ) -> None:
        self.weights = dict(weights) | {key.term: 10.0 for key in spelt if key.is_key}
        self._stem = stem
        self._prefix = prefix
        if prefix:
            self.weights.setdefault(prefix, 0.7)
        heads = {_head(term) for term in weights} | ({prefix} if prefix else set())
        heads |= {_head(PLURALS[term]) for term in weights if term in PLURALS}
        heads |= {head.replace("oe", "œ") for head in heads}
        self._heads = _without_longer(heads)
        self._spelt = spelt
        self._terms: dict[str, str | None] = {}

    def matches(self, flat_text: str) -> list[Match]:
        """Every match in a text made `flat`, in its order."""
        matches = [
            Match(place.start(), place.end(), key.term)
            for key in self._spelt
            if key.is_key
            for place in islice(key.pattern.finditer(flat_text), _MOST_MATCHES)
        ]
        positions = {position for match in matches for position in range(match.start, match.end)}
        for head in self._heads:
            for start in _starts_of(flat_text, head):
                word = WORD.match(flat_text, start)
                if word is not None and start not in positions:
                    term = self._term(word.group())
                    if term is not None:
                        matches.append(Match(start, word.end(), term))
        return sorted([*matches, *self._parted(flat_text, {match.term for match in matches})])

    def _parted(self, flat_text: str, met: Collection[str]) -> Iterator[Match]:
        """Words that the text only has in parts: `wifi` as `wi-fi`."""
        words = [word for word in self._spelt if not (word.is_key or word.term in met)]
        whole = _without_joints(flat_text) if words else flat_text
        for word in words:
            if whole.count(word.signs) > flat_text.count(word.signs):
                for place in islice(word.pattern.finditer(flat_text), _MOST_MATCHES):
                    yield Match(place.start(), place.end(), word.term)

    def _term(self, word: str) -> str | None:
        if word not in self._terms:
            folded = fold_word(word)
            stem = self._stem(singular_of(folded))
            if stem in self.weights:
                self._terms[word] = stem
            else:
                is_begun = self._prefix is not None and folded.startswith(self._prefix)
                self._terms[word] = self._prefix if is_begun else None
        return self._terms[word]

    def score(self, matches: Iterable[Match]) -> float:
        """How much of the query some matches cover: each term counts once."""
        return sum(self.weights[term] for term in {match.term for match in matches})

    def snippet(self, text: str, matches: Sequence[Match], *, offset: int = 0) -> Markup:
        """The piece of a text that covers most of the query; `matches` start at `offset`."""
        if offset:
            matches = [Match(m.start - offset, m.end - offset, m.term) for m in matches]
        start = self._best_start(matches, len(text))
        end = start + SNIPPET_LENGTH
        if start > 0:
            start = text.find(" ", start, start + _LEAD) + 1 or start
        if end < len(text):
            end = max(text.rfind(" ", start + SNIPPET_LENGTH // 2, end), start) or end
        return _marked(text, start, min(end, len(text)), matches)

    def _best_start(self, matches: Sequence[Match], length: int) -> int:
        """Where the window begins that covers most: it slides over the matches once."""
        best, best_score, score, right = 0, -1.0, 0.0, 0
        inside: dict[str, int] = {}
        for first in matches:
            while right < len(matches) and matches[right].end <= first.start + _WINDOW:
                term = matches[right].term
                inside[term] = inside.get(term, 0) + 1
                score += self.weights[term] if inside[term] == 1 else 0.0
                right += 1
            if score > best_score + 1e-9:
                best, best_score = first.start, score
            if inside.get(first.term):
                inside[first.term] -= 1
                score -= 0.0 if inside[first.term] else self.weights[first.term]
        return max(0, min(best - _LEAD, length - SNIPPET_LENGTH)) if best > _LEAD else 0


def _without_joints(text: str) -> str:
    for joint in _JOINTS:
        text = text.replace(joint, "")
    return text


def _head(stem: str) -> str:
    """How words of a stem begin; stemming may change a stem's last letters (oublie, oubli)."""
    return stem if len(stem) < 4 else stem[: max(3, len(stem) - 2)]


def _without_longer(heads: Iterable[str]) -> list[str]:
    """Heads of which none begins like another: each word is then proposed once."""
    shortest: list[str] = []
    for head in sorted(heads):
        if head and not (shortest and head.startswith(shortest[-1])):
            shortest.append(head)
    return shortest


def _starts_of(flat_text: str, head: str) -> list[int]:
    """Where words begin with this; `str.find` is far faster than a regular expression here."""
    starts: list[int] = []
    at = flat_text.find(head)
    while at >= 0 and len(starts) < _MOST_MATCHES:
        if at == 0 or not flat_text[at - 1].isalnum():
            starts.append(at)
        at = flat_text.find(head, at + 1)
    return starts


def _marked(text: str, start: int, end: int, matches: Iterable[Match]) -> Markup:
    pieces = ["… " if start > 0 else ""]
    at = start
    for match in matches:
        if match.start >= at and match.end <= end:
            pieces += [text[at : match.start], _OPEN, text[match.start : match.end], _CLOSE]
            at = match.end
    pieces += [text[at:end], " …" if end < len(text) else ""]
    piece = "".join(pieces)
    if any(blanks in piece for blanks in ("\n", "  ", "\t", "\r")):
        piece = _BLANKS.sub(" ", piece)
    escaped = str(escape(piece.strip(" ")))  # once, it is not cheap
    return Markup(escaped.replace(_OPEN, "<mark>").replace(_CLOSE, "</mark>"))
