"""Everything people put in leaves in files that `import` takes in."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kbsearch.access import OPERATOR
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Problem
from kbsearch.site import erasing, exporting
from tests.conftest import Cast
from tests.kit.matrix_world import build
from tests.kit.requests import attach, file
from tests.site.test_erasing import on_disk


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_files_and_content_come_along(settings: Settings, db: SqliteDatabase, tmp_path: Path):
    world = build(settings, db)
    folder = tmp_path / "out"
    exporting.export(settings, db, folder)
    told = lines(folder / "attachments.jsonl")
    assert len(told) == 3, "those of the request, the answer and the note; no draft's"
    for line in told:
        assert (folder / line["file"]).stat().st_size == line["size"]
        assert str(line["number"]) == world.things["number"]
    assert list((folder / "content" / "articles").rglob("*.md"))
    (acme,) = [each for each in json.loads((folder / "organisations.json").read_text())
               if each["slug"] == "acme"]  # fmt: skip
    assert (acme["products"], acme["followers"]) == (["icownect"], [])
    assert (folder / "tickets.jsonl").stat().st_mode & 0o777 == 0o600
    for word in (b"argon2", b"password"):
        assert word not in on_disk(folder), "nothing that opens an account leaves"


def test_the_erased_are_not_in_it(
    settings: Settings, db: SqliteDatabase, cast: Cast, tmp_path: Path
):
    file(db, cast.alice)
    erasing.erase(db, OPERATOR, settings, "alice@acme.example")
    exporting.export(settings, db, tmp_path / "out")
    held = on_disk(tmp_path / "out")
    assert b"alice" not in held
    assert b"erased.invalid" not in held


def test_names_of_files_stay_in_their_folder(
    settings: Settings, db: SqliteDatabase, cast: Cast, tmp_path: Path
):
    from kbsearch.files import places

    store, key = places.attached(settings), "key-of-the-request"
    attach(db, cast.alice, store, key, name="../../../outside.txt")
    file(db, cast.alice, key=key)
    exporting.export(settings, db, tmp_path / "a" / "b" / "out")
    assert [path.name for path in tmp_path.rglob("*outside.txt")] != []
    assert all((tmp_path / "a" / "b" / "out") in path.parents
               for path in tmp_path.rglob("*outside.txt"))  # fmt: skip


def test_a_folder_with_something_in_it_is_refused(
    settings: Settings, db: SqliteDatabase, cast: Cast, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    (settings.site / "kbsearch.toml").write_text("")
    with pytest.raises(Problem, match="folder_not_empty"):
        exporting.export(settings, db, settings.site)
    place = ["--config", str(settings.site / "kbsearch.toml"), "export"]
    refused = CliRunner().invoke(cli, [*place, str(settings.site)])
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    done = CliRunner().invoke(cli, [*place, str(tmp_path / "out"), "--json"])
    assert json.loads(done.stdout)["people"] == 6
