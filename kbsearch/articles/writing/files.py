"""An article as the file that will hold it: where it lies, its front matter, its Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import yaml

from kbsearch.articles.publishing.tree import ARTICLES
from kbsearch.config import LANGUAGES, Settings, is_audience
from kbsearch.errors import Invalid
from kbsearch.text import plain_text
from kbsearch.text.markup import ARTICLE_LIMIT, slug_of

MAX_TITLE = 200  # characters
MAX_SUMMARY = 300
MAX_PHRASE = 100
MAX_PHRASES = 10
MAX_SLUG = 80
MAX_VERSION = 80
MAX_CATEGORY = 100
MAX_BODY = ARTICLE_LIMIT - 16 * 1024  # bytes: front matter comes before it
WIDEST = 2**31 - 1  # characters: a value stays on its line
FOUND_BY = {"fr": "trouvable_par", "en": "found_by"}


@dataclass(frozen=True)
class ArticleFile:
    """What an agent writes of an article; a file is made of it."""

    language: str
    title: str
    body: str
    category: str = ""
    slug: str = ""
    summary: str = ""
    audience: str = ""
    product: str = ""  # a slug
    version: str = ""
    phrases: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Its id: `fr/account/sign-in`."""
        return "/".join(part for part in (self.language, self.category, self.slug) if part)

    @property
    def place(self) -> str:
        """The file, from the content's root."""
        return f"{ARTICLES}{self.path}.md"

    def as_fields(self) -> dict[str, Any]:
        """What it is kept as."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of_fields(cls, values: dict[str, Any]) -> Self:
        return cls(**{**values, "phrases": tuple(values["phrases"])})


def tidy(article: ArticleFile) -> ArticleFile:
    """With every value as it can be kept, whatever was typed: lines are lines, sizes are right."""
    phrases = [_line(phrase, MAX_PHRASE) for phrase in article.phrases]
    return replace(
        article,
        language=article.language if article.language in LANGUAGES else LANGUAGES[0],
        title=_line(article.title, MAX_TITLE),
        body=article.body if is_too_long(article) else plain_text.block(article.body),
        category="/".join(slug_of(part) for part in article.category.split("/") if slug_of(part))[
            :MAX_CATEGORY
        ].strip("-/"),
        slug=slug_of(article.slug)[:MAX_SLUG].strip("-"),
        summary=_line(article.summary, MAX_SUMMARY),
        audience=_audience(article.audience),
        product=slug_of(article.product)[:MAX_SLUG],
        version=_line(article.version, MAX_VERSION).lstrip("<>= "),  # one, and no range of them
        phrases=tuple(dict.fromkeys(filter(None, phrases)))[:MAX_PHRASES],
    )


def is_too_long(article: ArticleFile) -> bool:
    """Whether the text is longer than one that can be published: nothing is done with it."""
    return (
        len(article.body) > MAX_BODY
        or len(article.body.encode("utf-8", "surrogatepass")) > MAX_BODY
    )


def check_length(article: ArticleFile) -> None:
    """Raise Invalid for a text that is too long to be kept."""
    if is_too_long(article):
        raise Invalid("article_draft.too_long", limit=ARTICLE_LIMIT // 1024)


def check(article: ArticleFile, settings: Settings, *, is_new: bool = True) -> None:
    """Raise Invalid for what cannot become a file of the content, or stay one."""
    if article.language not in settings.languages:
        raise Invalid("article_draft.language_unknown")
    if not article.title:
        raise Invalid("article_draft.title_required")
    if is_new and not article.category:
        raise Invalid("article_draft.category_required")
    if not article.slug:
        raise Invalid("article_draft.slug_required")
    if not article.body.strip():
        raise Invalid("article_draft.body_required")
    if len(written(article).encode()) > ARTICLE_LIMIT:
        raise Invalid("article_draft.too_long", limit=ARTICLE_LIMIT // 1024)


def written(article: ArticleFile) -> str:
    """The file's text: every value is quoted as YAML needs it, the body stands as it is."""
    values: dict[str, str | Sequence[str]] = {
        "title": article.title,
        "audience": article.audience,
        "product": [article.product] if article.product else [],
        "version": article.version,
        "summary": article.summary,
        FOUND_BY[article.language]: list(article.phrases),
    }
    filled = {key: value for key, value in values.items() if value}
    front = ""
    if filled:
        front = yaml.safe_dump(filled, allow_unicode=True, sort_keys=False, width=2**31 - 1)
    return f"---\n{front}---\n\n{article.body.strip()}\n"


def lines_before(article: ArticleFile) -> int:
    """How many lines of the file stand before the body."""
    return written(replace(article, body="")).count("\n") - 1


def _line(text: str, limit: int) -> str:
    """One line of what can be seen."""
    visible = "".join(sign for sign in plain_text.line(text) if sign.isprintable())
    return " ".join(visible[:limit].split())


def _audience(text: str) -> str:
    """`customers`, `org:acme`; nothing for what is no audience."""
    kind, colon, slug = text.partition(":")
    clean = f"{kind}{colon}{slug_of(slug)[:MAX_SLUG]}"
    return clean if is_audience(clean) else ""
