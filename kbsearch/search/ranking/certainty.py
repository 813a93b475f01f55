"""From which score on the first page of a question is the answer, on this site.

It differs from site to site: it is measured on what people confirmed here, and where that is too
little to tell, no score is enough.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby

from kbsearch.access import OPERATOR
from kbsearch.articles import live_publication
from kbsearch.database import Database, site_state
from kbsearch.search import Question
from kbsearch.search.fulltext.scores import EXACT
from kbsearch.search.learning import lessons
from kbsearch.search.ranking import Search
from kbsearch.search.ranking.known import CERTAIN_FROM

MEASURED_ON = "certain_measured_on"  # in the state of the site, as the score is
RIGHT = 0.95  # share of the first pages, from the score on
FEWEST = 40  # wordings that tell
MOST = 2_000  # the newest wordings


def measure(db: Database, search: Search) -> bool:
    """Find from which score on the first page is right here; whether there was anything new."""
    now_on = f"{live_publication(db)} {lessons.revision(db)}"
    if site_state.read(db, MEASURED_ON) == now_on:
        return False
    least = _least_certain(_tried(db, search))
    site_state.write(db, CERTAIN_FROM, "" if least is None else str(least))
    site_state.write(db, MEASURED_ON, now_on)
    return True


def _tried(db: Database, search: Search) -> list[tuple[float, bool]]:
    """The score of the first page for each confirmed wording, learnt from nothing, and if right."""
    right: dict[tuple[str, str], set[str]] = defaultdict(set)
    for lesson in lessons.active(db):
        right[lesson.language, lesson.wording].add(lesson.path)
    tried = []
    for (language, wording), paths in list(right.items())[-MOST:]:
        question = Question(wording, language=language, kind="article", limit=1)
        ranked = search.rank(OPERATOR, question, wordings={})
        if ranked and ranked[0][1] < EXACT:
            tried.append((ranked[0][1], ranked[0][0] in paths))
    return tried


def _least_certain(tried: Iterable[tuple[float, bool]]) -> float | None:
    """The least score from which on enough are right, of enough; those that tie go together."""
    least, count, right = None, 0, 0
    for score, those in groupby(sorted(tried, reverse=True), key=lambda first: first[0]):
        are_right = [is_right for _, is_right in those]
        count, right = count + len(are_right), right + sum(are_right)
        if count >= FEWEST and right >= RIGHT * count:
            least = score
    return least
