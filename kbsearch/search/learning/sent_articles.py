"""Articles that agents sent: those the solving answer links to teach the search."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from kbsearch.config import Settings
from kbsearch.database import Database, Row
from kbsearch.errors import NotFound
from kbsearch.outbox import Handlers, Task
from kbsearch.people import viewers
from kbsearch.search.learning import lessons
from kbsearch.tickets.messages import solution

MOST = 5  # links of one answer that count


def handlers(settings: Settings, db: Database) -> Handlers:
    """What follows when a request is solved."""

    def on_solved(task: Task) -> None:
        learn(db, settings, task.subject)

    return {"ticket.solved": on_solved} if settings.learning else {}


def learn(db: Database, settings: Settings, event_id: str) -> int:
    """Teach what the solving answer links to, in its writer's name; again, it adds nothing."""
    rows = db.query(
        """
        SELECT m.id, m.body, m.internal, m.solution, m.rule_id, a.email,
               CASE WHEN a.role IN ('agent', 'administrator') THEN 1 ELSE 0 END AS is_staff,
               m.ticket_id, t.status
        FROM ticket_events e JOIN tickets t ON t.id = e.ticket_id
        JOIN messages m ON m.ticket_id = t.id JOIN people a ON a.id = m.author_id
        WHERE e.id = :event ORDER BY m.position
        """,
        {"event": event_id},
    )
    answer: Row | None = solution(rows, "solved") if rows else None
    if answer is None or not answer["is_staff"]:
        return 0
    try:
        viewer = viewers.find(db, answer["email"])
    except NotFound:
        return 0  # their account is closed by now
    paths = list(dict.fromkeys(linked(db, settings, answer["body"])))[:MOST]
    return lessons.teach_from_solution(db, viewer, answer["ticket_id"], paths)


def linked(db: Database, settings: Settings, text: str) -> Iterator[str]:
    """The paths of the articles on this site that a text links to, in their order."""
    base = re.escape(settings.base_url.rstrip("/"))
    link = re.compile(rf"(?:{base})?/({'|'.join(settings.languages)})/articles/([^\s/?#)\"'<>]+)")
    for match in link.finditer(text):
        rows = db.query(
            """
            SELECT a.path FROM articles a
            JOIN state s ON s.value = a.publication_id AND s.name = 'live_publication'
            WHERE a.language = :language AND a.slug = :slug
            """,
            {"language": match[1], "slug": unquote(match[2])},
        )
        yield from (row["path"] for row in rows)
