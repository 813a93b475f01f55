"""Tokens on the account page and on a person's page of the administration."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from kbsearch import people
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people.accounts import personal_tokens
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.accounts.personal_tokens import TokenFields
from tests.conftest import Cast
from tests.kit.web import sign_in

HERE = {"Sec-Fetch-Site": "same-origin"}
SECRET = re.compile(r"kbs_[\w-]{43}")


@pytest.fixture
def session(client: FlaskClient, db: SqliteDatabase, cast: Cast) -> str:
    token = sign_in(client, db, cast.alice)
    accounts.mark_proved(db, token)
    return token


def test_a_token_is_shown_once_then_listed_and_revoked(
    client: FlaskClient, db: SqliteDatabase, session: str
):
    typed = {"name": "rapports", "access": "write", "product": "icownect", "days": "30"}
    assert 'name="product"' in client.get("/fr/account/tokens").text
    answer = client.post("/fr/account/tokens", data=typed, headers=HERE)
    secret = SECRET.search(answer.text)
    assert answer.status_code == 200 and secret is not None
    assert answer.headers["Cache-Control"] == "no-store"
    holder = personal_tokens.holder_of(db, secret[0])
    assert holder is not None and holder.viewer.email == "alice@acme.example"
    assert (holder.token.may_write, holder.token.product) == (True, "icownect")
    page = client.get("/fr/account/security").text
    assert "rapports" in page and secret[0] not in page
    client.post(f"/fr/account/tokens/{holder.token.id}/removal", headers=HERE)
    assert personal_tokens.holder_of(db, secret[0]) is None


def test_a_wrong_form_says_what_is_wrong_and_keeps_the_rest(client: FlaskClient, session: str):
    typed = {"name": "", "access": "write", "only_search": "1", "days": "365000000000000000000"}
    answer = client.post("/fr/account/tokens", data=typed, headers=HERE)
    assert answer.status_code == 422
    assert 'href="#name"' in answer.text and 'value="write" selected' in answer.text
    assert "checked" in answer.text


def test_password_and_code_are_asked_for_first(
    client: FlaskClient, db: SqliteDatabase, session: str
):
    accounts.mark_proved(db, session, at=datetime.now(UTC) - timedelta(minutes=11))
    for answer in (
        client.get("/fr/account/tokens"),
        client.post("/fr/account/tokens", data={"name": "x", "days": "30"}, headers=HERE),
    ):
        assert answer.headers["Location"].startswith("/fr/account/confirm")
    assert personal_tokens.list_all(db) == []


def test_an_administrator_sees_and_revokes_those_of_a_person(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    alice = people.find(db, cast.alice.email)
    token, secret = personal_tokens.add(db, cast.alice, alice, TokenFields("rapports"))
    page = f"/fr/admin/people/{alice.id}"
    sign_in(client, db, cast.dan)
    assert "rapports" not in client.get(page).text
    sign_in(client, db, cast.root)
    assert "rapports" in client.get(page).text
    other = f"/fr/admin/people/{cast.bob.person_id}/tokens/{token.id}/removal"
    assert client.post(other, headers=HERE).status_code == 404
    assert client.post(f"{page}/tokens/{token.id}/removal", headers=HERE).status_code == 303
    assert personal_tokens.holder_of(db, secret) is None
