"""Words nobody wrote, and the word that was probably meant.

Corrections are of surface words against the words of pages the viewer's kind may read; fuzzy
queries on stems recover far less and cost more (measured, SymSpell's distances kept).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import OSA

from kbsearch.access import AGENTS, CUSTOMERS, EVERYONE, WRITERS
from kbsearch.search.fulltext.documents import Page
from kbsearch.search.fulltext.text import WORD, fold_word, normal

SHORTEST = 4  # letters; shorter words have too many neighbours
LONG = 8  # letters from which two mistakes are allowed
MOST_CANDIDATES = 3
FILE = "words.tsv"


@dataclass(frozen=True)
class Word:
    """A folded word, how it is written most often, and how many pages each kind may read it in."""

    folded: str
    spelling: str
    everyone: int
    customers: int
    staff: int


@dataclass
class _Tally:
    """How often a word stands in some pages: for each kind of readers, and in each spelling."""

    readers: list[int] = field(default_factory=lambda: [0, 0, 0])
    spellings: Counter[str] = field(default_factory=Counter)

    def add(self, spelling: str, readers: Sequence[str], sign: int) -> None:
        is_public = EVERYONE in readers
        for place, counts in enumerate((is_public, is_public or CUSTOMERS in readers, True)):
            self.readers[place] += sign * counts
        self.spellings[spelling] += sign

    def line(self, folded: str) -> str:
        """The word as it is kept: its commonest spelling first."""
        spellings = sorted(self.spellings.items(), key=lambda pair: (-pair[1], pair[0]))
        written = " ".join(f"{spelling} {count}" for spelling, count in spellings)
        return "\t".join((folded, *map(str, self.readers), written))


def write_words(folder: Path, pages: Iterable[Page]) -> None:
    """Keep the words of some pages beside their index."""
    tallies: dict[str, _Tally] = {}
    _count(tallies, pages, 1)
    lines = (tally.line(folded) for folded, tally in sorted(tallies.items()))
    (folder / FILE).write_text("\n".join(lines), encoding="utf-8")


def amend_words(folder: Path, base: Path, gone: Iterable[Page], come: Iterable[Page]) -> None:
    """Keep the words of another index, without those of some of its pages, with those of others."""
    changes: dict[str, _Tally] = {}
    _count(changes, gone, -1)
    _count(changes, come, 1)
    lines: dict[str, str] = {}
    for line in (base / FILE).read_text("utf-8").splitlines():
        folded = line.partition("\t")[0]
        lines[folded] = line
        if folded in changes:
            _, everyone, customers, staff, written = line.split("\t")
            tally, pairs = changes[folded], written.split(" ")
            for place, count in enumerate((everyone, customers, staff)):
                tally.readers[place] += int(count)
            for spelling, count in zip(pairs[::2], pairs[1::2], strict=True):
                tally.spellings[spelling] += int(count)
    for folded, tally in changes.items():
        tally.spellings = +tally.spellings
        lines[folded] = tally.line(folded)
        if not tally.spellings:
            del lines[folded]
    (folder / FILE).write_text("\n".join(lines[word] for word in sorted(lines)), encoding="utf-8")


def _count(tallies: dict[str, _Tally], pages: Iterable[Page], sign: int) -> None:
    for page in pages:
        passages = (passage.text for passage in page.passages)
        text = "\n".join((page.title, *page.phrases, *passages))
        for spelling in {word.lower() for word in WORD.findall(normal(text))}:
            folded = fold_word(spelling)
            if len(folded) >= SHORTEST and not any(letter.isdigit() for letter in folded):
                tallies.setdefault(folded, _Tally()).add(spelling, page.readers, sign)


def read_words(folder: Path) -> list[Word]:
    """The words kept beside an index."""
    rows = (line.split("\t") for line in (folder / FILE).read_text("utf-8").splitlines())
    return [
        Word(folded, written.partition(" ")[0], int(a), int(b), int(c))
        for folded, a, b, c, written in rows
    ]


class Corrector:
    """Corrects words as one kind of viewer may be told: nothing from pages he may not read."""

    def __init__(self, words: Sequence[Word], principals: Sequence[str]) -> None:
        def count(word: Word) -> int:
            if AGENTS in principals or WRITERS in principals:
                return word.staff
            return word.customers if CUSTOMERS in principals else word.everyone

        self._count = {word.folded: n for word in words if (n := count(word))}
        self._written = {word.folded: word.spelling for word in words if word.folded in self._count}
        self._words = list(self._count)

    def candidates(self, word: str, more: Sequence[tuple[str, int]] = ()) -> list[str]:
        """The words an unknown one may stand for, nearest and commonest first; at most three.

        `more` are further words with their counts, for those who may know of them.
        """
        if len(word) < SHORTEST or any(letter.isdigit() for letter in word):
            return []
        counts = dict(more) | self._count
        near = process.extract(
            word,
            [*self._words, *(candidate for candidate, _ in more)],
            scorer=OSA.distance,
            score_cutoff=2 if len(word) >= LONG else 1,
            limit=20,
        )
        near.sort(key=lambda hit: (hit[1], hit[0][0] != word[0], -counts[hit[0]]))
        return list(dict.fromkeys(hit[0] for hit in near))[:MOST_CANDIDATES]

    def written(self, word: str) -> str:
        """A folded word as it is written most often."""
        return self._written.get(word, word)
