"""An agent who is limited: how it is said, what follows at once, and what they are told."""

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import audit, people, tickets
from kbsearch.access import OPERATOR, Viewer
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.database import Database
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Forbidden, Invalid, NotFound, Outdated
from kbsearch.messages.notifications import is_told, recipients
from kbsearch.people import PersonFields, agent_limits, viewers
from kbsearch.people.agent_limits import AgentLimits
from kbsearch.tickets import Ticket, teams
from kbsearch.tickets.conversation import ownership
from kbsearch.tickets.desk import incident_groups, queue, saved_replies
from kbsearch.tickets.desk.queue import QueueFilter
from kbsearch.tickets.desk.saved_replies import SavedReplyFields
from kbsearch.tickets.teams import Team, TeamFields
from tests.conftest import Cast
from tests.kit.programs import program
from tests.kit.requests import file
from tests.kit.web import sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def team(db: Database, name: str) -> Team:
    return teams.add(db, OPERATOR, TeamFields(name, members=[]))


def limited(db: Database, *its_teams: Team, products: tuple[str, ...] = ()) -> Viewer:
    """Dan, from now on."""
    dan = people.find(db, "dan@support.example")
    ids = tuple(each.id for each in its_teams)
    agent_limits.edit(db, OPERATOR, dan, AgentLimits(ids, products))
    return viewers.find(db, dan.email)


def given(db: Database, cast: Cast, to: Team) -> Ticket:
    """A request of a team."""
    ticket = file(db, cast.alice)
    ownership.give(db, cast.root, ticket, to.id)
    return ticket


def is_seen(db: Database, viewer: Viewer, ticket: Ticket) -> bool:
    return bool(tickets.visible_numbers(db, viewer, [ticket.number]))


@pytest.mark.both_engines
def test_an_agent_sees_what_they_are_limited_to_and_what_is_their_own(db: Database, cast: Cast):
    herds, barns = team(db, "Herds"), team(db, "Barns")
    theirs, other = given(db, cast, herds), given(db, cast, barns)
    about = file(db, cast.chloe, software="cervo-atelier")
    lost = file(db, cast.alice)
    own = file(db, cast.dan)
    dan = limited(db, herds, products=("cervo-atelier",))
    every = (theirs, other, about, lost, own)
    assert [is_seen(db, dan, each) for each in every] == [True, False, True, False, True]
    seen = {line.id for line in queue.look(db, dan, QueueFilter(view="all")).lines}
    assert seen == {theirs.id, about.id, own.id}
    ownership.assign(db, cast.root, lost, dan.person_id or "")
    assert is_seen(db, dan, lost), "assigned to them"
    with pytest.raises(NotFound):
        tickets.find(db, dan, other.id)
    assert is_seen(db, limited(db), other), "to nothing is no limit"


def test_who_may_limit_whom_and_what_the_log_keeps(db: SqliteDatabase, cast: Cast):
    herds = team(db, "Herds")
    dan, root = people.find(db, "dan@support.example"), people.find(db, "root@support.example")
    limits = AgentLimits((herds.id,), ("icownect",))
    with pytest.raises(Forbidden):
        agent_limits.edit(db, cast.dan, dan, limits)
    with pytest.raises(NotFound):
        agent_limits.find(db, cast.alice, dan)
    for person in (root, people.find(db, "alice@acme.example")):
        with pytest.raises(Invalid, match="person.limits_of_agents"):
            agent_limits.edit(db, cast.root, person, limits)
    for wrong in (AgentLimits(("unknown",)), AgentLimits((), ("unknown",))):
        with pytest.raises(Invalid, match="unknown"):
            agent_limits.edit(db, cast.root, dan, wrong)
    agent_limits.edit(db, cast.root, dan, limits)
    assert agent_limits.find(db, cast.root, dan) == limits
    with pytest.raises(Outdated):
        agent_limits.edit(db, cast.root, dan, AgentLimits(), revision="of another page")
    (event,) = (each for each in audit.list_of(db, dan.id) if each.kind == "person.limited")
    assert event.actor_id == cast.root.person_id
    assert event.details["after"] == {"limit_teams": "Herds", "limit_products": "icownect"}
    agent_limits.edit(db, cast.root, dan, AgentLimits())
    befores = [each.details.get("before") for each in audit.list_of(db, dan.id)]
    assert event.details["after"] in befores


def test_a_limit_says_nothing_of_an_administrator_and_is_there_for_the_agent(
    db: SqliteDatabase, cast: Cast
):
    limited(db, team(db, "Herds"))
    dan = people.find(db, "dan@support.example")
    for role, sees_all in (("administrator", True), ("agent", False)):
        people.edit(db, OPERATOR, people.find_id(db, dan.id), PersonFields(role=role))
        assert viewers.find(db, dan.email).sees_all_tickets is sees_all


def test_nobody_is_told_of_what_they_do_not_see(db: SqliteDatabase, cast: Cast):
    herds, barns = team(db, "Herds"), team(db, "Barns")
    dan = limited(db, herds)
    for ticket, expected in ((given(db, cast, herds), True), (given(db, cast, barns), False)):
        (row,) = db.query(
            "SELECT id FROM ticket_events WHERE ticket_id = :id AND kind = 'ticket.opened'",
            {"id": ticket.id},
        )
        change = recipients.find(db, row["id"])
        assert change is not None
        assert is_told(db, change, dan.person_id or "", "team", "mail") is expected


def test_an_incident_is_known_by_the_requests_that_are_seen(db: SqliteDatabase, cast: Cast):
    herds, barns = team(db, "Herds"), team(db, "Barns")
    theirs, other = given(db, cast, herds), given(db, cast, barns)
    both = incident_groups.group(db, cast.root, "Both", [theirs, other])
    hidden = incident_groups.group(db, cast.root, "Hidden", [given(db, cast, barns)])
    dan = limited(db, herds)
    assert [(each.title, each.requests) for each in incident_groups.list_all(db, dan)] == [
        ("Both", 1)
    ]
    assert [m.number for m in incident_groups.find(db, dan, both).members] == [theirs.number]
    with pytest.raises(NotFound):
        incident_groups.find(db, dan, hidden)


def test_who_gives_a_request_away_is_told_that_it_is_gone(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    herds, barns = team(db, "Herds"), team(db, "Barns")
    ticket, other = given(db, cast, herds), given(db, cast, herds)
    sign_in(client, db, limited(db, herds))
    form = {"edition": "0", "team_shown": herds.id, "team": barns.id, "status_shown": "new"}
    form |= {"assignee_shown": "", "assignee": str(cast.root.person_id), "status": "pending"}
    address = f"/en/requests/{ticket.id}/fields"
    answer = client.post(address, data=form, headers=ORIGIN, follow_redirects=True)
    assert f"Request #{ticket.number} is no longer among those you may see." in answer.text
    there = tickets.find(db, cast.root, ticket.id)
    assert (there.team, there.assignee, there.status) == ("Barns", "Root", "pending"), "all of it"
    assert client.get(f"/en/requests/{ticket.id}").status_code == 404
    macro = saved_replies.add(
        db, cast.root, SavedReplyFields("en", "Away", "Away", {"team": [barns.id]})
    )
    sent = {"body": "It goes to others.", "key": "key-of-a-reply", "macro": macro.id}
    address = f"/en/requests/{other.id}/messages"
    answer = client.post(address, data=sent, headers=ORIGIN, follow_redirects=True)
    assert f"Request #{other.number} is no longer among those you may see." in answer.text
    assert tickets.find(db, cast.root, other.id).messages[-1].body == "It goes to others."


def test_a_program_is_answered_once_more_with_what_it_gave_away(
    settings: Settings, app: Flask, db: SqliteDatabase, cast: Cast
):
    herds = team(db, "Herds")
    team(db, "Barns")
    ticket = given(db, cast, herds)
    dans = program(app, db, limited(db, herds))
    path = f"/tickets/{ticket.number}"
    changed = dans.patch(path, {"team": "Barns", "tags": ["away"], "status": "solved"})
    assert changed.json is not None and changed.status_code == 200
    assert (changed.json["team"], changed.json["status"]) == ("Barns", "solved")
    assert dans.get(path).status_code == 404
    filed = dans.post(
        "/tickets",
        {"subject": "By phone", "description": "x", "requester": "chloe@globex.example"},
    )
    assert filed.status_code == 201, "what one filed is seen"


def test_the_page_of_an_agent_says_and_changes_it(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    herds = team(db, "Herds")
    sign_in(client, db, cast.root)
    page = f"/fr/admin/people/{cast.dan.person_id}"
    assert "Demandes que voit cet agent" in client.get(page).text
    sent = {"limit_teams": [herds.id], "limit_products": "icownect"}
    answer = client.post(f"{page}/limits", data=sent, headers=ORIGIN, follow_redirects=True)
    assert answer.text.count(" checked") == 2 and "Enregistré" in answer.text
    wrong = client.post(f"{page}/limits", data={"limit_teams": "none"}, headers=ORIGIN)
    assert wrong.status_code == 422 and "L’une de ces équipes n’existe pas" in wrong.text
    assert (
        "Demandes que voit cet agent"
        not in client.get(f"/fr/admin/people/{cast.root.person_id}").text
    )
    assert "Limité aux demandes de ces équipes" in client.get("/fr/admin/log").text


def test_the_command_line_limits_and_frees(
    settings: Settings, db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    path = settings.site / "kbsearch.toml"
    path.write_text("")
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    team(db, "Herds")

    def run(*words: str) -> tuple[int, str]:
        command = ["--config", str(path), "user", "limit", "dan@support.example", *words]
        result = CliRunner().invoke(cli, command)
        return result.exit_code, result.output.strip()

    said = (0, "dan@support.example sees only: herds, icownect")
    assert run("--team", "herds", "--product", "icownect") == said
    assert not viewers.find(db, "dan@support.example").sees_all_tickets
    assert run("--team", "unknown")[0] == 1 and run()[0] == 2
    assert run("--none") == (0, "dan@support.example sees every request")
    assert viewers.find(db, "dan@support.example").sees_all_tickets
