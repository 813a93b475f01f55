"""The mailbox of `imap_url`: read every half minute, each mail taken once, nothing deleted.

How far it has been read is kept in the database, with the mails that are not taken in yet. One that
was taken just before a crash is read again and found to be there already.
"""

import imaplib
import logging
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from urllib.parse import unquote, urlsplit

from kbsearch.clock import stored, utc_now
from kbsearch.config import Settings, uses_token
from kbsearch.database import Busy, Damaged, Database
from kbsearch.messages.delivery import channels, token_sign_in
from kbsearch.messages.delivery.channels import Token
from kbsearch.messages.incoming import arrivals, ledger, mails, parsing, taking
from kbsearch.messages.incoming.arrivals import Arrival, Mailbox
from kbsearch.messages.incoming.ledger import LedgerLine

log = logging.getLogger(__name__)

PORTS = {"imap": 143, "imap+starttls": 143, "imaps": 993}
TIMEOUT_SECONDS = 30
POLL_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 900.0
OUR_FAULT = (Busy, Damaged)
CUT_OFF = (imaplib.IMAP4.abort, OSError)


class MailboxError(Exception):
    """The server did not do what was asked."""


@contextmanager
def followed(
    settings: Settings, db: Database, *, whose: Callable[[], bool] = lambda: True
) -> Iterator[None]:
    """Read the mailbox beside everything else, for as long as this lasts: a server may be slow.

    It is read while it is this process `whose` turn it is.
    """
    over = threading.Event()
    thread = threading.Thread(target=_follow, args=(settings, db, whose, over), name="mailbox")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def poll(settings: Settings, db: Database, *, at: datetime | None = None) -> int:
    """Take in what is new in the mailbox or to be tried again; how many mails.

    The first time, what is unread is new.
    """
    moment = at or utc_now()
    url = urlsplit(settings.imap_url)
    name = f"{unquote(url.username or '')}@{url.hostname}{url.path}"
    with _connection(settings, db) as server:
        mailbox = Mailbox(name, _select(server, _folder(settings.imap_url)))
        _note_new(db, server, mailbox, moment)
        if ledger.is_due(db, mailbox, at=moment):
            _count(db, server, mailbox, moment)
        due = arrivals.list_due(db, mailbox, at=moment)
        return sum(_attempt(settings, db, server, arrival, moment) for arrival in due)


def look(settings: Settings, db: Database) -> None:
    """Sign in and see that the folder is there; no mail is touched. Raises what fails."""
    with _connection(settings, db) as server:
        _select(server, _folder(settings.imap_url), read_only=True)


def _follow(
    settings: Settings, db: Database, whose: Callable[[], bool], over: threading.Event
) -> None:
    pause = POLL_SECONDS
    while not over.is_set():
        try:
            if settings.imap_url and whose():  # it may be chosen while the worker runs
                poll(settings, db)
            pause = POLL_SECONDS
        except Exception as problem:
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            text = f"{type(problem).__name__}: {problem}"
            log.warning("the mailbox cannot be read, tried again in %d s: %s", pause, text)
        over.wait(pause)


def _note_new(db: Database, server: imaplib.IMAP4, mailbox: Mailbox, at: datetime) -> None:
    """Note what has come since the last time, and how far the mailbox was read, together."""
    last_uid = _last_uid(db, mailbox)
    if last_uid is None:
        uids, new = _search(server, "UID 1:*"), _search(server, "UNSEEN")
    else:
        listed = _search(server, f"UID {last_uid + 1}:*")
        uids = new = [uid for uid in listed if uid > last_uid]  # "n:*" names the last mail at least
    if new or last_uid is None:
        with db.atomic():
            arrivals.note(db, mailbox, new, at=at)
            _remember(db, mailbox, max([last_uid or 0, *uids, *new]))


def _count(db: Database, server: imaplib.IMAP4, mailbox: Mailbox, at: datetime) -> None:
    """Hold the account against the mailbox: nothing in it may be without a line."""
    last_uid = _last_uid(db, mailbox) or 0
    uids = [uid for uid in _search(server, "ALL") if uid <= last_uid]
    missing = ledger.balance(db, mailbox, uids, at=at)
    if missing:
        log.error("%d mails of the mailbox had no line in its account: taken up", len(missing))


def _attempt(
    settings: Settings, db: Database, server: imaplib.IMAP4, arrival: Arrival, at: datetime
) -> int:
    """Take one mail in and mark it as read; one that fails stays unread, the next ones go on."""
    arrivals.begin(db, arrival, at=at)
    raw: bytes | None = None
    try:
        raw = _fetch(server, arrival.uid)
        if raw is None:
            _settle(db, arrival, LedgerLine("", stored(at), ledger.GONE, "", None))
            return 0
        if arrival.attempts >= arrivals.MAX_ATTEMPTS and arrival.mail_id is None:
            raise MailboxError("the process ended each time it was being taken in")
        outcome = taking.take(db, settings, raw)
    except OUR_FAULT:
        raise
    except Exception as problem:
        arrivals.fail(db, settings, arrival, raw, problem, at=at)
        if raw is None and isinstance(problem, CUT_OFF):
            raise
        return 0
    message_id = mails.message_id_of(db, outcome.mail_id)
    line = LedgerLine(message_id, stored(at), outcome.state, outcome.reason, outcome.mail_id)
    _settle(db, arrival, line)
    log.info("mail %d of the mailbox: %s %s", arrival.uid, outcome.state, outcome.reason)
    status, _ = server.uid("STORE", str(arrival.uid), "+FLAGS.SILENT", r"(\Seen)")
    if status != "OK":
        log.warning("mail %d of the mailbox cannot be marked as read", arrival.uid)
    return 1


def _settle(db: Database, arrival: Arrival, line: LedgerLine) -> None:
    """It waits no more, and its line says why, together."""
    with db.atomic():
        ledger.enter(db, arrival, line)
        arrivals.settle(db, arrival)


def _fetch(server: imaplib.IMAP4, uid: int) -> bytes | None:
    """A mail up to what is read of one; None when somebody deleted it meanwhile."""
    answer = _done(server.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{parsing.MAX_BYTES + 1}>)"))
    raw: bytes | None = next((part[1] for part in answer if isinstance(part, tuple)), None)
    if raw is None and uid in _search(server, f"UID {uid}"):
        raise MailboxError("the server lists it and does not hand it out")
    return raw


@contextmanager
def _connection(settings: Settings, db: Database) -> Iterator[imaplib.IMAP4]:
    """A session with the server, encrypted and signed in as the URL says."""
    url = urlsplit(settings.imap_url)
    host, port = url.hostname or "localhost", url.port or PORTS[url.scheme]
    context = ssl.create_default_context()
    server: imaplib.IMAP4
    if url.scheme == "imaps":
        server = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=TIMEOUT_SECONDS)
    else:
        server = imaplib.IMAP4(host, port, timeout=TIMEOUT_SECONDS)
    try:
        if url.scheme == "imap+starttls":
            server.starttls(context)
        if uses_token(settings, settings.imap_url):
            _sign_in(server, unquote(url.username or ""), channels.token_of(settings, db))
        else:
            server.login(unquote(url.username or ""), unquote(url.password or ""))
        yield server
    finally:
        with suppress(imaplib.IMAP4.error, OSError):  # what went wrong before is what is told
            server.logout()
        with suppress(OSError):
            server.shutdown()  # which a logout that fails leaves open


def _sign_in(server: imaplib.IMAP4, user: str, token: Token) -> None:
    offered = [name.removeprefix("AUTH=") for name in server.capabilities if "AUTH=" in name]
    mechanism = token_sign_in.pick(offered)
    if mechanism is None:
        raise MailboxError("the server takes no token (XOAUTH2, OAUTHBEARER)")
    access_token = token.get()

    def say(challenge: bytes) -> bytes:
        return token_sign_in.answer(mechanism, user, access_token, challenge).encode()

    try:
        server.authenticate(mechanism, say)
    except imaplib.IMAP4.error:
        token.distrust()
        raise


def _folder(address: str) -> str:
    return unquote(urlsplit(address).path.strip("/")) or "INBOX"


def _select(server: imaplib.IMAP4, folder: str, *, read_only: bool = False) -> int:
    escaped = folder.replace("\\", "\\\\").replace('"', '\\"')
    _done(server.select(f'"{escaped}"', read_only))
    _, validity = server.response("UIDVALIDITY")
    if not validity or validity[0] is None:
        raise MailboxError("the server names no UIDVALIDITY")
    return int(validity[0])


def _search(server: imaplib.IMAP4, criteria: str) -> list[int]:
    parts = _done(server.uid("SEARCH", criteria))
    return sorted(int(uid) for part in parts if isinstance(part, bytes) for uid in part.split())


def _done(answer: tuple[str, Sequence[object]]) -> Sequence[object]:
    status, data = answer
    if status != "OK":
        raise MailboxError(f"{status} {data!r}"[:500])
    return data


def _last_uid(db: Database, mailbox: Mailbox) -> int | None:
    rows = db.query(
        "SELECT last_uid FROM mailboxes WHERE name = :mailbox AND uid_validity = :validity",
        vars(mailbox),
    )
    return int(rows[0]["last_uid"]) if rows else None


def _remember(db: Database, mailbox: Mailbox, last_uid: int) -> None:
    db.execute(
        """
        INSERT INTO mailboxes (name, uid_validity, last_uid)
        VALUES (:mailbox, :validity, :last_uid)
        ON CONFLICT (name) DO UPDATE SET uid_validity = excluded.uid_validity,
          last_uid = excluded.last_uid
        """,
        {**vars(mailbox), "last_uid": last_uid},
    )
