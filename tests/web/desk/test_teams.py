"""What agents see and do of teams: beside a request, in the queue, for many at once."""

import csv
import io

import pytest
from flask.testing import FlaskClient

from kbsearch import tickets
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.tickets import Ticket, teams
from kbsearch.tickets.teams import Team, TeamFields
from tests.conftest import Cast
from tests.kit.requests import file
from tests.kit.web import sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def dan(client: FlaskClient, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    sign_in(client, db, cast.dan)
    return client


@pytest.fixture
def herds(db: SqliteDatabase, cast: Cast) -> Team:
    """Root alone is of it."""
    fields = TeamFields("Herds", members=[str(cast.root.person_id)], products=["icownect"])
    return teams.add(db, cast.root, fields)


def there(db: SqliteDatabase, cast: Cast, ticket: Ticket) -> tuple[str | None, str | None]:
    """Whose it is, and who looks after it."""
    ticket = tickets.find(db, cast.dan, ticket.id)
    return ticket.team, ticket.assignee


def test_a_request_is_given_to_a_team_and_to_its_next(
    dan: FlaskClient, db: SqliteDatabase, cast: Cast, herds: Team
):
    ticket = file(db, cast.alice)
    page = dan.get(f"/en/requests/{ticket.id}").text
    assert '<option value="" selected>No team' in page and '<option value="next">' in page
    form = {"edition": "0", "team_shown": "", "team": herds.id, "assignee_shown": ""}
    address = f"/en/requests/{ticket.id}/fields"
    assert dan.post(address, data={**form, "assignee": "next"}, headers=ORIGIN).status_code == 303
    assert there(db, cast, ticket) == ("Herds", cast.root.name)
    page = dan.get(f"/en/requests/{ticket.id}").text
    assert "Team: –, then Herds (Dan Leroy)." in page
    assert "Équipe\u00a0: –, puis Herds" in dan.get(f"/fr/requests/{ticket.id}").text


def test_who_was_quicker_with_a_team_is_said(
    dan: FlaskClient, db: SqliteDatabase, cast: Cast, herds: Team
):
    ticket, other = file(db, cast.alice, software="icownect"), TeamFields("Late")
    late = teams.add(db, cast.root, other)
    form = {"edition": "0", "team_shown": "", "team": late.id}
    refused = dan.post(f"/en/requests/{ticket.id}/fields", data=form, headers=ORIGIN)
    assert refused.status_code == 409 and "Herds" in refused.text
    assert there(db, cast, ticket) == ("Herds", None)


def test_nobody_free_is_said_and_what_was_chosen_stays(
    dan: FlaskClient, db: SqliteDatabase, cast: Cast
):
    empty = teams.add(db, cast.root, TeamFields("Empty", products=["icownect"]))
    ticket = file(db, cast.alice)
    form = {"edition": "0", "team_shown": "", "team": empty.id, "assignee": "next"}
    refused = dan.post(f"/en/requests/{ticket.id}/fields", data=form, headers=ORIGIN)
    assert refused.status_code == 422 and "Nobody else of the team “Empty”" in refused.text
    assert f'<option value="{empty.id}" selected>' in refused.text
    assert there(db, cast, ticket) == (None, None), "all of it or nothing"


def test_many_are_given_at_once(dan: FlaskClient, db: SqliteDatabase, cast: Cast, herds: Team):
    some = [file(db, cast.alice), file(db, cast.bob)]
    form = {"chosen": [f"{ticket.id}:0" for ticket in some], "team": herds.id, "assignee": "next"}
    assert "2 requests were changed" in dan.post("/en/desk", data=form, headers=ORIGIN).text
    assert {there(db, cast, ticket) for ticket in some} == {("Herds", cast.root.name)}
    form = {"chosen": [f"{some[0].id}:1"], "team": "none"}
    dan.post("/en/desk", data=form, headers=ORIGIN)
    assert there(db, cast, some[0]) == (None, cast.root.name)


def test_the_queue_is_narrowed_to_a_team(
    dan: FlaskClient, db: SqliteDatabase, cast: Cast, herds: Team
):
    file(db, cast.alice, software="icownect", subject="The gate")
    file(db, cast.alice, subject="The fence")
    for query, subjects in (
        (f"team={herds.id}", (True, False)),
        ("team=none", (False, True)),
        ("team=mine", (False, False)),
        ("team=unknown", (False, False)),
        ("", (True, True)),
    ):
        page = dan.get(f"/en/desk?{query}").text
        assert ("The gate" in page, "The fence" in page) == subjects, query
    ids = [str(who.person_id) for who in (cast.dan, cast.root)]
    teams.edit(db, cast.root, herds, TeamFields(members=ids))
    page = dan.get("/en/desk?team=mine").text
    assert "The gate" in page and "The fence" not in page
    assert '<option value="mine" selected>My teams' in page
    rows = list(csv.reader(io.StringIO(dan.get("/en/desk?format=csv").text)))
    assert [row[-1] for row in rows] == ["Team", "Herds", ""]
    columns = {"columns": ["team"], "back": ""}
    dan.post("/en/desk/columns", data=columns, headers=ORIGIN)
    assert 'data-label="Team">Herds</td>' in dan.get("/en/desk").text


def test_without_teams_nothing_is_said_of_them(dan: FlaskClient, db: SqliteDatabase, cast: Cast):
    ticket = file(db, cast.alice)
    for page in (dan.get("/en/desk").text, dan.get(f"/en/requests/{ticket.id}").text):
        assert 'name="team"' not in page and "next of the team" not in page


def test_a_view_of_the_team_is_counted_for_its_reader(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, herds: Team
):
    file(db, cast.alice, software="icownect")
    sign_in(client, db, cast.root)
    assert f'<option value="{herds.id}">Herds</option>' in client.get("/en/desk").text
    form = {"name": "Cows", "back": "team=mine", "shared": herds.id}
    client.post("/en/desk/views", data=form, headers=ORIGIN)
    assert (
        'Cows <span class="n">1</span> <span class="n">Herds</span>' in client.get("/en/desk").text
    )
    sign_in(client, db, cast.dan)
    assert "Cows" not in client.get("/en/desk").text
    ids = [str(who.person_id) for who in (cast.dan, cast.root)]
    teams.edit(db, cast.root, herds, TeamFields(members=ids))
    page = client.get("/en/desk").text
    assert 'aria-label="Shared views"' in page and 'Cows <span class="n">1</span>' in page


def test_who_is_away_says_so_on_the_account_page_and_is_shown_so(
    dan: FlaskClient, db: SqliteDatabase, cast: Cast, herds: Team
):
    assert 'name="away"' in dan.get("/en/account").text
    form = {"name": "Dan Leroy", "away": "on", "away_until": ""}
    refused = dan.post("/en/account", data=form, headers=ORIGIN)
    assert refused.status_code == 422 and "a day to come" in refused.text
    assert 'name="away" type="checkbox" aria-describedby="away-hint" checked' in refused.text
    dan.post("/en/account", data={**form, "away_until": "2999-01-02"}, headers=ORIGIN)
    assert 'value="2999-01-02"' in dan.get("/en/account").text
    page = dan.get(f"/en/requests/{file(db, cast.alice).id}").text
    assert "Dan Leroy (away until January 2, 2999)" in page
    sign_in(dan, db, cast.alice)
    assert 'name="away"' not in dan.get("/en/account").text
