"""The letter to the owner of a webhook that is disabled."""

from datetime import UTC, datetime

from kbsearch import outbox, people
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages import webhooks
from kbsearch.messages.notifications import mailings
from kbsearch.messages.webhooks import deliveries
from kbsearch.people import PersonFields
from tests.conftest import Cast
from tests.kit.mail import letters, text_of

URL = "https://hooks.example/in?token=CANARY"


def post(settings: Settings, db: SqliteDatabase) -> None:
    while outbox.run_one(db, mailings.handlers(settings, db, mailings.ABOUT_WEBHOOKS)):
        pass


def test_its_owner_is_told_where_to_enable_it_and_not_its_address(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    webhook = webhooks.add(db, cast.root, settings, URL, ["ticket.opened"])
    for because, said in (("gone", "n’existe plus"), ("silent", "trois jours")):
        webhooks.enable(db, cast.root, webhook)
        deliveries.stop(db, webhook.id, because, datetime.now(UTC))
        post(settings, db)
        letter = letters(settings)[-1]
        assert letter["To"].addresses[0].addr_spec == "root@support.example"
        assert said in text_of(letter) and "hooks.example" in text_of(letter)
        assert f"/fr/admin/webhooks/{webhook.id}" in text_of(letter)
        assert "CANARY" not in text_of(letter)


def test_nobody_is_told_of_what_is_enabled_again_or_of_somebody_elses(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    webhook = webhooks.add(db, cast.root, settings, URL, ["ticket.opened"])
    deliveries.stop(db, webhook.id, "silent", datetime.now(UTC))
    webhooks.enable(db, cast.root, webhook)
    deliveries.stop(db, webhook.id, "gone", datetime.now(UTC))
    people.add(
        db, OPERATOR, PersonFields(email="ada@support.example", name="Ada", role="administrator")
    )
    people.disable(db, OPERATOR, people.find(db, "root@support.example"))
    outbox.add(db, deliveries.DIED, "unknown")
    post(settings, db)
    assert letters(settings) == [] and outbox.count_dead(db) == 0
