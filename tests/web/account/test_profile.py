"""The account page: profile, mobile number, notifications, own data."""

import json
import re

import pytest
from flask.testing import FlaskClient

from kbsearch import people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import PersonFields, profiles
from kbsearch.people import notification_choices as preferences
from kbsearch.people.accounts import mobiles
from tests.conftest import Cast, take_over
from tests.kit.web import sign_in

HERE = {"Sec-Fetch-Site": "same-origin"}
PROFILE = {"name": "Alice Martin", "language": "fr", "time_zone": "Europe/Paris"}


@pytest.fixture
def browser(client: FlaskClient, db: SqliteDatabase, alice: Viewer) -> FlaskClient:
    """Alice's, signed in."""
    sign_in(client, db, alice)
    return client


def test_the_header_leads_to_the_account(browser: FlaskClient):
    assert 'href="/fr/account"' in browser.get("/fr/").text


@pytest.mark.parametrize("page", ["", "/mobile", "/notifications", "/data"])
def test_nobody_has_no_account(client: FlaskClient, page: str):
    answer = client.get(f"/fr/account{page}")
    assert answer.status_code in (303, 401)
    assert "Martin" not in answer.text


def test_a_profile_is_changed_and_shown_in_its_language(browser: FlaskClient, db: SqliteDatabase):
    sent = {"name": "Alice Durand", "language": "en", "time_zone": "Asia/Tokyo"}
    answer = browser.post("/fr/account", data=sent, headers=HERE)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/en/account?done=saved"
    page = browser.get(answer.headers["Location"]).text
    assert "Your changes are saved." in page
    assert 'value="Alice Durand"' in page
    assert re.search(r'value="Asia/Tokyo" selected', page)


def test_a_single_key_does_nothing_for_who_says_so(browser: FlaskClient, db: SqliteDatabase):
    assert "data-single-keys" not in browser.get("/fr/").text
    browser.post("/fr/account", data=PROFILE, headers=HERE)
    assert 'data-single-keys="off"' in browser.get("/fr/").text
    browser.post("/fr/account", data={**PROFILE, "single_keys": "on"}, headers=HERE)
    assert "data-single-keys" not in browser.get("/fr/").text


def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(browser: FlaskClient):
    sent = {"name": "", "language": "en", "time_zone": "Asia/Tokyo"}
    answer = browser.post("/fr/account", data=sent, headers=HERE)
    assert answer.status_code == 422
    assert '<a href="#name">' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert 'value="Asia/Tokyo" selected' in answer.text
    assert "<title>Erreur" in answer.text


def test_fields_that_are_not_on_the_form_change_nothing(
    browser: FlaskClient, db: SqliteDatabase, alice: Viewer
):
    before = people.find(db, alice.email)
    extra = {
        "email": "root@evil.example",
        "role": "administrator",
        "organisations": "globex",
        "id": "1",
        "mobile": "+33612345678",
        "mobile_verified_at": "2026-01-01T00:00:00Z",
        "password_hash": "x",
        "disabled_at": "2026-01-01T00:00:00Z",
        "created_at": "2000-01-01T00:00:00Z",
    }
    sent = {**PROFILE, "single_keys": "on", **extra}
    assert browser.post("/fr/account", data=sent, headers=HERE).status_code == 303
    after = people.find(db, alice.email)
    assert after == people.edit(db, OPERATOR, before, PersonFields(language="fr"))
    assert profiles.find(db, alice).mobile is None


def test_another_site_changes_nothing(browser: FlaskClient, db: SqliteDatabase, alice: Viewer):
    answer = browser.post(
        "/fr/account", data={**PROFILE, "name": "X"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert people.find(db, alice.email).name == "Alice Martin"


def test_a_mobile_number_is_added_with_its_code(
    browser: FlaskClient, db: SqliteDatabase, settings: Settings, alice: Viewer
):
    answer = browser.post("/fr/account/mobile", data={"mobile": "06 12 34 56 78"}, headers=HERE)
    assert answer.headers["Location"] == "/fr/account/mobile"
    assert "+33 6 12 34 56 78" in browser.get("/fr/account/mobile").text
    request = mobiles.waiting(db, alice)
    assert request is not None
    code = mobiles.code_of(settings, request)
    assert code not in browser.get("/fr/account/mobile").text
    wrong = browser.post("/fr/account/mobile/code", data={"code": "x"}, headers=HERE)
    assert wrong.status_code == 422 and '<a href="#code">' in wrong.text
    answer = browser.post("/fr/account/mobile/code", data={"code": code}, headers=HERE)
    page = browser.get(answer.headers["Location"]).text
    assert "+33 6 12 34 56 78" in page and "Votre numéro de mobile est vérifié." in page
    assert preferences.wants(db, alice.person_id or "", "ticket.solved", "sms")
    assert "Des SMS vous y préviennent" in page
    assert browser.post("/fr/account/mobile/silence", headers=HERE).status_code == 303
    assert not preferences.wants_texts(db, alice)
    assert "Aucun SMS n’y est envoyé" in browser.get("/fr/account").text
    browser.post("/fr/account/mobile/removal", headers=HERE)
    assert "+33 6 12 34 56 78" not in browser.get("/fr/account").text


def test_a_number_that_gets_no_message_is_kept_in_its_field(browser: FlaskClient):
    answer = browser.post("/en/account/mobile", data={"mobile": "01 23 45 67 89"}, headers=HERE)
    assert answer.status_code == 422
    assert 'value="01 23 45 67 89"' in answer.text
    assert "is not a mobile number" in answer.text


def test_notifications_are_chosen(browser: FlaskClient, db: SqliteDatabase, alice: Viewer):
    sent = {"wanted": ["ticket.replied:mail", "ticket.solved:mail"]}
    assert browser.post("/fr/account/notifications", data=sent, headers=HERE).status_code == 303
    chosen = {choice for choice, wanted in preferences.find(db, alice).items() if wanted}
    assert chosen == {("ticket.replied", "mail"), ("ticket.solved", "mail")}
    page = browser.get("/fr/account/notifications").text
    assert page.count(" checked") == 2
    assert page.count(" disabled") == 6, "text messages, without a number"


def test_agents_choose_among_events_of_theirs_and_gather_their_mail(
    client: FlaskClient, db: SqliteDatabase, dan: Viewer
):
    sign_in(browser := client, db, dan)
    sent = {"wanted": ["ticket.assigned:mail"], "digest": "daily"}
    assert browser.post("/fr/account/notifications", data=sent, headers=HERE).status_code == 303
    chosen = {choice for choice, wanted in preferences.find(db, dan).items() if wanted}
    assert chosen == {("ticket.assigned", "mail")}
    page = browser.get("/fr/account/notifications").text
    assert '<option value="daily" selected>' in page and "Une demande m’est attribuée" in page
    wrong = browser.post("/fr/account/notifications", data={"digest": "yearly"}, headers=HERE)
    assert wrong.status_code == 422
    assert preferences.digest(db, str(dan.person_id)) == "daily"


def test_a_customer_has_nothing_gathered(browser: FlaskClient, db: SqliteDatabase, alice: Viewer):
    assert 'name="digest"' not in browser.get("/fr/account/notifications").text
    sent = {"wanted": ["ticket.replied:mail"], "digest": "daily"}
    browser.post("/fr/account/notifications", data=sent, headers=HERE)
    assert preferences.digest(db, str(alice.person_id)) == "none"


@pytest.mark.parametrize("wanted", ["ticket.replied:sms", "ticket.noted:mail", ":", "x"])
def test_a_notification_one_cannot_have_is_refused(
    browser: FlaskClient, db: SqliteDatabase, alice: Viewer, wanted: str
):
    answer = browser.post("/fr/account/notifications", data={"wanted": wanted}, headers=HERE)
    assert answer.status_code == 422
    assert preferences.wants(db, str(alice.person_id), "ticket.replied", "mail")


def test_the_copy_of_ones_data_is_a_file(browser: FlaskClient, db: SqliteDatabase, cast: Cast):
    take_over(db, subject="MINE")
    take_over(
        db, number=2, subject="FOREIGN", requester="chloe@globex.example", organisation="globex"
    )
    answer = browser.post("/fr/account/data", headers=HERE)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    copy = json.loads(answer.text)
    assert copy["profile"]["email"] == "alice@acme.example"
    assert "MINE" in answer.text and "FOREIGN" not in answer.text
    kinds = {event["kind"] for event in copy["security_log"]}
    assert kinds == {"person.added", "data.exported"}


def test_looking_at_the_account_changes_nothing(
    browser: FlaskClient, db: SqliteDatabase, alice: Viewer
):
    written = db.version()
    for page in ("", "/mobile", "/notifications", "/data", "/security", "/password", "/totp"):
        assert browser.get(f"/fr/account{page}").status_code in (200, 303)
    assert db.version() == written


def test_too_many_messages_are_refused_on_the_form_itself(browser: FlaskClient):
    for _ in range(3):
        browser.post("/en/account/mobile", data={"mobile": "06 12 34 56 78"}, headers=HERE)
    answer = browser.post("/en/account/mobile", data={"mobile": "06 12 34 56 78"}, headers=HERE)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 3000
    assert 'action="/en/account/mobile"' in answer.text and 'id="problem"' in answer.text
