"""`kbsearch import articles`, as whoever moves in meets it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kbsearch.cli import article_imports, cli
from kbsearch.config import Settings
from tests.kit.writers import article, commit, git, repository, write

GOOD = "<html lang=en><body><main><h1>Begin</h1><p>Open the door.</p></main></body></html>"


@pytest.fixture(autouse=True)
def content(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in the site's folder, in English; it has an article of its own."""
    monkeypatch.chdir(settings.site)
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    content = repository(settings)
    write(content, "articles/en/guide/page.md", article())
    commit(content)
    return content


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small help centre in HTML."""
    write(tmp_path / "old", "guide/begin.html", GOOD)
    return tmp_path / "old"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["import", "articles", *arguments])


def test_what_was_done_is_said_and_nothing_is_live(content: Path, source: Path):
    before = git(content, "rev-parse", "HEAD")
    result = run(str(source))
    assert result.exit_code == 0
    told = "1 articles (0 drafts) on the branch draft/import-html: 2 files created, 0 updated"
    assert told in result.output
    assert git(content, "rev-parse", "HEAD") == before
    assert "begin.md" in git(content, "ls-tree", "-r", "--name-only", "draft/import-html")


def test_programs_get_the_same_and_a_second_run_changes_nothing(source: Path):
    first, second = (json.loads(run(str(source), "--json").output) for _ in range(2))
    assert (first["articles"], first["created"], first["errors"]) == (1, 2, []), "and its folder"
    assert (second["created"], second["updated"], second["unchanged"]) == (0, 0, 1)
    assert first["branch"] == second["branch"]
    assert first["commit"] and not second["commit"]


def test_what_needs_a_person_is_named_and_fails(source: Path):
    long = "word " * 60_000
    write(source, "guide/long.html", GOOD.replace("Begin", "Long").replace("Open the door.", long))
    result = run(str(source), "--from", "html")
    assert result.exit_code == 1
    assert "guide/long.md:" in result.stderr and "1 files need a person" in result.stderr
    assert len(result.stderr.splitlines()) <= article_imports.SHOWN_ERRORS + 1


def test_what_cannot_be_taken_over_is_refused_in_one_line(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    result = run(str(tmp_path / "empty"), "--from", "zendesk")
    assert result.exit_code == 1 and result.stderr.startswith("kbsearch: ")
    assert result.stderr.count("\n") == 1
