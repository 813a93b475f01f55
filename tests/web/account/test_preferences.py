"""Leaving, and preferences."""

import re

from flask.testing import FlaskClient

from kbsearch.database.sqlite import SqliteDatabase
from tests.conftest import Cast
from tests.kit.web import sign_in


def test_signing_out_ends_the_session_for_every_copy_of_the_cookie(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    token = sign_in(client, db, cast.alice)
    answer = client.post("/fr/logout", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303
    assert "storage" in answer.headers["Clear-Site-Data"]
    client.set_cookie("kb", token)
    assert "Alice Martin" not in client.get("/fr/").text


def test_signing_out_is_never_a_link(client: FlaskClient):
    answer = client.get("/fr/logout")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_a_theme_is_kept_and_drawn_by_the_server(client: FlaskClient):
    assert "data-theme" not in client.get("/fr/").text
    answer = client.post("/fr/preferences", data={"theme": "dark", "back": "/fr/accessibility"})
    assert answer.headers["Location"] == "/fr/accessibility"
    assert '<html lang="fr" data-theme="dark">' in client.get("/fr/").text
    client.post("/fr/preferences", data={"theme": "auto", "back": "/fr/"})
    assert "data-theme" not in client.get("/fr/").text


def test_a_language_is_kept(client: FlaskClient):
    page = client.get("/fr/accessibility").text
    back = re.search(r'name="back" value="(/en/[^"]*)"', page)
    assert back is not None
    answer = client.post("/fr/preferences", data={"language": "en", "back": back[1]})
    assert answer.headers["Location"] == "/en/accessibility"
    assert client.get("/", headers={"Accept-Language": "fr"}).headers["Location"] == "/en/"


def test_a_preference_that_does_not_exist_is_refused(client: FlaskClient):
    answer = client.post("/fr/preferences", data={"theme": "pink", "back": "/fr/"})
    assert answer.status_code == 422
    assert "Ce réglage n’existe pas." in answer.text
