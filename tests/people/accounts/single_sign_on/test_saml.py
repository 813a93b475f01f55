"""Signing in by SAML: with a real provider on loopback, and with answers signed anew."""

import base64
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

pytest.importorskip("signxml", reason="the extra [saml] is not installed")
if not (find_spec("saml2") and shutil.which("xmlsec1")):
    pytest.skip("the provider needs pysaml2 and xmlsec1", allow_module_level=True)

from lxml import etree
from signxml.algorithms import CanonicalizationMethod
from signxml.signer import XMLSigner

from kbsearch import clock, config_checks, create_app, people
from kbsearch.access import OPERATOR, Viewer
from kbsearch.config import FIELDS, ConfigError, Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid
from kbsearch.people.accounts import sessions as accounts
from kbsearch.people.accounts.single_sign_on import identities, journeys
from kbsearch.people.accounts.single_sign_on.journeys import Journey
from kbsearch.people.accounts.single_sign_on.saml import NAMES, SamlProvider
from tests.conftest import Cast
from tests.kit.providers import free_port, sent_along, wait_for
from tests.kit.waiting import HUNG

HERE = "http://127.0.0.1:8080"
ACS = "/login/saml/acs"
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
TWO_FACTORS = "https://refeds.org/profile/mfa"
ACROSS = {"Sec-Fetch-Site": "cross-site", "Origin": "null"}
Change = Callable[[Any], None]


@dataclass(frozen=True)
class Partner:
    """The provider as the tests hold it: its process, its key, and an answer it gave."""

    address: str
    folder: Path
    key: rsa.RSAPrivateKey
    sample: Any

    def settings(self, settings: Settings, **changes: Any) -> Settings:
        return replace(settings, saml_metadata=str(self.folder / "idp.xml"), **changes)


@pytest.fixture(scope="module")
def partner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Partner]:
    folder, port = tmp_path_factory.mktemp("saml"), free_port()
    key = new_key(folder / "key.pem", folder / "certificate.pem")
    command = [sys.executable, "-m", "tests.kit.saml_provider", str(port), str(folder)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port, process)
            address = f"http://127.0.0.1:{port}"
            (folder / "idp.xml").write_bytes(fetch(f"{address}/metadata"))
            site = replace(Settings(), base_url=HERE, saml_metadata=str(folder / "idp.xml"))
            provider = SamlProvider(site)
            (folder / "sp.xml").write_bytes(provider.metadata())
            there = provider.address(Journey("sample", "", "", "", "fr"))
            form = Form(fetch(there).decode())
            sample = etree.fromstring(base64.b64decode(form.fields["SAMLResponse"]))
            yield Partner(address, folder, key, sample)
        finally:
            process.terminate()


def new_key(key_file: Path, certificate_file: Path) -> rsa.RSAPrivateKey:
    """A key with a certificate that ran out long ago: its metadata vouches for it."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider")])
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    builder = builder.not_valid_before(begins).not_valid_after(begins + timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256())
    certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = PrivateFormat.TraditionalOpenSSL
    key_file.write_bytes(key.private_bytes(Encoding.PEM, pem, NoEncryption()))
    return key


def fetch(address: str) -> bytes:
    with urlopen(address, timeout=HUNG) as answer:
        return bytes(answer.read())


class Form(HTMLParser):
    """The form of a page: where it posts to, and what."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action, self.fields = "", dict[str, str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        self.action = facts.get("action", self.action)
        if tag == "input" and "name" in facts:
            self.fields[facts["name"]] = facts.get("value", "")


def visitor(partner: Partner, settings: Settings, db: SqliteDatabase, **rules: Any) -> FlaskClient:
    return create_app(partner.settings(settings, **rules), db).test_client()


def bind(db: SqliteDatabase, partner: Partner, viewer: Viewer) -> None:
    person = people.find(db, viewer.email)
    identities.bind(db, OPERATOR, person, f"saml:{partner.address}/metadata", "alice-there")


def leave(client: FlaskClient, path: str = "/fr/login/saml") -> str:
    answer = client.get(path)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def post(client: FlaskClient, text: str, language: str = "fr") -> TestResponse:
    """What the provider's page has the browser send, without the cookies of ours."""
    sent = client.application.test_client(use_cookies=False)
    return sent.post(ACS, data={"SAMLResponse": text, "RelayState": language}, headers=ACROSS)


def come_back(client: FlaskClient, there: str, **query: str) -> TestResponse:
    """Through the real provider and back: the answer to the browser that left."""
    form = Form(fetch(f"{there}&{urlencode(query)}").decode())
    assert form.action == HERE + ACS
    answer = post(client, form.fields["SAMLResponse"], form.fields["RelayState"])
    assert answer.status_code == 303, answer.text
    return client.get(answer.headers["Location"])


def is_in(client: FlaskClient, db: SqliteDatabase) -> str:
    cookie = client.get_cookie("kb")
    return accounts.viewer_of(db, cookie.value).email if cookie else ""


def request_id(there: str) -> str:
    request = zlib.decompress(base64.b64decode(sent_along(there)["SAMLRequest"]), wbits=-15)
    return str(etree.fromstring(request).get("ID"))


def at(document: Any, path: str) -> Any:
    return document.find(path, NAMES)


def answer_to(partner: Partner, there: str) -> Any:
    """The provider's answer as it would be to this request, now, without its signature."""
    document, now = deepcopy(partner.sample), clock.utc_now()
    assertion = at(document, "saml:Assertion")
    assertion.remove(at(assertion, "ds:Signature"))
    moments = {
        "IssueInstant": now,
        "NotBefore": now,
        "NotOnOrAfter": now + timedelta(minutes=5),
        "InResponseTo": None,
    }
    for element in document.iter():
        for name in moments.keys() & element.keys():
            moment = moments[name]
            element.set(name, moment.isoformat() if moment else request_id(there))
    return document


def signed(partner: Partner, document: Any, key: Any = None) -> Any:
    """The same with its assertion signed by the key of the provider, or by another."""
    assertion = at(document, "saml:Assertion")
    certificate = (partner.folder / "certificate.pem").read_bytes()
    signer = XMLSigner(c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
    done = signer.sign(
        etree.fromstring(etree.tostring(assertion)),
        key=key or partner.key,
        cert=[certificate.decode()],
        reference_uri=assertion.get("ID"),
        id_attribute="ID",
    )
    document.replace(assertion, etree.Element("assertion"))  # moved as text: prefixes are signed
    return etree.fromstring(etree.tostring(document).replace(b"<assertion/>", etree.tostring(done)))


def encoded(document: Any) -> str:
    text = document if isinstance(document, bytes) else etree.tostring(document)
    return base64.b64encode(text).decode()


@pytest.mark.parametrize("part", ["assertion", "response", "both"])
def test_somebody_bound_comes_in_and_lands_where_they_were_going(
    settings: Settings, db: SqliteDatabase, cast: Cast, partner: Partner, part: str
):
    bind(db, partner, cast.alice)
    client = visitor(partner, settings, db)
    there = leave(client, "/en/login/saml?next=/en/requests/new%3Fsubject%3Dprinter")
    answer = come_back(client, there, signed=part)
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"] == "/en/requests/new?subject=printer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert is_in(client, db) == "alice@acme.example"
    (line,) = db.query(
        "SELECT kind, person_id, details FROM security_log WHERE kind LIKE 'sign_in.%'"
    )
    assert (line["kind"], line["person_id"]) == ("sign_in.succeeded", cast.alice.person_id)
    assert "alice-there" not in str(db.query("SELECT * FROM journeys"))


def setting(path: str, name: str, value: str | None) -> Change:
    """Sets an attribute, or takes it away."""

    def change(document: Any) -> None:
        element = at(document, path)
        if value is None:
            del element.attrib[name]
        else:
            element.set(name, value)

    return change


def wording(path: str, text: str) -> Change:
    def change(document: Any) -> None:
        at(document, path).text = text

    return change


def without(path: str, child: str) -> Change:
    def change(document: Any) -> None:
        at(document, path).remove(at(at(document, path), child))

    return change


def twice(path: str) -> Change:
    def change(document: Any) -> None:
        at(document, path).addnext(deepcopy(at(document, path)))

    return change


A, LONG_AGO, FAR_AHEAD = "saml:Assertion", "2020-01-01T00:00:00Z", "2120-01-01T00:00:00Z"
SUBJECT, CONDITIONS = f"{A}/saml:Subject", f"{A}/saml:Conditions"
DATA = f"{SUBJECT}/saml:SubjectConfirmation/saml:SubjectConfirmationData"
# What is signed by the right key, and is not for this sign-in all the same.
LIES: dict[str, Change] = {
    "expired": setting(CONDITIONS, "NotOnOrAfter", LONG_AGO),
    "not yet": setting(CONDITIONS, "NotBefore", FAR_AHEAD),
    "confirmed too long ago": setting(DATA, "NotOnOrAfter", LONG_AGO),
    "confirmed without an end": setting(DATA, "NotOnOrAfter", None),
    "a time in words": setting(DATA, "NotOnOrAfter", "tomorrow"),
    "issued long ago": setting(A, "IssueInstant", LONG_AGO),
    "another audience": wording(f"{CONDITIONS}/saml:AudienceRestriction/saml:Audience", "other"),
    "no audience": without(CONDITIONS, "saml:AudienceRestriction"),
    "another recipient": setting(DATA, "Recipient", "https://evil.example/login/saml/acs"),
    "no recipient": setting(DATA, "Recipient", None),
    "unasked": setting(DATA, "InResponseTo", None),
    "another destination": setting(".", "Destination", "https://evil.example/"),
    "another issuer": wording(f"{A}/saml:Issuer", "https://evil.example"),
    "not for whoever brings it": setting(f"{SUBJECT}/saml:SubjectConfirmation", "Method", "key"),
    "two names": twice(f"{SUBJECT}/saml:NameID"),
    "no name": wording(f"{SUBJECT}/saml:NameID", ""),
    "a name on two lines": wording(f"{SUBJECT}/saml:NameID", "alice-\nthere"),
    "a name for once": setting(
        f"{SUBJECT}/saml:NameID", "Format", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
    ),
    "no sign-in": without(A, "saml:AuthnStatement"),
    "a session that ended": setting(f"{A}/saml:AuthnStatement", "SessionNotOnOrAfter", LONG_AGO),
}


def test_answers_changed_and_signed_anew_begin_from_one_that_lets_in(
    settings: Settings, db: SqliteDatabase, cast: Cast, partner: Partner
):
    bind(db, partner, cast.alice)
    client = visitor(partner, settings, db)
    answer = post(client, encoded(signed(partner, answer_to(partner, leave(client)))))
    assert client.get(answer.headers["Location"]).status_code == 303
    assert is_in(client, db) == "alice@acme.example"


@pytest.fixture
def refusing(
    settings: Settings, db: SqliteDatabase, cast: Cast, partner: Partner
) -> Callable[[Callable[[str], str]], None]:
    """Bring an answer made for a sign-in, and see it refused in words, and logged."""
    bind(db, partner, cast.alice)
    client = visitor(partner, settings, db)

    def refuse(made: Callable[[str], str]) -> None:
        french = post(client, made(leave(client)))
        english = post(client, made(leave(client)), "en")
        assert (french.status_code, english.status_code) == (403, 403)
        assert "n’a pas pu être vérifiée" in french.text
        assert "could not be verified" in english.text
        assert "Set-Cookie" not in french.headers
        lines = db.query("SELECT kind, details FROM security_log WHERE kind LIKE 'sign_in.%'")
        assert [row["kind"] for row in lines] == ["sign_in.failed"] * 2
        assert "provider" in lines[0]["details"]

    return refuse


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_is_not_for_this_sign_in_lets_nobody_in(
    partner: Partner, refusing: Callable[[Callable[[str], str]], None], lie: str
):
    def made(there: str) -> str:
        document = answer_to(partner, there)
        LIES[lie](document)
        return encoded(signed(partner, document))

    refusing(made)


def unsigned(partner: Partner, there: str) -> Any:
    return answer_to(partner, there)


def with_another_key(partner: Partner, there: str) -> Any:
    other = rsa.generate_private_key(65537, 2048)
    return signed(partner, answer_to(partner, there), other)


def changed_afterwards(partner: Partner, there: str) -> Any:
    document = signed(partner, answer_to(partner, there))
    at(document, f"{SUBJECT}/saml:NameID").text = "root-there"
    return document


def with_a_comment_inside_the_name(partner: Partner, there: str) -> Any:
    """Canonical XML has no comments, so that the signature holds: some readers stop at it."""
    document = answer_to(partner, there)
    at(document, f"{SUBJECT}/saml:NameID").text = "alice-there.evil.example"
    text = etree.tostring(signed(partner, document))
    return text.replace(b"alice-there.evil", b"alice-there<!---->.evil")


def with_entities_in_entities(partner: Partner, there: str) -> Any:
    entities = b'<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%b">' % (98 + step, b"&%c;" % (97 + step) * 10) for step in range(12)
    )
    text = etree.tostring(signed(partner, answer_to(partner, there)))
    return b"<!DOCTYPE x [%b]>" % entities + text.replace(b"alice-there", b"&m;")


def with_a_file_for_a_name(partner: Partner, there: str) -> Any:
    text = etree.tostring(signed(partner, answer_to(partner, there)))
    head = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
    return head + text.replace(b"alice-there", b"&e;")


def evil_copy(document: Any, name: str) -> Any:
    """The assertion with another name in it, and no signature."""
    copy = deepcopy(at(document, A))
    copy.remove(at(copy, "ds:Signature"))
    copy.set("ID", name)
    at(copy, "saml:Subject/saml:NameID").text = "root-there"
    return copy


def wrapped_beside(partner: Partner, there: str) -> Any:
    document = signed(partner, answer_to(partner, there))
    at(document, A).addprevious(evil_copy(document, "evil"))
    return document


def wrapped_around(partner: Partner, there: str) -> Any:
    """The signed assertion hides in the one to be read, beside its signature."""
    document = signed(partner, answer_to(partner, there))
    good = at(document, A)
    evil = evil_copy(document, "evil")
    document.replace(good, evil)
    evil.append(at(good, "ds:Signature"))
    evil.append(good)
    return document


def wrapped_in_the_signature(partner: Partner, there: str) -> Any:
    """It hides in an Object of the signature, under the same ID."""
    document = signed(partner, answer_to(partner, there))
    good = at(document, A)
    evil = evil_copy(document, good.get("ID"))
    document.replace(good, evil)
    signature = at(good, "ds:Signature")
    evil.append(signature)
    etree.SubElement(signature, f"{{{NAMES['ds']}}}Object").append(good)
    return document


def wrapped_in_another_response(partner: Partner, there: str) -> Any:
    document = signed(partner, answer_to(partner, there))
    around = deepcopy(document)
    around.set("ID", "evil")
    around.replace(at(around, A), evil_copy(document, "evil-too"))
    etree.SubElement(around, f"{{{NAMES['samlp']}}}Extensions").append(document)
    return around


def with_a_signature_of_something_else(partner: Partner, there: str) -> Any:
    """The signature is good, and covers an attribute statement alone."""
    document = answer_to(partner, there)
    assertion = at(document, A)
    part = at(assertion, "saml:AttributeStatement")
    part.set("ID", "part")
    signed_part = XMLSigner(
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
    ).sign(
        etree.fromstring(etree.tostring(part)),
        key=partner.key,
        cert=[(partner.folder / "certificate.pem").read_text()],
        reference_uri="part",
        id_attribute="ID",
    )
    signature = at(signed_part, "ds:Signature")
    signed_part.remove(signature)
    assertion.replace(part, signed_part)
    assertion.append(signature)
    return document


def encrypted(partner: Partner, there: str) -> Any:
    document = signed(partner, answer_to(partner, there))
    at(document, A).tag = f"{{{NAMES['saml']}}}EncryptedAssertion"
    return document


def endless(partner: Partner, there: str) -> Any:
    document = answer_to(partner, there)
    at(document, f"{SUBJECT}/saml:NameID").text = "x" * 100_000
    return signed(partner, document)


def garbage(partner: Partner, there: str) -> Any:
    return b"\x00<"


def no_response(partner: Partner, there: str) -> Any:
    return at(signed(partner, answer_to(partner, there)), A)


FORGERIES = [
    unsigned,
    with_another_key,
    changed_afterwards,
    with_a_comment_inside_the_name,
    with_entities_in_entities,
    with_a_file_for_a_name,
    wrapped_beside,
    wrapped_around,
    wrapped_in_the_signature,
    wrapped_in_another_response,
    with_a_signature_of_something_else,
    encrypted,
    endless,
    garbage,
    no_response,
]


@pytest.mark.parametrize("forge", FORGERIES)
def test_a_forged_answer_lets_nobody_in(
    partner: Partner, refusing: Callable[[Callable[[str], str]], None], forge: Any
):
    refusing(lambda there: encoded(forge(partner, there)))


def test_an_answer_is_good_once(
    settings: Settings, db: SqliteDatabase, cast: Cast, partner: Partner
):
    bind(db, partner, cast.alice)
    client = visitor(partner, settings, db)
    text = encoded(signed(partner, answer_to(partner, leave(client))))
    way_back = post(client, text).headers["Location"]
    again = post(client, text)
    assert again.status_code == 422
    assert "déjà servi" in again.text
    assert client.get(way_back).status_code == 303
    once_more = client.get(way_back)
    assert once_more.status_code == 422
    assert "Set-Cookie" not in once_more.headers


def test_an_answer_lets_in_the_browser_that_asked_and_no_other(
    settings: Settings, db: SqliteDatabase, cast: Cast, partner: Partner
):
    bind(db, partner, cast.alice)
    client = visitor(partner, settings, db)
    victim = client.application.test_client()
    leave(victim)
    answer = post(client, encoded(signed(partner, answer_to(partner, leave(client)))))
    assert victim.get(answer.headers["Location"]).status_code == 422
    assert is_in(victim, db) == ""


def test_a_browser_comes_back_within_five_minutes(db: SqliteDatabase):
    left = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
    journey = journeys.depart(db, "browser", "/fr/", "fr", at=left)
    state = journeys.answer(db, journey.state, "{}", at=left)
    with pytest.raises(Invalid):
        journeys.arrive(db, "browser", state, at=left + timedelta(minutes=5))
    within = left + timedelta(minutes=5) - timedelta(seconds=1)
    assert journeys.arrive(db, "browser", state, at=within).verifier == "{}"


def test_a_way_back_that_nobody_answered_is_over(
    settings: Settings, db: SqliteDatabase, partner: Partner
):
    client = visitor(partner, settings, db)
    state = request_id(leave(client, "/en/login/saml")).removeprefix("_")
    for query in ("", "?state=%00", f"?state={state}"):
        answer = client.get(f"/login/saml/arrival{query}")
        assert answer.status_code == 422
        assert "/login/saml" in answer.text


def test_whoever_the_provider_turned_away_may_try_again(
    settings: Settings, db: SqliteDatabase, partner: Partner
):
    client = visitor(partner, settings, db)
    document = answer_to(partner, leave(client))
    at(document, "samlp:Status/samlp:StatusCode").set("Value", "responder")
    answer = post(client, encoded(document))
    assert answer.status_code == 403
    assert "vous avez fait demi-tour" in answer.text


@pytest.mark.parametrize(
    ("rules", "mail", "status"),
    [
        ({}, "alice@acme.example", 403),
        ({"saml_link_by_email": True}, "Alice@acme.example", 303),
        ({"saml_link_by_email": True}, "dan@support.example", 403),
        ({"saml_link_by_email": True}, "nobody@acme.example", 403),
    ],
)
def test_an_address_finds_its_customer_where_the_settings_say_so(
    settings: Settings,
    db: SqliteDatabase,
    cast: Cast,
    partner: Partner,
    rules: dict[str, Any],
    mail: str,
    status: int,
):
    before = people.list_all(db)
    client = visitor(partner, settings, db, **rules)
    answer = come_back(client, leave(client), mail=mail, name="new-there")
    assert answer.status_code == status
    names = [(one.issuer, one.subject) for one in identities.list_all(db)]
    assert names == ([(f"saml:{partner.address}/metadata", "new-there")] if status == 303 else [])
    assert people.list_all(db) == before


@pytest.mark.parametrize(
    ("person", "rules", "context", "place"),
    [
        ("alice", {"saml_trusts_factor": False}, PASSWORD, "/fr/login/code"),
        ("dan", {"saml_acr": (TWO_FACTORS,)}, PASSWORD, "/fr/login/code"),
        ("dan", {"saml_acr": (TWO_FACTORS,)}, TWO_FACTORS, "/fr/desk"),
    ],
)
def test_whose_second_factor_the_provider_stands_for(
    settings: Settings,
    db: SqliteDatabase,
    cast: Cast,
    partner: Partner,
    person: str,
    rules: dict[str, Any],
    context: str,
    place: str,
):
    bind(db, partner, getattr(cast, person))
    client = visitor(partner, settings, db, **rules)
    document = answer_to(partner, leave(client))
    wording(f"{A}/saml:AuthnStatement/saml:AuthnContext/saml:AuthnContextClassRef", context)(
        document
    )
    answer = post(client, encoded(signed(partner, document)))
    assert client.get(answer.headers["Location"]).headers["Location"] == place


def test_a_new_key_stands_beside_the_old_one(
    settings: Settings, db: SqliteDatabase, cast: Cast, partner: Partner, tmp_path: Path
):
    bind(db, partner, cast.alice)
    new_key(tmp_path / "key.pem", tmp_path / "certificate.pem")
    metadata = etree.parse(partner.folder / "idp.xml")
    (old,) = metadata.iter("{urn:oasis:names:tc:SAML:2.0:metadata}KeyDescriptor")
    new = deepcopy(old)
    lines = (tmp_path / "certificate.pem").read_text().splitlines()[1:-1]
    next(new.iter(f"{{{NAMES['ds']}}}X509Certificate")).text = "".join(lines)
    old.addprevious(new)
    metadata.write(tmp_path / "idp.xml")
    both = replace(settings, saml_metadata=str(tmp_path / "idp.xml"))
    client = create_app(both, db).test_client()
    answer = post(client, encoded(signed(partner, answer_to(partner, leave(client)))))
    assert client.get(answer.headers["Location"]).status_code == 303


def test_the_sign_in_page_offers_the_provider_and_ours_tells_it_of_us(
    settings: Settings, db: SqliteDatabase, client: FlaskClient, partner: Partner
):
    offered = visitor(partner, settings, db, saml_name="Acme <SA>")
    page = offered.get("/fr/login?next=/fr/search%3Fq%3Da").text
    assert 'href="/fr/login/saml?next=/fr/search%3Fq%3Da"' in page
    assert "Se connecter avec Acme &lt;SA&gt;" in page
    told = offered.get("/login/saml/metadata", headers={"Host": "localhost:6666"})
    assert f'Location="{HERE}{ACS}"' in told.text
    assert "/login/saml" not in client.get("/fr/login").text
    for path in ("/fr/login/saml", "/login/saml/metadata", "/login/saml/arrival"):
        assert client.get(path).status_code == 404
    assert client.post(ACS, headers=ACROSS).status_code == 404


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: None, "No such file"),
        (lambda text: text[:100], "unclosed token"),
        (lambda text: b"<!DOCTYPE a>" + text, "with a document type"),
        (lambda text: text.replace(b"IDPSSODescriptor", b"SPSSODescriptor"), "identity provider"),
        (lambda text: text.replace(b"HTTP-Redirect", b"HTTP-POST"), "HTTP-Redirect"),
        (lambda text: text.replace(b"http://127.0.0.1", b"http://id.example"), "with https://"),
        (lambda text: re.sub(rb"(Certificate>)[^<]+", rb"\1eA==", text), "cannot be read"),
        (lambda text: text.replace(b"X509Certificate", b"X509SKI"), "no certificate"),
    ],
)
def test_metadata_that_cannot_be_used_is_named_at_the_start(
    settings: Settings, partner: Partner, tmp_path: Path, change: Any, reason: str
):
    text = change((partner.folder / "idp.xml").read_bytes())
    if text is not None:
        (tmp_path / "idp.xml").write_bytes(text)
    wrong = replace(settings, saml_metadata=str(tmp_path / "idp.xml"))
    with pytest.raises(ConfigError, match=reason) as problem:
        config_checks.check(wrong, dict.fromkeys(FIELDS, "kbsearch.toml"))
    assert str(problem.value).startswith("kbsearch.toml: saml_metadata: ")
