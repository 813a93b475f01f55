"""Erasing a request for good: its conversation, files and mail go, and all that was said of it.

It is not masked but removed, so that no list, count, search or address has to know of it. The
requests that it was tied to stay, without the tie.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kbsearch import access, audit, outbox, tickets
from kbsearch.access import OPERATOR, Viewer
from kbsearch.clock import now
from kbsearch.config import Settings
from kbsearch.database import Database, one_of
from kbsearch.files import places
from kbsearch.search.learning import lessons
from kbsearch.search.ranking import indexing
from kbsearch.site import erasure_ledger
from kbsearch.site.erasure_ledger import Erasure
from kbsearch.tickets import changes

# What leads to a request; where the schema says so itself (CASCADE) it is not listed.
REMOVED = ("attachments", "mails", "messages", "ticket_copies", "ticket_field_lines")
REMOVED_WORDS = ("ticket_readers", "ticket_tags")
# What names by its id what a request is made of, without a reference.
_PARTS = """
    SELECT :id UNION SELECT id FROM messages WHERE ticket_id = :id
    UNION SELECT id FROM ticket_events WHERE ticket_id = :id
    UNION SELECT id FROM attachments WHERE ticket_id = :id
    UNION SELECT id FROM mails WHERE ticket_id = :id
"""
NAMED = (("integer_ids", "key"), ("outbox", "subject"), ("site_events", "subject"))
_TIED = """
    follows_id = :id OR id IN (SELECT ticket_id FROM merges WHERE into_id = :id)
    OR id IN (SELECT into_id FROM merges WHERE ticket_id = :id)
"""
# Articles begun from it hold what was said in it.
_MADE_OF_IT = """
    EXISTS (SELECT 1 FROM article_draft_tickets l WHERE l.ticket_id = :id
            AND l.person_id = article_drafts.person_id AND l.form_key = article_drafts.form_key)
"""


@dataclass(frozen=True)
class ErasedTickets:
    """What was done: requests, messages, mails and files that are gone."""

    requests: int
    messages: int = 0
    mails: int = 0
    files: int = 0


def erase(
    db: Database, viewer: Viewer, settings: Settings, numbers: Sequence[int]
) -> ErasedTickets:
    """Erase requests, all of them or none; raises NotFound with the first that is not there."""
    access.only_administrators(viewer)
    erased = _erase(db, viewer, settings, numbers)
    db.compact()
    return erased


def replay(db: Database, settings: Settings, erasures: Sequence[Erasure]) -> int:
    """Erase again the requests that came back with a backup made before; how many."""
    numbers = erasure_ledger.returned_tickets(db, erasures)
    if numbers:
        _erase(db, OPERATOR, settings, numbers, is_again=True)
        db.compact()
    return len(numbers)


def _erase(
    db: Database,
    viewer: Viewer,
    settings: Settings,
    numbers: Sequence[int],
    *,
    is_again: bool = False,
) -> ErasedTickets:
    stores = {"mails": places.mails(settings), "attachments": places.attached(settings)}
    places.storage(settings).check()  # what it has of them goes after the rows
    digests: dict[str, set[str]] = {table: set() for table in stores}
    gone = dict.fromkeys(REMOVED, 0)
    wanted = sorted(set(numbers))
    with db.atomic():
        for number in wanted:
            ticket_id = tickets.find_number(db, viewer, number).id
            for table, found in digests.items():
                rows = db.query(
                    f"SELECT sha256 FROM {table} WHERE ticket_id = :id",  # noqa: S608
                    {"id": ticket_id},
                )
                found.update(row["sha256"] for row in rows)
            for table, count in _remove(db, ticket_id, number).items():
                gone[table] += count
            audit.act(db, viewer, "ticket.erased", number=number)
            if not is_again:
                erasure_ledger.add_ticket(settings, now(), ticket_id)
        lessons.changed(db)
        outbox.add_once(db, indexing.REBUILD, "tickets")
    for table, store in stores.items():
        left = digests[table] - _named(db, table, digests[table])
        for digest in left:
            store.remove(digest)
        places.trash(settings).erase(store.name, left, ())
    return ErasedTickets(len(wanted), gone["messages"], gone["mails"], gone["attachments"])


def _remove(db: Database, ticket_id: str, number: int) -> dict[str, int]:
    """Remove the rows of a request; how many by table."""
    values = {"id": ticket_id}
    changes.mark_changed(db, _TIED, values)
    for table, column in NAMED:
        db.execute(f"DELETE FROM {table} WHERE {column} IN ({_PARTS})", values)  # noqa: S608
    db.execute("DELETE FROM webhook_messages WHERE body LIKE '%' || :id || '%'", values)
    db.execute(f"DELETE FROM article_drafts WHERE {_MADE_OF_IT}", values)  # noqa: S608
    db.execute("UPDATE departures SET recipient = '' WHERE number = :number", {"number": number})
    db.execute("UPDATE tickets SET follows_id = NULL WHERE follows_id = :id", values)
    gone = {
        table: db.execute(f"DELETE FROM {table} WHERE ticket_id = :id", values)  # noqa: S608
        for table in (*REMOVED, *REMOVED_WORDS)
    }
    db.execute("DELETE FROM tickets WHERE id = :id", values)
    return {table: gone[table] for table in REMOVED}


def _named(db: Database, table: str, digests: set[str]) -> set[str]:
    """Those of some contents that something else names."""
    places_of, values = one_of("digest", sorted(digests))
    rows = db.query(f"SELECT sha256 FROM {table} WHERE sha256 IN ({places_of})", values)  # noqa: S608
    return {row["sha256"] for row in rows}
