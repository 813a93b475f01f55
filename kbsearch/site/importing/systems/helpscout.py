"""Help Scout: a folder with the pages of its API (version 2), each where its address puts it."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from kbsearch.errors import Invalid
from kbsearch.site.importing.systems import LeftOut, pages
from kbsearch.site.importing.systems.attachments import path_of
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
    identity,
    inner,
    items,
    text,
    texts,
)

STATUSES = {"active": "open", "open": "open", "pending": "pending", "closed": "closed"}
CHANNELS = {"email": "email", "emailfwd": "email", "web": "web", "beacon": "web", "api": "api"}
CHANNELS |= {"docs": "web", "chat": "web", "phone": "phone"}
SAID = ("customer", "message", "chat", "beaconchat", "phone", "forwardchild")
NOTED = ("note", "forwardparent")
ROLES = {"owner": "administrator", "admin": "administrator", "user": "agent"}
_OF_CONVERSATION = re.compile(r"(?:^|/)conversations/(\d{1,30})/")
_OF_TEAM = re.compile(r"(?:^|/)teams/(\d{1,30})/")


def opened(folder: Path, since: str = "") -> AbstractContextManager[Desk]:
    """The account in a folder, of its requests those changed from a moment on; gone afterwards."""
    return laid_out(folder, HelpScoutFolder, since)


class HelpScoutFolder:
    """What the files of a folder say."""

    def __init__(self, folder: Path, left_out: LeftOut) -> None:
        self.folder = folder
        self.left_out = left_out
        self._boxes: dict[str, str] = {}  # their names
        self._agents: list[Values] = []

    def things(self) -> Iterator[Thing]:
        """Everything in it; who answers comes last: what they read is known by then."""
        for path, value in pages.values_in(self.folder, self.left_out):
            name = path.relative_to(self.folder).as_posix()
            if _OF_TEAM.search(name):
                continue  # its members are among the users
            conversation = _OF_CONVERSATION.search(name)
            for kind, one in _objects(value, path.stem.partition(".")[0].lower()):
                yield from self._things(one, kind, conversation[1] if conversation else "")
        yield from (self._user(values) for values in self._agents)
        ids = tuple(f"u{values['id']}" for values in self._agents) if len(self._boxes) == 1 else ()
        yield from (Group(f"m{box}", name, ids) for box, name in self._boxes.items())

    def _things(self, values: Values, kind: str, conversation_id: str) -> Iterator[Thing]:
        if not identity(values, "id"):
            return
        if kind == "conversations":
            yield from self._conversation(values)
        elif kind == "threads":
            yield from self._thread(values, conversation_id)
        elif kind == "customers":
            yield self._customer(values)
        elif kind == "organizations":
            yield Company(str(values["id"]), text(values, "name"))
        elif kind == "users":
            self._agents.append(values)
        elif kind == "mailboxes":
            self._boxes[str(values["id"])] = text(values, "name")
        else:
            self.left_out.name(kind, text(values, "name", "text") or str(values["id"]))

    def _conversation(self, values: Values) -> Iterator[Thing]:
        if text(values, "state") in ("deleted", "draft"):
            self.left_out.add(Invalid("import.ticket_deleted"))
            return
        status = text(values, "status")
        if status == "spam":
            self.left_out.add(Invalid("import.ticket_spam"))
            return
        if status not in STATUSES:
            self.left_out.add(Invalid("import.status_unknown"))
        customer, assignee = inner(values, "primaryCustomer"), inner(values, "assignee")
        kind = text(values, "type")
        source = text(inner(values, "source"), "type")
        box = identity(values, "mailboxId")
        own = {text(f, "name"): text(f, "text", "value") for f in items(values, "customFields")}
        yield DeskRequest(
            id=str(values["id"]),
            number=values.get("number") or values["id"],
            status=STATUSES.get(status, "open"),
            created_at=text(values, "createdAt"),
            updated_at=text(values, "userUpdatedAt", "closedAt"),
            closed_at=text(values, "closedAt"),
            subject=text(values, "subject"),
            requester_id=_person_id(customer),
            requester=text(customer, "email"),
            assignee_id=_person_id(assignee),
            assignee=text(assignee, "email"),
            group_id=f"m{box}" if box else "",
            channel=CHANNELS.get(source) or CHANNELS.get(kind, ""),
            copies=texts(values, "cc"),
            tags=tuple(filter(None, (text(tag, "tag", "name") for tag in items(values, "tags")))),
            answers={name: value for name, value in own.items() if name and value},
        )
        for thread in items(inner(values, "_embedded"), "threads"):
            yield from self._thread(thread, str(values["id"]))

    def _thread(self, values: Values, conversation_id: str) -> Iterator[Utterance]:
        """Something that was said; what an agent hid from the customer is a note."""
        kind, state = text(values, "type"), text(values, "state") or "published"
        if kind not in (*SAID, *NOTED) or state in ("draft", "underreview"):
            return
        author = inner(values, "createdBy")
        yield Utterance(
            id=str(values["id"]),
            request_id=conversation_id,
            at=text(values, "createdAt"),
            html=text(values, "body"),
            author_id=_person_id(author),
            author=text(author, "email"),
            is_public=kind in SAID and state == "published",
            files=tuple(self._files(values)),
        )

    def _files(self, values: Values) -> Iterator[SourceFile]:
        """The attachments whose bytes are in the folder."""
        for attachment in items(inner(values, "_embedded"), "attachments"):
            name = text(attachment, "filename", "fileName") or "file"
            path = path_of(self.folder, identity(attachment, "id"), name, self.left_out)
            if path:
                yield SourceFile(name, path)

    def _customer(self, values: Values) -> Somebody:
        emails = items(inner(values, "_embedded"), "emails")
        company = identity(values, "organizationId")
        if not company and text(values, "organization"):
            self.left_out.name("companies", text(values, "organization"))
        return Somebody(
            id=f"c{values['id']}",
            email=next(filter(None, (text(email, "value") for email in emails)), ""),
            name=_name(values),
            company_ids=(company,) if company else (),
            updated_at=text(values, "updatedAt"),
        )

    def _user(self, values: Values) -> Somebody:
        """Who answers; which of several mailboxes they read is not said, and shuts them out."""
        role = ROLES.get(text(values, "role"), "agent")
        is_restricted = role == "agent" and len(self._boxes) > 1
        if is_restricted:
            self.left_out.add(Invalid("import.agent_restricted"))
        return Somebody(
            id=f"u{values['id']}",
            email=text(values, "email"),
            name=_name(values),
            role=role,
            is_suspended=is_restricted,
            updated_at=text(values, "updatedAt"),
        )


def _objects(value: object, kind: str) -> Iterator[tuple[str, Values]]:
    """The objects of a page, or one alone, each with its kind."""
    if not isinstance(value, dict):
        return
    embedded = {name: items(inner(value, "_embedded"), name) for name in inner(value, "_embedded")}
    if "id" in value:
        yield "conversations" if kind.isdecimal() and "subject" in value else kind, value
        return
    for name, objects in embedded.items():
        yield from ((name, one) for one in objects)


def _person_id(person: Values) -> str:
    """Customers and users have ids of their own."""
    number = identity(person, "id")
    side = "c" if text(person, "type") == "customer" else "u"
    return f"{side}{number}" if number else ""


def _name(values: Values) -> str:
    return f"{text(values, 'firstName')} {text(values, 'lastName')}".strip()
