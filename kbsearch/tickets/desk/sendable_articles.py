"""Articles that an answer may send: everybody who reads the request may read them too."""

from collections.abc import Sequence

from kbsearch import access, articles
from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.errors import Forbidden, NotFound
from kbsearch.search import Hit
from kbsearch.text.markup.retold import retold
from kbsearch.tickets import Ticket
from kbsearch.tickets.desk import past_cases


def among(db: Database, viewer: Viewer, ticket: Ticket, hits: Sequence[Hit]) -> frozenset[str]:
    """The ids of those of some articles that may be sent."""
    access.only_agents(viewer, "ticket.not_found")
    readers = past_cases.readers_of(db, ticket)
    return frozenset(
        hit.id
        for hit in hits
        if readers and all(articles.find_path(db, reader, hit.id) for reader in readers)
    )


def link(hit: Hit, base: str) -> str:
    """The link to an article, as Markdown; `base` is the site's address."""
    return f"[{hit.title}]({base}{hit.url})"


def text(db: Database, viewer: Viewer, ticket: Ticket, path: str, base: str) -> str:
    """What an article says, and where it is, as Markdown.

    Raises NotFound, and Forbidden for one that somebody who reads the request may not read.
    """
    access.only_agents(viewer, "ticket.not_found")
    card = articles.find_path(db, viewer, path)
    if card is None:
        raise NotFound("article.not_found")
    readers = past_cases.readers_of(db, ticket)
    if not readers or not all(articles.find_path(db, reader, path) for reader in readers):
        raise Forbidden("article.not_sendable")
    article = articles.find(db, viewer, card.language, card.slug)
    address = f"{base}/{card.language}/articles/{card.slug}"
    return f"{retold(article.html, f'{base}/')}\n\n[{card.title}]({address})"
