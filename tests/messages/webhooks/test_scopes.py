"""Webhooks that are told of a part only, or of more than ids: each exactly of that."""

import json
from typing import Any

import pytest

from kbsearch import outbox
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid
from kbsearch.messages import webhooks
from kbsearch.messages.webhooks import Webhook, deliveries
from kbsearch.messages.webhooks.scopes import EVERYTHING, LONGEST, WebhookScope
from kbsearch.outbox import Share
from kbsearch.people.organisations import products
from kbsearch.people.organisations.products import ProductFields
from kbsearch.tickets import tags
from kbsearch.tickets.conversation import replies
from kbsearch.tickets.conversation.replies import ReplyForm
from tests.conftest import Cast
from tests.kit.requests import file

KINDS = ("ticket.opened", "ticket.replied", "ticket.noted", "search.failed")


def hook(db: SqliteDatabase, cast: Cast, settings: Settings, scope: WebhookScope) -> Webhook:
    name = f"{len(webhooks.list_all(db, cast.root))}.example"
    return webhooks.add(db, cast.root, settings, f"https://{name}/", KINDS, scope=scope)


def told(db: SqliteDatabase, settings: Settings, webhook: Webhook) -> list[dict[str, Any]]:
    """The data of what is on its way to a webhook, in order."""
    handlers = deliveries.handlers(settings, db)
    share = Share(channel="inside")
    while task := outbox.claim(db, share):
        handlers.get(task.kind, lambda task: None)(task)
        outbox.claims.done(db, task)
    rows = db.query(
        """
        SELECT m.body FROM outbox o JOIN webhook_messages m ON m.id = o.subject
        WHERE o.channel = 'webhook' AND o.thread = :id ORDER BY m.body
        """,
        {"id": webhook.id},
    )
    return [json.loads(row["body"])["data"] for row in rows]


def test_each_is_told_of_its_part(db: SqliteDatabase, cast: Cast, settings: Settings):
    products.add(db, OPERATOR, ProductFields("Collars"))
    scopes = {
        "all": EVERYTHING,
        "acme": WebhookScope(organisation="acme"),
        "globex": WebhookScope(organisation="globex"),
        "product": WebhookScope(product="collars"),
        "tag": WebhookScope(tag="Lost cow"),
        "both": WebhookScope(organisation="globex", tag="lost_cow"),
    }
    hooks = {name: hook(db, cast, settings, scope) for name, scope in scopes.items()}
    acme = file(db, cast.alice, subject="Of Acme")
    tags.change(db, cast.dan, acme.id, add=["lost cow"])
    globex = file(db, cast.chloe, subject="Of Globex")
    numbers = {
        name: {data["number"] for data in told(db, settings, webhook)}
        for name, webhook in hooks.items()
    }
    assert numbers == {
        "all": {acme.number, globex.number},
        "acme": {acme.number},
        "globex": {globex.number},
        "product": set(),
        "tag": {acme.number},
        "both": set(),
    }


def test_who_asks_so_reads_what_the_customer_reads(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    thin = hook(db, cast, settings, EVERYTHING)
    whole = hook(db, cast, settings, WebhookScope(with_fields=True))
    ticket = file(db, cast.alice, subject="Lost", description="A cow")
    replies.reply(db, cast.dan, ticket, ReplyForm("key-of-the-reply", "é" * (LONGEST + 9)))
    replies.note(db, cast.dan, ticket, ReplyForm("key-of-the-note-1", "CANARI-NOTE"))
    assert not any("subject" in data for data in told(db, settings, thin))
    data = told(db, settings, whole)
    assert len(data) == 3 and "CANARI-NOTE" not in json.dumps(data)
    assert {each["subject"] for each in data} == {"Lost"}
    assert {each["requester"] for each in data} == {"Alice Martin"}
    (reply,) = [each for each in data if each.get("body")]
    assert reply["author"] == "Dan Leroy" and len(reply["body"]) == LONGEST + 1
    assert [each["description"] for each in data if "description" in each] == ["A cow"] * 2


def test_a_scope_is_changed_and_one_that_names_nothing_is_refused(
    db: SqliteDatabase, cast: Cast, settings: Settings
):
    webhook = hook(db, cast, settings, EVERYTHING)
    webhooks.choose(
        db, cast.root, webhook, KINDS, scope=WebhookScope("acme", tag="A b", with_fields=True)
    )
    kept = webhooks.find(db, cast.root, webhook.id).scope
    assert kept == WebhookScope("acme", tag="a_b", with_fields=True)
    webhooks.choose(db, cast.root, webhook, KINDS)
    assert webhooks.find(db, cast.root, webhook.id).scope == kept
    for scope in (WebhookScope("nobody"), WebhookScope(product="nothing")):
        with pytest.raises(Invalid):
            webhooks.choose(db, cast.root, webhook, KINDS, scope=scope)
