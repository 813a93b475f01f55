"""How far translations are behind, paragraph by paragraph, as the history of both texts shows."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape

from kbsearch.articles.publishing import file_history, front_matter, git, sources
from kbsearch.articles.publishing.addresses import PageResolver
from kbsearch.articles.publishing.file_history import FileChange, FileHistory
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
    translation: Rendered
    original: Rendered

    @property
    def made_of(self) -> tuple[str, str]:
        return self.original.source.entry.blob, self.translation.source.entry.blob


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
    groups = [group for group in _groups(articles) if not _is_known(group, before)]
    lags = {
        article.source.path: before[article.source.path].lag
        for group in _groups(articles)
        if _is_known(group, before)
        for article in group
    }
    findings: list[Finding] = []
    if groups and isinstance(tree, GitTree):
        if file_history.is_shallow(tree):
            findings.append(Finding(tree.shown or ".", 1, 1, "shallow-history"))
        else:
            lags |= _computed(tree, groups, resolving, languages)
    return [replace(each, lag=lags.get(each.source.path)) for each in articles], findings


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
            compared += _Pair(article, by_path[lag.original]).made_of == lag.made_of
    return compared == len(group) - 1


def _computed(
    tree: GitTree,
    groups: Sequence[Sequence[Rendered]],
    resolving: Resolving,
    languages: Sequence[str],
) -> dict[str, TranslationLag | None]:
    history = file_history.read(tree)
    pairs = [pair for group in groups for pair in _pairs(group, history, languages)]
    texts = _Texts(tree)
    texts.read(
        change.blob
        for pair in pairs
        if _may_be_behind(pair, history)
        for change in (*_changes(pair.original, history), *_changes(pair.translation, history))
    )
    lags: dict[str, TranslationLag | None] = {}
    for pair in pairs:
        source = pair.translation.source
        lag = TranslationLag(pair.original.source.path, pair.made_of)
        if _may_be_behind(pair, history):
            found = _replayed(pair, history, texts).lags()
            lag = _shown(tree, pair, found, texts, resolving, lag)
        lags[source.path] = lag
    return lags


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
            yield _Pair(article, original)


def _changes(article: Rendered, history: FileHistory) -> list[FileChange]:
    """The changes of a file; what a merge alone did is a change of its own."""
    entry = article.source.entry
    changes = history.changes.get(entry.path, [])
    if not changes or changes[-1].blob != entry.blob:
        changes = [*changes, FileChange(0, "", False, entry.path, entry.blob)]
    return changes


def _may_be_behind(pair: _Pair, history: FileHistory) -> bool:
    """Whether the original was changed since there is a translation."""
    if pair.translation.source.front.text("source_commit"):
        return True
    came = _changes(pair.translation, history)[0].position
    return any(change.position > came for change in _changes(pair.original, history))


def _replayed(pair: _Pair, history: FileHistory, texts: _Texts) -> Lineage:
    """Both texts, through every commit that changed one of them."""
    originals, translated = _changes(pair.original, history), _changes(pair.translation, history)
    steps = sorted(
        [(change.position, 0, change) for change in originals]
        + [(change.position, 1, change) for change in translated],
        key=lambda step: step[:2],
    )
    names = list(dict.fromkeys(change.path for change in originals))
    lineage, said = Lineage(), ""
    for _, is_translation, change in steps:
        there = texts.blocks[change.blob]
        if not is_translation:
            lineage.change_original(there, is_typo=change.is_typo)
            continue
        commit = texts.made_from[change.blob]
        is_said, said = bool(commit) and commit != said, commit or said
        at = commit if is_said else change.commit if history.has_merges else ""
        lineage.change_translation(
            there,
            is_typo=change.is_typo,
            made_from=_keys_at(texts, at, names),
            is_said=is_said,
        )
    return lineage


def _keys_at(texts: _Texts, commit: str, names: Sequence[str]) -> Collection[str] | None:
    """The blocks that the original had at a commit; None where that is not to be found out."""
    if not commit:
        return None
    blobs = list(texts.tree.blobs_at([(commit, name) for name in names]).values())
    texts.read(blobs)
    return texts.keys(blobs) if blobs else None


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
