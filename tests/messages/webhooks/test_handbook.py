"""The handbook's receiver of webhooks: what people copy from the page is run on real deliveries."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kbsearch import resources
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages import webhooks
from kbsearch.messages.delivery import guarded_http
from kbsearch.messages.delivery.guarded_http import Exceptions, Guard
from kbsearch.messages.webhooks import deliveries
from kbsearch.messages.webhooks.sender import WebhookSender
from tests.conftest import Cast
from tests.kit.receivers import receiver
from tests.kit.waiting import until
from tests.messages.webhooks.test_sender import LOCAL, open_settings

__all__ = ["open_settings"]  # a fixture


def example(language: str) -> str:
    page = resources.folder("content") / f"articles/{language}/operators/webhooks.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return str(code)


def test_it_is_the_same_in_both_languages_and_short():
    lines = [line for line in example("fr").splitlines() if line.strip()]
    assert example("fr") == example("en") and len(lines) <= 20


@pytest.fixture
def port() -> int:
    with receiver() as free:
        return free.port


def test_it_takes_what_is_signed_once_and_refuses_the_rest(
    db: SqliteDatabase, cast: Cast, open_settings: Settings, port: int, tmp_path: Path
):
    url = f"http://127.0.0.1:{port}/"
    webhook = webhooks.add(db, cast.root, open_settings, url, ["ticket.opened"])
    sent = webhooks.test(db, cast.root, webhook)
    guard = Guard(Exceptions.of(LOCAL))
    sender = WebhookSender(open_settings, db, "worker", guard)
    with (
        (tmp_path / "out").open("w") as out,
        subprocess.Popen(
            [sys.executable, "-c", example("fr")],
            env={**os.environ, "PORT": str(port), "WEBHOOK_SECRET": webhook.secret},
            stdout=out,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        try:
            until(lambda: answers(url, guard))
            for _ in range(2):
                deliveries.again(db, sent)
                until(lambda: state(db, sender, sent) == "sent")
        finally:
            process.kill()
    (told,) = (tmp_path / "out").read_text().splitlines()
    event: dict[str, Any] = json.loads(told.replace("'", '"'))
    assert (event["type"], event["data"]) == ("webhook.test", {"webhook": webhook.id})


def answers(url: str, guard: Guard) -> bool:
    """Whether it is there, and refuses what is signed with another secret."""
    forged = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    try:
        return guard.send(url, b"{}", forged).status == 401
    except guarded_http.NoAnswer:
        return False


def state(db: SqliteDatabase, sender: WebhookSender, sent: str) -> str:
    sender.step()
    found = deliveries.find(db, sent)
    assert found is not None
    return found.state
