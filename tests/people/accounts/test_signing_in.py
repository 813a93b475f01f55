from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kbsearch import limits, outbox, people
from kbsearch.access import ANONYMOUS, OPERATOR
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound, TooMany
from kbsearch.people import organisations
from kbsearch.people.accounts import known_browsers, passwords, second_factor, signing_in
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.accounts import sign_ins_under_way as pending
from kbsearch.people.accounts.signing_in import Caller, CodeAsked, Inside, TypedCode
from kbsearch.people.organisations import OrganisationFields
from tests.conftest import Cast
from tests.kit.mail import code_in, latest, letters, post, text_of
from tests.kit.security_log import events_about
from tests.kit.signing import PASSWORD, totp, with_password, with_totp

ALICE = "alice@acme.example"
DAN = "dan@support.example"
HOME = Caller(network="192.0.2.7", user_agent="Firefox")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def ask(db: SqliteDatabase, email: str, caller: Caller = HOME, destination: str = "") -> str:
    """Give address and password; the token that waits for the code."""
    asked = signing_in.begin(db, caller, email, PASSWORD, destination)
    assert isinstance(asked, CodeAsked)
    return asked.token


def mailed(settings: Settings, db: SqliteDatabase) -> str:
    return code_in(latest(settings, db))


def test_a_customer_comes_in_by_a_mailed_code(db: SqliteDatabase, settings: Settings, cast: Cast):
    with_password(db, ALICE)
    token = ask(db, " Alice@ACME.example ", destination="/fr/requests")
    code = mailed(settings, db)
    inside = signing_in.finish(db, settings, HOME, token, TypedCode(code))
    assert accounts.viewer_of(db, inside.session) == cast.alice
    assert (inside.destination, inside.is_enrolling) == ("/fr/requests", False)
    with pytest.raises(NotFound, match="sign_in.expired"):
        signing_in.finish(db, settings, HOME, token, TypedCode(code))


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (ALICE, "not the password"),
        (ALICE, PASSWORD + " "),
        (ALICE, PASSWORD.upper()),
        (ALICE, ""),
        ("bob@acme.example", PASSWORD),  # who has not chosen one yet
        ("stranger@acme.example", PASSWORD),
        ("chloe@globex.example", PASSWORD),  # whose account is closed
        ("no address", PASSWORD),
        ("", ""),
        ("a" * 100_000, "b" * 100_000),
        ("\ud800@x", "\ud800"),
    ],
)
def test_whatever_is_wrong_the_answer_is_the_same(
    db: SqliteDatabase, cast: Cast, email: str, password: str
):
    with_password(db, ALICE)
    people.disable(db, OPERATOR, with_password(db, "chloe@globex.example"))
    with pytest.raises(Invalid, match=r"^sign_in.refused$"):
        signing_in.begin(db, HOME, email, password)
    assert db.query("SELECT * FROM pending_sign_ins") == []
    assert outbox.claim(db) is None


@pytest.mark.parametrize(
    ("email", "has_totp", "factor", "enrolling"),
    [
        (ALICE, False, "mail", False),
        (ALICE, True, "totp", False),
        (DAN, False, "mail", True),
        (DAN, True, "totp", False),
        ("wendy@support.example", False, "mail", True),
        ("wendy@support.example", True, "totp", False),
        ("root@support.example", False, "mail", True),
        ("root@support.example", True, "totp", False),
    ],
)
def test_who_is_asked_for_what(
    db: SqliteDatabase,
    settings: Settings,
    cast: Cast,
    email: str,
    has_totp: bool,
    factor: str,
    enrolling: bool,
):
    if has_totp:
        with_totp(settings, db, email)
    else:
        with_password(db, email)
    token = ask(db, email)
    assert pending.find(db, token, "sign_in").factor == factor
    code = totp() if has_totp else mailed(settings, db)
    inside = signing_in.finish(db, settings, HOME, token, TypedCode(code))
    viewer = accounts.viewer_of(db, inside.session)
    assert viewer.is_enrolling == inside.is_enrolling == enrolling
    if enrolling:
        assert viewer.principals == ANONYMOUS.principals, (
            "nothing is seen before the factor is set up"
        )


def test_who_has_an_authenticator_gets_no_mail_and_no_mailed_code_counts(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    with_totp(settings, db, DAN)
    token = ask(db, DAN)
    post(settings, db)
    assert letters(settings) == []
    waiting = pending.find(db, token, "sign_in")
    code = pending.make_code(db, settings, waiting)
    with pytest.raises(Invalid, match="sign_in.code_wrong"):
        signing_in.finish(db, settings, HOME, token, TypedCode(code))
    with pytest.raises(NotFound):
        signing_in.resend(db, HOME, token, "sign_in")
    assert signing_in.finish(db, settings, HOME, token, TypedCode(totp())).session


def test_a_code_of_the_authenticator_is_good_once(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    with_totp(settings, db, DAN)
    code = totp()
    first, second = ask(db, DAN), ask(db, DAN)
    assert signing_in.finish(db, settings, HOME, first, TypedCode(code)).session
    with pytest.raises(Invalid, match="sign_in.code_wrong"):
        signing_in.finish(db, settings, HOME, second, TypedCode(code))


def test_a_recovery_code_takes_the_place_of_the_authenticator_once(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    dan = with_totp(settings, db, DAN)
    code, *_ = second_factor.make_recovery_codes(db, dan.id)
    token = ask(db, DAN)
    with pytest.raises(Invalid):
        signing_in.finish(db, settings, HOME, token, TypedCode(code))
    inside = signing_in.finish(db, settings, HOME, token, TypedCode(code, recovery=True))
    assert accounts.viewer_of(db, inside.session) == cast.dan
    with pytest.raises(Invalid):
        signing_in.finish(db, settings, HOME, ask(db, DAN), TypedCode(code, recovery=True))
    (event, *_) = [e for e in events_about(db, dan.id) if e.kind == "sign_in.succeeded"]
    assert event.details["factor"] == "recovery"


def test_a_recovery_code_is_for_those_who_have_an_authenticator(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    alice = with_password(db, ALICE)
    code, *_ = second_factor.make_recovery_codes(db, alice.id)
    token = ask(db, ALICE)
    with pytest.raises(Invalid):
        signing_in.finish(db, settings, HOME, token, TypedCode(code, recovery=True))


def test_a_code_asked_for_in_one_browser_is_nothing_in_another(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    with_password(db, ALICE)
    here = ask(db, ALICE)
    code_here = mailed(settings, db)
    there = ask(db, ALICE)
    code_there = mailed(settings, db)
    if code_here != code_there:
        with pytest.raises(Invalid):
            signing_in.finish(db, settings, HOME, there, TypedCode(code_here))
    assert signing_in.finish(db, settings, HOME, there, TypedCode(code_there)).session
    assert signing_in.finish(db, settings, HOME, here, TypedCode(code_here)).session


def test_twenty_posts_of_one_code_are_one_sign_in(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    with_password(db, ALICE)
    token = ask(db, ALICE)
    code = mailed(settings, db)

    def enter(_: int) -> bool:
        try:
            return bool(signing_in.finish(db, settings, HOME, token, TypedCode(code)).session)
        except (Invalid, NotFound, TooMany):
            return False
        finally:
            db.close()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(enter, range(20))) == 1
    assert len(db.query("SELECT 1 FROM sessions")) == 1


def test_the_session_is_new_and_the_one_the_browser_had_is_over(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    """Fixation: whatever session a browser was given, it is not the one somebody comes in with."""
    with_password(db, ALICE)
    planted = accounts.open_session(db, cast.bob.person_id or "")
    caller = replace(HOME, session=planted)
    token = ask(db, ALICE, caller)
    inside = signing_in.finish(db, settings, caller, token, TypedCode(mailed(settings, db)))
    assert inside.session not in (planted, token)
    assert accounts.viewer_of(db, planted) == ANONYMOUS
    assert accounts.viewer_of(db, token) == ANONYMOUS


def test_resending_replaces_the_code_three_times_an_hour(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    with_password(db, ALICE)
    token = ask(db, ALICE)
    codes = [mailed(settings, db)]
    for _ in range(3):
        signing_in.resend(db, HOME, token, "sign_in")
        codes.append(mailed(settings, db))
    with pytest.raises(TooMany):
        signing_in.resend(db, HOME, token, "sign_in")
    assert len(letters(settings)) == 4
    if codes[0] != codes[-1]:
        with pytest.raises(Invalid):
            signing_in.finish(db, settings, HOME, token, TypedCode(codes[0]))
    assert signing_in.finish(db, settings, HOME, token, TypedCode(codes[-1])).session


def test_after_five_wrong_codes_another_one_must_be_asked_for(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    with_password(db, ALICE)
    token = ask(db, ALICE)
    code = mailed(settings, db)
    for _ in range(4):
        with pytest.raises(Invalid, match="sign_in.code_wrong"):
            signing_in.finish(db, settings, HOME, token, TypedCode("no code"))
    with pytest.raises(Invalid, match="sign_in.code_spent"):
        signing_in.finish(db, settings, HOME, token, TypedCode("no code"))
    with pytest.raises(TooMany):
        signing_in.finish(db, settings, HOME, token, TypedCode(code))


def guess(db: SqliteDatabase, email: str, caller: Caller, at: datetime) -> str:
    try:
        signing_in.begin(db, caller, email, "not the password", at=at)
    except (Invalid, TooMany) as problem:
        return problem.key
    return "in"


def test_ten_wrong_passwords_close_an_account_to_strangers_for_five_minutes(
    db: SqliteDatabase, cast: Cast
):
    with_password(db, ALICE)
    for number in range(10):
        caller = replace(HOME, network=f"192.0.2.{number}")
        assert guess(db, ALICE, caller, NOON) == "sign_in.refused"
    elsewhere = replace(HOME, network="198.51.100.1")
    with pytest.raises(TooMany) as refused:
        signing_in.begin(db, elsewhere, ALICE, PASSWORD, at=NOON)
    assert refused.value.retry_after == 300
    assert guess(db, "bob@acme.example", elsewhere, NOON) == "sign_in.refused"
    later = NOON + timedelta(minutes=5)
    assert isinstance(signing_in.begin(db, elsewhere, ALICE, PASSWORD, at=later), CodeAsked)


def test_nobody_locks_somebody_out_of_a_browser_they_have_signed_in_with(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    with_totp(settings, db, DAN)
    inside = signing_in.finish(
        db, settings, HOME, ask(db, DAN), TypedCode(totp(datetime.now(UTC) - timedelta(seconds=30)))
    )
    known = replace(HOME, browser=inside.browser)
    moment = datetime.now(UTC)
    for number in range(30):
        guess(db, DAN, replace(HOME, network=f"192.0.2.{number}"), moment)
    for _ in range(10):
        guess(db, ALICE, HOME, moment)
    assert guess(db, DAN, HOME, moment) == "limit.reached"
    waiting = signing_in.begin(db, known, DAN, PASSWORD, at=moment)
    assert isinstance(waiting, CodeAsked)
    assert signing_in.finish(
        db, settings, known, waiting.token, TypedCode(totp(moment)), at=moment
    ).session
    for _ in range(10):
        guess(db, DAN, known, moment)
    assert guess(db, DAN, known, moment) == "limit.reached", "it may not guess for ever either"


def test_an_address_and_its_neighbours_have_one_count(db: SqliteDatabase, cast: Cast):
    """IPv6 gives a subscriber 2^64 addresses: they are one network."""
    callers = [limits.network(f"2001:db8:1:2::{n:x}") for n in range(1, 12)]
    keys = [guess(db, f"p{n}@acme.example", Caller(c), NOON) for n, c in enumerate(callers)]
    assert keys == ["sign_in.refused"] * 10 + ["limit.reached"]


def test_signing_in_well_uses_nothing_up(db: SqliteDatabase, settings: Settings, cast: Cast):
    with_password(db, ALICE)
    for _ in range(12):
        ask(db, ALICE)
    assert limits.MAILED_TO_PERSON.windows == ((20, timedelta(hours=1)),)


def test_a_password_is_no_way_to_fill_a_mailbox(db: SqliteDatabase, cast: Cast):
    with_password(db, ALICE)
    for _ in range(20):
        ask(db, ALICE)
    with pytest.raises(TooMany):
        ask(db, ALICE)


def test_wrong_codes_are_counted_over_all_sign_ins_of_a_person(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    with_totp(settings, db, DAN)
    for number in range(5):
        caller = replace(HOME, network=f"192.0.2.{number}")
        with pytest.raises(Invalid):
            signing_in.finish(db, settings, caller, ask(db, DAN, caller), TypedCode("000000"))
    caller = replace(HOME, network="198.51.100.1")
    with pytest.raises(TooMany):
        signing_in.finish(db, settings, caller, ask(db, DAN, caller), TypedCode(totp()))


def trust(db: SqliteDatabase, *, allowed: bool) -> None:
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(trusted_devices=allowed)
    )


def test_a_browser_is_trusted_only_where_the_organisation_allows_it(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    with_password(db, ALICE)
    first = signing_in.finish(
        db, settings, HOME, ask(db, ALICE), TypedCode(mailed(settings, db), trust=True)
    )
    assert first.device is None

    trust(db, allowed=True)
    second = signing_in.finish(
        db, settings, HOME, ask(db, ALICE), TypedCode(mailed(settings, db), trust=True)
    )
    assert second.device is not None
    trusted = replace(HOME, device=second.device)
    inside = signing_in.begin(db, trusted, ALICE, PASSWORD)
    assert isinstance(inside, Inside)
    assert accounts.viewer_of(db, inside.session) == cast.alice
    with_password(db, "bob@acme.example")
    assert isinstance(signing_in.begin(db, trusted, "bob@acme.example", PASSWORD), CodeAsked)

    trust(db, allowed=False)
    assert isinstance(signing_in.begin(db, trusted, ALICE, PASSWORD), CodeAsked)


def test_a_new_browser_is_told_by_mail_but_not_the_first_one(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    with_password(db, ALICE)
    first = signing_in.finish(db, settings, HOME, ask(db, ALICE), TypedCode(mailed(settings, db)))
    post(settings, db)
    known = replace(HOME, browser=first.browser)
    again = signing_in.finish(
        db, settings, known, ask(db, ALICE, known), TypedCode(mailed(settings, db))
    )
    assert again.browser == first.browser
    post(settings, db)
    assert len(letters(settings)) == 2, "two codes and nothing else"

    phone = Caller(user_agent="Safari\r\nBcc: x@example.org")
    signing_in.finish(db, settings, phone, ask(db, ALICE, phone), TypedCode(mailed(settings, db)))
    notice = latest(settings, db)
    assert notice["Subject"] == "Nouvelle connexion à votre compte"
    assert notice["Bcc"] is None
    assert "Safari" in text_of(notice)


def test_a_browser_token_that_is_not_ours_is_replaced(db: SqliteDatabase, cast: Cast):
    alice = cast.alice.person_id or ""
    assert known_browsers.remember(db, alice, "planted") != "planted"
    assert not known_browsers.is_known(db, alice, "planted")
    for token in ("", " ", "\x00"):
        assert not known_browsers.is_known(db, alice, token)


def test_what_happened_is_in_the_security_log_and_no_secret_is(
    db: SqliteDatabase,
    settings: Settings,
    cast: Cast,
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level("INFO")
    with_password(db, ALICE)
    for _ in range(11):
        with pytest.raises((Invalid, TooMany)):
            signing_in.begin(db, HOME, ALICE, "CANARY-password")
    other = replace(HOME, network="198.51.100.9", browser="CANARY-browser", session="CANARY-s")
    with pytest.raises(TooMany):
        signing_in.begin(db, other, ALICE, "CANARY-password")
    db.execute("DELETE FROM attempts")
    token = ask(db, ALICE, other)
    code = mailed(settings, db)
    with pytest.raises(Invalid):
        signing_in.finish(db, settings, other, token, TypedCode("CANARY"))
    inside = signing_in.finish(db, settings, other, token, TypedCode(code))
    events = events_about(db, cast.alice.person_id or "")
    assert sorted({event.kind for event in events}) == [
        "code.refused",
        "limit.reached",
        "sign_in.failed",
        "sign_in.succeeded",
    ]
    assert len([event for event in events if event.kind == "limit.reached"]) == 1
    told = caplog.text + str(db.query("SELECT * FROM security_log"))
    for secret in ("CANARY", code, token, inside.session, inside.browser, PASSWORD):
        assert secret not in told
    assert '"kind": "sign_in.failed"' in caplog.text


def test_known_and_unknown_addresses_are_compared_with_the_same_work(
    db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    with_password(db, ALICE)
    compared: list[str] = []
    hasher = type(passwords._hasher())
    verify = hasher.verify

    def count(self, kept, password):
        compared.append(kept)
        return verify(self, kept, password)

    monkeypatch.setattr(hasher, "verify", count)
    for email in (ALICE, "stranger@acme.example", "bob@acme.example"):
        guess(db, email, HOME, NOON)
    assert len(compared) == 3
    assert compared[0] != compared[1] == compared[2]
