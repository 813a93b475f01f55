import pytest

from kbsearch import people, tickets
from kbsearch.access import OPERATOR
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Forbidden, Invalid, NotFound
from kbsearch.tickets import Ticket
from kbsearch.tickets.conversation import lifecycle, satisfaction
from kbsearch.tickets.conversation.satisfaction import Rating
from tests.conftest import Cast
from tests.kit.requests import file, later


@pytest.fixture
def closed(db: SqliteDatabase, cast: Cast) -> Ticket:
    """A closed request of Alice's."""
    ticket = file(db, cast.alice)
    lifecycle.solve(db, cast.alice, ticket)
    lifecycle.set_status(db, cast.dan, ticket, "closed")
    return tickets.find(db, cast.alice, ticket.id)


def ask(db: SqliteDatabase, cast: Cast, ticket: Ticket) -> str:
    assert cast.alice.person_id is not None
    return satisfaction.ask(db, ticket.id, cast.alice.person_id, at=later(days=0))


def test_looking_records_nothing_and_answering_does(db: SqliteDatabase, cast: Cast, closed: Ticket):
    token = ask(db, cast, closed)
    for _ in range(3):
        question = satisfaction.peek(db, token, at=later(days=1))
        assert (question.number, question.is_good, question.why) == (closed.number, None, "")
    told = satisfaction.answer(
        db, token, Rating(is_good=False, why=" Too slow \r\n"), at=later(days=1)
    )
    assert (told.is_good, told.why) == (False, " Too slow")
    again = satisfaction.answer(db, token, Rating(is_good=True), at=later(days=2))
    assert (again.is_good, again.why) == (True, "")
    assert len(db.query("SELECT * FROM satisfaction")) == 1


def test_the_database_knows_no_token(db: SqliteDatabase, cast: Cast, closed: Ticket):
    token = ask(db, cast, closed)
    assert token not in repr(db.query("SELECT * FROM satisfaction"))


@pytest.mark.parametrize("token", ["", " ", "\x00", "\ud800", "made-up"])
def test_a_made_up_token_asks_nothing(db: SqliteDatabase, cast: Cast, closed: Ticket, token: str):
    ask(db, cast, closed)
    with pytest.raises(NotFound):
        satisfaction.peek(db, token, at=later(days=1))
    with pytest.raises(NotFound):
        satisfaction.answer(db, token, Rating(is_good=True), at=later(days=1))


def test_a_link_ends_with_time_with_a_newer_one_and_with_the_account(
    db: SqliteDatabase, cast: Cast, closed: Ticket
):
    old = ask(db, cast, closed)
    token = ask(db, cast, closed)
    with pytest.raises(NotFound):
        satisfaction.peek(db, old, at=later(days=1))
    with pytest.raises(NotFound):
        satisfaction.peek(db, token, at=later(days=31))
    people.disable(db, OPERATOR, people.find(db, "alice@acme.example"))
    with pytest.raises(NotFound):
        satisfaction.peek(db, token, at=later(days=1))


def test_a_link_is_about_one_request_and_one_person(db: SqliteDatabase, cast: Cast, closed: Ticket):
    token = ask(db, cast, closed)
    satisfaction.answer(db, token, Rating(is_good=True), at=later(days=1))
    other = file(db, cast.alice)
    assert satisfaction.find(db, cast.alice, other) is None
    assert satisfaction.find(db, cast.bob, closed) is None
    found = satisfaction.find(db, cast.alice, closed)
    assert found is not None and found.is_good


def test_the_requester_answers_on_the_page_and_the_mailed_link_still_works(
    db: SqliteDatabase, cast: Cast, closed: Ticket
):
    token = ask(db, cast, closed)
    satisfaction.rate(db, cast.alice, closed, Rating(is_good=False, why="Slow"))
    question = satisfaction.peek(db, token, at=later(days=1))
    assert (question.is_good, question.why) == (False, "Slow")


def test_only_the_requester_is_asked_and_only_once_it_is_closed(
    db: SqliteDatabase, cast: Cast, closed: Ticket
):
    for viewer, problem in ((cast.bob, Forbidden), (cast.dan, Forbidden), (cast.chloe, NotFound)):
        with pytest.raises(problem):
            satisfaction.rate(db, viewer, closed, Rating(is_good=True))
    with pytest.raises(Invalid):
        satisfaction.rate(db, cast.alice, file(db, cast.alice), Rating(is_good=True))
    with pytest.raises(Invalid):
        satisfaction.rate(db, cast.alice, closed, Rating(is_good=True, why="x" * 2001))
    assert satisfaction.find(db, cast.alice, closed) is None
