"""Choosing a password: the pages of an invitation and of a forgotten password."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import people
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people.accounts import choosing as choosing_passwords
from kbsearch.people.accounts import one_time_links, passwords
from kbsearch.people.accounts import sessions as accounts
from tests.conftest import Cast
from tests.kit.mail import code_in, latest, letters, link_in, post
from tests.kit.signing import totp, with_password, with_totp
from tests.kit.web import sign_in

ALICE = "alice@acme.example"
DAN = "dan@support.example"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
ANOTHER = "a different phrase"
CHOSEN = {"password": ANOTHER, "again": ANOTHER}


def forgotten(client: FlaskClient, settings: Settings, db: SqliteDatabase, email: str) -> str:
    """Ask for a link; the path it leads to."""
    sent = client.post("/fr/password/forgot", data={"email": email}, headers=SAME_SITE)
    assert sent.status_code == 200
    return link_in(latest(settings, db))


def state(db: SqliteDatabase) -> list[object]:
    return [db.query(f"SELECT * FROM {name}") for name in db.list_tables()]  # noqa: S608


def test_an_invitation_becomes_a_password_and_a_session(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    choosing_passwords.invite(db, OPERATOR, people.find(db, ALICE))
    link = link_in(latest(settings, db))
    before = state(db)
    for _ in range(3):
        page = client.get(link)
        assert "Bienvenue, Alice Martin" in page.text
        assert 'autocomplete="new-password"' in page.text
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-store"
    assert state(db) == before, "looking uses nothing up"
    inside = client.post(link, data=CHOSEN, headers=SAME_SITE)
    assert inside.headers["Location"] == "/fr/"
    assert "Alice Martin" in client.get("/fr/").text
    assert client.get(link).status_code == 404


@pytest.mark.parametrize(
    ("password", "again", "told"),
    [
        ("short", "short", "au moins 12 caractères"),
        ("passwordpassword", "passwordpassword", "plus courants"),
        ("acme for ever and", "acme for ever and", "acme"),
        (ANOTHER, f"{ANOTHER} ", "pas les mêmes"),
        ("z9" * 130, "z9" * 130, "au plus 256 caractères"),
    ],
)
def test_a_password_that_is_not_accepted_is_explained_and_never_shown(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, password: str, again: str, told: str
):
    token = one_time_links.make(db, "invitation", people.find(db, ALICE))
    form = {"password": password, "again": again}
    answer = client.post(f"/fr/invitation/{token}", data=form, headers=SAME_SITE)
    assert answer.status_code == 422
    assert told in answer.text
    assert f'value="{password}"' not in answer.text
    assert client.get(f"/fr/invitation/{token}").status_code == 200


def test_a_forgotten_password_takes_link_code_and_a_new_one(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    with_password(db, ALICE)
    elsewhere = accounts.open_session(db, cast.alice.person_id or "")
    link = forgotten(client, settings, db, ALICE)
    before = state(db)
    assert ALICE in client.get(link).text
    assert state(db) == before, "looking uses nothing up"
    assert client.post(link, headers=SAME_SITE).headers["Location"] == "/fr/password/code"
    assert client.get("/fr/password/new").status_code == 404, "not before the code"
    early = client.post("/fr/password/new", data=CHOSEN, headers=SAME_SITE)
    assert early.status_code == 404

    wrong = client.post("/fr/password/code", data={"code": "1"}, headers=SAME_SITE)
    assert wrong.status_code == 422
    code = code_in(latest(settings, db))
    right = client.post("/fr/password/code", data={"code": code}, headers=SAME_SITE)
    assert right.headers["Location"] == "/fr/password/new"
    done = client.post("/fr/password/new", data=CHOSEN, headers=SAME_SITE)
    assert done.headers["Location"] == "/fr/login?changed=1"

    assert "Votre mot de passe est changé" in client.get("/fr/login?changed=1").text
    assert passwords.verify(db, cast.alice.person_id, ANOTHER)
    assert not accounts.viewer_of(db, elsewhere).is_signed_in
    assert "Alice Martin" not in client.get("/fr/").text, "a reset signs nobody in"
    assert client.get(link).status_code == 404
    assert latest(settings, db)["Subject"] == "Votre mot de passe a été changé"


def test_the_authenticator_is_asked_for_by_those_who_have_one(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    with_totp(settings, db, DAN)
    link = forgotten(client, settings, db, DAN)
    client.post(link, headers=SAME_SITE)
    post(settings, db)
    assert len(letters(settings)) == 1, "no code by mail"
    assert "application d’authentification" in client.get("/fr/password/code").text
    client.post("/fr/password/code", data={"code": totp()}, headers=SAME_SITE)
    done = client.post("/fr/password/new", data=CHOSEN, headers=SAME_SITE)
    assert done.headers["Location"] == "/fr/login?changed=1"


def test_another_browser_with_the_link_has_to_give_a_code_too(
    app: Flask, settings: Settings, db: SqliteDatabase, cast: Cast
):
    with_password(db, ALICE)
    here, there = app.test_client(), app.test_client()
    link = forgotten(here, settings, db, ALICE)
    here.post(link, headers=SAME_SITE)
    code = code_in(latest(settings, db))
    here.post("/fr/password/code", data={"code": code}, headers=SAME_SITE)
    assert there.get("/fr/password/new").status_code == 404
    assert there.post("/fr/password/new", data=CHOSEN, headers=SAME_SITE).status_code == 404


def test_another_code_can_be_sent(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    with_password(db, ALICE)
    client.post(forgotten(client, settings, db, ALICE), headers=SAME_SITE)
    sent = client.post("/fr/password/code/resend", headers=SAME_SITE)
    assert sent.headers["Location"] == "/fr/password/code?sent=1"
    code = code_in(latest(settings, db))
    right = client.post("/fr/password/code", data={"code": code}, headers=SAME_SITE)
    assert right.headers["Location"] == "/fr/password/new"
    assert client.get("/fr/password/code").headers["Location"] == "/fr/password/new"


@pytest.mark.parametrize("path", ["/fr/password/reset/", "/fr/invitation/"])
def test_a_used_link_and_one_that_never_was_answer_alike(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, path: str
):
    purpose = "reset" if "reset" in path else "invitation"
    alice = people.find(db, ALICE)
    used = one_time_links.make(db, purpose, alice)  # type: ignore[arg-type]
    one_time_links.make(db, purpose, alice)  # type: ignore[arg-type]
    answers = [client.get(f"{path}{token}") for token in (used, "unknown")]
    answers += [
        client.post(f"{path}{token}", data=CHOSEN, headers=SAME_SITE) for token in (used, "unknown")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text.replace(used, "unknown") for answer in answers}) == 1


@pytest.mark.parametrize("token", ["%20", "%00", "None", "null", "%ED%A0%80", "x" * 5000])
@pytest.mark.parametrize("path", ["/fr/password/reset/", "/fr/invitation/"])
def test_a_token_nobody_was_given_opens_nothing(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, path: str, token: str
):
    for purpose in ("reset", "invitation"):
        one_time_links.make(db, purpose, people.find(db, ALICE))
    assert client.get(f"{path}{token}").status_code == 404
    assert client.post(f"{path}{token}", data=CHOSEN, headers=SAME_SITE).status_code == 404


def test_a_wrong_address_is_kept_in_its_field(client: FlaskClient):
    answer = client.post("/fr/password/forgot", data={"email": "not an address"})
    assert answer.status_code == 422
    assert 'value="not an address"' in answer.text


def test_an_invitation_opened_by_somebody_signed_in_is_for_whom_it_says(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.bob)
    token = one_time_links.make(db, "invitation", people.find(db, ALICE))
    assert ALICE in client.get(f"/fr/invitation/{token}").text
    client.post(f"/fr/invitation/{token}", data=CHOSEN, headers=SAME_SITE)
    code = code_in(latest(settings, db))
    client.post("/fr/login/code", data={"code": code}, headers=SAME_SITE)
    assert "Alice Martin" in client.get("/fr/").text
