from datetime import UTC, datetime, timedelta

import pytest

from kbsearch import people
from kbsearch.access import ANONYMOUS, OPERATOR, Viewer
from kbsearch.database import Busy
from kbsearch.database.patience import Patience
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import PersonFields, organisations, viewers
from kbsearch.people.accounts import one_time_links
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.organisations import OrganisationFields
from tests.conftest import Another, Cast
from tests.kit.engines import count_statements

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
    assert set(viewer.principals) == {
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
    assert session not in str(db.query("SELECT * FROM sessions"))


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
    viewer = viewers.find(db, email)
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
    db: SqliteDatabase, another: Another, alice: Viewer
):
    token = accounts.open_session(db, alice.person_id or "", at=NOON)
    other = another()
    db.waits = Patience(0.01)
    with other.atomic():
        with pytest.raises(Busy):
            db.execute("DELETE FROM sessions")
        assert accounts.viewer_of(db, token, at=NOON + timedelta(hours=1)) == alice


def test_signing_out_ends_the_session_and_no_other(db: SqliteDatabase, alice: Viewer):
    here = accounts.open_session(db, alice.person_id or "")
    there = accounts.open_session(db, alice.person_id or "")
    accounts.end_session(db, here)
    accounts.end_session(db, here)
    assert accounts.viewer_of(db, here) == ANONYMOUS
    assert accounts.viewer_of(db, there) == alice


def test_somebody_sees_where_they_are_signed_in_and_ends_the_other_sessions(
    db: SqliteDatabase, alice: Viewer, bob: Viewer
):
    alice_id, bob_id = alice.person_id or "", bob.person_id or ""
    here = accounts.open_session(db, alice_id, "Firefox", at=NOON)
    there = accounts.open_session(db, alice_id, "Safari", at=NOON - timedelta(hours=1))
    accounts.open_session(db, alice_id, "idle", at=NOON - timedelta(hours=12))
    colleague = accounts.open_session(db, bob_id, at=NOON)
    shown = accounts.list_sessions(db, alice_id, here, at=NOON)
    assert [(s.user_agent, s.is_this_one) for s in shown] == [("Firefox", True), ("Safari", False)]
    assert here not in str(shown) and there not in str(shown)

    with pytest.raises(NotFound):
        accounts.end_listed_session(db, bob_id, shown[1].id)
    assert accounts.viewer_of(db, there, at=NOON).is_signed_in
    accounts.end_listed_session(db, alice_id, shown[1].id)
    assert accounts.viewer_of(db, there, at=NOON) == ANONYMOUS

    again = accounts.open_session(db, alice_id, at=NOON)
    assert accounts.end_other_sessions(db, alice_id, here) == 2
    assert accounts.viewer_of(db, again, at=NOON) == ANONYMOUS
    assert accounts.viewer_of(db, here, at=NOON) == alice
    assert accounts.viewer_of(db, colleague, at=NOON) == bob


def test_an_enrolling_session_sees_what_a_stranger_sees_until_it_is_renewed(
    db: SqliteDatabase, dan: Viewer
):
    token = accounts.open_session(db, dan.person_id or "", enrolling=True)
    viewer = accounts.viewer_of(db, token)
    assert (viewer.principals, viewer.role) == (ANONYMOUS.principals, ANONYMOUS.role)
    assert not viewer.is_agent
    assert (viewer.person_id, viewer.is_enrolling) == (dan.person_id, True)

    renewed = accounts.renew_session(db, token)
    assert accounts.viewer_of(db, renewed) == dan
    assert accounts.viewer_of(db, token) == ANONYMOUS, "a copy of the old cookie is worth nothing"
    with pytest.raises(NotFound):
        accounts.renew_session(db, token)


def test_a_closed_account_is_out_at_once_and_its_links_are_dead(db: SqliteDatabase, alice: Viewer):
    token = accounts.open_session(db, alice.person_id or "")
    person = people.find(db, alice.email)
    link = one_time_links.make(db, "reset", person)
    closed = people.disable(db, OPERATOR, person)
    assert accounts.viewer_of(db, token) == ANONYMOUS
    with pytest.raises(NotFound):
        one_time_links.peek(db, "reset", link)
    with pytest.raises(NotFound):
        viewers.find(db, alice.email)
    with pytest.raises(Invalid, match="person.is_disabled"):
        one_time_links.make(db, "reset", closed)

    people.enable(db, OPERATOR, people.find(db, alice.email))
    assert accounts.viewer_of(db, token) == ANONYMOUS, "an old cookie does not come back to life"
    assert viewers.find(db, alice.email) == alice


def test_another_role_ends_the_sessions_opened_under_the_old_one(
    db: SqliteDatabase, alice: Viewer, bob: Viewer
):
    token = accounts.open_session(db, alice.person_id or "")
    colleague = accounts.open_session(db, bob.person_id or "")
    people.edit(db, OPERATOR, people.find(db, alice.email), PersonFields(role="agent"))
    assert accounts.viewer_of(db, token) == ANONYMOUS
    assert accounts.viewer_of(db, colleague) == bob
    assert viewers.find(db, alice.email).is_agent


def test_a_change_of_organisation_counts_on_the_next_request(db: SqliteDatabase, alice: Viewer):
    token = accounts.open_session(db, alice.person_id or "")
    people.edit(db, OPERATOR, people.find(db, alice.email), PersonFields(organisations=["globex"]))
    viewer = accounts.viewer_of(db, token)
    assert viewer.organisations == ("globex",)
    assert viewer.products == ("cervo-atelier",)
    assert "org:acme" not in viewer.principals


def test_a_contract_opens_its_products_between_its_dates_only(db: SqliteDatabase, alice: Viewer):
    token = accounts.open_session(db, alice.person_id or "", at=NOON)
    acme = organisations.find(db, "acme")

    def products(starts: str, ends: str) -> tuple[str, ...]:
        organisations.edit(
            db, OPERATOR, acme, OrganisationFields(contract_starts=starts, contract_ends=ends)
        )
        return accounts.viewer_of(db, token, at=NOON).products

    assert products("2026-11-20", "2026-11-20") == ("icownect",)
    assert products("2026-11-21", "2027-11-20") == ()
    assert products("2025-11-20", "2026-11-19") == ()
    assert accounts.viewer_of(db, token, at=NOON).organisations == ("acme",)
    assert products("", "") == ("icownect",)


def test_what_is_over_is_forgotten(db: SqliteDatabase, alice: Viewer, dan: Viewer):
    accounts.open_session(db, dan.person_id or "", at=NOON)
    one_time_links.make(db, "reset", people.find(db, dan.email), at=NOON)
    token = accounts.open_session(db, alice.person_id or "", at=NOON)
    later = NOON + timedelta(hours=12)
    assert accounts.forget_expired(db, at=later) == 2
    assert accounts.viewer_of(db, token, at=later - timedelta(seconds=1)) == alice


def test_a_viewer_costs_one_query(db: SqliteDatabase, cast: Cast):
    token = accounts.open_session(db, cast.alice.person_id or "")
    statements = count_statements(db)
    accounts.viewer_of(db, token)
    assert len(statements) == 1
