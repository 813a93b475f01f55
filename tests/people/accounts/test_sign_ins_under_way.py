from datetime import UTC, datetime, timedelta

import pytest

from kbsearch import keys, outbox, people
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.people.accounts import sign_ins_under_way as pending
from kbsearch.people.accounts.sign_ins_under_way import Errand, Pending
from tests.conftest import Cast

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def token(db: SqliteDatabase, cast: Cast) -> str:
    """Alice's browser, waiting for a mailed code since noon."""
    return pending.begin(
        db, cast.alice.person_id or "", Errand("sign_in", "/fr/x"), "mail", at=NOON
    )


@pytest.fixture
def waiting(db: SqliteDatabase, token: str) -> Pending:
    return pending.find(db, token, "sign_in", at=NOON)


def test_a_code_has_six_digits_and_is_good_once_within_five_minutes(
    db: SqliteDatabase, settings: Settings, waiting: Pending
):
    code = pending.make_code(db, settings, waiting, at=NOON)
    assert len(code) == 6 and code.isdecimal()
    late = NOON + pending.CODE_LIFETIME
    assert timedelta(minutes=5) == pending.CODE_LIFETIME
    assert not pending.is_code(db, settings, waiting, code, at=late)
    assert pending.is_code(db, settings, waiting, f" {code[:3]} {code[3:]} ", at=late - SECOND)
    assert pending.pass_through(db, waiting, at=NOON)
    assert not pending.pass_through(db, waiting, at=NOON)
    assert not pending.is_code(db, settings, waiting, code, at=NOON)


def test_after_five_attempts_the_right_code_is_wrong(
    db: SqliteDatabase, settings: Settings, waiting: Pending
):
    code = pending.make_code(db, settings, waiting, at=NOON)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for _ in range(5):
        assert pending.has_live_code(db, waiting, at=NOON)
        assert not pending.is_code(db, settings, waiting, wrong, at=NOON)
    assert not pending.has_live_code(db, waiting, at=NOON)
    assert not pending.is_code(db, settings, waiting, code, at=NOON)


def test_another_code_replaces_the_one_before(
    db: SqliteDatabase, settings: Settings, waiting: Pending
):
    first, second = (pending.make_code(db, settings, waiting, at=NOON) for _ in range(2))
    assert pending.is_code(db, settings, waiting, first, at=NOON) == (first == second)
    assert pending.is_code(db, settings, waiting, second, at=NOON)


@pytest.mark.parametrize("code", ["", " ", "000000\x00", "\ud800", "0" * 100_000, "None"])
def test_what_is_no_code_is_wrong(
    db: SqliteDatabase, settings: Settings, waiting: Pending, code: str
):
    assert not pending.is_code(db, settings, waiting, code, at=NOON), "before one was made, too"
    pending.make_code(db, settings, waiting, at=NOON)
    assert not pending.is_code(db, settings, waiting, code, at=NOON)


def test_the_code_of_one_browser_is_nothing_in_another(
    db: SqliteDatabase, settings: Settings, cast: Cast, waiting: Pending
):
    token = pending.begin(db, cast.alice.person_id or "", Errand("sign_in"), "mail", at=NOON)
    other = pending.find(db, token, "sign_in", at=NOON)
    pending.make_code(db, settings, other, at=NOON)
    mine = pending.make_code(db, settings, waiting, at=NOON)
    row = db.query("SELECT code_hmac FROM pending_sign_ins WHERE id = :id", {"id": other.id})
    own = db.query("SELECT code_hmac FROM pending_sign_ins WHERE id = :id", {"id": waiting.id})
    assert row != own
    # even with the very same digits: the HMAC is of the sign-in and the code together
    db.execute(
        "UPDATE pending_sign_ins SET code_hmac = :hmac WHERE id = :id",
        {"hmac": own[0]["code_hmac"], "id": other.id},
    )
    assert not pending.is_code(db, settings, other, mine, at=NOON)


def test_the_database_keeps_neither_token_nor_code_and_another_key_accepts_none(
    db: SqliteDatabase, settings: Settings, token: str, waiting: Pending
):
    code = pending.make_code(db, settings, waiting, at=NOON)
    kept = {**db.query("SELECT * FROM pending_sign_ins")[0]}
    assert len(kept["code_hmac"]) == 64
    assert code not in [str(value) for value in kept.values()]
    assert token not in str(kept)
    (settings.data_path / keys.KEY_NAME).unlink()
    assert not pending.is_code(db, settings, waiting, code, at=NOON)


def test_it_is_over_after_ten_minutes(db: SqliteDatabase, token: str):
    late = NOON + timedelta(minutes=10)
    assert pending.find(db, token, "sign_in", at=late - SECOND).destination == "/fr/x"
    with pytest.raises(NotFound, match="sign_in.expired"):
        pending.find(db, token, "sign_in", at=late)
    assert pending.forget_expired(db, at=late - SECOND) == 0
    assert pending.forget_expired(db, at=late) == 1


@pytest.mark.parametrize("guess", ["", " ", "\x00", "None", "\ud800", "x" * 100_000])
def test_a_token_nobody_holds_finds_nothing(db: SqliteDatabase, token: str, guess: str):
    with pytest.raises(NotFound):
        pending.find(db, guess, "sign_in", at=NOON)


def test_a_sign_in_is_no_reset(db: SqliteDatabase, token: str):
    with pytest.raises(NotFound):
        pending.find(db, token, "reset", at=NOON)


def test_a_closed_account_has_nothing_under_way(db: SqliteDatabase, token: str):
    people.disable(db, OPERATOR, people.find(db, "alice@acme.example"))
    with pytest.raises(NotFound):
        pending.find(db, token, "sign_in", at=NOON)


def test_only_a_mailed_code_asks_for_a_letter(db: SqliteDatabase, cast: Cast, token: str):
    task = outbox.claim(db)
    assert task is not None
    assert task.kind == pending.CODE_WANTED
    assert pending.find_id(db, task.subject, at=NOON).person_id == cast.alice.person_id
    pending.begin(db, cast.dan.person_id or "", Errand("sign_in"), "totp", at=NOON)
    assert outbox.claim(db) is None
