"""The screens of webhooks and of what is on its way out."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import outbox
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages import webhooks
from kbsearch.messages.webhooks import Webhook, deliveries
from kbsearch.messages.webhooks.deliveries import Outcome
from kbsearch.site import outgoing as sendings
from tests.conftest import Cast
from tests.kit.web import sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}
URL = "https://hooks.example/in?token=CANARY"


@pytest.fixture
def root(client: FlaskClient, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    sign_in(client, db, cast.root)
    return client


@pytest.fixture
def webhook(db: SqliteDatabase, cast: Cast, settings: Settings) -> Webhook:
    return webhooks.add(db, cast.root, settings, URL, ["ticket.opened"])


def post(client: FlaskClient, address: str, **values: Any) -> Any:
    return client.post(f"/en/{address}", data=values, headers=ORIGIN)


def secret_in(page: str) -> str | None:
    found = re.search(r"whsec_[A-Za-z0-9+/=]+", page)
    return found[0] if found else None


def test_a_new_one_shows_its_secret_and_never_again(
    root: FlaskClient, db: SqliteDatabase, cast: Cast, settings: Settings
):
    assert "Add a webhook" in root.get("/en/admin/webhooks").text
    answer = post(root, "admin/webhooks", url=URL, kinds=["ticket.opened", "ticket.solved"])
    assert answer.status_code == 201 and answer.headers["Cache-Control"] == "no-store"
    (made,) = webhooks.list_all(db, cast.root)
    secret = secret_in(answer.text)
    assert [secret] == webhooks.signers(db, settings, made.id, datetime.now(UTC))
    assert made.kinds == ("ticket.opened", "ticket.solved")
    for address in ("admin/webhooks", f"admin/webhooks/{made.id}"):
        assert secret_in(root.get(f"/en/{address}").text) is None
    again = post(root, "admin/webhooks", url=URL, kinds=["ticket.opened"])
    assert again.status_code == 422 and "already" in again.text


def test_a_form_that_is_refused_keeps_all_and_leads_to_what_is_wrong(root: FlaskClient):
    answer = post(root, "admin/webhooks", url="http://127.0.0.1/", kinds=["ticket.noted"])
    assert answer.status_code == 422
    assert 'href="#url"' in answer.text and 'value="http://127.0.0.1/"' in answer.text
    assert re.search(r'value="ticket.noted" checked', answer.text)
    without = post(root, "admin/webhooks", url=URL)
    assert without.status_code == 422 and 'href="#kinds"' in without.text


def test_fields_that_no_form_has_do_nothing(root: FlaskClient, db: SqliteDatabase, cast: Cast):
    post(
        root,
        "admin/webhooks",
        url=URL,
        kinds=["ticket.opened"],
        secret="whsec_" + "A" * 43 + "=",
        owner_id=str(cast.alice.person_id),
        disabled_at="2020-01-01T00:00:00Z",
        id="mine",
    )
    (made,) = webhooks.list_all(db, cast.root)
    assert (made.owner, made.disabled_at) == ("root@support.example", None)
    assert made.id != "mine"
    post(root, f"admin/webhooks/{made.id}", url="https://other.example/", kinds=["ticket.noted"])
    assert webhooks.list_all(db, cast.root)[0].url == URL


def test_its_secret_can_be_changed_and_at_once_when_it_has_leaked(
    root: FlaskClient, webhook: Webhook
):
    first = post(root, f"admin/webhooks/{webhook.id}/secret")
    assert first.status_code == 201 and secret_in(first.text) != webhook.secret
    assert "For 24 hours the old secret signs too" in first.text
    second = post(root, f"admin/webhooks/{webhook.id}/secret")
    assert second.status_code == 422 and secret_in(second.text) is None
    leaked = post(root, f"admin/webhooks/{webhook.id}/secret", at_once="yes")
    assert leaked.status_code == 201 and "For 24 hours" not in leaked.text


def test_it_is_disabled_and_enabled(
    root: FlaskClient, db: SqliteDatabase, cast: Cast, webhook: Webhook
):
    assert post(root, f"admin/webhooks/{webhook.id}/state", state="disabled").status_code == 303
    assert webhooks.find(db, cast.root, webhook.id).disabled_because == "disabled"
    assert "Disabled on" in root.get(f"/en/admin/webhooks/{webhook.id}").text
    assert post(root, f"admin/webhooks/{webhook.id}/tests").status_code == 422
    post(root, f"admin/webhooks/{webhook.id}/state", state="enabled")
    assert webhooks.find(db, cast.root, webhook.id).disabled_at is None


def fail(db: SqliteDatabase, **how: Any) -> None:
    due = deliveries.claim(db)
    assert due is not None
    deliveries.record(db, due, Outcome(**{"status": None, "problem": "timeout", **how}))


def test_the_log_shows_what_was_sent_and_answered_and_sends_it_again(
    root: FlaskClient, db: SqliteDatabase, webhook: Webhook
):
    post(root, f"admin/webhooks/{webhook.id}/tests")
    fail(db, status=500, problem="status", response="<b>Oh dear</b>", duration_ms=1234)
    (sent,) = deliveries.of_webhook(db, webhook.id)
    page = root.get(f"/en/admin/webhooks/{webhook.id}").text
    assert "Failed, will be tried again" in page and "It was refused" in page
    address = f"admin/webhooks/{webhook.id}/deliveries/{sent.id}"
    page = root.get(f"/en/{address}").text
    assert sent.message_id in page and "&#34;type&#34;:&#34;webhook.test&#34;" in page
    assert "<strong>500</strong>" in page and "1,234 ms" in page
    assert "&lt;b&gt;Oh dear&lt;/b&gt;" in page and "<b>Oh" not in page
    assert post(root, address).status_code == 303
    (again,) = deliveries.of_webhook(db, webhook.id)
    assert (again.state, again.message_id) == ("waiting", sent.message_id)
    post(root, f"admin/webhooks/{webhook.id}/state", state="disabled")
    assert post(root, address).status_code == 422


def test_a_delivery_is_looked_at_under_its_own_webhook(
    root: FlaskClient, db: SqliteDatabase, cast: Cast, settings: Settings, webhook: Webhook
):
    other = webhooks.add(db, cast.root, settings, "https://b.example/", ["ticket.opened"])
    sent = webhooks.test(db, cast.root, webhook)
    assert root.get(f"/en/admin/webhooks/{webhook.id}/deliveries/{sent}").status_code == 200
    assert root.get(f"/en/admin/webhooks/{other.id}/deliveries/{sent}").status_code == 404


def test_many_deliveries_have_pages(
    root: FlaskClient, db: SqliteDatabase, cast: Cast, webhook: Webhook
):
    for _ in range(51):
        webhooks.test(db, cast.root, webhook)
    first, second = (
        root.get(f"/en/admin/webhooks/{webhook.id}?page={number}").text for number in (1, 2)
    )
    assert first.count("/deliveries/") == 50 and "page=2#deliveries" in first
    assert second.count("/deliveries/") == 1 and "page=1#deliveries" in second
    for strange in ("0", "x", "99999999", "²"):
        assert root.get(f"/en/admin/webhooks/{webhook.id}?page={strange}").status_code == 200


def test_agents_see_what_has_not_left_and_send_it_again(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, webhook: Webhook
):
    sign_in(client, db, cast.dan)
    assert "Everything has been sent." in client.get("/en/desk/deliveries").text
    sent = webhooks.test(db, cast.root, webhook)
    fail(db)
    outbox.add(db, "person.invited", "somebody")
    outbox.add(db, "index.tickets", "all")
    dead = {"id": db.query("SELECT id FROM outbox WHERE kind = 'person.invited'")[0]["id"]}
    db.execute(
        "UPDATE outbox SET dead_at = created_at, problem = '550 <unknown>' WHERE id = :id", dead
    )
    page = client.get("/en/desk/deliveries").text
    rows = re.findall(r'<th scope="row">([^<]+)</th>', page)
    assert rows == ["An invitation", "A test"], "those given up first; no work of the index"
    assert "hooks.example" in page and "CANARY" not in page
    assert "No answer in time" in page and "550 &lt;unknown&gt;" in page
    for sending in (dead["id"], sent):
        assert post(client, f"desk/deliveries/{sending}").status_code == 303
    states = [each.state for each in sendings.look(db, cast.dan).found]
    assert states == ["waiting", "waiting"]
    assert deliveries.of_webhook(db, webhook.id)[0].state == "waiting"
    assert post(client, "desk/deliveries/unknown").status_code == 422


@pytest.mark.parametrize("name", ["alice", "wendy", "nobody"])
def test_for_others_there_is_nothing_on_its_way(
    app: Flask, db: SqliteDatabase, cast: Cast, webhook: Webhook, name: str
):
    client = app.test_client()
    viewer = getattr(cast, name)
    if viewer.is_signed_in:
        sign_in(client, db, viewer)
    sent = webhooks.test(db, cast.root, webhook)
    fail(db)
    assert client.get("/en/desk/deliveries").status_code == 404
    assert post(client, f"desk/deliveries/{sent}").status_code == 404
    assert deliveries.of_webhook(db, webhook.id)[0].state == "failed"
