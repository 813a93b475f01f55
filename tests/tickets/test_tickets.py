from typing import Any

import pytest

from kbsearch import people, tickets
from kbsearch.access import ANONYMOUS, OPERATOR, Viewer
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.people import PersonFields, organisations
from kbsearch.people.organisations import OrganisationFields
from kbsearch.tickets import changes as ticket_changes
from tests.conftest import Cast, take_over
from tests.kit.engines import count_statements, stop_counting

CONVERSATION: list[dict[str, Any]] = [
    {"author": "dan@support.example", "at": "2026-01-31T10:00:00Z", "body": "Which lot is it in?"},
    {"author": "alice@acme.example", "at": "2026-01-31T11:00:00Z", "body": "The dry cows."},
    {
        "author": "dan@support.example",
        "at": "2026-01-31T11:30:00Z",
        "body": "Canary: filter bug, DEV-12.",
        "internal": True,
    },
    {"author": "dan@support.example", "at": "2026-01-31T12:00:00Z", "body": "Tick all lots."},
    {"author": "alice@acme.example", "at": "2026-01-31T13:00:00Z", "body": "Thanks!"},
]


def who_reads(db: SqliteDatabase, cast: Cast, ticket_id: str) -> set[str]:
    """The names of those who find a ticket, by its id, its number and among others alike."""
    readers = set()
    for name, viewer in vars(cast).items():
        number = db.query("SELECT number FROM tickets WHERE id = :id", {"id": ticket_id})[0]
        seen = tickets.visible_numbers(db, viewer, [number["number"], 999_999])
        try:
            assert tickets.find(db, viewer, ticket_id).number in seen
            assert tickets.find_number(db, viewer, number["number"]).id == ticket_id
            assert [t.id for t in tickets.search_database(db, viewer, "collar", 10)] == [ticket_id]
            readers.add(name)
        except NotFound:
            assert seen == set()
            assert tickets.search_database(db, viewer, "collar", 10) == []
            with pytest.raises(NotFound):
                tickets.find_number(db, viewer, number["number"])
    return readers


def test_colleagues_read_what_their_organisation_shares(db: SqliteDatabase, cast: Cast):
    assert who_reads(db, cast, take_over(db)) == {"alice", "bob", "dan", "root"}


def test_colleagues_do_not_read_what_their_organisation_keeps_apart(db: SqliteDatabase, cast: Cast):
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(sharing="nobody")
    )
    assert who_reads(db, cast, take_over(db)) == {"alice", "dan", "root"}


def test_a_confidential_ticket_is_not_for_colleagues(db: SqliteDatabase, cast: Cast):
    assert who_reads(db, cast, take_over(db, confidential=True)) == {"alice", "dan", "root"}


def test_somebody_in_copy_reads_a_confidential_ticket_of_another_organisation(
    db: SqliteDatabase, cast: Cast
):
    ticket = take_over(db, confidential=True, cc=["Chloe@GLOBEX.example", "x@nowhere.example"])
    assert who_reads(db, cast, ticket) == {"alice", "chloe", "dan", "root"}


@pytest.mark.parametrize("requester", [None, "gone@acme.example"])
def test_a_ticket_without_an_account_behind_it_is_for_agents(
    db: SqliteDatabase, cast: Cast, requester: str | None
):
    ticket = take_over(db, requester=requester, organisation=None)
    assert who_reads(db, cast, ticket) == {"dan", "root"}


def test_missing_and_foreign_are_the_same_answer(db: SqliteDatabase, cast: Cast):
    ticket = take_over(db)
    answers = set()
    for wanted in (ticket, "missing", "", "\x00", "\ud7ff"):
        with pytest.raises(NotFound) as problem:
            tickets.find(db, cast.chloe, wanted)
        answers.add((problem.value.key, str(problem.value.values)))
    assert len(answers) == 1


def test_an_internal_note_is_for_agents(db: SqliteDatabase, cast: Cast):
    ticket = take_over(db, messages=CONVERSATION)
    for viewer in (cast.alice, cast.bob):
        assert "Canary" not in repr(tickets.find(db, viewer, ticket))
    assert "Canary" in repr(tickets.find(db, cast.dan, ticket))


def test_a_ticket_says_who_wrote_what_oldest_first(db: SqliteDatabase, cast: Cast):
    ticket = tickets.find(db, cast.bob, take_over(db, messages=CONVERSATION, cc=[cast.bob.email]))
    said = [(m.author, m.is_staff, m.body) for m in ticket.messages]
    assert said == [
        ("Dan Leroy", True, "Which lot is it in?"),
        ("Alice Martin", False, "The dry cows."),
        ("Dan Leroy", True, "Tick all lots."),
        ("Alice Martin", False, "Thanks!"),
    ]
    assert ticket.requester == "Alice Martin"
    assert [copy.name for copy in ticket.copies] == ["Bob Durand"]
    assert ticket.organisation == "Acme"


def solution_of(db: SqliteDatabase, cast: Cast, messages: list[dict[str, Any]]) -> list[str]:
    ticket = tickets.find(db, cast.dan, take_over(db, messages=messages))
    return [message.body for message in ticket.messages if message.solution]


def test_the_solution_is_the_last_public_answer_of_the_staff(db: SqliteDatabase, cast: Cast):
    assert solution_of(db, cast, CONVERSATION) == ["Tick all lots."]


def test_the_marked_solution_comes_before_a_later_answer(db: SqliteDatabase, cast: Cast):
    marked = [{**CONVERSATION[0], "solution": True}, *CONVERSATION[1:]]
    assert solution_of(db, cast, marked) == ["Which lot is it in?"]


@pytest.mark.parametrize("other", ["alice@acme.example", "copied@acme.example", None])
def test_an_answer_of_somebody_who_left_is_a_solution_but_never_one_of_the_customers_side(
    db: SqliteDatabase, cast: Cast, other: str | None
):
    left = {"author": "left@support.example", "at": "2026-02-01T09:00:00Z", "body": "Reset it."}
    then = {"author": other, "at": "2026-02-01T10:00:00Z", "body": "Not mine."}
    take_over(db, cc=["copied@acme.example"], messages=[left, then])
    ticket = tickets.find_number(db, cast.dan, 1042)
    assert [(m.is_staff, m.solution) for m in ticket.messages] == [(True, True), (False, False)]


def test_the_index_hears_of_changes_in_order_and_only_once(db: SqliteDatabase, cast: Cast):
    for number in (7, 5, 6):
        take_over(db, number=number)
    first = ticket_changes.list_changed(db, 0, 2)
    rest = ticket_changes.list_changed(db, first[-1].revision, 2)
    assert [case.number for case in first + rest] == [7, 5, 6]
    assert rest[-1].revision == ticket_changes.last_revision(db)
    assert ticket_changes.list_changed(db, rest[-1].revision, 2) == []

    take_over(db, number=5, subject="Another subject")
    (changed,) = ticket_changes.list_changed(db, rest[-1].revision, 2)
    assert (changed.number, changed.subject) == (5, "Another subject")


def test_a_case_carries_solution_first_notes_apart_and_its_readers(db: SqliteDatabase, cast: Cast):
    ticket_id = take_over(db, messages=CONVERSATION, product="iCownect", version="4.2.1")
    (case,) = ticket_changes.list_changed(db, 0, 10)
    assert case.answers == "Tick all lots.\n\nWhich lot is it in?\n\nThe dry cows.\n\nThanks!"
    assert case.notes == "Canary: filter bug, DEV-12."
    product = db.query("SELECT product_id AS id FROM tickets")[0]["id"]
    its = (f"desk-product:{product}", "org:acme", f"user:{cast.alice.person_id}")
    assert case.readers == its
    assert (case.ticket_id, case.product, case.version) == (ticket_id, "icownect", "4.2.1")


def test_following_changes_costs_four_queries_for_any_number(db: SqliteDatabase, cast: Cast):
    def count_queries(expected: int) -> int:
        statements = count_statements(db)
        assert len(ticket_changes.list_changed(db, 0, 1000)) == expected
        stop_counting(db)
        return len(statements)

    take_over(db, number=1, messages=CONVERSATION)
    once = count_queries(1)
    for number in range(2, 12):
        take_over(db, number=number, messages=CONVERSATION)
    assert count_queries(11) == once == 4


def test_opening_an_account_hands_over_the_past_that_carries_its_address(
    db: SqliteDatabase, cast: Cast
):
    said = [{"author": "eve@acme.example", "at": "2026-02-01T09:00:00Z", "body": "Any news?"}]
    mine = take_over(db, number=1, requester="Eve@acme.example", confidential=True, messages=said)
    copied = take_over(db, number=2, cc=["eve@acme.example"], confidential=True)
    other = take_over(db, number=3, confidential=True)
    revision = ticket_changes.last_revision(db)

    people.add(
        db,
        OPERATOR,
        PersonFields(email="eve@acme.example", name="Eve Roux", organisations=["acme"]),
    )
    eve = Viewer(role="customer", principals=(f"user:{people.find(db, 'eve@acme.example').id}",))
    assert tickets.find(db, eve, mine).requester == "Eve Roux"
    assert tickets.find(db, eve, mine).messages[0].author == "Eve Roux"
    assert [copy.name for copy in tickets.find(db, eve, copied).copies] == ["Eve Roux"]
    with pytest.raises(NotFound):
        tickets.find(db, eve, other)
    assert [case.number for case in ticket_changes.list_changed(db, revision, 10)] == [1, 2]


@pytest.mark.parametrize("text", ["100%", "50_000", "it's", "a!b", "C:\\temp"])
def test_the_database_finds_signs_literally(db: SqliteDatabase, cast: Cast, text: str):
    take_over(db, number=1, subject=f"Disk is {text} full")
    take_over(db, number=2, subject="Disk is 1000 50x000 its ab C:temp full")
    found = tickets.search_database(db, cast.dan, f"disk {text}", 10)
    assert [ticket.number for ticket in found] == [1]


@pytest.mark.parametrize(
    "text", ["", " ", "\x00", "%", "(" * 10_000, "x" * 100_000, "\ud800", "' OR 1=1 --"]
)
def test_any_text_can_be_asked_of_the_database(db: SqliteDatabase, cast: Cast, text: str):
    take_over(db)
    assert tickets.search_database(db, cast.dan, text, 10) == []
    assert tickets.search_database(db, ANONYMOUS, "collar", 10) == []
