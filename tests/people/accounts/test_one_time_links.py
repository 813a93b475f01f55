from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.people import Person, PersonFields
from kbsearch.people.accounts import one_time_links
from kbsearch.people.accounts.one_time_links import Purpose
from kbsearch.people.accounts.sessions import hash_token
from tests.conftest import Cast

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def alice(db: SqliteDatabase, cast: Cast) -> Person:  # the person; the viewer is not needed here
    return people.find(db, "alice@acme.example")


def works(db: SqliteDatabase, purpose: Purpose, token: str, at: datetime | None = None) -> bool:
    try:
        one_time_links.peek(db, purpose, token, at=at)
    except NotFound:
        return False
    return True


def test_a_link_is_looked_at_as_often_as_one_likes_and_used_once(db: SqliteDatabase, alice: Person):
    token = one_time_links.make(db, "reset", alice)
    for _ in range(3):
        assert one_time_links.peek(db, "reset", token) == alice
    assert one_time_links.use(db, "reset", hash_token(token)) == alice
    assert not works(db, "reset", token)
    with pytest.raises(NotFound, match="link.unusable"):
        one_time_links.use(db, "reset", hash_token(token))


@pytest.mark.parametrize(
    ("purpose", "lifetime"),
    [("reset", timedelta(hours=1)), ("invitation", timedelta(days=7))],
)
def test_a_link_lasts_as_long_as_its_letter_says(
    db: SqliteDatabase, alice: Person, purpose: Purpose, lifetime: timedelta
):
    token = one_time_links.make(db, purpose, alice, at=NOON)
    assert works(db, purpose, token, NOON + lifetime - SECOND)
    assert not works(db, purpose, token, NOON + lifetime)
    with pytest.raises(NotFound):
        one_time_links.use(db, purpose, hash_token(token), at=NOON + lifetime)


def test_a_link_is_good_for_its_purpose_alone(db: SqliteDatabase, alice: Person):
    token = one_time_links.make(db, "invitation", alice)
    assert not works(db, "reset", token)
    with pytest.raises(NotFound):
        one_time_links.use(db, "reset", hash_token(token))
    assert works(db, "invitation", token)


def test_a_new_link_kills_the_one_before_but_not_somebody_elses(db: SqliteDatabase, alice: Person):
    bob = people.find(db, "bob@acme.example")
    first, others = (one_time_links.make(db, "reset", person) for person in (alice, bob))
    invitation = one_time_links.make(db, "invitation", alice)
    second = one_time_links.make(db, "reset", alice)
    assert not works(db, "reset", first)
    assert works(db, "reset", second) and works(db, "reset", others)
    assert works(db, "invitation", invitation)


def test_the_database_keeps_no_token(db: SqliteDatabase, alice: Person):
    token = one_time_links.make(db, "reset", alice)
    assert token not in str(db.query("SELECT * FROM tokens"))
    assert len(token) >= 43, "256 bits"


# An invitation whose hash was empty once matched a space (CVE-2026-53595).
@given(token=st.text(max_size=60))
@example(token="")
@example(token=" ")
@example(token="\x00")
@example(token="None")
@example(token="NULL")
@example(token="%")
@example(token="\ud800")
@example(token="' OR 1=1 --")
def test_a_token_nobody_was_given_never_works(token: str, scratch: SqliteDatabase):
    scratch.execute("DELETE FROM tokens")
    scratch.execute("DELETE FROM people")
    person = people.add(scratch, OPERATOR, PersonFields(email="p@example.org", name="P"))
    for purpose in one_time_links.LIFETIMES:
        one_time_links.make(scratch, purpose, person)
        assert not works(scratch, purpose, token)
        with pytest.raises(NotFound):
            one_time_links.use(scratch, purpose, hash_token(token))


def test_twenty_people_with_one_link_use_it_once(db: SqliteDatabase, alice: Person):
    token = one_time_links.make(db, "reset", alice)

    def use(_: int) -> bool:
        try:
            return bool(one_time_links.use(db, "reset", hash_token(token)))
        except NotFound:
            return False
        finally:
            db.close()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(use, range(20))) == 1


def test_a_link_leads_to_the_site_in_the_language_of_its_person(
    db: SqliteDatabase, alice: Person, settings: Settings
):
    bob = people.edit(
        db, OPERATOR, people.find(db, "bob@acme.example"), PersonFields(language="en")
    )
    at = "http://127.0.0.1:8080"
    assert one_time_links.url(settings, "reset", alice, "t") == f"{at}/fr/password/reset/t"
    assert one_time_links.url(settings, "invitation", bob, "t") == f"{at}/en/invitation/t"
