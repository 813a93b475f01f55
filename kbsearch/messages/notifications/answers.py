"""The one answer that a stranger's mail gets: the same text for everybody, at most once a day.

Nothing of what they wrote is in it, so that nobody can make us send words of theirs to others.
"""

from datetime import datetime, timedelta

from kbsearch import limits, outbox
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.errors import TooMany
from kbsearch.limits import Limit
from kbsearch.messages.delivery import channels, senders
from kbsearch.messages.notifications import letters
from kbsearch.messages.notifications.letters import Reader
from kbsearch.outbox import Handlers, Task

WANTED = outbox.declare("mail.stranger_answered", "mail")
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
        reader = Reader(name="", email=task.subject, language=None)
        letter = letters.compose(settings, "stranger", reader, task.id, {})
        letter.replace_header("Auto-Submitted", "auto-replied")
        letter["X-Auto-Response-Suppress"] = "All"
        senders.hand_over(lambda: mail.send(letter))

    return {WANTED: answer}
