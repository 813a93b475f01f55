"""The mailbox of a real IMAP server, in a process of its own."""

import imaplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kbsearch.config import Settings
from kbsearch.db import Busy, SqliteDatabase
from kbsearch.mail import mailbox, mails, taking
from tests.conftest import Cast
from tests.incoming import letter, receiving

USER, PASSWORD = "support", "p@ss/word"
SECRET = "p%40ss%2Fword"


class Server:
    """A mailbox that tests put mails into."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"imap://{USER}:{SECRET}@127.0.0.1:{port}/INBOX"

    @contextmanager
    def session(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=10) as client:
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
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
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


def test_an_empty_mailbox_is_followed_from_its_first_mail(
    settings: Settings, db: SqliteDatabase, cast: Cast, server: Server
):
    site = receiving(settings, imap_url=server.url)
    assert mailbox.poll(site, db) == 0
    server.deliver(mail(1), flags=r"(\Seen)")
    assert mailbox.poll(site, db) == 1


def test_killed_between_the_mail_and_its_place_it_is_not_taken_twice(
    settings: Settings,
    db: SqliteDatabase,
    cast: Cast,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
):
    site = receiving(settings, imap_url=server.url)
    mailbox.poll(site, db)
    server.deliver(mail(1), mail(2))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(mailbox, "_remember", killed)
    with pytest.raises(KeyboardInterrupt):
        mailbox.poll(site, db)
    assert len(descriptions(db)) == 1
    monkeypatch.undo()
    mailbox.poll(site, db)
    assert descriptions(db) == ["Collar 1 is lost.", "Collar 2 is lost."]


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


def test_without_room_now_it_is_taken_later_and_one_bad_mail_stops_no_other(
    settings: Settings,
    db: SqliteDatabase,
    cast: Cast,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
):
    site = receiving(settings, imap_url=server.url)
    mailbox.poll(site, db)
    server.deliver(mail(1), mail(2, "poison"), mail(3))
    take: Callable[..., object] = taking.take
    raised: dict[bytes, Exception] = {b"poison": ValueError("a bug"), b"Collar 3": Busy("now")}

    def failing(db: SqliteDatabase, settings: Settings, raw: bytes) -> object:
        for word, problem in raised.items():
            if word in raw:
                raise problem
        return take(db, settings, raw)

    monkeypatch.setattr(taking, "take", failing)
    with pytest.raises(Busy):
        mailbox.poll(site, db)
    assert (descriptions(db), server.unread()) == (["Collar 1 is lost."], 2)
    monkeypatch.undo()
    assert mailbox.poll(site, db) == 1
    assert (descriptions(db)[1:], server.unread()) == (["Collar 3 is lost."], 1)


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
        until = time.monotonic() + 20
        while not descriptions(db) and time.monotonic() < until:
            time.sleep(0.05)
    assert descriptions(db) == ["Collar 1 is lost."]


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
