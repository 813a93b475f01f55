"""kbsearch token, as it is typed."""

import json

from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people.accounts import personal_tokens
from tests.cli.test_people import Run, run
from tests.conftest import Cast

__all__ = ["run"]  # a fixture


def test_a_token_is_made_listed_and_revoked(run: Run, db: SqliteDatabase, cast: Cast):
    made = run("token", "add", "--as", "Alice@acme.example", "--read-only", "--name", "reports")
    secret = made.stdout.strip()
    assert made.exit_code == 0 and secret.startswith("kbs_")
    assert "alice@acme.example" in made.stderr
    holder = personal_tokens.holder_of(db, secret)
    assert holder is not None and not holder.token.may_write
    (listed,) = json.loads(run("token", "list", "--json").stdout)["tokens"]
    assert (listed["name"], listed["email"]) == ("reports", "alice@acme.example")
    for answer in (run("token", "list"), run("token", "list", "--as", "alice@acme.example")):
        assert "reports" in answer.stdout and secret not in answer.stdout
    assert "reports" not in run("token", "list", "--as", "bob@acme.example").stdout
    assert run("token", "revoke", listed["id"]).exit_code == 0
    assert personal_tokens.holder_of(db, secret) is None
    refused = run("token", "revoke", listed["id"])
    assert refused.exit_code == 1 and "kbsearch token list" in refused.stderr


def test_without_a_name_it_acts_as_the_only_administrator(run: Run, db: SqliteDatabase, cast: Cast):
    made = json.loads(run("token", "add", "--expires", "7", "--json").stdout)
    holder = personal_tokens.holder_of(db, made["token"])
    assert holder is not None and holder.token.may_write
    assert holder.viewer.email == "root@support.example"
    run("user", "edit", "dan@support.example", "--role", "administrator")
    refused = run("token", "add")
    assert refused.exit_code == 1 and "--as" in refused.stderr


def test_what_makes_no_sense_is_refused_in_one_line(run: Run, cast: Cast):
    for arguments in (("--expires", "0"), ("--name", ""), ("--product", "none")):
        refused = run("token", "add", "--as", "alice@acme.example", *arguments)
        assert refused.exit_code == 1
        assert refused.stderr.count("\n") == 1
