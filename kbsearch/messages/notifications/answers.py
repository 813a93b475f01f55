"""Answers to mails that could not be taken as they are: each a fixed text, so many a day.

Nothing of what a stranger wrote is in theirs, so that nobody can make us send words of theirs to
others. A customer who proved their address is told what of their mail could not be read or kept.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.errors import MessageError
from functools import partial

from kbsearch import limits, outbox
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import TooMany
from kbsearch.limits import Limit
from kbsearch.messages.delivery import channels, senders
from kbsearch.messages.notifications import letters
from kbsearch.messages.notifications.letters import Reader
from kbsearch.outbox import Handlers, Hopeless, Task

WANTED = outbox.declare("mail.stranger_answered", "mail")
ENCRYPTED = outbox.declare("mail.encrypted_answered", "mail")
FILES_REFUSED = outbox.declare("mail.files_refused", "mail")
TO_STRANGER = Limit("mail.stranger", ((1, timedelta(days=1)),))
TO_STRANGERS = Limit("mail.strangers", ((100, timedelta(hours=1)),))
TO_ADDRESS = Limit("mail.automatic", ((10, timedelta(days=1)),))


def ask(db: Database, address: str, *, at: datetime | None = None) -> bool:
    """Have a stranger answered, unless they were today; in the transaction of their mail."""
    try:
        with db.atomic():
            limits.take(db, TO_STRANGER, address, at=at)
            limits.take(db, TO_STRANGERS, "", at=at)
            limits.take(db, TO_ADDRESS, address, at=at)
            outbox.add(db, WANTED, address)
    except TooMany:
        return False
    return True


def tell(
    db: Database, kind: str, mail_id: str, address: str, *, at: datetime | None = None
) -> None:
    """Have somebody told what became of a mail of theirs, in the transaction that keeps it."""
    if may_send(db, address, at=at):
        outbox.add(db, kind, mail_id)


def may_send(db: Database, address: str, *, at: datetime | None = None) -> bool:
    """Count one automatic mail to an address; False when ten went there within a day."""
    try:
        limits.take(db, TO_ADDRESS, address, at=at)
    except TooMany:
        return False
    return True


def handlers(settings: Settings, db: Database) -> Handlers:
    """Who writes the answers that the outbox asks for."""
    mail = channels.mail(settings, db)

    def answer(task: Task) -> None:
        send("stranger", Reader(name="", email=task.subject, language=None), task, {})

    def tell_sender(name: str, task: Task) -> None:
        rows = db.query(
            """
            SELECT m.subject, m.left_out, m.sender, p.name, p.language
            FROM mails m JOIN people p ON p.id = m.person_id WHERE m.id = :id
            """,
            {"id": task.subject},
        )
        if rows:
            row = rows[0]
            reader = Reader(row["name"], row["sender"], row["language"])
            names = json.loads(row["left_out"])
            send(name, reader, task, {"mail_subject": row["subject"], "names": names})

    def send(name: str, reader: Reader, task: Task, values: Mapping[str, object]) -> None:
        try:
            letter = letters.compose(settings, name, reader, task.id, values)
        except (ValueError, MessageError) as problem:  # an address that no letter can name
            raise Hopeless(f"{type(problem).__name__}: {problem}") from problem
        letter.replace_header("Auto-Submitted", "auto-replied")
        letter["X-Auto-Response-Suppress"] = "All"
        senders.hand_over(db, task, lambda: mail.send(letter))

    return {
        WANTED: answer,
        ENCRYPTED: partial(tell_sender, "mail_encrypted"),
        FILES_REFUSED: partial(tell_sender, "files_refused"),
    }
