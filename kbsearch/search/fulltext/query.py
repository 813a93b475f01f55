"""What a typed text means, whatever the engine: its words, and the one still being typed."""

from dataclasses import dataclass

from kbsearch.search.fulltext.text import WORD, Phrase, Synonyms, normal, words_of

# What people paste goes up to 100 kB; beyond this nothing new is learnt about what they mean.
LONGEST_TEXT = 4_000
MOST_TERMS = 24  # of a long text, the rarest
SHORTEST_PREFIX = 2
NO_SYNONYMS = Synonyms()
MOST_COMPLETIONS = 8


@dataclass(frozen=True)
class Terms:
    """A text to look for: normal form, folded words in order, the word not yet finished."""

    text: str
    words: tuple[str, ...]
    unfinished: str | None
    also: tuple[Phrase, ...] = ()  # what its phrases may be called too


def understand(text: str, synonyms: Synonyms = NO_SYNONYMS) -> Terms:
    """Read a typed or pasted text; anything is acceptable, nothing raises."""
    clean = normal(text[:LONGEST_TEXT])
    words = tuple(words_of(clean))
    is_open = bool(words) and bool(WORD.match(clean[-1:])) and len(words[-1]) >= SHORTEST_PREFIX
    return Terms(clean, words, words[-1] if is_open else None, synonyms.others(words))
