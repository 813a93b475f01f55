"""Looking whether everything holds that must: daily what costs little, the rest now and then."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Literal

from tests.kit.year.books import Books
from tests.kit.year.play import Year
from tests.kit.year.records import Letter

Often = Literal["daily", "now and then", "at the end"]
Invariant = Callable[["Inspection"], Iterator[str]]
INVARIANTS: dict[Often, list[Invariant]] = {"daily": [], "now and then": [], "at the end": []}


def holds(often: Often) -> Callable[[Invariant], Invariant]:
    """Mark what must hold: it yields what does not, each in a sentence."""

    def keep(invariant: Invariant) -> Invariant:
        INVARIANTS[often].append(invariant)
        return invariant

    return keep


class Inspection:
    """Somebody who looks, and remembers what they saw."""

    def __init__(self, year: Year) -> None:
        self.year = year
        self.records = year.records
        self.chance = Random(f"what is looked at {year.seed}")
        self.audit: dict[str, str] = {}  # rows of the security log that were there
        self.closed: set[str] = set()  # requests that were
        year.on_letters = self.read

    def look(self, year: Year, often: Often) -> None:
        """Look at all that is looked at so often."""
        self.books = Books(year.books)
        for invariant in INVARIANTS[often]:
            self._check(invariant.__name__, invariant(self))

    def read(self, letters: list[Letter]) -> None:
        """Look at letters at the moment they left."""
        self.books = Books(self.year.books)
        for letter in letters:
            unseen = self.books.forbidden(letter.recipient, letter.words)
            self._check("letters_tell_what_may_be_seen", iter(_of(letter, unseen)))

    def _check(self, name: str, violations: Iterator[str]) -> None:
        for violation in violations:
            self.year.fail(f"{name}: {violation}")


def _of(letter: Letter, words: list[str]) -> list[str]:
    return [f"{letter.recipient} is told {word} in “{letter.subject}”" for word in words]
