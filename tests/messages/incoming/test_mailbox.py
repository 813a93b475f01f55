"""The mailbox of a real IMAP server, in a process of its own."""

import imaplib
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from pathlib import Path

import pytest

from kbsearch.config import Settings
from kbsearch.database import Busy
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Full, Invalid
from kbsearch.messages.incoming import arrivals, ledger, mailbox, mails, taking
from tests.conftest import Cast
from tests.kit.incoming import letter, receiving
from tests.kit.places import TOP
from tests.kit.waiting import HUNG, listens, until

USER, PASSWORD = "support", "p@ss/word"
SECRET = "p%40ss%2Fword"


class Server:
    """A mailbox that tests put mails into."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"imap://{USER}:{SECRET}@127.0.0.1:{port}/INBOX"

    @contextmanager
    def session(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=HUNG) as client:
            client.login(USER, PASSWORD)
            client.select("INBOX")
            yield client

    def deliver(self, *raws: bytes, flags: str = "") -> None:
        with self.session() as client:
            for raw in raws:
                crlf = raw.replace(b"\n", b"\r\n")
                assert client.append("INBOX", flags, "", crlf)[0] == "OK"

    def unread(self) -> int:
        with self.session() as client:
            return len(client.search(None, "UNSEEN")[1][0].split())


@contextmanager
def running(*options: str) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "pymap"), "--host", "127.0.0.1"]
    command += ["--port", str(port), *options, "dict"]
    command += ["--demo-user", USER, "--demo-password", PASSWORD]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until(lambda: listens(port))
        yield Server(port)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def server() -> Iterator[Server]:
    with running("--no-tls") as found:
        yield found


def mail(number: int, body: str = "") -> bytes:
    return letter(
        "alice@acme.example",
        "support@support.example",
        body or f"Collar {number} is lost.",
        message_id=f"{number}@acme.example",
    )


def descriptions(db: SqliteDatabase) -> list[str]:
    rows = db.query("SELECT description FROM tickets ORDER BY number")
    return [row["description"] for row in rows]


def test_each_mail_is_taken_once_and_marked_as_read(
    settings: Settings, db: SqliteDatabase, cast: Cast, server: Server
):
    site = receiving(settings, imap_url=server.url)
    server.deliver(mail(0), flags=r"(\Seen)")  # somebody read it before the site was there
    server.deliver(mail(1), mail(2))
    assert mailbox.poll(site, db) == 2
    assert server.unread() == 0
    assert mailbox.poll(site, db) == 0
    server.deliver(mail(3), flags=r"(\Seen)")  # read on a telephone before we came
    assert mailbox.poll(site, db) == 1
    assert descriptions(db) == [f"Collar {number} is lost." for number in (1, 2, 3)]


def test_each_message_has_a_line_and_one_without_is_an_alarm(
    settings: Settings, db: SqliteDatabase, cast: Cast, server: Server
):
    """The sum of the account is the mailbox's own count, whatever became of its messages."""
    site = receiving(settings, imap_url=server.url)
    morning = datetime(2026, 3, 2, 9, tzinfo=UTC)
    server.deliver(mail(0), flags=r"(\Seen)")
    server.deliver(mail(1), letter(message_id="m@acme.example", proved=None), mail(1))
    mailbox.poll(site, db, at=morning)
    lines = ledger.list_lines(db, cast.dan)
    assert sorted((line.message_id, line.state, line.reason) for line in lines) == [
        ("", "before", ""),
        ("1@acme.example", "opened", ""),
        ("1@acme.example", "opened", ""),
        ("m@acme.example", "held", "not_proved"),
    ]
    server.deliver(mail(2), mail(3))
    mailbox.poll(site, db, at=morning + timedelta(minutes=1))
    db.execute("DELETE FROM mail_ledger WHERE message_id = '3@acme.example'")
    db.execute("DELETE FROM mails WHERE message_id = '3@acme.example'")
    mailbox.poll(site, db, at=morning + timedelta(hours=2))
    (balance,) = ledger.balances(db)
    assert (balance.present, balance.missing) == (6, 1)
    counts = ledger.count_by_state(db, cast.dan)
    assert sum(counts.values()) == 6 and counts["waiting"] == 0, counts
    mailbox.poll(site, db, at=morning + timedelta(hours=4))
    assert ledger.balances(db)[0].missing == 0


def test_an_empty_mailbox_is_followed_from_its_first_mail(
    settings: Settings, db: SqliteDatabase, cast: Cast, server: Server
):
    site = receiving(settings, imap_url=server.url)
    assert mailbox.poll(site, db) == 0
    server.deliver(mail(1), flags=r"(\Seen)")
    assert mailbox.poll(site, db) == 1


KILLED = """
import os, signal, sys
from kbsearch import config
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages.incoming import arrivals, mailbox, taking
from tests.kit.engines import at
from tests.kit.incoming import receiving

site, database, url, *points = sys.argv[1:]
settings = receiving(config.Settings(site=config.Path(site)), imap_url=url)
modules = {"arrivals": arrivals, "taking": taking, "mailbox": mailbox}

def poll_and_die(point):
    module, _, name = point.partition(".")
    setattr(modules[module], name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    db = at(database)
    db.execute("UPDATE arrivals SET due_at = ''")
    mailbox.poll(settings, db)

for point in points:
    child = os.fork()
    if child == 0:
        poll_and_die(point)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), point
"""


def kill(site: Settings, *points: str) -> None:
    """Let a process read the mailbox until it comes to a point and is killed there; for each."""
    places = str(site.site), str(site.database_address), site.imap_url
    command = [sys.executable, "-c", KILLED, *places, *points]
    subprocess.run(command, cwd=TOP, timeout=120, check=True)


def test_killed_in_the_middle_nothing_is_lost_or_taken_twice(
    settings: Settings, db: SqliteDatabase, cast: Cast, server: Server
):
    site = receiving(settings, imap_url=server.url)
    mailbox.poll(site, db)
    server.deliver(mail(1), mail(2))
    kill(site, "mailbox._remember", "mailbox._fetch", "taking.take", "arrivals.settle")
    mailbox.poll(site, db, at=later(timedelta(hours=2)))
    assert sorted(descriptions(db)) == ["Collar 1 is lost.", "Collar 2 is lost."]
    assert server.unread() == 0


def test_a_mail_that_kills_whoever_takes_it_is_not_met_first_for_ever(
    settings: Settings, db: SqliteDatabase, cast: Cast, server: Server
):
    site = receiving(settings, imap_url=server.url)
    server.deliver(mail(2))
    kill(site, *["taking.take"] * arrivals.MAX_ATTEMPTS)
    server.deliver(mail(3))
    assert mailbox.poll(site, db) == 1
    mailbox.poll(site, db, at=later(timedelta(hours=2)))
    (kept,) = mails.list_all(db, cast.dan)
    assert (kept.reason, kept.sender) == ("not_taken", "alice@acme.example")
    assert b"Collar 2 is lost." in mails.original(db, cast.dan, site, kept.id)


def test_a_mailbox_that_counts_anew_gives_nothing_twice(
    settings: Settings, db: SqliteDatabase, cast: Cast, server: Server
):
    site = receiving(settings, imap_url=server.url)
    server.deliver(mail(1))
    mailbox.poll(site, db)
    db.execute("UPDATE mailboxes SET uid_validity = 1, last_uid = 999")
    server.deliver(mail(1), mail(2))
    mailbox.poll(site, db)
    assert descriptions(db) == ["Collar 1 is lost.", "Collar 2 is lost."]


class Stumbling:
    """`taking.take`, which some mails make fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **raised: Exception) -> None:
        self.raised = raised
        self._take: Callable[..., object] = taking.take
        monkeypatch.setattr(taking, "take", self)

    def __call__(self, db: SqliteDatabase, settings: Settings, raw: bytes) -> object:
        for word, problem in self.raised.items():
            if word.encode() in raw:
                raise problem
        return self._take(db, settings, raw)


def later(pause: timedelta) -> datetime:
    return datetime.now(UTC) + pause


def test_while_the_database_is_busy_the_mailbox_waits(
    settings: Settings,
    db: SqliteDatabase,
    cast: Cast,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
):
    site = receiving(settings, imap_url=server.url)
    mailbox.poll(site, db)
    server.deliver(mail(1), mail(2, "whenever"), mail(3))
    stumbling = Stumbling(monkeypatch, whenever=Busy("now"))
    with pytest.raises(Busy):
        mailbox.poll(site, db)
    assert (descriptions(db), server.unread()) == (["Collar 1 is lost."], 2)
    stumbling.raised.clear()
    assert mailbox.poll(site, db, at=later(arrivals.PAUSES[0])) == 2
    assert server.unread() == 0


PROBLEMS = {
    "defect": ValueError("a defect"),
    "long name": OSError(36, "File name too long"),
    "no room": Full("files.full"),
    "no memory": MemoryError(),
}


def test_a_mail_that_cannot_be_taken_is_tried_again_and_then_set_aside(
    settings: Settings,
    db: SqliteDatabase,
    cast: Cast,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
):
    site = receiving(settings, imap_url=server.url)
    server.deliver(mail(1), *(mail(n, word) for n, word in enumerate(PROBLEMS, 2)), mail(9))
    stumbling = Stumbling(monkeypatch, **PROBLEMS)
    assert mailbox.poll(site, db) == 2, "the others go on"
    assert mailbox.poll(site, db) == 0, "and these have to wait"
    at = datetime.now(UTC)
    for pause in arrivals.PAUSES:
        assert mails.list_all(db, cast.dan) == []
        at += pause + timedelta(seconds=1)
        assert mailbox.poll(site, db, at=at) == 0
    kept = mails.list_all(db, cast.dan)
    assert {(mail.state, mail.reason, mail.subject) for mail in kept} == {
        ("held", "not_taken", "Collar")
    }
    originals = {
        mail.trouble.partition(":")[0]: mails.original(db, cast.dan, site, mail.id).split()[-1]
        for mail in kept
    }
    assert originals == {
        type(problem).__name__: word.encode().split()[-1] for word, problem in PROBLEMS.items()
    }
    stumbling.raised.clear()
    assert mailbox.poll(site, db, at=at + timedelta(days=1)) == 0, "an agent decides"
    assert server.unread() == len(PROBLEMS)

    for each in kept:
        arrivals.try_again(db, cast.dan, each, at=at)
    assert mailbox.poll(site, db, at=at) == len(PROBLEMS)
    assert mails.list_all(db, cast.dan) == []
    assert (descriptions(db)[2:], server.unread()) == (list(PROBLEMS), 0)


def test_what_fails_again_for_an_agent_stays_where_it_was(
    settings: Settings,
    db: SqliteDatabase,
    cast: Cast,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
):
    site = receiving(settings, imap_url=server.url)
    server.deliver(mail(1, "poison"))
    stumbling = Stumbling(monkeypatch, poison=ValueError("first"))
    for day in range(arrivals.MAX_ATTEMPTS):
        mailbox.poll(site, db, at=later(timedelta(days=day)))
    (kept,) = mails.list_all(db, cast.dan)
    stumbling.raised["poison"] = ValueError("second")
    arrivals.try_again(db, cast.dan, kept, at=later(timedelta()))
    assert mailbox.poll(site, db) == 0
    (again,) = mails.list_all(db, cast.dan)
    assert (again.id, again.trouble) == (kept.id, "ValueError: second")
    mails.discard(db, cast.dan, again)
    assert mailbox.poll(site, db, at=later(timedelta(days=9))) == 0
    with pytest.raises(Invalid):
        arrivals.try_again(db, cast.dan, again, at=later(timedelta()))


def test_a_mail_that_the_server_does_not_hand_out_is_set_aside_as_well(
    settings: Settings, db: SqliteDatabase, cast: Cast, server: Server
):
    server.deliver(*map(mail, range(1, 6)))
    with in_between(server) as url:
        site = receiving(settings, imap_url=url)
        for day in range(arrivals.MAX_ATTEMPTS):
            for _ in range(2):
                with suppress(imaplib.IMAP4.abort, OSError):
                    mailbox.poll(site, db, at=later(timedelta(days=day)))
    assert descriptions(db) == ["Collar 1 is lost.", "Collar 5 is lost."]
    kept = mails.list_all(db, cast.dan)
    assert [(mail.reason, mails.original(db, cast.dan, site, mail.id)) for mail in kept] == [
        ("not_taken", b"")
    ] * 3


@contextmanager
def in_between(server: Server) -> Iterator[str]:
    """A relay to the real server: of the 2nd to the 4th mail it says no, nothing, and hangs up."""

    class Relay(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with (
                socket.create_connection(("127.0.0.1", server.port), 10) as real,
                real.makefile("rb") as said,
            ):
                self.wfile.write(said.readline())
                for line in self.rfile:
                    tag, _, command = line.partition(b" ")
                    if command.startswith(b"UID FETCH 104 "):
                        return
                    if command.startswith(b"UID FETCH 102 "):
                        self.wfile.write(tag + b" NO out of order\r\n")
                    elif command.startswith(b"UID FETCH 103 "):
                        self.wfile.write(tag + b" OK done\r\n")
                    else:
                        real.sendall(line)
                        self.pass_on(tag, said)

        def pass_on(self, tag: bytes, said: BufferedReader) -> None:
            for told in said:
                self.wfile.write(told)
                if told.startswith(tag):
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay) as relay:
        relay.daemon_threads = True
        thread = threading.Thread(target=relay.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server.url.replace(str(server.port), str(relay.server_address[1]))
        relay.shutdown()
        thread.join(5)


def test_a_mail_of_more_than_thirty_megabytes_is_held(
    settings: Settings, db: SqliteDatabase, cast: Cast, server: Server
):
    site = receiving(settings, imap_url=server.url)
    server.deliver(mail(1, ("x" * 70 + "\n") * 450_000))
    assert mailbox.poll(site, db) == 1
    assert [mail.reason for mail in mails.list_all(db, cast.dan)] == ["too_big"]


def test_a_wrong_password_or_no_server_is_an_error_that_is_tried_again(
    settings: Settings, db: SqliteDatabase, server: Server
):
    wrong = receiving(settings, imap_url=server.url.replace(SECRET, "wrong"))
    with pytest.raises(imaplib.IMAP4.error):
        mailbox.poll(wrong, db)
    nobody = receiving(settings, imap_url="imap://a:b@127.0.0.1:1/INBOX")
    with pytest.raises(OSError):
        mailbox.poll(nobody, db)


def test_it_is_followed_beside_everything_else(
    settings: Settings, db: SqliteDatabase, cast: Cast, server: Server
):
    site = receiving(settings, imap_url=server.url)
    server.deliver(mail(1))
    with mailbox.followed(site, db):
        until(lambda: descriptions(db) == ["Collar 1 is lost."])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run(
        [*make, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
    return certificate, key


def test_a_password_is_sent_only_to_a_server_with_a_good_certificate(
    settings: Settings,
    db: SqliteDatabase,
    cast: Cast,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
):
    with running("--cert", str(certificate[0]), "--key", str(certificate[1])) as server:
        secure = server.url.replace("imap://", "imap+starttls://")
        site = receiving(settings, imap_url=secure)
        with pytest.raises(ssl.SSLCertVerificationError):
            mailbox.poll(site, db)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert mailbox.poll(site, db) == 0
