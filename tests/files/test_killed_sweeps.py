"""A sweep of files to the trash is killed at each of its steps: every content is there, or here."""

import hashlib
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.files.store import FileStore
from kbsearch.tickets import files
from tests.conftest import Cast
from tests.files.test_trash import grow_old, in_names, keep
from tests.kit.killed_sweeps import sweep
from tests.kit.places import TOP
from tests.kit.requests import attach, later, root_of

LET_GO = 2


def contents(settings: Settings) -> tuple[set[str], set[str]]:
    """The digests of what lies in the store and in the trash, each of them whole."""
    data = settings.data_path
    places = data.glob("files/*/*"), data.glob("trash/*/*/*")
    for path in (stored_paths := [*places[0]]) + (thrown_paths := [*places[1]]):
        digest, *_ = path.name.split(".")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest, path
    return {path.name for path in stored_paths}, {p.name.split(".")[0] for p in thrown_paths}


def rows(settings: Settings) -> set[str]:
    """The digests that the database names."""
    with closing(SqliteDatabase(settings.database_path)) as db:
        return {row["sha256"] for row in db.query("SELECT sha256 FROM attachments")}


@pytest.mark.sqlite_only
def test_a_sweep_killed_at_any_step_loses_nothing_and_the_next_one_ends_it(
    settings: Settings, db: SqliteDatabase, store: FileStore, cast: Cast, tmp_path_factory
):
    in_names(db, cast, store, 2)
    wanted = rows(settings)
    for number in range(LET_GO):
        key = f"gone-{number:04}"
        sent = attach(db, cast.alice, store, key, content=key.encode(), at=later(days=-20))
        files.discard(db, cast.alice, sent.id)
    orphans = keep(store, 1) | (rows(settings) - wanted)
    grow_old(root_of(store))
    deaths: Path = tmp_path_factory.mktemp("deaths")
    command = [sys.executable, "-m", "tests.kit.killed_sweeps", str(settings.site), str(deaths)]
    subprocess.run(command, check=True, cwd=TOP)
    *killed, ended = sorted(deaths.iterdir(), key=lambda folder: int(folder.name))
    moved = set()
    for folder in killed:
        left = Settings(site=folder)
        stored, thrown = contents(left)
        assert (stored | thrown, stored & thrown) == (wanted | orphans, set())
        assert wanted <= stored and wanted <= rows(left)
        moved.add(len(thrown))
    assert moved >= set(range(len(orphans)))
    for folder in (*killed[:: len(killed) // 4], ended):
        left = Settings(site=folder)
        sweep(left)
        assert contents(left) == (wanted, orphans)
        assert rows(left) == wanted
