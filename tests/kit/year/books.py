"""Who may read what, and what there is: reckoned plainly from the rows, not as the product does."""

from collections.abc import Iterable
from functools import cached_property

from kbsearch.access import Viewer
from kbsearch.database import Database, Row
from kbsearch.people import viewers

# Everybody's requests for agents; else one's own, those one is in copy on, those that the
# organisation shares, unless they are confidential.
READING = """
    SELECT t.id AS ticket, p.email FROM tickets t JOIN people p
    ON p.disabled_at IS NULL AND (
      p.role IN ('agent', 'administrator')
      OR p.id = t.requester_id
      OR EXISTS (SELECT 1 FROM ticket_copies c WHERE c.ticket_id = t.id AND c.person_id = p.id)
      OR t.confidential = 0 AND EXISTS (
        SELECT 1 FROM memberships m JOIN organisations o ON o.id = m.organisation_id
        WHERE m.person_id = p.id AND o.id = t.organisation_id AND (
          o.sharing = 'everyone' AND p.role = 'customer'
          OR o.sharing = 'people' AND EXISTS (
            SELECT 1 FROM organisation_followers f
            WHERE f.organisation_id = o.id AND f.person_id = p.id))))
"""


class Books:
    """The rows as they are at one moment."""

    def __init__(self, db: Database) -> None:
        self.db = db

    @cached_property
    def tickets(self) -> list[Row]:
        return self.db.query("SELECT * FROM tickets ORDER BY number")

    @cached_property
    def messages(self) -> list[Row]:
        return self.db.query("SELECT * FROM messages ORDER BY ticket_id, position")

    @cached_property
    def events(self) -> list[Row]:
        return self.db.query("SELECT * FROM ticket_events ORDER BY ticket_id, revision")

    @cached_property
    def people(self) -> list[Row]:
        return self.db.query("SELECT * FROM people ORDER BY email")

    @cached_property
    def everybody(self) -> list[Viewer]:
        """Whose accounts are open, as the product knows them."""
        emails = [row["email"] for row in self.people if not row["disabled_at"]]
        return [viewers.find(self.db, email) for email in emails]

    @cached_property
    def attachments(self) -> list[Row]:
        return self.db.query("SELECT * FROM attachments ORDER BY id")

    @cached_property
    def drafts(self) -> list[Row]:
        return self.db.query("SELECT * FROM drafts")

    @cached_property
    def readers(self) -> dict[str, set[str]]:
        """The requests that somebody may read, by address."""
        readable: dict[str, set[str]] = {}
        for row in self.db.query(READING):
            readable.setdefault(row["email"], set()).add(row["ticket"])
        return readable

    def may_read(self, email: str) -> set[str]:
        return self.readers.get(email, set())

    @cached_property
    def agents(self) -> set[str]:
        return {
            row["email"]
            for row in self.people
            if row["role"] in ("agent", "administrator") and not row["disabled_at"]
        }

    def forbidden(self, email: str, words: Iterable[str]) -> list[str]:
        """Those of the words that stand nowhere where that person may read."""
        return sorted(word for word in words if not self._may_know(email, word))

    def _may_know(self, email: str, word: str) -> bool:
        readable = self.may_read(email)
        if any(
            word in row["subject"] or word in row["description"]
            for row in self.tickets
            if row["id"] in readable
        ):
            return True
        return any(
            word in row["body"] and (not row["internal"] or email in self.agents)
            for row in self.messages
            if row["ticket_id"] in readable
        )
