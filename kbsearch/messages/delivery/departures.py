"""The account of what left: a line for each letter and text message, and what became of it.

A line is written as a task is done: its server took it, or it concerned nobody any more. What has
not left is read from the outbox itself, so that the lines are as many as the tasks; a task that is
done without a line is an alarm. A delivery report turns the line of its letter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.clock import now, stored, utc_now
from kbsearch.database import Database, escape_like, keepable, new_id
from kbsearch.outbox import Handlers, Task

MAX_LISTED = 200
MAX_SOUGHT = 320  # letters: an address and more
MAX_ANSWER = 500
DepartureState = Literal["accepted", "bounced", "waiting", "failed", "dead", "dropped", "before"]
STATES: tuple[DepartureState, ...] = get_args(DepartureState)

# Whom and which request a task is about, as far as its subject tells.
_ABOUT = """
    LEFT JOIN notices n ON n.id = o.subject
    LEFT JOIN ticket_events e ON e.id = n.event_id
    LEFT JOIN tickets t ON t.id = e.ticket_id
    LEFT JOIN pending_sign_ins s ON s.id = o.subject
    LEFT JOIN mails m ON m.id = o.subject
    LEFT JOIN people p ON p.id = COALESCE(n.person_id, s.person_id, o.subject)
"""
_RECIPIENT = "COALESCE(p.email, m.sender, '')"
_LINES = f"""
    SELECT d.id, d.channel, d.kind, d.message_id, d.recipient, d.number, d.at, d.state,
           d.answer, NULL AS due_at
    FROM departures d
    WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = d.id AND o.done_at IS NULL)
    UNION ALL
    SELECT o.id, o.channel, COALESCE(e.kind, o.kind), '', {_RECIPIENT}, t.number, o.created_at,
           CASE WHEN o.dead_at IS NOT NULL THEN 'dead' WHEN o.problem IS NOT NULL THEN 'failed'
                ELSE 'waiting' END,
           COALESCE(o.problem, ''), CASE WHEN o.dead_at IS NULL THEN o.due_at END
    FROM outbox o {_ABOUT}
    WHERE o.channel IN ('mail', 'sms') AND o.done_at IS NULL
"""  # noqa: S608 (constants)


@dataclass(frozen=True)
class Receipt:
    """What the way out says of something that it took."""

    answer: str  # the server's own words
    message_id: str = ""  # without angle brackets
    recipient: str = ""


@dataclass(frozen=True)
class Departure:
    """A line: what left, or is to leave; `at` is when it was taken, or else asked for."""

    id: str
    channel: str
    kind: str
    message_id: str
    recipient: str
    number: int | None  # of the request it is about
    at: str
    state: DepartureState
    answer: str  # of the server that took it, refused it or gave up
    due_at: str | None  # when it is tried next


@dataclass(frozen=True)
class OutgoingBalance:
    """How many tasks of mail and text messages the outbox has, and how many are without a line."""

    tasks: int
    missing: int


def enter(db: Database, task: Task, receipt: Receipt) -> None:
    """Write that a server took what a task sends; sent again, the last answer counts."""
    _write(db, task, "accepted", receipt)


def enter_trial(db: Database, receipt: Receipt) -> None:
    """Write that a letter left which somebody sent to try the way."""
    db.insert(
        "departures",
        {
            "id": new_id(),
            "channel": "mail",
            "kind": "mail.test",
            "at": now(),
            "state": "accepted",
            **_cut(receipt),
        },
    )


def accounted(db: Database, handlers: Handlers) -> Handlers:
    """The same handlers; a task that sends nothing, as it concerns nobody any more, has a line."""

    def with_line(handler: Callable[[Task], None]) -> Callable[[Task], None]:
        def run(task: Task) -> None:
            handler(task)
            if not db.query("SELECT 1 FROM departures WHERE id = :id", {"id": task.id}):
                _write(db, task, "dropped", Receipt(""))

        return run

    return {kind: with_line(handler) for kind, handler in handlers.items()}


def bounced(db: Database, message_id: str, recipient: str, why: str) -> None:
    """Turn the line of a letter that did not arrive: of that very letter to that very address."""
    db.execute(
        """
        UPDATE departures SET state = 'bounced', answer = :why
        WHERE message_id = :id AND recipient = :recipient AND state = 'accepted'
        """,
        {
            "id": message_id,
            "recipient": recipient.lower(),
            "why": keepable(why.strip()[:MAX_ANSWER]),
        },
    )


def list_lines(
    db: Database, viewer: Viewer, *, state: str | None = None, text: str = ""
) -> list[Departure]:
    """The latest lines, for agents: of a state, to an address or about a request."""
    access.only_unlimited(viewer)
    conditions, values = ["1 = 1"], dict[str, object]()
    if state:
        conditions.append("state = :state")
        values["state"] = state
    number = text.removeprefix("#")
    if number.isdecimal() and number.isascii():
        conditions.append("number = :number")
        values["number"] = min(int(number[:12]), 2**31 - 1)
    elif text := text[:MAX_SOUGHT]:
        conditions.append("(recipient LIKE :text ESCAPE '!' OR message_id LIKE :text ESCAPE '!')")
        values["text"] = f"%{escape_like(text.lower())}%"
    rows = db.query(
        f"""
        SELECT * FROM ({_LINES}) AS account WHERE {" AND ".join(conditions)}
        ORDER BY at DESC, id DESC LIMIT {MAX_LISTED}
        """,  # noqa: S608 (constants)
        values,
    )
    return [Departure(**row) for row in rows]


def count_by_state(db: Database, viewer: Viewer) -> dict[DepartureState, int]:
    """How many lines there are of each state, in the order of STATES."""
    access.only_unlimited(viewer)
    rows = db.query(
        f"SELECT state, COUNT(*) AS n FROM ({_LINES}) AS account GROUP BY state"  # noqa: S608
    )
    counts = {row["state"]: row["n"] for row in rows}
    return {state: counts[state] for state in STATES if state in counts}


def balance(db: Database) -> OutgoingBalance:
    """Hold the account against the outbox: whatever is done there has a line here."""
    rows = db.query(
        """
        SELECT COUNT(*) AS tasks,
          COALESCE(SUM(CASE WHEN o.done_at IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM departures d WHERE d.id = o.id) THEN 1 ELSE 0 END), 0) AS missing
        FROM outbox o WHERE o.channel IN ('mail', 'sms')
        """
    )
    return OutgoingBalance(**rows[0])


def forget_old(db: Database, days: int, *, at: datetime | None = None) -> int:
    """Remove the lines older than so many days, none where there are 0; how many."""
    if not days:
        return 0
    before = stored((at or utc_now()) - timedelta(days=days))
    return db.execute("DELETE FROM departures WHERE at < :before", {"before": before})


def _write(db: Database, task: Task, state: DepartureState, receipt: Receipt) -> None:
    rows = db.query(
        f"""
        SELECT o.channel, COALESCE(e.kind, o.kind) AS kind, {_RECIPIENT} AS recipient, t.number
        FROM outbox o {_ABOUT} WHERE o.id = :id
        """,  # noqa: S608 (constants)
        {"id": task.id},
    )
    for about in rows:  # none where its person was erased meanwhile
        about |= {
            name: value for name, value in _cut(receipt).items() if value or name != "recipient"
        }
        db.execute(
            """
            INSERT INTO departures
              (id, channel, kind, message_id, recipient, number, at, state, answer)
            VALUES (:id, :channel, :kind, :message_id, :recipient, :number, :at, :state, :answer)
            ON CONFLICT (id) DO UPDATE SET at = excluded.at, answer = excluded.answer,
              message_id = excluded.message_id, state = excluded.state
            """,
            {**about, "id": task.id, "at": now(), "state": state},
        )


def _cut(receipt: Receipt) -> dict[str, str]:
    return {
        "message_id": receipt.message_id,
        "recipient": receipt.recipient.lower(),
        "answer": keepable(receipt.answer[:MAX_ANSWER]),
    }
