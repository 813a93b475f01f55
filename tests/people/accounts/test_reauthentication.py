"""Password and code, once more, before what guards an account."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from kbsearch import outbox, people
from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound, TooMany
from kbsearch.people.accounts import passwords, second_factor
from kbsearch.people.accounts import reauthentication as proofs
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.accounts import sign_ins_under_way as pending
from kbsearch.people.accounts.signing_in import Caller, TypedCode
from tests.conftest import Cast
from tests.kit.security_log import events_about

NOON = datetime(2026, 11, 25, 12, 0, 5, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture
def caller(db: SqliteDatabase, settings: Settings, dan: Viewer) -> Caller:
    """Dan's browser, signed in a day ago; he has a password and an authenticator."""
    passwords.keep(db, people.find(db, dan.email), passwords.hash(PASSWORD))
    second_factor.set_totp(db, settings, str(dan.person_id), SECRET)
    token = accounts.open_session(db, str(dan.person_id), at=NOON - timedelta(hours=1))
    return Caller(network="192.0.2.1", session=token)


def test_password_and_code_prove_a_session_for_ten_minutes(
    db: SqliteDatabase, settings: Settings, dan: Viewer, caller: Caller
):
    assert not accounts.is_proved(db, caller.session, at=NOON)
    token = proofs.begin(db, dan, caller, PASSWORD, "/fr/account/totp", at=NOON)
    assert not accounts.is_proved(db, caller.session, at=NOON), "the password is not enough"
    code = pyotp.TOTP(SECRET).at(NOON)
    proof = proofs.finish(db, dan, settings, caller, token, TypedCode(code), at=NOON)
    assert proof.destination == "/fr/account/totp"
    assert accounts.is_proved(db, proof.session, at=NOON)
    assert accounts.is_proved(db, proof.session, at=NOON + timedelta(minutes=9, seconds=59))
    assert not accounts.is_proved(db, proof.session, at=NOON + timedelta(minutes=10))
    assert not accounts.is_proved(db, proof.session, at=NOON - timedelta(minutes=1)), "set back"
    assert events_about(db, str(dan.person_id))[0].kind == "proof.given"
    with pytest.raises(NotFound):
        proofs.finish(db, dan, settings, caller, token, TypedCode(code), at=NOON)


def test_a_session_that_is_proved_has_another_token_and_no_more_rights(
    db: SqliteDatabase, settings: Settings, dan: Viewer, caller: Caller
):
    for enrolling in (False, True):
        session = accounts.open_session(db, str(dan.person_id), enrolling=enrolling, at=NOON)
        shown = accounts.viewer_of(db, session, at=NOON)
        here = replace(caller, session=session)
        token = proofs.begin(db, dan, here, PASSWORD, "", at=NOON)
        code = TypedCode(
            second_factor.make_recovery_codes(db, str(dan.person_id), at=NOON)[0], True
        )
        proof = proofs.finish(db, dan, settings, here, token, code, at=NOON)
        assert not accounts.viewer_of(db, session, at=NOON).person_id, "a copy of the cookie"
        assert accounts.viewer_of(db, proof.session, at=NOON) == shown


def test_only_the_session_it_was_given_in_is_proved(
    db: SqliteDatabase, settings: Settings, dan: Viewer, caller: Caller
):
    other = accounts.open_session(db, str(dan.person_id), at=NOON)
    token = proofs.begin(db, dan, caller, PASSWORD, "", at=NOON)
    proofs.finish(db, dan, settings, caller, token, TypedCode(pyotp.TOTP(SECRET).at(NOON)), at=NOON)
    assert not accounts.is_proved(db, other, at=NOON)


def test_a_recovery_code_proves_as_well(
    db: SqliteDatabase, settings: Settings, dan: Viewer, caller: Caller
):
    code = second_factor.make_recovery_codes(db, str(dan.person_id), at=NOON)[0]
    token = proofs.begin(db, dan, caller, PASSWORD, "", at=NOON)
    typed = TypedCode(code, recovery=True)
    proof = proofs.finish(db, dan, settings, caller, token, typed, at=NOON)
    assert accounts.is_proved(db, proof.session, at=NOON)


def test_a_wrong_password_asks_for_no_code_and_is_counted(
    db: SqliteDatabase, dan: Viewer, caller: Caller
):
    for _ in range(10):
        with pytest.raises(Invalid) as problem:
            proofs.begin(db, dan, caller, "wrong", "", at=NOON)
        assert problem.value.key == "password.wrong"
    with pytest.raises(TooMany):
        proofs.begin(db, dan, caller, PASSWORD, "", at=NOON)


def test_a_wrong_code_proves_nothing(
    db: SqliteDatabase, settings: Settings, dan: Viewer, caller: Caller
):
    token = proofs.begin(db, dan, caller, PASSWORD, "", at=NOON)
    with pytest.raises(Invalid):
        proofs.finish(db, dan, settings, caller, token, TypedCode("000000"), at=NOON)
    assert not accounts.is_proved(db, caller.session, at=NOON)


def test_a_proof_under_way_is_of_no_use_to_somebody_else(
    db: SqliteDatabase, settings: Settings, cast: Cast, dan: Viewer, caller: Caller
):
    token = proofs.begin(db, dan, caller, PASSWORD, "", at=NOON)
    code = pyotp.TOTP(SECRET).at(NOON)
    with pytest.raises(NotFound):
        proofs.finish(db, cast.root, settings, caller, token, TypedCode(code), at=NOON)
    with pytest.raises(NotFound):
        pending.find(db, token, "sign_in", at=NOON)


def test_without_an_authenticator_the_code_comes_by_mail(
    db: SqliteDatabase, settings: Settings, dan: Viewer, caller: Caller
):
    second_factor.remove_totp(db, str(dan.person_id), at=NOON)
    token = proofs.begin(db, dan, caller, PASSWORD, "", at=NOON)
    waiting = proofs.find(db, dan, token, at=NOON)
    assert waiting.factor == "mail"
    asked = db.query("SELECT subject FROM outbox WHERE kind = :k", {"k": pending.CODE_WANTED})
    assert asked == [{"subject": waiting.id}]
    code = pending.make_code(db, settings, waiting, at=NOON)
    proof = proofs.finish(db, dan, settings, caller, token, TypedCode(code), at=NOON)
    assert accounts.is_proved(db, proof.session, at=NOON)
    assert outbox.oldest_waiting(db)
