"""Coming in by a link, leaving, and preferences."""

import re

from flask.testing import FlaskClient

from kbsearch import accounts
from kbsearch.db import SqliteDatabase
from tests.conftest import Cast
from tests.web import sign_in


def test_opening_a_link_shows_who_it_is_for_and_uses_nothing_up(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    link = accounts.make_link(db, "alice@acme.example")
    for _ in range(3):
        answer = client.get(f"/fr/link/{link}")
        assert answer.status_code == 200
        assert "Alice Martin" in answer.text
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"


def test_the_button_of_a_link_signs_in_once(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    link = accounts.make_link(db, "alice@acme.example")
    answer = client.post(f"/fr/link/{link}")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/fr/"
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "Alice Martin" in client.get("/fr/").text
    again = client.post(f"/fr/link/{link}", headers={"Sec-Fetch-Site": "same-origin"})
    assert again.status_code == 404
    assert "Set-Cookie" not in again.headers


def test_a_link_that_never_was_and_one_that_is_used_answer_alike(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    link = accounts.make_link(db, "alice@acme.example")
    accounts.use_link(db, link)
    used, unknown = client.get(f"/fr/link/{link}"), client.get("/fr/link/unknown")
    assert used.status_code == unknown.status_code == 404
    assert used.text.replace(link, "unknown") == unknown.text


def test_signing_in_again_ends_the_session_of_before(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    before = sign_in(client, db, cast.bob)
    client.post(
        f"/fr/link/{accounts.make_link(db, 'alice@acme.example')}",
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert not accounts.viewer_of(db, before).is_signed_in


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
