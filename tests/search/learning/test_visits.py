from datetime import datetime

import pytest

from kbsearch import people
from kbsearch.access import ANONYMOUS, Viewer
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import NotFound
from kbsearch.insights import deflection
from kbsearch.insights.deflection import Ledger
from kbsearch.search.learning import visits as analytics
from tests.conftest import Cast, take_over
from tests.kit.requests import file, later

SINCE, UNTIL = "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"


def searching(
    db: SqliteDatabase,
    viewer: Viewer,
    text: str = "collar lost",
    *,
    at: datetime,
    results: int = 3,
    product: str = "",
) -> str:
    """A new visit that searches; its id."""
    visit = analytics.visit(db, viewer, at=at)
    assert visit is not None
    analytics.searched(db, visit, text, results=results, product=product, at=at)
    return visit


def texts(db: SqliteDatabase) -> list[str]:
    """The words of searches that are still known."""
    return [row["text"] for row in db.query("SELECT text FROM visit_events WHERE text <> ''")]


def outcome(db: SqliteDatabase) -> str:
    """What became of the only visit."""
    ledger = deflection.ledger(deflection.visits(db, SINCE, UNTIL))
    names = ("confirmed", "assumed", "failed", "abandoned")
    (found,) = [name for name in names if getattr(ledger, name)]
    assert ledger.visits == getattr(ledger, found) == 1
    return found


def test_a_fixed_log_gives_exact_numbers(db: SqliteDatabase, cast: Cast):
    one = searching(db, cast.alice, at=later(hours=0))
    analytics.shown(db, one, ["fr/a", "fr/b"], at=later(hours=0))
    analytics.opened(db, one, "fr/a", at=later(minutes=1))
    analytics.confirmed(db, one, "fr/a", at=later(minutes=2))
    two = searching(db, ANONYMOUS, at=later(hours=1))
    analytics.opened(db, two, "fr/a", at=later(hours=1))
    three = searching(db, cast.chloe, "zz", results=0, at=later(hours=2))
    analytics.searched(db, three, "feeder", results=0, at=later(hours=2, minutes=1))
    file(db, cast.chloe, at=later(hours=3))
    searching(db, ANONYMOUS, "ZZ", results=0, at=later(hours=4))
    assert deflection.ledger(deflection.visits(db, SINCE, UNTIL)) == Ledger(
        searches=5, without_results=3, visits=4, confirmed=1, assumed=1, failed=1, abandoned=1
    )
    assert deflection.ledger(deflection.visits(db, UNTIL, "2027-01-01T00:00:00Z")) == Ledger(
        0, 0, 0, 0, 0, 0, 0
    )


def test_taking_a_confirmation_back_makes_it_an_assumption(db: SqliteDatabase, cast: Cast):
    visit = searching(db, cast.alice, at=later(hours=0))
    analytics.opened(db, visit, "fr/a", at=later(hours=0))
    event = analytics.confirmed(db, visit, "fr/a", at=later(hours=0))
    assert outcome(db) == "confirmed" and event is not None
    other = analytics.visit(db, cast.chloe)
    with pytest.raises(NotFound):
        analytics.undo_confirmed(db, other, event)
    assert outcome(db) == "confirmed"
    for _ in range(2):
        analytics.undo_confirmed(db, visit, event)
    assert outcome(db) == "assumed"


@pytest.mark.parametrize(
    ("searched", "filed", "who", "after", "expected"),
    [
        ("", "", "alice", {"hours": 72}, "failed"),
        ("", "", "alice", {"hours": 72, "seconds": 1}, "abandoned"),
        ("", "", "alice", {"seconds": -1}, "abandoned"),
        ("icownect", "icownect", "alice", {"hours": 1}, "failed"),
        ("icownect", "", "alice", {"hours": 1}, "failed"),
        ("", "icownect", "alice", {"hours": 1}, "failed"),
        ("cervo-atelier", "icownect", "alice", {"hours": 1}, "abandoned"),
        ("icownect", "icownect", "bob", {"hours": 1}, "failed"),
        ("icownect", "", "bob", {"hours": 1}, "abandoned"),
        ("", "icownect", "bob", {"hours": 1}, "abandoned"),
        ("", "", "chloe", {"hours": 1}, "abandoned"),
        ("cervo-atelier", "cervo-atelier", "chloe", {"hours": 1}, "abandoned"),
    ],
)
def test_filing_soon_after_about_the_same_is_a_failure(
    db: SqliteDatabase,
    cast: Cast,
    searched: str,
    filed: str,
    who: str,
    after: dict[str, float],
    expected: str,
):
    searching(db, cast.alice, product=searched, at=later(hours=0))
    file(db, getattr(cast, who), software=filed, at=later(**after))
    assert outcome(db) == expected


def test_filing_after_a_confirmation_is_a_failure_all_the_same(db: SqliteDatabase, cast: Cast):
    visit = searching(db, cast.alice, at=later(hours=0))
    analytics.confirmed(db, visit, "fr/a", at=later(hours=0))
    file(db, cast.alice, at=later(hours=1))
    assert outcome(db) == "failed"


def test_an_agent_who_files_for_the_customer_counts_as_the_customer(db: SqliteDatabase, cast: Cast):
    searching(db, cast.alice, at=later(hours=0))
    file(db, cast.dan, requester="alice@acme.example", at=later(hours=1))
    assert outcome(db) == "failed"


def test_a_past_case_taken_over_fails_nothing(db: SqliteDatabase, cast: Cast):
    searching(db, cast.alice, at=later(hours=0))
    take_over(db, created_at="2026-03-02T10:00:00Z")
    assert outcome(db) == "abandoned"


def test_somebody_who_signs_in_later_is_tied_to_the_visit(db: SqliteDatabase, cast: Cast):
    visit = searching(db, ANONYMOUS, at=later(hours=0))
    assert analytics.visit(db, cast.alice, visit, at=later(minutes=5)) == visit
    file(db, cast.alice, at=later(hours=1))
    assert outcome(db) == "failed"


def test_a_visit_ends_with_a_pause_or_with_another_person(db: SqliteDatabase, cast: Cast):
    first = analytics.visit(db, cast.alice, at=later(hours=0))
    assert first is not None
    assert analytics.visit(db, cast.alice, first, at=later(minutes=29)) == first
    assert analytics.visit(db, ANONYMOUS, first, at=later(minutes=30)) != first, "signed out"
    assert analytics.visit(db, cast.bob, first, at=later(minutes=30)) != first
    assert analytics.visit(db, cast.alice, first, at=later(hours=2)) != first
    assert analytics.visit(db, cast.alice, "made-up", at=later(hours=2)) != "made-up"


@pytest.mark.parametrize("who", ["dan", "wendy", "root"])
def test_the_staff_is_not_counted(db: SqliteDatabase, cast: Cast, who: str):
    visit = analytics.visit(db, getattr(cast, who))
    assert visit is None
    ticket = file(db, cast.alice)
    analytics.searched(db, visit, "collar", results=0)
    analytics.shown(db, visit, ["fr/a"])
    analytics.opened(db, visit, "fr/a")
    assert analytics.confirmed(db, visit, "fr/a") is None
    analytics.filed(db, visit, ticket)
    assert db.query("SELECT * FROM visit_events") == []


def test_a_page_fetched_ahead_is_not_a_visit(db: SqliteDatabase, cast: Cast):
    assert analytics.visit(db, cast.alice, is_prefetch=True) is None
    assert db.query("SELECT * FROM visits") == []


def test_a_text_being_typed_is_one_search(db: SqliteDatabase, cast: Cast):
    visit = searching(db, cast.alice, "col", at=later(seconds=0), results=9)
    for second, text in enumerate(("colla", "collar", "collar los", "collar lost"), 1):
        analytics.searched(db, visit, text, results=0, at=later(seconds=second))
    assert deflection.ledger(deflection.visits(db, SINCE, UNTIL)).searches == 1
    assert texts(db) == ["collar lost"]
    analytics.searched(db, visit, "feeder", results=1, at=later(seconds=6))
    analytics.searched(db, visit, "feeder stuck", results=1, at=later(minutes=6))
    assert deflection.ledger(deflection.visits(db, SINCE, UNTIL)).searches == 3


def test_a_request_is_linked_to_its_visit_once(db: SqliteDatabase, cast: Cast):
    visit = searching(db, cast.alice, at=later(hours=0))
    ticket = file(db, cast.alice, at=later(hours=1))
    for _ in range(3):
        analytics.filed(db, visit, ticket)
    rows = db.query("SELECT ticket_id FROM visit_events WHERE kind = 'filed'")
    assert rows == [{"ticket_id": ticket.id}]


def test_words_are_cut_and_forgotten_but_stay_counted(db: SqliteDatabase, cast: Cast):
    searching(db, cast.alice, "x" * 5_000, results=0, at=later(days=0))
    searching(db, cast.alice, "young", results=0, at=later(days=20))
    (text,) = [text for text in texts(db) if text != "young"]
    assert len(text) == analytics.MAX_TEXT
    before = deflection.ledger(deflection.visits(db, SINCE, UNTIL))
    assert analytics.forget_texts(db, 90, at=later(days=91)) == 1
    assert texts(db) == ["young"]
    assert deflection.ledger(deflection.visits(db, SINCE, UNTIL)) == before


def test_nothing_is_left_of_somebody_who_is_erased(db: SqliteDatabase, cast: Cast):
    searching(db, cast.alice, "hers", results=0, at=later(hours=0))
    searching(db, cast.chloe, "theirs", results=0, at=later(hours=0))
    person = people.find(db, "alice@acme.example")
    assert analytics.erase_person(db, person.id) == 1
    assert texts(db) == ["theirs"]
    assert len(db.query("SELECT * FROM visit_events")) == 1


@pytest.mark.parametrize("text", ["", "  ", "\x00", "\ud800"])
def test_nothing_typed_is_no_search(db: SqliteDatabase, cast: Cast, text: str):
    visit = analytics.visit(db, cast.alice)
    analytics.searched(db, visit, text, results=0)
    assert db.query("SELECT * FROM visit_events") == []
