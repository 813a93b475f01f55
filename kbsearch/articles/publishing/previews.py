"""What would be live: a branch, or an article being written, rendered and checked as published.

Nothing of it enters what is served: the pages are indexed in memory, for the time of a question.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Literal, NamedTuple

from kbsearch import articles
from kbsearch.articles.publishing import branches, edition, publications
from kbsearch.articles.publishing.branches import Branch
from kbsearch.articles.publishing.edition import Edition
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.garbage import rarely_collected
from kbsearch.articles.publishing.git_tree import GitTree
from kbsearch.articles.publishing.overlay import Overlay
from kbsearch.articles.publishing.phrases import Index
from kbsearch.articles.publishing.publish import is_amended, made_with_of, tree_of
from kbsearch.articles.publishing.rendered import Rendered
from kbsearch.articles.publishing.sources import ARTICLE_SUFFIXES
from kbsearch.articles.publishing.tree import ARTICLES, Tree
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.search.fulltext.shelf import Articles, TrialIndex
from kbsearch.search.ranking.generations import live_folders

DEPTH = 10  # results that are looked at for a phrase
KEPT = 3  # editions of branches, of one process
MOST_LINES = 4_000  # of a difference that is shown
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class Rank(NamedTuple):
    """Where a phrase finds an article: 1 is first, None is not among the first ten."""

    phrase: str
    before: int | None
    after: int | None
    first: tuple[str, ...]  # the titles that come first


class DifferenceLine(NamedTuple):
    """A line of a difference; its number in the new file, or in the old one where it is gone."""

    kind: Literal["same", "added", "removed", "gap"]
    number: int
    text: str


@dataclass(frozen=True)
class Preview:
    """An edition that is not live, beside the one that is."""

    edition: Edition
    live_findings: tuple[Finding, ...]
    now: Articles | None  # the index in service
    trial: Index | None = None  # of all its pages, where it was made

    def article(self, path: str) -> Rendered | None:
        """The article as it would be shown; None when it is no page."""
        return next((page for page in self.edition.articles if page.source.path == path), None)

    def findings_of(self, file: str) -> list[Finding]:
        """What the rules say of one file."""
        path = self.edition.addresses.shown + file
        return [finding for finding in self.edition.findings if finding.path == path]

    def new_findings(self, files: Sequence[str]) -> list[Finding]:
        """What is to be said of these files, and of others what was not there before."""
        paths = {self.edition.addresses.shown + file for file in files}
        live = {_identity(finding) for finding in self.live_findings}
        return [
            finding
            for finding in self.edition.findings
            if finding.path in paths or _identity(finding) not in live
        ]

    def ranks(self, path: str, phrases: Sequence[str]) -> list[Rank]:
        """Where each phrase finds an article, now and then."""
        language = path.partition("/")[0]
        pages = [page for page in self.edition.pages if page.language == language]
        then = self.trial or TrialIndex(pages, self.edition.synonyms)
        titles = {page.source.path: page.source.title for page in self.edition.articles}
        ranks = []
        for phrase in phrases:
            before = self.now.top(language, phrase, DEPTH) if self.now else []
            after = then.top(language, phrase, DEPTH)
            first = tuple(titles.get(place, place) for place in after[:3])
            ranks.append(Rank(phrase, _place(path, before), _place(path, after), first))
        return ranks


def _identity(finding: Finding) -> tuple[str, str, str]:
    """By what a finding is the same one, whatever line it moved to."""
    return finding.path, finding.rule, str(finding.values)


def of_branch(db: Database, settings: Settings, branch: Branch) -> Preview:
    """A branch as it would be published."""
    return of_tree(db, settings, branches.tree_of(settings, branch))


def of_tree(db: Database, settings: Settings, tree: GitTree) -> Preview:
    """A commit as it would be published; kept for the next question about it."""
    live = articles.live_publication(db)
    key = (str(settings.content_path), tree.commit, live, settings.default_audience)
    with _lock:
        if key in _previews:
            _previews.move_to_end(key)
            return _previews[key]
    preview = _make(db, settings, tree, is_ranked=True)
    with _lock:
        _previews[key] = preview
        while len(_previews) > KEPT:
            _previews.popitem(last=False)
    return preview


def of_files(db: Database, settings: Settings, files: Mapping[str, bytes]) -> Preview:
    """What is live with more files, or others in their places."""
    return _make(db, settings, Overlay(tree_of(settings), files))


def source_of(settings: Settings, branch: Branch, file: str) -> str | None:
    """A file as a branch has it; None where it is gone."""
    body = bytes_of(settings, branch, file)
    return None if body is None else body.decode("utf-8", errors="replace")


def bytes_of(settings: Settings, branch: Branch, file: str) -> bytes | None:
    tree = branches.tree_of(settings, branch)
    return dict(tree.read([file]))[file] if file in tree.entries else None


def differences(diff: str) -> list[DifferenceLine]:
    """The lines of a difference as git tells it: those that changed, with a few around."""
    lines: list[DifferenceLine] = []
    old = new = 0
    for line in diff.split("\n")[:MOST_LINES]:
        begins = _HUNK.match(line)
        if begins:
            old, new = int(begins[1]), int(begins[2])
            lines += [DifferenceLine("gap", 0, "")] if lines else []
        elif not new and not old:
            continue  # the names of the files
        elif line.startswith("-"):
            lines.append(DifferenceLine("removed", old, line[1:]))
            old += 1
        elif line.startswith("+"):
            lines.append(DifferenceLine("added", new, line[1:]))
            new += 1
        elif line.startswith(" "):
            lines.append(DifferenceLine("same", new, line[1:]))
            old, new = old + 1, new + 1
    return lines


class _Unranked:
    """Stands for the index where ranks are asked for apart: nothing is missing from it."""

    def __init__(self, articles: Sequence[Rendered], synonyms: str) -> None:
        self._pages = [article.source.path for article in articles]

    def top(self, language: str, phrase: str, limit: int) -> list[str]:
        return self._pages


_previews: OrderedDict[tuple[str, str, str | None, str], Preview] = OrderedDict()
_indexes: dict[str, Articles | None] = {}
_lock = Lock()


def _make(db: Database, settings: Settings, tree: Tree, *, is_ranked: bool = False) -> Preview:
    """With `is_ranked`, phrases that do not find their article are among the findings."""
    live = publications.find_live(db)
    made_with = made_with_of(settings, tree) if is_ranked else None
    with rarely_collected():
        reusable = publications.reusable(db, live, made_with=made_with, is_kept=True)
        index = _Trial(db, settings, reusable.articles) if is_ranked else None
        draft = edition.make(tree, settings, reusable, index=index.made if index else _Unranked)
        trial = index.made(draft.articles, draft.synonyms) if index else None
    return Preview(draft, live.findings if live else (), live_index(db, settings), trial)


class _Trial:
    """The index that a publication would serve, made once; its files are gone as it is open."""

    def __init__(self, db: Database, settings: Settings, before: Mapping[str, Rendered]) -> None:
        self._live, self._place = publications.live_index(db, settings), settings.index_path
        self._before = before
        self._made: Index | None = None

    def made(self, articles: Sequence[Rendered], synonyms: str) -> Index:
        if self._made is None:
            self._made = self._amended(articles, synonyms)
        return self._made

    def _amended(self, articles: Sequence[Rendered], synonyms: str) -> Index:
        self._place.mkdir(parents=True, exist_ok=True)
        # named as what a publication forgets, should it be left behind
        with TemporaryDirectory(prefix="articles-preview-", dir=self._place) as folder:
            own = Path(folder) / "articles"
            try:
                if is_amended(own, self._live, self._before, articles, synonyms):
                    return Articles(own)
            except (OSError, ValueError):  # forgotten by a publication meanwhile
                pass
        return edition.trial_index(articles, synonyms)


def live_index(db: Database, settings: Settings) -> Articles | None:
    """The index in service, opened once."""
    name = live_folders(db).get("article_index", "")
    with _lock:
        if name not in _indexes:
            _indexes.clear()
            try:
                _indexes[name] = Articles(settings.index_path / name) if name else None
            except (OSError, ValueError):  # it is being built again
                return None
        return _indexes[name]


def _place(path: str, paths: Sequence[str]) -> int | None:
    return paths.index(path) + 1 if path in paths else None


def article_of(file: str) -> str:
    """The article that a file of the content holds: `fr/account/sign-in`, or nothing."""
    path, dot, suffix = file.removeprefix(ARTICLES).rpartition(".")
    is_article = file.startswith(ARTICLES) and f"{dot}{suffix}".lower() in ARTICLE_SUFFIXES
    return path if is_article else ""
