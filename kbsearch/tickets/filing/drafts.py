"""What was typed and attached, kept for whoever typed it until it is sent."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from kbsearch import revisions
from kbsearch.access import Viewer
from kbsearch.clock import stored, utc_now
from kbsearch.database import Database, Row, new_id
from kbsearch.errors import AlreadySent, Conflict, Invalid, NotFound, SignInNeeded, TooMany
from kbsearch.files.store import FileStore
from kbsearch.text import plain_text
from kbsearch.tickets import Link, Ticket, visibility
from kbsearch.tickets import files as attachments
from kbsearch.tickets.files import Attachment, Upload

KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")  # made by db.new_id() with each form
MAX_CHARACTERS = 200_000
MAX_DRAFTS = 200


@dataclass(frozen=True)
class FormDraft:
    """A form that is not sent yet: of a new request, or of a reply to a ticket."""

    key: str
    ticket: Link | None
    fields: Mapping[str, str]
    created_at: str
    updated_at: str
    leaves_at: str | None = None  # when a reply that was sent and is held back leaves
    files: tuple[Attachment, ...] = ()

    @property
    def revision(self) -> str:
        """What a form that shows it sends back with the next text to save."""
        return revisions.of(self.fields)


def check_key(key: str) -> str:
    """The key of a form; raises Invalid for what no form of ours carries."""
    if not KEY.fullmatch(key):
        raise Invalid("form.key_invalid")
    return key


def save(
    db: Database,
    viewer: Viewer,
    key: str,
    fields: Mapping[str, str],
    *,
    ticket: Ticket | None = None,
    revision: str | None = None,
    at: datetime | None = None,
) -> FormDraft | None:
    """Keep what is typed so far. Nothing typed is no draft; nor is what has been sent meanwhile.

    Raises AlreadySent when another text was sent, and Conflict when another page has kept one
    since the draft had that `revision`: neither is written over.
    """
    person_id = _person(viewer)
    check_key(key)
    texts = {name: text for name, text in fields.items() if text.strip()}
    if sum(map(len, texts.values())) > MAX_CHARACTERS:
        raise Invalid("draft.too_long", limit=MAX_CHARACTERS)

    def write() -> FormDraft | None:
        sent_texts = find_sent(db, viewer, key)
        if sent_texts is not None:
            _check_is_of(texts, sent_texts)
            return None
        if revision is not None:
            _check_is_after(db, person_id, key, texts, revision)
        if not texts and not attachments.list_unsent(db, viewer, key):
            _delete(db, person_id, key)
            return None
        _write(db, person_id, key, texts, ticket, at)
        return find(db, viewer, key)

    return db.retried(write)


def attach(
    db: Database,
    viewer: Viewer,
    store: FileStore,
    key: str,
    upload: Upload,
    *,
    ticket: Ticket | None = None,
) -> Attachment:
    """Take a file into a form, at the moment it is chosen."""
    person_id = _person(viewer)
    check_key(key)
    attachment = attachments.keep(db, viewer, store, key, upload)
    with db.atomic():
        is_sent = was_sent(db, viewer, key)
        if not is_sent:
            _write(db, person_id, key, None, ticket, upload.at)
    return _sent_along(db, viewer, key, attachment) if is_sent else attachment


def set_apart(
    db: Database,
    viewer: Viewer,
    key: str,
    fields: Mapping[str, str],
    *,
    ticket: Ticket | None = None,
    at: datetime | None = None,
) -> tuple[str, FormDraft | None]:
    """Keep what `save` did not write over another text under a key of its own, with its files."""
    own = new_id()
    with db.atomic():
        if not was_sent(db, viewer, key):
            attachments.share_unsent(db, viewer, key, own)
        return own, save(db, viewer, own, fields, ticket=ticket, at=at)


def find(db: Database, viewer: Viewer, key: str) -> FormDraft:
    """A draft of the viewer's; nobody else's exists."""
    rows = _read(db, viewer, "d.form_key = :key", {"key": key})
    if not rows:
        raise NotFound("draft.not_found")
    return _draft(rows[0], attachments.list_unsent(db, viewer, key))


def find_reply(db: Database, viewer: Viewer, ticket: Ticket) -> FormDraft | None:
    """What the viewer began to answer to a ticket, if they did."""
    rows = _read(db, viewer, "d.ticket_id = :ticket", {"ticket": ticket.id})
    return find(db, viewer, rows[0]["form_key"]) if rows else None


def list_all(db: Database, viewer: Viewer) -> list[FormDraft]:
    """The viewer's drafts, newest first; their files are read with each of them."""
    return [_draft(row, ()) for row in _read(db, viewer, "1 = 1", {})]


def put_off(
    db: Database,
    viewer: Viewer,
    key: str,
    fields: Mapping[str, str],
    ticket: Ticket,
    leaves_at: datetime,
) -> None:
    """Keep a reply until it leaves: it is on no list, and what is typed elsewhere is not it."""
    person_id = _person(viewer)
    with db.atomic():
        files = " ".join(attachment.id for attachment in attachments.list_unsent(db, viewer, key))
        fields = {**fields, "files": files}
        _write(db, person_id, check_key(key), fields, ticket, None, most=None)
        db.execute(
            """
            UPDATE drafts SET leaves_at = :leaves_at
            WHERE person_id = :me AND form_key = :key
            """,
            {"me": person_id, "key": key, "leaves_at": stored(leaves_at)},
        )


def list_put_off(db: Database, viewer: Viewer, ticket: Ticket) -> list[FormDraft]:
    """The viewer's replies to a ticket that are about to leave, in the order in which they do."""
    rows = _read(db, viewer, "d.ticket_id = :ticket", {"ticket": ticket.id}, is_put_off=True)
    drafts = [_draft(row, attachments.list_unsent(db, viewer, row["form_key"])) for row in rows]
    return sorted(drafts, key=lambda draft: draft.leaves_at or "")


def find_put_off(db: Database, viewer: Viewer, key: str) -> FormDraft | None:
    """A reply of the viewer's that is about to leave, even if they lost sight of the ticket."""
    rows = db.query(
        """
        SELECT d.form_key, d.ticket_id, d.fields, d.created_at, d.updated_at, d.leaves_at,
               t.number, t.subject
        FROM drafts d JOIN tickets t ON t.id = d.ticket_id
        WHERE d.person_id = :me AND d.form_key = :key AND d.leaves_at IS NOT NULL
        """,
        {"me": viewer.person_id, "key": key},
    )
    return _draft(rows[0], ()) if rows else None


def who_put_off(db: Database, key: str) -> list[str]:
    """The ids of those who put off a reply of that key: a key is its person's alone."""
    rows = db.query(
        "SELECT person_id FROM drafts WHERE form_key = :key AND leaves_at IS NOT NULL",
        {"key": key},
    )
    return [row["person_id"] for row in rows]


def resume(db: Database, viewer: Viewer, key: str) -> bool:
    """Make what was put off a draft again; whether it was."""
    changed = db.execute(
        """
        UPDATE drafts SET leaves_at = NULL, updated_at = :now
        WHERE person_id = :me AND form_key = :key AND leaves_at IS NOT NULL
        """,
        {"me": viewer.person_id, "key": key, "now": stored(utc_now())},
    )
    return changed == 1


def discard(db: Database, viewer: Viewer, key: str) -> None:
    """Throw a draft away, with its files."""
    person_id = _person(viewer)
    with db.atomic():
        if not _delete(db, person_id, key):
            raise NotFound("draft.not_found")
        attachments.drop_unsent(db, person_id, key)


def send(
    db: Database, viewer: Viewer, key: str, ticket_id: str, message_id: str | None = None
) -> int:
    """Turn a draft into what it became, in the same transaction; how many files went along."""
    _delete(db, _person(viewer), key)
    return attachments.hand_over(db, viewer, key, ticket_id, message_id)


def was_sent(db: Database, viewer: Viewer, key: str) -> bool:
    """Whether a form of the viewer's has become a request or a message, or is about to."""
    return find_sent(db, viewer, key) is not None


def find_sent(db: Database, viewer: Viewer, key: str) -> Mapping[str, str] | None:
    """The texts of the request or the message that a form of the viewer's became, or will be."""
    rows = db.query(
        """
        SELECT subject, description, NULL AS body, NULL AS fields FROM tickets
        WHERE filed_by_id = :me AND form_key = :key
        UNION ALL SELECT NULL, NULL, body, NULL FROM messages
        WHERE author_id = :me AND form_key = :key
        UNION ALL SELECT NULL, NULL, NULL, fields FROM drafts
        WHERE person_id = :me AND form_key = :key AND leaves_at IS NOT NULL
        """,
        {"me": viewer.person_id, "key": key},
    )
    if not rows:
        return None
    held = rows[0].pop("fields")
    texts = {"body": json.loads(held)["body"]} if held else rows[0]
    return {name: text for name, text in texts.items() if text is not None}


def forget_old(db: Database, days: int, *, at: datetime | None = None) -> int:
    """Forget the drafts that nobody touched for that many days; how many."""
    before = stored((at or utc_now()) - timedelta(days=days))
    attachments.drop_astray(db, before)
    with db.atomic():
        rows = db.query(
            "DELETE FROM drafts WHERE updated_at < :before RETURNING person_id, form_key",
            {"before": before},
        )
        for row in rows:
            attachments.drop_unsent(db, row["person_id"], row["form_key"])
    return len(rows)


def _check_is_of(texts: Mapping[str, str], sent_texts: Mapping[str, str]) -> None:
    """Raise AlreadySent unless a text is what was sent, or what it was while it was typed."""
    differences = {
        name: (texts[name], sent_text)
        for name, sent_text in sent_texts.items()
        if not plain_text.block(sent_text).startswith(plain_text.block(texts.get(name, "")))
    }
    if differences:
        raise AlreadySent("draft.already_sent", differences)


def _check_is_after(
    db: Database, person_id: str, key: str, texts: Mapping[str, str], revision: str
) -> None:
    """Raise Conflict when a draft is neither what a page has seen of it nor what it says now."""
    rows = db.query(
        "SELECT fields FROM drafts WHERE person_id = :me AND form_key = :key",
        {"me": person_id, "key": key},
    )
    there: Mapping[str, str] = json.loads(rows[0]["fields"]) if rows else {}
    if there and there != texts and revisions.of(there) != revision:
        names = sorted(there.keys() | texts.keys())
        both = {name: (texts.get(name, ""), there.get(name, "")) for name in names}
        raise Conflict("draft.changed_elsewhere", both)


def _sent_along(db: Database, viewer: Viewer, key: str, attachment: Attachment) -> Attachment:
    """The file of a form that was sent, when it was sent along; any other raises AlreadySent."""
    held = find_put_off(db, viewer, key)
    if held is not None and attachment.id in held.fields.get("files", "").split():
        return attachment
    with suppress(NotFound):  # it went along meanwhile
        attachments.discard(db, viewer, attachment.id)
    for sent_file in attachments.list_sent(db, viewer, key):
        if (sent_file.name, sent_file.sha256) == (attachment.name, attachment.sha256):
            return sent_file
    raise AlreadySent("draft.already_sent", {})


def _person(viewer: Viewer) -> str:
    if viewer.person_id is None:
        raise SignInNeeded("sign_in.needed")
    return viewer.person_id


def _write(
    db: Database,
    person_id: str,
    key: str,
    texts: Mapping[str, str] | None,
    ticket: Ticket | None,
    at: datetime | None,
    *,
    most: int | None = MAX_DRAFTS,
) -> None:
    """Make the draft or change it; without `texts`, what is typed stays."""
    moment = stored(at or utc_now())
    values = {"me": person_id, "key": key, "now": moment}
    there = db.query("SELECT form_key FROM drafts WHERE person_id = :me", {"me": person_id})
    if key not in {row["form_key"] for row in there}:
        if most is not None and len(there) >= most:
            raise TooMany("draft.too_many", retry_after=86_400, limit=most)
        db.insert(
            "drafts",
            {
                "person_id": person_id,
                "form_key": key,
                "ticket_id": ticket.id if ticket else None,
                "fields": json.dumps(texts or {}, ensure_ascii=False),
                "created_at": moment,
                "updated_at": moment,
            },
        )
        return
    db.execute(
        """
        UPDATE drafts SET updated_at = :now, fields = COALESCE(:fields, fields)
        WHERE person_id = :me AND form_key = :key
        """,
        {**values, "fields": None if texts is None else json.dumps(texts, ensure_ascii=False)},
    )


def _delete(db: Database, person_id: str, key: str) -> int:
    return db.execute(
        "DELETE FROM drafts WHERE person_id = :me AND form_key = :key",
        {"me": person_id, "key": key},
    )


def _read(
    db: Database,
    viewer: Viewer,
    condition: str,
    values: Mapping[str, str],
    *,
    is_put_off: bool = False,
) -> list[Row]:
    """Drafts of the viewer's; a reply to what they may not read any more is out of reach."""
    visible, principals = visibility.condition(viewer, "d.ticket_id")
    return db.query(
        f"""
        SELECT d.form_key, d.ticket_id, d.fields, d.created_at, d.updated_at, d.leaves_at,
               t.number, t.subject
        FROM drafts d LEFT JOIN tickets t ON t.id = d.ticket_id
        WHERE d.person_id = :me AND {condition} AND (d.ticket_id IS NULL OR {visible})
          AND (d.leaves_at IS NOT NULL) = (:is_put_off = 1)
        ORDER BY d.updated_at DESC, d.form_key
        """,  # noqa: S608 (constants of this module)
        {"me": viewer.person_id, "is_put_off": int(is_put_off), **values, **principals},
    )


def _draft(row: Row, files: list[Attachment] | tuple[()]) -> FormDraft:
    link = Link(row["ticket_id"], row["number"], row["subject"]) if row["ticket_id"] else None
    return FormDraft(
        row["form_key"],
        link,
        json.loads(row["fields"]),
        row["created_at"],
        row["updated_at"],
        row["leaves_at"],
        tuple(files),
    )
