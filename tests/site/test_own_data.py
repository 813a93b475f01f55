"""What somebody takes away is theirs, and theirs alone."""

import errno
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest
from click.testing import CliRunner

from kbsearch.access import Viewer
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.files import places, scans
from kbsearch.files.scanner import ScanResult
from kbsearch.people import notification_choices as preferences
from kbsearch.people.accounts import second_factor
from kbsearch.people.accounts import sessions as accounts
from kbsearch.site import own_data
from tests.conftest import Cast, take_over
from tests.kit.requests import attach


@pytest.fixture
def history(db: SqliteDatabase, settings: Settings, cast: Cast) -> Iterator[None]:
    """One request of Alice's, one she is copied on, and one of Chloé's."""
    take_over(
        db,
        number=1,
        subject="MINE",
        description="MY-WORDS",
        messages=[
            {"author": "alice@acme.example", "at": "2026-02-01T09:00:00Z", "body": "I-WROTE"},
            {"author": "dan@support.example", "at": "2026-02-02T09:00:00Z", "body": "DAN-SAID"},
            {
                "author": "dan@support.example",
                "at": "2026-02-02T10:00:00Z",
                "body": "DAN-NOTED",
                "internal": True,
            },
        ],
    )
    take_over(
        db,
        number=2,
        subject="COPIED",
        description="BOBS-WORDS",
        requester="bob@acme.example",
        cc=["alice@acme.example"],
        messages=[{"author": "bob@acme.example", "at": "2026-02-01T09:00:00Z", "body": "BOB-SAID"}],
    )
    take_over(
        db,
        number=3,
        subject="COLLEAGUES",
        requester="bob@acme.example",
    )
    take_over(
        db, number=4, subject="FOREIGN", requester="chloe@globex.example", organisation="globex"
    )
    yield


def test_a_copy_holds_what_is_ones_own(
    db: SqliteDatabase, settings: Settings, alice: Viewer, history: None
):
    person_id = str(alice.person_id)
    accounts.open_session(db, person_id, "Mozilla/5.0 Firefox/140")
    second_factor.trust_device(db, person_id, user_agent="Mozilla/5.0 Chrome/150")
    preferences.choose(db, alice, [("ticket.solved", "mail")])
    copy = own_data.collect(db, alice)
    assert copy["profile"]["email"] == "alice@acme.example"
    assert copy["organisations"] == [{"slug": "acme", "name": "Acme"}]
    assert [row["subject"] for row in copy["requests"]["filed"]] == ["MINE"]
    assert copy["requests"]["filed"][0]["description"] == "MY-WORDS"
    assert [row["subject"] for row in copy["requests"]["copied"]] == ["COPIED"]
    assert [(row["request"], row["body"]) for row in copy["messages"]] == [(1, "I-WROTE")]
    assert copy["sessions"][0]["user_agent"] == "Mozilla/5.0 Firefox/140"
    assert copy["second_factor"]["trusted_devices"][0]["user_agent"] == "Mozilla/5.0 Chrome/150"
    assert {"event": "ticket.solved", "channel": "mail", "wanted": True} in copy["notifications"]


def test_a_copy_holds_nothing_of_anybody_else(db: SqliteDatabase, alice: Viewer, history: None):
    text = json.dumps(own_data.collect(db, alice))
    for foreign in ("BOBS-WORDS", "BOB-SAID", "COLLEAGUES", "FOREIGN", "DAN-SAID", "DAN-NOTED"):
        assert foreign not in text
    assert "bob@" not in text and "chloe@" not in text


def test_an_agent_takes_away_what_they_wrote_but_no_note(
    db: SqliteDatabase, dan: Viewer, history: None
):
    copy = own_data.collect(db, dan)
    assert [row["body"] for row in copy["messages"]] == ["DAN-SAID"]
    assert copy["requests"] == {"filed": [], "copied": []}
    assert "DAN-NOTED" not in json.dumps(copy)


def test_a_copy_opens_no_door(db: SqliteDatabase, settings: Settings, alice: Viewer):
    person_id = str(alice.person_id)
    session = accounts.open_session(db, person_id)
    device = second_factor.trust_device(db, person_id)
    secret = second_factor.offer_totp(db, settings, person_id)
    second_factor.set_totp(db, settings, person_id, secret)
    codes = second_factor.make_recovery_codes(db, person_id)
    copy = own_data.collect(db, alice)
    assert copy["second_factor"]["authenticator"] is True
    assert copy["second_factor"]["recovery_codes_left"] == 10
    text = json.dumps(copy)
    hashes = [accounts.hash_token(token) for token in (session, device)]
    for canary in (session, device, secret, *codes, *hashes):
        assert canary not in text


def test_files_leave_with_it_and_none_of_others_does(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    """Theirs, though a colleague of theirs reads them; not the note that an agent made of one."""
    store = places.attached(settings)
    for viewer, content in ((cast.alice, b"ALICES"), (cast.bob, b"BOBS"), (cast.dan, b"DANS")):
        attach(db, viewer, store, "key-of-a-form-of-theirs", content=content)
    packed = io.BytesIO()
    assert own_data.pack(db, settings, cast.alice, packed) == 1
    with zipfile.ZipFile(packed) as archive:
        assert len(archive.namelist()) == 2
        (line,) = json.loads(archive.read("data.json"))["files"]
        assert archive.read(line["file"]) == b"ALICES"


def test_a_file_that_nobody_may_have_is_named_and_stays(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    settings = replace(settings, clamd="127.0.0.1:3310")
    store = places.attached(settings)
    for content in (b"CLEAN", b"INFECTED", b"NOT-LOOKED-AT"):
        attach(db, cast.alice, store, "key-of-a-form-of-hers", content=content)
    for content, finding in (
        (b"CLEAN", ScanResult("clean")),
        (b"INFECTED", ScanResult("infected")),
    ):
        scans.note(db, hashlib.sha256(content).hexdigest(), finding)
    packed = io.BytesIO()
    assert own_data.pack(db, settings, cast.alice, packed) == 1
    with zipfile.ZipFile(packed) as archive:
        lines = json.loads(archive.read("data.json"))["files"]
        held = b"".join(map(archive.read, archive.namelist()))
    assert b"CLEAN" in held and b"INFECTED" not in held and b"NOT-LOOKED-AT" not in held
    assert sorted(bool(line.get("left_out")) for line in lines) == [False, True, True]


def test_a_command_gives_the_same(
    db: SqliteDatabase, settings: Settings, cast: Cast, tmp_path: Path
):
    site = tmp_path / "kbsearch.toml"
    site.touch()
    target = tmp_path / "alice.zip"
    command = ["-c", str(site), "export", "--person", "alice@acme.example", str(target), "--json"]
    answer = CliRunner().invoke(cli, command)
    assert (answer.exit_code, json.loads(answer.stdout)["files"]) == (0, 0), answer.output
    assert target.stat().st_mode & 0o777 == 0o600
    assert CliRunner().invoke(cli, command).exit_code == 1, "it replaces nothing"
    assert target.stat().st_size


def test_what_could_not_be_written_whole_is_not_left_behind(
    db: SqliteDatabase, settings: Settings, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    def fail(db: SqliteDatabase, settings: Settings, viewer: Viewer, target: IO[bytes]) -> int:
        target.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(own_data, "pack", fail)
    site = settings.site / "kbsearch.toml"
    site.touch()
    target = settings.site / "alice.zip"
    command = ["-c", str(site), "export", "--person", "alice@acme.example", str(target)]
    answer = CliRunner().invoke(cli, command)
    assert (answer.exit_code, target.exists()) == (1, False)
    assert "No space left" in answer.stderr
