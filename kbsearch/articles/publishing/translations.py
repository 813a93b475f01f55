"""How far translations are behind, paragraph by paragraph, as the history of both texts shows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from operator import itemgetter

from kbsearch.articles.publishing import file_history, front_matter, git, sources
from kbsearch.articles.publishing.addresses import PageResolver
from kbsearch.articles.publishing.file_history import FileHistory, HistoryChange
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.front_matter import FrontMatter, FrontMatterError
from kbsearch.articles.publishing.git_tree import GitTree
from kbsearch.articles.publishing.paragraphs import Lag, Lineage
from kbsearch.articles.publishing.rendered import Rendered, TranslationLag
from kbsearch.articles.publishing.sources import Source
from kbsearch.articles.publishing.tree import Tree
from kbsearch.i18n import gettext
from kbsearch.text import markup
from kbsearch.text.markup.blocks import Block, block_of, blocks

_WORDS = {
    "changed": "This paragraph has changed in the original",
    "missing": "The original goes on here with a paragraph that is not translated yet",
    "gone": "This paragraph is no longer in the original",
}
TITLE = "title"
Resolving = Callable[[Source], PageResolver]


@dataclass(frozen=True)
class _Pair:
    """A translation and its original, with the changes of both files, the oldest first."""

    translation: Rendered
    original: Rendered
    translation_changes: tuple[HistoryChange, ...]
    original_changes: tuple[HistoryChange, ...]

    @property
    def may_be_behind(self) -> bool:
        """Whether the original was changed since there is a translation."""
        if self.translation.source.front.text("source_commit"):
            return True
        came = self.translation_changes[0].position
        return any(change.position > came for change in self.original_changes)

    @property
    def original_names(self) -> list[str]:
        """Where the original ever lay."""
        return list(dict.fromkeys(change.path for change in self.original_changes))


@dataclass(frozen=True)
class _TranslationStep:
    """A change of a translation, and what its writer had before them."""

    change: HistoryChange
    made_at: str  # the commit of the original they had; empty: as it stood then
    is_said: bool  # the file says that it was compared with it


@dataclass
class _Texts:
    """Files of the past by their blobs: their blocks, and the commit they say they translate."""

    tree: GitTree
    blocks: dict[str, tuple[Block, ...]] = field(default_factory=dict)
    made_from: dict[str, str] = field(default_factory=dict)

    def read(self, blobs: Iterable[str]) -> None:
        unread = sorted(set(blobs) - self.blocks.keys())
        for blob, body in git.blobs(self.tree.repository, unread):
            text = (body or b"").decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
            front, lines_before = FrontMatter(), 0
            try:
                head, text, lines_before = front_matter.split(text)
                front = front_matter.read(head)
            except FrontMatterError:
                pass  # it was refused then: what it says counts all the same
            self.made_from[blob] = front.text("source_commit")
            title = _title(front, lines_before)
            self.blocks[blob] = (title, *blocks(markup.parse(text).tokens, text))

    def keys(self, blobs: Iterable[str]) -> frozenset[str]:
        return frozenset(block.key for blob in blobs for block in self.blocks[blob])


def with_lags(
    tree: Tree,
    articles: Sequence[Rendered],
    before: Mapping[str, Rendered],
    resolving: Resolving,
    languages: Sequence[str],
) -> tuple[list[Rendered], list[Finding]]:
    """The articles, translations with what of them is behind; what did not change is known.

    A translation is one that says so, or came after another of its key. Where the history does
    not reach back, nothing is known, which is a finding.
    """
    lags: dict[str, TranslationLag | None] = {}
    groups = []
    for group in _groups(articles):
        if _is_known(group, before):
            paths = [article.source.path for article in group]
            lags |= {path: before[path].lag for path in paths}
        else:
            groups.append(group)
    findings: list[Finding] = []
    if groups and isinstance(tree, GitTree):
        if file_history.is_shallow(tree):
            findings.append(Finding(tree.shown or ".", 1, 1, "shallow-history"))
        else:
            lags |= _computed(tree, groups, resolving, languages)
    return [_with_lag(each, lags.get(each.source.path)) for each in articles], findings


def _with_lag(article: Rendered, lag: TranslationLag | None) -> Rendered:
    return article if article.lag == lag else replace(article, lag=lag)


def _groups(articles: Sequence[Rendered]) -> list[list[Rendered]]:
    """The articles that say the same in several languages, of one version."""
    groups: dict[tuple[str, str], list[Rendered]] = {}
    for article in articles:
        key = article.source.translation_key, article.source.front.text("version")
        groups.setdefault(key, []).append(article)
    return [group for group in groups.values() if len({each.source.language for each in group}) > 1]


def _is_known(group: Sequence[Rendered], before: Mapping[str, Rendered]) -> bool:
    """Whether all of it was compared as it is now."""
    by_path = {article.source.path: article for article in group}
    compared = 0
    for article in group:
        live = before.get(article.source.path)
        lag = live.lag if live else None
        if lag is not None and lag.original in by_path:
            compared += _blobs(by_path[lag.original], article) == lag.made_of
    return compared == len(group) - 1


def _blobs(original: Rendered, translation: Rendered) -> tuple[str, str]:
    return original.source.entry.blob, translation.source.entry.blob


def _computed(
    tree: GitTree,
    groups: Sequence[Sequence[Rendered]],
    resolving: Resolving,
    languages: Sequence[str],
) -> dict[str, TranslationLag | None]:
    """What is behind, by the paths of the translations; nothing where git does not answer."""
    history = file_history.read(tree)
    if history is None:
        return {}
    lags: dict[str, TranslationLag | None] = {}
    pairs = []
    for pair in (pair for group in groups for pair in _pairs(group, history, languages)):
        made_of = _blobs(pair.original, pair.translation)
        lags[pair.translation.source.path] = TranslationLag(pair.original.source.path, made_of)
        if pair.may_be_behind:
            pairs.append(pair)
    texts = _Texts(tree)
    changes = (change for pair in pairs for change in _all_changes(pair))
    texts.read(change.blob for change in changes)
    steps = [_translation_steps(pair, history, texts) for pair in pairs]
    blobs_at = _blobs_at(tree, pairs, steps)
    texts.read(blobs_at.values())
    for pair, translation_steps in zip(pairs, steps, strict=True):
        path = pair.translation.source.path
        lineage = _replayed(pair, translation_steps, texts, blobs_at)
        lag = lags[path]
        assert lag is not None
        lags[path] = _shown(tree, pair, lineage.lags(), texts, resolving, lag)
    return lags


def _all_changes(pair: _Pair) -> Iterator[HistoryChange]:
    yield from pair.original_changes
    yield from pair.translation_changes


def _pairs(
    group: Sequence[Rendered], history: FileHistory, languages: Sequence[str]
) -> Iterator[_Pair]:
    """Each translation with its original: the one that came first and says it is none."""

    def age(article: Rendered) -> tuple[bool, int, int]:
        front = article.source.front
        is_said = bool(front.text("source_commit") or front.text("translation_of"))
        changes = history.changes.get(article.source.entry.path)
        first = changes[0].position if changes else 0
        return is_said, first, languages.index(article.source.language)

    original, *others = sorted(group, key=age)
    for article in others:
        if article.source.language != original.source.language:
            yield _Pair(article, original, _changes(article, history), _changes(original, history))


def _changes(article: Rendered, history: FileHistory) -> tuple[HistoryChange, ...]:
    """The changes of a file; what a merge alone did is a change of its own."""
    entry = article.source.entry
    changes = history.changes.get(entry.path, [])
    if not changes or changes[-1].blob != entry.blob:
        changes = [*changes, HistoryChange(0, "", False, entry.path, entry.blob)]
    return tuple(changes)


def _translation_steps(pair: _Pair, history: FileHistory, texts: _Texts) -> list[_TranslationStep]:
    steps, last_commit = [], ""
    for change in pair.translation_changes:
        commit = texts.made_from[change.blob]
        is_said = bool(commit) and commit != last_commit
        last_commit = commit or last_commit
        made_at = commit if is_said else change.commit if history.has_merges else ""
        steps.append(_TranslationStep(change, made_at, is_said))
    return steps


def _blobs_at(
    tree: GitTree, pairs: Sequence[_Pair], steps: Sequence[Sequence[_TranslationStep]]
) -> Mapping[tuple[str, str], str]:
    """What the originals were where their translations were made, all asked of git at once."""
    places = {
        (step.made_at, name)
        for pair, translation_steps in zip(pairs, steps, strict=True)
        for step in translation_steps
        if step.made_at
        for name in pair.original_names
    }
    return tree.blobs_at(sorted(places)) if places else {}


def _replayed(
    pair: _Pair,
    translation_steps: Sequence[_TranslationStep],
    texts: _Texts,
    blobs_at: Mapping[tuple[str, str], str],
) -> Lineage:
    """Both texts, through every commit that changed one of them, the original's change first."""
    steps: list[tuple[int, HistoryChange | _TranslationStep]] = []
    steps += [(change.position, change) for change in pair.original_changes]
    steps += [(step.change.position, step) for step in translation_steps]
    steps.sort(key=itemgetter(0))
    names = pair.original_names
    lineage = Lineage()
    for _, step in steps:
        if not isinstance(step, _TranslationStep):
            lineage.change_original(texts.blocks[step.blob], is_typo=step.is_typo)
            continue
        blobs = [blobs_at[place] for name in names if (place := (step.made_at, name)) in blobs_at]
        lineage.change_translation(
            texts.blocks[step.change.blob],
            is_typo=step.change.is_typo,
            made_from=texts.keys(blobs) if blobs else None,
            is_said=step.is_said,
        )
    return lineage


def _shown(
    tree: GitTree,
    pair: _Pair,
    lags: Sequence[Lag],
    texts: _Texts,
    resolving: Resolving,
    lag: TranslationLag,
) -> TranslationLag:
    """What is behind as readers and writers see it: lines of the file, notes in the text."""
    if not lags:
        return lag
    original, translation = (
        sources.reread(tree, each.source) for each in (pair.original, pair.translation)
    )
    assert original.text is not None and translation.text is not None
    there = texts.blocks[translation.entry.blob]
    lag = replace(
        lag,
        kinds=tuple(each.kind for each in lags),
        lines=tuple(there[each.block].line + translation.lines_before for each in lags),
    )
    resolver = resolving(translation)
    document = markup.parse(translation.text, translation.title, resolver.pieces)
    placed = (there[0], *blocks(document.tokens, translation.text))
    if [block.kind for block in placed] != [block.kind for block in there]:
        return lag  # taken in from elsewhere: no place is sure
    notes: dict[int, str] = {}
    theirs = texts.blocks[original.entry.blob]
    read = markup.parse(original.text)
    for each in lags:
        piece = ""
        if each.original is not None:
            block, resolver_there = theirs[each.original], resolving(original)
            if block.kind == TITLE:
                piece = f"<p>{escape(block.text)}</p>"
            else:
                piece = markup.piece(read, block, original.language, resolver_there)
        place = placed[each.block].note_place
        note = _note(each, piece, translation.language, original.language)
        notes[place] = notes.get(place, "") + note
    html = markup.article(markup.noted(document, notes), translation.language, resolver)
    return replace(lag, html=str(html))


def _title(front: FrontMatter, lines_before: int) -> Block:
    """The title as a block before all others."""
    line = front.place("title")[0] - lines_before
    return block_of(TITLE, front.text("title"), line, 0, 0)


def _note(lag: Lag, piece: str, language: str, original_language: str) -> str:
    words = escape(gettext(language, _WORDS[lag.kind]))
    if lag.kind == "gone":
        return f'<div class="alert alert-warning" role="note"><p>{words}</p></div>\n'
    title = f'<summary class="alert-title">{words}</summary>'
    body = f'<div lang="{original_language}">{piece}</div>'
    return f'<details class="alert alert-warning">{title}{body}</details>\n'
