"""What agents' clicks on past cases teach: how a ranking of cases is put in order again.

A confirmed pair solves the same problem: the case rises where its companion is like the question
too, and sinks where it is not. What was confirmed for nearly the same question comes up with it,
what was rejected for it goes down. Each agent counts once a case, so that none can steer it
alone beyond what one click may do. Measured on duplicates split in time, as all that ranks.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from kbsearch.search.fulltext.documents import Click

COMPANION = 0.1  # how far a companion moves a case
COMPANION_EXPECTED = 0.8  # of the case's own score: a companion that scores less lets it sink
NEARLY_THE_SAME = 0.3  # shared part of the words of two questions, by their weight
VOTE = 0.5
MOST_VOTES = 3  # that count for a case
MOST_ASKED = 50  # requests like the question whose clicks are looked at

Scores = Mapping[int, float]
Clicks = Callable[[Collection[int]], Sequence[Click]]  # those that touch some numbers


def no_clicks(numbers: Collection[int]) -> Sequence[Click]:
    """What is known where agents have said nothing yet."""
    return ()


def reordered(
    scores: Scores, clicks: Sequence[Click], nearness: Callable[[int], float], ticket: int | None
) -> list[tuple[int, float]]:
    """Cases by their numbers, best first, by score and by what agents said.

    `scores` are those of all requests like the question, `nearness` tells how much of the words a
    request that was asked shares with it; `ticket` is the question's own number.
    """
    best = max(scores.values(), default=0.0)
    if not best:
        return []
    own = {number: score / best for number, score in scores.items()}
    lifted = _by_companions(own, clicks, ticket)
    like_it = sorted(own, key=lambda number: own[number], reverse=True)[:MOST_ASKED]
    for number, vote in _votes(clicks, set(like_it), nearness, ticket).items():
        lifted[number] = lifted.get(number, 0.0) + VOTE * vote
    ranked = [(number, score * best) for number, score in lifted.items()]
    return sorted(ranked, key=lambda case: (-case[1], case[0]))


def _by_companions(own: Scores, clicks: Sequence[Click], ticket: int | None) -> dict[int, float]:
    companions: dict[int, set[int]] = defaultdict(set)
    for click in clicks:
        if click.is_confirmed and ticket not in (click.ticket, click.case):
            companions[click.ticket].add(click.case)
            companions[click.case].add(click.ticket)
    lifted = dict(own)
    for number in own:
        if companions[number]:
            nearest = max(own.get(companion, 0.0) for companion in companions[number])
            lifted[number] += COMPANION * (nearest - COMPANION_EXPECTED * own[number])
    return lifted


def _votes(
    clicks: Sequence[Click],
    like_it: Collection[int],
    nearness: Callable[[int], float],
    ticket: int | None,
) -> dict[int, float]:
    """For each case what the agents' clicks say, by how near they were given: one vote each."""
    near = {click.ticket: 0.0 for click in clicks}
    near |= {number: nearness(number) for number in near if number in like_it}
    if ticket is not None:
        near[ticket] = 1.0
    by_case: dict[tuple[int, bool], dict[str, float]] = defaultdict(dict)
    for click in clicks:
        if near[click.ticket] >= NEARLY_THE_SAME and click.case != ticket:
            by_agent = by_case[click.case, click.is_confirmed]
            by_agent[click.person] = max(by_agent.get(click.person, 0.0), near[click.ticket])
    votes: dict[int, float] = defaultdict(float)
    for (case, is_confirmed), by_agent in by_case.items():
        weight = sum(sorted(by_agent.values(), reverse=True)[:MOST_VOTES])
        votes[case] += weight if is_confirmed else -weight
    return votes
