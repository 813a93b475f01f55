"""One article rendered: its page, its passages, what it points at, and what was remarked."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from kbsearch import access
from kbsearch.articles.publishing import rules, sources
from kbsearch.articles.publishing.addresses import PageResolver
from kbsearch.articles.publishing.rules import Reference, RuleRemark
from kbsearch.articles.publishing.sources import Source
from kbsearch.articles.publishing.tree import LastChange, Tree
from kbsearch.database import Row
from kbsearch.search.fulltext.documents import Page
from kbsearch.search.fulltext.text import words_of
from kbsearch.text import markup
from kbsearch.text.markup import Document, Passage

FEWEST_IN_TITLE, FEWEST_IN_BODY = 3, 20  # words; what is shorter, many have: "Getting started"


class Resolved(NamedTuple):
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
class RenderedText:
    """What is shown of an article, and its passages as they are kept."""

    html: str
    outline: str  # JSON, of each passage: anchor, title, depth, text


@dataclass(frozen=True)
class Rendered:
    """One live article, ready to be shown and indexed."""

    source: Source
    slug: str
    audience: str
    summary: str  # its own words for itself, else how it begins
    anchors: frozenset[str]  # where a link may lead in it
    wordings: tuple[str, str]  # of title and text, what twins have in common; empty for short ones
    references: tuple[Resolved, ...]
    remarks: tuple[RuleRemark, ...]
    change: LastChange
    text: Callable[[], RenderedText] = field(compare=False, repr=False)  # read when it is needed
    lag: TranslationLag | None = None  # None: no translation, or not known
    # the row that it was read from, without its text, while all that was made of its file holds
    stored: Row | None = field(default=None, compare=False, repr=False)

    @property
    def html(self) -> str:
        return self.text().html

    @property
    def passages(self) -> tuple[Passage, ...]:
        outline = json.loads(self.text().outline)
        return tuple(Passage(anchor, title, text) for anchor, title, _, text in outline)

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
        if (before.source, before.slug, before.audience, before.change) == (
            source,
            slug,
            audience,
            change,
        ):
            return before
        is_there = before.source.entry.path == source.entry.path and before.change == change
        return replace(
            before,
            source=source,
            slug=slug,
            audience=audience,
            change=change,
            stored=before.stored if is_there else None,
        )
    source = sources.reread(tree, source)
    assert source.text is not None
    document = markup.parse(source.text, source.title, resolver.pieces)
    text = rules.CheckedText(document, source.text, source.lines_before)
    references = rules.references(text)
    remarks = (*source.remarks, *rules.check(text, source.language))
    passages = document.passages
    html = str(markup.article(document, source.language, resolver))
    shown = RenderedText(html, _outline(document, passages))
    begin = next((passage.text for passage in passages if passage.text), "")
    return Rendered(
        source=source,
        slug=slug,
        audience=audience,
        summary=source.front.text("summary") or markup.excerpt(begin),
        anchors=document.anchors,
        wordings=(
            _wording(source.title, FEWEST_IN_TITLE),
            _wording(_body(passages), FEWEST_IN_BODY),
        ),
        references=tuple(
            Resolved(reference, resolver.outcome(reference)) for reference in references
        ),
        remarks=remarks,
        change=change,
        text=lambda: shown,
    )


def _outline(document: Document, passages: Sequence[Passage]) -> str:
    levels = {section.anchor: section.level for section in document.sections}
    return json.dumps(
        [
            [passage.anchor, passage.title, levels.get(passage.anchor, 1), passage.text]
            for passage in passages
        ]
    )


def _body(passages: Sequence[Passage]) -> str:
    return "\n".join(f"{passage.title}\n{passage.text}" for passage in passages)


def _wording(text: str, fewest: int) -> str:
    """What texts of the same words have in common; empty for a text of fewer words."""
    words = words_of(text)
    if len(words) < fewest:
        return ""
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:32]


def _holds(before: Rendered, resolver: PageResolver) -> bool:
    """Whether everything the article points at still leads to the same place."""
    return all(
        resolver.outcome(resolved.reference) == resolved.outcome for resolved in before.references
    )
