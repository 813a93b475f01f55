"""A year of a help centre, played from a seed: whatever happens in it, what must hold holds."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.database import Database
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages.delivery.channels import MailChannel
from kbsearch.tickets import events, lists
from kbsearch.tickets.lists import Scope
from tests.kit.year import calendar
from tests.kit.year.machine import MortalDatabase
from tests.kit.year.play import Year, YearFailed

MONTH, BUSY = 30, 3.0  # days, and the pace of what happens in them
WEEK = 7  # days
FIRST_SEEDS = 3

Plant = Callable[[pytest.MonkeyPatch], None]


def seeds() -> list[int]:
    """Those of KBSEARCH_YEARS: a number of years, or from one seed to another (17-17 is one)."""
    first, dash, last = os.environ.get("KBSEARCH_YEARS", "10").partition("-")
    return list(range(int(first), int(last) + 1) if dash else range(1, int(first) + 1))


@pytest.mark.parametrize("seed", seeds())
def test_a_year_in_which_all_holds(seed: int, tmp_path: Path, empty_database: Path):
    calendar.play(Year(seed, tmp_path / "site", empty_database.read_bytes()))


def test_a_seed_plays_the_same_again(tmp_path: Path, empty_database: Path):
    once, again = (month(3, tmp_path / name, empty_database) for name in ("once", "again"))
    calendar.play(once)
    calendar.play(again)
    assert len(once.log) > MONTH and once.records.letters
    assert once.log == again.log
    assert once.records.letters == again.records.letters


def month(seed: int, site: Path, empty_database: Path) -> Year:
    return Year(
        seed, site, empty_database.read_bytes(), days=MONTH, pace=BUSY, inspected_every=WEEK
    )


def a_letter_sent_twice(patch: pytest.MonkeyPatch) -> None:
    send = MailChannel.send

    def send_twice(
        self: MailChannel, letter: EmailMessage, recipients: Sequence[str] | None = None
    ) -> None:
        send(self, letter, recipients)
        send(self, letter, recipients)

    patch.setattr(MailChannel, "send", send_twice)


def readers_that_nobody_asks(patch: pytest.MonkeyPatch) -> None:
    def visible(
        viewer: Viewer, readers: str, key: str, column: str
    ) -> tuple[str, Mapping[str, object]]:
        return "1 = 1", {}

    patch.setattr(access, "visible", visible)


def a_commit_that_is_lost(patch: pytest.MonkeyPatch) -> None:
    """Now and then nothing is written, though everybody is told that it is."""
    atomic, count = SqliteDatabase.atomic, 0

    @contextmanager
    def losing(self: SqliteDatabase) -> Iterator[None]:
        nonlocal count
        connection: Any = self.tables.conn
        is_outermost = not connection.in_transaction and isinstance(self, MortalDatabase)
        with atomic(self):
            yield
            count += is_outermost
            if is_outermost and count % 40 == 0:
                connection.execute("ROLLBACK")
                connection.execute("BEGIN")

    patch.setattr(SqliteDatabase, "atomic", losing)


def a_count_that_is_off_by_one(patch: pytest.MonkeyPatch) -> None:
    scope_counts = lists.scope_counts

    def off_by_one(db: Database, viewer: Viewer, scopes: Sequence[Scope]) -> dict[Scope, int]:
        counts = scope_counts(db, viewer, scopes)
        return {scope: count + (count > 2) for scope, count in counts.items()}

    patch.setattr(lists, "scope_counts", off_by_one)


def notes_that_are_told_as_answers(patch: pytest.MonkeyPatch) -> None:
    record = events.record

    def record_as_reply(
        db: Database, viewer: Viewer | None, ticket_id: str, event: events.NewEvent
    ) -> int:
        revision = record(db, viewer, ticket_id, event)
        if event.kind == "ticket.noted":
            db.execute("UPDATE messages SET internal = 0 WHERE id = :id", {"id": event.message_id})
        return revision

    patch.setattr(events, "record", record_as_reply)


@pytest.mark.parametrize(
    ("plant", "invariants"),
    [
        (a_letter_sent_twice, {"nothing_is_sent_twice"}),
        (
            readers_that_nobody_asks,
            {"requests_are_read_by_their_readers", "letters_tell_what_may_be_seen"},
        ),
        (a_commit_that_is_lost, None),
        (a_count_that_is_off_by_one, {"lists_are_as_long_as_they_say"}),
        (notes_that_are_told_as_answers, {"notes_stay_notes", "letters_tell_what_may_be_seen"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_planted_is_seen(
    plant: Plant,
    invariants: set[str] | None,
    tmp_path: Path,
    empty_database: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    plant(monkeypatch)
    with pytest.raises(YearFailed) as failure:
        for seed in range(1, FIRST_SEEDS + 1):
            calendar.play(month(seed, tmp_path / str(seed), empty_database))
    if invariants is not None:
        assert str(failure.value).partition(": ")[2].partition(":")[0] in invariants
