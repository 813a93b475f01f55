"""Zammad: a folder with the answers of its API, expanded: what is named stands beside its id."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from kbsearch.errors import Invalid
from kbsearch.site.importing.systems import LeftOut, pages
from kbsearch.site.importing.systems.attachments import file_of
from kbsearch.site.importing.systems.desk import Desk, laid_out
from kbsearch.site.importing.systems.things import (
    Company,
    DeskRequest,
    Group,
    Somebody,
    SourceFile,
    Thing,
    Utterance,
)
from kbsearch.site.importing.systems.values import (
    Values,
    code,
    identity,
    inner,
    items,
    text,
    texts,
)

STATUSES = {
    "new": "new",
    "open": "open",
    "pending reminder": "pending",
    "pending close": "pending",
    "closed": "closed",
    "merged": "closed",
}
# What the states and priorities of a new Zammad have for ids, where an answer is not expanded.
STATES = {1: "new", 2: "open", 3: "pending reminder", 4: "closed", 5: "merged", 6: "removed"}
STATES |= {7: "pending close"}
PRIORITIES = {1: "1 low", 2: "2 normal", 3: "3 high"}
SEVERITIES = {"3 high": "major"}
CHANNELS = {"email": "email", "phone": "phone", "web": "web"}
NOBODY = "1"  # the account that owns what nobody does
ROLES = {"Admin": "administrator", "Agent": "agent"}
LISTS = ("tickets", "users", "organizations", "groups", "ticket_articles", "by_ticket")
_KIND = re.compile(r"[a-z_]{1,40}")
_MAIL = re.compile(r"<([^<>\s]{1,254})>")


def opened(folder: Path, since: str = "") -> AbstractContextManager[Desk]:
    """The answers in a folder, of its requests those changed from a moment on; gone afterwards."""
    return laid_out(folder, ZammadFolder, since)


class ZammadFolder:
    """What the files of a folder say."""

    def __init__(self, folder: Path, left_out: LeftOut) -> None:
        self.folder = folder
        self.left_out = left_out
        self._groups: set[str] = set()  # their file comes before that of the people

    def things(self) -> Iterator[Thing]:
        """Everything in it."""
        for path, value in pages.values_in(self.folder, self.left_out):
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict) and identity(one, "id"):
                    yield from self._things(one, _kind(path))

    def _things(self, values: Values, kind: str) -> Iterator[Thing]:
        if kind == "tickets":
            yield from self._ticket(values)
        elif kind in ("ticket_articles", "by_ticket"):
            yield self._article(values)
        elif kind == "users":
            yield self._user(values)
        elif kind == "organizations":
            is_shared = values.get("shared") is True
            yield Company(str(values["id"]), text(values, "name"), is_shared)
        elif kind == "groups":
            self._groups.add(str(values["id"]))
            yield _group(values)
        else:
            self.left_out.name(kind, text(values, "name", "title") or str(values["id"]))

    def _ticket(self, values: Values) -> Iterator[Thing]:
        state = text(values, "state") or STATES.get(code(values, "state_id"), "")
        if state == "removed":
            self.left_out.add(Invalid("import.ticket_deleted"))
            return
        if state == "merged":
            self.left_out.add(Invalid("import.merge_unknown"))
        if state not in STATUSES:
            self.left_out.add(Invalid("import.status_unknown"))
        priority = text(values, "priority") or PRIORITIES.get(code(values, "priority_id"), "")
        owner = identity(values, "owner_id")
        yield DeskRequest(
            id=str(values["id"]),
            number=text(values, "number") or values["id"],
            status=STATUSES.get(state, "open"),
            created_at=text(values, "created_at"),
            updated_at=text(values, "updated_at"),
            solved_at=text(values, "close_at"),
            closed_at=text(values, "close_at"),
            subject=text(values, "title"),
            requester_id=identity(values, "customer_id"),
            company_id=identity(values, "organization_id"),
            assignee_id="" if owner == NOBODY else owner,
            group_id=identity(values, "group_id"),
            severity=SEVERITIES.get(priority, "minor"),
            channel=CHANNELS.get(text(values, "create_article_type"), ""),
            tags=texts(values, "tags"),
        )
        for article in items(values, "articles"):
            if identity(article, "id"):
                yield self._article({"ticket_id": values["id"], **article})

    def _article(self, values: Values) -> Utterance:
        """A note for agents, unless it says that it is none."""
        is_page = text(values, "content_type") != "text/plain"
        body = text(values, "body")
        return Utterance(
            id=str(values["id"]),
            request_id=identity(values, "ticket_id"),
            at=text(values, "created_at"),
            html=body if is_page else "",
            text="" if is_page else body,
            author_id=identity(values, "origin_by_id", "created_by_id"),
            author=_writer(text(values, "from")),
            is_public=values.get("internal") is False and text(values, "sender") != "System",
            message_id=text(values, "message_id"),
            files=self._files(values),
        )

    def _files(self, values: Values) -> tuple[SourceFile, ...]:
        """The attachments whose bytes are in the folder."""
        files = []
        ids = [identity(values, "ticket_id"), identity(values, "id")]
        for attachment in items(values, "attachments"):
            name = text(attachment, "filename") or "file"
            address = "/".join([*ids, identity(attachment, "id")])
            path = self._path_of(f"ticket_attachment/{address}", name)
            if path is None:
                self.left_out.add(Invalid("import.file_missing", name=name))
            else:
                mark = text(inner(attachment, "preferences"), "Content-ID").strip("<>")
                marks = (f"/api/v1/ticket_attachment/{address}", *([f"cid:{mark}"] if mark else []))
                files.append(SourceFile(name, path.relative_to(self.folder).as_posix(), marks))
        return tuple(files)

    def _path_of(self, address: str, name: str) -> Path | None:
        if not address.replace("/", "").replace("_", "").isalnum():
            return None
        places = (self.folder / "api" / "v1" / address, self.folder / address)
        return next((path for place in places if (path := file_of(place, name))), None)

    def _user(self, values: Values) -> Somebody:
        """Somebody; an agent who did not read the requests of every group comes shut out."""
        roles = [ROLES[role] for role in texts(values, "roles") if role in ROLES]
        name = f"{text(values, 'firstname')} {text(values, 'lastname')}".strip()
        others = values.get("organization_ids")
        companies = [identity(values, "organization_id")]
        companies += [str(id) for id in others] if isinstance(others, list) else []
        groups = values.get("group_ids")
        unread = self._groups - set(groups) if isinstance(groups, dict) else set()
        is_restricted = "agent" in roles and bool(unread)
        if is_restricted:
            self.left_out.add(Invalid("import.agent_restricted"))
        return Somebody(
            id=str(values["id"]),
            email=text(values, "email"),
            name=name or text(values, "login"),
            role=min(roles, default="customer"),  # whoever has both is an administrator
            company_ids=tuple(dict.fromkeys(filter(None, companies))),
            is_suspended=is_restricted or values.get("active") is False,
            updated_at=text(values, "updated_at"),
        )


def _kind(path: Path) -> str:
    """What a file holds, by its address: `users.page2.json`, `ticket_articles/by_ticket/7.json`."""
    names = [part.partition(".")[0].lower() for part in path.parts[-3:]]
    known = [name for name in names if name in LISTS]
    match = _KIND.match(names[-1])
    return known[-1] if known else match[0] if match else ""


def _group(values: Values) -> Group:
    members = values.get("user_ids")
    ids = members if isinstance(members, list) else []
    is_archived = values.get("active") is False
    return Group(str(values["id"]), text(values, "name"), tuple(map(str, ids)), is_archived)


def _writer(sender: str) -> str:
    """The address in a field From, or the whole of it."""
    match = _MAIL.search(sender)
    return match[1] if match else sender
