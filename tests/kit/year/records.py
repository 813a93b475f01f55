"""What the people of the year were told is done, and the letters that left: what must be true."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path

WORD = re.compile(r"z[qrn]\d{5}x")  # of a request, of an answer, of a note


@dataclass
class FiledRequest:
    """A request whose sender was told that it is there; `word` is in its description."""

    word: str
    id: str
    number: int
    requester: str  # an address
    files: tuple[str, ...] = ()  # SHA-256


@dataclass
class SentMessage:
    """An answer or a note whose sender was told that it is sent, or about to leave."""

    word: str
    key: str
    ticket_id: str
    author: str
    is_note: bool = False
    leaves_at: str = ""  # of one that is held, by the clock of the machine
    due: datetime | None = None  # the same, in true time
    is_called_back: bool = False
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class SavedDraft:
    """What is typed and not sent."""

    key: str
    author: str
    word: str
    saved_at: datetime


@dataclass(frozen=True)
class Letter:
    """A mail that left."""

    at: datetime
    recipient: str
    message_id: str
    subject: str
    reply_to: str
    body: str

    @property
    def words(self) -> set[str]:
        return set(WORD.findall(f"{self.subject}\n{self.body}"))


@dataclass
class Records:
    """All of that, as the year goes on."""

    requests: dict[str, FiledRequest] = field(default_factory=dict)  # by word
    messages: dict[str, SentMessage] = field(default_factory=dict)
    drafts: dict[str, SavedDraft] = field(default_factory=dict)  # by key
    ratings: dict[str, bool] = field(default_factory=dict)  # by ticket
    letters: list[Letter] = field(default_factory=list)
    # tokens that nobody uses any more, whose they were, and their last use
    left_sessions: list[tuple[str, str, datetime]] = field(default_factory=list)
    jumps: list[datetime] = field(default_factory=list)  # when the clock was set
    worker_deaths: int = 0
    used: int = 0

    def new_word(self, kind: str) -> str:
        """A word that is nowhere yet: `q` of a request, `r` of an answer, `n` of a note."""
        self.used += 1
        return f"z{kind}{self.used:05}x"


def take_letters(folder: Path, at: datetime) -> list[Letter]:
    """The letters that have left since the last look, the oldest first."""
    letters = []
    for file in sorted(folder.glob("*.eml")):
        letters.append(_read(file.read_bytes(), at))
        file.unlink()
    return letters


def _read(raw: bytes, at: datetime) -> Letter:
    mail = message_from_bytes(raw)
    texts = [part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()]
    return Letter(
        at,
        str(mail["Delivered-To"] or mail["To"]),
        str(mail["Message-ID"]),
        str(make_header(decode_header(str(mail["Subject"])))),
        str(mail["Reply-To"] or ""),
        "\n".join(text.decode("utf-8") for text in texts if isinstance(text, bytes)),
    )
