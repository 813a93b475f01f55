"""Signing in at a provider: a real one on loopback, and one that lies in every way there is."""

import base64
import hashlib
import hmac
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import OctKey, RSAKey
from werkzeug.test import TestResponse

from kbsearch import create_app, limits, people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.accounts.signing_in import Caller
from kbsearch.people.accounts.single_sign_on import arrivals, identities, journeys
from kbsearch.web.security import HEADERS
from tests.conftest import Cast
from tests.kit.providers import (
    ALICE,
    CLIENT,
    SUBJECT,
    Puppet,
    free_port,
    puppet_provider,
    real_provider,
    sent_along,
    sign_in_there,
)
from tests.kit.web import sign_in

HERE = "http://127.0.0.1:8080"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with real_provider() as address:
        yield address


@pytest.fixture
def puppet() -> Iterator[Puppet]:
    with puppet_provider() as provider:
        yield provider


def offering(settings: Settings, issuer: str, **changes: Any) -> Settings:
    usual = {"oidc_issuer": issuer, "oidc_client_id": CLIENT, "oidc_client_secret": "s e+cret"}
    return replace(settings, **{**usual, **changes})


def visitor(settings: Settings, db: SqliteDatabase, issuer: str, **changes: Any) -> FlaskClient:
    return create_app(offering(settings, issuer, **changes), db).test_client()


def bind(db: SqliteDatabase, viewer: Viewer, issuer: str, subject: str = SUBJECT) -> None:
    identities.bind(db, OPERATOR, people.find(db, viewer.email), issuer, subject)


def leave(client: FlaskClient, path: str = "/fr/login/sso") -> str:
    """Press the button; the provider's address."""
    answer = client.get(path)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def come_back(
    client: FlaskClient, puppet: Puppet, path: str = "/fr/login/sso", **changes: Any
) -> TestResponse:
    """The whole way with a puppet that signs good claims, but for the changes."""
    sent = sent_along(leave(client, path))
    puppet.id_token = puppet.sign(puppet.claims(sent["nonce"], **changes))
    return client.get(f"/login/sso/callback?code=c&state={sent['state']}")


def is_in(client: FlaskClient, db: SqliteDatabase) -> str:
    """The address of whoever is signed in."""
    cookie = client.get_cookie("kb")
    return accounts.viewer_of(db, cookie.value).email if cookie else ""


def test_somebody_bound_comes_in_and_lands_where_they_were_going(
    settings: Settings, db: SqliteDatabase, cast: Cast, issuer: str
):
    bind(db, cast.alice, issuer)
    client = visitor(settings, db, issuer)
    there = leave(client, "/en/login/sso?next=/en/requests/new%3Fsubject%3Dprinter")
    back = sign_in_there(there, sub=SUBJECT)
    assert back.startswith(f"{HERE}/login/sso/callback?")
    answer = client.get(back.removeprefix(HERE))
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"] == "/en/requests/new?subject=printer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert is_in(client, db) == "alice@acme.example"


def test_what_is_sent_along_is_fresh_and_says_nothing(
    settings: Settings, db: SqliteDatabase, issuer: str
):
    client = visitor(settings, db, issuer)
    first, second = (sent_along(leave(client)) for _ in range(2))
    assert first["redirect_uri"] == f"{HERE}/login/sso/callback"
    assert (first["response_type"], first["code_challenge_method"]) == ("code", "S256")
    assert first["scope"] == "openid"
    fresh = ("state", "nonce", "code_challenge")
    assert all(first[name] != second[name] and len(first[name]) >= 43 for name in fresh)
    kept = db.query("SELECT * FROM journeys")
    assert len(kept) == 2
    assert first["state"] not in str(kept)
    assert "s e+cret" not in str(first)


def test_the_code_is_redeemed_with_our_verifier_and_secret(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet
):
    bind(db, cast.alice, puppet.issuer)
    client = visitor(settings, db, puppet.issuer)
    sent = sent_along(leave(client))
    puppet.id_token = puppet.sign(puppet.claims(sent["nonce"]))
    client.get(f"/login/sso/callback?code=the+code&state={sent['state']}")
    digest = hashlib.sha256(puppet.form["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == sent["code_challenge"]
    assert puppet.form["code"] == "the code"
    assert puppet.form["redirect_uri"] == sent["redirect_uri"]
    credentials = base64.b64encode(b"help-centre:s+e%2Bcret").decode()
    assert puppet.authorization == f"Basic {credentials}"
    assert is_in(client, db) == "alice@acme.example"


def test_a_provider_that_takes_the_secret_in_the_form_gets_it_there(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet
):
    bind(db, cast.alice, puppet.issuer)
    puppet.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    client = visitor(settings, db, puppet.issuer)
    assert come_back(client, puppet).status_code == 303
    assert puppet.form["client_secret"] == "s e+cret"
    assert puppet.authorization is None


def test_the_host_of_a_request_does_not_change_where_the_provider_sends_people(
    settings: Settings, db: SqliteDatabase, issuer: str
):
    client = visitor(settings, db, issuer)
    answer = client.get("/fr/login/sso", headers={"Host": "localhost:6666"})
    assert sent_along(answer.headers["Location"])["redirect_uri"].startswith(HERE)
    assert client.get("/fr/login/sso", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example/", "/\\evil", "javascript:1"]
)
def test_nobody_is_sent_to_another_site_afterwards(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet, path: str
):
    bind(db, cast.alice, puppet.issuer)
    client = visitor(settings, db, puppet.issuer)
    answer = come_back(client, puppet, f"/en/login/sso?next={path}")
    assert answer.headers["Location"] == "/en/"


def test_coming_in_gives_a_new_session_and_ends_the_one_of_before(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet
):
    bind(db, cast.alice, puppet.issuer)
    client = visitor(settings, db, puppet.issuer)
    before = sign_in(client, db, cast.bob)
    come_back(client, puppet)
    after = client.get_cookie("kb")
    assert after and after.value != before
    assert not accounts.viewer_of(db, before).is_signed_in
    assert is_in(client, db) == "alice@acme.example"


def test_over_https_the_cookie_of_the_journey_is_locked_to_the_host(
    settings: Settings, db: SqliteDatabase, puppet: Puppet
):
    secure = replace(settings, base_url="https://aide.example")
    client = visitor(secure, db, puppet.issuer)
    answer = client.get("/fr/login/sso", base_url="https://aide.example")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-kb-sso=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


# What a provider, or whoever plays one, may sign. The key is the right one unless said otherwise.
LIES: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "of another sign-in"},
    "no nonce": {"nonce": None},
    "another audience": {"aud": "another-site"},
    "another audience, issued to us": {"aud": "another-site", "azp": CLIENT},
    "no audience": {"aud": None},
    "several audiences, issued to another": {"aud": [CLIENT, "b"], "azp": "b"},
    "several audiences, issued to nobody": {"aud": [CLIENT, "b"]},
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "expired": {"exp": int(time.time()) - 3600},
    "no expiry": {"exp": None},
    "an expiry in words": {"exp": "tomorrow"},
    "from tomorrow": {"iat": int(time.time()) + 86400},
    "not yet": {"nbf": int(time.time()) + 3600},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a number for a subject": {"sub": 248289761001},
    "a subject on two lines": {"sub": "248289761001\n"},
    "the hash of another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("lie", LIES)
def test_claims_that_are_not_for_this_sign_in_let_nobody_in(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet, lie: str
):
    bind(db, cast.alice, puppet.issuer)
    client = visitor(settings, db, puppet.issuer)
    answer = come_back(client, puppet, **LIES[lie])
    assert answer.status_code == 403
    assert "n’a pas pu être vérifiée" in answer.text
    assert is_in(client, db) == ""


def test_the_table_above_begins_from_claims_that_let_in(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet
):
    bind(db, cast.alice, puppet.issuer)
    assert come_back(visitor(settings, db, puppet.issuer), puppet).status_code == 303


def unsigned(puppet: Puppet, nonce: str) -> str:
    signed = puppet.sign(puppet.claims(nonce)).split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{head}.{signed[1]}."


def with_public_key_as_secret(puppet: Puppet, nonce: str) -> str:
    body = puppet.sign(puppet.claims(nonce)).split(".")[1]
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=").decode()
    signed = hmac.digest(puppet.key.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{base64.urlsafe_b64encode(signed).rstrip(b'=').decode()}"


def with_client_secret(puppet: Puppet, nonce: str) -> str:
    return puppet.sign(puppet.claims(nonce), OctKey.import_key(b"s" * 32), alg="HS256")


def with_another_key(puppet: Puppet, nonce: str) -> str:
    return puppet.sign(puppet.claims(nonce), RSAKey.generate_key(2048, {"kid": "one"}))


def with_a_key_of_its_own(puppet: Puppet, nonce: str) -> str:
    other = RSAKey.generate_key(2048, {"kid": "two"})
    return puppet.sign(puppet.claims(nonce), other, kid="two", jwk=other.as_dict(private=False))


def with_claims_changed(puppet: Puppet, nonce: str) -> str:
    head, _, signature = puppet.sign(puppet.claims(nonce)).split(".")
    body = puppet.sign(puppet.claims(nonce, sub="other")).split(".")[1]
    return f"{head}.{body}.{signature}"


def with_an_algorithm_it_does_not_offer(puppet: Puppet, nonce: str) -> str:
    return puppet.sign(puppet.claims(nonce), alg="RS512")


def garbage(puppet: Puppet, nonce: str) -> str:
    return "..."


def endless(puppet: Puppet, nonce: str) -> str:
    return puppet.sign(puppet.claims(nonce, padding="x" * 20_000))


FORGERIES = [
    unsigned,
    with_public_key_as_secret,
    with_client_secret,
    with_another_key,
    with_a_key_of_its_own,
    with_claims_changed,
    with_an_algorithm_it_does_not_offer,
    garbage,
    endless,
]


@pytest.mark.parametrize("forge", FORGERIES)
def test_a_forged_token_lets_nobody_in(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet, forge: Any
):
    bind(db, cast.alice, puppet.issuer)
    # what it says of its algorithms must not help either
    puppet.metadata = {"id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]}
    client = visitor(settings, db, puppet.issuer)
    sent = sent_along(leave(client))
    puppet.id_token = forge(puppet, sent["nonce"])
    answer = client.get(f"/login/sso/callback?code=c&state={sent['state']}")
    assert answer.status_code == 403
    assert is_in(client, db) == ""


def test_a_new_key_of_the_provider_is_found(
    settings: Settings,
    db: SqliteDatabase,
    cast: Cast,
    puppet: Puppet,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("kbsearch.people.accounts.single_sign_on.provider.NEW_KEYS_SECONDS", 0.0)
    bind(db, cast.alice, puppet.issuer)
    client = visitor(settings, db, puppet.issuer)
    assert come_back(client, puppet).status_code == 303
    puppet.key = RSAKey.generate_key(2048, {"kid": "two"})
    sent = sent_along(leave(client))
    puppet.id_token = puppet.sign(puppet.claims(sent["nonce"]), kid="two")
    answer = client.get(f"/login/sso/callback?code=c&state={sent['state']}")
    assert answer.status_code == 303


def test_what_the_provider_publishes_is_asked_for_once(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet
):
    bind(db, cast.alice, puppet.issuer)
    client = visitor(settings, db, puppet.issuer)
    for _ in range(3):
        assert come_back(client, puppet).status_code == 303
    assert puppet.asked.count("/.well-known/openid-configuration") == 1
    assert puppet.asked.count("/jwks") == 1


def test_a_state_is_good_once(settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet):
    bind(db, cast.alice, puppet.issuer)
    client = visitor(settings, db, puppet.issuer)
    sent = sent_along(leave(client))
    puppet.id_token = puppet.sign(puppet.claims(sent["nonce"]))
    address = f"/login/sso/callback?code=c&state={sent['state']}"
    assert client.get(address).status_code == 303
    again = client.get(address)
    assert again.status_code == 422
    assert "Set-Cookie" not in again.headers


def test_a_sign_in_ends_in_the_browser_it_began_in(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet
):
    bind(db, cast.alice, puppet.issuer)
    app = create_app(offering(settings, puppet.issuer), db)
    attacker, victim = app.test_client(), app.test_client()
    sent = sent_along(leave(attacker))
    leave(victim)
    puppet.id_token = puppet.sign(puppet.claims(sent["nonce"]))
    answer = victim.get(f"/login/sso/callback?code=c&state={sent['state']}")
    assert answer.status_code == 422
    assert is_in(victim, db) == ""
    assert "/token" not in puppet.asked


def test_two_tabs_of_a_browser_both_come_back(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet
):
    bind(db, cast.alice, puppet.issuer)
    client = visitor(settings, db, puppet.issuer)
    for sent in [sent_along(leave(client)) for _ in range(2)]:
        puppet.id_token = puppet.sign(puppet.claims(sent["nonce"]))
        answer = client.get(f"/login/sso/callback?code=c&state={sent['state']}")
        assert answer.status_code == 303


def test_a_journey_is_over_after_ten_minutes(db: SqliteDatabase):
    left = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
    journey = journeys.depart(db, "browser", "/fr/", "fr", at=left)
    with pytest.raises(Invalid):
        journeys.arrive(db, "browser", journey.state, at=left + journeys.LIFETIME)
    within = left + journeys.LIFETIME - timedelta(seconds=1)
    assert journeys.arrive(db, "browser", journey.state, at=within) == journey


def test_journeys_nobody_came_back_from_are_forgotten(db: SqliteDatabase):
    left = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
    journeys.depart(db, "browser", "/fr/", "fr", at=left)
    journeys.depart(db, "browser", "/fr/", "fr", at=left + timedelta(hours=1))
    assert len(db.query("SELECT 1 FROM journeys")) == 1


@pytest.mark.parametrize(
    "query", ["", "?state=", "?code=c", "?state=%00", "?state=a&state=b&code=%ff"]
)
def test_a_way_back_that_never_began_is_explained(
    settings: Settings, db: SqliteDatabase, puppet: Puppet, query: str
):
    client = visitor(settings, db, puppet.issuer)
    answer = client.get(f"/login/sso/callback{query}", headers={"Accept-Language": "en"})
    assert answer.status_code == 422
    assert "Start again." in answer.text
    assert 'href="/en/login/sso"' in answer.text
    assert puppet.asked == []


def test_whoever_turns_back_at_the_provider_may_try_again(
    settings: Settings, db: SqliteDatabase, puppet: Puppet
):
    client = visitor(settings, db, puppet.issuer)
    sent = sent_along(leave(client, "/fr/login/sso?next=/fr/search"))
    answer = client.get(
        f"/login/sso/callback?error=access_denied&error_description=<b>secret&state={sent['state']}"
    )
    assert answer.status_code == 403
    assert "vous avez fait demi-tour" in answer.text
    assert "secret" not in answer.text
    assert 'href="/fr/login/sso?next=/fr/search"' in answer.text


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"error": "invalid_grant"}, 400),
        ({"error": "invalid_client"}, 401),
        ({"id_token": None}, 200),
        ({"id_token": ["a"]}, 200),
        ({"id_token": {"a": 1}}, 200),
        ({"access_token": 5, "id_token": "a.b.c"}, 200),
    ],
)
def test_a_code_that_is_refused_lets_nobody_in(
    settings: Settings,
    db: SqliteDatabase,
    cast: Cast,
    puppet: Puppet,
    answer: dict[str, Any],
    status: int,
):
    bind(db, cast.alice, puppet.issuer)
    client = visitor(settings, db, puppet.issuer)
    puppet.answer, puppet.status = answer, status
    refused = come_back(client, puppet)
    assert refused.status_code == 403
    assert is_in(client, db) == ""


def test_a_provider_that_is_down_is_told_at_once_and_left_alone(
    settings: Settings, db: SqliteDatabase
):
    client = visitor(settings, db, f"http://127.0.0.1:{free_port()}")
    answer = client.get("/fr/login/sso")
    assert answer.status_code == 503
    assert "ne répond pas" in answer.text
    assert answer.headers["Retry-After"] == "10"


@pytest.mark.parametrize("status", [302, 500, 503])
def test_what_one_of_them_is_answered_pauses_nobody_else(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet, status: int
):
    bind(db, cast.alice, puppet.issuer)
    client = visitor(settings, db, puppet.issuer)
    puppet.status = status
    assert come_back(client, puppet).status_code == 503
    puppet.status = 200
    assert come_back(client.application.test_client(), puppet).status_code == 303


def test_a_provider_that_never_answers_holds_nobody_for_long(
    settings: Settings, db: SqliteDatabase, puppet: Puppet, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("kbsearch.messages.delivery.fetching.STEP_SECONDS", 0.2)
    puppet.gate.clear()
    client = visitor(settings, db, puppet.issuer)
    assert [client.get("/fr/login/sso").status_code for _ in range(5)] == [503] * 5
    assert len(puppet.asked) == 1, "which is not answered yet"
    puppet.gate.set()


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "http://internal.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
        {"userinfo_endpoint": "ftp://x"},
    ],
)
def test_a_provider_that_publishes_nonsense_is_not_used(
    settings: Settings, db: SqliteDatabase, puppet: Puppet, metadata: dict[str, Any]
):
    puppet.metadata = metadata
    answer = visitor(settings, db, puppet.issuer).get("/fr/login/sso")
    assert answer.status_code == 503


@pytest.mark.parametrize("keys", [{}, {"keys": "x"}, {"keys": [1]}, {"keys": [{"kty": "RSA"}]}])
def test_keys_that_cannot_be_read_let_nobody_in(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet, keys: Any
):
    bind(db, cast.alice, puppet.issuer)
    client = visitor(settings, db, puppet.issuer)
    sent = sent_along(leave(client))
    puppet.id_token = puppet.sign(puppet.claims(sent["nonce"]))
    puppet.key = type("Keys", (), {"as_dict": None})  # type: ignore[assignment]
    usual = puppet.respond
    puppet.respond = lambda path: (200, keys) if path == "/jwks" else usual(path)  # type: ignore[method-assign]
    answer = client.get(f"/login/sso/callback?code=c&state={sent['state']}")
    assert answer.status_code == 403


def test_nobody_is_let_in_by_their_address_alone(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet
):
    """A mailbox changes hands, and a provider may let people type any address."""
    client = visitor(settings, db, puppet.issuer)
    answer = come_back(client, puppet)
    assert answer.status_code == 403
    assert "aucun compte ouvert" in answer.text
    assert SUBJECT not in answer.text
    assert is_in(client, db) == ""
    assert identities.list_all(db) == []


def test_no_account_is_ever_made(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet
):
    before = people.list_all(db)
    client = visitor(settings, db, puppet.issuer, oidc_link_by_email="verified")
    answer = come_back(client, puppet, sub="9", email="eve@evil.example")
    assert answer.status_code == 403
    assert people.list_all(db) == before


def test_the_rule_binds_a_verified_address_once(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet
):
    client = visitor(settings, db, puppet.issuer, oidc_link_by_email="verified")
    assert come_back(client, puppet, email="Alice@Acme.example").status_code == 303
    (bound,) = identities.list_all(db)
    assert (bound.email, bound.subject) == ("alice@acme.example", SUBJECT)
    # from now on the address counts for nothing: hers has changed there, and somebody has her old
    assert come_back(client, puppet, email="alice.new@acme.example").status_code == 303
    assert is_in(client, db) == "alice@acme.example"
    newcomer = visitor(settings, db, puppet.issuer, oidc_link_by_email="verified")
    refused = come_back(newcomer, puppet, sub="666")
    assert refused.status_code == 403
    assert "aucun compte ouvert" in refused.text


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email": "alice@acme.example.evil.example"},
        {"email": "not an address"},
        {"email": ["alice@acme.example"]},
        {"email": "dan@support.example"},
        {"email": "root@support.example"},
    ],
)
def test_the_rule_binds_nothing_else(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet, claims: dict[str, Any]
):
    client = visitor(settings, db, puppet.issuer, oidc_link_by_email="verified")
    assert come_back(client, puppet, **claims).status_code == 403
    assert identities.list_all(db) == []


def test_an_address_kept_out_of_the_token_is_asked_for(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet
):
    puppet.user_info = dict(ALICE)
    client = visitor(settings, db, puppet.issuer, oidc_link_by_email="verified")
    assert come_back(client, puppet, email=None, email_verified=None).status_code == 303
    assert is_in(client, db) == "alice@acme.example"


def test_user_information_about_somebody_else_is_refused(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet
):
    puppet.user_info = {**ALICE, "sub": "another"}
    client = visitor(settings, db, puppet.issuer, oidc_link_by_email="verified")
    assert come_back(client, puppet, email=None).status_code == 403


def test_a_closed_account_answers_as_a_missing_one(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet
):
    bind(db, cast.alice, puppet.issuer)
    people.disable(db, OPERATOR, people.find(db, "alice@acme.example"))
    closed = come_back(visitor(settings, db, puppet.issuer), puppet)
    missing = come_back(visitor(settings, db, puppet.issuer), puppet, sub="nobody")
    assert closed.status_code == missing.status_code == 403
    assert closed.text == missing.text


@pytest.mark.parametrize(
    ("role", "changes", "claims", "needs"),
    [
        ("alice", {}, {}, False),
        ("alice", {"oidc_trusts_factor": False}, {}, True),
        ("alice", {"oidc_trusts_factor": False}, {"amr": ["pwd", "mfa"]}, False),
        ("dan", {}, {}, True),
        ("dan", {}, {"amr": ["pwd"]}, True),
        ("dan", {}, {"amr": "mfa"}, True),
        ("dan", {}, {"amr": ["mfa"]}, False),
        ("root", {}, {"acr": "gold"}, True),
        ("root", {"oidc_acr": ("gold",)}, {"acr": "gold"}, False),
        ("root", {"oidc_acr": ("gold",)}, {"acr": ["gold"]}, True),
    ],
)
def test_whose_second_factor_the_provider_stands_for(
    settings: Settings,
    db: SqliteDatabase,
    cast: Cast,
    role: str,
    changes: dict[str, Any],
    claims: dict[str, Any],
    needs: bool,
):
    bind(db, getattr(cast, role), "https://id.example", "s")
    rules = arrivals.rules_of_openid(offering(settings, "https://id.example", **changes))
    arrival = arrivals.welcome(
        db, rules, Caller(), {"iss": "https://id.example", "sub": "s", **claims}
    )
    assert arrival.person.email.startswith(role)
    assert arrival.needs_factor is needs


def test_staff_the_provider_asked_for_a_password_alone_type_their_code(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet
):
    bind(db, cast.dan, puppet.issuer)
    client = visitor(settings, db, puppet.issuer)
    answer = come_back(client, puppet)
    assert answer.headers["Location"] == "/fr/login/code"
    assert is_in(client, db) == ""
    again = visitor(settings, db, puppet.issuer)
    assert come_back(again, puppet, amr=["pwd", "mfa"]).headers["Location"] == "/fr/desk"
    assert is_in(again, db) == "dan@support.example"


def test_the_security_log_tells_who_came_in_and_who_did_not(
    settings: Settings, db: SqliteDatabase, cast: Cast, puppet: Puppet
):
    bind(db, cast.alice, puppet.issuer)
    come_back(visitor(settings, db, puppet.issuer), puppet)
    come_back(visitor(settings, db, puppet.issuer), puppet, sub="somebody else")
    told = db.query("SELECT kind, person_id, details FROM security_log WHERE kind LIKE 'sign_in.%'")
    alice = cast.alice.person_id
    assert [(row["kind"], row["person_id"]) for row in told] == [
        ("sign_in.succeeded", alice),
        ("sign_in.failed", None),
    ]
    assert all("provider" in row["details"] for row in told)
    assert "somebody else" not in str(told)


def test_a_network_that_floods_the_provider_is_told_to_wait(
    settings: Settings, db: SqliteDatabase, puppet: Puppet, monkeypatch: pytest.MonkeyPatch
):
    limit = replace(limits.DEPARTURES_FROM_NETWORK, windows=((2, timedelta(minutes=5)),))
    monkeypatch.setattr(limits, "DEPARTURES_FROM_NETWORK", limit)
    client = visitor(settings, db, puppet.issuer)
    answers = [client.get("/fr/login/sso") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [303, 303, 429]
    assert int(answers[2].headers["Retry-After"]) > 200


def test_the_sign_in_page_offers_the_provider_and_keeps_where_one_was_going(
    settings: Settings, db: SqliteDatabase, client: FlaskClient, puppet: Puppet
):
    offered = visitor(settings, db, puppet.issuer, oidc_name="Acme <SA>")
    page = offered.get("/fr/login?next=/fr/requests/new%3Fsubject%3Da%26severity%3Dminor").text
    link = 'href="/fr/login/sso?next=/fr/requests/new%3Fsubject%3Da%26severity%3Dminor"'
    assert link in page
    assert "Se connecter avec Acme &lt;SA&gt;" in page
    assert "/login/sso" not in client.get("/fr/login").text


def test_pages_of_single_sign_on_carry_the_headers_of_all_pages(
    settings: Settings, db: SqliteDatabase, puppet: Puppet
):
    client = visitor(settings, db, puppet.issuer)
    for path in ("/fr/login/sso", "/login/sso/callback"):
        answer = client.get(path)
        for name, value in HEADERS.items():
            assert answer.headers.getlist(name) == [value], (path, name)
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"


def test_without_the_settings_there_is_nothing_to_visit(app: Flask, client: FlaskClient):
    for path in ("/fr/login/sso", "/login/sso/callback", "/access/jwt?jwt=a.b.c"):
        assert client.get(path).status_code == 404
