"""The servers that the site works with, and until when their certificates are good.

The worker looks twice a day and notes what it saw: pages, metrics and the doctor read the note.
"""

import imaplib
import json
import logging
import smtplib
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

from kbsearch.clock import stored
from kbsearch.config import Settings
from kbsearch.database import Database, site_state
from kbsearch.messages import webhooks
from kbsearch.messages.delivery import channels
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard, NoAnswer
from kbsearch.messages.incoming import mailbox

log = logging.getLogger(__name__)

NOTE = "certificates"
LOOK_SECONDS = 43_200.0
TIMEOUT_SECONDS = 10
Facts = Mapping[str, Any]  # of a certificate, as ssl has them


@dataclass(frozen=True)
class ServerCertificate:
    """That of a server, by its host and port: when it ends, or why that was not seen."""

    server: str
    ends_at: str = ""
    problem: str = ""


def look(db: Database) -> list[ServerCertificate]:
    """What the worker saw last."""
    return [ServerCertificate(**facts) for facts in json.loads(site_state.read(db, NOTE) or "[]")]


def step(db: Database, settings: Settings) -> float:
    """Look at every one and note it; for how many seconds to rest then."""
    seen = [certificate_of(server, read) for server, read in _servers(db, settings)]
    for certificate in seen:
        if certificate.problem:
            log.warning("the certificate of %s: %s", certificate.server, certificate.problem)
    note(db, seen)
    return LOOK_SECONDS


def note(db: Database, certificates: Sequence[ServerCertificate]) -> None:
    """Keep what was seen, in the place of what was seen before."""
    site_state.write(db, NOTE, json.dumps([asdict(seen) for seen in certificates]))


def _servers(db: Database, settings: Settings) -> Iterator[tuple[str, Callable[[], Facts]]]:
    """Each that speaks TLS, with how its certificate is read."""
    smtp, imap = urlsplit(settings.smtp_url), urlsplit(settings.imap_url)
    if smtp.scheme in ("smtps", "smtp+starttls"):
        yield _name(smtp, channels.PORTS), lambda: _of_smtp(smtp)
    if imap.scheme in ("imaps", "imap+starttls"):
        yield _name(imap, mailbox.PORTS), lambda: _of_imap(imap)
    guard = Guard(Exceptions.of(settings.webhook_private_targets))
    urls = [url for url in webhooks.addresses(db) if url.startswith("https://")]
    urls += [settings.oidc_issuer] if settings.oidc_issuer.startswith("https://") else []
    for name, url in {_name(urlsplit(url), {"https": 443}): url for url in urls}.items():
        yield name, lambda url=url: guard.reach(url)  # type: ignore[misc]


def _name(url: SplitResult, ports: Mapping[str, int]) -> str:
    return f"{url.hostname}:{url.port or ports[url.scheme]}"


def certificate_of(server: str, read: Callable[[], Facts]) -> ServerCertificate:
    """What is seen of a server, whose certificate is read so."""
    try:
        facts = read()
    except (OSError, NoAnswer, smtplib.SMTPException, imaplib.IMAP4.error) as problem:
        return ServerCertificate(server, problem=" ".join(str(problem).split())[:200])
    seconds = ssl.cert_time_to_seconds(facts["notAfter"])
    return ServerCertificate(server, stored(datetime.fromtimestamp(seconds, UTC)))


def _of_smtp(url: SplitResult) -> Facts:
    context, host = ssl.create_default_context(), str(url.hostname)
    port = url.port or channels.PORTS[url.scheme]
    server: smtplib.SMTP
    if url.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
    with closing(server):
        if url.scheme != "smtps":
            server.starttls(context=context)
        return _facts(server.sock)


def _of_imap(url: SplitResult) -> Facts:
    context, host = ssl.create_default_context(), str(url.hostname)
    port = url.port or mailbox.PORTS[url.scheme]
    server: imaplib.IMAP4
    if url.scheme == "imaps":
        server = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=TIMEOUT_SECONDS)
    else:
        server = imaplib.IMAP4(host, port, timeout=TIMEOUT_SECONDS)
    try:
        if url.scheme != "imaps":
            server.starttls(context)
        return _facts(server.sock)
    finally:
        server.shutdown()


def _facts(line: Any) -> Facts:
    facts: Facts = line.getpeercert()
    return facts
