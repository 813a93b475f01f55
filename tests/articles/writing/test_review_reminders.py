"""Owners are told, once, that an article of theirs is to be looked at again."""

from datetime import UTC, datetime

import pytest

from kbsearch import clock, outbox
from kbsearch.articles.publishing.publish import publish
from kbsearch.articles.writing import review_reminders
from kbsearch.articles.writing.listing import ArticleFilter, list_page
from kbsearch.messages.notifications import mailings
from tests.kit.mail import letters, text_of
from tests.kit.writers import PAGE, article, commit, repository, write


@pytest.fixture
def content(settings):
    return repository(settings)


def live(db, settings, content, more: str) -> None:
    write(content, PAGE, article("Collars", more=more))
    commit(content)
    publish(db, settings)


def tell(db, settings, day: int) -> int:
    """How many letters have left by then."""
    with clock.running_on(lambda: datetime(2026, 12, day, 9, tzinfo=UTC)):
        review_reminders.remind(db)
        handlers = mailings.handlers(settings, db, mailings.ABOUT_ARTICLES)
        while outbox.run_one(db, handlers):
            pass
    return len(letters(settings))


def test_the_owner_is_told_once_on_the_day(db, cast, settings, content):
    live(db, settings, content, f"review_by: 2026-12-05\nowner: {cast.wendy.email}\n")
    assert [tell(db, settings, day) for day in (4, 5, 5, 20)] == [0, 1, 1, 1]
    (letter,) = letters(settings)
    assert letter["To"] == f"{cast.wendy.name} <{cast.wendy.email}>"
    assert "Collars" in text_of(letter)


def test_another_day_is_another_reminder_and_a_review_ends_it(db, cast, settings, content):
    owner = f"owner: {cast.wendy.name}\n"
    live(db, settings, content, f"review_by: 2026-12-05\n{owner}")
    assert tell(db, settings, 6) == 1
    live(db, settings, content, f"review_by: 2026-12-05\nreviewed: 2026-12-06\n{owner}")
    assert tell(db, settings, 7) == 1
    live(db, settings, content, f"review_by: 2026-12-08\nreviewed: 2026-12-06\n{owner}")
    assert tell(db, settings, 8) == 2


def test_no_customer_is_told(db, cast, settings, content):
    live(db, settings, content, f"review_by: 2026-12-05\nowner: {cast.alice.email}\n")
    assert tell(db, settings, 6) == 0


def test_the_list_shows_what_is_to_be_reviewed(db, cast, settings, content):
    live(db, settings, content, "revoir_le: 2026-12-05\nreviewed: 2020-01-01\n")
    assert [listed(db, cast.wendy, day) for day in (4, 5)] == [0, 1]


def listed(db, viewer, day: int) -> int:
    with clock.running_on(lambda: datetime(2026, 12, day, tzinfo=UTC)):
        return list_page(db, viewer, ArticleFilter(state="stale")).total
