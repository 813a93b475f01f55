"""Words nobody wrote, and the word that was probably meant.

Corrections are of surface words against the words of pages the viewer's kind may read; fuzzy
queries on stems recover far less and cost more (measured, SymSpell's distances kept).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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


def write_words(folder: Path, pages: Iterable[Page]) -> None:
    """Keep the words of some pages beside their index."""
    counts: dict[str, list[int]] = {}
    forms: dict[str, dict[str, int]] = {}
    for page in pages:
        public, shared = EVERYONE in page.readers, CUSTOMERS in page.readers
        text = "\n".join((page.title, *(passage.text for passage in page.passages)))
        for spelling in {word.lower() for word in WORD.findall(normal(text))}:
            folded = fold_word(spelling)
            if len(folded) >= SHORTEST and not any(letter.isdigit() for letter in folded):
                count = counts.setdefault(folded, [0, 0, 0])
                count[0] += public
                count[1] += public or shared
                count[2] += 1
                form = forms.setdefault(folded, {})
                form[spelling] = form.get(spelling, 0) + 1
    lines = (
        "\t".join((folded, max(forms[folded], key=lambda form: forms[folded][form]), *map(str, n)))
        for folded, n in sorted(counts.items())
    )
    (folder / FILE).write_text("\n".join(lines), encoding="utf-8")


def read_words(folder: Path) -> list[Word]:
    """The words kept beside an index."""
    rows = (line.split("\t") for line in (folder / FILE).read_text("utf-8").splitlines())
    return [Word(folded, spelling, int(a), int(b), int(c)) for folded, spelling, a, b, c in rows]


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
