"""The sender of webhooks: real sockets, kind and hostile, and a worker that is killed."""

import dataclasses
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Verifier

from kbsearch import outbox, people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages import webhooks
from kbsearch.messages.delivery import senders
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard
from kbsearch.messages.webhooks import Webhook, deliveries
from kbsearch.messages.webhooks.sender import WebhookSender
from kbsearch.outbox import Share, Task
from kbsearch.people import PersonFields
from tests.conftest import Cast
from tests.kit import receivers
from tests.kit.engines import address_of
from tests.kit.receivers import Receiver, receiver
from tests.kit.waiting import HUNG, until

LOCAL = ("127.0.0.0/8",)
QUICK = 1.0  # seconds, in place of fifteen
KILLS = int(os.environ.get("KBSEARCH_KILLS", "3"))


@pytest.fixture
def root(cast: Cast) -> Viewer:
    return cast.root


@pytest.fixture
def open_settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, webhook_private_targets=LOCAL)


@contextmanager
def at_work(settings: Settings, db: SqliteDatabase) -> Iterator[None]:
    with receivers.sent_to(settings, db, Guard(Exceptions.of(LOCAL), QUICK)):
        yield


def add(db: SqliteDatabase, root: Viewer, settings: Settings, where: Receiver) -> Webhook:
    return webhooks.add(db, root, settings, where.url, ["article.withdrawn"])


def states(db: SqliteDatabase, webhook: Webhook) -> list[str]:
    return [delivery.state for delivery in deliveries.of_webhook(db, webhook.id)]


def test_what_arrives_is_signed_and_says_what_happened(
    db: SqliteDatabase, root: Viewer, open_settings: Settings
):
    with receiver() as kind, at_work(open_settings, db):
        webhook = add(db, root, open_settings, kind)
        webhooks.test(db, root, webhook)
        until(lambda: states(db, webhook) == ["sent"])
    ((headers, body),) = kind.received
    told = Verifier(webhook.secret).verify(body, headers)
    assert (told["type"], told["data"]) == ("webhook.test", {"webhook": webhook.id})
    assert headers["content-type"] == "application/json"


def test_tried_again_it_has_the_same_id_and_a_signature_of_the_moment(
    db: SqliteDatabase, root: Viewer, open_settings: Settings
):
    with receiver() as kind, at_work(open_settings, db):
        kind.answers.append(b"HTTP/1.1 500 Oh\r\n\r\nnot today")
        webhook = add(db, root, open_settings, kind)
        webhooks.test(db, root, webhook)
        until(lambda: states(db, webhook) == ["sent"])
    (first, _), (second, body) = kind.received
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) >= int(first["webhook-timestamp"]) + 5
    Verifier(webhook.secret).verify(body, second)
    (delivery,) = deliveries.of_webhook(db, webhook.id)
    assert [each.response for each in deliveries.attempts_of(db, delivery)] == ["", "not today"]


HOSTILE = {
    "never answers": (receivers.never_answers, "timeout"),
    "drips headers": (receivers.drips_headers, "timeout"),
    "drips a body": (receivers.drips_body, "timeout"),
    "200 KB of header": (receivers.big_header, "garbled"),
    "resets": (receivers.resets, "cut"),
    "garbage": (receivers.talks_garbage, "garbled"),
    "redirects inside": (
        receivers.saying("HTTP/1.1 302 Found\nLocation: http://169.254.169.254/latest/"),
        "status",
    ),
    "too many": (receivers.saying("HTTP/1.1 429 Slow down\nRetry-After: 3600"), "status"),
}


def test_hostile_receivers_keep_nobody_waiting_who_is_not_theirs(
    db: SqliteDatabase, root: Viewer, open_settings: Settings
):
    """None of them ends before the others have what is theirs, nor is called again till then."""
    over = threading.Event()
    manners = [
        receivers.drips_until(over, b"", b""),
        receivers.drips_until(over, b"HTTP/1.1 200 OK\r\n", b"X"),
        receivers.drips_until(over, b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n", b"."),
    ]
    with ExitStack() as stack:
        hostile = [stack.enter_context(receiver(manner)) for manner in manners]
        kind = stack.enter_context(receiver())
        for webhook in [add(db, root, open_settings, where) for where in hostile]:
            for _ in range(3):
                webhooks.test(db, root, webhook)
        friend = add(db, root, open_settings, kind)
        stack.enter_context(receivers.sent_to(open_settings, db, Guard(Exceptions.of(LOCAL), HUNG)))
        stack.callback(over.set)
        until(lambda: all(where.received for where in hostile))
        for number in range(1, 7):
            webhooks.test(db, root, friend)
            until(lambda number=number: len(kind.received) == number)  # type: ignore[misc]
        assert [len(where.received) for where in hostile] == [1, 1, 1]


def test_what_hostile_receivers_do_is_told_apart(
    db: SqliteDatabase, root: Viewer, open_settings: Settings
):
    with ExitStack() as stack:
        hostile = {
            name: add(db, root, open_settings, stack.enter_context(receiver(manner)))
            for name, (manner, _) in HOSTILE.items()
        }
        endless = stack.enter_context(receiver(receivers.endless_body))
        bore = add(db, root, open_settings, endless)
        for webhook in (*hostile.values(), bore):
            webhooks.test(db, root, webhook)
        stack.enter_context(at_work(open_settings, db))
        until(lambda: all(problems(db, webhook) for webhook in hostile.values()))
        for name, webhook in hostile.items():
            assert problems(db, webhook) == {HOSTILE[name][1]}, name
        until(lambda: states(db, bore) == ["sent"])


def problems(db: SqliteDatabase, webhook: Webhook) -> set[str | None]:
    """Of those that were tried."""
    log = deliveries.of_webhook(db, webhook.id)
    return {each.problem for each in log if each.state == "failed"}


def test_one_that_is_gone_is_not_called_again(
    db: SqliteDatabase, root: Viewer, open_settings: Settings
):
    with receiver(receivers.saying("HTTP/1.1 410 Gone")) as gone, at_work(open_settings, db):
        webhook = add(db, root, open_settings, gone)
        for _ in range(3):
            webhooks.test(db, root, webhook)
        until(lambda: states(db, webhook) == ["dead"] * 3)
    assert len(gone.received) == 1
    assert outbox.oldest_waiting(db), "its owner is to be told"


def test_without_a_secret_that_can_be_read_nothing_leaves(
    db: SqliteDatabase, root: Viewer, open_settings: Settings
):
    with receiver() as kind:
        webhook = add(db, root, open_settings, kind)
        webhooks.test(db, root, webhook)
        (open_settings.data_path / "secret_key").unlink()
        WebhookSender(open_settings, db, "worker", Guard(Exceptions.of(LOCAL))).step()
        assert kind.received == []
    (delivery,) = deliveries.of_webhook(db, webhook.id)
    assert (delivery.state, delivery.problem) == ("failed", "unsigned")


def test_told_to_end_it_waits_for_those_on_the_road(
    db: SqliteDatabase, root: Viewer, open_settings: Settings
):
    def slow(line: socket.socket) -> None:
        time.sleep(QUICK / 2)
        line.sendall(b"HTTP/1.1 200 Fine\r\n\r\n")

    with receiver(slow) as kind:
        webhook = add(db, root, open_settings, kind)
        with at_work(open_settings, db):
            webhooks.test(db, root, webhook)
            until(lambda: kind.received)
        assert states(db, webhook) == ["sent"]


def test_a_defect_costs_a_pause_and_not_the_sender(
    db: SqliteDatabase,
    root: Viewer,
    open_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(senders, "AFTER_A_DEFECT", 0.01)
    broken = iter([True])
    real = deliveries.claim

    def claim(db: SqliteDatabase, share: Share) -> Task | None:
        if next(broken, False):
            raise RuntimeError("a defect")
        return real(db, share)

    monkeypatch.setattr(deliveries, "claim", claim)
    with receiver() as kind, at_work(open_settings, db):
        webhook = add(db, root, open_settings, kind)
        webhooks.test(db, root, webhook)
        until(lambda: states(db, webhook) == ["sent"])


KILLED = """
import sys, time
from kbsearch.messages.webhooks import events
from tests.kit.engines import at
db = at(sys.argv[1])
for number in range(10_000):
    with db.atomic():
        db.insert("counters", {"name": f"fact {sys.argv[2]}-{number}", "value": number})
        events.tell(db, "article.withdrawn", f"en/{sys.argv[2]}/{number}")
    print(number, flush=True)
    time.sleep(0.005)
"""


def test_whoever_is_killed_nothing_committed_is_lost_and_nothing_else_is_told(
    db: SqliteDatabase, settings: Settings, tmp_path: Path
):
    """Writers and workers are killed at any moment; every committed event arrives, with one id."""
    open_settings = dataclasses.replace(settings, webhook_private_targets=LOCAL)
    people.add(
        db, OPERATOR, PersonFields(email="root@support.example", name="Root", role="administrator")
    )
    root = Viewer(role="administrator", person_id=people.find(db, "root@support.example").id)
    environment = {
        **os.environ,
        "KBSEARCH_SITE": str(tmp_path),
        "KBSEARCH_WEBHOOK_PRIVATE_TARGETS": LOCAL[0],
    }
    settings.content_path.mkdir()

    def worker() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "kbsearch", "worker"],
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.DEVNULL,
        )

    told: set[str] = set()
    with receiver() as kind:
        webhook = add(db, root, open_settings, kind)
        at_work = worker()
        for run in range(KILLS):
            writer = subprocess.Popen(
                [sys.executable, "-c", KILLED, address_of(db), str(run)], stdout=subprocess.PIPE
            )
            assert writer.stdout is not None and writer.stdout.readline()
            time.sleep(random.uniform(0.02, 0.2))
            for process in (writer, at_work):
                process.send_signal(signal.SIGKILL)
                process.wait()
            writer.stdout.close()
            at_work = worker()
        facts = db.query("SELECT name FROM counters WHERE name LIKE 'fact %'")
        told = {row["name"].removeprefix("fact ") for row in facts}
        try:
            until(lambda: states_of_all(db, webhook) == {"sent": len(told)})
        finally:
            at_work.kill()
            at_work.wait()
    ids: dict[str, set[str]] = {}
    for headers, body in kind.received:
        event = Verifier(webhook.secret).verify(body, headers)
        name = event["data"]["id"].removeprefix("en/").replace("/", "-")
        ids.setdefault(name, set()).add(headers["webhook-id"])
    assert len(told) >= KILLS and set(ids) == told
    assert all(len(each) == 1 for each in ids.values())


def states_of_all(db: SqliteDatabase, webhook: Webhook) -> dict[str, int]:
    found: dict[str, int] = {}
    for delivery in deliveries.of_webhook(db, webhook.id, limit=100_000):
        found[delivery.state] = found.get(delivery.state, 0) + 1
    return found
