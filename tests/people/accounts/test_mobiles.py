"""Mobile numbers, and the code that verifies them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, TooMany
from kbsearch.people import profiles
from kbsearch.people.accounts import mobiles
from tests.kit.engines import kept

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("06 12 34 56 78", "+33612345678"),
        ("06.12.34.56.78", "+33612345678"),
        ("0612345678", "+33612345678"),
        ("+33 (0)6 12 34 56 78", "+33612345678"),
        ("0033612345678", "+33612345678"),
        ("07 81 23 45 67", "+33781234567"),
        ("+32 470 12 34 56", "+32470123456"),
        ("+44 7911 123456", "+447911123456"),
        ("+1 415 555 2671", "+14155552671"),
        ("+262 692 12 34 56", "+262692123456"),
    ],
)
def test_a_number_is_read_as_people_write_it(typed: str, number: str):
    assert mobiles.parse(typed) == number
    assert mobiles.parse(mobiles.spelt(number)) == number


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("", "mobile.invalid"),
        ("abc", "mobile.invalid"),
        ("06 12 34 56", "mobile.invalid"),
        ("+999 123456789", "mobile.invalid"),
        ("112", "mobile.invalid"),
        ("0" * 10_000, "mobile.invalid"),
        ("01 23 45 67 89", "mobile.not_a_mobile"),
        ("0899 70 00 00", "mobile.not_a_mobile"),
    ],
)
def test_what_gets_no_text_message_is_refused(typed: str, key: str):
    with pytest.raises(Invalid) as problem:
        mobiles.parse(typed)
    assert problem.value.key == key


def asked(db: SqliteDatabase, settings: Settings, viewer: Viewer) -> str:
    """Ask for a code; the code."""
    return mobiles.code_of(settings, mobiles.ask(db, viewer, "06 12 34 56 78", at=NOON))


def test_a_number_counts_once_its_code_is_given(
    db: SqliteDatabase, settings: Settings, alice: Viewer
):
    code = asked(db, settings, alice)
    assert len(code) == 6 and code.isdecimal()
    assert profiles.find(db, alice).mobile is None
    mobiles.verify(db, alice, settings, f" {code[:3]} {code[3:]} ", at=NOON)
    profile = profiles.find(db, alice)
    assert profile.mobile == "+33612345678"
    assert profile.mobile_verified_at == "2026-11-25T12:00:00Z"
    with pytest.raises(Invalid):
        mobiles.verify(db, alice, settings, code, at=NOON)
    kinds = [row["kind"] for row in db.query("SELECT kind FROM outbox ORDER BY kind")]
    assert kinds == ["mobile.code_asked", "mobile.verified"]


def test_the_database_does_not_know_the_code(db: SqliteDatabase, settings: Settings, alice: Viewer):
    code = asked(db, settings, alice)
    assert b"+33612345678" in kept(db)
    assert code.encode() not in kept(db).replace(b"+33612345678", b"")


def test_five_wrong_codes_end_the_request(db: SqliteDatabase, settings: Settings, alice: Viewer):
    code = asked(db, settings, alice)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for _ in range(5):
        with pytest.raises(Invalid) as problem:
            mobiles.verify(db, alice, settings, wrong, at=NOON)
        assert problem.value.key == "mobile.code_wrong"
    with pytest.raises(Invalid) as problem:
        mobiles.verify(db, alice, settings, code, at=NOON)
    assert problem.value.key == "mobile.code_over"
    assert mobiles.waiting(db, alice, at=NOON) is None


def test_a_code_lasts_five_minutes(db: SqliteDatabase, settings: Settings, alice: Viewer):
    code = asked(db, settings, alice)
    assert mobiles.waiting(db, alice, at=NOON + timedelta(minutes=4, seconds=59))
    with pytest.raises(Invalid):
        mobiles.verify(db, alice, settings, code, at=NOON + timedelta(minutes=5))
    assert mobiles.forget_expired(db, at=NOON) == 0
    assert mobiles.forget_expired(db, at=NOON + timedelta(minutes=5)) == 1


def test_another_request_replaces_the_one_before(
    db: SqliteDatabase, settings: Settings, alice: Viewer
):
    first = mobiles.ask(db, alice, "06 12 34 56 78", at=NOON)
    second = mobiles.ask(db, alice, "07 81 23 45 67", at=NOON)
    assert mobiles.find_request(db, first.id, at=NOON) is None
    assert mobiles.find_request(db, second.id, at=NOON) == second
    mobiles.verify(db, alice, settings, mobiles.code_of(settings, second), at=NOON)
    assert profiles.find(db, alice).mobile == "+33781234567"


def test_a_code_is_of_one_person(
    db: SqliteDatabase, settings: Settings, alice: Viewer, bob: Viewer
):
    code = asked(db, settings, alice)
    mobiles.ask(db, bob, "07 81 23 45 67", at=NOON)
    with pytest.raises(Invalid):
        mobiles.verify(db, bob, settings, code, at=NOON)
    assert profiles.find(db, bob).mobile is None


def test_three_messages_an_hour_and_no_more(db: SqliteDatabase, alice: Viewer, bob: Viewer):
    for number in ("06 12 34 56 78", "07 81 23 45 67", "06 12 34 56 78"):
        mobiles.ask(db, alice, number, at=NOON)
    with pytest.raises(TooMany):
        mobiles.ask(db, alice, "06 12 34 56 79", at=NOON)
    mobiles.ask(db, bob, "06 12 34 56 79", at=NOON)
    mobiles.ask(db, alice, "06 12 34 56 79", at=NOON + timedelta(minutes=61))


def test_one_code_sent_many_times_at_once_is_taken_once(
    db: SqliteDatabase, settings: Settings, alice: Viewer
):
    code = asked(db, settings, alice)

    def verify(_: int) -> bool:
        try:
            mobiles.verify(db, alice, settings, code, at=NOON)
        except Invalid:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(verify, range(8))) == 1


def test_a_number_can_be_removed(db: SqliteDatabase, settings: Settings, alice: Viewer):
    mobiles.verify(db, alice, settings, asked(db, settings, alice), at=NOON)
    mobiles.remove(db, alice)
    mobiles.remove(db, alice)
    assert profiles.find(db, alice).mobile is None
    told = db.query("SELECT COUNT(*) AS n FROM outbox WHERE kind = 'mobile.removed'")
    assert told[0]["n"] == 1
