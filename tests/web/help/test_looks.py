"""The look of an organisation reaches its people, and nobody else; what a contract tells them."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import create_app, people
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database import Row, Values
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import PersonFields, organisations
from kbsearch.people.organisations import OrganisationFields
from kbsearch.people.organisations import branding as looks
from kbsearch.people.organisations.branding import LookFields
from kbsearch.search import Results
from tests.conftest import Cast
from tests.kit.web import HTMX, hit, script, sign_in
from tests.people.organisations.test_branding import png

YESTERDAY = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()


@pytest.fixture
def dressed(db: SqliteDatabase, cast: Cast) -> Cast:
    """Acme has a look, a phone and words of its own; Globex another colour."""
    acme = organisations.find(db, "acme")
    organisations.edit(db, OPERATOR, acme, OrganisationFields(phone="01 11 11 11 11"))
    looks.dress(
        db,
        OPERATOR,
        acme.id,
        LookFields(
            accent="#b3391f", welcome_fr="Bonjour **Acme**\n\n<script>alert(1)</script>", logo=png()
        ),
    )
    looks.dress(db, OPERATOR, organisations.find(db, "globex").id, LookFields(accent="#4b3fb5"))
    return cast


def theme(page: str) -> str:
    (found,) = re.findall(r'href="(/theme/[^"]+)"', page)
    return str(found)


def logo(page: str) -> str:
    (found,) = re.findall(r'<img class="logo" src="([^"]+)" width="40" height="20"', page)
    return str(found)


def test_people_see_the_look_of_their_organisation(
    client: FlaskClient, db: SqliteDatabase, dressed: Cast
):
    sign_in(client, db, dressed.alice)
    page = client.get("/fr/").text
    assert "<strong>Acme</strong>" in page
    assert "<script>alert" not in page
    assert "iCownect" in page and "Cervo" not in page, "their products, by name"
    style = client.get(theme(page))
    assert style.content_type == "text/css; charset=utf-8"
    assert style.text == looks.style_sheet("#b3391f")
    picture = client.get(logo(page))
    assert (picture.data, picture.content_type) == (png(), "image/png")
    assert "sandbox" in picture.headers["Content-Security-Policy"]
    for answer in (style, picture):
        assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert 'style="' not in page


def test_a_look_is_served_to_its_people_and_administrators_only(
    app: Flask, db: SqliteDatabase, dressed: Cast
):
    inside = app.test_client()
    sign_in(inside, db, dressed.alice)
    page = inside.get("/fr/").text
    for viewer, status in (
        (dressed.bob, 200),
        (dressed.root, 200),
        (dressed.chloe, 404),
        (dressed.dan, 404),
        (dressed.wendy, 404),
        (dressed.nobody, 404),
    ):
        client = app.test_client()
        if viewer.is_signed_in:
            sign_in(client, db, viewer)
        for address, missing in (
            (theme(page), "/theme/nothing.000000000000.css"),
            (logo(page), "/logo/0000"),
        ):
            answer = client.get(address)
            assert answer.status_code == status, (viewer.name, address)
            if status == 404:
                told = client.get(missing).text
                assert answer.text.replace(address, missing) == told
        assert client.get("/theme/preview.css?accent=336699").status_code == (
            200 if viewer.is_administrator else 404
        )


def test_a_style_sheet_asked_by_its_old_address_is_kept_by_nobody(
    client: FlaskClient, db: SqliteDatabase, dressed: Cast
):
    sign_in(client, db, dressed.alice)
    old = theme(client.get("/fr/").text)
    looks.dress(db, OPERATOR, organisations.find(db, "acme").id, LookFields(accent="#006600"))
    assert theme(client.get("/fr/").text) != old
    answer = client.get(old)
    assert answer.text == looks.style_sheet("#006600")
    assert answer.headers["Cache-Control"] == "no-store"


def test_others_see_the_look_of_the_site(app: Flask, db: SqliteDatabase, dressed: Cast):
    for viewer in (dressed.dan, dressed.nobody):
        client = app.test_client()
        if viewer.is_signed_in:
            sign_in(client, db, viewer)
        page = client.get("/fr/").text
        assert "/theme/" not in page and "/logo/" not in page
        assert "01 11 11 11 11" not in page


def test_of_several_organisations_the_first_by_name_gives_the_look(
    client: FlaskClient, db: SqliteDatabase, dressed: Cast
):
    bob = people.find(db, "bob@acme.example")
    people.edit(db, OPERATOR, bob, PersonFields(organisations=["acme", "globex"]))
    sign_in(client, db, dressed.bob)
    assert theme(client.get("/fr/").text).startswith("/theme/acme.")
    organisations.edit(
        db, OPERATOR, organisations.find(db, "globex"), OrganisationFields(name="A Globex")
    )
    assert theme(client.get("/fr/").text).startswith("/theme/globex.")


def test_their_own_phone_is_shown_wherever_there_is_one(
    settings: Settings, db: SqliteDatabase, dressed: Cast
):
    app = create_app(replace(settings, support_phone="09 99 99 99 99"), db)
    inside, outside = app.test_client(), app.test_client()
    sign_in(inside, db, dressed.alice)
    sign_in(outside, db, dressed.chloe)
    for address in ("/fr/", "/fr/requests/new", "/fr/nowhere", "/fr/search?q=zzzz"):
        assert "01 11 11 11 11" in inside.get(address).text, address
        assert "09 99 99 99 99" not in inside.get(address).text, address
        assert "09 99 99 99 99" in outside.get(address).text, address


def test_a_welcome_in_the_other_language_says_so(
    client: FlaskClient, db: SqliteDatabase, dressed: Cast
):
    sign_in(client, db, dressed.alice)
    assert re.search(r'<section class="welcome[^>]* lang="fr"', client.get("/en/").text)
    assert not re.search(r'<section class="welcome[^>]* lang=', client.get("/fr/").text)


def test_results_ask_nothing_of_looks_and_contracts(
    app: Flask,
    client: FlaskClient,
    db: SqliteDatabase,
    dressed: Cast,
    monkeypatch: pytest.MonkeyPatch,
):
    script(app, Results((hit(),), 1))
    sign_in(client, db, dressed.alice)
    asked: list[str] = []
    query = db.query

    def listen(sql: str, values: Values | None = None) -> list[Row]:
        asked.append(sql)
        return query(sql, values)

    monkeypatch.setattr(db, "query", listen)
    assert "Réinitialiser" in client.get("/fr/search?q=mot", headers=HTMX).text
    assert asked and not any("logos" in sql for sql in asked)
    client.get("/fr/search?q=mot")
    assert sum("logos" in sql for sql in asked) == 1, "a page asks once"


def test_a_defect_is_told_without_asking_the_database(
    client: FlaskClient, db: SqliteDatabase, dressed: Cast, monkeypatch: pytest.MonkeyPatch
):
    sign_in(client, db, dressed.alice)

    def broken(*_: object) -> list[Row]:
        raise OSError("the disk is gone")

    monkeypatch.setattr(db, "query", broken)
    answer = client.get("/fr/")
    assert answer.status_code == 500
    assert "/theme/" not in answer.text


def end_contract(db: SqliteDatabase) -> None:
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(contract_ends=YESTERDAY)
    )


def test_a_contract_in_force_says_until_when(
    client: FlaskClient, db: SqliteDatabase, dressed: Cast
):
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(contract_ends="2999-12-31")
    )
    sign_in(client, db, dressed.alice)
    page = client.get("/fr/").text
    assert "contrat jusqu’au 31 décembre 2999" in page
    assert "a pris fin" not in page


def test_after_the_contract_one_still_comes_in_and_sees_how_to_renew(
    client: FlaskClient, db: SqliteDatabase, dressed: Cast
):
    end_contract(db)
    sign_in(client, db, dressed.alice)
    for address in ("/fr/", "/fr/requests/new"):
        page = client.get(address)
        assert page.status_code == 200
        banner = page.text.split('class="note warning ended-contract"')[1].split("</section>")[0]
        assert "le contrat de support a pris fin" in banner
        assert "les nouvelles demandes ne sont pas acceptées" in banner
        assert "01 11 11 11 11" in banner
    sign_in(client, db, dressed.chloe)
    assert "a pris fin" not in client.get("/fr/").text


def test_a_setting_keeps_requests_open_after_the_contract(
    settings: Settings, db: SqliteDatabase, dressed: Cast
):
    end_contract(db)
    client = create_app(replace(settings, expired_contract_requests=True), db).test_client()
    sign_in(client, db, dressed.alice)
    page = client.get("/fr/").text
    assert "a pris fin" in page
    assert "ne sont pas acceptées" not in page
