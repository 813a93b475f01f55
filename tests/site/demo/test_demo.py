from collections import Counter
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from kbsearch import people, tickets
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.people import PersonFields, organisations, viewers
from kbsearch.people.accounts import second_factor
from kbsearch.people.organisations import products
from kbsearch.site import demo
from kbsearch.tickets import changes as ticket_changes


def test_the_demo_has_somebody_of_every_role(settings: Settings, db: SqliteDatabase):
    cast = demo.ensure(settings, db)
    assert Counter(person.role for person in cast) == {
        "customer": 3,
        "agent": 1,
        "writer": 1,
        "administrator": 1,
    }
    assert viewers.find(db, "alice@acme.example").organisations == ("acme",)
    assert viewers.find(db, "chloe@globex.example").organisations == ("globex",)


def test_each_organisation_has_a_look_of_its_own(settings: Settings, db: SqliteDatabase):
    demo.ensure(settings, db)
    found = organisations.list_all(db)
    assert len(found) == 2
    for one in ("phone", "contract_ends"):
        assert all(getattr(each, one) for each in found)
    assert len({each.phone for each in found}) == len({each.look.accent for each in found}) == 2
    assert len({each.look.logo.hash for each in found if each.look.logo}) == 2
    assert len({each.look.welcome("fr") for each in found}) == 2
    assert all(each.look.welcome("en")[1] == "en" for each in found)
    assert all(product.versions and product.where("fr") for product in products.list_all(db))


def test_filling_again_changes_nothing(settings: Settings, db: SqliteDatabase):
    first = demo.ensure(settings, db)
    written = db.tables.conn.total_changes
    assert demo.ensure(settings, db) == first
    assert db.tables.conn.total_changes == written


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


def test_everybody_can_sign_in_and_staff_have_a_second_factor(
    settings: Settings, db: SqliteDatabase
):
    from argon2 import PasswordHasher

    opened = demo.fill(settings, db)
    assert len({account.password for account in opened}) == len(opened)
    for account in opened:
        kept = db.query(
            "SELECT id, password_hash FROM people WHERE email = :email",
            {"email": account.email},
        )[0]
        assert PasswordHasher().verify(kept["password_hash"], account.password)
        assert (account.totp_secret is not None) == (account.role != "customer")
        assert second_factor.has_totp(db, kept["id"]) == (account.totp_secret is not None)
        if account.totp_secret:
            code = pyotp.TOTP(account.totp_secret).now()
            assert second_factor.check_totp(db, settings, kept["id"], code)


def test_the_past_is_about_forty_requests_in_both_languages(settings: Settings, db: SqliteDatabase):
    demo.fill(settings, db)
    past = ticket_changes.list_changed(db, 0, 100)
    assert 40 <= len(past) <= 50
    assert Counter(case.language for case in past)["en"] >= 8
    assert Counter(case.status for case in past)["solved"] >= 35
    assert {case.status for case in past} >= {"new", "open", "pending", "solved", "closed"}
    assert sum(bool(case.notes) for case in past) >= 4
    assert all(case.answers for case in past if case.status == "solved")


def test_the_newest_request_is_of_yesterday(settings: Settings, db: SqliteDatabase):
    demo.fill(settings, db)
    newest = db.query("SELECT MAX(updated_at) AS at FROM tickets")[0]["at"]
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert newest.startswith(yesterday.isoformat())


def test_the_two_organisations_see_nothing_of_each_other(settings: Settings, db: SqliteDatabase):
    demo.fill(settings, db)
    numbers = [case.number for case in ticket_changes.list_changed(db, 0, 100)]
    seen = {
        name: tickets.visible_numbers(db, viewers.find(db, email), numbers)
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


def test_a_confidential_request_is_hidden_from_a_colleague(settings: Settings, db: SqliteDatabase):
    demo.fill(settings, db)
    row = db.query(
        "SELECT id FROM tickets t WHERE confidential = 1 AND requester_id IN "
        "(SELECT id FROM people WHERE email = 'alice@acme.example')"
    )[0]
    assert tickets.find(db, viewers.find(db, "alice@acme.example"), row["id"]).messages
    with pytest.raises(NotFound):
        tickets.find(db, viewers.find(db, "bob@acme.example"), row["id"])
