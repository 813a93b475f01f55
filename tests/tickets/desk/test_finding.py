"""What agents find by a name or a number."""

import pytest

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.people import PersonFields
from kbsearch.tickets.desk import finding, queue
from kbsearch.tickets.desk.queue import QueueFilter
from tests.conftest import Cast
from tests.kit.requests import file


@pytest.fixture
def helene(db: SqliteDatabase, cast: Cast) -> str:
    fields = PersonFields(
        email="h.e@globex.example", name="Hélène Évrard-Çelik", organisations=["globex"]
    )
    person = people.add(db, OPERATOR, fields)
    db.execute("UPDATE people SET mobile = '+33612345678' WHERE id = :id", {"id": person.id})
    return person.name


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "text",
    [
        "helene",
        "ÉVRARD hel",
        "evr",
        "évrard globex",
        "h.e@glob",
        "çelik",
        "CELIK",
        "06 12 34 56 78",
        "+33612345678",
    ],
)
def test_somebody_is_found_as_they_are_called(
    db: SqliteDatabase, cast: Cast, helene: str, text: str
):
    found = finding.by_name(db, cast.dan, text, 5).customers
    assert [customer.name for customer in found] == [helene]
    assert "Globex" in found[0].organisations


@pytest.mark.parametrize("text", ["", " ", "helene acme", "%", "_", "\x00", "123456789", "x" * 300])
def test_what_has_no_such_name_finds_nobody(db: SqliteDatabase, cast: Cast, helene: str, text: str):
    assert finding.by_name(db, cast.dan, text, 5) == finding.Matches()


def test_a_name_finds_an_organisation_its_people_and_their_requests(
    db: SqliteDatabase, settings: Settings, cast: Cast, helene: str
):
    hers = file(db, cast.chloe, subject="a")
    other = file(db, cast.alice, subject="b", software="icownect")
    named = finding.by_name(db, cast.dan, "globex", 9)
    assert [thing.slug for thing in named.organisations] == ["globex"]
    assert {customer.name for customer in named.customers} == {helene, cast.chloe.name}

    def numbers(text: str) -> list[int]:
        matches = finding.by_name(db, cast.dan, text, 9)
        view = QueueFilter(view="all", text=text, named=matches)
        return [line.number for line in queue.look(db, cast.dan, view).lines]

    assert numbers("globex") == numbers("chloé") == [hers.number]
    assert numbers("alice@acme.example") == [other.number]
    assert numbers("icownect") == [other.number]


def test_a_number_is_a_request(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    for text in (str(ticket.number), f"#{ticket.number}", f" #{ticket.number} "):
        there = finding.by_number(db, cast.dan, text)
        assert there and there.id == ticket.id
    for text in ("", "#", "999999", "9" * 40, "12a", "\u0662", f"{ticket.number} x"):
        assert finding.by_number(db, cast.dan, text) is None
    for viewer in (cast.alice, cast.wendy):
        with pytest.raises(NotFound):
            finding.by_number(db, viewer, "1")
        with pytest.raises(NotFound):
            finding.by_name(db, viewer, "acme", 1)
