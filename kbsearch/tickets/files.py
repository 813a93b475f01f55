"""Files of requests: kept while the form is open, handed out to those who may read the request."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO

from kbsearch import access
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row, new_id, one_of
from kbsearch.errors import Invalid, NotFound, SignInNeeded, TooMany
from kbsearch.files import scans, types
from kbsearch.files.scanner import Outcome
from kbsearch.files.store import SHARE, ByteSource, FileStore, StoredFile
from kbsearch.files.trash import Trash, note
from kbsearch.tickets import visibility

MAX_BYTES = 25_000_000  # a file
MAX_FILES = 10  # a message
MAX_BYTES_A_DAY = 200_000_000  # a person
KEEP_ORPHANS = timedelta(days=7)
LET_GO = "ticket_id IS NULL AND form_key IS NULL AND created_at < :before"
COLUMNS = """
    f.id, f.name, f.media_type, f.size, f.sha256, f.width, f.height,
    (SELECT s.outcome FROM file_scans s WHERE s.sha256 = f.sha256) AS scan
"""


@dataclass(frozen=True)
class Upload:
    """A file on its way in: its name as it was sent, its bytes, and when it came (now)."""

    name: str
    source: ByteSource
    at: datetime | None = None


@dataclass(frozen=True)
class Attachment:
    """A file; an image has its size in pixels."""

    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    width: int | None
    height: int | None
    scan: Outcome | None = None  # what the virus scanner said of it, if it did

    @property
    def row(self) -> Row:
        """What its table has of it: a scan is of the content, whoever sent it."""
        return {name: value for name, value in vars(self).items() if name != "scan"}

    @property
    def is_image(self) -> bool:
        """Whether a browser may show it in the page; anything else is only downloaded."""
        return self.width is not None


@dataclass(frozen=True)
class OpenFile:
    """What answers a download, for whoever may have it."""

    attachment: Attachment
    store: FileStore

    def open(self) -> IO[bytes]:
        """Its bytes, to be read from any place; raises NotFound."""
        try:
            return self.store.open(self.attachment.sha256)
        except FileNotFoundError:
            raise NotFound("attachment.not_found") from None

    def address(self) -> str | None:
        """Where its storage hands it out itself, if it does."""
        return self.store.address(self.attachment.sha256, self.attachment.name)


def keep(
    db: Database,
    viewer: Viewer,
    store: FileStore,
    form_key: str,
    upload: Upload,
    *,
    most: int = MAX_FILES,
) -> Attachment:
    """Take a file into a form of the viewer's that is not sent yet; it is safe then.

    The same file under the same name is there once, however often it is sent.
    """
    if viewer.person_id is None:
        raise SignInNeeded("sign_in.needed")
    moment = upload.at or utc_now()
    bytes_left = _check_limits(db, viewer.person_id, form_key, moment, most=most)
    attachment = write(store, upload.name, upload.source, bytes_left=bytes_left)
    scans.refuse_infected(db, attachment.sha256, attachment.name)
    with db.atomic():
        for there in list_unsent(db, viewer, form_key):
            if (there.name, there.sha256) == (attachment.name, attachment.sha256):
                return there
        _check_limits(db, viewer.person_id, form_key, moment, coming=attachment.size, most=most)
        db.insert(
            "attachments",
            {
                **attachment.row,
                "person_id": viewer.person_id,
                "form_key": form_key,
                "created_at": stored(moment),
            },
        )
    return attachment


def write(
    store: FileStore,
    name: str,
    source: ByteSource,
    *,
    bytes_left: int = MAX_BYTES,
    is_wanted: Callable[[Attachment], bool] = lambda attachment: True,
) -> Attachment:
    """Put a file on the disk that may be attached, without a row yet; raises Invalid.

    `is_wanted` may turn it down once it is known: then nothing is left on the disk.
    """
    name = types.clean_name(name)
    attachments: list[Attachment] = []

    def accept(content: StoredFile) -> None:
        if content.size == 0:
            raise Invalid("attachment.empty", name=name)
        if content.size > bytes_left:
            raise _day_full()
        true_name = types.true_name(name, content.head)
        kind = types.identify(true_name, content.head, is_text=content.is_text)
        attachments.append(
            Attachment(
                new_id(),
                true_name,
                kind.media_type,
                content.size,
                content.sha256,
                kind.width,
                kind.height,
            )
        )
        if not is_wanted(attachments[0]):
            raise _NotWanted

    with suppress(_NotWanted):
        store.write(source, MAX_BYTES, accept)
    return attachments[0]


def examine(store: FileStore, name: str, source: ByteSource) -> Attachment:
    """What `write` would make of a file, of which nothing stays; raises Invalid."""
    return write(store, name, source, is_wanted=lambda attachment: False)


class _NotWanted(Exception):
    """A file that is only examined."""


def find(db: Database, viewer: Viewer, attachment_id: str) -> Attachment:
    """The file, for those who may read what it belongs to; unsent, for whoever chose it."""
    condition, principals = visibility.condition(viewer, "f.ticket_id")
    rows = db.query(
        f"""
        SELECT {COLUMNS} FROM attachments f LEFT JOIN messages m ON m.id = f.message_id
        WHERE f.id = :id AND (
          f.ticket_id IS NULL AND f.form_key IS NOT NULL AND f.person_id = :me
          OR {condition} AND (COALESCE(m.internal, 0) = 0 OR :is_agent = 1))
        """,  # noqa: S608 (constants of this module)
        {
            "id": attachment_id,
            "me": viewer.person_id,
            "is_agent": int(viewer.is_agent),
            **principals,
        },
    )
    if not rows:
        raise NotFound("attachment.not_found")
    return Attachment(**rows[0])


def product_of(db: Database, attachment_id: str) -> str | None:
    """The product, by slug, of the ticket that a file belongs to."""
    rows = db.query(
        """
        SELECT p.slug FROM attachments f JOIN tickets t ON t.id = f.ticket_id
        JOIN products p ON p.id = t.product_id WHERE f.id = :id
        """,
        {"id": attachment_id},
    )
    return str(rows[0]["slug"]) if rows else None


def gather(db: Database, viewer: Viewer, attachment_ids: Sequence[str], form_key: str) -> None:
    """Put files of the viewer's that are not sent yet into one form.

    Raises NotFound when one of them is not there, Invalid when they are too many.
    """
    places, values = one_of("file", sorted(set(attachment_ids)))
    if len(values) > MAX_FILES:
        raise Invalid("attachment.too_many", limit=MAX_FILES)
    changed = db.execute(
        f"""
        UPDATE attachments SET form_key = :key
        WHERE id IN ({places}) AND person_id = :me AND ticket_id IS NULL AND form_key IS NOT NULL
        """,  # noqa: S608 (names of parameters)
        {"key": form_key, "me": viewer.person_id, **values},
    )
    if changed != len(values):
        raise NotFound("attachment.not_found")


def open_file(db: Database, viewer: Viewer, store: FileStore, attachment_id: str) -> OpenFile:
    """A file that is there. Access is checked every time it is asked for."""
    attachment = find(db, viewer, attachment_id)
    if not store.has(attachment.sha256):
        raise NotFound("attachment.not_found")
    return OpenFile(attachment, store)


def discard(db: Database, viewer: Viewer, attachment_id: str) -> None:
    """Take a file back before it is sent."""
    changed = db.execute(
        """
        UPDATE attachments SET form_key = NULL
        WHERE id = :id AND person_id = :me AND ticket_id IS NULL AND form_key IS NOT NULL
        """,
        {"id": attachment_id, "me": viewer.person_id},
    )
    if not changed:
        raise NotFound("attachment.not_found")


def list_unsent(db: Database, viewer: Viewer, form_key: str) -> list[Attachment]:
    """The files of a form that is not sent yet, in the order they came."""
    rows = db.query(
        f"""
        SELECT {COLUMNS} FROM attachments f
        WHERE f.person_id = :me AND f.form_key = :key AND f.ticket_id IS NULL
        ORDER BY f.created_at, f.name, f.id
        """,  # noqa: S608 (a constant)
        {"me": viewer.person_id, "key": form_key},
    )
    return [Attachment(**row) for row in rows]


def list_sent(db: Database, viewer: Viewer, form_key: str) -> list[Attachment]:
    """The files that went along with a form of the viewer's."""
    rows = db.query(
        f"""
        SELECT {COLUMNS} FROM attachments f JOIN messages m ON m.id = f.message_id
        WHERE m.author_id = :me AND m.form_key = :key
        UNION ALL
        SELECT {COLUMNS} FROM attachments f JOIN tickets t ON t.id = f.ticket_id
        WHERE t.filed_by_id = :me AND t.form_key = :key AND f.message_id IS NULL
        """,  # noqa: S608 (constants)
        {"me": viewer.person_id, "key": form_key},
    )
    return [Attachment(**row) for row in rows]


def of_ticket(
    db: Database, ticket_id: str, message_ids: Sequence[str]
) -> dict[str | None, list[Attachment]]:
    """The files of a ticket by message, those of its description under None.

    The messages are the ones its viewer may read.
    """
    places, values = one_of("message", message_ids)
    rows = db.query(
        f"""
        SELECT {COLUMNS}, f.message_id FROM attachments f
        WHERE f.ticket_id = :ticket AND (f.message_id IS NULL OR f.message_id IN ({places}))
        ORDER BY f.created_at, f.name, f.id
        """,  # noqa: S608 (constants)
        {"ticket": ticket_id, **values},
    )
    files: dict[str | None, list[Attachment]] = {}
    for row in rows:
        files.setdefault(row.pop("message_id"), []).append(Attachment(**row))
    return files


def hand_over(
    db: Database, viewer: Viewer, form_key: str, ticket_id: str, message_id: str | None = None
) -> int:
    """Make the files of a form those of what it became; how many. In the same transaction."""
    return db.execute(
        """
        UPDATE attachments SET ticket_id = :ticket, message_id = :message, form_key = NULL
        WHERE person_id = :me AND form_key = :key AND ticket_id IS NULL
        """,
        {
            "ticket": ticket_id,
            "message": message_id,
            "me": viewer.person_id,
            "key": form_key,
        },
    )


def share(db: Database, viewer: Viewer, message_id: str, ticket_id: str) -> None:
    """Give the files of a message to the description of another ticket too: agents do."""
    access.only_agents(viewer, "ticket.not_found")
    _copy(db, "message_id = :message", {"message": message_id}, {"ticket_id": ticket_id})


def share_unsent(db: Database, viewer: Viewer, form_key: str, other_key: str) -> None:
    """Give the files of a form that is not sent yet to another form of the viewer's too."""
    values = {"me": viewer.person_id, "key": form_key}
    condition = "person_id = :me AND form_key = :key AND ticket_id IS NULL"
    _copy(db, condition, values, {"form_key": other_key})


def _copy(db: Database, condition: str, values: Row, changes: Row) -> None:
    rows = db.query(
        f"""
        SELECT person_id, name, media_type, size, sha256, width, height, created_at
        FROM attachments WHERE {condition}
        """,  # noqa: S608 (a constant of this module)
        values,
    )
    for row in rows:
        db.insert("attachments", {**row, "id": new_id(), **changes})


def drop_unsent(db: Database, person_id: str, form_key: str) -> None:
    """Let go of the files of a form that will not be sent."""
    db.execute(
        """
        UPDATE attachments SET form_key = NULL
        WHERE person_id = :person AND form_key = :key AND ticket_id IS NULL
        """,
        {"person": person_id, "key": form_key},
    )


def drop_astray(db: Database, before: str) -> None:
    """Let go of the unsent files older than a moment that no draft holds: a crash left them."""
    db.execute(
        """
        UPDATE attachments SET form_key = NULL
        WHERE ticket_id IS NULL AND form_key IS NOT NULL AND created_at < :before
          AND NOT EXISTS (SELECT 1 FROM drafts d WHERE d.person_id = attachments.person_id
                          AND d.form_key = attachments.form_key)
        """,
        {"before": before},
    )


def list_contents(db: Database) -> dict[str, int | None]:
    """The contents that something names: their size in bytes by their SHA-256."""
    rows = db.query("SELECT sha256, MAX(size) AS size FROM attachments GROUP BY sha256")
    return {row["sha256"]: row["size"] for row in rows}


def forget_orphans(
    db: Database,
    store: FileStore,
    trash: Trash,
    *,
    share: float = SHARE,
    at: datetime | None = None,
) -> int:
    """Move the files that belong to nothing any more to the trash; how many contents went.

    A row goes once its content has: killed between the two, the next round goes on.
    """
    values = {"before": stored((at or utc_now()) - KEEP_ORPHANS)}
    due = db.query(f"SELECT id, sha256, person_id FROM attachments WHERE {LET_GO}", values)  # noqa: S608
    let_go: dict[str, list[str]] = {}
    for row in due:
        let_go.setdefault(row["sha256"], []).append(row["person_id"])

    def is_wanted(digests: list[str]) -> set[str]:
        places, named = one_of("digest", digests)
        rows = db.query(
            f"SELECT sha256 FROM attachments WHERE sha256 IN ({places}) AND NOT ({LET_GO})",  # noqa: S608
            {**named, **values},
        )
        return {row["sha256"] for row in rows}

    older_than = KEEP_ORPHANS.total_seconds()
    swept = store.sweep(is_wanted, let_go, trash, older_than=older_than, share=share)
    for row in due:
        digest = row["sha256"]
        if not store.has(digest) or is_wanted([digest]):
            db.execute("DELETE FROM attachments WHERE id = :id", {"id": row["id"]})
    note(db, swept.unclaimed)
    return swept.moved


def _check_limits(
    db: Database,
    person_id: str,
    form_key: str,
    moment: datetime,
    *,
    coming: int = 0,
    most: int = MAX_FILES,
) -> int:
    """Raise when a form or a day is full; how many bytes the day has left."""
    row: Row = db.query(
        """
        SELECT COALESCE(SUM(CASE WHEN created_at > :since THEN size END), 0) AS sent,
               COUNT(CASE WHEN form_key = :key AND ticket_id IS NULL THEN 1 END) AS files
        FROM attachments WHERE person_id = :person
        """,
        {"person": person_id, "key": form_key, "since": stored(moment - timedelta(days=1))},
    )[0]
    if row["files"] >= most:
        raise Invalid("attachment.too_many", limit=most)
    bytes_left = MAX_BYTES_A_DAY - int(row["sent"])
    if bytes_left <= 0 or coming > bytes_left:
        raise _day_full()
    return bytes_left


def _day_full() -> TooMany:
    limit = MAX_BYTES_A_DAY // 1_000_000
    return TooMany("attachment.day_full", retry_after=3600, limit=limit)
