"""Tickets as the index takes them in: every change has a revision, and the index follows them."""

from collections.abc import Sequence

from kbsearch import outbox
from kbsearch.database import Database, Row, Values
from kbsearch.search.fulltext.documents import Case
from kbsearch.tickets import messages, visibility

FOLLOW = outbox.declare("index.tickets", "index")


def last_revision(db: Database) -> int:
    """The revision of the newest change: an index that has reached it is up to date."""
    return int(db.query("SELECT value FROM counters WHERE name = 'revision'")[0]["value"])


def reserve_revisions(db: Database, count: int) -> int:
    """Take `count` revisions, and ask for indexing; the first one taken."""
    outbox.add_once(db, FOLLOW, "all")
    rows = db.query(
        "UPDATE counters SET value = value + :n WHERE name = 'revision' RETURNING value",
        {"n": count},
    )
    return int(rows[0]["value"]) - count + 1


def mark_changed(db: Database, condition: str, values: Values) -> None:
    """Give the tickets that meet a condition new revisions, in the order of their numbers."""
    count = db.query(f"SELECT COUNT(*) AS n FROM tickets WHERE {condition}", values)[0]["n"]  # noqa: S608
    if not count:
        return
    first = reserve_revisions(db, count)
    db.execute(
        f"""
        UPDATE tickets SET revision = :first + turn.place
        FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY number) - 1 AS place
              FROM tickets WHERE {condition}) AS turn
        WHERE tickets.id = turn.id
        """,  # noqa: S608 (conditions are constants of the calling module)
        {"first": first, **values},
    )


def count_changed(db: Database, after_revision: int) -> int:
    """How many tickets changed after a revision."""
    rows = db.query(
        "SELECT COUNT(*) AS n FROM tickets WHERE revision > :after", {"after": after_revision}
    )
    return int(rows[0]["n"])


def numbers_changed(db: Database, after_revision: int, limit: int) -> list[int]:
    """The numbers of the tickets that changed after a revision, the earliest changes first."""
    rows = db.query(
        "SELECT number FROM tickets WHERE revision > :after ORDER BY revision LIMIT :limit",
        {"after": after_revision, "limit": limit},
    )
    return [row["number"] for row in rows]


def list_changed(db: Database, after_revision: int, limit: int) -> list[Case]:
    """What the index has to take in after a revision, in order; four queries for any number."""
    rows = db.query(
        """
        SELECT t.id, t.number, t.language, t.subject, t.description, p.slug AS product,
               t.version, t.status, t.updated_at, t.revision,
               EXISTS (SELECT 1 FROM merges g WHERE g.ticket_id = t.id) AS is_merged,
               (SELECT string_agg(l.line, ' ') FROM ticket_field_lines l
                JOIN fields f ON f.name = l.name AND f.kind = 'text'
                WHERE l.ticket_id = t.id AND f.in_form = 1) AS fields,
               (SELECT string_agg(l.line, ' ') FROM ticket_field_lines l
                JOIN fields f ON f.name = l.name AND f.kind = 'text'
                WHERE l.ticket_id = t.id AND f.in_form = 0) AS hidden_fields,
               (SELECT string_agg(g.tag, ' ') FROM ticket_tags g WHERE g.ticket_id = t.id) AS tags
        FROM tickets t LEFT JOIN products p ON p.id = t.product_id
        WHERE t.revision > :after ORDER BY t.revision LIMIT :limit
        """,
        {"after": after_revision, "limit": limit},
    )
    if not rows:
        return []
    words = visibility.words(db, [row["id"] for row in rows])
    span = {"after": after_revision, "last": rows[-1]["revision"]}
    conversations: dict[str, list[Row]] = {}
    for row in messages.read(db, "t.revision > :after AND t.revision <= :last", span):
        conversations.setdefault(row["ticket_id"], []).append(row)
    return [_case(row, conversations.get(row["id"], ()), words.get(row["id"], ())) for row in rows]


def _case(row: Row, conversation: Sequence[Row], readers: tuple[str, ...]) -> Case:
    solution = messages.solution(conversation, "open" if row["is_merged"] else row["status"])
    public = [
        message for message in conversation if not message["internal"] and message is not solution
    ]
    answers = [solution, *public] if solution else public
    notes = [message["body"] for message in conversation if message["internal"]]
    tags = sorted((row["tags"] or "").split())
    return Case(
        number=row["number"],
        ticket_id=row["id"],
        language=row["language"],
        subject=row["subject"],
        description="\n\n".join(filter(None, (row["description"], row["fields"]))),
        answers="\n\n".join(message["body"] for message in answers),
        notes="\n\n".join(filter(None, [*notes, row["hidden_fields"], " ".join(tags)])),
        product=row["product"] or "",
        version=row["version"] or "",
        status=row["status"],
        readers=readers,
        updated_at=row["updated_at"],
        revision=row["revision"],
        is_merged=bool(row["is_merged"]),
    )
