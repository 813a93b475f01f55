"""The form in which an article is written: what was sent in it, and what its page shows."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import NamedTuple, Self

from flask import request
from markupsafe import Markup

from kbsearch import articles
from kbsearch.articles.publishing import previews
from kbsearch.articles.publishing.findings import Finding
from kbsearch.articles.publishing.previews import Preview, Rank
from kbsearch.articles.writing import files
from kbsearch.articles.writing import review as article_review
from kbsearch.articles.writing.composition import Composed, Hidden
from kbsearch.articles.writing.drafts import MAX_HIDDEN, ArticleDraft
from kbsearch.articles.writing.files import ArticleFile
from kbsearch.articles.writing.review import Doubtful, Seen
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.errors import Invalid
from kbsearch.people import organisations
from kbsearch.people.organisations import products
from kbsearch.text import masking
from kbsearch.web.numbers import whole
from kbsearch.web.render import db, site, viewer

MAX_NUMBERS = 50
LONGEST_HIDDEN = 400_000  # characters
FIELDS = ("title", "summary", "audience", "product", "version")
UNNAMED = "article"  # stands for an address that is not chosen yet


@dataclass(frozen=True)
class EditorEntry:
    """What the form carried: the article, and what it belongs to."""

    composed: Composed
    edition: int
    tab: str

    @classmethod
    def of_form(cls, fields: Mapping[str, str]) -> Self:
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
        )
        edition = fields.get("over") or fields.get("edition", "")
        return cls(composed, number(edition), fields.get("tab", ""))


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


class Choices(NamedTuple):
    """What can be chosen in the form."""

    categories: list[str]
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
    there = articles.list_by_category(db(), viewer(), article.language)
    categories = [category for category, _ in there if category]
    if article.category and article.category not in categories:
        categories.append(article.category)
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
    return Choices(categories or [UNNAMED], audiences, named)


def review(article: ArticleFile, items: tuple[Hidden, ...]) -> Review:
    """The article as it would be shown, and what is to be said of it."""
    if files.is_too_long(article):
        return Review([], [])
    keep = [product.name for product in products.list_all(db())]
    parts = article_review.masked(article, items)
    doubts = article_review.doubtful(article, keep)
    try:
        preview, file = rendered(article)
    except Invalid:
        return Review(parts, doubts, is_refused=True)
    article_preview = preview.article(file.path)
    before = files.lines_before(file)
    lines = files.written(file).split("\n")
    remarks = [
        PlacedFinding(finding, max(0, finding.line - before), field_of(lines[: finding.line]))
        for finding in preview.findings_of(file.place)
    ]
    html = (
        Markup(article_preview.html) if article_preview else None
    )  # safe: it left markup.clean as the live ones do
    return Review(parts, doubts, html, tuple(remarks))


def field_of(lines: list[str]) -> str:
    """The field whose value stands on the last of some lines of front matter."""
    keys = [line.partition(":")[0] for line in lines[1:] if not line.startswith(("-", " "))]
    key = keys[-1] if keys else ""
    return "phrases" if key in files.FOUND_BY.values() else key if key in FIELDS else ""


def ranks(article: ArticleFile) -> list[Rank]:
    """Where each phrase would find the article; raises Invalid for one that is too long."""
    files.check_length(article)
    preview, file = rendered(article)
    return preview.ranks(file.path, article.phrases)


def rendered(article: ArticleFile) -> tuple[Preview, ArticleFile]:
    file = with_address(article)
    return previews.of_file(db(), site().settings, file.place, files.written(file)), file


def with_address(article: ArticleFile) -> ArticleFile:
    """With an address to look at it under, while it has none."""
    values = asdict(article)
    values["category"] = article.category or UNNAMED
    values["slug"] = article.slug or UNNAMED
    return ArticleFile(**values)


def as_composed(draft: ArticleDraft) -> Composed:
    """A draft as its form carries it."""
    tickets = tuple(link.number for link in draft.tickets)
    return Composed(draft.article, draft.hidden, tickets, draft.gap)
