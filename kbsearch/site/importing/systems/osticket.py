"""osTicket: a dump of its MySQL database, with the files that are kept in it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from kbsearch import tickets
from kbsearch.errors import Invalid
from kbsearch.site.importing.systems import LeftOut, spool
from kbsearch.site.importing.systems.desk import Desk
from kbsearch.site.importing.systems.mysql_dump import Dump, Row, raw
from kbsearch.site.importing.systems.tables import Key, Tables, dump_in
from kbsearch.site.importing.systems.things import (
    Company,
    DeskRequest,
    Group,
    Somebody,
    SourceFile,
    Thing,
    Utterance,
)
from kbsearch.site.importing.systems.values import code, identity, text

STATES = {"open": "open", "closed": "closed", "archived": "closed"}
SEVERITIES = {"emergency": "blocking", "high": "major"}
CHANNELS = {"Web": "web", "Email": "email", "Phone": "phone", "API": "api"}
SHARED_BY_EVERYBODY = 0x10  # of an organisation
LOCKED = 0x02  # of an account
LINKED = 0x08  # of a ticket that is only tied to another
HIDDEN = 0x04  # of an entry that was edited: the new one is there too
QUESTION, ANSWER, NOTE = "M", "R", "N"
KEYS = {
    "ticket": Key("ticket_id"),
    "ticket__cdata": Key("ticket_id"),
    "ticket_status": Key(),
    "ticket_priority": Key("priority_id"),
    "thread": Key(group="object_id"),
    "thread_entry": Key(group="thread_id"),
    "thread_entry_email": Key(group="thread_entry_id"),
    "thread_collaborator": Key(group="thread_id"),
    "user": Key(),
    "user_email": Key(group="user_id"),
    "user_account": Key(group="user_id"),
    "organization": Key(),
    "staff": Key("staff_id"),
    "team": Key("team_id"),
    "team_member": Key("staff_id", group="team_id"),
    "department": Key(),
    "attachment": Key(group="object_id"),
    "file": Key(),
}
LISTED = {"faq": "question", "canned_response": "title", "sla": "name", "filter": "name"}


@contextmanager
def opened(source: Path, since: str = "") -> Iterator[Desk]:
    """The database in a dump, of its requests those changed from a moment on; gone afterwards."""
    with spool.opened() as things, spool.opened() as rows:
        left_out = LeftOut()
        desk = Desk(rows.files, things, left_out, since)
        dump = OsTicketDump(dump_in(source), Tables(rows, KEYS), rows.files, left_out)
        desk.take(dump.things())
        yield desk


class OsTicketDump:
    """What a dump says; the files in it are put into a folder."""

    def __init__(self, path: Path, tables: Tables, files: Path, left_out: LeftOut) -> None:
        self.tables = tables
        self.files = files
        self.left_out = left_out
        dump = Dump(path)
        for table, row in tables.load(dump, dump.prefix_of("thread_entry"), left_out):
            if table == "file_chunk":
                self._keep_chunk(row)
            elif table == "task":
                left_out.name("tasks", text(row, "number") or identity(row, "id"))
            elif table in LISTED:
                left_out.name(table, text(row, LISTED[table]))

    def _keep_chunk(self, row: Row) -> None:
        """A piece of a file; they come in any order."""
        folder = self.files / f"chunks-{code(row, 'file_id')}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{code(row, 'chunk_id'):09}").write_bytes(raw(row.get("filedata") or ""))

    def things(self) -> Iterator[Thing]:
        """Everything in it."""
        for companies in self.tables.batches("organization"):
            for row in companies:
                is_shared = bool(code(row, "status") & SHARED_BY_EVERYBODY)
                yield Company(str(row["id"]), text(row, "name"), is_shared)
        yield from self._people()
        yield from self._groups()
        for rows in self.tables.batches("ticket"):
            yield from self._tickets(rows)

    def _people(self) -> Iterator[Somebody]:
        for staff in self.tables.batches("staff"):
            yield from (self._agent(row) for row in staff)
        for users in self.tables.batches("user"):
            ids = [row["id"] for row in users]
            emails = self.tables.groups("user_email", ids)
            accounts = self.tables.groups("user_account", ids)
            for row in users:
                identity_ = str(row["id"])
                account = accounts.get(identity_, [{}])[0]
                own = sorted(emails.get(identity_, []), key=lambda email: code(email, "id"))
                chosen = [e for e in own if code(e, "id") == code(row, "default_email_id")]
                yield Somebody(
                    id=f"u{identity_}",
                    email=text((chosen or own or [{}])[0], "address"),
                    name=text(row, "name"),
                    language=text(account, "lang"),
                    company_ids=tuple(filter(None, (identity(row, "org_id"),))),
                    is_suspended=bool(code(account, "status") & LOCKED),
                )

    def _agent(self, row: Row) -> Somebody:
        """Who answers; one who saw only what is theirs comes with a closed account."""
        is_administrator = bool(code(row, "isadmin"))
        is_restricted = bool(code(row, "assigned_only")) and not is_administrator
        if is_restricted:
            self.left_out.add(Invalid("import.agent_restricted"))
        return Somebody(
            id=f"s{row['id']}",
            email=text(row, "email"),
            name=f"{text(row, 'firstname')} {text(row, 'lastname')}".strip(),
            role="administrator" if is_administrator else "agent",
            language=text(row, "lang"),
            is_suspended=is_restricted or not code(row, "isactive"),
        )

    def _groups(self) -> Iterator[Group]:
        for rows in self.tables.batches("team"):
            members = self.tables.groups("team_member", (row["id"] for row in rows))
            for row in rows:
                ids = tuple(f"s{member['id']}" for member in members.get(str(row["id"]), []))
                yield Group(f"t{row['id']}", text(row, "name"), ids)
        members_of: dict[str, list[str]] = {}
        for staff in self.tables.batches("staff"):
            for row in staff:
                members_of.setdefault(identity(row, "dept_id"), []).append(f"s{row['id']}")
        for rows in self.tables.batches("department"):
            for row in rows:
                ids = tuple(members_of.get(str(row["id"]), ()))
                yield Group(f"d{row['id']}", text(row, "name"), ids)

    def _tickets(self, rows: Sequence[Row]) -> Iterator[Thing]:
        ids = [row["id"] for row in rows]
        threads = {
            ticket_id: [thread for thread in group if text(thread, "object_type") == "T"]
            for ticket_id, group in self.tables.groups("thread", ids).items()
        }
        thread_ids = [thread["id"] for group in threads.values() for thread in group]
        entries = self.tables.groups("thread_entry", thread_ids)
        copied = self.tables.groups("thread_collaborator", thread_ids)
        spoken = _Spoken(self, [entry["id"] for group in entries.values() for entry in group])
        details = self.tables.find("ticket__cdata", ids)
        users = self.tables.find("user", {row.get("user_id") for row in rows})
        heads = _Heads(self.tables, rows)
        for row in rows:
            request_id = str(row["id"])
            state = heads.state(row)
            if state == "deleted":
                self.left_out.add(Invalid("import.ticket_deleted"))
                continue
            if state not in STATES:
                self.left_out.add(Invalid("import.status_unknown"))
            own = [str(thread["id"]) for thread in threads.get(request_id, [])]
            copies = [c for thread in own for c in copied.get(thread, []) if code(c, "isactive")]
            detail, user = details.get(request_id, {}), users.get(str(row.get("user_id")), {})
            team, department = identity(row, "team_id"), identity(row, "dept_id")
            yield DeskRequest(
                id=request_id,
                number=_number(row),
                status=STATES.get(state, "open"),
                created_at=text(row, "created"),
                updated_at=text(row, "lastupdate", "updated"),
                closed_at=text(row, "closed"),
                subject=text(detail, "subject"),
                requester_id=f"u{row.get('user_id')}",
                company_id=identity(user, "org_id"),
                assignee_id=f"s{identity(row, 'staff_id')}",
                group_id=f"t{team}" if team else f"d{department}" if department else "",
                severity=SEVERITIES.get(heads.priority(detail), "minor"),
                channel=CHANNELS.get(text(row, "source"), ""),
                copy_ids=tuple(f"u{identity(copy, 'user_id')}" for copy in copies),
                answers={} if _is_number(row) else {"number": text(row, "number")},
                merged_into=heads.merged_into(row),
            )
            for thread in own:
                for entry in entries.get(thread, []):
                    if not code(entry, "flags") & HIDDEN:
                        yield spoken.utterance(request_id, entry)

    def file(self, row: Row) -> Path | None:
        """The content of a file, put together; None where it is not in the dump."""
        chunks = self.files / f"chunks-{code(row, 'id')}"
        whole = self.files / f"file-{code(row, 'id')}"
        if not whole.is_file() and chunks.is_dir():
            with whole.open("wb") as file:
                for chunk in sorted(chunks.iterdir()):
                    file.write(chunk.read_bytes())
        return whole if whole.is_file() else None


class _Spoken:
    """What was said in some entries, with their mails and files."""

    def __init__(self, dump: OsTicketDump, entry_ids: Sequence[object]) -> None:
        self.dump = dump
        self.mails = dump.tables.groups("thread_entry_email", entry_ids)
        self.attached = dump.tables.groups("attachment", entry_ids)
        ids = {row.get("file_id") for rows in self.attached.values() for row in rows}
        self.files = dump.tables.find("file", ids)

    def utterance(self, request_id: str, entry: Row) -> Utterance:
        identity_ = str(entry["id"])
        is_page = text(entry, "format") != "text"
        body = text(entry, "body")
        user, staff = identity(entry, "user_id"), identity(entry, "staff_id")
        mails = self.mails.get(identity_, [])
        return Utterance(
            id=identity_,
            request_id=request_id,
            at=text(entry, "created"),
            html=body if is_page else "",
            text="" if is_page else body,
            author_id=f"s{staff}" if staff else f"u{user}" if user else "",
            author=text(entry, "poster"),
            is_public=text(entry, "type") in (QUESTION, ANSWER),
            message_id=text(mails[0], "mid") if mails else "",
            files=tuple(self._files(identity_)),
        )

    def _files(self, entry_id: str) -> Iterator[SourceFile]:
        for attachment in self.attached.get(entry_id, []):
            row = self.files.get(str(attachment.get("file_id")))
            if text(attachment, "type") != "H" or row is None:
                continue
            name = text(attachment, "name") or text(row, "name") or "file"
            path = self.dump.file(row)
            if path is None:
                self.dump.left_out.add(Invalid("import.file_missing", name=name))
            else:
                yield SourceFile(name, path.name, (f"cid:{text(row, 'key')}",))


class _Heads:
    """What the numbers in some tickets stand for."""

    def __init__(self, tables: Tables, rows: Sequence[Row]) -> None:
        self.states = tables.find("ticket_status", {row.get("status_id") for row in rows})
        self.parents = tables.find("ticket", {row.get("ticket_pid") for row in rows})
        self.priorities = {str(p["id"]): p for batch in tables.batches("ticket_priority")
                           for p in batch}  # fmt: skip

    def state(self, row: Row) -> str:
        return text(self.states.get(str(row.get("status_id")), {}), "state")

    def priority(self, detail: Mapping[str, object]) -> str:
        row = self.priorities.get(str(detail.get("priority")), {})
        return text(row, "priority")

    def merged_into(self, row: Row) -> object:
        parent = self.parents.get(str(row.get("ticket_pid")))
        return None if parent is None or code(row, "flags") & LINKED else _number(parent)


def _is_number(row: Row) -> bool:
    return code({"number": row.get("number")}, "number") > 0


def _number(row: Row) -> int:
    """Its number; of one with letters in it, one that no request here can have."""
    own = code({"number": row.get("number")}, "number")
    return own if own > 0 else tickets.FIRST_FOREIGN_NUMBER + code(row, "id")
