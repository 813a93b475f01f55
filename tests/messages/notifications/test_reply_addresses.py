from base64 import b32encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsearch import keys
from kbsearch.config import Settings
from kbsearch.database import new_id
from kbsearch.messages.notifications import reply_addresses
from kbsearch.messages.notifications.reply_addresses import Claim
from tests.kit.incoming import receiving

ALICE = new_id()


@pytest.fixture
def site(settings: Settings) -> Settings:
    return receiving(settings)


def test_an_address_says_who_answers_what(site: Settings):
    address = reply_addresses.make(site, 1042, ALICE)
    assert reply_addresses.read(site, address) == Claim(1042, ALICE)
    assert address.endswith("@support.example")


@given(st.integers(1, 10**9 - 1))
def test_it_fits_in_every_mail_system_and_survives_lower_case(number: int):
    site = Settings(secret_key="x" * 32)
    person_id = new_id()
    address = reply_addresses.make(site, number, person_id)
    local = address.partition("@")[0]
    assert len(local) <= 64
    assert address == address.lower()
    claim = Claim(number, person_id)
    assert reply_addresses.read(site, address.upper()) == claim
    assert reply_addresses.read(site, address) == claim


def test_every_truncation_and_every_other_character_fails(site: Settings):
    local, _, domain = reply_addresses.make(site, 1042, ALICE).partition("@")
    for end in range(len(local)):
        assert reply_addresses.read(site, f"{local[:end]}@{domain}") is None
        assert reply_addresses.read(site, f"{local[:end]}{local[end + 1 :]}@{domain}") is None
        for other in "a7.=+":
            changed = f"{local[:end]}{other}{local[end + 1 :]}"
            if changed != local:
                assert reply_addresses.read(site, f"{changed}@{domain}") is None
    for more in (f"{local}a", f"a{local}", f" {local} x", f"{local}="):
        assert reply_addresses.read(site, f"{more}@{domain}") is None
    assert reply_addresses.read(site, local) is None


def test_a_short_code_of_the_right_key_fails(site: Settings):
    """A code that is compared over the length that was sent lets an empty one in."""
    address = reply_addresses.make(site, 1042, ALICE)
    said = address.rpartition(".")[0].rpartition(".")[0].removeprefix("r+")
    for size in range(16):
        code = b32encode(bytes(size)).decode().rstrip("=").lower()
        assert reply_addresses.read(site, f"r+{said}.{code}@support.example") is None


def test_the_code_of_one_request_or_person_opens_no_other(site: Settings):
    first = reply_addresses.make(site, 1042, ALICE)
    other = reply_addresses.make(site, 1043, new_id())
    (number, person, code), (number2, person2, _) = (
        address.partition("@")[0].removeprefix("r+").split(".") for address in (first, other)
    )
    for said in ((number2, person), (number, person2), (f"0{number}", person)):
        mixed = f"r+{'.'.join((*said, code))}@support.example"
        assert reply_addresses.read(site, mixed) is None


def test_another_site_and_another_purpose_have_other_codes(site: Settings):
    address = reply_addresses.make(site, 1042, ALICE)
    stranger = receiving(Settings(site=site.site, secret_key="y" * 32))
    assert reply_addresses.read(stranger, address) is None
    assert keys.derive(site, "something else") != keys.derive(site, reply_addresses.PURPOSE)


@pytest.mark.parametrize(
    ("changes", "domain"),
    [
        ({"reply_domain": "in.support.example"}, "in.support.example"),
        ({}, "support.example"),
        ({"mail_from": ""}, "help.support.example"),
    ],
    ids=["set", "of the sender", "of the site"],
)
def test_replies_arrive_where_the_settings_say(
    site: Settings, changes: dict[str, str], domain: str
):
    assert reply_addresses.make(receiving(site, **changes), 1, ALICE).endswith(f"@{domain}")


def test_what_was_meant_to_be_one_is_told_from_other_addresses(site: Settings):
    assert reply_addresses.is_alike("R+1042.x@support.example")
    assert not reply_addresses.is_alike("support@support.example")
    assert not reply_addresses.is_alike("rita+1042@support.example")


def test_replies_are_invited_once_it_is_known_where_they_arrive(settings: Settings):
    assert not reply_addresses.are_read(settings)
    assert reply_addresses.are_read(receiving(settings, reply_domain="support.example"))
    assert reply_addresses.are_read(receiving(settings, imap_url="imaps://x:y@imap.example/"))
