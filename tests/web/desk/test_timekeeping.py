"""Time on the page of a request and in the insights: typed, refused, timed, downloaded."""

from flask.testing import FlaskClient

from kbsearch import timekeeping
from kbsearch.access import OPERATOR
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import organisations
from kbsearch.people.organisations import OrganisationFields
from kbsearch.timekeeping import TimeFields, budgets
from kbsearch.timekeeping.budgets import BudgetFields
from tests.conftest import Cast
from tests.kit.requests import file
from tests.kit.web import sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def test_what_is_no_time_is_in_the_form_again(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.dan)
    ticket = file(db, cast.alice)
    typed = {"spent": "bientôt", "time_note": "Le collier"}
    refused = client.post(f"/fr/requests/{ticket.id}/times", data=typed, headers=ORIGIN)
    assert refused.status_code == 422
    assert "bientôt" in refused.text and "Le collier" in refused.text
    assert 'href="#spent"' in refused.text


def test_a_stopwatch_survives_a_reload(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.dan)
    ticket = file(db, cast.alice)
    place = f"/en/requests/{ticket.id}"
    client.post(f"{place}/stopwatch", data={"state": "start"}, headers=ORIGIN)
    for _ in range(2):
        assert "The stopwatch runs" in client.get(place).text
    client.post(f"{place}/stopwatch", data={"state": "stop"}, headers=ORIGIN)
    assert "The stopwatch runs" not in client.get(place).text
    assert "1\u00a0min" in client.get(f"{place}/times").text
    unknown = client.post(f"{place}/stopwatch", data={"state": "x"}, headers=ORIGIN)
    assert unknown.status_code == 422


def test_the_accounts_get_semicolons_and_commas(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.dan)
    ticket = file(db, cast.alice, subject="=1+1")
    timekeeping.record(db, cast.dan, ticket, TimeFields("1h30", note="Réglage"))
    budgets.edit(db, OPERATOR, organisations.find(db, "acme"), BudgetFields("40", "year"))
    sums = client.get("/fr/desk/insights?csv=hours").data.decode()
    assert sums.startswith("\ufeffmonth;organisation;") and ";Acme;;1,50;1;40,00;year" in sums
    entries = client.get("/fr/desk/insights?csv=time").data.decode()
    assert ";Acme;;1001;'=1+1;Dan Leroy;1,50;Réglage" in entries
    assert "Heures par contrat" in client.get("/fr/desk/insights").text


def test_what_is_left_is_read_by_agents_and_by_those_who_may(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    acme = organisations.find(db, "acme")
    named = OrganisationFields(sharing="people", followers=["alice@acme.example"])
    organisations.edit(db, OPERATOR, acme, named)
    budgets.edit(db, OPERATOR, acme, BudgetFields("40", "year", is_shown=True))
    ticket = file(db, cast.alice)
    timekeeping.record(db, cast.dan, ticket, TimeFields("1h30"))
    left = "38\u00a0h\u00a030 left of 40"
    for viewer, page, reads in (
        (cast.dan, f"/en/requests/{ticket.id}", True),
        (cast.alice, "/en/", True),
        (cast.alice, f"/en/requests/{ticket.id}", False),
        (cast.bob, "/en/", False),
        (cast.chloe, "/en/", False),
    ):
        sign_in(client, db, viewer)
        assert (left in client.get(page).text) is reads, (viewer.name, page)


def test_hours_that_are_none_are_refused_beside_their_field(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.root)
    place = f"/fr/admin/organisations/{organisations.find(db, 'acme').id}"
    form = {"budget_hours": "beaucoup", "budget_span": "month"}
    refused = client.post(f"{place}/budget", data=form, headers=ORIGIN)
    assert refused.status_code == 422
    assert "beaucoup" in refused.text and 'id="budget_hours-wrong"' in refused.text
