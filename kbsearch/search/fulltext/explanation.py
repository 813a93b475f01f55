"""Why a document stands where it stands, free of language and engine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScoreShare:
    """What one term of a question brought in one field; 0 where it is only known to be there."""

    field: str
    term: str
    points: float = 0.0


@dataclass(frozen=True)
class Explanation:
    """What a document has of a question, the weightiest first."""

    shares: tuple[ScoreShare, ...]
    keys: tuple[str, ...] = ()  # codes, telephones and amounts that both have
    is_whole_title: bool = False
    is_number: bool = False
    points: float = 0.0  # of all words together
    worth: float = 0.0  # what the words of the question weigh; 0 where that says nothing


def as_typed(shares: Iterable[ScoreShare], spellings: Mapping[str, str]) -> tuple[ScoreShare, ...]:
    """Shares with the words of a question for their stems, whatever language a field is in."""
    return tuple(
        ScoreShare(
            share.field.partition("_")[0],
            " ".join(spellings.get(stem, stem) for stem in share.term.split("_")),
            share.points,
        )
        for share in shares
    )
