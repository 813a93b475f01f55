"""Administrators make teams in the browser, change them and archive them."""

from html import unescape

import pytest
from flask.testing import FlaskClient

from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.tickets import teams
from kbsearch.tickets.teams import TeamFields
from tests.conftest import Cast
from tests.kit.web import sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def root(client: FlaskClient, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    sign_in(client, db, cast.root)
    return client


def test_a_team_is_made_changed_and_archived(root: FlaskClient, db: SqliteDatabase, cast: Cast):
    assert "There is no team yet" in root.get("/en/admin/teams").text
    dan, herds = str(cast.dan.person_id), {"name": "Herds", "way": "in_turn"}
    form = {**herds, "members": [dan], "products": ["icownect"]}
    added = root.post("/en/admin/teams", data=form, headers=ORIGIN)
    assert added.status_code == 303
    page = root.get(added.location).text
    assert "Saved." in page and f'value="{dan}" checked' in page
    address = added.location.partition("?")[0]
    form = {**herds, "way": "least_busy", "members": [dan]}
    root.post(address, data=form, headers=ORIGIN)
    team = teams.find_name(db, cast.root, "herds")
    assert (team.way, team.members, team.products) == ("least_busy", (dan,), ())
    done = root.post(f"{address}/state", data={"state": "archived"}, headers=ORIGIN)
    assert "keeps its requests" in root.get(done.location).text
    listed = root.get("/en/admin/teams").text
    assert "archived" in listed and "Dan Leroy" in listed and "All that no other team" in listed
    done = root.post(f"{address}/state", data={"state": "active"}, headers=ORIGIN)
    assert "gets requests again" in root.get(done.location).text


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"name": "", "way": "in_turn"}, "1 to 60"),
        ({"name": "HERDS", "way": "in_turn"}, "a team named “HERDS” already"),
        ({"name": "New", "way": "by lot"}, "“by lot” is no way"),
        ({"name": "New", "way": "in_turn", "members": ["x"]}, "choose again"),
        ({"name": "New", "way": "in_turn", "products": ["x"]}, "choose again"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    root: FlaskClient, db: SqliteDatabase, cast: Cast, form: dict[str, str], told: str
):
    teams.add(db, cast.root, TeamFields("Herds"))
    refused = root.post("/en/admin/teams", data=form, headers=ORIGIN)
    page = unescape(refused.text)
    assert refused.status_code == 422 and told in page and 'aria-describedby="' in page
    assert f'value="{form["name"]}"' in page
    assert len(teams.list_all(db, cast.root)) == 1


def test_what_another_administrator_changed_meanwhile_is_not_undone(
    root: FlaskClient, db: SqliteDatabase, cast: Cast
):
    team = teams.add(db, cast.root, TeamFields("Herds"))
    page = root.get(f"/en/admin/teams/{team.id}").text
    revision = page.partition('name="revision" value="')[2].partition('"')[0]
    teams.edit(db, cast.root, team, TeamFields("Flocks"))
    form = {"name": "Droves", "way": "in_turn", "revision": revision}
    refused = root.post(f"/en/admin/teams/{team.id}", data=form, headers=ORIGIN)
    assert refused.status_code == 409 and "Flocks" in refused.text and "Droves" in refused.text
    assert teams.find(db, cast.root, team.id).name == "Flocks"
