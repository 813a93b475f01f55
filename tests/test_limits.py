import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsearch import limits
from kbsearch.database import Database
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import TooMany
from kbsearch.limits import Limit, network
from tests.conftest import Another
from tests.kit.engines import address_of

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
THREE = Limit("test", ((3, 5 * MINUTE),))

HAMMER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from kbsearch import limits
from kbsearch.errors import TooMany
from tests.kit.engines import at

db = at(sys.argv[1])

def attempt(_):
    try:
        limits.take(db, limits.SIGN_INS_OF_ALL, "everybody")
        return 1
    except TooMany:
        return 0

with ThreadPoolExecutor(4) as threads:
    print(sum(threads.map(attempt, range(int(sys.argv[2])))))
"""


def is_taken(db: Database, limit: Limit, key: str, at: datetime) -> bool:
    try:
        limits.take(db, limit, key, at=at)
    except TooMany:
        return False
    return True


@pytest.mark.parametrize(
    ("limit", "windows"),
    [
        (limits.SIGN_INS_OF_ACCOUNT, [(10, 5)]),
        (limits.SIGN_INS_FROM_NETWORK, [(10, 5)]),
        (limits.SIGN_INS_OF_ALL, [(1000, 5)]),
        (limits.CODES_OF_PERSON, [(5, 5), (20, 60), (50, 1440)]),
        (limits.CODES_FROM_NETWORK, [(10, 5)]),
        (limits.RESENDS, [(3, 60)]),
        (limits.RESETS_OF_ACCOUNT, [(5, 1440)]),
        (limits.RESETS_FROM_NETWORK, [(20, 60)]),
    ],
)
def test_the_limits_are_those_that_are_documented(limit: Limit, windows: list[tuple[int, int]]):
    assert limit.windows == tuple((count, minutes * MINUTE) for count, minutes in windows)
    assert max(window for _, window in limit.windows) <= limits.LONGEST


def test_what_is_over_the_limit_is_refused_until_there_is_room_again(db: Database):
    for minute in range(3):
        limits.take(db, THREE, "alice", at=NOON + minute * MINUTE)
    with pytest.raises(TooMany) as refused:
        limits.take(db, THREE, "alice", at=NOON + 3 * MINUTE)
    assert refused.value.retry_after == 120
    assert is_taken(db, THREE, "bob", NOON + 3 * MINUTE), "somebody else is not concerned"

    almost = NOON + 5 * MINUTE - timedelta(seconds=1)
    assert not is_taken(db, THREE, "alice", almost)
    assert is_taken(db, THREE, "alice", NOON + 5 * MINUTE)
    assert not is_taken(db, THREE, "alice", NOON + 5 * MINUTE)


def test_being_refused_again_and_again_makes_nobody_wait_longer(db: Database):
    for _ in range(3):
        limits.take(db, THREE, "alice", at=NOON)
    for second in range(1, 300, 7):
        assert not is_taken(db, THREE, "alice", NOON + timedelta(seconds=second))
    assert is_taken(db, THREE, "alice", NOON + 5 * MINUTE)


def test_every_window_of_a_limit_holds(db: Database):
    taken = [
        minute
        for minute in range(0, 1440, 5)
        for _ in range(6)
        if is_taken(db, limits.CODES_OF_PERSON, "dan", NOON + minute * MINUTE)
    ]
    assert len(taken) == 50
    assert len([minute for minute in taken if minute < 60]) == 20
    assert len([minute for minute in taken if minute < 5]) == 5


@pytest.mark.both_engines
def test_a_good_attempt_is_given_back_and_only_one(db: Database):
    for _ in range(3):
        limits.take(db, THREE, "alice", at=NOON)
    limits.give_back(db, THREE, "alice")
    limits.give_back(db, THREE, "bob")
    assert [is_taken(db, THREE, "alice", NOON) for _ in range(3)] == [True, False, False]


def test_a_clock_set_back_locks_nobody_out_for_long(db: Database):
    for _ in range(3):
        limits.take(db, THREE, "alice", at=NOON + timedelta(days=10))
    assert not is_taken(db, THREE, "alice", NOON)
    assert is_taken(db, THREE, "alice", NOON + 5 * MINUTE)


@given(moments=st.lists(st.integers(0, 900), max_size=60))
def test_no_stretch_as_long_as_the_window_has_more_than_the_limit(
    moments: list[int], scratch: SqliteDatabase
):
    scratch.execute("DELETE FROM attempts")
    taken = [
        second
        for second in sorted(moments)
        if is_taken(scratch, THREE, "alice", NOON + timedelta(seconds=second))
    ]
    for start in taken:
        assert len([second for second in taken if start <= second < start + 300]) <= 3
    for second in set(moments) - set(taken):
        assert len([t for t in taken if second - 300 < t <= second]) == 3, "refused without need"


def test_two_processes_of_four_threads_never_get_more_than_the_limit(db: Database):
    each = 560
    hammers = [
        subprocess.Popen(
            [sys.executable, "-c", HAMMER, address_of(db), str(each)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    taken = [int(hammer.communicate(timeout=100)[0]) for hammer in hammers]
    assert all(hammer.returncode == 0 for hammer in hammers)
    assert sum(taken) == 1000
    assert all(taken), "both were at it"


@pytest.mark.both_engines
def test_a_limit_survives_a_restart(db: Database, another: Another):
    for _ in range(3):
        limits.take(db, THREE, "alice", at=NOON)
    db.close()
    assert not is_taken(another(), THREE, "alice", NOON)


@pytest.mark.both_engines
def test_threads_giving_back_lose_nothing(db: Database):
    def in_and_out(_: int) -> None:
        limits.take(db, limits.SIGN_INS_OF_ALL, "x", at=NOON)
        limits.give_back(db, limits.SIGN_INS_OF_ALL, "x")
        db.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(in_and_out, range(40)))
    assert db.query("SELECT * FROM attempts") == []


def test_what_was_typed_is_not_kept(db: Database):
    limits.take(db, THREE, "my password, in the wrong field")
    assert "password" not in str(db.query("SELECT * FROM attempts"))


@pytest.mark.parametrize(
    ("address", "counts_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1::/56"),
        ("2001:db8:1:ff:bbbb:cccc:dddd:eeee", "2001:db8:1::/56"),
        ("2001:db8:1:100::1", "2001:db8:1:100::/56"),
        ("fe80::1%eth0", "fe80::/56"),
        ("", "unknown"),
        (None, "unknown"),
        ("not an address", "unknown"),
    ],
)
def test_a_network_is_what_one_subscriber_has(address: str | None, counts_as: str):
    assert network(address) == counts_as


def test_the_256_networks_of_one_subscriber_share_a_limit(db: Database):
    taken = [
        is_taken(db, limits.SIGN_INS_FROM_NETWORK, network(f"2001:db8:1:{number:x}::1"), NOON)
        for number in range(256)
    ]
    assert sum(taken) == 10
    assert is_taken(db, limits.SIGN_INS_FROM_NETWORK, network("2001:db8:2::1"), NOON)


def test_old_attempts_are_forgotten(db: Database):
    limits.take(db, THREE, "alice", at=NOON)
    limits.take(db, THREE, "alice", at=NOON + timedelta(hours=23))
    assert limits.forget_old(db, at=NOON + timedelta(days=1)) == 1
