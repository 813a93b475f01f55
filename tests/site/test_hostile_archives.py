"""No archive ends `restore` in a traceback: one line, status 1, and nothing is changed."""

import gzip
import hashlib
import io
import json
import os
import random
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kbsearch.cli import cli

FILE, FOLDER = tarfile.REGTYPE, tarfile.DIRTYPE
Member = tuple[str, bytes, bytes]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("KBSEARCH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A backup, as it should be."""
    folder = tmp_path_factory.mktemp("whole")
    run = CliRunner()
    assert (
        run.invoke(cli, ["init", str(folder / "site"), "--admin", "root@company.example"]).exit_code
        == 0
    )
    place = ["--config", str(folder / "site/kbsearch.toml")]
    assert run.invoke(cli, [*place, "backup", str(folder / "site.tar")]).exit_code == 0
    return (folder / "site.tar").read_bytes()


def members(archive: bytes) -> list[Member]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = []
        for each in tar:
            file = tar.extractfile(each)
            found.append((each.name, each.type, file.read() if file else b""))
        return found


def packed(given: list[Member], **header: Any) -> bytes:
    """A tar file with these members; a link's content is where it leads."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, content in given:
            member = tarfile.TarInfo(name)
            member.type = kind
            for key, value in header.items():
                setattr(member, key, value)
            if kind == FILE:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
            else:
                member.linkname = content.decode()
                tar.addfile(member)
    return target.getvalue()


def sealed(given: dict[str, bytes], **manifest: Any) -> bytes:
    """An archive whose manifest is true to it, but for what is given."""
    files = {name: [len(body), hashlib.sha256(body).hexdigest()] for name, body in given.items()}
    told: dict[str, Any] = {
        "made_at": "2026-01-31T09:00:00Z",
        "kbsearch": "1",
        "files": files,
        "missing": [],
    }
    told |= {"format": 1, **manifest}
    kept = [(name, FILE, body) for name, body in given.items()]
    return packed([*kept, ("manifest.json", FILE, json.dumps(told).encode())])


def database(*statements: str) -> bytes:
    db = sqlite3.connect(":memory:")
    for statement in statements:
        db.execute(statement)
    db.commit()
    return db.serialize()


def tree(root: Path) -> dict[str, bytes]:
    """All that lies below a folder; SQLite opens a database with two files beside it."""
    paths = (path for path in root.rglob("*") if not path.name.endswith(("-wal", "-shm")))
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in paths}


def refused(tmp_path: Path, archive: bytes, *, name: str = "bad.tar") -> str:
    """The line that an archive is refused with, in a folder that has no site."""
    path, folder = tmp_path / name, tmp_path / "folder"
    path.write_bytes(archive)
    folder.mkdir(exist_ok=True)
    (folder / "kbsearch.toml").touch()
    before = tree(tmp_path)
    for option in ((), ("--dry-run",)):
        command = ["--config", str(folder / "kbsearch.toml"), "restore", str(path), *option]
        told = CliRunner().invoke(cli, command)
        assert isinstance(told.exception, SystemExit), repr(told.exception)
        assert (told.exit_code, told.stdout) == (1, "")
        assert told.stderr.count("\n") == 1
        assert tree(tmp_path) == before
    return told.stderr


def lines(depth: int) -> bytes:
    return b"[" * depth


LONG = "content/" + "a/" * 3000 + "b"
KINDS: dict[str, list[Member]] = {
    "dotdot": [("../evil", FILE, b"x")],
    "absolute": [("/tmp/evil", FILE, b"x")],
    "inner dotdot": [("data/files/../../../evil", FILE, b"x")],
    "through a link": [("content/a", tarfile.SYMTYPE, b"/etc"), ("content/a/x", FILE, b"x")],
    "hard link": [("content/a", tarfile.LNKTYPE, b"/etc/passwd")],
    "hard link of its own": [
        ("content/a", FILE, b"x"),
        ("content/b", tarfile.LNKTYPE, b"content/a"),
    ],
    "pipe": [("content/a", tarfile.FIFOTYPE, b"")],
    "device": [("content/a", tarfile.CHRTYPE, b"")],
    "block device": [("content/a", tarfile.BLKTYPE, b"")],
    "unknown kind": [("content/a", b"Z", b"")],
    "twice": [("content/a", FILE, b"x"), ("content/a", FILE, b"y")],
    "no manifest": [("database.sqlite3", FILE, b"x")],
    "half a manifest": [("manifest.json", FILE, b"{" * 100)],
    "deep manifest": [("manifest.json", FILE, lines(200_000))],
    "two manifests": [("manifest.json", FILE, b"{}"), ("manifest.json", FILE, b"{}")],
    "manifest of no text": [("manifest.json", FILE, b"\xff\xfe\x00")],
    "manifest is a folder": [("manifest.json", FOLDER, b"")],
    "database is a folder": [("database.sqlite3", FOLDER, b"")],
    "long name": [(LONG, FILE, b"x")],
    "long part": [("content/" + "a" * 300, FILE, b"x")],
    "file as folder": [("content/a", FILE, b"x"), ("content/a/b", FILE, b"x")],
    "folder as file": [("content/a/b", FILE, b"x"), ("content/a", FILE, b"x")],
    "name of no text": [("content/\udcff\udcfe", FILE, b"x")],
    "name of nothing": [("", FILE, b"x")],
    "elsewhere": [("etc/passwd", FILE, b"x")],
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_no_backup_has_is_one_line(tmp_path: Path, whole: bytes, kind: str):
    refused(tmp_path, packed(KINDS[kind]))
    before = [each for each in members(whole) if each[0] != "manifest.json"]
    refused(tmp_path, packed([*before, *KINDS[kind]]))


@pytest.mark.parametrize("suffix", [b"", b"\0" * 5000, os.urandom(5000), b"PK\x03\x04", b"BZh9x"])
def test_bytes_that_are_no_archive_are_one_line(tmp_path: Path, suffix: bytes):
    refused(tmp_path, suffix)
    refused(tmp_path, gzip.compress(suffix), name="bad.tar.gz")
    refused(tmp_path, b"\xfd7zXZ\x00" + suffix, name="bad.tar.xz")


MANIFESTS: list[dict[str, Any]] = [
    {"format": 99},
    {"format": "1"},
    {"format": None},
    {"files": []},
    {"files": {"database.sqlite3": 1}},
    {"files": {"database.sqlite3": ["x", None]}},
    {"files": None},
    {"missing": 7},
    {"made_at": None},
    {"made_at": {"x": 1}},
    {"made_at": "yesterday"},
]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=str)
def test_a_manifest_of_nonsense_is_one_line(tmp_path: Path, manifest: dict[str, Any]):
    refused(tmp_path, sealed({"database.sqlite3": database("CREATE TABLE a (x)")}, **manifest))


@pytest.mark.parametrize("manifest", ["7", "null", "[]", '"x"', "{}", "1" * 5000])
def test_a_manifest_of_another_shape_is_one_line(tmp_path: Path, manifest: str):
    refused(tmp_path, packed([("manifest.json", FILE, manifest.encode())]))


APPLIED = "CREATE TABLE schema_steps (name TEXT, applied_at TEXT)"
EARLIER = "CREATE TABLE _sqlite_migrations (migration_set TEXT, name TEXT, applied_at TEXT)"
STATE = "CREATE TABLE state (name TEXT, value TEXT)"
DATABASES: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "empty": lambda: database("CREATE TABLE a (x)", "DROP TABLE a"),
    "of something else": lambda: database("CREATE TABLE a (x)"),
    "no database": lambda: b"no database " * 500,
    "another one": lambda: database("CREATE TABLE people (x)"),
    "steps without tables": lambda: database(
        STATE, APPLIED, "INSERT INTO schema_steps VALUES ('s031_schema', '')"
    ),
    "earlier steps without tables": lambda: database(
        STATE, EARLIER, "INSERT INTO _sqlite_migrations VALUES ('kbsearch', 's001_foundation', '')"
    ),
    "steps of another shape": lambda: database(STATE, "CREATE TABLE schema_steps (x BLOB)"),
    "steps that are no texts": lambda: database(
        STATE, EARLIER, "INSERT INTO _sqlite_migrations VALUES (1, x'ff', 2), (1, NULL, 2)"
    ),
    "a view": lambda: database("CREATE VIEW state AS SELECT 1 AS name, 2 AS value"),
    "half": lambda: database("CREATE TABLE a (x)", "CREATE TABLE b (x)")[:5000],
}


@pytest.mark.parametrize("kind", DATABASES)
def test_a_database_that_is_none_of_ours_is_one_line(tmp_path: Path, kind: str):
    refused(tmp_path, sealed({"database.sqlite3": DATABASES[kind]()}))


def test_an_archive_without_its_database_is_no_backup(tmp_path: Path):
    assert "is not a backup" in refused(tmp_path, sealed({"content/a.md": b"x"}))
    assert "is not a backup" in refused(tmp_path, sealed({}))


def test_a_wrong_digest_or_size_is_damage(tmp_path: Path, whole: bytes):
    given = {name: body for name, kind, body in members(whole) if kind == FILE}
    del given["manifest.json"]
    name = next(name for name in given if name.startswith("content/"))
    digest = hashlib.sha256(given[name]).hexdigest()
    for told in ([len(given[name]) + 1, digest], [len(given[name]), "0" * 64]):
        files = {each: [len(b), hashlib.sha256(b).hexdigest()] for each, b in given.items()}
        assert "is damaged" in refused(tmp_path, sealed(given, files={**files, name: told}))


def test_settings_that_cannot_be_read_are_one_line(tmp_path: Path, whole: bytes):
    given = {name: body for name, kind, body in members(whole) if kind == FILE}
    del given["manifest.json"]
    archive = tmp_path / "bad.tar"
    empty = tmp_path / "empty"
    empty.mkdir()
    os.chdir(empty)
    for text in (b"port = 'x'", b"port = ", b"\xff", b"x = " + b"[" * 100_000, b"no = 1"):
        archive.write_bytes(sealed({**given, "kbsearch.toml": text}))
        told = CliRunner().invoke(cli, ["restore", str(archive)])
        assert isinstance(told.exception, SystemExit), repr(told.exception)
        assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (1, "", 1)
        assert list(empty.iterdir()) == []


def claiming(name: str, size: int, kind: bytes = FILE) -> bytes:
    """A header that claims a size, and hardly anything behind it."""
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT) + b"\0" * 10_240


@pytest.mark.parametrize("size", [10**15, 2**62, -1, -(10**12)])
@pytest.mark.parametrize("name", ["content/a", "database.sqlite3", "manifest.json"])
@pytest.mark.parametrize(
    "kind", [FILE, FOLDER, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.GNUTYPE_SPARSE]
)
def test_a_size_that_is_claimed_is_not_taken_on_trust(
    tmp_path: Path, name: str, size: int, kind: bytes
):
    refused(tmp_path, claiming(name, size, kind))


def test_more_than_there_is_room_for_is_said_before_it_is_written(tmp_path: Path):
    assert "there is no room" in refused_once(tmp_path, claiming("content/a", 10**15))


def refused_once(tmp_path: Path, archive: bytes) -> str:
    path = tmp_path / "bad.tar"
    path.write_bytes(archive)
    return CliRunner().invoke(cli, ["restore", str(path)]).stderr


def test_a_long_header_is_not_unpacked_into_memory(tmp_path: Path):
    """A megabyte of gzip that unpacks to a gigabyte of what stands before a name."""
    head = claiming("content/a", 2**30, tarfile.XHDTYPE)[:512]
    bomb = gzip.compress(head, 1) + gzip.compress(b"\0" * 2**24, 1) * 8
    assert "is not a backup" in refused(tmp_path, bomb, name="bad.tar.gz")


def test_a_sparse_file_is_no_file_of_a_backup(tmp_path: Path):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("content/a")
        member.pax_headers = {"GNU.sparse.size": str(10**12), "GNU.sparse.map": f"{10**12},0"}
        tar.addfile(member)
    refused(tmp_path, target.getvalue())


def test_a_backup_spoilt_anywhere_is_refused_or_the_same(tmp_path: Path, whole: bytes):
    """Bytes are changed, moved, left out and doubled; the sums of headers are mended after."""
    chance = random.Random(20261129)
    path, folder = tmp_path / "bad.tar", tmp_path / "folder"
    folder.mkdir()
    (folder / "kbsearch.toml").touch()
    before = tree(folder)
    done = 0
    for _ in range(120):
        path.write_bytes(spoilt(whole, chance))
        command = ["--config", str(folder / "kbsearch.toml"), "restore", str(path), "--dry-run"]
        told = CliRunner().invoke(cli, command)
        done += told.exit_code == 0
        assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
        assert told.exit_code in (0, 1)
        assert tree(folder) == before
    assert done < 100


def spoilt(whole: bytes, chance: random.Random) -> bytes:
    bad = bytearray(whole)
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        heads = [member.offset for member in tar]
    head = chance.choice(heads)
    match chance.randrange(5):
        case 0:  # a field of a header
            place = head + chance.choice((0, 100, 124, 124, 135, 156, 157, 257, 345)) + 1
            bad[place] = chance.randrange(256)
            mended = 256 + sum(bad[head : head + 148]) + sum(bad[head + 156 : head + 512])
            bad[head + 148 : head + 156] = f"{mended:06o}\0 ".encode()
        case 1:
            del bad[chance.randrange(len(bad)) :]
        case 2:
            del bad[head : head + 512 * chance.randrange(1, 4)]
        case 3:
            bad[head:head] = bad[head : head + 512 * chance.randrange(1, 4)]
        case _:
            place = chance.randrange(len(bad) - 100)
            bad[place : place + 100] = chance.randbytes(100)
    return bytes(bad)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, whole: bytes):
    (tmp_path / "site.tar").write_bytes(whole)
    (tmp_path / "file").touch()
    (tmp_path / "kbsearch.toml").write_text('data = "file"\n')
    before = tree(tmp_path)
    told = CliRunner().invoke(cli, ["restore", "site.tar"])
    assert isinstance(told.exception, SystemExit), repr(told.exception)
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert tree(tmp_path) == before


def test_what_cannot_be_put_in_its_place_puts_all_back(tmp_path: Path, whole: bytes):
    (tmp_path / "site.tar").write_bytes(whole)
    (tmp_path / "file").touch()
    (tmp_path / "content").mkdir()
    (tmp_path / "kbsearch.toml").write_text('content = "file/content"\n')
    (tmp_path / "var").mkdir()
    (tmp_path / "var/kbsearch.sqlite3").write_bytes(b"what was there")
    before = tree(tmp_path)
    told = CliRunner().invoke(cli, ["restore", "site.tar"])
    assert isinstance(told.exception, SystemExit), repr(told.exception)
    after = tree(tmp_path)
    after.pop(str(tmp_path / "var/worker.lock"))
    assert (told.exit_code, after) == (1, before)
