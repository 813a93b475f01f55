"""The servers it works with: each is spoken to, nothing is sent, and none is waited for long."""

import queue
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from kbsearch.clock import parsed, utc_now
from kbsearch.config import LOCAL_NAMES, uses_token
from kbsearch.database import Database
from kbsearch.files import places
from kbsearch.files import scanner as clamd
from kbsearch.messages.delivery import channels, mail_tokens
from kbsearch.messages.incoming import mailbox as incoming
from kbsearch.site import neighbours
from kbsearch.site.doctor.checks import Check, Patient, fail, ok, warn

CERTIFICATE_LEFT = timedelta(days=14)
PATIENCE = 10.0  # seconds, for all that one server is asked


def addresses(patient: Patient) -> Iterator[Check]:
    """What the address people use asks of the other settings."""
    settings = patient.settings
    url = urlsplit(settings.base_url)
    if url.scheme == "http" and url.hostname not in LOCAL_NAMES:
        yield warn(
            "base_url",
            "%(url)s is not encrypted: passwords can be read on the way",
            "Put a proxy with TLS in front, and set base_url to its https:// address.",
            url=settings.base_url,
        )
    if url.scheme == "https" and not settings.trusted_proxies:
        yield warn(
            "trusted_proxies",
            "base_url is https, and trusted_proxies is 0: everybody seems to come from the proxy",
            "Set trusted_proxies to the number of proxies in front, most often 1.",
        )


def mail(patient: Patient) -> Iterator[Check]:
    settings = patient.settings
    if not settings.smtp_url:
        folder = settings.data_path / "mail"
        if settings.base_url.startswith("https://"):
            yield fail(
                "mail",
                "no smtp_url is set: codes and letters stay in %(folder)s, and reach nobody",
                "Set smtp_url, then send yourself a letter: kbsearch notify test",
                folder=folder,
            )
        else:
            message = "no smtp_url is set: letters are written to %(folder)s"
            yield ok("mail", message, folder=folder)
        return
    host = urlsplit(settings.smtp_url).hostname
    problem = _tried(lambda: channels.sign_in(settings))
    if problem:
        yield fail(
            "mail",
            "no mail leaves by %(host)s: %(problem)s",
            "Check smtp_url, then send yourself a letter: kbsearch notify test",
            host=host,
            problem=problem,
        )
    else:
        yield ok("mail", "%(host)s takes our mail", host=host)


def mail_access(patient: Patient, db: Database) -> Iterator[Check]:
    """Whether the provider of mail lets the site in, as far as was seen."""
    consent = mail_tokens.look(db, patient.settings)
    if consent.is_wanted:
        yield fail(
            "consent",
            "mail waits for the consent of an administrator at its provider",
            "Open Mail in the administration, and consent.",
        )
    elif consent.problem:
        yield fail(
            "consent",
            "the provider of mail gives no token: %(problem)s",
            "Correct the mail_oauth settings, or what the provider has of the application.",
            problem=consent.problem,
        )
    elif consent.state != "passwords":
        yield ok("consent", "the provider of mail lets the site in")


def mailbox(patient: Patient, db: Database) -> Iterator[Check]:
    settings = patient.settings
    if not settings.imap_url or uses_token(settings, settings.imap_url):
        return  # with tokens, the consent says it
    host = urlsplit(settings.imap_url).hostname
    problem = _tried(lambda: incoming.look(settings, db))
    if problem:
        yield fail(
            "mailbox",
            "replies by mail are not read at %(host)s: %(problem)s",
            "Check imap_url: server, user, password and folder.",
            host=host,
            problem=problem,
        )
    else:
        yield ok("mailbox", "replies by mail are read at %(host)s", host=host)


def scanner(patient: Patient) -> Iterator[Check]:
    address = patient.settings.clamd
    if not address:
        return
    problem = _tried(lambda: clamd.ping(address))
    if problem:
        yield fail(
            "scanner",
            "the virus scanner at %(address)s does not answer, files wait for it: %(problem)s",
            "Start clamd, or correct the setting clamd.",
            address=address,
            problem=problem,
        )
    else:
        yield ok("scanner", "the virus scanner at %(address)s answers", address=address)


def bucket(patient: Patient) -> Iterator[Check]:
    """Where files are in one, whether it can be reached."""
    settings = patient.settings
    if isinstance(settings.files_address, Path):
        return
    problem = _tried(lambda: places.storage(settings).check())
    if problem:
        yield fail(
            "bucket",
            "%(address)s cannot be reached: files can neither be opened nor sent",
            "Check files, files_keys and the server of the bucket; the log says what it answers.",
            address=settings.files_address,
        )
    else:
        yield ok("bucket", "%(address)s answers", address=settings.files_address)


def text_messages(patient: Patient) -> Iterator[Check]:
    if not patient.settings.sms_url:
        return
    problem = _tried(channels.sms(patient.settings).reach)
    if problem:
        yield fail(
            "sms",
            "no text message leaves: %(problem)s",
            "Check sms_url, and that its server can be reached from here.",
            problem=problem,
        )
    else:
        yield ok("sms", "the gateway of text messages can be reached")


def provider(patient: Patient) -> Iterator[Check]:
    settings = patient.settings
    if not settings.oidc_issuer:
        return
    from kbsearch.people.accounts.single_sign_on.provider import (
        IdentityProvider,  # needs the extra [sso]
    )

    problem = _tried(lambda: IdentityProvider(settings).look())
    if problem:
        yield fail(
            "sign-on",
            "nobody signs in by %(issuer)s: %(problem)s",
            "Check oidc_issuer against what the provider publishes of itself.",
            issuer=settings.oidc_issuer,
            problem=problem,
        )
    else:
        yield ok("sign-on", "%(issuer)s answers", issuer=settings.oidc_issuer)


def certificates(_: Patient, db: Database) -> Iterator[Check]:
    """Those of other servers, as the worker saw them last."""
    for certificate in neighbours.look(db):
        if certificate.problem:
            yield warn(
                "certificate",
                "the certificate of %(server)s: %(problem)s",
                "See whether that server is there, and who keeps its certificate.",
                server=certificate.server,
                problem=certificate.problem,
            )
            continue
        ends_at = parsed(certificate.ends_at)
        told = "the certificate of %(server)s ends on %(date)s"
        values = {"server": certificate.server, "date": f"{ends_at:%Y-%m-%d}"}
        if ends_at - utc_now() < CERTIFICATE_LEFT:
            yield warn("certificate", told, "Tell those who run that server.", **values)
        else:
            yield ok("certificate", told, **values)


def _tried(ask: Callable[[], object]) -> str:
    """What went wrong, in a line; nothing where nothing did. A server that drips is left behind."""
    outcome: queue.SimpleQueue[str] = queue.SimpleQueue()

    def run() -> None:
        try:
            ask()
        except Exception as problem:
            outcome.put(" ".join(f"{type(problem).__name__}: {problem}".split()))
        else:
            outcome.put("")

    threading.Thread(target=run, name="doctor", daemon=True).start()
    try:
        return outcome.get(timeout=PATIENCE)
    except queue.Empty:
        return f"no answer within {PATIENCE:g} s"
