"""The sign-in pages: in, refused, and back to what somebody was doing."""

import os
import re
import statistics
import time
from dataclasses import replace
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from kbsearch import create_app, people, resources
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people import PersonFields, organisations
from kbsearch.people.accounts import passwords, second_factor
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.accounts import sign_ins_under_way as pending
from kbsearch.people.organisations import OrganisationFields
from kbsearch.web.account import signing_in as pages
from kbsearch.web.render import person
from kbsearch.web.security import is_own_path
from kbsearch.web.tickets import show as request_pages
from tests.conftest import Cast
from tests.kit.mail import code_in, latest, post
from tests.kit.signing import PASSWORD, totp, with_password, with_totp
from tests.kit.web import HTMX, add_ticket, publish_articles, sign_in

SAMPLES = int(os.environ.get("KBSEARCH_SAMPLES", "40"))
ALICE = "alice@acme.example"
DAN = "dan@support.example"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


def give_password(
    client: FlaskClient, email: str, password: str = PASSWORD, **fields: str
) -> TestResponse:
    form = {"email": email, "password": password, **fields}
    return client.post("/fr/login", data=form, headers=SAME_SITE)


def give_code(client: FlaskClient, code: str, **fields: str) -> TestResponse:
    return client.post("/fr/login/code", data={"code": code, **fields}, headers=SAME_SITE)


def cookies(answer: TestResponse) -> dict[str, str]:
    return dict(line.split("=", 1) for line in answer.headers.getlist("Set-Cookie"))


def test_a_customer_signs_in_with_a_mailed_code(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    with_password(db, ALICE)
    asked = give_password(client, ALICE, next="/fr/search?q=mot")
    assert (asked.status_code, asked.headers["Location"]) == (303, "/fr/login/code")
    assert "kb" not in cookies(asked), "no session yet"
    page = client.get("/fr/login/code").text
    assert 'autocomplete="one-time-code"' in page
    assert ALICE in page
    inside = give_code(client, code_in(latest(settings, db)))
    assert (inside.status_code, inside.headers["Location"]) == (303, "/fr/search?q=mot")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookies(inside)["kb"].split("; "))
    home = client.get("/fr/").text
    assert "Alice Martin" in home and "Mon compte" in home
    assert "Se connecter" not in home


def test_an_agent_signs_in_with_the_authenticator_or_a_recovery_code(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    dan = with_totp(settings, db, DAN)
    recovery, *_ = second_factor.make_recovery_codes(db, dan.id)
    give_password(client, DAN)
    assert "recovery=1" in client.get("/fr/login/code").text
    assert "Code de secours" in client.get("/fr/login/code?recovery=1").text
    wrong = give_code(client, "nothing", recovery="1")
    assert wrong.status_code == 422
    assert "Code de secours" in wrong.text, "the same field is offered again"
    assert give_code(client, recovery, recovery="1").headers["Location"] == "/fr/desk"
    client.post("/fr/logout", headers=SAME_SITE)
    give_password(client, DAN)
    assert give_code(client, totp()).headers["Location"] == "/fr/desk"


def test_what_is_wrong_is_said_without_saying_which_half(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    with_password(db, ALICE)
    wrong = give_password(client, ALICE, "not the password", next="/fr/search?q=x")
    assert wrong.status_code == 422
    assert "L’adresse ou le mot de passe n’est pas le bon." in wrong.text
    assert f'value="{ALICE}"' in wrong.text, "the address stays"
    assert "not the password" not in wrong.text
    assert 'name="next" value="/fr/search?q=x"' in wrong.text
    assert 'href="#email"' in wrong.text


def test_an_unknown_address_is_answered_byte_for_byte_as_a_known_one(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    with_password(db, ALICE)
    people.disable(db, OPERATOR, with_password(db, "chloe@globex.example"))
    for path in ("/fr/login", "/fr/password/forgot"):
        answers = []
        for email in (ALICE, "stranger@acme.example", "chloe@globex.example"):
            sent = client.post(path, data={"email": email, "password": "x" * 12})
            own = ("Content-Length", "X-Request-Id")
            headers = sorted((k, v) for k, v in sent.headers if k not in own)
            answers.append((sent.status_code, headers, sent.text.replace(email, "")))
        assert answers[0] == answers[1] == answers[2]


def medians(client: FlaskClient, db: SqliteDatabase, path: str, known: str) -> tuple[float, float]:
    """Milliseconds for a known and an unknown address, some of each, in turns.

    They are those of this thread's work: what else the machine does is not the address's doing.
    """
    took: dict[str, list[float]] = {known: [], "stranger@acme.example": []}
    for _ in range(SAMPLES):
        for email, spent in took.items():
            db.execute("DELETE FROM attempts")
            begun = time.thread_time()
            client.post(path, data={"email": email, "password": "not the password"})
            spent.append((time.thread_time() - begun) * 1000)
    first, second = (statistics.median(spent) for spent in took.values())
    return first, second


@pytest.mark.parametrize("path", ["/fr/login", "/fr/password/forgot"])
def test_no_address_is_told_by_how_long_the_answer_takes(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, path: str
):
    with_password(db, ALICE)
    for _ in range(4):  # a machine that is busy with something else gets a second chance
        known, unknown = medians(client, db, path, ALICE)
        apart = abs(known - unknown)
        if apart < 5 and apart < 0.1 * max(known, unknown):
            return
    pytest.fail(f"{known:.2f} ms for a known address, {unknown:.2f} ms for an unknown one")


def test_too_many_attempts_are_told_on_the_page_with_the_address_kept(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    for _ in range(10):
        assert give_password(client, ALICE, "no").status_code == 422
    # no header makes another network of a browser (CVE-2022-35488 of Zammad)
    answer = client.post(
        "/fr/login",
        data={"email": "bob@acme.example", "password": "no"},
        headers={"X-Forwarded-For": "198.51.100.77", "X-Real-IP": "198.51.100.77"},
    )
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert 'value="bob@acme.example"' in answer.text


def test_behind_a_trusted_proxy_the_network_is_the_one_it_tells(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    behind = create_app(replace(settings, trusted_proxies=1), db).test_client()

    def attempt(email: str, forwarded: str) -> int:
        form = {"email": email, "password": "no"}
        headers = {"X-Forwarded-For": forwarded}
        return behind.post("/fr/login", data=form, headers=headers).status_code

    for number in range(10):
        # what the browser itself put in front of the proxy's own entry changes nothing
        assert attempt(f"p{number}@acme.example", f"10.0.0.{number}, 203.0.113.5") == 422
    assert attempt("q@acme.example", "10.0.0.99, 203.0.113.5") == 429
    assert attempt("q@acme.example", "203.0.113.6") == 422


def test_somebody_busy_hashing_is_a_page_that_says_when_to_come_back(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(passwords, "PATIENCE_SECONDS", 0.01)
    with passwords._place(), passwords._place():
        answer = give_password(client, ALICE)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert f'value="{ALICE}"' in answer.text
    assert client.get("/fr/").status_code == 200


def test_a_wrong_code_is_told_and_another_can_be_sent(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    with_password(db, ALICE)
    give_password(client, ALICE)
    first = code_in(latest(settings, db))
    wrong = give_code(client, "12345")
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text
    sent = client.post("/fr/login/code/resend", headers=SAME_SITE)
    assert sent.headers["Location"] == "/fr/login/code?sent=1"
    assert "Un autre code vous a été envoyé" in client.get("/fr/login/code?sent=1").text
    second = code_in(latest(settings, db))
    if first != second:
        assert give_code(client, first).status_code == 422
    assert give_code(client, second).status_code == 303


def test_the_code_of_one_browser_does_not_open_another(
    app: Flask, settings: Settings, db: SqliteDatabase, cast: Cast
):
    with_password(db, ALICE)
    here, there = app.test_client(), app.test_client()
    give_password(here, ALICE)
    code_here = code_in(latest(settings, db))
    assert give_code(there, code_here).headers["Location"] == "/fr/login?over=1"
    give_password(there, ALICE)
    code_there = code_in(latest(settings, db))
    if code_here != code_there:
        assert give_code(there, code_here).status_code == 422
    assert give_code(here, code_here).headers["Location"] == "/fr/"


def test_a_code_page_without_a_sign_in_begins_again(client: FlaskClient):
    for answer in (
        client.get("/fr/login/code"),
        give_code(client, "123456"),
        client.post("/fr/login/code/resend", headers=SAME_SITE),
    ):
        assert answer.headers["Location"] == "/fr/login?over=1"
    assert "Recommencez-la" in client.get("/fr/login?over=1").text


def test_over_https_every_cookie_is_locked_to_the_host(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    with_password(db, ALICE)
    base = "https://aide.example"
    secure = replace(settings, base_url=base)
    client = create_app(secure, db).test_client()
    form = {"email": ALICE, "password": PASSWORD}
    asked = client.post("/fr/login", data=form, base_url=base)
    code = code_in(latest(secure, db))
    inside = client.post("/fr/login/code", data={"code": code}, base_url=base, headers=SAME_SITE)
    given = cookies(asked) | cookies(inside)
    assert given.keys() == {"__Host-kb", "__Host-kb-browser", "__Host-kb-sign-in"}
    for cookie in given.values():
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
    stay = inside.headers["Strict-Transport-Security"]
    assert stay == "max-age=31536000; includeSubDomains"
    for form in ({"theme": "dark"}, {"language": "en"}):
        kept = client.post("/fr/preferences", data=form, base_url=base, headers=SAME_SITE)
        (name, cookie), *_ = cookies(kept).items()
        assert name == f"__Host-kb-{[*form][0]}"
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert 'data-theme="dark"' in client.get("/fr/", base_url=base).text
    earlier = create_app(secure, db).test_client()
    earlier.set_cookie("kb-theme", "dark", domain="aide.example")
    assert 'data-theme="dark"' in earlier.get("/fr/", base_url=base).text


def test_fields_for_passwords_hide_them_and_let_managers_help():
    templates = [*resources.folder("templates").rglob("*.html")]
    texts = "".join(path.read_text(encoding="utf-8") for path in templates)
    assert "onpaste" not in texts
    fields = re.findall(r'fields\.text\("(?:password|current|again)".*', texts)
    assert len(fields) > 3
    for field in fields:
        assert 'type="password"' in field, field
        assert re.search('autocomplete="(current|new)-password"', field), field


def test_the_session_a_browser_had_before_is_over(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    with_password(db, ALICE)
    before = sign_in(client, db, cast.bob)
    give_password(client, ALICE)
    give_code(client, code_in(latest(settings, db)))
    assert not accounts.viewer_of(db, before).is_signed_in
    assert "Alice Martin" in client.get("/fr/").text


def test_staff_without_an_authenticator_reach_nothing_but_where_it_is_set_up(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    with_password(db, DAN)
    ticket = add_ticket(db, ("agents",))
    give_password(client, DAN, next="/fr/search?q=x")
    inside = give_code(client, code_in(latest(settings, db)))
    assert inside.headers["Location"] == "/fr/account/totp"
    for path in ("/fr/", "/fr/search?q=code", f"/fr/requests/{ticket}", "/fr/requests/new"):
        assert client.get(path).headers["Location"] == "/fr/account/totp"
    assert client.get("/fr/search?q=c", headers=HTMX).headers["HX-Redirect"] == "/fr/account/totp"
    assert client.get("/healthz").status_code == 200
    assert client.post("/fr/logout", headers=SAME_SITE).headers["Location"] == "/fr/"
    assert client.get("/fr/").status_code == 200


def test_a_device_may_be_trusted_only_where_the_organisation_allows_it(
    client: FlaskClient,
    settings: Settings,
    db: SqliteDatabase,
    cast: Cast,
):
    with_password(db, ALICE)
    give_password(client, ALICE)
    assert 'name="trust"' not in client.get("/fr/login/code").text
    organisations.edit(
        db, OPERATOR, organisations.find(db, "acme"), OrganisationFields(trusted_devices=True)
    )
    assert 'name="trust"' in client.get("/fr/login/code").text
    inside = give_code(client, code_in(latest(settings, db)), trust="1")
    assert "Max-Age=2592000" in cookies(inside)["kb-device"]
    client.post("/fr/logout", headers=SAME_SITE)
    assert give_password(client, ALICE, next="/en/").headers["Location"] == "/en/"
    assert "Alice Martin" in client.get("/fr/").text


def test_whoever_is_signed_in_already_goes_on(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    sign_in(client, db, cast.alice)
    assert client.get("/fr/login?next=/fr/search").headers["Location"] == "/fr/search"


def test_the_page_says_whom_to_phone(settings: Settings, db: SqliteDatabase):
    phoned = create_app(replace(settings, support_phone="01 23 45 67 89"), db).test_client()
    page = phoned.get("/fr/login").text
    assert "01 23 45 67 89" in page.partition("Pas encore de compte")[2]
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page


def test_a_stranger_is_sent_to_sign_in_and_comes_back(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    ticket = add_ticket(db, ("agents", f"user:{cast.alice.person_id}"))
    with_password(db, ALICE)
    sent = client.get(f"/fr/requests/{ticket}?a=1&b=é")
    way = sent.headers["Location"]
    assert sent.status_code == 303
    page = client.get(way).text
    kept = re.search(r'name="next" value="([^"]+)"', page)
    assert kept is not None
    give_password(client, ALICE, next=kept[1].replace("&amp;", "&"))
    back = give_code(client, code_in(latest(settings, db))).headers["Location"]
    assert urlsplit(back).path == f"/fr/requests/{ticket}"
    assert client.get(back).status_code == 200


def test_where_all_is_closed_a_hidden_article_and_a_missing_one_ask_a_stranger_alike(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    publish_articles(settings, db)
    hidden, missing = client.get("/fr/articles/contrat"), client.get("/fr/articles/aucune")
    assert hidden.status_code == missing.status_code == 303
    assert hidden.headers["Location"] == "/fr/login?next=/fr/articles/contrat"
    assert hidden.headers["Location"].replace("contrat", "aucune") == missing.headers["Location"]
    assert client.get("/fr/articles/mot-de-passe").status_code == 200
    sign_in(client, db, cast.alice)
    assert client.get("/fr/articles/contrat").status_code == 200
    assert client.get("/fr/articles/aucune").status_code == 404


def test_on_a_public_site_both_are_missing_with_a_word_about_signing_in(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    public = replace(settings, default_audience="everyone")
    publish_articles(public, db)
    client = create_app(public, db).test_client()
    hidden, missing = client.get("/fr/articles/contrat"), client.get("/fr/articles/aucune")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.text.replace("contrat", "aucune") == missing.text
    assert 'href="/fr/login?next=/fr/articles/contrat"' in hidden.text


@examples(max_examples=200, deadline=None)
@given(path=st.text(max_size=30) | st.text(alphabet="/\\:.@%2f5c\t\r\n e", max_size=12))
@example(path="//e.example")
@example(path="/\\e.example")
@example(path="\\\\e.example")
@example(path="/%2fe.example")
@example(path="/%5Ce.example")
@example(path="/%09/e.example")
@example(path="%2f%2fe.example")
@example(path="/\t/e.example")
@example(path="/\r\nLocation: //e")
@example(path="https:e.example")
@example(path="/fr/../..//e.example")
@example(path="/.//e.example")
@example(path="/%2e/%2fe.example")
def test_nobody_is_sent_to_another_site(path: str):
    """Whatever a browser makes of it, the address it goes to is of this site."""
    if is_own_path(path):
        once = unquote(path.partition("?")[0].partition("#")[0])
        for said in (path, once):
            gone = urljoin("https://aide.example/fr/login", said.replace("\\", "/"))
            assert urlsplit(gone).netloc == "aide.example", (path, gone)
            assert not {"\t", "\r", "\n"} & set(said)


@pytest.mark.parametrize("path", ["//e.example", "https://e.example", "/\\e", "/%2fe.example"])
def test_a_foreign_destination_is_dropped(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast, path: str
):
    with_password(db, ALICE)
    assert 'name="next"' not in client.get(f"/fr/login?next={quote(path)}").text
    give_password(client, ALICE, next=path)
    assert give_code(client, code_in(latest(settings, db))).headers["Location"] == "/fr/"


@pytest.fixture
def with_form(app: Flask) -> FlaskClient:
    """The application with a form for people only, as other pages have."""

    def send():
        person()
        from flask import request

        return {"sent": dict(request.form)}

    app.add_url_rule("/fr/form", "form", send, methods=["POST"])
    return app.test_client()


FORM = {"subject": "Imprimante « bloquée »", "body": "ligne 1\r\nligne <2>", "key": "abc"}


def test_what_was_typed_in_an_ended_session_is_offered_again_and_sent(
    with_form: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    with_password(db, ALICE)
    sign_in(with_form, db, cast.alice)
    db.execute("UPDATE sessions SET seen_at = '2020-01-01T00:00:00Z'")
    sent = with_form.post("/fr/form", data=FORM, headers=SAME_SITE)
    assert sent.headers["Location"] == "/fr/login?next=/fr/login/kept"
    assert "Ce que vous avez écrit est conservé" in with_form.get(sent.headers["Location"]).text
    give_password(with_form, ALICE, next="/fr/login/kept")
    back = give_code(with_form, code_in(latest(settings, db))).headers["Location"]
    page = with_form.get(back).text
    assert "ligne &lt;2&gt;" in page
    assert "<dd>abc</dd>" not in page, "what is technical is sent, not shown"
    again = with_form.post(back, data=FORM, headers=SAME_SITE)
    assert (again.status_code, again.headers["Location"]) == (307, "/fr/form")
    answer = with_form.post(again.headers["Location"], data=FORM, headers=SAME_SITE)
    assert answer.json == {"sent": FORM}
    assert with_form.get(back).status_code == 404, "it is not offered a second time"


def test_what_somebody_typed_is_not_shown_to_a_colleague_at_the_same_computer(
    with_form: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(with_form, db, cast.alice)
    db.execute("UPDATE sessions SET seen_at = '2020-01-01T00:00:00Z'")
    with_form.post("/fr/form", data=FORM, headers=SAME_SITE)
    sign_in(with_form, db, cast.bob)
    assert with_form.get("/fr/login/kept").status_code == 404
    sign_in(with_form, db, cast.alice)
    assert with_form.get("/fr/login/kept").status_code == 200
    left = with_form.post("/fr/login/kept", data={"kb-leave": "1"}, headers=SAME_SITE)
    assert left.headers["Location"] == "/fr/"
    assert db.query("SELECT * FROM kept_forms") == []


def test_nothing_is_kept_of_strangers(with_form: FlaskClient, db: SqliteDatabase, cast: Cast):
    sent = with_form.post("/fr/form", data=FORM)
    assert sent.headers["Location"] == "/fr/login"
    with_form.set_cookie("kb", "made-up")
    with_form.set_cookie("kb-browser", "made-up")
    sent = with_form.post("/fr/form", data=FORM, headers=SAME_SITE)
    assert sent.headers["Location"] == "/fr/login"
    assert db.query("SELECT * FROM kept_forms") == []


def test_a_piece_of_a_page_sends_the_whole_browser_to_sign_in(client: FlaskClient):
    answer = client.get("/fr/requests/x", headers=HTMX)
    assert answer.headers["HX-Redirect"].startswith("/fr/login?next=")
    assert answer.text == ""


@pytest.mark.parametrize("end", ["logout", "disable", "role", "password", "idle", "absolute"])
def test_an_old_cookie_is_worth_nothing(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast, end: str
):
    ticket = add_ticket(db, ("agents", f"user:{cast.alice.person_id}"))
    token = sign_in(client, db, cast.alice)
    assert client.get(f"/fr/requests/{ticket}").status_code == 200
    alice = people.find(db, ALICE)
    if end == "logout":
        client.post("/fr/logout", headers=SAME_SITE)
    elif end == "disable":
        people.disable(db, OPERATOR, alice)
    elif end == "role":
        people.edit(db, OPERATOR, alice, PersonFields(role="agent"))
    elif end == "password":
        passwords.replace(db, alice, passwords.hash(PASSWORD))
    elif end == "idle":
        db.execute("UPDATE sessions SET seen_at = '2020-01-01T00:00:00Z'")
    else:
        db.execute("UPDATE sessions SET expires_at = '2020-01-01T00:00:00Z'")
    client.set_cookie("kb", token)
    answer = client.get(f"/fr/requests/{ticket}")
    assert answer.headers["Location"].startswith("/fr/login")
    assert "Alice Martin" not in client.get("/fr/").text


def test_forms_take_their_own_fields_and_no_other(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    """Mass assignment once changed passwords elsewhere (CVE-2025-48476)."""
    with_password(db, ALICE)
    extra = {"role": "administrator", "person_id": cast.root.person_id or "", "factor": "totp"}
    give_password(client, ALICE, **extra)
    inside = give_code(client, code_in(latest(settings, db)), **extra)
    viewer = accounts.viewer_of(db, cookies(inside)["kb"].split(";")[0])
    assert viewer == cast.alice


def test_no_letter_waits_for_who_was_refused(
    client: FlaskClient, settings: Settings, db: SqliteDatabase, cast: Cast
):
    give_password(client, ALICE)
    post(settings, db)
    assert not (settings.data_path / "mail").exists()
    assert db.query("SELECT * FROM pending_sign_ins") == []


def test_everything_behind_the_door_is_marked_so(app: Flask):
    """The pages an enrolling session may reach are those that say so, and the way out."""
    assert set(pages.OPEN_ENDPOINTS) <= {rule.endpoint for rule in app.url_map.iter_rules()}
    assert request_pages.bp.name not in pages.OPEN_WHILE_ENROLLING
    assert pages.bp.name not in pages.OPEN_WHILE_ENROLLING
    assert pending.LIFETIME.total_seconds() == 600
