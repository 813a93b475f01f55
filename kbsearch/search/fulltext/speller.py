"""Which words of a question nobody wrote, and the text that was probably meant."""

from collections.abc import Collection, Sequence
from itertools import islice

from kbsearch.access import Viewer
from kbsearch.search.fulltext import corrector
from kbsearch.search.fulltext.query import Terms, understand
from kbsearch.search.fulltext.shelf import Articles
from kbsearch.search.fulltext.text import (
    STOP_WORDS,
    WORD,
    codes_of,
    derived_from,
    fold_word,
    parted,
    unglue,
    words_of,
)
from kbsearch.search.fulltext.ticket_index import TicketIndex

MOST_TRIES = 8  # words of one text
SHORTEST_PARTED, LONGEST_PARTED = 8, 24  # letters of words that may be several
SHORTEST_PART = 3
SMALL_WORDS = STOP_WORDS["fr"] | STOP_WORDS["en"]


class Speller:
    """Corrects questions for one viewer: what is known is what he may read."""

    def __init__(
        self, shelf: Articles, cases: TicketIndex | None, viewer: Viewer, language: str
    ) -> None:
        self._shelf = shelf
        self._cases = cases if viewer.is_signed_in else None
        self._viewer = viewer
        self._language = language

    def correct(self, terms: Terms) -> str | None:
        """The text with unknown words replaced by those probably meant; None to leave it."""
        pieces, at, tries = [], 0, 0
        in_codes = set(words_of(" ".join(codes_of(terms.text))))
        in_codes |= {word for phrase in (*terms.phrases, *terms.excluded) for word in phrase}
        if self._cases is not None and self._cases.view.is_remote:
            self._expect_parts(terms, in_codes)
        for match in WORD.finditer(terms.text):
            word = fold_word(match.group())
            if tries < MOST_TRIES and word not in in_codes and not self._is_fine(word, terms):
                tries += 1  # a stack trace is full of words nobody wrote: each try costs
                replacement = self._meant(word, terms)
                if replacement is not None:
                    pieces += [terms.text[at : match.start()], replacement]
                    at = match.end()
        return "".join((*pieces, terms.text[at:])) if pieces else None

    def unknown(self, text: str) -> frozenset[str]:
        """The words of a text that nothing the viewer may read has, folded."""
        words = set(words_of(text)) - set(words_of(" ".join(codes_of(text))))
        return frozenset(
            word
            for word in words
            if len(word) >= corrector.SHORTEST
            and word not in SMALL_WORDS
            and not self._is_known(word)
            and not self._shelf.synonyms.has(word)
        )

    def _expect_parts(self, terms: Terms, in_codes: Collection[str]) -> None:
        """Ask together what the parts of words are that nobody wrote, then the parts of these."""
        assert self._cases is not None
        words = dict.fromkeys(map(fold_word, WORD.findall(terms.text)))
        strange = (w for w in words if w not in in_codes and not self._is_fine(w, terms))
        doubtful = list(islice(strange, MOST_TRIES))
        initials = [word[0] for word in doubtful] if self._viewer.sees_all_tickets else []
        asked: set[str] = set()
        while doubtful:
            parts = self._parts_to_ask(doubtful, asked)
            if not (parts or initials):
                break
            self._cases.expect_words(parts, self._viewer.principals, initials)
            asked.update(parts)
            initials = []

    def _parts_to_ask(self, words: Sequence[str], asked: Collection[str]) -> list[str]:
        """What parting some words would ask of the tickets, by what is known of them so far."""
        parts: dict[str, None] = {}

        def stands_alone(part: str) -> bool:
            is_clear = len(part) < SHORTEST_PART or part in SMALL_WORDS or part in asked
            if is_clear or self._is_in_articles(part):
                return self._stands_alone(part)
            parts[part] = None
            return False

        for word in words:
            if SHORTEST_PARTED <= len(word) <= LONGEST_PARTED:
                parted(word, stands_alone)
        return list(parts)

    def unknown_to_articles(self, terms: Terms) -> list[Terms]:
        """The words of a question that no article has, with all that they may stand for."""
        words = (fold_word(word) for word in WORD.findall(terms.text))
        doubtful = (
            word
            for word in dict.fromkeys(words)
            if len(word) >= corrector.SHORTEST
            and word not in SMALL_WORDS
            and not self._is_in_articles(word)
        )
        return [understand(" ".join(self._meanings(word))) for word in islice(doubtful, MOST_TRIES)]

    def _meanings(self, word: str) -> list[str]:
        """A word, what it is made of, and its nearest neighbours."""
        parts: list[str] = []

        def note(part: str) -> bool:
            parts.append(part)
            return False

        derived_from(word, note)
        unglue(word, note)
        helper = self._shelf.corrector(self._language, self._viewer.principals)
        return [word, *parts, *helper.candidates(word)]

    def _is_fine(self, word: str, terms: Terms) -> bool:
        if len(word) < corrector.SHORTEST or word in SMALL_WORDS or self._is_known(word):
            return True
        if self._shelf.synonyms.has(word) or derived_from(word, self._is_known):
            return True
        others = (form for part in terms.parts if part.word == word for form in part.forms)
        if any(map(self._is_known, others)):  # `shape file`, where people write `shapefile`
            return True
        return word == terms.unfinished and self._begins_a_word(word)

    def _is_known(self, word: str) -> bool:
        if self._is_in_articles(word):
            return True
        return self._cases is not None and self._cases.is_known(word, self._viewer.principals)

    def _is_in_articles(self, word: str) -> bool:
        principals = self._viewer.principals
        return any(
            index.words.is_known(word, principals) for index in self._shelf.by_language.values()
        )

    def _apart(self, word: str, helper: corrector.Corrector) -> str | None:
        if not SHORTEST_PARTED <= len(word) <= LONGEST_PARTED:
            return None
        apart = parted(word, self._stands_alone)
        return " ".join(map(helper.written, apart)) if apart else None

    def _stands_alone(self, word: str) -> bool:
        """Whether a part of a word may be a word: a small one, or one that pages have."""
        if len(word) < SHORTEST_PART:
            return word in SMALL_WORDS and len(word) > 1
        return word in SMALL_WORDS or self._is_known(word)

    def _begins_a_word(self, word: str) -> bool:
        principals = self._viewer.principals
        if any(
            index.words.begins_a_word(word, principals)
            for index in self._shelf.by_language.values()
        ):
            return True
        return self._cases is not None and self._cases.begins_a_word(word, principals)

    def _meant(self, word: str, terms: Terms) -> str | None:
        """What an unknown word stands for: of the nearest, the one its neighbours go with."""
        helper = self._shelf.corrector(self._language, self._viewer.principals)
        rest = unglue(word, self._is_known)
        if rest is not None:
            return helper.written(rest)
        more: tuple[tuple[str, int], ...] = ()
        if self._viewer.sees_all_tickets and self._cases is not None:
            more = tuple(self._cases.subject_words(word[0]))
        candidates = helper.candidates(word, more)
        if not candidates:
            return self._apart(word, helper)
        words = self._shelf.by_language[self._language].words
        return helper.written(
            max(candidates, key=lambda candidate: words.goes_with(terms.words, word, candidate))
        )
