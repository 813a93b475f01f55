"""Mails of a mailbox that are not taken in yet: noted as they are seen, tried until they are in.

One that cannot be taken waits longer each time while the others go on, and is then set aside for
an agent. An attempt is counted before it begins: what kills the process is not met first for ever.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from io import BytesIO

from kbsearch.access import Viewer
from kbsearch.clock import stored
from kbsearch.config import Settings
from kbsearch.database import Database, new_id
from kbsearch.errors import Invalid
from kbsearch.messages.incoming import fields, mails, parsing
from kbsearch.messages.incoming.fields import Fields
from kbsearch.messages.incoming.mails import NOT_TAKEN, Mail

log = logging.getLogger(__name__)

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
MAX_ATTEMPTS = len(PAUSES) + 1
MAX_PROBLEM = 1000
_THIS = "mailbox = :mailbox AND validity = :validity AND uid = :uid"


@dataclass(frozen=True)
class Mailbox:
    """A mailbox; `validity` changes when its numbers start anew."""

    mailbox: str
    validity: int


@dataclass(frozen=True)
class Arrival:
    """A mail by its number, how often it was tried, and its row for agents once set aside."""

    mailbox: str
    validity: int
    uid: int
    attempts: int
    mail_id: str | None


def note(db: Database, mailbox: Mailbox, uids: Iterable[int], *, at: datetime) -> None:
    """Note new mails; what is left of a mailbox that has started anew since is forgotten."""
    db.execute(
        "DELETE FROM arrivals WHERE mailbox = :mailbox AND validity <> :validity", vars(mailbox)
    )
    rows = [{**vars(mailbox), "uid": uid, "due_at": stored(at)} for uid in uids]
    if rows:
        db.insert_many("arrivals", rows)


def list_due(db: Database, mailbox: Mailbox, *, at: datetime) -> list[Arrival]:
    """What is to be tried now: the new mails first, then those that failed before."""
    rows = db.query(
        """
        SELECT mailbox, validity, uid, attempts, mail_id FROM arrivals
        WHERE mailbox = :mailbox AND validity = :validity AND due_at <= :now
        ORDER BY attempts, uid
        """,
        {**vars(mailbox), "now": stored(at)},
    )
    return [Arrival(**row) for row in rows]


def begin(db: Database, arrival: Arrival, *, at: datetime) -> None:
    """Count an attempt, and say when the next one is due if this process does not live on."""
    pause = PAUSES[min(arrival.attempts, len(PAUSES) - 1)]
    _change(db, arrival, "attempts = attempts + 1, due_at = :due", due=stored(at + pause))


def settle(db: Database, arrival: Arrival) -> None:
    """It is taken in, or gone from the mailbox: agents need not look after it any more."""
    with db.atomic():
        db.execute(f"DELETE FROM arrivals WHERE {_THIS}", _key(arrival))  # noqa: S608
        db.execute(
            "DELETE FROM mails WHERE id = :id AND reason = :reason",
            {"id": arrival.mail_id, "reason": NOT_TAKEN},
        )


def fail(
    db: Database,
    settings: Settings,
    arrival: Arrival,
    raw: bytes | None,
    problem: Exception,
    *,
    at: datetime,
) -> None:
    """Keep what stood in the way; after the last attempt, set the mail aside for an agent."""
    text = f"{type(problem).__name__}: {problem}"[:MAX_PROBLEM]
    attempts = arrival.attempts + 1
    log.error("mail %d of the mailbox, attempt %d: %s", arrival.uid, attempts, text)
    _change(db, arrival, "problem = :problem", problem=text)
    if attempts >= MAX_ATTEMPTS:
        _set_aside(db, settings, arrival, raw, at)


def try_again(db: Database, viewer: Viewer, mail: Mail, *, at: datetime) -> None:
    """Have a mail that was set aside tried once more, at the next look into the mailbox."""
    mails.find(db, viewer, mail.id)
    changed = db.execute(
        """
        UPDATE arrivals SET due_at = :now WHERE mail_id = :id
          AND EXISTS (SELECT 1 FROM mails WHERE id = :id AND state = 'held')
        """,
        {"id": mail.id, "now": stored(at)},
    )
    if not changed:
        raise Invalid("mail.already_decided")


def _set_aside(
    db: Database, settings: Settings, arrival: Arrival, raw: bytes | None, at: datetime
) -> None:
    """A row for agents with the mail as it came; where it never came, with nothing."""
    content = (raw or b"")[: parsing.MAX_BYTES]
    file = mails.store(settings).write(BytesIO(content), parsing.MAX_BYTES, lambda _: None)
    where = f"{arrival.mailbox}\n{arrival.validity}\n{arrival.uid}"
    with db.atomic():
        mail_id = arrival.mail_id or _row(db, where, content, file.sha256, at)
        _change(db, arrival, "due_at = NULL, mail_id = :mail", mail=mail_id)


def _row(db: Database, where: str, content: bytes, digest: str, at: datetime) -> str:
    header, mail_id = _header(content), new_id()
    db.insert(
        "mails",
        {
            "id": mail_id,
            "fingerprint": sha256(f"{NOT_TAKEN}\n{where}".encode()).hexdigest(),
            "message_id": header.message_id,
            "received_at": stored(at),
            "sender": header.sender,
            "subject": header.subject[: mails.MAX_SUBJECT],
            "sha256": digest,
            "state": "held",
            "reason": NOT_TAKEN,
            "is_proved": 0,
        },
    )
    return mail_id


def _header(content: bytes) -> Fields:
    """Its header, if that at least can be read."""
    try:
        header = fields.parse(content[: parsing.MAX_HEADER_BYTES].partition(b"\r\n\r\n")[0])
        header.sender, header.subject, header.message_id  # noqa: B018 (read as they are asked for)
    except Exception:
        log.exception("the header of a mail cannot be read")
        return Fields(())
    return header


def _change(db: Database, arrival: Arrival, change: str, /, **values: object) -> None:
    db.execute(
        f"UPDATE arrivals SET {change} WHERE {_THIS}",  # noqa: S608 (constants)
        {**values, **_key(arrival)},
    )


def _key(arrival: Arrival) -> dict[str, object]:
    return {"mailbox": arrival.mailbox, "validity": arrival.validity, "uid": arrival.uid}
