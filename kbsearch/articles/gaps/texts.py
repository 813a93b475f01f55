"""What typed texts ask, without whom they name: the place of each among the gaps."""

from collections import defaultdict
from typing import Protocol

from kbsearch import people
from kbsearch.access import AGENTS, CUSTOMERS, DESK, EVERYONE, WRITERS, Viewer
from kbsearch.articles.gaps.counts import GapPlace
from kbsearch.database import Database
from kbsearch.people.organisations import products
from kbsearch.search import Question, Results
from kbsearch.search.fulltext.phrases import Phrases
from kbsearch.search.fulltext.similar_index import Alike
from kbsearch.search.fulltext.text import detect_language, words_of
from kbsearch.text import masking
from kbsearch.tickets import Ticket

STAFF = Viewer(role="administrator", principals=(AGENTS, CUSTOMERS, DESK, EVERYONE, WRITERS))


class Asks(Protocol):
    """What is asked of the search."""

    def ask(self, viewer: Viewer, question: Question) -> Results: ...
    def spelt(self, viewer: Viewer, text: str, language: str) -> tuple[str, frozenset[str]]: ...
    def alike(self, viewer: Viewer, ticket: Ticket, since: str) -> list[Alike]: ...


class GapTexts:
    """Reads the texts of one batch; what they are compared with is looked up once."""

    def __init__(self, db: Database, search: Asks) -> None:
        self._db = db
        self._search = search
        self._phrases: Phrases | None = None
        self._products: list[str] | None = None
        self._names: defaultdict[str, list[tuple[str, frozenset[str]]]] | None = None

    def place(self, text: str) -> GapPlace | None:
        """Where a text belongs; None for one without a word."""
        if self._phrases is None:
            rows = self._db.query("SELECT words FROM gaps")
            words = (word for row in rows for word in row["words"].split())
            self._phrases = Phrases(words, self._spelt)
        read = self._phrases.read(text)
        return GapPlace(read.key, read.near, read.words) if read.key else None

    def clear(self, text: str) -> str:
        """A text without personal data."""
        if self._products is None:
            self._products = [product.name for product in products.list_all(self._db)]
        language = detect_language(text)
        return masking.mask(text, self._named(text), keep=self._products, language=language).text

    def _named(self, text: str) -> list[str]:
        """The people of the site whose whole name a text has, in any case: few are, of many."""
        if self._names is None:
            self._names = defaultdict(list)
            for name in people.list_names(self._db):
                words = frozenset(words_of(name))
                if len(words) > 1:
                    self._names[min(words)].append((name, words))
        typed_words = set(words_of(text))
        candidates = [pair for word in typed_words for pair in self._names.get(word, ())]
        return [name for name, words in candidates if words <= typed_words]

    def _spelt(self, text: str, language: str) -> tuple[str, frozenset[str]]:
        return self._search.spelt(STAFF, text, language)
