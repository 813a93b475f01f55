"""/access/jwt: hand-overs by the vendor's application, good ones and all the others."""

import base64
import hashlib
import hmac
import json
import re
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from kbsearch import create_app, people, resources
from kbsearch.access import OPERATOR
from kbsearch.config import Settings
from kbsearch.database.engines import open_database
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Forbidden
from kbsearch.people import PersonFields
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.accounts.signing_in import Caller
from kbsearch.people.accounts.single_sign_on import handovers, identities, used_handovers
from kbsearch.web.security import FROM_ANYWHERE
from tests.conftest import Cast
from tests.kit.providers import Puppet
from tests.kit.web import sign_in

SECRET = "a secret of at least thirty-two bytes"
HERE = "http://127.0.0.1:8080"
CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://app.vendor.example"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, jwt_shared_secret=SECRET)


def encoded(value: Any) -> str:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def sign(claims: Any, secret: str | bytes = SECRET, **header: Any) -> str:
    """Sign as a vendor does without any library."""
    signed = f"{encoded({'typ': 'JWT', 'alg': 'HS256', **header})}.{encoded(claims)}"
    key = secret if isinstance(secret, bytes) else secret.encode()
    return f"{signed}.{encoded(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def said(**changes: Any) -> dict[str, Any]:
    """Good claims for Alice but for the changes; None takes one away."""
    usual = {
        "iat": int(time.time()),
        "jti": secrets.token_hex(8),
        "email": "alice@acme.example",
        "name": "Alice Martin",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def address(token: str, **more: str) -> str:
    return f"/access/jwt?{urlencode({'jwt': token, **more})}"


def is_in(client: FlaskClient, db: SqliteDatabase) -> str:
    """The address of whoever is signed in."""
    cookie = client.get_cookie("kb")
    return accounts.viewer_of(db, cookie.value).email if cookie else ""


def test_a_customer_of_the_application_comes_in(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    answer = client.get(address(sign(said()), return_to="/en/requests/new"), headers=CROSS_SITE)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/en/requests/new"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert is_in(client, db) == "alice@acme.example"


def test_a_form_posted_from_the_application_comes_in_too(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    form = {"jwt": sign(said()), "return_to": "/fr/search"}
    answer = client.post("/access/jwt", data=form, headers=CROSS_SITE)
    assert answer.status_code == 303
    assert "Set-Cookie" not in answer.headers
    there = client.get(answer.headers["Location"], headers=CROSS_SITE)
    assert there.headers["Location"] == "/fr/search"
    assert is_in(client, db) == "alice@acme.example"


def test_home_is_where_one_goes_without_a_wish_in_ones_language(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    people.edit(db, OPERATOR, people.find(db, "alice@acme.example"), PersonFields(language="en"))
    answer = client.get(address(sign(said())), headers={"Accept-Language": "fr"})
    home = client.get(answer.headers["Location"], headers={"Accept-Language": "fr"})
    assert home.headers["Location"] == "/en/"


@pytest.mark.parametrize(
    ("wish", "path"),
    [
        ("/fr/articles/x?h=a#b", "/fr/articles/x?h=a#b"),
        (f"{HERE}/fr/search?q=a", "/fr/search?q=a"),
        (f"{HERE}.evil.example/", "/"),
        (f"{HERE}//evil.example", "/"),
        (f"{HERE}@evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("evil", "/"),
        ("", "/"),
    ],
)
def test_nobody_is_sent_to_another_site(client: FlaskClient, cast: Cast, wish: str, path: str):
    headers = {"Accept-Language": "fr"}
    answer = client.get(address(sign(said()), return_to=wish), headers=headers)
    assert answer.headers["Location"] == path


REFUSED: dict[str, str] = {
    "another secret": sign(said(), "another secret of thirty-two bytes and more"),
    "an empty secret": sign(said(), b"\0"),
    "too old": sign(said(iat=int(time.time()) - 400)),
    "from the future": sign(said(iat=int(time.time()) + 400)),
    "no iat": sign(said(iat=None)),
    "iat in words": sign(said(iat="now")),
    "iat true": sign(said(iat=True)),
    "iat endless": sign(said(iat=float("inf"))),
    "iat not a number": sign(said(iat=float("nan"))),
    "iat beyond any date": sign(said(iat=10**400)),
    "expired by its own word": sign(said(exp=int(time.time()) - 1)),
    "exp in words": sign(said(exp="tomorrow")),
    "not yet": sign(said(nbf=int(time.time()) + 400)),
    "nbf in words": sign(said(nbf="yesterday")),
    "nbf not a number": sign(said(nbf=float("nan"))),
    "no jti": sign(said(jti=None)),
    "empty jti": sign(said(jti="")),
    "blank jti": sign(said(jti="  ")),
    "a number for jti": sign(said(jti=5)),
    "a list for jti": sign(said(jti=["a"])),
    "jti without end": sign(said(jti="x" * 5000)),
    "no email": sign(said(email=None)),
    "no address": sign(said(email="alice")),
    "two addresses": sign(said(email="alice@acme.example,bob@acme.example")),
    "no name": sign(said(name=None)),
    "no claims": sign([]),
    "a text for claims": sign("alice@acme.example"),
    "not JSON": sign(b"{"),
    "deep": sign(b"[" * 9000),
    "alg none": f"{encoded({'alg': 'none'})}.{encoded(said())}.",
    "alg none, signed": sign(said(), alg="none"),
    "alg NONE": sign(said(), alg="NONE"),
    "alg HS512": sign(said(), alg="HS512"),
    "alg RS256 over the secret": sign(said(), alg="RS256"),
    "no alg": sign(said(), alg=None),
    "alg a list": sign(said(), alg=["HS256"]),
    "critical headers": sign(said(), crit=["exp"]),
    "unencoded": sign(said(), b64=False, crit=["b64"]),
    "RS256 with a key of its own": Puppet().sign(said()),
    "no signature": sign(said()).rpartition(".")[0] + ".",
    "two parts": "a.b",
    "five parts": "a.b.c.d.e",
    "empty": "",
    "blank": " ",
    "nul": "\0",
    "not ASCII": "é.é.é",
    "long": "x" * 200_000,
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_believed_lets_nobody_in(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, case: str
):
    answer = client.get(address(REFUSED[case]), headers={"Accept-Language": "en"})
    assert answer.status_code == 403
    assert "too old, was already used or could not be verified" in answer.text
    assert is_in(client, db) == ""


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_no_text_breaks_the_reading_of_a_token(head: str, body: str, signature: str):
    settings = Settings(jwt_shared_secret=SECRET)
    for token in (
        f"{head}.{body}.{signature}",
        f"{encoded(head.encode('utf-8', 'surrogatepass'))}.{encoded(body)}.{encoded(signature)}",
    ):
        with pytest.raises(Forbidden):
            handovers.read(settings, token)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries(
        {"iat": json_values, "jti": json_values, "email": json_values, "name": json_values},
        optional={"exp": json_values, "nbf": json_values, "external_id": json_values},
    ),
    st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "cty", "zip"]), json_values),
)
def test_no_claims_and_no_header_break_the_reading(claims: Any, header: Any):
    with pytest.raises(Forbidden):
        handovers.read(Settings(jwt_shared_secret=SECRET), sign(claims, **header))


@pytest.mark.parametrize("age", [-29, 0, 175])
def test_clocks_may_differ_a_little(client: FlaskClient, db: SqliteDatabase, cast: Cast, age: int):
    token = sign(said(iat=int(time.time()) - age))
    assert client.get(address(token)).status_code == 303


@pytest.mark.parametrize(
    "email",
    ["nobody@acme.example", "dan@support.example", "wendy@support.example", "root@support.example"],
)
def test_strangers_and_staff_are_sent_to_the_phone(
    client: FlaskClient, db: SqliteDatabase, cast: Cast, email: str
):
    answer = client.get(address(sign(said(email=email))), headers={"Accept-Language": "en"})
    assert answer.status_code == 403
    assert "no open customer account" in answer.text
    assert is_in(client, db) == ""


def test_a_closed_account_and_a_missing_one_answer_alike(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    people.disable(db, OPERATOR, people.find(db, "alice@acme.example"))
    closed = client.get(address(sign(said())))
    missing = client.get(address(sign(said(email="nobody@acme.example"))))
    assert closed.status_code == missing.status_code == 403
    assert closed.text == missing.text


def test_a_hand_over_lets_in_once(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    token = sign(said())
    assert client.get(address(token)).status_code == 303
    again = client.application.test_client()
    assert again.get(address(token)).status_code == 403
    same_jti = sign(said(jti=said_jti(token), name="Another"))
    assert again.get(address(same_jti)).status_code == 403


def said_jti(token: str) -> str:
    body = token.split(".")[1]
    jti: str = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["jti"]
    return jti


def test_of_twenty_at_the_same_moment_one_comes_in(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    handover = handovers.read(settings, sign(said(external_id="42")))
    everybody_ready = threading.Barrier(20)

    def try_it(_: int) -> bool:
        mine = open_database(settings.database_address)
        everybody_ready.wait()
        try:
            handovers.redeem(mine, settings, Caller(), handover)
        except Forbidden:
            return False
        finally:
            mine.close()
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(try_it, range(20))) == 1
    assert len(db.query("SELECT 1 FROM sessions")) == 1


def test_the_security_log_tells_who_was_handed_over_and_who_was_not(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    token = sign(said())
    for address_of in (token, token, sign(said(email="dan@support.example"))):
        client.application.test_client().get(address(address_of))
    told = db.query("SELECT kind, person_id, details FROM security_log WHERE kind LIKE 'sign_in.%'")
    assert [(row["kind"], row["person_id"]) for row in told] == [
        ("sign_in.succeeded", cast.alice.person_id),
        ("sign_in.failed", cast.alice.person_id),
        ("sign_in.failed", cast.dan.person_id),
    ]
    assert all("handover" in row["details"] for row in told)


def test_a_refused_one_is_not_remembered_and_an_old_one_is_forgotten(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    client.get(address(sign(said(email="nobody@acme.example"))))
    assert db.query("SELECT 1 FROM used_handovers") == []
    client.get(address(sign(said())))
    used_handovers.forget_expired(db)
    assert len(db.query("SELECT 1 FROM used_handovers")) == 1
    used_handovers.forget_expired(db, at=datetime.now(UTC) + timedelta(days=2))
    assert db.query("SELECT 1 FROM used_handovers") == []


def test_the_external_id_finds_the_account_when_its_address_has_changed(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    client.get(address(sign(said(external_id="42"))))
    client.get(address(sign(said(external_id="42", email="alice.new@acme.example"))))
    assert is_in(client, db) == "alice@acme.example"
    (bound,) = identities.list_all(db)
    assert (bound.issuer, bound.subject) == ("jwt", "42")


def test_an_address_with_another_external_id_is_somebody_else(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    """Alice left, and the application gave her address to a newcomer."""
    client.get(address(sign(said(external_id="42"))))
    newcomer = client.application.test_client()
    answer = newcomer.get(address(sign(said(external_id="43"))))
    assert answer.status_code == 403
    assert is_in(newcomer, db) == ""


def test_an_account_is_opened_where_the_settings_say_so(
    settings: Settings, db: SqliteDatabase, cast: Cast
):
    client = create_app(replace(settings, jwt_creates_accounts=True), db).test_client()
    claims = said(email="Eve@Acme.example", name="Eve Noir", organization="Acme", external_id="7")
    assert client.get(address(sign(claims))).status_code == 303
    eve = people.find(db, "eve@acme.example")
    assert (eve.name, eve.role, eve.organisations) == ("Eve Noir", "customer", ("acme",))
    assert is_in(client, db) == "eve@acme.example"


@pytest.mark.parametrize("organisation", [None, "", "Initech", "acme; DROP", 5, ["acme"]])
def test_no_account_is_opened_without_an_organisation_that_exists(
    settings: Settings, db: SqliteDatabase, cast: Cast, organisation: Any
):
    client = create_app(replace(settings, jwt_creates_accounts=True), db).test_client()
    claims = said(email="eve@acme.example", organization=organisation)
    assert client.get(address(sign(claims))).status_code == 403
    assert "eve@acme.example" not in [person.email for person in people.list_all(db)]


def test_no_account_is_opened_unless_the_settings_say_so(client: FlaskClient, cast: Cast):
    claims = said(email="eve@acme.example", organization="acme")
    assert client.get(address(sign(claims))).status_code == 403


def test_claims_change_nobody_who_exists(client: FlaskClient, db: SqliteDatabase, cast: Cast):
    before = people.find(db, "alice@acme.example")
    claims = said(name="Somebody Else", organization="globex", role="administrator")
    client.get(address(sign(claims)))
    assert people.find(db, "alice@acme.example") == before


def test_whoever_is_signed_in_as_somebody_else_is_asked_first(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.bob)
    token = sign(said())
    page = client.get(address(token, return_to="/fr/search"), headers=CROSS_SITE)
    assert page.status_code == 200
    assert "Bob Durand" in page.text and "Alice Martin" in page.text
    assert is_in(client, db) == "bob@acme.example"
    form = {"jwt": token, "return_to": "/fr/search"}
    refused = client.post("/access/jwt/confirmed", data=form, headers=CROSS_SITE)
    assert refused.status_code == 403
    assert is_in(client, db) == "bob@acme.example"
    own = {"Sec-Fetch-Site": "same-origin"}
    answer = client.post("/access/jwt/confirmed", data=form, headers=own)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/fr/search")
    assert is_in(client, db) == "alice@acme.example"


def test_whoever_is_signed_in_already_is_not_asked(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    before = sign_in(client, db, cast.alice)
    assert client.get(address(sign(said()))).status_code == 303
    assert not accounts.viewer_of(db, before).is_signed_in
    assert is_in(client, db) == "alice@acme.example"


def test_nothing_but_hand_overs_saml_and_opt_outs_may_be_posted_from_another_site(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    rules = [rule for rule in client.application.url_map.iter_rules() if "POST" in rule.methods]  # type: ignore[operator]
    exempt = {rule.rule for rule in rules if rule.endpoint in FROM_ANYWHERE}
    opt_outs = "/<any(fr, en):lang>/unsubscribe/<token>"
    assert exempt - {"/login/saml/acs"} == {"/access/jwt", opt_outs}  # that one: test_saml.py
    before = {name: db.query(f"SELECT * FROM {name}") for name in db.list_tables()}  # noqa: S608
    client.post("/access/jwt", data={"jwt": sign(said())}, headers=CROSS_SITE)
    after = {name: db.query(f"SELECT * FROM {name}") for name in db.list_tables()}  # noqa: S608
    assert after == before


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_example_of_the_handbook_signs_what_is_taken(
    client: FlaskClient,
    db: SqliteDatabase,
    cast: Cast,
    monkeypatch: pytest.MonkeyPatch,
    language: str,
):
    folder = resources.folder("content") / "articles" / language / "operators"
    article = (folder / "single-sign-on.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", article, re.DOTALL)
    monkeypatch.setenv("JWT_SHARED_SECRET", SECRET)
    names: dict[str, Any] = {}
    exec(example, names)
    made = names["help_centre_address"]("alice@acme.example", "Alice Martin", "42", "/en/search")
    answer = client.get(made.removeprefix(made.partition("/access/")[0]))
    assert answer.headers["Location"] == "/en/search"
    assert is_in(client, db) == "alice@acme.example"


@pytest.mark.parametrize(
    ("changes", "is_believed"),
    [
        ({"iss": "app", "aud": "help"}, True),
        ({"iss": "app", "aud": ["other", "help"]}, True),
        ({"iss": "app", "aud": "help", "nbf": int(time.time()) - 5}, True),
        ({"iss": "other", "aud": "help"}, False),
        ({"aud": "help"}, False),
        ({"iss": ["app"], "aud": "help"}, False),
        ({"iss": "app"}, False),
        ({"iss": "app", "aud": "other"}, False),
        ({"iss": "app", "aud": ["other"]}, False),
        ({"iss": "app", "aud": {"help": 1}}, False),
        ({"iss": "app", "aud": "helpful"}, False),
    ],
)
def test_issuer_and_audience_are_those_of_the_settings(
    settings: Settings, changes: dict[str, Any], is_believed: bool
):
    strict = replace(settings, jwt_issuer="app", jwt_audience="help")
    handovers.read(settings, sign(said(**changes)))
    if is_believed:
        handovers.read(strict, sign(said(**changes)))
    else:
        with pytest.raises(Forbidden):
            handovers.read(strict, sign(said(**changes)))
