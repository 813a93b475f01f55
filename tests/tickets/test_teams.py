"""Teams: who is of them, what becomes theirs, and whose turn it is."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import pytest

from kbsearch import audit, people, revisions, tickets
from kbsearch.access import OPERATOR, Viewer
from kbsearch.database import Database
from kbsearch.errors import Invalid, NotFound, Outdated
from kbsearch.people import PersonFields, viewers
from kbsearch.team_tables import TeamTable
from kbsearch.tickets import records, teams
from kbsearch.tickets.conversation import lifecycle, ownership
from kbsearch.tickets.teams import Team, TeamFields
from tests.conftest import Cast
from tests.kit.engines import address_of, at
from tests.kit.requests import MORNING, file, later

pytestmark = pytest.mark.both_engines


@pytest.fixture
def eve(db: Database, cast: Cast) -> Viewer:
    """One more agent."""
    people.add(db, OPERATOR, PersonFields(email="eve@support.example", name="Eve", role="agent"))
    return viewers.find(db, "eve@support.example")


def add(db: Database, cast: Cast, name: str, *members: Viewer, **said: object) -> Team:
    fields = TeamFields(name, members=[str(who.person_id) for who in members], **said)  # type: ignore[arg-type]
    return teams.add(db, cast.root, fields)


def test_what_is_said_of_a_team_is_kept_and_logged(db: Database, cast: Cast, eve: Viewer):
    herds = add(db, cast, " The  herds ", cast.dan, eve, products=["icownect"])
    assert (herds.name, herds.way, herds.products) == ("The herds", "in_turn", ("icownect",))
    assert herds.members == (cast.dan.person_id, eve.person_id)
    revision_fields = TeamFields(way="least_busy", members=[str(eve.person_id)])
    new = teams.edit(db, cast.root, herds, revision_fields)
    assert (new.name, new.way, new.members) == ("The herds", "least_busy", (eve.person_id,))
    assert teams.archive(db, cast.root, new).archived_at
    assert teams.archive(db, cast.root, new).archived_at, "twice is once"
    assert teams.list_active(db, cast.dan) == []
    assert teams.restore(db, cast.root, new) == new
    log = audit.list_kinds(db, cast.root, {"team.added", "team.changed"}, limit=9)
    assert {event.kind for event in log} == {"team.added", "team.changed"}
    (changed,) = (event for event in log if event.kind == "team.changed")
    assert changed.details["before"]["way"] == "in_turn"
    assert cast.dan.person_id in changed.details["before"]["members"]
    kinds = {"team.archived", "team.restored"}
    assert len(audit.list_kinds(db, cast.root, kinds, limit=9)) == 2


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        (TeamFields(" "), "team.name_invalid"),
        (TeamFields("a" * 61), "team.name_invalid"),
        (TeamFields("a\x07"), "team.name_invalid"),
        (TeamFields("HERDS"), "team.name_taken"),
        (TeamFields("New", "by_lot"), "team.way_unknown"),
        (TeamFields("New", members=["nobody"]), "team.member_unknown"),
        (TeamFields("New", products=["nothing"]), "team.product_unknown"),
    ],
)
def test_what_cannot_be_a_team_is_refused_and_leaves_nothing(
    db: Database, cast: Cast, fields: TeamFields, key: str
):
    herds = add(db, cast, "Herds")
    with pytest.raises(Invalid, match=key):
        teams.add(db, cast.root, fields)
    with pytest.raises(Invalid, match=key):
        teams.edit(db, cast.root, add(db, cast, "Other"), fields)
    assert teams.find_name(db, cast.dan, "herds") == herds
    assert [team.name for team in teams.list_all(db, cast.dan)] == ["Herds", "Other"]


def test_two_administrators_do_not_undo_each_other(db: Database, cast: Cast):
    herds = add(db, cast, "Herds")
    revision = revisions.of(teams.texts(herds))
    teams.edit(db, cast.root, herds, TeamFields("Flocks"))
    with pytest.raises(Outdated):
        teams.edit(db, cast.root, herds, TeamFields("Droves"), revision=revision)


def test_only_administrators_change_teams_and_customers_see_none(db: Database, cast: Cast):
    herds = add(db, cast, "Herds", cast.dan)
    for viewer in (cast.dan, cast.wendy, cast.alice, cast.nobody):
        for change in (
            lambda who: teams.add(db, who, TeamFields("New")),
            lambda who: teams.edit(db, who, herds, TeamFields("New")),
            lambda who: teams.archive(db, who, herds),
            lambda who: teams.restore(db, who, herds),
        ):
            with pytest.raises(NotFound):
                change(viewer)
    for viewer in (cast.wendy, cast.alice, cast.nobody):
        with pytest.raises(NotFound):
            teams.list_all(db, viewer)
    assert teams.list_mine(db, cast.dan) == [herds] and teams.list_mine(db, cast.root) == []


def test_a_request_is_the_one_teams_that_looks_after_its_product(db: Database, cast: Cast):
    def team_of(product: str) -> str | None:
        ticket = file(db, cast.alice, software=product)
        return tickets.find(db, cast.dan, ticket.id).team

    assert team_of("icownect") is None
    herds = add(db, cast, "Herds", cast.dan, products=["icownect"])
    assert (team_of("icownect"), team_of("")) == ("Herds", None)
    add(db, cast, "Rest", cast.root)
    assert (team_of("icownect"), team_of("")) == ("Herds", "Rest")
    add(db, cast, "Late", cast.root, products=["icownect"])
    assert team_of("icownect") is None, "two look after it"
    teams.archive(db, cast.root, herds)
    assert team_of("icownect") == "Late"


def test_who_gave_a_request_to_a_team_stands_in_its_history(db: Database, cast: Cast):
    herds, rest = add(db, cast, "Herds"), add(db, cast, "Rest", products=["icownect"])
    ticket = file(db, cast.alice, software="icownect")
    before = tickets.find(db, cast.alice, ticket.id)
    ownership.give(db, cast.dan, ticket, herds.id, at=later(hours=1))
    ownership.give(db, cast.dan, ticket, herds.id, at=later(hours=2))
    ownership.give(db, cast.root, ticket, None, at=later(hours=3))
    history = tickets.find(db, cast.dan, ticket.id).events
    assert [(e.kind, e.actor, e.field, e.before, e.after) for e in history] == [
        ("ticket.changed", "Dan Leroy", "team", "Rest", "Herds"),
        ("ticket.changed", cast.root.name, "team", "Herds", None),
    ]
    teams.archive(db, cast.root, rest)
    with pytest.raises(NotFound):
        ownership.give(db, cast.dan, ticket, rest.id)
    ownership.give(db, cast.dan, ticket, herds.id)
    assert tickets.find(db, cast.alice, ticket.id) == before, "customers notice nothing"
    (record,) = records.read(db, cast.alice, [ticket.id])
    assert "Herds" not in str(record)
    with pytest.raises(NotFound):
        ownership.give(db, cast.chloe, ticket, None)


def assignees(db: Database, cast: Cast, team: Team, count: int) -> list[str | None]:
    """Who gets requests of a team that are handed out one after another."""
    names = []
    for _ in range(count):
        ticket = file(db, cast.alice)
        ownership.give(db, cast.root, ticket, team.id)
        ownership.hand_out(db, cast.root, ticket, at=MORNING)
        names.append(tickets.find(db, cast.dan, ticket.id).assignee)
    return names


def test_members_take_turns(db: Database, cast: Cast, eve: Viewer):
    team = add(db, cast, "Herds", cast.dan, eve, cast.root)
    dan, root = cast.dan.name, cast.root.name
    assert assignees(db, cast, team, 4) == [dan, "Eve", root, dan]
    ids = [str(who.person_id) for who in (cast.dan, cast.root)]
    teams.edit(db, cast.root, team, TeamFields(members=ids))
    assert assignees(db, cast, team, 2) == [root, dan], "those who stay keep their turn"


def test_the_least_busy_gets_the_next(db: Database, cast: Cast, eve: Viewer):
    team = add(db, cast, "Herds", cast.dan, eve, way="least_busy")
    held = [file(db, cast.alice) for _ in range(2)]
    for ticket in held:
        lifecycle.assign(db, cast.dan, ticket, cast.dan.person_id)
    assert assignees(db, cast, team, 2) == ["Eve", "Eve"]
    for ticket in held:
        lifecycle.solve(db, cast.dan, ticket)
    assert assignees(db, cast, team, 1) == [cast.dan.name], "what is solved keeps nobody busy"


def test_who_is_away_or_gone_is_passed_over(db: Database, cast: Cast, eve: Viewer):
    team = add(db, cast, "Herds", cast.dan, eve)
    away = "UPDATE people SET away_until = :day WHERE id = :id"
    db.execute(away, {"day": "2026-03-03", "id": cast.dan.person_id})
    assert assignees(db, cast, team, 2) == ["Eve", "Eve"]
    db.execute(away, {"day": "2026-03-02", "id": cast.dan.person_id})
    assert assignees(db, cast, team, 1) == [cast.dan.name], "back since this morning"
    people.disable(db, cast.root, people.find(db, "eve@support.example"))
    ticket = file(db, cast.alice)
    ownership.give(db, cast.root, ticket, None)
    with pytest.raises(Invalid, match=r"ticket\.no_team"):
        ownership.hand_out(db, cast.root, ticket)
    ownership.give(db, cast.root, ticket, team.id)
    ownership.hand_out(db, cast.root, ticket)
    given = tickets.find(db, cast.dan, ticket.id)
    with pytest.raises(Invalid, match=r"team\.nobody_free"):
        ownership.hand_out(db, cast.root, given)  # to anybody but who has it
    assert tickets.find(db, cast.dan, ticket.id).assignee == cast.dan.name


def test_a_request_is_handed_out_once_whoever_asks(db: Database, cast: Cast, eve: Viewer):
    team = add(db, cast, "Herds", cast.dan, eve)
    ticket = file(db, cast.alice)
    ownership.give(db, cast.root, ticket, team.id)
    for viewer in (cast.root, eve):  # both saw it with nobody
        ownership.hand_out(db, viewer, ticket)
    assert tickets.find(db, cast.dan, ticket.id).assignee == cast.dan.name
    assert assignees(db, cast, team, 1) == ["Eve"], "the second took nobody's turn"


def test_two_who_hand_out_the_same_requests_at_once_give_each_once(
    db: Database, cast: Cast, eve: Viewer
):
    add(db, cast, "Herds", cast.dan, eve)
    filed = [file(db, cast.alice) for _ in range(6)]

    def hand_out_all(viewer: Viewer) -> None:
        with closing(at(address_of(db))) as own:
            for ticket in filed:
                ownership.hand_out(own, viewer, ticket)

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(hand_out_all, (cast.root, cast.dan))) == [None, None]
    given = [tickets.find(db, cast.dan, ticket.id) for ticket in filed]
    assert [len(ticket.events) for ticket in given] == [1] * 6
    shares = Counter(ticket.assignee for ticket in given)
    assert shares == {cast.dan.name: 3, "Eve": 3}


def test_tables_of_the_settings_become_rows_once(db: Database, cast: Cast):
    shop = TeamTable("Shop", ("dan@support.example", "left@support.example"), ("cervo-atelier",))
    rest = TeamTable("Rest", ("root@support.example",))
    for other in (TeamTable("X", ("dna@support.example",)), TeamTable("X", rest.agents, ("x",))):
        assert teams.take_over(db, OPERATOR, (shop, other)) == [], "not before all can stand"
    assert teams.unknown(db, (shop, TeamTable("X", (), ("x",)))) == ["left@support.example", "x"]
    added = teams.take_over(db, OPERATOR, (shop, rest))
    assert [(team.name, team.products) for team in added] == [
        ("Shop", ("cervo-atelier",)),
        ("Rest", ()),
    ]
    assert added[0].members == (cast.dan.person_id,)
    for team in added:
        teams.archive(db, cast.root, team)
    assert teams.take_over(db, OPERATOR, (shop,)) == [], "what is off stays off"


def test_who_is_told_are_those_of_the_team_else_of_the_product_else_all(
    db: Database, cast: Cast, eve: Viewer
):
    icownect = db.query("SELECT id FROM products WHERE slug = 'icownect'")[0]["id"]

    def told(team: Team | None, product: str | None = icownect) -> set[str]:
        return set(teams.informed(db, team.id if team else None, product))

    dan, root, everybody = (
        cast.dan.person_id,
        cast.root.person_id,
        {who.person_id for who in (cast.dan, cast.root, eve)},
    )
    assert told(None) == everybody
    herds = add(db, cast, "Herds", cast.dan, products=["icownect"])
    rest, empty = add(db, cast, "Rest", cast.root), add(db, cast, "Empty", products=["icownect"])
    assert (told(None), told(None, None), told(rest)) == ({dan}, {root}, {root})
    assert told(empty) == everybody, "nobody is no answer"
    teams.archive(db, cast.root, rest)
    assert told(rest) == told(herds) == {dan}


def test_the_day_of_return_counts_from_its_first_moment(db: Database, cast: Cast):
    team = add(db, cast, "Herds", cast.dan)
    db.execute("UPDATE people SET away_until = '2026-03-03'")
    last = datetime(2026, 3, 2, 23, 59, tzinfo=UTC)
    assert teams.take_turn(db, cast.root, team, at=last) is None
    assert teams.take_turn(db, cast.root, team, at=later(hours=15)) == cast.dan.person_id
