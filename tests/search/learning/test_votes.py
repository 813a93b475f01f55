"""Votes on articles: one a reader and edition, in step with the ledger, read by the staff."""

from dataclasses import replace
from typing import Any

import pytest

from kbsearch import articles
from kbsearch.access import ANONYMOUS, OPERATOR, Viewer
from kbsearch.articles import Article
from kbsearch.articles.publishing.publish import publish
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.messages import webhooks
from kbsearch.messages.webhooks import events, rooms
from kbsearch.search.learning import visits as analytics
from kbsearch.search.learning import votes as article_votes
from kbsearch.search.learning.votes import VoteFields
from kbsearch.site import erasing, own_data
from tests.conftest import Cast
from tests.kit.requests import later
from tests.kit.web import ARTICLES, publish_articles, write_articles
from tests.search.learning.test_visits import outcome, searching

SLUG = "mot-de-passe"


@pytest.fixture
def article(settings: Settings, db: SqliteDatabase, cast: Cast) -> Article:
    publish_articles(settings, db)
    return articles.find(db, ANONYMOUS, "fr", SLUG)


def rewritten(settings: Settings, db: SqliteDatabase) -> Article:
    """The article after a commit that changes it."""
    changed = ARTICLES["fr/compte/mot-de-passe.md"].replace("Connectez-vous.", "Revenez.")
    write_articles(settings.content_path, {"fr/compte/mot-de-passe.md": changed})
    publish(db, settings)
    return articles.find(db, ANONYMOUS, "fr", SLUG)


def visit_of(db: SqliteDatabase, viewer: Viewer) -> str:
    visit = analytics.visit(db, viewer)
    assert visit is not None
    return visit


def counted(db: SqliteDatabase, viewer: Viewer, article: Article) -> list[tuple[bool, int, int]]:
    found = article_votes.list_editions(db, viewer, article)
    return [(each.is_current, each.helped, each.votes) for each in found]


def test_a_reader_has_one_vote_and_the_last_one_counts(
    db: SqliteDatabase, cast: Cast, article: Article
):
    visit = visit_of(db, cast.alice)
    article_votes.give(db, cast.alice, visit, article, VoteFields(helped=True))
    given = article_votes.give(
        db,
        cast.alice,
        visit,
        article,
        VoteFields(helped=False, reason="outdated", words=" Menu changé\x00\n"),
    )
    assert (given.helped, given.reason, given.words) == (False, "outdated", " Menu changé")
    article_votes.give(db, cast.bob, visit_of(db, cast.bob), article, VoteFields(helped=True))
    assert counted(db, cast.wendy, article) == [(True, 1, 2)]
    (edition,) = article_votes.list_editions(db, cast.dan, article)
    assert edition.reasons == (("outdated", 1),)
    assert [comment.words for comment in edition.comments] == [" Menu changé"]
    article_votes.take_back(db, cast.alice, visit, article)
    assert article_votes.mine(db, cast.alice, visit, article) is None
    assert counted(db, cast.root, article) == [(True, 1, 1)]


def test_a_guest_has_a_vote_a_visit_which_is_theirs_once_they_sign_in(
    db: SqliteDatabase, cast: Cast, article: Article
):
    visit = visit_of(db, ANONYMOUS)
    article_votes.give(db, ANONYMOUS, visit, article, VoteFields(helped=False))
    article_votes.give(db, ANONYMOUS, visit, article, VoteFields(helped=True))
    article_votes.give(db, ANONYMOUS, visit_of(db, ANONYMOUS), article, VoteFields(helped=False))
    assert counted(db, cast.dan, article) == [(True, 1, 2)]
    assert analytics.visit(db, cast.alice, visit) == visit
    found = article_votes.mine(db, cast.alice, visit, article)
    assert found is not None and found.helped
    article_votes.give(db, cast.alice, visit, article, VoteFields(helped=False))
    assert counted(db, cast.dan, article) == [(True, 0, 2)]


def test_votes_on_an_earlier_text_are_told_apart(
    settings: Settings, db: SqliteDatabase, cast: Cast, article: Article
):
    visit = visit_of(db, cast.alice)
    article_votes.give(db, cast.alice, visit, article, VoteFields(helped=False, reason="outdated"))
    after = rewritten(settings, db)
    assert after.edition != article.edition
    assert article_votes.mine(db, cast.alice, visit, after) is None
    article_votes.give(db, cast.alice, visit, after, VoteFields(helped=True))
    assert counted(db, cast.wendy, after) == [(True, 1, 1), (False, 0, 1)]
    (listed,) = article_votes.list_articles(db, cast.wendy)
    assert (listed.path, listed.helped, listed.votes, listed.earlier) == (after.path, 1, 1, 1)
    assert listed.are_few


def test_a_translation_has_votes_of_its_own(db: SqliteDatabase, cast: Cast, article: Article):
    other = articles.find(db, ANONYMOUS, "en", "reset-your-password")
    article_votes.give(db, cast.alice, visit_of(db, cast.alice), other, VoteFields(helped=False))
    assert counted(db, cast.dan, article) == [(True, 0, 0)]
    assert counted(db, cast.dan, other) == [(True, 0, 1)]


def test_a_yes_after_a_search_is_one_confirmation_until_it_is_taken_back(
    db: SqliteDatabase, cast: Cast, article: Article
):
    visit = searching(db, cast.alice, at=later(hours=0))
    assert outcome(db) == "abandoned"
    for _ in range(2):
        article_votes.give(
            db, cast.alice, visit, article, VoteFields(helped=True), at=later(minutes=1)
        )
    assert outcome(db) == "confirmed"
    confirmed = db.query("SELECT target FROM visit_events WHERE kind = 'confirmed'")
    assert [row["target"] for row in confirmed] == ["fr/compte/mot-de-passe"]
    article_votes.give(
        db, cast.alice, visit, article, VoteFields(helped=False), at=later(minutes=2)
    )
    assert outcome(db) == "abandoned"
    article_votes.give(db, cast.alice, visit, article, VoteFields(helped=True), at=later(minutes=3))
    assert outcome(db) == "confirmed"
    article_votes.take_back(db, cast.alice, visit, article, at=later(minutes=4))
    assert outcome(db) == "abandoned"


def test_a_yes_without_a_search_says_nothing_of_deflection(
    db: SqliteDatabase, cast: Cast, article: Article
):
    article_votes.give(db, cast.alice, visit_of(db, cast.alice), article, VoteFields(helped=True))
    assert db.query("SELECT * FROM visit_events") == []


def test_a_yes_said_again_on_another_day_can_still_be_taken_back_whole(
    db: SqliteDatabase, cast: Cast, article: Article
):
    visit = searching(db, cast.alice, at=later(hours=0))
    article_votes.give(db, cast.alice, visit, article, VoteFields(helped=True), at=later(minutes=1))
    another = analytics.visit(db, cast.alice, at=later(hours=30))
    assert another not in (None, visit)
    article_votes.give(
        db, cast.alice, another, article, VoteFields(helped=True), at=later(hours=30)
    )
    assert outcome(db) == "confirmed"
    article_votes.give(
        db, cast.alice, another, article, VoteFields(helped=False), at=later(hours=31)
    )
    assert outcome(db) == "abandoned"


def test_the_staff_reads_votes_and_has_none(db: SqliteDatabase, cast: Cast, article: Article):
    staff, others = (cast.dan, cast.wendy, cast.root), (cast.alice, cast.chloe, ANONYMOUS)
    for viewer in staff:
        with pytest.raises(Forbidden):
            article_votes.give(db, viewer, None, article, VoteFields(helped=True))
        assert article_votes.list_editions(db, viewer, article)
    for viewer in others:
        with pytest.raises(NotFound):
            article_votes.list_editions(db, viewer, article)
        with pytest.raises(NotFound):
            article_votes.list_articles(db, viewer)


@pytest.mark.parametrize("said", [{"reason": "boring"}, {"words": "x" * 1_001}])
def test_what_makes_no_sense_changes_no_vote(
    db: SqliteDatabase, cast: Cast, article: Article, said: dict[str, Any]
):
    visit = visit_of(db, cast.alice)
    article_votes.give(db, cast.alice, visit, article, VoteFields(helped=True))
    with pytest.raises(Invalid):
        article_votes.give(db, cast.alice, visit, article, VoteFields(helped=False, **said))
    found = article_votes.mine(db, cast.alice, visit, article)
    assert found is not None and found.helped


def test_personal_data_in_the_words_is_hidden_from_the_staff_and_not_from_its_author(
    db: SqliteDatabase, cast: Cast, article: Article
):
    words = "Rappelez-moi au 06 12 34 56 78 ou à alice@acme.example"
    visit = visit_of(db, cast.alice)
    article_votes.give(
        db, cast.alice, visit, article, VoteFields(helped=False, reason="other", words=words)
    )
    (edition,) = article_votes.list_editions(db, cast.wendy, article)
    assert "12 34" not in edition.comments[0].words and "alice@" not in edition.comments[0].words
    (mine,) = own_data.collect(db, cast.alice)["article_feedback"]
    assert (mine["words"], mine["helped"]) == (words, False)
    assert own_data.collect(db, cast.bob)["article_feedback"] == []


def test_votes_go_with_the_person_and_with_the_visits_they_had_as_a_guest(
    settings: Settings, db: SqliteDatabase, cast: Cast, article: Article
):
    other = articles.find(db, ANONYMOUS, "en", "reset-your-password")
    visit = visit_of(db, ANONYMOUS)
    article_votes.give(db, ANONYMOUS, visit, other, VoteFields(helped=False, words="guest"))
    analytics.visit(db, cast.alice, visit)
    article_votes.give(db, cast.alice, visit, article, VoteFields(helped=False, words="signed in"))
    about = "Demandez à alice@acme.example"
    bobs = visit_of(db, cast.bob)
    article_votes.give(db, cast.bob, bobs, article, VoteFields(helped=False, words=about))
    erasing.erase(db, OPERATOR, settings, "alice@acme.example")
    (words,) = [row["words"] for row in db.query("SELECT words FROM article_votes")]
    assert words.startswith("Demandez à") and "alice" not in words


def test_a_webhook_is_told_of_a_vote_and_not_of_its_words(
    settings: Settings, db: SqliteDatabase, cast: Cast, article: Article
):
    webhooks.add(db, cast.root, settings, "https://b.example/", ["article.feedback"])
    visit = visit_of(db, cast.alice)
    article_votes.give(db, cast.alice, visit, article, VoteFields(helped=False))
    here = replace(settings, base_url="https://aide.example")
    for words in ("CANARI", "CANARI, mieux dit"):
        given = article_votes.give(
            db, cast.alice, visit, article, VoteFields(helped=False, reason="outdated", words=words)
        )
    told = db.query("SELECT subject FROM outbox WHERE kind = 'article.feedback'")
    assert [row["subject"] for row in told] == [given.id, given.id]  # the No, then its reason
    assert events.facts(db, here, "article.feedback", given.id) == {
        "id": "fr/compte/mot-de-passe",
        "language": "fr",
        "category": "compte",
        "slug": "mot-de-passe",
        "edition": article.edition,
        "helped": False,
        "reason": "outdated",
        "url": "https://aide.example/fr/desk/articles/fr/mot-de-passe/feedback",
    }
    body = events.body("article.feedback", "2026-03-02T09:00:00Z", {"helped": False, "id": "fr/a"})
    assert rooms.sentence("fr", body) == "N’a pas aidé un lecteur\xa0: fr/a"
    article_votes.take_back(db, cast.alice, visit, article)
    assert events.facts(db, here, "article.feedback", given.id) is None
