"""`kbsearch check` and `kbsearch publish`, as a writer and a script meet them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kbsearch.cli import cli
from kbsearch.config import Settings
from kbsearch.resources import folder
from tests.kit.writers import article, commit, git, repository, write

PAGE = "articles/en/guide/page.md"


@pytest.fixture(autouse=True)
def here(settings: Settings, monkeypatch) -> Path:
    """Stand in the site's folder, in English."""
    monkeypatch.chdir(settings.site)
    monkeypatch.setenv("KBSEARCH_LANG", "en")
    return settings.site


@pytest.fixture
def content(settings: Settings) -> Path:
    content = repository(settings)
    write(content, PAGE, article())
    commit(content)
    return content


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_check_says_nothing_of_good_content(content):
    result = run("check")
    assert (result.exit_code, result.output) == (0, "")


def test_check_reads_the_files_as_they_are_and_fails_on_an_error(content):
    write(content, PAGE, article(body="Go [there](gone.md)."))
    result = run("check")
    assert result.exit_code == 1
    assert result.output.startswith(f"content/{PAGE}:6:12 broken-link The link “gone.md” leads to")


def test_check_speaks_french(content, monkeypatch):
    monkeypatch.setenv("KBSEARCH_LANG", "fr")
    write(content, PAGE, article(body="Go [there](gone.md)."))
    assert "Le lien «\u00a0gone.md\u00a0» ne mène à aucune page publiée." in run("check").output


def test_a_warning_fails_only_when_asked_to(content):
    write(content, PAGE, article(body="https://kb.example/x"))
    assert run("check").exit_code == 0
    assert run("check", "--strict").exit_code == 1


def test_check_prints_for_machines(content):
    write(content, PAGE, article(body="Go [there](gone.md)."))
    (told,) = json.loads(run("check", "--format", "json").output)
    assert (told["path"], told["line"], told["column"]) == (f"content/{PAGE}", 6, 12)
    assert (told["rule"], told["severity"]) == ("broken-link", "error")
    assert run("check", "--json").output == run("check", "--format", "json").output
    line = run("check", "--format", "github").output
    assert line.startswith(f"::error file=content/{PAGE},line=6,col=12,title=broken-link::")


def test_check_takes_a_part_of_the_content_with_its_links(content):
    write(content, "articles/en/guide/one.md", article(body="[the page](page.md) [[gone]]"))
    write(content, "articles/en/other/two.md", article(body="[[gone]]"))
    for part in ("content/articles/en/guide", "content/articles/en/guide/one.md"):
        result = run("check", part)
        assert result.output.count("\n") == 1 and "guide/one.md:6:21" in result.output


def test_check_takes_any_folder_of_markdown(here):
    write(here, "notes/a.md", article())
    write(here, "notes/deep/b.md", "---\ntitle: [\n---\n")
    result = run("check", "notes")
    assert result.exit_code == 1
    assert result.output.startswith("notes/deep/b.md:3:1 front-matter")


def test_fix_writes_what_has_one_answer_and_says_so(content):
    write(content, PAGE, article(body="# A page\n\nGo [there](gone.md)."))
    result = run("check", "--fix")
    assert f"Fixed: content/{PAGE}:6 h1-in-body" in result.output
    assert result.exit_code == 1 and "broken-link" in result.output
    assert "# A page" not in (content / PAGE).read_text()
    assert "Fixed" not in run("check", "--fix").output


def test_one_cause_that_is_met_everywhere_is_one_line(content):
    for number in range(7):
        write(content, f"articles/en/guide/p{number}.md", article(f"P{number}", "[x](gone.md)"))
    lines = run("check").output.splitlines()
    assert len(lines) == 1 and lines[0].endswith("(and 6 others like it)")
    assert len(json.loads(run("check", "--json").output)) == 7


def test_wrong_usage_is_not_a_failed_check(content):
    assert run("check", "gone").exit_code == 2
    assert run("check", "--format", "xml").exit_code == 2


def test_publish_tells_what_is_live(content):
    result = run("publish")
    assert result.exit_code == 0
    assert result.output == f"{git(content, 'rev-parse', 'HEAD')[:16]} is live: 1 articles\n"


def test_publish_tells_why_a_commit_is_refused(content):
    run("publish")
    write(content, PAGE, article(body="[[gone]]"))
    bad = commit(content)
    result = run("publish")
    assert result.exit_code == 1 and result.stdout == ""
    first, last = result.stderr.splitlines()
    assert first.startswith(f"{PAGE}:6:1 broken-link")
    assert last == (
        f"kbsearch: {bad[:16]} is refused for 1 errors; the last good commit stays live"
    )


def test_publish_shows_errors_and_counts_warnings(content):
    urls = "\n\n".join(f"https://kb.example/{number}" for number in range(3))
    write(content, "articles/en/guide/a.md", article(body=urls))
    commit(content)
    result = run("publish")
    assert result.exit_code == 0
    assert "Warnings of bare-url: 3\n" in result.output and "a.md" not in result.output
    write(content, PAGE, article(body="[[gone]]"))
    commit(content)
    first, *counts, _ = run("publish").stderr.splitlines()
    assert first.startswith(f"{PAGE}:6:1 broken-link")
    assert counts[0] == "Warnings of bare-url: 3"


def test_publish_prints_for_machines(content):
    told = json.loads(run("publish", "--json").output)
    assert told["published"] is True and told["articles"] == 1 and told["findings"] == []
    write(content, PAGE, article(body="[[gone]]"))
    bad = commit(content)
    result = run("publish", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1 and told["published"] is False and told["commit"] == bad
    assert [finding["rule"] for finding in told["findings"]] == ["broken-link"]


def test_publish_says_what_it_cannot_do(here, content):
    result = run("publish", "--rev", "gone")
    assert result.exit_code == 1
    assert result.stderr == (
        "kbsearch: There is no revision “gone” in the repository of the content.\n"
    )


def test_whoever_pushes_is_told_by_the_hook(here, content):
    bare = here / "help.git"
    git(content, "clone", "--quiet", "--bare", str(content), str(bare))
    hook = bare / "hooks/post-receive"
    hook.write_text(run("publish", "--print-hook").output, encoding="utf-8")
    hook.chmod(0o755)
    (here / "kbsearch.toml").write_text('content = "help.git"\n', encoding="utf-8")
    git(bare, "config", "kbsearch.config", str(here / "kbsearch.toml"))
    git(bare, "config", "kbsearch.command", str(Path(sys.executable).with_name("kbsearch")))
    git(content, "remote", "add", "origin", str(bare))
    write(content, PAGE, article("Pushed", body="[[gone]]"))
    commit(content)
    environment = {**os.environ, "KBSEARCH_LANG": "fr"}
    command = ["git", "-C", str(content), "push", "origin", "main"]
    pushed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"remote: {PAGE}:6:1 broken-link Le lien «\u00a0gone\u00a0» ne mène" in pushed.stderr
    write(content, PAGE, article("Pushed"))
    good = commit(content)
    pushed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"remote: {good[:16]} is live: 1 articles" in pushed.stderr


def test_the_handbook_passes_its_own_check():
    result = run("check", str(folder("content")))
    assert result.exit_code == 0, result.output
