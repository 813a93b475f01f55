import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest

from kbsearch import audit, people, tickets
from kbsearch.access import OPERATOR
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.people import PersonFields, organisations, viewers
from kbsearch.people.accounts import second_factor
from kbsearch.people.organisations import products
from kbsearch.site import demo, new
from kbsearch.tickets import changes as ticket_changes


@dataclass(frozen=True)
class Filled:
    """The demo, for tests that only read it."""

    settings: Settings
    db: SqliteDatabase
    accounts: tuple[demo.Account, ...]


@pytest.fixture(scope="module")
def filled(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    settings = Settings(site=tmp_path_factory.mktemp("filled"), content=new.demo_content())
    settings.database_path.parent.mkdir(mode=0o700)
    shutil.copy(empty_database, settings.database_path)
    with closing(SqliteDatabase(settings.database_path)) as db:
        yield Filled(settings, db, demo.fill(settings, db))


def test_the_demo_has_somebody_of_every_role(settings: Settings, db: SqliteDatabase):
    cast = demo.ensure(settings, db)
    assert Counter(person.role for person in cast) == {
        "customer": 3,
        "agent": 2,
        "writer": 1,
        "administrator": 1,
    }
    agents = (viewers.find(db, person.email) for person in cast if person.role == "agent")
    assert sorted(agent.sees_all_tickets for agent in agents) == [False, True]
    assert viewers.find(db, "alice@acme.example").organisations == ("acme",)
    assert viewers.find(db, "chloe@globex.example").organisations == ("globex",)


def test_the_log_of_who_came_in_fills_no_screen(
    settings: Settings, db: SqliteDatabase, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    demo.ensure(settings, db)
    assert "kbsearch.security" not in {record.name for record in caplog.records}
    assert db.query("SELECT COUNT(*) AS n FROM security_log") != [{"n": 0}]
    audit.record(db, "sign_in.failed")
    assert "kbsearch.security" in {record.name for record in caplog.records}


def test_each_organisation_has_a_look_of_its_own(filled: Filled):
    customers = organisations.list_all(filled.db)
    assert 8 <= len(customers) <= 12
    assert all(customer.phone and customer.contract_ends for customer in customers)
    assert len({customer.look.accent for customer in customers}) == len(customers)
    logos = {customer.look.logo.hash for customer in customers if customer.look.logo}
    assert len(logos) == len(customers)
    assert len({customer.look.welcome("fr") for customer in customers}) == len(customers)
    assert all(customer.look.welcome("en")[1] == "en" for customer in customers)
    assert all(product.versions and product.where("fr") for product in products.list_all(filled.db))


def test_one_contract_has_ended(filled: Filled):
    today = utc_now().date()
    ended = [one.slug for one in organisations.list_all(filled.db) if one.has_ended(today)]
    assert ended == ["atelier-rousselot"]


def test_filling_again_changes_nothing(settings: Settings, db: SqliteDatabase):
    first = demo.ensure(settings, db)
    written = db.version()
    assert demo.ensure(settings, db) == first
    assert db.version() == written


def test_passwords_are_the_same_at_every_start_and_nobody_else_reads_them(
    settings: Settings, db: SqliteDatabase
):
    opened = demo.ensure(settings, db)
    kept = settings.data_path / demo.ACCOUNTS_NAME
    assert kept.stat().st_mode & 0o777 == 0o600
    people.disable(db, OPERATOR, people.find(db, "alice@acme.example"))
    assert demo.ensure(settings, db) == opened
    kept.unlink()
    assert demo.ensure(settings, db) == (), "nothing is said that is not known"


def test_the_site_of_somebody_else_is_left_alone(settings: Settings, db: SqliteDatabase):
    people.add(
        db,
        OPERATOR,
        PersonFields(email="boss@company.example", name="The boss", role="administrator"),
    )
    assert demo.ensure(settings, db) == ()
    assert organisations.list_all(db) == []


def test_everybody_can_sign_in_and_staff_have_a_second_factor(filled: Filled):
    from argon2 import PasswordHasher

    opened = filled.accounts
    assert len({account.password for account in opened}) == len(opened)
    for account in opened:
        kept = filled.db.query(
            "SELECT id, password_hash FROM people WHERE email = :email",
            {"email": account.email},
        )[0]
        assert PasswordHasher().verify(kept["password_hash"], account.password)
        assert (account.totp_secret is not None) == (account.role != "customer")
        assert second_factor.has_totp(filled.db, kept["id"]) == (account.totp_secret is not None)
        if account.totp_secret:
            code = pyotp.TOTP(account.totp_secret).now()
            assert second_factor.check_totp(filled.db, filled.settings, kept["id"], code)


def test_the_past_is_three_hundred_requests_in_both_languages(filled: Filled):
    past = ticket_changes.list_changed(filled.db, 0, 1000)
    solved = [case for case in past if case.status in ("solved", "closed")]
    assert len(solved) >= 300
    assert all(case.answers for case in solved)
    assert Counter(case.language for case in past)["en"] >= 50
    assert sum(bool(case.notes) for case in past) >= 15


def test_twenty_five_requests_are_under_way_at_every_stage(filled: Filled):
    stages = Counter(case.status for case in ticket_changes.list_changed(filled.db, 0, 1000))
    assert stages["new"] + stages["open"] + stages["pending"] >= 24
    assert min(stages["new"], stages["open"], stages["pending"]) >= 5


@pytest.mark.parametrize(
    ("table", "fewest"),
    [
        ("article_votes", 50),
        ("attachments", 8),
        ("lessons", 8),
        ("merges", 1),
        ("problem_tickets", 5),
        ("satisfaction", 200),
        ("saved_replies", 8),
        ("ticket_copies", 20),
        ("ticket_tags", 40),
        ("teams", 2),
        ("team_members", 5),
        ("organisation_followers", 3),
    ],
)
def test_there_is_something_on_every_screen(filled: Filled, table: str, fewest: int):
    rows = filled.db.query(f"SELECT COUNT(*) AS n FROM {table}")  # noqa: S608 (above)
    assert rows[0]["n"] >= fewest


def test_the_newest_request_is_of_yesterday(filled: Filled):
    newest = filled.db.query("SELECT MAX(updated_at) AS at FROM tickets")[0]["at"]
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert newest.startswith(yesterday.isoformat())


def test_the_two_organisations_see_nothing_of_each_other(filled: Filled):
    numbers = [case.number for case in ticket_changes.list_changed(filled.db, 0, 1000)]
    seen = {
        name: tickets.visible_numbers(filled.db, viewers.find(filled.db, email), numbers)
        for name, email in (
            ("alice", "alice@acme.example"),
            ("bob", "bob@acme.example"),
            ("chloe", "chloe@globex.example"),
            ("dan", "dan@support.example"),
            ("wendy", "wendy@support.example"),
        )
    }
    assert seen["alice"] and seen["chloe"]
    assert not (seen["alice"] | seen["bob"]) & seen["chloe"]
    assert seen["alice"] - seen["bob"], "something confidential"
    assert seen["dan"] == set(numbers) > seen["alice"] | seen["chloe"]
    assert seen["wendy"] == set()


def test_a_confidential_request_is_hidden_from_a_colleague(filled: Filled):
    row = filled.db.query(
        "SELECT id FROM tickets t WHERE confidential = 1 AND requester_id IN "
        "(SELECT id FROM people WHERE email = 'alice@acme.example')"
    )[0]
    assert tickets.find(
        filled.db, viewers.find(filled.db, "alice@acme.example"), row["id"]
    ).messages
    with pytest.raises(NotFound):
        tickets.find(filled.db, viewers.find(filled.db, "bob@acme.example"), row["id"])
