"""Making hits: what a result shows, from what an index or the database found."""

import re
from collections.abc import Iterator, Sequence

from markupsafe import escape

from kbsearch import articles, tickets
from kbsearch.i18n import gettext
from kbsearch.search import Hit
from kbsearch.search.fulltext.article_index import ArticleIndex, PageHit
from kbsearch.search.fulltext.explanation import Explanation
from kbsearch.search.fulltext.highlight import SNIPPET_LENGTH, Highlighter
from kbsearch.search.fulltext.ticket_commit import CaseHit

# What the index has of a document, in words.
PLACES = {
    "t": "In its title: %(words)s",
    "all": "In its title and text: %(words)s",
    "ans": "In its answers: %(words)s",
    "notes": "In its notes and tags: %(words)s",
    "e": "In its search phrases and tags: %(words)s",
    "bg": "Side by side: %(words)s",
    "x": "Written just so: %(words)s",
}
SIGNS = re.compile(r"\*\*|`+|(?<!\S)#{1,6} ")


def of_page(index: ArticleIndex, hit: PageHit, highlighter: Highlighter, language: str) -> Hit:
    """An article, at the passage that answers best. Of a lesson only its weight is told."""
    page, excerpt = hit.page, index.excerpt(hit, highlighter)
    anchor = f"#{excerpt.anchor}" if excerpt.anchor else ""
    reasons = tuple(_in_words(hit.explanation, language)) if hit.explanation else ()
    if reasons and hit.learnt:
        label = gettext(language, "Learnt from what people confirmed")
        reasons = (*reasons, f"{label} +{hit.learnt:.2f}")
    return Hit(
        kind="article",
        id=hit.path,
        title=page.title,
        url=f"/{index.language}/articles/{page.slug}{anchor}",
        score=round(hit.score, 4),
        language=index.language,
        section=excerpt.title,
        snippet=excerpt.snippet,
        reasons=reasons,
        products=page.products,
        version=page.version,
        date=page.updated_at,
        passage=excerpt.passage,
    )


def of_case(hit: CaseHit, language: str, highlighter: Highlighter) -> Hit:
    """A past request, with the piece of it that matches best."""
    snippet = highlighter.snippet(hit.case.text, highlighter.matches(hit.case.flat_text))
    reasons = tuple(_in_words(hit.explanation, language)) if hit.explanation else ()
    return _case(hit, language, _unmarked(snippet), reasons)


def of_similar(hit: CaseHit, language: str, reasons: tuple[str, ...]) -> Hit:
    """A past request like another, with how it was solved: the answer that comes first."""
    solution = Highlighter({}, lambda word: None).snippet(hit.case.answers, [])
    return _case(hit, language, _unmarked(solution), reasons)


def _in_words(explanation: Explanation, language: str) -> Iterator[str]:
    """Why a hit stands where it stands: what is exact first, then its words by where they are."""
    if explanation.is_number:
        yield gettext(language, "It has this very number: before everything else")
    if explanation.keys:
        yield gettext(
            language,
            "It has this very code, before what only has words: %(codes)s",
            codes=", ".join(explanation.keys),
        )
    if explanation.is_whole_title:
        yield gettext(language, "This is its very title: before what only has words")
    for field, label in PLACES.items():
        points: dict[str, float] = {}
        for share in explanation.shares:
            if share.field == field:
                points[share.term] = points.get(share.term, 0.0) + share.points
        if points:
            yield gettext(language, label, words=", ".join(map(_pointed, points.items())))
    if explanation.worth:
        yield gettext(
            language,
            "Its words make %(points)s points, where the words looked for weigh %(worth)s",
            points=f"{explanation.points:.2f}",
            worth=f"{explanation.worth:.2f}",
        )


def _pointed(share: tuple[str, float]) -> str:
    word, points = share
    return f"{word} ({points:.2f})" if points else word


def _unmarked(snippet: str) -> str:
    """A piece of a message without the signs of Markdown that would stand around its words."""
    return SIGNS.sub("", snippet)


def _case(hit: CaseHit, language: str, snippet: str, reasons: tuple[str, ...]) -> Hit:
    case = hit.case
    return Hit(
        kind="ticket",
        id=str(hit.number),
        title=case.subject,
        url=f"/{language}/requests/{case.ticket_id}",
        score=round(hit.score, 4),
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


def of_ticket(hit: tickets.DatabaseHit, language: str) -> Hit:
    """A past request found in the database."""
    return Hit(
        kind="ticket",
        id=str(hit.number),
        title=hit.subject,
        url=f"/{language}/requests/{hit.id}",
        score=0.0,
        language=hit.language,
        snippet=str(escape(hit.description[:SNIPPET_LENGTH])),
        products=(hit.product,) if hit.product else (),
        version=hit.version or "",
        status=hit.status,
        date=hit.updated_at,
    )


def reasons(
    codes: Sequence[str],
    words: Sequence[str],
    hit: CaseHit,
    ticket: tickets.Ticket | None,
    language: str,
) -> tuple[str, ...]:
    """Why a past request is like another, in words: what they share."""
    lines = [gettext(language, "Same code: %(code)s", code=code) for code in codes]
    if ticket is not None and ticket.product and ticket.product == hit.case.product:
        lines.append(gettext(language, "Same software"))
        if ticket.version and ticket.version == hit.case.version:
            lines.append(gettext(language, "Same version: %(version)s", version=ticket.version))
    if words:
        lines.append(gettext(language, "Same words: %(words)s", words=", ".join(words)))
    return tuple(lines)
