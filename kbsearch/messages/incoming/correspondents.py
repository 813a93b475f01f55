"""Whose words a mail about a request may quote: ours, those of its people, and whom it names."""

from email.utils import parseaddr

from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.messages.incoming.fields import Fields
from kbsearch.messages.notifications import reply_addresses
from kbsearch.text.markup.quotation import Correspondents


def find(
    db: Database, settings: Settings, header: Fields, ticket_id: str | None = None
) -> Correspondents:
    """Those of a mail; of a request, also whoever opened it, is in copy or wrote in it."""
    name, email = parseaddr(settings.mail_from)
    rows = db.query(
        """
        SELECT email, name FROM people WHERE role <> 'customer' AND disabled_at IS NULL
        UNION SELECT p.email, p.name FROM tickets t JOIN people p ON p.id = t.requester_id
              WHERE t.id = :ticket
        UNION SELECT c.email, COALESCE(p.name, '') FROM ticket_copies c
              LEFT JOIN people p ON p.id = c.person_id WHERE c.ticket_id = :ticket
        UNION SELECT p.email, p.name FROM messages m JOIN people p ON p.id = m.author_id
              WHERE m.ticket_id = :ticket
        """,
        {"ticket": ticket_id},
    )
    addresses = {email, header.sender, *header.recipients, *(row["email"] for row in rows)}
    names = {settings.site_name, name, *(row["name"] for row in rows)}
    return Correspondents(
        frozenset(address.lower() for address in addresses if address),
        frozenset(name for name in names if name),
        reply_addresses.domain(settings),
    )
