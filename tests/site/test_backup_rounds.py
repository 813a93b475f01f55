"""Backups by themselves: on their day, sealed, whole or not there, old ones after the new one."""

import fcntl
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest

from kbsearch import clock, keep_rules, people, randomness
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.config_sources import Configuration
from kbsearch.database import Database
from kbsearch.errors import Problem
from kbsearch.people import PersonFields
from kbsearch.site import (
    backup_rounds,
    backups,
    drills,
    erasing,
    erasure_ledger,
    fetching,
    restoring,
)
from kbsearch.vaults import outcomes
from tests.conftest import Cast
from tests.kit.incoming import letter, receiving, take
from tests.kit.places import TOP
from tests.kit.requests import file

KEY = pyrage.x25519.Identity.generate()
ANOTHER_KEY = pyrage.x25519.Identity.generate()


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    return replace(settings, backup_to="vault", backup_recipients=(str(KEY.to_public()),))


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    """A key as age-keygen writes it, kept elsewhere."""
    place = tmp_path / "key.txt"
    place.write_text(f"# created: 2026-01-31\n# public key: {KEY.to_public()}\n{KEY}\n")
    return place


@contextmanager
def on(moment: datetime) -> Iterator[None]:
    with clock.running_on(lambda: moment):
        yield


def in_vault(settings: Settings) -> list[str]:
    return sorted(path.name for path in (settings.site / "vault").iterdir())


def days(*numbers: int) -> list[datetime]:
    return [datetime(2026, 1, 1, 2, 30, tzinfo=UTC) + timedelta(days=day) for day in numbers]


def test_the_newest_of_each_day_week_and_month_is_kept():
    every_day = days(*range(400))
    kept = keep_rules.spared(every_day, {"daily": 3, "weekly": 2, "monthly": 3})
    assert [f"{moment:%m-%d}" for moment in sorted(kept)] == [
        "12-31", "01-31", "02-02", "02-03", "02-04"
    ]  # fmt: skip
    assert keep_rules.spared(every_day, {}) == {every_day[-1]}, "the last one stays always"


@pytest.mark.parametrize("word", ["daily", "hourly=1", "daily=-1", "daily=²", "daily=1001"])
def test_a_rule_that_says_nothing_is_refused(word: str):
    with pytest.raises(ValueError, match="daily"):
        keep_rules.parse(["weekly=4", word] if word != "hourly=1" else ["daily=hourly"])


def test_one_is_due_each_day_at_its_time(db: Database, settings: Settings):
    at = datetime(2026, 3, 1, 2, 29, tzinfo=UTC)
    assert backup_rounds.is_due(db, settings, at=at), "there is none yet"
    with on(at):
        backup_rounds.attempt(db, settings)
    assert not backup_rounds.is_due(db, settings, at=at)
    assert backup_rounds.is_due(db, settings, at=at + timedelta(minutes=1))
    by_command = replace(settings, backup_at="")
    assert not backup_rounds.is_due(db, by_command, at=at + timedelta(days=9))


def test_old_ones_go_once_the_new_one_is_there(
    db: Database, settings: Settings, cast: Cast, identity: Path
):
    settings = replace(settings, backup_keep=("daily=2",))
    strangers = settings.site / "vault" / "kbsearch-others-20200101-000000.tar.gz"
    strangers.parent.mkdir()
    strangers.touch()
    for moment in days(0, 1, 2):
        with on(moment):
            backup_rounds.attempt(db, settings)
    assert in_vault(settings) == [
        "kbsearch--20260102-023000.tar.gz.age",
        "kbsearch--20260103-023000.tar.gz.age",
        strangers.name,
    ]
    assert list(settings.data_path.glob("backing-up/*")) == []


def test_nobody_reads_one_without_the_key(
    db: Database, settings: Settings, cast: Cast, identity: Path, tmp_path: Path
):
    file(db, cast.alice, subject="Collier perdu")
    made = backup_rounds.run(db, settings)
    sealed = settings.site / "vault" / made.name
    assert b"Collier" not in sealed.read_bytes()
    wrong = tmp_path / "wrong.txt"
    wrong.write_text(str(ANOTHER_KEY))
    for key in (None, wrong, tmp_path / "none", sealed):
        with pytest.raises(Problem, match="vault"), fetching.opened(settings, None, key, tmp_path):
            pass
    with fetching.opened(settings, None, identity, tmp_path) as archive:
        assert backups.read(archive.path).made_at == made.at


def test_what_fails_removes_nothing_and_is_told_once(
    db: Database, settings: Settings, cast: Cast, tmp_path: Path
):
    settings = replace(settings, backup_keep=("daily=1",))
    with on(days(0)[0]):
        backup_rounds.attempt(db, settings)
    before = in_vault(settings)
    broken = replace(settings, backup_recipients=("age1" + "q" * 58,))
    for moment in days(1, 2):
        with on(moment):
            backup_rounds.attempt(db, broken)
    assert in_vault(settings) == before
    told = db.query("SELECT subject FROM outbox WHERE kind = :kind", {"kind": outcomes.FAILED})
    assert [row["subject"] for row in told] == [cast.root.person_id]
    notes = outcomes.look(db)
    assert notes.failure and notes.made and notes.made.name in before
    assert not backup_rounds.is_due(db, settings, at=days(2)[0] + timedelta(minutes=59))
    assert backup_rounds.is_due(db, settings, at=days(2)[0] + timedelta(minutes=60))
    with on(days(3)[0]):
        backup_rounds.attempt(db, settings)
    assert outcomes.look(db).failure is None
    assert in_vault(settings) != before


def test_one_at_a_time_and_that_is_no_failure(db: Database, settings: Settings, cast: Cast):
    with backup_rounds.work_folder(settings):
        with pytest.raises(backup_rounds.UnderWay):
            backup_rounds.run(db, settings)
        backup_rounds.attempt(db, settings)
    assert outcomes.look(db).failure is None


def test_one_that_is_there_is_told_though_what_goes_with_it_fails(
    db: Database, settings: Settings, cast: Cast, caplog: pytest.LogCaptureFixture
):
    """An erasures' list that is garbled is no reason to say that there is no backup."""
    erasure_ledger.path(settings).write_text("not a line of it\n")
    backup_rounds.attempt(db, settings)
    notes = outcomes.look(db)
    assert notes.failure is None and notes.made and notes.made.name in in_vault(settings)
    assert erasure_ledger.FILE in caplog.text


@pytest.mark.sqlite_only
def test_killed_at_any_step_the_former_one_is_there_whole(
    db: Database, settings: Settings, cast: Cast, identity: Path, tmp_path: Path
):
    """Killed for real, at steps spread over a whole round, until one round ends unharmed."""
    with on(days(0)[0]):
        first = backup_rounds.run(db, settings)
    command = [sys.executable, "-m", "tests.kit.killed_rounds"]
    command += [str(settings.site), str(KEY.to_public())]
    with subprocess.Popen(
        command, cwd=TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as rounds:
        assert rounds.stdin and rounds.stdout
        status, step = -signal.SIGKILL, 1
        while status == -signal.SIGKILL:
            rounds.stdin.write(f"{step}\n")
            rounds.stdin.flush()
            status, step = int(rounds.stdout.readline()), step + 13
            with fetching.opened(settings, None, identity, tmp_path) as archive:
                assert backups.read(archive.path).made_at >= first.at
    assert status == 0 and step > 40, "or it was killed nowhere"
    assert len(in_vault(settings)) == 1, "and what was left half-way is cleared away"


def test_a_drill_brings_the_last_one_back_beside(
    db: Database, settings: Settings, cast: Cast, identity: Path
):
    file(db, cast.alice, subject="Collier perdu")
    backup_rounds.run(db, settings)

    def rows() -> dict[str, list[object]]:
        tables = ("sessions", "outbox", "departures", "security_log", "people")
        return {table: list(db.rows(table)) for table in tables}

    before = rows()
    proof = drills.drill(db, settings, identity=identity)
    assert proof.is_good, proof.problems
    assert proof.counts["tickets"] == 1 and proof.counts["people"] == 6
    assert outcomes.look(db).proof == proof
    assert rows() == before, "nobody signed in, nothing was sent"
    assert not (settings.data_path / "drill").exists()


def test_a_drill_tells_what_is_wrong(db: Database, settings: Settings, cast: Cast, identity: Path):
    made = backup_rounds.run(db, settings)
    assert not drills.drill(db, settings).is_good, "without the key"
    sealed = settings.site / "vault" / made.name
    content = bytearray(sealed.read_bytes())
    content[len(content) // 2] ^= 1
    sealed.write_bytes(content)
    proof = drills.drill(db, settings, identity=identity)
    assert not proof.is_good and outcomes.look(db).proof == proof


def test_a_drill_that_breaks_is_a_drill_that_failed(
    db: Database, settings: Settings, cast: Cast, identity: Path, monkeypatch: pytest.MonkeyPatch
):
    backup_rounds.run(db, settings)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(restoring, "restore", fail)
    proof = drills.drill(db, settings, identity=identity)
    assert not proof.is_good and "No space left" in proof.problems[0]
    assert outcomes.look(db).proof == proof


def test_who_was_erased_since_stays_erased(
    db: Database, settings: Settings, cast: Cast, identity: Path, tmp_path: Path
):
    """On another machine, and under another address than they had when they were erased."""
    file(db, cast.bob, subject="Collier de Bob")
    take(receiving(settings), db, letter(sender="", proved=None))
    assert [row["sender"] for row in db.query("SELECT sender FROM mails")] == [""]
    with on(days(0)[0]):
        backup_rounds.run(db, settings)
    db.execute("UPDATE people SET email = 'new@acme.example' WHERE email = 'bob@acme.example'")
    for email in ("new@acme.example", "alice@acme.example"):
        erasing.erase(db, OPERATOR, settings, email)
    assert "acme" not in erasure_ledger.path(settings).read_text()
    backup_rounds.keep_ledger(db, settings)
    there = tmp_path / "there"
    there.mkdir()
    with fetching.opened(settings, None, identity, tmp_path) as archive:
        found = Configuration(Settings(site=there), {})
        restored = restoring.restore(found, archive.path, archive.ledgers)
    assert (restored.counts["people"], restored.erased) == (6, 2)
    held = b"".join(path.read_bytes() for path in there.rglob("*") if path.is_file()).lower()
    assert b"chloe@globex.example" in held
    assert b"bob@acme.example" not in held and b"alice@acme.example" not in held
    merged = erasure_ledger.read([erasure_ledger.path(found.settings)])
    assert merged == erasure_ledger.read([erasure_ledger.path(settings)])


def test_a_line_cut_short_is_dropped_and_the_salt_is_made_by_whoever_holds_the_list(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    ledger = erasure_ledger.path(settings)
    ledger.parent.mkdir(exist_ok=True)
    salts = iter(("salt of the first", "another"))

    def token(_: int) -> str:
        with ledger.open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return next(salts)

    monkeypatch.setattr(randomness, "token", token)
    for email in ("alice@acme.example", "bob@acme.example"):
        erasure_ledger.add(settings, clock.now(), email, "", with_files=False)
        ledger.write_bytes(ledger.read_bytes() + b'{"at": "2026-')
    lines = erasure_ledger.read([ledger])
    assert [line.salt for line in lines] == ["salt of the first"] * 2
    ledger.write_bytes(b"")
    assert erasure_ledger.read([ledger]) == []


def test_who_came_back_later_is_let_be(
    db: Database, settings: Settings, cast: Cast, identity: Path
):
    with on(days(0)[0]):
        erasing.erase(db, OPERATOR, settings, "alice@acme.example")
    people.add(db, OPERATOR, PersonFields(email="alice@acme.example", name="Alice Martin"))
    backup_rounds.run(db, settings)
    proof = drills.drill(db, settings, identity=identity)
    assert (proof.is_good, proof.erased) == (True, 0)
