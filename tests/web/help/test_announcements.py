"""Known problems on the pages of customers: found, said "me too" of, and nobody else seen."""

from flask.testing import FlaskClient

from kbsearch import announcements
from kbsearch.announcements import editing, following
from kbsearch.announcements.editing import AnnouncementFields
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.tickets.desk import incident_groups
from kbsearch.tickets.filing import drafts
from tests.announcements.test_announcements import announce
from tests.conftest import Cast
from tests.kit.requests import file
from tests.kit.web import HTMX, sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def test_it_stands_where_customers_look(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    announce(db, cast.dan, version_from="4.3", version_to="4.3")
    sign_in(client, db, cast.alice)
    for page in (
        "/fr/",
        "/fr/announcements",
        "/fr/search?q=exports+vides",
        "/fr/search?q=exports+vides&palette=1",
        "/fr/requests/new?software=icownect",
    ):
        assert "Export vide" in client.get(page).text, page
    form = {"software": "icownect", "version": "4.2"}
    piece = client.post("/fr/requests/announcements", data=form, headers={**ORIGIN, **HTMX})
    assert "Export vide" not in piece.text
    sign_in(client, db, cast.chloe)
    for page in ("/fr/", "/fr/announcements", "/fr/search?q=exports+vides"):
        assert "Export vide" not in client.get(page).text, page


def test_me_too_out_of_the_form_keeps_what_was_typed(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    announcement = announce(db, cast.dan)
    sign_in(client, db, cast.alice)
    form = {"following": "me_too", "key": "key-of-a-form", "subject": "Mon export"}
    place = f"/fr/announcements/{announcement.id}"
    answer = client.post(f"{place}/following", data=form, headers=ORIGIN)
    assert answer.status_code == 303
    assert "/fr/requests/new?draft=key-of-a-form" in client.get(answer.headers["Location"]).text
    assert drafts.find(db, cast.alice, "key-of-a-form").fields["subject"] == "Mon export"
    assert db.query("SELECT COUNT(*) AS n FROM tickets") == [{"n": 0}]
    unknown = client.post(f"{place}/following", data={"following": "x"}, headers=ORIGIN)
    assert unknown.status_code == 422


def test_customers_see_neither_who_nor_how_many(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    announcement = announce(db, cast.dan, organisations="acme")
    sign_in(client, db, cast.alice)
    pages = ("/fr/", "/fr/announcements", f"/fr/announcements/{announcement.id}")
    before = [client.get(page).text for page in pages]
    following.say_me_too(db, cast.bob, announcement)
    assert [client.get(page).text for page in pages] == before
    assert "Globex" not in "".join(before)


def test_what_agents_type_wrong_is_in_the_form_again(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.dan)
    form = {"kind": "problem", "title_fr": "", "text_fr": "Gardé", "organisations": "Acme"}
    refused = client.post("/fr/desk/announcements", data=form, headers=ORIGIN)
    assert refused.status_code == 422
    assert "Gardé" in refused.text and 'id="title_fr-wrong"' in refused.text


def test_agents_see_beside_a_request_that_its_problem_is_announced(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    ticket = file(db, cast.alice)
    problem = incident_groups.group(db, cast.dan, "Export", [ticket])
    announcement = announce(db, cast.dan, problem_id=problem)
    sign_in(client, db, cast.dan)
    for page in (f"/fr/desk/tickets/{ticket.number}/similar", f"/fr/desk/problems/{problem}"):
        assert f"/fr/desk/announcements/{announcement.id}" in client.get(page).text


def test_an_agent_publishes_and_ends_it(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    drafted = editing.add(db, cast.dan, AnnouncementFields(title_en="Empty export"))
    sign_in(client, db, cast.dan)
    place = f"/en/desk/announcements/{drafted.id}"
    for state, becomes in (
        ("published", "current"),
        ("ended", "ended"),
        ("reopened", "current"),
        ("withdrawn", "draft"),
    ):
        form = {"state": state, "fixed_in": "4.3.1"}
        assert client.post(f"{place}/state", data=form, headers=ORIGIN).status_code == 303
        assert announcements.find(db, cast.dan, drafted.id).state == becomes
