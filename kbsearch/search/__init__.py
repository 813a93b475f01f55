"""Search: what is found, for whom, in which order. The one ranking of the whole product."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["article", "ticket"]
BEGINNING, END = 2_000, 1_000  # characters of a long description that are asked
PUBLIC = ("kind", "id", "title", "section", "url", "score", "snippet", "language", "status")


@dataclass(frozen=True)
class Hit:
    """One result. `snippet` is safe HTML in which what matched stands in <mark>."""

    kind: Kind
    id: str  # an article's path (`fr/account/sign-in`), a ticket's number
    title: str
    url: str
    score: float
    language: str
    section: str = ""  # the heading of the best section, empty for the introduction
    snippet: str = ""
    reasons: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    version: str = ""
    status: str = ""  # of a ticket
    date: str = ""  # stored moment of the last change
    passage: str = ""  # of an article: the words of its best section, letter for letter

    def public(self) -> dict[str, object]:
        """What programs get of it."""
        return {name: getattr(self, name) for name in PUBLIC} | {"reasons": list(self.reasons)}


@dataclass(frozen=True)
class Facet:
    """A value hits share, and how many of them do."""

    value: str
    count: int


@dataclass(frozen=True)
class Facets:
    kinds: tuple[Facet, ...] = ()
    products: tuple[Facet, ...] = ()
    languages: tuple[Facet, ...] = ()


@dataclass(frozen=True)
class Question:
    """What somebody asks of the search box."""

    text: str
    language: str = "fr"
    kind: Kind | None = None
    product: str | None = None
    only_language: str | None = None
    page: int = 1
    limit: int = 10
    literal: bool = False  # no correction: what was typed is meant
    explain: bool = False


def text_of_form(subject: str, description: str, software: str = "", version: str = "") -> str:
    """What to ask of a form that is being filled in; nothing where it says nothing yet.

    The product is a word like the others: it raises what is about it and hides nothing. Of a long
    description the beginning and the end are asked: what was done, and the last error.
    """
    if not (subject.strip() or description.strip()):
        return ""
    if len(description) > BEGINNING + END:
        description = f"{description[:BEGINNING]}\n{description[-END:]}"
    return f"{software} {version}\n{description}\n{subject}"


@dataclass(frozen=True)
class Results:
    """The answer to a question."""

    hits: tuple[Hit, ...]
    total: int
    took_ms: float = 0.0
    corrected: str | None = None  # the text searched instead, when words had to be corrected
    synonyms: tuple[str, ...] = ()  # words searched too
    other_language: tuple[Hit, ...] = ()
    facets: Facets = field(default_factory=Facets)
    fallback: str | None = None  # "corrected", or "database" while the index is rebuilt
    far: tuple[Hit, ...] = ()  # where there is no hit: what only shares some words
    is_answered: bool = False  # the first hit is the answer: its passage may be shown whole

    def public(self) -> dict[str, object]:
        """What programs get of it."""
        return {
            "total": self.total,
            "took_ms": self.took_ms,
            "fallback": self.fallback,
            "corrected": self.corrected,
            "answer": self.hits[0].passage if self.is_answered else None,
            "hits": [hit.public() for hit in self.hits],
        }
