"""Writing a batch of past tickets: what is new or has changed, in a handful of statements."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kbsearch import access, people, randomness, tickets
from kbsearch.access import OPERATOR
from kbsearch.clock import utc_now
from kbsearch.database import Database, Row, new_id, one_of
from kbsearch.errors import Invalid
from kbsearch.people import organisations
from kbsearch.people.organisations import Organisation, products
from kbsearch.site.importing import histories
from kbsearch.site.importing.attaching import FileFolder, Kept
from kbsearch.site.importing.records import LinkRecord, Numbered, TicketRecord
from kbsearch.site.importing.report import Report
from kbsearch.tickets import changes, readers, teams
from kbsearch.tickets import fields as vendor_fields

LOOKED_UP_AT_ONCE = 5000
LEAST_RESERVED = 1000  # numbers
ELSEWHERE = "elsewhere"  # in the place of the rule that said something before it came here
CHILDREN = (
    *("attachments", "messages", "ticket_copies", "ticket_tags", "ticket_readers"),
    "ticket_field_lines",
    "satisfaction",
)


@dataclass(frozen=True)
class Directory:
    """The ids behind the names and addresses of a batch."""

    people: dict[str, str]
    organisations: dict[str, Organisation]
    followers: dict[str, tuple[str, ...]]
    products: dict[str, str]
    answering: frozenset[str]  # ids of those who may be assigned
    teams: dict[str, str]


def store(
    db: Database,
    batch: Sequence[Numbered],
    report: Report,
    folder: FileFolder | None = None,
    *,
    rehearsal: bool = False,
) -> None:
    """Write a batch, all of it or nothing; the numbers in it differ from each other.

    A ticket that was opened or has gone on here has no source_hash: it is never overwritten, and
    what changed at its source since is only told.
    Its files are on the disk before the transaction begins. A rehearsal only counts.
    """
    if not batch:
        return
    kept = _keep_files(db, batch, report, folder, rehearsal=rehearsal) if folder else {}
    with db.atomic():
        there = _there(db, [item.record.number for item in batch])
        new: list[tuple[str, TicketRecord, str]] = []
        changed: list[tuple[str, TicketRecord, str]] = []
        unchanged = 0
        named = {*_teams(db), ""}
        for item in batch:
            if teams.key_of(item.record.team) not in named and not rehearsal:
                problem = Invalid("import.team_unknown", name=item.record.team)
                report.alter(item.line, str(item.record.number), problem)
            digest, ticket = item.record.digest, there.get(item.record.number)
            if ticket is None:
                new.append((_new_id(), item.record, digest))
            elif digest in (ticket["source_hash"], ticket["came_hash"]):
                unchanged += 1
            elif ticket["came_hash"] is not None and ticket["source_hash"] is None:
                went_on = Invalid("import.went_on_here", number=item.record.number)
                report.alter(item.line, str(item.record.number), went_on)
                unchanged += 1
            elif ticket["source_hash"] is None:
                number = item.record.number
                problem = Invalid("import.number_taken", number=number)
                report.refuse(item.line, str(number), problem)
            else:
                changed.append((ticket["id"], item.record, digest))
        if (new or changed) and not rehearsal:
            _write(db, new, changed, kept)
    report.created += len(new)
    report.updated += len(changed)
    report.unchanged += unchanged


def _keep_files(
    db: Database,
    batch: Sequence[Numbered],
    report: Report,
    folder: FileFolder,
    *,
    rehearsal: bool,
) -> Kept:
    """The files of what is new or has changed; one that may not be attached is left out."""
    there = _there(db, [item.record.number for item in batch])
    kept: Kept = {}
    for item in batch:
        row = there.get(item.record.number)
        if row is not None and row["source_hash"] in (None, item.record.digest):
            continue
        messages = item.record.messages
        for file in (*item.record.files, *(f for message in messages for f in message.files)):
            try:
                kept[file] = kept.get(file) or folder.take(file, rehearsal=rehearsal)
            except Invalid as problem:
                report.alter(item.line, str(item.record.number), problem)
    return kept


def link(db: Database, links: Iterable[LinkRecord]) -> None:
    """Tie tickets together that were imported, once both ends are there; done twice, it is once."""
    with db.atomic():
        for tie in links:
            db.execute(
                """
                UPDATE tickets SET follows_id = (SELECT f.id FROM tickets f WHERE f.number = :other)
                WHERE number = :number AND source_hash IS NOT NULL AND :other > 0
                """,
                {"number": tie.number, "other": tie.follows or 0},
            )
            db.execute(
                """
                INSERT INTO merges (ticket_id, into_id, before, at, person_id)
                SELECT t.id, o.id, :before, COALESCE(:at, t.updated_at),
                  (SELECT p.id FROM people p WHERE p.email = :by) FROM tickets t
                JOIN tickets o ON o.number = :other AND o.id <> t.id
                WHERE t.number = :number AND t.source_hash IS NOT NULL
                ON CONFLICT (ticket_id) DO UPDATE SET into_id = excluded.into_id
                """,
                {
                    "number": tie.number,
                    "other": tie.merged_into or 0,
                    "before": tie.merge.before,
                    "at": tie.merge.at,
                    "by": tie.merge.by,
                },
            )


def _new_id() -> str:
    """As unguessable as any id, but sorting by time: a batch then fills few pages of an index.

    Twice as fast as ids that fall all over an index of 300,000.
    """
    return f"{int(utc_now().timestamp()):x}{randomness.token(9)}"


def _there(db: Database, numbers: Sequence[int]) -> dict[int, Row]:
    places, values = one_of("number", numbers)
    rows = db.query(
        f"SELECT number, id, source_hash, came_hash FROM tickets WHERE number IN ({places})",  # noqa: S608
        values,
    )
    return {row["number"]: row for row in rows}


def _write(
    db: Database,
    new: Sequence[tuple[str, TicketRecord, str]],
    changed: Sequence[tuple[str, TicketRecord, str]],
    kept: Kept,
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
    messages = {id: list(_messages(id, record, directory)) for id, record, _ in items}
    events = {
        id: histories.rows(id, record, messages[id], directory.people, directory.teams)
        for id, record, _ in items
    }
    db.insert_many("messages", [message for rows in messages.values() for message in rows])
    histories.put(db, [event for rows in events.values() for event in rows])
    db.insert_many(
        "attachments",
        [f for id, record, _ in items for f in _files(id, record, messages[id], directory, kept)],
    )
    db.insert_many(
        "satisfaction", [s for id, record, _ in items for s in _ratings(id, record, directory)]
    )
    db.insert_many(
        "ticket_copies", [c for id, record, _ in items for c in _copied(id, record, directory)]
    )
    db.insert_many(
        "ticket_tags",
        [{"ticket_id": id, "tag": tag} for id, record, _ in items for tag in record.tags],
    )
    db.insert_many(
        "ticket_field_lines",
        [line for id, record, _ in items for line in vendor_fields.lines(id, dict(record.fields))],
    )
    db.insert_many(
        "ticket_readers", [r for id, record, _ in items for r in _readers(id, record, directory)]
    )
    _raise_counter(db, [record.number for _, record, _ in new])


def _update(db: Database, rows: Sequence[Row]) -> None:
    if not rows:
        return
    places, values = one_of("ticket", [row["id"] for row in rows])
    histories.clear(db, [row["id"] for row in rows])
    for table in CHILDREN:
        db.execute(f"DELETE FROM {table} WHERE ticket_id IN ({places})", values)  # noqa: S608
    settings = ", ".join(f"{column} = :{column}" for column in rows[0] if column != "id")
    for row in rows:
        db.execute(f"UPDATE tickets SET {settings} WHERE id = :id", row)  # noqa: S608


def _directory(db: Database, records: Sequence[TicketRecord]) -> Directory:
    addresses = {record.requester for record in records}
    addresses |= {address for record in records for address in record.copies}
    addresses |= {record.assignee for record in records}
    addresses |= {record.filed_by for record in records}
    addresses |= {name for record in records for event in record.events for name in event.people}
    addresses |= {message.author for record in records for message in record.messages}
    companies = {record.organisation for record in records} - {""}
    covered = {record.product for record in records} - {""}
    by_name = {name: organisations.ensure(db, OPERATOR, name) for name in sorted(companies)}
    return Directory(
        people=_people(db, sorted(addresses - {""})),
        organisations=by_name,
        followers={name: readers.followers(db, by_name[name].id) for name in by_name},
        products={name: products.ensure(db, OPERATOR, name).id for name in sorted(covered)},
        answering=frozenset(person_id for person_id, _ in people.list_answering(db)),
        teams=_teams(db),
    )


def _people(db: Database, addresses: Sequence[str]) -> dict[str, str]:
    ids: dict[str, str] = {}
    for start in range(0, len(addresses), LOOKED_UP_AT_ONCE):
        places, values = one_of("email", addresses[start : start + LOOKED_UP_AT_ONCE])
        rows = db.query(f"SELECT email, id FROM people WHERE email IN ({places})", values)  # noqa: S608
        ids |= {row["email"]: row["id"] for row in rows}
    return ids


def _teams(db: Database) -> dict[str, str]:
    """The ids of teams by what their names are compared by."""
    return {teams.key_of(team.name): team.id for team in teams.list_all(db, OPERATOR)}


def _ticket(id: str, record: TicketRecord, digest: str, revision: int, directory: Directory) -> Row:
    requester = directory.people.get(record.requester)
    organisation = directory.organisations.get(record.organisation)
    assignee = directory.people.get(record.assignee)
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
        "channel": record.channel or None,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "solved_at": record.solved_at,
        "closed_at": record.closed_at,
        "fields": json.dumps(dict(record.fields), ensure_ascii=False),
        "typed": int(record.typed),
        "quoted": record.quoted,
        "message_id": record.message_id or None,
        "filed_by_id": directory.people.get(record.filed_by),
        "source_hash": digest,
        "came_hash": digest,
        "revision": revision,
        "assignee_id": assignee if assignee in directory.answering else None,
        "team_id": directory.teams.get(teams.key_of(record.team)),
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
            "typed": int(message.typed),
            "quoted": message.quoted,
            "thanks": message.thanks,
            "rule_id": ELSEWHERE if message.automatic else None,
            "revision": 0,
        }


def _files(
    id: str, record: TicketRecord, messages: Sequence[Row], directory: Directory, kept: Kept
) -> Iterable[Row]:
    """Rows of the files: those of the description, then those of each message."""
    author = directory.people.get(record.requester)
    places = [(record.files, None, author, record.created_at)]
    places += [
        (message.files, row["id"], row["author_id"], row["at"])
        for message, row in zip(record.messages, messages, strict=True)
    ]
    for files, message_id, person_id, at in places:
        for file in dict.fromkeys(file for file in files if file in kept):
            yield {
                **kept[file].row,
                "id": new_id(),
                "person_id": person_id,
                "ticket_id": id,
                "message_id": message_id,
                "created_at": at,
            }


def _ratings(id: str, record: TicketRecord, directory: Directory) -> Iterable[Row]:
    """What the requester thought of it, where they have an account."""
    person_id = directory.people.get(record.requester)
    if record.rating and person_id:
        yield {
            "ticket_id": id,
            "person_id": person_id,
            "is_good": int(record.rating.is_good),
            "why": record.rating.why,
            "answered_at": record.rated_at or record.solved_at or record.updated_at,
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


def reserve_numbers(db: Database) -> None:
    """Number what is filed here well above what came: its source may go on for a while.

    Once they are reserved, or requests of ours above, nothing changes any more.
    """
    rows = db.query(
        "SELECT MAX(number) AS n FROM tickets WHERE came_hash IS NOT NULL AND number < :foreign",
        {"foreign": tickets.FIRST_FOREIGN_NUMBER},
    )
    largest = rows[0]["n"] or 0
    reserved = max(LEAST_RESERVED, largest // 10)
    db.execute(
        "UPDATE counters SET value = :n WHERE name = 'ticket' AND value <= :largest AND value > 0",
        {"n": -(-(largest + reserved) // LEAST_RESERVED) * LEAST_RESERVED, "largest": largest},
    )


def _raise_counter(db: Database, numbers: Iterable[int]) -> None:
    """The next request filed here gets a number above the ones taken over."""
    native = [number for number in numbers if number < tickets.FIRST_FOREIGN_NUMBER]
    if native:
        db.execute(
            "UPDATE counters SET value = :n WHERE name = 'ticket' AND value < :n",
            {"n": max(native)},
        )
