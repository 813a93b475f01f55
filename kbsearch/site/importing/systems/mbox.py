"""A support mailbox: an mbox file, or a folder of .eml, as requests by what answers what.

Two mails belong together where one names the other; a subject alone ties nothing, since two
customers may write the same.
"""

import contextlib
import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from mailbox import mbox
from pathlib import Path

from kbsearch import tickets
from kbsearch.clock import stored
from kbsearch.errors import Invalid
from kbsearch.messages.incoming import parsing
from kbsearch.messages.incoming.fields import addresses, ids
from kbsearch.messages.incoming.parsing import Incoming
from kbsearch.site.importing.systems import LeftOut, spool
from kbsearch.site.importing.systems.desk import Desk
from kbsearch.site.importing.systems.things import DeskRequest, SourceFile, Thing, Utterance
from kbsearch.text.markup import quotation

NUMBERS = 10**13  # that threads are given, by their first mail: as good as none meets another
EPOCH = "1970-01-01T00:00:00Z"


@contextmanager
def opened(source: Path, staff: Collection[str], since: str = "") -> Iterator[Desk]:
    """The mails of a source as requests, those of `staff` as answers; gone afterwards."""
    with spool.opened() as things:
        left_out = LeftOut()
        desk = Desk(things.files, things, left_out, since)
        desk.take(MailArchive(source, frozenset(staff), things.files, left_out).things())
        yield desk


@dataclass(frozen=True, slots=True)
class MailHead:
    """What is remembered of a mail until its thread is known."""

    place: int  # in the source
    message_id: str
    references: tuple[str, ...]
    origin: str  # the mail that began it all, as far as this one knows
    at: str


class MailArchive:
    """The mails of a source, read twice: who answers whom, then what they say."""

    def __init__(self, source: Path, staff: frozenset[str], files: Path, left_out: LeftOut) -> None:
        self.source = source
        self.staff = staff
        self.files = files
        self.left_out = left_out

    def things(self) -> Iterator[Thing]:
        """Its threads as requests, and what was said in them."""
        threads: dict[str, Thread] = {}
        known: dict[int, tuple[Thread, MailHead]] = {}
        for heads in _threads(list(self._heads())):
            thread = Thread(heads[0], self.staff)
            threads[thread.id] = thread
            known |= {head.place: (thread, head) for head in heads}
        for place, raw in enumerate(self._mails()):
            if place in known:
                yield from self._said(*known[place], parsing.read(raw))
        yield from filter(None, (thread.request() for thread in threads.values()))

    def _heads(self) -> Iterator[MailHead]:
        """One of each mail; without a date it was written when the one before it was."""
        at, seen = EPOCH, set[str]()
        for place, raw in enumerate(self._mails()):
            mail = parsing.read(raw)
            at = _moment(mail) or at
            # Without an id of its own, its content is one.
            message_id = mail.fields.message_id or f"{mail.digest}@without-id"
            if message_id not in seen:  # sent to two addresses of ours, it is there twice
                seen.add(message_id)
                references = mail.fields.references
                first = next(ids(mail.fields.first("references")), "")
                origin = first or next(iter(references), "") or message_id
                yield MailHead(place, message_id, references, origin, at)

    def _said(self, thread: "Thread", head: MailHead, mail: Incoming) -> Iterator[Utterance]:
        if mail.report:
            self.left_out.add(Invalid("import.mail_report"))
            return
        if mail.problem:
            self.left_out.add(Invalid("import.mail_not_whole"))
        thread.hear(head, mail)
        words = quotation.cut(mail.text, mail.fields.subject)
        is_first = head.place == thread.root.place
        yield Utterance(
            id=str(head.place),
            request_id=thread.id,
            at=head.at,
            text=mail.text if is_first else words.text,
            quoted="" if is_first else words.rest,
            is_plain=True,
            author=mail.fields.sender,
            is_public=not thread.is_among_staff(mail),
            message_id=mail.fields.message_id,
            files=tuple(self._files(head, mail)),
        )

    def _files(self, head: MailHead, mail: Incoming) -> Iterator[SourceFile]:
        """Its files, each put into a folder."""
        for number, file in enumerate(mail.files):
            path = Path(f"{head.place}-{number}")
            self.files.mkdir(exist_ok=True)
            (self.files / path).write_bytes(file.content)
            yield SourceFile(file.name, str(path))

    def _mails(self) -> Iterator[bytes]:
        """Every mail as it came; those of a folder by the names of their files."""
        if self.source.is_dir():
            for path in sorted(self.source.rglob("*.eml")):
                if path.is_file():
                    with path.open("rb") as file:
                        yield file.read(parsing.MAX_BYTES + 1)
            return
        with contextlib.closing(mbox(self.source, create=False)) as box:
            for key in box.iterkeys():
                with box.get_file(key) as file:
                    yield file.read(parsing.MAX_BYTES + 1)


class Thread:
    """What is learnt of a request while its mails are read, in any order."""

    def __init__(self, root: MailHead, staff: frozenset[str]) -> None:
        self.id = root.origin
        self.root = root
        self.staff = staff
        self.subject = ""
        self.requester = ""
        self.first_at = self.last_at = root.at
        self.last_by_staff = False
        self.writers: set[str] = set()
        self.is_private = True
        self.is_empty = True

    def is_among_staff(self, mail: Incoming) -> bool:
        """Whether nobody from outside wrote it or got it."""
        people = {mail.fields.sender, *mail.fields.recipients} - {""}
        return mail.fields.sender in self.staff and people <= self.staff

    def hear(self, head: MailHead, mail: Incoming) -> None:
        """Learn of one more mail."""
        self.is_empty = False
        sender = mail.fields.sender
        if head.place == self.root.place:
            self.subject = mail.fields.subject
            outside = [a for a in (sender, *mail.fields.recipients) if a and a not in self.staff]
            self.requester = next(iter(outside), "")
        self.first_at = min(self.first_at, head.at)
        if head.at >= self.last_at:
            self.last_at, self.last_by_staff = head.at, sender in self.staff
        if not self.is_among_staff(mail):
            self.is_private = False
            self.writers |= {sender} - self.staff - {""}

    def request(self) -> DeskRequest | None:
        """The request, once every mail was heard."""
        if self.is_empty:
            return None
        digest = hashlib.sha256(self.id.encode("utf-8", "replace")).digest()
        number = tickets.FIRST_FOREIGN_NUMBER + int.from_bytes(digest[:8]) % NUMBERS
        return DeskRequest(
            id=self.id,
            number=number,
            status="solved" if self.last_by_staff else "open",
            created_at=self.first_at,
            updated_at=self.last_at,
            subject=self.subject,
            requester=self.requester,
            copies=tuple(sorted(self.writers - {self.requester})),
            channel="email",
            is_private=self.is_private,
        )


def _moment(mail: Incoming) -> str:
    """When it was written, or came; nothing where no field says so."""
    received = mail.fields.first("received").rpartition(";")[2]
    for written in (mail.fields.first("date"), received):
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            date = parsedate_to_datetime(written.strip())
            return stored(date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC))
    return ""


def _threads(heads: Sequence[MailHead]) -> Iterable[list[MailHead]]:
    """Mails that name each other, or the same one; in each the oldest comes first."""
    parents: dict[str, str] = {}

    def root(message_id: str) -> str:
        path = []
        while (parent := parents.setdefault(message_id, message_id)) != message_id:
            path.append(message_id)
            message_id = parent
        for name in path:
            parents[name] = message_id
        return message_id

    for head in heads:
        for reference in head.references:
            parents[root(reference)] = root(head.message_id)
    threads: dict[str, list[MailHead]] = {}
    for head in sorted(heads, key=lambda head: (head.at, head.place)):
        threads.setdefault(root(head.message_id), []).append(head)
    return threads.values()


def addresses_in(field: str) -> list[str]:
    """The addresses in a field such as From."""
    return list(addresses(field))
