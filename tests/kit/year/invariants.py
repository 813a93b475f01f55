"""What must hold of requests, messages, letters and moments; what people see is apart."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from kbsearch.clock import parsed, stored
from kbsearch.errors import NotFound
from kbsearch.files import places
from kbsearch.people.accounts import sessions
from kbsearch.tickets.conversation import satisfaction
from tests.kit.requests import path_of
from tests.kit.year.inspection import Inspection, holds
from tests.kit.year.play import PARIS
from tests.kit.year.records import WORD, SentMessage

HOUR = timedelta(hours=1)
FIRST_NUMBER = 1001
SWEPT = timedelta(days=15)  # after which a file that nobody names has gone
OVER = timedelta(days=8)  # after which no session opens
EDGES = {
    "new": {"open", "pending", "solved"},
    "open": {"pending", "solved"},
    "pending": {"open", "solved"},
    "solved": {"open", "pending", "closed"},
    "closed": set[str](),
}


@holds("now and then")
def acknowledged_requests_are_there_once(look: Inspection) -> Iterator[str]:
    """Whoever was told that a request is filed finds it, once, under its number."""
    words = Counter(word for row in look.books.tickets for word in WORD.findall(row["description"]))
    numbers = {row["id"]: row["number"] for row in look.books.tickets}
    for word, request in look.records.requests.items():
        if words[word] != 1 or numbers.get(request.id) != request.number:
            yield f"#{request.number} {word} is there {words[word]} times"


@holds("now and then")
def acknowledged_messages_are_there_once(look: Inspection) -> Iterator[str]:
    """Whoever was told that an answer or a note is sent finds it once; held ones once they left."""
    places = Counter(
        (row["ticket_id"], row["author_id"], row["body"]) for row in look.books.messages
    )
    for place, count in places.items():
        if count > 1 and "z" in place[2]:
            yield f"{count} times {place[2]!r}"
    for message in look.records.messages.values():
        count = sum(message.word in row["body"] for row in look.books.messages)
        if not message.leaves_at and not count:
            yield f"{message.word} by {message.author} is not there"


@holds("now and then")
def notes_stay_notes(look: Inspection) -> Iterator[str]:
    """What was sent as a note is one, and what was sent as an answer is none."""
    for row in look.books.messages:
        for message in map(look.records.messages.get, WORD.findall(row["body"])):
            if message and message.key == row["form_key"] and message.is_note != row["internal"]:
                yield f"{message.word} is {'a note' if row['internal'] else 'an answer'}"


@holds("daily")
def held_answers_leave_once_and_not_before_their_time(look: Inspection) -> Iterator[str]:
    """An answer that is held leaves once, when it is due, unless it was called back."""
    held = [message for message in look.records.messages.values() if message.leaves_at]
    drafts = {row["form_key"]: row for row in look.books.drafts}
    by_key = {row["form_key"]: row for row in look.books.messages}
    for message in held:
        row, draft = by_key.get(message.key), drafts.get(message.key)
        if row is not None and row["at"] < message.leaves_at:
            yield f"{message.word} left at {row['at']}, before {message.leaves_at}"
        if row is not None and message.is_called_back:
            yield f"{message.word} left though it was called back"
        if row is not None and draft is not None:
            yield f"{message.word} left, and is a draft"
        if row is None and draft is None and not _is_old(look, message):
            yield f"{message.word} has neither left nor is it a draft"
        if draft is not None and draft["leaves_at"] and _is_late(look, message):
            yield f"{message.word} should have left at {message.leaves_at}"


@holds("now and then")
def acknowledged_files_are_there_once(look: Inspection) -> Iterator[str]:
    """A file that went along with something is there, once, whole on the disk."""
    store = places.attached(look.year.settings)
    rows = Counter(
        (row["ticket_id"], row["message_id"], row["sha256"]) for row in look.books.attachments
    )
    messages = {row["form_key"]: row["id"] for row in look.books.messages if row["form_key"]}
    sent = [(one.id, None, one.files) for one in look.records.requests.values()]
    for message in look.records.messages.values():
        if message.key in messages:
            sent.append((message.ticket_id, messages[message.key], message.files))
    for ticket, message_id, files in sent:
        for digest in files:
            if rows[ticket, message_id, digest] != 1 or not path_of(store, digest).is_file():
                yield f"{digest[:8]} of {ticket} is there {rows[ticket, message_id, digest]} times"


@holds("now and then")
def numbers_are_those_of_filing(look: Inspection) -> Iterator[str]:
    """Requests are numbered one after the other, in the order in which they were filed."""
    numbers = [row["number"] for row in look.books.tickets]
    if numbers != list(range(FIRST_NUMBER, FIRST_NUMBER + len(numbers))):
        yield f"{numbers}"
    filed = look.books.db.query(
        """
        SELECT t.number FROM ticket_events e JOIN tickets t ON t.id = e.ticket_id
        WHERE e.kind = 'ticket.opened' ORDER BY e.revision
        """
    )
    if [row["number"] for row in filed] != numbers:
        yield "they were not filed in the order of their numbers"


@holds("now and then")
def statuses_go_the_ways_that_there_are(look: Inspection) -> Iterator[str]:
    """Each change begins where the last one ended and goes a way that is allowed."""
    statuses, merged = {row["id"]: "new" for row in look.books.tickets}, set[str]()
    for event in look.books.events:
        if event["field"] != "status":
            continue
        before, after = event["before"], event["after"]
        if before != statuses[event["ticket_id"]]:
            yield f"{event['ticket_id']} was {statuses[event['ticket_id']]}, not {before}"
        if event["kind"] == "ticket.merged":
            merged.add(event["ticket_id"])
        elif after not in EDGES[before]:
            yield f"{event['ticket_id']}: {before} to {after}"
        statuses[event["ticket_id"]] = after
    for row in look.books.tickets:
        if row["status"] != statuses[row["id"]]:
            yield f"#{row['number']} is {row['status']}, not {statuses[row['id']]}"


@holds("daily")
def closed_requests_stay_closed(look: Inspection) -> Iterator[str]:
    """What was closed is closed, and says since when."""
    closed = {row["id"] for row in look.books.tickets if row["status"] == "closed"}
    yield from (f"{ticket} is open again" for ticket in sorted(look.closed - closed))
    look.closed = closed
    for row in look.books.tickets:
        if (row["closed_at"] is not None) != (row["status"] == "closed"):
            yield f"#{row['number']} is {row['status']}, closed at {row['closed_at']}"


@holds("now and then")
def quiet_solved_requests_are_closed(look: Inspection) -> Iterator[str]:
    """Nothing stays solved longer than the settings say, but for some days: a worker may die."""
    days = look.year.settings.close_after_days
    before = stored(look.year.clock.moment - timedelta(days=days + 9))
    for row in look.books.tickets:
        if (
            row["status"] == "solved"
            and row["solved_at"] < before
            and not look.year.machine.is_full
        ):
            yield f"#{row['number']} is solved since {row['solved_at']}"


@holds("now and then")
def moments_go_forward(look: Inspection) -> Iterator[str]:
    """In a conversation nothing is dated before what came first, but for a jump of the clock."""
    for one, next_one in zip(look.books.events, look.books.events[1:], strict=False):
        if one["ticket_id"] == next_one["ticket_id"] and next_one["at"] < one["at"]:
            first, last = parsed(next_one["at"]) - 2 * HOUR, parsed(one["at"]) + 2 * HOUR
            if not any(first <= jump <= last for jump in look.records.jumps):
                yield f"{one['ticket_id']}: {next_one['at']} after {one['at']}"


@holds("now and then")
def nothing_is_sent_twice(look: Inspection) -> Iterator[str]:
    """Nobody gets a letter again, but for one that a worker died at after it had left."""
    letters = Counter((one.message_id, one.recipient) for one in look.records.letters)
    doubles = {key: count for key, count in letters.items() if count > 1}
    if sum(doubles.values()) - len(doubles) > look.records.worker_deaths:
        yield f"{doubles}"
    notices = look.books.db.query(
        """
        SELECT event_id, person_id, channel FROM notices
        GROUP BY event_id, person_id, channel HAVING COUNT(*) > 1
        """
    )
    yield from (f"two notices: {row}" for row in notices)


@holds("now and then")
def what_is_settled_as_sent_has_left(look: Inspection) -> Iterator[str]:
    """A notice that says it was sent is a letter with the number of its event."""
    left = {
        (one.message_id.strip("<>").partition("@")[0], one.recipient)
        for one in look.records.letters
    }
    rows = look.books.db.query(
        """
        SELECT n.event_id, p.email FROM notices n JOIN people p ON p.id = n.person_id
        WHERE n.outcome = 'sent' AND n.channel = 'mail' AND n.gathers_at IS NULL
        """
    )
    for row in rows:
        if (row["event_id"], row["email"]) not in left:
            yield f"{row['email']} did not get {row['event_id']}"


@holds("now and then")
def notes_are_in_no_letter_to_a_customer(look: Inspection) -> Iterator[str]:
    """The words of a note leave to agents alone."""
    staff = {row["email"] for row in look.books.people if row["role"] != "customer"}
    for letter in look.records.letters[-200:]:
        for word in letter.words:
            if word.startswith("zn") and letter.recipient not in staff:
                yield f"{letter.recipient} reads {word}"


@holds("now and then")
def digests_come_once_a_day_at_most(look: Inspection) -> Iterator[str]:
    """What is gathered for a morning is told in one letter a day of its reader."""
    rows = look.books.db.query(
        """
        SELECT DISTINCT n.settled_at, p.email FROM notices n JOIN people p ON p.id = n.person_id
        WHERE p.digest = 'daily' AND n.gathers_at IS NOT NULL AND n.outcome = 'sent'
        ORDER BY n.settled_at
        """
    )
    days = Counter(
        (row["email"], parsed(row["settled_at"]).astimezone(PARIS).date()) for row in rows
    )
    jumps = {jump.astimezone(PARIS).date() for jump in look.records.jumps}
    for (email, day), count in days.items():
        if count > 1 and not jumps & {day, day - timedelta(days=1)}:
            yield f"{email} gets {count} on {day}"


@holds("daily")
def drafts_are_kept_until_they_are_sent(look: Inspection) -> Iterator[str]:
    """What is typed and not sent is there for as long as the settings say."""
    since = look.year.clock.moment - timedelta(days=look.year.settings.draft_days - 1)
    keys = {row["form_key"] for row in look.books.drafts}
    filed = {row["form_key"] for row in look.books.tickets}
    for draft in look.records.drafts.values():
        if draft.saved_at > since and draft.key not in keys | filed:
            yield f"{draft.word} of {draft.author} is gone"


@holds("now and then")
def the_audit_log_only_grows(look: Inspection) -> Iterator[str]:
    """No row of the security log goes away or says something else."""
    rows = look.books.db.query("SELECT * FROM security_log ORDER BY id")
    log = {row["id"]: json.dumps(row) for row in rows}
    for key, line in look.audit.items():
        if log.get(key) != line:
            yield f"{line} became {log.get(key)}"
    look.audit = log


@holds("daily")
def the_worker_has_no_defects(look: Inspection) -> Iterator[str]:
    """No step of the worker fails, but on a disk that is full."""
    yield from look.year.machine.defects


@holds("now and then")
def the_outbox_drains(look: Inspection) -> Iterator[str]:
    """Nothing waits that was due hours ago, and nothing was given up."""
    before = stored(look.year.clock() - 3 * HOUR)
    rows = look.books.db.query(
        """
        SELECT kind, subject, due_at, dead_at, problem FROM outbox
        WHERE dead_at IS NOT NULL OR done_at IS NULL AND due_at < :before
        """,
        {"before": before},
    )
    yield from (f"{row}" for row in rows)


@holds("at the end")
def nothing_is_left_to_do(look: Inspection) -> Iterator[str]:
    """Once the world is quiet, the outbox is empty."""
    rows = look.books.db.query("SELECT kind, subject, due_at FROM outbox WHERE done_at IS NULL")
    yield from (f"{row}" for row in rows)


@holds("now and then")
def files_and_rows_agree(look: Inspection) -> Iterator[str]:
    """Every row of a file has its content; every content its row, once it was swept."""
    store = places.attached(look.year.settings)
    named = {row["sha256"]: row["size"] for row in look.books.attachments}
    for digest, size in named.items():
        path = path_of(store, digest)
        if not path.is_file() or path.stat().st_size != size:
            yield f"{digest[:8]} is not there whole"
    for path, since in look.year.machine.files_since.items():
        if path.is_file() and path.name not in named and look.year.clock.moment - since > SWEPT:
            yield f"{path.name[:8]} belongs to nothing since {since}"


@holds("now and then")
def sessions_end(look: Inspection) -> Iterator[str]:
    """A session that was left a week ago opens nothing; nor does any of a closed account."""
    open_accounts = {row["email"] for row in look.books.people if not row["disabled_at"]}
    for token, email, used_at in look.records.left_sessions[-200:]:
        is_over = look.year.clock.moment - used_at > OVER or email not in open_accounts
        if is_over and sessions.viewer_of(look.books.db, token).is_signed_in:
            yield f"{email} is still signed in since {used_at}"


@holds("now and then")
def links_end(look: Inspection) -> Iterator[str]:
    """A link that asks for an opinion is over after its time."""
    for letter in look.records.letters:
        _, there, rest = letter.body.partition("/satisfaction/")
        age = look.year.clock.moment - letter.at
        if there and satisfaction.LIFETIME + 2 * HOUR < age < satisfaction.LIFETIME + timedelta(
            days=20
        ):
            try:
                satisfaction.peek(look.books.db, rest.split()[0].split('"')[0])
            except NotFound:
                continue
            yield f"the link of {letter.at} still works"


@holds("now and then")
def opinions_are_one_for_a_request(look: Inspection) -> Iterator[str]:
    """A request has one opinion at most, the last that was given."""
    rows = look.books.db.query(
        "SELECT ticket_id, is_good FROM satisfaction WHERE is_good IS NOT NULL"
    )
    if len({row["ticket_id"] for row in rows}) != len(rows):
        yield "two opinions of one request"
    opinions = {row["ticket_id"]: bool(row["is_good"]) for row in rows}
    for ticket, is_good in look.records.ratings.items():
        if opinions.get(ticket) is not is_good:
            yield f"{ticket}: {opinions.get(ticket)}, not {is_good}"


@holds("now and then")
def the_database_is_sound(look: Inspection) -> Iterator[str]:
    """SQLite finds nothing wrong with its file, and no reference leads nowhere."""
    for pragma in ("integrity_check", "foreign_key_check"):
        rows = look.books.db.query(f"PRAGMA {pragma}")
        yield from (f"{row}" for row in rows if row != {"integrity_check": "ok"})


def _is_old(look: Inspection, message: SentMessage) -> bool:
    """Whether a draft of that age may have been forgotten."""
    days = timedelta(days=look.year.settings.draft_days - 1)
    return message.due is not None and look.year.clock.moment - message.due > days


def _is_late(look: Inspection, message: SentMessage) -> bool:
    return message.due is not None and look.year.clock.moment - message.due > 3 * HOUR
