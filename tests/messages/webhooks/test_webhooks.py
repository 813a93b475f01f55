"""Webhooks: whose they are, how their secrets are made, changed and kept."""

import base64
import dataclasses
import logging
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.messages import webhooks
from kbsearch.messages.webhooks import Webhook
from kbsearch.messages.webhooks import signing as standard_webhooks
from tests.conftest import Cast

URL = "https://hooks.example/in"
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
BODY = b'{"type":"ticket.opened"}'


@pytest.fixture
def root(cast: Cast) -> Viewer:
    return cast.root


@pytest.fixture
def webhook(db: SqliteDatabase, root: Viewer, settings: Settings) -> Webhook:
    return webhooks.add(db, root, settings, URL, ["ticket.solved", "ticket.opened"])


def test_an_administrator_adds_one_and_is_told_its_secret_once(
    db: SqliteDatabase, root: Viewer, webhook: Webhook
):
    assert webhook.secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(webhook.secret.removeprefix("whsec_"))) <= 64
    (kept,) = webhooks.list_all(db, root)
    assert kept == dataclasses.replace(webhook, secret="")
    assert (kept.url, kept.owner) == (URL, "root@support.example")
    assert kept.kinds == ("ticket.opened", "ticket.solved")


def test_a_secret_rests_sealed_and_is_never_logged(
    db: SqliteDatabase,
    root: Viewer,
    settings: Settings,
    webhook: Webhook,
    caplog: pytest.LogCaptureFixture,
):
    with caplog.at_level(logging.DEBUG):
        other = webhooks.rotate(db, root, settings, webhook)
    kept = db.query("SELECT * FROM webhook_endpoints")
    told = f"{kept} {caplog.text}"
    for secret in (webhook.secret, other.secret):
        assert secret.removeprefix("whsec_") not in told
    assert webhooks.signers(db, settings, webhook.id, datetime.now(UTC)) == [
        other.secret,
        webhook.secret,
    ]


@pytest.mark.parametrize("name", ["alice", "dan", "wendy", "nobody"])
def test_for_everybody_else_there_is_none(
    db: SqliteDatabase, cast: Cast, settings: Settings, webhook: Webhook, name: str
):
    viewer = getattr(cast, name)
    for act in (
        lambda: webhooks.add(db, viewer, settings, "https://b.example/", ["ticket.opened"]),
        lambda: webhooks.list_all(db, viewer),
        lambda: webhooks.find(db, viewer, webhook.id),
        lambda: webhooks.choose(db, viewer, webhook, ["ticket.opened"]),
        lambda: webhooks.rotate(db, viewer, settings, webhook),
        lambda: webhooks.disable(db, viewer, webhook),
        lambda: webhooks.enable(db, viewer, webhook),
        lambda: webhooks.test(db, viewer, webhook),
    ):
        with pytest.raises(NotFound):
            act()
    assert webhooks.list_all(db, cast.root) == [dataclasses.replace(webhook, secret="")]
    with pytest.raises(NotFound):
        webhooks.find(db, cast.root, "no-such-id")


@pytest.mark.parametrize(
    ("url", "kinds", "key"),
    [
        ("http://hooks.example/in", ["ticket.opened"], "webhook.url_blocked"),
        ("https://127.0.0.1/", ["ticket.opened"], "webhook.url_blocked"),
        ("", ["ticket.opened"], "webhook.url_blocked"),
        (URL, [], "webhook.events_required"),
        (URL, ["ticket.opened", "ticket.eaten"], "webhook.event_unknown"),
        (URL, ["webhook.test"], "webhook.event_unknown"),
    ],
)
def test_what_is_no_webhook_is_refused(
    db: SqliteDatabase, root: Viewer, settings: Settings, url: str, kinds: list[str], key: str
):
    with pytest.raises(Invalid) as refused:
        webhooks.add(db, root, settings, url, kinds)
    assert refused.value.key == key
    assert webhooks.list_all(db, root) == []


def test_one_address_is_one_webhook(
    db: SqliteDatabase, root: Viewer, settings: Settings, webhook: Webhook
):
    with pytest.raises(Invalid, match=r"webhook\.url_taken"):
        webhooks.add(db, root, settings, f" {URL}", ["ticket.closed"])


def test_other_events_can_be_chosen(db: SqliteDatabase, root: Viewer, webhook: Webhook):
    webhooks.choose(db, root, webhook, ["article.published"])
    assert webhooks.find(db, root, webhook.id).kinds == ("article.published",)


def test_a_private_address_is_taken_once_the_operator_opened_it(
    db: SqliteDatabase, root: Viewer, settings: Settings
):
    opened = dataclasses.replace(settings, webhook_private_targets=("10.1.0.0/16", "tools.lan"))
    for url in ("http://10.1.2.3/", "http://tools.lan:8080/in"):
        assert webhooks.add(db, root, opened, url, ["ticket.opened"]).url == url
    with pytest.raises(Invalid):
        webhooks.add(db, root, opened, "http://10.2.0.1/", ["ticket.opened"])


def signed(
    db: SqliteDatabase, settings: Settings, webhook: Webhook, at: datetime
) -> dict[str, str]:
    signers = webhooks.signers(db, settings, webhook.id, at)
    return standard_webhooks.headers("msg_1", at, BODY, signers)


def test_a_receiver_verifies_what_it_gets_and_notices_what_was_tampered_with(
    db: SqliteDatabase, settings: Settings, webhook: Webhook
):
    headers = signed(db, settings, webhook, datetime.now(UTC))
    verifier = Verifier(webhook.secret)
    assert verifier.verify(BODY, headers) == {"type": "ticket.opened"}
    late = str(int(headers["webhook-timestamp"]) + 1)
    for body, changed in (
        (BODY + b" ", {}),
        (BODY, {"webhook-id": "msg_2"}),
        (BODY, {"webhook-timestamp": late}),
        (BODY, {"webhook-signature": headers["webhook-signature"][:-6] + "AAAAA="}),
    ):
        with pytest.raises(WebhookVerificationError):
            verifier.verify(body, {**headers, **changed})
    with pytest.raises(WebhookVerificationError):
        Verifier(standard_webhooks.new_secret()).verify(BODY, headers)


def test_both_secrets_sign_for_a_day_after_a_change(
    db: SqliteDatabase, root: Viewer, settings: Settings, webhook: Webhook
):
    now = datetime.now(UTC)
    other = webhooks.rotate(db, root, settings, webhook, at=now - timedelta(hours=23, minutes=59))
    for secret in (webhook.secret, other.secret):
        Verifier(secret).verify(BODY, signed(db, settings, webhook, now))
    alone = signed(db, settings, webhook, now + timedelta(minutes=2))
    assert " " not in alone["webhook-signature"]
    Verifier(other.secret).verify(BODY, alone)


def test_a_second_change_within_the_day_would_lock_the_receiver_out(
    db: SqliteDatabase, root: Viewer, settings: Settings, webhook: Webhook
):
    webhooks.rotate(db, root, settings, webhook, at=NOW)
    with pytest.raises(Invalid, match=r"webhook\.secret_changing"):
        webhooks.rotate(db, root, settings, webhook, at=NOW + timedelta(hours=1))
    webhooks.rotate(db, root, settings, webhook, at=NOW + timedelta(hours=25))


def test_after_a_leak_the_old_secret_signs_nothing_from_that_moment(
    db: SqliteDatabase, root: Viewer, settings: Settings, webhook: Webhook
):
    webhooks.rotate(db, root, settings, webhook, at=NOW)
    last = webhooks.rotate(db, root, settings, webhook, at_once=True, at=NOW)
    assert webhooks.signers(db, settings, webhook.id, NOW) == [last.secret]
