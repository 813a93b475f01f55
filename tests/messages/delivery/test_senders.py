"""What leaves has senders of its own: a server that hangs or is away holds up nothing else."""

import os
import socket
import threading
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from kbsearch import outbox
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages import notifications
from kbsearch.messages.delivery import channels, senders
from kbsearch.messages.delivery.channels import ChannelError, MailChannel, Sms
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard
from kbsearch.messages.notifications import ticket_letters
from kbsearch.outbox import Share, Task, claims
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.mail import Mailbox, serving, text_of
from tests.kit.receivers import never_answers, receiver
from tests.kit.requests import file
from tests.kit.waiting import HUNG, until

MAILS = int(os.environ.get("KBSEARCH_MAILS", "60"))


def letter(number: int) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"] = "no-reply@aide.example", "alice@acme.example"
    made["Message-ID"] = f"<{number}@aide.example>"
    made.set_content(f"{number}\n")
    return made


def test_a_sender_that_hangs_holds_up_no_other(db: SqliteDatabase):
    over, done = threading.Event(), []
    outbox.add(db, "notice.mail", "first")
    outbox.add(db, "notice.sms", "second")

    def hang(task: Task) -> None:
        over.wait(HUNG)

    def note(task: Task) -> None:
        done.append(task.subject)

    try:
        hanging = senders.one_by_one(db, {"notice.mail": hang}, Share(channel="mail"))
        quick = senders.one_by_one(db, {"notice.sms": note}, Share(channel="sms"))
        with senders.at_work({"mail": hanging, "sms": quick}):
            until(lambda: done == ["second"])
            over.set()
    finally:
        over.set()


def test_nothing_loses_its_turn_or_an_attempt_while_the_server_is_away(
    db: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(senders, "RESTS", (0.01,))
    monkeypatch.setattr(claims, "PAUSE", timedelta(0))
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    mail = MailChannel(f"smtp://127.0.0.1:{port}", tmp_path)
    for number in range(5):
        outbox.add(db, "notice.mail", str(number), thread="one", place=number)
    handlers = {
        "notice.mail": lambda task: senders.hand_over(
            db, task, lambda: mail.send(letter(task.subject))
        )
    }
    tried = 0
    for _ in range(40):
        assert outbox.run_one(db, handlers) == "unavailable"
        tried += 1
    rows = db.query("SELECT attempts, dead_at, problem FROM outbox ORDER BY place")
    assert [row["attempts"] for row in rows] == [0] * 5, f"after {tried} tries"
    assert "refused" in rows[0]["problem"]
    mailbox = Mailbox()
    with serving(mailbox) as port:
        mail = MailChannel(f"smtp://127.0.0.1:{port}", tmp_path)
        while outbox.run_one(db, handlers):
            pass
    assert [each["Message-ID"] for each in mailbox.letters] == [
        f"<{number}@aide.example>" for number in range(5)
    ]


@pytest.mark.parametrize("url", ["smtp", "smtp+starttls", "smtps"])
def test_what_fails_before_a_letter_is_named_fails_for_all(url: str, tmp_path: Path):
    """A server that speaks no TLS, or asks for what it does not offer."""
    with serving(Mailbox()) as port:
        user = "someone:secret@" if url == "smtp" else ""
        with pytest.raises(ChannelError) as refused:
            MailChannel(f"{url}://{user}127.0.0.1:{port}", tmp_path).send(letter(1))
    assert (refused.value.is_general, refused.value.permanent) == (True, False)


def test_letters_of_a_sender_share_a_session(tmp_path: Path):
    mailbox, sessions = Mailbox(), set()
    take = mailbox.handle_DATA

    async def handle_DATA(server, session, envelope) -> str:
        sessions.add(session.peer)
        return await take(server, session, envelope)

    mailbox.handle_DATA = handle_DATA  # type: ignore[method-assign]
    with serving(mailbox) as port:
        mail = MailChannel(f"smtp://127.0.0.1:{port}", tmp_path)
        with channels.kept_open() as close:
            for number in range(channels.LETTERS_OF_A_SESSION + 10):
                mail.send(letter(number))
            assert len(sessions) == 2, "one, and another when it had enough"
            close()
            mail.send(letter(1000))
        assert len(sessions) == 3
        mail.send(letter(1001))
        mail.send(letter(1002))
        assert len(sessions) == 5, "outside a sender each letter has its own"


def test_a_session_that_was_cut_is_made_anew(tmp_path: Path):
    first, second = Mailbox(), Mailbox()
    with channels.kept_open():
        with serving(first) as port:
            MailChannel(f"smtp://127.0.0.1:{port}", tmp_path).send(letter(1))
        with serving(second) as port:
            MailChannel(f"smtp://127.0.0.1:{port}", tmp_path).send(letter(2))
    assert (len(first.letters), len(second.letters)) == (1, 1)


def test_a_refused_letter_does_not_end_the_session(tmp_path: Path):
    mailbox = Mailbox()
    with serving(mailbox) as port, channels.kept_open():
        mail = MailChannel(f"smtp://127.0.0.1:{port}", tmp_path)
        mailbox.answer = "550 no"
        with pytest.raises(ChannelError):
            mail.send(letter(1))
        mailbox.answer = "250 OK"
        mail.send(letter(2))
    assert len(mailbox.letters) == 1


class Flaky(Mailbox):
    """A server with bad days: it refuses for a while, or hangs up after it has taken a letter."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.dropped: set[str] = set()

    async def handle_DATA(self, server, session, envelope) -> str:
        self.count += 1
        if self.count % 37 == 0:
            return "451 later"
        answer = await super().handle_DATA(server, session, envelope)
        if self.count % 53 == 0:
            self.dropped.add(str(self.letters[-1]["Message-ID"]))
            server.transport.abort()
        return answer


def test_after_an_outage_all_is_delivered_once_and_in_the_order_of_each_request(
    settings: Settings, db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    """Six hours of a fake clock without a server, then one with bad days, the senders for real.

    KBSEARCH_MAILS is how many wait: some at every change, 10,000 at night.
    """
    monkeypatch.setattr(senders, "RESTS", (0.02,))
    monkeypatch.setattr(senders, "POLL_SECONDS", 0.02)
    asked = [file(db, cast.alice) for _ in range(max(1, MAILS // 10))]
    db.execute("DELETE FROM outbox")
    with db.atomic():
        for turn in range(10):
            for ticket in asked:
                replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), f"Turn {turn}"))
    spread = notifications.handlers(db)
    while task := outbox.claim(db, Share(only=spread)):
        spread[task.kind](task)
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    away = replace(settings, smtp_url=f"smtp://127.0.0.1:{port}")
    handlers = ticket_letters.handlers(away, db)
    for _hour in range(6):
        for _ in range(20):
            outbox.run_one(db, handlers, Share(only=handlers))
        db.execute("UPDATE outbox SET due_at = created_at")
    waiting = db.query("SELECT attempts, dead_at FROM outbox WHERE kind = 'notice.mail'")
    assert len(waiting) == len(asked) * 10
    assert {(row["attempts"], row["dead_at"]) for row in waiting} == {(0, None)}

    mailbox = Flaky()
    with serving(mailbox) as port:
        back = replace(settings, smtp_url=f"smtp://127.0.0.1:{port}")
        failed = (
            "SELECT id FROM outbox WHERE attempts > 0 AND done_at IS NULL AND due_at > created_at"
        )
        left = "SELECT 1 FROM outbox WHERE kind = 'notice.mail' AND done_at IS NULL LIMIT 1"
        sender = senders.one_by_one(db, ticket_letters.handlers(back, db), Share(only=handlers))
        with senders.at_work({"letters": sender}):

            def hurry() -> bool:
                """The pauses of what failed are over."""
                for row in db.query(failed):
                    db.execute("UPDATE outbox SET due_at = created_at WHERE id = :id", row)
                return not db.query(left)

            until(hurry, hung=HUNG + MAILS / 10)
    ids = [str(each["Message-ID"]) for each in mailbox.letters]
    assert len(set(ids)) == len(asked) * 10
    repeated = {message_id for message_id in ids if ids.count(message_id) > 1}
    assert repeated <= mailbox.dropped, "twice only where the server hung up after taking it"
    turns: dict[str, list[int]] = defaultdict(list)
    for each in mailbox.letters:
        number = str(each["Subject"])
        turn = int(text_of(each).partition("Turn ")[2].split()[0])
        if turn not in turns[number]:
            turns[number].append(turn)
    assert all(order == sorted(order) for order in turns.values())
    assert sum(map(len, turns.values())) == len(asked) * 10


def gateway(port: int, path: str = "/send?to={to}&text={text}&key=k", user: str = "") -> Sms:
    guard = Guard(Exceptions.of(["127.0.0.1"]), deadline=0.5)
    return Sms(f"http://{user}127.0.0.1:{port}{path}", Path("/nowhere"), guard)


def test_a_plain_gateway_is_asked_for_with_number_and_text():
    with receiver() as kind:
        gateway(kind.port, user="us%40er:pass@").send("+33612345678", "Réponse & suite ? {to}")
        ((headers, body),) = kind.received
    assert headers[""] == (
        "GET /send?to=%2B33612345678&text=R%C3%A9ponse%20%26%20suite%20%3F%20%7Bto%7D&key=k"
        " HTTP/1.1"
    )
    assert headers["authorization"] == "Basic dXNAZXI6cGFzcw=="
    assert body == b""


@pytest.mark.parametrize(
    ("status", "permanent"), [(400, True), (401, True), (429, False), (500, False), (302, False)]
)
def test_a_gateway_that_refuses_is_told(status: int, permanent: bool):
    with receiver() as kind:
        kind.answers.append(
            f"HTTP/1.1 {status} No\r\nLocation: http://127.0.0.1:1/\r\n\r\n".encode()
        )
        with pytest.raises(ChannelError, match=str(status)) as refused:
            gateway(kind.port).send("+33612345678", "Bonjour")
    assert refused.value.permanent is permanent


def test_a_gateway_that_never_answers_is_left_alone_after_its_time():
    with receiver(never_answers) as mute, pytest.raises(ChannelError, match="timeout") as refused:
        gateway(mute.port).send("+33612345678", "Bonjour")
    assert not refused.value.permanent


def test_a_private_gateway_needs_to_be_opened(tmp_path: Path):
    with pytest.raises(ChannelError, match="blocked") as refused:
        Sms("https://127.0.0.1/?to={to}&text={text}", tmp_path).send("+33612345678", "x")
    assert refused.value.permanent
