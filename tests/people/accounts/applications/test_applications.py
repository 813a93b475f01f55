"""Applications that register themselves: their addresses, their names, and when they go."""

from datetime import UTC, datetime, timedelta

import pytest

from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import TooMany
from kbsearch.people.accounts import applications
from kbsearch.people.accounts.applications import Application, Declined
from kbsearch.people.accounts.personal_tokens import UNUSED_LIFETIME

MOMENT = datetime(2026, 11, 30, 9, tzinfo=UTC)
HOME = "http://127.0.0.1:33418/callback"


def register(
    db: SqliteDatabase,
    *addresses: object,
    name: object = "Robot",
    network: str = "192.0.2.1",
    at: datetime = MOMENT,
) -> Application:
    metadata = {"client_name": name, "redirect_uris": list(addresses) or [HOME]}
    return applications.register(db, network, metadata, at=at)


WRONG: list[object] = [
    *("", None, 7, "x", "/callback", "//evil.example/", "https:", "https://", "https:///x"),
    *("javascript:alert(1)", "data:text/html,x", "ftp://a.example/", "robot://callback"),
    *("http://evil.example/", "http://127.0.0.1.evil.example/", "http://10.0.0.1/"),
    *("http://127.0.0.1@evil.example/", "https://you:me@evil.example/", "http://localhost@e/"),
    *("https://a.example/#part", "https://a.example/ b", "https://a.example\\@evil.example/"),
    *(
        "https://a.example:port/",
        "https://[::1/",
        "https://a.example/é",
        "https://a.example/\n",
        "https://a.example;sandbox,default-src/",
        "https://*/",
    ),
    *("https://a.example/" + "x" * 500, 'https://a.example/"', "http://localhost:0/"),
]


def test_an_address_is_of_the_web_or_of_this_machine(db: SqliteDatabase):
    for address in WRONG:
        with pytest.raises(Declined) as refused:
            register(db, HOME, address)
        assert refused.value.code == "invalid_redirect_uri", address


@pytest.mark.parametrize("addresses", [None, "https://a.example/", [], {}, [HOME] * 11])
def test_it_has_some_addresses_and_not_many(db: SqliteDatabase, addresses: object):
    with pytest.raises(Declined):
        applications.register(db, "192.0.2.1", {"redirect_uris": addresses})


ADDRESSES = [
    ("https://a.example/back", "https://a.example/back", True),
    ("https://a.example/back", "https://a.example/back/", False),
    ("https://a.example/back", "https://a.example/back?x=1", False),
    ("https://a.example/back", "https://a.example:8443/back", False),
    ("https://a.example/back", "http://a.example/back", False),
    ("https://a.example/back", "https://A.example/back", False),
    ("https://a.example/back", "https://a.example/back#part", False),
    ("https://a.example/back", "https://a.example.evil.example/back", False),
    (HOME, "http://127.0.0.1:1/callback", True),
    (HOME, "http://127.0.0.1/callback", True),
    (HOME, "http://127.0.0.1:33418/other", False),
    (HOME, "http://localhost:33418/callback", False),
    (HOME, "https://127.0.0.1:33418/callback", False),
    (HOME, "http://127.0.0.1:1@evil.example/callback", False),
    ("http://[::1]/callback", "http://[::1]:9/callback", True),
    ("https://localhost/callback", "https://localhost:9/callback", False),
]


def test_people_are_sent_back_to_its_very_address_alone():
    for registered, wanted, is_its in ADDRESSES:
        application = Application("robot", "Robot", (registered,), "")
        assert applications.is_address_of(application, wanted) is is_its, (registered, wanted)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("  Robot \n 2 ", "Robot 2"),
        ("x" * 100, "x" * 80),
        ("a\u202eb\x00", "a b"),
        ("", "127.0.0.1:33418"),
        (None, "127.0.0.1:33418"),
        (["Robot"], "127.0.0.1:33418"),
    ],
)
def test_its_name_hides_nothing(db: SqliteDatabase, name: object, shown: str):
    assert register(db, name=name).name == shown


def test_a_network_registers_only_so_many(db: SqliteDatabase):
    for _ in range(20):
        register(db)
    with pytest.raises(TooMany):
        register(db)
    register(db, network="198.51.100.1")


def test_those_nobody_let_in_are_forgotten(db: SqliteDatabase):
    unused = register(db)
    assert applications.forget_unused(db, at=MOMENT + UNUSED_LIFETIME - timedelta(seconds=1)) == 0
    assert applications.forget_unused(db, at=MOMENT + UNUSED_LIFETIME) == 1
    with pytest.raises(Declined, match=r"application\.not_found"):
        applications.find(db, unused.id)


def test_a_flood_drives_out_its_own(db: SqliteDatabase, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(applications, "MOST_APPLICATIONS", 3)
    ids = [register(db, at=MOMENT + timedelta(seconds=second)).id for second in range(5)]
    rows = db.query("SELECT id FROM applications ORDER BY created_at")
    assert [row["id"] for row in rows] == ids[-3:]
