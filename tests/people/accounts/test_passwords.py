import random
import threading
import tomllib
from hashlib import sha256
from pathlib import Path
from string import ascii_letters, digits

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, Unavailable
from kbsearch.people import PersonFields
from kbsearch.people.accounts import passwords
from kbsearch.people.accounts.common_passwords import LIST, is_common
from tests.conftest import Cast
from tests.kit.waiting import HUNG

GOOD = "correct horse battery"


def refusal(db: SqliteDatabase, settings: Settings, email: str, password: str) -> str:
    try:
        passwords.check(db, settings, people.find(db, email), password)
    except Invalid as problem:
        return problem.key
    return ""


@pytest.mark.parametrize(
    ("password", "key"),
    [
        ("", "password.too_short"),
        ("elevenchars", "password.too_short"),
        ("é" * 11, "password.too_short"),
        ("twelve chars", ""),
        ("            ", ""),
        (" \t leading and trailing \t ", ""),
        ("пароль которого нет", ""),
        ("🐎🔋📎🐎🔋📎🐎🔋📎🐎🔋📎", ""),
        ("z9" * 128, ""),
        ("z9" * 128 + "z", "password.too_long"),
        ("x" * 10_000_000, "password.too_long"),
        ("123456789012", "password.common"),
        ("passwordpassword", "password.common"),
        ("PasswordPassword", "password.common"),
        ("qwertyuiop[]", "password.common"),
        ("Kbsearch-forever-9", "password.guessable"),
        ("my iCownect phrase", "password.guessable"),
        ("long live ACME today", "password.guessable"),
        ("long live Acmé today", "password.guessable"),
        ("alice in her garden", "password.guessable"),
        ("six martinis, no olive", "password.guessable"),
        ("globex is not mine", ""),
    ],
)
def test_what_is_accepted_and_what_is_not(
    db: SqliteDatabase, settings: Settings, cast: Cast, password: str, key: str
):
    assert refusal(db, settings, "alice@acme.example", password) == key


def test_the_name_of_the_site_is_tried_first_as_well(
    db: SqliteDatabase, cast: Cast, tmp_path: Path
):
    named = Settings(site=tmp_path, site_name="Atelier Support")
    assert refusal(db, named, "bob@acme.example", "my atelier phrase") == "password.guessable"


def test_short_words_of_an_address_forbid_nothing(
    db: SqliteDatabase, settings: Settings, cast: Cast
):
    assert refusal(db, settings, "bob@acme.example", "bobsleigh on sand") == ""


def test_the_list_of_common_passwords_is_as_it_was_made():
    told = tomllib.loads((LIST.parent / "VENDOR.toml").read_text(encoding="utf-8"))["file"][0]
    assert told["version"] and told["licence"] and told["source"] and told["path"] == LIST.name
    assert sha256(LIST.read_bytes()).hexdigest() == told["sha256"]
    for known in ("1q2w3e4r5t6y", "qwertyuiop123", "Password1234", "password12345678"):
        assert is_common(known)
    dice = random.Random(1)
    unknown = ("".join(dice.choices(ascii_letters + digits, k=14)) for _ in range(2_000))
    assert not any(map(is_common, unknown))
    assert not is_common("\ud800" * 12) and not is_common("\U0001f600" * 12)


def test_a_password_is_kept_as_argon2id_with_the_chosen_parameters():
    assert passwords.hash(GOOD).startswith("$argon2id$v=19$m=47104,t=1,p=1$")


@examples(max_examples=8, deadline=None)
@given(
    password=st.text(min_size=12, max_size=40),
    other=st.text(min_size=12, max_size=40),
    ending=st.sampled_from([" ", "\n", "\x00", "a", "\u0301"]),
)
def test_only_the_very_same_text_is_right(
    password: str, other: str, ending: str, scratch: SqliteDatabase
):
    scratch.execute("DELETE FROM people")
    person = people.add(scratch, OPERATOR, PersonFields(email="p@example.org", name="P"))
    passwords.keep(scratch, person, passwords.hash(password))
    assert passwords.verify(scratch, person.id, password)
    for typed in (password + ending, password[:-1], other, password.swapcase(), password.strip()):
        assert passwords.verify(scratch, person.id, typed) == (typed == password)


def test_nobody_has_a_password(db: SqliteDatabase, cast: Cast):
    assert not passwords.verify(db, None, GOOD)
    assert not passwords.verify(db, cast.alice.person_id, GOOD), "who has none yet"
    assert not passwords.verify(db, cast.alice.person_id, "")


def test_a_password_of_ten_million_characters_costs_nothing(
    db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    lengths = []

    def count(text: str) -> bytes:
        lengths.append(len(text))
        return text.encode()

    monkeypatch.setattr(passwords, "_bytes", count)
    for length in (20, 10_000_000):
        assert not passwords.verify(db, cast.alice.person_id, "x" * length)
    assert lengths == [20, 0]


def test_a_hash_of_older_parameters_is_made_anew_when_it_is_used(db: SqliteDatabase, cast: Cast):
    alice = people.find(db, "alice@acme.example")
    older = PasswordHasher(time_cost=2, memory_cost=1024, parallelism=1).hash(GOOD)
    passwords.keep(db, alice, older)

    def kept() -> str:
        return str(db.query("SELECT password_hash FROM people WHERE email LIKE 'alice%'")[0])

    assert not passwords.verify(db, alice.id, "not the password")
    assert "m=1024" in kept()
    assert passwords.verify(db, alice.id, GOOD)
    assert "m=47104,t=1,p=1" in kept()
    assert passwords.verify(db, alice.id, GOOD)


def test_two_hash_at_once_and_the_third_is_asked_to_come_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(passwords, "PATIENCE_SECONDS", 0.05)
    inside, leave = threading.Barrier(3), threading.Event()

    def hold() -> None:
        with passwords._place():
            inside.wait(HUNG)
            leave.wait(HUNG)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(HUNG)
    with pytest.raises(Unavailable) as refused:
        passwords.hash(GOOD)
    assert refused.value.retry_after == 2
    leave.set()
    for thread in threads:
        thread.join()
    assert passwords.hash(GOOD)


def test_the_hash_of_nobody_costs_what_anybodys_does():
    assert not PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1).check_needs_rehash(
        passwords._NOBODY
    )
