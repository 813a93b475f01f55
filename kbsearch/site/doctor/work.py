"""The work: the clock is right, the worker runs, what leaves has left, the last commit is live."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import kbsearch
from kbsearch.clock import parsed, utc_now
from kbsearch.database import Database
from kbsearch.messages.delivery import departures
from kbsearch.messages.incoming import ledger
from kbsearch.site import health
from kbsearch.site.doctor.checks import Check, Patient, fail, ok, warn
from kbsearch.site.health import Health

CLOCK_MAY_LAG = timedelta(minutes=5)


def clock(_: Patient, db: Database) -> Iterator[Check]:
    """No moment that was noted lies ahead; nor does the making of this program."""
    now = utc_now()
    installed = datetime.fromtimestamp(Path(kbsearch.__file__).stat().st_mtime, UTC)
    latest = max(filter(None, [installed, *map(parsed, health.latest_moments(db))]))
    if latest > now + CLOCK_MAY_LAG:
        yield fail(
            "clock",
            "the clock says %(now)s, and something was noted at %(latest)s",
            "Set the clock of this machine: codes and sessions go by it.",
            now=now.isoformat(timespec="seconds"),
            latest=latest.isoformat(timespec="seconds"),
        )
    else:
        yield ok("clock", "the clock goes on from what was noted last")


def running(_: Patient, db: Database) -> Iterator[Check]:
    yield from seen(health.look(db))


def accounts(_: Patient, db: Database) -> Iterator[Check]:
    """Each message of a mailbox, and each that left, has a line that says what became of it."""
    for mailbox in ledger.balances(db):
        if mailbox.missing:
            yield fail(
                "mail in",
                "%(count)s messages of %(mailbox)s had no line in its account",
                "They are taken up now: see Incoming mail, and who else reads that mailbox.",
                count=mailbox.missing,
                mailbox=mailbox.mailbox,
            )
        else:
            yield ok(
                "mail in",
                "the %(count)s messages of %(mailbox)s have a line in its account",
                count=mailbox.present,
                mailbox=mailbox.mailbox,
            )
    departed = departures.balance(db)
    if departed.missing:
        yield fail(
            "mail out",
            "%(count)s letters or text messages are done and have no line in their account",
            "Compare the log of the mail server with kbsearch notify list.",
            count=departed.missing,
        )
    else:
        yield ok(
            "mail out",
            "the %(count)s letters and text messages of the outbox have a line in their account",
            count=departed.tasks,
        )


def seen(state: Health) -> Iterator[Check]:
    yield from _outbox(state)
    yield from _behind(state)
    yield _publication(state)
    if state.is_worker_alive:
        yield ok("worker", "the worker is running")
    else:
        yield warn(
            "worker",
            "the worker is not running",
            "Start kbsearch serve, or kbsearch worker beside kbsearch web.",
        )


def _outbox(state: Health) -> Iterator[Check]:
    if state.outbox_dead:
        yield warn(
            "outbox",
            "%(count)s tasks were given up after every retry",
            "Read the log of the worker for their reason.",
            count=state.outbox_dead,
        )
    else:
        yield ok("outbox", "nothing was given up")
    for channel in state.late:
        yield warn(
            "waiting",
            "%(channel)s: the oldest thing to leave has waited for %(minutes)s minutes",
            "kbsearch notify list says why.",
            channel=channel,
            minutes=round(state.waiting[channel] / 60),
        )


def _behind(state: Health) -> Iterator[Check]:
    if state.index_lag > health.LATE_AFTER:
        yield warn(
            "index lag",
            "changes have waited for %(seconds)s s to be found",
            "See whether the worker runs: it takes them into the index.",
            seconds=round(state.index_lag),
        )


def _publication(state: Health) -> Check:
    if state.refused_commit:
        return fail(
            "publication",
            "commit %(commit)s was refused; the one before it is live",
            "Run kbsearch check, correct what it names and commit.",
            commit=state.refused_commit[:10],
        )
    if state.commit is None:
        return warn("publication", "nothing is published yet", "kbsearch serve publishes.")
    return ok("publication", "commit %(commit)s is live", commit=state.commit[:10])
