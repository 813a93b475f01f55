"""Articles that come and go at a moment they name, without a commit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kbsearch import clock, worker
from kbsearch.access import ANONYMOUS
from kbsearch.articles import count, find, former_addresses
from kbsearch.articles.publishing import publications
from kbsearch.articles.publishing.publish import Publication, Refusal, publish
from kbsearch.errors import Gone, NotFound
from tests.kit.writers import PAGE, article, commit, with_page, write

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
AT_ONE, AT_TWO = NOON + timedelta(hours=1), NOON + timedelta(hours=2)


@pytest.fixture
def content(settings):
    content = with_page(settings)
    more = "publish_at: 2026-11-22T14:00+01:00\nwithdraw_at: 2026-11-22 14:00\n"
    write(content, "articles/en/guide/offer.md", article("Offer", more=more))
    commit(content)
    return content


def publish_at(moment: datetime, db, settings) -> Publication | Refusal:
    with clock.running_on(lambda: moment):
        return publish(db, settings)


def is_there(db) -> bool:
    try:
        return find(db, ANONYMOUS, "en", "offer").title == "Offer"
    except NotFound:
        return False


def test_an_article_comes_and_goes_in_its_time_without_a_commit(db, settings, content):
    before = publish_at(NOON, db, settings)
    assert isinstance(before, Publication) and before.due_at == "2026-11-22T13:00:00Z"
    assert not is_there(db) and not db.query("SELECT 1 FROM articles WHERE title = 'Offer'")
    assert publish_at(AT_ONE - timedelta(seconds=1), db, settings) == before
    during = publish_at(AT_ONE, db, settings)
    assert is_there(db) and during.commit == before.commit
    after = publish_at(AT_TWO, db, settings)
    assert not is_there(db) and isinstance(after, Publication) and after.due_at == ""
    assert [finding.rule for finding in after.findings] == []
    with pytest.raises(Gone):
        former_addresses.check_gone(db, ANONYMOUS, "en", "offer")
    assert publish_at(AT_TWO + timedelta(days=9), db, settings) == after


def test_a_page_goes_in_time_although_another_leads_to_it(db, settings, content):
    publish_at(AT_ONE, db, settings)
    write(content, PAGE, article("First title", body="[the offer](offer.md)"))
    commit(content)
    publish_at(AT_ONE, db, settings)
    after = publish_at(AT_TWO, db, settings)
    assert isinstance(after, Publication) and not is_there(db)
    assert [finding.rule for finding in after.findings] == ["broken-link"]


def test_a_page_goes_in_time_although_the_last_commit_is_refused(db, settings, content):
    publish_at(AT_ONE, db, settings)
    write(content, PAGE, article(body="[x](gone.md)"))
    bad = commit(content)
    assert isinstance(publish_at(AT_TWO, db, settings), Refusal)
    refusal = publications.find_refused(db)
    assert not is_there(db) and count(db, ANONYMOUS, "en") == 1
    assert refusal is not None and refusal.commit == bad


def test_a_folder_without_git_has_its_moments_too(db, settings):
    folder = replace(settings, content=settings.site / "plain")
    more = "publier_le: 2026-11-22 13:00\nretirer_le: 2026-11-22 14:00\n"
    write(folder.content_path, "articles/en/guide/offer.md", article("Offer", more=more))
    write(folder.content_path, PAGE, article())
    for moment, is_shown in ((NOON, False), (AT_ONE, True), (AT_TWO, False)):
        publish_at(moment, db, folder)
        assert is_there(db) is is_shown


def test_the_worker_publishes_when_a_moment_comes(db, settings, content, monkeypatch):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    at = [NOON]
    with clock.running_on(lambda: at[0]):
        following = worker.Content(settings, db, worker.Signals())
        assert following.follow() and not following.follow() and not is_there(db)
        at[0] = AT_ONE
        assert following.follow() and not following.follow() and is_there(db)


def test_a_moment_that_a_later_release_refuses_is_not_tried_again_and_again(
    db, settings, content, monkeypatch
):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    at = [AT_ONE]
    with clock.running_on(lambda: at[0]):
        following = worker.Content(settings, db, worker.Signals())
        assert following.follow()
        write(content, PAGE, article("First title", body="[the offer](offer.md)"))
        commit(content)
        assert following.follow()
        monkeypatch.setattr("kbsearch.articles.publishing.publish.__version__", "99")
        at[0] = AT_TWO
        assert following.follow() and publications.find_refused(db) is not None
        assert not following.follow()
