"""The ways out to people: mail over SMTP, text messages by a gateway; without them, files."""

import logging
import os
import smtplib
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from kbsearch.config import Settings

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 15
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class ChannelError(Exception):
    """It did not go out; `permanent` when trying again is of no use."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent


@dataclass(frozen=True)
class Mail:
    """E-mail, by the server of `smtp_url`; without one, a file per letter in `folder`."""

    smtp_url: str
    folder: Path

    def send(self, letter: EmailMessage, recipients: Sequence[str] | None = None) -> None:
        """Send it to those its header names, or to these alone."""
        if self.smtp_url:
            self._deliver(letter, recipients)
        else:
            lines = "".join(f"Delivered-To: {each}\r\n" for each in recipients or ())
            _write(self.folder, ".eml", lines.encode() + letter.as_bytes(policy=policy.SMTP))

    def _deliver(self, letter: EmailMessage, recipients: Sequence[str] | None) -> None:
        try:
            with _connection(urlsplit(self.smtp_url)) as server:
                server.send_message(letter, to_addrs=recipients)
        except smtplib.SMTPRecipientsRefused as problem:
            code, reason = next(iter(problem.recipients.values()))
            raise ChannelError(_told(code, reason), permanent=code >= 500) from problem
        except smtplib.SMTPResponseException as problem:
            told = _told(problem.smtp_code, problem.smtp_error)
            raise ChannelError(told, permanent=_is_final(problem)) from problem
        except (OSError, smtplib.SMTPException) as problem:  # among them every timeout
            raise ChannelError(f"{type(problem).__name__}: {problem}", permanent=False) from problem


@dataclass(frozen=True)
class Sms:
    """Text messages, by the Apprise URL of `sms_url`; without one, a file each in `folder`."""

    sms_url: str
    folder: Path

    def send(self, number: str, text: str) -> None:
        if not self.sms_url:
            _write(self.folder, ".txt", f"{number}\n\n{text}\n".encode())
            return
        try:
            from apprise import Apprise
        except ImportError:
            reason = "sms_url needs the extra: pip install 'kbsearch[sms]'"
            raise ChannelError(reason, permanent=False) from None
        gateway = Apprise()
        if not gateway.add(_addressed(self.sms_url, number)):
            raise ChannelError("sms_url is no Apprise URL", permanent=True)
        if not gateway.notify(body=text):
            raise ChannelError("the gateway did not take the message", permanent=False)


def mail(settings: Settings) -> Mail:
    """The mail channel of this site."""
    return Mail(settings.smtp_url, settings.data_path / "mail")


def sms(settings: Settings) -> Sms:
    """The channel of this site for text messages."""
    return Sms(settings.sms_url, settings.data_path / "sms")


@contextmanager
def _connection(url: SplitResult) -> Iterator[smtplib.SMTP]:
    """A session with the server that the URL names, encrypted and signed in as it says."""
    host, port = url.hostname or "localhost", url.port or PORTS[url.scheme]
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if url.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
    with server:
        if url.scheme == "smtp+starttls" or "starttls" in parse_qs(url.query, True):
            server.starttls(context=context)
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
        yield server


def _is_final(problem: smtplib.SMTPResponseException) -> bool:
    """A refusal of the letter is final; one of ourselves ends when the operator mends it."""
    return problem.smtp_code >= 500 and not isinstance(
        problem, (smtplib.SMTPAuthenticationError, smtplib.SMTPConnectError, smtplib.SMTPHeloError)
    )


def _told(code: int, reason: bytes | str) -> str:
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
    return f"{code} {text}"


def _addressed(url: str, number: str) -> str:
    """The gateway's URL with the number it is for, as its last part."""
    head, mark, query = url.partition("?")
    return f"{head.rstrip('/')}/{number}{mark}{query}"


def _write(folder: Path, suffix: str, body: bytes) -> None:
    """A file that sorts by time and appears whole; only its owner reads it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    moment = time.time_ns()
    at = time.strftime("%Y%m%dT%H%M%S", time.gmtime(moment // 10**9))
    path = folder / f"{at}.{moment % 10**9:09}{suffix}"
    draft = path.with_suffix(".part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(body)
    draft.rename(path)
    log.info("no server is set for this: written to %s", path)
