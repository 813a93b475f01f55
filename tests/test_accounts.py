from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from kbsearch import accounts, organisations, people
from kbsearch.access import ANONYMOUS, Viewer
from kbsearch.db import Busy, SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from tests.conftest import Cast

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_a_session_makes_the_viewer_with_words_of_contract_and_organisation(
    db: SqliteDatabase, alice: Viewer
):
    token = accounts.open_session(db, alice.person_id or "")
    viewer = accounts.viewer_of(db, token)
    assert viewer == alice
    assert viewer.name == "Alice Martin"
    assert viewer.organisations == ("acme",)
    assert viewer.products == ("icownect",)
    assert set(viewer.words) == {
        "everyone",
        "customers",
        f"user:{viewer.person_id}",
        "org:acme",
        "product:icownect",
    }


@pytest.mark.parametrize("token", ["", " ", "\x00", "x" * 100_000, "é", "\ud800", "' OR 1=1 --"])
def test_an_unknown_token_is_a_stranger(db: SqliteDatabase, cast: Cast, token: str):
    assert accounts.viewer_of(db, token) == ANONYMOUS


def test_the_database_keeps_no_token(db: SqliteDatabase, alice: Viewer):
    session = accounts.open_session(db, alice.person_id or "")
    link = accounts.make_link(db, alice.email)
    kept = str(db.query("SELECT * FROM sessions")) + str(db.query("SELECT * FROM tokens"))
    assert session not in kept
    assert link not in kept


@pytest.mark.parametrize(
    ("email", "idle", "absolute"),
    [
        ("alice@acme.example", timedelta(hours=12), timedelta(days=7)),
        ("dan@support.example", timedelta(hours=2), timedelta(hours=12)),
        ("wendy@support.example", timedelta(hours=2), timedelta(hours=12)),
        ("root@support.example", timedelta(hours=2), timedelta(hours=12)),
    ],
)
def test_a_session_ends_when_idle_and_at_its_absolute_end(
    db: SqliteDatabase, cast: Cast, email: str, idle: timedelta, absolute: timedelta
):
    viewer = accounts.viewer_for(db, email)
    second = timedelta(seconds=1)
    token = accounts.open_session(db, viewer.person_id or "", at=NOON)
    assert accounts.viewer_of(db, token, at=NOON + idle) == ANONYMOUS
    assert accounts.viewer_of(db, token, at=NOON + idle - second) == viewer

    moment = NOON + idle - second
    while moment + idle - second < NOON + absolute:
        moment += idle - second
        assert accounts.viewer_of(db, token, at=moment) == viewer
    assert accounts.viewer_of(db, token, at=NOON + absolute - second) == viewer
    assert accounts.viewer_of(db, token, at=NOON + absolute) == ANONYMOUS


def test_being_seen_is_written_at_most_once_a_minute(db: SqliteDatabase, alice: Viewer):
    token = accounts.open_session(db, alice.person_id or "", at=NOON)
    seen = []
    for seconds in (1, 59, 61, 100, 122):
        accounts.viewer_of(db, token, at=NOON + timedelta(seconds=seconds))
        seen.append(db.query("SELECT seen_at FROM sessions")[0]["seen_at"][11:19])
    assert seen == ["12:00:00", "12:00:00", "12:01:01", "12:01:01", "12:02:02"]


def test_a_page_is_served_while_somebody_else_writes(
    db: SqliteDatabase, alice: Viewer, monkeypatch: pytest.MonkeyPatch
):
    token = accounts.open_session(db, alice.person_id or "", at=NOON)
    other = SqliteDatabase(db.path)
    db.tables.conn.execute("PRAGMA busy_timeout=10")
    with other.atomic():
        with pytest.raises(Busy):
            db.execute("DELETE FROM sessions")
        assert accounts.viewer_of(db, token, at=NOON + timedelta(hours=1)) == alice
    other.close()


def test_signing_out_ends_the_session_and_no_other(db: SqliteDatabase, alice: Viewer):
    here = accounts.open_session(db, alice.person_id or "")
    there = accounts.open_session(db, alice.person_id or "")
    accounts.end_session(db, here)
    accounts.end_session(db, here)
    assert accounts.viewer_of(db, here) == ANONYMOUS
    assert accounts.viewer_of(db, there) == alice


def test_a_closed_account_is_out_at_once_and_its_links_are_dead(db: SqliteDatabase, alice: Viewer):
    token = accounts.open_session(db, alice.person_id or "")
    link = accounts.make_link(db, alice.email)
    people.disable(db, people.find(db, alice.email))
    assert accounts.viewer_of(db, token) == ANONYMOUS
    assert accounts.peek_link(db, link) is None
    with pytest.raises(NotFound):
        accounts.use_link(db, link)
    with pytest.raises(NotFound):
        accounts.viewer_for(db, alice.email)
    with pytest.raises(Invalid, match="person.is_disabled"):
        accounts.make_link(db, alice.email)

    people.enable(db, people.find(db, alice.email))
    assert accounts.viewer_of(db, token) == ANONYMOUS, "an old cookie does not come back to life"
    assert accounts.viewer_for(db, alice.email) == alice


def test_another_role_ends_the_sessions_opened_under_the_old_one(
    db: SqliteDatabase, alice: Viewer, bob: Viewer
):
    token = accounts.open_session(db, alice.person_id or "")
    colleague = accounts.open_session(db, bob.person_id or "")
    people.edit(db, people.find(db, alice.email), role="agent")
    assert accounts.viewer_of(db, token) == ANONYMOUS
    assert accounts.viewer_of(db, colleague) == bob
    assert accounts.viewer_for(db, alice.email).is_agent


def test_a_change_of_organisation_counts_on_the_next_request(db: SqliteDatabase, alice: Viewer):
    token = accounts.open_session(db, alice.person_id or "")
    people.edit(db, people.find(db, alice.email), organisations=["globex"])
    viewer = accounts.viewer_of(db, token)
    assert viewer.organisations == ("globex",)
    assert viewer.products == ("cervo-atelier",)
    assert "org:acme" not in viewer.words


def test_a_contract_opens_its_products_between_its_dates_only(db: SqliteDatabase, alice: Viewer):
    token = accounts.open_session(db, alice.person_id or "", at=NOON)
    acme = organisations.find(db, "acme")

    def products(starts: str, ends: str) -> tuple[str, ...]:
        organisations.edit(db, acme, contract_starts=starts, contract_ends=ends)
        return accounts.viewer_of(db, token, at=NOON).products

    assert products("2026-11-20", "2026-11-20") == ("icownect",)
    assert products("2026-11-21", "2027-11-20") == ()
    assert products("2025-11-20", "2026-11-19") == ()
    assert accounts.viewer_of(db, token, at=NOON).organisations == ("acme",)
    assert products("", "") == ("icownect",)


def test_a_link_is_looked_at_as_often_as_one_likes_and_used_once(db: SqliteDatabase, alice: Viewer):
    link = accounts.make_link(db, "ALICE@acme.example")
    for _ in range(3):
        person = accounts.peek_link(db, link)
        assert person is not None
        assert person.email == alice.email
    session = accounts.use_link(db, link, "Firefox")
    assert accounts.viewer_of(db, session) == alice
    assert accounts.peek_link(db, link) is None
    with pytest.raises(NotFound, match="account.link_unusable"):
        accounts.use_link(db, link)


def test_a_link_lasts_fifteen_minutes(db: SqliteDatabase, alice: Viewer):
    link = accounts.make_link(db, alice.email, at=NOON)
    late = NOON + timedelta(minutes=15)
    assert accounts.peek_link(db, link, at=late) is None
    with pytest.raises(NotFound):
        accounts.use_link(db, link, at=late)
    assert accounts.use_link(db, link, at=late - timedelta(seconds=1))


def test_a_new_link_replaces_the_one_before_but_not_somebody_elses(
    db: SqliteDatabase, alice: Viewer, bob: Viewer
):
    first, others = accounts.make_link(db, alice.email), accounts.make_link(db, bob.email)
    second = accounts.make_link(db, alice.email)
    assert accounts.peek_link(db, first) is None
    assert accounts.peek_link(db, second) is not None
    assert accounts.peek_link(db, others) is not None


@pytest.mark.parametrize("token", ["", " ", "\x00", "None", "\ud800"])
def test_a_token_nobody_was_given_never_works(db: SqliteDatabase, alice: Viewer, token: str):
    accounts.make_link(db, alice.email)
    assert accounts.peek_link(db, token) is None
    with pytest.raises(NotFound):
        accounts.use_link(db, token)


def test_twenty_people_with_one_link_come_in_once(db: SqliteDatabase, alice: Viewer):
    link = accounts.make_link(db, alice.email)

    def use(_: int) -> bool:
        try:
            return bool(accounts.use_link(db, link))
        except NotFound:
            return False
        finally:
            db.close()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(use, range(20))) == 1
    assert len(db.query("SELECT 1 FROM sessions")) == 1


def test_what_is_over_is_forgotten(db: SqliteDatabase, alice: Viewer, dan: Viewer):
    accounts.open_session(db, dan.person_id or "", at=NOON)
    accounts.make_link(db, dan.email, at=NOON)
    token = accounts.open_session(db, alice.person_id or "", at=NOON)
    later = NOON + timedelta(hours=12)
    assert accounts.forget_expired(db, at=later) == 2
    assert accounts.viewer_of(db, token, at=later - timedelta(seconds=1)) == alice


def test_a_link_leads_to_the_site_in_the_language_of_its_person(
    db: SqliteDatabase, cast: Cast, settings
):
    people.edit(db, people.find(db, "bob@acme.example"), language="en")
    bob = people.find(db, "bob@acme.example")
    alice = people.find(db, "alice@acme.example")
    assert accounts.link_url(settings, bob, "t0k3n") == "http://127.0.0.1:8080/en/link/t0k3n"
    assert accounts.link_url(settings, alice, "t0k3n") == "http://127.0.0.1:8080/fr/link/t0k3n"


def test_a_viewer_costs_one_query(db: SqliteDatabase, cast: Cast):
    token = accounts.open_session(db, cast.alice.person_id or "")
    statements: list[str] = []
    db.tables.conn.set_trace_callback(statements.append)
    accounts.viewer_of(db, token)
    assert len(statements) == 1


def test_a_password_is_kept_hashed(db: SqliteDatabase, alice: Viewer):
    person = people.find(db, alice.email)
    accounts.set_password(db, person, "correct horse battery")
    kept = db.query("SELECT password_hash FROM people WHERE id = :id", {"id": person.id})
    assert kept[0]["password_hash"].startswith("$argon2id$v=19$m=47104,t=1,p=1$")
