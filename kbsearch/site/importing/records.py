"""A past ticket as a source has it: names, addresses and numbers, no ids of ours."""

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from kbsearch.site.importing.attaching import FileRecord
from kbsearch.tickets.conversation.satisfaction import Rating


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something that was done; of who is assigned, addresses, of teams, names."""

    id: str
    at: str
    kind: str
    actor: str
    field: str
    before: str
    after: str
    internal: bool
    message: int | None  # the place of what was said, in its ticket

    @property
    def people(self) -> tuple[str, ...]:
        """The addresses in it."""
        changed = (self.before, self.after) if self.field == "assignee" else ()
        return tuple(filter(None, (self.actor, *changed)))


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A message as the source has it; `author` is an address, a name, or empty."""

    author: str
    at: str
    body: str
    internal: bool
    solution: bool
    message_id: str = ""  # of its letter, without angle brackets
    files: tuple[FileRecord, ...] = ()
    typed: bool = False
    quoted: str = ""
    thanks: int = 0
    automatic: bool = False  # a rule said it

    @property
    def values(self) -> list[object]:
        """What its ticket's digest is made of; what came later counts where it is there."""
        values = [getattr(self, name) for name in MESSAGE_FIELDS]
        later = [(name, value) for name in LATER_OF_MESSAGES if (value := getattr(self, name))]
        return [*values, *([self.message_id] if self.message_id else []), *self.files, *later]

    def dated(self, at: str) -> "MessageRecord":
        """The same with a moment, for a source that gives none."""
        return dataclasses.replace(self, at=at)


@dataclass(frozen=True, slots=True)
class MergeRecord:
    """How a ticket was merged, where the source says so."""

    before: str = "open"  # where it stood
    at: str | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class TicketRecord:
    """A ticket as the source has it: names and addresses, not ids."""

    number: int
    subject: str
    description: str
    language: str
    requester: str
    organisation: str
    copies: tuple[str, ...]
    product: str
    version: str
    severity: str
    status: str
    confidential: bool
    created_at: str
    updated_at: str
    solved_at: str | None
    messages: tuple[MessageRecord, ...]
    tags: tuple[str, ...] = ()
    assignee: str = ""
    team: str = ""
    follows: int | None = None  # the number of a closed ticket that goes on in this one
    merged_into: int | None = None
    rating: Rating | None = None
    files: tuple[FileRecord, ...] = ()  # of the description
    channel: str = ""
    closed_at: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    filed_by: str = ""
    typed: bool = False
    quoted: str = ""
    message_id: str = ""  # of the letter that opened it
    rated_at: str | None = None
    merge: MergeRecord | None = None
    events: tuple[EventRecord, ...] = ()

    def detected(self, detect: Callable[[str], str]) -> "TicketRecord":
        """The same in the language its text is written in."""
        opening = " ".join(message.body for message in self.messages[:3])
        language = detect(f"{self.subject} {self.description} {opening}")
        return dataclasses.replace(self, language=language)

    @property
    def digest(self) -> str:
        """Changes when anything of the record does; what came later counts where it is there."""
        values = [getattr(self, name) for name in TICKET_FIELDS]
        values += [self.tags] if self.tags else []
        values += [(name, value) for name in LATER_FIELDS if (value := getattr(self, name))]
        messages = [message.values for message in self.messages]
        return hashlib.sha256(repr((values, messages)).encode()).hexdigest()


LATER_FIELDS = (
    *("assignee", "team", "follows", "merged_into", "rating", "files", "channel"),
    *("closed_at", "fields", "filed_by", "typed", "quoted", "message_id", "rated_at"),
    *("merge", "events"),
)
TICKET_FIELDS = tuple(
    f.name
    for f in dataclasses.fields(TicketRecord)
    if f.name not in ("messages", "tags", *LATER_FIELDS)
)
LATER_OF_MESSAGES = ("typed", "quoted", "thanks", "automatic")
MESSAGE_FIELDS = tuple(
    f.name
    for f in dataclasses.fields(MessageRecord)
    if f.name not in ("message_id", "files", *LATER_OF_MESSAGES)
)


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """What a ticket goes on from or in, by number."""

    number: int
    follows: int | None
    merged_into: int | None
    merge: MergeRecord = MergeRecord()


@dataclass(frozen=True, slots=True)
class Numbered:
    """A record and the line it came from."""

    line: int
    record: TicketRecord
