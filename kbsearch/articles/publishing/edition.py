"""An edition: every article of a tree rendered, and everything the rules say of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from kbsearch.articles.publishing import addresses, cross_rules, sources
from kbsearch.articles.publishing.addresses import Addresses, PageResolver
from kbsearch.articles.publishing.cross_rules import Index
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.rendered import Rendered, render
from kbsearch.articles.publishing.sources import Source
from kbsearch.articles.publishing.tree import ARTICLES, SYNONYMS, Change, Tree
from kbsearch.config import Settings
from kbsearch.files.images import ImageInfo
from kbsearch.search.fulltext.article_index import TrialIndex
from kbsearch.search.fulltext.documents import Page

Known = Mapping[str, Rendered]  # by path: what is live now


@dataclass(frozen=True)
class Edition:
    """What a tree gives, whether it may go live or not."""

    articles: tuple[Rendered, ...]
    addresses: Addresses
    synonyms: str
    findings: tuple[Finding, ...]

    @property
    def pages(self) -> list[Page]:
        """The articles as the search takes them in."""
        return _pages(self.articles)


def make(
    tree: Tree,
    settings: Settings,
    known: Known | None = None,
    known_images: Mapping[str, ImageInfo] | None = None,
    *,
    folder: str = ARTICLES,
    index: Callable[[list[Page], str], Index] = TrialIndex,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Edition:
    """Read, render and check a whole tree; what did not change is taken from `known`.

    `index` is asked for the pages and synonyms indexed when articles say how they are found.
    """
    known = known or {}
    kept = {path: rendered.source for path, rendered in known.items()}
    read = sources.read(tree, settings.languages, kept, folder=folder)
    places = addresses.assign(
        tree, read.articles, known_images or {}, audience=settings.default_audience
    )
    history = _history(tree, read.articles, known)
    findings = [*read.findings, *places.findings]
    if not read.articles:
        findings.append(Finding(tree.shown + (folder or "."), 1, 1, "no-articles"))
    articles: list[Rendered] = []
    for done, source in enumerate(read.articles):
        change = history[source.entry.path]
        rendered = render(
            tree,
            source,
            PageResolver(places, source, settings.default_audience),
            known.get(source.path),
            audience=settings.default_audience,
            change=change,
        )
        findings += cross_rules.about(rendered, places)
        if source.is_live:
            articles.append(replace(rendered, source=replace(source, text=None)))
        progress(done + 1, len(read.articles))
    findings += cross_rules.broken_anchors(articles, places)
    findings += cross_rules.behind(tree, articles)
    synonyms = _synonyms(tree)
    findings += cross_rules.not_found(
        articles, tree.shown, lambda: index(_pages(articles), synonyms)
    )
    return Edition(tuple(articles), places, synonyms, tuple(sorted(set(findings), key=_order)))


def _pages(articles: Sequence[Rendered]) -> list[Page]:
    return [article.page for article in articles if not article.source.is_excluded]


def _order(finding: Finding) -> tuple[str, int, int, str]:
    return finding.path, finding.line, finding.column, finding.rule


def _history(tree: Tree, articles: Sequence[Source], known: Known) -> dict[str, Change]:
    """The last change of each file; git is asked about those that changed."""
    found: dict[str, Change] = {}
    for source in articles:
        before = known.get(source.path)
        if before is not None and before.source.entry.blob == source.entry.blob:
            found[source.entry.path] = before.change
    asked = [source.entry.path for source in articles if source.entry.path not in found]
    return {**found, **tree.changes(asked)}


def _synonyms(tree: Tree) -> str:
    if SYNONYMS not in tree.entries:
        return ""
    ((_, body),) = tree.read([SYNONYMS])
    return body.decode("utf-8-sig", errors="replace")
