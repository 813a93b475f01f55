"""The gap between people's words and the pages': lines that a writer may accept.

Proposed are synonyms, where a page itself explains an acronym, and search phrases, where people
confirmed an article for words that do not find it. What would move nothing is not proposed.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kbsearch import access, articles
from kbsearch.access import Viewer
from kbsearch.articles.publishing import previews
from kbsearch.articles.publishing.tree import SYNONYMS
from kbsearch.articles.writing import bulk
from kbsearch.articles.writing.bulk import Done
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import NotFound
from kbsearch.search.fulltext.acronyms import explained
from kbsearch.search.fulltext.documents import Page
from kbsearch.search.fulltext.shelf import Articles, TrialIndex
from kbsearch.search.fulltext.text import synonyms_of, words_of
from kbsearch.search.learning import lessons
from kbsearch.text import masking

MOST = 30  # proposals of a kind
FIRST = 3  # places in which an article counts as found
FEWEST_VOICES = 2  # of customers; one of the staff is enough


@dataclass(frozen=True)
class PhraseMove:
    """What a phrase finds first, now and with the line."""

    phrase: str
    before: tuple[str, ...]  # titles
    after: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """A line for `synonyms.txt`, or a search phrase of an article."""

    line: str
    path: str  # the article whose phrase it is, or that explains the acronym
    title: str
    is_phrase: bool
    moves: tuple[PhraseMove, ...]

    @property
    def id(self) -> str:
        """By what it proposes, whatever else changed since it was shown."""
        place = self.path if self.is_phrase else SYNONYMS
        return hashlib.sha256(f"{place}\n{self.line}".encode()).hexdigest()[:16]


def proposals(db: Database, viewer: Viewer, settings: Settings) -> list[Proposal]:
    """What would help the words that people use to find what is there; for the staff."""
    access.only_staff(viewer)
    publication, index = articles.live_publication(db), previews.live_index(db, settings)
    if publication is None or index is None:
        return []
    pages = {page.path: page for page in articles.pages(db, publication)}
    return [*_of_acronyms(pages, index), *_of_lessons(pages, index, _confirmed(db))]


def accept(db: Database, viewer: Viewer, settings: Settings, proposal_id: str) -> Done:
    """Commit a proposal under the viewer's name; raises NotFound where it is none any more."""
    every = {proposal.id: proposal for proposal in proposals(db, viewer, settings)}
    proposal = every.get(proposal_id)
    if proposal is None:
        raise NotFound("vocabulary.gone")
    if proposal.is_phrase:
        return bulk.add_phrase(db, viewer, settings, proposal.path, proposal.line)
    return bulk.add_synonyms(db, viewer, settings, proposal.line)


def _of_acronyms(pages: Mapping[str, Page], index: Articles) -> Iterator[Proposal]:
    """Synonyms that a page explains, and none says otherwise."""
    long_forms: dict[tuple[str, str], dict[tuple[str, ...], str]] = defaultdict(dict)
    where: dict[tuple[str, str], Page] = {}
    for page in pages.values():
        text = "\n".join(passage.text for passage in page.passages)
        for short, long in explained(f"{page.title}\n{page.summary}\n{text}"):
            key = page.language, short
            long_forms[key].setdefault(tuple(words_of(long)), long)
            where.setdefault(key, page)
    count = 0
    for (language, short), forms in sorted(long_forms.items()):
        if len(forms) > 1 or index.synonyms.has(words_of(short)[0]) or count == MOST:
            continue
        (long,) = forms.values()
        line = f"{short}, {long}"
        moves = tuple(_moved_by(line, (short, long), language, pages, index))
        if moves:
            count += 1
            page = where[language, short]
            yield Proposal(line, page.path, page.title, is_phrase=False, moves=moves)


def _moved_by(
    line: str, phrases: Sequence[str], language: str, pages: Mapping[str, Page], index: Articles
) -> Iterator[PhraseMove]:
    """What changes among the first results when a line is added to the synonyms."""
    added, now = synonyms_of(line), index.synonyms
    then = replace(now, groups=(*now.groups, *added.groups), names={**now.names, **added.names})
    for phrase in phrases:
        before = index.top(language, phrase, FIRST)
        after = index.top(language, phrase, FIRST, synonyms=then)
        if before != after:
            yield PhraseMove(phrase, _titles(before, pages), _titles(after, pages))


def _titles(paths: Sequence[str], pages: Mapping[str, Page]) -> tuple[str, ...]:
    return tuple(pages[path].title for path in paths if path in pages)


def _confirmed(db: Database) -> list[tuple[str, str]]:
    """The wordings that count, with the article that was confirmed for each, the last first.

    One with personal data is nobody's search phrase.
    """
    voices: dict[tuple[str, str], set[tuple[str, bool]]] = defaultdict(set)
    for lesson in reversed(lessons.active(db)):
        voices[lesson.wording, lesson.path].add((lesson.voice, lesson.is_staff))
    return [
        (wording, path)
        for (wording, path), some in voices.items()
        if len(some) >= FEWEST_VOICES or any(is_staff for _, is_staff in some)
        if masking.mask(wording, language=path.partition("/")[0]).text == wording
    ]


def _of_lessons(
    pages: Mapping[str, Page], index: Articles, confirmed: Sequence[tuple[str, str]]
) -> Iterator[Proposal]:
    """Search phrases for articles that were confirmed for words that do not find them."""
    missed = [
        (wording, pages[path])
        for wording, path in confirmed
        if path in pages and path not in index.top(path.partition("/")[0], wording, FIRST)
    ][:MOST]
    if not missed:
        return
    phrases: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for wording, page in missed:
        phrases[page.path] += (wording,)
    then = TrialIndex(
        (replace(page, phrases=page.phrases + phrases[page.path]) for page in pages.values()),
        index.synonyms,
    )
    for wording, page in missed:
        before = index.top(page.language, wording, FIRST)
        after = then.top(page.language, wording, FIRST)
        if page.path in after:
            move = PhraseMove(wording, _titles(before, pages), _titles(after, pages))
            yield Proposal(wording, page.path, page.title, is_phrase=True, moves=(move,))
