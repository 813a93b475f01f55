"""Password, authenticator, recovery codes, devices and sessions, from the account page."""

import re
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from kbsearch import people
from kbsearch.access import Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people.accounts import passwords, second_factor
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.accounts import sign_ins_under_way as pending
from tests.kit.engines import kept
from tests.kit.security_log import events_about
from tests.kit.web import sign_in

HERE = {"Sec-Fetch-Site": "same-origin"}
PASSWORD = "correct horse battery staple"
CODES = re.compile(r"[0-9a-z]{4}(?:-[0-9a-z]{4}){3}")


@pytest.fixture
def session(client: FlaskClient, db: SqliteDatabase, alice: Viewer) -> str:
    """Alice's, who signed in a moment ago with her password and a code."""
    passwords.keep(db, people.find(db, alice.email), passwords.hash(PASSWORD))
    token = sign_in(client, db, alice)
    accounts.mark_proved(db, token)
    return token


def grow_old(db: SqliteDatabase, session: str) -> None:
    """As if password and code had been given eleven minutes ago."""
    accounts.mark_proved(db, session, at=datetime.now(UTC) - timedelta(minutes=11))


def enrol(client: FlaskClient) -> tuple[str, list[str]]:
    """Set up an authenticator; its secret and the recovery codes."""
    client.post("/fr/account/totp", headers=HERE)
    page = client.get("/fr/account/totp").text
    found = re.search(r'<code id="key">([A-Z2-7 ]+)</code>', page)
    assert found is not None
    secret = found[1].replace(" ", "")
    code = pyotp.TOTP(secret).now()
    answer = client.post("/fr/account/totp/code", data={"code": code}, headers=HERE)
    assert answer.status_code == 200, answer.text
    return secret, CODES.findall(answer.text)


def test_every_page_that_changes_a_lock_asks_for_proof(app: Flask):
    guarded = {
        rule.endpoint.removeprefix("locks.")
        for rule in app.url_map.iter_rules()
        if hasattr(app.view_functions[rule.endpoint], "asks_for_proof")
    }
    assert guarded == {
        "password", "change_password", "totp", "offer", "confirm", "remove", "make_codes",
        "end_session", "end_others",
        "personal_tokens.new", "personal_tokens.add", "consent.ask", "consent.decide",
        *("passkeys." + name for name in ("index", "show", "offer", "add", "rename", "remove")),
    }  # fmt: skip


def test_an_old_proof_is_asked_for_again(
    client: FlaskClient, db: SqliteDatabase, alice: Viewer, session: str
):
    grow_old(db, session)
    for path in ("password", "totp"):
        answer = client.get(f"/fr/account/{path}")
        assert answer.headers["Location"] == f"/fr/account/confirm?next=/fr/account/{path}"
    kept = db.query("SELECT password_hash FROM people WHERE email = :e", {"e": alice.email})
    for path in (
        "password",
        "totp",
        "totp/code",
        "totp/removal",
        "recovery-codes",
        "sessions/removal",
    ):
        answer = client.post(f"/fr/account/{path}", data={"password": "x" * 20}, headers=HERE)
        assert answer.headers["Location"].startswith("/fr/account/confirm?next=")
    assert kept == db.query("SELECT password_hash FROM people WHERE email = :e", {"e": alice.email})
    assert db.query("SELECT 1 FROM authenticator_offers") == []


def test_giving_the_proof_leads_back(
    client: FlaskClient, db: SqliteDatabase, settings: Settings, session: str
):
    grow_old(db, session)
    asked = client.get("/fr/account/totp").headers["Location"]
    page = client.get(asked).text
    assert 'name="next" value="/fr/account/totp"' in page
    wrong = client.post(
        "/fr/account/confirm", data={"current": "x", "next": "/fr/account/totp"}, headers=HERE
    )
    assert wrong.status_code == 422 and '<a href="#current">' in wrong.text
    assert 'name="next" value="/fr/account/totp"' in wrong.text
    answer = client.post(
        "/fr/account/confirm", data={"current": PASSWORD, "next": "/fr/account/totp"}, headers=HERE
    )
    assert answer.headers["Location"] == "/fr/account/confirm"
    assert "alice@acme.example" in client.get("/fr/account/confirm").text
    waiting = pending.find_id(db, db.query("SELECT id FROM pending_sign_ins")[0]["id"])
    code = pending.make_code(db, settings, waiting)
    answer = client.post("/fr/account/confirm/code", data={"code": code}, headers=HERE)
    assert answer.headers["Location"] == "/fr/account/totp"
    assert client.get("/fr/account/totp").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["https://evil.example", "//evil.example", "/\\evil", "/fr/", "/fr/account/\\e", "/en/account"],
)
def test_the_proof_leads_nowhere_else(client: FlaskClient, session: str, path: str):
    page = client.get("/fr/account/confirm", query_string={"next": path}).text
    assert 'name="next" value="/fr/account/security"' in page


def test_an_authenticator_is_set_up_and_its_secret_never_shown_again(
    client: FlaskClient, db: SqliteDatabase, settings: Settings, alice: Viewer, session: str
):
    other = accounts.open_session(db, str(alice.person_id))
    secret, codes = enrol(client)
    assert len(codes) == 10
    assert second_factor.has_totp(db, str(alice.person_id))
    assert not accounts.viewer_of(db, other).is_signed_in, "other sessions end"
    assert not accounts.viewer_of(db, session).is_signed_in, "this one has another token"
    for path in ("", "/security", "/totp", "/data"):
        page = client.get(f"/fr/account{path}")
        assert page.status_code == 200
        assert secret not in page.text.replace(" ", "")
        assert not any(code in page.text for code in codes)
    everything = kept(db)
    assert secret.encode() not in everything
    assert not any(code.encode() in everything for code in codes)
    kinds = [event.kind for event in events_about(db, str(alice.person_id))]
    assert {"authenticator.added", "recovery_codes.made"} <= set(kinds)


def test_the_qr_code_has_no_style_and_says_the_key(client: FlaskClient, session: str):
    client.post("/fr/account/totp", headers=HERE)
    page = client.get("/fr/account/totp").text
    drawn = page[page.index('<svg width="') : page.index("</svg>", page.index('<svg width="'))]
    assert "style=" not in drawn and "<style" not in drawn
    assert 'role="img"' in page


def test_a_wrong_first_code_changes_nothing(
    client: FlaskClient, db: SqliteDatabase, alice: Viewer, session: str
):
    client.post("/fr/account/totp", headers=HERE)
    answer = client.post("/fr/account/totp/code", data={"code": "12345"}, headers=HERE)
    assert answer.status_code == 422
    assert '<a href="#code">' in answer.text and 'id="key"' in answer.text
    assert not second_factor.has_totp(db, str(alice.person_id))


def test_recovery_codes_are_made_anew(
    client: FlaskClient, db: SqliteDatabase, alice: Viewer, session: str
):
    _, before = enrol(client)
    answer = client.post("/fr/account/recovery-codes", headers=HERE)
    after = CODES.findall(answer.text)
    assert len(after) == 10 and not set(after) & set(before)
    assert answer.headers["Cache-Control"] == "no-store"
    assert not second_factor.use_recovery_code(db, str(alice.person_id), before[0])
    assert second_factor.use_recovery_code(db, str(alice.person_id), after[0])
    assert "9 codes de secours" in client.get("/fr/account/security").text


def test_there_are_no_recovery_codes_without_an_authenticator(client: FlaskClient, session: str):
    assert client.post("/fr/account/recovery-codes", headers=HERE).status_code == 404


def test_a_customer_may_do_without_and_an_agent_may_not(
    client: FlaskClient, db: SqliteDatabase, alice: Viewer, dan: Viewer, session: str
):
    enrol(client)
    assert "totp/removal" in client.get("/fr/account/totp").text
    answer = client.post("/fr/account/totp/removal", headers=HERE)
    assert answer.headers["Location"] == "/fr/account/security?done=totp_removed"
    assert not second_factor.has_totp(db, str(alice.person_id))

    accounts.mark_proved(db, sign_in(client, db, dan))
    enrol(client)
    assert "totp/removal" not in client.get("/fr/account/totp").text
    assert client.post("/fr/account/totp/removal", headers=HERE).status_code == 422
    assert second_factor.has_totp(db, str(dan.person_id))


def test_who_owes_an_authenticator_sets_it_up_before_anything_else(
    client: FlaskClient, db: SqliteDatabase, dan: Viewer
):
    token = accounts.open_session(db, str(dan.person_id), enrolling=True)
    accounts.mark_proved(db, token)
    client.set_cookie("kb", token)
    for path in ("", "/security", "/notifications", "/password"):
        assert client.get(f"/fr/account{path}").headers["Location"] == "/fr/account/totp"
    assert client.post("/fr/account/data", headers=HERE).status_code == 303
    enrol(client)
    assert client.get("/fr/account").status_code == 200, "a full session now"


def test_a_new_password_signs_out_everywhere_else(
    client: FlaskClient, db: SqliteDatabase, alice: Viewer, session: str
):
    other = accounts.open_session(db, str(alice.person_id))
    chosen = "quiet rivers remember snow"
    sent = {"current": PASSWORD, "password": chosen, "again": chosen}
    answer = client.post("/fr/account/password", data=sent, headers=HERE)
    assert answer.headers["Location"] == "/fr/account/security?done=password_changed"
    assert client.get("/fr/account/security").status_code == 200
    for token in (session, other):
        assert not accounts.viewer_of(db, token).is_signed_in
    assert passwords.verify(db, alice.person_id, chosen)
    told = db.query("SELECT subject FROM outbox WHERE kind = 'password.changed'")
    assert told == [{"subject": alice.person_id}]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"current": "wrong", "password": "quiet rivers remember"}, "current"),
        ({"current": PASSWORD, "password": "short"}, "password"),
        ({"current": PASSWORD, "password": "quiet rivers remember", "again": "other"}, "again"),
    ],
)
def test_a_password_that_is_refused_is_not_kept_on_the_page(
    client: FlaskClient, db: SqliteDatabase, alice: Viewer, session: str, sent: dict[str, str],
    field: str,
):  # fmt: skip
    answer = client.post(
        "/fr/account/password", data={"again": sent["password"], **sent}, headers=HERE
    )
    assert answer.status_code == 422
    assert f'<a href="#{field}">' in answer.text
    assert not any(f'value="{text}"' in answer.text for text in sent.values())
    assert passwords.verify(db, alice.person_id, PASSWORD)


def test_sessions_are_listed_and_ended(
    client: FlaskClient, db: SqliteDatabase, alice: Viewer, bob: Viewer, session: str
):
    phone = accounts.open_session(db, str(alice.person_id), "iPhone Safari")
    tablet = accounts.open_session(db, str(alice.person_id), "iPad Safari")
    bobs = accounts.open_session(db, str(bob.person_id), "Windows Firefox")
    page = client.get("/fr/account/security").text
    assert "Safari, iPhone" in page and "Safari, iPad" in page and "Firefox, Windows" not in page
    ids = {s.user_agent: s.id for s in accounts.list_sessions(db, str(alice.person_id))}
    client.post(f"/fr/account/sessions/{ids['iPhone Safari']}/removal", headers=HERE)
    assert not accounts.viewer_of(db, phone).is_signed_in
    assert accounts.viewer_of(db, tablet).is_signed_in
    client.post("/fr/account/sessions/removal", headers=HERE)
    assert not accounts.viewer_of(db, tablet).is_signed_in
    assert accounts.viewer_of(db, session).is_signed_in
    foreign = accounts.list_sessions(db, str(bob.person_id))[0].id
    answer = client.post(f"/fr/account/sessions/{foreign}/removal", headers=HERE)
    assert answer.status_code == 404
    assert accounts.viewer_of(db, bobs).is_signed_in


def test_trusted_devices_are_listed_and_forgotten(
    client: FlaskClient, db: SqliteDatabase, alice: Viewer, session: str
):
    token = second_factor.trust_device(db, str(alice.person_id), user_agent="iPhone Safari")
    page = client.get("/fr/account/security").text
    assert "Safari, iPhone" in page and token not in page
    (device,) = second_factor.list_devices(db, str(alice.person_id))
    client.post(f"/fr/account/devices/{device.id}/removal", headers=HERE)
    assert not second_factor.is_trusted(db, str(alice.person_id), token)
    again = client.post(f"/fr/account/devices/{device.id}/removal", headers=HERE)
    assert again.status_code == 404


@pytest.mark.parametrize("path", ["confirm/code", "confirm/resend"])
def test_a_proof_that_ran_out_begins_again(client: FlaskClient, session: str, path: str):
    answer = client.post(f"/fr/account/{path}", data={"code": "123456"}, headers=HERE)
    assert answer.headers["Location"] == "/fr/account/confirm"


def test_another_code_is_mailed_three_times_an_hour(
    client: FlaskClient, db: SqliteDatabase, session: str
):
    client.post("/fr/account/confirm", data={"current": PASSWORD}, headers=HERE)
    for _ in range(3):
        answer = client.post("/fr/account/confirm/resend", headers=HERE)
        assert answer.headers["Location"] == "/fr/account/confirm?done=resent"
    answer = client.post("/fr/account/confirm/resend", headers=HERE)
    assert answer.status_code == 429 and 'action="/fr/account/confirm/code"' in answer.text
    wanted = db.query("SELECT COUNT(*) AS n FROM outbox WHERE kind = :k", {"k": "code.wanted"})
    assert wanted[0]["n"] == 4
