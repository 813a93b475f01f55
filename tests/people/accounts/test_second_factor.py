"""Authenticator codes, recovery codes and trusted devices."""

import base64
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.people.accounts import second_factor
from tests.conftest import Cast
from tests.kit.engines import kept
from tests.kit.security_log import events_about

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
RFC_VECTORS = [  # RFC 6238, appendix B, SHA-1; the last six of its eight digits
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]
NOON = datetime(2026, 11, 25, 12, 0, 5, tzinfo=UTC)
STEP = timedelta(seconds=30)


def code_at(secret: str, moment: datetime) -> str:
    return pyotp.TOTP(secret).at(moment)


def together(count: int, act: Callable[[], bool]) -> int:
    """How many of that many threads, let go at the same moment, succeed."""
    gate = Barrier(count)

    def wait_and_act(_: int) -> bool:
        gate.wait()
        return act()

    with ThreadPoolExecutor(count) as pool:
        return sum(pool.map(wait_and_act, range(count)))


@pytest.fixture
def dan_id(cast: Cast) -> str:
    return str(cast.dan.person_id)


@pytest.fixture
def secret(db: SqliteDatabase, settings: Settings, dan_id: str) -> str:
    """Dan's, in use since long."""
    second_factor.set_totp(db, settings, dan_id, RFC_SECRET)
    return RFC_SECRET


@pytest.fixture
def accepts(db: SqliteDatabase, settings: Settings, dan_id: str) -> Callable[[str, datetime], bool]:
    return lambda code, at: second_factor.check_totp(db, settings, dan_id, code, at=at)


@pytest.mark.parametrize(("seconds", "code"), RFC_VECTORS)
def test_the_codes_are_those_of_the_standard(
    secret: str, accepts: Callable[[str, datetime], bool], seconds: int, code: str
):
    assert accepts(code, datetime.fromtimestamp(seconds, UTC))


def test_a_code_is_good_once(secret: str, accepts: Callable[[str, datetime], bool]):
    code = code_at(secret, NOON)
    assert accepts(code, NOON)
    assert not accepts(code, NOON)
    assert not accepts(code, NOON + STEP)


def test_a_code_from_before_the_last_one_is_dead(
    secret: str, accepts: Callable[[str, datetime], bool]
):
    older, newer = code_at(secret, NOON - STEP), code_at(secret, NOON)
    assert accepts(newer, NOON)
    assert not accepts(older, NOON), "unused, but older than the last one accepted"


@pytest.mark.parametrize(
    ("drift", "accepted"),
    [
        (timedelta(0), True),
        (-STEP, True),
        (STEP, False),
        (-2 * STEP, False),
        (timedelta(hours=1), False),
        (timedelta(hours=-1), False),
    ],
)
def test_an_authenticator_may_be_one_step_late_and_no_more(
    secret: str,
    accepts: Callable[[str, datetime], bool],
    drift: timedelta,
    accepted: bool,
):
    assert accepts(code_at(secret, NOON + drift), NOON) is accepted


def test_codes_go_on_after_the_end_of_32_bit_time(
    secret: str, accepts: Callable[[str, datetime], bool]
):
    last = datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)
    after = last + timedelta(minutes=1)
    assert accepts(code_at(secret, last), last)
    assert accepts(code_at(secret, after), after)


def test_a_clock_set_back_lets_no_used_code_in(
    secret: str, accepts: Callable[[str, datetime], bool]
):
    assert accepts(code_at(secret, NOON), NOON)
    back = NOON - timedelta(hours=1)
    assert not accepts(code_at(secret, back), back)


def test_of_twenty_who_send_one_code_together_one_comes_in(
    secret: str, accepts: Callable[[str, datetime], bool]
):
    code = code_at(secret, NOON)
    assert together(20, lambda: accepts(code, NOON)) == 1


def test_spaces_are_forgiven(secret: str, accepts: Callable[[str, datetime], bool]):
    code = code_at(secret, NOON)
    assert accepts(f" {code[:3]} {code[3:]} ", NOON)


@given(st.text(max_size=80).filter(lambda text: not re.fullmatch(r"\s*(\d\s*){6}", text)))
def test_what_is_not_six_digits_is_no_code(text: str):
    assert second_factor._step_of(RFC_SECRET, text, NOON) is None


def test_digits_of_another_script_are_no_code(
    secret: str, accepts: Callable[[str, datetime], bool]
):
    code = code_at(secret, NOON)
    assert not accepts(code.translate({48 + n: 0x660 + n for n in range(10)}), NOON)


def test_a_code_of_somebody_else_or_of_nobody_is_refused(
    db: SqliteDatabase, settings: Settings, cast: Cast, secret: str
):
    code = code_at(secret, NOON)
    assert not second_factor.check_totp(db, settings, str(cast.alice.person_id), code, at=NOON)
    assert not second_factor.check_totp(db, settings, "nobody", code, at=NOON)


def test_a_sealed_secret_copied_to_somebody_else_opens_nothing(
    db: SqliteDatabase, settings: Settings, cast: Cast, dan_id: str, secret: str
):
    root_id = str(cast.root.person_id)
    db.execute(
        """
        INSERT INTO authenticators (person_id, secret, last_step, created_at)
        SELECT :root, secret, 0, created_at FROM authenticators WHERE person_id = :dan
        """,
        {"root": root_id, "dan": dan_id},
    )
    assert not second_factor.check_totp(db, settings, root_id, code_at(secret, NOON), at=NOON)


def test_without_the_key_of_the_site_no_code_is_good_and_the_log_says_why(
    db: SqliteDatabase,
    settings: Settings,
    secret: str,
    accepts: Callable[[str, datetime], bool],
    caplog: pytest.LogCaptureFixture,
):
    (settings.data_path / "secret_key").unlink()
    with caplog.at_level(logging.ERROR):
        assert not accepts(code_at(secret, NOON), NOON)
    assert "another secret_key" in caplog.text
    assert secret not in caplog.text


def test_a_secret_counts_once_its_first_code_is_given(
    db: SqliteDatabase, settings: Settings, dan_id: str
):
    secret = second_factor.offer_totp(db, settings, dan_id, at=NOON)
    code = code_at(secret, NOON)
    assert len(base64.b32decode(secret)) * 8 == 160
    assert not second_factor.has_totp(db, dan_id)
    assert not second_factor.check_totp(db, settings, dan_id, code, at=NOON)
    assert not second_factor.confirm_totp(db, settings, dan_id, "000000", at=NOON)
    assert second_factor.confirm_totp(db, settings, dan_id, code, at=NOON)
    assert second_factor.has_totp(db, dan_id)
    assert second_factor.offered_totp(db, settings, dan_id, at=NOON) is None
    assert not second_factor.check_totp(db, settings, dan_id, code, at=NOON), "used to confirm"
    later = NOON + STEP
    assert second_factor.check_totp(db, settings, dan_id, code_at(secret, later), at=later)


def test_the_old_phone_counts_until_the_new_one_is_confirmed(
    db: SqliteDatabase, settings: Settings, dan_id: str, secret: str
):
    offered = second_factor.offer_totp(db, settings, dan_id, at=NOON)
    assert second_factor.check_totp(db, settings, dan_id, code_at(secret, NOON), at=NOON)
    assert second_factor.confirm_totp(db, settings, dan_id, code_at(offered, NOON), at=NOON)
    later = NOON + STEP
    assert not second_factor.check_totp(db, settings, dan_id, code_at(secret, later), at=later)


def test_an_offer_lapses_and_a_new_one_replaces_it(
    db: SqliteDatabase, settings: Settings, dan_id: str
):
    first = second_factor.offer_totp(db, settings, dan_id, at=NOON)
    second = second_factor.offer_totp(db, settings, dan_id, at=NOON)
    assert second_factor.offered_totp(db, settings, dan_id, at=NOON) == second != first
    late = NOON + timedelta(minutes=31)
    assert not second_factor.confirm_totp(db, settings, dan_id, code_at(second, late), at=late)
    assert second_factor.forget_expired(db, at=late) == 1


def test_what_the_database_keeps_opens_nothing(
    db: SqliteDatabase, settings: Settings, dan_id: str, secret: str
):
    offered = second_factor.offer_totp(db, settings, dan_id)
    codes = second_factor.make_recovery_codes(db, dan_id)
    token = second_factor.trust_device(db, dan_id)
    everything = kept(db)
    assert dan_id.encode() in everything, "the rows are in it"
    for canary in (secret, offered, token, *codes, *(code.replace("-", "") for code in codes)):
        assert canary.encode() not in everything


def test_the_address_of_the_qr_code_is_what_authenticators_read():
    uri = second_factor.totp_uri(RFC_SECRET, email="dan@support.example", site_name="Aide & Cie")
    assert uri.startswith("otpauth://totp/Aide%20%26%20Cie:dan%40support.example?secret=")
    parsed = pyotp.parse_uri(uri)
    assert isinstance(parsed, pyotp.TOTP)
    assert (parsed.secret, parsed.issuer, parsed.digits, parsed.interval) == (
        RFC_SECRET,
        "Aide & Cie",
        6,
        30,
    )


def test_there_are_ten_recovery_codes_in_readable_groups(db: SqliteDatabase, dan_id: str):
    codes = second_factor.make_recovery_codes(db, dan_id)
    assert len(set(codes)) == 10 == second_factor.count_recovery_codes(db, dan_id)
    for code in codes:
        assert re.fullmatch(r"[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){3}", code)
        assert len(code.replace("-", "")) * 5 >= 64, "bits"


def test_a_recovery_code_is_good_once_however_it_is_typed(db: SqliteDatabase, dan_id: str):
    code = second_factor.make_recovery_codes(db, dan_id)[3]
    typed = f" {code.upper().replace('-', ' ').replace('0', 'O').replace('1', 'I')} "
    assert second_factor.use_recovery_code(db, dan_id, typed)
    assert not second_factor.use_recovery_code(db, dan_id, code)
    assert second_factor.count_recovery_codes(db, dan_id) == 9


def test_of_twenty_who_send_one_recovery_code_together_one_comes_in(
    db: SqliteDatabase, dan_id: str
):
    code = second_factor.make_recovery_codes(db, dan_id)[0]
    assert together(20, lambda: second_factor.use_recovery_code(db, dan_id, code)) == 1


@pytest.mark.parametrize("typed", ["", " ", "-", "\0", "\ud800", "0" * 16, "a" * 100_000])
def test_what_is_no_recovery_code_is_refused(db: SqliteDatabase, dan_id: str, typed: str):
    second_factor.make_recovery_codes(db, dan_id)
    assert not second_factor.use_recovery_code(db, dan_id, typed)


def test_a_recovery_code_of_somebody_else_or_of_before_is_refused(
    db: SqliteDatabase, cast: Cast, dan_id: str
):
    before = second_factor.make_recovery_codes(db, dan_id)[0]
    code = second_factor.make_recovery_codes(db, dan_id)[0]
    assert not second_factor.use_recovery_code(db, dan_id, before)
    assert not second_factor.use_recovery_code(db, str(cast.root.person_id), code)
    assert second_factor.use_recovery_code(db, dan_id, code)


def test_a_device_is_trusted_for_a_month_by_one_person(
    db: SqliteDatabase, alice: Viewer, bob: Viewer
):
    alice_id, bob_id = str(alice.person_id), str(bob.person_id)
    token = second_factor.trust_device(db, alice_id, at=NOON)
    month = timedelta(days=30)
    assert second_factor.is_trusted(db, alice_id, token, at=NOON + month - STEP)
    assert not second_factor.is_trusted(db, alice_id, token, at=NOON + month)
    assert not second_factor.is_trusted(db, bob_id, token, at=NOON)
    for other in ("", " ", token[:-1], token + " ", "\0"):
        assert not second_factor.is_trusted(db, alice_id, other, at=NOON)


def test_devices_are_listed_and_forgotten_by_their_owner_alone(
    db: SqliteDatabase, alice: Viewer, bob: Viewer
):
    alice_id, bob_id = str(alice.person_id), str(bob.person_id)
    first = second_factor.trust_device(db, alice_id, user_agent="First" * 100, at=NOON)
    second = second_factor.trust_device(db, alice_id, user_agent="Second", at=NOON + STEP)
    listed = second_factor.list_devices(db, alice_id, at=NOON + STEP)
    assert [device.user_agent[:6] for device in listed] == ["Second", "FirstF"]
    assert second_factor.list_devices(db, bob_id, at=NOON) == []
    with pytest.raises(NotFound):
        second_factor.forget_device(db, bob_id, listed[0].id)
    second_factor.forget_device(db, alice_id, listed[0].id)
    assert not second_factor.is_trusted(db, alice_id, second, at=NOON + STEP)
    assert second_factor.is_trusted(db, alice_id, first, at=NOON + STEP)


def test_another_authenticator_or_none_ends_the_trust_in_devices(
    db: SqliteDatabase, settings: Settings, dan_id: str, secret: str
):
    token = second_factor.trust_device(db, dan_id)
    offered = second_factor.offer_totp(db, settings, dan_id, at=NOON)
    assert second_factor.is_trusted(db, dan_id, token)
    assert second_factor.confirm_totp(db, settings, dan_id, code_at(offered, NOON), at=NOON)
    assert not second_factor.is_trusted(db, dan_id, token)

    token = second_factor.trust_device(db, dan_id)
    code = second_factor.make_recovery_codes(db, dan_id)[0]
    assert second_factor.remove_totp(db, dan_id)
    assert not second_factor.has_totp(db, dan_id)
    assert not second_factor.is_trusted(db, dan_id, token)
    assert not second_factor.use_recovery_code(db, dan_id, code)
    assert not second_factor.remove_totp(db, dan_id), "nothing left"


def test_what_happens_to_a_second_factor_is_logged_and_told(
    db: SqliteDatabase, settings: Settings, cast: Cast, dan_id: str
):
    secret = second_factor.offer_totp(db, settings, dan_id, at=NOON)
    second_factor.confirm_totp(db, settings, dan_id, code_at(secret, NOON), network="n", at=NOON)
    code = second_factor.make_recovery_codes(db, dan_id, network="n", at=NOON)[0]
    second_factor.use_recovery_code(db, dan_id, code, at=NOON)
    second_factor.use_recovery_code(db, dan_id, code, at=NOON)
    second_factor.remove_totp(db, dan_id, actor_id=cast.root.person_id, network="n", at=NOON)
    kinds = {
        "authenticator.added",
        "recovery_codes.made",
        "recovery_code.used",
        "authenticator.removed",
    }
    logged = events_about(db, dan_id)
    assert {event.kind for event in logged} == kinds and len(logged) == 4
    actors = {event.kind: event.actor_id for event in logged}
    assert actors["authenticator.added"] == dan_id
    assert actors["authenticator.removed"] == cast.root.person_id
    told = db.query("SELECT kind, subject FROM outbox")
    assert {row["kind"] for row in told} == kinds and {row["subject"] for row in told} == {dan_id}
