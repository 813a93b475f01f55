"""The ways out to people: mail over SMTP, text messages by a gateway; without them, files."""

import logging
import os
import smtplib
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from kbsearch.config import Settings, uses_token, without_user
from kbsearch.database import Database
from kbsearch.messages.delivery import mail_tokens, token_sign_in
from kbsearch.messages.delivery.departures import Receipt
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard, NoAnswer
from kbsearch.messages.delivery.mail_provider import NoToken

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 15
LETTERS_OF_A_SESSION = 50  # some servers take no more
OK = 250
NEEDS_EXTRA = "sms_url needs the extra: pip install 'kbsearch[sms]'"
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class ChannelError(Exception):
    """It did not go out; `permanent` when trying again is of no use.

    `is_general` when nothing would go out at present, whatever it is and whoever it is for.
    """

    def __init__(self, reason: str, *, permanent: bool, is_general: bool = False) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.is_general = is_general


@dataclass(frozen=True)
class Token:
    """How to come by the token that a server of mail asks for, and what to do if it is refused."""

    get: Callable[[], str]
    distrust: Callable[[], None]


@dataclass(frozen=True)
class MailChannel:
    """E-mail, by the server of `smtp_url`; without one, a file per letter in `folder`."""

    smtp_url: str
    folder: Path
    token: "Token | None" = None

    def send(self, letter: EmailMessage, recipients: Sequence[str] | None = None) -> Receipt:
        """Send it to those its header names, or to these alone."""
        if self.smtp_url:
            answer = self._deliver(letter, recipients)
        else:
            lines = "".join(f"Delivered-To: {recipient}\r\n" for recipient in recipients or ())
            body = lines.encode() + letter.as_bytes(policy=policy.SMTP)
            answer = _write(self.folder, ".eml", body).name
        addresses = recipients or [address.addr_spec for address in letter["To"].addresses]
        return Receipt(answer, (letter["Message-ID"] or "").strip("<>"), ", ".join(addresses))

    def _deliver(self, letter: EmailMessage, recipients: Sequence[str] | None) -> str:
        """What the server answers to the letter."""
        with _session(self.smtp_url, self.token) as server:
            try:
                server.send_message(letter, to_addrs=recipients)
            except smtplib.SMTPRecipientsRefused as problem:
                code, reason = next(iter(problem.recipients.values()))
                raise ChannelError(_told(code, reason), permanent=code >= 500) from problem
            except smtplib.SMTPResponseException as problem:
                reply = _told(problem.smtp_code, problem.smtp_error)
                raise ChannelError(reply, permanent=problem.smtp_code >= 500) from problem
            except (OSError, smtplib.SMTPException) as problem:  # among them every timeout
                raise ChannelError(_named(problem), permanent=False) from problem
            return server.answer


@dataclass(frozen=True)
class Sms:
    """Text messages, by the gateway of `sms_url`; without one, a file each in `folder`.

    The gateway is an Apprise URL, or one of https with `{to}` and `{text}` in it: it is asked for
    with both filled in, and whatever answers 200 to 299 has taken the message.
    """

    sms_url: str
    folder: Path
    guard: Guard = field(default_factory=Guard)

    def send(self, number: str, text: str) -> Receipt:
        if not self.sms_url:
            return Receipt(_write(self.folder, ".txt", f"{number}\n\n{text}\n".encode()).name)
        if self.sms_url.startswith(("http://", "https://")):
            return Receipt(str(self._ask_for(number, text)))
        try:
            from kbsearch.messages.delivery import apprise_gateways
        except ImportError:
            raise ChannelError(NEEDS_EXTRA, permanent=False) from None
        try:
            is_sent = apprise_gateways.send(self.guard, _addressed(self.sms_url, number), text)
        except ValueError as problem:
            raise ChannelError(f"sms_url: {problem}", permanent=True) from None
        if not is_sent:
            raise ChannelError("the gateway did not take the message", permanent=False)
        return Receipt("")

    def reach(self) -> None:
        """See whether the gateway could be asked, and ask it nothing; raises what it cannot."""
        if self.sms_url.startswith(("http://", "https://")):
            self.guard.reach(self._filled("0", "0")[0])
            return
        try:
            from kbsearch.messages.delivery import apprise_gateways
        except ImportError:
            raise ChannelError(NEEDS_EXTRA, permanent=False) from None
        apprise_gateways.check(_addressed(self.sms_url, "+33600000000"))

    def _filled(self, number: str, text: str) -> tuple[str, dict[str, str]]:
        """The template with both filled in; its own user and password go as Basic, not in it."""
        url, headers = _without_user(self.sms_url)
        filled = url.replace("{to}", quote(number, safe="")).replace("{text}", quote(text, safe=""))
        return filled, headers

    def _ask_for(self, number: str, text: str) -> int:
        """The status of an answer that says that it took the message."""
        filled, headers = self._filled(number, text)
        try:
            answer = self.guard.send(filled, b"", headers, method="GET")
        except NoAnswer as problem:
            details = f"the gateway: {problem.reason}, {problem}"
            is_general = problem.reason in ("unresolved", "unreachable", "tls")
            raise ChannelError(
                details, permanent=problem.reason == "blocked", is_general=is_general
            ) from problem
        if not 200 <= answer.status < 300:
            is_permanent = 400 <= answer.status < 500 and answer.status not in (408, 429)
            raise ChannelError(f"the gateway answered {answer.status}", permanent=is_permanent)
        return answer.status


def mail(settings: Settings, db: Database) -> MailChannel:
    """The mail channel of this site."""
    token = token_of(settings, db) if uses_token(settings, settings.smtp_url) else None
    return MailChannel(settings.smtp_url, settings.data_path / "mail", token)


def token_of(settings: Settings, db: Database) -> Token:
    """The token of this site."""
    return Token(
        lambda: mail_tokens.access_token(db, settings), lambda: mail_tokens.distrust(db, settings)
    )


def sms(settings: Settings) -> Sms:
    """The channel of this site for text messages."""
    guard = Guard(Exceptions.of(settings.webhook_private_targets))
    return Sms(settings.sms_url, settings.data_path / "sms", guard)


def sign_in(settings: Settings) -> None:
    """See that the mail server lets us in, and send nothing; raises ChannelError.

    No token is asked for: where it wants one, no more is seen than that it answers.
    """
    url = urlsplit(settings.smtp_url)
    if uses_token(settings, settings.smtp_url):
        url = url._replace(netloc=url.netloc.rpartition("@")[2])
    server = _connect(url, None)
    with suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()


class _Smtp(smtplib.SMTP):
    """A session that keeps what the server answered to the last letter."""

    answer = ""

    def data(self, msg: Any) -> tuple[int, bytes]:
        code, reason = super().data(msg)
        self.answer = _told(code, reason)
        return code, reason


class _SmtpOverTls(_Smtp, smtplib.SMTP_SSL):
    """The same, encrypted from the beginning."""


class _Kept(threading.local):
    """The session with a mail server that a thread keeps from one letter to the next."""

    is_wanted = False
    url = ""
    server: _Smtp | None = None
    letters = 0

    def close(self) -> None:
        """End the session, politely if the server still listens."""
        server, self.server, self.letters = self.server, None, 0
        if server is not None:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()


_kept = _Kept()


@contextmanager
def kept_open() -> Iterator[Callable[[], None]]:
    """Letters of this thread share a session within the context; the call given ends it."""
    _kept.is_wanted = True
    try:
        yield _kept.close
    finally:
        _kept.is_wanted = False
        _kept.close()


@contextmanager
def _session(url: str, token: Token | None) -> Iterator[_Smtp]:
    """A session that is known to answer: kept from the letter before, or new."""
    if _kept.server is None or not _goes_on(url):
        _kept.close()
        _kept.url, _kept.server = url, _connect(urlsplit(url), token)
    _kept.letters += 1
    try:
        yield _kept.server
    except ChannelError as problem:
        refused = (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException)
        if not (_kept.is_wanted and isinstance(problem.__cause__, refused)):
            _kept.close()
        raise
    if not _kept.is_wanted:
        _kept.close()


def _goes_on(url: str) -> bool:
    if _kept.server is None or _kept.url != url or _kept.letters >= LETTERS_OF_A_SESSION:
        return False
    try:
        return _kept.server.noop()[0] == OK
    except (OSError, smtplib.SMTPException):
        return False


def _connect(url: SplitResult, token: Token | None) -> _Smtp:
    """A session with the server that the URL names, encrypted and signed in as it says.

    Whatever fails by then fails for every letter.
    """
    host, port = url.hostname or "localhost", url.port or PORTS[url.scheme]
    context = ssl.create_default_context()
    server: _Smtp | None = None
    try:
        if url.scheme == "smtps":
            server = _SmtpOverTls(host, port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            server = _Smtp(host, port, timeout=TIMEOUT_SECONDS)
        if url.scheme == "smtp+starttls" or "starttls" in parse_qs(url.query, True):
            server.starttls(context=context)
        if url.username and token:
            _sign_in(server, unquote(url.username), token)
        elif url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
        server.ehlo_or_helo_if_needed()
    except (OSError, smtplib.SMTPException, NoToken) as problem:
        if server is not None:
            server.close()
        raise ChannelError(_named(problem), permanent=False, is_general=True) from problem
    return server


def _sign_in(server: smtplib.SMTP, user: str, token: Token) -> None:
    server.ehlo_or_helo_if_needed()
    mechanism = token_sign_in.pick(server.esmtp_features.get("auth", "").upper().split())
    if mechanism is None:
        raise smtplib.SMTPNotSupportedError("the server takes no token (XOAUTH2, OAUTHBEARER)")
    access_token = token.get()

    def say(challenge: bytes | None = None) -> str:
        return token_sign_in.answer(mechanism, user, access_token, challenge)

    try:
        server.auth(mechanism, say)
    except smtplib.SMTPAuthenticationError:
        token.distrust()
        raise


def _named(problem: Exception) -> str:
    if isinstance(problem, NoToken):
        return str(problem)
    if isinstance(problem, smtplib.SMTPResponseException):
        return _told(problem.smtp_code, problem.smtp_error)
    return f"{type(problem).__name__}: {problem}"


def _told(code: int, reason: bytes | str) -> str:
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
    return f"{code} {text}"


def _without_user(url: str) -> tuple[str, dict[str, str]]:
    """A URL without user and password, and the header that says them."""
    parts = urlsplit(url)
    if parts.username is None:
        return url, {}
    credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return without_user(url), {"Authorization": f"Basic {b64encode(credentials).decode()}"}


def _addressed(url: str, number: str) -> str:
    """The gateway's URL with the number it is for, as its last part."""
    head, mark, query = url.partition("?")
    return f"{head.rstrip('/')}/{number}{mark}{query}"


def _write(folder: Path, suffix: str, body: bytes) -> Path:
    """A file that sorts by time and appears whole; only its owner reads it."""
    try:
        path = _written(folder, suffix, body)
    except OSError as problem:  # as a full disk: it is tried again, as what a server refuses
        raise ChannelError(f"{folder}: {problem.strerror}", permanent=False) from problem
    log.info("no server is set for this: written to %s", path)
    return path


def _written(folder: Path, suffix: str, body: bytes) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    moment = time.time_ns()
    at = time.strftime("%Y%m%dT%H%M%S", time.gmtime(moment // 10**9))
    path = folder / f"{at}.{moment % 10**9:09}{suffix}"
    draft = path.with_suffix(".part")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(body)
    return draft.rename(path)
