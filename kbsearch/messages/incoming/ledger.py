"""The account of a mailbox: a line for each of its messages, what became of it and why.

The lines and what waits to be taken in are held against the mailbox itself, once an hour. What is
there and has neither is an alarm, and is taken in like a new mail.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.clock import parsed, stored
from kbsearch.database import Database
from kbsearch.messages.incoming import arrivals
from kbsearch.messages.incoming.arrivals import Arrival, Mailbox

EVERY = timedelta(hours=1)
MAX_LISTED = 200
BEFORE = "before"  # the state of what was read before the first look
GONE = "gone"  # of what somebody removed before it was taken in


@dataclass(frozen=True)
class LedgerLine:
    """A message of the mailbox; `state` and `reason` are those of its mail when it was taken."""

    message_id: str
    at: str
    state: str
    reason: str
    mail_id: str | None


@dataclass(frozen=True)
class Balance:
    """How many messages a mailbox had when it was last counted, and how many had no line."""

    mailbox: str
    counted_at: str
    present: int
    missing: int


def enter(db: Database, arrival: Arrival, line: LedgerLine) -> None:
    """Write the line of a message; the first one stands."""
    db.execute(
        """
        INSERT INTO mail_ledger (mailbox, validity, uid, message_id, at, state, reason, mail_id)
        VALUES (:mailbox, :validity, :uid, :message_id, :at, :state, :reason, :mail_id)
        ON CONFLICT (mailbox, validity, uid) DO NOTHING
        """,
        {
            "mailbox": arrival.mailbox,
            "validity": arrival.validity,
            "uid": arrival.uid,
            **vars(line),
        },
    )


def is_due(db: Database, mailbox: Mailbox, *, at: datetime) -> bool:
    """Whether the mailbox is to be counted again."""
    rows = db.query("SELECT counted_at FROM mailboxes WHERE name = :mailbox", vars(mailbox))
    counted_at = rows[0]["counted_at"] if rows else ""
    return not counted_at or abs(at - parsed(counted_at)) >= EVERY


def balance(db: Database, mailbox: Mailbox, uids: Iterable[int], *, at: datetime) -> list[int]:
    """Hold the account against the messages that are there; those without a line are noted again.

    The first time, whatever does not wait was there before: it gets a line that says so.
    """
    present = set(uids)
    with db.atomic():
        known = _known(db, mailbox)
        if not known["lines"]:
            _open(db, mailbox, present - known["waiting"], at)
            missing: list[int] = []
        else:
            missing = sorted(present - known["lines"] - known["waiting"])
            arrivals.note(db, mailbox, missing, at=at)
        db.execute(
            """
            UPDATE mailboxes SET counted_at = :at, present = :present, missing = :missing
            WHERE name = :mailbox
            """,
            {
                "at": stored(at),
                "present": len(present),
                "missing": len(missing),
                "mailbox": mailbox.mailbox,
            },
        )
    return missing


def list_lines(db: Database, viewer: Viewer) -> list[LedgerLine]:
    """The latest lines, for agents."""
    access.only_unlimited(viewer)
    rows = db.query(
        f"""
        SELECT message_id, at, state, reason, mail_id FROM mail_ledger
        ORDER BY at DESC, uid DESC LIMIT {MAX_LISTED}
        """  # noqa: S608 (a constant)
    )
    return [LedgerLine(**row) for row in rows]


def count_by_state(db: Database, viewer: Viewer) -> dict[str, int]:
    """How many messages became what, and how many wait to be taken in."""
    access.only_unlimited(viewer)
    rows = db.query("SELECT state, COUNT(*) AS n FROM mail_ledger GROUP BY state ORDER BY state")
    waiting = db.query("SELECT COUNT(*) AS n FROM arrivals")[0]["n"]
    return {**{row["state"]: row["n"] for row in rows}, "waiting": waiting}


def balances(db: Database) -> list[Balance]:
    """The last count of each mailbox."""
    rows = db.query(
        """
        SELECT name AS mailbox, counted_at, present, missing FROM mailboxes
        WHERE counted_at <> '' ORDER BY name
        """
    )
    return [Balance(**row) for row in rows]


def _known(db: Database, mailbox: Mailbox) -> dict[str, set[int]]:
    where = "mailbox = :mailbox AND validity = :validity"
    lines = db.query(f"SELECT uid FROM mail_ledger WHERE {where}", vars(mailbox))  # noqa: S608
    waiting = db.query(f"SELECT uid FROM arrivals WHERE {where}", vars(mailbox))  # noqa: S608
    return {
        "lines": {row["uid"] for row in lines},
        "waiting": {row["uid"] for row in waiting},
    }


def _open(db: Database, mailbox: Mailbox, uids: Iterable[int], at: datetime) -> None:
    """Begin the account with what is there."""
    rows = [
        {
            **vars(mailbox),
            "uid": uid,
            "message_id": "",
            "at": stored(at),
            "state": BEFORE,
            "reason": "",
        }
        for uid in sorted(uids)
    ]
    if rows:
        db.insert_many("mail_ledger", rows)
