"""The form in which an article is written: what was sent in it, and what its page shows."""

import json
import posixpath
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from difflib import SequenceMatcher
from types import MappingProxyType
from typing import NamedTuple, Self

from flask import request
from markupsafe import Markup

from kbsearch.articles import categories
from kbsearch.articles.publishing import previews
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.previews import Preview, Rank
from kbsearch.articles.writing import amending, files, originals
from kbsearch.articles.writing import review as article_review
from kbsearch.articles.writing.amending import OriginalFile
from kbsearch.articles.writing.composition import Composed, Hidden
from kbsearch.articles.writing.drafts import MAX_HIDDEN, ArticleDraft
from kbsearch.articles.writing.files import ArticleFile
from kbsearch.articles.writing.originals import Sides
from kbsearch.articles.writing.review import Doubtful, Seen
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.errors import Invalid
from kbsearch.people import organisations
from kbsearch.people.organisations import products
from kbsearch.text import masking
from kbsearch.web.numbers import whole
from kbsearch.web.render import db, site, spoken_language, viewer
from kbsearch.web.writing import unpublished

MAX_NUMBERS = 50
LONGEST_HIDDEN = 400_000  # characters
FIELDS = ("title", "slug", "summary", "audience", "product", "version")
UNNAMED = "article"  # stands for an address that is not chosen yet


@dataclass(frozen=True)
class EditorEntry:
    """What the form carried: the article, and what it belongs to."""

    composed: Composed
    edition: int
    tab: str
    base: str = ""  # the commit whose file it changes, until it is kept
    seen: str = ""  # the revision of somebody else's text that was shown beside it

    @classmethod
    def of_form(cls, fields: Mapping[str, str]) -> Self:
        place, base = fields.get("place", ""), fields.get("base", "")
        article = ArticleFile(
            language=fields.get("language", ""),
            title=fields.get("title", ""),
            body=fields.get("body", ""),
            category=fields.get("category", ""),
            slug=fields.get("slug", ""),
            summary=fields.get("summary", ""),
            audience=fields.get("audience", ""),
            product=fields.get("product", ""),
            version=fields.get("version", ""),
            phrases=tuple(fields.get("phrases", "").splitlines()),
        )
        composed = Composed(
            files.tidy(article),
            hidden(fields.get("hidden", "")),
            numbers(request.form.getlist("ticket")),
            fields.get("gap", ""),
            originals.at_commit(site().settings, place, base) if place else None,
        )
        edition = fields.get("over") or fields.get("edition", "")
        seen = fields.get("seen", "")
        return cls(composed, number(edition), fields.get("tab", ""), base, seen)

    def finished(self) -> Self:
        """As it leaves: a new article that was given no address has one made of its title."""
        article = self.composed.article
        if article.slug or self.composed.original:
            return self
        article = files.tidy(replace(article, slug=article.title))
        return replace(self, composed=replace(self.composed, article=article))


class PlacedFinding(NamedTuple):
    """A finding, and where it stands in the form: a line of the text, or a field above it."""

    finding: Finding
    line: int  # of the text; 0 above it
    field: str  # the name of the field there; empty for none in particular


@dataclass(frozen=True)
class Review:
    """What is said of an article while it is written."""

    seen: list[Seen]
    doubts: list[Doubtful]
    html: Markup | None = None
    remarks: tuple[PlacedFinding, ...] = ()
    is_refused: bool = False  # the content cannot be read just now

    @property
    def masked(self) -> int:
        return sum(part.state == "masked" for part in self.seen)

    @property
    def errors(self) -> int:
        return sum(remark.finding.severity == "error" for remark in self.remarks)


class SideLine(NamedTuple):
    """A line of one of two texts, and whether it was changed since both were one."""

    text: str
    is_changed: bool


class Side(NamedTuple):
    """An article as one of two people has it: the fields that differ, and the text."""

    fields: tuple[tuple[str, str], ...]
    lines: tuple[SideLine, ...]


class Choices(NamedTuple):
    """What can be chosen in the form."""

    categories: list[tuple[str, str]]  # their paths and their names
    audiences: list[tuple[str, str]]  # the word of an audience, and a name in it
    products: list[tuple[str, str]]


def hidden(text: str) -> tuple[Hidden, ...]:
    """What was masked when the page was made: it comes back with the first save."""
    try:
        values = json.loads(text[:LONGEST_HIDDEN])
        items = [
            (value["kind"], value["text"], value["placeholder"]) for value in values[:MAX_HIDDEN]
        ]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ()
    return tuple(
        Hidden(kind, original, placeholder)
        for kind, original, placeholder in items
        if isinstance(kind, str)
        and kind in masking.KINDS
        and isinstance(original, str)
        and original
        and isinstance(placeholder, str)
        and placeholder in [mark for _, mark in masking.placeholders(placeholder)]
    )


def as_text(items: tuple[Hidden, ...]) -> str:
    return json.dumps([asdict(item) for item in items], ensure_ascii=False)


def numbers(texts: list[str]) -> tuple[int, ...]:
    """The numbers of requests in an address or a form."""
    unique = dict.fromkeys(map(number, texts[:MAX_NUMBERS]))
    return tuple(value for value in unique if value)


def number(text: str) -> int:
    return whole(text.strip().removeprefix("#")) or 0


def new_tab() -> str:
    """What tells one window from another."""
    return new_id()


def choices(article: ArticleFile, settings: Settings) -> Choices:
    """Existing categories, whoever may be meant, products; what is chosen is among them."""
    places = category_names(article.language)
    if article.category:
        places.setdefault(article.category, article.category)
    offered = products.list_all(db())
    audiences = [("everyone", ""), ("customers", ""), ("agents", "")]
    audiences += [
        (f"org:{organisation.slug}", organisation.name)
        for organisation in organisations.list_all(db())
    ]
    audiences += [(f"product:{product.slug}", product.name) for product in offered]
    if article.audience and article.audience not in dict(audiences):
        audiences.append((article.audience, article.audience))
    named = [(product.slug, product.name) for product in offered]
    if article.product and article.product not in dict(named):
        named.append((article.product, article.product))
    return Choices(list(places.items()) or [(UNNAMED, UNNAMED)], audiences, named)


def category_names(tongue: str) -> dict[str, str]:
    """The categories of a language by their paths, each after those it lies in."""
    there = categories.list_offered(db(), viewer(), tongue)
    names = {each.path: spoken_language().category_name(each) for each in there}
    return {
        path: " › ".join(names[part] for part in categories.with_outer(path)[1:]) for path in names
    }


def sides(both: Sides) -> tuple[Side | None, Side]:
    """Theirs, none where they removed it, and mine."""
    mine = _side(both.mine, both.theirs or both.base, both.base)
    return _side(both.theirs, both.mine, both.base) if both.theirs else None, mine


def _side(article: ArticleFile, other: ArticleFile, base: ArticleFile) -> Side:
    values = {name: getattr(article, name) for name in FIELDS}
    values["phrases"] = ", ".join(article.phrases)
    others = {name: getattr(other, name) for name in FIELDS}
    others["phrases"] = ", ".join(other.phrases)
    different = tuple((name, text) for name, text in values.items() if text != others[name])
    lines, old = article.body.split("\n"), base.body.split("\n")
    blocks = SequenceMatcher(None, old, lines).get_matching_blocks()
    same = {block.b + step for block in blocks for step in range(block.size)}
    shown = (SideLine(line, place not in same) for place, line in enumerate(lines))
    return Side(different, tuple(shown))


def review(
    article: ArticleFile,
    items: tuple[Hidden, ...],
    original: OriginalFile | None,
    *,
    beside: Mapping[str, bytes],
    media: Mapping[str, str],
) -> Review:
    """The article as it would be shown, and what is to be said of it.

    `beside` are the files that it brings, `media` their addresses until it is published, by blob.
    """
    if files.is_too_long(article):
        return Review([], [])
    keep = [product.name for product in products.list_all(db())]
    parts = article_review.masked(article, items)
    doubts = article_review.doubtful(article, keep)
    try:
        draft = as_file(article, original)
        preview = draft.preview(beside)
    except Invalid:
        return Review(parts, doubts, is_refused=True)
    article_preview = preview.article(draft.path)
    lines = draft.text.split("\n")
    remarks = [
        PlacedFinding(finding, max(0, finding.line - draft.before), field_of(lines[: finding.line]))
        for finding in preview.findings_of(draft.place)
    ]
    html = unpublished.with_media(article_preview.html, media) if article_preview else None
    return Review(parts, doubts, html, tuple(remarks))


def field_of(lines: list[str]) -> str:
    """The field whose value stands on the last of some lines of front matter."""
    keys = [line.partition(":")[0] for line in lines[1:] if not line.startswith(("-", " "))]
    key = keys[-1] if keys else ""
    return "phrases" if key in files.FOUND_BY.values() else key if key in FIELDS else ""


def ranks(article: ArticleFile, original: OriginalFile | None) -> list[Rank]:
    """Where each phrase would find the article; raises Invalid for one that is too long."""
    files.check_length(article)
    draft = as_file(article, original)
    return draft.preview().ranks(draft.path, article.phrases)


class FileOfDraft(NamedTuple):
    """The file that an article would be, to look at."""

    place: str
    text: str
    before: int  # lines above what the form shows as the text

    @property
    def path(self) -> str:
        return previews.article_of(self.place)

    def preview(self, beside: Mapping[str, bytes] = MappingProxyType({})) -> Preview:
        """With the files that it brings, by their names."""
        folder = posixpath.dirname(self.place)
        files = {f"{folder}/{name}": body for name, body in beside.items()}
        files[self.place] = self.text.encode()
        return previews.of_files(db(), site().settings, files)


def as_file(article: ArticleFile, original: OriginalFile | None) -> FileOfDraft:
    """Under an address to look at it, while it has none."""
    file = article if original else with_address(article)
    audience = site().settings.default_audience
    return FileOfDraft(
        amending.place(file, original),
        amending.written(file, original, audience),
        amending.lines_before(file, original, audience),
    )


def with_address(article: ArticleFile) -> ArticleFile:
    category, slug = article.category or UNNAMED, article.slug or UNNAMED
    return replace(article, category=category, slug=slug)


def as_composed(draft: ArticleDraft) -> Composed:
    """A draft as its form carries it."""
    tickets = tuple(link.number for link in draft.tickets)
    return Composed(draft.article, draft.hidden, tickets, draft.gap, draft.original)
