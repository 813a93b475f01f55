"""The phrases under which articles say they are found: which of them do not find their article."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Protocol

from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.rendered import Rendered
from kbsearch.search.fulltext import text as texts
from kbsearch.search.fulltext.documents import Page
from kbsearch.search.fulltext.forms import singular_of
from kbsearch.search.fulltext.text import Synonyms, words_of

FOUND_WITHIN = 3
BEGINNING = 3  # letters: words that begin otherwise are no forms of each other
SAME_LENGTH = 0.03  # of the words of a page: the rest of it weighs what it did


class Index(Protocol):
    """The pages of an edition as the search ranks them."""

    def top(self, language: str, phrase: str, limit: int) -> list[str]:
        """The paths of the first pages for a phrase."""


@dataclass(frozen=True)
class PhraseTrial:
    """The phrases of a publication: they were asked for, with these synonyms, of these articles."""

    articles: Mapping[str, Rendered]  # by path
    synonyms: str
    failures: frozenset[str] = field(default_factory=frozenset)  # phrases that find another


def not_found(
    articles: Sequence[Rendered],
    prefix: str,
    index: Callable[[], Index],
    synonyms: str = "",
    trial: PhraseTrial | None = None,
) -> list[Finding]:
    """The phrases under which an article says it is found, and is not; `index` if there is one.

    A phrase of the last `trial` is asked for again where a page that changed since could rank
    otherwise for it.
    """
    promising = [
        article
        for article in articles
        if article.source.front.found_by and not article.source.is_excluded
    ]
    ranking: Index | None = None
    is_known = _known(articles, synonyms, trial)
    findings = []
    for article in promising:
        front = article.source.front
        for phrase in front.found_by:
            if is_known(article, phrase):
                continue
            if ranking is None:
                ranking = index()
            first = ranking.top(article.source.language, phrase, FOUND_WITHIN)
            if article.source.path not in first:
                values = {"phrase": phrase, "first": ", ".join(first) or "–"}
                place = front.place("trouvable_par", "found_by")
                path = prefix + article.source.entry.path
                findings.append(Finding(path, *place, "not-found-by", values))
    return findings


def changed(
    before: Mapping[str, Rendered], articles: Iterable[Rendered]
) -> tuple[list[Rendered], list[Rendered]]:
    """The articles whose pages the search loses, and those it gets; a changed one is in both."""
    here = {each.source.path: each for each in articles if not each.source.is_excluded}
    there = {path: each for path, each in before.items() if not each.source.is_excluded}
    return (
        [old for path, old in there.items() if not _is_same(old, here.get(path))],
        [new for path, new in here.items() if not _is_same(new, there.get(path))],
    )


def _is_same(article: Rendered, other: Rendered | None) -> bool:
    """Whether two give the search the same page: one was taken as the other was."""
    return (
        other is not None
        and article.stored is not None
        and article.stored is other.stored
        and (article.slug, article.audience) == (other.slug, other.audience)
    )


def _known(
    articles: Sequence[Rendered], synonyms: str, trial: PhraseTrial | None
) -> Callable[[Rendered, str], bool]:
    """Whether a phrase finds its article as it did."""
    if trial is None or trial.synonyms != synonyms:
        return lambda article, phrase: False
    gone, come = changed(trial.articles, articles)
    new = {article.source.path for article in come}
    groups = texts.synonyms_of(synonyms)
    changed_words = {
        language: ChangedWords(
            language,
            groups,
            [article.page for article in gone if article.source.language == language],
            [article.page for article in come if article.source.language == language],
        )
        for language in {article.source.language for article in (*gone, *come)}
    }

    def is_known(article: Rendered, phrase: str) -> bool:
        if article.source.path in new or phrase in trial.failures:
            return False
        words = changed_words.get(article.source.language)
        return words is None or not words.may_rank(phrase)

    return is_known


class ChangedWords:
    """The words of one language for which pages that changed may rank otherwise than they did."""

    def __init__(
        self, language: str, synonyms: Synonyms, gone: Iterable[Page], come: Iterable[Page]
    ) -> None:
        self._synonyms = synonyms
        self._unsaid = texts.STOP_WORDS[language] - texts.SMALL_NOUNS[language]
        before, after = ({page.path: page for page in pages} for pages in (gone, come))
        words = {
            singular_of(word)
            for path in before.keys() | after.keys()
            for word in _difference(before.get(path), after.get(path))
        } - self._unsaid
        self._beginnings = {word[:size] for word in words for size in range(1, BEGINNING + 1)}
        self._has_digits = any(any(map(str.isdigit, word)) for word in words)
        self._short = {word for word in words if len(word) < BEGINNING}

    def may_rank(self, phrase: str) -> bool:
        """Whether a phrase has such a word, or one like it; in doubt it has."""
        words = words_of(phrase)
        others = (word for phrase in self._synonyms.others(words) for word in phrase)
        meant = {singular_of(word) for word in (*words, *others)} - self._unsaid
        return not meant or any(map(self._is_changed, meant))

    def _is_changed(self, word: str) -> bool:
        if not word.isascii():  # perhaps a script that parts no words
            return True
        if any(map(str.isdigit, word)):  # codes and amounts have more ways to be written
            return self._has_digits
        return word[:BEGINNING] in self._beginnings or any(
            word[:size] in self._short for size in range(1, BEGINNING)
        )


def _difference(before: Page | None, after: Page | None) -> Sequence[str]:
    """The words between what two pages begin with and what they end with.

    All of them where title or phrases are others, or the length of the text.
    """
    if before is None or after is None:
        return _words(before or after)
    old, new = _words(before), _words(after)
    heads = [(page.title, page.phrases, page.readers, page.products) for page in (before, after)]
    if heads[0] != heads[1] or abs(len(old) - len(new)) > SAME_LENGTH * len(old):
        return [*old, *new]
    begin = _count_same(zip(old, new, strict=False))
    end = _count_same(zip(reversed(old[begin:]), reversed(new[begin:]), strict=False))
    first = max(begin - 1, 0)  # with the neighbours: pairs count too
    return [*old[first : len(old) - end + 1], *new[first : len(new) - end + 1]]


def _count_same(pairs: Iterable[tuple[str, str]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _words(page: Page | None) -> list[str]:
    assert page is not None
    return list(_all_words(page))


def _all_words(page: Page) -> Iterator[str]:
    yield from words_of("\n".join((page.title, *page.phrases)))
    for passage in page.passages:
        yield from words_of(f"{passage.title}\n{passage.text}")
