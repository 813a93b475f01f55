"""Confirmed wordings: pages rise for words like those that people confirmed them for.

Wordings are kept beside the pages, never in their text. Of the first 50 pages of a question, a
page rises by the sum of its three nearest wordings. One voice counts once a page: a person of the
staff, or a whole organisation, so that nobody steers alone; customers count from two voices on.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache

from kbsearch.search.fulltext import engine
from kbsearch.search.fulltext.documents import Taught

NEARLY_THE_SAME = 0.34  # shared part of the words of two texts, by their rarity
VOTE = 0.35  # more costs questions whose wordings are like those of others
MOST_VOICES = 3  # that count for a page
FEWEST_VOICES = 2  # of customers, before they count
MOST_REMEMBERED = 2_000  # texts; the next key pressed often adds no known word
DEPTH = 50  # pages that may change places

Weigh = Callable[[str], float]


class Wordings:
    """The confirmed wordings of one language, by their stems."""

    def __init__(self, taught: Iterable[Taught], language: str) -> None:
        self._by_stems: dict[frozenset[str], set[tuple[str, str, bool]]] = defaultdict(set)
        for lesson in taught:
            if lesson.language == language and (stems := _stems(lesson.wording, language)):
                self._by_stems[stems].add((lesson.path, lesson.voice, lesson.is_staff))
        self._wordings = list(self._by_stems)
        self._having: dict[str, list[int]] = defaultdict(list)
        for place, stems in enumerate(self._wordings):
            for stem in stems:
                self._having[stem].append(place)
        self._remembered = lru_cache(maxsize=MOST_REMEMBERED)(self._votes)
        self._weighed: tuple[Weigh, list[float]] | None = None

    def votes(self, text_stems: Collection[str], weigh: Weigh) -> Mapping[str, float]:
        """By page, how much was confirmed for words like these."""
        return self._remembered(frozenset(text_stems), weigh) if self._by_stems else {}

    def _votes(self, text_stems: frozenset[str], weigh: Weigh) -> dict[str, float]:
        near = self._near(text_stems, weigh)
        if not near:
            return {}
        by_path: dict[str, dict[tuple[str, bool], float]] = defaultdict(dict)
        for stems, nearness in near.items():
            for path, voice, is_staff in self._by_stems[stems]:
                voices = by_path[path]
                voices[voice, is_staff] = max(voices.get((voice, is_staff), 0.0), nearness)
        return {
            path: sum(sorted(voices.values(), reverse=True)[:MOST_VOICES])
            for path, voices in by_path.items()
            if len(voices) >= FEWEST_VOICES or any(is_staff for _, is_staff in voices)
        }

    def _near(self, text_stems: frozenset[str], weigh: Weigh) -> dict[frozenset[str], float]:
        """The wordings that share enough; only those with a rare word of the text can."""
        weights = {stem: weigh(stem) for stem in text_stems}
        in_all = remaining = sum(weights.values())
        sums, having = self._sums(weigh), self._having
        shared: dict[int, float] = {}
        for stem in sorted(weights, key=lambda stem: len(having.get(stem, ()))):
            weight = weights[stem]
            if remaining >= NEARLY_THE_SAME * in_all:
                for place in having.get(stem, ()):
                    shared[place] = shared.get(place, 0.0) + weight
            else:  # what shares only the words left shares too little
                places = having.get(stem, ())
                if places:
                    wordings = self._wordings
                    for place in shared:
                        if stem in wordings[place]:
                            shared[place] += weight
            remaining -= weight
        return {
            self._wordings[place]: share / (in_all + sums[place] - share)
            for place, share in shared.items()
            if share >= NEARLY_THE_SAME * (in_all + sums[place] - share)
        }

    def _sums(self, weigh: Weigh) -> list[float]:
        """The weight of all words of each wording, worked out once an index."""
        if self._weighed is None or self._weighed[0] is not weigh:
            sums = [sum(map(weigh, stems)) for stems in self._wordings]
            self._weighed = weigh, sums
        return self._weighed[1]


def stems_of(text: str, language: str) -> frozenset[str]:
    """The words of a text as wordings are compared."""
    return frozenset(engine.stems(text, language))


_stems = lru_cache(maxsize=100_000)(stems_of)  # wordings are read anew whenever one is added


def reordered(
    scores: Sequence[float], paths: Sequence[str], votes: Mapping[str, float], exact: float
) -> list[tuple[int, float]]:
    """Positions of pages with their new scores, best first; exact codes stay before the rest."""
    best = max((score for score in scores if score < exact), default=0.0)
    lifted = [
        (place, score + VOTE * votes.get(path, 0.0) * (best or 1.0))
        if score < exact
        else (place, score + votes.get(path, 0.0))
        for place, (score, path) in enumerate(zip(scores, paths, strict=True))
    ]
    return sorted(lifted, key=lambda page: (scores[page[0]] < exact, -page[1], page[0]))
