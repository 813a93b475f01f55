import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people.accounts import sessions as accounts
from tests.conftest import Cast

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, db: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line on the test's database, in English."""
    path = settings.site / "kbsearch.toml"
    path.write_text('oidc_issuer = "https://id.example"\noidc_client_id = "help"\n')
    monkeypatch.setenv("KBSEARCH_LANG", "en")

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["--config", str(path), *arguments])

    return call


def test_an_identity_is_added_listed_and_removed(run: Run, db: SqliteDatabase, cast: Cast):
    assert cast.alice.person_id is not None
    token = accounts.open_session(db, cast.alice.person_id)
    added = run("identity", "add", "Alice@acme.example", "2482")
    assert (added.exit_code, added.stdout) == (0, "2482 signs in as alice@acme.example\n")
    (listed,) = json.loads(run("identity", "list", "--json").stdout)["identities"]
    assert (listed["issuer"], listed["subject"]) == ("https://id.example", "2482")
    assert "alice@acme.example  https://id.example  2482" in run("identity", "list").stdout
    assert run("identity", "remove", "alice@acme.example").exit_code == 0
    assert not accounts.viewer_of(db, token).is_signed_in
    assert json.loads(run("identity", "list", "--json").stdout)["identities"] == []


def test_an_identity_is_one_persons_and_a_person_has_one(run: Run, cast: Cast):
    run("identity", "add", "alice@acme.example", "2482")
    for email, subject in (("bob@acme.example", "2482"), ("alice@acme.example", "77")):
        refused = run("identity", "add", email, subject)
        assert refused.exit_code == 1
        assert "kbsearch identity list" in refused.stderr
    assert run("identity", "add", "alice@acme.example", "77", "--issuer", "jwt").exit_code == 0


@pytest.mark.parametrize("subject", ["", "two\nlines", "x" * 256])
def test_a_subject_is_one_line(run: Run, cast: Cast, subject: str):
    refused = run("identity", "add", "alice@acme.example", subject)
    assert refused.exit_code == 1
    assert "255" in refused.stderr


def test_removing_what_is_not_there_says_so(run: Run, cast: Cast):
    refused = run("identity", "remove", "bob@acme.example")
    assert refused.exit_code == 1
    assert "bob@acme.example" in refused.stderr
