"""GLPI: a dump of its database, or a folder with answers of its API: the columns are the same."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import unescape
from pathlib import Path

from kbsearch.errors import Invalid, NotFound
from kbsearch.site.importing.systems import LeftOut, pages, spool
from kbsearch.site.importing.systems.desk import Desk
from kbsearch.site.importing.systems.mysql_dump import Dump, Row
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

STATUSES = {1: "new", 2: "open", 3: "open", 4: "pending", 5: "solved", 6: "closed"}
SEVERITIES = {4: "major", 5: "blocking", 6: "blocking"}  # of a priority
REQUESTER, ASSIGNED, WATCHING = 1, 2, 3  # parts that people have in a ticket
ROOT = 0  # the entity that all others are of
KEYS = {
    "tickets": Key(),
    "tickets_users": Key(group="tickets_id"),
    "groups_tickets": Key(group="tickets_id"),
    "itilfollowups": Key(group="items_id"),
    "ticketfollowups": Key(group="tickets_id"),
    "itilsolutions": Key(group="items_id"),
    "tickettasks": Key(group="tickets_id"),
    "users": Key(),
    "useremails": Key(group="users_id"),
    "profiles": Key(),
    "profiles_users": Key(group="users_id"),
    "entities": Key(),
    "groups": Key(),
    "groups_users": Key(group="groups_id"),
    "documents": Key(),
    "documents_items": Key(group="items_id"),
}
# What the API calls each of them: the name of a file.
CALLED = {
    "ticket": "tickets",
    "ticket_user": "tickets_users",
    "group_ticket": "groups_tickets",
    "itilfollowup": "itilfollowups",
    "ticketfollowup": "ticketfollowups",
    "itilsolution": "itilsolutions",
    "tickettask": "tickettasks",
    "user": "users",
    "useremail": "useremails",
    "profile": "profiles",
    "profile_user": "profiles_users",
    "entity": "entities",
    "group": "groups",
    "group_user": "groups_users",
    "document": "documents",
    "document_item": "documents_items",
}
LISTED = {"knowbaseitems": "name", "slas": "name", "rules": "name", "itilfollowuptemplates": "name"}
SAID = ("itilfollowups", "ticketfollowups", "itilsolutions", "tickettasks")
ITEMS = {"itilfollowups": "ITILFollowup", "itilsolutions": "ITILSolution"}
ITEMS |= {"ticketfollowups": "TicketFollowup", "tickettasks": "TicketTask"}


@contextmanager
def opened(source: Path, since: str = "") -> Iterator[Desk]:
    """What a source has, of its requests those changed from a moment on; gone afterwards."""
    with spool.opened() as things, spool.opened() as rows:
        left_out = LeftOut()
        tables = Tables(rows, KEYS)
        folder = source if source.is_dir() else source.parent
        if source.is_dir() and not any(source.glob("*.sql")):
            _load_answers(source, tables, left_out)
        else:
            _load_dump(dump_in(source), tables, left_out)
        desk = Desk(folder, things, left_out, since)
        desk.take(GlpiDesk(folder, tables, left_out).things())
        yield desk


def _load_dump(path: Path, tables: Tables, left_out: LeftOut) -> None:
    dump = Dump(path)
    for table, row in tables.load(dump, dump.prefix_of("tickets_users"), left_out):
        if table in LISTED:
            left_out.name(table, text(row, LISTED[table]))


def _load_answers(folder: Path, tables: Tables, left_out: LeftOut) -> None:
    """Bare lists, each in a file with the name of its type: `Ticket.json`, `Ticket.page2.json`."""
    is_empty = True
    for path, value in pages.values_in(folder, left_out):
        is_empty, kind = False, path.name.partition(".")[0].lower()
        for row in value if isinstance(value, list) else [value]:
            if isinstance(row, dict) and kind in CALLED:
                tables.keep(CALLED[kind], row)
            elif isinstance(row, dict):
                left_out.name(kind, text(row, "name") or identity(row, "id"))
    if is_empty:
        raise NotFound("import.no_dump", folder=folder)


class GlpiDesk:
    """What the tables say."""

    def __init__(self, folder: Path, tables: Tables, left_out: LeftOut) -> None:
        self.folder = folder
        self.tables = tables
        self.left_out = left_out

    def things(self) -> Iterator[Thing]:
        """Everything in it."""
        for entities in self.tables.batches("entities"):
            for row in entities:
                if code(row, "id") != ROOT:
                    yield Company(str(row["id"]), text(row, "name"))
        for groups in self.tables.batches("groups"):
            members = self.tables.groups("groups_users", (row["id"] for row in groups))
            for row in groups:
                ids = (identity(one, "users_id") for one in members.get(str(row["id"]), []))
                yield Group(str(row["id"]), text(row, "name"), tuple(filter(None, ids)))
        yield from self._people()
        for tickets in self.tables.batches("tickets"):
            yield from self._tickets([row for row in tickets if self._comes(row)])

    def _people(self) -> Iterator[Somebody]:
        profiles = {
            str(row["id"]): row for batch in self.tables.batches("profiles") for row in batch
        }
        for users in self.tables.batches("users"):
            ids = [row["id"] for row in users]
            emails = self.tables.groups("useremails", ids)
            parts = self.tables.groups("profiles_users", ids)
            for row in users:
                own = emails.get(str(row["id"]), [])
                yield self._person(row, own, parts.get(str(row["id"]), []), profiles)

    def _person(
        self,
        row: Row,
        emails: Sequence[Row],
        parts: Sequence[Row],
        profiles: Mapping[str, Row],
    ) -> Somebody:
        """Somebody; who answers but not in every entity comes with a closed account."""
        central = [
            part
            for part in parts
            if text(profiles.get(identity(part, "profiles_id"), {}), "interface") == "central"
        ]
        everywhere = [p for p in central if not code(p, "entities_id") and code(p, "is_recursive")]
        is_restricted = bool(central) and not everywhere
        if is_restricted:
            self.left_out.add(Invalid("import.agent_restricted"))
        names = {
            text(profiles.get(identity(part, "profiles_id"), {}), "name").lower()
            for part in everywhere
        }
        role = "administrator" if "super-admin" in names else "agent" if central else "customer"
        chosen = [email for email in emails if code(email, "is_default")]
        name = f"{text(row, 'firstname')} {text(row, 'realname')}".strip()
        entity = identity(row, "entities_id")
        return Somebody(
            id=str(row["id"]),
            email=text((chosen or list(emails) or [{}])[0], "email"),
            name=name or text(row, "name"),
            role=role,
            language=text(row, "language"),
            company_ids=(entity,) if entity and role == "customer" else (),
            is_suspended=is_restricted or not code(row, "is_active"),
            is_deleted=bool(code(row, "is_deleted")),
            updated_at=text(row, "date_mod"),
        )

    def _comes(self, row: Row) -> bool:
        if code(row, "is_deleted"):
            self.left_out.add(Invalid("import.ticket_deleted"))
            return False
        return True

    def _tickets(self, rows: Sequence[Row]) -> Iterator[Thing]:
        ids = [row["id"] for row in rows]
        people = self.tables.groups("tickets_users", ids)
        groups = self.tables.groups("groups_tickets", ids)
        attached = _Attached(self, "Ticket", ids)
        for row in rows:
            id = str(row["id"])
            yield self._ticket(row, people.get(id, []), groups.get(id, []), attached.files(id))
        for table in SAID:
            entries = [
                (ticket_id, entry)
                for ticket_id, ticket_entries in self.tables.groups(table, ids).items()
                for entry in ticket_entries
                if text(entry, "itemtype") in ("", "Ticket")
            ]
            attached = _Attached(self, ITEMS[table], [entry["id"] for _, entry in entries])
            for ticket_id, entry in entries:
                yield _utterance(table, ticket_id, entry, attached.files(str(entry["id"])))

    def _ticket(
        self,
        row: Row,
        people: Sequence[Row],
        groups: Sequence[Row],
        files: tuple[SourceFile, ...],
    ) -> DeskRequest:
        status = STATUSES.get(code(row, "status"))
        if status is None:
            self.left_out.add(Invalid("import.status_unknown"))
        asking = _of(people, REQUESTER)
        copied = [*asking[1:], *_of(people, WATCHING)]
        assigned = [identity(one, "users_id") for one in _of(people, ASSIGNED)]
        teams = [identity(one, "groups_id") for one in _of(groups, ASSIGNED)]
        return DeskRequest(
            id=str(row["id"]),
            number=row["id"],
            status=status or "open",
            created_at=text(row, "date", "date_creation"),
            updated_at=text(row, "date_mod"),
            solved_at=text(row, "solvedate"),
            closed_at=text(row, "closedate"),
            subject=unescape(text(row, "name")),
            requester_id=identity(asking[0], "users_id") if asking else "",
            requester=text(asking[0], "alternative_email") if asking else "",
            company_id=identity(row, "entities_id"),
            assignee_id=next(filter(None, assigned), ""),
            group_id=next(filter(None, teams), ""),
            severity=SEVERITIES.get(code(row, "priority"), "minor"),
            copies=tuple(filter(None, (text(one, "alternative_email") for one in copied))),
            copy_ids=tuple(filter(None, (identity(one, "users_id") for one in copied))),
            html=_html(row),
            files=files,
        )


class _Attached:
    """The documents of some things of a type."""

    def __init__(self, desk: GlpiDesk, itemtype: str, ids: Sequence[object]) -> None:
        self.desk = desk
        self.rows = {
            owner: [row for row in rows if text(row, "itemtype") == itemtype]
            for owner, rows in desk.tables.groups("documents_items", ids).items()
        }
        named = {row.get("documents_id") for rows in self.rows.values() for row in rows}
        self.documents = desk.tables.find("documents", named)

    def files(self, owner: str) -> tuple[SourceFile, ...]:
        """Those whose content is in the folder, or in its `files`."""
        found = []
        for row in self.rows.get(owner, []):
            document = self.documents.get(str(row.get("documents_id")), {})
            name = text(document, "filename", "name") or "file"
            path = text(document, "filepath").lstrip("/")
            places = [place for place in (f"files/{path}", path) if self._is_file(place)]
            if path and places:
                found.append(SourceFile(name, places[0]))
            else:
                self.desk.left_out.add(Invalid("import.file_missing", name=name))
        return tuple(found)

    def _is_file(self, place: str) -> bool:
        root = self.desk.folder.resolve()
        path = (root / place).resolve()
        return path.is_relative_to(root) and path.is_file()


def _utterance(table: str, request_id: str, row: Row, files: tuple[SourceFile, ...]) -> Utterance:
    """Something that was said; a solution is for everybody, the rest unless it is private."""
    is_told = "is_private" in row and not code(row, "is_private")
    return Utterance(
        id=f"{table} {row['id']}",
        request_id=request_id,
        at=text(row, "date", "date_creation"),
        html=_html(row),
        author_id=identity(row, "users_id"),
        is_public=table == "itilsolutions" or is_told,
        files=files,
    )


def _of(rows: Sequence[Row], part: int) -> list[Row]:
    return [row for row in rows if code(row, "type") == part]


def _html(row: Row) -> str:
    """Its content, which older releases keep with its signs as entities."""
    content = text(row, "content")
    return unescape(content) if "<" not in content else content
