"""One article rendered: its page, its passages, what it points at, and what was remarked."""

from dataclasses import dataclass, replace

from kbsearch import access
from kbsearch.articles.publishing import rules, sources
from kbsearch.articles.publishing.addresses import PageResolver
from kbsearch.articles.publishing.rules import Reference, RuleRemark
from kbsearch.articles.publishing.sources import Source
from kbsearch.articles.publishing.tree import LastChange, Tree
from kbsearch.search.fulltext.documents import Page
from kbsearch.text import markup
from kbsearch.text.markup import Passage, Section


@dataclass(frozen=True)
class Resolved:
    """A reference and what it leads to; nothing when `outcome` is empty."""

    reference: Reference
    outcome: str


@dataclass(frozen=True)
class TranslationLag:
    """How far a translation is behind its original, as both are now."""

    original: str  # its path
    made_of: tuple[str, str]  # the blobs of the original and of the translation
    lines: tuple[int, ...] = ()  # of the file: the paragraphs that are behind
    kinds: tuple[str, ...] = ()  # of each: changed, missing or gone
    html: str = ""  # the whole text with notes in it; empty where they have no sure place


@dataclass(frozen=True)
class Rendered:
    """One live article, ready to be shown and indexed."""

    source: Source
    slug: str
    audience: str
    html: str
    sections: tuple[Section, ...]
    anchors: frozenset[str]  # where a link may lead in it
    passages: tuple[Passage, ...]
    references: tuple[Resolved, ...]
    remarks: tuple[RuleRemark, ...]
    change: LastChange
    lag: TranslationLag | None = None  # None: no translation, or not known

    @property
    def summary(self) -> str:
        """Its own words for itself, else how it begins."""
        begin = next((passage.text for passage in self.passages if passage.text), "")
        return self.source.front.text("summary") or markup.excerpt(begin)

    @property
    def updated_at(self) -> str:
        date = self.source.front.text("updated")
        changed = max(self.change.at, self.source.front.publish_at)
        return f"{date}T00:00:00Z" if len(date) == 10 else date or changed

    @property
    def page(self) -> Page:
        """The article as the search takes it in."""
        front = self.source.front
        return Page(
            path=self.source.path,
            slug=self.slug,
            language=self.source.language,
            title=self.source.title,
            summary=self.summary,
            passages=self.passages,
            phrases=(*front.list("tags"), *front.found_by),
            products=front.list("product"),
            version=front.text("version"),
            readers=access.article_readers(self.audience),
            updated_at=self.updated_at,
        )


def render(
    tree: Tree,
    source: Source,
    resolver: PageResolver,
    before: Rendered | None,
    change: LastChange,
) -> Rendered:
    """Render an article, unless what was rendered `before` still holds."""
    slug = resolver.addresses.slugs.get(source.entry.path, source.own_slug)
    audience = resolver.audience
    if (
        before is not None
        and before.source.entry.blob == source.entry.blob
        and _holds(before, resolver)
    ):
        return replace(before, source=source, slug=slug, audience=audience, change=change)
    source = sources.reread(tree, source)
    assert source.text is not None
    document = markup.parse(source.text, source.title, resolver.pieces)
    text = rules.CheckedText(document, source.text, source.lines_before)
    references = rules.references(text)
    remarks = (*source.remarks, *rules.check(text, source.language))
    return Rendered(
        source=source,
        slug=slug,
        audience=audience,
        html=str(markup.article(document, source.language, resolver)),
        sections=document.sections,
        anchors=document.anchors,
        passages=document.passages,
        references=tuple(
            Resolved(reference, resolver.outcome(reference)) for reference in references
        ),
        remarks=remarks,
        change=change,
    )


def _holds(before: Rendered, resolver: PageResolver) -> bool:
    """Whether everything the article points at still leads to the same place."""
    return all(
        resolver.outcome(resolved.reference) == resolved.outcome for resolved in before.references
    )
