"""Past tickets, one record a line: each is checked here, a thousand at a time are written."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from kbsearch.config import LANGUAGES
from kbsearch.database import Database
from kbsearch.errors import Invalid
from kbsearch.files.store import FileStore
from kbsearch.people.organisations import slugs
from kbsearch.search.fulltext.text import detect_language
from kbsearch.site.importing import attaching, fields, lines, storing
from kbsearch.site.importing.attaching import FileFolder
from kbsearch.site.importing.lines import Format, Line
from kbsearch.site.importing.report import Report
from kbsearch.site.importing.storing import Link, MessageRecord, Numbered, TicketRecord
from kbsearch.tickets import tags
from kbsearch.tickets.codes import CHANNELS, SEVERITIES, STATUSES
from kbsearch.tickets.conversation.satisfaction import MAX_WHY, Rating

BATCH = 1000
MAX_SUBJECT = 500
MAX_BODY = 200_000
MAX_VERSION = 80
MAX_AUTHOR = 254
MAX_MESSAGES = 2000
MAX_COPIES = 500
MAX_MESSAGE_ID = 990

Alter = Callable[[Invalid], None]


def run(
    db: Database,
    path: Path,
    *,
    written_as: Format | None = None,
    report: Report | None = None,
    progress: Callable[[int], None] = lambda position: None,
    store: FileStore | None = None,
) -> Report:
    """Take a file in, with the attachments that lie beside it.

    Interrupted, it is simply run again: what is there already stays as it is. Each batch is one
    transaction; `progress` hears how many bytes have been read after it.
    """
    read = lines.read(path, written_as or lines.format_of(path))
    folder = FileFolder(path.parent, store) if store else None
    return take_in(db, read, report or Report(), progress, folder)


def take_in(
    db: Database,
    read: Iterable[Line],
    report: Report,
    progress: Callable[[int], None] = lambda position: None,
    folder: FileFolder | None = None,
    *,
    rehearsal: bool = False,
) -> Report:
    """Take in records from wherever they come; a rehearsal says what would become of them."""
    numbers: set[int] = set()
    links: list[Link] = []
    batch: list[Numbered] = []
    position = 0
    for line in read:
        position = line.position
        record = _take(line, numbers, report)
        if record is not None:
            batch.append(Numbered(line.number, record))
            if record.follows or record.merged_into:
                links.append(Link(record.number, record.follows, record.merged_into))
        if len(batch) == BATCH:
            storing.store(db, batch, report, folder, rehearsal=rehearsal)
            batch = []
            progress(position)
    storing.store(db, batch, report, folder, rehearsal=rehearsal)
    if not rehearsal:
        storing.link(db, links)
    progress(position)
    return report


def _take(line: Line, numbers: set[int], report: Report) -> TicketRecord | None:
    number = str(line.values.get("number", ""))[:20]
    if line.notice is not None:
        report.alter(line.number, number, line.notice)
    try:
        if line.problem is not None:
            raise line.problem
        record = parse(line.values, lambda cut: report.alter(line.number, number, cut))
        if record.number in numbers:
            raise Invalid("import.number_repeated", number=record.number)
    except Invalid as problem:
        report.refuse(line.number, number, problem)
        return None
    numbers.add(record.number)
    return record


def parse(values: Mapping[str, Any], alter: Alter) -> TicketRecord:
    """The record a line means; raises Invalid. `alter` hears what could not be kept of it."""
    number = fields.number(values, "number")
    subject = fields.required(" ".join(fields.text(values, "subject").split()), "subject")
    status = fields.choice(values, "status", STATUSES)
    messages = _messages(values, alter)
    created_at = fields.moment(values, "created_at")
    created_at = fields.required(
        created_at or min((m.at for m in messages), default=""), "created_at"
    )
    messages = tuple(sorted((m if m.at else m.dated(created_at) for m in messages), key=_moment))
    solved_at = fields.moment(values, "solved_at")
    if solved_at is not None and solved_at < created_at:
        raise Invalid("import.solved_before_created", solved=solved_at, created=created_at)
    latest = max(created_at, solved_at or "", *(m.at for m in messages))
    description = _cut(fields.text(values, "description"), "description", MAX_BODY, alter)
    record = TicketRecord(
        number=number,
        subject=_cut(subject, "subject", MAX_SUBJECT, alter),
        description=description,
        language=_language(values),
        requester=_address(fields.text(values, "requester"), "requester", alter),
        organisation=fields.name(values, "organisation", slugs.MAX_NAME),
        copies=_copies(values, alter),
        product=fields.name(values, "product", slugs.MAX_NAME),
        version=fields.name(values, "version", MAX_VERSION),
        severity=fields.choice(values, "severity", SEVERITIES) or "minor",
        status=fields.required(status or "", "status"),
        confidential=fields.flag(values, "confidential"),
        created_at=created_at,
        updated_at=fields.moment(values, "updated_at") or latest,
        solved_at=solved_at,
        messages=messages,
        tags=_tags(values, alter),
        assignee=_address(fields.text(values, "assignee"), "assignee", alter),
        team=fields.name(values, "team", slugs.MAX_NAME),
        follows=_other(values, "follows", number),
        merged_into=_other(values, "merged_into", number),
        rating=_rating(values, alter),
        files=attaching.records(values.get("attachments")),
        channel=fields.choice(values, "channel", CHANNELS) or "",
    )
    return record.detected(detect_language) if not record.language else record


def _messages(values: Mapping[str, Any], alter: Alter) -> tuple[MessageRecord, ...]:
    messages = values.get("messages")
    if isinstance(messages, str):
        try:
            messages = json.loads(messages) if messages.strip() else None
        except (ValueError, RecursionError):
            raise Invalid("import.wrong_type", field="messages", expected="JSON") from None
    if messages is None:
        return ()
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise Invalid("import.wrong_type", field="messages", expected="[{…}]")
    if len(messages) > MAX_MESSAGES:
        raise Invalid("import.too_many", field="messages", limit=MAX_MESSAGES)
    return tuple(_message(message, alter) for message in messages)


def _message(values: Mapping[str, Any], alter: Alter) -> MessageRecord:
    author = fields.name(values, "author", MAX_AUTHOR)
    return MessageRecord(
        author=fields.address(author) or author,  # a name, where the source has no address
        at=fields.moment(values, "at") or "",
        body=_cut(fields.text(values, "body"), "body", MAX_BODY, alter),
        internal=fields.flag(values, "internal"),
        solution=fields.flag(values, "solution"),
        message_id=fields.name(values, "message_id", MAX_MESSAGE_ID).strip("<> "),
        files=attaching.records(values.get("attachments")),
    )


def _moment(message: MessageRecord) -> str:
    return message.at


def _copies(values: Mapping[str, Any], alter: Alter) -> tuple[str, ...]:
    texts = fields.names(values, "cc")
    if len(texts) > MAX_COPIES:
        raise Invalid("import.too_many", field="cc", limit=MAX_COPIES)
    addresses = {_address(text, "cc", alter) for text in texts}
    return tuple(sorted(addresses - {""}))


def _other(values: Mapping[str, Any], field: str, number: int) -> int | None:
    """The number of another ticket, where there is one."""
    if values.get(field) in (None, ""):
        return None
    other = fields.number(values, field)
    return None if other == number else other


def _rating(values: Mapping[str, Any], alter: Alter) -> Rating | None:
    """`{"score": "good", "comment": "…"}`; in a table the score alone."""
    value = values.get("satisfaction")
    if value in (None, ""):
        return None
    said = value if isinstance(value, dict) else {"score": value}
    score = fields.choice(said, "score", ("good", "bad"))
    why = _cut(fields.text(said, "comment"), "satisfaction", MAX_WHY, alter)
    return Rating(score == "good", why) if score else None


def _tags(values: Mapping[str, Any], alter: Alter) -> tuple[str, ...]:
    names = sorted({tags.normal(name) for name in fields.names(values, "tags")} - {""})
    if any(len(name) > tags.MAX_LENGTH for name in names):
        alter(Invalid("import.cut", field="tags", limit=tags.MAX_LENGTH))
    names = sorted({name[: tags.MAX_LENGTH] for name in names})
    if len(names) > tags.MOST:
        alter(Invalid("import.tags_left_out", limit=tags.MOST))
    return tuple(names[: tags.MOST])


def _address(text: str, field: str, alter: Alter) -> str:
    address = fields.address(text) if text else ""
    if address is None:
        alter(Invalid("import.no_address", field=field, value=text[:80]))
    return address or ""


def _language(values: Mapping[str, Any]) -> str:
    """`fr` of `fr-FR`; empty for a language that is not offered: the text decides."""
    language = fields.text(values, "language")[:2].lower()
    return language if language in LANGUAGES else ""


def _cut(text: str, field: str, limit: int, alter: Alter) -> str:
    if len(text) > limit:
        alter(Invalid("import.cut", field=field, limit=limit))
    return text[:limit]
