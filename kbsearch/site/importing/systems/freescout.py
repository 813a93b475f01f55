"""FreeScout: a dump of its MySQL database, and its files beside it in `storage/app/attachment`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from kbsearch.errors import Invalid
from kbsearch.site.importing.systems import LeftOut, spool
from kbsearch.site.importing.systems.desk import Desk
from kbsearch.site.importing.systems.mysql_dump import Dump, Row
from kbsearch.site.importing.systems.tables import Key, Tables, dump_in
from kbsearch.site.importing.systems.things import (
    DeskRequest,
    Group,
    Somebody,
    SourceFile,
    Thing,
    Utterance,
)
from kbsearch.site.importing.systems.values import code, identity, text

STATUSES = {1: "open", 2: "pending", 3: "closed"}
SPAM, PUBLISHED, DELETED = 4, 2, 3  # a status, and two states
CHANNELS = {1: "email", 2: "web", 3: "api"}
PHONE = 2  # a type of conversation
BY_CUSTOMER, BY_USER, NOTE = 1, 2, 3  # types of threads; others are events and chats
ADMINISTRATOR, ACTIVE, GONE = 2, 1, 3  # a role, and two statuses of users
ROBOT = 2  # a type of users
KEYS = {
    "conversations": Key(),
    "threads": Key(group="conversation_id"),
    "attachments": Key(group="thread_id"),
    "customers": Key(),
    "emails": Key(group="customer_id"),
    "users": Key(),
    "mailboxes": Key(),
    "mailbox_user": Key("user_id", group="mailbox_id"),
    "tags": Key(),
    "conversation_tag": Key("tag_id", group="conversation_id"),
}
LISTED = {"saved_replies": "name", "workflows": "name", "custom_fields": "name"}
FILES = Path("storage", "app", "attachment")


@contextmanager
def opened(source: Path, since: str = "") -> Iterator[Desk]:
    """The database in a dump, of its requests those changed from a moment on; gone afterwards."""
    path = dump_in(source)
    with spool.opened() as things, spool.opened() as rows:
        left_out = LeftOut()
        desk = Desk(path.parent, things, left_out, since)
        desk.take(FreeScoutDump(path, Tables(rows, KEYS), left_out).things())
        yield desk


class FreeScoutDump:
    """What a dump says."""

    def __init__(self, path: Path, tables: Tables, left_out: LeftOut) -> None:
        self.folder = path.parent
        self.tables = tables
        self.left_out = left_out
        dump = Dump(path)
        for table, row in tables.load(dump, dump.prefix_of("conversation_folder"), left_out):
            if table in LISTED:
                left_out.name(table, text(row, LISTED[table]))
            elif table == "followers":
                left_out.add(Invalid("import.followers_left_out"))

    def things(self) -> Iterator[Thing]:
        """Everything in it."""
        members: dict[str, set[str]] = {}
        for boxes in self.tables.batches("mailboxes"):
            rows = self.tables.groups("mailbox_user", (box["id"] for box in boxes))
            for box in boxes:
                of_box = {str(row["id"]) for row in rows.get(str(box["id"]), [])}
                members[str(box["id"])] = of_box
                ids = tuple(f"u{user}" for user in sorted(of_box))
                yield Group(f"m{box['id']}", text(box, "name"), ids)
        for users in self.tables.batches("users"):
            yield from (self._user(row, members) for row in users if code(row, "type") != ROBOT)
        for customers in self.tables.batches("customers"):
            emails = self.tables.groups("emails", (row["id"] for row in customers))
            yield from (self._customer(r, emails.get(str(r["id"]), [])) for r in customers)
        for conversations in self.tables.batches("conversations"):
            yield from self._conversations([row for row in conversations if self._comes(row)])

    def _user(self, row: Row, members: Mapping[str, set[str]]) -> Somebody:
        """Who answers; one who did not see every mailbox comes with a closed account."""
        is_administrator = code(row, "role") == ADMINISTRATOR
        sees_all = all(str(row["id"]) in users for users in members.values())
        if not (is_administrator or sees_all):
            self.left_out.add(Invalid("import.agent_restricted"))
        status = code(row, "status") or ACTIVE
        return Somebody(
            id=f"u{row['id']}",
            email=text(row, "email"),
            name=_name(row),
            role="administrator" if is_administrator else "agent",
            language=text(row, "locale"),
            is_suspended=status != ACTIVE or not (is_administrator or sees_all),
            is_deleted=status == GONE,
        )

    def _customer(self, row: Row, emails: Sequence[Row]) -> Somebody:
        if company := text(row, "company"):
            self.left_out.name("companies", company)
        addresses = [text(email, "email") for email in sorted(emails, key=_id)]
        email = next(filter(None, addresses), "")
        return Somebody(f"c{row['id']}", email, _name(row))

    def _comes(self, row: Row) -> bool:
        if code(row, "state") == DELETED:
            self.left_out.add(Invalid("import.ticket_deleted"))
        elif code(row, "status") == SPAM:
            self.left_out.add(Invalid("import.ticket_spam"))
        else:
            return code(row, "state") == PUBLISHED
        return False

    def _conversations(self, rows: Sequence[Row]) -> Iterator[Thing]:
        ids = [row["id"] for row in rows]
        threads = self.tables.groups("threads", ids)
        tagged = self.tables.groups("conversation_tag", ids)
        names = self.tables.find("tags", {tag["id"] for tags in tagged.values() for tag in tags})
        every = [thread["id"] for thread_rows in threads.values() for thread in thread_rows]
        files = self.tables.groups("attachments", every)
        for row in rows:
            tags = [names.get(str(tag["id"]), {}) for tag in tagged.get(str(row["id"]), [])]
            yield self._case(row, tuple(text(tag, "name") for tag in tags))
            for thread in threads.get(str(row["id"]), []):
                if _is_said(thread):
                    yield self._thread(row, thread, files.get(str(thread["id"]), []))

    def _case(self, row: Row, tags: tuple[str, ...]) -> DeskRequest:
        status = STATUSES.get(code(row, "status"))
        if status is None:
            self.left_out.add(Invalid("import.status_unknown"))
        channel = CHANNELS.get(code(row, "source_type"), "")
        return DeskRequest(
            id=str(row["id"]),
            number=row.get("number") or row["id"],
            status=status or "open",
            created_at=text(row, "created_at"),
            updated_at=text(row, "updated_at"),
            closed_at=text(row, "closed_at"),
            subject=text(row, "subject"),
            requester_id=f"c{row.get('customer_id')}",
            requester=text(row, "customer_email"),
            assignee_id=f"u{identity(row, 'user_id')}",
            group_id=f"m{row['mailbox_id']}" if identity(row, "mailbox_id") else "",
            channel="phone" if code(row, "type") == PHONE else channel,
            copies=_addresses(text(row, "cc")),
            tags=tags,
        )

    def _thread(self, conversation: Row, row: Row, files: Sequence[Row]) -> Utterance:
        kind = code(row, "type")
        return Utterance(
            id=str(row["id"]),
            request_id=str(conversation["id"]),
            at=text(row, "created_at"),
            html=text(row, "body"),
            author_id=_author_id(row),
            author=text(row, "from"),
            is_public=kind in (BY_CUSTOMER, BY_USER),
            message_id=text(row, "message_id"),
            files=tuple(filter(None, (self._file(file) for file in sorted(files, key=_id)))),
        )

    def _file(self, row: Row) -> SourceFile | None:
        name = text(row, "file_name") or "file"
        place = FILES / text(row, "file_dir").strip("/") / name
        if not (self.folder / place).is_file():
            self.left_out.add(Invalid("import.file_missing", name=name))
            return None
        return SourceFile(name, place.as_posix())


def _is_said(thread: Row) -> bool:
    """Whether it is words that were sent, and no draft, event or chat."""
    kinds = (BY_CUSTOMER, BY_USER, NOTE)
    return code(thread, "type") in kinds and code(thread, "state") == PUBLISHED


def _author_id(row: Row) -> str:
    if user := identity(row, "created_by_user_id"):
        return f"u{user}"
    if customer := identity(row, "created_by_customer_id"):
        return f"c{customer}"
    side = "c" if code(row, "source_via") == 1 else "u"  # as older releases have it
    return f"{side}{identity(row, 'created_by')}"


def _addresses(written: str) -> tuple[str, ...]:
    """The addresses in a list that is kept as JSON."""
    try:
        addresses = json.loads(written) if written else []
    except (ValueError, RecursionError):
        return ()
    return tuple(a for a in addresses if isinstance(a, str)) if isinstance(addresses, list) else ()


def _name(row: Row) -> str:
    return f"{text(row, 'first_name')} {text(row, 'last_name')}".strip()


def _id(row: Row) -> int:
    return code(row, "id")
