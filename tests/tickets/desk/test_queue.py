"""The queue: what each view has, what comes first, what is changed for many at once."""

from dataclasses import replace

import pytest

from kbsearch import tickets
from kbsearch.access import Viewer
from kbsearch.database import new_id
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid, NotFound
from kbsearch.tickets import Ticket, codes, dues, listing, teams, waiting
from kbsearch.tickets.conversation import lifecycle, replies
from kbsearch.tickets.conversation.replies import ReplyForm
from kbsearch.tickets.desk import bulk, queue, saved_views
from kbsearch.tickets.desk.bulk import BulkChange
from kbsearch.tickets.desk.queue import VIEWS, QueueFilter
from kbsearch.tickets.teams import TeamFields
from tests.conftest import Cast, take_over
from tests.kit.promises import promise
from tests.kit.requests import file, later


def subjects(db: SqliteDatabase, viewer: Viewer, **wanted) -> list[str]:
    at = wanted.pop("at", later(hours=2))
    return [line.subject for line in queue.look(db, viewer, QueueFilter(**wanted), at=at).lines]


@pytest.fixture
def desk(db: SqliteDatabase, cast: Cast) -> dict[str, Ticket]:
    """One of each: new, blocking and answered, waiting, mine, solved; and an old past case."""
    promise(db, first_answer="8")
    promise(db, severity="blocking", first_answer="1")
    made = {
        "new": file(db, cast.alice, subject="new"),
        "blocking": file(
            db, cast.alice, subject="blocking", severity="blocking", at=later(minutes=5)
        ),
        "waiting": file(db, cast.chloe, subject="waiting", at=later(minutes=6)),
        "mine": file(db, cast.bob, subject="mine", at=later(minutes=7)),
        "solved": file(db, cast.alice, subject="solved", at=later(minutes=8)),
    }
    replies.reply(db, cast.dan, made["waiting"], ReplyForm(new_id(), "Which?"), at=later(minutes=9))
    lifecycle.assign(db, cast.dan, made["mine"], cast.dan.person_id)
    lifecycle.solve(db, cast.dan, made["solved"], at=later(minutes=10))
    take_over(db, number=7, subject="past", solved_at="2026-01-31T10:00:00Z")
    dues.catch_up(db, at=later(minutes=10))
    return made


def test_each_view_has_what_it_says(db: SqliteDatabase, cast: Cast, desk: dict[str, Ticket]):
    expected = {
        "todo": {"new", "blocking", "mine"},
        "mine": {"mine"},
        "unanswered": {"new", "blocking", "mine"},
        "blocking": {"blocking"},
        "waiting": {"waiting"},
        "solved": {"solved"},
        "all": {"new", "blocking", "waiting", "mine", "solved", "past"},
    }
    for view in VIEWS:
        assert set(subjects(db, cast.dan, view=view)) == expected[view], view
    counts = queue.look(db, cast.dan, QueueFilter(), at=later(hours=2)).counts
    assert counts == {view: len(names) for view, names in expected.items()}


def test_what_is_overdue_comes_first(db: SqliteDatabase, cast: Cast, desk: dict[str, Ticket]):
    assert subjects(db, cast.dan) == ["blocking", "new", "mine"]
    assert subjects(db, cast.dan, sort="age")[0] == "new"
    seen = queue.look(db, cast.dan, QueueFilter(), at=later(hours=2)).lines
    assert [queue.is_overdue(line, later(hours=2)) for line in seen] == [True, False, False]
    assert [queue.is_due_soon(line, later(minutes=50)) for line in seen] == [True, False, False]
    assert subjects(db, cast.dan, sort="number")[0] == "mine"
    assert subjects(db, cast.dan, sort="severity")[0] == "blocking"


def test_a_view_is_narrowed_and_its_counts_with_it(
    db: SqliteDatabase, cast: Cast, desk: dict[str, Ticket]
):
    assert subjects(db, cast.dan, view="all", organisation="globex") == ["waiting"]
    assert subjects(db, cast.dan, assignee="nobody") == ["blocking", "new"]
    assert subjects(db, cast.dan, assignee=str(cast.dan.person_id)) == ["mine"]
    assert subjects(db, cast.dan, view="all", text="SOLV") == ["solved"]
    counts = queue.look(db, cast.dan, QueueFilter(organisation="globex"), at=later(hours=2)).counts
    assert counts["todo"] == 0 and counts["waiting"] == 1 and counts["all"] == 1


def test_whom_it_waits_for_and_since_when(db: SqliteDatabase, cast: Cast, desk: dict[str, Ticket]):
    found = waiting.of_tickets(db, [ticket.id for ticket in desk.values()])
    said = {name: found[ticket.id] for name, ticket in desk.items()}
    assert (said["new"].whom, said["new"].since) == ("us", desk["new"].created_at)
    assert (said["waiting"].whom, said["waiting"].since[11:16]) == ("customer", "09:09")
    assert said["solved"].whom == ""
    replies.reply(
        db, cast.chloe, desk["waiting"], ReplyForm(new_id(), "This"), at=later(minutes=20)
    )
    replies.reply(
        db, cast.chloe, desk["waiting"], ReplyForm(new_id(), "And that"), at=later(minutes=30)
    )
    replies.note(db, cast.dan, desk["waiting"], ReplyForm(new_id(), "Hm"), at=later(minutes=40))
    again = waiting.of_tickets(db, [desk["waiting"].id])[desk["waiting"].id]
    assert (again.whom, again.since[11:16]) == ("us", "09:20"), "since the first unanswered word"


def test_one_walks_from_request_to_request(db: SqliteDatabase, cast: Cast, desk: dict[str, Ticket]):
    def around(name: str) -> tuple[int | None, int | None, int | None]:
        place = queue.around(db, cast.dan, QueueFilter(), desk[name].id, at=later(hours=2))
        assert [line.number for line in place.lines] == whole_view
        before, after, onward = (
            line.number if line else None for line in (place.before, place.after, place.onward)
        )
        return before, after, onward

    blocking, new, mine = whole_view = [desk[name].number for name in ("blocking", "new", "mine")]
    assert around("blocking") == (None, new, new)
    assert around("new") == (blocking, mine, mine)
    assert around("mine") == (new, None, blocking), "after the last, what was passed over"
    assert around("solved") == (None, blocking, blocking), "it left the view: the first is next"


def test_nobody_else_has_a_queue(db: SqliteDatabase, cast: Cast, desk: dict[str, Ticket]):
    for viewer in (cast.alice, cast.chloe, cast.wendy, cast.nobody):
        for act in (
            lambda viewer=viewer: queue.look(db, viewer, QueueFilter()),
            lambda viewer=viewer: queue.around(db, viewer, QueueFilter(), desk["new"].id),
            lambda viewer=viewer: list(queue.csv_rows(db, viewer, QueueFilter())),
            lambda viewer=viewer: queue.changed_since(db, viewer, 0),
            lambda viewer=viewer: bulk.apply(
                db, viewer, {desk["new"].id: 0}, BulkChange(status="solved")
            ),
            lambda viewer=viewer: saved_views.keep(db, viewer, "x", ""),
        ):
            with pytest.raises(NotFound):
                act()


def test_all_of_a_view_is_exported_and_no_cell_is_a_formula(
    db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(queue, "EXPORTED_AT_ONCE", 2)
    promise(db, first_answer="8")
    for number in range(5):
        file(db, cast.alice, subject=f"=cmd{number}")
    rows = list(queue.csv_rows(db, cast.dan, QueueFilter(), at=later(hours=9)))
    assert [row[1] for row in rows] == [f"'=cmd{number}" for number in range(5)]
    assert {row[12] for row in rows} == {"2026-03-02T17:00:00Z"}


def test_pages_follow_each_other(db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listing, "PAGE_SIZE", 2)
    for number in range(5):
        file(db, cast.alice, subject=str(number), at=later(minutes=number))
    pages = [subjects(db, cast.dan, page=page) for page in (1, 2, 3, 99)]
    assert pages == [["0", "1"], ["2", "3"], ["4"], ["4"]]


@pytest.mark.sqlite_only
def test_the_queue_is_read_by_its_indexes(db: SqliteDatabase):
    for view in queue.UNDER_WAY:
        condition = queue.CONDITIONS[view]
        plan = db.query(
            f"EXPLAIN QUERY PLAN SELECT COUNT(*) FROM tickets t WHERE {condition}",  # noqa: S608
            {"me": "somebody"} if ":me" in condition else {},
        )
        assert "tickets_under_way" in " ".join(row["detail"] for row in plan), view


def chosen(db: SqliteDatabase, viewer: Viewer, *some: Ticket) -> dict[str, int]:
    return {each.id: tickets.find(db, viewer, each.id).edition for each in some}


def test_many_are_assigned_and_solved_at_once(
    db: SqliteDatabase, cast: Cast, desk: dict[str, Ticket]
):
    some = chosen(db, cast.dan, desk["new"], desk["blocking"])
    me = str(cast.dan.person_id)
    done = bulk.apply(db, cast.dan, some, BulkChange(me, status="solved"))
    assert (len(done.changed), done.unchanged) == (2, ())
    for ticket_id in some:
        there = tickets.find(db, cast.dan, ticket_id)
        assert (there.assignee_id, there.status) == (me, "solved")


def test_what_changed_meanwhile_is_left_alone_and_said(
    db: SqliteDatabase, cast: Cast, desk: dict[str, Ticket]
):
    some = chosen(db, cast.dan, desk["new"], desk["blocking"])
    lifecycle.assign(db, cast.root, desk["new"], cast.root.person_id)
    done = bulk.apply(db, cast.dan, some, BulkChange(""))
    assert done.changed == (desk["blocking"].number,)
    (left,) = done.unchanged
    assert (left.number, left.problem.key) == (desk["new"].number, "bulk.changed_since")
    assert tickets.find(db, cast.dan, desk["new"].id).assignee_id == cast.root.person_id


def test_what_cannot_be_done_to_one_is_done_to_the_others(
    db: SqliteDatabase, cast: Cast, desk: dict[str, Ticket]
):
    lifecycle.set_status(db, cast.dan, desk["solved"], "closed")
    some = chosen(db, cast.dan, desk["solved"], desk["new"])
    done = bulk.apply(db, cast.dan, some, BulkChange(str(cast.dan.person_id), status="open"))
    assert done.changed == (desk["new"].number,)
    assert [left.number for left in done.unchanged] == [desk["solved"].number]
    there = tickets.find(db, cast.dan, desk["solved"].id)
    assert there.assignee_id is None, "all of a change or nothing"


@pytest.mark.parametrize(
    ("editions", "change", "key"),
    [
        ({}, BulkChange(status="solved"), "bulk.nothing_chosen"),
        ({"x": 0}, BulkChange(), "bulk.nothing_to_do"),
        ({str(n): 0 for n in range(201)}, BulkChange(status="solved"), "bulk.too_many"),
    ],
)
def test_a_change_of_nothing_is_refused(
    db: SqliteDatabase, cast: Cast, editions: dict[str, int], change: BulkChange, key: str
):
    with pytest.raises(Invalid, match=key):
        bulk.apply(db, cast.dan, editions, change)


def test_a_status_that_is_none_is_refused():
    with pytest.raises(Invalid, match="ticket.status_unknown"):
        codes.status_of("lost")


def test_a_view_is_shared_with_a_team_of_ones_own(db: SqliteDatabase, cast: Cast):
    ids = [str(cast.dan.person_id)]
    herds = teams.add(db, cast.root, TeamFields("Herds", members=ids))
    kept = saved_views.keep(db, cast.dan, "Cows", "team=mine", team_id=herds.id)
    assert kept.team == "Herds" and saved_views.list_mine(db, cast.dan) == [kept]
    assert saved_views.list_shared(db, cast.root) == []
    with pytest.raises(NotFound):
        saved_views.keep(db, cast.root, "Cows", "team=mine", team_id=herds.id)
    teams.edit(db, cast.root, herds, TeamFields(members=[*ids, str(cast.root.person_id)]))
    assert saved_views.list_shared(db, cast.root) == [kept]
    teams.archive(db, cast.root, herds)
    assert saved_views.list_shared(db, cast.root) == []
    alone = saved_views.keep(db, cast.dan, "Cows", "team=mine")
    assert alone == replace(kept, team=None), "kept again for oneself"


def test_agents_keep_views_of_their_own(db: SqliteDatabase, cast: Cast):
    saved_views.keep(db, cast.dan, " My  cows ", "view=all&q=cow")
    kept = saved_views.keep(db, cast.dan, "my cows", "view=todo&q=cow")
    assert saved_views.list_mine(db, cast.dan) == [kept]
    assert (kept.name, kept.query) == ("My cows", "view=todo&q=cow")
    assert saved_views.list_mine(db, cast.root) == saved_views.list_shared(db, cast.root) == []
    shared = saved_views.keep(db, cast.dan, "my cows", "view=todo&q=cow", is_shared=True)
    assert saved_views.list_shared(db, cast.root) == [shared] == saved_views.list_mine(db, cast.dan)
    assert saved_views.list_shared(db, cast.dan) == []
    with pytest.raises(NotFound):
        saved_views.remove(db, cast.root, kept.id)
    saved_views.remove(db, cast.dan, kept.id)
    assert saved_views.list_mine(db, cast.dan) == []
    for bad in ("", " ", "x" * 61, "a\x00b"):
        with pytest.raises(Invalid):
            saved_views.keep(db, cast.dan, bad, "")
    with pytest.raises(Invalid):
        saved_views.keep(db, cast.dan, "x", "q" * 2000)
    for number in range(saved_views.MOST):
        saved_views.keep(db, cast.dan, f"view {number}", "")
    with pytest.raises(Invalid, match="too_many"):
        saved_views.keep(db, cast.dan, "one more", "")
