"""Mail that came in, what became of it, and the one that waits for an agent to decide."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Literal

from kbsearch import i18n, people, tickets
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings
from kbsearch.database import Database, Values, new_id, one_of
from kbsearch.errors import Invalid, NotFound, Problem
from kbsearch.files import places
from kbsearch.files.store import SHARE, FileStore
from kbsearch.files.trash import Trash, note, owner_of
from kbsearch.messages.incoming import correspondents, parsing
from kbsearch.messages.incoming.parsing import MailFile
from kbsearch.people import viewers
from kbsearch.text.markup import quotation
from kbsearch.text.markup.quotation import Cut
from kbsearch.tickets import Ticket, visibility
from kbsearch.tickets import files as attachments
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.files import Upload

State = Literal["joined", "opened", "held", "automatic", "bounced", "discarded"]
NOT_TAKEN = "not_taken"  # the reason of one that was set aside unread by us
MAX_LISTED = 200
MAX_FILES = 40  # of a mail: who sends a dozen screenshots cannot be told so before
MAX_SUBJECT = 300
KEEP_MACHINES = timedelta(days=90)  # what nobody has asked for
LET_GO = """
    (state IN ('automatic', 'bounced', 'discarded') AND received_at < :before
     OR state IN ('joined', 'opened') AND EXISTS (
       SELECT 1 FROM tickets t WHERE t.id = mails.ticket_id AND t.closed_at < :closed_before))
"""
COLUMNS = """
    m.id, m.message_id, m.received_at, m.sender, m.subject, m.sha256, m.state, m.reason,
    m.is_proved, m.suggested_number, m.left_out, COALESCE(p.name, '') AS person,
    t.number AS ticket_number, t.id AS ticket_id, m.said_id, COALESCE(d.name, '') AS decided_by,
    COALESCE(a.problem, '') AS trouble, a.due_at AS tried_again_at
"""
SOURCES = """
    mails m LEFT JOIN people p ON p.id = m.person_id LEFT JOIN tickets t ON t.id = m.ticket_id
    LEFT JOIN people d ON d.id = m.decided_by_id LEFT JOIN arrivals a ON a.mail_id = m.id
"""


@dataclass(frozen=True)
class Mail:
    """A mail and its fate; `reason` says in a word why it was held or left out."""

    id: str
    message_id: str
    received_at: str
    sender: str
    subject: str
    sha256: str
    state: State
    reason: str
    is_proved: bool
    suggested_number: int | None
    left_out: tuple[str, ...]  # names of files that may not be attached
    person: str
    ticket_number: int | None
    ticket_id: str | None
    said_id: str | None
    decided_by: str
    trouble: str  # what stood in the way of taking it in, for whoever mends it
    tried_again_at: str | None

    @property
    def is_waiting(self) -> bool:
        """Whether an agent may still attach or discard it: also what was wrongly left out."""
        is_left_out = self.reason == "came_again" and not self.decided_by
        return self.state in ("held", "automatic") or is_left_out

    @property
    def is_untaken(self) -> bool:
        """Whether it could not be taken in, and perhaps not be read either."""
        return self.reason == NOT_TAKEN


def store(settings: Settings) -> FileStore:
    """Where mails lie as they came."""
    return places.mails(settings)


def find(db: Database, viewer: Viewer, mail_id: str) -> Mail:
    """A mail, for agents: nobody else knows that there is one. Of no request: for who sees all."""
    is_theirs, values = _is_theirs(viewer)
    rows = db.query(
        f"SELECT {COLUMNS} FROM {SOURCES} WHERE m.id = :id AND {is_theirs}",  # noqa: S608
        {"id": mail_id, **values},
    )
    if not rows:
        raise NotFound("mail.not_found")
    return _mail(rows[0])


def message_id_of(db: Database, mail_id: str) -> str:
    """The Message-ID of a mail, without its angle brackets."""
    rows = db.query("SELECT message_id FROM mails WHERE id = :id", {"id": mail_id})
    return str(rows[0]["message_id"]) if rows else ""


def list_contents(db: Database) -> dict[str, int | None]:
    """The mails kept as they came, by their SHA-256; nothing notes their size."""
    return {row["sha256"]: None for row in db.query("SELECT DISTINCT sha256 FROM mails")}


def list_all(db: Database, viewer: Viewer, states: Iterable[State] = ("held",)) -> list[Mail]:
    """The latest mails in these states, for agents."""
    places, values = one_of("state", tuple(states))
    is_theirs, principals = _is_theirs(viewer)
    rows = db.query(
        f"""
        SELECT {COLUMNS} FROM {SOURCES} WHERE m.state IN ({places}) AND {is_theirs}
        ORDER BY m.received_at DESC, m.id LIMIT {MAX_LISTED}
        """,  # noqa: S608 (constants)
        {**values, **principals},
    )
    return [_mail(row) for row in rows]


def count_held(db: Database, viewer: Viewer) -> int:
    """How many mails wait for an agent, of those who see all."""
    if not viewer.sees_all_tickets:
        return 0
    return int(db.query("SELECT COUNT(*) AS n FROM mails WHERE state = 'held'")[0]["n"])


def of_ticket(db: Database, viewer: Viewer, ticket: Ticket) -> dict[str | None, str]:
    """The messages of a ticket that came by mail, its opening under None.

    With the id of each mail for agents; for others it is empty.
    """
    rows = db.query(
        """
        SELECT said_id, CASE WHEN :is_agent = 1 THEN id ELSE '' END AS id FROM mails
        WHERE ticket_id = :ticket AND state IN ('joined', 'opened')
          AND (:is_agent = 1 OR said_id IS NULL OR EXISTS (
               SELECT 1 FROM messages s WHERE s.id = said_id AND s.internal = 0))
        """,
        {"ticket": ticket.id, "is_agent": int(viewer.is_agent)},
    )
    return {row["said_id"]: row["id"] for row in rows}


def original(db: Database, viewer: Viewer, settings: Settings, mail_id: str) -> bytes:
    """A mail as it came."""
    try:
        with store(settings).open(find(db, viewer, mail_id).sha256) as file:
            return file.read()
    except FileNotFoundError:
        raise NotFound("mail.not_found") from None


def attach(
    db: Database,
    viewer: Viewer,
    settings: Settings,
    mail: Mail,
    number: int,
    *,
    at: datetime | None = None,
) -> Mail:
    """Put a mail that waits into a request: the agent vouches for it.

    It is the sender's reply if they are a customer who may read the request, else a note.
    """
    if mail.is_untaken:
        raise Invalid("mail.not_taken")
    incoming = parsing.read(original(db, viewer, settings, mail.id))
    ticket = tickets.find_number(db, viewer, number)
    author = _customer(db, mail.sender, ticket)
    whose = correspondents.find(db, settings, incoming.fields, ticket.id)
    cut = quotation.cut(incoming.text, incoming.fields.subject, whose)
    if author is None:
        cut = Cut(f"{mail.sender or '?'}\n\n{incoming.text}", "")
    files = belonging(incoming.files, cut)
    key, left_out = keep_files(db, author or viewer, settings, files, at=at)
    text = mention(cut.text, left_out, ticket.language)
    with db.atomic():
        _decide(db, viewer, mail, "joined", at)
        write = replies.reply if author else replies.note
        form = ReplyForm(key, text, typed=True, rest=cut.rest)
        message = write(db, author or viewer, ticket, form, at=at)
        db.execute(
            """
            UPDATE mails SET ticket_id = :ticket, said_id = :said, left_out = :left_out
            WHERE id = :id
            """,
            {
                "ticket": ticket.id,
                "said": message.message_id,
                "left_out": json.dumps(left_out),
                "id": mail.id,
            },
        )
    return find(db, viewer, mail.id)


def discard(db: Database, viewer: Viewer, mail: Mail, *, at: datetime | None = None) -> Mail:
    """Put a mail aside; it is kept for a while."""
    with db.atomic():
        _decide(db, viewer, mail, "discarded", at)
    return find(db, viewer, mail.id)


def keep_files(
    db: Database,
    author: Viewer,
    settings: Settings,
    files: Iterable[MailFile],
    *,
    at: datetime | None = None,
) -> tuple[str, list[str]]:
    """Take files in as if the author had chosen them in a form: its key, and what was refused."""
    key, file_store, left_out = new_id(), places.attached(settings), []
    for file in files:
        try:
            content = BytesIO(file.content)
            attachments.keep(
                db, author, file_store, key, Upload(file.name, content, at), most=MAX_FILES
            )
        except Problem as problem:
            if problem.status >= 500:
                raise
            left_out.append(file.name)
    return key, left_out


def belonging(files: Iterable[MailFile], cut: Cut) -> list[MailFile]:
    """The files of a mail without the pictures that only what was cut shows."""
    return [file for file in files if not (file.mark in cut.rest and file.mark not in cut.text)]


def mention(text: str, left_out: Sequence[str], language: str) -> str:
    """The text, and below it the names of the files that were refused."""
    if not left_out:
        return text
    line = i18n.gettext(language, "Not accepted and left out: %(names)s", names=", ".join(left_out))
    return f"{text}\n\n{line}".strip()


def forget_old(
    db: Database,
    settings: Settings,
    trash: Trash,
    *,
    share: float = SHARE,
    at: datetime | None = None,
) -> int:
    """Move to the trash, after a while, the mails of machines, the discarded ones and, where the
    settings say so, those of requests that are closed; how many.

    A row goes once its content has: killed between the two, the next round goes on.
    """
    file_store = store(settings)
    moment, days = at or utc_now(), settings.incoming_mail_days
    values = {
        "before": stored(moment - KEEP_MACHINES),
        "closed_before": stored(moment - timedelta(days=days)) if days else "",
    }
    due = db.query(f"SELECT id, sha256, person_id, sender FROM mails WHERE {LET_GO}", values)  # noqa: S608
    let_go: dict[str, list[str]] = {}
    for row in due:
        owners = [row["person_id"]] if row["person_id"] else []
        let_go.setdefault(row["sha256"], []).extend([*owners, owner_of(row["sender"])])

    def is_wanted(digests: list[str]) -> set[str]:
        places, named = one_of("digest", digests)
        rows = db.query(
            f"SELECT sha256 FROM mails WHERE sha256 IN ({places}) AND NOT ({LET_GO})",  # noqa: S608
            {**named, **values},
        )
        return {row["sha256"] for row in rows}

    older_than = attachments.KEEP_ORPHANS.total_seconds()
    swept = file_store.sweep(is_wanted, let_go, trash, older_than=older_than, share=share)
    for row in due:
        digest = row["sha256"]
        if not file_store.has(digest) or is_wanted([digest]):
            db.execute("DELETE FROM mails WHERE id = :id", {"id": row["id"]})
    note(db, swept.unclaimed)
    return swept.moved


def _customer(db: Database, address: str, ticket: Ticket) -> Viewer | None:
    """The customer of that address, if they may read the ticket. Nobody lends an agent's name."""
    try:
        viewer = viewers.find(db, people.fold_email(address))
        tickets.find(db, viewer, ticket.id)
    except (NotFound, Invalid):
        return None
    return viewer if viewer.role == "customer" else None


def _decide(db: Database, viewer: Viewer, mail: Mail, state: State, at: datetime | None) -> None:
    find(db, viewer, mail.id)
    changed = db.execute(
        """
        UPDATE mails SET state = :state, decided_by_id = :me, decided_at = :now
        WHERE id = :id AND (state IN ('held', 'automatic')
                            OR reason = 'came_again' AND decided_at IS NULL)
        """,
        {
            "state": state,
            "me": viewer.person_id,
            "now": stored(at or utc_now()),
            "id": mail.id,
        },
    )
    if not changed:
        raise Invalid("mail.already_decided")


def _is_theirs(viewer: Viewer) -> tuple[str, Values]:
    """Which mails `m` the viewer may know of, as a condition and its values."""
    if viewer.is_agent and viewer.sees_all_tickets:
        return "1 = 1", {}
    condition, values = visibility.condition(viewer, "m.ticket_id")
    return f"{condition} AND :is_agent = 1", {**values, "is_agent": int(viewer.is_agent)}


def _mail(row: dict[str, object]) -> Mail:
    left_out = tuple(json.loads(str(row["left_out"])))
    return Mail(**{**row, "is_proved": bool(row["is_proved"]), "left_out": left_out})  # type: ignore[arg-type]
