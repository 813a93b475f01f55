import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kbsearch import tickets
from kbsearch.access import ANONYMOUS, Viewer
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.tickets import events as ticket_events
from kbsearch.tickets import lists as ticket_lists
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.listing import FORMULA, safe_cell
from kbsearch.tickets.lists import ListFilter, Listing, ListSort, Scope, list_tickets
from tests.conftest import Cast, take_over
from tests.kit.engines import count_statements, stop_counting
from tests.kit.requests import file, later


def subjects(listing: Listing) -> list[str]:
    return [line.subject for line in listing.lines]


@pytest.fixture
def some(db: SqliteDatabase, cast: Cast) -> None:
    """Requests of everybody, named after who filed them and how."""
    file(db, cast.alice, subject="alice open", at=later(hours=1))
    file(db, cast.alice, subject="alice secret", confidential=True, at=later(hours=2))
    file(db, cast.bob, subject="bob secret", confidential=True, at=later(hours=3))
    cc = ["alice@acme.example"]
    file(db, cast.bob, subject="bob copies alice", cc=cc, confidential=True, at=later(hours=4))
    file(db, cast.chloe, subject="chloe", at=later(hours=5))


@pytest.mark.parametrize(
    ("who", "scope", "found"),
    [
        ("alice", "mine", ["alice secret", "alice open"]),
        ("alice", "copied", ["bob copies alice"]),
        ("alice", "organisation", ["bob copies alice", "alice secret", "alice open"]),
        ("alice", "all", []),
        ("bob", "mine", ["bob copies alice", "bob secret"]),
        ("bob", "copied", []),
        ("bob", "organisation", ["bob copies alice", "bob secret", "alice open"]),
        ("chloe", "mine", ["chloe"]),
        ("chloe", "organisation", ["chloe"]),
        ("dan", "mine", []),
        ("dan", "organisation", []),
        (
            "dan",
            "all",
            ["chloe", "bob copies alice", "bob secret", "alice secret", "alice open"],
        ),
        ("wendy", "all", []),
        ("nobody", "mine", []),
        ("nobody", "all", []),
    ],
)
def test_each_list_has_what_belongs_in_it(
    db: SqliteDatabase, cast: Cast, some: None, who: str, scope: Scope, found: list[str]
):
    viewer: Viewer = getattr(cast, who)
    listing = list_tickets(db, viewer, ListFilter(scope=scope))
    assert subjects(listing) == found
    assert listing.total == sum(listing.counts.values()) == len(found)
    assert ticket_lists.scope_counts(db, viewer, [scope]) == {scope: len(found)}
    rows = list(ticket_lists.csv_rows(db, viewer, ListFilter(scope=scope)))
    assert [row[1] for row in rows] == found


def test_filters_narrow_what_is_listed_and_counts_tell_the_rest(db: SqliteDatabase, cast: Cast):
    first = file(db, cast.alice, subject="one", software="icownect", severity="blocking")
    file(db, cast.alice, subject="two", software="icownect")
    file(db, cast.alice, subject="three")
    lifecycle.solve(db, cast.alice, first)
    wanted = ListFilter(statuses=("new", "open"), product="icownect")
    listing = list_tickets(db, cast.alice, wanted)
    assert subjects(listing) == ["two"]
    assert (listing.counts["new"], listing.counts["solved"]) == (1, 1)
    assert (listing.total, listing.pages) == (1, 1)
    assert listing.products == (("icownect", "iCownect"),)
    both = list_tickets(db, cast.alice, ListFilter(statuses=("new", "solved")))
    assert both.total == 3


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("colla", ["Collar 100% lost"]),
        ("LOST collar", ["Collar 100% lost"]),
        ("100%", ["Collar 100% lost"]),
        ("#1002", ["Feeder stuck"]),
        ("1002", ["Feeder stuck"]),
        ("100", ["Feeder stuck", "Collar 100% lost"]),
        ("", ["Feeder stuck", "Collar 100% lost"]),
        ("secret", []),
        ("%", ["Collar 100% lost"]),
        ("_", []),
        ("' OR 1=1 --", []),
        ("x" * 100_000, []),
        ("\x00 \ud800", []),
    ],
)
def test_what_is_typed_is_found_in_subject_and_number(
    db: SqliteDatabase, cast: Cast, text: str, found: list[str]
):
    file(db, cast.alice, subject="Collar 100% lost", at=later(hours=1))
    file(db, cast.alice, subject="Feeder stuck", at=later(hours=2))
    file(db, cast.chloe, subject="secret collar")
    assert subjects(list_tickets(db, cast.alice, ListFilter(text=text))) == found


def test_what_the_index_found_is_added_if_it_may_be_seen(db: SqliteDatabase, cast: Cast):
    mine = file(db, cast.alice, subject="Feeder stuck")
    other = file(db, cast.chloe, subject="Theirs")
    also = (mine.number, other.number, 999)
    listing = list_tickets(db, cast.alice, ListFilter(text="vis sans fin", also=also))
    assert subjects(listing) == ["Feeder stuck"]


@pytest.mark.parametrize(
    ("sort", "ascending", "found"),
    [
        ("updated", False, ["b", "c", "a"]),
        ("created", False, ["c", "b", "a"]),
        ("created", True, ["a", "b", "c"]),
        ("number", False, ["c", "b", "a"]),
        ("status", False, ["b", "c", "a"]),
        ("severity", False, ["a", "c", "b"]),
        ("severity", True, ["b", "c", "a"]),
    ],
)
def test_every_column_sorts(
    db: SqliteDatabase, cast: Cast, sort: ListSort, ascending: bool, found: list[str]
):
    first = file(db, cast.alice, subject="a", severity="blocking", at=later(hours=1))
    second = file(db, cast.alice, subject="b", at=later(hours=2))
    file(db, cast.alice, subject="c", severity="major", at=later(hours=3))
    lifecycle.solve(db, cast.alice, first, at=later(hours=2))
    lifecycle.set_status(db, cast.dan, second, "pending", at=later(hours=4))
    listing = list_tickets(db, cast.alice, ListFilter(sort=sort, ascending=ascending))
    assert subjects(listing) == found


def test_pages_have_25_and_none_is_beyond_the_last(db: SqliteDatabase, cast: Cast):
    for number in range(1, 53):
        take_over(db, number=number)
    first = list_tickets(db, cast.alice, ListFilter(sort="number", ascending=True))
    assert (len(first.lines), first.pages, first.total) == (25, 3, 52)
    for asked in (3, 4, 10**18):
        last = list_tickets(db, cast.alice, ListFilter(sort="number", ascending=True, page=asked))
        assert (last.page, [line.number for line in last.lines]) == (3, [51, 52])
    assert list_tickets(db, cast.alice, ListFilter(page=-5)).page == 1


def test_a_list_costs_three_queries_for_any_number(db: SqliteDatabase, cast: Cast):
    def cost() -> int:
        statements = count_statements(db)
        list_tickets(db, cast.alice, ListFilter(scope="organisation", text="collar"))
        stop_counting(db)
        return len(statements)

    take_over(db, number=1)
    once = cost()
    for number in range(2, 22):
        take_over(db, number=number)
    assert cost() == once == 3


def test_news_is_unread_until_it_is_seen_and_ones_own_never_is(db: SqliteDatabase, cast: Cast):
    def unread(viewer: Viewer) -> list[bool]:
        listing = list_tickets(db, viewer, ListFilter(scope="organisation"))
        return [line.is_unread for line in listing.lines]

    ticket = file(db, cast.alice, cc=["bob@acme.example"])
    assert (unread(cast.alice), unread(cast.bob)) == ([False], [True])
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Which lot?"))
    assert (unread(cast.alice), ticket_lists.count_unread(db, cast.alice)) == ([True], 1)
    there = tickets.find(db, cast.alice, ticket.id)
    ticket_events.mark_seen(db, cast.alice, ticket.id, there.activity)
    assert (unread(cast.alice), ticket_lists.count_unread(db, cast.alice)) == ([False], 0)
    replies.note(db, cast.dan, ticket, ReplyForm(new_id(), "Canary"))
    assert unread(cast.alice) == [False], "a note is no news"
    replies.reply(db, cast.alice, ticket, ReplyForm(new_id(), "The dry cows."))
    assert unread(cast.alice) == [False]
    ticket_events.mark_seen(db, cast.alice, ticket.id, 0)
    assert unread(cast.alice) == [False], "an old page does not bring news back"


def test_what_one_answers_without_having_seen_the_news_stays_unread(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    replies.reply(db, cast.dan, ticket, ReplyForm(new_id(), "Which lot?"))
    replies.reply(db, cast.alice, ticket, ReplyForm(new_id(), "Hello?"))
    assert ticket_lists.count_unread(db, cast.alice) == 1


def test_nobody_marks_what_they_may_not_read(db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    with pytest.raises(NotFound):
        ticket_events.mark_seen(db, cast.chloe, ticket.id, 10**9)
    ticket_events.mark_seen(db, ANONYMOUS, ticket.id, 10**9)
    assert ticket_lists.count_unread(db, ANONYMOUS) == 0


def test_what_was_taken_over_is_not_news(db: SqliteDatabase, cast: Cast):
    take_over(db, messages=[{"author": "dan@support.example", "body": "Done."}])
    assert not list_tickets(db, cast.alice, ListFilter()).lines[0].is_unread


def test_a_spreadsheet_runs_nothing_that_people_typed(db: SqliteDatabase, cast: Cast):
    formula = '=HYPERLINK("http://evil.example";"1,2")'
    file(db, cast.alice, subject=formula, version="@SUM(A1)", software="icownect")
    rows = list(ticket_lists.csv_rows(db, cast.alice, ListFilter()))
    assert rows[0][1] == f"'{formula}"
    assert rows[0][5] == "'@SUM(A1)"


@given(st.text(max_size=20))
def test_no_cell_begins_as_a_formula_and_its_text_is_kept(text: str):
    cell = safe_cell(text)
    assert not cell.lstrip(" ").startswith(FORMULA)
    assert cell.removeprefix("'") == text.removeprefix("'")
    out = io.StringIO()
    csv.writer(out).writerow([cell])
    assert next(csv.reader(io.StringIO(out.getvalue(), newline=""))) == [cell] or "\x00" in text
