"""Past tickets, one record a line: each is checked here, a thousand at a time are written."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from kbsearch.config import LANGUAGES
from kbsearch.database import Database
from kbsearch.errors import Invalid
from kbsearch.files.store import FileStore
from kbsearch.form_fields import MAX_FIELDS, text_of
from kbsearch.people.organisations import slugs
from kbsearch.search.fulltext.text import detect_language
from kbsearch.site.importing import attaching, fields, histories, lines, storing
from kbsearch.site.importing.attaching import FileFolder
from kbsearch.site.importing.lines import Format, Line
from kbsearch.site.importing.records import (
    LinkRecord,
    MergeRecord,
    MessageRecord,
    Numbered,
    TicketRecord,
)
from kbsearch.site.importing.report import Report
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
MAX_ANSWER = 10_000
MAX_ANSWER_NAME = 200
THANKS = ("taken", "undone")  # for a mere thanks; the first is kept as 1

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
    links: list[LinkRecord] = []
    batch: list[Numbered] = []
    position = 0
    for line in read:
        position = line.position
        record = _take(line, numbers, report)
        if record is not None:
            batch.append(Numbered(line.number, record))
            if record.follows or record.merged_into:
                merge = record.merge or MergeRecord()
                links.append(LinkRecord(record.number, record.follows, record.merged_into, merge))
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
        closed_at=fields.moment(values, "closed_at"),
        fields=_answers(values, alter),
        filed_by=_address(fields.text(values, "filed_by"), "filed_by", alter),
        typed=fields.flag(values, "typed"),
        quoted=_cut(fields.text(values, "quoted"), "quoted", MAX_BODY, alter),
        message_id=_message_id(values),
        rated_at=_rated_at(values),
        merge=_merge(values, alter),
        events=histories.parse(values, len(messages)),
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
        message_id=_message_id(values),
        files=attaching.records(values.get("attachments")),
        typed=fields.flag(values, "typed"),
        quoted=_cut(fields.text(values, "quoted"), "quoted", MAX_BODY, alter),
        thanks=_thanks(values),
        automatic=fields.flag(values, "automatic"),
    )


def _thanks(values: Mapping[str, Any]) -> int:
    choice = fields.choice(values, "thanks", THANKS)
    return THANKS.index(choice) + 1 if choice else 0


def _message_id(values: Mapping[str, Any]) -> str:
    return fields.name(values, "message_id", MAX_MESSAGE_ID).strip("<> ")


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


def _rated_at(values: Mapping[str, Any]) -> str | None:
    value = values.get("satisfaction")
    return fields.moment(value, "at") if isinstance(value, dict) else None


def _merge(values: Mapping[str, Any], alter: Alter) -> MergeRecord | None:
    """`{"at", "by", "before"}`: when, by whom, and the status it would have again."""
    merge = values.get("merge")
    if merge is None:
        return None
    if not isinstance(merge, dict):
        raise Invalid("import.wrong_type", field="merge", expected="{…}")
    return MergeRecord(
        before=fields.choice(merge, "before", STATUSES) or "open",
        at=fields.moment(merge, "at"),
        by=_address(fields.text(merge, "by"), "by", alter),
    )


def _answers(values: Mapping[str, Any], alter: Alter) -> tuple[tuple[str, str], ...]:
    """What the fields of the form were answered, by their names."""
    answers = values.get("fields")
    if answers is None:
        return ()
    if not isinstance(answers, dict):
        raise Invalid("import.wrong_type", field="fields", expected='{"…": "…"}')
    texts = {name: _answer(value) for name, value in answers.items()}
    if len(texts) > MAX_FIELDS or any(len(name) > MAX_ANSWER_NAME for name in texts):
        raise Invalid("import.too_many", field="fields", limit=MAX_FIELDS)
    return tuple(
        (name, _cut(fields.text(texts, name), name, MAX_ANSWER, alter))
        for name, text in texts.items()
        if text
    )


def _answer(value: object) -> str:
    """An answer as a text; several in a list are one, line by line."""
    if isinstance(value, list):
        return "\n".join(map(_answer, value))
    return text_of(value) if isinstance(value, str | int | float | bool) else ""


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
