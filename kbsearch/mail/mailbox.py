"""The mailbox of `imap_url`: read every half minute, each mail taken once, nothing deleted.

How far it has been read is kept in the database. A mail that was taken just before a crash is
read again and found to be there already.
"""

import imaplib
import logging
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from kbsearch.config import Settings
from kbsearch.db import Busy, Damaged, Database
from kbsearch.errors import Full
from kbsearch.mail import parsing, taking

log = logging.getLogger(__name__)

PORTS = {"imap": 143, "imap+starttls": 143, "imaps": 993}
TIMEOUT_SECONDS = 30
POLL_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 900.0
TEMPORARY = (Busy, Damaged, Full, OSError)


class MailboxError(Exception):
    """The server did not do what was asked."""


@dataclass(frozen=True)
class Progress:
    """How far a mailbox has been read; `validity` changes when its numbers start anew."""

    validity: int
    last_uid: int


@contextmanager
def followed(settings: Settings, db: Database) -> Iterator[None]:
    """Read the mailbox beside everything else, for as long as this lasts: a server may be slow."""
    if not settings.imap_url:
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=_follow, args=(settings, db, over), name="mailbox")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def poll(settings: Settings, db: Database) -> int:
    """Take in what is new in the mailbox; how many mails. The first time, what is unread."""
    url = urlsplit(settings.imap_url)
    name = f"{unquote(url.username or '')}@{url.hostname}{url.path}"
    count = 0
    with _connection(settings.imap_url) as server:
        validity = _select(server, unquote(url.path.strip("/")) or "INBOX")
        progress = _progress(db, name)
        if progress is not None and progress.validity == validity:
            for uid in _search(server, f"UID {progress.last_uid + 1}:*"):
                if uid > progress.last_uid:  # "n:*" names the last mail, whatever its number
                    count += _take(settings, db, server, uid)
                    _remember(db, name, Progress(validity, uid))
        else:
            known, unread = _search(server, "UID 1:*"), _search(server, "UNSEEN")
            for uid in unread:
                count += _take(settings, db, server, uid)
            _remember(db, name, Progress(validity, max([0, *known, *unread])))
    return count


def _follow(settings: Settings, db: Database, over: threading.Event) -> None:
    pause = POLL_SECONDS
    while not over.is_set():
        try:
            poll(settings, db)
            pause = POLL_SECONDS
        except Exception as problem:
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            told = f"{type(problem).__name__}: {problem}"
            log.warning("the mailbox cannot be read, tried again in %d s: %s", pause, told)
        over.wait(pause)


def _take(settings: Settings, db: Database, server: imaplib.IMAP4, uid: int) -> int:
    """Take one mail in and mark it as read; one that fails stays unread, the next ones go on."""
    answer = _done(server.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{parsing.MAX_BYTES + 1}>)"))
    raw = next((part[1] for part in answer if isinstance(part, tuple)), None)
    if raw is None:
        return 0  # somebody deleted it meanwhile
    try:
        taken = taking.take(db, settings, raw)
    except TEMPORARY:
        raise
    except Exception:
        log.exception("mail %d of the mailbox was not taken and stays unread", uid)
        return 0
    log.info("mail %d of the mailbox: %s %s", uid, taken.state, taken.reason)
    _done(server.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)"))
    return 1


@contextmanager
def _connection(address: str) -> Iterator[imaplib.IMAP4]:
    """A session with the server, encrypted and signed in as the URL says."""
    url = urlsplit(address)
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
        server.login(unquote(url.username or ""), unquote(url.password or ""))
        yield server
    finally:
        with suppress(imaplib.IMAP4.error, OSError):  # what went wrong before is what is told
            server.logout()


def _select(server: imaplib.IMAP4, folder: str) -> int:
    escaped = folder.replace("\\", "\\\\").replace('"', '\\"')
    _done(server.select(f'"{escaped}"'))
    _, validity = server.response("UIDVALIDITY")
    if not validity or validity[0] is None:
        raise MailboxError("the server names no UIDVALIDITY")
    return int(validity[0])


def _search(server: imaplib.IMAP4, criteria: str) -> list[int]:
    found = _done(server.uid("SEARCH", criteria))
    return sorted(int(uid) for part in found if isinstance(part, bytes) for uid in part.split())


def _done(answer: tuple[str, Sequence[object]]) -> Sequence[object]:
    status, data = answer
    if status != "OK":
        raise MailboxError(f"{status} {data!r}"[:500])
    return data


def _progress(db: Database, name: str) -> Progress | None:
    rows = db.query(
        "SELECT uid_validity, last_uid FROM mailboxes WHERE name = :name", {"name": name}
    )
    return Progress(rows[0]["uid_validity"], rows[0]["last_uid"]) if rows else None


def _remember(db: Database, name: str, progress: Progress) -> None:
    db.execute(
        """
        INSERT INTO mailboxes (name, uid_validity, last_uid) VALUES (:name, :validity, :last_uid)
        ON CONFLICT (name) DO UPDATE SET uid_validity = excluded.uid_validity,
          last_uid = excluded.last_uid
        """,
        {"name": name, **vars(progress)},
    )
