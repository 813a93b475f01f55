"""kbsearch webhook and notify: the operator's way to what administrators and agents see."""

import json
from datetime import UTC, datetime

import pytest

from kbsearch import outbox
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages import webhooks
from kbsearch.messages.webhooks import deliveries
from kbsearch.messages.webhooks.deliveries import Outcome
from tests.cli.test_people import Run, run
from tests.conftest import Cast
from tests.kit.mail import letters

__all__ = ["run"]  # a fixture

URL = "https://hooks.example/in"
ADD = ("webhook", "add", URL, "--owner", "root@support.example")


def test_a_webhook_from_its_beginning_to_its_end(
    run: Run, db: SqliteDatabase, settings: Settings, cast: Cast
):
    told = run(*ADD, "--event", "ticket.opened")
    (made,) = webhooks.list_all(db, cast.root)
    (secret,) = webhooks.signers(db, settings, made.id, datetime.now(UTC))
    assert told.exit_code == 0 and secret in told.stdout
    listed = run("webhook", "list").stdout
    assert URL in listed and "enabled" in listed and "whsec_" not in listed
    assert run("webhook", "test", made.id).exit_code == 0
    assert "webhook.test" in run("webhook", "log", made.id).stdout
    changed = json.loads(run("webhook", "rotate", made.id, "--json").stdout)
    assert changed["secret"] not in ("", secret)
    assert changed["old_secret_until"] and changed["kinds"] == ["ticket.opened"]
    refused = run("webhook", "rotate", made.id)
    assert (refused.exit_code, refused.stdout) == (1, "") and "24 hours" in refused.stderr
    assert run("webhook", "rotate", made.id, "--at-once").exit_code == 0
    assert run("webhook", "disable", made.id).exit_code == 0
    (gone,) = json.loads(run("webhook", "list", "--json").stdout)
    assert gone["disabled_because"] == "disabled" and "secret" not in gone
    assert run("webhook", "test", made.id).exit_code == 1
    assert run("webhook", "enable", made.id).exit_code == 0
    assert json.loads(run("webhook", "log", made.id, "--json").stdout)[0]["state"] == "dead"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("webhook", "add", URL, "--owner", "dan@support.example"), "no such webhook"),
        (("webhook", "add", URL, "--owner", "nobody@nowhere.example"), "nobody@nowhere.example"),
        (("webhook", "add", "http://10.0.0.1/", "--owner", "root@support.example"), "https://"),
        ((*ADD, "--event", "ticket.eaten"), "ticket.eaten"),
        (("webhook", "disable", "unknown"), "no such webhook"),
        (("notify", "retry", "unknown"), "left already"),
        (("notify", "test", "nobody@nowhere.example"), "nobody@nowhere.example"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    run: Run, cast: Cast, arguments: tuple[str, ...], told: str
):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert told in result.stderr and result.stderr.count("\n") == 1


def test_what_has_not_left_is_listed_and_sent_again(
    run: Run, db: SqliteDatabase, settings: Settings, cast: Cast
):
    webhook = webhooks.add(db, cast.root, settings, URL, ["ticket.opened"])
    sent = webhooks.test(db, cast.root, webhook)
    outbox.add(db, "person.invited", "somebody")
    due = deliveries.claim(db)
    assert due is not None
    deliveries.record(db, due, Outcome(410, problem="status"))
    first, *others = json.loads(run("notify", "list", "--json").stdout)
    assert (first["id"], first["state"], first["to"]) == (sent, "dead", "hooks.example")
    assert {each["kind"] for each in others} == {"person.invited", "webhook.died"}
    assert "hooks.example" in run("notify", "list").stdout
    assert run("notify", "retry", "--dead").exit_code == 1, "it is disabled"
    webhooks.enable(db, cast.root, webhook)
    again = run("notify", "retry", "--dead")
    assert (again.exit_code, again.stdout) == (0, "1 on the way\n")
    assert deliveries.of_webhook(db, webhook.id)[0].state == "waiting"
    assert run("notify", "retry").exit_code == 2


def test_a_mail_can_be_tried(run: Run, settings: Settings, cast: Cast):
    told = run("notify", "test", "root@support.example")
    assert (told.exit_code, told.stdout) == (0, "The mail has left for root@support.example.\n")
    (letter,) = letters(settings)
    assert letter["To"].addresses[0].addr_spec == "root@support.example"


def test_a_mail_server_that_does_not_answer_is_said(
    run: Run, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KBSEARCH_SMTP_URL", "smtp://127.0.0.1:1")
    told = run("notify", "test", "root@support.example")
    assert told.exit_code == 1 and "refused" in told.stderr.lower()
