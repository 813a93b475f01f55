"""The commands that take a help desk of another system over."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kbsearch.cli import cli
from tests.kit.other_desks import DESKS, Account


def test_the_commands_take_a_source_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    site = tmp_path / "site"
    (site / "content" / "articles").mkdir(parents=True)
    (site / "kbsearch.toml").write_text('mail_from = "Help <help@support.example>"\n')
    command = ["--config", str(site / "kbsearch.toml"), "import"]
    for name, ours in (("zammad", []), ("mbox", ["--ours", "Dan@support.example"])):
        source = DESKS[name](tmp_path / name, Account())
        words = [*command, name, str(source), *ours, "--dry-run", "--json"]
        told = json.loads(CliRunner().invoke(cli, words).stdout)
        assert told["dry_run"] is True and told["tickets"]["created"] >= 1
    done = CliRunner().invoke(cli, [*command, "zammad", str(tmp_path / "zammad")])
    assert done.exit_code == 0 and "Not taken over, macros: Ask for the lot" in done.stdout
