"""What the database says of the index, kept while nobody writes: keys follow each other fast."""

import math
from collections.abc import Iterable

from kbsearch import tickets
from kbsearch.access import Viewer
from kbsearch.database import Database, site_state
from kbsearch.search.fulltext.scores import EXACT
from kbsearch.search.learning import lessons
from kbsearch.search.ranking.generations import LIVE
from kbsearch.tickets import changes

CERTAIN_FROM = "certain_from"  # in the state of the site: a score, empty where none is certain
CONFIRMED = 0.9  # votes: nearly the same words, for which a colleague or two customers said so
CONFIRMED_AT_ONCE = 200  # tickets
MOST_CONFIRMED = 20_000
MOST_CHANGED = 500  # tickets that an index of a cluster may lag behind


class Snapshot:
    """One version of the database: the indexes in service, and the tickets that may be shown."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.live = site_state.read_all(db, [*LIVE, CERTAIN_FROM])
        measured = self.live.pop(CERTAIN_FROM, "")
        self.certain_from = float(measured) if measured else math.inf
        self.last_revision = changes.last_revision(db)
        self.lessons_revision = lessons.revision(db)
        self._confirmed: dict[tuple[tuple[str, ...], int], bool] = {}

    def is_certain(self, score: float, learnt: float) -> bool:
        """Whether a first page with this comparable score and these votes is the answer.

        What is exact is (a code, a title word for word), and what people confirmed for words like
        these. How many words are enough is measured on what people confirmed here (`certainty`);
        where that is too little to tell, no score is.
        """
        return score >= min(EXACT, self.certain_from) or learnt >= CONFIRMED

    def changed_since(self, revision: int) -> list[int] | None:
        """The numbers of the tickets that changed after a revision; None where they are many."""
        numbers = changes.numbers_changed(self.db, revision, MOST_CHANGED + 1)
        return numbers if len(numbers) <= MOST_CHANGED else None

    def confirm(self, viewer: Viewer, numbers: Iterable[int]) -> set[int]:
        """Those a viewer may read: the index may lag behind a change of access."""
        if len(self._confirmed) > MOST_CONFIRMED:
            self._confirmed.clear()
        candidates = list(numbers)
        answers, principals = self._confirmed, viewer.principals
        new = [number for number in candidates if (principals, number) not in answers]
        for start in range(0, len(new), CONFIRMED_AT_ONCE):
            some = new[start : start + CONFIRMED_AT_ONCE]
            visible = tickets.visible_numbers(self.db, viewer, some)
            answers |= {(principals, number): number in visible for number in some}
        return {number for number in candidates if answers[principals, number]}
