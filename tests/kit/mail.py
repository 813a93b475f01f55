"""What the tests of letters share: the outbox emptied, letters as files, a real mail server."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from kbsearch import outbox
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.messages import notifications
from kbsearch.messages.notifications import digest_letters, mailings, ticket_letters
from kbsearch.outbox import Handlers, Task
from kbsearch.rules import work
from kbsearch.tickets import events as ticket_events


def post(settings: Settings, db: Database) -> None:
    """Do what a worker does with the letters that wait."""
    handlers = mailings.handlers(settings, db, mailings.ABOUT_ACCOUNTS)
    while outbox.run_one(db, handlers):
        pass


def carry(settings: Settings, db: Database) -> None:
    """Do what a worker does with the changes of requests, by rules, and the notices of them."""
    handlers = outbox.together(
        _nothing(),
        work.handlers(settings, db),
        notifications.handlers(db),
        ticket_letters.handlers(settings, db),
        digest_letters.handlers(settings, db),
    )
    while outbox.run_one(db, handlers):
        pass


def _nothing() -> Handlers:
    """What else a change asks for."""

    def nothing(task: Task) -> None:
        pass

    return dict.fromkeys(("index.tickets", *ticket_events.KINDS), nothing)


def letters(settings: Settings) -> list[EmailMessage]:
    """Every letter written so far, the oldest first, its fields as their RFCs ask."""
    raws = [file.read_bytes() for file in sorted((settings.data_path / "mail").glob("*.eml"))]
    for raw in raws:
        check_fields(raw)
    return [message_from_bytes(raw, policy=policy.default) for raw in raws]


def check_fields(raw: bytes) -> None:
    """See that every field of a letter can be read by a program that knows no encoded words."""
    header = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    for field in re.split(r"\r\n(?![ \t])", header):
        name, _, value = field.partition(": ")
        form = STRUCTURED.get(name.lower())
        assert form is None or re.fullmatch(form, value), field
        assert max(map(len, field.split("\r\n"))) <= 998, field


_ID = r"<[^<>\s]+@[^<>\s]+>"
STRUCTURED = {
    "message-id": _ID,
    "in-reply-to": _ID,
    "references": rf"{_ID}(\s+{_ID})*",
    "list-unsubscribe": r"<https?://[^ <>]+>",
    "list-unsubscribe-post": "List-Unsubscribe=One-Click",
    "auto-submitted": "auto-generated|auto-replied|no",
    "x-auto-response-suppress": r"[\w, ]+",
    "x-ms-reactions": "disallow",
    "content-language": "[a-z]{2}",
    "content-type": r"[\w/]+;\s+(?:boundary|charset)=\S+",
}


def latest(settings: Settings, db: Database) -> EmailMessage:
    """The last letter, after those that wait were sent."""
    post(settings, db)
    return letters(settings)[-1]


def text_of(letter: EmailMessage) -> str:
    return _part(letter, "plain")


def html_of(letter: EmailMessage) -> str:
    return _part(letter, "html")


def _part(letter: EmailMessage, form: str) -> str:
    part = letter.get_body((form,))
    assert part is not None, letter
    return str(part.get_content()).replace("\r\n", "\n")


def code_in(letter: EmailMessage) -> str:
    found = re.search(r"^ {4}(\d{6})$", text_of(letter), re.MULTILINE)
    assert found is not None, letter
    return found[1]


def link_in(letter: EmailMessage) -> str:
    """The path that the letter's link leads to."""
    found = re.search(r"^https?://[^/]+(/\S+/\S+/\S{20,})$", text_of(letter), re.MULTILINE)
    assert found is not None, letter
    return found[1]


class Mailbox:
    """A mail server's memory; `answer` is what it says to the next letters."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.recipients: list[tuple[str, ...]] = []  # of the envelope of each
        self.answer = "250 OK"
        self.refuse_recipient = ""

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:
        if self.refuse_recipient:
            return self.refuse_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:
        if self.answer.startswith("250"):
            check_fields(envelope.content)
            read = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(read, EmailMessage)
            self.letters.append(read)
            self.recipients.append(tuple(envelope.rcpt_tos))
        return self.answer


class Server(Controller):
    """On a port that the system picks, which the controller of aiosmtpd cannot."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def serving(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    """A real SMTP server on a free port."""
    server = Server(mailbox, hostname="127.0.0.1", port=0, **options)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()
