"""A generation of the index of articles: a folder a publication, with one index a language."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from kbsearch.config import LANGUAGES
from kbsearch.search.fulltext import corrector, engine
from kbsearch.search.fulltext import text as texts
from kbsearch.search.fulltext.article_index import ArticleIndex, PageLookup
from kbsearch.search.fulltext.article_writer import fields, is_amended, is_sealed, write
from kbsearch.search.fulltext.documents import Page
from kbsearch.search.fulltext.query import understand
from kbsearch.search.fulltext.text import Synonyms


class Articles:
    """An index generation: its articles by language, and the synonyms published with them."""

    def __init__(self, folder: Path) -> None:
        if not is_sealed(folder):
            raise ValueError(f"{folder.name} is of another schema, or damaged")
        self.folder = folder
        self.synonyms = texts.synonyms_of((folder / "synonyms.txt").read_text(encoding="utf-8"))
        self._words: dict[str, list[corrector.Word]] = {}
        self._correctors: dict[tuple[str, tuple[bool, ...]], corrector.Corrector] = {}
        self.by_language = {
            language: ArticleIndex(
                engine.opened(folder / language, fields(language)).view(), language
            )
            for language in LANGUAGES
        }

    @property
    def is_amended(self) -> bool:
        """Whether it was made of another one: what was removed there still counts a little."""
        return is_amended(self.folder)

    @property
    def count(self) -> int:
        """How many articles it holds, in all languages."""
        return sum(index.count for index in self.by_language.values())

    def has(self, path: str) -> bool:
        """Whether a page is in the index of its language."""
        index = self.by_language.get(path.partition("/")[0])
        return index is not None and index.has(path)

    def top(
        self,
        language: str,
        phrase: str,
        limit: int = 3,
        reader: str = "agents",
        *,
        synonyms: Synonyms | None = None,
    ) -> list[str]:
        """The paths of the first pages for a phrase, as staff (who read them all) would see it.

        With other `synonyms`, as they would make it.
        """
        synonyms = synonyms or self.synonyms
        return _top(self.by_language[language], synonyms, phrase, limit, reader)

    def corrector(self, language: str, principals: Sequence[str]) -> corrector.Corrector:
        """What corrects words of a language for viewers with these principals."""
        kind = tuple(name in principals for name in ("customers", "agents", "writers"))
        if (language, kind) not in self._correctors:
            if language not in self._words:
                self._words[language] = corrector.read_words(self.folder / language)
            self._correctors[language, kind] = corrector.Corrector(
                self._words[language], principals
            )
        return self._correctors[language, kind]


class TrialIndex:
    """Pages that are not live yet, in memory: what would a phrase find?"""

    def __init__(self, pages: Iterable[Page], synonyms: str | Synonyms = "") -> None:
        self._synonyms = texts.synonyms_of(synonyms) if isinstance(synonyms, str) else synonyms
        self._indexes: dict[str, ArticleIndex] = {}
        by_language: dict[str, list[Page]] = {}
        for page in pages:
            by_language.setdefault(page.language, []).append(page)
        for language, own in by_language.items():
            index = engine.create(None, fields(language))
            write(index, own)
            self._indexes[language] = ArticleIndex(index.view(), language)

    def top(self, language: str, phrase: str, limit: int = 3, reader: str = "agents") -> list[str]:
        """The paths of the first pages for a phrase, as staff (who read them all) would see it."""
        index = self._indexes.get(language)
        if index is None:
            return []
        return _top(index, self._synonyms, phrase, limit, reader)


def _top(
    index: ArticleIndex, synonyms: Synonyms, phrase: str, limit: int, reader: str
) -> list[str]:
    lookup = PageLookup(understand(phrase, synonyms), (reader,), limit)
    return index.paths(lookup)
