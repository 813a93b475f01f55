"""What belongs to nothing is set aside for a month, little at a time, and never at the start."""

import io
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from kbsearch import worker
from kbsearch.access import OPERATOR
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.files import places, trash
from kbsearch.files.folder import FolderStorage
from kbsearch.files.store import FileStore
from kbsearch.files.trash import Trash
from kbsearch.messages.incoming import mails
from kbsearch.processes.parent_pipe import ParentPipe
from kbsearch.processes.steps import Step
from kbsearch.site import backups, erasing
from kbsearch.tickets import files as attachments
from tests.conftest import Cast
from tests.kit.incoming import letter, receiving, take
from tests.kit.requests import attach, file, later, lies_in, root_of

ALICE = "alice@acme.example"


@pytest.fixture
def store(settings: Settings) -> FileStore:
    return places.attached(settings)


@pytest.fixture
def bin(settings: Settings) -> Trash:
    return places.trash(settings)


def grow_old(folder: Path) -> None:
    for path in folder.glob("*/*"):
        os.utime(path, (1, 1))


def keep(store: FileStore, count: int) -> set[str]:
    """Contents that no row names, older than a week; their digests."""
    written = [io.BytesIO(f"{number}".encode()) for number in range(count)]
    digests = {store.write(each, 100, lambda _: None).sha256 for each in written}
    grow_old(root_of(store))
    return digests


def root_of_trash(bin: Trash) -> Path:
    assert isinstance(bin.storage, FolderStorage)
    return bin.storage.path(trash.FOLDER)


def thrown(bin: Trash) -> set[str]:
    return {path.name.split(".")[0] for path in root_of_trash(bin).glob("*/*/*")}


def in_names(db: SqliteDatabase, cast: Cast, store: FileStore, count: int) -> None:
    """As many files that requests name."""
    for number in range(count):
        attach(db, cast.alice, store, f"form-{number:04}", content=f"sent {number}".encode())
        file(db, cast.alice, key=f"form-{number:04}")
    grow_old(root_of(store))


def test_orphans_lie_in_the_trash_by_day_and_a_line_tells_of_each(
    db: SqliteDatabase, store: FileStore, bin: Trash, caplog: pytest.LogCaptureFixture
):
    digests = keep(store, 2)
    with caplog.at_level(logging.INFO, trash.log.name):
        assert attachments.forget_orphans(db, store, bin) == 2
    today = datetime.now(UTC).date().isoformat()
    assert {path.name for path in (root_of_trash(bin) / today / "files").iterdir()} == digests
    assert all(any(digest in line for line in caplog.messages) for digest in digests)
    assert lies_in(store) == set()
    assert root_of_trash(bin).stat().st_mode & 0o077 == 0


def test_a_day_leaves_the_trash_after_a_month(db: SqliteDatabase, store: FileStore, bin: Trash):
    keep(store, 1)
    attachments.forget_orphans(db, store, bin)
    (root_of_trash(bin) / "mine").mkdir()
    (root_of_trash(bin) / "2026-99-99").mkdir()
    now = datetime.now(UTC)
    bin.empty(at=now + timedelta(days=30))
    assert len(thrown(bin)) == 1
    bin.empty(at=now + timedelta(days=31))
    assert sorted(path.name for path in root_of_trash(bin).iterdir()) == ["2026-99-99", "mine"]


@pytest.mark.parametrize(("strange", "moved"), [(5, 5), (6, 0), (40, 0)])
def test_more_than_a_small_share_that_no_row_knows_is_left_alone(
    db: SqliteDatabase,
    cast: Cast,
    store: FileStore,
    bin: Trash,
    strange: int,
    moved: int,
    caplog: pytest.LogCaptureFixture,
):
    in_names(db, cast, store, 4)
    keep(store, strange)
    before = lies_in(store)
    assert attachments.forget_orphans(db, store, bin) == moved
    assert len(lies_in(store)) == len(before) - moved
    assert len(thrown(bin)) == moved
    if not moved:
        assert f"nothing names {strange} of {strange + 4}" in caplog.text
        (left,) = trash.list_unclaimed(db)
        assert (left.orphans, left.contents) == (strange, strange + 4)
    attachments.forget_orphans(db, store, bin, share=1.0)
    assert len(lies_in(store)) == 4
    assert trash.list_unclaimed(db) == []


def test_a_large_site_may_lose_one_in_twenty(
    db: SqliteDatabase, cast: Cast, store: FileStore, bin: Trash
):
    in_names(db, cast, store, 3)
    keep(store, 200)
    names = [path.name for path in lies_in(store)][: 203 - 10]
    wanted = set(names)
    swept = store.sweep(lambda digests: wanted & set(digests), {}, bin, older_than=3600)
    assert swept.moved == 10


def test_what_people_let_go_goes_a_share_at_a_time(
    db: SqliteDatabase, cast: Cast, store: FileStore, bin: Trash
):
    for number in range(8):
        key = f"form-{number:04}"
        sent = attach(db, cast.alice, store, key, content=f"{number}".encode(), at=later(days=-20))
        attachments.discard(db, cast.alice, sent.id)
    grow_old(root_of(store))
    assert attachments.forget_orphans(db, store, bin) == 5
    assert db.query("SELECT COUNT(*) AS n FROM attachments")[0]["n"] == 3
    assert attachments.forget_orphans(db, store, bin) == 3
    assert db.query("SELECT COUNT(*) AS n FROM attachments")[0]["n"] == 0
    assert trash.list_unclaimed(db) == []


def test_killed_between_content_and_row_the_next_round_goes_on(
    db: SqliteDatabase, cast: Cast, store: FileStore, bin: Trash, monkeypatch: pytest.MonkeyPatch
):
    sent = attach(db, cast.alice, store, "form-0001", at=later(days=-20))
    attachments.discard(db, cast.alice, sent.id)
    grow_old(root_of(store))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(db), "execute", killed)
    with pytest.raises(KeyboardInterrupt):
        attachments.forget_orphans(db, store, bin)
    monkeypatch.undo()
    assert thrown(bin) == {sent.sha256}
    attachments.forget_orphans(db, store, bin)
    assert db.query("SELECT id FROM attachments") == []


def test_nothing_is_swept_at_the_start(
    settings: Settings, db: SqliteDatabase, store: FileStore, monkeypatch: pytest.MonkeyPatch
):
    (settings.content_path / "articles").mkdir(parents=True)
    keep(store, 1)
    done: list[str] = []

    def once(steps: list[Step], signals: worker.Signals, _: object) -> bool:
        for step in steps:
            step.attempt()
            done.append(step.name)
        signals.stop = True
        return True

    monkeypatch.setattr(worker, "_round", once)
    monkeypatch.setattr(worker.Signals, "__init__", lambda signals: setattr(signals, "stop", False))
    monkeypatch.setattr(worker.Signals, "publish", False, raising=False)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    worker.run(settings, db, ParentPipe(None))
    assert "clearing files away" in done
    assert len(lies_in(store)) == 1


def test_old_mail_lies_in_the_trash_too(
    settings: Settings, db: SqliteDatabase, cast: Cast, bin: Trash
):
    settings = receiving(settings)
    take(settings, db, letter(ALICE, "x@support.example", "Away", "Precedence: bulk"))
    grow_old(settings.data_path / "mails")
    (row,) = db.query("SELECT sha256 FROM mails")
    at = datetime.now(UTC) + timedelta(days=91)
    assert mails.forget_old(db, settings, bin, at=at) == 1
    assert thrown(bin) == {row["sha256"]}
    assert lies_in(mails.store(settings)) == set()


def test_who_is_erased_is_erased_from_the_trash(
    settings: Settings, db: SqliteDatabase, cast: Cast, store: FileStore, bin: Trash
):
    settings = receiving(settings)
    for viewer in (cast.alice, cast.bob):
        content = str(viewer.person_id).encode()
        sent = attach(db, viewer, store, "form-0001", content=content, at=later(days=-20))
        attachments.discard(db, viewer, sent.id)
    for sender in (ALICE, "bob@acme.example"):
        raw = letter(f"Somebody <{sender}>", "x@support.example", "Away", "Precedence: bulk")
        take(settings, db, raw)
    for folder in ((settings.data_path / "files"), (settings.data_path / "mails")):
        grow_old(folder)
    attachments.forget_orphans(db, store, bin)
    mails.forget_old(db, settings, bin, at=datetime.now(UTC) + timedelta(days=91))
    assert len(thrown(bin)) == 4
    erasing.erase(db, OPERATOR, settings, ALICE)
    left = list(root_of_trash(bin).glob("*/*/*"))
    assert len(left) == 2
    assert not any(ALICE.encode() in path.read_bytes() for path in left)
    assert not any(str(cast.alice.person_id).encode() in path.read_bytes() for path in left)


def test_backups_leave_the_trash_out(
    settings: Settings, db: SqliteDatabase, store: FileStore, bin: Trash, tmp_path: Path
):
    keep(store, 1)
    attachments.forget_orphans(db, store, bin)
    made = backups.create(settings, db, tmp_path / "site.tar")
    assert not [name for name in made.files if "trash" in name]


def test_a_person_may_sweep_what_was_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    site = tmp_path / "site"
    assert (
        CliRunner().invoke(cli, ["init", str(site), "--admin", "root@company.example"]).exit_code
        == 0
    )
    var = FolderStorage(site / "var")
    store = FileStore(var, "files")
    keep(store, 12)
    place = ["--config", str(site / "kbsearch.toml")]
    db = SqliteDatabase(site / "var/kbsearch.sqlite3")
    attachments.forget_orphans(db, store, Trash(var))
    db.close()
    assert "nothing names 12 of 12" in CliRunner().invoke(cli, [*place, "doctor"]).stdout
    swept = CliRunner().invoke(cli, [*place, "sweep"])
    assert (swept.exit_code, swept.stdout) == (0, f"12 files are in {site}/var/trash now\n")
    assert "orphans" not in CliRunner().invoke(cli, [*place, "doctor"]).stdout
