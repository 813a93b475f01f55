import io
import json
import os
import subprocess
import sys

import pytest

from kbsearch import config
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.messages.incoming import taking
from tests.conftest import Cast
from tests.kit.incoming import SERVER, letter


def mail_in(
    settings: Settings, raw: bytes, *arguments: str, **environ: str
) -> tuple[int, str, str]:
    """What a mail server would see: exit status, output, errors."""
    (settings.site / config.CONFIG_NAME).touch()
    done = subprocess.run(
        [sys.executable, "-m", "kbsearch", "mail-in", *arguments],
        input=raw,
        capture_output=True,
        cwd=settings.site,
        env={**os.environ, "KBSEARCH_LANG": "en", "KBSEARCH_MAIL_AUTHSERV_ID": SERVER, **environ},
    )
    return done.returncode, done.stdout.decode().strip(), done.stderr.decode().strip()


def test_a_mail_is_taken_from_the_standard_input(settings: Settings, cast: Cast):
    assert mail_in(settings, letter()) == (0, "A request was opened.", "")
    status, told, _ = mail_in(settings, letter(), "--json")
    assert (status, json.loads(told)) == (0, {"state": "opened", "reason": "", "new": False})


def test_what_is_held_or_unreadable_is_no_failure(settings: Settings, cast: Cast):
    told = "Held for an agent. It does not say clearly who sent it."
    assert mail_in(settings, b"") == (0, told, "")
    assert mail_in(settings, bytes(range(256)))[:2] == (0, told)
    told = "Held for an agent. Nothing proves that it comes from this address."
    assert mail_in(settings, letter(proved=None))[:2] == (0, told)


def test_the_envelope_is_told_by_options(settings: Settings, cast: Cast):
    _, told, _ = mail_in(settings, letter(), "--from", "", "--to", "support@support.example")
    assert told.startswith("Left out: no person wrote it.")


def test_what_the_operator_can_mend_is_a_temporary_failure(
    settings: Settings, db: Database, cast: Cast
):
    """Any status that mail servers do not know sends the mail back to its writer."""
    status, _, told = mail_in(settings, letter(), KBSEARCH_PORT="none")
    assert status == 75
    assert "KBSEARCH_PORT" in told
    assert mail_in(settings, letter(), KBSEARCH_DATABASE="/proc/none/x.sqlite3")[0] == 75
    assert db.query("SELECT * FROM mails") == []


def test_a_bug_is_a_temporary_failure_too(
    settings: Settings,
    db: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    from kbsearch.cli import main

    def fail(*_: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(taking, "take", fail)
    monkeypatch.chdir(settings.site)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(letter())))
    with pytest.raises(SystemExit) as ended:
        main(["mail-in"])
    assert ended.value.code == 75
    assert "ValueError: a bug" in capsys.readouterr().err
