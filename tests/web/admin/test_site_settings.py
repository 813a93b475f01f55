"""Administrators choose the site's look and words, its mail and single sign-on in the browser."""

from html import unescape
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import create_app
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from tests.conftest import Cast
from tests.kit.requests import PNG
from tests.kit.web import sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def root(client: FlaskClient, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    sign_in(client, db, cast.root)
    return client


def save(client: FlaskClient, page: str, **form: object):
    return client.post(f"/en/admin/settings/{page}", data=form, headers=ORIGIN)


def test_everybody_sees_the_look_and_the_words_of_the_vendor(
    app: Flask, root: FlaskClient, db: SqliteDatabase
):
    form = {
        "site_name": "Prairial",
        "accent": "#7a1f3d",
        "home_title_fr": "Bonjour",
        "home_text_fr": "Ouvert de **9 h** à 18 h.",
        "footer_links_fr": "Prairial | https://prairial.example",
        "legal_notice_fr": "Prairial SA, Rennes",
        "logo": (BytesIO(PNG), "logo.png"),
        "favicon": (BytesIO(PNG), "icon.png"),
    }
    assert save(root, "site", **form).status_code == 303
    page = root.get("/en/admin/settings/site?done=saved").text
    assert "Saved." in page and "Chosen here." in page
    stranger = app.test_client()
    home = unescape(stranger.get("/fr/login").text)
    assert "Prairial" in home and 'href="https://prairial.example"' in home
    assert "/site-theme." in home and home.count("/site-picture/") >= 2
    theme = home.partition('href="/site-theme.')[2].partition('"')[0]
    sheet = stranger.get(f"/site-theme.{theme}")
    assert sheet.status_code == 200 and "immutable" in sheet.headers["Cache-Control"]
    digest = home.partition("/site-picture/")[2].partition('"')[0]
    assert stranger.get(f"/site-picture/{digest}").data == PNG
    assert "Prairial SA" in stranger.get("/fr/legal").text
    shown = unescape(root.get("/fr/").text)
    assert "Bonjour" in shown and "<strong>9 h</strong>" in shown
    assert "Bonjour" in root.get("/en/").text, "the other language where one has none"
    save(root, "site", site_name="Prairial", legal_notice_fr="", **{"empty.logo": "yes"})
    assert stranger.get("/fr/legal").status_code == 404


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(root: FlaskClient):
    refused = save(root, "site", site_name="Kept name", accent="red", home_text_en="Kept words")
    page = unescape(refused.text)
    assert refused.status_code == 422 and "a colour as #17494d" in page
    assert "Kept name" in page and "Kept words" in page
    assert save(root, "site", logo=(BytesIO(b"GIF89a"), "a.gif")).status_code == 422
    french = root.post("/fr/admin/settings/mail", data={"smtp_url": "http://x"}, headers=ORIGIN)
    assert "elle commence par l’un de" in unescape(french.text)


def test_how_requests_are_treated_is_chosen_and_in_force_at_once(
    root: FlaskClient, app: Flask, db: SqliteDatabase
):
    numbers = {"undo_seconds": "20", "close_after_days": "30", "search_log_days": "10"}
    boxes = {"shown.software_required": "1", "software_required": "yes"}
    assert save(root, "requests", **numbers, **boxes).status_code == 303
    settings = app.extensions["kbsearch"].settings
    assert (settings.undo_seconds, settings.close_after_days) == (20, 30)
    assert settings.software_required and settings.search_log_days == 10
    for wrong, said in (("soon", "a whole number"), ("61", "it counts seconds: 0 to 60")):
        refused = save(root, "requests", undo_seconds=wrong, close_after_days="40")
        assert refused.status_code == 422 and said in refused.text and 'value="40"' in refused.text
    french = root.post("/fr/admin/settings/requests", data={"draft_days": "0"}, headers=ORIGIN)
    assert "de 1 à 3650" in french.text
    assert (settings.undo_seconds, settings.close_after_days) == (20, 30)


def test_a_secret_is_not_shown_again_and_what_the_file_fixes_says_so(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    app = create_app(settings, db, {"mail_from": "/etc/kbsearch.toml"})
    client = app.test_client()
    sign_in(client, db, cast.root)
    url = "smtps://robot:hunter2@mail.example:465"
    assert save(client, "mail", smtp_url=url, mail_from="x@y.example").status_code == 303
    page = client.get("/en/admin/settings/mail").text
    assert "hunter2" not in page and "smtps://mail.example:465" in page
    assert "Fixed in /etc/kbsearch.toml." in page and 'name="mail_from"' not in page
    log = client.get("/en/admin/log").text
    assert "Settings changed" in log and "hunter2" not in log
    refused = save(client, "mail", smtp_url="smtps://robot:sesame@x.example", imap_url="http://x")
    assert refused.status_code == 422 and "sesame" not in refused.text
    assert "smtps://mail.example:465" in refused.text, "what is in force"


def test_single_sign_on_begins_and_ends_without_a_restart(
    app: Flask, root: FlaskClient, db: SqliteDatabase
):
    pytest.importorskip("authlib")
    stranger = app.test_client()
    assert stranger.get("/fr/login/sso").status_code == 404
    assert stranger.get("/access/jwt?jwt=x").status_code == 404
    terms = {"oidc_issuer": "https://id.example", "oidc_client_id": "kb", "oidc_name": "Acme ID"}
    assert save(root, "sign-on", **terms, **{"shown.oidc_trusts_factor": "1"}).status_code == 303
    assert "Acme ID" in stranger.get("/fr/login").text
    assert app.extensions["kbsearch"].settings.oidc_trusts_factor is False
    save(root, "sign-on", oidc_issuer="")
    assert "Acme ID" not in stranger.get("/fr/login").text


def test_nobody_else_has_these_pages(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.dan)
    assert client.get("/en/admin/settings/site").status_code == 404
    assert save(client, "site", site_name="Mine").status_code == 404
