"""Making hits: what a result shows, from what an index or the database found."""

import re
from collections.abc import Sequence

from markupsafe import escape

from kbsearch import articles, tickets
from kbsearch.i18n import gettext
from kbsearch.search import Hit
from kbsearch.search.fulltext.article_index import ArticleIndex
from kbsearch.search.fulltext.article_index import Found as FoundPage
from kbsearch.search.fulltext.highlight import SNIPPET_LENGTH, Highlighter
from kbsearch.search.fulltext.ticket_index import Found as FoundCase

SIGNS = re.compile(r"\*\*|`+|(?<!\S)#{1,6} ")


def of_page(index: ArticleIndex, found: FoundPage, highlighter: Highlighter, language: str) -> Hit:
    """An article, at the passage that answers best. Of a lesson only its weight is told."""
    page, place = found.page, index.place(found, highlighter)
    anchor = f"#{place.anchor}" if place.anchor else ""
    told = gettext(language, "Learnt from what people confirmed")
    learnt = (f"{told} +{found.learnt:.2f}",) if found.learnt else ()
    return Hit(
        kind="article",
        id=found.path,
        title=page.title,
        url=f"/{index.language}/articles/{page.slug}{anchor}",
        score=round(found.score, 4),
        language=index.language,
        section=place.title,
        snippet=place.snippet,
        reasons=(*found.reasons, *learnt) if found.reasons else (),
        products=page.products,
        version=page.version,
        date=page.updated_at,
    )


def of_case(found: FoundCase, language: str, highlighter: Highlighter) -> Hit:
    """A past request, with the piece of it that matches best."""
    snippet = highlighter.snippet(found.case.text, highlighter.matches(found.case.flat_text))
    return _case(found, language, _unmarked(snippet), found.reasons)


def of_similar(found: FoundCase, language: str, reasons: tuple[str, ...]) -> Hit:
    """A past request like another, with how it was solved: the answer that comes first."""
    solution = Highlighter({}, lambda word: None).snippet(found.case.answers, [])
    return _case(found, language, _unmarked(solution), reasons)


def _unmarked(snippet: str) -> str:
    """A piece of a message without the signs of Markdown that would stand around its words."""
    return SIGNS.sub("", snippet)


def _case(found: FoundCase, language: str, snippet: str, reasons: tuple[str, ...]) -> Hit:
    case = found.case
    return Hit(
        kind="ticket",
        id=str(found.number),
        title=case.subject,
        url=f"/{language}/requests/{case.ticket_id}",
        score=round(found.score, 4),
        language=case.language,
        snippet=snippet,
        reasons=reasons,
        products=(case.product,) if case.product else (),
        version=case.version,
        status=case.status,
        date=case.updated_at,
    )


def of_card(card: articles.Card) -> Hit:
    """An article found in the database."""
    return Hit(
        kind="article",
        id=card.path,
        title=card.title,
        url=f"/{card.language}/articles/{card.slug}",
        score=0.0,
        language=card.language,
        snippet=str(escape(card.summary)),
        products=card.products,
        version=card.version,
        date=card.updated_at,
    )


def of_ticket(found: tickets.DatabaseHit, language: str) -> Hit:
    """A past request found in the database."""
    return Hit(
        kind="ticket",
        id=str(found.number),
        title=found.subject,
        url=f"/{language}/requests/{found.id}",
        score=0.0,
        language=found.language,
        snippet=str(escape(found.description[:SNIPPET_LENGTH])),
        products=(found.product,) if found.product else (),
        version=found.version or "",
        status=found.status,
        date=found.updated_at,
    )


def reasons(
    codes: Sequence[str],
    words: Sequence[str],
    found: FoundCase,
    ticket: tickets.Ticket | None,
    language: str,
) -> tuple[str, ...]:
    """Why a past request is like another, in words: what they share."""
    told = [gettext(language, "Same code: %(code)s", code=code) for code in codes]
    if ticket is not None and ticket.product and ticket.product == found.case.product:
        told.append(gettext(language, "Same software"))
        if ticket.version and ticket.version == found.case.version:
            told.append(gettext(language, "Same version: %(version)s", version=ticket.version))
    if words:
        told.append(gettext(language, "Same words: %(words)s", words=", ".join(words)))
    return tuple(told)
