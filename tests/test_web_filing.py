"""The form of a request as it is filled in and sent, by whom it may be, and what is kept."""

from io import BytesIO

import pytest
from flask.testing import FlaskClient

from kbsearch import drafts, tickets
from kbsearch.access import Viewer
from kbsearch.db import SqliteDatabase
from tests.conftest import Cast
from tests.requests import PNG
from tests.web import HTMX, sign_in

FORM = {"subject": "Le bracelet est perdu", "description": "Il ne répond plus depuis hier."}
KEY = "key-of-a-form"


@pytest.fixture
def signed_in(client: FlaskClient, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    """The browser of Alice."""
    sign_in(client, db, cast.alice)
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    return client


def filed(db: SqliteDatabase, viewer: Viewer, location: str) -> tickets.Ticket:
    return tickets.find(db, viewer, location.split("/")[-1].partition("?")[0])


def test_a_script_files_a_request_with_its_files_in_one_post(
    signed_in: FlaskClient, db: SqliteDatabase, alice: Viewer
):
    sent = {
        **FORM,
        "software": "icownect",
        "version": "4.2.1",
        "severity": "major",
        "cc": "bob@acme.example",
        "files": [(BytesIO(PNG), "écran.png"), (BytesIO(b"une ligne\n"), "journal.txt")],
    }
    answer = signed_in.post("/fr/requests/new", data=sent)
    assert answer.status_code == 303
    ticket = filed(db, alice, answer.location)
    assert (ticket.subject, ticket.product, ticket.version) == (
        FORM["subject"],
        "icownect",
        "4.2.1",
    )
    assert ticket.severity == "major"
    assert [copy.email for copy in ticket.copies] == ["bob@acme.example"]
    assert {file.name for file in ticket.files} == {"écran.png", "journal.txt"}
    page = signed_in.get(answer.location).text
    assert f"#{ticket.number}" in page


def test_what_is_wrong_is_told_and_everything_is_kept(
    signed_in: FlaskClient, db: SqliteDatabase, alice: Viewer
):
    sent = {**FORM, "subject": " ", "key": KEY, "files": [(BytesIO(PNG), "écran.png")]}
    answer = signed_in.post("/fr/requests/new", data=sent)
    assert answer.status_code == 422
    assert FORM["description"] in answer.text
    assert "écran.png" in answer.text
    assert 'href="#subject"' in answer.text
    draft = drafts.find(db, alice, KEY)
    assert draft.fields["description"] == FORM["description"]
    assert [file.name for file in draft.files] == ["écran.png"]


def test_a_form_in_place_is_a_piece_of_the_page(signed_in: FlaskClient):
    piece = signed_in.get("/fr/requests/new?subject=x", headers=HTMX).text
    assert "<html" not in piece
    assert 'name="subject"' in piece
