"""Two help desks side by side: what is there, and what of it is here; nothing is changed."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from kbsearch.access import OPERATOR
from kbsearch.database import Database, one_of
from kbsearch.errors import Invalid
from kbsearch.site.importing import tickets
from kbsearch.site.importing.records import TicketRecord
from kbsearch.site.importing.systems import System
from kbsearch.tickets import records

BATCH = 500
SAMPLE = 50  # requests that are read side by side
MOST_MISSING = 1000  # that are named
WORDS = 120  # of the last message
NOT_HERE = ""

Place = tuple[str, str]  # a month and a status


@dataclass(frozen=True)
class RequestPair:
    """A request on both sides, field by field: there, here."""

    number: int
    sides: Mapping[str, tuple[str, str]]

    @property
    def differences(self) -> list[str]:
        return [name for name, (there, here) in self.sides.items() if there != here]


@dataclass(frozen=True)
class BothSides:
    """How many requests there are on each side, by month and status; some of them in full."""

    there: Mapping[Place, int]
    here: Mapping[Place, int]
    missing: Sequence[int]
    pairs: Sequence[RequestPair]

    def rows(self) -> Iterator[tuple[str, str, int, int]]:
        """Month, status, there, here."""
        for place in sorted({*self.there, *self.here}):
            yield (*place, self.there.get(place, 0), self.here.get(place, 0))


def compare(
    db: Database, system: System, progress: Callable[[int], None] = lambda count: None
) -> BothSides:
    """Read both; of the requests in full, as many between the first and the last as are equal."""
    step = max(1, system.count_requests() // SAMPLE)
    there: Counter[Place] = Counter()
    here: Counter[Place] = Counter()
    missing: list[int] = []
    pairs: list[RequestPair] = []
    requests = enumerate(_records(system))
    while batch := list(islice(requests, BATCH)):
        ours = _statuses(db, [record.number for _, record in batch])
        sample = [
            record
            for place, record in batch
            if place % step == 0 and record.number in ours and len(pairs) < SAMPLE
        ]
        for _, record in batch:
            there[record.created_at[:7], record.status] += 1
            if record.number in ours:
                here[ours[record.number]] += 1
            elif len(missing) < MOST_MISSING:
                missing.append(record.number)
        pairs += _pairs(db, sample)
        progress(batch[-1][0] + 1)
    return BothSides(there, here, missing, pairs[:SAMPLE])


def _records(system: System) -> Iterator[TicketRecord]:
    """What would come; what is refused is told by the import."""
    numbers: set[int] = set()
    for values in system.requests():
        try:
            record = tickets.parse(values, lambda cut: None)
        except Invalid:
            continue
        if record.number not in numbers:
            numbers.add(record.number)
            yield record


def _statuses(db: Database, numbers: Sequence[int]) -> dict[int, Place]:
    places, values = one_of("number", numbers)
    rows = db.query(
        f"SELECT number, status, created_at FROM tickets WHERE number IN ({places})",  # noqa: S608
        values,
    )
    return {row["number"]: (row["created_at"][:7], row["status"]) for row in rows}


def _pairs(db: Database, theirs: Sequence[TicketRecord]) -> list[RequestPair]:
    places, values = one_of("number", [record.number for record in theirs])
    rows = db.query(
        f"SELECT id, number FROM tickets WHERE number IN ({places})",  # noqa: S608
        values,
    )
    ours = {
        record["number"]: _ours(record)
        for record in records.read(db, OPERATOR, [row["id"] for row in rows])
    }
    pairs = []
    for record in theirs:
        if record.number in ours:
            there, here = _side(record), _side(ours[record.number])
            sides = {name: (words, here[name]) for name, words in there.items()}
            pairs.append(RequestPair(record.number, sides))
    return pairs


def _ours(record: dict[str, Any]) -> TicketRecord:
    """A request of this site as a source would have it."""
    counts = [len(one["attachments"]) for one in (record, *record["messages"])]
    values = records.portable(record)
    files = [{"name": "f", "path": str(place)} for place in range(sum(counts))]
    return tickets.parse({**values, "attachments": files}, lambda cut: None)


def _side(record: TicketRecord) -> dict[str, str]:
    """What a person would look at, of one side."""
    files = {*record.files, *(file for message in record.messages for file in message.files)}
    public = [message for message in record.messages if not message.internal]
    last = record.messages[-1].body if record.messages else record.description
    return {
        "subject": record.subject,
        "status": record.status,
        "severity": record.severity,
        "requester": record.requester,
        "organisation": record.organisation,
        "assignee": record.assignee,
        "team": record.team,
        "tags": ", ".join(record.tags),
        "created_at": record.created_at,
        "answers": str(len(public)),
        "notes": str(len(record.messages) - len(public)),
        "files": str(len(files)),
        "last_words": " ".join(last.split())[:WORDS],
    }
