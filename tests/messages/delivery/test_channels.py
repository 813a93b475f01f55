import ssl
import subprocess
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult

from kbsearch.messages import delivery
from kbsearch.messages.delivery import channels
from kbsearch.messages.delivery.channels import ChannelError, MailChannel, Sms
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard
from tests.kit.mail import Mailbox, serving
from tests.kit.receivers import receiver

pytestmark = pytest.mark.usefixtures("unguarded")


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def port(mailbox: Mailbox) -> Iterator[int]:
    with serving(mailbox) as port:
        yield port


@pytest.fixture
def letter() -> EmailMessage:
    letter = EmailMessage()
    letter["Subject"] = "Code de vérification"
    letter["From"] = "no-reply@aide.example"
    letter["To"] = "Alice <alice@acme.example>"
    letter["Message-ID"] = "<t1@aide.example>"
    letter.set_content("Bonjour Chloé,\n\n    123456\n")
    return letter


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A key and a certificate for 127.0.0.1 that nobody has signed but itself."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return key, cert


@pytest.fixture
def trusting(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The machine trusts that certificate; the context is the server's."""
    key, cert = certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def test_a_letter_arrives_as_it_was_written(
    mailbox: Mailbox, port: int, letter: EmailMessage, tmp_path: Path
):
    MailChannel(f"smtp://127.0.0.1:{port}", tmp_path).send(letter)
    (read,) = mailbox.letters
    assert read["Subject"] == "Code de vérification"
    assert read["To"] == "Alice <alice@acme.example>"
    assert read["Message-ID"] == "<t1@aide.example>"
    assert read.get_content().splitlines()[0] == "Bonjour Chloé,"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [
        ("451 try again later", False),
        ("421 closing", False),
        ("550 no such user", True),
        ("554 spam", True),
    ],
)
@pytest.mark.parametrize("stage", ["recipient", "data"])
def test_a_refusal_says_whether_to_try_again(
    mailbox: Mailbox,
    port: int,
    letter: EmailMessage,
    tmp_path: Path,
    answer: str,
    permanent: bool,
    stage: str,
):
    if stage == "data":
        mailbox.answer = answer
    else:
        mailbox.refuse_recipient = answer
    with pytest.raises(ChannelError) as refused:
        MailChannel(f"smtp://127.0.0.1:{port}", tmp_path).send(letter)
    assert refused.value.permanent is permanent
    assert answer in str(refused.value)


def test_a_server_that_is_away_is_tried_again(
    mailbox: Mailbox, letter: EmailMessage, tmp_path: Path
):
    with serving(mailbox) as port:
        pass
    with pytest.raises(ChannelError) as refused:
        MailChannel(f"smtp://127.0.0.1:{port}", tmp_path).send(letter)
    assert not refused.value.permanent


def test_a_silent_server_is_not_waited_for_long(
    letter: EmailMessage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import socket

    monkeypatch.setattr(channels, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(ChannelError) as refused:
            MailChannel(f"smtp://127.0.0.1:{port}", tmp_path).send(letter)
    assert not refused.value.permanent


@pytest.mark.parametrize("url", ["smtp+starttls://{}:{}@{}", "smtp://{}:{}@{}?starttls"])
def test_a_letter_goes_encrypted_and_signed_in(
    mailbox: Mailbox, letter: EmailMessage, tmp_path: Path, trusting: ssl.SSLContext, url: str
):
    tried: list[tuple[bytes, bytes]] = []

    def authenticate(server, session, envelope, mechanism, data) -> AuthResult:
        tried.append((data.login, data.password))
        return AuthResult(success=data.password == b"p@ss/word", handled=False)

    options = {
        "tls_context": trusting,
        "require_starttls": True,
        "authenticator": authenticate,
        "auth_required": True,
    }
    with serving(mailbox, **options) as port:
        MailChannel(url.format("kb", "p%40ss%2Fword", f"127.0.0.1:{port}"), tmp_path).send(letter)
        with pytest.raises(ChannelError) as refused:
            MailChannel(url.format("kb", "wrong", f"127.0.0.1:{port}"), tmp_path).send(letter)
    assert tried[0] == (b"kb", b"p@ss/word")
    assert len(mailbox.letters) == 1
    assert str(refused.value).startswith("535"), "signing in is what failed"
    assert not refused.value.permanent, "the operator mends the setting, and it goes out"
    assert "wrong" not in str(refused.value)


def test_a_letter_goes_over_tls_from_the_first_byte(
    mailbox: Mailbox, letter: EmailMessage, tmp_path: Path, trusting: ssl.SSLContext
):
    with serving(mailbox, ssl_context=trusting) as port:
        MailChannel(f"smtps://127.0.0.1:{port}", tmp_path).send(letter)
    assert len(mailbox.letters) == 1


def test_a_server_nobody_vouches_for_gets_no_letter(
    mailbox: Mailbox, letter: EmailMessage, tmp_path: Path, certificate: tuple[Path, Path]
):
    key, cert = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with serving(mailbox, tls_context=context) as port, pytest.raises(ChannelError) as refused:
        MailChannel(f"smtp+starttls://127.0.0.1:{port}", tmp_path).send(letter)
    assert not refused.value.permanent
    assert mailbox.letters == []


def test_without_a_server_letters_are_files_in_the_order_they_were_sent(
    letter: EmailMessage, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    mail = MailChannel("", tmp_path / "mail")
    for _ in range(3):
        mail.send(letter)
    files = sorted((tmp_path / "mail").iterdir())
    assert [file.suffix for file in files] == [".eml"] * 3
    assert [file.stat().st_mtime_ns for file in files] == sorted(
        file.stat().st_mtime_ns for file in files
    )
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert (tmp_path / "mail").stat().st_mode & 0o777 == 0o700
    assert message_from_bytes(files[0].read_bytes(), policy=policy.default)["To"] == letter["To"]
    assert str(files[-1]) in caplog.text
    assert "123456" not in caplog.text


def test_a_letter_that_names_several_goes_to_the_one_it_is_sent_to(
    mailbox: Mailbox, port: int, letter: EmailMessage, tmp_path: Path
):
    letter["Cc"] = "Bob <bob@acme.example>"
    MailChannel(f"smtp://127.0.0.1:{port}", tmp_path).send(letter, ["bob@acme.example"])
    MailChannel(f"smtp://127.0.0.1:{port}", tmp_path).send(letter)
    assert mailbox.recipients == [
        ("bob@acme.example",),
        ("alice@acme.example", "bob@acme.example"),
    ]
    MailChannel("", tmp_path).send(letter, ["bob@acme.example"])
    (file,) = tmp_path.glob("*.eml")
    read = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert read["Delivered-To"] == "bob@acme.example" and read["To"] == letter["To"]


def test_without_a_gateway_text_messages_are_files(tmp_path: Path):
    Sms("", tmp_path / "sms").send("+33612345678", "Code : 123456")
    (file,) = (tmp_path / "sms").iterdir()
    assert file.suffix == ".txt"
    assert file.read_text() == "+33612345678\n\nCode : 123456\n"


def test_the_number_is_the_last_part_of_the_gateways_address(tmp_path: Path):
    with receiver() as kind:
        kind.answers += [b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"]
        gateway = f"smseagle://token@127.0.0.1:{kind.port}?batch=no"
        sms = Sms(gateway, tmp_path, Guard(Exceptions.of(["127.0.0.1"])))
        with pytest.raises(ChannelError) as refused:
            sms.send("+33612345678", "Bonjour")
        (_, body), *_ = kind.received
    assert b"33612345678" in body
    assert not refused.value.permanent


def test_an_address_of_no_gateway_is_no_use_to_try_again(tmp_path: Path):
    with pytest.raises(ChannelError) as refused:
        Sms("nope://x", tmp_path).send("+33612345678", "Bonjour")
    assert refused.value.permanent


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import sys

    monkeypatch.delattr(delivery, "apprise_gateways", raising=False)
    monkeypatch.delitem(sys.modules, "kbsearch.messages.delivery.apprise_gateways", raising=False)
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ChannelError, match=r"kbsearch\[sms\]"):
        Sms("twilio://x", tmp_path).send("+33612345678", "Bonjour")
