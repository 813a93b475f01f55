"""Articles that solve requests, as their commits say, and telling the people who had asked."""

from dataclasses import dataclass

from kbsearch import access, articles, outbox, people, tickets
from kbsearch.access import Viewer
from kbsearch.articles import Card
from kbsearch.articles.publishing import trailers
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row, new_id
from kbsearch.errors import NotFound
from kbsearch.outbox import Handlers, Task
from kbsearch.people import Person, notification_choices, viewers
from kbsearch.tickets import Ticket

TOLD = outbox.declare("article.told", "mail")  # to one person
PREFERENCE = "ticket.article"


@dataclass(frozen=True)
class LetterCount:
    """How far the people of a request have been told of an article."""

    people: int  # who may read it and want to know
    letters: int  # that were asked for


@dataclass(frozen=True)
class ArticleTelling:
    """A letter to write: to whom, of which article, for which of their requests."""

    person: Person
    ticket: Ticket
    article: Card


def of_ticket(db: Database, viewer: Viewer, ticket: Ticket) -> list[Card]:
    """The live articles that solve a request, as far as the viewer may read them."""
    records = trailers.list_all(db, trailers.SOLVES_TICKET, value=str(ticket.number))
    paths = [trailer.path for trailer in records if trailer.path]
    return list(articles.list_paths(db, viewer, paths).values())


def tell(db: Database, viewer: Viewer, ticket: Ticket, path: str) -> int:
    """Ask for letters to those who had asked and may read the article; to how many.

    Nobody gets one twice of the same article for the same request.
    """
    if not viewer.is_agent or path not in {card.path for card in of_ticket(db, viewer, ticket)}:
        raise NotFound("article.not_found")
    with db.atomic():
        return _ask(db, viewer.person_id, ticket, path)


def told(db: Database, viewer: Viewer, ticket: Ticket, path: str) -> LetterCount:
    """Who could be told of an article, and who was."""
    access.only_agents(viewer, "article.not_found")
    rows = db.query(
        "SELECT COUNT(*) AS n FROM article_tellings WHERE ticket_id = :ticket AND path = :path",
        {"ticket": ticket.id, "path": path},
    )
    return LetterCount(len(_audience(db, ticket, path)), rows[0]["n"])


def find(db: Database, telling_id: str) -> ArticleTelling | None:
    """What a letter says, as things stand now; None when there is nobody to tell any more."""
    rows = db.query(
        """
        SELECT ticket_id, path, person_id FROM article_tellings
        WHERE id = :id AND settled_at IS NULL
        """,
        {"id": telling_id},
    )
    return _telling(db, **rows[0]) if rows else None


def settle(db: Database, telling_id: str, outcome: str) -> None:
    """Keep that a letter was sent, or why not."""
    db.execute(
        """
        UPDATE article_tellings SET settled_at = :now, outcome = :outcome
        WHERE id = :id AND settled_at IS NULL
        """,
        {"id": telling_id, "outcome": outcome, "now": stored(utc_now())},
    )


def handlers(db: Database) -> Handlers:
    """What follows a publication: those who were promised a letter get it."""

    def keep_promises(task: Task) -> None:
        for trailer in trailers.list_all(db, trailers.SOLVES_TICKET, commit=task.subject):
            if trailer.path and trailer.value.isdecimal():
                _keep_promise(db, trailer.value, trailer.path)

    return {trailers.PUBLISHED: keep_promises}


def _keep_promise(db: Database, number: str, path: str) -> None:
    rows = db.query(
        """
        SELECT t.id, a.asked_by_id FROM article_announcements a JOIN tickets t ON t.id = a.ticket_id
        WHERE t.number = :number
        """,
        {"number": int(number[:18])},
    )
    for row in rows:
        with db.atomic():
            ticket = _seen_by_agents(db, row)
            if ticket is not None:
                _ask(db, row["asked_by_id"], ticket, path)
            db.execute("DELETE FROM article_announcements WHERE ticket_id = :id", {"id": row["id"]})


def _seen_by_agents(db: Database, row: Row) -> Ticket | None:
    """The request as whoever promised reads it; None when they answer requests no more."""
    if row["asked_by_id"] is None:
        return None
    try:
        promised_by = viewers.find(db, people.find_id(db, row["asked_by_id"]).email)
        return tickets.find(db, promised_by, row["id"])
    except NotFound:
        return None


def _ask(db: Database, asked_by: str | None, ticket: Ticket, path: str) -> int:
    count = 0
    for person_id in _audience(db, ticket, path):
        telling_id = new_id()
        is_new = db.execute(
            """
            INSERT INTO article_tellings (id, ticket_id, path, person_id, asked_by_id, asked_at)
            VALUES (:id, :ticket, :path, :person, :by, :now)
            ON CONFLICT (ticket_id, path, person_id) DO NOTHING
            """,
            {
                "id": telling_id,
                "ticket": ticket.id,
                "path": path,
                "person": person_id,
                "by": asked_by,
                "now": stored(utc_now()),
            },
        )
        if is_new:
            outbox.add(db, TOLD, telling_id)
            count += 1
    return count


def _audience(db: Database, ticket: Ticket, path: str) -> list[str]:
    """The requester and those in copy who may read the article, and want such letters."""
    concerned = dict.fromkeys([ticket.requester_id, *(copy.person_id for copy in ticket.copies)])
    return [
        person_id
        for person_id in concerned
        if person_id and _telling(db, ticket.id, path, person_id) is not None
    ]


def _telling(db: Database, ticket_id: str, path: str, person_id: str) -> ArticleTelling | None:
    try:
        person = people.find_id(db, person_id)
        reader = viewers.find(db, person.email)
        ticket = tickets.find(db, reader, ticket_id)
    except NotFound:
        return None  # they may not sign in, or not read the request, any more
    article = articles.find_path(db, reader, path)
    is_concerned = person_id == ticket.requester_id or ticket.is_copied(reader)
    is_wanted = notification_choices.wants(db, person_id, PREFERENCE, "mail")
    if article is None or reader.is_agent or not (is_concerned and is_wanted):
        return None
    return ArticleTelling(person, ticket, article)
