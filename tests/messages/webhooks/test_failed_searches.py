"""Searches that found nothing are told once, when they have settled, to those who asked."""

import json
from datetime import timedelta

from kbsearch import clock, outbox
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages import webhooks
from kbsearch.messages.webhooks import deliveries, failed_searches
from kbsearch.search.learning import visits as analytics
from tests.conftest import Cast
from tests.kit.requests import MORNING, later


def told(settings: Settings, db: SqliteDatabase) -> list[dict[str, object]]:
    handlers = deliveries.handlers(settings, db)
    while outbox.run_one(db, handlers, outbox.Share(only=handlers)):
        pass
    rows = db.query(
        "SELECT body FROM webhook_messages WHERE kind = 'search.failed' ORDER BY at, id"
    )
    return [json.loads(row["body"])["data"] for row in rows]


def search(db: SqliteDatabase, cast: Cast, text: str, results: int, **much: float) -> None:
    moment = later(**much)
    visit = analytics.visit(db, cast.alice, at=moment)
    analytics.searched(db, visit, text, results=results, at=moment)


def test_a_search_is_told_once_it_has_settled(settings: Settings, db: SqliteDatabase, cast: Cast):
    with clock.running_on(lambda: MORNING):
        webhooks.add(db, cast.root, settings, "https://x.example/", ["search.failed"])
    failed_searches.tell_new(db, at=later(minutes=1))
    search(db, cast, "collier perdu de alice@acme.example", 0, minutes=2)
    search(db, cast, "found", 3, minutes=2)
    assert not failed_searches.tell_new(db, at=later(minutes=2, seconds=30))
    assert failed_searches.tell_new(db, at=later(minutes=4))
    assert not failed_searches.tell_new(db, at=later(minutes=5)), "once"
    (facts,) = told(settings, db)
    assert facts["query"] == "collier perdu de ‹e-mail›"
    assert set(facts) == {"id", "query", "product"}


def test_a_webhook_is_told_nothing_of_before_it(settings: Settings, db: SqliteDatabase, cast: Cast):
    failed_searches.tell_new(db, at=MORNING)
    search(db, cast, "collier", 0, minutes=2)
    assert failed_searches.tell_new(db, at=later(minutes=9))
    webhooks.add(db, cast.root, settings, "https://x.example/", ["search.failed"])
    assert not failed_searches.tell_new(db, at=later(minutes=9) + timedelta(minutes=1))
    assert told(settings, db) == []


def test_words_forgotten_meanwhile_are_not_told(settings: Settings, db: SqliteDatabase, cast: Cast):
    with clock.running_on(lambda: MORNING):
        webhooks.add(db, cast.root, settings, "https://x.example/", ["search.failed"])
    failed_searches.tell_new(db, at=MORNING)
    search(db, cast, "collier", 0, minutes=2)
    assert failed_searches.tell_new(db, at=later(minutes=9))
    analytics.erase_person(db, str(cast.alice.person_id))
    assert told(settings, db) == []
