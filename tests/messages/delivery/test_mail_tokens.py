"""Mail with OAuth 2: a real provider, a real SMTP server and a real IMAP server ask each other."""

import dataclasses
import imaplib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from kbsearch import outbox
from kbsearch.config import ConfigError, Settings
from kbsearch.config_sources import Configuration, load
from kbsearch.database.engines import open_database
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.errors import Invalid
from kbsearch.messages.delivery import channels, mail_provider, mail_tokens, senders
from kbsearch.messages.delivery.channels import ChannelError
from kbsearch.messages.delivery.mail_provider import NoToken
from kbsearch.messages.incoming import mailbox, mails
from kbsearch.outbox import Task
from kbsearch.site.doctor import servers
from kbsearch.site.doctor.checks import Patient
from tests.conftest import Cast
from tests.kit.engines import address_of
from tests.kit.incoming import letter as incoming
from tests.kit.mail_access import (
    Running,
    deliver,
    dovecot,
    needs_dovecot,
    provider_at_work,
    token_server,
)
from tests.kit.mail_provider import USER
from tests.kit.places import TOP


def access_seen(db: SqliteDatabase, settings: Settings) -> list[str]:
    """How the doctor finds the site's access to its mail."""
    patient = Patient(Configuration(settings, {}))
    return [check.state for check in servers.mail_access(patient, db)]


@pytest.fixture(scope="module")
def provider() -> Iterator[Running]:
    with provider_at_work() as running:
        yield running


@pytest.fixture(autouse=True)
def as_usual(provider: Running) -> None:
    provider.post("set", lifetime="3600", delay="0")


@pytest.fixture
def site(settings: Settings, provider: Running) -> Settings:
    return provider.settings(settings)


@pytest.fixture
def itself(site: Settings) -> Settings:
    """The same, where the application needs nobody's consent."""
    return dataclasses.replace(site, mail_oauth_flow="client_credentials")


@pytest.fixture
def letter() -> EmailMessage:
    letter = EmailMessage()
    letter["Subject"], letter["From"] = "Collar", USER
    letter["To"] = "alice@acme.example"
    letter.set_content("It is back.\n")
    return letter


def test_without_consent_there_is_no_token(site: Settings, db: SqliteDatabase):
    with pytest.raises(NoToken) as refused:
        mail_tokens.access_token(db, site)
    assert refused.value.is_withdrawn
    assert mail_tokens.look(db, site).state == "missing"


def test_tokens_are_sealed_and_used_until_most_of_their_time_is_over(
    site: Settings, db: SqliteDatabase, cast: Cast, provider: Running
):
    before = provider.seen("refresh_token")
    provider.consent(db, cast.root, site)
    token = mail_tokens.access_token(db, site)
    assert provider.admits(token) and mail_tokens.access_token(db, site) == token
    assert provider.seen("refresh_token") == before
    (row,) = db.query("SELECT * FROM mail_grants")
    assert token not in str(row)
    db.execute("UPDATE mail_grants SET renew_at = ''")
    renewed = mail_tokens.access_token(db, site)
    assert renewed != token and provider.admits(renewed)
    (after,) = db.query("SELECT * FROM mail_grants")
    assert after["refresh"] != row["refresh"], "the provider gave another one"


def test_a_code_needs_its_verifier_and_an_administrator(
    site: Settings, db: SqliteDatabase, cast: Cast
):
    for viewer, told in ((cast.root, "refused"), (cast.dan, "not_asked")):
        with pytest.raises(Invalid) as problem:
            mail_tokens.consent(db, viewer, site, "guessed", "w" * 43)
        assert problem.value.key == f"mail_access.{told}"
    assert mail_tokens.look(db, site).state == "missing"


def test_many_who_need_a_token_at_once_spend_one_refresh_token(
    site: Settings, db: SqliteDatabase, cast: Cast, provider: Running
):
    provider.consent(db, cast.root, site)
    provider.post("set", delay="0.3")
    before = provider.seen("refresh_token")
    db.execute("UPDATE mail_grants SET renew_at = '', expires_at = ''")
    found: list[str] = []

    def ask() -> None:
        own = open_database(site.database_address)
        found.append(mail_tokens.access_token(own, site))
        own.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1
    assert provider.seen("refresh_token") == before + 1
    assert provider.admits(found[0])


RENEWING = """
import os, signal, sys
from kbsearch import config; from kbsearch.messages.delivery import mail_provider, mail_tokens
from tests.kit.engines import at
from tests.kit.mail_access import Running

site, url, point, database = sys.argv[1:]
settings = Running(url).settings(config.Settings(site=config.Path(site)))
if point == "before":
    mail_provider.Provider.renew = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
else:
    mail_tokens.log.info = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
mail_tokens.access_token(at(database), settings)
"""


@pytest.mark.parametrize("point", ["before", "after"])
def test_killed_while_it_renews_the_next_one_goes_on(
    site: Settings, db: SqliteDatabase, cast: Cast, provider: Running, point: str
):
    provider.consent(db, cast.root, site)
    db.execute("UPDATE mail_grants SET renew_at = '', expires_at = ''")
    command = [sys.executable, "-c", RENEWING, str(site.site), provider.url, point]
    command.append(address_of(db))
    assert subprocess.run(command, cwd=TOP, check=False).returncode == -signal.SIGKILL
    db.execute("UPDATE mail_grants SET leased_until = '' WHERE leased_until IS NOT NULL")
    assert provider.admits(mail_tokens.access_token(db, site))
    db.execute("UPDATE mail_grants SET renew_at = '', expires_at = ''")
    assert provider.admits(mail_tokens.access_token(db, site)), "no refresh token went twice"


def test_while_the_provider_is_away_the_token_there_is_does(
    site: Settings, db: SqliteDatabase, cast: Cast, provider: Running, monkeypatch
):
    provider.consent(db, cast.root, site)
    token = mail_tokens.access_token(db, site)
    db.execute("UPDATE mail_grants SET renew_at = ''")

    def away(*_: object) -> None:
        raise NoToken("away")

    monkeypatch.setattr(mail_provider.Provider, "renew", away)
    assert mail_tokens.access_token(db, site) == token
    db.execute("UPDATE mail_grants SET expires_at = ''")
    with pytest.raises(NoToken):
        mail_tokens.access_token(db, site)
    assert mail_tokens.look(db, site).state == "given", "which withdraws nothing"


def test_an_application_by_itself_shares_its_token(
    itself: Settings, db: SqliteDatabase, provider: Running
):
    before = provider.seen("client_credentials")
    token = mail_tokens.access_token(db, itself)
    assert provider.admits(token) and mail_tokens.access_token(db, itself) == token
    assert provider.seen("client_credentials") == before + 1
    wrong = dataclasses.replace(itself, mail_oauth_client_secret="wrong")
    mail_tokens.distrust(db, wrong)
    with pytest.raises(NoToken, match="invalid_client"):
        mail_tokens.access_token(db, wrong)
    assert access_seen(db, wrong) == ["fail"]
    mail_tokens.access_token(db, itself)
    assert access_seen(db, itself) == ["ok"]


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_a_letter_leaves_with_a_token(
    itself: Settings, db: SqliteDatabase, provider: Running, letter: EmailMessage, mechanism: str
):
    with token_server(provider, mechanism) as (url, received):
        sending = dataclasses.replace(itself, smtp_url=url)
        channels.mail(sending, db).send(letter)
        provider.post("withdraw")  # the server refuses the token that is kept
        with pytest.raises(ChannelError) as refused:
            channels.mail(sending, db).send(letter)
        assert (refused.value.is_general, refused.value.permanent) == (True, False)
        channels.mail(sending, db).send(letter)
    assert [each["Subject"] for each in received.letters] == ["Collar", "Collar"]


def test_a_server_that_takes_no_token_is_told(
    itself: Settings, db: SqliteDatabase, provider: Running, letter: EmailMessage
):
    with token_server(provider, "CRAM") as (url, _), pytest.raises(ChannelError) as refused:
        channels.mail(dataclasses.replace(itself, smtp_url=url), db).send(letter)
    assert "takes no token" in str(refused.value) and refused.value.is_general


def test_when_consent_is_withdrawn_letters_wait_and_leave_after_it_is_given_again(
    site: Settings, db: SqliteDatabase, cast: Cast, provider: Running, letter: EmailMessage
):
    provider.consent(db, cast.root, site)
    with token_server(provider) as (url, received):
        sending = dataclasses.replace(site, smtp_url=url)

        def send(task: Task) -> None:
            senders.hand_over(db, task, lambda: channels.mail(sending, db).send(letter))

        provider.post("withdraw")
        mail_tokens.distrust(db, sending)
        outbox.add(db, "notice.mail", "1")
        for _ in range(30):
            db.execute("UPDATE outbox SET due_at = created_at")
            assert outbox.run_one(db, {"notice.mail": send}) == "unavailable"
        found = mail_tokens.look(db, sending)
        assert found.state == "withdrawn" and "invalid_grant" in found.problem
        assert access_seen(db, sending) == ["fail"]
        (task,) = db.query("SELECT attempts, dead_at, problem FROM outbox")
        assert (task["attempts"], task["dead_at"]) == (0, None)

        provider.consent(db, cast.root, sending)
        db.execute("UPDATE outbox SET due_at = created_at")
        assert outbox.run_one(db, {"notice.mail": send}) == "done"
    assert len(received.letters) == 1
    assert mail_tokens.look(db, sending).state == "given"


@needs_dovecot
@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
def test_a_mailbox_is_read_with_a_token(
    itself: Settings,
    db: SqliteDatabase,
    cast: Cast,
    provider: Running,
    tmp_path: Path,
    mechanism: str,
):
    with dovecot(tmp_path, provider, mechanism) as url:
        deliver(tmp_path, incoming("stranger@elsewhere.example"))
        reading = dataclasses.replace(itself, imap_url=url)
        assert mailbox.poll(reading, db) == 1
        provider.post("withdraw")
        with pytest.raises(imaplib.IMAP4.error):
            mailbox.poll(reading, db)
        deliver(tmp_path, incoming("other@elsewhere.example", message_id="2@x.example"))
        assert mailbox.poll(reading, db) == 1
    assert len(mails.list_all(db, cast.dan)) == 2


def configured(tmp_path: Path, **values: str) -> Settings:
    lines = "\n".join(f'{name} = "{value}"' for name, value in values.items())
    path = tmp_path / "kbsearch.toml"
    path.write_text(lines)
    return load(path, environ={}).settings


def test_microsoft_and_google_are_known_by_name(tmp_path: Path):
    microsoft = mail_provider.of(
        configured(
            tmp_path,
            mail_oauth="microsoft",
            mail_oauth_tenant="acme.example",
            mail_oauth_client_id="c",
            mail_oauth_client_secret="s",
            mail_oauth_flow="client_credentials",
        )
    )
    assert microsoft is not None
    base = "https://login.microsoftonline.com/acme.example/oauth2/v2.0"
    assert microsoft.token_url == f"{base}/token"
    assert microsoft.scope == "https://outlook.office365.com/.default"
    google = mail_provider.of(
        configured(tmp_path, mail_oauth="google", mail_oauth_client_id="c", languages="en,fr")
    )
    assert google is not None
    address = google.address("s", "v")
    assert address.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
    assert "access_type=offline" in address and "mail.google.com" in address
    assert google.redirect_uri == "http://127.0.0.1:8080/en/admin/mail/callback"


@pytest.mark.parametrize(
    "wrong",
    [
        {"mail_oauth": "http://elsewhere.example/token"},
        {"mail_oauth": "microsoft", "mail_oauth_tenant": "../other"},
        {"mail_oauth": "google", "mail_oauth_flow": "client_credentials"},
        {"mail_oauth": "google", "mail_oauth_client_id": ""},
        {"mail_oauth": "https://idp.example/token", "mail_oauth_authorization": "nonsense"},
        {"mail_oauth": "google", "smtp_url": "smtp://me@mail.example"},
        {"mail_oauth_flow": "password"},
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path: Path, wrong: dict[str, str]):
    with pytest.raises(ConfigError):
        configured(tmp_path, **{"mail_oauth_client_id": "c", **wrong})


@pytest.mark.parametrize("told", ["3599", None, "soon", -5, 1e400, True, []])
def test_a_lifetime_is_believed_within_reason(told: object):
    assert 0 <= mail_provider._lifetime(told) <= mail_provider.LONGEST_LIFETIME
