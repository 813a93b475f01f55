import pytest

from kbsearch import access
from kbsearch.access import ANONYMOUS, Role, Viewer
from kbsearch.database.sqlite import SqliteDatabase


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("customer", {"everyone", "customers", "user:u", "org:acme", "product:icownect"}),
        ("agent", {"everyone", "customers", "user:u", "agents", "desk"}),
        ("writer", {"everyone", "customers", "user:u", "writers"}),
        ("administrator", {"everyone", "customers", "user:u", "agents", "desk", "writers"}),
    ],
)
def test_each_role_answers_to_its_principals(role: Role, expected: set[str]):
    principals = access.principals(role, "u", ["acme"], ["icownect"])
    assert set(principals) == expected
    assert principals == tuple(sorted(principals))


def test_a_limited_agent_has_words_for_what_they_may_read_in_the_place_of_all_tickets():
    limits = access.DeskLimits(teams=("t",), products=("p",))
    words = {"desk-team:t", "desk-product:p", "desk-user:u"}
    own = {"everyone", "customers", "user:u", "agents"} | words
    assert set(access.principals("agent", "u", limits=limits)) == own
    assert "desk" in access.principals("administrator", "u", limits=limits)
    assert not words & set(access.principals("customer", "u", limits=limits))


def test_a_stranger_answers_to_everyone_only():
    assert ANONYMOUS.principals == ("everyone",)
    assert not ANONYMOUS.is_agent
    assert not ANONYMOUS.is_signed_in


@pytest.mark.parametrize(
    ("audience", "readers"),
    [
        ("everyone", {"nobody", "alice", "chloe", "dan", "wendy"}),
        ("customers", {"alice", "chloe", "dan", "wendy"}),
        ("org:acme", {"alice", "dan", "wendy"}),
        ("product:icownect", {"alice", "dan", "wendy"}),
        ("agents", {"dan", "wendy"}),
    ],
)
def test_an_article_is_read_by_its_audience_and_the_staff(audience: str, readers: set[str]):
    people = {
        "nobody": ANONYMOUS.principals,
        "alice": access.principals("customer", "a", ["acme"], ["icownect"]),
        "chloe": access.principals("customer", "c", ["globex"], ["cervo"]),
        "dan": access.principals("agent", "d"),
        "wendy": access.principals("writer", "w"),
    }
    may_read = set(access.article_readers(audience))
    assert {name for name, principals in people.items() if may_read & set(principals)} == readers


@pytest.mark.parametrize(
    ("requester", "copies", "organisation", "shared", "readers"),
    [
        (None, [], None, False, set()),
        (None, [], "acme", False, set()),
        (None, [], "acme", True, {"org:acme"}),
        (None, [], None, True, set()),
        ("a", [], "acme", False, {"user:a"}),
        ("a", ["b", "c"], "acme", True, {"org:acme", "user:a", "user:b", "user:c"}),
    ],
)
def test_a_ticket_is_read_by_those_in_it_and_by_colleagues_when_shared(
    requester: str | None,
    copies: list[str],
    organisation: str | None,
    shared: bool,
    readers: set[str],
):
    words = access.ticket_readers(requester, copies, organisation, shared=shared)
    assert set(words) == readers


@pytest.mark.parametrize("word", ["everyone' OR '1'='1", "%", "org:a", "", "user:u"])
def test_a_row_is_visible_when_a_word_is_shared_and_only_then(db: SqliteDatabase, word: str):
    db.execute("CREATE TEMPORARY TABLE things (id TEXT)")  # gone with the connection
    db.execute("CREATE TEMPORARY TABLE thing_readers (thing_id TEXT, word TEXT)")
    db.insert_many("things", [{"id": "mine"}, {"id": "theirs"}, {"id": "nobodys"}])
    db.insert("thing_readers", {"thing_id": "mine", "word": word})
    db.insert("thing_readers", {"thing_id": "theirs", "word": "org:acme"})

    def seen(viewer: Viewer) -> list[str]:
        condition, values = access.visible(viewer, "thing_readers", "thing_id", "t.id")
        rows = db.query(f"SELECT t.id FROM things t WHERE {condition}", values)  # noqa: S608
        return [row["id"] for row in rows]

    assert seen(Viewer(principals=(word, "other"))) == ["mine"]
    assert seen(Viewer(principals=("other",))) == []
    assert seen(Viewer(principals=())) == []
