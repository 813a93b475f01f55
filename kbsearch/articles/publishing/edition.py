"""An edition: every article of a tree rendered, and everything the rules say of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kbsearch import check_levels
from kbsearch.articles.publishing import (
    addresses,
    categories,
    category_files,
    cross_rules,
    leaving_addresses,
    moves,
    phrases,
    pieces,
    sources,
    translations,
)
from kbsearch.articles.publishing.addresses import Addresses, PageResolver
from kbsearch.articles.publishing.categories import Categories, CategoryFolder
from kbsearch.articles.publishing.findings import Finding, leveled
from kbsearch.articles.publishing.leaving_addresses import LeavingAddresses, LiveArticle
from kbsearch.articles.publishing.phrases import Index
from kbsearch.articles.publishing.pieces import ArticlePieces
from kbsearch.articles.publishing.rendered import Rendered, render
from kbsearch.articles.publishing.sources import Source
from kbsearch.articles.publishing.tree import ARTICLES, SYNONYMS, LastChange, Tree
from kbsearch.config import Settings
from kbsearch.files.images import ImageInfo
from kbsearch.search.fulltext.documents import Page
from kbsearch.search.fulltext.shelf import TrialIndex


@dataclass(frozen=True)
class Reusable:
    """What is taken as it is where nothing changed: articles by path, the rest by blob."""

    articles: Mapping[str, Rendered] = field(default_factory=dict)
    images: Mapping[str, ImageInfo] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)  # media types
    commit: str = ""  # what is live
    before: tuple[LiveArticle, ...] = ()  # its articles, whatever they were rendered with
    trial: phrases.PhraseTrial | None = None  # its phrases, where they need not all be tried again


NOTHING = Reusable()


@dataclass(frozen=True)
class Edition:
    """What a tree gives, whether it may go live or not."""

    articles: tuple[Rendered, ...]
    addresses: Addresses
    synonyms: str
    findings: tuple[Finding, ...]
    categories: tuple[CategoryFolder, ...]
    positions: Mapping[str, int]  # of each article's file among those of its category
    leaving_addresses: LeavingAddresses = field(default_factory=LeavingAddresses)
    due_at: str = ""  # when an article comes or goes without a change; empty for never

    @property
    def pages(self) -> list[Page]:
        """The articles as the search takes them in."""
        return _pages(self.articles)


def make(
    tree: Tree,
    settings: Settings,
    reusable: Reusable = NOTHING,
    *,
    folder: str = ARTICLES,
    index: Callable[[Sequence[Rendered], str], Index] | None = None,
    progress: Callable[[int, int], None] = lambda count, total: None,
) -> Edition:
    """Read, render and check a whole tree; what did not change is taken from `reusable`.

    `index` is asked for the articles and synonyms indexed when some say how they are found.
    """
    known_sources = {path: rendered.source for path, rendered in reusable.articles.items()}
    read = sources.read(tree, settings.languages, known_sources, folder=folder)
    category_sources, file_findings = category_files.read(tree, settings.languages, folder)
    shelves = Categories(category_sources)
    places = addresses.assign(
        tree,
        read.articles,
        reusable.images,
        known_files=reusable.files,
        audiences=categories.audiences(shelves, read.articles, settings.default_audience),
    )
    history = _history(tree, read.articles, reusable.articles)
    left = moves.since(tree, reusable.commit) if reusable.before else []
    gone = leaving_addresses.of(tree, read.articles, places, reusable.before, left)
    findings = [*read.findings, *places.findings, *file_findings, *gone.findings]
    shared = pieces.read(tree)
    findings += shared.findings

    def resolver(source: Source) -> PageResolver:
        return PageResolver(places, source, ArticlePieces(shared, tree, places, source))

    findings += categories.check(shelves, read.articles, tree.shown)
    if not read.articles:
        findings.append(Finding(tree.shown + (folder or "."), 1, 1, "no-articles"))
    articles: list[Rendered] = []
    for count, source in enumerate(read.articles, 1):
        change = history[source.entry.path]
        page_resolver = resolver(source)
        rendered = render(
            tree,
            source,
            page_resolver,
            reusable.articles.get(source.path),
            change=change,
        )
        is_for_some = bool(shelves.audience(source.language, source.category))
        findings += cross_rules.about(rendered, page_resolver, is_for_some=is_for_some)
        if shared.are_there:
            findings += cross_rules.missing_pieces(rendered, tree.shown)
        if source.is_live:
            articles.append(
                rendered
                if rendered.source.text is None
                else replace(rendered, source=replace(rendered.source, text=None))
            )
        progress(count, len(read.articles))
    landings = categories.landings(shelves, settings.languages)
    texts = {
        (source.language, source.category): render(
            tree, source, resolver(source), None, change=LastChange("")
        )
        for source in landings
    }
    for text in texts.values():
        findings += cross_rules.of_text(text, resolver(text.source))
        if shared.are_there:
            findings += cross_rules.missing_pieces(text, tree.shown)
    findings += cross_rules.broken_anchors(articles, places)
    articles, unknown = translations.with_lags(
        tree, articles, reusable.articles, resolver, settings.languages
    )
    findings += [*unknown, *cross_rules.behind(tree, articles)]
    findings += cross_rules.left_out(tree, [*articles, *texts.values()], folder)
    findings += cross_rules.twins(articles, tree.shown)
    synonyms = _synonyms(tree)
    findings += phrases.not_found(
        articles,
        tree.shown,
        lambda: (index or trial_index)(articles, synonyms),
        synonyms,
        reusable.trial,
    )
    live = [article.source for article in articles]
    ignored = {
        (tree.shown + source.entry.path, *place)
        for source in read.articles
        for place in source.ignored
    }
    findings = [each for each in findings if (each.path, each.line, each.rule) not in ignored]
    findings = leveled(findings, check_levels.parse(settings.check_levels))
    return Edition(
        tuple(articles),
        places,
        synonyms,
        tuple(sorted(set(findings), key=_order)),
        categories.listed(shelves, live, texts),
        categories.positions(shelves, live),
        gone,
        read.due_at,
    )


def _pages(articles: Sequence[Rendered]) -> list[Page]:
    return [article.page for article in articles if not article.source.is_excluded]


def trial_index(articles: Sequence[Rendered], synonyms: str) -> TrialIndex:
    """The articles as the search would rank them, in memory."""
    return TrialIndex(_pages(articles), synonyms)


def _order(finding: Finding) -> tuple[str, int, int, str]:
    return finding.path, finding.line, finding.column, finding.rule


def _history(
    tree: Tree, articles: Sequence[Source], live: Mapping[str, Rendered]
) -> dict[str, LastChange]:
    """The last change of each file; git is asked about those that changed."""
    changes: dict[str, LastChange] = {}
    for source in articles:
        before = live.get(source.path)
        if before is not None and before.source.entry.blob == source.entry.blob:
            changes[source.entry.path] = before.change
    unread = [source.entry.path for source in articles if source.entry.path not in changes]
    return {**changes, **tree.changes(unread)}


def _synonyms(tree: Tree) -> str:
    if SYNONYMS not in tree.entries:
        return ""
    ((_, body),) = tree.read([SYNONYMS])
    return body.decode("utf-8-sig", errors="replace")
