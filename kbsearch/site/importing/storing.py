"""Writing a batch of past tickets: what is new or has changed, in a handful of statements."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kbsearch import access, randomness, tickets
from kbsearch.access import OPERATOR
from kbsearch.clock import utc_now
from kbsearch.database import Database, Row, one_of
from kbsearch.errors import Invalid
from kbsearch.people import organisations
from kbsearch.people.organisations import Organisation, products
from kbsearch.site.importing.report import Report
from kbsearch.tickets import changes, readers

LOOKED_UP_AT_ONCE = 5000
CHILDREN = ("messages", "ticket_copies", "ticket_tags", "ticket_readers")


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A message as the source has it; `author` is an address, a name, or empty."""

    author: str
    at: str
    body: str
    internal: bool
    solution: bool
    message_id: str = ""  # of its letter, without angle brackets

    @property
    def values(self) -> list[object]:
        """What its ticket's digest is made of; a letter's id only where there is one."""
        values = [getattr(self, name) for name in MESSAGE_FIELDS]
        return values if self.message_id else values[:-1]

    def dated(self, at: str) -> "MessageRecord":
        """The same with a moment, for a source that gives none."""
        return dataclasses.replace(self, at=at)


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

    def detected(self, detect: Callable[[str], str]) -> "TicketRecord":
        """The same in the language its text is written in."""
        opening = " ".join(message.body for message in self.messages[:3])
        language = detect(f"{self.subject} {self.description} {opening}")
        return dataclasses.replace(self, language=language)

    @property
    def digest(self) -> str:
        """Changes when anything of the record does; of tags only where there are some."""
        names = TICKET_FIELDS if self.tags else TICKET_FIELDS[:-1]
        values = [getattr(self, name) for name in names]
        messages = [message.values for message in self.messages]
        return hashlib.sha256(repr((values, messages)).encode()).hexdigest()


TICKET_FIELDS = tuple(f.name for f in dataclasses.fields(TicketRecord) if f.name != "messages")
MESSAGE_FIELDS = tuple(f.name for f in dataclasses.fields(MessageRecord))


@dataclass(frozen=True, slots=True)
class Numbered:
    """A record and the line it came from."""

    line: int
    record: TicketRecord


@dataclass(frozen=True)
class Directory:
    """The ids behind the names and addresses of a batch."""

    people: dict[str, str]
    organisations: dict[str, Organisation]
    followers: dict[str, tuple[str, ...]]
    products: dict[str, str]


def store(db: Database, batch: Sequence[Numbered], report: Report) -> None:
    """Write a batch, all of it or nothing; the numbers in it differ from each other.

    A ticket that was opened or has gone on here has no source_hash: it is never overwritten.
    """
    if not batch:
        return
    with db.atomic():
        there = _there(db, [item.record.number for item in batch])
        new: list[tuple[str, TicketRecord, str]] = []
        changed: list[tuple[str, TicketRecord, str]] = []
        unchanged = 0
        for item in batch:
            digest, ticket = item.record.digest, there.get(item.record.number)
            if ticket is None:
                new.append((_new_id(), item.record, digest))
            elif ticket["source_hash"] is None:
                number = item.record.number
                problem = Invalid("import.number_taken", number=number)
                report.refuse(item.line, str(number), problem)
            elif ticket["source_hash"] == digest:
                unchanged += 1
            else:
                changed.append((ticket["id"], item.record, digest))
        if new or changed:
            _write(db, new, changed)
    report.created += len(new)
    report.updated += len(changed)
    report.unchanged += unchanged


def _new_id() -> str:
    """As unguessable as any id, but sorting by time: a batch then fills few pages of an index.

    Twice as fast as ids that fall all over an index of 300,000.
    """
    return f"{int(utc_now().timestamp()):x}{randomness.token(9)}"


def _there(db: Database, numbers: Sequence[int]) -> dict[int, Row]:
    places, values = one_of("number", numbers)
    rows = db.query(
        f"SELECT number, id, source_hash FROM tickets WHERE number IN ({places})",  # noqa: S608
        values,
    )
    return {row["number"]: row for row in rows}


def _write(
    db: Database,
    new: Sequence[tuple[str, TicketRecord, str]],
    changed: Sequence[tuple[str, TicketRecord, str]],
) -> None:
    items = [*new, *changed]
    directory = _directory(db, [record for _, record, _ in items])
    first = changes.reserve_revisions(db, len(items))
    rows = [
        _ticket(ticket_id, record, digest, first + place, directory)
        for place, (ticket_id, record, digest) in enumerate(items)
    ]
    db.insert_many("tickets", rows[: len(new)])
    _update(db, rows[len(new) :])
    db.insert_many(
        "messages", [m for id, record, _ in items for m in _messages(id, record, directory)]
    )
    db.insert_many(
        "ticket_copies", [c for id, record, _ in items for c in _copied(id, record, directory)]
    )
    db.insert_many(
        "ticket_tags",
        [{"ticket_id": id, "tag": tag} for id, record, _ in items for tag in record.tags],
    )
    db.insert_many(
        "ticket_readers", [r for id, record, _ in items for r in _readers(id, record, directory)]
    )
    _raise_counter(db, [record.number for _, record, _ in new])


def _update(db: Database, rows: Sequence[Row]) -> None:
    if not rows:
        return
    places, values = one_of("ticket", [row["id"] for row in rows])
    for table in CHILDREN:
        db.execute(f"DELETE FROM {table} WHERE ticket_id IN ({places})", values)  # noqa: S608
    settings = ", ".join(f"{column} = :{column}" for column in rows[0] if column != "id")
    for row in rows:
        db.execute(f"UPDATE tickets SET {settings} WHERE id = :id", row)  # noqa: S608


def _directory(db: Database, records: Sequence[TicketRecord]) -> Directory:
    addresses = {record.requester for record in records}
    addresses |= {address for record in records for address in record.copies}
    addresses |= {message.author for record in records for message in record.messages}
    companies = {record.organisation for record in records} - {""}
    covered = {record.product for record in records} - {""}
    by_name = {name: organisations.ensure(db, OPERATOR, name) for name in sorted(companies)}
    return Directory(
        people=_people(db, sorted(addresses - {""})),
        organisations=by_name,
        followers={name: readers.followers(db, by_name[name].id) for name in by_name},
        products={name: products.ensure(db, OPERATOR, name).id for name in sorted(covered)},
    )


def _people(db: Database, addresses: Sequence[str]) -> dict[str, str]:
    ids: dict[str, str] = {}
    for start in range(0, len(addresses), LOOKED_UP_AT_ONCE):
        places, values = one_of("email", addresses[start : start + LOOKED_UP_AT_ONCE])
        rows = db.query(f"SELECT email, id FROM people WHERE email IN ({places})", values)  # noqa: S608
        ids |= {row["email"]: row["id"] for row in rows}
    return ids


def _ticket(id: str, record: TicketRecord, digest: str, revision: int, directory: Directory) -> Row:
    requester = directory.people.get(record.requester)
    organisation = directory.organisations.get(record.organisation)
    return {
        "id": id,
        "number": record.number,
        "subject": record.subject,
        "description": record.description,
        "language": record.language,
        "requester_id": requester,
        "requester_email": None if requester else record.requester or None,
        "organisation_id": organisation.id if organisation else None,
        "product_id": directory.products.get(record.product),
        "version": record.version or None,
        "severity": record.severity,
        "status": record.status,
        "confidential": int(record.confidential),
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "solved_at": record.solved_at,
        "source_hash": digest,
        "revision": revision,
    }


def _messages(id: str, record: TicketRecord, directory: Directory) -> Iterable[Row]:
    for position, message in enumerate(record.messages):
        author = directory.people.get(message.author)
        yield {
            "id": _new_id(),
            "ticket_id": id,
            "position": position,
            "author_id": author,
            "author_email": None if author else message.author or None,
            "at": message.at,
            "body": message.body,
            "internal": int(message.internal),
            "solution": int(message.solution),
            "message_id": message.message_id or None,
        }


def _copied(id: str, record: TicketRecord, directory: Directory) -> Iterable[Row]:
    for address in record.copies:
        yield {"ticket_id": id, "email": address, "person_id": directory.people.get(address)}


def _readers(id: str, record: TicketRecord, directory: Directory) -> Iterable[Row]:
    organisation = directory.organisations.get(record.organisation)
    is_open = organisation is not None and not record.confidential
    principals = access.ticket_readers(
        directory.people.get(record.requester),
        [directory.people[address] for address in record.copies if address in directory.people],
        organisation.slug if organisation else None,
        shared=is_open and organisation is not None and organisation.sharing == "everyone",
        followers=directory.followers[record.organisation] if is_open else (),
    )
    for principal in principals:
        yield {"ticket_id": id, "word": principal}


def _raise_counter(db: Database, numbers: Iterable[int]) -> None:
    """The next request filed here gets a number above the ones taken over."""
    native = [number for number in numbers if number < tickets.FIRST_FOREIGN_NUMBER]
    if native:
        db.execute(
            "UPDATE counters SET value = :n WHERE name = 'ticket' AND value < :n",
            {"n": max(native)},
        )
