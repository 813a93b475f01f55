import unicodedata

import pytest

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.people import PersonFields
from tests.conftest import Cast


def test_somebody_is_found_however_the_address_is_typed(db: SqliteDatabase, cast: Cast):
    people.add(
        db,
        OPERATOR,
        PersonFields(email=" Zoé.Été@Globex.EXAMPLE ", name="Zoé", organisations=["globex"]),
    )
    decomposed = unicodedata.normalize("NFD", "zoé.ÉTÉ@globex.example")
    assert people.find(db, decomposed).name == "Zoé"
    assert people.find(db, decomposed).organisations == ("globex",)
    with pytest.raises(NotFound, match="person.not_found"):
        people.find(db, "zoe.ete@globex.example")


def test_an_address_belongs_to_one_person(db: SqliteDatabase, cast: Cast):
    with pytest.raises(Invalid, match="person.email_taken"):
        people.add(db, OPERATOR, PersonFields(email="ALICE@acme.example", name="Alice again"))


@pytest.mark.parametrize(
    "email",
    ["", " ", "alice", "@acme.example", "alice@", "a b@acme.example", "a@b@c", "a\x00@b", "a\n@b"]
    + ["x" * 250 + "@b.example", "a,b@c.example", "<a@b.example>"],
)
def test_what_is_no_address_is_refused(db: SqliteDatabase, email: str):
    with pytest.raises(Invalid, match="person.email_invalid"):
        people.add(db, OPERATOR, PersonFields(email=email, name="Somebody"))


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"name": "  "}, "person.name_invalid"),
        ({"name": "x" * 201}, "person.name_invalid"),
        ({"name": "bell\x07"}, "person.name_invalid"),
        ({"role": "boss"}, "person.role_unknown"),
        ({"role": "anonymous"}, "person.role_unknown"),
        ({"language": "de"}, "person.language_unknown"),
    ],
)
def test_what_is_wrong_about_a_person_is_said_and_nothing_kept(
    db: SqliteDatabase, wrong: dict[str, str], problem: str
):
    with pytest.raises(Invalid, match=problem):
        people.add(
            db, OPERATOR, PersonFields(**{"email": "new@acme.example", "name": "New", **wrong})
        )
    assert people.list_all(db) == []


def test_an_unknown_organisation_keeps_nobody(db: SqliteDatabase, cast: Cast):
    with pytest.raises(NotFound, match="organisation.not_found"):
        people.add(
            db,
            OPERATOR,
            PersonFields(email="new@acme.example", name="New", organisations=["acme", "initech"]),
        )
    with pytest.raises(NotFound):
        people.find(db, "new@acme.example")


def test_people_are_listed_by_organisation_or_role(db: SqliteDatabase, cast: Cast):
    names = [person.name for person in people.list_all(db, organisation="acme")]
    assert names == ["Alice Martin", "Bob Durand"]
    assert [person.name for person in people.list_all(db, role="agent")] == ["Dan Leroy"]
    assert len(people.list_all(db)) == 6


def test_only_what_is_given_changes(db: SqliteDatabase, cast: Cast):
    before = people.find(db, "bob@acme.example")
    after = people.edit(db, OPERATOR, before, PersonFields(language="en"))
    assert (after.name, after.role, after.organisations) == ("Bob Durand", "customer", ("acme",))
    assert after.language == "en"


def test_the_last_administrator_stays(db: SqliteDatabase, cast: Cast):
    root = people.find(db, "root@support.example")
    for change in (
        lambda: people.edit(db, OPERATOR, root, PersonFields(role="agent")),
        lambda: people.disable(db, OPERATOR, root),
    ):
        with pytest.raises(Invalid, match="person.last_administrator"):
            change()
    assert people.find(db, root.email) == root
    people.edit(db, OPERATOR, root, PersonFields(role="administrator", name="Robin"))
    second = people.add(
        db,
        OPERATOR,
        PersonFields(email="second@support.example", name="Second", role="administrator"),
    )
    people.disable(db, OPERATOR, second)
    with pytest.raises(Invalid, match="person.last_administrator"):
        people.disable(db, OPERATOR, root)
    people.enable(db, OPERATOR, second)
    assert people.disable(db, OPERATOR, root).disabled_at
    assert (
        people.edit(db, OPERATOR, people.find(db, root.email), PersonFields(role="agent")).role
        == "agent"
    )
