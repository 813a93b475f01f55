"""What the index keeps of a ticket, and the one writer that keeps it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from kbsearch.clock import parsed
from kbsearch.search.fulltext import essence, forms, places
from kbsearch.search.fulltext import text as texts
from kbsearch.search.fulltext.documents import Case
from kbsearch.search.fulltext.highlight import flat
from kbsearch.search.fulltext.plan import (
    REVISION_KEY,
    Analysis,
    DamagedIndex,
    Document,
    Fields,
    IndexField,
    Place,
    Plan,
    QueryTerm,
    View,
)

SCHEMA_VERSION = 8
WRITER_HEAP = 64_000_000  # bytes
STORED_TEXT = 2_000  # characters of a description, and of its answers, kept for snippets
PHRASED = ("all", "ans")  # fields whose words stand in an order that may be asked for
SEPARATOR = "\x1f"  # ASCII's own, between the parts of a stored ticket; no normal text has it
DAY = 86_400
EPOCH = 946_684_800  # 2000-01-01, so that a day still shows in the score's precision


def _texts(language: str, stems: Analysis) -> Fields:
    return (
        IndexField(f"t_{language}", stems, "freq"),
        IndexField(f"all_{language}", stems, "position"),
        IndexField(f"ans_{language}", stems, "position"),
        IndexField(f"notes_{language}", stems, "freq"),
    )


# Of a ticket; those of the other language stay empty.
FIELDS: Fields = (
    IndexField("number", "raw", is_stored=True),
    *_texts("fr", "stem_fr"),
    *_texts("en", "stem_en"),
    IndexField("pt", "surface"),
    IndexField("code", "whole"),
    IndexField("whole", "raw"),
    IndexField("lines", "whole"),
    IndexField("readers", "raw"),
    IndexField("product", "raw", is_counted=True),
    IndexField("language", "raw", is_counted=True),
    IndexField("solved", "raw", is_counted=True),
    IndexField("day", "number", is_counted=True),
    IndexField("order", "number", is_counted=True),
    IndexField("case", "bytes", is_stored=True),
)


@dataclass(frozen=True)
class StoredCase:
    """What is kept of a ticket to show it as a hit."""

    ticket_id: str
    subject: str
    description: str
    answers: str
    product: str
    version: str
    status: str
    language: str
    updated_at: str

    @cached_property
    def text(self) -> str:
        """What snippets are taken from."""
        return f"{self.description}\n{self.answers}"

    @cached_property
    def flat_text(self) -> str:
        """The same, as the highlighter reads it."""
        return flat(self.text)


def stored_case(stored: bytes) -> StoredCase:
    """A ticket as it was stored."""
    try:
        return StoredCase(*stored.decode().split(SEPARATOR))
    except TypeError as problem:
        raise DamagedIndex("a stored ticket makes no sense") from problem


def day_of(moment: str) -> int:
    """A stored moment as the index has it."""
    return max(0, int(parsed(moment).timestamp()) - EPOCH) // DAY


def _document(case: Case) -> Document:
    language = case.language
    subject, description = texts.normal(case.subject), texts.normal(case.description)
    answers = texts.normal(case.answers)
    text = f"{subject}\n{description}"
    stored = (  # as StoredCase has them; JSON takes six times as long
        case.ticket_id,
        subject,
        description[:STORED_TEXT],
        answers[:STORED_TEXT],
        case.product,
        texts.normal(case.version),
        case.status,
        language,
        case.updated_at,
    )
    of_subject, of_description = forms.written(subject), forms.written(description)
    of_answers = forms.written(answers)
    of_text = forms.Written(of_subject.words + of_description.words, [])
    every = (of_subject, of_description, of_answers, forms.written(case.version))
    codes = dict.fromkeys(key for part in every for key in part.keys)
    fields: dict[str, object] = {
        "number": str(case.number),
        f"t_{language}": of_subject.added_to(subject),
        f"all_{language}": of_text.added_to(text),
        "pt": subject,
        "whole": texts.whole(texts.words_of(subject)),
        "readers": list(case.readers),
        "product": case.product,
        "language": language,
        "solved": "yes" if case.is_solved else "no",
        "day": day_of(case.updated_at),
        "order": case.number,
        "case": SEPARATOR.join(stored).encode(),
    }
    if answers:
        fields[f"ans_{language}"] = of_answers.added_to(answers)
    if case.notes:
        notes = texts.normal(case.notes)
        fields[f"notes_{language}"] = forms.written(notes).added_to(notes)
    if codes:
        fields["code"] = " ".join(codes)
    lines = essence.line_keys(description)
    if lines:
        fields["lines"] = " ".join(lines)
    return fields


class TicketWriter:
    """The only writer of a ticket index; raises IndexBusy while there is another."""

    def __init__(self, place: Place) -> None:
        index = places.opened_or_created(place, FIELDS)
        self._writer = index.writer(WRITER_HEAP)
        self.revision = revision_of(index.view())

    def apply(self, cases: Iterable[Case], revision: int) -> int:
        """Put tickets and remember the revision, in one commit; how many were put."""
        count = 0
        try:
            for case in cases:
                if self.revision:  # an empty index has nothing to replace
                    self._writer.remove("number", str(case.number))
                self._writer.add(_document(case), revision)
                count += 1
            self._writer.remove("number", REVISION_KEY)
            self._writer.add({"number": REVISION_KEY, "case": str(revision).encode()}, revision)
            self._writer.commit()
        except Exception:
            self._writer.rollback()  # otherwise every later commit could silently be void
            raise
        self.revision = revision
        return count

    def close(self) -> None:
        """Finish merges and free the lock."""
        self._writer.close()


def revision_of(view: View) -> int:
    """How far an index has come."""
    hits = view.ask(Plan(QueryTerm("number", REVISION_KEY), 1)).hits
    return int(view.data(hits[0][1], "case")) if hits else 0
