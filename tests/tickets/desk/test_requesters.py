"""What agents see of whoever asks."""

import pytest

from kbsearch import tickets
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.tickets.conversation import lifecycle, satisfaction
from kbsearch.tickets.conversation.satisfaction import Rating
from kbsearch.tickets.desk import requesters
from tests.conftest import Cast, take_over
from tests.kit.engines import count_statements
from tests.kit.requests import file


def test_the_other_requests_of_a_person_those_not_solved_first(db: SqliteDatabase, cast: Cast):
    first, second, third = (file(db, cast.alice, subject=subject) for subject in "abc")
    file(db, cast.bob, subject="of a colleague")
    lifecycle.solve(db, cast.alice, second)
    token = satisfaction.ask(db, second.id, cast.alice.person_id or "")
    satisfaction.answer(db, token, Rating(is_good=True))
    person = requesters.of_ticket(db, cast.dan, third)
    assert [other.number for other in person.others] == [first.number, second.number]
    assert (person.number, person.number_open) == (2, 1)
    assert (person.satisfied, person.rated) == (1, 1)
    assert person.email == "alice@acme.example"
    for number in range(requesters.MOST_SHOWN):
        file(db, cast.alice, subject=f"one more {number}")
    statements = count_statements(db)
    person = requesters.of_ticket(db, cast.dan, third)
    assert len(person.others) == requesters.MOST_SHOWN and person.number == 12
    assert len(statements) <= 3


def test_somebody_without_an_account_has_an_address_and_their_requests(
    db: SqliteDatabase, cast: Cast
):
    for number in (7, 8):
        id = take_over(db, number=number, requester="nobody@elsewhere.example")
    person = requesters.of_ticket(db, cast.dan, tickets.find(db, cast.dan, id))
    assert (person.email, [other.number for other in person.others]) == (
        "nobody@elsewhere.example",
        [7],
    )


def test_no_customer_is_told(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    for viewer in (cast.alice, cast.wendy, cast.nobody):
        with pytest.raises(NotFound):
            requesters.of_ticket(db, viewer, ticket)
