"""On the page of a request: the articles that answer it, and the way to write one."""

from typing import NamedTuple

from kbsearch.articles import Card
from kbsearch.articles.writing import drafts
from kbsearch.articles.writing.drafts import ArticleDraft
from kbsearch.messages.notifications import solutions
from kbsearch.messages.notifications.solutions import LetterCount
from kbsearch.tickets import Ticket
from kbsearch.web.render import db, viewer


class AnsweredBy(NamedTuple):
    """The articles, each with who was told of it; what the viewer began to write."""

    articles: list[tuple[Card, LetterCount | None]]
    may_write: bool
    draft: ArticleDraft | None


def of_ticket(ticket: Ticket) -> AnsweredBy:
    """Agents see who was told, and write; everybody sees the articles that are for them."""
    is_agent = viewer().is_agent
    answers = [
        (card, solutions.told(db(), viewer(), ticket, card.path) if is_agent else None)
        for card in solutions.of_ticket(db(), viewer(), ticket)
    ]
    may_write = viewer().is_staff and ticket.is_resolved
    draft = drafts.find_of(db(), viewer(), ticket=ticket.number) if may_write else None
    if draft and draft.article.path in {card.path for card, _ in answers}:
        return AnsweredBy(answers, False, None)  # it is this one
    return AnsweredBy(answers, may_write, draft)
