"""Database, data folder and content know each other: what is not one site's does not start."""

import logging
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest
from click.testing import CliRunner, Result

from kbsearch import audit, config_sources, people, sealing
from kbsearch.cli import cli
from kbsearch.config_sources import Configuration
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Problem
from kbsearch.messages import webhooks
from kbsearch.people import viewers
from kbsearch.people.accounts import second_factor
from kbsearch.site import belonging
from tests.kit.places import TOP
from tests.kit.writers import git

DATABASE = "var/kbsearch.sqlite3"
TOTP = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
SEALED = {"access": "mail-tokens", "setting": "setting smtp_url"}


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("KBSEARCH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    monkeypatch.chdir(tmp_path)


def run(site: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(site / "kbsearch.toml"), *arguments])


def made(folder: Path) -> Path:
    """A site with its administrator, a key and a file somebody attached, older than a week."""
    assert (
        CliRunner().invoke(cli, ["init", str(folder), "--admin", "root@company.example"]).exit_code
        == 0
    )
    attached = folder / "var/files/ab" / ("ab" * 32)
    attached.parent.mkdir(parents=True)
    attached.write_bytes(b"a photograph")
    os.utime(attached, (1, 1))
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return made(tmp_path / "site")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return made(tmp_path / "other")


def found(site: Path) -> Configuration:
    return config_sources.load(site / "kbsearch.toml", environ={})


def tree(root: Path) -> dict[str, bytes]:
    """All plain files below a folder; SQLite opens a database with two files beside it."""
    paths = (path for path in root.rglob("*") if path.is_file())
    kept = (path for path in paths if not path.name.endswith(("-wal", "-shm")))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in kept}


def refused(site: Path) -> str:
    """What opening it says; nothing is changed by that."""
    before = tree(site)
    with pytest.raises(Problem) as problem:
        belonging.open_database(found(site))
    assert tree(site) == before
    told = run(site, "user", "list")
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr.count("\n") == 1
    assert tree(site) == before
    return problem.value.key


def opens(site: Path) -> bool:
    belonging.open_database(found(site)).close()
    return True


def lose_database(site: Path) -> None:
    for path in (site / "var").glob("kbsearch.sqlite3*"):
        path.unlink()


def empty_database(site: Path) -> None:
    lose_database(site)
    (site / DATABASE).touch()


def blank_database(site: Path) -> None:
    """As an earlier release made one in the place of the one that was missing."""
    lose_database(site)
    from kbsearch.database.migrations import migrate

    db = SqliteDatabase(site / DATABASE)
    migrate(db)
    db.close()


def mistype(site: Path, name: str, value: str) -> None:
    with (site / "kbsearch.toml").open("a") as file:
        file.write(f'\n{name} = "{value}"\n')


def mistype_database(site: Path) -> None:
    mistype(site, "database", "var/kbsearch.sqlite")


def mistype_folder(site: Path) -> None:
    mistype(site, "database", "vra/kbsearch.sqlite3")


@pytest.mark.parametrize(
    "mishap", [lose_database, empty_database, blank_database, mistype_database, mistype_folder]
)
def test_where_files_are_no_database_is_made(site: Path, mishap):
    mishap(site)
    assert refused(site) == "site.database_missing"


def test_a_key_alone_keeps_a_database_from_being_made(site: Path):
    lose_database(site)
    shutil.rmtree(site / "var/files")
    (site / "var/site_id").unlink()
    assert refused(site) == "site.database_missing"


@pytest.mark.parametrize("command", ["serve", "web", "worker"])
def test_nothing_starts_and_nothing_is_lost_without_the_database(site: Path, command: str):
    lose_database(site)
    before = tree(site)
    arguments = [sys.executable, "-m", "kbsearch", command]
    environment = {**os.environ, "PYTHONPATH": str(TOP), "KBSEARCH_PORT": "0"}
    done = subprocess.run(
        arguments, cwd=site, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "kbsearch.sqlite3 is missing or empty" in line
    assert tree(site) == before


def test_a_data_folder_that_is_not_mounted_is_missed(site: Path):
    mistype(site, "data", "vra")
    assert refused(site) == "site.data_of_another"


def test_a_volume_with_database_and_data_that_is_not_mounted_is_missed(site: Path):
    shutil.rmtree(site / "var")
    assert refused(site) == "site.content_of_another"


@pytest.mark.parametrize(
    ("part", "key"),
    [(DATABASE, "data"), ("var/site_id", "data"), ("content", "content"), ("var", "content")],
)
def test_parts_of_two_sites_do_not_start(site: Path, other: Path, part: str, key: str):
    mine = site / part
    shutil.rmtree(mine) if mine.is_dir() else mine.unlink()
    for beside in (site / "var").glob("kbsearch.sqlite3-*"):
        beside.unlink()
    (other / part).rename(mine)
    assert refused(site) == f"site.{key}_of_another"
    told = run(site, "doctor").stdout
    assert "✗ site:" in told
    assert "kbsearch adopt" in told


def test_a_person_can_say_that_they_are_one_site_from_now_on(site: Path, other: Path):
    shutil.rmtree(site / "content")
    (other / "content").rename(site / "content")
    (site / "var/site_id").write_text("another\n")
    assert run(site, "adopt").exit_code == 0
    assert opens(site)


def test_an_adopted_content_is_still_its_other_sites(site: Path, other: Path):
    mistype(site, "content", str(other / "content"))
    assert refused(site) == "site.content_of_another"
    assert run(site, "adopt").exit_code == 0
    assert opens(site)
    assert opens(other)


def test_adopting_makes_no_database_either(site: Path):
    lose_database(site)
    assert run(site, "adopt").exit_code == 1
    assert not (site / DATABASE).exists()


def test_beginning_anew_is_moving_the_data_folder_away(site: Path):
    (site / "var").rename(site / "old")
    assert run(site, "adopt").exit_code == 0
    assert opens(site)


def test_a_moved_or_copied_site_starts(site: Path, tmp_path: Path):
    shutil.copytree(site, tmp_path / "copy")
    site.rename(tmp_path / "moved")
    assert opens(tmp_path / "copy")
    assert opens(tmp_path / "moved")


def test_a_fresh_clone_of_the_content_is_taken_in(site: Path):
    (site / "content").rename(site / "old")
    git(site, "clone", "--quiet", "old", "content")
    assert opens(site)
    assert (site / "content/.git/kbsearch-site").exists()


@pytest.mark.parametrize("kind", ["work tree", "linked work tree", "bare", "folder", "below"])
def test_content_of_every_kind_is_known_again_and_stays_clean(site: Path, kind: str):
    content = site / "content"
    if kind == "linked work tree":
        git(content, "worktree", "add", "--quiet", str(site / "linked"), "HEAD")
        mistype(site, "content", "linked")
    elif kind == "bare":
        git(site, "clone", "--quiet", "--bare", "content", "bare.git")
        mistype(site, "content", "bare.git")
    elif kind == "folder":
        shutil.rmtree(content / ".git")
    elif kind == "below":
        mistype(site, "content", "content/articles")
    assert opens(site)
    content = found(site).settings.content_path
    if kind not in ("folder", "bare"):
        assert git(content, "status", "--porcelain") == ""
    db = SqliteDatabase(site / DATABASE)
    db.execute("UPDATE state SET value = 'another' WHERE name = 'site_id'")
    db.close()
    (site / "var/site_id").write_text("another\n")
    assert refused(site) == "site.content_of_another"


def test_content_that_cannot_be_written_is_read_all_the_same(
    site: Path, monkeypatch: pytest.MonkeyPatch
):
    (site / "content").rename(site / "old")
    git(site, "clone", "--quiet", "old", "content")
    mark = site / "content/.git/kbsearch-site"

    def write(place: Path, ids: frozenset[str]) -> None:  # root may write everywhere
        raise PermissionError(13, "Permission denied", str(place))

    monkeypatch.setattr(belonging, "_write", write)
    assert opens(site)
    assert not mark.exists()


def unmark(site: Path) -> None:
    """As a site is that an earlier release made."""
    db = SqliteDatabase(site / DATABASE)
    db.execute("DELETE FROM state WHERE name = 'site_id'")
    db.close()
    (site / "var/site_id").unlink()
    (site / "content/.git/kbsearch-site").unlink()


def test_a_site_of_an_earlier_release_is_taken_over_once(
    site: Path, caplog: pytest.LogCaptureFixture
):
    unmark(site)
    with caplog.at_level(logging.INFO, belonging.log.name):
        assert opens(site)
        told = [record.getMessage() for record in caplog.records]
        assert len(told) == 2
        assert opens(site)
    assert len(caplog.records) == 2
    lose_database(site)
    assert refused(site) == "site.database_missing"


@pytest.mark.parametrize("written", [1, 2])
def test_killed_while_it_is_taken_over_it_goes_on(
    site: Path, written: int, monkeypatch: pytest.MonkeyPatch
):
    unmark(site)
    write, left = belonging._write, [None] * written

    class Killed(BaseException):
        pass

    def until_killed(place: Path, ids: frozenset[str]) -> None:
        if not left:
            raise Killed
        left.pop()
        write(place, ids)

    def no_more(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(belonging, "_write", until_killed)
    if written == 2:
        monkeypatch.setattr(SqliteDatabase, "execute", no_more)
    with pytest.raises(Killed):
        belonging.open_database(found(site))
    monkeypatch.undo()
    assert opens(site)
    assert opens(site)


def test_a_backup_brings_a_site_that_starts(site: Path, other: Path, tmp_path: Path):
    assert run(site, "backup", str(tmp_path / "site.tar")).exit_code == 0
    empty = tmp_path / "empty"
    empty.mkdir()
    shutil.copy(site / "kbsearch.toml", empty / "kbsearch.toml")
    for place in (site, other, empty):
        assert run(place, "restore", str(tmp_path / "site.tar")).exit_code == 0
        assert opens(place)
        assert (place / "var/site_id").read_text() == (site / "var/site_id").read_text()


def test_a_backup_of_an_earlier_release_brings_a_site_that_starts(
    site: Path, other: Path, tmp_path: Path
):
    unmark(site)
    db = SqliteDatabase(site / DATABASE)
    from kbsearch.site import backups

    backups.create(found(site).settings, db, tmp_path / "site.tar")
    db.close()
    assert run(other, "restore", str(tmp_path / "site.tar")).exit_code == 0
    assert opens(other)


LOST = pytest.mark.parametrize("part", ["missing", "another"])


def spoil_key(site: Path, how: str) -> None:
    key = site / "var/secret_key"
    key.unlink()
    if how == "another":
        key.write_text("cd" * 32)
        key.chmod(0o600)


@LOST
def test_a_lost_or_another_key_does_not_start(site: Path, part: str):
    spoil_key(site, part)
    assert refused(site) == {"missing": "site.key_missing", "another": "site.key_of_another"}[part]
    assert "kbsearch adopt --new-key" in run(site, "doctor").stdout


def test_a_key_is_the_same_wherever_it_comes_from(site: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KBSEARCH_SECRET_KEY", "another key of at least 32 characters")
    with pytest.raises(Problem, match="key_of_another"):
        belonging.open_database(config_sources.load(site / "kbsearch.toml"))


def test_a_key_that_is_no_key_is_said_in_one_line(site: Path):
    (site / "var/secret_key").write_text("no hexadecimal digits\n")
    told = run(site, "user", "list")
    assert told.exit_code == 1
    assert "64 hexadecimal digits" in told.stderr
    assert told.stderr.count("\n") == 1


@LOST
def test_a_key_lost_before_the_database_knew_it_is_missed_by_what_is_sealed(site: Path, part: str):
    forget_key(site, with_authenticator=True)
    spoil_key(site, part)
    if part == "missing":
        assert refused(site) == "site.key_missing"
    else:
        assert opens(site), "there is nothing to know it by"


def test_the_key_of_an_earlier_release_is_taken_over(site: Path):
    forget_key(site, with_authenticator=True)
    assert opens(site)
    spoil_key(site, "another")
    assert refused(site) == "site.key_of_another"


def forget_key(site: Path, *, with_authenticator: bool) -> None:
    db = SqliteDatabase(site / DATABASE)
    db.execute("DELETE FROM state WHERE name = 'key_fingerprint'")
    if with_authenticator:
        add_authenticator(db)
    db.close()


def add_authenticator(db: SqliteDatabase) -> None:
    (person,) = db.query("SELECT id FROM people")
    values = {"person_id": person["id"], "secret": "sealed", "last_step": 0}
    db.insert("authenticators", {**values, "created_at": "2026-01-01T00:00:00Z"})


@LOST
def test_whoever_lost_the_key_goes_on_with_another(site: Path, part: str):
    db = SqliteDatabase(site / DATABASE)
    add_authenticator(db)
    db.close()
    spoil_key(site, part)
    told = run(site, "adopt", "--new-key")
    assert told.exit_code == 0
    assert "root@company.example sets up another authenticator" in told.stdout
    assert opens(site)
    db = SqliteDatabase(site / DATABASE)
    assert db.query("SELECT person_id FROM authenticators") == []
    db.close()


def test_a_key_is_changed_and_all_that_it_sealed_stays_good(site: Path):
    old = site / "old_key"
    settings = found(site).settings
    db = belonging.open_database(found(site))
    (person,) = people.list_all(db)
    root = viewers.find(db, person.email)
    second_factor.set_totp(db, settings, person.id, TOTP)
    webhook = webhooks.add(db, root, settings, "https://hooks.example/in", ["ticket.opened"])
    secrets = webhooks.signers(db, settings, webhook.id, datetime.now(UTC))
    sealed = {name: sealing.seal(settings, purpose, "kept") for name, purpose in SEALED.items()}
    db.insert("mail_grants", {"name": "microsoft", "access": sealed["access"]})
    setting = {"name": "smtp_url", "value": sealed["setting"], "changed_at": "2026-01-01T00:00:00Z"}
    db.insert("site_settings", setting)
    db.close()

    (site / "var/secret_key").rename(old)
    wrong = site / "wrong_key"
    wrong.write_text("cd" * 32)
    wrong.chmod(0o600)
    refused = run(site, "adopt", "--new-key", "--old-key", str(wrong))
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert run(site, "adopt", "--old-key", str(old)).exit_code == 2
    assert run(site, "adopt", "--new-key", "--old-key", str(old)).exit_code == 0

    assert (site / "var/secret_key").read_text() != old.read_text()
    db = belonging.open_database(found(site))
    assert second_factor.check_totp(db, settings, person.id, pyotp.TOTP(TOTP).now())
    assert secrets and secrets == webhooks.signers(db, settings, webhook.id, datetime.now(UTC))
    (grant,) = db.query("SELECT * FROM mail_grants")
    (row,) = db.query("SELECT * FROM site_settings")
    assert sealing.unseal(settings, SEALED["access"], grant["access"]) == "kept"
    assert sealing.unseal(settings, SEALED["setting"], row["value"]) == "kept"
    assert "key.changed" in {event.kind for event in audit.list_kinds(db, root, (), limit=9)}
    db.close()
