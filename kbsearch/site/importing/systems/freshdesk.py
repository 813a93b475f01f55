"""Freshdesk: a folder with the pages of its API, or with the files of an account's export."""

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
    answers,
    code,
    day,
    identity,
    inner,
    items,
    text,
    texts,
)

# 6 and 7 are what an account has from the start besides: waiting on the customer, on a third party.
STATUSES = {2: "open", 3: "pending", 4: "solved", 5: "closed", 6: "pending", 7: "pending"}
SEVERITIES = {4: "blocking", 3: "major"}
CHANNELS = {1: "email", 2: "web", 3: "phone", 7: "web", 9: "web", 10: "email"}
NOTES = ("conversations", "helpdesk_notes", "notes")
# An export wraps each object in its kind, and calls some otherwise than the API.
WRAPPED = {
    "helpdesk_ticket": "tickets",
    "ticket": "tickets",
    "user": "contacts",
    "contact": "contacts",
    "agent": "agents",
    "company": "companies",
    "customer": "companies",
    "group": "groups",
    "helpdesk_note": "conversations",
}
EVERY_TICKET = 1  # the scope of an agent who reads them all
_OF_TICKET = re.compile(r"(?:^|/)tickets/(\d{1,30})/")
_KIND = re.compile(r"[a-z_]{1,40}")


def opened(folder: Path, since: str = "") -> AbstractContextManager[Desk]:
    """The account in a folder, of its requests those changed from a moment on; gone afterwards."""
    return laid_out(folder, FreshdeskFolder, since)


class FreshdeskFolder:
    """What the files of a folder say."""

    def __init__(self, folder: Path, left_out: LeftOut) -> None:
        self.folder = folder
        self.left_out = left_out

    def things(self) -> Iterator[Thing]:
        """Everything in it."""
        for path, value in pages.values_in(self.folder, self.left_out):
            match = _OF_TICKET.search(path.relative_to(self.folder).as_posix())
            kind = _KIND.match(path.stem.lower())
            if path.parent.name in ("tickets", "contacts", "companies", "agents", "groups"):
                kind = _KIND.match(path.parent.name)  # one of them, by its number
            for one in _objects(value):
                yield from self._things(one, kind[0] if kind else "", match[1] if match else "")

    def _things(self, values: Values, kind: str, ticket_id: str) -> Iterator[Thing]:
        wrapper = next((name for name in WRAPPED if isinstance(values.get(name), dict)), None)
        if wrapper is not None and "id" not in values:
            values, kind = values[wrapper], WRAPPED[wrapper]
        if not identity(values, "id"):
            return
        if kind == "tickets":
            yield from self._ticket(values)
        elif kind == "conversations":
            yield self._note(values, ticket_id or identity(values, "ticket_id"))
        elif kind in ("contacts", "users"):
            yield self._contact(values)
        elif kind == "agents":
            yield self._agent(values)
        elif kind == "companies":
            yield _company(values)
        elif kind == "groups":
            members = values.get("agent_ids")
            ids = members if isinstance(members, list) else []
            yield Group(str(values["id"]), text(values, "name"), tuple(map(str, ids)))
        elif kind not in ("articles", "folders", "categories", "solutions"):
            self.left_out.name(kind, text(values, "name", "title", "subject") or str(values["id"]))

    def _ticket(self, values: Values) -> Iterator[Thing]:
        number = identity(values, "display_id", "id")
        if values.get("deleted") is True:
            self.left_out.add(Invalid("import.ticket_deleted"))
            return
        if values.get("spam") is True:
            self.left_out.add(Invalid("import.ticket_spam"))
            return
        status = STATUSES.get(code(values, "status"))
        if status is None:
            self.left_out.add(Invalid("import.status_unknown"))
        copies = inner(values, "cc_email")
        stats = inner(values, "stats") or inner(values, "ticket_states")
        own = inner(values, "custom_fields") or inner(values, "custom_field")
        html = text(values, "description_html")
        plain = text(values, "description_text")
        tags = [text(tag, "name") for tag in items(values, "tags")]
        yield DeskRequest(
            id=number,
            number=number,
            status=status or "open",
            created_at=text(values, "created_at"),
            updated_at=text(values, "updated_at"),
            solved_at=text(stats, "resolved_at"),
            closed_at=text(stats, "closed_at"),
            subject=text(values, "subject"),
            requester_id=identity(values, "requester_id"),
            company_id=identity(values, "company_id", "owner_id"),
            assignee_id=identity(values, "responder_id"),
            group_id=identity(values, "group_id"),
            severity=SEVERITIES.get(code(values, "priority"), "minor"),
            channel=CHANNELS.get(code(values, "source"), ""),
            copies=(*texts(values, "cc_emails"), *texts(copies, "cc_emails")),
            tags=(*texts(values, "tags"), *filter(None, tags)),
            answers=answers(own),
            # An export has plain text where the API has HTML.
            html=html or ("" if "display_id" in values else text(values, "description")),
            text=plain or text(values, "description"),
            files=self._files(values),
        )
        for name in NOTES:
            for note in items(values, name):
                note = inner(note, "helpdesk_note") or note
                if identity(note, "id"):
                    yield self._note(note, number)

    def _note(self, values: Values, ticket_id: str) -> Utterance:
        """A note for agents, unless it says that it is none."""
        html = text(values, "body_html")
        is_page = "body_text" in values  # of the API: there, the body is HTML
        return Utterance(
            id=str(values["id"]),
            request_id=ticket_id,
            at=text(values, "created_at"),
            html=html or (text(values, "body") if is_page else ""),
            text=text(values, "body_text") or text(values, "body"),
            author_id=identity(values, "user_id"),
            author=text(values, "from_email"),
            is_public=values.get("private") is False,
            files=self._files(values),
        )

    def _files(self, values: Values) -> tuple[SourceFile, ...]:
        """The attachments whose bytes are in the folder."""
        files = []
        for attachment in items(values, "attachments"):
            name = text(attachment, "name", "content_file_name") or "file"
            path = path_of(self.folder, identity(attachment, "id"), name, self.left_out)
            if path:
                address = text(attachment, "attachment_url", "inline_url")
                files.append(SourceFile(name, path, (address,) if address else ()))
        return tuple(files)

    def _contact(self, values: Values) -> Somebody:
        """Somebody; an agent comes with a closed account until it is said what they may read."""
        others = [identity(other, "company_id") for other in items(values, "other_companies")]
        company = identity(values, "company_id", "customer_id")
        is_agent = values.get("helpdesk_agent") is True
        is_blocked = values.get("blocked") is True or bool(text(values, "blocked_at"))
        return Somebody(
            id=str(values["id"]),
            email=text(values, "email"),
            name=text(values, "name"),
            role="agent" if is_agent else "customer",
            language=text(values, "language"),
            company_ids=tuple(filter(None, (company, *others))),
            is_suspended=is_agent or is_blocked,
            is_deleted=values.get("deleted") is True,
            updated_at="" if is_agent else text(values, "updated_at"),
        )

    def _agent(self, values: Values) -> Somebody:
        """One who did not read every request comes with a closed account."""
        person = inner(values, "contact") or inner(values, "user") or values
        scope = code(values, "ticket_scope") or EVERY_TICKET
        if scope != EVERY_TICKET:
            self.left_out.add(Invalid("import.agent_restricted"))
        return Somebody(
            id=identity(values, "user_id", "id"),
            email=text(person, "email"),
            name=text(person, "name"),
            role="agent",
            language=text(person, "language"),
            is_suspended=scope != EVERY_TICKET or values.get("deactivated") is True,
            is_deleted=values.get("deleted") is True,
            updated_at=text(values, "updated_at") or text(person, "updated_at") or "0",
        )


def _objects(value: object) -> list[Values]:
    """The objects of a page: a list, what a search found, or one alone."""
    if isinstance(value, dict) and isinstance(value.get("results"), list):
        value = value["results"]
    one_or_many = value if isinstance(value, list) else [value]
    return [one for one in one_or_many if isinstance(one, dict)]


def _company(values: Values) -> Company:
    """A company: its contract lasts until it was to be renewed.

    Its people read each other's requests where each of them was let: here, nobody is.
    """
    return Company(
        str(values["id"]), text(values, "name"), contract_ends=day(values, "renewal_date")
    )
