import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import pyotp
import pytest
from click.testing import CliRunner, Result

from kbsearch import config, config_sources, outbox
from kbsearch.cli import cli
from kbsearch.database.migrations import migrate
from kbsearch.database.sqlite import SqliteDatabase
from kbsearch.people.accounts import one_time_links
from kbsearch.version import __version__
from tests.kit.writers import article, commit, git, write

ADMIN = "boss@company.example"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("KBSEARCH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A new site, with nothing but its first administrator."""
    assert run("init", str(tmp_path / "site"), "--admin", ADMIN).exit_code == 0
    return tmp_path / "site"


@pytest.fixture
def site_db(site: Path) -> Iterator[SqliteDatabase]:
    db = SqliteDatabase(site / "var" / "kbsearch.sqlite3")
    yield db
    db.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path): path.read_bytes() for path in files if "var" not in path.parts}


def test_a_new_site_has_settings_content_under_git_and_an_administrator(site: Path):
    settings = config_sources.load(site / "kbsearch.toml", environ={}).settings
    assert settings.default_audience == "customers", "closed by default"
    assert (site / "var").stat().st_mode & 0o777 == 0o700
    assert (site / "index").is_dir()
    assert sorted(path.name for path in (site / "content" / "articles").iterdir()) == ["en", "fr"]
    assert (site / "content" / "synonyms.txt").is_file()
    log = ["git", "-C", str(site / "content"), "log", "--oneline"]
    assert len(subprocess.check_output(log).splitlines()) == 1
    status = ["git", "-C", str(site / "content"), "status", "--porcelain"]
    assert subprocess.check_output(status) == b""


@pytest.mark.parametrize("demo", [("--admin", ADMIN), ("--demo",)])
def test_the_branch_that_was_made_is_the_one_that_is_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demo: tuple[str, ...]
):
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "init.defaultBranch")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "trunk")
    assert run("init", "site", *demo).exit_code == 0
    site = tmp_path / "site"
    assert config_sources.load(site / "kbsearch.toml", environ={}).settings.branch == "main"
    published = run("--config", str(site / "kbsearch.toml"), "publish", "--json")
    git(site / "content", "switch", "--quiet", "-c", "brouillon/x")
    write(site / "content", "articles/en/start/unreviewed.md", article("Not reviewed"))
    commit(site / "content")
    again = run("--config", str(site / "kbsearch.toml"), "publish", "--json")
    assert json.loads(again.stdout)["id"] == json.loads(published.stdout)["id"]


def test_the_first_link_lets_the_administrator_choose_a_password(tmp_path: Path):
    made = run("init", "site", "--admin", ADMIN, "--json")
    (account,) = json.loads(made.stdout)["accounts"]
    db = SqliteDatabase(tmp_path / "site" / "var" / "kbsearch.sqlite3")
    invited = one_time_links.peek(db, "invitation", account["link"].rsplit("/", 1)[1])
    assert (invited.email, invited.role) == (ADMIN, "administrator")
    db.close()


def test_nobody_is_the_first_administrator_in_silence(tmp_path: Path):
    refused = run("init", "site")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == "kbsearch: whose site is it? Say: kbsearch init DIR --admin EMAIL\n"
    assert list(tmp_path.iterdir()) == []


def test_whoever_sits_at_a_terminal_is_asked_whose_site_it_is(tmp_path: Path):
    terminal, theirs = pty.openpty()
    command = [sys.executable, "-m", "kbsearch", "init", "site", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=theirs, stdout=PIPE, stderr=PIPE, text=True
    ) as process:
        os.write(terminal, f"{ADMIN}\n".encode())
        told, asked = process.communicate(timeout=60)
    os.close(terminal)
    os.close(theirs)
    assert asked.startswith("E-mail address of the first administrator: ")
    assert [account["email"] for account in json.loads(told)["accounts"]] == [ADMIN]


def test_the_settings_file_can_be_uncommented_line_by_line(site: Path):
    path = site / "kbsearch.toml"
    text = path.read_text()
    path.write_text(
        "\n".join(
            line.removeprefix("# ") if " = " in line and line.startswith("# ") else line
            for line in text.splitlines()
        )
    )
    settings = config_sources.load(path, environ={}).settings
    assert settings == config.Settings(site=site, branch="main"), "what is shown is the default"


def test_running_it_again_changes_nothing_and_says_so(site: Path):
    before = contents(site)
    again = run("init", str(site), "--demo")
    assert again.exit_code == 0
    assert "nothing was changed" in again.stderr
    assert contents(site) == before


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(tmp_path: Path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.md").write_text("Once")
    result = run("init", "thesis", "--admin", ADMIN)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "kbsearch: thesis is not empty and is not a site: choose another folder"
    ]
    assert os.listdir(tmp_path / "thesis") == ["chapter1.md"]


def test_the_demo_prints_the_accounts_of_everybody(tmp_path: Path):
    result = run("init", "site", "--demo", "--json")
    people = {account["email"]: account for account in json.loads(result.stdout)["accounts"]}
    assert people["alice@acme.example"].keys() == {"email", "password", "role", "organisation"}
    assert people["dan@support.example"].keys() == {"email", "password", "role", "totp_secret"}
    assert len(pyotp.TOTP(people["root@support.example"]["totp_secret"]).now()) == 6
    settings = config_sources.load(tmp_path / "site" / "kbsearch.toml", environ={}).settings
    assert settings.default_audience == "everyone"
    assert settings.support_phone
    assert list((tmp_path / "site" / "content" / "articles" / "fr").rglob("*.md"))


def test_without_git_the_content_is_a_plain_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    result = run("init", "site", "--admin", ADMIN)
    assert result.exit_code == 0
    assert "git is not there" in result.stderr
    assert not (tmp_path / "site" / "content" / ".git").exists()
    assert (
        config_sources.load(tmp_path / "site" / "kbsearch.toml", environ={}).settings.branch
        == "HEAD"
    )


def test_a_git_repository_around_and_its_variables_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    assert run("init", "site", "--admin", ADMIN).exit_code == 0
    assert (tmp_path / "site" / "content" / ".git").is_dir()


def test_settings_are_shown_with_their_source_and_secrets_masked(
    site: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KBSEARCH_METRICS_TOKEN", "s3cret-t0ken")
    for arguments in (["config", "show"], ["config", "show", "--json"]):
        shown = run("--config", str(site / "kbsearch.toml"), *arguments).stdout
        assert "s3cret" not in shown
        assert "KBSEARCH_METRICS_TOKEN" in shown
    settings = json.loads(shown)["settings"]
    assert settings.keys() == config.FIELDS.keys()
    assert settings["metrics_token"] == {"value": "********", "source": "KBSEARCH_METRICS_TOKEN"}
    assert settings["support_phone"]["value"] == "", "no secret is not a masked one"


def test_a_wrong_setting_is_one_line_and_status_one(site: Path):
    (site / "kbsearch.toml").write_text("port = 'x'")
    result = run("--config", str(site / "kbsearch.toml"), "config", "show")
    assert result.exit_code == 1
    assert result.stderr.endswith("port: 'x' is not a whole number\n")
    assert len(result.stderr.splitlines()) == 1


def examine(site: Path) -> tuple[int, dict[str, dict[str, str]]]:
    result = run("--config", str(site / "kbsearch.toml"), "doctor", "--json")
    checks = json.loads(result.stdout)["checks"]
    checks.sort(key=lambda each: each["state"] == "fail")  # of two by one name, the one that fails
    return result.exit_code, {each["name"]: each for each in checks}


def test_a_new_site_is_healthy_but_not_running(site: Path):
    status, checks = examine(site)
    assert status == 0
    states = {name: each["state"] for name, each in checks.items()}
    assert "fail" not in states.values()
    assert states["sqlite"] == states["schema"] == states["git"] == states["database"] == "ok"
    assert states["worker"] == states["publication"] == "warn"
    assert all(each["remedy"] for each in checks.values() if each["state"] != "ok")


def test_the_doctor_speaks_both_languages_in_lines(site: Path, monkeypatch: pytest.MonkeyPatch):
    english = run("--config", str(site / "kbsearch.toml"), "doctor").stdout.splitlines()
    monkeypatch.setenv("KBSEARCH_LANG", "fr")
    french = run("--config", str(site / "kbsearch.toml"), "doctor").stdout.splitlines()
    assert len(english) == len(french) > 8
    assert "! worker: the worker is not running." in "\n".join(english)
    assert "! worker: le worker ne tourne pas." in "\n".join(french)


def test_a_data_folder_open_to_others_fails_with_what_lies_open_in_it(site: Path):
    (site / "var").chmod(0o755)
    status, checks = examine(site)
    assert (status, checks["data"]["state"], checks["modes"]["state"]) == (1, "warn", "fail")
    assert f"chmod 700 {site / 'var'}" in checks["data"]["remedy"]


def test_missing_content_fails(site: Path):
    shutil.rmtree(site / "content")
    status, checks = examine(site)
    assert (status, checks["content"]["state"]) == (1, "fail")


def test_a_database_that_is_none_fails_and_the_rest_is_still_looked_at(site: Path):
    (site / "var" / "kbsearch.sqlite3").write_bytes(b"not a database" * 1000)
    for leftover in (site / "var").glob("*-wal"):
        leftover.unlink()
    status, checks = examine(site)
    assert (status, checks["database"]["state"]) == (1, "fail")
    assert "git" in checks


def test_pending_steps_and_tasks_given_up_are_warnings(site: Path, site_db: SqliteDatabase):
    outbox.add(site_db, "ticket.replied", "m1")
    site_db.execute("UPDATE outbox SET dead_at = due_at")
    _, checks = examine(site)
    assert checks["outbox"]["state"] == "warn"
    site_db.execute("DELETE FROM schema_steps WHERE name = 's034_form_hashes'")
    status, checks = examine(site)
    assert (status, checks["schema"]["state"]) == (0, "warn")
    assert "kbsearch migrate" in checks["schema"]["remedy"]


def test_a_key_of_the_site_that_others_may_read_fails(site: Path):
    key = site / "var" / "secret_key"
    key.write_text("ab" * 32)
    key.chmod(0o640)
    status, checks = examine(site)
    assert (status, checks["secrets"]["state"]) == (1, "fail")
    assert checks["secrets"]["remedy"] == f"chmod 600 {key}"


def test_a_secret_file_others_may_read_fails(site: Path, monkeypatch: pytest.MonkeyPatch):
    secret = site / "token"
    secret.write_text("s3cret")
    secret.chmod(0o600)
    monkeypatch.setenv("KBSEARCH_METRICS_TOKEN_FILE", str(secret))
    assert examine(site)[1]["secrets"]["state"] == "ok"
    secret.chmod(0o644)
    status, checks = examine(site)
    assert (status, checks["secrets"]["state"]) == (1, "fail")
    assert checks["secrets"]["remedy"] == f"chmod 600 {secret}"


def test_migrations_are_listed_without_being_applied(tmp_path: Path):
    (tmp_path / "kbsearch.toml").write_text("")
    listed = json.loads(run("migrate", "--list", "--json").stdout)["pending"]
    assert listed[0] == "s031_schema"
    assert json.loads(run("migrate", "--list", "--json").stdout)["pending"] == listed
    assert run("migrate").stdout.split() == listed
    assert "up to date" in run("migrate").stdout
    db = SqliteDatabase(tmp_path / "var" / "kbsearch.sqlite3")
    assert migrate(db) == []
    db.close()


def test_the_version_says_what_it_stands_on():
    assert json.loads(run("version", "--json").stdout)["kbsearch"] == __version__
    assert run("version").stdout.startswith(f"kbsearch {__version__}  sqlite 3.")


def test_a_branch_checked_out_beside_the_live_one_is_a_warning(site: Path):
    assert examine(site)[1]["branch"]["state"] == "ok"
    git(site / "content", "switch", "--quiet", "-c", "brouillon/x")
    status, checks = examine(site)
    assert (status, checks["branch"]["state"]) == (0, "warn")
    assert "brouillon/x is checked out" in checks["branch"]["told"]
    git(site / "content", "switch", "--quiet", "--detach", "main")
    assert examine(site)[1]["branch"]["state"] == "warn"


def test_whatever_is_checked_out_being_live_is_a_warning(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KBSEARCH_BRANCH", "HEAD")
    status, checks = examine(site)
    assert (status, checks["branch"]["state"]) == (0, "warn")
    bare = tmp_path / "bare.git"
    git(site, "clone", "--quiet", "--bare", str(site / "content"), str(bare))
    monkeypatch.setenv("KBSEARCH_CONTENT", str(bare))
    assert examine(site)[1]["branch"]["state"] == "ok", "nobody checks anything out there"


def test_a_branch_that_does_not_exist_fails_with_those_that_do(
    site: Path, monkeypatch: pytest.MonkeyPatch
):
    git(site / "content", "branch", "next")
    monkeypatch.setenv("KBSEARCH_BRANCH", "mian")
    status, checks = examine(site)
    assert (status, checks["branch"]["state"]) == (1, "fail")
    assert "mian" in checks["branch"]["told"]
    assert {"main", "next"} <= set(re.split("[ ,]+", checks["branch"]["remedy"]))


def test_a_tag_may_be_live_whatever_is_checked_out(site: Path, monkeypatch: pytest.MonkeyPatch):
    git(site / "content", "tag", "v1")
    monkeypatch.setenv("KBSEARCH_BRANCH", "v1")
    assert examine(site)[1]["branch"]["state"] == "ok"


def test_a_team_that_names_nobody_is_a_warning(site: Path):
    toml = site / "kbsearch.toml"
    plain = toml.read_text(encoding="utf-8")
    for agents, state in ((f'["{ADMIN}"]', "ok"), ('["dna@support.example"]', "warn")):
        toml.write_text(
            f'{plain}\n[[teams]]\nname = "Everyone"\nagents = {agents}\n', encoding="utf-8"
        )
        _, checks = examine(site)
        assert checks["teams"]["state"] == state
    assert "dna@support.example" in checks["teams"]["told"]
    shown = run("--config", str(toml), "config", "show", "--json").stdout
    assert json.loads(shown)["settings"]["teams"]["value"] == ["Everyone"]
