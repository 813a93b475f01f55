"""Files are looked at by a real clamd, with a signature of the usual test file and no other."""

import hashlib
import os
import shutil
import signal
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kbsearch import create_app, outbox
from kbsearch.config import Settings
from kbsearch.config_sources import Configuration
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound, Unavailable
from kbsearch.files import places, scanner, scans
from kbsearch.files.scanner import ScannerAway
from kbsearch.messages.notifications import mailings
from kbsearch.site.doctor import servers
from kbsearch.site.doctor.checks import Patient
from kbsearch.tickets import files, scanning
from kbsearch.tickets.files import Upload
from tests.conftest import Cast
from tests.kit.mail import letters, text_of
from tests.kit.requests import file
from tests.kit.security_log import events_about
from tests.kit.waiting import until
from tests.kit.web import sign_in

# Split, so that no scanner takes this file for one.
TEST_FILE = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
CLAMD = shutil.which("clamd", path=f"{os.environ['PATH']}:/usr/sbin")


@pytest.fixture(scope="module")
def clamd() -> Iterator[str]:
    """The socket of a scanner that knows the test file."""
    if CLAMD is None:
        pytest.skip("no clamd on this machine")
    with TemporaryDirectory(dir="/tmp") as name:  # the name of a socket has 107 bytes at most
        folder, address = Path(name), f"{name}/clamd"
        (folder / "signatures").mkdir()
        digest = hashlib.md5(TEST_FILE, usedforsecurity=False).hexdigest()
        signature = f"{digest}:{len(TEST_FILE)}:Test-File\n"
        (folder / "signatures" / "own.hdb").write_text(signature)
        folder.chmod(0o755)
        lines = {
            "LocalSocket": address,
            "DatabaseDirectory": folder / "signatures",
            "TemporaryDirectory": folder,
            "Foreground": "yes",
            "StreamMaxLength": "1M",
            **({"User": "root"} if os.geteuid() == 0 else {}),
        }
        config = folder / "clamd.conf"
        config.write_text("".join(f"{key} {value}\n" for key, value in lines.items()))
        with subprocess.Popen([CLAMD, "-c", config], stdout=subprocess.DEVNULL) as process:
            until(lambda: _answers(address))
            yield address
            process.send_signal(signal.SIGTERM)


def _answers(address: str) -> bool:
    with suppress(ScannerAway):
        scanner.ping(address)
        return True
    return False


@pytest.fixture
def site(settings: Settings, clamd: str) -> Settings:
    return replace(settings, clamd=clamd)


def attach(
    db: SqliteDatabase, cast: Cast, settings: Settings, name: str, content: bytes
) -> files.Attachment:
    """A file of a request of Alice's, sent."""
    key = hashlib.sha256(content).hexdigest()[:20]
    store = places.attached(settings)
    kept = files.keep(db, cast.alice, store, key, Upload(name, BytesIO(content)))
    ticket = file(db, cast.alice)
    files.hand_over(db, cast.alice, key, ticket.id)
    return kept


def archive(content: bytes) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("facture.txt", content)
    return packed.getvalue()


def scan_all(db: SqliteDatabase, site: Settings) -> None:
    while scanning.step(db, site) == 0.0:
        pass


def test_a_file_goes_to_nobody_before_it_is_known_to_be_clean(
    db: SqliteDatabase, site: Settings, cast: Cast
):
    kept = attach(db, cast, site, "journal.txt", b"rien de grave\n")
    with pytest.raises(Unavailable, match=r"attachment\.not_scanned"):
        scans.check(db, site, kept.sha256)
    scan_all(db, site)
    scans.check(db, site, kept.sha256)
    assert scanning.count(db) == scanning.ScanCounts(waiting=0, infected=0)


@pytest.mark.parametrize("packed", [False, True])
def test_an_infected_one_goes_to_nobody_and_its_people_are_told(
    db: SqliteDatabase, site: Settings, cast: Cast, packed: bool
):
    name, content = ("facture.zip", archive(TEST_FILE)) if packed else ("facture.txt", TEST_FILE)
    kept = attach(db, cast, site, name, content)
    db.execute("UPDATE tickets SET assignee_id = :dan", {"dan": cast.dan.person_id})
    scan_all(db, site)
    with pytest.raises(NotFound, match=r"attachment\.infected_here"):
        scans.check(db, site, kept.sha256)
    events = events_about(db, str(cast.alice.person_id))
    (event,) = [event for event in events if event.kind == "file.infected"]
    assert "Test-File" in str(event.details["finding"])
    handlers = mailings.handlers(site, db, mailings.ABOUT_FILES)
    while outbox.run_one(db, handlers, outbox.Share(only=handlers)):
        pass
    told = {letter["To"].addresses[0].addr_spec: text_of(letter) for letter in letters(site)}
    assert sorted(told) == ["alice@acme.example", "dan@support.example"]
    assert all(name in text for text in told.values())
    with pytest.raises(Invalid, match=r"attachment\.infected"):
        attach(db, cast, site, name, content)


def test_what_the_scanner_does_not_read_stays_closed_and_holds_up_nothing(
    db: SqliteDatabase, site: Settings, cast: Cast
):
    good = attach(db, cast, site, "journal.txt", b"rien de grave\n")
    long = attach(db, cast, site, "trop.txt", b"beaucoup trop\n" * 100_000)
    scan_all(db, site)
    scans.check(db, site, good.sha256)
    with pytest.raises(NotFound, match=r"attachment\.not_scannable"):
        scans.check(db, site, long.sha256)


def test_a_scanner_that_is_away_delays_and_says_so(
    db: SqliteDatabase, settings: Settings, cast: Cast, tmp_path: Path
):
    away = replace(settings, clamd=str(tmp_path / "nobody"))
    kept = attach(db, cast, away, "journal.txt", b"rien de grave\n")
    assert scanning.step(db, away) == scanning.AWAY_SECONDS
    with pytest.raises(Unavailable, match=r"attachment\.scanner_away"):
        scans.check(db, away, kept.sha256)
    (check,) = servers.scanner(Patient(Configuration(away, {})))
    assert check.state == "fail"


def test_it_is_said_beside_the_file_and_the_address_answers_so(
    db: SqliteDatabase, site: Settings, cast: Cast
):
    client = create_app(site, db).test_client()
    kept = attach(db, cast, site, "journal.txt", b"rien de grave\n")
    (ticket,) = db.query("SELECT id FROM tickets")
    sign_in(client, db, cast.alice)
    address, page = f"/attachments/{kept.id}/{kept.name}", f"/en/requests/{ticket['id']}"
    assert "not checked for viruses yet" in client.get(page).text
    answer = client.get(address)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    scan_all(db, site)
    assert "not checked for viruses yet" not in client.get(page).text
    with client.get(address) as opened:
        assert opened.data == b"rien de grave\n"
    db.execute("UPDATE file_scans SET outcome = 'infected'")
    assert "infected" in client.get(page).text
    assert client.get(address).status_code == 404
