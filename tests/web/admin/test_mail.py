"""The administration's page about mail: consent at the provider, and a letter to try it."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from kbsearch import config, create_app
from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.messages.delivery import mail_tokens
from tests.conftest import Cast
from tests.kit.mail_access import Running, follow, provider_at_work, token_server
from tests.kit.web import sign_in

ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def provider() -> Iterator[Running]:
    with provider_at_work() as running:
        yield running


@pytest.fixture
def site(settings: Settings, provider: Running) -> Iterator[Settings]:
    with token_server(provider) as (url, _):
        yield provider.settings(settings, smtp_url=url)


@pytest.fixture
def root(site: Settings, db: SqliteDatabase, cast: Cast) -> FlaskClient:
    client = create_app(site, db).test_client()
    sign_in(client, db, cast.root)
    return client


def there_and_back(client: FlaskClient) -> str:
    """The address that the provider sends the browser back to, without its host."""
    left = client.get("/en/admin/mail/consent")
    assert left.status_code == 303
    back = urlsplit(follow(left.location))
    return f"{back.path}?{back.query}"


def test_an_administrator_consents_and_tries_it(
    root: FlaskClient, db: SqliteDatabase, site: Settings, provider: Running
):
    assert "Nobody has consented yet" in root.get("/en/admin/mail").text
    waits = root.post("/en/admin/mail/tests", headers=ORIGIN)
    assert waits.status_code == 422 and "nobody has consented yet" in waits.text
    assert "consent of an administrator" in root.get("/en/admin").text
    done = root.get(there_and_back(root))
    assert done.status_code == 303 and done.location == "/en/admin/mail?done=consented"
    page = root.get(done.location).text
    assert "lets the site into its mailbox" in page and "Given on" in page
    assert "alice" not in page and "s3cret" not in page
    sent = root.post("/en/admin/mail/tests", headers=ORIGIN)
    assert sent.status_code == 200 and "accepted the e-mail for root@" in sent.text
    (logged,) = db.query("SELECT kind FROM security_log WHERE kind LIKE 'mail_access%'")
    assert logged["kind"] == "mail_access.consented"

    provider.post("withdraw")
    mail_tokens.distrust(db, site)
    root.post("/fr/admin/mail/tests", headers=ORIGIN)
    page = root.get("/fr/admin/mail").text
    assert "ne laisse plus entrer le site" in page and "invalid_grant" in page


def test_the_way_back_is_for_the_session_that_left_and_once(
    root: FlaskClient, site: Settings, db: SqliteDatabase, cast: Cast
):
    back = there_and_back(root)
    other = create_app(site, db).test_client()
    sign_in(other, db, cast.root)
    assert other.get(back).status_code == 422
    assert root.get(back.replace("state=", "state=x")).status_code == 422
    assert mail_tokens.look(db, site).state == "missing"
    assert root.get(back).status_code == 303
    assert root.get(back).status_code == 422


def test_no_other_site_sends_an_administrator_to_consent(root: FlaskClient):
    sent = root.get("/en/admin/mail/consent", headers={"Sec-Fetch-Site": "cross-site"})
    assert sent.status_code == 403 and "Location" not in sent.headers


def test_the_command_sends_a_letter_with_a_token_too(
    root: FlaskClient, site: Settings, db: SqliteDatabase
):
    path = site.site / "kbsearch.toml"
    names = [name for name in config.FIELDS if name.startswith("mail_oauth")]
    given = {name: getattr(site, name) for name in (*names, "smtp_url")}
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in given.items()))
    command = ["--config", str(path), "notify", "test", "root@support.example"]
    waits = CliRunner().invoke(cli, command, env={"KBSEARCH_LANG": "en"})
    assert waits.exit_code == 1 and "nobody has consented yet" in waits.output
    root.get(there_and_back(root))
    sent = CliRunner().invoke(cli, command, env={"KBSEARCH_LANG": "en"})
    assert sent.exit_code == 0 and "has left for root@" in sent.output


def test_who_declines_or_brings_nonsense_is_told(root: FlaskClient):
    left = root.get("/en/admin/mail/consent").location
    state = dict(part.split("=") for part in urlsplit(left).query.split("&"))["state"]
    address = "/fr/admin/mail/callback"
    declined = root.get(f"{address}?error=access_denied&state={state}")
    assert declined.status_code == 422 and "pas consenti" in declined.text
    left = root.get("/en/admin/mail/consent").location
    state = dict(part.split("=") for part in urlsplit(left).query.split("&"))["state"]
    guessed = root.get(f"{address}?code=guessed&state={state}")
    assert guessed.status_code == 422 and "invalid_grant" in guessed.text
    assert root.get(address).status_code == 422


def test_with_a_password_there_is_nothing_to_consent_to(
    client: FlaskClient, db: SqliteDatabase, cast: Cast
):
    sign_in(client, db, cast.root)
    page = client.get("/en/admin/mail").text
    assert "no server" in page and "with a password" not in page, "nobody signs in nowhere"
    assert client.get("/en/admin/mail/consent").status_code == 404
    sent = client.post("/en/admin/mail/tests", headers=ORIGIN)
    assert "is a file in var/mail" in sent.text
