"""Signing in at the vendor's application: a link of a mail goes there and comes back."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from kbsearch import create_app
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from tests.conftest import Cast
from tests.kit.web import sign_in

HERE = {"Sec-Fetch-Site": "same-origin"}
LOGIN, LOGOUT = "https://app.example/enter?from=help", "https://app.example/leave"


@pytest.fixture
def client(settings: Settings, db: SqliteDatabase) -> FlaskClient:
    """A browser at a site that has such an application."""
    remote = replace(settings, remote_login_url=LOGIN, remote_logout_url=LOGOUT)
    return create_app(remote, db).test_client()


def test_a_link_opened_signed_out_goes_there_with_the_way_back(client: FlaskClient, cast: Cast):
    for path in ("/fr/requests/abc?thanks=1", "/en/account/security"):
        address = client.get(path).headers["Location"]
        assert address.startswith(f"{LOGIN}&return_to=")
        back = parse_qs(urlsplit(address).query)["return_to"]
        assert back == [f"http://127.0.0.1:8080{path}"]
    assert client.get("/fr/desk").headers["Location"].startswith("/fr/login?next=")
    assert client.get("/fr/login").status_code == 200


def test_a_customer_who_signs_out_goes_there_and_an_agent_stays(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    for viewer, address in ((cast.alice, LOGOUT), (cast.dan, "/fr/")):
        sign_in(client, db, viewer)
        page = client.get("/fr/account")
        policy = page.headers["Content-Security-Policy"]
        assert "form-action 'self' https://app.example;" in policy
        assert client.post("/fr/logout", headers=HERE).headers["Location"] == address
