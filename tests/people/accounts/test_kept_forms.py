from datetime import UTC, datetime, timedelta

import pytest

from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.people.accounts import kept_forms
from tests.conftest import Cast

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_what_was_typed_is_found_again_in_its_order(db: SqliteDatabase, cast: Cast):
    fields = [("subject", "Imprimante"), ("cc", "a@x.example"), ("cc", "b@x.example")]
    token = kept_forms.keep(db, cast.alice.person_id or "", "/fr/requests/new", fields)
    assert token is not None
    kept = kept_forms.find(db, cast.alice, token)
    assert (kept.path, list(kept.fields)) == ("/fr/requests/new", fields)
    assert token not in str(db.query("SELECT * FROM kept_forms"))
    with pytest.raises(NotFound):
        kept_forms.find(db, cast.bob, token)  # a colleague at the same computer
    with pytest.raises(NotFound):
        kept_forms.find(db, cast.nobody, token)
    kept_forms.drop(db, token)
    with pytest.raises(NotFound):
        kept_forms.find(db, cast.alice, token)


def test_passwords_and_codes_are_never_kept(db: SqliteDatabase, cast: Cast):
    secrets = [("password", "CANARY"), ("password_again", "CANARY"), ("Code", "CANARY")]
    assert kept_forms.keep(db, cast.alice.person_id or "", "/fr/account", secrets) is None
    assert (
        kept_forms.keep(
            db, cast.alice.person_id or "", "/fr/account", [*secrets, ("name", "Alice")]
        )
        is not None
    )
    assert "CANARY" not in str(db.query("SELECT * FROM kept_forms"))


def test_an_empty_form_and_a_flood_are_not_worth_keeping(db: SqliteDatabase, cast: Cast):
    assert kept_forms.keep(db, cast.alice.person_id or "", "/fr/x", [("body", "  ")]) is None
    assert (
        kept_forms.keep(db, cast.alice.person_id or "", "/fr/x", [("body", "x" * 400_000)]) is None
    )


def test_it_is_kept_for_half_a_day(db: SqliteDatabase, cast: Cast):
    token = (
        kept_forms.keep(db, cast.alice.person_id or "", "/fr/x", [("body", "text")], at=NOON) or ""
    )
    late = NOON + timedelta(hours=12)
    assert kept_forms.find(db, cast.alice, token, at=late - timedelta(seconds=1)).path == "/fr/x"
    with pytest.raises(NotFound):
        kept_forms.find(db, cast.alice, token, at=late)
    assert kept_forms.forget_expired(db, at=late) == 1


@pytest.mark.parametrize("token", ["", " ", "\x00", "None", "\ud800"])
def test_a_token_nobody_was_given_finds_nothing(db: SqliteDatabase, cast: Cast, token: str):
    kept_forms.keep(db, cast.alice.person_id or "", "/fr/x", [("body", "text")])
    with pytest.raises(NotFound):
        kept_forms.find(db, cast.alice, token)
