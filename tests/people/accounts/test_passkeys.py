"""Passkeys, with a device in software: added, used alone and after a password, lost."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kbsearch import outbox, people
from kbsearch.access import OPERATOR
from kbsearch.clock import utc_now
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import Person
from kbsearch.people.accounts import (
    directory,
    passkey_sign_ins,
    passkeys,
    sessions,
    sign_ins_under_way,
    signing_in,
)
from kbsearch.people.accounts.passkeys import DeviceAnswer, Passkey
from kbsearch.people.accounts.signing_in import Caller, CodeAsked
from tests.conftest import Cast
from tests.kit.authenticators import SoftwareDevice
from tests.kit.security_log import events_about
from tests.kit.signing import PASSWORD, with_password

CALLER = Caller(network="192.0.2.1", user_agent="Firefox")


@pytest.fixture
def site(settings: Settings) -> Settings:
    return replace(settings, base_url="https://aide.example")


@pytest.fixture
def dan(db: SqliteDatabase, cast: Cast) -> Person:
    return with_password(db, "dan@support.example")


@pytest.fixture
def device() -> SoftwareDevice:
    return SoftwareDevice("https://aide.example", "aide.example")


def add(db: SqliteDatabase, site: Settings, person: Person, device: SoftwareDevice) -> Passkey:
    offer = passkeys.offer(db, site, person)
    made = device.make(offer.options)
    return passkeys.add(db, site, person, DeviceAnswer(offer.token, made), "  Work   laptop ")


def half_way(db: SqliteDatabase, person: Person) -> sign_ins_under_way.Pending:
    """The sign-in of whoever has just given the password."""
    step = signing_in.begin(db, CALLER, person.email, PASSWORD)
    assert isinstance(step, CodeAsked)
    return sign_ins_under_way.find(db, step.token, "sign_in")


def test_one_that_was_added_lets_its_owner_in_without_a_password(
    db: SqliteDatabase, site: Settings, dan: Person, device: SoftwareDevice
):
    passkey = add(db, site, dan, device)
    assert passkey.name == "Work laptop"
    asked = passkey_sign_ins.ask(db, site, CALLER)
    signed = device.sign(asked.options)
    inside = passkey_sign_ins.finish(
        db, site, CALLER, DeviceAnswer(asked.token, signed), "/fr/desk"
    )
    assert (inside.destination, inside.is_enrolling, inside.is_staff) == ("/fr/desk", False, True)
    assert sessions.is_proved(db, inside.session)
    (used,) = passkeys.list_of(db, dan.id)
    assert used.used_at is not None
    kinds = {event.kind for event in events_about(db, dan.id)}
    assert kinds == {"sign_in.succeeded", "passkey.added"}
    told = db.query("SELECT kind FROM outbox WHERE subject = :id", {"id": dan.id})
    assert [row["kind"] for row in told] == ["passkey.added"]


def test_a_challenge_is_good_once_for_minutes_and_in_its_browser(
    db: SqliteDatabase, site: Settings, dan: Person, device: SoftwareDevice
):
    add(db, site, dan, device)
    asked, another = (passkeys.ask(db, site) for _ in range(2))
    signed = device.sign(asked.options)
    for token in (another.token, "", "unheard of"):
        with pytest.raises(Invalid):
            passkeys.check(db, site, DeviceAnswer(token, signed))
    assert passkeys.check(db, site, DeviceAnswer(asked.token, signed)) == dan.id
    with pytest.raises(Invalid, match=r"passkey\.expired"):
        passkeys.check(db, site, DeviceAnswer(asked.token, device.sign(asked.options)))
    late = utc_now() + passkeys.LIFETIME
    old = passkeys.ask(db, site)
    with pytest.raises(Invalid, match=r"passkey\.expired"):
        passkeys.check(db, site, DeviceAnswer(old.token, device.sign(old.options)), at=late)
    passkeys.ask(db, site)
    assert passkeys.forget_expired(db, at=late + timedelta(minutes=1)) == 1


def test_alone_it_has_to_know_its_owner_and_after_a_password_it_need_not(
    db: SqliteDatabase, site: Settings, dan: Person, device: SoftwareDevice
):
    add(db, site, dan, device)
    device.is_sure = False
    alone = passkeys.ask(db, site)
    with pytest.raises(Invalid, match=r"passkey\.refused"):
        passkeys.check(db, site, DeviceAnswer(alone.token, device.sign(alone.options)))
    waiting = half_way(db, dan)
    asked = passkey_sign_ins.ask_after_password(db, site, waiting)
    signed = device.sign(asked.options)
    inside = passkey_sign_ins.finish_after_password(
        db, site, CALLER, waiting, DeviceAnswer(asked.token, signed)
    )
    assert not inside.is_enrolling, "it is a second factor as good as an authenticator"
    with pytest.raises(NotFound):
        sign_ins_under_way.find_id(db, waiting.id)


def test_nobody_comes_in_as_somebody_else_with_theirs(
    db: SqliteDatabase, site: Settings, dan: Person, device: SoftwareDevice, cast: Cast
):
    alice = with_password(db, "alice@acme.example")
    mine = replace(device, credential_id=b"of Alice", key=SoftwareDevice("", "").key)
    add(db, site, dan, device)
    add(db, site, alice, mine)
    waiting = half_way(db, dan)
    asked = passkey_sign_ins.ask_after_password(db, site, waiting)
    with pytest.raises(Invalid, match=r"passkey\.unknown"):
        passkey_sign_ins.finish_after_password(
            db, site, CALLER, waiting, DeviceAnswer(asked.token, mine.sign(asked.options))
        )
    stolen = replace(mine, credential_id=device.credential_id)
    alone = passkeys.ask(db, site)
    with pytest.raises(Invalid, match=r"passkey\.refused"):
        passkeys.check(db, site, DeviceAnswer(alone.token, stolen.sign(alone.options)))
    with pytest.raises(NotFound):
        passkeys.rename(db, alice.id, passkeys.list_of(db, dan.id)[0].id, "Mine")
    with pytest.raises(NotFound):
        passkeys.remove(db, alice.id, passkeys.list_of(db, dan.id)[0].id)


@pytest.mark.parametrize(
    ("origin", "host"),
    [("https://evil.example", "aide.example"), ("https://aide.example", "evil.example")],
)
def test_what_was_signed_for_another_site_opens_nothing(
    db: SqliteDatabase, site: Settings, dan: Person, device: SoftwareDevice, origin: str, host: str
):
    elsewhere = replace(device, origin=origin, host=host)
    with pytest.raises(Invalid, match=r"passkey\.refused"):
        add(db, site, dan, elsewhere)
    add(db, site, dan, device)
    asked = passkeys.ask(db, site)
    with pytest.raises(Invalid, match=r"passkey\.refused"):
        passkeys.check(db, site, DeviceAnswer(asked.token, elsewhere.sign(asked.options)))


def test_a_copy_is_told_by_its_count_and_noted(
    db: SqliteDatabase, site: Settings, dan: Person, device: SoftwareDevice
):
    add(db, site, dan, device)
    copy = replace(device)
    for signer, passes in ((device, True), (copy, False), (device, True)):
        asked = passkeys.ask(db, site)
        signed = signer.sign(asked.options)
        if passes:
            assert passkeys.check(db, site, DeviceAnswer(asked.token, signed)) == dan.id
            continue
        with pytest.raises(Invalid, match=r"passkey\.refused"):
            passkeys.check(db, site, DeviceAnswer(asked.token, signed))
    refusals = [event for event in events_about(db, dan.id) if event.kind == "passkey.refused"]
    assert [event.details["reason"] for event in refusals] == ["copied"]


def test_one_that_does_not_count_is_used_again_and_again(
    db: SqliteDatabase, site: Settings, dan: Person, device: SoftwareDevice
):
    device.counts = False
    add(db, site, dan, device)
    for _ in range(2):
        asked = passkeys.ask(db, site)
        assert (
            passkeys.check(db, site, DeviceAnswer(asked.token, device.sign(asked.options)))
            == dan.id
        )


@pytest.mark.parametrize(
    "answer", ["", "[]", "null", "{}", '{"id": 1}', '{"id": "YQ", "response": []}', "[" * 9999]
)
def test_what_is_no_answer_is_refused(
    db: SqliteDatabase, site: Settings, dan: Person, device: SoftwareDevice, answer: str
):
    offer = passkeys.offer(db, site, dan)
    with pytest.raises(Invalid):
        passkeys.add(db, site, dan, DeviceAnswer(offer.token, answer), "Key")
    asked = passkeys.ask(db, site)
    with pytest.raises(Invalid):
        passkeys.check(db, site, DeviceAnswer(asked.token, answer))


def test_the_owner_renames_and_removes_it_and_an_administrator_takes_all_away(
    db: SqliteDatabase, site: Settings, dan: Person, device: SoftwareDevice
):
    passkey = add(db, site, dan, device)
    passkeys.rename(db, dan.id, passkey.id, "Phone")
    assert passkeys.find(db, dan.id, passkey.id).name == "Phone"
    for name in ("", " \n", "x" * 61):
        with pytest.raises(Invalid, match=r"passkey\.name_invalid"):
            passkeys.rename(db, dan.id, passkey.id, name)
    passkeys.remove(db, dan.id, passkey.id)
    asked = passkeys.ask(db, site)
    with pytest.raises(Invalid, match=r"passkey\.unknown"):
        passkeys.check(db, site, DeviceAnswer(asked.token, device.sign(asked.options)))
    add(db, site, dan, device)
    assert directory.reset_second_factor(db, OPERATOR, people.find_id(db, dan.id))
    assert not passkeys.has_any(db, dan.id)
    told = db.query("SELECT kind FROM outbox WHERE subject = :id", {"id": dan.id})
    assert [row["kind"] for row in told].count(passkeys.REMOVED) == 2
    assert outbox.KINDS[passkeys.REMOVED].channel == "mail"


def test_a_closed_account_is_not_opened_by_one(
    db: SqliteDatabase, site: Settings, dan: Person, device: SoftwareDevice
):
    add(db, site, dan, device)
    db.execute("UPDATE people SET disabled_at = created_at WHERE id = :id", {"id": dan.id})
    asked = passkeys.ask(db, site)
    with pytest.raises(Invalid, match=r"passkey\.unknown"):
        passkeys.check(db, site, DeviceAnswer(asked.token, device.sign(asked.options)))


@pytest.mark.parametrize(
    ("base_url", "possible"),
    [
        ("https://aide.example", True),
        ("http://localhost:8000", True),
        ("http://aide.example", False),
        ("https://192.0.2.1", False),
        ("https://[2001:db8::1]:8443", False),
    ],
)
def test_they_need_a_name_and_encryption(settings: Settings, base_url: str, possible: bool):
    assert passkeys.are_possible(replace(settings, base_url=base_url)) == possible
