"""Administrators make fields in the browser, order and archive them; people fill them in."""

from html import unescape

import pytest
from flask.testing import FlaskClient

from kbsearch import tickets
from kbsearch.access import OPERATOR
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.tickets import field_editing, fields
from kbsearch.tickets.field_editing import FieldForm
from tests.conftest import Cast
from tests.kit.requests import file
from tests.kit.web import HTMX, sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}
WHERE = {
    "label_fr": "Où",
    "label_en": "Where",
    "kind": "choice",
    "choices": "Étable | Barn\r\nPré | Field",
    "in_form": "yes",
}


@pytest.fixture
def root(client: FlaskClient, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    sign_in(client, db, cast.root)
    return client


def post(client: FlaskClient, path: str, **form: object):
    return client.post(f"/en/{path}", data=form, headers=ORIGIN)


def test_a_field_is_made_changed_ordered_and_archived(
    root: FlaskClient, db: SqliteDatabase, cast: Cast
):
    assert "There is no field yet" in root.get("/en/admin/fields").text
    assert post(root, "admin/fields", **WHERE).status_code == 303
    lot = {"label_fr": "Lot", "kind": "text", "when_field": "where", "when_values": "Étable"}
    assert (
        post(root, "admin/fields", **lot, in_form="yes", products=["icownect"]).status_code == 303
    )
    where, second = fields.definitions(db, cast.root)
    page = root.get("/en/admin/fields").text
    assert "Where = Barn" in page and "iCownect" in page
    form = root.get(f"/en/admin/fields/{where.id}").text
    assert "Étable | Barn" in form and 'name="revision"' in form and 'name="kind"' not in form
    saved = post(root, f"admin/fields/{where.id}", **{**WHERE, "label_en": "Place"})
    assert "Saved." in root.get(saved.location).text
    assert fields.definitions(db, cast.root)[0].told("en") == "Place"
    refused = post(root, f"admin/fields/{second.id}/place", way="up")
    assert refused.status_code == 422 and "has to come after it" in refused.text
    refused = post(root, f"admin/fields/{where.id}/state", state="archived")
    assert refused.status_code == 422 and "depends on this field" in unescape(refused.text)
    post(root, f"admin/fields/{second.id}/state", state="archived")
    assert "archived" in root.get("/en/admin/fields").text
    assert post(root, f"admin/fields/{second.id}/state", state="active").status_code == 303


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"label_fr": "", "label_en": ""}, "Give the field a name"),
        ({"choices": ""}, "Write the choices"),
        ({"when_field": "nothing"}, "not among those asked before"),
        ({"products": ["x"]}, "choose again"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    root: FlaskClient, change: dict[str, object], reason: str
):
    refused = post(root, "admin/fields", **{**WHERE, "hint_en": "Kept words", **change})
    page = unescape(refused.text)
    assert refused.status_code == 422 and reason in page and 'href="#' in page
    assert "Kept words" in page


def test_customers_fill_in_what_is_asked_in_their_language_and_mistakes_are_kept(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    for form in (
        FieldForm("Bêtes", "Animals", kind="number", required=True, in_form=True),
        FieldForm("Signes", "Signs", kind="choices", choices="rouge | red\nvert", in_form=True),
        FieldForm("Depuis", "Since", kind="date", in_form=True),
        FieldForm("Malade", "Ill", kind="yes_no", in_form=True),
        FieldForm("Cause", "Cause", kind="text"),
    ):
        field_editing.add(db, OPERATOR, form)
    sign_in(client, db, cast.alice)
    page = client.post("/en/requests/fields", data={}, headers={**HTMX, **ORIGIN}).text
    assert "Animals" in page and ">red<" in page and 'type="date"' in page and "Cause" not in page
    typed = {
        "subject": "A collar",
        "description": "It is lost.",
        "severity": "minor",
        "fields.animals": "many",
        "fields.signs": ["", "rouge", "vert"],
        "fields.ill": "yes",
        "fields.cause": "hers",
    }
    refused = post(client, "requests/new", **typed)
    page = unescape(refused.text)
    assert refused.status_code == 422 and "Write a number, such as 12 or 12.5." in page
    assert 'value="many"' in page and page.count(" checked") >= 2
    sent = post(client, "requests/new", **{**typed, "fields.animals": "1 200,5"})
    ticket = tickets.find(db, cast.dan, sent.location.split("/")[-1].partition("?")[0])
    assert ticket.fields == {"animals": "1200.5", "signs": "rouge\nvert", "ill": "yes"}
    french = unescape(client.get(f"/fr/requests/{ticket.id}").text)
    assert "1200,5" in french and "rouge, vert" in french and "Malade" in french


def test_lines_come_back_from_a_browser_as_they_went(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    """It ends each with CR LF: what was shown is no other value for that."""
    field_editing.add(db, OPERATOR, FieldForm("Signs", kind="choices", choices="red\ngreen"))
    ticket = file(db, cast.alice)
    sign_in(client, db, cast.dan)
    both = {"edition": "0", "shown.fields.signs": "", "fields.signs": ["red", "green"]}
    assert post(client, f"requests/{ticket.id}/fields", **both).status_code == 303
    one = {"edition": "0", "shown.fields.signs": "red\r\ngreen", "fields.signs": "red"}
    assert post(client, f"requests/{ticket.id}/fields", **one).status_code == 303
    assert tickets.find(db, cast.dan, ticket.id).fields == {"signs": "red"}


def test_agents_see_filter_and_change_values_where_they_work(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    choice = FieldForm("Où", "Where", kind="choice", choices="Étable | Barn\nPré")
    field_editing.add(db, OPERATOR, choice)
    ticket, other = file(db, cast.alice, subject="Here"), file(db, cast.alice, subject="There")
    sign_in(client, db, cast.dan)
    page = client.get(f"/en/requests/{ticket.id}").text
    assert 'name="fields.where"' in page and 'name="shown.fields.where"' in page
    change = {"edition": "0", "shown.fields.where": "", "fields.where": "Étable"}
    assert post(client, f"requests/{ticket.id}/fields", **change).status_code == 303
    stale = post(client, f"requests/{ticket.id}/fields", **{**change, "fields.where": "Pré"})
    assert stale.status_code == 409 and 'id="differences"' in stale.text
    untouched = {"edition": "0", "shown.fields.where": "", "fields.where": ""}
    assert post(client, f"requests/{ticket.id}/fields", **untouched).status_code == 303
    assert tickets.find(db, cast.dan, ticket.id).fields == {"where": "Étable"}
    post(client, "desk/columns", columns=["status", "fields.where"], back="view=all")
    listed = unescape(client.get("/en/desk?view=all&fields.where=Étable").text)
    rows = listed.partition("<tbody>")[2]
    assert ticket.subject in rows and other.subject not in rows and "Barn" in rows
    assert "fields.where=" in listed, "the links keep the filter"
    table = client.get("/en/desk?view=all&format=csv").text
    assert "Where" in table and "Étable" in table
    client.get("/en/logout")
    sign_in(client, db, cast.alice)
    assert "Étable" not in unescape(client.get(f"/fr/requests/{ticket.id}").text)
