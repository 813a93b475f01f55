"""What nouns rely on, whichever engine is behind it."""

import subprocess
import sys
from contextlib import suppress

import pytest

from kbsearch import audit
from kbsearch.access import OPERATOR
from kbsearch.database import Busy, Damaged, Database, IntegrityError, if_possible, new_id, one_of
from kbsearch.database.patience import Patience
from kbsearch.errors import Invalid
from tests.conftest import Another
from tests.kit.engines import address_of

pytestmark = pytest.mark.both_engines

COUNT_UP = """
import sys, threading
from tests.kit.engines import at

db = at(sys.argv[1])

def count_up():
    for _ in range(50):
        with db.atomic():
            value = db.query("SELECT value FROM counters WHERE name = 'ticket'")[0]["value"]
            db.execute("UPDATE counters SET value = :v WHERE name = 'ticket'", {"v": value + 1})
    db.close()

threads = [threading.Thread(target=count_up) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def value(db: Database) -> int:
    return int(db.query("SELECT value FROM counters WHERE name = 'ticket'")[0]["value"])


def test_four_threads_of_two_processes_lose_no_update(db: Database):
    command = [sys.executable, "-c", COUNT_UP, address_of(db)]
    children = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    problems = [child.communicate()[1] for child in children]
    assert problems == ["", ""], "nobody is told that the database is locked"
    assert value(db) == 1000 + 2 * 4 * 50


def test_all_is_written_or_nothing(db: Database):
    with pytest.raises(ZeroDivisionError), db.atomic():
        db.insert("state", {"name": "a", "value": "1"})
        raise ZeroDivisionError
    assert db.query("SELECT * FROM state") == []


def test_an_inner_failure_takes_back_only_what_is_inner(db: Database):
    with db.atomic():
        db.insert("state", {"name": "outer", "value": "1"})
        with pytest.raises(ZeroDivisionError), db.atomic():
            db.insert("state", {"name": "inner", "value": "1"})
            raise ZeroDivisionError
    assert db.query("SELECT name FROM state") == [{"name": "outer"}]


def test_nobody_sees_half_a_transaction(db: Database, another: Another):
    other = another()
    with db.atomic():
        db.insert("state", {"name": "a", "value": "1"})
        assert other.query("SELECT * FROM state") == []
    assert len(other.query("SELECT * FROM state")) == 1


def test_a_snapshot_does_not_move(db: Database, another: Another):
    other = another()
    with other.snapshot():
        assert value(other) == 1000
        db.execute("UPDATE counters SET value = 2000 WHERE name = 'ticket'")
        assert value(other) == 1000
    assert value(other) == 2000


def test_a_writer_that_waits_too_long_is_told_it_is_busy(db: Database, another: Another):
    other = another()
    other.waits = Patience(0.02)
    with db.atomic():
        with pytest.raises(Busy):
            other.execute("DELETE FROM state")
        assert other.query("SELECT * FROM state") == [], "readers do not wait"
    other.execute("DELETE FROM state")


def test_after_one_has_waited_in_vain_the_others_do_not_wait(db: Database, another: Another):
    other = another()
    other.waits = Patience(0.02, moment=600)
    with db.atomic():
        for _ in range(3):
            with pytest.raises(Busy):
                other.execute("DELETE FROM state")
            assert other.waits.left() == 0
    other.execute("DELETE FROM state")
    assert other.waits.left() == 0.02, "one that got its turn says that the others may wait again"


def test_a_moment_is_over_some_time_after_it_began():
    waits = Patience(5, moment=0)
    waits.lose(5)
    assert waits.left() == 5


def test_what_may_be_given_up_gives_up_soon_and_breaks_nothing(db: Database, another: Another):
    other = another()
    other.waits = Patience(100, moment=600)
    with db.atomic():
        with if_possible(other):
            other.insert("state", {"name": "seen", "value": "now"})
        assert 99 < other.waits.left() < 100, "of a hundred seconds it waited less than one"
    assert other.query("SELECT * FROM state") == []
    with if_possible(other):
        other.insert("state", {"name": "seen", "value": "now"})
    assert len(other.query("SELECT * FROM state")) == 1


def test_inside_a_change_that_is_written_nothing_is_given_up(db: Database):
    with db.atomic(), if_possible(db):
        db.insert("state", {"name": "seen", "value": "now"})
    assert len(db.query("SELECT * FROM state")) == 1


@pytest.mark.parametrize("sql", ["SELECT * FROM nothing", "not a statement", "SELECT :missing"])
def test_what_it_does_not_take_is_said_in_the_words_of_every_database(db: Database, sql: str):
    for verb in (db.query, db.execute):
        with pytest.raises(Damaged):
            verb(sql)


def test_ids_do_not_repeat():
    assert len({new_id() for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize(("names", "found"), [([], 0), (["ticket", "' OR 1=1 --"], 1)])
def test_one_of_matches_what_is_named_and_nothing_else(db: Database, names: list[str], found: int):
    places, values = one_of("name", names)
    rows = db.query(f"SELECT * FROM counters WHERE name IN ({places})", values)  # noqa: S608
    assert len(rows) == found


def test_a_version_lasts_until_anybody_writes(db: Database, another: Another):
    other = another()
    first = db.version()
    db.query("SELECT * FROM state")
    assert db.version() == first
    other.execute("INSERT INTO state (name, value) VALUES ('a', '1')")
    second = db.version()
    assert second != first
    db.execute("UPDATE state SET value = '2' WHERE name = 'a'")
    assert db.version() not in (first, second)


def test_what_may_be_rolled_back_has_no_version(db: Database):
    before = db.version()
    with pytest.raises(ZeroDivisionError), db.atomic():
        assert db.version() != db.version()
        raise ZeroDivisionError
    assert db.version() == before


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_a_sign_that_not_every_engine_keeps_is_refused_in_words(db: Database, text: str):
    with pytest.raises(Invalid, match=r"text\.sign_not_kept"):
        db.insert("state", {"name": "a", "value": text})
    with pytest.raises(Invalid, match=r"text\.sign_not_kept"):
        db.insert_many("state", [{"name": "a", "value": text}])
    assert db.query("SELECT * FROM state") == []


def test_what_cannot_be_kept_finds_nothing(db: Database):
    assert db.query("SELECT 1 FROM people WHERE name = :name", {"name": "a\0b"}) == []


def test_values_come_back_as_they_were_given(db: Database):
    values = {
        "text": "Chloé's 100 % \\ :name ::x -- ? %s\n日本 🐄",
        "missing": None,
        "large": 2**62,
        "below": -1,
        "part": 0.25,
        "bytes": b"\x00\xff'",
    }
    columns = ", ".join(f":{name} AS {name}" for name in values)
    assert db.query(f"SELECT {columns}", values) == [values]
    truths = {"yes": True, "no": False}
    assert db.query("SELECT 1 = 1 AS a, :yes = 1 AS b, :no = 1 AS c", truths) == [
        {"a": 1, "b": 1, "c": 0}
    ]
    (sums,) = db.query("SELECT SUM(value) AS whole, AVG(value * 1.0) AS part FROM counters")
    assert sums["whole"] == 1000 and type(sums["whole"]) is int
    assert round(sums["part"], 2) == 333.33


def test_texts_stand_in_the_order_of_their_bytes(db: Database):
    """Moments and keys are compared as texts: no language has a say in it."""
    names = ["B", "_", "a", "a-b", "aB", "b", "é"]
    db.insert_many("state", [{"name": name, "value": ""} for name in reversed(names)])
    assert [row["name"] for row in db.query("SELECT name FROM state ORDER BY name")] == names


def test_what_a_row_names_must_be_there(db: Database):
    member = {"person_id": "nobody", "organisation_id": "none"}
    with pytest.raises(IntegrityError):
        db.insert("memberships", member)
    with pytest.raises(IntegrityError), db.filling():
        db.insert("memberships", member)
    assert db.query("SELECT * FROM memberships") == []


def test_in_a_filling_it_may_come_later(db: Database):
    product, version = {"id": "p", "slug": "p", "name": "P", "created_at": ""}, {"name": "1"}
    with db.filling():
        db.insert("product_versions", {"product_id": "p", "position": 1, **version})
        db.insert("products", product)
    with db.snapshot():
        assert [row["id"] for row in db.rows("products")] == ["p"]
    with pytest.raises(IntegrityError):
        db.insert("product_versions", {"product_id": "q", "position": 1, **version})


@pytest.mark.parametrize("sql", ["UPDATE security_log SET kind = ''", "DELETE FROM security_log"])
def test_nobody_changes_the_security_log(db: Database, sql: str):
    audit.act(db, OPERATOR, "person.erased")
    with pytest.raises(IntegrityError, match="append-only"):
        db.execute(sql)


def test_a_change_whose_statement_was_not_taken_is_none(db: Database):
    with suppress(Damaged), db.atomic():
        db.insert("state", {"name": "a", "value": "1"})
        db.execute("SELECT * FROM nothing")
    assert db.query("SELECT * FROM state") == []


def test_what_is_sound_has_no_damage(db: Database):
    assert db.damage() == db.damage(deep=True) == db.dangling() == []
    db.insert("state", {"name": "a", "value": "1"})
    db.compact()
    assert len(db.query("SELECT * FROM state")) == 1
