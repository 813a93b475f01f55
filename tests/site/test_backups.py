"""P7, K13: a backup taken while people work, read back whole or refused, and brought back."""

import gzip
import io
import json
import random
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kbsearch import audit, config_sources
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.database import migrations
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Problem
from kbsearch.files import places
from kbsearch.people.accounts import sessions as accounts
from kbsearch.site import backups, restoring
from kbsearch.site import new as sites
from kbsearch.site.backups import UnreadableArchive
from tests.conftest import Cast
from tests.kit.places import TOP
from tests.kit.requests import path_of
from tests.kit.writers import git
from tests.test_killed import lost


@pytest.fixture
def site(tmp_path: Path) -> Settings:
    """A demo's content, settings and folders; its database is empty."""
    sites.create(tmp_path / "site", demo=True)
    settings = config_sources.load(tmp_path / "site" / "kbsearch.toml").settings
    with_db(settings, migrations.migrate)
    return settings


def with_db(settings: Settings, act: Callable[[SqliteDatabase], Any]) -> Any:
    db = SqliteDatabase(settings.database_path)
    try:
        return act(db)
    finally:
        db.close()


def back_up(settings: Settings, target: Path) -> None:
    with_db(settings, lambda db: backups.create(settings, db, target))


def restored(archive: Path, folder: Path) -> Settings:
    """The site an archive makes of an empty folder."""
    folder.mkdir()
    restoring.restore(config_sources.Configuration(Settings(site=folder), {}), archive)
    found = folder / "kbsearch.toml"
    return config_sources.load(found).settings if found.exists() else Settings(site=folder)


def tree(root: Path) -> dict[str, bytes]:
    """All plain files below a folder."""
    paths = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.sqlite_only
def test_all_that_people_sent_before_is_in_a_backup_taken_while_they_work(
    settings: Settings, db: SqliteDatabase, cast: Cast, tmp_path: Path
):
    """Senders are killed at random meanwhile, as they file requests and attach files."""
    acks = settings.site / "acks"
    acks.touch()
    paths = settings.database_path, (settings.data_path / "files"), acks
    command = [sys.executable, "-m", "tests.kit.killed_senders", *map(str, paths)]
    senders = subprocess.Popen([*command, "20", "late"], cwd=TOP)
    taken: list[tuple[Path, list[dict[str, Any]]]] = []
    while senders.poll() is None:
        told = [json.loads(line) for line in acks.read_text().splitlines()]
        archive = tmp_path / f"{len(taken)}.tar"
        assert backups.create(settings, db, archive).missing == ()
        taken.append((archive, told))
    assert senders.returncode == 0
    for archive, told in taken:
        there = restored(archive, tmp_path / archive.stem)
        copy = SqliteDatabase(there.database_path)
        assert lost(copy, places.attached(there), cast, told) == []
        copy.close()
    assert taken[-1][1], "somebody sent something before the last one"


@pytest.mark.parametrize("name", ["site.tar", "site.tar.gz"])
def test_a_backup_makes_the_same_site_in_an_empty_folder(site: Settings, tmp_path: Path, name: str):
    (site.data_path / "secret_key").write_text("k" * 64)
    (site.content_path / "unfinished.md").write_text("Not committed yet")
    kept = places.attached(site).write(io.BytesIO(b"log"), 10, lambda _: None)
    ((site.data_path / "files") / "incoming" / "half").write_bytes(b"ha")
    back_up(site, tmp_path / name)
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    there = restored(tmp_path / name, tmp_path / "there")
    assert there == replace(site, site=tmp_path / "there")
    assert tree(there.content_path) == tree(site.content_path)
    assert git(there.content_path, "status", "--porcelain") == "?? unfinished.md"
    assert (there.data_path / "secret_key").read_text() == "k" * 64
    assert (there.data_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert path_of(places.attached(there), kept.sha256).read_bytes() == b"log"
    assert list((there.data_path / "files").glob("incoming/*")) == []
    assert sorted(path.name for path in there.site.iterdir()) == ["content", "kbsearch.toml", "var"]


def test_content_pushed_meanwhile_is_there_before_or_after(site: Settings, tmp_path: Path):
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.is_set():
            (site.content_path / "note.md").write_text(f"{number}\n")
            git(site.content_path, "add", "--all")
            git(site.content_path, "commit", "--quiet", "--message", f"Note {number}")
            if number % 3 == 0:
                git(site.content_path, "gc", "--quiet", "--prune=now")
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(4):
            back_up(site, tmp_path / f"{number}.tar")
    finally:
        over.set()
        writer.join()
    for number in range(4):
        there = restored(tmp_path / f"{number}.tar", tmp_path / str(number))
        git(there.content_path, "fsck", "--connectivity-only", "main")


def test_what_was_there_is_set_aside(site: Settings, tmp_path: Path):
    archive = tmp_path / "site.tar"
    back_up(site, archive)
    before = tree(site.content_path)
    (site.content_path / "later.md").write_text("Later")
    (site.index_path / "articles-old").mkdir()
    (site.index_path / "mine").mkdir()
    settings_file = site.site / "kbsearch.toml"
    settings_file.write_text(f'mail_from = "help@support.example"\n{settings_file.read_text()}')
    found = config_sources.load(site.site / "kbsearch.toml")
    outcome = restoring.restore(found, archive)
    assert tree(site.content_path) == before
    assert [path.name for path in site.index_path.iterdir()] == ["mine"], "an index is of no use"
    assert outcome.set_aside is not None
    assert (outcome.set_aside / "content" / "later.md").read_text() == "Later"
    assert (outcome.set_aside / "kbsearch.sqlite3").exists()
    assert outcome.settings_beside == site.site / "kbsearch.toml.restored"
    assert "help@support.example" in (site.site / "kbsearch.toml").read_text()


@pytest.mark.parametrize("setting", ["data", "content", "database", "index"])
@pytest.mark.parametrize("place", ["{0}/elsewhere", "../elsewhere", "var/../../elsewhere"])
def test_settings_of_an_archive_touch_nothing_outside_of_the_site(
    site: Settings, tmp_path: Path, setting: str, place: str
):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").touch()
    (site.site / "kbsearch.toml").write_text(f'{setting} = "{place.format(tmp_path)}"\n')
    back_up(site, tmp_path / "site.tar")
    with pytest.raises(UnreadableArchive) as refused:
        restored(tmp_path / "site.tar", tmp_path / "there")
    assert refused.value.key == "backup.settings_outside"
    assert list((tmp_path / "there").iterdir()) == []
    assert tree(tmp_path / "elsewhere") == {"mine": b""}


def test_an_archive_names_no_server(site: Settings, tmp_path: Path):
    (site.site / "kbsearch.toml").write_text('database = "postgresql://db.elsewhere/help"\n')
    back_up(site, tmp_path / "site.tar")
    with pytest.raises(UnreadableArchive) as refused:
        restored(tmp_path / "site.tar", tmp_path / "there")
    assert refused.value.key == "backup.settings_outside"


def test_nobody_is_signed_in_by_a_restore(
    settings: Settings, db: SqliteDatabase, cast: Cast, tmp_path: Path
):
    token = accounts.open_session(db, str(cast.alice.person_id))
    backups.create(settings, db, tmp_path / "site.tar")
    there = restored(tmp_path / "site.tar", tmp_path / "there")
    copy = SqliteDatabase(there.database_path)
    assert not accounts.viewer_of(copy, token).is_signed_in
    rows = copy.query("SELECT id FROM security_log WHERE kind = 'site.restored'")
    assert audit.find(copy, rows[0]["id"]).details["by"] == "command line"
    copy.close()


def test_an_archive_cut_short_or_changed_is_refused_and_changes_nothing(
    site: Settings, tmp_path: Path
):
    archive = tmp_path / "site.tar"
    back_up(site, archive)
    whole = archive.read_bytes()
    with tarfile.open(archive) as tar:  # a bit of what fills a block up is no file's
        held = [range(each.offset, each.offset_data + each.size) for each in tar]
    places = [place for each in held for place in each]
    chance = random.Random(13)
    spoilt = [whole[: chance.randrange(len(whole) - 10_240)] for _ in range(20)]
    for _ in range(20):
        flipped = bytearray(whole)
        flipped[chance.choice(places)] ^= 1 << chance.randrange(8)
        spoilt.append(bytes(flipped))
    spoilt += [b"", b"no archive", gzip.compress(whole)[:-20]]
    before = tree(site.site)
    refused = 0
    for content in spoilt:
        archive.write_bytes(content)
        try:
            restoring.look(archive, tmp_path)
        except UnreadableArchive:
            refused += 1
            with pytest.raises(UnreadableArchive):
                restoring.restore(config_sources.load(site.site / "kbsearch.toml"), archive)
            assert tree(site.site) == before
    assert refused >= len(spoilt) - 1, "a header's sum may end in any byte"
    assert list(tmp_path.glob("restoring-*")) == []


def hostile(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, link
        archive.addfile(member)
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        hostile("../outside"),
        hostile("/etc/outside"),
        hostile("content/../../outside"),
        hostile("content//outside"),
        hostile("content/link", tarfile.SYMTYPE, "/etc/passwd"),
        hostile("content/link", tarfile.LNKTYPE, "database.sqlite3"),
        hostile("content/pipe", tarfile.FIFOTYPE),
        hostile("content/device", tarfile.CHRTYPE),
        hostile("elsewhere/file"),
        hostile("manifest.json"),
    ],
)
def test_an_archive_that_reaches_outside_is_no_backup(tmp_path: Path, content: bytes):
    archive, folder = tmp_path / "hostile.tar", tmp_path / "folder"
    archive.write_bytes(content)
    folder.mkdir()
    with pytest.raises(UnreadableArchive):
        restoring.restore(config_sources.Configuration(Settings(site=folder), {}), archive)
    assert list(folder.iterdir()) == []


def test_a_site_at_work_is_not_replaced(site: Settings, tmp_path: Path):
    import fcntl

    back_up(site, tmp_path / "site.tar")
    before = tree(site.site)
    with (site.data_path / "worker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Problem, match="site_is_running"):
            restoring.restore(
                config_sources.load(site.site / "kbsearch.toml"), tmp_path / "site.tar"
            )
    after = tree(site.site)
    after.pop("var/worker.lock")
    assert after == before


def test_a_database_of_a_later_release_is_refused(site: Settings, tmp_path: Path):
    def from_later(db: SqliteDatabase) -> None:
        db.insert("schema_steps", {"name": "s999_later", "applied_at": "2030-01-01T00:00:00Z"})

    with_db(site, from_later)
    back_up(site, tmp_path / "site.tar")
    with pytest.raises(UnreadableArchive, match="s999_later"):
        restoring.look(tmp_path / "site.tar", tmp_path)


def test_a_failed_backup_leaves_the_older_one(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    archive = tmp_path / "site.tar"
    back_up(site, archive)
    older = archive.read_bytes()

    def damaged(path: Path) -> None:
        raise UnreadableArchive("backup.damaged", path=path)

    monkeypatch.setattr(backups, "read", damaged)
    with pytest.raises(UnreadableArchive):
        back_up(site, archive)
    assert archive.read_bytes() == older
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site", "site.tar"]


def test_what_is_missing_is_told(site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KBSEARCH_LANG", "en")

    def name_one(db: SqliteDatabase) -> None:
        values = {"id": "m", "fingerprint": "f", "message_id": "", "received_at": "2026-01-01"}
        named = {"sender": "", "subject": "", "sha256": "ab" * 32, "state": "held"}
        db.insert("mails", {**values, **named, "reason": "", "is_proved": 0})

    with_db(site, name_one)
    run = CliRunner()
    place = ["--config", str(site.site / "kbsearch.toml")]
    archive = str(tmp_path / "site.tar.gz")
    made = run.invoke(cli, [*place, "backup", archive])
    assert made.exit_code == 0
    assert "1 files that requests name were missing" in made.stderr
    looked = run.invoke(cli, [*place, "restore", archive, "--dry-run", "--json"])
    told = json.loads(looked.stdout)
    assert told["missing"] == ["ab" * 32]
    assert (told["counts"]["people"], told["set_aside"]) == (0, None)
    brought = run.invoke(cli, [*place, "restore", archive])
    assert brought.exit_code == 0
    assert "before-restore-" in brought.stdout
    refused = run.invoke(cli, [*place, "restore", str(site.site / "kbsearch.toml")])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.count("\n") == 1
